"""Finds out whom the present revision of a plan touches, and freezes the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from notifier.domain import delaying
from notifier.domain.finding import Finding
from notifier.domain.impact import Group
from notifier.domain.matching import Match
from notifier.domain.plan import Change, Plan, Revision
from notifier.ports import Store
from notifier.usecases import topology

#: A plan that was cancelled or has ended concerns those it concerned before.
_KEEPS_IMPACT = frozenset({Change.CANCELLED, Change.RESTORED})


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


async def ensure_matched(store: Store, plan: Plan) -> Revision:
    """The present revision with its impact, computed now if it has none yet.

    Where only times changed and the same assets are affected, the usage points of the revision
    before hold for this one too, so moving a plan of a million people writes a few rows.
    """
    async with store.read() as tx:
        revisions = await tx.plans.revisions(plan.id)
        revision = revisions[-1]
        if revision.counts:
            return revision
        before, held = next(
            ((item, item.points_id) for item in reversed(revisions[:-1]) if item.points_id),
            (None, None),
        )
        findings = revision.findings
        if revision.change in _KEEPS_IMPACT and before is not None:
            kept = await tx.impacts.groups(before.id)
        elif revision.change is Change.DELAYED and before is not None and before.network:
            # It may be under way: the switches stand as the plan has put them by now.
            frozen = await tx.impacts.groups(before.id)
            kept = delaying.groups(frozen, before.content, revision.content)
            findings = before.findings
        else:
            kept = None
            ledger_changed = before is not None and await tx.impacts.ledger_changed_since(
                before.created_at
            )
    if kept is not None and before is not None and held is not None:
        await _record(store, revision, before, kept, held, findings, before.network)
    else:
        match = await topology.match(store, revision.content, now=revision.created_at)
        same_assets = (
            before is not None
            and not ledger_changed
            and revision.change is not Change.REMATCHED
            and await _same_assets(store, before, match)
        )
        fresh = None
        if same_assets and held is not None:
            points_id = held
        else:
            async with store.desk() as desk:
                points_id = fresh = await desk.freeze(match)
        groups = {group.number: group for group in match.groups}
        merged = _merged(revision, match.findings)
        is_mine = await _record(store, revision, before, groups, points_id, merged, match.network)
        if fresh is not None and not is_mine:
            async with store.desk() as desk:
                await desk.forget(fresh)
    async with store.read() as tx:
        return await tx.plans.revision(plan.id, revision.number)


async def _same_assets(store: Store, before: Revision, match: Match) -> bool:
    """Whether the revision before took out the same assets in the same groups, at whatever times."""
    if before.network != match.network:
        return False
    earlier = await topology.match(store, before.content, now=before.created_at)
    return (earlier.network, earlier.areas, earlier.feeders, earlier.points) == (
        match.network, match.areas, match.feeders, match.points,
    )  # fmt: skip


async def _record(
    store: Store,
    revision: Revision,
    before: Revision | None,
    groups: Mapping[int, Group],
    points_id: int,
    findings: Sequence[dict[str, Any]],
    network: tuple[int, int] | None,
) -> bool:
    """Counts, then writes; the counting of a large plan holds nobody up. False where somebody else's
    match stands by now: whoever submitted a plan and the loop that reconciles it may match it at once."""
    async with store.read() as tx:
        groups_before = {} if before is None else await tx.impacts.groups(before.id)
        if before is not None and before.points_id == points_id:
            by_group = before.counts["groups"]
            no_contact = before.counts.get("without_contact", {})
            difference = _difference(by_group, groups, groups_before)
        else:
            old = None if before is None else (before.points_id, groups_before)
            by_group = await tx.impacts.counts(points_id)
            no_contact = await tx.impacts.without_contact(points_id)
            difference = await tx.impacts.difference((points_id, groups), old)
    async with store.write() as tx:
        if (await tx.plans.revision(revision.plan_id, revision.number)).counts:
            return False
        await tx.impacts.set_groups(revision.id, list(groups.values()))
        await tx.plans.record_match(
            revision.id,
            points_id=points_id,
            counts={
                "groups": by_group,
                "points": _by_class(by_group, groups),
                "without_contact": no_contact,
            },
            difference=difference,
            findings=findings,
            network=network,
        )
    return True


def _by_class(by_group: dict[str, dict[str, int]], groups: Mapping[int, Group]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for number, by_criticality in by_group.items():
        name = groups[int(number)].impact_class.value
        counted[name] = counted.get(name, 0) + sum(by_criticality.values())
    return counted


def _difference(
    by_group: dict[str, dict[str, int]], new: Mapping[int, Group], old: Mapping[int, Group]
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
