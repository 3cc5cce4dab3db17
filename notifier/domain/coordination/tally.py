"""What one more work would cost, kept up to date while works are placed and taken away."""

from collections import defaultdict
from collections.abc import Iterable

from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.objective import beyond
from notifier.domain.coordination.problem import Assignment, Instance


class Tally:
    """The interruptions of every group of areas, and the cost of adding a work to them."""

    def __init__(self, instance: Instance, groups: Iterable[Group]) -> None:
        self._instance = instance
        self._groups = tuple(groups)
        self._slots: list[dict[int, list[int]]] = [defaultdict(list) for _ in self._groups]
        self._touching: dict[int, list[tuple[int, frozenset[int]]]] = defaultdict(list)
        for number, group in enumerate(self._groups):
            for touch in group.touches:
                self._touching[touch.request].append((number, touch.modes))

    def add(self, assignment: Assignment) -> None:
        """Counts a work in."""
        for slots, start, half_hours in self._parts(assignment):
            slots[start].append(half_hours)

    def remove(self, assignment: Assignment) -> None:
        """Counts a work out again."""
        for slots, start, half_hours in self._parts(assignment):
            slots[start].remove(half_hours)
            if not slots[start]:
                del slots[start]

    def price(self, assignment: Assignment) -> int:
        """What the objective grows by when the work is added."""
        instance, number, start = self._instance, assignment.request, assignment.start
        request = instance.requests[number]
        if start is None:
            return request.defer_cost or 0
        weights, half_hours = instance.weights, request.half_hours
        total = instance.move_cost(number, start) + instance.transfer_cost(number, assignment.mode)
        occurrences = instance.occurrences(number, start)
        for at, modes in self._touching.get(number, ()):
            if assignment.mode not in modes:
                continue
            slots, group = self._slots[at], self._groups[at]
            added = lasting = 0
            for occurrence in occurrences:
                there = slots.get(occurrence)
                if there is None:
                    added += 1
                    lasting += half_hours
                else:
                    lasting += max(0, half_hours - max(there))
            total += group.burden * (weights.half_hour * lasting + weights.interruption * added)
            if added:
                grid, after = instance.grid, slots.keys() | set(occurrences)
                for recent, burden in group.burdens:
                    for surcharge, allowed in (
                        (weights.repeat, 1),
                        (weights.over_limit, weights.limit),
                    ):
                        more = beyond(grid, after, recent, allowed)
                        more -= beyond(grid, slots, recent, allowed)
                        total += burden * surcharge * more
        return total

    def shared_starts(self, request: int) -> set[int]:
        """The starts at which the request would share an outage with a work placed already."""
        days = range(self._instance.requests[request].days)
        step = self._instance.grid.starts_per_day
        return {
            start - day * step
            for at, _ in self._touching.get(request, ())
            for start in self._slots[at]
            for day in days
        }

    def _parts(self, assignment: Assignment) -> Iterable[tuple[dict[int, list[int]], int, int]]:
        if assignment.start is None:
            return
        half_hours = self._instance.requests[assignment.request].half_hours
        for at, modes in self._touching.get(assignment.request, ()):
            if assignment.mode in modes:
                for start in self._instance.occurrences(assignment.request, assignment.start):
                    yield self._slots[at], start, half_hours
