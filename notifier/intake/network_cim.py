"""CIM RDF/XML in, a network model out; both vocabularies, one file or many.

CIM100 (``IdentifiedObject.*``) describes a network in one or several files.
The pre-CIM16 form (``Naming.*``) that southern China's bureaus hand over is one file per feeder;
its reader is ``network_csg``. Which it is shows in the first objects.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifier.domain import finding
from notifier.domain.network import builder, model
from notifier.intake import network_csg, network_rdf, network_status
from notifier.intake.network_csv import NetworkImport, UnreadableNetwork

SWITCHES = network_csg.SWITCHES
_BRANCHES = {
    "ACLineSegment": model.BranchKind.LINE,
    "PowerTransformer": model.BranchKind.TRANSFORMER,
    "SeriesCompensator": model.BranchKind.COMPENSATOR,
    "EquivalentBranch": model.BranchKind.OTHER,
    "Junction": model.BranchKind.OTHER,
    "BusbarSection": model.BranchKind.OTHER,
} | dict.fromkeys(SWITCHES, model.BranchKind.SWITCH)
_SOURCES = frozenset({"EnergySource", "ExternalNetworkInjection"})
_LOADS = frozenset({"EnergyConsumer", "ConformLoad", "NonConformLoad"})
_GENERATORS = frozenset(
    {
        "SynchronousMachine",
        "AsynchronousMachine",
        "PowerElectronicsConnection",
        "EquivalentInjection",
    }
)
_EQUIPMENT = frozenset(_BRANCHES) | _SOURCES | _LOADS | _GENERATORS
_LOW_KV = 1.0


def _silent(_stage: str, _rows: int) -> None:
    return


def read_files(
    paths: Sequence[Path],
    *,
    customers: Sequence[Path] = (),
    statuses: Sequence[network_status.StatusFile] = (),
    progress: Callable[[str, int], None] = _silent,
) -> NetworkImport:
    """Reads CIM files of one network. Raises ``UnreadableNetwork``.

    ``customers`` are the customer lists (CSV) that accompany per-feeder files; ``statuses`` help
    to tell an open tie to a missing neighbour from a spare bay.
    """
    if not paths:
        raise UnreadableNetwork("没有 CIM 文件 / there is no CIM file")
    if network_csg.is_per_feeder(paths[0]):
        return network_csg.read_files(
            paths, customers=customers, statuses=statuses, progress=progress
        )
    gathered = _Gathered()
    for path in paths:
        count = 0
        for record in network_rdf.read(path):
            gathered.take(record)
            count += 1
        progress(path.name, count)
    return gathered.finish(paths[0].name.split(".")[0])


@dataclass(slots=True)
class _Equipment:
    kind: str
    mrid: str
    name: str
    voltage: str
    container: str
    is_open: bool
    has_state: bool
    in_service: bool
    nodes: list[str] = field(default_factory=list)


class _Gathered:
    """The few properties the model needs, by key, until all references can be followed."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[str, str]] = {}
        self._topological: dict[str, tuple[str, str]] = {}
        self._equipment: dict[str, _Equipment] = {}
        self._terminals: dict[str, tuple[str, str, int]] = {}
        self._cut: set[str] = set()
        self._voltages: dict[str, float] = {}
        self._ends: list[tuple[str, str]] = []
        self._feeders: list[network_rdf.Record] = []
        self._usage_points: list[network_rdf.Record] = []
        self._mrids: dict[str, str] = {}
        self._phases: Counter[str] = Counter()
        self._created = ""
        self._ignored: Counter[str] = Counter()

    def take(self, record: network_rdf.Record) -> None:
        """Keeps what matters of one object."""
        kind, values = record.kind, record.values
        if kind == "Terminal":
            node = record.ref("Terminal.ConnectivityNode") or record.ref("Terminal.TopologicalNode")
            number = values.get("ACDCTerminal.sequenceNumber") or values.get(
                "Terminal.sequenceNumber", "0"
            )
            self._terminals[record.key] = (
                record.ref("Terminal.ConductingEquipment"),
                node,
                int(number) if number.isdigit() else 0,
            )
            if values.get("ACDCTerminal.connected", "true").lower() == "false":
                self._cut.add(record.ref("Terminal.ConductingEquipment"))
        elif kind in _EQUIPMENT:
            self._take_equipment(record)
        elif kind == "ConnectivityNode":
            self._nodes[record.key] = (self._mrid(record), record.name())
        elif kind == "TopologicalNode":
            self._topological[record.key] = (self._mrid(record), record.name())
        elif kind == "BaseVoltage":
            self._voltages[record.key] = _number(values.get("BaseVoltage.nominalVoltage", ""))
        elif kind in ("PowerTransformerEnd", "TransformerTankEnd"):
            terminal = record.ref("TransformerEnd.Terminal")
            self._ends.append((terminal, record.ref("TransformerEnd.BaseVoltage")))
        elif kind == "Feeder":
            self._mrid(record)
            self._feeders.append(record)
        elif kind == "UsagePoint":
            self._usage_points.append(record)
        elif kind == "SwitchPhase":
            self._phases[record.ref("SwitchPhase.Switch")] += 1
        elif kind == "Substation":
            self._mrid(record)
        elif kind in ("Model", "FullModel"):
            self._created = values.get("Model.created") or self._created
        else:
            self._ignored[kind] += 1

    def finish(self, name: str) -> NetworkImport:
        """Follows the references and builds the model."""
        built = builder.NetworkBuilder(name, network_csg.moment(self._created))
        self._join()
        kv = self._node_voltages()
        busbars = {
            node
            for equipment in self._equipment.values()
            if equipment.kind == "BusbarSection"
            for node in equipment.nodes
        }
        for key, (mrid, node_name) in self._nodes.items():
            built.add_node(mrid, node_name, kv.get(key, 0.0), is_busbar=key in busbars)
        branches = self._add_branches(built)
        for equipment in self._equipment.values():
            if equipment.kind in _SOURCES and equipment.nodes:
                built.add_source(equipment.mrid, self._node(equipment.nodes[0]))
            elif equipment.kind in _GENERATORS and equipment.nodes:
                built.add_generator(equipment.mrid, equipment.name, self._node(equipment.nodes[0]))
        self._add_feeders(built, busbars)
        area_of_node = self._add_areas(built, branches, kv)
        self._add_customers(built, area_of_node)
        return NetworkImport(network=built.finish(), findings=built.findings.finish())

    def _mrid(self, record: network_rdf.Record) -> str:
        mrid = record.values.get("IdentifiedObject.mRID") or record.key.removeprefix("_")
        self._mrids[record.key] = mrid
        return mrid

    def _take_equipment(self, record: network_rdf.Record) -> None:
        values = record.values
        normal = values.get("Switch.normalOpen")
        state = normal if normal is not None else values.get("Switch.open")
        in_service = all(
            values.get(name, "true").lower() != "false"
            for name in ("Equipment.normallyInService", "Equipment.inService")
        )
        self._equipment[record.key] = _Equipment(
            kind=record.kind,
            mrid=self._mrid(record),
            name=record.name(),
            voltage=record.ref("ConductingEquipment.BaseVoltage"),
            container=record.ref("Equipment.EquipmentContainer"),
            is_open=(state or "false").lower() == "true",
            has_state=state is not None,
            in_service=in_service,
        )

    def _join(self) -> None:
        """Puts the nodes of each equipment's terminals in order, each node once."""
        ordered = sorted(self._terminals.values(), key=lambda terminal: terminal[2])
        for key, node, _ in ordered:
            equipment = self._equipment.get(key)
            if equipment is not None and node:
                equipment.nodes.append(node)
                # A bus-branch model has no connectivity nodes; its topological ones serve as well.
                if node not in self._nodes and node in self._topological:
                    self._nodes[node] = self._topological[node]
        for key in self._cut:
            if key in self._equipment:
                self._equipment[key].in_service = False

    def _node(self, key: str) -> str:
        found = self._nodes.get(key)
        return found[0] if found else key

    def _node_voltages(self) -> dict[str, float]:
        # The standard says kilovolts, many writers mean volts: no grid has 1,500 kV.
        factor = 0.001 if any(value > 1500 for value in self._voltages.values()) else 1.0
        found: dict[str, float] = {}
        for terminal, voltage in self._ends:
            if terminal in self._terminals and voltage in self._voltages:
                found[self._terminals[terminal][1]] = self._voltages[voltage] * factor
        for equipment in self._equipment.values():
            if equipment.voltage in self._voltages and equipment.kind != "PowerTransformer":
                for node in equipment.nodes:
                    found.setdefault(node, self._voltages[equipment.voltage] * factor)
        return found

    def _add_branches(self, built: builder.NetworkBuilder) -> list[_Equipment]:
        added = []
        for key, equipment in self._equipment.items():
            kind = _BRANCHES.get(equipment.kind)
            if kind is None:
                continue
            nodes = equipment.nodes
            if kind is not model.BranchKind.SWITCH:
                nodes = list(dict.fromkeys(nodes))
            if len(nodes) < 2:
                if kind is not model.BranchKind.OTHER and equipment.kind not in network_csg.EARTH:
                    built.findings.add(
                        "network.one_ended",
                        finding.Severity.WARNING,
                        f"设备 {equipment.mrid} 只有 {len(nodes)} 个端子 / "
                        f"{equipment.mrid} has {len(nodes)} terminals",
                        "两个端子 / two terminals",
                    )
                continue
            added.append(equipment)
            for number, other in enumerate(nodes[1:], start=2):
                built.add_branch(
                    equipment.mrid if number == 2 else f"{equipment.mrid}:{number}",
                    kind,
                    equipment.name,
                    self._node(nodes[0]),
                    self._node(other),
                    switch_type=equipment.kind if kind is model.BranchKind.SWITCH else "",
                    normal_open=equipment.is_open,
                    in_service=equipment.in_service,
                    phases=min(self._phases.get(key, 3), 3),
                )
            if kind is model.BranchKind.SWITCH and not equipment.has_state:
                built.mark_state_unknown(equipment.mrid)
        return added

    def _add_feeders(self, built: builder.NetworkBuilder, busbars: set[str]) -> None:
        for feeder in self._feeders:
            mrid = self._mrids[feeder.key]
            station = feeder.ref("Feeder.NormalEnergizingSubstation")
            heads = [
                self._equipment[self._terminals[terminal][0]]
                for terminal in feeder.refs.get("Feeder.NormalHeadTerminal", ())
                if terminal in self._terminals and self._terminals[terminal][0] in self._equipment
            ]
            side = ""
            if not heads:
                heads, side = self._first_switches(feeder.key)
                if len(heads) != 1:
                    built.findings.add(
                        "network.feeder_without_head",
                        finding.Severity.WARNING,
                        f"馈线 {feeder.name()} 未给出首端 / feeder {feeder.name()} names no head",
                        "Feeder.NormalHeadTerminal",
                    )
                    continue
                built.findings.add(
                    "network.head_derived",
                    finding.Severity.INFO,
                    f"馈线 {feeder.name()} 的首端取为 {heads[0].name} / "
                    f"the head of feeder {feeder.name()} is taken to be {heads[0].name}",
                    "Feeder.NormalHeadTerminal",
                )
            for head in heads:
                at_bus = [node for node in head.nodes if node in busbars] or [side or head.nodes[0]]
                built.add_feeder(
                    mrid,
                    feeder.name(),
                    self._mrids.get(station, station),
                    head.mrid,
                    self._node(at_bus[0]),
                )

    def _first_switches(self, feeder: str) -> tuple[list[_Equipment], str]:
        """The closed switches first met from the sources, and the near node of the first."""
        at: dict[str, list[_Equipment]] = {}
        for equipment in self._equipment.values():
            if equipment.kind in _BRANCHES and equipment.in_service and len(equipment.nodes) > 1:
                for node in equipment.nodes:
                    at.setdefault(node, []).append(equipment)
        queue = [
            node
            for equipment in self._equipment.values()
            if equipment.kind in _SOURCES
            for node in equipment.nodes
        ]
        seen = set(queue)
        found: list[_Equipment] = []
        side = ""
        for node in queue:
            for equipment in at.get(node, ()):
                if equipment.kind in SWITCHES:
                    here = len(self._feeders) == 1 or equipment.container == feeder
                    if not equipment.is_open and here and equipment not in found:
                        side = side or node
                        found.append(equipment)
                    continue
                for other in equipment.nodes:
                    if other not in seen:
                        seen.add(other)
                        queue.append(other)
        return found, side

    def _add_areas(
        self,
        built: builder.NetworkBuilder,
        branches: Iterable[_Equipment],
        kv: Mapping[str, float],
    ) -> dict[str, str]:
        """One area per low-voltage board behind distribution transformers; gives it by node."""
        boards: dict[str, list[_Equipment]] = {}
        near: dict[str, list[str]] = {}
        for equipment in branches:
            low = [node for node in equipment.nodes if 0 < kv.get(node, 0.0) < _LOW_KV]
            if equipment.kind == "PowerTransformer":
                if low and len(low) < len(set(equipment.nodes)):
                    boards.setdefault(low[0], []).append(equipment)
            elif len(low) > 1:
                for node in low:
                    near.setdefault(node, []).extend(low)
        area_of_node: dict[str, str] = {}
        for board, transformers in boards.items():
            mrid = "+".join(sorted(transformer.mrid for transformer in transformers))
            name = "+".join(sorted(t.name or t.mrid for t in transformers))
            built.add_area(mrid, name, [t.mrid for t in transformers], [self._node(board)])
            area_of_node[board] = mrid
        queue = list(area_of_node)
        for node in queue:
            for other in near.get(node, ()):
                if other not in area_of_node:
                    area_of_node[other] = area_of_node[node]
                    queue.append(other)
        return area_of_node

    def _add_customers(
        self, built: builder.NetworkBuilder, area_of_node: Mapping[str, str]
    ) -> None:
        owned: set[str] = set()
        by_name: dict[str, list[str]] = {}
        for point in self._usage_points:
            for key in point.refs.get("UsagePoint.Equipments", ()):
                owned.add(key)
                if key in self._equipment:
                    by_name.setdefault(self._equipment[key].name, []).append(point.key)
        loads = {k: e for k, e in self._equipment.items() if e.kind in _LOADS and e.nodes}
        spare: dict[str, _Equipment] = {}
        alone: list[_Equipment] = []
        for key, load in loads.items():
            if key in owned:
                continue
            points = by_name.get(load.name, ())
            # Writers without a way to name a second supply repeat the load under the same name.
            if len(points) == 1 and load.mrid.lower().endswith("standby"):
                spare[points[0]] = load
            else:
                alone.append(load)
        for point in self._usage_points:
            keys = [key for key in point.refs.get("UsagePoint.Equipments", ()) if key in loads]
            supplies = [loads[key].nodes[0] for key in keys]
            if point.key in spare:
                supplies.append(spare[point.key].nodes[0])
            main = supplies[0] if supplies else ""
            built.add_customer(
                self._mrid(point),
                self._node(main) if main else "",
                area_of_node.get(main, ""),
                self._node(supplies[1]) if len(supplies) > 1 else "",
            )
        if self._usage_points and alone:
            built.findings.add(
                "network.consumer_without_usage_point",
                finding.Severity.WARNING,
                f"{len(alone)} 个负荷无用电点，按用户处理，如 {alone[0].mrid} / "
                f"{len(alone)} loads without a usage point are taken as customers",
            )
        for load in alone:
            built.add_customer(
                load.mrid, self._node(load.nodes[0]), area_of_node.get(load.nodes[0], "")
            )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
