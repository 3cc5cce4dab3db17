"""The made-up bureau's network model, in the flat form: two stations of three, six feeders of eight.

It stands beside the ledger and goes with it: the same feeders, transformer areas and accounts. The
two feeders of 35kV青山变 are left out on purpose, as in life: of them there is the ledger alone.
Three feeders are cable, one ring main unit a place; three are overhead, with poles, a section
switch after every third place and a switch on each branch line. Neighbours are joined by ties that
are normally open.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from notifier.demo.bureau import HEADINGS, Area, Bureau

#: The station of which there is no model.
LEFT_OUT = "35kV青山变"
#: The columns of each file, as ``intake.network_csv`` reads them.
COLUMNS = {
    "nodes": ("node_id", "name", "base_kv", "substation_id", "is_busbar"),
    "branches": (
        "branch_id", "kind", "name", "from_node", "to_node", "switch_type", "normal_open",
        "in_service",
    ),
    "sources": ("source_id", "name", "node_id"),
    "feeders": ("feeder_id", "name", "substation_id", "head_branch_id", "busbar_node"),
    "areas": ("area_id", "name", "transformer_branches", "node_ids"),
    "customers": ("customer_id", "name", "node_id", "area_id", "p_kw", "standby_node_id"),
    "generators": ("generator_id", "name", "node_id", "p_kw", "grid_forming"),
}  # fmt: skip

#: Feeders as they are built, and which one carries the second supply of whom.
_CABLE = ("人民线", "学府线", "湖滨线")
_PARTNERS = {
    "人民线": "学府线", "学府线": "人民线", "工业线": "物流线",
    "物流线": "工业线", "湖滨线": "新城线", "新城线": "湖滨线",
}  # fmt: skip
#: Ties: a feeder, the number of its place, another feeder and its place; normally open.
_TIES = (
    ("人民线", 8, "学府线", 8),
    ("学府线", 4, "工业线", 5),
    ("工业线", 8, "物流线", 8),
    ("湖滨线", 8, "新城线", 8),
    ("新城线", 5, "物流线", 5),
    ("人民线", 4, "湖滨线", 4),
)
_PLACES = 9
#: Overhead: the pole of the first place, poles from one to the next, places a section.
_FIRST_POLE, _APART, _SECTION = 4, 8, 3
_LOADS = {"居民": 3.0, "商业": 8.0, "非居民": 15.0, "农业": 20.0, "大工业": 400.0}
_COLUMN = {heading: number for number, heading in enumerate(HEADINGS)}


@dataclass(slots=True, kw_only=True)
class Grid:
    """The seven tables as rows in the order of ``COLUMNS``."""

    rows: dict[str, list[tuple[object, ...]]] = field(
        default_factory=lambda: {name: [] for name in COLUMNS}
    )

    def switches(self) -> Iterator[tuple[str, bool]]:
        """Name and whether normally open, of every switch."""
        for row in self.rows["branches"]:
            if row[1] == "Switch":
                yield str(row[2]), row[6] == 1


def short(feeder: str) -> str:
    """人民线 for 10kV人民线: how the dispatcher calls a feeder in the names of its equipment."""
    return feeder.removeprefix("10kV")


def cable_switch(feeder: str, place: int, bay: int) -> str:
    """The dispatch name of a bay's switch in the ring main unit of a place (from 0)."""
    return f"{short(feeder)}{place + 1}号环网柜{900 + bay}开关"


def section_switch(feeder: str, after: int) -> str:
    """The dispatch name of the section switch after a place (from 0) of an overhead feeder."""
    return f"{short(feeder)}{_pole(after) + _APART // 2}号杆分段开关"


def tie_switch(one: str, other: str) -> str:
    """The dispatch name of the normally open switch between two feeders."""
    return f"{short(one)}{short(other)}联络开关"


def pole(feeder: str, place: int) -> str:
    """The name of the pole at which the branch line of a place (from 0) leaves."""
    return f"{short(feeder)}{_pole(place)}号杆"


def build(bureau: Bureau) -> Grid:
    """The model of a bureau; the same one every time."""
    return _Builder(bureau).build()


