"""What people do with plans: revise, approve, cancel, delay, restore; ``submitting`` takes them in.

Each is a new revision or a new state, and then the same thing happens: the plan is reconciled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from notifier.domain import delaying, errors
from notifier.domain.finding import Severity
from notifier.domain.plan import (
    Change,
    NewRevision,
    Plan,
    PlanContent,
    PlanState,
    Revision,
)
from notifier.domain.window import WindowInvalid, require_plausible
from notifier.ports import Renderer, Store, Transaction
from notifier.usecases import matching, rechecking
from notifier.usecases.postings import CLOCK_SLACK
from notifier.usecases.preview import Preview, preview
from notifier.usecases.reconcile import Setting


class PlanNotFound(errors.NotFound):
    """There is no plan of that number."""

    code = "plan.not_found"


class PlanClosed(errors.Conflict):
    """The plan is cancelled or done and cannot be changed any more."""

    code = "plan.closed"


class PlanBlocked(errors.Conflict):
    """A finding of severity error forbids approving the plan."""

    code = "plan.blocked"


class ApprovalNeedsAnother(errors.Forbidden):
    """So many recipients need an approver other than whoever submitted the plan."""

    code = "approval.needs_another"


class ApprovalStale(errors.Conflict):
    """The recipients, the templates or the policy are not those that were looked at."""

    code = "approval.stale"


async def find(store: Store, number: str) -> Plan:
    """The plan of that number. Raises ``PlanNotFound``."""
    async with store.read() as tx:
        plan = await tx.plans.find(number)
    if plan is None:
        raise PlanNotFound(f"没有编号为 {number} 的计划 / there is no plan {number}.")
    return plan


async def revise(
    store: Store,
    number: str,
    content: PlanContent,
    *,
    note: str,
    now: datetime,
    actor: str,
) -> Plan:
    """A new revision by hand; what was approved is void. Raises ``PlanNotFound``, ``PlanClosed``,
    ``WindowInvalid``."""
    require_plausible(*content.moments)
    plan = await find(store, number)
    require_open(plan)
    return await _change(
        store, plan, replace(content, number=plan.number), Change.REVISED,
        note=note, now=now, actor=actor, state=PlanState.SUBMITTED,
    )  # fmt: skip


async def rematch(store: Store, number: str, *, note: str, now: datetime, actor: str) -> Plan:
    """Finds out anew whom the plan touches, on ledger and network as they are now: a new revision of
    the same content, to be approved again. Raises ``PlanNotFound``, ``PlanClosed``, and ``PlanBlocked``
    for a draft, of which something has to be mended first."""
    plan = await find(store, number)
    require_open(plan)
    if plan.state is PlanState.DRAFT:
        raise PlanBlocked(
            f"计划 {number} 是草稿，请先改正 / plan {number} is a draft: mend it first."
        )
    async with store.read() as tx:
        present = await tx.plans.revision(plan.id, plan.revision)
    return await _change(
        store, plan, present.content, Change.REMATCHED,
        note=note, now=now, actor=actor, state=PlanState.SUBMITTED,
        findings=[item for item in present.findings if not matching.is_of_match(item["code"])],
    )  # fmt: skip


async def cancel(
    store: Store, setting: Setting, number: str, *, note: str, now: datetime, actor: str
) -> Plan:
    """The outage will not take place; whoever was told is told so. Raises ``PlanNotFound``,
    ``PlanClosed``."""
    plan = await find(store, number)
    require_open(plan)
    async with store.read() as tx:
        await setting.refresh(tx)
        present = await tx.plans.revision(plan.id, plan.revision)
    _two_pairs_of_eyes(setting, plan, present, Change.CANCELLED, actor)
    return await _change(
        store, plan, present.content, Change.CANCELLED,
        note=note, now=now, actor=actor, state=PlanState.CANCELLED,
    )  # fmt: skip


async def delay(
    store: Store,
    setting: Setting,
    number: str,
    until: datetime,
    *,
    note: str,
    now: datetime,
    actor: str,
) -> Plan:
    """The window that began last (or else the last one) ends at ``until`` (aware) instead, and the
    transfers back at its end move with it.

    Raises ``PlanNotFound``, ``PlanClosed``, ``WindowInvalid``.
    """
    require_plausible(until)
    plan = await find(store, number)
    require_open(plan)
    async with store.read() as tx:
        await setting.refresh(tx)
        present = await tx.plans.revision(plan.id, plan.revision)
    _two_pairs_of_eyes(setting, plan, present, Change.DELAYED, actor)
    windows = present.content.windows
    if not windows:
        raise WindowInvalid("该计划没有停电窗口 / this plan has no outage window.")
    begun = [window for window in windows if window.starts_at <= now]
    running = max(begun or windows)
    if until <= running.starts_at:
        raise WindowInvalid("新的结束时间早于开始时间 / the new end is before the start.")
    if until <= now:
        raise WindowInvalid("新的结束时间已过 / the new end has passed.")
    content = delaying.delayed(present.content, running, until, now=now)
    return await _change(
        store, plan, content, Change.DELAYED,
        note=note, now=now, actor=actor, state=plan.state,
    )  # fmt: skip


async def restore(
    store: Store,
    setting: Setting,
    number: str,
    at: datetime,
    *,
    note: str,
    now: datetime,
    actor: str,
    whole: bool = False,
) -> Plan:
    """Supply is back since ``at`` (aware), and the plan is done; where more windows are to come, only
    the one that was running ends then, unless the ``whole`` plan ends with it.

    Raises ``PlanNotFound``, ``PlanClosed``, ``WindowInvalid`` where nobody was out yet or ``at`` is
    still to come.
    """
    require_plausible(at)
    plan = await find(store, number)
    if plan.state is not PlanState.APPROVED:
        raise PlanClosed(f"计划 {number} 未在执行 / plan {number} is not under way.")
    async with store.read() as tx:
        await setting.refresh(tx)
        present = await tx.plans.revision(plan.id, plan.revision)
    if plan.starts_at is None or at <= plan.starts_at:
        raise WindowInvalid(
            "恢复时间早于停电开始 / supply cannot come back before the outage begins: cancel the plan."
        )
    if at > now + CLOCK_SLACK:
        raise WindowInvalid("恢复时间在将来 / supply cannot be back at a time that is to come.")
    _two_pairs_of_eyes(setting, plan, present, Change.RESTORED, actor)
    content = present.content
    begun = [window for window in content.windows if window.starts_at < at]
    if whole or not begun or len(begun) == len(content.windows):
        return await _change(
            store, plan, content, Change.RESTORED,
            note=note, now=now, actor=actor, state=PlanState.DONE, restored_at=at,
        )  # fmt: skip
    running = max(begun)
    if at < running.ends_at:
        content = delaying.delayed(content, running, at, now=now)
    return await _change(
        store, plan, content, Change.DELAYED,
        note=note, now=now, actor=actor, state=plan.state,
    )  # fmt: skip


async def approve(
    store: Store,
    setting: Setting,
    renderer: Renderer,
    number: str,
    *,
    now: datetime,
    actor: str,
    expected_hash: str = "",
) -> Preview:
    """Signs the present revision for sending, on a frozen set of recipients.

    ``expected_hash``: the recipients the approver looked at. Raises ``PlanNotFound``, ``PlanClosed``,
    ``PlanBlocked`` where a finding forbids it, ``ApprovalNeedsAnother``, ``ApprovalStale``.
    """
    plan = await find(store, number)
    if plan.state is PlanState.APPROVED:
        raise errors.Conflict(
            f"计划 {number} 已批准 / plan {number} is approved already.", code="plan.approved"
        )
    require_open(plan)
    seen, revision = await preview(store, setting, renderer, plan, now)
    doubts = await rechecking.findings(store, plan, revision, now=now)
    doubts += [finding.as_dict() for finding in seen.findings]
    blocking = [item for item in doubts if item["severity"] == Severity.ERROR.value]
    if blocking or plan.state is PlanState.DRAFT:
        draft = {"code": "plan.draft", "found": "草稿 / a draft", "expected": ""}
        raise PlanBlocked(rechecking.why_blocked(number, blocking[0] if blocking else draft))
    if expected_hash and expected_hash != seen.recipients_hash:
        raise ApprovalStale("收件人已变化，请重新查看 / the recipients have changed: look again.")
    authors = (plan.submitted_by, revision.created_by)
    if seen.recipients > setting.policy.approval_threshold and actor in authors:
        raise ApprovalNeedsAnother(
            f"{seen.recipients} 人以上须由他人批准 / more than "
            f"{setting.policy.approval_threshold} recipients need another approver."
        )
    async with store.write() as tx:
        await tx.joints.hold([plan.number])
        present = await tx.plans.by_id(plan.id)
        if present.revision != seen.revision:
            raise ApprovalStale("计划已有新版本 / there is a newer revision.")
        if present.joint_change != plan.joint_change:
            raise ApprovalStale(
                "同停的计划刚有变化，请重新查看 / a plan of the same outage has just changed: look again."
            )
        await _still(tx, plan)
        await tx.plans.add_approval(
            revision.id,
            {
                "recipients_hash": seen.recipients_hash,
                "recipients": seen.recipients,
                "parts": seen.parts,
                "cost": seen.cost,
                "template_version": seen.template_version,
                "policy_version": seen.policy_version,
                "approved_by": actor,
                "approved_at": now,
            },
        )
        await tx.plans.set_state(plan.id, PlanState.APPROVED)
        await tx.plans.mark(plan.id, now)
        await tx.joints.stir_others([plan.id], now)
        await tx.audited(
            at=now,
            actor=actor,
            action="plan.approved",
            subject=number,
            detail={
                "revision": seen.revision,
                "recipients": seen.recipients,
                "recipients_hash": seen.recipients_hash,
                "parts": seen.parts,
                "cost": seen.cost,
            },
        )
    return seen


async def _change(
    store: Store,
    plan: Plan,
    content: PlanContent,
    change: Change,
    *,
    note: str,
    now: datetime,
    actor: str,
    state: PlanState,
    restored_at: datetime | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> Plan:
    number = plan.revision + 1
    async with store.write() as tx:
        await tx.joints.hold([plan.number])
        await _still(tx, plan)
        if change in (Change.REVISED, Change.REMATCHED):
            await tx.plans.void_approvals({plan.id: f"revision {number}: {note}"}, now=now)
        await tx.plans.add_revisions(
            [
                NewRevision(
                    plan_id=plan.id,
                    number=number,
                    content=content,
                    change=change,
                    state=state,
                    note=note,
                    source={"by": actor},
                    findings=findings,
                    restored_at=restored_at,
                )
            ],
            now=now,
            actor=actor,
        )
        await tx.joints.stir_others([plan.id], now)
        await tx.audited(
            at=now,
            actor=actor,
            action=f"plan.{change.value}",
            subject=plan.number,
            detail={"revision": number, "note": note},
        )
        changed = await tx.plans.by_id(plan.id)
    await matching.ensure_matched(store, changed)
    return changed


def _two_pairs_of_eyes(
    setting: Setting, plan: Plan, present: Revision, change: Change, actor: str
) -> None:
    """A change that tells many people needs another person than the submitter, unless the policy lets
    it pass: what is late is worse than what one person decided."""
    policy = setting.policy
    points = sum(present.counts.get("points", {}).values())
    many = plan.state is PlanState.APPROVED and points > policy.approval_threshold
    if many and change not in policy.approval_exempt and actor == plan.submitted_by:
        raise ApprovalNeedsAnother(
            f"影响 {points} 户，须由他人操作 / {points} usage points: another person must do this."
        )


async def _still(tx: Transaction, plan: Plan) -> None:
    """Raises ``errors.Conflict`` when somebody else changed the plan in the meantime."""
    present = await tx.plans.by_id(plan.id)
    if present.revision != plan.revision or present.state != plan.state:
        raise errors.Conflict(
            f"计划 {plan.number} 刚被他人修改 / plan {plan.number} was changed just now by somebody else.",
            code="plan.changed_meanwhile",
        )


def require_open(plan: Plan) -> None:
    """Raises ``PlanClosed`` for a plan that is cancelled or done."""
    if plan.state in (PlanState.CANCELLED, PlanState.DONE):
        raise PlanClosed(
            f"计划 {plan.number} 已结束（{plan.state.value}） / plan {plan.number} is closed."
        )
