"""What may happen at once and in which order, as constraints over days and shifts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Instance, Key
from notifier.solver.cpsat import FALSE, TRUE, Literal
from notifier.solver.terms import Work

if TYPE_CHECKING:
    from notifier.solver.model import Merging


def add(merging: "Merging", instance: Instance, around: Occupancy) -> None:
    """Adds crews, regions, orders, exclusions, common outages and tie feeders to a model."""
    _crews(merging, instance, around)
    _regions(merging, instance, around)
    for a, b in instance.precedence:
        if (pair := _both_free(merging, a, b)) is not None:
            before, after = pair
            # What waits for a deferred work waits too.
            merging.model.clause((~after.here, before.here))
            _before(merging, before, after, instance.requests[a].days, (before.here, after.here))
    for a, b in instance.exclusive_days:
        if (pair := _both_free(merging, a, b)) is not None:
            _apart(merging, instance, *pair, (pair[0].here, pair[1].here))
    for a, b in instance.same_outage:
        if (pair := _both_free(merging, a, b)) is not None:
            one, other = pair
            merging.model.clause((~one.here, other.here))
            merging.model.clause((~other.here, one.here))
            if one.start >= 0 and other.start >= 0:
                merging.model.linear({one.start: 1, other.start: -1}, (0, 0), (one.here,))
    _ties(merging, instance)


def _both_free(merging: "Merging", a: int, b: int) -> tuple[Work, Work] | None:
    one, other = merging.works.get(a), merging.works.get(b)
    if one is None or other is None or one.value is not None or other.value is not None:
        return None  # held works have already narrowed the choices of the free ones
    return one, other


def _placeable(merging: "Merging") -> list[Work]:
    return [merging.works[number] for number in merging.free if merging.works[number].choices]


def _crews(merging: "Merging", instance: Instance, around: Occupancy) -> None:
    crews: dict[Key, list[Work]] = defaultdict(list)
    for work in _placeable(merging):
        for crew in instance.requests[work.request].crews:
            crews[crew].append(work)
    for crew, works in crews.items():
        left = {}
        for work in works:
            for start in work.choices:
                for day in instance.days(work.request, start):
                    allowed = instance.limits.crew(crew, day)
                    if allowed is not None:
                        left[day] = max(0, allowed - around.crew_load(crew, day))
        parts = [
            (merging.day(work), work.here, 0, instance.requests[work.request].days)
            for work in works
        ]
        _bounded(merging, len(works), left, parts)


def _regions(merging: "Merging", instance: Instance, around: Occupancy) -> None:
    regions: dict[Key, list[Work]] = defaultdict(list)
    for work in _placeable(merging):
        region = instance.requests[work.request].region
        if region is not None:
            regions[region].append(work)
    for region, works in regions.items():
        allowed = instance.limits.region(region)
        if allowed is None:
            continue
        left = {}
        for work in works:
            for start in work.choices:
                for occurrence in instance.occurrences(work.request, start):
                    shift = instance.grid.shift(occurrence)
                    left[shift] = max(0, allowed - around.region_load(region, shift))
        parts = [
            (merging.shift(work), work.here, number * instance.grid.shifts_per_day, 1)
            for work in works
            for number in range(instance.requests[work.request].days)
        ]
        _bounded(merging, len(works), left, parts)


def _bounded(
    merging: "Merging",
    works: int,
    left: Mapping[int, int],
    parts: Sequence[tuple[int, Literal, int, int]],
) -> None:
    """At any time at most as many works as are left there: the works' intervals, and what is taken.

    ``parts`` are intervals: the variable they begin at, whether they are there, offset and length.
    """
    if not left or works <= min(left.values()):
        return
    model, capacity = merging.model, max(left.values())
    intervals = [model.interval(begin, size, here, offset) for begin, here, offset, size in parts]
    demands = [1] * len(intervals)
    for at, free in sorted(left.items()):
        if free < capacity:
            intervals.append(model.fixed_interval(at, 1))
            demands.append(capacity - free)
    model.cumulative(intervals, demands, capacity)


def _before(merging: "Merging", one: Work, other: Work, days: int, when: Sequence[Literal]) -> None:
    """The last day of one lies before the first day of the other."""
    if FALSE in when:
        return
    merging.model.linear({merging.day(one): 1, merging.day(other): -1}, (-(1 << 20), -days), when)


def _apart(
    merging: "Merging", instance: Instance, one: Work, other: Work, when: Sequence[Literal]
) -> None:
    """No common day."""
    if FALSE in when:
        return
    first, second = instance.requests[one.request], instance.requests[other.request]
    per_day = instance.grid.starts_per_day
    if (
        one.choices[-1] // per_day + first.days <= other.choices[0] // per_day
        or other.choices[-1] // per_day + second.days <= one.choices[0] // per_day
    ):
        return
    order = merging.model.boolean(
        None
        if one.hint is None
        or other.hint is None
        or one.hint.start is None
        or other.hint.start is None
        else one.hint.start < other.hint.start
    )
    _before(merging, one, other, first.days, (*when, order))
    _before(merging, other, one, second.days, (*when, ~order))


def _ties(merging: "Merging", instance: Instance) -> None:
    """A feeder that carries somebody else's load keeps its trunk for that day."""
    trunks: dict[Key, list[Work]] = defaultdict(list)
    for work in _placeable(merging):
        request = instance.requests[work.request]
        if request.trunk and request.feeder is not None:
            trunks[request.feeder].append(work)
    for work in _placeable(merging):
        carried: dict[Key, list[Literal]] = defaultdict(list)
        for mode, literal in work.modes.items():
            for tie in instance.requests[work.request].modes[mode].tie_feeders:
                carried[tie].append(literal)
        for tie, literals in carried.items():
            for other in trunks.get(tie, ()):
                if other is not work:
                    for literal in literals:
                        when = tuple(w for w in (literal, other.here) if w != TRUE)
                        _apart(merging, instance, work, other, when)
