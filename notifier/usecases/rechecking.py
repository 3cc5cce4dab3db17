"""Looks at a matched plan once more: on the network and the ledger as they are now.

What was frozen stays as it is; whoever decides sees what would be otherwise. Taking it is an act of
its own (``plans.rematch``).
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import Group
from notifier.domain.matching import Match
from notifier.domain.plan import Plan, Revision
from notifier.ports import Store
from notifier.usecases import matching, topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The frozen impact of a revision against the one that matching would find now.

    ``changed`` has, by id of usage point, the group before and now (None: not affected), for all who
    are treated differently; ``frozen_on`` and ``now_on`` are version and overlay of the network.
    """

    revision: int
    frozen_on: tuple[int, int] | None
    now_on: tuple[int, int] | None
    changed: Mapping[int, tuple[Group | None, Group | None]]
    unchanged: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many usage points would be added, removed, changed, and how many would stay as they are."""
        counted = Counter(
            "added" if before is None else "removed" if now is None else "changed"
            for before, now in self.changed.values()
        )
        return {name: counted[name] for name in ("added", "removed", "changed")} | {
            "unchanged": self.unchanged
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Usage points that a plan would touch by now, or no longer, or otherwise than was frozen."""

    joined: int = 0
    left: int = 0
    otherwise: int = 0

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.otherwise)


async def drift(store: Store, revision: Revision, *, now: datetime) -> Drift:
    """How ledger and network have moved away from a frozen impact. What was traced is traced anew,
    where either has changed; what went by ledger is counted by area."""
    points_id = revision.points_id
    async with store.read() as tx:
        ledger_changed = await tx.impacts.ledger_changed_since(revision.created_at)
        if revision.network is None:
            joined, left = await tx.impacts.drift(points_id) if ledger_changed else (0, 0)
            return Drift(joined=joined, left=left)
    latest = None if store.topology is None else await store.topology.version(None)
    network_changed = latest is not None and (latest.id, latest.overlay) != revision.network
    if not ledger_changed and not network_changed:
        return Drift()
    counts = (await compare(store, revision, now=now)).counts
    return Drift(joined=counts["added"], left=counts["removed"], otherwise=counts["changed"])


async def compare(
    store: Store, revision: Revision, *, now: datetime, match: Match | None = None
) -> Comparison:
    """What matching the revision anew would change, by usage point; nothing is written.

    Some seconds for a million usage points, most of it in a thread.
    """
    fresh = match or await topology.match(store, revision.content, now=now)
    async with store.read() as tx:
        groups = await tx.impacts.groups(revision.id)
        frozen = await tx.impacts.frozen(revision.points_id)
        claimed = await tx.impacts.claimed(fresh)
    changed, unchanged = await asyncio.to_thread(_compared, frozen, groups, claimed, fresh)
    return Comparison(
        revision=revision.number,
        frozen_on=revision.network,
        now_on=fresh.network,
        changed=changed,
        unchanged=unchanged,
        findings=fresh.findings,
    )


async def by_account(
    store: Store, found: Comparison
) -> list[tuple[str, Group | None, Group | None]]:
    """Everybody who would be treated differently: account, group before, group now; by account."""
    async with store.read() as tx:
        accounts = await tx.impacts.accounts_of(list(found.changed))
    return sorted(
        ((account, *found.changed[point]) for point, account in accounts.items()),
        key=lambda item: item[0],
    )


async def findings(
    store: Store, plan: Plan, revision: Revision, *, now: datetime
) -> list[dict[str, Any]]:
    """The findings of a revision as they stand now. Where it has switching steps they are made anew on
    the network in force; a network on which others would be affected than those frozen is one more."""
    stored = [dict(item) for item in revision.findings]
    content = revision.content
    if content.switching is None or not content.all_windows or plan.restored_at is not None:
        return stored
    fresh = await topology.match(store, content, now=now)
    found = [item for item in stored if not matching.is_of_match(item["code"])]
    found += [finding.as_dict() for finding in fresh.findings]
    if fresh.network != revision.network:
        counts = (await compare(store, revision, now=now, match=fresh)).counts
        different = counts["added"] + counts["removed"] + counts["changed"]
        if different:
            found.insert(0, _changed(revision, fresh, different).as_dict())
    return found


def why_blocked(number: str, finding: Mapping[str, Any]) -> str:
    """One sentence in two languages: what was found, and what would be right."""
    said = [_in_both(finding[name]) for name in ("found", "expected") if finding[name]]
    chinese = " → ".join(zh for zh, _ in said)
    english = " → ".join(en for _, en in said)
    return (
        f"计划 {number} 不能批准：{chinese} / "
        f"plan {number} cannot be approved: {english} ({finding['code']})"
    )


def _in_both(text: str) -> tuple[str, str]:
    """Chinese and English of a text that holds both; of another, the text twice."""
    chinese, between, english = text.partition(" / ")
    return (chinese, english) if between else (text, text)


def _changed(revision: Revision, fresh: Match, different: int) -> Finding:
    was = "台账 ledger" if revision.network is None else f"版本 version {revision.network[0]}"
    is_now = "台账 ledger" if fresh.network is None else f"版本 version {fresh.network[0]}"
    return Finding(
        code="impact.model_changed",
        severity=Severity.ERROR,
        found=f"按{was}匹配，现行为{is_now}，{different} 户不同 / "
        f"the network has changed since: {different} usage points fare differently",
        expected="重新匹配后再批准 / match the plan anew, then approve",
        column="switching",
    )


def _compared(
    frozen: Mapping[int, int],
    groups: Mapping[int, Group],
    claimed: Mapping[int, int],
    fresh: Match,
) -> tuple[dict[int, tuple[Group | None, Group | None]], int]:
    now = {group.number: group for group in fresh.groups}
    same = {
        (number, group.number)
        for number, frozen_group in groups.items()
        for group in fresh.groups
        if frozen_group.facts_key == group.facts_key
    }
    changed: dict[int, tuple[Group | None, Group | None]] = {}
    unchanged = 0
    for point, number in claimed.items():
        before = frozen.get(point)
        if (before, number) in same:
            unchanged += 1
        else:
            changed[point] = (None if before is None else groups[before], now[number])
    for point, number in frozen.items():
        if point not in claimed:
            changed[point] = (groups[number], None)
    return changed, unchanged
