"""Importing a ledger: what is refused, what the report says, and that the loop keeps turning."""

import asyncio
import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.domain.errors import Refusal
from notifier.intake.ledger_process import LedgerReader
from notifier.store import customers, engine
from notifier.store.ledger_load import LedgerLoader
from notifier.usecases import ledger
from notifier.vault import Vault

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
shared = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not beside the checkout")


def write(path: Path, accounts: range) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["线路", "台区编号", "台区", "户号", "户名", "电话"])
        for n in accounts:
            out.writerow(
                ["10kV甲线", f"{n // 50:04}", f"台区{n // 50}", n, f"户{n}", f"139{n:08d}"]
            )
    return path


async def run(
    database: engine.Database, vault: Vault, *paths: Path, **options: bool
) -> ledger.LedgerReport:
    return await ledger.import_ledger(
        LedgerLoader(database, vault), LedgerReader(paths), now=NOW, actor="test", **options
    )


async def test_a_file_cut_short_is_refused_until_somebody_insists(
    sqlite_database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """More than a fifth gone is more likely a broken export."""
    await run(sqlite_database, vault, write(tmp_path / "a.csv", range(100)))
    short = write(tmp_path / "b.csv", range(70))

    with pytest.raises(Refusal) as refusal:
        await run(sqlite_database, vault, short)
    report = await run(sqlite_database, vault, short, allow_gone=True)

    assert refusal.value.code == "ledger.too_many_gone"
    assert (report.counts["gone"], report.counts["unchanged"]) == (30, 70)


async def test_nothing_found_is_refused_and_a_dry_run_says_why(
    sqlite_database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """A letter is no ledger."""
    path = tmp_path / "letter.csv"
    path.write_text("hello", encoding="utf-8")

    report = await run(sqlite_database, vault, path, dry_run=True)
    with pytest.raises(Refusal, match=r"letter\.csv"):
        await run(sqlite_database, vault, path)

    assert [item["code"] for item in report.as_dict()["findings"]] == ["ledger.no_header"]


@shared
async def test_the_door_says_what_the_dirty_ledger_holds(
    sqlite_database: engine.Database, vault: Vault
) -> None:
    """Counts and findings as plain JSON, with sheet, row and column."""
    folder = DATA / "grid/ledger"
    expected = json.loads((folder / "cases.json").read_text("utf-8"))
    report = await run(sqlite_database, vault, folder / "ledger_dirty.xlsx", dry_run=True)
    found = json.loads(json.dumps(report.as_dict()))

    assert found["counts"]["usage_points"] == found["counts"]["added"] == expected["customers"]
    assert (found["counts"]["areas"], found["counts"]["feeders"]) == (81, 9)
    repeated = [item for item in found["findings"] if item["code"] == "account.duplicate"]
    assert len(repeated) == expected["dirty_issues"]["duplicate"]
    assert all(item["row"] and item["sheet"] == "台账" for item in repeated)


@shared
async def test_the_reference_ledger_gives_the_customers_of_every_case(
    sqlite_database: engine.Database, vault: Vault
) -> None:
    """By feeder and by area, account by account, out of the store."""
    folder = DATA / "grid/ledger"
    await run(sqlite_database, vault, folder / "ledger_clean.csv")
    again = await run(sqlite_database, vault, folder / "ledger_clean_gb18030.csv")
    cases = json.loads((folder / "cases.json").read_text("utf-8"))["cases"]

    assert again.counts["unchanged"] == again.counts["usage_points"]
    async with sqlite_database.read() as connection:
        index = await customers.network_index(connection)
        for case in cases:
            if case["kind"] not in ("feeder", "areas", "area_without_customers"):
                continue
            feeders = [
                feeder.id
                for name in case["plan"].get("feeders", ())
                for feeder in index.feeders_named(name)
            ]
            areas = [
                area.id
                for name in case["plan"].get("areas", ())
                for area in index.areas_named(name)
            ] + [area.id for feeder in feeders for area in index.areas_of_feeder.get(feeder, ())]
            points = await customers.points_of_areas(connection, areas)
            points += await customers.loose_points_of_feeders(connection, feeders)

            assert {point.account for point in points} == set(case["out"]), case["id"]


async def test_a_large_file_is_read_beside_the_loop(
    sqlite_database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """Another process parses; the event loop is never held up for long."""
    path = write(tmp_path / "large.csv", range(60_000))
    longest = 0.0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not done.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - began - 0.005)

    watching = asyncio.create_task(watch())
    began_at = time.perf_counter()
    report = await run(sqlite_database, vault, path)
    took = time.perf_counter() - began_at
    done.set()
    await watching

    assert report.counts["added"] == 60_000
    # Parsed on the loop, it would be held up for most of the time; a busy machine slows both alike.
    assert longest < took / 4
