"""kill -9 at any point: nobody is lost, nobody is told twice, the numbers add up."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.journeys.service import FAST, IN_FLIGHT, SLOW, add_up, house, pause

SEEDS = range(int(os.environ.get("NOTIFIER_CAMPAIGN", "2")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_service_that_is_killed_again_and_again_tells_everybody_once(
    tmp_path: Path, seed: int
) -> None:
    """SMS without idempotency is asked for, WeChat and push are repeated under their keys."""
    dice = random.Random(seed)  # a journey told again
    with house(tmp_path, behave=SLOW) as town:
        for _ in range(2):
            running = town.start()
            pause(dice.uniform(0.2, 2.0))
            town.kill(running)
        town.gateway.control(**FAST)
        town.start()
        town.settle(30)

        add_up(town, doubtful=2 * IN_FLIGHT)
        assert town.faults() == []


def test_a_service_that_is_told_to_stop_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    """SIGTERM: what is under way is answered and recorded, the rest waits for the next start."""
    with house(tmp_path, behave=SLOW) as town:
        running = town.start()
        town.wait_for("SELECT count(*) FROM attempt", 2, 10, at_least=True)
        running.send_signal(signal.SIGTERM)
        code = running.wait(20)
        in_doubt = town.number("SELECT count(*) FROM batch WHERE state IN (1, 2, 3)")
        town.gateway.control(**FAST)
        town.start()
        town.settle(30)

        assert (code, in_doubt) == (0, 0)
        add_up(town)


def test_a_service_that_is_frozen_and_wakes_up_does_not_send_what_others_took(
    tmp_path: Path,
) -> None:
    """SIGSTOP beyond the lease: the other one takes over, and the sleeper finds its leases gone."""
    with house(tmp_path, behave=SLOW) as town:
        sleeper = town.start()
        town.wait_for("SELECT count(*) FROM attempt", 1, 10, at_least=True)
        sleeper.send_signal(signal.SIGSTOP)
        town.start(worker_only=True)
        pause(4)
        town.gateway.control(**FAST)
        sleeper.send_signal(signal.SIGCONT)
        town.settle(30)

        add_up(town, doubtful=IN_FLIGHT)
