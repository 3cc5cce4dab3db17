"""What models are made of: sums of literals, a request's variables, and cells of the cost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance
from notifier.solver.cpsat import FALSE, TRUE, Literal


@dataclass(slots=True)
class Sum:
    """A linear expression being added up: a constant and coefficients by variable."""

    constant: int = 0
    terms: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, literal: Literal, weight: int) -> None:
        """Adds ``weight`` whenever the literal holds."""
        if literal == TRUE:
            self.constant += weight
        elif literal >= 0:
            self.terms[literal] += weight
        elif literal != FALSE:
            self.constant += weight
            self.terms[~literal] -= weight


#: Starts that keep every rule beside the works that stay where they are, by mode.
Fitting = Mapping[int, frozenset[int]]


def fitting(instance: Instance, around: Occupancy, number: int) -> Fitting:
    """Where a request can be placed beside what is there."""
    request = instance.requests[number]
    return {
        mode: frozenset(
            start for start in request.start_choices if around.fits(Assignment(number, start, mode))
        )
        for mode in request.mode_choices
    }


@dataclass(slots=True)
class Work:
    """A request's part in the model: variables where it is free, constants where it is held.

    ``start`` and ``day`` are variables; ``value`` is the start of a held work.
    """

    request: int
    here: Literal
    modes: dict[int, Literal]
    choices: tuple[int, ...]
    start: int = -1
    value: int | None = None
    hint: Assignment | None = None
    day: int | None = None
    shift: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A part of the cost: that of some groups, and the own cost of some requests.

    ``floor`` is a proven lower bound of it; 0 where nothing is known.
    """

    groups: tuple[Group, ...]
    own: tuple[int, ...]
    floor: int = 0


def holds(literal: Literal, values: Sequence[int]) -> bool:
    """Whether a literal holds in a solution."""
    if literal == TRUE:
        return True
    if literal == FALSE:
        return False
    return bool(values[literal]) if literal >= 0 else not values[~literal]


def coincide(a: Assignment | None, b: Assignment | None, later: int) -> bool | None:
    """Whether two hinted assignments are at one start; None where one is not hinted."""
    if a is None or b is None:
        return None
    return a.start is not None and b.start is not None and a.start == b.start + later


def intervals(values: Sequence[int]) -> list[int]:
    """Ascending values as bounds of closed intervals."""
    bounds: list[int] = []
    for value in values:
        if bounds and bounds[-1] == value - 1:
            bounds[-1] = value
        else:
            bounds += (value, value)
    return bounds
