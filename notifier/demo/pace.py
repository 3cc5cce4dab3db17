"""The demonstration's time: it stands while the month is prepared, and never runs ahead of the service.

A month in a minute is a simulated hour in seventy milliseconds. What a slow or busy machine does not get
done in that would be too late for people who, outside, would have been told in time. So the time is
given out some hours at a time, the next ones when nothing has waited for longer.
"""

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from notifier.clock import DirectedClock, direct, monotonic
from notifier.domain.delivery import BatchState

#: Seconds outside between two looks at what waits.
_LOOK = 0.02
#: So much time is given out at once: the service looks round every tenth of a second.
_AHEAD = timedelta(hours=3)
#: What has waited so long, in simulated time, holds up the month.
_LATE = timedelta(hours=4)
#: Seconds outside for which the month can be held up, in all: something may wait for ever.
_PATIENCE = 400.0


class Pace:
    """Directs the time of every process that was given ``file``; ``clock`` tells it here."""

    def __init__(self, folder: Path, start: datetime) -> None:
        """Makes the file, in which the time stands at ``start`` (aware)."""
        self.file = folder / "clock"
        direct(self.file, start, until=start)
        self.clock = DirectedClock(self.file)
        self._database = f"file:{folder / 'notifier.db'}?mode=ro"

    def as_outside(self) -> None:
        """From now on it runs like any clock."""
        direct(self.file, self.clock.now())

    async def keep(self, speed: float) -> None:
        """Runs ``speed`` times as fast as outside until cancelled, wherever the service follows."""
        held = 0.0
        looked = monotonic()
        while True:
            is_late = await asyncio.to_thread(self._is_late, self.clock.now() - _LATE)
            elapsed = monotonic() - looked
            looked += elapsed
            if is_late and held < _PATIENCE:
                held += elapsed
            else:
                now = self.clock.now()
                direct(self.file, now, speed, now + _AHEAD)
            await self.clock.pause(_LOOK)

    def _is_late(self, since: datetime) -> bool:
        """Whether messages are due, or plans ask to be looked at, since before."""
        millis = int(since.timestamp() * 1000)
        with closing(sqlite3.connect(self._database, uri=True)) as connection:
            waits = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM batch WHERE state = ? AND due_at <= ?)"
                " OR EXISTS (SELECT 1 FROM plan WHERE reconcile_at <= ?)",
                (int(BatchState.SCHEDULED), millis, millis),
            )
            return bool(waits.fetchone()[0])
