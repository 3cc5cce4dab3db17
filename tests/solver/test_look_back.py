"""Repeats within a look-back that slides: one count, whoever reckons, and the old one on short horizons."""

import json
import random
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import coordination_city
from notifier.domain.coordination import classes, objective, validator
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Grid, Instance, Limits, asked
from notifier.intake import instances
from notifier.solver import cpsat, solving
from notifier.solver.cpsat import Effort
from notifier.solver.model import Merging
from notifier.solver.terms import Cell
from tests.domain.coordination import bureaus

needs_solver = pytest.mark.skipif(
    not cpsat.is_installed(), reason="the extra coordination is not installed"
)


def unlimited(seed: int, look_back_days: int) -> Instance:
    """A bureau in which every start and mode is possible beside every other."""
    made = bureaus.bureau(seed, requests=6)
    requests = tuple(
        replace(one, is_frozen=False, pinned_start=None, trunk=False) for one in made.requests
    )
    grid = replace(made.grid, look_back_days=look_back_days)
    return replace(
        made, grid=grid, requests=requests, limits=Limits(), precedence=(), exclusive_days=(),
        same_outage=(),
    )  # fmt: skip


@needs_solver
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), look_back_days=st.integers(1, 9), held=st.integers(0, 5))
def test_the_model_costs_what_the_validator_says(seed: int, look_back_days: int, held: int) -> None:
    """Any plan, some works held around the model and some with one start left in it."""
    instance, rng = unlimited(seed, look_back_days), random.Random(seed)
    plan = [
        Assignment(number, rng.choice(one.starts), rng.randrange(len(one.modes)))
        for number, one in enumerate(instance.requests)
    ]
    pinned = replace(
        instance,
        requests=tuple(
            replace(one, pinned_start=at.start, pinned_mode=at.mode, defer_cost=None)
            for one, at in zip(instance.requests, plan, strict=True)
        ),
    )
    around = Occupancy(pinned)
    for at in plan[:held]:
        around.add(at)
    cell = Cell(groups=classes.groups(pinned), own=tuple(range(len(plan))))

    merging = Merging(pinned, (cell,), range(held, len(plan)), around)
    answer = merging.model.solve(Effort(deterministic=5), Event())

    assert answer.is_optimal
    expected = validator.check(instance, plan).objective
    assert answer.objective == expected == objective.cost(instance, tuple(plan)).total


@pytest.mark.parametrize("seed", range(20))
def test_a_short_horizon_knows_no_look_back(seed: int) -> None:
    """Up to as many days as the look-back has, everything counts with everything before it."""
    made = bureaus.bureau(seed, requests=7)

    costs = {
        validator.check(replace(made, grid=replace(made.grid, look_back_days=days)), asked(made))
        for days in (made.grid.days, 60, 1000)
    }

    assert len(costs) == 1


def test_what_is_long_ago_is_no_repeat() -> None:
    """Two look-backs apart; and what came before the horizon counts for one look-back."""
    short, long = Grid(days=8, look_back_days=3), Grid(days=8)
    starts = [day * short.starts_per_day for day in (0, 1, 4, 7)]

    assert objective.beyond(long, starts, 0, 1) == 3
    assert objective.beyond(short, starts, 0, 1) == 1
    assert objective.beyond(short, starts, 1, 1) == 2


@needs_solver
def test_four_months_are_planned_and_proven(tmp_path: Path) -> None:
    """120 days, counted within 60: the plan is recomputed by the validator, and costs less than one that
    was made as if everything counted."""
    path = tmp_path / "city.json"
    path.write_text(json.dumps(coordination_city.city(3, 120, hot=1.1, days=120)), "utf-8")
    instance = instances.read_instance(path)
    forever = replace(instance, grid=replace(instance.grid, look_back_days=120))

    sliding, whole = (
        solving.solve(one, seconds=20, elapsed=lambda: -86_400.0) for one in (instance, forever)
    )

    assert sliding.gap == 0
    assert validator.check(instance, sliding.plan).objective == sliding.objective
    assert sliding.objective < whole.objective
    assert sliding.objective <= validator.check(instance, whole.plan).objective
