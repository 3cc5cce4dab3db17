"""Takes plans in, many at once: each is a new plan, a revision of one, or nothing new."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from notifier.domain import errors
from notifier.domain.finding import Finding, has_errors
from notifier.domain.plan import (
    Change,
    NewRevision,
    Plan,
    PlanContent,
    PlanState,
    Revision,
    content_digest,
)
from notifier.domain.window import require_plausible
from notifier.ports import Store, Transaction
from notifier.usecases import matching, plans


class Submitted(StrEnum):
    """What became of a plan that came in."""

    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A plan that comes in, with where it was read and what is doubtful about it."""

    content: PlanContent
    source: Mapping[str, Any]
    findings: Sequence[Finding] = ()

    @property
    def is_refused(self) -> bool:
        """Whether it can be kept as a draft only: it has no window, or a finding of severity error."""
        return has_errors(self.findings) or not self.content.all_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A plan as it stands now that one of its number came in, with its present revision."""

    outcome: Submitted
    plan: Plan
    revision: Revision


async def submit(
    store: Store, incoming: Incoming, *, now: datetime, actor: str
) -> tuple[Submitted, Plan]:
    """Takes a plan in; see ``submit_all``. Raises ``plans.PlanClosed``, and ``WindowInvalid`` on times
    of another century."""
    try:
        (found,) = await submit_all(store, [incoming], now=now, actor=actor)
    except matching.Unmatched as unmatched:
        raise unmatched.faults[0] from None
    if isinstance(found, errors.Refusal):
        raise found
    return found.outcome, found.plan


async def submit_all(
    store: Store, incoming: Sequence[Incoming], *, now: datetime, actor: str
) -> list[Accepted | errors.Refusal]:
    """Takes plans in, of which each has a number of its own: a new one, a revision of the one with its
    number, or nothing new. Answers in the order in which they came; one that is refused costs no other.

    A plan without windows, or with a finding of severity error, is kept as a draft: it is on the
    list, it cannot be approved, and a corrected one with its number replaces it. Such a row never
    replaces a plan that was submitted or approved: that one goes on, and the refusal is on record.
    All of them are stored in one transaction, and matched when it has ended: a process that dies in
    between leaves plans that whoever asks next has matched. A few hundred at a time hold nobody up.
    Raises ``matching.Unmatched`` for a fault in matching a plan, when all are stored and the others
    matched.
    """
    refusals: dict[str, errors.Refusal] = {}
    outcomes: dict[str, Submitted] = {}
    for item in incoming:
        try:
            require_plausible(*item.content.moments)
        except errors.Refusal as refusal:
            refusals[item.content.number] = refusal
    plausible = [item for item in incoming if item.content.number not in refusals]
    contents = [item.content for item in plausible]
    digests = await asyncio.to_thread(lambda: [content_digest(content) for content in contents])
    async with store.write() as tx:
        batch = _Batch(now=now, actor=actor)
        await tx.joints.hold([content.number for content in contents])
        held = await tx.plans.hold(contents, now=now, actor=actor)
        for item, digest in zip(plausible, digests, strict=True):
            number = item.content.number
            try:
                outcomes[number] = batch.decide(item, *held[number], digest)
            except errors.Refusal as refusal:
                refusals[number] = refusal
        await batch.write(tx)
        stored = await tx.plans.named(list(outcomes))
    revisions = await _revisions(store, list(stored.values()))
    return [
        refusals.get(number)
        or Accepted(
            outcome=outcomes[number], plan=stored[number], revision=revisions[stored[number].id]
        )
        for number in (item.content.number for item in incoming)
    ]


async def _revisions(store: Store, stored: Sequence[Plan]) -> dict[int, Revision]:
    """The present revisions, matched but for the drafts, of which something has to be mended first."""
    found = await matching.ensure_all_matched(
        store, [plan for plan in stored if plan.state is not PlanState.DRAFT]
    )
    drafts = [plan.id for plan in stored if plan.state is PlanState.DRAFT]
    if drafts:
        async with store.read() as tx:
            stories = await tx.plans.stories(drafts)
        found |= {plan_id: story[-1] for plan_id, story in stories.items()}
    return found


class _Batch:
    """What is to be written for some plans that came in together."""

    def __init__(self, *, now: datetime, actor: str) -> None:
        self._now, self._actor = now, actor
        self._revisions: list[NewRevision] = []
        self._voided: dict[int, str] = {}
        self._deeds: list[tuple[str, str, Mapping[str, object]]] = []

    def decide(self, item: Incoming, plan: Plan, present: str, digest: str) -> Submitted:
        """What becomes of the plan; ``present`` is the digest of its present revision, empty where it
        has none. Raises ``plans.PlanClosed``."""
        outcome, change, number = Submitted.NEW, Change.SUBMITTED, plan.revision + 1
        if plan.revision > 0:
            if present == digest:
                return Submitted.UNCHANGED
            plans.require_open(plan)
            if item.is_refused and plan.state is not PlanState.DRAFT:
                findings = [finding.as_dict() for finding in item.findings]
                refused = {"source": dict(item.source), "findings": findings}
                self._deeds.append(("plan.revision_refused", plan.number, refused))
                return Submitted.REFUSED
            outcome, change = Submitted.REVISED, Change.REVISED
            self._voided[plan.id] = f"revision {number}"
        self._revisions.append(
            NewRevision(
                plan_id=plan.id,
                number=number,
                content=item.content,
                change=change,
                state=PlanState.DRAFT if item.is_refused else PlanState.SUBMITTED,
                source=item.source,
                findings=[finding.as_dict() for finding in item.findings],
            )
        )
        detail = {"revision": number, "source": dict(item.source)}
        self._deeds.append((f"plan.{change.value}", plan.number, detail))
        return Submitted.REFUSED if item.is_refused else outcome

    async def write(self, tx: Transaction) -> None:
        """Writes it all."""
        await tx.plans.void_approvals(self._voided, now=self._now)
        await tx.plans.add_revisions(self._revisions, now=self._now, actor=self._actor)
        await tx.joints.stir_others([item.plan_id for item in self._revisions], self._now)
        await tx.audited_all(self._deeds, at=self._now, actor=self._actor)
