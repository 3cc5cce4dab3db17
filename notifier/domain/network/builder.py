"""Building a network model from rows, and saying what is doubtful about them.

A reader calls ``add_…`` in any order of kinds except that nodes come before what stands on them.
A row that cannot be used is left out and reported; a node that a branch names and nobody
describes is kept as the *boundary* of what is known, so that results beyond it read ``unknown``.
"""

from array import array
from collections.abc import Sequence
from datetime import datetime

from notifier.domain import finding
from notifier.domain.network import findings, model, review

_ERROR, _WARNING, _INFO = (
    finding.Severity.ERROR,
    finding.Severity.WARNING,
    finding.Severity.INFO,
)


class NetworkBuilder:
    """Collects rows into columns; ``finish`` gives the model and ``findings`` the doubts."""

    def __init__(self, name: str = "", as_of: datetime | None = None) -> None:
        self.findings = findings.FindingList()
        self._name = name
        self._as_of = as_of
        self._node_ids: list[str] = []
        self._node_names: list[str] = []
        self._node_kv = array("f")
        self._node_index: dict[str, int] = {}
        self._busbars: set[int] = set()
        self._boundary: set[int] = set()
        self._branch_ids: list[str] = []
        self._branch_names: list[str] = []
        self._branch_kind = bytearray()
        self._branch_from = array("i")
        self._branch_to = array("i")
        self._normal_open = bytearray()
        self._in_service = bytearray()
        self._branch_index: dict[str, int] = {}
        self._switch_types: dict[int, str] = {}
        self._partial_phases: set[int] = set()
        self._sources: dict[int, None] = {}
        self._feeders: list[model.Feeder] = []
        self._generators: list[model.Generator] = []
        self._area_ids: list[str] = []
        self._area_names: list[str] = []
        self._area_nodes: list[tuple[int, ...]] = []
        self._area_transformers: list[tuple[int, ...]] = []
        self._area_index: dict[str, int] = {}
        self._customer_ids: list[str] = []
        self._customer_node = array("i")
        self._customer_area = array("i")
        self._customer_index: dict[str, int] = {}
        self._standby: dict[int, int] = {}
        self._other_places: dict[int, tuple[int, ...]] = {}
        self._by_feeder: dict[int, int] = {}
        self._aliases: dict[str, str] = {}
        self._state_unknown: set[int] = set()

    def add_node(
        self,
        mrid: str,
        name: str = "",
        kv: float = 0.0,
        *,
        is_busbar: bool = False,
        file: str = "",
        row: int | None = None,
    ) -> None:
        """Adds a connectivity node; ``kv`` is its nominal voltage in kilovolts, 0 for unknown."""
        index = len(self._node_ids)
        if self._node_index.setdefault(mrid, index) != index:
            self.findings.add(
                "network.duplicate_id",
                _ERROR,
                f"节点 {mrid} 重复，未采用 / node {mrid} again, not taken",
                file=file,
                row=row,
                column="node_id",
            )
            return
        self._node_ids.append(mrid)
        self._node_names.append(mrid if name in ("", mrid) else name)
        self._node_kv.append(kv)
        if is_busbar:
            self._busbars.add(index)

    def mark_boundary(self, mrid: str) -> None:
        """Notes that what lies beyond this node is missing from the model."""
        index = self._node_index.get(mrid)
        if index is not None:
            self._boundary.add(index)

    def has_node(self, mrid: str) -> bool:
        return mrid in self._node_index

    def has_branch(self, mrid: str) -> bool:
        return mrid in self._branch_index

    def add_alias(self, alias: str, mrid: str) -> None:
        """Lets a branch be found by its dispatch number as well."""
        if alias and alias != mrid and alias not in self._branch_index:
            self._aliases[alias] = mrid

    def add_branch(
        self,
        mrid: str,
        kind: model.BranchKind,
        name: str,
        from_node: str,
        to_node: str,
        *,
        switch_type: str = "",
        normal_open: bool = False,
        in_service: bool = True,
        phases: int = 3,
        file: str = "",
        row: int | None = None,
    ) -> None:
        """Adds a branch. A node nobody described becomes the boundary of what is known."""
        index = len(self._branch_ids)
        nodes = self._node_index
        from_index, to_index = nodes.get(from_node), nodes.get(to_node)
        if from_index is None:
            from_index = self._stranger(from_node, mrid, "from_node", file, row)
        if to_index is None:
            to_index = self._stranger(to_node, mrid, "to_node", file, row)
        if from_index < 0 or to_index < 0:
            return
        if self._branch_index.setdefault(mrid, index) != index:
            self.findings.add(
                "network.duplicate_id",
                _ERROR,
                f"支路 {mrid} 重复，未采用 / branch {mrid} again, not taken",
                file=file,
                row=row,
                column="branch_id",
            )
            return
        if from_index == to_index:
            self.findings.add(
                "network.self_loop",
                _WARNING,
                f"{mrid} 两端为同一节点 {from_node} / both ends of {mrid} are node {from_node}",
                "两个不同的节点 / two different nodes",
                file=file,
                row=row,
            )
        self._branch_ids.append(mrid)
        self._branch_names.append(mrid if name in ("", mrid) else name)
        self._branch_kind.append(kind)
        self._branch_from.append(from_index)
        self._branch_to.append(to_index)
        self._normal_open.append(normal_open)
        self._in_service.append(in_service)
        if kind == model.BranchKind.SWITCH:
            if switch_type:
                self._switch_types[index] = switch_type
            if phases < 3:
                self.mark_partial(mrid)

    def mark_partial(self, mrid: str) -> None:
        """Notes that a switch has fewer than three phases: its tie does not prove a transfer."""
        index = self._branch_index.get(mrid)
        if index is None or index in self._partial_phases:
            return
        self._partial_phases.add(index)
        self.findings.add(
            "network.partial_phases",
            _WARNING,
            f"开关 {mrid} 不足三相 / switch {mrid} has fewer than three phases",
            "三相；不能据此认定可以转供 / three phases; its tie does not prove a transfer",
        )

    def mark_state_unknown(self, mrid: str) -> None:
        """Notes that the source names no normal state for a switch; it is taken as closed."""
        index = self._branch_index.get(mrid)
        if index is not None:
            self._state_unknown.add(index)

    def add_source(self, mrid: str, node: str, *, file: str = "", row: int | None = None) -> None:
        """Adds a grid infeed, the only kind of supply."""
        index = self._node_index.get(node)
        if index is None:
            self._unknown_node("source", mrid, node, "node_id", file, row)
        else:
            self._sources[index] = None

    def add_generator(
        self, mrid: str, name: str, node: str, *, file: str = "", row: int | None = None
    ) -> None:
        """Adds a generating unit; it is drawn and listed, and supplies nobody."""
        index = self._node_index.get(node)
        if index is None:
            self._unknown_node("generator", mrid, node, "node_id", file, row)
        else:
            self._generators.append(model.Generator(id=mrid, name=name, node=index))

    def add_feeder(
        self,
        mrid: str,
        name: str,
        substation: str,
        head: str,
        busbar: str = "",
        *,
        file: str = "",
        row: int | None = None,
    ) -> None:
        """Adds a feeder by its head branch; without a known head it cannot be told apart."""
        index = self._branch_index.get(head)
        if index is None:
            self.findings.add(
                "network.feeder_without_head",
                _ERROR,
                f"馈线 {mrid} 的出线支路“{head}”不存在 / head “{head}” of feeder {mrid} unknown",
                "branches 中的支路 / a branch of the model",
                file=file,
                row=row,
                column="head_branch_id",
            )
            return
        bus = self._node_index.get(busbar, -1)
        if bus not in (self._branch_from[index], self._branch_to[index]):
            if busbar:
                self.findings.add(
                    "network.head_off_busbar",
                    _WARNING,
                    f"馈线 {mrid} 的出线 {head} 不在母线 {busbar} 上 / "
                    f"head {head} of feeder {mrid} is not at busbar {busbar}",
                    file=file,
                    row=row,
                    column="busbar_node",
                )
            bus = self._branch_from[index]
        if any(feeder.head == index for feeder in self._feeders):
            self.findings.add(
                "network.shared_head",
                _WARNING,
                f"馈线 {mrid} 与另一馈线共用出线 {head} / feeder {mrid} shares head {head}",
                file=file,
                row=row,
                column="head_branch_id",
            )
        self._feeders.append(
            model.Feeder(id=mrid, name=name or mrid, substation=substation, head=index, busbar=bus)
        )

    def add_area(
        self,
        mrid: str,
        name: str,
        transformers: Sequence[str],
        nodes: Sequence[str],
        *,
        file: str = "",
        row: int | None = None,
    ) -> None:
        """Adds a transformer area with its low-voltage boards; several transformers may feed it."""
        index = len(self._area_ids)
        if self._area_index.setdefault(mrid, index) != index:
            self.findings.add(
                "network.duplicate_id",
                _ERROR,
                f"台区 {mrid} 重复，未采用 / area {mrid} again, not taken",
                file=file,
                row=row,
                column="area_id",
            )
            return
        known = []
        for node in nodes:
            node_index = self._node_index.get(node)
            if node_index is None:
                self._unknown_node("area", mrid, node, "node_ids", file, row)
            else:
                known.append(node_index)
        branches = []
        for transformer in transformers:
            branch_index = self._branch_index.get(transformer)
            if branch_index is None:
                self.findings.add(
                    "network.unknown_transformer",
                    _WARNING,
                    f"台区 {mrid} 的变压器 {transformer} 不存在 / "
                    f"transformer {transformer} of area {mrid} unknown",
                    file=file,
                    row=row,
                    column="transformer_branches",
                )
            else:
                branches.append(branch_index)
        self._area_ids.append(mrid)
        self._area_names.append(mrid if name in ("", mrid) else name)
        self._area_nodes.append(tuple(known))
        self._area_transformers.append(tuple(branches))

    def add_customer(
        self,
        mrid: str,
        node: str,
        area: str = "",
        standby: str = "",
        *,
        feeder: str = "",
        file: str = "",
        row: int | None = None,
    ) -> None:
        """Adds a usage point. Without a node it stands at its area, else at its feeder's head."""
        area_index = self._area_index.get(area, -1) if area else -1
        if area and area_index < 0:
            self.findings.add(
                "network.unknown_area",
                _WARNING,
                f"用户 {mrid} 的台区 {area} 不存在 / area {area} of customer {mrid} unknown",
                file=file,
                row=row,
                column="area_id",
            )
        node_index, head = self._place(mrid, node, area_index, feeder, file, row), -1
        if node_index is None:
            node_index, head = self._place_by_feeder(mrid, feeder, file, row)
        if node_index < 0:
            return
        index = self._customer_index.get(mrid)
        if index is not None:
            self._again(index, mrid, node_index, area_index, file, row)
            return
        if not area:
            self.findings.add(
                "network.customer_without_area",
                _WARNING,
                f"用户 {mrid} 无台区，按节点判定 / customer {mrid} has no area, placed by its node",
                file=file,
                row=row,
                column="area_id",
            )
        index = len(self._customer_ids)
        self._customer_index[mrid] = index
        self._customer_ids.append(mrid)
        self._customer_node.append(node_index)
        self._customer_area.append(area_index)
        if head >= 0:
            self._by_feeder[index] = head
        if standby:
            standby_index = self._node_index.get(standby)
            if standby_index is None:
                self._unknown_node("customer", mrid, standby, "standby_node_id", file, row)
            else:
                self._standby[index] = standby_index

    def finish(self) -> model.Network:
        """The model. Adds the findings that only show when everything is there."""
        network = model.Network(
            name=self._name,
            as_of=self._as_of,
            node_ids=self._node_ids,
            node_names=self._node_names,
            node_kv=self._node_kv,
            node_index=self._node_index,
            busbars=frozenset(self._busbars),
            branch_ids=self._branch_ids,
            branch_names=self._branch_names,
            branch_kind=self._branch_kind,
            branch_from=self._branch_from,
            branch_to=self._branch_to,
            normal_open=self._normal_open,
            in_service=self._in_service,
            branch_index=self._branch_index,
            switch_types=self._switch_types,
            partial_phases=frozenset(self._partial_phases),
            sources=tuple(self._sources),
            feeders=tuple(self._feeders),
            generators=tuple(self._generators),
            area_ids=self._area_ids,
            area_names=self._area_names,
            area_nodes=self._area_nodes,
            area_transformers=self._area_transformers,
            area_index=self._area_index,
            customer_ids=self._customer_ids,
            customer_node=self._customer_node,
            customer_area=self._customer_area,
            standby=self._standby,
            other_places=self._other_places,
            by_feeder=self._by_feeder,
            boundary=frozenset(self._boundary),
            aliases=self._aliases,
            state_unknown=frozenset(self._state_unknown),
        )
        review.review(network, self.findings)
        return network

    def _stranger(self, node: str, branch: str, column: str, file: str, row: int | None) -> int:
        if not node:
            self.findings.add(
                "network.blank_end",
                _ERROR,
                f"支路 {branch} 一端为空，未采用 / branch {branch} has a blank end, not taken",
                "节点编号 / a node id",
                file=file,
                row=row,
                column=column,
            )
            return -1
        self._unknown_node("branch", branch, node, column, file, row)
        self.add_node(node)
        index = self._node_index[node]
        self._boundary.add(index)
        return index

    def _unknown_node(
        self, what: str, mrid: str, node: str, column: str, file: str, row: int | None
    ) -> None:
        self.findings.add(
            "network.unknown_node",
            _ERROR,
            f"{mrid} 所在节点 {node} 不存在 / {what} {mrid} names node {node}, which is unknown",
            "nodes 中的节点；其后结果为未知 / a node of the model; beyond it results are unknown",
            file=file,
            row=row,
            column=column,
        )

    def _place(
        self, mrid: str, node: str, area: int, feeder: str, file: str, row: int | None
    ) -> int | None:
        index = self._node_index.get(node) if node else None
        if index is not None:
            return index
        if node:
            self._unknown_node("customer", mrid, node, "node_id", file, row)
        if area >= 0 and self._area_nodes[area]:
            if node:
                self.findings.add(
                    "network.placed_by_area",
                    _WARNING,
                    f"用户 {mrid} 按台区判定 / customer {mrid} is placed by its area",
                    file=file,
                    row=row,
                )
            return self._area_nodes[area][0]
        return None

    def _place_by_feeder(
        self, mrid: str, feeder: str, file: str, row: int | None
    ) -> tuple[int, int]:
        """The node behind the feeder's head, and the head; -1 twice where the feeder is unknown."""
        for candidate in self._feeders:
            if feeder and feeder in (candidate.id, candidate.name):
                self.findings.add(
                    "network.placed_by_feeder",
                    _WARNING,
                    f"用户 {mrid} 仅按馈线 {feeder} 判定 / customer {mrid} is placed by its feeder only",
                    "台区或节点 / an area or a node",
                    file=file,
                    row=row,
                )
                ends = (self._branch_from[candidate.head], self._branch_to[candidate.head])
                node = ends[1] if ends[0] == candidate.busbar else ends[0]
                return node, candidate.head
        self.findings.add(
            "network.customer_without_place",
            _ERROR,
            f"用户 {mrid} 无法定位，未采用 / customer {mrid} cannot be placed, not taken",
            "节点、台区或馈线 / a node, an area or a feeder",
            file=file,
            row=row,
        )
        return -1, -1

    def _again(
        self, index: int, mrid: str, node: int, area: int, file: str, row: int | None
    ) -> None:
        places = self._other_places.get(index, ())
        same_place = node == self._customer_node[index] or node in places
        if same_place and area == self._customer_area[index]:
            self.findings.add(
                "network.duplicate_id",
                _INFO,
                f"用户 {mrid} 重复且一致 / customer {mrid} again, the same",
                file=file,
                row=row,
                column="customer_id",
            )
            return
        self.findings.add(
            "network.customer_in_two_areas",
            _ERROR,
            f"用户 {mrid} 在两个台区，未作选择 / customer {mrid} stands in two areas; none was picked",
            "一个台区 / one area",
            file=file,
            row=row,
            column="area_id",
        )
        if not same_place:
            self._other_places[index] = (*places, node)
