"""Outages that run: ask the crew whether the end holds, act on the answer, and say what it pushes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.domain import errors, running
from notifier.domain.coordination.works import PlannedWork
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import Change, Plan, PlanContent, PlanState, Revision
from notifier.domain.running import Answer, Outcome, Phase, Push, Report, UnderWay
from notifier.domain.window import Window
from notifier.usecases import plans
from notifier.usecases.coordinate_contracts import WorkBook
from notifier.usecases.postings import CLOCK_SLACK, Crew
from notifier.usecases.reconcile import Setting
from notifier.usecases.running_contracts import Store, Transaction

#: The exceptions under which an end that nobody confirmed, and an outage that must move, are listed.
UNCONFIRMED = "end_unconfirmed"
PUSHED = "pushed_by_overrun"
#: A crew does not put an end off by more than this: that is a new plan.
LONGEST = timedelta(hours=24)


class NotUnderWay(errors.Conflict):
    """The plan has no outage that has begun."""

    code = "running.not_under_way"


class NotThisCrew(errors.NotFound):
    """The outage is worked on by another crew."""

    code = "running.not_this_crew"


class ReportImplausible(errors.Invalid):
    """The time that was reported cannot be."""

    code = "running.implausible"


class NotPushed(errors.NotFound):
    """That outage does not have to move for this one."""

    code = "running.not_pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What comes in about the end of an outage. Times are aware.

    ``at``: the new end, or when supply came back. ``said_at``: when it was said, where the device was
    offline meanwhile. ``promised_at``: the end it speaks of; None: the present one. ``key``: the same
    report sent again carries the same; empty: made of what it says.
    """

    answer: Answer
    at: datetime | None = None
    said_at: datetime | None = None
    promised_at: datetime | None = None
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One running outage. ``pushes``: what its end pushes; where the end holds (``is_foreseen``), what
    it would push at ``until``, later by as much as the policy says."""

    under_way: UnderWay
    phase: Phase
    asked_at: datetime
    due_at: datetime
    confirmation: Report | None
    until: datetime
    is_foreseen: bool
    pushes: tuple[Push, ...]
    areas: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Everything that runs ``at`` a moment, the first to end first; ``network`` gives areas names."""

    at: datetime
    lines: tuple[Line, ...]
    network: NetworkIndex

    def line(self, number: str) -> Line | None:
        """The running outage of that plan."""
        return next((line for line in self.lines if line.under_way.plan.number == number), None)


async def look(store: Store, works: WorkBook, setting: Setting, now: datetime) -> Running:
    """What runs now, how certain its end is, and what it pushes or would push."""
    rules = setting.policy.asking
    async with store.read() as tx:
        under_way = await _under_way(tx, setting, now)
        network = await tx.network()
    tries = {item.plan.id: _until(item, setting, now) for item in under_way}
    planned: Sequence[PlannedWork] = ()
    if under_way:
        planned = await works.works(
            ending_after=now - running.SHOWN_AFTER,
            starting_before=max(tries.values()) + rules.turnaround,
        )
    work_of = {work.plan.id: work for work in planned}
    feeder_of = _feeders(network)
    lines = []
    for item in under_way:
        work = work_of.get(item.plan.id)
        until = tries[item.plan.id]
        pushes: tuple[Push, ...] = ()
        if work is not None:
            pushes = running.pushed(
                work, item.first_promise, until, planned, feeder_of, rules, setting.zone
            )
        lines.append(
            Line(
                under_way=item,
                phase=item.phase(rules, now),
                asked_at=item.asked_at(rules),
                due_at=item.due_at(rules),
                confirmation=item.confirmation(rules),
                until=until,
                is_foreseen=until != item.promised_at,
                pushes=tuple(push for push in pushes if push.window.ends_at > now),
                areas=() if work is None else _areas(work),
            )
        )
    return Running(at=now, lines=tuple(lines), network=network)


def of_crew(seen: Running, crew: Crew) -> Running:
    """What this crew is to confirm: where it is named, or nobody is and it may work there."""
    mine = tuple(line for line in seen.lines if _is_of(line, crew, seen.network))
    return Running(at=seen.at, lines=mine, network=seen.network)


