"""Outages that run: whether their end is confirmed, and what it pushes when it comes later.

Half an hour before the end (policy) the crew is asked whether it holds. The question is not kept
anywhere: it follows from the plan, the time, and what the crew has reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from notifier.domain.coordination.works import PlannedWork
from notifier.domain.network.steps import Step
from notifier.domain.plan import Plan, PlanContent, PlanState, Transfer
from notifier.domain.policy import Asking
from notifier.domain.window import Window

#: An end that nobody confirmed is shown for so long.
SHOWN_AFTER = timedelta(hours=12)
#: Suggested times fall on quarters of an hour.
_QUARTER = timedelta(minutes=15)
#: Switching for a window happens within so long of it.
_AROUND = timedelta(hours=2)


class Answer(StrEnum):
    """What a crew says about the end: it holds, it will be later, supply is back."""

    ON_TIME = "on_time"
    LATE = "late"
    RESTORED = "restored"


class Outcome(StrEnum):
    """What became of a report. NOTED: kept, but a later one or the clock had overtaken it."""

    CONFIRMED = "confirmed"
    DELAYED = "delayed"
    RESTORED = "restored"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody said about the end that was promised for ``promised_at``.

    ``at`` is the new end of LATE and the moment of RESTORED. Said and received apart: crews work
    offline. ``key`` names the report: the same one sent twice is one. Times are aware UTC.
    """

    key: str
    plan_id: int
    promised_at: datetime
    answer: Answer
    at: datetime | None
    said_at: datetime
    received_at: datetime
    said_by: str
    note: str
    outcome: Outcome


class Phase(StrEnum):
    """How far the end of a running outage is known.

    UNANSWERED: asked, and the time for an answer is over. OVERDUE: the promised end has passed and
    nobody has said that it held.
    """

    RUNNING = "running"
    ASKED = "asked"
    CONFIRMED = "confirmed"
    UNANSWERED = "unanswered"
    OVERDUE = "overdue"