def write(grid: Grid, folder: Path) -> Path:
    """Writes the tables into ``network`` in the folder; answers its path. Blocks for a moment."""
    target = folder / "network"
    target.mkdir()
    for name, columns in COLUMNS.items():
        with (target / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(grid.rows[name])
    meta = {"name": "示范县10kV网络模型", "source": "GIS", "left_out": LEFT_OUT}
    (target / "meta.json").write_text(json.dumps(meta, ensure_ascii=False) + "\n", "utf-8")
    return target


def _pole(place: int) -> int:
    return _FIRST_POLE + _APART * place


class _Builder:
    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._grid = Grid()
        self._areas: dict[str, list[Area]] = {}
        for area in bureau.areas:
            if area.station != LEFT_OUT:
                self._areas.setdefault(area.feeder, []).append(area)
        self._code = {
            short(feeder): f"{number:02d}" for number, feeder in enumerate(self._areas, start=1)
        }
        #: By short feeder name and place: the node at which transformers are joined.
        self._joints: dict[tuple[str, int], str] = {}
        self._bays: dict[tuple[str, int], int] = {}
        #: The low-voltage board of each area, by code, and its entrances, by building and unit.
        self._boards: dict[str, str] = {}
        self._entrances: dict[tuple[str, str], str] = {}
        self._second = 0

    def build(self) -> Grid:
        self._stations()
        for feeder in self._areas:
            line = short(feeder)
            if line in _CABLE:
                self._cable_feeder(line)
            else:
                self._overhead_feeder(line)
            self._transformers(feeder)
        for one, place, other, there in _TIES:
            self._tie(one, place, other, there)
        self._customers()
        self._generators()
        return self._grid

    # --- Stations -------------------------------------------------------------------------------

    def _stations(self) -> None:
        """Each with two infeeds, two transformers, two busbars and a coupler that is open."""
        by_station: dict[str, list[str]] = {}
        for feeder, areas in self._areas.items():
            by_station.setdefault(areas[0].station, []).append(feeder)
        for number, (station, feeders) in enumerate(by_station.items(), start=1):
            name = station.removeprefix("110kV")
            buses = []
            for half, mark in enumerate("ⅠⅡ", start=1):
                high = self._node(f"H{number}{half}", f"{name}110kV{mark}母", 110.0)
                low = self._node(f"T{number}{half}", f"{name}{half}号主变低压侧", 10.5)
                bus = self._node(f"B{number}{half}", f"{name}10kV{mark}段母线", 10.5, station)
                self._add("sources", f"G{number}{half}", f"110kV{name}{mark}线", high)
                self._branch("PowerTransformer", f"{name}{half}号主变", high, low)
                self._switch(f"{name}{half}号主变90{half}开关", low, bus, "Breaker")
                buses.append(bus)
            self._switch(f"{name}10kV母联900开关", buses[0], buses[1], "Breaker", is_open=True)
            for turn, feeder in enumerate(feeders):
                line = short(feeder)
                bus = buses[turn % 2]
                out = self._node(f"{line}-0", f"{line}出线", 10.5)
                self._switch(f"{line}{911 + turn}开关", bus, out, "Breaker")
                head = self._grid.rows["branches"][-1][0]
                self._add("feeders", f"F{self._code[line]}", feeder, station, head, bus)

    # --- Feeders --------------------------------------------------------------------------------

    def _cable_feeder(self, line: str) -> None:
        """A cable from one ring main unit to the next; each bay of a unit has a switch."""
        end = f"{line}-0"
        before = "出线"
        for place in range(_PLACES):
            unit = f"{line}{place + 1}号环网柜"
            bus = self._node(f"{line}-R{place + 1}", f"{unit}母线", 10.5)
            come = self._node(f"{line}-R{place + 1}i", f"{unit}进线", 10.5)
            self._line(f"{line}{before}至{place + 1}号环网柜电缆", end, come)
            self._switch(cable_switch(line, place, 1), come, bus, "LoadBreakSwitch")
            self._joints[line, place] = bus
            before = f"{place + 1}号环网柜"
            if place + 1 < _PLACES:
                end = self._node(f"{line}-R{place + 1}o", f"{unit}出线", 10.5)
                self._switch(cable_switch(line, place, 2), bus, end, "LoadBreakSwitch")
            self._bays[line, place] = 2

    def _overhead_feeder(self, line: str) -> None:
        """Poles, a section switch after every third place, a branch line with a switch a place."""
        end, before = f"{line}-0", "出线"
        for place in range(_PLACES):
            number = _pole(place)
            at = self._node(f"{line}-P{number}", pole(line, place), 10.5)
            self._line(f"{line}{before}至{number}号杆导线", end, at)
            foot = self._node(f"{line}-P{number}b", f"{line}{number}号杆支线", 10.5)
            self._switch(f"{line}{number}号杆支线开关", at, foot, "LoadBreakSwitch")
            last = self._node(f"{line}-P{number}e", f"{line}{number}号杆支线末端", 10.5)
            self._line(f"{line}{number}号杆支线导线", foot, last)
            self._joints[line, place] = last
            end, before = at, f"{number}号杆"
            if (place + 1) % _SECTION == 0 and place + 1 < _PLACES:
                number += _APART // 2
                near = self._node(f"{line}-P{number}", f"{line}{number}号杆", 10.5)
                far = self._node(f"{line}-P{number}f", f"{line}{number}号杆负荷侧", 10.5)
                self._line(f"{line}{before}至{number}号杆导线", at, near)
                self._switch(section_switch(line, place), near, far, "LoadBreakSwitch")
                end, before = far, f"{number}号杆"

    def _tie(self, one: str, place: int, other: str, there: int) -> None:
        """Between the trunks; open on the first feeder's side, closed on the other's."""
        near, far = self._trunk(one, place), self._trunk(other, there)
        name = tie_switch(one, other)
        middle = self._node(f"LL-{one}-{other}-1", f"{name}线路侧", 10.5)
        end = self._node(f"LL-{one}-{other}-2", f"{name}对侧", 10.5)
        self._switch(name, near, middle, "LoadBreakSwitch", is_open=True)
        self._line(f"{one}{other}联络线", middle, end)
        self._switch(f"{name}对侧刀闸", end, far, "Disconnector")

    def _trunk(self, line: str, place: int) -> str:
        return self._joints[line, place] if line in _CABLE else f"{line}-P{_pole(place)}"

    # --- Transformers and low voltage -----------------------------------------------------------

    def _transformers(self, feeder: str) -> None:
        line = short(feeder)
        places = list(dict.fromkeys(a.place for a in self._areas[feeder] if a.is_public))
        plants = 0
        for area in self._areas[feeder]:
            if area.is_public:
                place = places.index(area.place)
            else:
                place, plants = (plants + 1) % _PLACES, plants + 1
            board = self._transformer(line, place, area.name, f"LV-{area.code}")
            self._boards[area.code] = board
            transformer = self._grid.rows["branches"][-1][0]
            self._add("areas", area.code, area.name, transformer, board)

    def _transformer(self, line: str, place: int, name: str, board: str) -> str:
        """A bay or a fuse, a transformer, its board; answers the board's node."""
        joint = self._joints[line, place]
        high = self._node(f"{board}h", f"{name}高压侧", 10.5)
        if line in _CABLE:
            self._bays[line, place] += 1
            switch = cable_switch(line, place, self._bays[line, place])
            self._switch(switch, joint, high, "LoadBreakSwitch")
        else:
            self._switch(f"{name}跌落式熔断器", joint, high, "Fuse")
        low = self._node(board, f"{name}低压母线", 0.4)
        self._branch("PowerTransformer", f"{name}配变", high, low)
        return low

    def _entrance(self, area: Area, place: str) -> str:
        """The node of an entrance (building and unit), by a cable from the board."""
        key = (area.code, place)
        if key not in self._entrances:
            board = self._boards[area.code]
            number = sum(1 for code, _ in self._entrances if code == area.code) + 1
            end = self._node(f"{board}-{number}", f"{area.name}{place}", 0.4)
            self._line(f"{area.name}{place}低压电缆", board, end)
            self._entrances[key] = end
        return self._entrances[key]

    # --- Who is supplied ------------------------------------------------------------------------

    def _customers(self) -> None:
        """Every account once, where its meter hangs, whatever the ledger's copy of it says."""
        seen: set[str] = set()
        for row in self._bureau.rows:
            account = str(row[_COLUMN["户号"]])
            home = self._bureau.homes.get(account)
            if home is None or home.code not in self._boards or account in seen:
                continue
            seen.add(account)
            building = f"{row[_COLUMN['楼栋']]}{row[_COLUMN['单元']]}"
            node = self._entrance(home, building) if building else self._boards[home.code]
            standby = ""
            if row[_COLUMN["双电源"]] == "是":
                standby = self._second_supply(home, str(row[_COLUMN["户名"]]))
            load = _LOADS[str(row[_COLUMN["用电类别"]])]
            # An area the ledger does not know is not known here either: the node is.
            area = home.code if row[_COLUMN["台区编号"]] else ""
            self._add("customers", account, row[_COLUMN["户名"]], node, area, load, standby)

    def _second_supply(self, home: Area, name: str) -> str:
        """The board of a transformer on the partner feeder, at the place of the same number."""
        line = _PARTNERS[short(home.feeder)]
        self._second += 1
        place = int(home.code[2:4]) % _PLACES
        return self._transformer(line, place, f"{name}备用", f"SB-{self._second:03d}")

    def _generators(self) -> None:
        """Sunshine on the works' roofs, and a hospital's set: none of them a source."""
        for feeder, areas in self._areas.items():
            if areas[0].kind == "works":
                for area in [area for area in areas if area.is_public][::6]:
                    name = f"{area.place}屋顶光伏"
                    self._add(
                        "generators", f"PV-{area.code}", name, self._boards[area.code], 200, 0
                    )
            first = areas[0]
            name = f"{short(feeder)}医院应急柴油机"
            self._add("generators", f"DG-{first.code}", name, self._boards[first.code], 300, 1)

    # --- Rows -----------------------------------------------------------------------------------

    def _node(self, mrid: str, name: str, kv: float, busbar_of: str = "") -> str:
        self._add("nodes", mrid, name, kv, busbar_of, 1 if busbar_of else 0)
        return mrid

    def _line(self, name: str, a: str, b: str) -> None:
        self._branch("ACLineSegment", name, a, b)

    def _switch(
        self, name: str, a: str, b: str, switch_type: str, *, is_open: bool = False
    ) -> None:
        self._branch("Switch", name, a, b, switch_type, 1 if is_open else 0)

    def _branch(
        self, kind: str, name: str, a: str, b: str, switch_type: str = "", normal: int | str = ""
    ) -> None:
        number = len(self._grid.rows["branches"]) + 1
        self._add("branches", f"E{number:05d}", kind, name, a, b, switch_type, normal, 1)

    def _add(self, table: str, *values: object) -> None:
        self._grid.rows[table].append(values)
