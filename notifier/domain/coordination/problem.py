"""The problem of coordinating works, as plain values: what may be moved where, and what it costs people.

Requests and areas are referred to by their position in the instance; ``key`` is what the outside
calls them (a plan's number, an id in a file). Times are whole numbers on a grid that begins at
midnight of the first day; nothing here knows a calendar or a time zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: What the outside calls a request, an area, a crew, a feeder or a region.
Key = int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How time is cut: days, shifts in a day, and starts in a shift.

    A **start** is the finest unit: ``start = (day × shifts + shift) × starts_per_shift + step``. With
    one start a shift it is the half-day slot of the file format; with 24 it is a half-hour. Works
    share an outage when they have the same start, crews are counted by day, regions by shift.
    ``look_back_days``: an interruption repeats those that came fewer days before it.
    """

    days: int
    shifts_per_day: int = 2
    starts_per_shift: int = 1
    look_back_days: int = 60

    @property
    def starts_per_day(self) -> int:
        """How many starts a day has."""
        return self.shifts_per_day * self.starts_per_shift

    @property
    def is_within_look_back(self) -> bool:
        """Whether everything in the horizon counts with everything before it."""
        return self.days <= self.look_back_days

    def day(self, start: int) -> int:
        """The day a start lies in, from 0."""
        return start // self.starts_per_day

    def shift(self, start: int) -> int:
        """The shift a start lies in, counted through from the first day."""
        return start // self.starts_per_shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What things cost, per customer unless said otherwise. The names are those of the file format.

    ``repeat`` is added from the second interruption within a look-back on, ``over_limit`` beyond
    ``limit``. ``move_notified`` is paid per customer of a published work that leaves its start;
    ``move_asked`` is flat, per unpublished work that leaves the start it asked for.
    """

    interruption: int = 10
    half_hour: int = 1
    repeat: int = 10
    over_limit: int = 100
    short: int = 1
    move_notified: int = 5
    move_asked: int = 0
    sensitive_extra_customers: int = 200
    limit: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A transformer area, or whatever is always out together.

    ``recent_interruptions`` were suffered within the look-back before the horizon. When is not said,
    so they count as if all had come on its first day.
    """

    key: Key
    customers: int
    is_sensitive: bool = False
    recent_interruptions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One way of doing a work: areas out for its duration, areas only for seconds while transferred.

    ``tie_feeders`` carry what is transferred, on every day of the work.
    """

    out: tuple[int, ...]
    short: tuple[int, ...] = ()
    tie_feeders: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A work that needs an outage.

    ``half_hours`` is the outage's length on each of ``days`` consecutive days, at the same hour.
    ``starts`` are the allowed starts, ascending; windows, blackout dates and the notice rule are
    already applied. ``defer_cost`` is what it costs not to do it within the horizon; None: it must be
    done. ``published_start`` is where customers were told it would be; ``move_surcharge`` is paid on top
    when it leaves that start. ``is_frozen``: it happens as asked, whatever the others want; limits that
    frozen works alone exceed count as reached. ``pinned_start`` and ``pinned_mode`` are a planner's
    choice. ``trunk``: it takes its feeder's trunk out. Each of ``crews`` is busy on each day of it.
    """

    key: Key
    half_hours: int
    starts: tuple[int, ...]
    modes: tuple[Mode, ...]
    asked_start: int
    asked_mode: int = 0
    days: int = 1
    department: str = ""
    feeder: Key | None = None
    region: Key | None = None
    crews: tuple[Key, ...] = ()
    trunk: bool = False
    priority: int = 1
    published_start: int | None = None
    move_surcharge: int = 0
    defer_cost: int | None = None
    is_frozen: bool = False
    pinned_start: int | None = None
    pinned_mode: int | None = None

    @property
    def start_choices(self) -> tuple[int, ...]:
        """The starts left to choose from, ascending."""
        if self.is_frozen:
            return (self.asked_start,)
        return self.starts if self.pinned_start is None else (self.pinned_start,)

    @property
    def mode_choices(self) -> tuple[int, ...]:
        """The positions of the modes left to choose from."""
        if self.is_frozen:
            return (self.asked_mode,)
        return tuple(range(len(self.modes))) if self.pinned_mode is None else (self.pinned_mode,)

    @property
    def may_be_deferred(self) -> bool:
        """Whether it may be left out of the horizon, at ``defer_cost``."""
        return self.defer_cost is not None and not self.is_frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may happen at once; a crew or region without a number has no limit.

    ``crew_days`` are a crew's exceptions on one day (a holiday is 0), ``regions`` a region's own limit
    per shift in place of ``region_per_shift``.
    """

    crew_per_day: Mapping[Key, int] = field(default_factory=dict)
    crew_days: Mapping[tuple[Key, int], int] = field(default_factory=dict)
    region_per_shift: int | None = None
    regions: Mapping[Key, int] = field(default_factory=dict)

    def crew(self, crew: Key, day: int) -> int | None:
        """How many works the crew can do on that day; None: any number."""
        return self.crew_days.get((crew, day), self.crew_per_day.get(crew))

    def region(self, region: Key) -> int | None:
        """How many works the region bears in one shift; None: any number."""
        return self.regions.get(region, self.region_per_shift)


#: Two requests, by position.
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Everything a plan is judged by.

    ``precedence`` (a, b): a's last day lies before b's first day. ``exclusive_days``: no common day.
    ``same_outage``: the same start, in one outage or not at all.
    """

    grid: Grid
    areas: tuple[Area, ...]
    requests: tuple[Request, ...]
    weights: Weights = field(default_factory=Weights)
    limits: Limits = field(default_factory=Limits)
    precedence: tuple[Pair, ...] = ()
    exclusive_days: tuple[Pair, ...] = ()
    same_outage: tuple[Pair, ...] = ()

    def burden(self, area: int) -> int:
        """The area's customers as the objective counts them: more where somebody is sensitive."""
        of = self.areas[area]
        return of.customers + (self.weights.sensitive_extra_customers if of.is_sensitive else 0)

    def occurrences(self, request: int, start: int) -> range:
        """The starts of all days of a request that begins at ``start``."""
        step = self.grid.starts_per_day
        return range(start, start + self.requests[request].days * step, step)

    def days(self, request: int, start: int) -> range:
        """The days on which a request that begins at ``start`` is worked on."""
        first = self.grid.day(start)
        return range(first, first + self.requests[request].days)

    def move_cost(self, request: int, start: int) -> int:
        """What moving the request to ``start`` costs: telling people again, or departing from the wish."""
        of = self.requests[request]
        if of.published_start is None:
            return self.weights.move_asked if start != of.asked_start else 0
        if start == of.published_start:
            return 0
        told = sum(self.areas[area].customers for area in of.modes[0].out + of.modes[0].short)
        return self.weights.move_notified * told + of.move_surcharge

    def transfer_cost(self, request: int, mode: int) -> int:
        """What the seconds without supply cost in this mode, over all days."""
        of = self.requests[request]
        touched = sum(self.areas[area].customers for area in of.modes[mode].short)
        return self.weights.short * touched * of.days

    def own_cost(self, assignment: "Assignment") -> int:
        """What an assignment costs whatever the others do: transfers and moving, or deferral."""
        number, start = assignment.request, assignment.start
        if start is None:
            return self.requests[number].defer_cost or 0
        return self.transfer_cost(number, assignment.mode) + self.move_cost(number, start)


