"""A thin skin over OR-Tools CP-SAT: models as lists of literals, one worker, a budget that repeats.

The compiled module is used directly: ``ortools.sat.python.cp_model`` brings pandas along, which takes
over a second to import. Literals are whole numbers, a negation is ``~literal``, as in CP-SAT itself.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

#: A literal that is always true and one that never is: no variable of the model.
Literal = int
TRUE: Literal = 1 << 40
FALSE: Literal = ~TRUE


def is_installed() -> bool:
    """Whether the extra ``coordination`` is installed and can be loaded."""
    try:
        _library()
    except ImportError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long a search may take: CP-SAT's deterministic seconds, and its random seed."""

    deterministic: float
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found. ``values`` is empty where there is no solution; ``bound`` always holds."""

    is_infeasible: bool
    is_optimal: bool
    objective: int
    bound: int
    values: Sequence[int]
    deterministic: float
    wall: float


class Model:
    """A model being built. ``hint`` values stand beside each variable, so that a plan can be handed on."""

    def __init__(self) -> None:
        self._library = _library()
        self._proto = self._library.CpModelProto()
        self._variables = self._proto.variables
        self._constraints = self._proto.constraints
        self._hints: list[int | None] = []
        self._largest: list[int] = []
        self._is_broken = False

    def integer(self, domain: Sequence[int], hint: int | None = None) -> int:
        """A variable over a domain, given as bounds of closed intervals, ascending."""
        self._variables.add().domain.extend(domain)
        self._hints.append(hint)
        self._largest.append(domain[-1])
        return len(self._hints) - 1

    def boolean(self, hint: bool | None = None) -> Literal:
        """A literal."""
        return self.integer((0, 1), None if hint is None else int(hint))

    def hint_of(self, variable: int) -> int:
        """The value a variable is hinted at; 0 without a hint."""
        return self._hints[variable] or 0

    def hinted(self, literal: Literal) -> bool:
        """Whether a literal is hinted to hold."""
        if literal in (TRUE, FALSE):
            return literal == TRUE
        return self.hint_of(literal) == 1 if literal >= 0 else self.hint_of(~literal) == 0

    def largest(self, variable: int) -> int:
        """The upper bound of a variable."""
        return self._largest[variable]

    def clause(self, literals: Iterable[Literal]) -> None:
        """At least one of them holds."""
        ones = [literal for literal in literals if literal != FALSE]
        if TRUE in ones:
            return
        if not ones:
            self._is_broken = True
            return
        self._constraints.add().bool_or.literals.extend(ones)

    def exactly_one(self, literals: Sequence[Literal]) -> None:
        """One of them holds and no other."""
        self._constraints.add().exactly_one.literals.extend(literals)

    def linear(
        self,
        terms: Mapping[int, int],
        domain: Sequence[int],
        when: Iterable[Literal] = (),
    ) -> None:
        """Σ coefficient × variable lies in the domain, whenever all of ``when`` hold."""
        conditions = [literal for literal in when if literal != TRUE]
        if FALSE in conditions:
            return
        added = self._constraints.add()
        if conditions:
            added.enforcement_literal.extend(conditions)
        added.linear.vars.extend(terms.keys())
        added.linear.coeffs.extend(terms.values())
        added.linear.domain.extend(domain)

    def interval(self, begin: int, size: int, when: Literal = TRUE, offset: int = 0) -> int:
        """An interval ``[begin + offset, begin + offset + size)``, there whenever ``when`` holds."""
        number = len(self._constraints)
        added = self._constraints.add()
        if when != TRUE:
            added.enforcement_literal.append(when)
        of = added.interval
        of.start.vars.append(begin)
        of.start.coeffs.append(1)
        of.start.offset = offset
        of.size.offset = size
        of.end.vars.append(begin)
        of.end.coeffs.append(1)
        of.end.offset = offset + size
        return number

    def fixed_interval(self, begin: int, size: int) -> int:
        """An interval that is where it is."""
        number = len(self._constraints)
        of = self._constraints.add().interval
        of.start.offset, of.size.offset, of.end.offset = begin, size, begin + size
        return number

    def cumulative(self, intervals: Sequence[int], demands: Sequence[int], capacity: int) -> None:
        """At no time do the intervals need more than ``capacity`` together."""
        of = self._constraints.add().cumulative
        of.intervals.extend(intervals)
        of.capacity.offset = capacity
        for demand in demands:
            of.demands.add().offset = demand

    def minimise(self, terms: Mapping[int, int], constant: int = 0) -> None:
        """The objective: Σ coefficient × variable + constant."""
        self._proto.objective.vars.extend(terms.keys())
        self._proto.objective.coeffs.extend(terms.values())
        self._proto.objective.offset = constant

    def solve(self, effort: Effort, stop: Event | None = None, parameters: str = "") -> Answer:
        """Searches with one worker; ``parameters`` are further SatParameters in text form.

        Ends early when ``stop`` is set: then the answer does not repeat."""
        if self._is_broken:
            return _nothing(is_infeasible=True)
        library = self._library
        hints = [(at, value) for at, value in enumerate(self._hints) if value is not None]
        hint = self._proto.solution_hint
        hint.vars.extend([variable for variable, _ in hints])
        hint.values.extend([value for _, value in hints])
        settings = library.SatParameters()
        settings.num_workers = 1
        settings.random_seed = effort.seed
        settings.max_deterministic_time = effort.deterministic
        settings.catch_sigint_signal = False
        settings.merge_text_format(parameters)
        wrapper = library.SolveWrapper()
        wrapper.set_parameters(settings)
        response = _stoppable(wrapper, self._proto, Event() if stop is None else stop)
        if response.status == library.MODEL_INVALID:
            raise ValueError("the solver refuses the model as invalid")
        if response.status == library.INFEASIBLE:
            return _nothing(is_infeasible=True, spent=response.deterministic_time)
        # Bounds are whole numbers, computed in floating point; none is known before presolve ends.
        best = response.best_objective_bound
        bound = math.ceil(best - 1e-6) if math.isfinite(best) else 0
        return Answer(
            is_infeasible=False,
            is_optimal=response.status == library.OPTIMAL,
            objective=round(response.objective_value) if response.solution else 0,
            bound=bound,
            values=list(response.solution),
            deterministic=response.deterministic_time,
            wall=response.wall_time,
        )


def _nothing(*, is_infeasible: bool, spent: float = 0.0) -> Answer:
    return Answer(
        is_infeasible=is_infeasible,
        is_optimal=False,
        objective=0,
        bound=0,
        values=(),
        deterministic=spent,
        wall=0.0,
    )


def _stoppable(wrapper: Any, proto: Any, stop: Event) -> Any:
    """Solves while somebody waits for ``stop``; the waiting thread is called back when done."""
    done = Event()

    def watch() -> None:
        while not done.wait(0.02):
            if stop.is_set():
                wrapper.stop_search()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return wrapper.solve(proto)
    finally:
        done.set()
        watcher.join()


def _library() -> Any:
    from ortools.sat.python import cp_model_helper

    return cp_model_helper
