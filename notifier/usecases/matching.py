"""Finds out whom the present revisions of plans touch, and freezes the answers, many at once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notifier.domain import delaying
from notifier.domain.finding import Finding
from notifier.domain.impact import Group, MatchRecord
from notifier.domain.matching import Match
from notifier.domain.plan import Change, Plan, Revision
from notifier.ports import Store, Transaction
from notifier.usecases import topology

#: A plan that was cancelled or has ended concerns those it concerned before.
_KEEPS_IMPACT = frozenset({Change.CANCELLED, Change.RESTORED})
#: Usage points frozen at once, from which on the plans at hand are counted and recorded: what is not
#: recorded when a process dies was frozen in vain, and temporary tables fill a disk.
_POINTS_AT_ONCE = 50_000

#: Findings that matching makes, by their beginnings: they are found anew, or not, by the next match.
_OF_MATCH = ("impact.", "trace.", "switching.", "equipment.unknown", "equipment.ambiguous")
_ALSO_OF_MATCH = frozenset(
    {
        "equipment.section_as_feeder",
        "area.without_customers",
        "transfer.span_assumed",
        "transfer.leaves_out",
        "transfer.not_switched",
    }
)
_OF_INTAKE = frozenset({"switching.not_read", "switching.back_alone"})


def is_of_match(code: str) -> bool:
    """Whether matching made a finding of that code, and not whoever read the plan."""
    return code in _ALSO_OF_MATCH or (code.startswith(_OF_MATCH) and code not in _OF_INTAKE)


class Unmatched(Exception):
    """Matching some plans failed; all others that came with them are matched and recorded."""

    def __init__(self, faults: Sequence[Exception]) -> None:
        super().__init__(str(faults[0]))
        self.faults = faults


async def ensure_matched(store: Store, plan: Plan) -> Revision:
    """The present revision with its impact, computed now if it has none yet."""
    try:
        return (await ensure_all_matched(store, [plan]))[plan.id]
    except Unmatched as unmatched:
        raise unmatched.faults[0] from None


async def ensure_all_matched(store: Store, plans: Sequence[Plan]) -> dict[int, Revision]:
    """The present revision of each plan, by the plan's id, with its impact, computed now if it has
    none yet.

    Where only times changed and the same assets are affected, the usage points of the revision
    before hold for this one too, so moving a plan of a million people writes a few rows. What is
    recorded is recorded for some plans together and for each of them whole. Raises ``Unmatched`` when
    all had their turn.
    """
    async with store.read() as tx:
        stories = await tx.plans.stories([plan.id for plan in plans])
        found = {plan_id: story[-1] for plan_id, story in stories.items()}
        waiting = await _waiting(tx, [story for story in stories.values() if not story[-1].counts])
    portion: list[_Matched] = []
    faults: list[Exception] = []
    points = 0
    async for item in _matched(store, waiting):
        if isinstance(item, Exception):
            faults.append(item)
            continue
        portion.append(item)
        points += item.points
        if points >= _POINTS_AT_ONCE:
            found |= await _record(store, portion)
            portion, points = [], 0
    found |= await _record(store, portion)
    if faults:
        raise Unmatched(faults) from faults[0]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A revision without impact, and the one before it that has one, with its groups. ``keeps``: the
    groups that hold for it without looking at the ledger."""

    revision: Revision
    before: Revision | None
    groups_before: Mapping[int, Group]
    keeps: Mapping[int, Group] | None
    ledger_changed: bool

    @property
    def compared(self) -> tuple[Revision, ...]:
        """What has to be matched to learn whom the revision touches: itself, and the one before where
        its frozen usage points may hold."""
        before = self.before
        if before is None or self.ledger_changed or self.revision.change is Change.REMATCHED:
            return (self.revision,)
        return self.revision, before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matched:
    """Whom a revision touches: ``match``, to be frozen, or those frozen under ``points_id``."""

    waiting: _Waiting
    groups: Mapping[int, Group]
    findings: Sequence[dict[str, Any]]
    network: tuple[int, int] | None
    points_id: int | None = None
    match: Match | None = None

    @property
    def points(self) -> int:
        """How many usage points will be frozen."""
        return 0 if self.match is None else self.match.size