#: Phases in which somebody has to call the crew.
ALARMING = frozenset({Phase.UNANSWERED, Phase.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A plan with a window that has begun. ``first_promise`` is the end people were promised before
    it was put off; ``points`` counts usage points by class."""

    plan: Plan
    content: PlanContent
    window: Window
    first_promise: datetime
    points: Mapping[str, int]
    reports: tuple[Report, ...] = ()

    @property
    def promised_at(self) -> datetime:
        """When the outage is to be over, as people were told last."""
        return self.window.ends_at

    def asked_at(self, rules: Asking) -> datetime:
        """When the crew is asked; at once where less is left of the outage."""
        return max(self.window.starts_at, self.promised_at - rules.before)

    def due_at(self, rules: Asking) -> datetime:
        """When somebody else looks after an answer that did not come."""
        return min(self.asked_at(rules) + rules.within, self.promised_at)

    def confirmation(self, rules: Asking) -> Report | None:
        """The latest report by which the present end holds; one given long before it was asked for
        says nothing about how the work went."""
        fresh = self.asked_at(rules) - rules.before
        holding = [
            report
            for report in self.reports
            if report.said_at >= fresh
            and (
                (report.answer is Answer.ON_TIME and report.promised_at == self.promised_at)
                or (report.answer is Answer.LATE and report.at == self.promised_at)
            )
        ]
        return max(holding, key=lambda report: report.said_at, default=None)

    def phase(self, rules: Asking, now: datetime) -> Phase:
        """How far the end is known at ``now`` (aware)."""
        if self.confirmation(rules) is not None:
            return Phase.CONFIRMED
        if now >= self.promised_at:
            return Phase.OVERDUE
        if now >= self.due_at(rules):
            return Phase.UNANSWERED
        return Phase.ASKED if now >= self.asked_at(rules) else Phase.RUNNING

    def is_shown(self, rules: Asking, now: datetime) -> bool:
        """Whether it still runs, or ended without anybody saying so."""
        if now < self.promised_at:
            return True
        return self.confirmation(rules) is None and now < self.promised_at + SHOWN_AFTER


def current_window(content: PlanContent, now: datetime) -> Window | None:
    """The window that began last; None before the first."""
    begun = [window for window in content.windows if window.starts_at <= now]
    return max(begun, default=None)


def first_promise(window: Window, contents: Sequence[PlanContent]) -> datetime:
    """The end of ``window`` before it was put off; ``contents`` are those of the plan since it was last
    approved as a whole, oldest first."""
    for content in contents:
        for earlier in content.windows:
            if earlier.starts_at == window.starts_at:
                return earlier.ends_at
    return window.ends_at


_Named = TypeVar("_Named", str, int)


class Reason(StrEnum):
    """Why a later end pushes another outage: the same crew, the same department where no crew is
    named, an area still out, a feeder or a switch not yet back in its place."""

    CREW = "crew"
    DEPARTMENT = "department"
    AREA = "area"
    FEEDER = "feeder"
    SWITCH = "switch"


#: Reasons of people, who need time to get from one place to the next.
_OF_PEOPLE = frozenset({Reason.CREW, Reason.DEPARTMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Another outage that cannot begin as planned when this one ends at ``until``.

    ``why`` gives the crews, areas (by id), feeders (by id) or switches they share. ``suggested`` is
    the same window at the next time that fits.
    """

    plan: Plan
    content: PlanContent
    window: Window
    why: Mapping[Reason, tuple[str | int, ...]]
    suggested: Window


def pushed(
    late: PlannedWork,
    promised: datetime,
    until: datetime,
    others: Iterable[PlannedWork],
    feeder_of: Mapping[int, int],
    rules: Asking,
    zone: ZoneInfo,
) -> tuple[Push, ...]:
    """What an end at ``until`` instead of ``promised`` pushes, in the order in which it begins.

    Only what was to begin between the two, with the time a crew needs: what overlaps as planned was
    planned so. ``feeder_of``: the feeder of each area. Times are aware.
    """
    if until <= promised:
        return ()
    found: list[Push] = []
    for other in others:
        if other.plan.id == late.plan.id or other.plan.state not in _OPEN:
            continue
        why = _shared(late, other, feeder_of)
        needed = until + (rules.turnaround if _OF_PEOPLE & why.keys() else timedelta())
        begins = [w for w in other.content.windows if promised <= w.starts_at < needed]
        found += [
            Push(
                plan=other.plan,
                content=other.content,
                window=begun,
                why=why,
                suggested=_next_fit(begun, needed, zone),
            )
            for begun in begins
            if why
        ]
    return tuple(sorted(found, key=lambda push: (push.window.starts_at, push.plan.number)))


_OPEN = frozenset({PlanState.SUBMITTED, PlanState.APPROVED})


def _shared(
    late: PlannedWork, other: PlannedWork, feeder_of: Mapping[int, int]
) -> dict[Reason, tuple[str | int, ...]]:
    why: dict[Reason, tuple[str | int, ...]] = {}
    crews = _both(late.content.crews, other.content.crews)
    is_unnamed = not late.content.crews and not other.content.crews
    if crews:
        why[Reason.CREW] = crews
    elif is_unnamed and late.plan.department and late.plan.department == other.plan.department:
        why[Reason.DEPARTMENT] = (late.plan.department,)
    mine, theirs = _areas(late), _areas(other)
    if areas := _both(mine, theirs):
        why[Reason.AREA] = areas
    feeders = _both(
        {feeder_of[area] for area in mine if area in feeder_of},
        {feeder_of[area] for area in theirs if area in feeder_of},
    )
    if feeders and not areas:
        why[Reason.FEEDER] = feeders
    if switches := _both(_switches(late.content), _switches(other.content)):
        why[Reason.SWITCH] = switches
    return why


def _areas(work: PlannedWork) -> set[int]:
    """Those that are out or moved to another feeder."""
    return {area for part in work.parts for area in part.areas}


def _switches(content: PlanContent) -> set[str]:
    switching = content.switching
    return set() if switching is None else {step.switch for step in switching.steps}


def _both(ours: Iterable[_Named], theirs: Iterable[_Named]) -> tuple[_Named, ...]:
    return tuple(sorted(set(ours) & set(theirs)))


def _next_fit(window: Window, needed: datetime, zone: ZoneInfo) -> Window:
    """The window as soon as it may begin, on a quarter of an hour; on a later day at its own hours
    where it would otherwise run into the next day."""
    late_by = needed - window.starts_at
    by = -(-late_by // _QUARTER) * _QUARTER
    moved = Window(window.starts_at + by, window.ends_at + by)
    if _last_day(moved, zone) == _last_day(window, zone):
        return moved
    for days in range(1, 8):
        moved = _on_day(window, days, zone)
        if moved.starts_at >= needed:
            break
    return moved


def _last_day(window: Window, zone: ZoneInfo) -> object:
    return (window.ends_at - timedelta(microseconds=1)).astimezone(zone).date()


def _on_day(window: Window, days: int, zone: ZoneInfo) -> Window:
    """The same local hours so many days later, whatever the clocks do in between."""
    starts, ends = (
        (moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days))
        .replace(tzinfo=zone)
        .astimezone(UTC)
        for moment in (window.starts_at, window.ends_at)
    )
    return Window(starts, ends)


def moved(content: PlanContent, window: Window, to: Window) -> PlanContent:
    """The plan with one window at another time, and with it what is switched for it. Raises
    ``ValueError`` where the plan has no such window."""
    windows = list(content.windows)
    windows[windows.index(window)] = to
    by = to.starts_at - window.starts_at
    near = Window(window.starts_at - _AROUND, window.ends_at + _AROUND)

    def with_it(transfer: Transfer) -> Transfer:
        return replace(
            transfer,
            spans=tuple(
                Window(span.starts_at + by, span.ends_at + by) if near.overlaps(span) else span
                for span in transfer.spans
            ),
        )

    switching = content.switching
    if switching is not None:
        switching = replace(
            switching,
            steps=tuple(_step_moved(step, near, by) for step in switching.steps),
            back=tuple(_step_moved(step, near, by) for step in switching.back),
        )
    return replace(
        content,
        windows=tuple(sorted(windows)),
        transfers=tuple(with_it(transfer) for transfer in content.transfers),
        switching=switching,
    )


def _step_moved(step: Step, near: Window, by: timedelta) -> Step:
    if step.planned_at is None or not near.contains(step.planned_at):
        return step
    return replace(step, planned_at=step.planned_at + by)
