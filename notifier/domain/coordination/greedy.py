"""Greedy and local search: a plan without the solver, and the baseline beside it.

It says what it is: the plan is feasible and usually better than what was asked for, but nothing is
known about how much better it could be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from notifier.domain.coordination import classes, validator
from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.errors import NoPlan
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Plan, asked
from notifier.domain.coordination.tally import Tally

_ATTEMPTS = 20
_PASSES = 30

#: Requests that start together, in order; most are alone.
Unit = tuple[int, ...]


def plan(instance: Instance, groups: Sequence[Group] | None = None) -> Plan:
    """A feasible plan: each work where it costs least, then moved while that helps.

    Raises ``NoPlan`` where it finds none; there may be one all the same.
    """
    desk = _Desk(instance, classes.groups(instance) if groups is None else groups)
    wish = asked(instance)
    found = []
    if validator.check(instance, wish).is_sound:
        desk.place(wish)
        desk.improve()
        found.append(desk.plan())
        desk.clear()
    stuck = desk.fill()
    if not stuck:
        desk.improve()
        found.append(desk.plan())
    if not found:
        raise NoPlan(stuck)
    return min(found, key=lambda one: validator.check(instance, one).objective)


def first(instance: Instance, groups: Sequence[Group]) -> Plan | None:
    """Any feasible plan, quickly: what was asked for, else each work where it costs least."""
    wish = asked(instance)
    if validator.check(instance, wish).is_sound:
        return wish
    desk = _Desk(instance, groups)
    return None if desk.fill() else desk.plan()


def mended(
    instance: Instance, groups: Sequence[Group], wanted: Sequence[Assignment]
) -> Plan | None:
    """A feasible plan close to one that breaks rules: works that clash are placed anew; None without."""
    desk = _Desk(instance, groups)
    stuck = desk.fill({assignment.request: assignment for assignment in wanted})
    return None if stuck else desk.plan()


def settle(instance: Instance, groups: Sequence[Group], improved: Plan) -> Plan:
    """The same plan with every work back where it was asked for, wherever that costs nothing."""
    desk = _Desk(instance, groups)
    desk.place(improved)
    desk.settle()
    return desk.plan()


class _Desk:
    """Works on a plan, unit by unit."""

    def __init__(self, instance: Instance, groups: Sequence[Group]) -> None:
        self._instance = instance
        self._groups = groups
        self._units = _units(instance)
        self.clear()

    def clear(self) -> None:
        """Takes every work away."""
        self._occupancy = Occupancy(self._instance)
        self._tally = Tally(self._instance, self._groups)

    def plan(self) -> Plan:
        """What is placed, in order."""
        return tuple(self._occupancy.placed[number] for number in sorted(self._occupancy.placed))

    def place(self, assignments: Iterable[Assignment]) -> None:
        """Places works where they are said to be."""
        for assignment in assignments:
            self._occupancy.add(assignment)
            self._tally.add(assignment)

    def fill(self, wanted: Mapping[int, Assignment] | None = None) -> tuple[int, ...]:
        """Places every unit where it is wanted, else where it costs least; the heaviest first, and next
        time what got stuck. Answers the requests that found no place at all.
        """
        wishes = wanted or {}
        order = sorted(self._units, key=lambda unit: (-self._weight(unit), unit))
        stuck: list[Unit] = []
        for _ in range(_ATTEMPTS):
            self.clear()
            stuck, homeless = [], []
            for unit in order:
                wish = tuple(wishes[number] for number in unit if number in wishes)
                if len(wish) == len(unit) and self._fits(wish):
                    self.place(wish)
                else:
                    homeless.append(unit)
            for unit in homeless:
                best = self._best(unit, exhaustive=True)
                if best is None:
                    stuck.append(unit)
                else:
                    self.place(best)
            if not stuck:
                return ()
            order = stuck + [unit for unit in order if unit not in stuck]
        return tuple(number for unit in stuck for number in unit)

    def improve(self) -> None:
        """Moves units to where they cost least, until nothing is gained."""
        for _ in range(_PASSES):
            has_gained = False
            for unit in self._units:
                held = self._take(unit)
                now = self._price(held)
                best = self._best(unit, exhaustive=False)
                if best is not None and self._price(best) < now:
                    has_gained = True
                    held = best
                self.place(held)
            if not has_gained:
                return

    def settle(self) -> None:
        """Moves units home wherever that costs nothing."""
        for _ in range(_PASSES):
            has_moved = False
            for unit in self._units:
                home = tuple(
                    Assignment(
                        number,
                        self._instance.requests[number].asked_start,
                        self._instance.requests[number].asked_mode,
                    )
                    for number in unit
                )
                placed = tuple(self._occupancy.placed[number] for number in unit)
                if home == placed or not self._is_allowed(home):
                    continue
                self._take(unit)
                now = self._price(placed)
                if self._fits(home) and self._price(home) <= now:
                    has_moved = True
                    placed = home
                self.place(placed)
            if not has_moved:
                return

    # -- one unit ------------------------------------------------------------------------------

    def _best(self, unit: Unit, *, exhaustive: bool) -> tuple[Assignment, ...] | None:
        """The cheapest place that fits; None where there is none."""
        best, price = None, 0
        for candidate in self._candidates(unit, exhaustive=exhaustive):
            if best is not None and self._price(candidate) >= price:
                continue
            if self._fits(candidate):
                best, price = candidate, self._price(candidate)
        return best

    def _candidates(self, unit: Unit, *, exhaustive: bool) -> Iterator[tuple[Assignment, ...]]:
        """Places to try: shared outages first, then starts of its own; last, not at all."""
        requests = [self._instance.requests[number] for number in unit]
        starts = set(requests[0].start_choices)
        for request in requests[1:]:
            starts &= set(request.start_choices)
        shared = starts & set().union(*(self._tally.shared_starts(number) for number in unit))
        for start in sorted(shared):
            yield from self._moded(unit, start)
        wish = requests[0].asked_start
        alone = 0
        for start in sorted(starts - shared, key=lambda start: (abs(start - wish), start)):
            # Alone, one start costs as much as another: a few that fit are enough.
            if alone >= 2 and not exhaustive:
                break
            for candidate in self._moded(unit, start):
                yield candidate
                alone += self._fits(candidate)
        if all(request.may_be_deferred for request in requests):
            yield tuple(Assignment(number, None) for number in unit)

    def _moded(self, unit: Unit, start: int) -> Iterator[tuple[Assignment, ...]]:
        """The unit at one start in each of its modes; where several share a start, in the same of them."""
        most = max(len(self._instance.requests[number].mode_choices) for number in unit)
        for at in range(most):
            chosen = []
            for number in unit:
                modes = self._instance.requests[number].mode_choices
                chosen.append(Assignment(number, start, modes[min(at, len(modes) - 1)]))
            yield tuple(chosen)

    def _price(self, assignments: Sequence[Assignment]) -> int:
        if len(assignments) == 1:
            return self._tally.price(assignments[0])
        total = 0
        for assignment in assignments:
            total += self._tally.price(assignment)
            self._tally.add(assignment)
        for assignment in assignments:
            self._tally.remove(assignment)
        return total

    def _fits(self, assignments: Sequence[Assignment]) -> bool:
        if all(self._instance.requests[one.request].is_frozen for one in assignments):
            return True
        if len(assignments) == 1:
            return self._occupancy.fits(assignments[0])
        placed = []
        try:
            for assignment in assignments:
                if not self._occupancy.fits(assignment):
                    return False
                self._occupancy.add(assignment)
                placed.append(assignment.request)
            return True
        finally:
            for number in placed:
                self._occupancy.remove(number)

    def _is_allowed(self, assignments: Sequence[Assignment]) -> bool:
        requests = self._instance.requests
        return len({assignment.start for assignment in assignments}) == 1 and all(
            assignment.start in requests[assignment.request].start_choices
            and assignment.mode in requests[assignment.request].mode_choices
            for assignment in assignments
        )

    def _take(self, unit: Unit) -> tuple[Assignment, ...]:
        taken = tuple(self._occupancy.remove(number) for number in unit)
        for assignment in taken:
            self._tally.remove(assignment)
        return taken

    def _weight(self, unit: Unit) -> int:
        """How much a unit matters: frozen works before all others, then customers times hours."""
        requests = [self._instance.requests[number] for number in unit]
        if any(request.is_frozen for request in requests):
            return 1 << 60
        return sum(
            request.half_hours
            * request.days
            * sum(self._instance.burden(area) for area in request.modes[0].out)
            for request in requests
        )


def _units(instance: Instance) -> tuple[Unit, ...]:
    """Requests joined by common outages; in order of their first."""
    unit_of = {number: [number] for number in range(len(instance.requests))}
    for a, b in instance.same_outage:
        if instance.requests[a].is_frozen or instance.requests[b].is_frozen:
            continue  # the other joins it where it is, or waits
        if unit_of[a] is not unit_of[b]:
            joined = sorted(unit_of[a] + unit_of[b])
            for number in joined:
                unit_of[number] = joined
    return tuple(sorted({tuple(unit) for unit in unit_of.values()}))
