"""Makes the ledger of deliveries follow what people should have been told, one plan at a time.

Submitting, approving, moving, cancelling, an overrun, a customer who moves, a failed message and a
restart are all the same here: something changed, so look again. It may run at any time, twice, and
in two processes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.clock import Clock
from notifier.domain.cell import Cell
from notifier.domain.plan import Plan, PlanState, Revision
from notifier.domain.policy import Policy
from notifier.domain.wanted import Account, Decided, ForAPerson, LaidOut
from notifier.ports import Store, Transaction
from notifier.usecases import attention, grounds, matching, rechecking, wanting

#: How soon a plan is looked at again that waits for messages to come back from a provider.
IN_HAND = timedelta(seconds=1)
_SETTLING = frozenset({PlanState.APPROVED, PlanState.CANCELLED, PlanState.DONE})


@dataclass(slots=True, kw_only=True)
class Setting:
    """What reconciling and sending are done under. ``accounts``: the account for each medium.

    One is shared by everything in a process. ``policy`` alone changes: it follows the one in force,
    whichever process put it there, as ``read_policy`` makes it of its file. ``configured`` is the one
    that the settings name, None where it cannot be read.
    """

    policy: Policy
    accounts: Mapping[Medium, Account]
    zone: ZoneInfo
    lease: timedelta
    read_policy: Callable[[dict[str, Any]], Policy]
    configured: Policy | None = None

    async def refresh(self, tx: Transaction) -> bool:
        """Takes over the policy in force; True where it is another than before."""
        version = await tx.policy_version()
        if version in (None, self.policy.version):
            return False
        body = await tx.applied_policy()
        if body is None:
            return False
        self.policy = self.read_policy(body)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What was done about one plan."""

    number: str
    revision: int
    state: PlanState
    laid_out: LaidOut
    next_at: datetime | None


async def reconcile_next(
    store: Store, setting: Setting, worker: str, clock: Clock
) -> Reconciled | None:
    """Takes the most urgent plan that asks for it and settles it; None when none does."""
    now, wall = clock.now(), clock.wall()
    async with store.write() as tx:
        plan_id = await tx.plans.claim_for_reconciling(
            worker, now=now, wall=wall, lease=setting.lease
        )
        if plan_id is not None:
            await setting.refresh(tx)
    if plan_id is None:
        return None
    return await reconcile(store, setting, worker, plan_id, now)


async def reconcile(
    store: Store, setting: Setting, worker: str, plan_id: int, now: datetime
) -> Reconciled:
    """Settles one plan that ``worker`` has claimed."""
    setting = replace(
        setting
    )  # one policy from beginning to end, whatever is put in force meanwhile
    async with store.read() as tx:
        plan = await tx.plans.by_id(plan_id)
    revision = await matching.ensure_matched(store, plan)
    if plan.state not in _SETTLING:
        return await _wait_for_approval(store, setting, worker, plan, now)
    moved = await _move(store, setting, worker, plan, revision, now)
    if moved is not None:
        return moved
    ground = await grounds.of(store, plan, revision)
    if not plan.is_settled and await _is_in_hand(store, ground):
        return await _put_off(store, worker, plan, now)
    async with store.desk() as desk:
        gathered = await grounds.gather(desk, ground, wanting.available(setting.accounts))
        wants = grounds.want(ground, gathered, setting.policy, now=now, zone=setting.zone)
        if gathered.voices:
            async with store.write() as tx:
                await tx.joints.keep(plan.id, [each.group for each in gathered.voices.values()])
        laid_out = await desk.apply(
            plan.id,
            revision.id,
            wants.wanted,
            setting.accounts,
            now=now,
            horizon=setting.policy.horizon,
        )
    return await _settle(store, setting, worker, plan, revision, wants, laid_out, now)


async def _move(
    store: Store, setting: Setting, worker: str, plan: Plan, revision: Revision, now: datetime
) -> Reconciled | None:
    """The short way: the same people, nobody told yet. Only batches change, however many there are.

    None where that does not hold and everybody has to be looked at.
    """
    if plan.settled_revision in (0, plan.revision) or plan.joint_change:
        return None  # those who share an outage with others are looked at one by one
    async with store.read() as tx:
        before = await tx.plans.revision(plan.id, plan.settled_revision)
        counted = await tx.plans.cells(before.id)
        groups = await tx.impacts.groups(revision.id)
        groups_before = await tx.impacts.groups(before.id)
        ever = await tx.impacts.groups_of_plan(plan.id)
    if (
        counted is None
        or before.points_id != revision.points_id
        or groups.keys() != groups_before.keys()
        or any(groups[n].impact_class != groups_before[n].impact_class for n in groups)
    ):
        return None
    people = {n: Cell.named(name, count) for n, (name, count) in enumerate(counted.items())}
    wants = wanting.want(
        plan, revision.content, groups, ever, people, setting.policy, now=now, zone=setting.zone
    )
    async with store.write() as tx:
        if not await tx.is_untouched(plan.id):
            return None
        if not _near(wants, now + setting.policy.horizon) <= await tx.carried(plan.id):
            return None  # moved so near that something has to be laid out
        laid_out = await tx.repoint(plan.id, revision.id, wants.wanted, now=now)
    return await _settle(store, setting, worker, plan, revision, wants, laid_out, now)


