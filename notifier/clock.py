"""The only place that reads the system clock or sleeps."""

import asyncio
import math
import os
import struct
import time
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time, aware and in UTC, and waits for it to pass.

    ``now`` is the time plans and people live by; it may be simulated. ``wall`` is the time outside,
    for leases between processes; ``pause`` waits outside for so many seconds.
    """

    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...

    async def pause(self, seconds: float) -> None: ...

    async def sleep(self, duration: timedelta) -> None: ...


class SystemClock:
    """The time outside."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))


class SimulatedClock:
    """A time that starts at ``start`` and runs ``speed`` times as fast as the one outside.

    It stands still until ``began``, a time outside (aware; None: now). Processes that are given the
    same three tell the same time.
    """

    def __init__(self, start: datetime, speed: float, began: datetime | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at a time with a zone")
        if speed <= 0:
            raise ValueError("a clock runs forwards: speed must be above 0")
        ahead = (began - datetime.now(UTC)).total_seconds() if began is not None else 0.0
        self._course = Course(start.timestamp(), time.monotonic() + ahead, speed)

    @property
    def speed(self) -> float:
        """How many times as fast as outside it runs at present."""
        return self._present().speed

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._present().told(time.monotonic()), UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep(self, duration: timedelta) -> None:
        until = self.now() + duration
        while (left := (until - self.now()).total_seconds()) > 0:
            speed = self._present().speed
            away = left / speed if speed else _LOOK_AGAIN[1]
            await asyncio.sleep(min(max(away, _LOOK_AGAIN[0]), _LOOK_AGAIN[1]))

    def _present(self) -> "Course":
        return self._course


#: Seconds after which a sleeper looks again, at least and at most: the clock may go otherwise by then.
_LOOK_AGAIN = 0.005, 0.2


@dataclass(frozen=True, slots=True)
class Course:
    """Where a simulated time was (``at``, seconds since 1970) at a moment outside (``since``, of the
    machine's monotonic clock), how many times as fast it runs since, and where it stops (``until``)."""

    at: float
    since: float
    speed: float
    until: float = math.inf

    def told(self, moment: float) -> float:
        """The simulated time at a moment outside."""
        return min(self.until, self.at + max(0.0, moment - self.since) * self.speed)


_COURSE = struct.Struct("<5d")


class DirectedClock(SimulatedClock):
    """A simulated time that somebody directs while it runs, by ``direct`` on the same file.

    Every process on the machine that is given the file tells the same time. Raises ``OSError`` where
    the file cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._told = 0.0

    def now(self) -> datetime:
        # A speed that falls while it is read must not turn time back.
        self._told = max(self._told, self._present().told(time.monotonic()))
        return datetime.fromtimestamp(self._told, UTC)

    def _present(self) -> Course:
        while True:
            read = os.pread(self._file, _COURSE.size, 0)
            *course, check = _COURSE.unpack(read)
            if check == sum(course):  # else it is being written
                return Course(*course)


def direct(file: Path, at: datetime, speed: float = 1.0, until: datetime | None = None) -> None:
    """From this moment on every ``DirectedClock`` of the file tells ``at`` (aware) and what follows,
    ``speed`` times as fast as outside, and stops at ``until`` (aware; None: never)."""
    stop = math.inf if until is None else until.timestamp()
    course = (at.timestamp(), time.monotonic(), speed, stop)
    opened = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(opened, _COURSE.pack(*course, sum(course)), 0)
    finally:
        os.close(opened)


def chosen(
    start: datetime | None, speed: float, began: datetime | None, file: Path | None = None
) -> Clock:
    """The time outside, or a simulated one where any is asked for: one directed by a ``file``, a
    ``start`` (aware; None: now), or another ``speed`` than 1."""
    if file is not None:
        return DirectedClock(file)
    if start is None and speed == 1.0:
        return SystemClock()
    return SimulatedClock(start or SystemClock().now(), speed, began)


def monotonic() -> float:
    """Seconds that never run backwards, for measuring how long work took."""
    return time.monotonic()


def rest(seconds: float) -> None:
    """Waits outside for so many seconds, in a thread that may be held up; never on an event loop."""
    time.sleep(seconds)