class Rule(StrEnum):
    """What a plan can break, and what can stand in the way of a merge."""

    ONE_EACH = "one_each"
    START = "start"
    MODE = "mode"
    DEFERRAL = "deferral"
    CREW = "crew"
    REGION = "region"
    PRECEDENCE = "precedence"
    EXCLUSIVE = "exclusive"
    TIE_FEEDER = "tie_feeder"
    SAME_OUTAGE = "same_outage"


@dataclass(frozen=True, slots=True, order=True)
class Assignment:
    """What becomes of one request: its start and mode; ``start`` None: deferred beyond the horizon."""

    request: int
    start: int | None
    mode: int = 0


#: One assignment a request, in the order of the requests.
Plan = tuple[Assignment, ...]


def asked(instance: Instance) -> Plan:
    """What the departments asked for, clashes and all."""
    return tuple(
        Assignment(number, request.asked_start, request.asked_mode)
        for number, request in enumerate(instance.requests)
    )


def pinned(instance: Instance, request: int, start: int, mode: int | None = None) -> Instance:
    """The same problem with one request held at ``start`` (and in ``mode``, where one is given).

    The start need not be among those allowed: a planner may overrule a window. A pinned request can
    still be deferred where it may be, so that two pins that exclude each other have an answer.
    """
    return _with(instance, request, pinned_start=start, pinned_mode=mode)


def as_asked(instance: Instance, request: int) -> Instance:
    """The same problem with one request held to the mode it asked for, at whatever start."""
    return _with(instance, request, pinned_mode=instance.requests[request].asked_mode)


def _with(instance: Instance, request: int, **held: int | None) -> Instance:
    requests = list(instance.requests)
    requests[request] = replace(requests[request], **held)  # type: ignore[arg-type]
    return replace(instance, requests=tuple(requests))
