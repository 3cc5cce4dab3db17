"""How long a plan workbook of 50,000 rows takes to read, and how long the event loop waits for it.

Run ``python bench/plan_import.py [--rows N]``; the answer is one line of JSON. The baseline reads
the same workbook with calamine alone, without understanding a cell.
"""

import argparse
import asyncio
import datetime
import json
import resource
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import python_calamine
import xlsxwriter

from notifier.intake import plans

_ZONE = ZoneInfo("Asia/Shanghai")
_FIRST_DAY = datetime.date(2026, 1, 5)


def main() -> None:
    """Write the workbook, read it both ways, print the figures (seconds, milliseconds, MB)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plans.xlsx"
        _write(path, rows)
        began = time.perf_counter()
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        workbook.get_sheet_by_index(0).to_python()
        baseline = time.perf_counter() - began
        seconds, longest, read = asyncio.run(_read(path))
    windows = sum(len(draft.content.windows) for draft in read.plans)
    assert (len(read.plans), windows) == (rows, rows)
    print(
        json.dumps(
            {
                "bench": "plan_import",
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
        )
    )


async def _read(path: Path) -> tuple[float, float, plans.PlanFile]:
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
    read = await asyncio.to_thread(plans.read_plans, path, zone=_ZONE, published=_FIRST_DAY)
    seconds = time.perf_counter() - began
    is_done = True
    await watcher
    return seconds, longest, read


def _write(path: Path, rows: int) -> None:
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
            sheet.write_row(row, 0, (f"TD-{row}", f"供电所{row % 40}", f"{row % 97}号变电站"))
            sheet.write_string(row, 3, f"10kV城{row}线")
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