async def _waiting(tx: Transaction, stories: Sequence[Sequence[Revision]]) -> list[_Waiting]:
    before = [
        next((item for item in reversed(story[:-1]) if item.points_id is not None), None)
        for story in stories
    ]
    groups = await tx.impacts.groups_of([item.id for item in before if item is not None])
    moments = {item.created_at for item in before if item is not None}
    changed = {moment: await tx.impacts.ledger_changed_since(moment) for moment in moments}
    return [
        _Waiting(
            revision=story[-1],
            before=item,
            groups_before={} if item is None else groups[item.id],
            keeps=None if item is None else _kept(story[-1], item, groups[item.id]),
            ledger_changed=item is not None and changed[item.created_at],
        )
        for story, item in zip(stories, before, strict=True)
    ]


def _kept(
    revision: Revision, before: Revision, groups: Mapping[int, Group]
) -> Mapping[int, Group] | None:
    if revision.change in _KEEPS_IMPACT:
        return groups
    if revision.change is Change.DELAYED and before.network:
        # It may be under way: the switches stand as the plan has put them by now.
        return delaying.groups(groups, before.content, revision.content)
    return None


async def _matched(
    store: Store, waiting: Sequence[_Waiting]
) -> AsyncIterator[_Matched | Exception]:
    """Each revision with whom it touches, or the fault in finding out; what keeps its impact comes
    first."""
    fresh: list[_Waiting] = []
    for item in waiting:
        before = item.before
        if before is None or item.keeps is None:
            fresh.append(item)
            continue
        was_delayed = item.revision.change is Change.DELAYED
        yield _Matched(
            waiting=item,
            groups=item.keeps,
            findings=before.findings if was_delayed else item.revision.findings,
            network=before.network,
            points_id=before.points_id,
        )
    asked = [
        (revision.content, revision.created_at) for item in fresh for revision in item.compared
    ]
    places = iter(fresh)
    waits_for = next(places, None)
    answers: list[Match | Exception] = []
    async for answer in topology.match_all(store, asked):
        answers.append(answer)
        if waits_for is not None and len(answers) == len(waits_for.compared):
            matches = [item for item in answers if isinstance(item, Match)]
            faults = [item for item in answers if isinstance(item, Exception)]
            yield faults[0] if faults else _fresh(waits_for, *matches)
            waits_for, answers = next(places, None), []


def _fresh(item: _Waiting, match: Match, earlier: Match | None = None) -> _Matched:
    """``earlier``: whom the content before would touch now. The same assets in the same groups, at
    whatever times: what is frozen holds."""
    before, is_same = item.before, False
    if before is not None and earlier is not None and before.network == match.network:
        is_same = (earlier.network, earlier.areas, earlier.feeders, earlier.points) == (
            match.network, match.areas, match.feeders, match.points,
        )  # fmt: skip
    return _Matched(
        waiting=item,
        groups={group.number: group for group in match.groups},
        findings=_merged(item.revision, match.findings),
        network=match.network,
        points_id=before.points_id if is_same and before is not None else None,
        match=None if is_same else match,
    )


