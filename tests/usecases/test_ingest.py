"""Plans of a file: each by itself, a file once, and nothing lost on the way."""

from collections.abc import Sequence
from datetime import date

import pytest

from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import PlanContent, PlanDraft, SourceWindow
from notifier.store.engine import Database
from notifier.usecases import ingest, plans, topology
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def draft(content: PlanContent, row: int, *findings: Finding) -> PlanDraft:
    windows = tuple(SourceWindow(window=w, text="原文", row=row) for w in content.windows)
    return PlanDraft(
        content=content,
        source_windows=windows,
        file="a.csv",
        row=row,
        rows=(row,),
        findings=findings,
    )


async def take(
    town: Town, drafts: Sequence[PlanDraft], digest: str = "d1", *, again: bool = False
) -> ingest.IngestReport:
    return await ingest.ingest_plans(
        town.store, drafts, "a.csv", digest,
        now=town.clock.now(), actor="wang", again=again, zone=towns.ZONE,
    )  # fmt: skip


async def test_a_plan_keeps_where_it_was_read(town: Town) -> None:
    """File, row, and the words of every window, with the revision."""
    report = await take(town, [draft(plan(), 2)])

    async with town.store.read() as tx:
        stored = await tx.plans.find("P1")
        assert stored is not None
        revision = await tx.plans.revision(stored.id, 1)
    assert report.counts == {"new": 1}
    assert (revision.source["file"], revision.source["row"]) == ("a.csv", 2)
    assert revision.source["windows"][0]["text"] == "原文"
    assert not report.has_errors


async def test_one_bad_row_does_not_lose_the_others(town: Town) -> None:
    """A plan with an error is a draft; one that may not be changed any more is refused; the rest is in."""
    await town.submit(plan("P2"))
    await plans.cancel(town.store, town.setting, "P2", note="", now=town.clock.now(), actor="wang")
    bad = Finding(code="window.none", severity=Severity.ERROR, row=2)

    report = await take(
        town,
        [
            draft(plan("P1", windows=()), 2, bad),
            draft(plan("P2", windows=[window(25, 8, 9)]), 3),
            draft(plan("P3"), 4),
        ],
    )

    assert [item.outcome for item in report.taken] == ["refused", "refused", "new"]
    assert [item.code for item in report.taken] == ["", "plan.closed", ""]
    assert report.has_errors
    found = await plans.find(town.store, "P1")
    assert found.state.value == "draft"


async def test_a_number_used_twice_in_a_file_does_not_replace_the_first(town: Town) -> None:
    """The second is refused with its row; the same row twice is nothing new."""
    report = await take(
        town,
        [
            draft(plan("P1"), 2),
            draft(plan("P1"), 3),
            draft(plan("P1", windows=[window(25, 8, 9)]), 4),
        ],
    )

    assert [(item.row, item.outcome, item.code) for item in report.taken] == [
        (2, "new", ""),
        (3, "unchanged", ""),
        (4, "refused", "plan.number_reused"),
    ]
    assert (await plans.find(town.store, "P1")).revision == 1


async def test_what_matching_doubts_is_in_the_report(town: Town) -> None:
    """A line that the ledger does not know is an error there and then."""
    report = await take(town, [draft(plan("P1", feeders=("10kV没有线",)), 2)])

    assert "equipment.unknown" in {found["code"] for found in report.taken[0].findings}
    assert report.has_errors


async def test_the_same_content_is_taken_once(town: Town) -> None:
    """The second time it says what was made of it before, and does nothing; ``again`` insists."""
    await take(town, [draft(plan(), 2)])
    await plans.revise(
        town.store,
        "P1",
        plan(windows=[window(25, 8, 9)]),
        note="",
        now=town.clock.now(),
        actor="li",
    )

    second = await take(town, [draft(plan(), 2)])
    insisted = await take(town, [draft(plan(), 2)], again=True)

    assert second.before is not None
    assert second.before["counts"] == {"new": 1}
    assert second.before["received_by"] == "wang"
    assert (second.taken, second.has_errors) == ((), False)
    assert insisted.counts == {"revised": 1}


def test_a_file_is_named_by_its_content_and_what_was_said_of_it() -> None:
    """The same table for another publication date may hold other times."""
    plain = ingest.file_digest(b"x")

    assert plain == ingest.file_digest(b"x")
    assert (
        len(
            {
                plain,
                ingest.file_digest(b"y"),
                ingest.file_digest(b"x", published=date(2026, 3, 1)),
                ingest.file_digest(b"x", published=date(2026, 3, 2)),
                ingest.file_digest(b"x", department="检修"),
            }
        )
        == 5
    )


async def test_whom_a_draft_would_touch_is_foreseen(town: Town) -> None:
    """The same numbers as once it is stored."""
    world = await topology.world(town.store)

    asked = [draft(plan(), 2), draft(plan(windows=[]), 3), draft(plan("P2", areas=["四里台区"]), 4)]
    now = town.clock.now()
    foreseen = [item async for item in ingest.foresee(town.store, asked, world, now=now)]

    assert [item["points"] for item in foreseen] == [{"out": 16}, {}, {"out": 18}]
    assert foreseen[0] == {"points": {"out": 16}, "areas": 2, "findings": []}
    assert [found["code"] for found in foreseen[1]["findings"]] == ["impact.empty"]


async def test_a_file_that_came_before_is_told_in_local_time(town: Town) -> None:
    """Whoever sent it looks at the clock on the wall."""
    await take(town, [draft(plan(), 2)])

    again = await take(town, [draft(plan(), 2)])

    (seen,) = [item for item in again.findings if item.code == "file.seen_before"]
    assert seen.found == "a.csv 2026-03-01T09:00+08:00"
