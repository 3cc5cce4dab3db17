"""Building a network model from rows, and saying what is doubtful about them.

A reader calls ``add_…`` in any order of kinds except that nodes come before what stands on them.
A row that cannot be used is left out and reported; a node that a branch names and nobody
describes is kept as the *boundary* of what is known, so that results beyond it read ``unknown``.
"""

from array import array
from collections.abc import Sequence
from datetime import datetime

from notifier.domain.network import doubts, model, review


class NetworkBuilder:
    """Collects rows into columns; ``finish`` gives the model and ``findings`` the doubts."""

    def __init__(self, name: str = "", as_of: datetime | None = None) -> None:
        self.findings = doubts.Doubts()
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
            self.findings.duplicate("节点", "node", mrid, file, row)
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
            self.findings.duplicate("支路", "branch", mrid, file, row)
            return
        if from_index == to_index:
            self.findings.self_loop(mrid, from_node, file, row)
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
        self.findings.partial_phases(mrid)

    def mark_state_unknown(self, mrid: str) -> None:
        """Notes that the source names no normal state for a switch; it is taken as closed."""
        index = self._branch_index.get(mrid)
        if index is not None:
            self._state_unknown.add(index)

    def add_source(self, mrid: str, node: str, *, file: str = "", row: int | None = None) -> None:
        """Adds a grid infeed, the only kind of supply."""
        index = self._node_index.get(node)
        if index is None:
            self.findings.unknown_node("source", mrid, node, "node_id", file, row)
        else:
            self._sources[index] = None

    def add_generator(
        self, mrid: str, name: str, node: str, *, file: str = "", row: int | None = None
    ) -> None:
        """Adds a generating unit; it is drawn and listed, and supplies nobody."""
        index = self._node_index.get(node)
        if index is None:
            self.findings.unknown_node("generator", mrid, node, "node_id", file, row)
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
            self.findings.feeder_without_head(mrid, head, file, row)
            return
        bus = self._node_index.get(busbar, -1)
        if bus not in (self._branch_from[index], self._branch_to[index]):
            if busbar:
                self.findings.head_off_busbar(mrid, head, busbar, file, row)
            bus = self._branch_from[index]
        if any(feeder.head == index for feeder in self._feeders):
            self.findings.shared_head(mrid, head, file, row)
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
            self.findings.duplicate("台区", "area", mrid, file, row)
            return
        known = []
        for node in nodes:
            node_index = self._node_index.get(node)
            if node_index is None:
                self.findings.unknown_node("area", mrid, node, "node_ids", file, row)
            else:
                known.append(node_index)
        branches = []
        for transformer in transformers:
            branch_index = self._branch_index.get(transformer)
            if branch_index is None:
                self.findings.unknown_transformer(mrid, transformer, file, row)
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
            self.findings.unknown_area(mrid, area, file, row)
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
            self.findings.without_area(mrid, file, row)
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
                self.findings.unknown_node("customer", mrid, standby, "standby_node_id", file, row)
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
            self.findings.blank_end(branch, column, file, row)
            return -1
        self.findings.unknown_node("branch", branch, node, column, file, row)
        self.add_node(node)
        index = self._node_index[node]
        self._boundary.add(index)
        return index

    def _place(
        self, mrid: str, node: str, area: int, feeder: str, file: str, row: int | None
    ) -> int | None:
        index = self._node_index.get(node) if node else None
        if index is not None:
            return index
        if node:
            self.findings.unknown_node("customer", mrid, node, "node_id", file, row)
        if area >= 0 and self._area_nodes[area]:
            if node:
                self.findings.placed_by_area(mrid, file, row)
            return self._area_nodes[area][0]
        return None

    def _place_by_feeder(
        self, mrid: str, feeder: str, file: str, row: int | None
    ) -> tuple[int, int]:
        """The node behind the feeder's head, and the head; -1 twice where the feeder is unknown."""
        for candidate in self._feeders:
            if feeder and feeder in (candidate.id, candidate.name):
                self.findings.placed_by_feeder(mrid, feeder, file, row)
                ends = (self._branch_from[candidate.head], self._branch_to[candidate.head])
                node = ends[1] if ends[0] == candidate.busbar else ends[0]
                return node, candidate.head
        self.findings.without_place(mrid, file, row)
        return -1, -1

    def _again(
        self, index: int, mrid: str, node: int, area: int, file: str, row: int | None
    ) -> None:
        places = self._other_places.get(index, ())
        same_place = node == self._customer_node[index] or node in places
        if same_place and area == self._customer_area[index]:
            self.findings.customer_again(mrid, file, row)
            return
        self.findings.in_two_areas(mrid, file, row)
        if not same_place:
            self._other_places[index] = (*places, node)
