"""How good coordinated plans are, and how long they take: beside what was asked, and beside greedy.

``python -m bench.coordinate [--quick] [--seeds N] [--instances FOLDER]`` prints one JSON object. Made-up
cities of 50, 200 and 500 works with starts twice a day and every half-hour, then three kinds of 1,000
works with busbar works; and every instance of a folder, beside its ``best.json``. ``effort`` is the
solver's deterministic time, which repeats; seconds and processor seconds do not.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import coordination_city
from notifier.domain.coordination import classes, explain, greedy, objective, problem, validator
from notifier.domain.coordination.problem import Instance
from notifier.intake import instances
from notifier.solver import solving

#: Works, options of the city, seconds allowed, and whether it must be proven.
SIZES: tuple[tuple[str, int, dict[str, Any], float], ...] = (
    ("50 works", 50, {}, 2),
    ("200 works", 200, {}, 2),
    ("500 works", 500, {}, 30),
    ("500 works, starts every half-hour", 500, {"half_hours": True}, 30),
    ("1,000 works, busbars", 1000, {"hot": 0.7, "busbars": 0.01}, 60),
    ("1,000 works, wide windows", 1000, {"hot": 0.6, "busbars": 0.01, "wide": 2}, 60),
    ("1,000 works, hotter still", 1000, {"hot": 0.9, "busbars": 0.02}, 60),
)


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds a size, and no 1,000")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--large-seeds", type=int, default=3, help="seeds of 1,000 works")
    parser.add_argument("--instances", type=Path, help="a folder of instances and best.json")
    parser.add_argument("--long", type=float, help="seconds for a second, longer run at 1,000")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "load": os.getloadavg()[0]}
    }
    if options.instances:
        figures["instances"] = known(options.instances, options.threads)
    for name, works, city, seconds in SIZES:
        is_large = works >= 1000
        seeds = options.large_seeds if is_large else options.seeds
        if options.quick:
            seeds = 0 if is_large else 2
        runs = []
        for seed in range(1, seeds + 1):
            instance = made(seed, works, city)
            run = measured(instance, seconds, options.threads) | {"seed": seed}
            if is_large and options.long:
                run["long"] = solved(instance, options.long, options.threads)[0]
                run["above_best_known"] = run["objective"] / run["long"]["objective"] - 1
            runs.append(run)
            print(f"{name}, seed {seed}: {run}", file=sys.stderr)
        if runs:
            figures[name] = summed(runs, seconds)
    print(json.dumps(figures, indent=1))


def made(seed: int, works: int, city: dict[str, Any]) -> Instance:
    """A city, through the door for instances."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.json"
        path.write_text(json.dumps(coordination_city.city(seed, works, **city)), "utf-8")
        return instances.read_instance(path)


def known(folder: Path, threads: int) -> dict[str, Any]:
    """Each instance of a folder, beside the best value known."""
    best = json.loads((folder / "best.json").read_text("utf-8"))
    found = {}
    for name in sorted(best):
        run = measured(instances.read_instance(folder / f"{name}.json"), 30, threads)
        found[name] = run | {"best_known": best[name]}
        print(f"{name}: {found[name]}", file=sys.stderr)
    return found


def measured(instance: Instance, seconds: float, threads: int) -> dict[str, Any]:
    """One instance: as asked, greedy, solved, and the time the explanations take."""
    wish = problem.asked(instance)
    greedily, greedy_s = timed(lambda: greedy.plan(instance, classes.groups(instance)))
    figures, plan = solved(instance, seconds, threads)
    unmerged, explain_s = timed(lambda: explain.unmerged(instance, plan))
    extensions, extend_s = timed(lambda: explain.extensions(instance, plan))
    repeats = [repeated(instance, one) for one in (wish, greedily, plan)]
    return figures | {
        "asked": objective.cost(instance, wish).total,
        "greedy": objective.cost(instance, greedily).total,
        "greedy_s": greedy_s,
        "repeats_asked": repeats[0],
        "repeats_greedy": repeats[1],
        "repeats": repeats[2],
        "over_limit_asked": objective.figures(instance, wish).over_limit,
        "over_limit": objective.figures(instance, plan).over_limit,
        "unmerged": len(unmerged),
        "extensions": len(extensions),
        "explain_s": round(explain_s + extend_s, 2),
    }


def solved(instance: Instance, seconds: float, threads: int) -> tuple[dict[str, Any], problem.Plan]:
    """One run of the solver, checked."""
    began, began_cpu = time.perf_counter(), time.process_time()
    solution = solving.solve(
        instance,
        seconds=seconds,
        elapsed=lambda: time.perf_counter() - began,
        threads=threads,
    )
    verdict = validator.check(instance, solution.plan)
    assert verdict.is_sound
    assert verdict.objective == solution.objective
    return {
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": round(solution.gap, 5),
        "seconds": round(solution.seconds, 2),
        "cpu_s": round(time.process_time() - began_cpu, 2),
        "effort": round(solution.effort, 3),
        "reproducible": solution.is_reproducible,
        "method": solution.method,
    }, solution.plan


def repeated(instance: Instance, plan: problem.Plan) -> int:
    """Customers interrupted again within the horizon, each time counted; history left out."""
    return sum(
        instance.areas[area].customers * (len(suffered) - 1)
        for area, suffered in objective.interruptions(instance, plan).items()
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it answers, and the seconds it took."""
    began = time.perf_counter()
    answer = work()
    return answer, round(time.perf_counter() - began, 2)


def summed(runs: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """All seeds of a size."""
    return {
        "seeds": len(runs),
        "allowed_s": seconds,
        "proven": sum(run["gap"] == 0 for run in runs),
        "worst_gap": max(run["gap"] for run in runs),
        "seconds": spread(run["seconds"] for run in runs),
        "cpu_s": spread(run["cpu_s"] for run in runs),
        "effort": spread(run["effort"] for run in runs),
        "reproducible": sum(run["reproducible"] for run in runs),
        "below_asked": spread(1 - run["objective"] / run["asked"] for run in runs),
        "below_greedy": spread(1 - run["objective"] / run["greedy"] for run in runs),
        "fewer_repeats_than_asked": spread(
            1 - run["repeats"] / run["repeats_asked"] for run in runs
        ),
        "fewer_repeats_than_greedy": spread(
            1 - run["repeats"] / run["repeats_greedy"] for run in runs
        ),
        "runs": runs,
    }


def spread(values: Iterable[float]) -> list[float]:
    """Least, median and greatest."""
    found = list(values)
    return [round(value, 3) for value in (min(found), statistics.median(found), max(found))]


if __name__ == "__main__":
    main()
