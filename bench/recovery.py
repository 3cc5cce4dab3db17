"""Recovery: from kill -9 of the service to the first message of the one started in its place.

    python -m bench.recovery [--rounds 5] [--people 6000]

The gateway is slow, so calls are in flight at the kill. Prints JSON; seconds of real time.
``first_message_s`` counts from the kill, the start of Python included; ``nothing_held_s`` is when the
last batch of the dead service is out of its hands: sent again under its key, or being asked for.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from notifier import clock as clocks
from tests.journeys.service import SLOW, House, house, pause


def _round(town: House) -> dict[str, float]:
    running = town.start()
    before = town.number("SELECT count(*) FROM attempt WHERE finished_at IS NULL")
    town.wait_for(
        "SELECT count(*) FROM attempt WHERE finished_at IS NULL", before + 1, 20, at_least=True
    )
    held = "SELECT count(*) FROM batch WHERE state IN (1, 2) AND worker = '{}'"
    worker = town.ask("SELECT worker FROM batch WHERE state = 2 LIMIT 1")[0][0]
    town.kill(running)
    killed = clocks.monotonic()
    taken = int(town.gateway.stats()["total"])
    after = town.start()
    up = clocks.monotonic() - killed
    while int(town.gateway.stats()["total"]) == taken:
        pause(0.005)
    first = clocks.monotonic() - killed
    town.wait_for(held.format(worker), 0, 30)
    nothing = clocks.monotonic() - killed
    town.kill(after)
    return {"up_s": up, "first_message_s": first, "nothing_held_s": nothing}


def main(rounds: int, people: int) -> dict[str, Any]:
    figures = []
    for _ in range(rounds):
        with (
            tempfile.TemporaryDirectory() as folder,
            house(Path(folder), people=people, speed=1.0, behave=SLOW) as town,
        ):
            figures.append(_round(town))
    found: dict[str, Any] = {"rounds": rounds, "people": people, "lease_s": 2.0}
    for name in figures[0]:
        values = [each[name] for each in figures]
        found[name] = {"median": round(statistics.median(values), 2), "max": round(max(values), 2)}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=6000)
    options = parser.parse_args()
    print(json.dumps(main(options.rounds, options.people), indent=2))
