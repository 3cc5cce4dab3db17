"""Clocks: a simulated one that somebody directs, told alike by every process."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier import clock

START = datetime(2026, 3, 1, 7, tzinfo=UTC)


def test_a_directed_clock_stands_runs_and_stops_where_it_was_told(tmp_path: Path) -> None:
    """Until its time is given out it stands; it never tells more than was given out."""
    file = tmp_path / "clock"
    clock.direct(file, START, until=START)
    told = clock.DirectedClock(file)

    assert told.now() == START
    clock.direct(file, START, 1e9, START + timedelta(hours=2))

    assert [told.now(), told.now()] == [START + timedelta(hours=2)] * 2


def test_time_never_turns_back_for_whoever_has_told_it(tmp_path: Path) -> None:
    """A director that is slow to say where the time stood takes back nothing that was told."""
    file = tmp_path / "clock"
    clock.direct(file, START + timedelta(hours=1), until=START + timedelta(hours=1))
    told = clock.DirectedClock(file)
    before = told.now()

    clock.direct(file, START, until=START)

    assert told.now() == before


async def test_a_sleeper_wakes_when_the_time_is_given_out(tmp_path: Path) -> None:
    """Sleeping waits for the simulated time, however often the director changes its mind."""
    file = tmp_path / "clock"
    clock.direct(file, START, until=START)
    told = clock.DirectedClock(file)

    sleeping = asyncio.create_task(told.sleep(timedelta(hours=5)))
    for hour in range(1, 5):
        clock.direct(file, told.now(), 1e9, START + timedelta(hours=hour))
        await told.pause(0.01)
        assert not sleeping.done()
    clock.direct(file, told.now(), 1e9)

    await asyncio.wait_for(sleeping, 5)


def test_another_process_tells_the_same_time(tmp_path: Path) -> None:
    """The file is all that processes share."""
    file = tmp_path / "clock"
    clock.direct(file, START, until=START)
    code = "import sys; from pathlib import Path; from notifier import clock;"
    code += "print(clock.chosen(None, 1.0, None, Path(sys.argv[1])).now().isoformat())"

    said = subprocess.run(
        [sys.executable, "-c", code, str(file)], check=True, capture_output=True, text=True
    )

    assert said.stdout.strip() == START.isoformat()


def test_what_cannot_run_is_refused() -> None:
    """A clock runs forwards, from a time with a zone."""
    with pytest.raises(ValueError, match="speed"):
        clock.SimulatedClock(START, 0)
    with pytest.raises(ValueError, match="zone"):
        clock.SimulatedClock(START.replace(tzinfo=None), 1)
