"""Who is where: works placed so far, and whether one more fits beside them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from notifier.domain.coordination.problem import Assignment, Instance, Key, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Why a request cannot be placed: the rule, who applies it, when, and the works in the way."""

    rule: Rule
    who: Key | None = None
    at: int | None = None
    by: tuple[int, ...] = ()


class Occupancy:
    """Works placed in the horizon. Deferred works are remembered and take up nothing."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.placed: dict[int, Assignment] = {}
        self._crews: dict[tuple[Key, int], list[int]] = defaultdict(list)
        self._regions: dict[tuple[Key, int], list[int]] = defaultdict(list)
        self._trunks: dict[tuple[Key, int], list[int]] = defaultdict(list)
        self._ties: dict[tuple[Key, int], list[int]] = defaultdict(list)
        self._before: dict[int, list[int]] = defaultdict(list)
        self._after: dict[int, list[int]] = defaultdict(list)
        self._apart: dict[int, list[int]] = defaultdict(list)
        self._with: dict[int, list[int]] = defaultdict(list)
        for a, b in instance.same_outage:
            self._with[a].append(b)
            self._with[b].append(a)
        for a, b in instance.precedence:
            self._after[a].append(b)
            self._before[b].append(a)
        for a, b in instance.exclusive_days:
            self._apart[a].append(b)
            self._apart[b].append(a)

    def add(self, assignment: Assignment) -> None:
        """Places a work; whether it fits is the caller's business."""
        self.placed[assignment.request] = assignment
        for where, key in self._places(assignment):
            where[key].append(assignment.request)

    def remove(self, request: int) -> Assignment:
        """Takes a work away again and answers where it was."""
        assignment = self.placed.pop(request)
        for where, key in self._places(assignment):
            where[key].remove(request)
        return assignment

    def crew_load(self, crew: Key, day: int) -> int:
        """How many placed works the crew has on that day."""
        return len(self._crews.get((crew, day), ()))

    def region_load(self, region: Key, shift: int) -> int:
        """How many placed works the region has in that shift."""
        return len(self._regions.get((region, shift), ()))

    def fits(self, assignment: Assignment) -> bool:
        """Whether the work can be added."""
        return next(self.blocks(assignment), None) is None

    def blocks(self, assignment: Assignment, *, any_mode: bool = False) -> Iterator[Block]:
        """What stands in the way of adding the work.

        ``any_mode``: only what does so in every mode. Windows and modes themselves are not looked at.
        """
        number, start = assignment.request, assignment.start
        if start is None:
            yield from self._waiting(number)
            return
        instance, request = self.instance, self.instance.requests[number]
        days = instance.days(number, start)
        for other in self._with.get(number, ()):
            placed = self.placed.get(other)
            if placed is not None and placed.start != start:
                yield Block(rule=Rule.SAME_OUTAGE, by=(other,))
        for crew in request.crews:
            for day in days:
                allowed = instance.limits.crew(crew, day)
                busy = self._crews.get((crew, day), ())
                if allowed is not None and len(busy) >= allowed:
                    yield Block(rule=Rule.CREW, who=crew, at=day, by=tuple(busy))
        allowed = None if request.region is None else instance.limits.region(request.region)
        if request.region is not None and allowed is not None:
            for occurrence in instance.occurrences(number, start):
                shift = instance.grid.shift(occurrence)
                crowd = self._regions.get((request.region, shift), ())
                if len(crowd) >= allowed:
                    yield Block(rule=Rule.REGION, who=request.region, at=shift, by=tuple(crowd))
        yield from self._order(number, days)
        if request.trunk and request.feeder is not None:
            for day in days:
                if carried := self._ties.get((request.feeder, day)):
                    yield Block(rule=Rule.TIE_FEEDER, who=request.feeder, at=day, by=tuple(carried))
        for tie in () if any_mode else request.modes[assignment.mode].tie_feeders:
            for day in days:
                if dark := self._trunks.get((tie, day)):
                    yield Block(rule=Rule.TIE_FEEDER, who=tie, at=day, by=tuple(dark))

    def _order(self, number: int, days: range) -> Iterator[Block]:
        for rule, others in (
            (Rule.PRECEDENCE, self._before.get(number, ())),
            (Rule.PRECEDENCE, self._after.get(number, ())),
            (Rule.EXCLUSIVE, self._apart.get(number, ())),
        ):
            is_before = others is self._before.get(number)
            for other in others:
                placed = self.placed.get(other)
                if placed is None:
                    continue
                if placed.start is None:
                    # What waits for a deferred work waits too.
                    if is_before:
                        yield Block(rule=rule, by=(other,))
                    continue
                busy = self.instance.days(other, placed.start)
                if rule is Rule.EXCLUSIVE:
                    clashes = busy.start < days.stop and days.start < busy.stop
                elif is_before:
                    clashes = busy.stop > days.start
                else:
                    clashes = days.stop > busy.start
                if clashes:
                    yield Block(rule=rule, at=days.start, by=(other,))

    def _waiting(self, number: int) -> Iterator[Block]:
        """What forbids deferring: works that would have to wait too, and are placed. Frozen works wait
        for nobody."""
        for rule, others in (
            (Rule.PRECEDENCE, self._after.get(number, ())),
            (Rule.SAME_OUTAGE, self._with.get(number, ())),
        ):
            for other in others:
                placed = self.placed.get(other)
                is_frozen = self.instance.requests[other].is_frozen
                if placed is not None and placed.start is not None and not is_frozen:
                    yield Block(rule=rule, by=(other,))

    def _places(
        self, assignment: Assignment
    ) -> Iterable[tuple[dict[tuple[Key, int], list[int]], tuple[Key, int]]]:
        number, start = assignment.request, assignment.start
        if start is None:
            return
        instance, request = self.instance, self.instance.requests[number]
        ties = request.modes[assignment.mode].tie_feeders
        for day in instance.days(number, start):
            for crew in request.crews:
                yield self._crews, (crew, day)
            if request.trunk and request.feeder is not None:
                yield self._trunks, (request.feeder, day)
            for tie in ties:
                yield self._ties, (tie, day)
        if request.region is not None:
            for occurrence in instance.occurrences(number, start):
                yield self._regions, (request.region, instance.grid.shift(occurrence))
