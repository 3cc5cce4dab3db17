"""The only place that reads the system clock or sleeps."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
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
        self._start = start.astimezone(UTC)
        self._speed = speed
        ahead = (began - datetime.now(UTC)).total_seconds() if began is not None else 0.0
        self._began = time.monotonic() + ahead

    def now(self) -> datetime:
        elapsed = max(0.0, time.monotonic() - self._began)
        return self._start + timedelta(seconds=elapsed * self._speed)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep(self, duration: timedelta) -> None:
        standing = max(0.0, self._began - time.monotonic())
        await asyncio.sleep(standing + max(0.0, duration.total_seconds() / self._speed))


def chosen(start: datetime | None, speed: float, began: datetime | None) -> Clock:
    """The time outside, or a simulated one where either is asked for: a ``start`` (aware; None: now) or
    another ``speed`` than 1."""
    if start is None and speed == 1.0:
        return SystemClock()
    return SimulatedClock(start or SystemClock().now(), speed, began)


def monotonic() -> float:
    """Seconds that never run backwards, for measuring how long work took."""
    return time.monotonic()
