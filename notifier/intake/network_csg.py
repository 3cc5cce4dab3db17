"""CIM per feeder, pre-CIM16 (``Naming.*``): one file a feeder, joined by shared node ids.

A file describes the feeder of its current circuit. Two files of one circuit are copies: the newest
is taken and the others are left out whole, because merging a stale copy invents equipment.
Where a switch ends at a node that no file describes, the neighbour's file is missing: the node
becomes the boundary of what is known.
"""

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from notifier.domain import finding
from notifier.domain.network import builder, model
from notifier.intake import network_rdf, network_status
from notifier.intake.network_csv import NetworkImport, UnreadableNetwork

SWITCHES = frozenset(
    {
        "Switch",
        "Breaker",
        "LoadBreakSwitch",
        "Disconnector",
        "Fuse",
        "Recloser",
        "Sectionaliser",
        "Jumper",
        "Cut",
        "ProtectedSwitch",
        "DisconnectingCircuitBreaker",
        "GroundDisconnector",
    }
)
EARTH = frozenset({"GroundDisconnector"})
_LINES = frozenset({"ACLineSegment", "Junction", "BusbarSection", "SeriesCompensator"})

_TRANSFORMER_ID = ("PW_TRANS_ID", "TRANS_ID", "TRANSFORMER_ID", "配变ID", "变压器ID")
_CUSTOMER_ID = ("CONSUMER_ID", "COMSUMER_ID", "CUSTOMER_ID", "用户编号", "户号")
_FEEDER_ID = ("FEEDER_ID", "馈线ID", "线路ID")


def _silent(_stage: str, _rows: int) -> None:
    return


@dataclass(slots=True)
class _File:
    """One feeder's file as read."""

    path: Path
    circuit: str = ""
    name: str = ""
    station: str = ""
    breaker: str = ""
    is_current: bool = True
    stamp: datetime | None = None
    equipment: dict[str, network_rdf.Record] = field(default_factory=dict)
    nodes: dict[str, list[str]] = field(default_factory=dict)
    stations: dict[str, str] = field(default_factory=dict)
    neighbours: dict[str, str] = field(default_factory=dict)


def is_per_feeder(path: Path) -> bool:
    """Whether a file speaks the per-feeder vocabulary; looks at its first objects only."""
    return any(
        record.kind == "Circuit" or any(name.startswith("Naming.") for name in record.values)
        for record in islice(network_rdf.read(path), 50)
    )


def moment(text: str) -> datetime | None:
    """An ISO time as an aware one, UTC where it names no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def read_files(
    paths: Sequence[Path],
    *,
    customers: Sequence[Path] = (),
    statuses: Sequence[network_status.StatusFile] = (),
    progress: Callable[[str, int], None] = _silent,
) -> NetworkImport:
    """Reads the feeders' files and the customer lists beside them. Raises ``UnreadableNetwork``."""
    files = []
    for path in paths:
        files.append(_read(path))
        progress(path.name, len(files[-1].equipment))
    built = builder.NetworkBuilder(paths[0].parent.name)
    chosen = _choose(files, built)
    open_now = {key: status.is_open for key, status in network_status.combine(statuses).items()}
    _Assembly(built, chosen, open_now).run()
    for path in customers:
        progress(path.name, _customers(built, path, chosen))
    return NetworkImport(network=built.finish(), findings=built.findings.finish())


def _read(path: Path) -> _File:
    file = _File(path, stamp=network_status.stamp(path.stem))
    circuits = []
    windings: dict[str, str] = {}
    terminals: list[tuple[str, str]] = []
    for record in network_rdf.read(path):
        if record.kind == "Terminal":
            terminals.append(
                (
                    record.ref("Terminal.ConductingEquipment"),
                    record.ref("Terminal.ConnectivityNode"),
                )
            )
        elif record.kind == "Circuit":
            circuits.append(record)
        elif record.kind == "Substation":
            file.stations[record.key] = record.name()
        elif record.kind == "TransformerWinding":
            windings[record.key] = record.ref("TransformerWinding.MemberOf_PowerTransformer")
        elif record.kind in SWITCHES or record.kind in _LINES or record.kind == "PowerTransformer":
            file.equipment[record.key] = record
        elif record.kind in ("Model", "FullModel"):
            file.stamp = moment(record.values.get("Model.created", "")) or file.stamp
    for key, node in terminals:
        owner = windings.get(key, key)
        if owner in file.equipment and node:
            found = file.nodes.setdefault(owner, [])
            if node not in found or file.equipment[owner].kind in SWITCHES:
                found.append(node)
    _name_circuit(file, circuits)
    return file


