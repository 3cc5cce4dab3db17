"""Why works were not merged, and what a longer window would be worth.

Two works that share areas and are at different starts are put at one start, all others staying where
they are. Where that would spare somebody a repeat and cost less, something forbids it, and the first
thing that does is named. Most often it is that the windows have no common start; so for every work
the start outside its window that would spare most people is priced.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from notifier.domain.coordination import classes
from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.objective import beyond
from notifier.domain.coordination.occupancy import Block, Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Key, Plan, Rule
from notifier.domain.coordination.tally import Tally

#: Common starts looked at for one pair; with starts every half-hour there can be hundreds.
_STARTS = 24


class Obstacle(StrEnum):
    """What stands in the way of a merge. WINDOW: no common start, whether by dates, hours, blackout
    dates or notice. FROZEN, PINNED: one may not move. PUBLISHED: telling people again costs more than
    it spares. The others are the rules of the same name."""

    WINDOW = "window"
    FROZEN = "frozen"
    PINNED = "pinned"
    PUBLISHED = "published"
    CREW = "crew"
    REGION = "region"
    PRECEDENCE = "precedence"
    EXCLUSIVE = "exclusive"
    TIE_FEEDER = "tie_feeder"
    SAME_OUTAGE = "same_outage"


_OF_RULE = {
    Rule.CREW: Obstacle.CREW,
    Rule.REGION: Obstacle.REGION,
    Rule.PRECEDENCE: Obstacle.PRECEDENCE,
    Rule.EXCLUSIVE: Obstacle.EXCLUSIVE,
    Rule.TIE_FEEDER: Obstacle.TIE_FEEDER,
    Rule.SAME_OUTAGE: Obstacle.SAME_OUTAGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmerged:
    """A merge that would help and is not to be had.

    ``requests`` by position, ascending. ``start`` is where they would meet; ``repeats`` are customers
    who would be spared a repeat, ``saved`` is what the objective would fall by. ``who`` is the crew,
    region or feeder, ``at`` the day (for a region the shift), ``by`` the works in the way.
    """

    requests: tuple[int, int]
    start: int
    obstacle: Obstacle
    repeats: int
    saved: int
    who: Key | None = None
    at: int | None = None
    by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What a longer window would be worth: ``request`` could start at ``start``, together with ``joins``.

    ``days`` is by how many days the window would have to open earlier (negative) or close later; 0: a
    day within the window that is not allowed now. ``repeats`` are customers spared a repeat,
    ``half_hours`` customer half-hours without supply spared, ``saved`` what the objective falls by.
    """

    request: int
    start: int
    days: int
    joins: tuple[int, ...]
    repeats: int
    half_hours: int
    saved: int


def unmerged(instance: Instance, plan: Plan) -> tuple[Unmerged, ...]:
    """Every merge of two works that would help and was refused, with its reason; the best first."""
    desk = _Desk(instance, plan)
    found = [one for a, b in desk.pairs() if (one := _explain(desk, a, b)) is not None]
    return tuple(sorted(found, key=lambda one: (-one.repeats, -one.saved, one.requests)))


def extensions(instance: Instance, plan: Plan) -> tuple[Extension, ...]:
    """For each work the start outside its window that would spare most people; the best first."""
    desk = _Desk(instance, plan)
    partners: dict[int, set[int]] = defaultdict(set)
    for a, b in desk.pairs():
        partners[a].add(b)
        partners[b].add(a)
    found = [
        best
        for number in sorted(partners)
        if (best := _extension(desk, number, sorted(partners[number]))) is not None
    ]
    return tuple(sorted(found, key=lambda one: (-one.repeats, -one.saved, one.request)))


