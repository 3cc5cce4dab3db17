"""From plans and a bureau's wishes to a problem: allowed starts, ways of doing, limits, orders.

Every start that is taken away from a work remembers why, so that an explanation can name it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.domain.coordination import allowing, ways
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.coordination.online_index import Known
from notifier.domain.coordination.problem import (
    Area,
    Grid,
    Instance,
    Limits,
    Mode,
    Pair,
    Request,
)
from notifier.domain.coordination.ways import Offered, Way
from notifier.domain.coordination.works import PlannedWork
from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy

#: Half-hours; a day has so many.
STEPS_A_DAY = 48
_HALF_HOUR = timedelta(minutes=30)
#: Leaving a work undone costs more than any harm it could do: so much, and this per customer.
_UNDONE, _UNDONE_EACH = 1_000_000, 1_000


class Share(NamedTuple):
    """Customers of one area with the same number of interruptions in the look-back. ``spared``: plans
    that take a part of the area out, and not them."""

    customers: int
    is_sensitive: bool
    recent: int
    spared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a problem is gathered in. ``first`` and ``last`` are the period's days, both included;
    ``shares`` divides areas by what their customers suffered in the look-back before it (an area that
    is not there suffered nothing), ``moved_before`` names plans that a meeting moved already,
    ``accounts`` gives the areas of accounts. ``offered`` is what the network offers, by plan."""

    first: date
    last: date
    now: datetime
    zone: ZoneInfo
    policy: Policy
    network: NetworkIndex
    areas: Mapping[int, Known]
    shares: Mapping[int, Sequence[Share]] = field(default_factory=dict)
    moved_before: frozenset[str] = frozenset()
    accounts: Mapping[str, int] = field(default_factory=dict)
    offered: Mapping[str, Offered] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A plan's outage on the grid: asked start, half-hours a day, consecutive days at the same hour.

    ``is_regular`` is False where its windows are not alike: then it moves by whole days, as it is.
    """

    start: int
    half_hours: int
    days: int
    is_regular: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A plan of the period that takes no part, and why."""

    number: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The problem with what it was made of, request by request.

    ``works`` and ``shapes`` stand in the order of the requests, ``removed`` gives for each the starts
    that are not allowed and why; ``why_frozen`` is empty where it may move. ``ways`` gives for each the
    ways of its modes but the first, which is as asked. ``area_ids`` stand in the
    order of the problem's areas; one whose customers suffered differently is there several times.
    """

    instance: Instance
    first: date
    works: tuple[PlannedWork, ...]
    shapes: tuple[Shape, ...]
    removed: tuple[Mapping[int, str], ...]
    why_frozen: tuple[str, ...]
    ways: tuple[tuple[Way, ...], ...]
    area_ids: tuple[int, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]


def gather(
    works: Sequence[PlannedWork], constraints: Constraints, around: Surroundings
) -> Gathered:
    """Makes the problem of a period. Plans that cannot take part are left out and say why."""
    findings: list[Finding] = []
    left_out: list[LeftOut] = []
    chosen: list[tuple[PlannedWork, Shape]] = []
    for work in sorted(works, key=lambda item: item.plan.number):
        shape, why = _shape(work, around)
        if shape is None:
            left_out.append(LeftOut(number=work.plan.number, why=why))
        else:
            chosen.append((work, shape))
    places = allowing.Places(around.network, constraints, findings)
    choices = [_choices(work, constraints, around, places) for work, _ in chosen]
    divided = sorted(
        (
            (area, share)
            for area in {a for work, _ in chosen for a in work.areas(ImpactClass.OUT)}
            | {a for work, _ in chosen for a in work.areas(ImpactClass.SHORT)}
            | {a for item in choices for way in item.ways for a in way.short}
            for share in _shares(area, around)
        ),
        key=lambda item: (item[0], item[1].recent, sorted(item[1].spared)),
    )
    position = defaultdict[int, list[tuple[int, frozenset[str]]]](list)
    for at, (area, share) in enumerate(divided):
        position[area].append((at, share.spared))
    grid = Grid(
        days=around.days,
        shifts_per_day=2,
        starts_per_shift=STEPS_A_DAY // 2,
        look_back_days=max(1, around.policy.counting.repeat_within.days),
    )
    hours = _shared_hours(chosen) if constraints.coordination.step == "half_hour" else None
    calendar = allowing.Calendar(constraints, places, around, findings)
    requests, removed, frozen = [], [], []
    for at, (work, shape) in enumerate(chosen):
        subject = allowing.Subject(
            number=work.plan.number,
            kind=work.content.kind,
            state=work.plan.state,
            out=frozenset(work.areas(ImpactClass.OUT)),
        )
        allowed = calendar.allowed(subject, shape, None if hours is None else hours[at])
        request = _request(
            work, shape, allowed, calendar, constraints, around, position, places, choices[at]
        )
        requests.append(request)
        removed.append(allowed.removed)
        frozen.append(allowed.why_frozen)
    numbers = {work.plan.number: at for at, (work, _) in enumerate(chosen)}
    pairs = _Pairs(numbers, {item.number for item in left_out}, findings)
    instance = Instance(
        grid=grid,
        areas=tuple(
            Area(
                key=area,
                customers=share.customers,
                is_sensitive=share.is_sensitive,
                recent_interruptions=share.recent,
            )
            for area, share in divided
        ),
        requests=tuple(requests),
        weights=constraints.coordination.weights,
        limits=_limits(constraints, around.first, around.days),
        precedence=pairs.of((item.first, item.then) for item in constraints.precedence),
        exclusive_days=pairs.of(
            pair for item in constraints.exclusive for pair in _each_two(item.plans)
        ),
        same_outage=pairs.of(
            (item.plans[0], other) for item in constraints.same_outage for other in item.plans[1:]
        ),
    )
    return Gathered(
        instance=instance,
        first=around.first,
        works=tuple(work for work, _ in chosen),
        shapes=tuple(shape for _, shape in chosen),
        removed=tuple(removed),
        why_frozen=tuple(frozen),
        ways=tuple(item.ways for item in choices),
        area_ids=tuple(area for area, _ in divided),
        left_out=tuple(left_out),
        findings=tuple(findings),
    )


def _shape(work: PlannedWork, around: Surroundings) -> tuple[Shape | None, str]:
    """The outage on the grid, or why it takes no part."""
    windows = sorted(work.content.windows)
    if work.content.kind not in (PlanKind.PLANNED, PlanKind.SHORT_NOTICE):
        return None, "kind"
    if work.plan.state is PlanState.DRAFT:
        return None, "draft"
    if not windows or not work.areas(ImpactClass.OUT):
        return None, "nobody_out"
    zone = around.zone
    local = [(w.starts_at.astimezone(zone), w.ends_at.astimezone(zone)) for w in windows]
    begin = local[0][0]
    day = (begin.date() - around.first).days
    if not 0 <= day < around.days:
        return None, "outside"
    start = day * STEPS_A_DAY + (begin.hour * 60 + begin.minute) // 30
    longest = max(w.duration for w in windows)
    days = (local[-1][0].date() - begin.date()).days + 1
    is_regular = all(
        one.date() == begin.date() + timedelta(days=number)
        and one.time() == begin.time()
        and end - one == longest
        for number, (one, end) in enumerate(local)
    )
    shape = Shape(
        start=start, half_hours=-(-longest // _HALF_HOUR), days=days, is_regular=is_regular
    )
    return shape, ""


def _shared_hours(chosen: Sequence[tuple[PlannedWork, Shape]]) -> list[frozenset[int]]:
    """For each work the hours at which it might begin: its own, and those of works with which it
    shares an area. Beginning at any other hour brings nobody anything."""
    at_area: dict[int, set[int]] = defaultdict(set)
    for work, shape in chosen:
        for area in work.areas(ImpactClass.OUT):
            at_area[area].add(shape.start % STEPS_A_DAY)
    return [
        frozenset(hour for area in work.areas(ImpactClass.OUT) for hour in at_area[area])
        if shape.is_regular
        else frozenset({shape.start % STEPS_A_DAY})
        for work, shape in chosen
    ]


def _request(
    work: PlannedWork,
    shape: Shape,
    allowed: allowing.Allowed,
    calendar: allowing.Calendar,
    constraints: Constraints,
    around: Surroundings,
    position: Mapping[int, Sequence[tuple[int, frozenset[str]]]],
    places: allowing.Places,
    choices: Offered,
) -> Request:
    number = work.plan.number
    window = calendar.windows.get(number)
    out = work.areas(ImpactClass.OUT)

    def hit(areas: Iterable[int]) -> tuple[int, ...]:
        """The problem's areas for the plan's: all of each, but for those whom it does not take out."""
        return tuple(at for area in areas for at, spared in position[area] if number not in spared)

    feeder = places.feeder_of(out)
    named = replace(work.content, crew=(window.crew if window else "") or work.content.crew)
    asked = Way(
        out=out,
        short=tuple(a for a in work.areas(ImpactClass.SHORT) if a not in set(out)),
        tie_feeders=choices.tie_feeders,
    )
    modes = [
        Mode(
            out=hit(way.out),
            short=hit(way.short),
            # Whoever takes its own feeder out that day would meet the load of the tie there.
            tie_feeders=way.tie_feeders and _each(*way.tie_feeders, feeder),
        )
        for way in (asked, *choices.ways)
    ]
    customers = sum(around.areas[area].customers for area in out if area in around.areas)
    is_published = work.plan.state is PlanState.APPROVED
    region = (window.region if window else "") or places.region_of(feeder)
    return Request(
        key=number,
        half_hours=shape.half_hours,
        starts=allowed.starts,
        modes=tuple(modes),
        asked_start=shape.start,
        days=shape.days,
        department=work.content.department,
        feeder=feeder,
        region=region or None,
        crews=named.crews,
        trunk=choices.is_leaned_on or places.is_whole_feeder(feeder, out),
        priority=work.content.priority,
        published_start=shape.start if is_published else None,
        move_surcharge=constraints.coordination.second_move
        if is_published and number in around.moved_before
        else 0,
        defer_cost=None if allowed.why_frozen else _UNDONE + _UNDONE_EACH * customers,
        is_frozen=bool(allowed.why_frozen),
    )


def _choices(
    work: PlannedWork, constraints: Constraints, around: Surroundings, places: allowing.Places
) -> Offered:
    """What the network offers, then the bureau's own list; one that says the same is offered once."""
    out = work.areas(ImpactClass.OUT)
    short = tuple(a for a in work.areas(ImpactClass.SHORT) if a not in set(out))
    offered = around.offered.get(work.plan.number, Offered())
    found, ties = list(offered.ways), offered.tie_feeders
    for item in constraints.transfer:
        if item.plan != work.plan.number:
            continue
        named = places.areas(item.areas, (), ())
        feeders = (places.feeder(item.tie_feeder),) if item.tie_feeder else ()
        moved = named & set(out)
        if named and named <= set(short):
            ties = ties or feeders  # the plan does so by now
        elif moved and moved != set(out):
            way = ways.listed(moved, out, short, feeders)
            if all((way.short, feeders) != (one.short, one.tie_feeders) for one in found):
                found.append(way)
    return replace(offered, ways=tuple(found), tie_feeders=ties)


