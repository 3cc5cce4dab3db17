"""The 站-线-变 part of the ledger, small enough to hold in memory, found again by name.

A province has some hundred thousand transformer areas; the usage points stay in the store.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from notifier.domain import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A substation; ``key`` is ``names.station_key`` of its name."""

    id: int
    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A feeder; ``points`` counts the usage points that hang on it without a transformer area."""

    id: int
    name: str
    key: str
    station_id: int | None = None
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A transformer area; ``points`` counts its usage points."""

    id: int
    code: str
    name: str
    key: str
    feeder_id: int | None = None
    points: int = 0


@dataclass(frozen=True, kw_only=True)
class NetworkIndex:
    """Stations, feeders and areas by id, and by every name under which a plan may call them."""

    stations: Mapping[int, Station]
    feeders: Mapping[int, Feeder]
    areas: Mapping[int, Area]

    @classmethod
    def of(
        cls, stations: Iterable[Station], feeders: Iterable[Feeder], areas: Iterable[Area]
    ) -> "NetworkIndex":
        return cls(
            stations={item.id: item for item in stations},
            feeders={item.id: item for item in feeders},
            areas={item.id: item for item in areas},
        )

    @cached_property
    def _stations_by_key(self) -> dict[str, list[Station]]:
        found: dict[str, list[Station]] = defaultdict(list)
        for item in self.stations.values():
            found[item.key].append(item)
        return found

    @cached_property
    def _feeders_by_key(self) -> dict[str, list[Feeder]]:
        found: dict[str, list[Feeder]] = defaultdict(list)
        for item in self.feeders.values():
            found[item.key].append(item)
        return found

    @cached_property
    def _areas_by_key(self) -> dict[str, list[Area]]:
        found: dict[str, list[Area]] = defaultdict(list)
        for item in self.areas.values():
            found[item.key].append(item)
            if item.code:
                found[names.fold(item.code)].append(item)
        return found

    @cached_property
    def areas_of_feeder(self) -> Mapping[int, tuple[Area, ...]]:
        """Areas by the id of the feeder that supplies them."""
        found: dict[int, list[Area]] = defaultdict(list)
        for item in self.areas.values():
            if item.feeder_id is not None:
                found[item.feeder_id].append(item)
        return {feeder_id: tuple(items) for feeder_id, items in found.items()}

    @cached_property
    def feeders_of_station(self) -> Mapping[int, tuple[Feeder, ...]]:
        """Feeders by the id of their station."""
        found: dict[int, list[Feeder]] = defaultdict(list)
        for item in self.feeders.values():
            if item.station_id is not None:
                found[item.station_id].append(item)
        return {station_id: tuple(items) for station_id, items in found.items()}

    @cached_property
    def _names(self) -> list[str]:
        return [item.name for items in (self.feeders, self.areas) for item in items.values()]

    @cached_property
    def _similar(self) -> dict[str, list[str]]:
        return {}

    def similar(self, name: str) -> list[str]:
        """Names of feeders and areas that look like this one, the closest first. To compare it with
        those of a city takes tenths of a second: a file that misspells a name does so on many rows."""
        found = self._similar.get(name)
        if found is None:
            found = self._similar[name] = difflib.get_close_matches(name, self._names)
        return found

    def stations_named(self, name: str) -> list[Station]:
        return self._stations_by_key.get(names.station_key(name), [])

    def feeders_named(self, name: str, station: str = "") -> list[Feeder]:
        """Feeders of that name; with a station's name only those of that station, or else those of
        which the ledger says no station."""
        found = self._feeders_by_key.get(names.feeder_key(name), [])
        return self.at_station(found, station) if station else found

    def at_station(self, feeders: Iterable[Feeder], station: str) -> list[Feeder]:
        """Those of the feeders that belong to the station, or else those that belong to none."""
        ids: set[int | None] = {item.id for item in self.stations_named(station)}
        listed = list(feeders)
        return [item for item in listed if item.station_id in ids] or [
            item for item in listed if item.station_id is None
        ]

    def areas_named(self, name: str, station: str = "") -> list[Area]:
        """Areas of that name or code, each once; with a station's name only those which it supplies,
        or else those of which the ledger does not say by whom they are supplied."""
        found = [
            *self._areas_by_key.get(names.area_key(name), []),
            *self._areas_by_key.get(names.fold(name), []),
        ]
        areas = list({item.id: item for item in found}.values())
        if not station:
            return areas
        feeders = [self.feeders[item.feeder_id] for item in areas if item.feeder_id is not None]
        fitting = {feeder.id for feeder in self.at_station(feeders, station)}
        return [item for item in areas if item.feeder_id in fitting] or [
            item for item in areas if item.feeder_id is None
        ]
