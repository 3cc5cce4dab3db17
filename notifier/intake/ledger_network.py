"""The stations, feeders, areas and buildings that the rows of a ledger name, each numbered once.

An area with a code is one area, wherever its rows hang it; without a code its name counts on its
own feeder only, for every feeder has a ``1号公变``. What lists of areas declare about a feeder goes
before what customer rows say; among rows the feeder that most of them name.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from notifier.domain import names
from notifier.domain.finding import Severity
from notifier.domain.ledger import NONE, AreaEntry, BuildingEntry, FeederEntry, StationEntry
from notifier.intake.ledger_cells import clean
from notifier.intake.ledger_columns import Field
from notifier.intake.ledger_findings import FindingLog

_PRIVATE = re.compile(r"专变|专用|专台|customer")
_PLAIN_BUILDING = re.compile(
    r"第?[0-9a-z一二三四五六七八九十甲乙丙丁\-]{1,5}(?:号|#|幢|栋|座|楼|号楼|单元)*"
)


@dataclass(slots=True)
class _Feeder:
    name: str
    key: str
    station: int


@dataclass(slots=True)
class _Area:
    code: str
    name: str
    key: str
    is_public: bool
    declared: int = NONE
    points: int = 0
    #: How many customer rows name the area under each feeder, and the first such row.
    by_feeder: Counter[int] = field(default_factory=Counter)
    first_rows: dict[int, tuple[int, tuple[str, str]]] = field(default_factory=dict)


@dataclass(slots=True)
class Spot:
    """Where a row stands in the network; ``rows`` counts the customers that stand there.

    ``doubts`` are fields that rows of this kind leave blank.
    """

    feeder: int
    area: int
    rows: int = 0
    doubts: tuple[tuple[Field, Severity], ...] = ()


class NetworkScan:
    """Numbers what rows name, in the order in which it appears. ``log`` hears contradictions."""

    def __init__(self, log: FindingLog) -> None:
        self._log = log
        self._stations: list[StationEntry] = []
        self._station_numbers: dict[str, int] = {}
        self._feeders: list[_Feeder] = []
        self._feeder_numbers: dict[tuple[int, str], int] = {}
        self._feeders_by_key: dict[str, list[int]] = {}
        self._areas: list[_Area] = []
        self._coded_areas: dict[str, int] = {}
        self._named_areas: dict[tuple[int, str], int] = {}
        self._areas_by_key: dict[str, list[int]] = {}
        self._buildings: list[BuildingEntry] = []
        self._building_numbers: dict[str, int] = {}

    def station(self, name: str) -> int:
        """The number of the station of that name, new or known."""
        text = clean(name)
        if not text:
            return NONE
        key = names.station_key(text)
        number = self._station_numbers.setdefault(key, len(self._stations))
        if number == len(self._stations):
            self._stations.append(StationEntry(name=text, key=key))
        return number

    def feeder(self, name: str, station: int, row: int, column: str) -> int:
        """The number of the feeder; a feeder without a station is the one that bears its name."""
        text = clean(name)
        if not text:
            return NONE
        key = names.feeder_key(text)
        known = self._feeder_numbers.get((station, key))
        if known is not None:
            return known
        same = self._feeders_by_key.setdefault(key, [])
        if station == NONE and len(same) == 1:
            return same[0]
        if station == NONE and same:
            self._log.add(
                "feeder.ambiguous", Severity.WARNING, row, column, found=text,
                expected="写明变电站 / name its station: several have a feeder of this name",
            )  # fmt: skip
            return NONE
        if len(same) == 1 and self._feeders[same[0]].station == NONE:
            number = same[0]
            self._feeders[number].station = station
        else:
            number = len(self._feeders)
            self._feeders.append(_Feeder(text, key, station))
            same.append(number)
        self._feeder_numbers[(station, key)] = number
        return number

    def area(
        self, code: str, name: str, kind: str, feeder: int, row: int, column: str, *, declares: bool
    ) -> int:
        """The number of the area, ``NONE`` when the row names none.

        ``declares``: the row is of a list of areas, and what it says about the feeder holds.
        """
        code, text = clean(code).replace(" ", ""), clean(name)
        if not code and not text:
            return NONE
        key = names.area_key(text or code)
        number = self._find_area(code, key, feeder)
        if number == NONE:
            number = len(self._areas)
            self._areas.append(_Area(code, text or code, key, _is_public(clean(kind), text)))
            self._areas_by_key.setdefault(key, []).append(number)
        area = self._areas[number]
        if code:
            self._coded_areas[code] = number
        else:
            self._named_areas[(feeder, key)] = number
        if text and area.key != key:
            if area.name == area.code:
                area.name, area.key = text, key
            else:
                self._log.add(
                    "area.names_differ", Severity.WARNING, row, column, found=f"{code} {text}",
                    expected=f"{code} {area.name}",
                )  # fmt: skip
        if declares and feeder != NONE:
            if area.declared not in (NONE, feeder):
                self._log.add(
                    "area.two_feeders", Severity.WARNING, row, column,
                    found=f"{area.name}：{self._feeders[feeder].name}",
                    expected=f"{self._feeders[area.declared].name} (台区清单中在前 / listed before)",
                )  # fmt: skip
            else:
                area.declared = feeder
        elif feeder != NONE:
            area.first_rows.setdefault(feeder, (row, (self._log.file, self._log.sheet)))
        return number

    def _find_area(self, code: str, key: str, feeder: int) -> int:
        if code:
            return self._coded_areas.get(code, NONE)
        if feeder != NONE:
            known = self._named_areas.get((feeder, key))
            if known is not None:
                return known
            same = [
                number
                for number in self._areas_by_key.get(key, ())
                if feeder in (self._areas[number].declared, *self._areas[number].first_rows)
            ]
        else:
            same = self._areas_by_key.get(key, [])
        return same[0] if len(same) == 1 else NONE

    def feeder_of(self, area: int) -> int:
        """The feeder that a list declared for the area."""
        return self._areas[area].declared

    def count(self, spot: Spot) -> None:
        """Add the customers counted at a spot to its area; once, at the end."""
        if spot.area != NONE and spot.rows:
            self._areas[spot.area].points += spot.rows
            if spot.feeder != NONE:
                self._areas[spot.area].by_feeder[spot.feeder] += spot.rows

    def building(
        self, estate: str, building: str, address: str, floors: int, is_high: bool, spot: Spot
    ) -> int:
        """The number of the building. A bare ``3号楼`` is one within its area only."""
        estate, building = clean(estate), clean(building)
        if not estate and not building:
            return NONE
        key = "/".join(names.fold(part) for part in (estate, building) if part)
        if not estate and _PLAIN_BUILDING.fullmatch(key):
            key = f"{self._qualifier(spot)}/{key}"
        number = self._building_numbers.setdefault(key, len(self._buildings))
        entry = BuildingEntry(
            name=f"{estate}{building}",
            key=key,
            address=address,
            floors=floors,
            is_high_rise=is_high,
        )
        if number == len(self._buildings):
            self._buildings.append(entry)
            return number
        known = self._buildings[number]
        if floors > known.floors or (is_high and not known.is_high_rise):
            self._buildings[number] = BuildingEntry(
                name=known.name,
                key=key,
                address=known.address,
                floors=max(floors, known.floors),
                is_high_rise=is_high or known.is_high_rise,
            )
        return number

    def _qualifier(self, spot: Spot) -> str:
        if spot.area != NONE:
            return self.area_key(spot.area)
        return self._feeders[spot.feeder].key if spot.feeder != NONE else ""

    def area_key(self, number: int) -> str:
        """A word for the area that no other area has, stable over imports."""
        area = self._areas[number]
        if area.code:
            return f"area:{area.code}"
        feeder = self._feeder_of(area)
        return f"area:{self._feeders[feeder].key if feeder != NONE else ''}:{area.key}"

    def area_name(self, number: int) -> str:
        return self._areas[number].name

    def feeder_name(self, number: int) -> str:
        return self._feeders[number].name

    def building_entry(self, number: int) -> BuildingEntry:
        return self._buildings[number]

    def close(self, *, has_customers: bool) -> None:
        """Report what only the whole can show: contradictions, and assets with nothing behind them."""
        used = set()
        for area in self._areas:
            feeder = self._feeder_of(area)
            used.add(feeder)
            self._report_feeders(area, feeder)
            if feeder == NONE:
                self._log.add(
                    "area.no_feeder", Severity.WARNING, found=f"{area.code} {area.name}".strip(),
                    expected="线路 / a feeder", place=("", ""),
                )  # fmt: skip
            if has_customers and not area.points:
                self._log.add(
                    "area.no_customers", Severity.INFO, found=f"{area.code} {area.name}".strip(),
                    expected="至少一户 / a customer", place=("", ""),
                )  # fmt: skip
        if not self._areas:
            return
        for number, feeder_entry in enumerate(self._feeders):
            if number not in used:
                self._log.add(
                    "feeder.no_areas", Severity.INFO, found=feeder_entry.name,
                    expected="至少一个台区 / a transformer area", place=("", ""),
                )  # fmt: skip

    def _report_feeders(self, area: _Area, feeder: int) -> None:
        for other, rows in area.by_feeder.items():
            if other == feeder:
                continue
            row, place = area.first_rows.get(other, (None, ("", "")))
            right = self._feeders[feeder].name if feeder != NONE else "一条线路 / one feeder"
            code = "customer.feeder_differs" if area.declared != NONE else "area.two_feeders"
            self._log.add(
                code, Severity.WARNING, row, "feeder", place=place,
                found=f"{area.code} {area.name}：{self._feeders[other].name}，{rows} 户".strip(),
                expected=right,
            )  # fmt: skip

    def _feeder_of(self, area: _Area) -> int:
        """Declared, or what most rows say; nobody decides between equals."""
        if area.declared != NONE:
            return area.declared
        ranked = area.by_feeder.most_common(2)
        if not ranked:
            return next(iter(area.first_rows), NONE) if len(area.first_rows) == 1 else NONE
        if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
            return NONE
        return ranked[0][0]

    def entries(
        self,
    ) -> tuple[
        tuple[StationEntry, ...],
        tuple[FeederEntry, ...],
        tuple[AreaEntry, ...],
        tuple[BuildingEntry, ...],
    ]:
        """Everything numbered so far."""
        return (
            tuple(self._stations),
            tuple(
                FeederEntry(name=item.name, key=item.key, station=item.station)
                for item in self._feeders
            ),
            tuple(
                AreaEntry(
                    code=item.code,
                    name=item.name,
                    key=item.key,
                    feeder=self._feeder_of(item),
                    is_public=item.is_public,
                    points=item.points,
                )
                for item in self._areas
            ),
            tuple(self._buildings),
        )


def _is_public(kind: str, name: str) -> bool:
    if "专" in kind:
        return False
    return "公" in kind or not _PRIVATE.search(name)
