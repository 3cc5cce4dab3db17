"""A proposal as people argue with it: item by item, each with what it spares and what it costs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from notifier.domain.coordination import objective
from notifier.domain.coordination.objective import Figures, beyond
from notifier.domain.coordination.problem import Assignment, Instance, Plan, asked


class Outcome(StrEnum):
    """What is proposed for a work. MERGED: it shares an outage that it would not have shared, or does
    so at a new time; SWITCHED: at the time asked, in another way; KEPT: it stays as asked; DEFERRED: it
    finds no place in the period."""

    KEPT = "kept"
    MOVED = "moved"
    SWITCHED = "switched"
    MERGED = "merged"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Another work (by position) with which areas go out together, each once instead of twice."""

    request: int
    areas: tuple[int, ...]
    customers: int
    was_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is proposed for one work, beside what it asked for.

    What is spared (customers, and customer half-hours) is what would be lost if this work alone went
    back to what it asked for; the sums of items are not the totals, because works help each other.
    ``told_again``: customers of a published work who were told something else.
    """

    request: int
    outcome: Outcome
    from_start: int
    to_start: int | None
    from_mode: int
    to_mode: int
    shared: tuple[Shared, ...]
    spared_interruptions: int
    spared_repeats: int
    spared_over_limit: int
    spared_half_hours: int
    told_again: int

    @property
    def is_change(self) -> bool:
        """Whether accepting it changes the plan."""
        return self.outcome is not Outcome.DEFERRED and (
            (self.from_start, self.from_mode) != (self.to_start, self.to_mode)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The proposal beside what was asked for, in customers and in units of the objective."""

    asked: Figures
    proposed: Figures
    asked_objective: int
    objective: int


def totals(instance: Instance, plan: Plan) -> Totals:
    """Both sides, counted by the same rules."""
    wanted = asked(instance)
    return Totals(
        asked=objective.figures(instance, wanted),
        proposed=objective.figures(instance, plan),
        asked_objective=objective.cost(instance, wanted).total,
        objective=objective.cost(instance, plan).total,
    )


def items(instance: Instance, plan: Plan) -> tuple[Item, ...]:
    """One item a request, in their order."""
    wanted = asked(instance)
    at_area = _by_area(instance, plan)
    before, after = _together(instance, wanted), _together(instance, plan)
    found = []
    for assignment in plan:
        number = assignment.request
        request = instance.requests[number]
        shared = _shared(instance, after[number], before[number])
        is_same = (assignment.start, assignment.mode) == (request.asked_start, request.asked_mode)
        if assignment.start is None:
            outcome = Outcome.DEFERRED
        elif any(not one.was_shared for one in shared) or (shared and not is_same):
            outcome = Outcome.MERGED
        else:
            outcome = Outcome.KEPT if is_same else Outcome.MOVED
            if not is_same and assignment.start == request.asked_start:
                outcome = Outcome.SWITCHED
        spared = _Harm() if is_same else _spared(instance, at_area, assignment, wanted[number])
        found.append(
            Item(
                request=number,
                outcome=outcome,
                from_start=request.asked_start,
                to_start=assignment.start,
                from_mode=request.asked_mode,
                to_mode=assignment.mode,
                shared=shared,
                spared_interruptions=spared.interruptions,
                spared_repeats=spared.repeats,
                spared_over_limit=spared.over,
                spared_half_hours=spared.half_hours,
                told_again=objective.told_again(instance, assignment),
            )
        )
    return tuple(found)


@dataclass(slots=True)
class _Harm:
    interruptions: int = 0
    repeats: int = 0
    over: int = 0
    half_hours: int = 0


_AtArea = Mapping[int, Sequence[Assignment]]


def _by_area(instance: Instance, plan: Plan) -> _AtArea:
    found: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in plan:
        if assignment.start is not None:
            for area in instance.requests[assignment.request].modes[assignment.mode].out:
                found[area].append(assignment)
    return found


def _spared(instance: Instance, at_area: _AtArea, now: Assignment, back: Assignment) -> _Harm:
    """What the work alone would do to people by going back, less what it does where it is."""
    modes = instance.requests[now.request].modes
    spared = _Harm()
    for area in {*modes[now.mode].out, *modes[back.mode].out}:
        present = at_area.get(area, ())
        others = [one for one in present if one.request != now.request]
        returned = [*others, back] if area in modes[back.mode].out else others
        for assignments, sign in ((returned, 1), (present, -1)):
            _add(instance, area, assignments, sign, spared)
    return spared


def _add(
    instance: Instance, area: int, assignments: Sequence[Assignment], sign: int, harm: _Harm
) -> None:
    of, suffered = instance.areas[area], dict[int, int]()
    for assignment in assignments:
        if assignment.start is not None:
            length = instance.requests[assignment.request].half_hours
            for start in instance.occurrences(assignment.request, assignment.start):
                suffered[start] = max(suffered.get(start, 0), length)
    customers = sign * of.customers
    harm.interruptions += customers * len(suffered)
    grid, limit = instance.grid, instance.weights.limit
    harm.repeats += customers * beyond(grid, suffered, of.recent_interruptions, 1)
    harm.over += customers * beyond(grid, suffered, of.recent_interruptions, limit)
    harm.half_hours += customers * sum(suffered.values())


def _together(instance: Instance, plan: Plan) -> list[dict[int, set[int]]]:
    """For each request those with which it shares an outage, and the areas."""
    found: list[dict[int, set[int]]] = [defaultdict(set) for _ in plan]
    at: dict[tuple[int, int], list[int]] = defaultdict(list)
    for assignment in plan:
        if assignment.start is None:
            continue
        for area in instance.requests[assignment.request].modes[assignment.mode].out:
            for start in instance.occurrences(assignment.request, assignment.start):
                at[area, start].append(assignment.request)
    for (area, _), requests in at.items():
        for one in requests if len(requests) > 1 else ():
            for other in requests:
                if other != one:
                    found[one][other].add(area)
    return found


def _shared(
    instance: Instance, now: Mapping[int, set[int]], before: Mapping[int, set[int]]
) -> tuple[Shared, ...]:
    found = [
        Shared(
            request=other,
            areas=tuple(sorted(areas)),
            customers=sum(instance.areas[area].customers for area in areas),
            was_shared=other in before,
        )
        for other, areas in now.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.customers, one.request)))
