"""A lay-out of many people is killed half way: another one completes it, nobody has two deliveries."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from notifier import settings
from notifier.runtime import open_runtime
from notifier.usecases import reconcile
from tests.journeys.service import ROOT, House, house

PEOPLE = 100_000
RECONCILE = """
import asyncio, sys
from pathlib import Path
from notifier import settings
from notifier.runtime import open_runtime
from notifier.store import composing
from notifier.usecases import reconcile

composing.ROWS_A_STEP = 500  # many small transactions, so that there is a middle to die in

async def main():
    async with open_runtime(settings.load(Path(sys.argv[1]))) as r:
        await reconcile.reconcile_next(r.store, r.setting, "mortal", r.clock)

asyncio.run(main())
"""


async def _complete(town: House) -> None:
    async with open_runtime(settings.load(town.config)) as runtime:
        for _ in range(100):
            done = await reconcile.reconcile_next(
                runtime.store, runtime.setting, "heir", runtime.clock
            )
            if done is not None:
                return
            await runtime.clock.pause(0.1)  # until the lease of the dead one has run out
    raise AssertionError("nobody took the plan over")


def test_a_reconciliation_killed_in_the_middle_is_completed(tmp_path: Path) -> None:
    """Half of 100,000 people are laid out when it dies; in the end each has one delivery."""
    with house(tmp_path, people=PEOPLE, batch_size=100) as town:
        process = subprocess.Popen(
            [sys.executable, "-c", RECONCILE, str(town.config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        town.wait_for("SELECT count(*) FROM batch", 200, 20, at_least=True)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        half = town.number("SELECT count(*) FROM delivery")

        asyncio.run(_complete(town))

        assert 0 < half < PEOPLE
        assert town.number("SELECT count(DISTINCT contact_id) FROM delivery") == PEOPLE
        assert town.number("SELECT count(*) FROM delivery") == PEOPLE
        assert town.number("SELECT sum(size) FROM batch") == PEOPLE
        lost = (
            "SELECT count(*) FROM delivery d WHERE NOT EXISTS"
            " (SELECT 1 FROM batch b WHERE b.id = d.batch_id AND b.state = 0)"
        )
        assert town.number(lost) == 0
        assert town.number("SELECT settled_revision FROM plan") == 1
