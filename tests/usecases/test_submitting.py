"""Plans taken in together: what they would be one by one, whatever happens beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notifier.domain import matching as rules
from notifier.domain.finding import Finding, Severity
from notifier.domain.matching import Match
from notifier.domain.plan import PlanContent, PlanDraft
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.usecases import aside, ingest, matching, plans, submitting, topology
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def take(town: Town, drafts: list[PlanDraft], digest: str) -> ingest.IngestReport:
    return await ingest.ingest_plans(
        town.store, drafts, "a.csv", digest, now=town.clock.now(), actor="wang", zone=towns.ZONE
    )


def drafts(*contents: PlanContent) -> list[PlanDraft]:
    bad = Finding(code="window.unreadable", severity=Severity.ERROR, found="8点半")
    return [
        PlanDraft(
            content=content,
            source_windows=(),
            row=row,
            findings=(bad,) if content.scope == "bad" else (),
        )
        for row, content in enumerate(contents, start=2)
    ]


def story() -> list[list[PlanDraft]]:
    """Two files: every way in which a plan can come in, and come in again."""
    bad = plan("P7", windows=[window(22, 8, 9)])
    long_ago = Window(datetime(1066, 10, 14, tzinfo=towns.ZONE), local(20, 9))
    first = drafts(
        plan("P1"),
        plan("P2", areas=["三里台区"], feeders=[]),
        plan("P2", areas=["三里台区"], feeders=[]),
        plan("P2"),
        plan("P3", windows=[]),
        plan("P4", feeders=["10kV没有线"]),
        plan("P5", transferred=["二里台区"], spans=[window(20, 8, 9)]),
        plan("P6", windows=[long_ago]),
        plan("P7"),
        plan("P8"),
        plan("P9"),
    )
    second = drafts(
        plan("P1", windows=[window(21, 8, 18)]),
        plan("P2", areas=["三里台区", "四里台区"], feeders=[]),
        plan("P3"),
        plan("P4", feeders=["10kV西一线"]),
        plan("P5", transferred=["二里台区"], spans=[window(20, 8, 9)]),
        PlanContent(
            number=bad.number, kind=bad.kind, equipment=bad.equipment, windows=bad.windows,
            scope="bad",
        ),
        plan("P8", windows=[]),
        plan("P9", feeders=["10kV西一线"]),
        plan("P10"),
    )  # fmt: skip
    return [first, second]


async def told(town: Town) -> dict[str, Any]:
    """Everything that the store holds of plans, but for the numbers that it gives by itself."""
    found: dict[str, Any] = {}
    async with town.store.read() as tx:
        for stored in await tx.plans.listed():
            for revision in await tx.plans.revisions(stored.id):
                groups = await tx.impacts.groups(revision.id)
                points = await tx.impacts.frozen(revision.points_id)
                held = [item["voided_why"] for item in await tx.plans.approvals(stored.id)]
                found[f"{stored.number}/{revision.number}"] = (
                    stored.kind, stored.state, stored.revision, stored.starts_at, stored.ends_at,
                    revision.content, revision.change, revision.source, revision.findings,
                    revision.counts, revision.difference, groups, points, held,
                )  # fmt: skip
    async with town.store.database.read() as connection:
        audits = await connection.execute(
            text("SELECT subject, action, detail FROM audit ORDER BY subject, id")
        )
        found["audit"] = [tuple(row) for row in audits]
        waiting = await connection.execute(text("SELECT number, reconcile_at FROM plan"))
        found["waiting"] = {row.number: row.reconcile_at for row in waiting}
    return found


async def live(town: Town, at_once: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The story, taken so many plans at once; between the files one plan is approved, one cancelled."""
    monkeypatch.setattr(ingest, "_TAKEN_AT_ONCE", at_once)
    first, second = story()
    reports = [await take(town, first, "d1")]
    await town.approve("P1")
    await plans.cancel(town.store, town.setting, "P9", note="", now=town.clock.now(), actor="li")
    reports.append(await take(town, second, "d2"))
    return await told(town) | {"reports": [report.as_dict() for report in reports]}


