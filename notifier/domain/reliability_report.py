"""A reliability report: the indices of a period by area, feeder, station or month."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.domain.network_index import NetworkIndex
from notifier.domain.reliability import Hits, Indices

_MILLISECOND = timedelta(milliseconds=1)


class By(StrEnum):
    """By what a report is divided. BUREAU: not at all."""

    BUREAU = "bureau"
    STATION = "station"
    FEEDER = "feeder"
    AREA = "area"
    MONTH = "month"


class Month(NamedTuple):
    """A calendar month of the utility, or the part of it inside a period; ends are aware."""

    label: str
    starts_at: datetime
    ends_at: datetime


#: The hits of a period, and of each of its months.
HitsByMonth = tuple[list[Hits], list[list[Hits]]]


class Sums(NamedTuple):
    """What was counted for one part: ``key`` is its id, or the place of its month; ``duration`` in
    customer-milliseconds. The rest as in ``Indices``."""

    key: int | None
    events: int
    interruptions: int
    duration: int
    endless: int
    momentary: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One part of a report. ``id`` is that of the area, feeder or station; None for a month."""

    id: int | None
    name: str
    within: str
    indices: Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The indices of ``[starts_at, ends_at)`` as far as it was over ``at``; all aware.

    ``cemi`` is the *n* of CEMI-n, ``momentary`` the limit that was used. Parts where nothing happened
    are left out of ``lines``, except months.
    """

    at: datetime
    starts_at: datetime
    ends_at: datetime
    by: By
    momentary: timedelta
    cemi: int
    total: Indices
    lines: tuple[Line, ...]


def months(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[Month]:
    """The months of ``zone`` that a period (aware) touches, cut to it."""
    found = []
    first = starts_at.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while first < ends_at:
        following = (first.replace(tzinfo=None) + timedelta(days=32)).replace(day=1, tzinfo=zone)
        found.append(Month(f"{first:%Y-%m}", max(first, starts_at), min(following, ends_at)))
        first = following
    return found


class Served:
    """Customers served (N_T) by any key, and the repeatedly interrupted ones among them.

    The ledger knows who is there now, not who was there then: N_T is today's.
    """

    def __init__(self, index: NetworkIndex) -> None:
        self._index = index
        self.total = sum(area.points for area in index.areas.values()) + sum(
            feeder.points for feeder in index.feeders.values()
        )

    def by(self, by: By) -> Mapping[int | None, int]:
        """N_T by the ids of areas, feeders or stations."""
        counted: Counter[int | None] = Counter()
        for area in self._index.areas.values():
            counted[self._key(by, area.id, area.feeder_id)] += area.points
        for feeder in self._index.feeders.values():
            counted[self._key(by, None, feeder.id)] += feeder.points
        return counted

    def repeatedly(self, by: By, hits: Iterable[Hits], times: int) -> Mapping[int | None, int]:
        """Customers with at least ``times`` sustained interruptions, by the same ids."""
        counted: Counter[int | None] = Counter()
        for item in hits:
            if item.outs < times:
                continue
            area = None if item.area_id is None else self._index.areas.get(item.area_id)
            customers = item.customers
            if item.criticality is None and area is not None:
                customers = area.points
            feeder_id = item.feeder_id if area is None else area.feeder_id
            counted[self._key(by, item.area_id, feeder_id)] += customers
        return counted

    def _key(self, by: By, area_id: int | None, feeder_id: int | None) -> int | None:
        if by is By.AREA:
            return area_id
        if by is By.FEEDER:
            return feeder_id
        if by is By.STATION and feeder_id is not None:
            feeder = self._index.feeders.get(feeder_id)
            return None if feeder is None else feeder.station_id
        return None

    def named(self, by: By, key: int | None) -> tuple[str, str]:
        """The name of a part, and of what it lies within; empty where the ledger has none."""
        index = self._index
        if key is None:
            return "", ""
        if by is By.AREA and key in index.areas:
            area = index.areas[key]
            feeder = index.feeders.get(area.feeder_id or 0)
            return area.name, "" if feeder is None else feeder.name
        if by is By.FEEDER and key in index.feeders:
            feeder = index.feeders[key]
            station = index.stations.get(feeder.station_id or 0)
            return feeder.name, "" if station is None else station.name
        if by is By.STATION and key in index.stations:
            return index.stations[key].name, ""
        return f"#{key}", ""


def indices(sums: Sums | None, served: int, repeatedly: int) -> Indices:
    """One part's indices; ``sums`` None: nothing happened there."""
    if sums is None:
        return Indices(served=served, repeatedly=repeatedly)
    return Indices(
        served=served,
        events=sums.events,
        interruptions=sums.interruptions,
        duration=sums.duration * _MILLISECOND,
        endless=sums.endless,
        momentary=sums.momentary,
        repeatedly=repeatedly,
    )


def added_up(parts: Sequence[Sums]) -> Sums:
    """Parts that share no event, such as months, as one."""
    return Sums(
        key=None,
        events=sum(part.events for part in parts),
        interruptions=sum(part.interruptions for part in parts),
        duration=sum(part.duration for part in parts),
        endless=sum(part.endless for part in parts),
        momentary=sum(part.momentary for part in parts),
    )


def lines_by_place(
    by: By, sums: Sequence[Sums], hits: Sequence[Hits], served: Served, cemi: int
) -> tuple[Line, ...]:
    """The parts of a report by place, the longest outages first."""
    customers = served.by(by)
    repeatedly = served.repeatedly(by, hits, cemi)
    lines = []
    for item in sums:
        name, within = served.named(by, item.key)
        # Somewhere on a feeder is no place with customers of its own.
        is_place = by is not By.AREA or item.key is not None
        number = customers.get(item.key, 0) if is_place else 0
        counted = indices(item, number, repeatedly.get(item.key, 0))
        lines.append(Line(id=item.key, name=name, within=within, indices=counted))
    return tuple(sorted(lines, key=_worst_first))


def _worst_first(line: Line) -> tuple[float, float, str]:
    return -(line.indices.saidi or 0.0), -(line.indices.saifi or 0.0), line.name
