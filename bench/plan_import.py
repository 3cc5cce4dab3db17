"""How long a plan workbook of 50,000 rows takes to read, and 5,000 plans to be taken in.

    python -m bench.plan_import [--rows 50000] [--take 5000] [--points 20000] [--database URL|postgresql]

Prints JSON. ``read``: the baseline reads the same workbook with calamine alone, without understanding a
cell. ``taken_in``: every plan names a feeder of 200 usage points of the ledger; the naive baseline
submits plan by plan, on a part of them, and is extrapolated. Waits are those of the event loop.
"""

import argparse
import asyncio
import datetime
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import python_calamine
import uvloop
import xlsxwriter

from bench import city, stores
from notifier.intake import plans
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.usecases import ingest, submitting
from notifier.vault import Vault

_ZONE = ZoneInfo("Asia/Shanghai")
_FIRST_DAY = datetime.date(2026, 1, 5)
_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_AN_AREA, _AREAS_A_FEEDER = 100, 2
_NAIVE_PLANS = 200


def main() -> None:
    """Write the workbooks, do both, print the figures (seconds, milliseconds, MB)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="to read; 0: none")
    parser.add_argument("--take", type=int, default=5_000, help="to take in; 0: none")
    parser.add_argument("--points", type=int, default=20_000, help="usage points of the ledger")
    parser.add_argument("--database", default="", help="a URL, or postgresql: a throwaway server")
    options = parser.parse_args()
    figures: dict[str, Any] = {"bench": "plan_import"}
    if options.rows:
        figures["read"] = _measure_reading(options.rows)
    if options.take:
        with stores.of(options.database) as url:
            figures["taken_in"] = uvloop.run(_take_in(url, options.take, options.points))
    print(json.dumps(figures, indent=1))


def _measure_reading(rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plans.xlsx"
        _write(path, rows, "{}号变电站", "10kV城", rows)
        began = time.perf_counter()
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        workbook.get_sheet_by_index(0).to_python()
        baseline = time.perf_counter() - began
        read, seconds, longest = asyncio.run(_watched(lambda: _read(path)))
    windows = sum(len(draft.content.windows) for draft in read.plans)
    assert (len(read.plans), windows) == (rows, rows)
    return {
        "rows": rows,
        "plans": len(read.plans),
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
        "longest_wait_of_event_loop_ms": round(longest * 1000, 1),
        "baseline_cells_only_seconds": round(baseline, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "limit_seconds": 5.0,
        "limit_wait_ms": 50.0,
    }


async def _take_in(url: str, number: int, points: int) -> dict[str, Any]:
    """Processor time is this process's: all of it on SQLite, the client's share on PostgreSQL."""
    await migrate.upgrade(url)
    database = await Database.open(url)
    locks = stores.watch_locks(database)
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault.load_or_create(Path(folder) / "keys.json")
        await city.build(database, vault, points, an_area=_AN_AREA, areas_a_feeder=_AREAS_A_FEEDER)
        path = Path(folder) / "plans.xlsx"
        _write(path, number + _NAIVE_PLANS, "变", "馈", points // (_AN_AREA * _AREAS_A_FEEDER))
        drafts = (await _read(path)).plans
    store = Ledger(database)

    async def one_by_one() -> None:
        for draft in drafts[number:]:
            incoming = submitting.Incoming(content=draft.content, source=ingest.source_of(draft))
            await submitting.submit(store, incoming, now=_NOW, actor="bench")

    began = time.process_time()
    await one_by_one()
    baseline = time.process_time() - began
    locks.clear()
    began = time.process_time()
    report, seconds, longest = await _watched(
        lambda: ingest.ingest_plans(
            store, drafts[:number], "plans.xlsx", "digest", now=_NOW, actor="bench"
        )
    )
    used = time.process_time() - began
    assert report.counts == {"new": number}
    await database.close()
    return {
        "database": database.dialect,
        "plans": number,
        "usage_points": points,
        "usage_points_a_plan": _AN_AREA * _AREAS_A_FEEDER,
        "seconds": round(seconds, 2),
        "processor_ms_a_plan": round(used * 1000 / number, 2),
        "baseline_plan_by_plan_processor_ms_a_plan": round(baseline * 1000 / _NAIVE_PLANS, 2),
        "longest_wait_of_event_loop_ms": round(longest * 1000, 1),
        "write_lock_max_ms": round(max(locks) * 1000, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "limit_processor_ms_a_plan": 3.0,
        "limit_wait_ms": 50.0,
        "limit_write_lock_ms": 200.0,
    }


async def _read(path: Path) -> plans.PlanFile:
    return await asyncio.to_thread(plans.read_plans, path, zone=_ZONE, published=_FIRST_DAY)


async def _watched(work: Callable[[], Awaitable[Any]]) -> tuple[Any, float, float]:
    """What the work answers, its seconds, and the longest time for which the event loop did not turn."""
    longest = 0.0
    is_done = False

    async def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while not is_done:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest = max(longest, now - before - 0.001)
            before = now

    watcher = asyncio.create_task(watch())
    began = time.perf_counter()
    found = await work()
    seconds = time.perf_counter() - began
    is_done = True
    await watcher
    return found, seconds, longest


def _write(path: Path, rows: int, station: str, feeder: str, feeders: int) -> None:
    """A plan a row, each on one of so many feeders, and ten months of days."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet("停电计划")
        moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        labels = (
            "停电编号",
            "申请单位",
            "变电站",
            "停电线路",
            "停电开始时间",
            "送电时间",
            "停电类型",
        )
        sheet.write_row(0, 0, (*labels, "停电范围", "工作内容", "备注"))
        for row in range(1, rows + 1):
            day = _FIRST_DAY + datetime.timedelta(days=row % 300)
            starts_at = datetime.datetime.combine(day, datetime.time(row % 12, 0))
            sheet.write_row(row, 0, (f"TD-{row}", f"供电所{row % 40}", station.format(row % 97)))
            sheet.write_string(row, 3, f"{feeder}{row % feeders + 1}线")
            if row % 3:
                sheet.write_datetime(row, 4, starts_at, moment)
                sheet.write_datetime(row, 5, starts_at + datetime.timedelta(hours=8), moment)
            else:
                sheet.write_string(row, 4, f"{day}  {row % 12}:00-{row % 12 + 8}:30")
            sheet.write_row(
                row, 6, ("计划停电", f"城区{row}街道及周边小区{row}号楼", "更换开关、消缺", "")
            )


if __name__ == "__main__":
    main()
