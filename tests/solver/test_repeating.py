"""The same plan every time: whatever the hash seed, the number of threads and the load of the machine.

Two runs beside the tests; ``make campaign`` makes it a hundred.
"""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import coordination_city
from notifier.solver import cpsat

ROOT = Path(__file__).parents[2]
RUNS = int(os.environ.get("NOTIFIER_CAMPAIGN", "2"))

pytestmark = pytest.mark.skipif(
    not cpsat.is_installed(), reason="the extra coordination is not installed"
)

#: Prints the assignments, the bound and the effort of an instance; the wall clock never ends the search.
SOLVE = """
import sys
from pathlib import Path
from notifier.intake import instances
from notifier.solver import pipeline, solving
pipeline.A_CHOICE = 0.0  # the timetable takes part, however small the budget
found = solving.solve(
    instances.read_instance(Path(sys.argv[1])),
    seconds=float(sys.argv[2]), threads=int(sys.argv[3]), elapsed=lambda: -86_400.0,
)
assert found.is_reproducible
print([(one.start, one.mode) for one in found.plan], found.bound, found.effort)
"""
BURN = ("nice", "-n", "15", sys.executable, "-c", "while True: pass")


def solved(path: Path, run: int) -> str:
    """A hash of what one run answers: its own hash seed, one to three threads, and so many processes
    that burn time beside it."""
    with ExitStack() as beside:
        for _ in range(run // 3 % 4):
            burning = beside.enter_context(subprocess.Popen(BURN))
            beside.callback(burning.kill)
        printed = subprocess.run(
            [sys.executable, "-c", SOLVE, str(path), "2", str(1 + run % 3)],
            env=os.environ | {"PYTHONHASHSEED": str(run)},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    return hashlib.sha256(printed).hexdigest()


def test_two_hundred_works_are_planned_alike_every_time(tmp_path: Path) -> None:
    """Hot feeders and busbars, so that components, their timetables and blocks all take part."""
    path = tmp_path / "city.json"
    city = coordination_city.city(4, 200, hot=1.4, busbars=0.05)
    path.write_text(json.dumps(city), "utf-8")

    hashes = [solved(path, run) for run in range(RUNS)]

    assert len(set(hashes)) == 1, {one: hashes.count(one) for one in hashes}
