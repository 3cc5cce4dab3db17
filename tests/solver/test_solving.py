"""The solver against trying everything: the same optimum, proven; the same plan however it is run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bench import coordination_city
from notifier.domain.coordination import greedy, validator
from notifier.domain.coordination.errors import NoPlan
from notifier.domain.coordination.problem import Instance
from notifier.intake import instances
from notifier.solver import cpsat, pipeline, solving
from notifier.solver.pipeline import Progress
from tests.domain.coordination import bureaus

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "coordination"

pytestmark = pytest.mark.skipif(
    not cpsat.is_installed(), reason="the extra coordination is not installed"
)


def solve(instance: Instance, seconds: float = 20.0, **options: Any) -> solving.Solution:
    """A solution with the effort of so many seconds, and all the time in the world: a busy machine must
    not make an emergency of it."""
    return solving.solve(instance, seconds=seconds, elapsed=lambda: -86_400.0, **options)


@pytest.mark.parametrize("seed", range(60))
def test_the_optimum_is_found_and_proven(seed: int) -> None:
    """Every kind of rule, against every plan there is."""
    instance = bureaus.bureau(seed, requests=4)

    solution = solve(instance)

    assert solution.objective == solution.bound == bureaus.best(instance)
    assert validator.check(instance, solution.plan).is_sound
    assert solution.is_reproducible


def test_without_a_plan_there_is_a_refusal() -> None:
    """Where no plan keeps every rule and nothing may wait, that is said."""
    instance = next(
        one
        for seed in range(500)
        if bureaus.best(one := bureaus.bureau(seed, requests=4, may_defer=False)) is None
    )

    with pytest.raises(NoPlan):
        solve(instance)


def city(tmp_path: Path, **options: Any) -> Instance:
    """A generated instance, through the door."""
    path = tmp_path / "city.json"
    path.write_text(json.dumps(coordination_city.city(**options)), "utf-8")
    return instances.read_instance(path)


@pytest.mark.parametrize("half_hours", [False, True])
def test_two_hundred_works_are_proven(tmp_path: Path, half_hours: bool) -> None:
    """Also with starts every half-hour; and much better than greedy."""
    instance = city(tmp_path, seed=5, requests=200, half_hours=half_hours)

    solution = solve(instance)

    assert solution.gap == 0
    assert solution.objective <= validator.check(instance, greedy.plan(instance)).objective


@pytest.mark.parametrize("name", ["n50-s11", "n200-s11", "n500-s12"])
def test_the_best_known_values_are_reached_and_proven(name: str) -> None:
    """The instances that come with best known values."""
    if not SHARED.is_dir():
        pytest.skip("the shared instances are not beside the checkout")
    known = json.loads((SHARED / "best.json").read_text("utf-8"))[name]

    solution = solve(instances.read_instance(SHARED / f"{name}.json"), seconds=60)

    assert solution.objective <= known["objective"]
    assert solution.bound == solution.objective


def test_the_plan_is_the_same_however_many_threads(tmp_path: Path) -> None:
    """One, two or three, on works that cannot be closed in the time given: the budget is deterministic,
    and nobody learns from whoever happens to be faster."""
    instance = city(tmp_path, seed=4, requests=420, hot=1.1, busbars=0.03)

    solutions = [solve(instance, seconds=1, threads=threads) for threads in (1, 2, 3)]

    assert solutions[0].gap > 0
    assert len({(one.plan, one.bound, one.effort) for one in solutions}) == 1
    assert all(solution.is_reproducible for solution in solutions)


def test_the_plan_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Whatever the seed of Python's hashes."""
    path = tmp_path / "city.json"
    path.write_text(json.dumps(coordination_city.city(3, 120, hot=0.9)), "utf-8")
    code = (
        "import sys; from pathlib import Path; from notifier.intake import instances;"
        "from notifier.solver import solving;"
        "found = solving.solve(instances.read_instance(Path(sys.argv[1])), seconds=20,"
        " elapsed=lambda: -86_400.0); print([(one.start, one.mode) for one in found.plan])"
    )

    printed = {
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }

    assert len(printed) == 1


def test_neighbourhoods_take_over_where_a_model_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound of the components stands, the plan comes within a few per cent of it, and repeats."""
    monkeypatch.setattr(pipeline, "LARGEST_MODEL", 15)
    instance = city(tmp_path, seed=6, requests=150, hot=0.9)

    first, second = (solve(instance, seconds=5, threads=threads) for threads in (1, 3))

    assert first.plan == second.plan
    assert first.bound <= first.objective < first.bound * 1.03
    assert first.objective < validator.check(instance, greedy.plan(instance)).objective


@pytest.mark.parametrize("seed", range(20))
def test_a_bound_is_never_above_the_optimum(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no model has more than two works."""
    monkeypatch.setattr(pipeline, "LARGEST_MODEL", 2)
    instance = bureaus.bureau(seed, requests=4)
    best = bureaus.best(instance)
    assert best is not None

    solution = solve(instance, seconds=0.3)

    assert solution.bound <= best <= solution.objective


def test_progress_is_told_and_a_stop_is_heeded(tmp_path: Path) -> None:
    """Better plans are told as they are found; after a stop the best so far is the answer, and says so."""
    instance = city(tmp_path, seed=2, requests=300, hot=0.9, busbars=0.03)
    stop = Event()
    told: list[Progress] = []

    def hear(progress: Progress) -> None:
        told.append(progress)
        if progress.stage != "first":
            stop.set()

    solution = solve(instance, report=hear, stop=stop)

    assert [one.objective for one in told] == sorted((one.objective for one in told), reverse=True)
    assert validator.check(instance, solution.plan).is_sound
    assert solution.objective <= told[-1].objective
    assert not solution.is_reproducible


def test_the_wall_clock_is_an_emergency(tmp_path: Path) -> None:
    """Out of time, the best so far is answered at once and recorded as not reproducible."""
    instance = city(tmp_path, seed=2, requests=300, hot=0.9, busbars=0.03)

    solution = solving.solve(instance, seconds=30, elapsed=lambda: 29.9)

    assert validator.check(instance, solution.plan).is_sound
    assert not solution.is_reproducible


def test_without_the_extra_greed_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what it is, and claims no bound."""
    monkeypatch.setattr(cpsat, "is_installed", lambda: False)
    instance = bureaus.bureau(1, requests=6)

    solution = solve(instance)

    assert solution.method == "greedy"
    assert solution.bound == 0
    assert validator.check(instance, solution.plan).is_sound