def _name_circuit(file: _File, circuits: Sequence[network_rdf.Record]) -> None:
    """Finds the feeder a file is about; other circuits in it are neighbours it only mentions."""

    def is_current(record: network_rdf.Record) -> bool:
        return record.values.get("Circuit.isCurrentCircuit", "true").lower() != "false"

    ordered = sorted(circuits, key=lambda record: not is_current(record))
    if not ordered:
        raise UnreadableNetwork(
            f"{file.path.name} 中没有 Circuit / {file.path.name} names no circuit"
        )
    current = ordered[0]
    file.circuit, file.name = current.key, current.name()
    file.is_current = is_current(current)
    file.station = current.ref("Circuit.SourceSubst")
    file.breaker = current.ref("Circuit.SourceBreaker")
    file.neighbours = {record.key: record.name() for record in ordered[1:]}
    dates = [
        moment(text) for name, text in current.values.items() if "ime" in name or "ate" in name
    ]
    file.stamp = max((date for date in dates if date), default=file.stamp)


def _choose(files: Sequence[_File], built: builder.NetworkBuilder) -> list[_File]:
    """One file per circuit: the current and newest copy; never a mixture."""
    by_circuit: dict[str, list[_File]] = {}
    for file in files:
        by_circuit.setdefault(file.circuit, []).append(file)
    chosen = []
    for circuit, copies in by_circuit.items():
        oldest = datetime.min.replace(tzinfo=UTC)
        copies.sort(
            key=lambda file: (
                (not file.is_current, -(file.stamp or oldest).timestamp())
                if file.stamp
                else (not file.is_current, 0.0)
            )
        )
        # Without dates the leaner copy is taken: the surplus of a superset is another feeder's
        # equipment or a plan's, and a person has to say which copy is right.
        best = copies[0]
        rivals = [
            file
            for file in copies[1:]
            if file.is_current == best.is_current and file.stamp == best.stamp
        ]
        differs = any(file.nodes != best.nodes for file in rivals)
        if differs:
            best = min([best, *rivals], key=lambda file: len(file.equipment))
        chosen.append(best)
        left = [file.path.name for file in copies if file is not best]
        if left:
            built.findings.add(
                "network.feeder_ambiguous" if differs else "network.feeder_copies",
                finding.Severity.ERROR if differs else finding.Severity.WARNING,
                f"馈线 {best.name} ({circuit}) 有 {len(copies)} 份文件，采用 {best.path.name}，"
                f"未采用 {'、'.join(left)} / feeder {best.name} has {len(copies)} files: "
                f"{best.path.name} is taken, {', '.join(left)} left out",
                "每条馈线一份文件 / one file a feeder",
                file=best.path.name,
            )
    return chosen


