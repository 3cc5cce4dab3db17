"""How a thing is said to the people of one cell: the facts, the media in their order, the times."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.cell import Cell, PlanFacts, Skip, Told
from notifier.domain.customer import REACH_BY_MEDIUM
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Facts, Notice, Stage
from notifier.domain.plan import PlanKind
from notifier.domain.policy import Policy, Rule
from notifier.domain.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of a plan at one moment: what everything about it is decided from. ``now`` is aware."""

    plan: PlanFacts
    cell: Cell
    policy: Policy
    now: datetime
    zone: ZoneInfo

    def rules(self, stage: Stage, impact_class: ImpactClass) -> list[Rule]:
        """The rules of the policy for this cell, the first that fits of each track."""
        cell = self.cell
        return list(
            self.policy.rules_for(stage, self.plan.kind, impact_class, cell.audience, cell.need)
        )

    def facts(self, stage: Stage, group: Group | None, before: Told | None) -> Facts:
        """The facts of a notice; without a group (removed, cancelled) the class is the one told."""
        if group is not None:
            impact_class, windows, where = group.impact_class, group.windows, group.place
        else:
            assert before is not None  # noqa: S101  # nobody is told of nothing
            impact_class, windows, where = before.impact_class, (), before.place
        return Facts(
            number=self.plan.number,
            stage=stage,
            impact_class=impact_class,
            windows=windows,
            told_windows=before.windows if before is not None else (),
            told_class=before.impact_class if before is not None else None,
            audience=self.cell.audience,
            need=self.cell.need,
            where=where,
            works=self.plan.works,
            revision=self.plan.revision,
            restored_at=self.plan.restored_at,
        )

    def chain(
        self,
        rule: Rule,
        facts: Facts,
        *,
        due: datetime,
        expires: datetime,
        matters: datetime,
        occasion: str = "",
        gap: timedelta | None = None,
    ) -> Iterator[Notice | Skip]:
        """One notice for each medium of the rule by which the cell can be reached, in order."""
        now, policy, stage = self.now, self.policy, rule.stage
        reachable = [m for m in rule.media if self.cell.reach & REACH_BY_MEDIUM[m]]
        if expires <= max(due, now):
            yield Skip(stage=stage, reason="too_late")
            return
        if not reachable:
            yield Skip(stage=stage, reason="unreachable")
            return
        for rung, medium in enumerate(reachable):
            if rule.ignores_quiet_hours:
                at, why = max(due, now), ""
            else:
                at, why = policy.settle(
                    due,
                    now=now,
                    latest=matters,
                    medium=medium,
                    stage=stage,
                    zone=self.zone,
                    legal=policy.legal_time(self.plan.kind, stage, matters),
                    may_wake=policy.may_wake(facts),
                )
                if at >= expires:
                    yield Skip(stage=stage, reason="quiet_hours.seconds")
                    return
            yield Notice(
                stage=stage,
                occasion=f"{occasion}:{rule.track}" if rule.track else occasion,
                rung=rung,
                medium=medium,
                locale=self.cell.locale,
                facts=facts,
                due_at=at,
                expires_at=expires,
                matters_at=matters,
                give_up_at=_give_up_at(
                    policy, self.plan.kind, at, matters, len(reachable) - 1 - rung
                ),
                confirm=rule.confirm,
                ignores_quiet_hours=rule.ignores_quiet_hours,
                unless_told_since=None
                if gap is None or (rung > 0 and self.cell.unsure)
                else min(at, due) - gap,
                reason=why,
            )


def occasion_of(window: Window) -> str:
    """Tells the windows of a plan apart, the same in every zone."""
    return window.starts_at.astimezone(UTC).strftime("%Y%m%dT%H%MZ")


def next_start(windows: tuple[Window, ...], now: datetime) -> datetime:
    """When the first window starts that is not over: in the past where one is running. When all are
    over, when the first one started."""
    starts = [window.starts_at for window in windows if window.ends_at > now]
    return min(starts or [window.starts_at for window in windows])


def _give_up_at(
    policy: Policy, kind: PlanKind, due: datetime, matters: datetime, rungs_left: int
) -> datetime | None:
    """Planned backwards: from the legal time where that is still ahead, else from when it matters."""
    if rungs_left == 0:
        return None
    legal = matters - policy.legal_lead.get(kind, timedelta())
    latest = legal if due < legal else matters
    return latest - policy.failover_margin * rungs_left
