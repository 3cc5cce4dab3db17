"""A thin skin over SCIP, as OR-Tools brings it along: rows over variables, and an effort that repeats.

SCIP works on one thread, with a fixed seed and a limit of nodes: the same model gives the same answer.
It reckons in floating point; costs are whole numbers, so its bound is rounded up to the next one.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

#: What makes components of forty to a hundred works ten times faster than the defaults: little strong
#: branching, few rounds of cuts, no restart, and no heuristic that solves a problem within the problem.
_WAY = """
presolving/maxrestarts = 0
separating/maxroundsroot = 5
branching/relpscost/initcand = 10
branching/relpscost/inititer = 10
branching/relpscost/sbiterofs = 2000
heuristics/rens/freq = -1
heuristics/rins/freq = -1
heuristics/alns/freq = -1
heuristics/crossover/freq = -1
heuristics/farkasdiving/freq = -1
heuristics/conflictdiving/freq = -1
heuristics/distributiondiving/freq = -1
heuristics/gins/freq = -1
heuristics/localbranching/freq = -1
"""

#: Deterministic seconds of CP-SAT that an iteration of the simplex method is worth, measured.
ITERATION = 1.2e-4
#: How far SCIP's bound may be wrong, as a share of it, and at least.
_TOLERANCE, _LEAST = 1e-9, 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found. ``values`` is empty where there is no solution; ``bound`` always holds;
    ``deterministic`` is what it took, in CP-SAT's deterministic seconds."""

    is_infeasible: bool
    is_optimal: bool
    objective: float
    bound: int
    values: list[float]
    deterministic: float


class Program:
    """A mixed-integer program being built; all variables lie between 0 and their upper bound."""

    def __init__(self) -> None:
        library = _library()
        self._solver = library.Solver("", library.Solver.SCIP_MIXED_INTEGER_PROGRAMMING)
        self._variables: list[Any] = []
        self._weights: dict[int, int] = defaultdict(int)
        self._constant = 0
        self._rows = 0

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._rows

    def boolean(self) -> int:
        """A variable that is 0 or 1."""
        self._variables.append(self._solver.IntVar(0, 1, ""))
        return len(self._variables) - 1

    def number(self) -> int:
        """A variable of any value from 0."""
        self._variables.append(self._solver.NumVar(0, self._solver.infinity(), ""))
        return len(self._variables) - 1

    def pay(self, variable: int | None, weight: int) -> None:
        """Adds weight × variable to the objective; without a variable, a constant."""
        if variable is None:
            self._constant += weight
        elif weight:
            self._weights[variable] += weight

    def row(self, terms: Mapping[int, int], low: float | None, high: float | None) -> None:
        """low ≤ Σ coefficient × variable ≤ high; None: no limit."""
        endless = self._solver.infinity()
        added = self._solver.Constraint(
            -endless if low is None else low, endless if high is None else high, ""
        )
        for variable, coefficient in terms.items():
            added.SetCoefficient(self._variables[variable], coefficient)
        self._rows += 1

    def solve(self, nodes: int, seed: int, stop: Event, hint: Mapping[int, int]) -> Answer:
        """Searches ``nodes`` nodes at most; ends early when ``stop`` is set: then it does not repeat."""
        library, solver = _library(), self._solver
        objective = solver.Objective()
        for variable, weight in self._weights.items():
            objective.SetCoefficient(self._variables[variable], weight)
        objective.SetMinimization()
        solver.SetHint([self._variables[at] for at in hint], list(hint.values()))
        solver.SetSolverSpecificParametersAsString(
            f"limits/nodes = {nodes}\nrandomization/randomseedshift = {seed}\n{_WAY}"
        )
        settings = library.MPSolverParameters()
        settings.SetDoubleParam(library.MPSolverParameters.RELATIVE_MIP_GAP, 0.0)
        status = _stoppable(solver, settings, stop)
        spent = solver.iterations() * ITERATION
        has_plan = status in (library.Solver.OPTIMAL, library.Solver.FEASIBLE)
        bound = 0
        if has_plan:
            best = objective.BestBound() + self._constant
            slack = max(_LEAST, _TOLERANCE * abs(best))
            bound = math.ceil(best - slack) if math.isfinite(best) else 0
        return Answer(
            is_infeasible=status == library.Solver.INFEASIBLE,
            is_optimal=status == library.Solver.OPTIMAL,
            objective=objective.Value() + self._constant if has_plan else 0.0,
            bound=bound,
            values=[one.solution_value() for one in self._variables] if has_plan else [],
            deterministic=spent,
        )


def _stoppable(solver: Any, settings: Any, stop: Event) -> Any:
    """Solves while somebody waits for ``stop``."""
    done = Event()

    def watch() -> None:
        while not done.wait(0.02):
            if stop.is_set():
                solver.InterruptSolve()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return solver.Solve(settings)
    finally:
        done.set()
        watcher.join()


def _library() -> Any:
    from ortools.linear_solver import pywraplp

    return pywraplp
