"""What only a person can see to, found while a plan is reconciled: each with an owner and a time."""

from datetime import datetime, timedelta

from notifier.domain.cell import Cell
from notifier.domain.customer import Criticality
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Stage
from notifier.domain.plan import Plan, PlanState, Revision
from notifier.domain.policy import Policy
from notifier.domain.wanted import ForAPerson, LaidOut
from notifier.usecases.rechecking import Drift
from notifier.usecases.wanting import Wants

#: Kinds that a later reconciliation may find solved.
SOLVED_BY_THEMSELVES = frozenset(
    {
        "approval_overdue",
        "impact_outdated",
        "impact_unknown",
        "no_contact",
        "not_reached",
        "notice_late",
        "unreachable",
    }
)


def for_people(
    plan: Plan,
    revision: Revision,
    wants: Wants,
    laid_out: LaidOut,
    drift: Drift,
    policy: Policy,
    now: datetime,
) -> list[ForAPerson]:
    """The list of this plan as it stands; empty once the outage is over. ``drift``: how ledger and
    network have moved away from the frozen impact. ``now`` is aware."""
    if plan.state is PlanState.DONE or (plan.ends_at is not None and plan.ends_at <= now):
        return []
    due_at = None if plan.starts_at is None else plan.starts_at - policy.failover_margin

    def item(kind: str, subject: str, people: int, sentence: str) -> ForAPerson:
        return ForAPerson(
            kind=kind,
            subject=subject,
            people=people,
            sentence=sentence,
            owner=policy.owner,
            due_at=due_at,
        )

    found = [
        item(
            kind="not_reached",
            subject=stage,
            people=people,
            sentence=f"{people} 人的各种渠道均未送达，请人工联系 / every medium failed: reach them in person",
        )
        for stage, people in laid_out.not_reached
    ]
    found += [
        item(
            kind="unreachable",
            subject=audience,
            people=people,
            sentence=f"{people} 个联系人没有可用渠道，请补全资料或上门 / no usable address: mend or visit",
        )
        for audience, people in sorted(_unreachable(wants).items())
    ]
    found += [
        item(
            kind="no_contact",
            subject=Criticality(int(criticality)).name.lower(),
            people=points,
            sentence=f"{points} 户没有任何联系人，只能靠张贴 / nobody to tell there: posters only",
        )
        for criticality, points in sorted(revision.counts.get("without_contact", {}).items())
    ]
    if drift:
        found.append(
            item(
                kind="impact_outdated",
                subject=f"r{revision.number}",
                people=drift.joined + drift.left + drift.otherwise,
                sentence=f"台账或网络更新后新增 {drift.joined} 户、减少 {drift.left} 户、"
                f"影响不同 {drift.otherwise} 户，请重新匹配 / "
                "ledger or network have changed since: match the plan anew to take it in",
            )
        )
    unknown = revision.counts.get("points", {}).get(ImpactClass.UNKNOWN.value, 0)
    if unknown:
        found.append(
            item(
                kind="impact_unknown",
                subject=f"r{revision.number}",
                people=unknown,
                sentence=f"{unknown} 户影响不明，按停电通知，请核对台账与网络 / "
                "not known whether they are out: told as out; mend ledger or network",
            )
        )
    late = _late(wants, plan, policy)
    if late:
        found.append(
            item(
                kind="notice_late",
                subject=f"r{revision.number}",
                people=late,
                sentence=f"{late} 人的通知晚于法定提前期 / told later than the law asks",
            )
        )
    return found


def _unreachable(wants: Wants) -> dict[str, int]:
    counted: dict[str, int] = {}
    for skip in wants.skipped:
        if skip.reason == "unreachable" and skip.stage == Stage.ADVANCE.value:
            audience = Cell.named(skip.cell).audience.value
            counted[audience] = counted.get(audience, 0) + skip.people
    return counted


def _late(wants: Wants, plan: Plan, policy: Policy) -> int:
    """People whose advance notice cannot leave before the legal time any more."""
    lead = policy.legal_lead.get(plan.kind, timedelta())
    return sum(
        wants.cells[item.cell]
        for item in wants.wanted
        if item.notice.stage is Stage.ADVANCE
        and item.notice.rung == 0
        and item.notice.due_at > item.notice.matters_at - lead
    )
