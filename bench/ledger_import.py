"""Imports a ledger of a million usage points into SQLite: validated, sealed, indexed.

    python bench/ledger_import.py [--rows 1000000] [--url postgresql://…]

Prints JSON: seconds, processor seconds, rows a second, peak memory of both processes, the longest
time for which the event loop did not turn, a re-import that changes nothing, a workbook of 50,000
rows, and a naive import (one row, one statement, phonenumbers for every phone) of 20,000 rows.
The naive one does less: one table, no contacts of their own, no findings, no difference.
"""

import argparse
import asyncio
import csv
import json
import random
import resource
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import phonenumbers
import xlsxwriter

from notifier.intake.ledger_process import LedgerReader
from notifier.store import engine, migrate
from notifier.store.ledger_load import LedgerLoader
from notifier.usecases import ledger
from notifier.vault import Vault

NOW = datetime(2026, 3, 1, tzinfo=UTC)
VAULT = Vault({"k1": bytes(range(32))}, "k1", bytes(range(32)))
HEADER = [
    "变电站", "线路名称", "台区编号", "台区名称", "户号", "户名", "地址", "用电类别", "重要用户", "联系电话",
]  # fmt: skip


def rows_of(number: int) -> Any:
    """Customers in the order of a real export: by station, feeder, area."""
    dice = random.Random(1)
    for i in range(number):
        area, feeder = i // 100, i // 5000
        phone = f"1{dice.choice('3589')}{dice.randrange(10**9):09d}" if dice.random() > 0.03 else ""
        yield [
            f"110kV{feeder // 10}站", f"10kV线{feeder:04d}线", f"{area:010d}", f"{area}号台区",
            f"{3300000000 + i * 7}", f"用户{i}", f"某市某区某街道{area}号{i % 100}室", "居民",
            "二级" if i % 5000 == 0 else "", phone,
        ]  # fmt: skip


def write_csv(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        out.writerows(rows_of(number))


def write_xlsx(path: Path, number: int) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as workbook:
        page = workbook.add_worksheet("台账")
        page.write_row(0, 0, HEADER)
        for line, row in enumerate(rows_of(number), start=1):
            page.write_row(line, 0, row)


async def measure(database: engine.Database, path: Path) -> dict[str, Any]:
    """One import, with the longest pause of the event loop."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - began - 0.01)

    watching = asyncio.create_task(watch())
    began, used = time.perf_counter(), _cpu_seconds()
    report = await ledger.import_ledger(
        LedgerLoader(database, VAULT), LedgerReader([path]), now=NOW, actor="bench"
    )
    seconds = time.perf_counter() - began
    watching.cancel()
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(_cpu_seconds() - used, 2),
        "rows_per_second": round(report.counts["usage_points"] / seconds),
        "longest_loop_pause_ms": round(longest * 1000, 1),
        **{name: report.counts[name] for name in ("added", "changed", "unchanged", "contacts")},
    }


def _cpu_seconds() -> float:
    """Of this process and of the reading one; what a busy machine does not change."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def naive(path: Path, folder: Path, number: int) -> dict[str, Any]:
    """What one writes first: a look-up and an insert a row, every phone through the library."""
    database = sqlite3.connect(folder / "naive.db")
    database.execute("CREATE TABLE point (id INTEGER PRIMARY KEY, account TEXT UNIQUE, name TEXT,"
                     " address TEXT, area TEXT, phone BLOB, hmac BLOB)")  # fmt: skip
    database.execute("CREATE INDEX by_hmac ON point (hmac)")
    database.execute("CREATE INDEX by_area ON point (area)")
    began = time.perf_counter()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for count, row in enumerate(csv.DictReader(file), start=1):
            phone, hmac = None, None
            if row["联系电话"]:
                number_of = phonenumbers.parse(row["联系电话"], "CN")
                if phonenumbers.is_valid_number(number_of):
                    text = phonenumbers.format_number(
                        number_of, phonenumbers.PhoneNumberFormat.E164
                    )
                    phone, hmac = VAULT.seal(text), VAULT.fingerprint(text)
            known = database.execute("SELECT id FROM point WHERE account = ?", (row["户号"],))
            if known.fetchone() is None:
                database.execute(
                    "INSERT INTO point (account, name, address, area, phone, hmac)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (row["户号"], row["户名"], row["地址"], row["台区编号"], phone, hmac),
                )
            if count >= number:
                break
    database.commit()
    seconds = time.perf_counter() - began
    database.close()
    return {"rows": count, "seconds": round(seconds, 2), "rows_per_second": round(count / seconds)}


async def run(rows: int, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as name:
        folder = Path(name)
        large, book = folder / "ledger.csv", folder / "ledger.xlsx"
        await asyncio.to_thread(write_csv, large, rows)
        await asyncio.to_thread(write_xlsx, book, 50_000)
        target = url or f"sqlite:///{folder / 'bench.db'}"
        await asyncio.to_thread(migrate.upgrade_now, target)
        database = await engine.Database.open(target)
        try:
            first = await measure(database, large)
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            again = await measure(database, large)
        finally:
            await database.close()
        other = f"sqlite:///{folder / 'book.db'}"
        await asyncio.to_thread(migrate.upgrade_now, other)
        database = await engine.Database.open(other)
        try:
            workbook = await measure(database, book)
        finally:
            await database.close()
        slow = await asyncio.to_thread(naive, large, folder, min(rows, 20_000))
    slow["extrapolated_seconds"] = round(rows / slow["rows_per_second"], 1)
    return {
        "rows": rows,
        "database": database.dialect if not url else url.split(":")[0],
        "import": first,
        "peak_rss_mb": {"service": own // 1024, "reader": child // 1024},
        "reimport_unchanged": again,
        "workbook_50000": workbook,
        "naive": slow,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="an empty database instead of SQLite")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(run(arguments.rows, arguments.url)), indent=2))


if __name__ == "__main__":
    main()