def _shares(area_id: int, around: Surroundings) -> Sequence[Share]:
    if area_id in around.shares:
        return around.shares[area_id]
    known = around.areas.get(area_id)
    return (Share(known.customers if known else 0, bool(known and known.special), 0),)


def _limits(constraints: Constraints, first: date, days: int) -> Limits:
    return Limits(
        crew_per_day={crew.name: crew.per_day for crew in constraints.crew},
        crew_days={
            (crew.name, (day - first).days): 0
            for crew in constraints.crew
            for day in crew.off
            if 0 <= (day - first).days < days
        },
        region_per_shift=constraints.coordination.region_per_shift,
        regions={
            region.name: region.per_shift
            for region in constraints.region
            if region.per_shift is not None
        },
    )


@dataclass(slots=True)
class _Pairs:
    """Turns pairs of numbers into pairs of positions; a number nobody knows is a finding."""

    numbers: Mapping[str, int]
    left_out: set[str]
    findings: list[Finding]

    def of(self, wanted: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
        found = []
        for a, b in wanted:
            if a in self.numbers and b in self.numbers:
                if a != b:
                    found.append((self.numbers[a], self.numbers[b]))
                continue
            for number in (a, b):
                if number not in self.numbers and number not in self.left_out:
                    self.findings.append(
                        Finding(
                            code="constraints.plan_unknown",
                            severity=Severity.INFO,
                            found=number,
                            expected="期间内的计划 / a plan of the period",
                        )
                    )
        return tuple(dict.fromkeys(found))


def _each(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _each_two(numbers: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for at, a in enumerate(numbers) for b in numbers[at + 1 :]]
