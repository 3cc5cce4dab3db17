"""The answer at submission: how long it takes to learn what else takes a plan's areas out.

    python -m bench.online_check [--areas 100000] [--plans 10000] [--asked 1000]

A city is written into a SQLite file, the service runs on it in a process of its own, and its API is
asked plan by plan, one after the other and then by four at once, while plans are being changed. What
moving another work too would save is asked for as well. Every tenth plan hits a part of an area;
besides there is a history by area, by feeder and by account.
Prints JSON; milliseconds as the client sees them. ``sql`` is the naive baseline beside it: the shared
areas alone by a self-join, without counts, customers or better days.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.store import migrate, tokens
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import Database, insert_rows
from notifier.store.tokens import Role

#: 2026-03-05 noon in Shanghai, in milliseconds.
_NOW = 1_772_683_200_000
_HOUR, _DAY = 3_600_000, 86_400_000
_AREAS_A_FEEDER = 40
_POINTS_AN_AREA = 3


async def main(areas: int, plans: int, asked: int) -> dict[str, Any]:
    """Builds, asks, measures."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        await migrate.upgrade(url)
        database = await Database.open(url)
        try:
            touched = await _build(database, areas, plans)
            async with database.write() as connection:
                secret = await tokens.create(
                    connection, "bench", Role.OPERATIONS, from_millis(_NOW)
                )
            numbers = random.Random(2).sample(range(plans), min(asked, plans))
            sql = await _times(numbers[: asked // 10], lambda n: _by_sql(database, n))
        finally:
            await database.close()
        service = _service(Path(folder), url)
        with service as address:
            headers = {"Authorization": f"Bearer {secret}"}
            async with aiohttp.ClientSession(address, headers=headers) as session:
                began = time.perf_counter()
                await _ask(session, numbers[0])
                first = time.perf_counter() - began
                spent = service.processor()
                alone = await _times(numbers, lambda n: _ask(session, n))
                spent = service.processor() - spent
                too = await _times(numbers[: asked // 5], lambda n: _ask(session, n, "/moving-too"))
                four = await _together(session, numbers, 4)
                changed = await _after_changes(session, numbers[:200])
    return {
        "bench": "online_check",
        "areas": areas,
        "active_plans": plans,
        "areas_out": touched,
        "asked": len(numbers),
        "first_question_s": round(first, 2),
        "http_ms": _spread(alone),
        "processor_ms_a_question": round(1000 * spent / len(numbers), 2),
        "load_average": os.getloadavg()[0],
        "http_moving_too_ms": _spread(too),
        "http_four_at_once_ms": _spread(four),
        "http_after_a_change_ms": _spread(changed),
        "sql_baseline_ms": _spread(sql),
        "limit_p99_ms": 50.0,
    }


async def _times(numbers: list[int], ask: Callable[[int], Awaitable[object]]) -> list[float]:
    found = []
    for number in numbers:
        began = time.perf_counter()
        await ask(number)
        found.append(time.perf_counter() - began)
    return found


async def _together(
    session: aiohttp.ClientSession, numbers: list[int], clients: int
) -> list[float]:
    lanes = [numbers[lane::clients] for lane in range(clients)]
    found = await asyncio.gather(*(_times(lane, lambda n: _ask(session, n)) for lane in lanes))
    return [seconds for lane in found for seconds in lane]


async def _ask(session: aiohttp.ClientSession, number: int, more: str = "") -> Any:
    async with session.get(f"/api/v1/plans/P{number}/coordination{more}") as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def _after_changes(session: aiohttp.ClientSession, numbers: list[int]) -> list[float]:
    """The question right after somebody decided something: only that is read again."""
    found = []
    for number in numbers:
        path = f"/api/v1/plans/P{number}/cancel"
        async with session.post(path, json={"note": "bench"}) as answer:
            assert answer.status == 200, await answer.text()
        began = time.perf_counter()
        await _ask(session, (number * 7 + 1) % 1000)
        found.append(time.perf_counter() - began)
    return found


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    places = {name: ordered[int(part * (len(ordered) - 1))] for name, part in at.items()}
    return {name: round(value * 1000, 2) for name, value in places.items()} | {
        "max": round(ordered[-1] * 1000, 2)
    }


async def _by_sql(database: Database, number: int) -> None:
    async with database.read() as connection:
        await connection.execute(
            text(
                "SELECT q.number, count(*) FROM plan p"
                " JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision"
                " JOIN impact_area a ON a.points_id = r.points_id"
                " JOIN impact_area b ON b.area_id = a.area_id AND b.points_id <> a.points_id"
                " JOIN plan_revision s ON s.points_id = b.points_id"
                " JOIN plan q ON q.id = s.plan_id AND q.revision = s.number"
                " WHERE p.number = :number AND q.starts_at < p.ends_at + :reach"
                " AND q.ends_at > p.starts_at - :reach GROUP BY q.number"
            ),
            {"number": f"P{number}", "reach": 60 * _DAY},
        )


class _service:  # noqa: N801 - reads as a function
    """The service on the database, in a process of its own; its address."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url

    def __enter__(self) -> str:
        start = "2026-03-05T12:00:00+08:00"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "notifier", "serve", "--no-worker", "--port", "0",
             "--database", self._url],
            stdout=subprocess.PIPE, text=True,
            env=os.environ | {"NOTIFIER_CLOCK__START": start, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "http://" in line:
                return "http://" + line.split("http://", 1)[1].split()[0].rstrip("/")
        raise RuntimeError("the service did not start")

    def processor(self) -> float:
        """Seconds of processor that the service has used; the load of the machine does not show in it."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


async def _build(database: Database, areas: int, plans: int) -> int:
    """The city and its plans: half take a part of a feeder out, most others a feeder, some several;
    three in ten fall on an eighth of the feeders."""
    chance = random.Random(1)
    feeders = areas // _AREAS_A_FEEDER
    hot = [chance.randrange(feeders) for _ in range(feeders // 8)]
    points = areas * _POINTS_AN_AREA
    async with database.write() as connection:
        await insert_rows(
            connection, "feeder", ("id", "name", "key"),
            [(n, f"馈{n}线", f"馈{n}") for n in range(1, feeders + 1)],
        )  # fmt: skip
        await insert_rows(
            connection, "area", ("id", "code", "name", "key", "feeder_id"),
            [(n, str(n), f"区{n}", f"区{n}", (n - 1) // _AREAS_A_FEEDER + 1)
             for n in range(1, areas + 1)],
        )  # fmt: skip
        await insert_rows(
            connection, "usage_point", ("id", "account", "area_id", "criticality", "row_hash"),
            [(n, str(n), (n - 1) // _POINTS_AN_AREA + 1, chance.randrange(7) * (n % 50 == 0), b"")
             for n in range(1, points + 1)],
        )  # fmt: skip
        await connection.execute(
            text(
                "INSERT INTO ledger_import (imported_at, imported_by, files, counts, findings)"
                " VALUES (0, 'bench', '[]', '{}', '[]')"
            )
        )
    rows: list[tuple[int, list[int], list[list[str]], int, int]] = []
    for number in range(1, plans + 1):
        feeder = chance.choice(hot) if chance.random() < 0.3 else chance.randrange(feeders)
        first, kind = feeder * _AREAS_A_FEEDER + 1, chance.random()
        count = _AREAS_A_FEEDER * (1 if kind < 0.95 else chance.randint(2, 10))
        if kind < 0.5:
            first, count = first + chance.randrange(30), chance.randint(1, 12)
        start = _NOW + chance.randint(-60, 60) * _DAY + chance.randint(0, 8) * _HOUR
        length = chance.randint(4, 20) * _HOUR // 2
        days = chance.choice((1, 1, 1, 2, 3))
        windows = [
            [from_millis(start + day * _DAY).isoformat(),
             from_millis(start + day * _DAY + length).isoformat()]
            for day in range(days)
        ]  # fmt: skip
        taken = list(range(first, min(areas, first + count - 1) + 1))
        rows.append((number, taken, windows, start, start + (days - 1) * _DAY + length))
    async with database.write() as connection:
        await insert_rows(
            connection, "plan",
            ("id", "number", "kind", "department", "state", "revision", "settled_revision",
             "counted_revision", "counted_state", "starts_at", "ends_at", "created_at",
             "submitted_by"),
            [(n, f"P{n - 1}", "planned", "检修", "submitted", 1, 0, 1, "submitted", start, end, 0, "bench")
             for n, _, _, start, end in rows],
        )  # fmt: skip
        await insert_rows(
            connection, "plan_revision",
            ("id", "plan_id", "number", "change", "content", "digest", "source", "findings",
             "points_id", "counts", "difference", "created_at", "created_by"),
            [(n, n, 1, "submitted", _content(n - 1, windows), str(n), "{}", "[]", n,
              '{"groups": {}, "points": {}}', "{}", 0, "bench") for n, _, windows, _, _ in rows],
        )  # fmt: skip
        await insert_rows(
            connection, "impact_group",
            ("revision_id", "number", "class", "windows", "facts_key"),
            [(n, 1, "out", json.dumps(windows), "") for n, _, windows, _, _ in rows],
        )  # fmt: skip
        await insert_rows(
            connection, "impact_area", ("points_id", "area_id", "group_number"),
            [(n, area, 1) for n, taken, _, _, _ in rows for area in taken],
        )  # fmt: skip
        await _count(connection, rows, areas, chance)
    return sum(len(taken) for _, taken, _, _, _ in rows)


async def _count(
    connection: AsyncConnection,
    rows: list[tuple[int, list[int], list[list[str]], int, int]],
    areas: int,
    chance: random.Random,
) -> None:
    """The interruptions of the plans, as the service counts them, and as many of the past: four in ten
    of an area, four of a feeder, two of one customer."""
    columns = ("plan_id", "revision", "file_digest", "file_sheet", "file_row", "kind", "quality",
               "is_firm", "starts_at", "ends_at", "feeder_id", "area_id", "usage_point_id",
               "customers", "is_whole", "points_id", "group_number", "event_key")  # fmt: skip
    found: list[tuple[Any, ...]] = []
    for number, taken, windows, _, _ in rows:
        part = taken[0] if number % 10 == 0 else 0
        for window in windows:
            ends = [to_millis(datetime.fromisoformat(at)) for at in window]
            found += [
                (number, 1, None, None, None, 0, 1, False, *ends, (area - 1) // _AREAS_A_FEEDER + 1,
                 area, None, _POINTS_AN_AREA, area != part, number, 1, None)
                for area in taken
            ]  # fmt: skip
    for number in range(1, len(rows) + 1):
        area, kind = chance.randint(1, areas), chance.random()
        feeder = (area - 1) // _AREAS_A_FEEDER
        start = _NOW - chance.randint(1, 100) * _DAY - chance.randint(1, 20) * _HOUR
        places, point = [area], None
        if 0.4 <= kind < 0.8:
            places = list(range(feeder * _AREAS_A_FEEDER + 1, (feeder + 1) * _AREAS_A_FEEDER + 1))
        elif kind >= 0.8:
            point = area * _POINTS_AN_AREA
        found += [
            (None, None, "bench", "", number, 0, 0, True, start, start + 2 * _HOUR, feeder + 1, place,
             point, _POINTS_AN_AREA if point is None else 1, point is None, None, None,
             f"{number}/{place}")
            for place in places
        ]  # fmt: skip
    await insert_rows(connection, "interruption", columns, found)
    await connection.execute(
        text(
            "INSERT INTO impact_point SELECT DISTINCT i.points_id, u.id, 1 FROM interruption i"
            " JOIN usage_point u ON u.area_id = i.area_id WHERE i.points_id IS NOT NULL"
            " AND (i.is_whole OR u.id % 3 = 0)"
        )
    )
    await connection.execute(text("ANALYZE"))


def _content(number: int, windows: list[list[str]]) -> str:
    return json.dumps(
        {
            "number": f"P{number}",
            "kind": "planned",
            "department": "检修",
            "equipment": [],
            "windows": [{"starts_at": start, "ends_at": end} for start, end in windows],
            "transfers": [],
            "scope": "",
            "works": "",
            "priority": 0,
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--areas", type=int, default=100_000)
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=1_000)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(main(options.areas, options.plans, options.asked)), indent=2))
