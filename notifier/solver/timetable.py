"""The same problem as a timetable of zeros and ones, whose linear relaxation bounds large components well.

A variable for each start and mode of each work; for each group of areas and each start one that says
how long it is out there, at least as long as any work that is. Cost does not depend on *which* day it
is, so whoever searches this model is lost in it; but windows are mostly intervals, and relaxed to
fractions it is nearly whole: of components of thirty to a hundred works it gives the bound that
``model.py`` cannot find, and SCIP closes most of them in a second.

Within ``Grid.look_back_days`` the model is exact. Over longer horizons repeats are counted look-back by
look-back from the first day on, which is never more than they are: the bound holds all the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from threading import Event

from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Key
from notifier.solver import scip
from notifier.solver.terms import Cell, Fitting

#: Variables by mode and start.
Choices = dict[tuple[int, int], int]
#: The most starts and modes, of all works together, that are worth a timetable.
LARGEST = 8_000


class Timetable:
    """Builds the timetable of some requests, the others held where they are or left out altogether."""

    def __init__(
        self,
        instance: Instance,
        cells: Sequence[Cell],
        free: Iterable[int],
        around: Occupancy,
        fitting: Mapping[int, Fitting],
    ) -> None:
        self.free = sorted(free)
        self.program = scip.Program()
        self._instance = instance
        self._around = around
        self._choices: dict[int, Choices] = {}
        self._deferred: dict[int, int] = {}
        steps = self._steps(fitting)
        for number in self.free:
            self._add_work(number, fitting[number], steps)
        self.is_small = sum(map(len, self._choices.values())) <= LARGEST
        if not self.is_small:
            return
        for cell in cells:
            for number in cell.own:
                self._add_own_cost(number)
            for group in cell.groups:
                self._add_group(group)
        self._add_crews()
        self._add_regions()
        self._add_orders()
        self._add_ties()

    def solve(
        self, nodes: int, seed: int, stop: Event, hint: Mapping[int, Assignment]
    ) -> tuple[tuple[Assignment, ...], scip.Answer]:
        """A plan of the free works, or none, and what is known about it."""
        hinted = {}
        for number in self.free:
            one = hint.get(number)
            for (mode, start), variable in self._choices[number].items():
                hinted[variable] = int(one is not None and (one.mode, one.start) == (mode, start))
        answer = self.program.solve(nodes, seed, stop, hinted)
        if not answer.values:
            return (), answer
        return tuple(self._assigned(number, answer.values) for number in self.free), answer

    def _assigned(self, number: int, values: Sequence[float]) -> Assignment:
        for (mode, start), variable in self._choices[number].items():
            if values[variable] > 0.5:
                return Assignment(number, start, mode)
        return Assignment(number, None)

    # -- works ---------------------------------------------------------------------------------

    def _steps(self, fitting: Mapping[int, Fitting]) -> set[int]:
        """The steps of a day at which works need to begin.

        Works that share an outage may begin a step earlier all together, within the shift, as long as
        none of them is where its run of allowed starts begins: no limit and no cost sees a difference.
        So they need to begin only where some run does, or where it costs something to leave.
        """
        instance, per_day = self._instance, self._instance.grid.starts_per_day
        steps = {
            held.start % per_day for held in self._around.placed.values() if held.start is not None
        }
        for number in self.free:
            request = instance.requests[number]
            home = (
                request.asked_start if request.published_start is None else request.published_start
            )
            if instance.weights.move_asked or request.published_start is not None:
                steps.add(home % per_day)
            for starts in fitting[number].values():
                steps.update(
                    start % per_day
                    for start in starts
                    if start - 1 not in starts
                    or instance.grid.shift(start - 1) != instance.grid.shift(start)
                )
        return steps

    def _add_work(self, number: int, fitting: Fitting, steps: set[int]) -> None:
        program, per_day = self.program, self._instance.grid.starts_per_day
        choices = {
            (mode, start): program.boolean()
            for mode, starts in fitting.items()
            for start in sorted(starts)
            if start % per_day in steps
        }
        terms = dict.fromkeys(choices.values(), 1)
        request = self._instance.requests[number]
        if request.may_be_deferred and self._around.fits(Assignment(number, None)):
            self._deferred[number] = program.boolean()
            terms[self._deferred[number]] = 1
        program.row(terms, 1, 1)
        self._choices[number] = choices

    def _add_own_cost(self, number: int) -> None:
        instance, program = self._instance, self.program
        held = self._around.placed.get(number)
        if held is not None:
            program.pay(None, instance.own_cost(held))
            return
        for (mode, start), variable in self._choices[number].items():
            program.pay(variable, instance.own_cost(Assignment(number, start, mode)))
        if number in self._deferred:
            program.pay(self._deferred[number], instance.own_cost(Assignment(number, None)))

    # -- people --------------------------------------------------------------------------------

    def _add_group(self, group: Group) -> None:
        """How long the group is out at each start, and how often that makes."""
        out: dict[int, dict[int, list[dict[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for touch in group.touches:
            half_hours = self._instance.requests[touch.request].half_hours
            for start, terms in self._out(touch.request, touch.modes).items():
                out[start][half_hours].append(terms)
        counted: dict[int, list[int]] = defaultdict(list)
        for start in sorted(out):
            once = self._add_outage(out[start], group.burden)
            counted[self._instance.grid.day(start) // self._instance.grid.look_back_days].append(
                once
            )
        for look_back, ones in sorted(counted.items()):
            self._add_repeats(group, look_back, ones)

    def _out(self, number: int, modes: frozenset[int]) -> dict[int, dict[int, int]]:
        """The choices by which a work has a group out, by start."""
        instance = self._instance
        found: dict[int, dict[int, int]] = defaultdict(dict)
        held = self._around.placed.get(number)
        if held is not None and held.start is not None and held.mode in modes:
            for start in instance.occurrences(number, held.start):
                found[start] = {}
        for (mode, first), variable in self._choices.get(number, {}).items():
            if mode in modes:
                for start in instance.occurrences(number, first):
                    found[start][variable] = 1
        return found

    def _add_outage(self, lasting: Mapping[int, Sequence[Mapping[int, int]]], burden: int) -> int:
        """One start: pays for the longest work there; answers the variable that says there is one.

        From the longest length down, a variable says that the outage is at least so long.
        """
        program, weights = self.program, self._instance.weights
        lengths = sorted(lasting, reverse=True)
        there = -1
        for half_hours, shorter in zip(lengths, [*lengths[1:], 0], strict=True):
            works, longer = lasting[half_hours], there
            if longer < 0 and len(works) == 1 and len(works[0]) == 1:
                (there,) = works[0]
            else:
                there = program.number()
                for terms in works:
                    # A held work has no choices: it is there.
                    others = dict.fromkeys(terms, -1)
                    program.row({there: 1, **others}, 0 if terms else 1, None)
                if longer >= 0:
                    program.row({there: 1, longer: -1}, 0, None)
            program.pay(there, burden * weights.half_hour * (half_hours - shorter))
        program.pay(there, burden * weights.interruption)
        return there

    def _add_repeats(self, group: Group, look_back: int, ones: Sequence[int]) -> None:
        """What comes after the first so many of one look-back; history counts in the first only."""
        weights = self._instance.weights
        surcharges: dict[int, int] = defaultdict(int)
        for recent, burden in group.burdens:
            past = 0 if look_back else recent
            surcharges[max(0, 1 - past)] += weights.repeat * burden
            surcharges[max(0, weights.limit - past)] += weights.over_limit * burden
        days = sum(self._instance.requests[touch.request].days for touch in group.touches)
        for allowed, surcharge in sorted(surcharges.items()):
            if not surcharge or days <= allowed:
                continue
            beyond = self.program.number()
            self.program.pay(beyond, surcharge)
            # One variable may stand for several days of a work.
            often = {variable: -times for variable, times in Counter(ones).items()}
            self.program.row({beyond: 1, **often}, -allowed, None)

    # -- rules ---------------------------------------------------------------------------------

    def _at_most(self, variables: Iterable[int], most: int) -> None:
        ones = dict.fromkeys(variables, 1)
        if len(ones) > most:
            self.program.row(ones, None, most)

    def _by_day(self, number: int) -> dict[int, list[int]]:
        """The choices by which a free work is worked on, by day."""
        found: dict[int, list[int]] = defaultdict(list)
        for (_, start), variable in self._choices.get(number, {}).items():
            for day in self._instance.days(number, start):
                found[day].append(variable)
        return found

    def _add_crews(self) -> None:
        crews: dict[tuple[Key, int], list[int]] = defaultdict(list)
        for number in self.free:
            for crew in self._instance.requests[number].crews:
                for day, ones in self._by_day(number).items():
                    crews[crew, day] += ones
        for (crew, day), ones in crews.items():
            allowed = self._instance.limits.crew(crew, day)
            if allowed is not None:
                self._at_most(ones, max(0, allowed - self._around.crew_load(crew, day)))

    def _add_regions(self) -> None:
        regions: dict[tuple[Key, int], list[int]] = defaultdict(list)
        for number in self.free:
            region = self._instance.requests[number].region
            if region is None:
                continue
            for (_, first), variable in self._choices[number].items():
                for start in self._instance.occurrences(number, first):
                    regions[region, self._instance.grid.shift(start)].append(variable)
        for (region, shift), ones in regions.items():
            allowed = self._instance.limits.region(region)
            if allowed is not None:
                self._at_most(ones, max(0, allowed - self._around.region_load(region, shift)))

    def _add_orders(self) -> None:
        instance, program, mine = self._instance, self.program, set(self.free)
        for a, b in instance.precedence:
            if a not in mine or b not in mine:
                continue
            for day in range(instance.grid.days):
                late = [
                    v for (_, s), v in self._choices[a].items() if instance.days(a, s)[-1] >= day
                ]
                early = [
                    v for (_, s), v in self._choices[b].items() if instance.days(b, s)[0] <= day
                ]
                if late and early:
                    self._at_most(late + early, 1)
            if a in self._deferred:
                # What waits for a deferred work waits too.
                done = dict.fromkeys(self._choices[b].values(), 1)
                program.row({**done, self._deferred[a]: 1}, None, 1)
        for a, b in instance.exclusive_days:
            if a in mine and b in mine:
                one, other = self._by_day(a), self._by_day(b)
                for day in sorted(one.keys() & other.keys()):
                    self._at_most(one[day] + other[day], 1)
        for a, b in instance.same_outage:
            if a in mine and b in mine:
                starts: dict[int, dict[int, int]] = defaultdict(dict)
                for number, sign in ((a, 1), (b, -1)):
                    for (_, start), variable in self._choices[number].items():
                        starts[start][variable] = sign
                for terms in starts.values():
                    program.row(terms, 0, 0)

    def _add_ties(self) -> None:
        """A feeder that carries somebody else's load keeps its trunk for that day."""
        trunks: dict[Key, list[int]] = defaultdict(list)
        for number in self.free:
            request = self._instance.requests[number]
            if request.trunk and request.feeder is not None:
                trunks[request.feeder].append(number)
        for number in self.free:
            carried: dict[tuple[Key, int], list[int]] = defaultdict(list)
            for (mode, start), variable in self._choices[number].items():
                for tie in self._instance.requests[number].modes[mode].tie_feeders:
                    for day in self._instance.days(number, start):
                        carried[tie, day].append(variable)
            for (tie, day), ones in carried.items():
                for other in trunks.get(tie, ()):
                    if other != number and (dark := self._by_day(other).get(day)):
                        self._at_most(ones + dark, 1)
