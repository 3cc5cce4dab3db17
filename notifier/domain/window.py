"""Outage windows: half-open periods, always aware of their time zone, of this century."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from notifier.domain import errors

#: No outage is planned, ended or moved to another year.
FIRST_YEAR, LAST_YEAR = 2000, 2100
#: The same as moments: what lies in those years anywhere on earth lies between them.
EARLIEST = datetime(FIRST_YEAR - 1, 12, 31, tzinfo=UTC)
LATEST = datetime(LAST_YEAR + 1, 1, 2, tzinfo=UTC)


class WindowInvalid(errors.Invalid):
    """The time does not make a window."""

    code = "window.invalid"


def require_plausible(*moments: datetime | None) -> None:
    """Refuses an aware time of another century, which no calendar could show in every zone.

    None is no time. Raises ``WindowInvalid``.
    """
    for moment in moments:
        if moment is not None and not EARLIEST <= moment <= LATEST:
            raise WindowInvalid(
                f"时间 {moment.isoformat()}：应在 {FIRST_YEAR}–{LAST_YEAR} 年内"
                f" / a time of {moment.isoformat()}: expected a year from {FIRST_YEAR} to {LAST_YEAR}."
            )


def showable(moment: datetime) -> datetime:
    """An aware time as it was kept, or the nearest one that every zone can show: what was kept before
    times were bounded must not keep a list from being shown."""
    return min(max(moment, EARLIEST), LATEST)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A period ``[starts_at, ends_at)``; both ends are aware and the end is later than the start.

    Raises ``ValueError`` where that does not hold.
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise ValueError("a window needs a time zone at both ends")
        if self.ends_at <= self.starts_at:
            raise ValueError("a window ends after it starts")

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at

    def overlaps(self, other: "Window") -> bool:
        """Whether the two share any moment; windows that only touch do not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def contains(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at

    def as_dict(self, zone: tzinfo = UTC) -> dict[str, str]:
        """Both ends as ISO 8601 with the offset of ``zone``; ``from_dict`` reads it back."""
        return {
            "starts_at": self.starts_at.astimezone(zone).isoformat(),
            "ends_at": self.ends_at.astimezone(zone).isoformat(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, str]) -> "Window":
        """Reads ``as_dict``."""
        return cls.from_text(raw["starts_at"], raw["ends_at"])

    @classmethod
    def from_text(cls, starts_at: str, ends_at: str) -> "Window":
        """A window as it was kept, both ends in ISO 8601; brought near where nothing could show it."""
        start, end = map(showable, map(datetime.fromisoformat, (starts_at, ends_at)))
        if start == end and datetime.fromisoformat(starts_at) < datetime.fromisoformat(ends_at):
            return cls(start - timedelta(minutes=1), end)
        return cls(start, end)


def union(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same moments as windows that neither overlap nor touch, in order."""
    merged: list[Window] = []
    for window in sorted(windows):
        if merged and window.starts_at <= merged[-1].ends_at:
            last = merged.pop()
            window = Window(last.starts_at, max(last.ends_at, window.ends_at))
        merged.append(window)
    return tuple(merged)
