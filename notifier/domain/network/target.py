"""What is worked on: the part of the network that a plan must make dead, and whether it does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from notifier.domain import errors
from notifier.domain.network import model, trace, zones


class NoPath(errors.Invalid):
    """No closed path joins the two ends of a section."""

    code = "network.no_path"


class TargetKind(StrEnum):
    """BETWEEN names two nodes: the section of line from one to the other. NAMED are things of which a
    plan gives the names only: each is looked for among the branches, then the nodes, then the areas."""

    NAMED = "named"
    BRANCH = "branch"
    NODE = "node"
    BRANCHES = "branches"
    BETWEEN = "between"
    AREA = "area"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A work target by the names a plan uses: ids, dispatch numbers or names."""

    kind: TargetKind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkArea:
    """A target found in the network: the zones that must be dead while people work there.

    ``is_switching_only`` holds for targets that are nothing but switches: operating a switch is
    not work on it, so nothing has to be dead. ``kv`` is the highest nominal voltage of the
    equipment worked on, 0 where unknown.
    """

    label: str
    zones: tuple[int, ...]
    kv: float = 0.0
    is_switching_only: bool = False


def locate(graph: zones.ZoneGraph, target: Target) -> WorkArea:
    """Finds the target; raises ``UnknownEquipment``, ``AmbiguousName`` or ``NoPath``."""
    network = graph.network
    at = graph.zone_of_node
    label = "、".join(target.names)
    if target.kind is TargetKind.NAMED:
        return _together([_one(graph, name) for name in target.names])
    if target.kind is TargetKind.NODE:
        nodes = [network.node(name) for name in target.names]
        return WorkArea(
            label=label, zones=_unique([at[node] for node in nodes]), kv=_kv(network, nodes)
        )
    if target.kind is TargetKind.AREA:
        found = []
        for name in target.names:
            area = network.area(name)
            found += [at[node] for node in network.area_nodes[area]]
            for branch in network.area_transformers[area]:
                found += graph.zones_of_branch(branch)
        return WorkArea(label=label, zones=_unique(found), kv=_area_kv(network, target.names))
    if target.kind is TargetKind.BETWEEN:
        nodes = [network.node(name) for name in target.names]
        return WorkArea(
            label="–".join(target.names),
            zones=_path(graph, at[nodes[0]], at[nodes[1]]),
            kv=_kv(network, nodes),
        )
    branches = [network.branch(name) for name in target.names]
    solid = [branch for branch in branches if not network.is_switch(branch)]
    found = [zone for branch in solid or branches for zone in graph.zones_of_branch(branch)]
    return WorkArea(
        label="、".join(network.label(branch) for branch in branches),
        zones=_unique(found),
        kv=_kv(network, [end for branch in solid or branches for end in network.ends(branch)]),
        is_switching_only=not solid,
    )


def _one(graph: zones.ZoneGraph, name: str) -> WorkArea:
    """The branch, node or area of that name; raises as ``locate``, in words about all three."""
    for kind in (TargetKind.BRANCH, TargetKind.NODE, TargetKind.AREA):
        try:
            return locate(graph, Target(kind=kind, names=(name,)))
        except model.UnknownEquipment as refusal:
            unknown = refusal
    ends = _ends(name)
    if ends is not None:
        for names in ends:
            try:
                return locate(graph, Target(kind=TargetKind.BETWEEN, names=names))
            except model.UnknownEquipment:
                continue
    raise unknown


_TO = re.compile(r"^(?P<one>\S.*?)\s*(?:至|到|～|~|—|–)\s*(?P<other>\S.*)$")
_PART = re.compile(r"(?:之间|间)?(?:的)?(?:线路|线段|区段|段|导线|电缆)?$")
_LAST = re.compile(r"(?:\d+|[A-Za-z]+\d+)\s*(?:号杆|#杆|号|#|杆)?$")


def _ends(name: str) -> tuple[tuple[str, str], ...] | None:
    """城东线12号杆至35号杆 as its two ends; the second may leave out the name of the line."""
    found = _TO.match(name)
    if found is None:
        return None
    one, other = found["one"], _PART.sub("", found["other"])
    line = _LAST.sub("", one)
    return (one, other), (one, f"{line}{other}")


def _together(areas: Sequence[WorkArea]) -> WorkArea:
    """Several places of work as one; switches count only where nothing else is worked on."""
    solid = [area for area in areas if not area.is_switching_only]
    found = [zone for area in solid or areas for zone in area.zones]
    return WorkArea(
        label="、".join(area.label for area in areas),
        zones=_unique(found),
        kv=max((area.kv for area in solid or areas), default=0.0),
        is_switching_only=not solid,
    )


def energised(traced: trace.Trace, area: WorkArea) -> tuple[bool, ...] | None:
    """Whether any part of the work area is live, before the plan and after each step.

    What hangs on equipment beyond the model counts as live: nobody may work there.
    None for a target that is nothing but switches.
    """
    if area.is_switching_only:
        return None
    feeds = [traced.feeds_at(zone) for zone in area.zones]
    return tuple(
        any(state) for state in zip(*([bool(f) for f in row] for row in feeds), strict=True)
    )


def named(kind: str, names: str | Sequence[str]) -> Target:
    """A target from plain words, as in ``cases.json``. Raises ``ValueError`` on another kind."""
    listed = (names,) if isinstance(names, str) else tuple(names)
    found = TargetKind(kind)
    if not listed or (found is TargetKind.BETWEEN and len(listed) != 2):
        raise ValueError(f"a target of kind {kind} does not go with {len(listed)} names")
    return Target(kind=found, names=listed)


def _unique(found: Sequence[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(found))


def _kv(network: model.Network, nodes: Sequence[int]) -> float:
    """The highest nominal voltage among the nodes: work on a transformer is work at its high side."""
    return max((network.node_kv[node] for node in nodes), default=0.0)


def _area_kv(network: model.Network, names: Sequence[str]) -> float:
    nodes: list[int] = []
    for name in names:
        area = network.area(name)
        nodes += network.area_nodes[area]
        for branch in network.area_transformers[area]:
            nodes += network.ends(branch)
    return _kv(network, nodes)


def _path(graph: zones.ZoneGraph, start: int, end: int) -> tuple[int, ...]:
    """The zones along the shortest closed way from one zone to another."""
    came: dict[int, int] = {start: start}
    queue = [start]
    for zone in queue:
        if zone == end:
            break
        for link in graph.zone_links[zone]:
            if graph.link_state[link] in (zones.CLOSED, zones.CLOSED_HEAD):
                other = graph.link_a[link] + graph.link_b[link] - zone
                if other not in came:
                    came[other] = zone
                    queue.append(other)
    if end not in came:
        raise NoPath("两端之间没有合上的通路 / no closed path joins the two ends")
    path = [end]
    while path[-1] != start:
        path.append(came[path[-1]])
    return tuple(reversed(path))