async def test_plans_taken_together_are_what_they_are_one_by_one(
    sqlite_database: Database,
    postgres_url: str,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """New, revised, moved, unchanged, in doubt, closed, unknown, out of this world: the same rows,
    findings, counts, people and audit, on both databases."""
    postgres = await Database.open(postgres_url)
    one_by_one = await live(await towns.build(sqlite_database, vault), 1, monkeypatch)
    together = await live(await towns.build(postgres, vault), 200, monkeypatch)
    await postgres.close()

    assert together == one_by_one
    outcomes = [item["outcome"] for report in together["reports"] for item in report["taken"]]
    assert outcomes == [
        "new", "new", "unchanged", "refused", "refused", "new", "new", "refused", "new", "new", "new",
        "revised", "revised", "revised", "revised", "unchanged", "refused", "refused", "refused", "new",
    ]  # fmt: skip
    assert together["P1/2"][10] == {"added": 0, "removed": 0, "changed": 16, "unchanged": 0}
    assert together["P2/2"][10] == {"added": 2, "removed": 0, "changed": 0, "unchanged": 10}


async def test_two_processes_that_take_the_same_plans_make_each_once(town: Town) -> None:
    """Whoever is second finds nothing new; every impact is one of the two, and nothing is left over."""
    content = [plan(f"P{number}", feeders=["10kV西一线"]) for number in range(20)]
    incoming = [submitting.Incoming(content=item, source={}) for item in content]
    other = Ledger(town.store.database)
    now = town.clock.now()

    answers = await asyncio.gather(
        submitting.submit_all(town.store, incoming, now=now, actor="a"),
        submitting.submit_all(other, incoming[::-1], now=now, actor="b"),
    )

    outcomes = [
        item.outcome.value
        for answer in answers
        for item in answer
        if isinstance(item, submitting.Accepted)
    ]
    assert sorted(outcomes) == ["new"] * 20 + ["unchanged"] * 20
    async with town.store.read() as tx:
        for item in content:
            stored = await tx.plans.find(item.number)
            assert stored is not None
            (revision,) = await tx.plans.revisions(stored.id)
            assert len(await tx.impacts.frozen(revision.points_id)) == 12
    async with town.store.desk() as desk:
        assert await desk.sweep() == 0


async def test_a_sweep_between_freezing_and_recording_costs_nobody_anything(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that starts sweeps while this process has frozen impacts that no revision names yet:
    they are frozen once more."""
    frozen: list[int] = []

    class Swept:
        def __init__(self, desk: Any) -> None:
            self._desk = desk

        async def freeze(self, matches: list[Match]) -> list[int]:
            numbers: list[int] = await self._desk.freeze(matches)
            frozen.append(len(numbers))
            if len(frozen) == 1:
                async with desk() as another:
                    assert await another.sweep() == len(numbers)
            return numbers

        async def forget(self, numbers: list[int]) -> None:
            await self._desk.forget(numbers)

    desk = town.store.desk

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with desk() as opened:
            yield Swept(opened)

    monkeypatch.setattr(town.store, "desk", watched)
    incoming = [submitting.Incoming(content=plan(number), source={}) for number in ("P1", "P2")]

    answers = await submitting.submit_all(town.store, incoming, now=town.clock.now(), actor="wang")

    assert frozen == [2, 2]
    for answer in answers:
        assert isinstance(answer, submitting.Accepted)
        assert answer.revision.counts["points"] == {"out": 16}
        async with town.store.read() as tx:
            assert await tx.plans.revision(answer.plan.id, 1) == answer.revision
            assert len(await tx.impacts.frozen(answer.revision.points_id)) == 16


async def test_a_process_that_died_before_matching_leaves_plans_that_the_next_one_matches(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not remembered; taken once more its plans are nothing new, and matched."""

    async def dies(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(matching, "ensure_all_matched", dies)
        with pytest.raises(KeyboardInterrupt):
            await take(town, drafts(plan("P1"), plan("P2")), "d1")

    report = await take(town, drafts(plan("P1"), plan("P2"), plan("P3")), "d1")

    assert report.counts == {"new": 1, "unchanged": 2}
    assert report.before is None
    assert await town.scalar("SELECT count(*) FROM plan_revision WHERE counts IS NULL") == 0


async def test_a_ledger_that_changes_on_the_way_is_seen_by_the_plans_that_follow(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger and network are looked at again every few plans of a long file."""
    monkeypatch.setattr(topology, "_LOOKED_AT_ONCE", 1)
    now = town.clock.now()
    touched = []
    async for match in topology.match_all(town.store, [(plan(), now)] * 2):
        assert isinstance(match, Match)
        touched.append(sorted(match.areas))
        async with town.store.write() as tx:
            await tx.connection.execute(text("UPDATE area SET feeder_id = 1 WHERE id = 4"))
            await tx.connection.execute(
                text(
                    "INSERT INTO ledger_import (imported_at, imported_by, files, counts, findings)"
                    " VALUES (0, 't', '[]', '{}', '[]')"
                )
            )

    assert touched == [[1, 2], [1, 2, 4]]


async def test_a_batch_that_freezes_too_much_is_recorded_bit_by_bit(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many usage points at once, then they are counted and recorded; the answer is the same."""
    monkeypatch.setattr(matching, "_POINTS_AT_ONCE", 20)
    incoming = [submitting.Incoming(content=plan(f"P{n}"), source={}) for n in range(5)]

    answers = await submitting.submit_all(town.store, incoming, now=town.clock.now(), actor="wang")

    assert [
        answer.revision.counts["points"]
        for answer in answers
        if isinstance(answer, submitting.Accepted)
    ] == [{"out": 16}] * 5
    assert await town.scalar("SELECT count(DISTINCT points_id) FROM impact_point") == 5


async def test_progress_is_heard_and_collecting_goes_on_afterwards(town: Town) -> None:
    """The number of plans taken, in the end all; the collector is what it was."""
    import gc

    heard: list[int] = []
    await ingest.ingest_plans(
        town.store, drafts(plan("P1"), plan("P2")), "a.csv", "d1",
        now=town.clock.now(), actor="wang", progress=heard.append,
    )  # fmt: skip

    assert heard == [2]
    assert gc.isenabled()
    with pytest.raises(ValueError, match="x"), aside.piecemeal():
        raise ValueError("x")
    assert gc.isenabled()


async def test_a_plan_revised_by_two_at_once_has_both_revisions(town: Town) -> None:
    """Neither is lost, and neither fails: the second revises what the first has made."""
    await town.submit(plan("P1"))
    other = Ledger(town.store.database)
    later = [plan("P1", windows=[window(day, 8, 18)]) for day in (21, 22)]

    await asyncio.gather(
        *(
            submitting.submit(
                store,
                submitting.Incoming(content=content, source={}),
                now=town.clock.now() + timedelta(minutes=1),
                actor="a",
            )
            for store, content in zip((town.store, other), later, strict=True)
        )
    )

    found = await plans.find(town.store, "P1")
    async with town.store.read() as tx:
        revisions = await tx.plans.revisions(found.id)
    assert [revision.number for revision in revisions] == [1, 2, 3]
    assert all(revision.counts["points"] == {"out": 16} for revision in revisions)


async def test_a_plan_that_cannot_be_matched_costs_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault, not a doubt: it is raised when all the others are in; the file is not remembered, and
    once the fault is mended the same command ends it."""
    monkeypatch.setattr(ingest, "_TAKEN_AT_ONCE", 3)
    sound = rules.match

    def faulty(content: PlanContent, *given: Any) -> Match:
        if content.number == "P2":
            raise KeyError("no such thing")
        return sound(content, *given)

    asked = drafts(*(plan(f"P{number}") for number in range(1, 6)))
    with monkeypatch.context() as patched:
        patched.setattr(rules, "match", faulty)
        for _ in range(2):
            with pytest.raises(matching.Unmatched, match="no such thing"):
                await take(town, asked, "d1")
            waiting = await town.scalar("SELECT count(*) FROM plan_revision WHERE counts IS NULL")
            assert waiting == 1
        with pytest.raises(KeyError):
            await matching.ensure_matched(town.store, await plans.find(town.store, "P2"))

    report = await take(town, asked, "d1")

    assert (report.before, report.counts) == (None, {"unchanged": 5})
    assert await town.scalar("SELECT count(*) FROM plan_revision WHERE counts IS NULL") == 0
