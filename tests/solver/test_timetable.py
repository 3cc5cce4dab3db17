"""The timetable against trying everything: exact within a look-back, never above the optimum beyond."""

from dataclasses import replace
from threading import Event

import pytest

from notifier.domain.coordination import classes, validator
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Plan
from notifier.solver import cpsat, scip
from notifier.solver.terms import Cell, fitting
from notifier.solver.timetable import Timetable
from tests.domain.coordination import bureaus

pytestmark = pytest.mark.skipif(
    not cpsat.is_installed(), reason="the extra coordination is not installed"
)


def solved(instance: Instance) -> tuple[Plan, scip.Answer]:
    """The whole instance as one timetable, what is frozen held where it is."""
    around = Occupancy(instance)
    for number, request in enumerate(instance.requests):
        if request.is_frozen:
            around.add(Assignment(number, request.asked_start, request.asked_mode))
    free = [number for number in range(len(instance.requests)) if number not in around.placed]
    cell = Cell(groups=classes.groups(instance), own=tuple(range(len(instance.requests))))
    timetable = Timetable(
        instance, (cell,), free, around, {n: fitting(instance, around, n) for n in free}
    )
    plan, answer = timetable.solve(1000, 1, Event(), {})
    return tuple(sorted((*plan, *around.placed.values()))), answer


@pytest.mark.parametrize("seed", range(60))
def test_the_timetable_is_exact_within_a_look_back(seed: int) -> None:
    """Every kind of rule, and starts within a shift that it leaves out: the optimum of trying them all."""
    made = bureaus.bureau(seed, requests=4)
    instance = replace(made, grid=replace(made.grid, look_back_days=60))
    best = bureaus.best(instance)

    plan, answer = solved(instance)

    if best is None:
        assert answer.is_infeasible
        return
    verdict = validator.check(instance, plan)
    assert verdict.is_sound
    assert (round(answer.objective), answer.bound, verdict.objective) == (best, best, best)


@pytest.mark.parametrize("seed", range(1, 80, 2))
def test_over_longer_horizons_it_is_a_bound(seed: int) -> None:
    """Repeats are counted look-back by look-back there: never more than they are, and often fewer."""
    instance = bureaus.bureau(seed, requests=4)
    best = bureaus.best(instance)

    plan, answer = solved(instance)

    assert answer.is_infeasible == (best is None)
    if best is not None:
        assert answer.bound <= best <= validator.check(instance, plan).objective