class _Desk:
    """A plan on which works are tried elsewhere and put back."""

    def __init__(self, instance: Instance, plan: Plan) -> None:
        self.instance = instance
        self.plan = {assignment.request: assignment for assignment in plan}
        self.occupancy = Occupancy(instance)
        self.groups = classes.groups(instance)
        self.tally = Tally(instance, self.groups)
        self.touching: dict[int, list[Group]] = defaultdict(list)
        for group in self.groups:
            for touch in group.touches:
                self.touching[touch.request].append(group)
        for assignment in plan:
            self.put(assignment)

    def put(self, assignment: Assignment) -> None:
        """Places a work."""
        self.occupancy.add(assignment)
        self.tally.add(assignment)

    def take(self, request: int) -> None:
        """Takes a work away."""
        self.tally.remove(self.occupancy.remove(request))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of placed works that share areas and never an outage, ascending."""
        found: set[tuple[int, int]] = set()
        for group in self.groups:
            active = [
                touch.request
                for touch in group.touches
                if self.plan[touch.request].start is not None
                and self.plan[touch.request].mode in touch.modes
            ]
            found.update(itertools.combinations(sorted(active), 2))
        for a, b in sorted(found):
            if self._starts(a).isdisjoint(self._starts(b)):
                yield a, b

    def price(self, assignments: Sequence[Assignment]) -> int:
        """What the objective grows by when works are added that are not placed now."""
        total = 0
        for assignment in assignments:
            total += self.tally.price(assignment)
            self.tally.add(assignment)
        for assignment in assignments:
            self.tally.remove(assignment)
        return total

    def blocks(self, assignments: Sequence[Assignment]) -> list[Block]:
        """What forbids adding the works, one after the other."""
        found: list[Block] = []
        for assignment in assignments:
            found += self.occupancy.blocks(assignment)
            self.occupancy.add(assignment)
        for assignment in assignments:
            self.occupancy.remove(assignment.request)
        return found

    def harm(self, assignments: Iterable[Assignment]) -> tuple[int, int]:
        """Repeats and half-hours, in customers, of all areas the works touch, were they placed so."""
        changed = {assignment.request: assignment for assignment in assignments}
        groups = {id(group): group for number in changed for group in self.touching[number]}
        repeats = half_hours = 0
        for group in groups.values():
            slots = self._slots(group, changed)
            for area in group.areas:
                of = self.instance.areas[area]
                repeats += of.customers * beyond(
                    self.instance.grid, slots, of.recent_interruptions, 1
                )
                half_hours += of.customers * sum(slots.values())
        return repeats, half_hours

    def _slots(self, group: Group, changed: Mapping[int, Assignment]) -> dict[int, int]:
        slots: dict[int, int] = {}
        for touch in group.touches:
            at = changed.get(touch.request, self.plan[touch.request])
            if at.start is None or at.mode not in touch.modes:
                continue
            half_hours = self.instance.requests[touch.request].half_hours
            for start in self.instance.occurrences(touch.request, at.start):
                slots[start] = max(slots.get(start, 0), half_hours)
        return slots

    def _starts(self, number: int) -> set[int]:
        start = self.plan[number].start
        return set() if start is None else set(self.instance.occurrences(number, start))


def _explain(desk: _Desk, a: int, b: int) -> Unmerged | None:
    """Why two works are not at one start; None where that would not help."""
    instance, now = desk.instance, (desk.plan[a], desk.plan[b])
    one, other = instance.requests[a], instance.requests[b]
    common = set(one.start_choices) & set(other.start_choices)
    starts = _nearest(common, now)
    if not starts:
        starts = [at.start for at in now if at.start is not None]
    desk.take(a)
    desk.take(b)
    try:
        before = desk.price(now)
        options = []
        for start in starts:
            moved = (Assignment(a, start, now[0].mode), Assignment(b, start, now[1].mode))
            told = sum(instance.move_cost(x.request, start) for x in moved) - sum(
                instance.move_cost(x.request, x.start) for x in now if x.start is not None
            )
            saved = before - desk.price(moved)
            if saved + max(0, told) > 0:
                options.append((saved, start, moved, desk.blocks(moved)))
    finally:
        desk.put(now[0])
        desk.put(now[1])
    if not options:
        return None
    # The start at which least is in the way, then the one that saves most.
    saved, start, moved, blocks = min(options, key=lambda x: (x[0] <= 0, len(x[3]), -x[0], x[1]))
    repeats = desk.harm(now)[0] - desk.harm(moved)[0]
    if repeats <= 0:
        return None
    pair = (a, b)
    if not common:
        return Unmerged(
            requests=pair, start=start, obstacle=_held(instance, pair), repeats=repeats, saved=saved
        )
    if saved <= 0:
        return Unmerged(
            requests=pair, start=start, obstacle=Obstacle.PUBLISHED, repeats=repeats, saved=saved
        )
    if not blocks:
        return None  # nothing forbids it: the plan is not the best there is
    first = blocks[0]
    return Unmerged(
        requests=pair,
        start=start,
        obstacle=_OF_RULE[first.rule],
        repeats=repeats,
        saved=saved,
        who=first.who,
        at=first.at,
        by=first.by,
    )


def _nearest(common: set[int], now: tuple[Assignment, Assignment]) -> list[int]:
    """Common starts, those nearest to where the works are first."""
    homes = [at.start for at in now if at.start is not None]
    return sorted(common, key=lambda start: (min(abs(start - home) for home in homes), start))[
        :_STARTS
    ]


def _held(instance: Instance, pair: tuple[int, int]) -> Obstacle:
    """Why two works have no common start."""
    requests = [instance.requests[number] for number in pair]
    if any(request.is_frozen for request in requests):
        return Obstacle.FROZEN
    if any(request.pinned_start is not None for request in requests):
        return Obstacle.PINNED
    return Obstacle.WINDOW


def _extension(desk: _Desk, number: int, partners: Sequence[int]) -> Extension | None:
    """The start outside a work's window that would spare most people; None where none would."""
    instance, now = desk.instance, desk.plan[number]
    request = instance.requests[number]
    if request.is_frozen or request.pinned_start is not None:
        return None
    allowed, last = set(request.starts), instance.grid.days - request.days
    meetings: dict[int, list[int]] = defaultdict(list)
    for partner in partners:
        at = desk.plan[partner].start
        if at is not None and at not in allowed and instance.grid.day(at) <= last:
            meetings[at].append(partner)
    before = desk.harm((now,))
    desk.take(number)
    found = []
    try:
        price = desk.price((now,))
        for start, joins in sorted(meetings.items()):
            moved = Assignment(number, start, now.mode)
            saved = price - desk.price((moved,))
            if saved <= 0 or desk.blocks((moved,)):
                continue
            after = desk.harm((moved,))
            if before[0] > after[0]:
                found.append((before[0] - after[0], saved, -start, joins, before[1] - after[1]))
    finally:
        desk.put(now)
    if not found:
        return None
    repeats, saved, negative, joins, half_hours = max(found)
    day, days = instance.grid.day(-negative), sorted(map(instance.grid.day, allowed))
    return Extension(
        request=number,
        start=-negative,
        days=min(0, day - days[0]) + max(0, day - days[-1]),
        joins=tuple(joins),
        repeats=repeats,
        half_hours=half_hours,
        saved=saved,
    )
