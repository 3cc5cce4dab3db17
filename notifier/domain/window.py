"""Outage windows: half-open periods, always aware of their time zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo


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
        return cls(datetime.fromisoformat(raw["starts_at"]), datetime.fromisoformat(raw["ends_at"]))


def union(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same moments as windows that neither overlap nor touch, in order."""
    merged: list[Window] = []
    for window in sorted(windows):
        if merged and window.starts_at <= merged[-1].ends_at:
            last = merged.pop()
            window = Window(last.starts_at, max(last.ends_at, window.ends_at))
        merged.append(window)
    return tuple(merged)
