"""The network model: compact columns of nodes, branches, sources, feeders, areas and customers.

A city is a million nodes, so things are indices into columns, not objects. An index is stable
within one model and means nothing outside it; the source system's ids (``mrid``) do.
A model is never changed after it was built: a newer one replaces it whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from notifier.domain import errors


class BranchKind(IntEnum):
    """What joins two nodes. Only a SWITCH can be opened or closed by a plan."""

    LINE = 0
    TRANSFORMER = 1
    COMPENSATOR = 2
    SWITCH = 3
    OTHER = 4


class UnknownEquipment(errors.NotFound):
    """The network model has no equipment of that name."""

    code = "network.unknown_equipment"


class AmbiguousName(errors.Conflict):
    """Several things of the network bear that name; the id decides."""

    code = "network.ambiguous_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A feeder; ``head`` is the branch by which it leaves ``busbar`` (indices of branch and node)."""

    id: str
    name: str
    substation: str
    head: int
    busbar: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A generating unit. It never counts as a source: an island behind it is out."""

    id: str
    name: str
    node: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """One version of the network. Columns of one kind of thing have one length and order.

    ``node_kv`` is 0 where unknown. ``normal_open`` and ``in_service`` are 0 or 1 per branch.
    ``customer_node`` is the node of the main supply, ``standby`` the node of a second one, by
    customer. ``other_places`` names further nodes at which the same account is recorded: nobody
    picked one. ``by_feeder`` are customers of whom only the feeder is known, with its head.
    ``boundary`` are nodes beyond which the model is known to be incomplete.
    ``state_unknown`` are switches for which the source names no normal state; they read closed.
    ``as_of`` is when the source system wrote the model, aware, or None where it does not say.
    """

    name: str = ""
    as_of: datetime | None = None
    node_ids: Sequence[str]
    node_names: Sequence[str]
    node_kv: array[float]
    node_index: Mapping[str, int]
    busbars: frozenset[int]
    branch_ids: Sequence[str]
    branch_names: Sequence[str]
    branch_kind: bytearray
    branch_from: array[int]
    branch_to: array[int]
    normal_open: bytearray
    in_service: bytearray
    branch_index: Mapping[str, int]
    switch_types: Mapping[int, str]
    partial_phases: frozenset[int]
    sources: tuple[int, ...]
    feeders: tuple[Feeder, ...]
    generators: tuple[Generator, ...]
    area_ids: Sequence[str]
    area_names: Sequence[str]
    area_nodes: Sequence[tuple[int, ...]]
    area_transformers: Sequence[tuple[int, ...]]
    area_index: Mapping[str, int]
    customer_ids: Sequence[str]
    customer_node: array[int]
    customer_area: array[int]
    standby: Mapping[int, int]
    other_places: Mapping[int, tuple[int, ...]]
    by_feeder: Mapping[int, int]
    boundary: frozenset[int]
    aliases: Mapping[str, str] = field(default_factory=dict)
    state_unknown: frozenset[int] = frozenset()

    def branch(self, name: str) -> int:
        """The branch with that id, dispatch number or name.

        Raises ``UnknownEquipment`` or, where a name is borne by several, ``AmbiguousName``.
        """
        return _find(name, self.branch_index, self.branch_names, self.aliases)

    def node(self, name: str) -> int:
        """The node with that id, dispatch number or name; raises as ``branch`` does."""
        return _find(name, self.node_index, self.node_names, self.aliases)

    def area(self, name: str) -> int:
        """The transformer area with that id or name; raises as ``branch`` does."""
        return _find(name, self.area_index, self.area_names, self.aliases)

    def is_switch(self, branch: int) -> bool:
        return self.branch_kind[branch] == BranchKind.SWITCH

    def ends(self, branch: int) -> tuple[int, int]:
        """The two nodes of a branch."""
        return self.branch_from[branch], self.branch_to[branch]

    def label(self, branch: int) -> str:
        """What the dispatcher calls the branch: its name, with the id where that differs."""
        name, mrid = self.branch_names[branch], self.branch_ids[branch]
        return mrid if name in ("", mrid) else f"{name} ({mrid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchStatus:
    """How a switch really stands, beside its normal state, which it never overwrites.

    ``as_of`` is aware, or None where the file does not say. ``is_good`` is the quality mark.
    """

    switch: str
    is_open: bool
    as_of: datetime | None = None
    is_good: bool = True


def _find(
    name: str, index: Mapping[str, int], names: Sequence[str], aliases: Mapping[str, str]
) -> int:
    found = index.get(name)
    if found is None and name in aliases:
        found = index.get(aliases[name])
    if found is not None:
        return found
    # A scan of a million names takes some 10 ms; a second dictionary would take 100 MB.
    try:
        first = names.index(name)
    except ValueError:
        raise UnknownEquipment(
            f"网络模型中没有“{name}” / the network model has no “{name}”"
        ) from None
    try:
        names.index(name, first + 1)
    except ValueError:
        return first
    raise AmbiguousName(
        f"“{name}”有多个设备同名，请用编号 / several things are called “{name}”; use the id"
    )
