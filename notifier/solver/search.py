"""One sub-problem being searched: its best plan so far, its bound, and the next step to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from notifier.domain.coordination import objective
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance
from notifier.solver.cpsat import Effort
from notifier.solver.model import Merging
from notifier.solver.terms import Cell, Fitting
from notifier.solver.timetable import Timetable

#: Ways of searching. Pushing the bound up and finding better plans take turns: the one gives the
#: other its floor, the other gives the one its ceiling.
FIND = "linearization_level: 0"
PROVE = "linearization_level: 0 use_objective_lb_search: true"
RELAX = "linearization_level: 1"
#: Deterministic seconds that building a model is worth.
BUILDING = 0.002
#: Not by CP-SAT at all: the timetable, searched by SCIP.
TIMETABLE = "timetable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of a solver: how to search, and for how many deterministic seconds or nodes."""

    way: str
    deterministic: float = 0.0
    nodes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a step found: a plan of the sub-problem's requests, or none, and a bound."""

    plan: tuple[Assignment, ...]
    bound: int
    is_infeasible: bool
    deterministic: float


class Search:
    """A component, a block, or several blocks that get in each other's way.

    ``members`` are all requests it is about; the frozen ones among them stand in ``around``. Its cost is
    that of its cells, and nothing else in the instance shares an area with it.
    """

    def __init__(
        self,
        instance: Instance,
        members: Sequence[int],
        cells: Sequence[Cell],
        around: Occupancy,
        fitting: Mapping[int, Fitting],
    ) -> None:
        self.members = tuple(sorted(members))
        self.free = tuple(number for number in self.members if number not in around.placed)
        self.cells = tuple(cells)
        self.bound = sum(cell.floor for cell in self.cells)
        self.plan: tuple[Assignment, ...] = ()
        self.value: int | None = None
        self.is_infeasible = False
        self.hint: Mapping[int, Assignment] = {}
        self.steps = 0
        self._instance = instance
        self._around = around
        self._fitting = fitting
        self._held = tuple(
            around.placed[number] for number in self.members if number in around.placed
        )

    @property
    def is_proven(self) -> bool:
        """Whether nothing better exists, or nothing at all."""
        return self.is_infeasible or (self.value is not None and self.value <= self.bound)

    @property
    def choices(self) -> int:
        """How many starts and modes there are to choose from, of all works together."""
        return sum(len(starts) for n in self.free for starts in self._fitting[n].values())

    def adopt(self, plan: Sequence[Assignment]) -> bool:
        """Takes a plan of the free members as its own if it costs less; answers whether it does."""
        value = objective.cost(self._instance, (*plan, *self._held)).total
        if self.value is not None and value >= self.value:
            return False
        self.begin_with(plan)
        return True

    def begin_with(self, plan: Sequence[Assignment]) -> None:
        """Takes a plan of the free members as its own, whatever it had."""
        self.plan = tuple(plan)
        self.value = objective.cost(self._instance, (*plan, *self._held)).total
        self.hint = {assignment.request: assignment for assignment in plan}

    def run(self, step: Step, seed: int, stop: Event) -> Found:
        """Takes a step; changes nothing here, so that steps can be taken side by side."""
        if stop.is_set():
            return Found(plan=(), bound=self.bound, is_infeasible=False, deterministic=0.0)
        if step.way == TIMETABLE:
            return self._by_timetable(step, seed, stop)
        merging = Merging(
            self._instance,
            self.cells,
            self.free,
            self._around,
            floor=self.bound,
            hint=self.hint,
            fitting=self._fitting,
        )
        if not merging.is_possible:
            return Found(plan=(), bound=self.bound, is_infeasible=True, deterministic=0.0)
        effort = Effort(deterministic=step.deterministic, seed=seed)
        answer = merging.model.solve(effort, stop, step.way)
        return Found(
            plan=merging.plan(answer.values) if answer.values else (),
            bound=max(self.bound, answer.bound),
            is_infeasible=answer.is_infeasible,
            deterministic=answer.deterministic + BUILDING,
        )

    def _by_timetable(self, step: Step, seed: int, stop: Event) -> Found:
        timetable = Timetable(self._instance, self.cells, self.free, self._around, self._fitting)
        if not timetable.is_small:
            return Found(plan=(), bound=self.bound, is_infeasible=False, deterministic=0.0)
        plan, answer = timetable.solve(step.nodes, seed, stop, self.hint)
        return Found(
            plan=plan,
            bound=max(self.bound, answer.bound),
            is_infeasible=answer.is_infeasible,
            deterministic=answer.deterministic + BUILDING,
        )

    def learn(self, found: Found) -> None:
        """Keeps what a step found."""
        self.bound = max(self.bound, found.bound)
        self.is_infeasible = self.is_infeasible or found.is_infeasible
        if found.plan or not self.free:
            self.adopt(found.plan)

    def cost_of(self, cell: Cell) -> int:
        """What a cell costs in the plan so far, own costs left out."""
        instance, weights = self._instance, self._instance.weights
        placed = {**self._around.placed, **self.hint}
        total = 0
        for group in cell.groups:
            slots: dict[int, int] = {}
            for touch in group.touches:
                at = placed.get(touch.request)
                if at is None or at.start is None or at.mode not in touch.modes:
                    continue
                half_hours = instance.requests[touch.request].half_hours
                for start in instance.occurrences(touch.request, at.start):
                    slots[start] = max(slots.get(start, 0), half_hours)
            lasting = weights.half_hour * sum(slots.values())
            total += group.burden * (weights.interruption * len(slots) + lasting)
            for recent, burden in group.burdens:
                over = objective.beyond(instance.grid, slots, recent, weights.limit)
                repeats = objective.beyond(instance.grid, slots, recent, 1)
                total += burden * (weights.repeat * repeats + weights.over_limit * over)
        return total
