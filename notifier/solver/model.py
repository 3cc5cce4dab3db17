"""The model that wins: works that share an area are compared pair by pair, not slot by slot.

Cost does not depend on *which* day it is, so a model over slots is full of symmetry. Here each
request has a start; two occurrences that share an area may be equal in start; and in every group of
areas touched by the same works, the longest work at each start leads and carries the interruption for
the others: one *lead* pays both for the interruption and for the merged duration.
``docs/coordination.md`` has the formulas.
"""

from collections.abc import Iterable, Mapping, Sequence

from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance
from notifier.solver import limits, repeats, terms
from notifier.solver.cpsat import FALSE, TRUE, Literal, Model
from notifier.solver.terms import Cell, Fitting, Sum, Work, coincide, holds, intervals

#: Larger than any cost.
_MOST = 1 << 45


class Merging:
    """Builds the model of some requests, the others held where they are or left out altogether.

    ``free`` are the requests to be placed, ``around`` the works that stay where they are. What is
    minimised is the cost of the ``cells``; their floors, and the ``floor`` of all of them together,
    hand the solver bounds it cannot find alone. ``hint`` is a plan to begin from; ``fitting`` spares
    finding out again where requests fit beside the works around.
    """

    def __init__(
        self,
        instance: Instance,
        cells: Sequence[Cell],
        free: Iterable[int],
        around: Occupancy,
        *,
        floor: int = 0,
        hint: Mapping[int, Assignment] | None = None,
        fitting: Mapping[int, Fitting] | None = None,
    ) -> None:
        self.free = sorted(free)
        self.model = Model()
        self.works: dict[int, Work] = {}
        self.is_possible = True
        self._instance = instance
        self._around = around
        self._hint = hint or {}
        self.has_hint = bool(hint)
        self._equal: dict[tuple[int, int, int], Literal] = {}
        self._both: dict[tuple[Literal, Literal], Literal] = {}
        self.near: dict[tuple[int, int, int, int], Literal] = {}
        self._acts: dict[tuple[int, frozenset[int]], Literal] = {}
        for number in self.free:
            known = fitting or {}
            self._add_work(number, known.get(number) or terms.fitting(instance, around, number))
        if not self.is_possible:
            return
        sums = []
        for cell in cells:
            total = Sum()
            for number in cell.own:
                self._add_own_cost(number, total)
            for group in cell.groups:
                self._add_group(group, total)
            sums.append(total)
        limits.add(self, instance, around)
        self._add_objective(sums, cells, floor)

    def plan(self, values: Sequence[int]) -> tuple[Assignment, ...]:
        """The free requests' assignments in a solution."""
        return tuple(self._assigned(self.works[number], values) for number in self.free)

    def _assigned(self, work: Work, values: Sequence[int]) -> Assignment:
        if not holds(work.here, values):
            return Assignment(work.request, None)
        mode = next(mode for mode, literal in work.modes.items() if holds(literal, values))
        return Assignment(work.request, values[work.start], mode)

    # -- works ---------------------------------------------------------------------------------

    def _add_work(self, number: int, fitting: Fitting) -> None:
        request, model = self._instance.requests[number], self.model
        hint = self._hint.get(number)
        modes = [mode for mode, starts in fitting.items() if starts]
        choices = tuple(sorted(frozenset().union(*fitting.values())))
        may_defer = request.may_be_deferred and self._around.fits(Assignment(number, None))
        if not choices and not may_defer:
            self.is_possible = False
            return
        here: Literal = TRUE
        if not choices:
            here = FALSE
        elif may_defer:
            here = model.boolean(None if hint is None else hint.start is not None)
        literals: dict[int, Literal] = {}
        if len(modes) == 1:
            literals[modes[0]] = here
        elif len(modes) == 2 and here == TRUE:
            literals[modes[0]] = model.boolean(None if hint is None else hint.mode == modes[0])
            literals[modes[1]] = ~literals[modes[0]]
        elif modes:
            for mode in modes:
                literals[mode] = model.boolean(
                    None if hint is None else hint.start is not None and hint.mode == mode
                )
            model.exactly_one([*literals.values(), *(() if here == TRUE else (~here,))])
        work = Work(request=number, here=here, modes=literals, choices=choices, hint=hint)
        if choices:
            place = None if hint is None or hint.start is None else hint.start
            work.start = model.integer(intervals(choices), choices[0] if place is None else place)
        for mode in modes:
            if len(fitting[mode]) < len(choices):
                model.linear({work.start: 1}, intervals(sorted(fitting[mode])), (literals[mode],))
        self.works[number] = work

    def _work(self, number: int) -> Work | None:
        """A free or held request; None for one that takes no part."""
        known = self.works.get(number)
        if known is not None:
            return known
        held = self._around.placed.get(number)
        if held is None or held.start is None:
            return None
        work = Work(
            request=number, here=TRUE, modes={held.mode: TRUE}, choices=(held.start,), hint=held
        )
        work.value = held.start
        self.works[number] = work
        return work

    def day(self, work: Work) -> int:
        """The variable of the first day of a free work."""
        if work.day is None:
            work.day = self._coarser(work, self._instance.grid.starts_per_day)
        return work.day

    def shift(self, work: Work) -> int:
        """The variable of the first shift of a free work."""
        if work.shift is None:
            work.shift = self._coarser(work, self._instance.grid.starts_per_shift)
        return work.shift

    def _coarser(self, work: Work, size: int) -> int:
        """start = size × the variable answered + what is left over."""
        if size == 1:
            return work.start
        left = sorted({start % size for start in work.choices})
        at = work.choices[0] if work.hint is None or work.hint.start is None else work.hint.start
        coarse = self.model.integer(
            intervals(sorted({start // size for start in work.choices})), at // size
        )
        if len(left) == 1:
            self.model.linear({work.start: 1, coarse: -size}, (left[0], left[0]))
        else:
            rest = self.model.integer(intervals(left), at % size)
            self.model.linear({work.start: 1, coarse: -size, rest: -1}, (0, 0))
        return coarse

    # -- cost ----------------------------------------------------------------------------------

    def _add_own_cost(self, number: int, total: Sum) -> None:
        """Deferral, transfers, and leaving the start that was told or asked for."""
        instance = self._instance
        request = instance.requests[number]
        if number in self._around.placed:
            held = self._around.placed[number]
            if held.start is None:
                total.constant += request.defer_cost or 0
            else:
                total.constant += instance.transfer_cost(number, held.mode)
                total.constant += instance.move_cost(number, held.start)
            return
        work = self.works[number]
        if work.here != TRUE:
            total.add(~work.here, request.defer_cost or 0)
        for mode, literal in work.modes.items():
            total.add(literal, instance.transfer_cost(number, mode))
        home = request.asked_start if request.published_start is None else request.published_start
        away = next(
            (cost for start in work.choices if (cost := instance.move_cost(number, start))), 0
        )
        if not away:
            return
        total.add(work.here, away)
        if home in work.choices:
            hinted = None if work.hint is None else work.hint.start == home
            stays = work.here if len(work.choices) == 1 else self.model.boolean(hinted)
            if stays != work.here:
                self.model.linear({work.start: 1}, (home, home), (stays,))
                self.model.clause((~stays, work.here))
            total.add(stays, -away)

    def _active(self, work: Work, modes: frozenset[int]) -> Literal:
        """Whether the work is done in one of these modes."""
        touching = modes.intersection(work.modes)
        if len(touching) == len(work.modes):
            return work.here
        if not touching:
            return FALSE
        if len(touching) == 1:
            return work.modes[next(iter(touching))]
        key = (work.request, touching)
        if key not in self._acts:
            hint = work.hint
            act = self.model.boolean(None if hint is None else self._is_active(work, modes))
            self._acts[key] = act
            for mode in sorted(touching):
                self.model.clause((~work.modes[mode], act))
            self.model.clause((~act, *(work.modes[mode] for mode in sorted(touching))))
        return self._acts[key]

    def _same(self, a: Work, b: Work, days: int) -> Literal:
        """Whether a's start and b's, ``days`` later, are one (true only if; costs see to the rest)."""
        if a.request > b.request:
            a, b, days = b, a, -days
        key = (a.request, b.request, days)
        if key in self._equal:
            return self._equal[key]
        later = days * self._instance.grid.starts_per_day
        common = sorted({start + later for start in b.choices} & set(a.choices))
        literal: Literal
        if not common:
            literal = FALSE
        elif a.value is not None and b.value is not None:
            literal = TRUE
        else:
            literal = self.model.boolean(coincide(a.hint, b.hint, later))
            if a.value is None and len(common) < len(a.choices):
                self.model.linear({a.start: 1}, intervals(common), (literal,))
            if b.value is None and len(common) < len(b.choices):
                earlier = [start - later for start in common]
                self.model.linear({b.start: 1}, intervals(earlier), (literal,))
            if a.value is None and b.value is None:
                self.model.linear({a.start: 1, b.start: -1}, (later, later), (literal,))
        self._equal[key] = literal
        return literal

    def _and(self, one: Literal, other: Literal, hint: bool | None) -> Literal:
        if FALSE in (one, other):
            return FALSE
        if one in (TRUE, other):
            return other
        if other == TRUE:
            return one
        key = (one, other)
        if key not in self._both:
            literal = self.model.boolean(hint)
            self.model.clause((~literal, one))
            self.model.clause((~literal, other))
            self._both[key] = literal
        return self._both[key]

    def _add_group(self, group: Group, total: Sum) -> None:
        """Who leads at each start of each work that touches the group, and what it costs."""
        taking_part: list[tuple[Work, Literal, int]] = []
        for touch in group.touches:
            work = self._work(touch.request)
            if work is None:
                continue
            active = self._active(work, touch.modes)
            if active == FALSE:
                continue
            days = range(self._instance.requests[touch.request].days)
            taking_part.extend((work, active, day) for day in days)
        requests = self._instance.requests
        taking_part.sort(
            key=lambda part: (-requests[part[0].request].half_hours, part[0].request, part[2])
        )
        leads = [self._lead(taking_part[:at], part) for at, part in enumerate(taking_part)]
        weights, burden = self._instance.weights, group.burden
        for lead, (work, _, _) in zip(leads, taking_part, strict=True):
            lasting = weights.half_hour * requests[work.request].half_hours
            total.add(lead, burden * (weights.interruption + lasting))
        parts = [(work, day, lead) for (work, _, day), lead in zip(taking_part, leads, strict=True)]
        repeats.add(self, self._instance, group, parts, total)

    def _lead(
        self, earlier: Sequence[tuple[Work, Literal, int]], part: tuple[Work, Literal, int]
    ) -> Literal:
        work, active, day = part
        shared = []
        is_led = False
        for other, other_active, other_day in earlier:
            if other is work:
                continue
            same = self._same(work, other, other_day - day)
            if same == FALSE:
                continue
            together = None
            if work.hint is not None and other.hint is not None and same != TRUE:
                later = (other_day - day) * self._instance.grid.starts_per_day
                together = bool(coincide(work.hint, other.hint, later))
                together = together and self._literal_hint(other, other_active)
            if (joined := self._and(same, other_active, together)) == TRUE:
                return FALSE
            if joined != FALSE:
                shared.append(joined)
                is_led = is_led or bool(together)
        if not shared:
            return active
        hint = None
        if work.hint is not None:
            hint = self._literal_hint(work, active) and not is_led
        lead = self.model.boolean(hint)
        self.model.clause((lead, *shared, *(() if active == TRUE else (~active,))))
        return lead

    def _literal_hint(self, work: Work, active: Literal) -> bool:
        """What the hint makes of a work's activity."""
        if active == TRUE:
            return True
        return self.model.hinted(active)

    def _is_active(self, work: Work, modes: frozenset[int]) -> bool:
        return work.hint is not None and work.hint.start is not None and work.hint.mode in modes

    def _add_objective(self, sums: Sequence[Sum], cells: Sequence[Cell], floor: int) -> None:
        objective = Sum()
        for total, cell in zip(sums, cells, strict=True):
            if cell.floor and total.terms:
                objective.terms[self._cost_variable(total, cell.floor)] += 1
                continue
            objective.constant += total.constant
            for variable, weight in total.terms.items():
                objective.terms[variable] += weight
        if floor and objective.terms:
            self.model.linear(objective.terms, (floor - objective.constant, _MOST))
        self.model.minimise(objective.terms, objective.constant)

    def _cost_variable(self, total: Sum, floor: int) -> int:
        """A variable at least as large as the sum and as its floor."""
        most, hinted = floor, total.constant
        for variable, weight in total.terms.items():
            most += max(0, weight) * self.model.largest(variable)
            hinted += weight * self.model.hint_of(variable)
        most += max(0, total.constant)
        cost = self.model.integer((floor, most), max(floor, hinted) if self._hint else None)
        self.model.linear({**total.terms, cost: -1}, (-_MOST, -total.constant))
        return cost