def _near(wants: wanting.Wants, until: datetime) -> set[tuple[str, str, str, str]]:
    """Cell, stage, occasion and medium of everything first in its chain that is due by then."""
    return {
        (item.cell, item.notice.stage.value, item.notice.occasion, item.notice.medium.value)
        for item in wants.wanted
        if item.notice.rung == 0 and item.notice.due_at <= until
    }


async def _is_in_hand(store: Store, ground: grounds.Ground) -> bool:
    """Whether a message is on its way out that was said for the outage as it was: who speaks may have
    changed, and only its outcome tells what people know."""
    if ground.joint is None:
        return False
    async with store.read() as tx:
        return await tx.joints.is_in_hand(ground.sharers)


async def _put_off(store: Store, worker: str, plan: Plan, now: datetime) -> Reconciled:
    next_at = now + IN_HAND
    async with store.write() as tx:
        await tx.plans.settle(plan, worker, follows=False, asked_at=now, next_at=next_at)
    return Reconciled(
        number=plan.number,
        revision=plan.revision,
        state=plan.state,
        laid_out=LaidOut(),
        next_at=next_at,
    )


async def _settle(
    store: Store,
    setting: Setting,
    worker: str,
    plan: Plan,
    revision: Revision,
    wants: wanting.Wants,
    laid_out: LaidOut,
    now: datetime,
) -> Reconciled:
    policy = setting.policy
    horizon = now + policy.horizon
    following = wants.next_after(horizon)
    next_at = _next_look(plan, None if following is None else following - policy.horizon, now)
    decisions = [*wants.skipped, *_changes(laid_out)]
    drift = await _drift(store, plan, revision, now)
    open_now = attention.for_people(plan, revision, wants, laid_out, drift, policy, now)
    async with store.write() as tx:
        await tx.plans.set_cells(revision.id, dict(wants.cells))
        await tx.journal.decide(plan.id, revision.id, decisions, now=now)
        solved = attention.SOLVED_BY_THEMSELVES - {item.kind for item in open_now}
        await tx.journal.close_kinds(plan.id, sorted(solved), how="solved", now=now)
        await tx.journal.open(plan.id, open_now, now=now)
        await tx.plans.settle(plan, worker, follows=True, asked_at=now, next_at=next_at)
        if await tx.policy_version() not in (None, policy.version):
            await tx.plans.mark(plan.id, now)  # another one was put in force meanwhile
    return Reconciled(
        number=plan.number,
        revision=plan.revision,
        state=plan.state,
        laid_out=laid_out,
        next_at=next_at,
    )


def _next_look(plan: Plan, notices_at: datetime | None, now: datetime) -> datetime | None:
    """When there is something new to lay out, and once more when the outage is over: what was still
    open then has lost its point."""
    moments = [
        moment for moment in (notices_at, plan.ends_at) if moment is not None and moment > now
    ]
    return min(moments, default=None)


async def _drift(store: Store, plan: Plan, revision: Revision, now: datetime) -> rechecking.Drift:
    """How ledger and network have moved away from the frozen impact of a plan that is still to come.

    Once a traced plan is under way the switches stand as it has put them: that is no drift.
    """
    begun = plan.starts_at is not None and plan.starts_at <= now
    if plan.state is not PlanState.APPROVED or revision.points_id is None:
        return rechecking.Drift()
    if begun and revision.network is not None:
        return rechecking.Drift()
    return await rechecking.drift(store, revision, now=now)


def _changes(laid_out: LaidOut) -> list[Decided]:
    """What this reconciliation did, for the evidence; nothing where nothing was done."""
    done = {
        "schedule": laid_out.scheduled,
        "withdraw": laid_out.withdrawn,
        "repoint_batches": laid_out.repointed_batches,
        "withdraw_batches": laid_out.withdrawn_batches,
    }
    return [
        Decided(stage="", cell="", verdict=verdict, reason="reconcile", people=number)
        for verdict, number in done.items()
        if number
    ]


async def _wait_for_approval(
    store: Store, setting: Setting, worker: str, plan: Plan, now: datetime
) -> Reconciled:
    """Nothing leaves before approval; when the legal time draws near somebody is told to hurry."""
    lead = setting.policy.legal_lead.get(plan.kind, timedelta())
    urgent_at = None if plan.starts_at is None else plan.starts_at - lead - timedelta(days=1)
    async with store.write() as tx:
        if urgent_at is not None and urgent_at <= now:
            await tx.journal.open(
                plan.id,
                [
                    ForAPerson(
                        kind="approval_overdue",
                        subject=f"r{plan.revision}",
                        people=0,
                        sentence="计划尚未批准，通知期限将至 / not approved, and notice is due",
                        owner=setting.policy.owner,
                        due_at=plan.starts_at,
                    )
                ],
                now=now,
            )
            next_at = None
        else:
            next_at = urgent_at
        await tx.plans.settle(plan, worker, follows=False, asked_at=now, next_at=next_at)
    return Reconciled(
        number=plan.number,
        revision=plan.revision,
        state=plan.state,
        laid_out=LaidOut(),
        next_at=next_at,
    )
