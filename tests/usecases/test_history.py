"""A file of past interruptions becomes part of the count: once, whole or an accepted part, corrected
by what comes later."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from notifier.domain.history import Reported
from notifier.domain.reliability import Counting, InterruptionKind
from notifier.domain.reliability_report import By
from notifier.store.engine import Database
from notifier.store.reliability import Reliability
from notifier.usecases import counting, history, reliability
from notifier.usecases.history import HistoryReport
from notifier.vault import Vault
from tests.usecases import town
from tests.usecases.town import START, Town, local, plan, window

RULES = Counting()


@pytest.fixture
async def here(database: Database, vault: Vault) -> Town:
    """The town, on both databases."""
    return await town.build(database, vault)


def row(number: int, day: int, **what: Any) -> Reported:
    """So many days before the first of March, for two hours."""
    starts_at = (START - timedelta(days=day)).astimezone(UTC)
    plain = {
        "file": "h.csv", "sheet": "", "row": number, "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=2), "kind": InterruptionKind.OUT, "cause": "雷击",
    }  # fmt: skip
    return Reported(**(plain | what))


async def take(here: Town, *rows: Reported, digest: str = "d1", **more: Any) -> HistoryReport:
    return await history.import_history(
        here.store, "h.csv", digest, rows, (), now=here.clock.now(), actor="wang", **more
    )


async def test_history_is_counted_with_what_plans_did(here: Town) -> None:
    """Three outages of one area, two of them from a file: it is on the repeat list, each traceable."""
    report = await take(
        here,
        row(2, 20, area="四里台区"),
        row(3, 10, area="四里台区"),
        row(4, 5, area="四里台区", kind=InterruptionKind.SHORT),
        row(5, 5, feeder="10kV西一线", customers=7),
    )
    await here.submit(plan(feeders=(), areas=["四里台区"], windows=(window(2, 8, 18),)))
    await here.approve("P1")
    here.clock.set(local(5, 0))
    await counting.catch_up(here.store)

    async with here.store.read() as tx:
        found = await reliability.repeats(tx, Reliability(tx.connection), here.clock.now(), RULES)
        rows = await Reliability(tx.connection).traced(
            reliability.look_back(local(1, 0) - timedelta(days=60), local(5, 0), RULES, local(5, 0)),
            By.FEEDER, 2,
        )  # fmt: skip

    assert (report.rows, report.counts) == (4, {"added": 4, "changed": 0, "known": 0})
    assert [(p.area, p.outs, p.shorts, p.sensitive, p.critical) for p in found.places] == [
        ("四里台区", 3, 1, 1, 1)
    ]
    assert [(r.file, r.row, r.plan, r.customers) for r in rows] == [
        ("h.csv", 2, "", 2), ("h.csv", 3, "", 2), ("h.csv", 4, "", 2), ("h.csv", 5, "", 7),
        ("", None, "P1", 2),
    ]  # fmt: skip


async def test_the_same_file_is_taken_once(here: Town) -> None:
    """Sent twice it is recognised; taken again it adds nothing."""
    rows = (row(2, 20, area="四里台区"), row(3, 10, account="A001"))
    await take(here, *rows)

    twice = await take(here, *rows)
    again = await take(here, *rows, again=True)

    assert twice.before is not None
    assert [f.code for f in twice.findings] == ["file.seen_before"]
    assert again.counts == {"added": 0, "changed": 0, "known": 2}
    assert await here.scalar("SELECT count(*) FROM interruption") == 2


async def test_a_later_file_corrects_an_earlier_one(here: Town) -> None:
    """An end that was mended changes the row and adds none."""
    mended = row(2, 20, area="四里台区", ends_at=row(2, 20).starts_at + timedelta(hours=5))
    await take(here, row(2, 20, area="四里台区"))

    report = await take(here, mended, row(3, 10, area="一里台区"), digest="d2")

    assert report.counts == {"added": 1, "changed": 1, "known": 0}
    assert await here.scalar("SELECT max(ends_at - starts_at) FROM interruption") == 5 * 3_600_000


async def test_nothing_of_a_file_with_errors_is_taken_unless_a_part_is_accepted(
    here: Town,
) -> None:
    """A name that the ledger does not have holds the others up, until somebody says so."""
    rows = (row(2, 20, area="四里台区"), row(3, 10, area="九里台区"))

    looked = await take(here, *rows, dry_run=True)
    refused = await take(here, *rows)
    assert await here.scalar("SELECT count(*) FROM interruption") == 0
    part = await take(here, *rows, part=True)

    assert [r.refused for r in (looked, refused, part)] == [True, True, False]
    assert [f.code for f in refused.findings] == ["history.area_unknown"]
    assert (part.rows, part.counts["added"]) == (1, 1)
    assert await here.scalar("SELECT count(*) FROM audit WHERE action = 'history.imported'") == 1


async def test_an_outage_that_plan_and_file_report_is_one(here: Town) -> None:
    """Both say that the area was out that day: its customers were interrupted once."""
    await here.submit(plan(windows=(window(2, 8, 18),)))
    await here.approve("P1")
    here.clock.set(local(5, 0))
    starts_at = local(2, 8, 5).astimezone(UTC)
    await take(
        here,
        row(2, 0, area="一里台区", starts_at=starts_at, ends_at=starts_at + timedelta(hours=9)),
    )
    await counting.catch_up(here.store)

    async with here.store.read() as tx:
        found = await reliability.report(
            tx, Reliability(tx.connection), local(1, 0), local(5, 0),
            by=By.AREA, rules=RULES, zone=town.ZONE, now=here.clock.now(),
        )  # fmt: skip

    assert {line.name: line.indices.saifi for line in found.lines} == {"一里台区": 1, "二里台区": 1}
    assert found.total.caidi == pytest.approx(600)
