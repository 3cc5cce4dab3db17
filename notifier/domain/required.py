"""What people should have been told: a pure function of plan revision, impact, policy and time.

Recipients are decided by the *cell*: everybody with the same impact group, the same traits and the
same last notice. A plan has a handful of cells however many people it touches, so the store applies
one decision to a million rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.customer import REACH_BY_MEDIUM, Audience, Need, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Facts, Notice, Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy, Rule
from notifier.domain.window import Window

#: The facts of somebody who was told that nothing will happen after all.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What ``required`` needs of a plan: its present revision. Times are aware UTC."""

    number: str
    revision: int
    kind: PlanKind
    state: PlanState
    works: str
    restored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a notice said that was sent before, under its ``facts_key``: class, windows, place."""

    key: str
    impact_class: ImpactClass
    windows: tuple[Window, ...]
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Recipients who must all hear the same. ``group`` is None for those no longer affected;
    ``told`` is the key of the last notice that reached them (None: never any), ``told_media``
    the media that carried it; ``tried``: the key of the last notice that was tried where none ever
    reached them."""

    group: int | None
    told: str | None
    told_media: Reach
    audience: Audience
    need: Need
    locale: str
    reach: Reach
    people: int = 0
    tried: str | None = None

    @property
    def name(self) -> str:
        """The cell in words that stay the same from one run to the next."""
        group = "-" if self.group is None else str(self.group)
        return (
            f"{group}|{self.told or '-'}|{int(self.told_media)}|{self.audience.value}|"
            f"{int(self.need)}|{self.locale}|{int(self.reach)}|{self.tried or '-'}"
        )

    @classmethod
    def named(cls, name: str, people: int = 0) -> "Cell":
        """The inverse of ``name``."""
        group, told, media, audience, need, locale, reach, tried = name.split("|")
        return cls(
            group=None if group == "-" else int(group),
            told=None if told == "-" else told,
            told_media=Reach(int(media)),
            audience=Audience(audience),
            need=Need(int(need)),
            locale=locale,
            reach=Reach(int(reach)),
            people=people,
            tried=None if tried == "-" else tried,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A stage of which a cell hears nothing, and why, as a stable code."""

    stage: Stage
    reason: str


def required(
    plan: PlanFacts,
    groups: Mapping[int, Group],
    told: Mapping[str, Told],
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Notice | Skip]:
    """Every notice the people of one cell should get from now on, and every stage they should not.

    ``told`` explains the keys of earlier notices. A notice of rung 0 is wanted at once, one of a
    higher rung only for those whom the rung below failed to reach.
    """
    group = groups.get(cell.group) if cell.group is not None else None
    before = told.get(cell.told) if cell.told not in (None, NOTHING) else None
    if plan.state is PlanState.DONE:
        yield from _closing(plan, group, before, cell, policy, now, zone)
        return
    spared = "" if group is None else _spared(plan, group, before, cell, policy, zone)
    if plan.state is PlanState.CANCELLED or group is None or spared:
        stage = Stage.CANCELLED if plan.state is PlanState.CANCELLED else Stage.REMOVED
        if before is None and spared and stage is Stage.REMOVED:
            yield Skip(stage=Stage.ADVANCE, reason=spared)
        elif before is None:
            yield Skip(stage=stage, reason="never_told")
        elif max(window.ends_at for window in before.windows) <= now:
            yield Skip(stage=stage, reason="outage_over")
        else:
            yield from _correction(stage, plan, None, before, cell, policy, now, zone)
        return
    if before is None:
        yield from _announcement(plan, group, cell, policy, now, zone)
    elif before.key != group.facts_key:
        yield from _correction(
            _kind_of_change(before, group, now), plan, group, before, cell, policy, now, zone
        )
    else:
        yield from _ladder(plan, group, cell, policy, now, zone)
    yield from _reminders(plan, group, before, cell, policy, now, zone)


def _spared(
    plan: PlanFacts, group: Group, before: Told | None, cell: Cell, policy: Policy, zone: ZoneInfo
) -> str:
    told = None if before is None else before.impact_class
    return policy.spares(plan.kind, group, told, cell.audience, cell.need, zone)


def _ladder(
    plan: PlanFacts, group: Group, cell: Cell, policy: Policy, now: datetime, zone: ZoneInfo
) -> Iterator[Notice]:
    """Where the policy wants a confirmation: the higher rungs of the advance notice, for those who may
    have read it but did not confirm it."""
    for item in _announcement(plan, group, cell, policy, now, zone):
        if isinstance(item, Notice) and item.confirm and item.rung > 0:
            yield item


def _kind_of_change(before: Told, group: Group, now: datetime) -> Stage:
    """LATE where an outage that has begun goes on for longer than was said; what is moved to
    another time, or turns from hours into seconds, is rescheduled."""
    both_out = before.impact_class is ImpactClass.OUT and group.impact_class is ImpactClass.OUT
    overrun = any(
        said.starts_at <= now
        and present.starts_at <= now
        and said.overlaps(present)
        and present.ends_at > max(said.ends_at, now)
        for said in before.windows
        for present in group.windows
    )
    return Stage.LATE if both_out and overrun else Stage.RESCHEDULED


def _next_start(windows: tuple[Window, ...], now: datetime) -> datetime:
    """When the first window starts that is not over: in the past where one is running. When all are
    over, when the first one started."""
    starts = [window.starts_at for window in windows if window.ends_at > now]
    return min(starts or [window.starts_at for window in windows])


def _announcement(
    plan: PlanFacts, group: Group, cell: Cell, policy: Policy, now: datetime, zone: ZoneInfo
) -> Iterator[Notice | Skip]:
    """The advance notice; one that became due late is sent at once."""
    start = _next_start(group.windows, now)
    unplanned = plan.kind is PlanKind.UNPLANNED
    expires = max(w.ends_at if unplanned else w.starts_at for w in group.windows)
    occasion = f"r{plan.revision}" if cell.told == NOTHING else ""
    if expires <= now:
        yield Skip(stage=Stage.ADVANCE, reason="outage_begun")
        return
    found = False
    for rule in policy.rules_for(
        Stage.ADVANCE, plan.kind, group.impact_class, cell.audience, cell.need
    ):
        found = True
        due = now if rule.lead is None else start - rule.lead
        facts = _facts(plan, Stage.ADVANCE, group, None, cell)
        yield from _chain(
            rule, facts, occasion, due, expires, cell, policy, now, zone, start, plan.kind
        )
    if not found:
        yield Skip(stage=Stage.ADVANCE, reason="policy.not_this_audience")


def _reminders(
    plan: PlanFacts,
    group: Group,
    before: Told | None,
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Notice | Skip]:
    """A reminder for the first window of each local day, unless another notice says it just then."""
    rules = list(
        policy.rules_for(Stage.REMINDER, plan.kind, group.impact_class, cell.audience, cell.need)
    )
    if not rules:
        yield Skip(stage=Stage.REMINDER, reason="policy.not_this_audience")
        return
    days: set[object] = set()
    for window in sorted(group.windows):
        day = window.starts_at.astimezone(zone).date()
        if day in days:
            continue
        days.add(day)  # a day that has begun needs no reminder of its afternoon
        if window.starts_at <= now:
            yield Skip(stage=Stage.REMINDER, reason="outage_begun")
            continue
        for rule in rules:
            due = now if rule.lead is None else window.starts_at - rule.lead
            first = _first_due(plan, group, cell, policy, now)
            waits = before is None and cell.tried != group.facts_key and first is not None
            if waits and first is not None and first > due - policy.min_gap:
                yield Skip(stage=Stage.REMINDER, reason="advance_serves")
                continue
            if before is not None and before.key != group.facts_key and now > due - policy.min_gap:
                yield Skip(stage=Stage.REMINDER, reason="correction_serves")
                continue
            facts = _facts(plan, Stage.REMINDER, group, None, cell)
            yield from _chain(
                rule,
                facts,
                window.starts_at.strftime("%Y%m%dT%H%MZ"),
                due,
                window.starts_at,
                cell,
                policy,
                now,
                zone,
                window.starts_at,
                plan.kind,
                gap=policy.min_gap,
            )


def _first_due(
    plan: PlanFacts, group: Group, cell: Cell, policy: Policy, now: datetime
) -> datetime | None:
    start = _next_start(group.windows, now)
    for rule in policy.rules_for(
        Stage.ADVANCE, plan.kind, group.impact_class, cell.audience, cell.need
    ):
        return max(now, now if rule.lead is None else start - rule.lead)
    return None


def _correction(
    stage: Stage,
    plan: PlanFacts,
    group: Group | None,
    before: Told,
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Notice | Skip]:
    """Puts right what was told, by every medium that carried it; other media follow on failure."""
    facts = _facts(plan, stage, group, before, cell)
    concerned = before.windows
    if group is not None and stage in (Stage.RESCHEDULED, Stage.LATE):
        concerned += group.windows
    matters = _next_start(concerned, now)
    expires = max(window.ends_at for window in concerned)
    carried = [m for m in Medium if cell.told_media & REACH_BY_MEDIUM[m]]
    chain = _media_of(stage, plan, before.impact_class, cell, policy)
    for medium in carried:
        rest = tuple(other for other in chain if other not in carried)
        rule = Rule(stage=stage, media=(medium, *rest), track=medium.value)
        yield from _chain(
            rule,
            facts,
            f"r{plan.revision}",
            now,
            expires,
            cell,
            policy,
            now,
            zone,
            matters,
            plan.kind,
        )
    if not carried:
        yield Skip(stage=stage, reason="never_told")


def _media_of(
    stage: Stage, plan: PlanFacts, impact_class: ImpactClass, cell: Cell, policy: Policy
) -> tuple[Medium, ...]:
    """The chain the policy gives for this correction, or else for the advance notice."""
    for wanted in (stage, Stage.ADVANCE):
        for rule in policy.rules_for(wanted, plan.kind, impact_class, cell.audience, cell.need):
            return rule.media
    return ()


def _closing(
    plan: PlanFacts,
    group: Group | None,
    before: Told | None,
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Notice | Skip]:
    """Supply is back: told where it came early, and to whoever has a poster to take down."""
    restored = plan.restored_at
    if before is None or restored is None:
        yield Skip(stage=Stage.RESTORED, reason="never_told")
        return
    promised = max(window.ends_at for window in before.windows)
    is_place = cell.audience is Audience.ENTRANCE
    if not is_place and promised - restored < policy.early:
        yield Skip(stage=Stage.RESTORED, reason="restored_as_announced")
        return
    facts = _facts(plan, Stage.RESTORED, group, before, cell)
    rules = list(
        policy.rules_for(Stage.RESTORED, plan.kind, before.impact_class, cell.audience, cell.need)
    )
    if not rules:
        yield Skip(stage=Stage.RESTORED, reason="policy.not_this_audience")
    for rule in rules:
        expires = restored + (timedelta(days=7) if is_place else timedelta(hours=6))
        yield from _chain(
            rule, facts, "", now, expires, cell, policy, now, zone, expires, plan.kind
        )


def _chain(
    rule: Rule,
    facts: Facts,
    occasion: str,
    due: datetime,
    expires: datetime,
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    matters: datetime,
    plan_kind: PlanKind,
    gap: timedelta | None = None,
) -> Iterator[Notice | Skip]:
    """One notice for each medium of the chain by which the cell can be reached, in order."""
    reachable = [m for m in rule.media if cell.reach & REACH_BY_MEDIUM[m]]
    if expires <= max(due, now):
        yield Skip(stage=rule.stage, reason="too_late")
        return
    if not reachable:
        yield Skip(stage=rule.stage, reason="unreachable")
        return
    name = f"{occasion}:{rule.track}" if rule.track else occasion
    for rung, medium in enumerate(reachable):
        if rule.ignores_quiet_hours:
            at, why = max(due, now), ""
        else:
            at, why = policy.settle(
                due,
                now=now,
                latest=matters,
                medium=medium,
                stage=rule.stage,
                zone=zone,
                legal=policy.legal_time(plan_kind, rule.stage, matters),
                may_wake=policy.may_wake(facts),
            )
            if at >= expires:
                yield Skip(stage=rule.stage, reason="quiet_hours.seconds")
                return
        yield Notice(
            stage=rule.stage,
            occasion=name,
            rung=rung,
            medium=medium,
            locale=cell.locale,
            facts=facts,
            due_at=at,
            expires_at=expires,
            matters_at=matters,
            give_up_at=_give_up_at(policy, plan_kind, at, matters, len(reachable) - 1 - rung),
            confirm=rule.confirm,
            ignores_quiet_hours=rule.ignores_quiet_hours,
            unless_told_since=None if gap is None else min(at, due) - gap,
            reason=why,
        )


def _give_up_at(
    policy: Policy, kind: PlanKind, due: datetime, matters: datetime, rungs_left: int
) -> datetime | None:
    """Planned backwards: from the legal time where that is still ahead, else from when it matters."""
    if rungs_left == 0:
        return None
    legal = matters - policy.legal_lead.get(kind, timedelta())
    latest = legal if due < legal else matters
    return latest - policy.failover_margin * rungs_left


def _facts(
    plan: PlanFacts, stage: Stage, group: Group | None, before: Told | None, cell: Cell
) -> Facts:
    """The facts of a notice; without a group (removed, cancelled) the class is the one told."""
    if group is not None:
        impact_class, windows, where = group.impact_class, group.windows, group.place
    else:
        assert before is not None  # noqa: S101  # nobody is told of nothing
        impact_class, windows, where = before.impact_class, (), before.place
    return Facts(
        number=plan.number,
        stage=stage,
        impact_class=impact_class,
        windows=windows,
        told_windows=before.windows if before is not None else (),
        told_class=before.impact_class if before is not None else None,
        audience=cell.audience,
        need=cell.need,
        where=where,
        works=plan.works,
        revision=plan.revision,
        restored_at=plan.restored_at,
    )