class _Assembly:
    """Joins the chosen files into one model."""

    def __init__(
        self, built: builder.NetworkBuilder, files: Sequence[_File], open_now: Mapping[str, bool]
    ) -> None:
        self._built = built
        self._files = files
        self._open_now = open_now
        self._breakers = {file.breaker for file in files}
        self._degree: Counter[str] = Counter()
        self._only_breakers: dict[str, bool] = {}
        self._owner: dict[str, _File] = {}

    def run(self) -> None:
        for file in self._files:
            for key, nodes in file.nodes.items():
                if key in self._owner:
                    self._shared(key, nodes, file)
                    continue
                self._owner[key] = file
                at_bus = key in self._breakers or file.equipment[key].kind == "BusbarSection"
                for node in nodes:
                    self._degree[node] += 1
                    self._only_breakers[node] = self._only_breakers.get(node, True) and at_bus
        busbars = {file.circuit: self._busbar(file) for file in self._files}
        for node in self._degree:
            self._built.add_node(node, is_busbar=node in busbars.values())
        for key, file in self._owner.items():
            self._add(key, file)
        for node in dict.fromkeys(bus for bus in busbars.values() if bus):
            self._built.add_source(f"SOURCE_{node}", node)
        for file in self._files:
            self._built.add_feeder(
                file.circuit,
                file.name,
                file.stations.get(file.station, file.station),
                file.breaker,
                busbars[file.circuit],
                file=file.path.name,
            )
        self._bound(set(busbars.values()))

    def _shared(self, key: str, nodes: list[str], file: _File) -> None:
        """The same equipment in two files: a tie is often drawn in both."""
        if sorted(nodes) != sorted(self._owner[key].nodes[key]):
            self._built.findings.add(
                "network.equipment_disagrees",
                finding.Severity.WARNING,
                f"{key} 在 {self._owner[key].path.name} 与 {file.path.name} 中接点不同，采用前者 / "
                f"{key} is joined differently in two files; the first is taken",
                file=file.path.name,
            )

    def _busbar(self, file: _File) -> str:
        """The station side of the source breaker: where nothing but such breakers meet."""
        ends = file.nodes.get(file.breaker, [])
        at_bus = [node for node in ends if self._only_breakers[node]]
        if len(at_bus) == 1:
            return at_bus[0]
        if ends:
            return min(ends, key=lambda node: self._degree[node])
        self._built.findings.add(
            "network.no_source_breaker",
            finding.Severity.ERROR,
            f"馈线 {file.name} 的出线开关 {file.breaker} 不在文件中 / "
            f"the source breaker {file.breaker} of feeder {file.name} is not in its file",
            file=file.path.name,
        )
        return ""

    def _add(self, key: str, file: _File) -> None:
        record, nodes, built = file.equipment[key], file.nodes[key], self._built
        if record.kind == "PowerTransformer":
            if len(nodes) > 1:
                built.add_branch(
                    key, model.BranchKind.TRANSFORMER, record.name(), nodes[0], nodes[1]
                )
            transformers = [key] if len(nodes) > 1 else []
            built.add_area(key, record.name(), transformers, nodes[-1:])
            return
        if len(nodes) < 2:
            return
        is_switch = record.kind in SWITCHES
        normal = record.values.get("Switch.normalOpen")
        built.add_branch(
            key,
            model.BranchKind.SWITCH if is_switch else model.BranchKind.LINE,
            record.name(),
            nodes[0],
            nodes[1],
            switch_type=record.kind if is_switch else "",
            normal_open=(normal or "false").lower() == "true",
            file=file.path.name,
        )
        built.add_alias(record.values.get("PowerSystemResource.dispatchNumber", ""), key)
        if is_switch and normal is None:
            built.mark_state_unknown(key)

    def _bound(self, busbars: set[str]) -> None:
        present = {file.circuit for file in self._files}
        missing = {
            name or key
            for file in self._files
            for key, name in file.neighbours.items()
            if key not in present
        }
        for key, file in self._owner.items():
            record = file.equipment[key]
            if record.kind not in SWITCHES or key in self._breakers:
                continue
            normal = record.values.get("Switch.normalOpen")
            is_open = self._open_now.get(key, normal is None or normal.lower() == "true")
            for node in file.nodes[key]:
                if self._degree[node] > 1 or node in busbars:
                    continue
                # A closed switch that leads nowhere is a spare bay; an open one is a tie.
                if not is_open and not missing:
                    continue
                self._built.mark_boundary(node)
                self._built.findings.add(
                    "network.neighbour_missing",
                    finding.Severity.WARNING,
                    f"开关 {record.name()} 对侧的馈线未导入，其后结果为未知 / "
                    f"the feeder beyond switch {record.name()} is missing: results are unknown",
                    "、".join(sorted(missing)) or "相邻馈线的文件 / the neighbour's file",
                    file=file.path.name,
                )


def _customers(built: builder.NetworkBuilder, path: Path, files: Sequence[_File]) -> int:
    """Reads a customer list; a customer stands at its transformer, whatever feeder is written."""
    feeder_of = {key: file.circuit for file in files for key in file.equipment}
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="replace")
    rows = csv.reader(text.splitlines())
    header = [name.strip() for name in next(rows, [])]
    at = {
        what: next((header.index(name) for name in names if name in header), -1)
        for what, names in (
            ("customer", _CUSTOMER_ID),
            ("transformer", _TRANSFORMER_ID),
            ("feeder", _FEEDER_ID),
        )
    }
    if at["customer"] < 0 or at["transformer"] < 0:
        return 0
    number = 1
    for number, row in enumerate(rows, start=2):
        cells = {
            what: row[column].strip() if 0 <= column < len(row) else ""
            for what, column in at.items()
        }
        customer, transformer = cells["customer"], cells["transformer"]
        if not customer:
            continue
        real = feeder_of.get(transformer)
        if real and cells["feeder"] and cells["feeder"] != real:
            built.findings.add(
                "network.customer_feeder_differs",
                finding.Severity.WARNING,
                f"用户 {customer} 登记在 {cells['feeder']}，其变压器在 {real}，按变压器 / "
                f"customer {customer} is listed under {cells['feeder']}, its transformer under {real}",
                real,
                file=path.name,
                row=number,
            )
        built.add_customer(
            customer,
            "",
            transformer,
            feeder=cells["feeder"],
            file=path.name,
            row=number,
        )
    return number - 1
