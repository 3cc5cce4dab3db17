"""Count interruptions in a city: a month's report, a year by month, the repeat list.

    python -m bench.counting [--points 1000000] [--interruptions 200000] [--database URL|postgresql]

Prints JSON. Interruptions lie on whole areas over two years; every twentieth is a part of one, counted
customer by customer. The naive baseline is the same month walked row by row in Python.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import text

from bench import city, stores
from notifier.domain.history import Entry
from notifier.domain.reliability import Counting, Interruption, InterruptionKind, Quality
from notifier.domain.reliability_report import By
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.store.reliability import Reliability
from notifier.usecases import reliability
from notifier.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 730
RULES = Counting()
_A_STEP = 10_000
#: Every so many interruptions only a part of an area is hit.
_PART = 20


async def main(points: int, interruptions: int, url: str) -> dict[str, Any]:
    await migrate.upgrade(url)
    database = await Database.open(url)
    store = Ledger(database)
    areas = points // city.POINTS_AN_AREA
    figures: dict[str, Any] = {
        "database": database.dialect, "points": points, "interruptions": interruptions,
        "areas": areas,
    }  # fmt: skip
    await city.build(database, Vault.load_or_create(Path(tempfile.mkdtemp()) / "keys"), points)
    began = time.perf_counter()
    rows = await _fill(store, areas, interruptions)
    figures["keep_s"] = _since(began)
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
    async with store.read() as tx:
        await tx.network()  # kept from the first plan on

    async def report(since: datetime, by: By) -> Any:
        async with store.read() as tx:
            return await reliability.report(
                tx, Reliability(tx.connection), since, NOW, by=by, rules=RULES, zone=ZONE, now=NOW
            )

    month, year = NOW - timedelta(days=30), NOW - timedelta(days=365)
    figures["month_by_feeder_ms"] = await _median(lambda: report(month, By.FEEDER))
    figures["month_by_area_ms"] = await _median(lambda: report(month, By.AREA))
    figures["year_by_month_ms"] = await _median(lambda: report(year, By.MONTH), times=1)

    async def repeats() -> Any:
        async with store.read() as tx:
            return await reliability.repeats(tx, Reliability(tx.connection), NOW, RULES)

    figures["repeat_list_ms"] = await _median(repeats)
    began = time.perf_counter()
    walked = _walk(rows, month)
    figures["month_row_by_row_ms"] = round(1000 * _since(began), 1)
    found = (await report(month, By.BUREAU)).total
    figures["walked_alike"] = walked == (found.interruptions, found.duration)
    figures["saifi"], figures["saidi_min"] = round(found.saifi, 4), round(found.saidi, 2)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    await database.close()
    return figures


async def _fill(store: Ledger, areas: int, number: int) -> list[Interruption]:
    """Interruptions of the past two years; a part of an area hits every fifth of its customers."""
    chance = random.Random(1)
    async with store.database.write() as connection:
        await connection.execute(
            text("INSERT INTO impact_point SELECT 1, id, 1 FROM usage_point WHERE id % 5 = 0")
        )
    rows = []
    for place in range(number):
        area = chance.randint(1, areas)
        starts_at = NOW - timedelta(seconds=chance.randint(86_400, DAYS * 86_400))
        is_part = place % _PART == 0
        rows.append(
            Interruption(
                kind=InterruptionKind.SHORT if place % 7 == 0 else InterruptionKind.OUT,
                quality=Quality.MEASURED,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=chance.randint(1, 480)),
                customers=city.POINTS_AN_AREA // 5 if is_part else city.POINTS_AN_AREA,
                feeder_id=(area - 1) // city.AREAS_A_FEEDER + 1,
                area_id=area,
                is_whole=not is_part,
                points_id=1 if is_part else None,
                group_number=1 if is_part else None,
            )
        )
    entries = [Entry(str(place), "", place, row) for place, row in enumerate(rows)]
    for start in range(0, number, _A_STEP):
        async with store.write() as tx:
            await tx.interruptions.keep("bench", entries[start : start + _A_STEP])
    return rows


def _walk(rows: list[Interruption], since: datetime) -> tuple[int, timedelta]:
    """The month's customer-interruptions and customer-time, as one would first count them."""
    lines: dict[tuple[bool, int], list[list[Any]]] = {}
    for place, row in enumerate(sorted(rows, key=lambda row: row.starts_at)):
        if row.kind is InterruptionKind.SHORT or row.ends_at is None or row.area_id is None:
            continue
        key = (row.is_whole, row.area_id if row.is_whole else place)
        joined = lines.setdefault(key, [])
        if joined and row.starts_at <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], row.ends_at)
        else:
            joined.append([row.starts_at, row.ends_at, row.customers])
    number, lasted = 0, timedelta()
    for joined in lines.values():
        for start, end, customers in joined:
            if since <= start < NOW and end - start > RULES.momentary:
                number += customers
                lasted += customers * (end - start)
    return number, lasted


async def _median(ask: Callable[[], Awaitable[Any]], times: int = 3) -> dict[str, float]:
    """Wall clock, and processor time of this process: SQLite works in it, and it stays true on a busy
    machine."""
    await ask()
    walls, busy = [], []
    for _ in range(times):
        began, before = time.perf_counter(), time.process_time()
        await ask()
        walls.append(time.perf_counter() - began)
        busy.append(time.process_time() - before)
        await asyncio.sleep(0)
    return {
        "wall": round(1000 * statistics.median(walls), 1),
        "cpu": round(1000 * statistics.median(busy), 1),
    }


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--interruptions", type=int, default=200_000)
    parser.add_argument("--database", default="", help="a URL, or postgresql: a throwaway server")
    options = parser.parse_args()
    with stores.of(options.database) as target:
        result = uvloop.run(main(options.points, options.interruptions, target))
    print(json.dumps(result, indent=2))