async def report(
    store: Store,
    works: WorkBook,
    setting: Setting,
    number: str,
    said: Said,
    crew: Crew | None,
    *,
    now: datetime,
    actor: str,
) -> Report:
    """Takes what was said of the end, and acts on it: a later end is told to people at once, and so is
    supply that came back early. The same report twice is one.

    ``crew``: who speaks where it is a crew; None: operations. What is overtaken, by a later report or
    by the clock, is kept and nothing follows. Raises ``plans.PlanNotFound``, ``NotUnderWay``,
    ``NotThisCrew``, ``ReportImplausible``, and what delaying or restoring raises.
    """
    plan = await plans.find(store, number)
    key = said.key or _key(number, said, actor, now)
    async with store.read() as tx:
        known = await tx.running.report(key)
        if known is not None:
            return known
        present = await tx.plans.revision(plan.id, plan.revision)
        before = (await tx.running.reports([plan.id])).get(plan.id, ())
    window = running.current_window(present.content, now)
    if window is None or plan.state not in (PlanState.APPROVED, PlanState.DONE):
        raise NotUnderWay(f"计划 {number} 现在没有停电 / plan {number} has no outage now.")
    if crew is not None:
        seen = await look(store, works, setting, now)
        line = seen.line(number)
        if line is not None and not _is_of(line, crew, seen.network):
            raise NotThisCrew(
                f"计划 {number} 由其他班组施工 / another crew works on plan {number}."
            )
    spoken = _plausible(said, window, now)
    if plan.state is PlanState.DONE or _ended_by_hand(present, window):
        was = plan.restored_at or window.ends_at
        is_same = spoken.answer is Answer.RESTORED and spoken.at == was
        outcome = Outcome.RESTORED if is_same else Outcome.NOTED
    else:
        outcome = await _act(store, setting, plan, window, spoken, before, now=now, actor=actor)
    made = Report(
        key=key,
        plan_id=plan.id,
        promised_at=spoken.promised_at or window.ends_at,
        answer=spoken.answer,
        at=spoken.at,
        said_at=spoken.said_at or now,
        received_at=now,
        said_by=actor,
        note=spoken.note,
        outcome=outcome,
    )
    async with store.write() as tx:
        if await tx.running.add(made):
            if outcome is not Outcome.NOTED:
                await tx.journal.close_kinds(plan.id, [UNCONFIRMED], how="solved", now=now)
            await tx.audited(
                at=now,
                actor=actor,
                action=f"running.{spoken.answer.value}",
                subject=number,
                detail={
                    "promised_at": made.promised_at.isoformat(),
                    "at": None if made.at is None else made.at.isoformat(),
                    "said_at": made.said_at.isoformat(),
                    "outcome": outcome.value,
                },
            )
        return await tx.running.report(key) or made


async def accept(
    store: Store,
    works: WorkBook,
    setting: Setting,
    number: str,
    other: str,
    starts_at: datetime | None,
    *,
    now: datetime,
    actor: str,
) -> Plan:
    """Moves the outage ``other``, which the end of ``number`` pushes, to the suggested time or to
    ``starts_at`` (aware): a revision as any, with what it says of approval.

    Raises ``NotUnderWay``, ``NotPushed``, ``ReportImplausible``, and what revising raises.
    """
    seen = await look(store, works, setting, now)
    line = seen.line(number)
    if line is None:
        raise NotUnderWay(f"计划 {number} 现在没有停电 / plan {number} has no outage now.")
    push = next((item for item in line.pushes if item.plan.number == other), None)
    if push is None:
        raise NotPushed(
            f"计划 {other} 不受 {number} 影响 / plan {other} need not move for {number}."
        )
    to = push.suggested
    if starts_at is not None:
        to = Window(starts_at, starts_at + push.window.duration)
    if to.starts_at <= now:
        raise ReportImplausible("新的开始时间已过 / the new start has passed.")
    changed = await plans.revise(
        store,
        other,
        running.moved(push.content, push.window, to),
        note=f"{number} 延时送电，顺延 / moved because {number} ends later",
        now=now,
        actor=actor,
    )
    async with store.write() as tx:
        await tx.journal.close_kinds(changed.id, [PUSHED], how="moved", now=now)
    return changed


# --- What runs -------------------------------------------------------------------------------------


async def _under_way(tx: Transaction, setting: Setting, now: datetime) -> list[UnderWay]:
    ids = await tx.running.begun(now, ending_after=now - running.SHOWN_AFTER)
    reports = await tx.running.reports(ids) if ids else {}
    found = []
    for plan_id in ids:
        plan = await tx.plans.by_id(plan_id)
        present = await tx.plans.revision(plan_id, plan.revision)
        window = running.current_window(present.content, now)
        if window is None or _ended_by_hand(present, window):
            continue
        promised = window.ends_at
        if present.change is Change.DELAYED:
            promised = running.first_promise(window, await _since_approved(tx, plan_id))
        item = UnderWay(
            plan=plan,
            content=present.content,
            window=window,
            first_promise=promised,
            points=present.counts.get("points", {}),
            reports=reports.get(plan_id, ()),
        )
        if item.is_shown(setting.policy.asking, now):
            found.append(item)
    return sorted(found, key=lambda item: (item.promised_at, item.plan.number))


