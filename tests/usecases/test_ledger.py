"""Importing a ledger: what is refused, what the report says, and that the loop keeps turning."""

import asyncio
import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import and_, or_, select, text

from notifier.domain.errors import Refusal
from notifier.intake.ledger_process import LedgerReader
from notifier.intake.ledger_sheet import write_corrections
from notifier.store import customers, engine, schema
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
    point = schema.usage_point
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
            result = await connection.execute(
                select(point.c.account).where(
                    point.c.gone_at.is_(None),
                    or_(
                        point.c.area_id.in_(areas),
                        and_(point.c.area_id.is_(None), point.c.feeder_id.in_(feeders)),
                    ),
                )
            )

            assert set(result.scalars()) == set(case["out"]), case["id"]


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


PEOPLE = """\
线路,台区编号,台区,小区,户号,户名,联系电话,租户,租户电话,物业,物业电话,openid,推送token
10kV甲线,0001,一台区,花园,1001,甲,13811110001,租客,13811110009,物业,13911110000,,1a0018970a390c192cf
10kV甲线,0001,一台区,花园,1002,乙,1381111,,,物业,13911110000,o6_bmjrPTlm6_2sgVt7hMZOPfL2M,
10kV甲线,0001,一台区,花园,1003,丙,13811110003,,,物业,13911110000,,
10kV甲线,0001,一台区,花园,1004,丁,13811110004,,,,,,
10kV甲线,0001,一台区,花园,1004,丁,13811110005,,,,,,
10kV甲线,0001,一台区,,1005,戊,,,,,,,
"""


async def _links(database: engine.Database) -> set[tuple[object, ...]]:
    async with database.read() as connection:
        points = await connection.execute(
            text(
                "SELECT u.account, l.role, c.phone_hmac, c.place_key FROM usage_point u"
                " JOIN point_contact l ON l.usage_point_id = u.id"
                " JOIN contact c ON c.id = l.contact_id"
            )
        )
        places = await connection.execute(
            text("SELECT subject, subject_id, role, contact_id FROM place_contact")
        )
        return {tuple(row) for row in [*points, *places]}


async def test_a_sheet_that_was_corrected_is_a_difference_of_what_was_corrected(
    database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """Masked cells are as they were, cells typed anew count, and the sheet again is nothing new."""
    path, sheet = tmp_path / "ledger.csv", tmp_path / "corrections.xlsx"
    path.write_text(PEOPLE, encoding="utf-8")
    first = await run(database, vault, path)
    before = await _links(database)
    write_corrections([path], first.findings, sheet)

    as_it_was = await run(database, vault, sheet)
    unchanged = await _links(database)
    book = openpyxl.load_workbook(sheet)
    page = book.active
    assert page is not None
    page["G3"] = "13811110002"
    page["F5"] = "丁一"
    book.save(sheet)
    corrected = await run(database, vault, sheet)
    after = await _links(database)
    again = await run(database, vault, sheet)
    original = await run(database, vault, path)

    shown = str([cell.value for row in page.rows for cell in row])
    assert not any(secret in shown for secret in ("13811110001", "8970a390c192cf", "bmjrPTlm6"))
    assert (as_it_was.counts["changed"], as_it_was.counts["unchanged"]) == (0, 5)
    assert unchanged == before
    assert (corrected.counts["changed"], corrected.counts["unchanged"]) == (2, 3)
    assert len(after) == len(before) + 1
    assert after > before
    assert (again.counts["changed"], await _links(database) >= before) == (0, True)
    assert (original.counts["changed"], original.counts["unchanged"]) == (2, 3)


async def test_a_file_without_contacts_compares_only_what_it_says(
    database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """Nobody is changed by a column that is not there, and the whole ledger again changes nobody."""
    whole, part = tmp_path / "a.csv", tmp_path / "b.csv"
    whole.write_text(PEOPLE, encoding="utf-8")
    lines = [line.split(",") for line in PEOPLE.splitlines()]
    part.write_text("\n".join(",".join(line[:6]) for line in lines), encoding="utf-8")
    await run(database, vault, whole)
    before = await _links(database)

    less = await run(database, vault, part)
    again = await run(database, vault, whole)

    assert (less.counts["changed"], again.counts["changed"]) == (0, 0)
    assert await _links(database) == before
