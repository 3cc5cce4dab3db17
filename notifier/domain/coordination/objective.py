"""What a plan costs, part by part, and the figures people read beside it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from notifier.domain.coordination.problem import Assignment, Grid, Instance, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The objective, part by part; smaller is better. Each part is already weighted."""

    interruptions: int = 0
    repeats: int = 0
    over_limit: int = 0
    durations: int = 0
    transfers: int = 0
    moves: int = 0
    deferred: int = 0

    @property
    def total(self) -> int:
        """The objective."""
        return sum(getattr(self, part.name) for part in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a plan means for people, in real customers (nobody counts more for being sensitive).

    An interruption of one customer is counted each time it happens. ``repeats`` are those that make
    two or more within the look-back that ends with them, ``over_limit`` those beyond the limit.
    ``half_hours`` are customer half-hours without supply. ``transfers`` are seconds without supply,
    once a day of work. ``told_again`` are customers of published works who were told
    something else.
    """

    interruptions: int
    repeats: int
    over_limit: int
    half_hours: int
    transfers: int
    told_again: int
    moved: int
    deferred: int


#: The interruptions of each area that has any: start → half-hours of its longest work.
Interruptions = Mapping[int, Mapping[int, int]]


def interruptions(instance: Instance, plan: Plan) -> Interruptions:
    """Which area is interrupted when, and for how long: works of one start share an interruption."""
    found: dict[int, dict[int, int]] = {}
    for assignment in plan:
        if assignment.start is None:
            continue
        request = instance.requests[assignment.request]
        occurrences = instance.occurrences(assignment.request, assignment.start)
        for area in request.modes[assignment.mode].out:
            suffered = found.setdefault(area, {})
            for start in occurrences:
                suffered[start] = max(suffered.get(start, 0), request.half_hours)
    return found


def beyond(grid: Grid, starts: Collection[int], recent: int, allowed: int) -> int:
    """How many of the interruptions at ``starts`` come after the first ``allowed`` of their look-back.

    The look-back of an interruption ends with it and is ``look_back_days`` long, its own day included;
    the ``recent`` interruptions before the horizon count as long as it reaches back there.
    """
    if grid.is_within_look_back:
        return max(0, len(starts) - max(0, allowed - recent))
    found = first = 0
    days = [grid.day(start) for start in sorted(starts)]
    for at, day in enumerate(days):
        while days[first] <= day - grid.look_back_days:
            first += 1
        past = recent if day < grid.look_back_days else 0
        found += past + at - first + 1 > allowed
    return found


def cost(instance: Instance, plan: Plan) -> Cost:
    """What the plan costs. The plan need not be feasible: what was asked for seldom is."""
    weights = instance.weights
    interrupted = repeated = over = lasted = 0
    for area, suffered in interruptions(instance, plan).items():
        burden, recent = instance.burden(area), instance.areas[area].recent_interruptions
        interrupted += burden * len(suffered)
        repeated += burden * beyond(instance.grid, suffered, recent, 1)
        over += burden * beyond(instance.grid, suffered, recent, weights.limit)
        lasted += burden * sum(suffered.values())
    transfers = moves = deferred = 0
    for assignment in plan:
        if assignment.start is None:
            deferred += instance.requests[assignment.request].defer_cost or 0
            continue
        transfers += instance.transfer_cost(assignment.request, assignment.mode)
        moves += instance.move_cost(assignment.request, assignment.start)
    return Cost(
        interruptions=weights.interruption * interrupted,
        repeats=weights.repeat * repeated,
        over_limit=weights.over_limit * over,
        durations=weights.half_hour * lasted,
        transfers=transfers,
        moves=moves,
        deferred=deferred,
    )


def figures(instance: Instance, plan: Plan) -> Figures:
    """What the plan means for people."""
    interrupted = repeated = over = lasted = 0
    for area, suffered in interruptions(instance, plan).items():
        of, limit = instance.areas[area], instance.weights.limit
        interrupted += of.customers * len(suffered)
        repeated += of.customers * beyond(instance.grid, suffered, of.recent_interruptions, 1)
        over += of.customers * beyond(instance.grid, suffered, of.recent_interruptions, limit)
        lasted += of.customers * sum(suffered.values())
    transfers = told = moved = deferred = 0
    for assignment in plan:
        request = instance.requests[assignment.request]
        if assignment.start is None:
            deferred += 1
        else:
            short = request.modes[assignment.mode].short
            transfers += request.days * sum(instance.areas[area].customers for area in short)
            moved += assignment.start != request.asked_start
        told += told_again(instance, assignment)
    return Figures(
        interruptions=interrupted,
        repeats=repeated,
        over_limit=over,
        half_hours=lasted,
        transfers=transfers,
        told_again=told,
        moved=moved,
        deferred=deferred,
    )


def told_again(instance: Instance, assignment: Assignment) -> int:
    """The customers of a published work to whom something else was told: all of its first mode where it
    leaves its start, else those to whom another mode does something else."""
    request = instance.requests[assignment.request]
    if request.published_start is None:
        return 0
    told, now = request.modes[0], request.modes[assignment.mode]
    areas = set(told.out + told.short)
    if assignment.start == request.published_start:
        areas &= (set(told.out) ^ set(now.out)) | (set(told.short) ^ set(now.short))
    return sum(instance.areas[area].customers for area in areas)