async def _record(store: Store, portion: Sequence[_Matched]) -> dict[int, Revision]:
    """Freezes what is new, counts, then writes; the counting of a large plan holds nobody up.

    Where somebody else's match stands by now, that is the answer, and what was frozen here is removed:
    whoever submitted a plan and the loop that reconciles it may match it at once. What a sweep may
    have come across is done again.
    """
    if not portion:
        return {}
    fresh = [item for item in portion if item.match is not None]
    frozen: dict[int, int] = {}
    if fresh:
        async with store.desk() as desk:
            numbers = await desk.freeze([item.match for item in fresh if item.match is not None])
        frozen = {
            item.waiting.revision.id: number for item, number in zip(fresh, numbers, strict=True)
        }
    records = await _counted(store, portion, frozen)
    async with store.write() as tx:
        swept = await tx.impacts.swept(list(frozen.values()))
        waiting = await tx.plans.unmatched(list(records))
        mine = {n for n in waiting if frozen.get(n) not in swept}
        kept = [record for revision_id, record in records.items() if revision_id in mine]
        await tx.impacts.set_groups({record.revision_id: record.groups for record in kept})
        await tx.plans.record_matches(kept)
    lost = [number for revision_id, number in frozen.items() if revision_id not in mine]
    if lost:
        async with store.desk() as desk:
            await desk.forget(lost)
    again = [item for item in portion if item.waiting.revision.id in waiting - mine]
    found = await _record(store, again)
    for item in portion:
        revision = item.waiting.revision
        if revision.id in mine:
            found[revision.plan_id] = _with(revision, records[revision.id])
        elif revision.id not in waiting:
            async with store.read() as tx:
                found[revision.plan_id] = await tx.plans.revision(revision.plan_id, revision.number)
    return found


async def sweep(store: Store) -> int:
    """Removes what processes froze that died before they recorded it; answers how many impacts."""
    async with store.desk() as desk:
        return await desk.sweep()


async def _counted(
    store: Store, portion: Sequence[_Matched], frozen: Mapping[int, int]
) -> dict[int, MatchRecord]:
    """What is to be recorded, by the revision's id."""
    records: dict[int, MatchRecord] = {}
    async with store.read() as tx:
        counts = await tx.impacts.counts(list(frozen.values()))
        no_contact = await tx.impacts.without_contact(list(frozen.values()))
        for item in portion:
            revision, before = item.waiting.revision, item.waiting.before
            points_id = frozen.get(revision.id, item.points_id)
            if points_id is None:
                raise AssertionError("neither frozen nor kept")
            if before is not None and before.points_id == points_id:
                by_group = before.counts["groups"]
                without = before.counts.get("without_contact", {})
                difference = _difference(by_group, item.groups, item.waiting.groups_before)
            else:
                by_group, without = counts[points_id], no_contact[points_id]
                difference = _all_added(by_group)
                if before is not None and before.points_id is not None:
                    difference = await tx.impacts.difference(
                        (points_id, item.groups), (before.points_id, item.waiting.groups_before)
                    )
            records[revision.id] = MatchRecord(
                revision_id=revision.id,
                points_id=points_id,
                groups=tuple(item.groups.values()),
                counts={
                    "groups": by_group,
                    "points": _by_class(by_group, item.groups),
                    "without_contact": without,
                },
                difference=difference,
                findings=item.findings,
                network=item.network,
            )
    return records


def _with(revision: Revision, record: MatchRecord) -> Revision:
    return replace(
        revision,
        points_id=record.points_id,
        counts=dict(record.counts),
        difference=dict(record.difference),
        findings=tuple(record.findings),
        network=record.network,
    )


def _by_class(
    by_group: Mapping[str, Mapping[str, int]], groups: Mapping[int, Group]
) -> dict[str, int]:
    counted: dict[str, int] = {}
    for number, by_criticality in by_group.items():
        name = groups[int(number)].impact_class.value
        counted[name] = counted.get(name, 0) + sum(by_criticality.values())
    return counted


def _all_added(by_group: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    added = sum(sum(by_criticality.values()) for by_criticality in by_group.values())
    return {"added": added, "removed": 0, "changed": 0, "unchanged": 0}


def _difference(
    by_group: Mapping[str, Mapping[str, int]], new: Mapping[int, Group], old: Mapping[int, Group]
) -> dict[str, int]:
    """The same usage points in the same groups: only what happens to them can differ."""
    changed = unchanged = 0
    for number, by_criticality in by_group.items():
        points = sum(by_criticality.values())
        if new[int(number)].facts_key == old[int(number)].facts_key:
            unchanged += points
        else:
            changed += points
    return {"added": 0, "removed": 0, "changed": changed, "unchanged": unchanged}


def _merged(revision: Revision, found: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """The findings of the input and of the match, each once."""
    merged = list(revision.findings)
    for finding in found:
        item = finding.as_dict()
        if item not in merged:
            merged.append(item)
    return merged