def _ended_by_hand(present: Revision, window: Window) -> bool:
    """Whether somebody said of this window that it is over: of several days, one ends before the plan
    does."""
    return present.change is Change.DELAYED and present.created_at >= window.ends_at


async def _since_approved(tx: Transaction, plan_id: int) -> list[PlanContent]:
    """What the plan said before its end was put off, and after each time."""
    revisions = await tx.plans.revisions(plan_id)
    last = max(n for n, item in enumerate(revisions) if item.change is not Change.DELAYED)
    return [item.content for item in revisions[last:]]


def _until(item: UnderWay, setting: Setting, now: datetime) -> datetime:
    """The end to look at: the one that was put off, or else one that would be."""
    if item.promised_at > item.first_promise:
        return item.promised_at
    return max(item.promised_at, now) + setting.policy.asking.foresee


def _feeders(network: NetworkIndex) -> Mapping[int, int]:
    return {
        area.id: area.feeder_id for area in network.areas.values() if area.feeder_id is not None
    }


def _areas(work: PlannedWork) -> tuple[int, ...]:
    return tuple(sorted({area for part in work.parts for area in part.areas}))


def _is_of(line: Line, crew: Crew, network: NetworkIndex) -> bool:
    crews: Collection[str] = line.under_way.content.crews
    if crews:
        return crew.name in crews
    if crew.areas is None:
        return True
    own = set(crew.areas)
    places = (network.areas[area] for area in line.areas if area in network.areas)
    return any(place.name in own or place.code in own for place in places)


# --- What was said ---------------------------------------------------------------------------------


def _key(number: str, said: Said, actor: str, now: datetime) -> str:
    """The same for what was said at the same moment; a device that says none says it now."""
    words = [number, actor, said.answer.value]
    words += [str(moment) for moment in (said.at, said.said_at or now, said.promised_at)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def _plausible(said: Said, window: Window, now: datetime) -> Said:
    """What was said, once its times make sense."""
    said_at = said.said_at or now
    if said_at > now + CLOCK_SLACK:
        raise ReportImplausible("报告时间在未来 / it was said in the future.")
    if said.answer is Answer.ON_TIME:
        if said.at is not None:
            raise ReportImplausible("按时送电不需要时间 / on time takes no other time.")
        return said
    if said.at is None:
        raise ReportImplausible("请给出时间 / say at what time.")
    if said.at <= window.starts_at:
        raise ReportImplausible("时间早于停电开始 / that is before the outage began.")
    if said.answer is Answer.LATE and said.at > said_at + LONGEST:
        raise ReportImplausible(
            "延时超过 24 小时，请修改计划 / more than 24 hours: revise the plan."
        )
    if said.answer is Answer.RESTORED and said.at > now + CLOCK_SLACK:
        raise ReportImplausible("送电时间在未来 / supply cannot be back in the future.")
    if said.answer is Answer.RESTORED:
        return replace(said, at=min(said.at, now))
    return said


async def _act(
    store: Store,
    setting: Setting,
    plan: Plan,
    window: Window,
    said: Said,
    before: Sequence[Report],
    *,
    now: datetime,
    actor: str,
) -> Outcome:
    """Does what follows from it. Doing it twice is doing it once: the report is written afterwards."""
    if said.answer is Answer.RESTORED and said.at is not None:
        await plans.restore(
            store, setting, plan.number, said.at, note=said.note, now=now, actor=actor
        )
        return Outcome.RESTORED
    said_at = said.said_at or now
    if any(earlier.said_at > said_at for earlier in before):
        return Outcome.NOTED
    if said.answer is Answer.LATE and said.at is not None:
        if said.at == window.ends_at:
            return Outcome.CONFIRMED
        if said.at <= now:
            return Outcome.NOTED
        await plans.delay(
            store, setting, plan.number, said.at, note=said.note, now=now, actor=actor
        )
        return Outcome.DELAYED
    is_present = said.promised_at in (None, window.ends_at)
    return Outcome.CONFIRMED if is_present else Outcome.NOTED
