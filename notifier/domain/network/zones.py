"""The zone graph: the network contracted twice, so that a plan is traced without walking it all.

A *zone* is a set of nodes joined by branches that no plan can open.
A *link* joins two zones: an in-service switch, or the head branch of a feeder, whatever its kind.
A *patch* is a set of zones joined by links that are closed in the normal state, heads left out;
the patches that hold a source make up the source zone, the others are the feeders' bodies.
Whatever a plan does not touch keeps its patch, and everybody in a patch shares one fate.

*Feeds* of a place are the set F of ``docs/network.md``: the heads by which supply comes, or the
source zone itself. An empty set is dead. A number from ``FIRST_BOUNDARY`` downwards says that the
place hangs on a node beyond which the model ends: supply may come from there, nobody knows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from notifier.domain.network import model

Feeds = frozenset[int]

SOURCE = -1
"""Stands in a set of feeds for the source zone itself."""

FIRST_BOUNDARY = -2

DEAD: Feeds = frozenset()
AT_SOURCE: Feeds = frozenset({SOURCE})

OPEN, CLOSED, OPEN_HEAD, CLOSED_HEAD = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZoneGraph:
    """The contracted network in its normal state, or in the state a status file says.

    Columns run over nodes, zones, links or patches as their names tell; ``…_start`` columns are
    offsets into the list beside them. ``link_state`` is OPEN, CLOSED, OPEN_HEAD or CLOSED_HEAD.
    ``special`` are the customers that stand at more than one node, by zone; ``by_feeder`` those of
    whom only the feeder is known, by its head link; all others are in ``zone_customers``.
    ``dead`` counts the customers without supply.
    """

    network: model.Network
    zone_of_node: array[int]
    zone_links: Sequence[Sequence[int]]
    zone_customer_start: array[int]
    zone_customers: array[int]
    zone_areas: Mapping[int, Sequence[int]]
    source_zones: frozenset[int]
    boundary_zones: Mapping[int, Feeds]
    special: Mapping[int, Sequence[int]]
    special_dead: frozenset[int]
    by_feeder: Mapping[int, Sequence[int]]
    link_branch: array[int]
    link_a: array[int]
    link_b: array[int]
    link_state: bytearray
    link_of_branch: Mapping[int, int]
    patch_of_zone: array[int]
    patch_start: array[int]
    patch_zones: array[int]
    patch_heads: Mapping[int, Sequence[int]]
    patch_boundary: Mapping[int, Feeds]
    patch_feeds: Sequence[Feeds]
    source_patches: frozenset[int]
    dead: int
    feeder_names: Mapping[int, str]

    @property
    def patch_count(self) -> int:
        return len(self.patch_start) - 1

    @property
    def zone_count(self) -> int:
        return len(self.zone_links)

    def zones_of(self, patch: int) -> Sequence[int]:
        """The zones of one patch."""
        return self.patch_zones[self.patch_start[patch] : self.patch_start[patch + 1]]

    def customers_of(self, zone: int) -> Sequence[int]:
        """The customers of one zone that stand nowhere else."""
        start = self.zone_customer_start
        return self.zone_customers[start[zone] : start[zone + 1]]

    def normal_feeds(self, zone: int) -> Feeds:
        """The feeds of a zone in the state the graph was built in."""
        return self.patch_feeds[self.patch_of_zone[zone]]

    def zones_of_branch(self, branch: int) -> tuple[int, int]:
        """The zones at the two ends of a branch; the same one twice when it lies inside."""
        network = self.network
        return (
            self.zone_of_node[network.branch_from[branch]],
            self.zone_of_node[network.branch_to[branch]],
        )

    def feeds_text(self, feeds: Feeds) -> str:
        """Feeds as feeder names joined by ``+``; ``@`` is the source zone, ``?`` the unknown."""
        words = set()
        for feed in feeds:
            if feed == SOURCE:
                words.add("@")
            elif feed <= FIRST_BOUNDARY:
                words.add("?")
            else:
                words.add(self.feeder_names[feed])
        return "+".join(sorted(words))


def build(network: model.Network, overlay: Mapping[int, bool] | None = None) -> ZoneGraph:
    """Contracts the network. ``overlay`` says by branch which switches really are open."""
    heads: dict[int, list[str]] = {}
    for feeder in network.feeders:
        heads.setdefault(feeder.head, []).append(feeder.id)
    zone_of_node, zone_count = _contract(network, heads)
    links = _link(network, zone_of_node, heads, overlay or {})
    zone_links = _zone_links(links, zone_count)
    source_zones = frozenset(zone_of_node[node] for node in network.sources)
    boundary = _boundary(network, zone_of_node)
    patch_of_zone, patch_start, patch_zones = _patches(zone_links, links)
    patch_heads: dict[int, list[int]] = {}
    for link, state in enumerate(links.state):
        if state >= OPEN_HEAD and links.a[link] != links.b[link]:
            for patch in {patch_of_zone[links.a[link]], patch_of_zone[links.b[link]]}:
                patch_heads.setdefault(patch, []).append(link)
    patch_boundary: dict[int, Feeds] = {}
    for zone, marks in boundary.items():
        patch = patch_of_zone[zone]
        patch_boundary[patch] = patch_boundary.get(patch, DEAD) | marks
    source_patches = frozenset(patch_of_zone[zone] for zone in source_zones)
    patch_count = len(patch_start) - 1
    feeds = solve(
        range(patch_count),
        source_patches,
        patch_boundary,
        [
            (link, patch_of_zone[links.a[link]], patch_of_zone[links.b[link]])
            for link, state in enumerate(links.state)
            if state == CLOSED_HEAD
        ],
        [],
    )
    patch_feeds = [feeds.get(patch, DEAD) for patch in range(patch_count)]
    normal = [patch_feeds[patch] for patch in patch_of_zone]
    special = _special(network, zone_of_node)
    start, customers = _customers(network, zone_of_node, zone_count, special)
    special_dead = frozenset(
        customer
        for customer in special
        if not any(is_live(normal[zone_of_node[node]]) for node in supply_nodes(network, customer))
    )
    dead = len(special_dead) + sum(
        start[zone + 1] - start[zone] for zone in range(zone_count) if not is_live(normal[zone])
    )
    by_zone: dict[int, list[int]] = {}
    for customer, zones in special.items():
        for zone in zones:
            by_zone.setdefault(zone, []).append(customer)
    by_feeder: dict[int, list[int]] = {}
    for customer, head in network.by_feeder.items():
        if head in links.of_branch:
            by_feeder.setdefault(links.of_branch[head], []).append(customer)
    return ZoneGraph(
        network=network,
        zone_of_node=zone_of_node,
        zone_links=zone_links,
        zone_customer_start=start,
        zone_customers=customers,
        zone_areas=_areas(network, zone_of_node),
        source_zones=source_zones,
        boundary_zones=boundary,
        special=by_zone,
        special_dead=special_dead,
        by_feeder=by_feeder,
        link_branch=links.branch,
        link_a=links.a,
        link_b=links.b,
        link_state=links.state,
        link_of_branch=links.of_branch,
        patch_of_zone=patch_of_zone,
        patch_start=patch_start,
        patch_zones=patch_zones,
        patch_heads=patch_heads,
        patch_boundary=patch_boundary,
        patch_feeds=patch_feeds,
        source_patches=source_patches,
        dead=dead,
        feeder_names={
            links.of_branch[head]: "+".join(names)
            for head, names in heads.items()
            if head in links.of_branch
        },
    )


def is_live(feeds: Feeds) -> bool:
    """Whether supply is certain."""
    return any(feed >= SOURCE for feed in feeds)


def is_unknown(feeds: Feeds) -> bool:
    """Whether supply hangs on what lies beyond the model."""
    return bool(feeds) and not is_live(feeds)


def supply_nodes(network: model.Network, customer: int) -> tuple[int, ...]:
    """The nodes from which one customer is supplied: the main one, then the standby."""
    main = network.customer_node[customer]
    standby = network.standby.get(customer)
    return (main,) if standby is None else (main, standby)


def solve(
    places: Iterable[int],
    sources: Iterable[int],
    boundary: Mapping[int, Feeds],
    heads: Sequence[tuple[int, int, int]],
    ties: Sequence[tuple[int, int]],
) -> dict[int, Feeds]:
    """The feeds of each place that has any, given the closed joins between them.

    ``heads`` are (link, place, place) of closed feeder heads, ``ties`` pairs joined by any other
    closed switch. The source zone grows from ``sources`` by ties alone; the rest falls apart into
    islands, and an island is fed by every head that joins it to the source zone.
    """
    known = places if isinstance(places, (range, set, frozenset, dict)) else set(places)
    in_source = {place for place in sources if place in known}
    if ties:
        by_tie: dict[int, list[int]] = {}
        for a, b in ties:
            by_tie.setdefault(a, []).append(b)
            by_tie.setdefault(b, []).append(a)
        queue = list(in_source)
        while queue:
            for other in by_tie.get(queue.pop(), ()):
                if other not in in_source:
                    in_source.add(other)
                    queue.append(other)
    root: dict[int, int] = {}

    def find(place: int) -> int:
        while (up := root.get(place, place)) != place:
            root[place] = place = root.get(up, up)
        return place

    entries: list[tuple[int, int]] = []
    for link, a, b in heads:
        if a in in_source:
            if b not in in_source:
                entries.append((link, b))
        elif b in in_source:
            entries.append((link, a))
        else:
            root[find(a)] = find(b)
    for a, b in ties:
        if a not in in_source and b not in in_source:
            root[find(a)] = find(b)
    fed: dict[int, set[int]] = {}
    for link, place in entries:
        fed.setdefault(find(place), set()).add(link)
    for place, marks in boundary.items():
        if place in known and place not in in_source:
            fed.setdefault(find(place), set()).update(marks)
    frozen = {place: frozenset(links) for place, links in fed.items()}
    feeds = dict.fromkeys(in_source, AT_SOURCE)
    for place in [*root, *frozen]:
        if place not in in_source:
            found = frozen.get(find(place))
            if found is not None:
                feeds[place] = found
    return feeds


@dataclass(frozen=True, slots=True)
class _Links:
    branch: array[int]
    a: array[int]
    b: array[int]
    state: bytearray
    of_branch: dict[int, int]


def _contract(network: model.Network, heads: Mapping[int, object]) -> tuple[array[int], int]:
    """Union-find over the nodes; gives the zone of each node and how many zones there are."""
    parent = list(range(len(network.node_ids)))
    switch = model.BranchKind.SWITCH.value
    ends = zip(
        network.branch_kind, network.in_service, network.branch_from, network.branch_to, strict=True
    )
    for branch, (kind, in_service, a, b) in enumerate(ends):
        if kind == switch or not in_service or branch in heads:
            continue
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        while parent[b] != b:
            parent[b] = b = parent[parent[b]]
        if a != b:
            parent[b] = a
    number = array("i", [-1]) * len(parent)
    zone_of_node = array("i", bytes(4 * len(parent)))
    count = 0
    for node in range(len(parent)):
        top = node
        while parent[top] != top:
            parent[top] = top = parent[parent[top]]
        if number[top] < 0:
            number[top] = count
            count += 1
        zone_of_node[node] = number[top]
    return zone_of_node, count


def _link(
    network: model.Network,
    zone_of_node: array[int],
    heads: Mapping[int, object],
    overlay: Mapping[int, bool],
) -> _Links:
    links = _Links(array("i"), array("i"), array("i"), bytearray(), {})
    switch = model.BranchKind.SWITCH.value
    columns = zip(network.branch_kind, network.in_service, strict=True)
    for branch, (kind, in_service) in enumerate(columns):
        if not in_service or (kind != switch and branch not in heads):
            continue
        is_open = kind == switch and overlay.get(branch, bool(network.normal_open[branch]))
        links.of_branch[branch] = len(links.branch)
        links.branch.append(branch)
        links.a.append(zone_of_node[network.branch_from[branch]])
        links.b.append(zone_of_node[network.branch_to[branch]])
        if branch in heads:
            links.state.append(OPEN_HEAD if is_open else CLOSED_HEAD)
        else:
            links.state.append(OPEN if is_open else CLOSED)
    return links


def _zone_links(links: _Links, zone_count: int) -> list[tuple[int, ...]]:
    """The links at each zone; tuples of numbers, which the garbage collector need not walk."""
    found: list[list[int]] = [[] for _ in range(zone_count)]
    for link, (a, b) in enumerate(zip(links.a, links.b, strict=True)):
        if a != b:
            found[a].append(link)
            found[b].append(link)
    return [tuple(numbers) for numbers in found]


def _patches(
    zone_links: Sequence[Sequence[int]], links: _Links
) -> tuple[array[int], array[int], array[int]]:
    patch_of_zone = array("i", [-1]) * len(zone_links)
    start, zones = array("i", [0]), array("i")
    state, link_a, link_b = links.state, links.a, links.b
    for seed in range(len(zone_links)):
        if patch_of_zone[seed] >= 0:
            continue
        patch = len(start) - 1
        patch_of_zone[seed] = patch
        queue = [seed]
        for zone in queue:
            for link in zone_links[zone]:
                if state[link] == CLOSED:
                    other = link_a[link] + link_b[link] - zone
                    if patch_of_zone[other] < 0:
                        patch_of_zone[other] = patch
                        queue.append(other)
        zones.extend(queue)
        start.append(len(zones))
    return patch_of_zone, start, zones


def _boundary(network: model.Network, zone_of_node: array[int]) -> dict[int, Feeds]:
    marks: dict[int, set[int]] = {}
    for node in network.boundary:
        marks.setdefault(zone_of_node[node], set()).add(FIRST_BOUNDARY - node)
    return {zone: frozenset(found) for zone, found in marks.items()}


def _special(network: model.Network, zone_of_node: array[int]) -> dict[int, set[int]]:
    special: dict[int, set[int]] = {}
    for customer in [*network.standby, *network.other_places, *network.by_feeder]:
        nodes = [*supply_nodes(network, customer), *network.other_places.get(customer, ())]
        special[customer] = {zone_of_node[node] for node in nodes}
    return special


def _customers(
    network: model.Network, zone_of_node: array[int], zone_count: int, special: Mapping[int, object]
) -> tuple[array[int], array[int]]:
    """Customers sorted by zone, with the offset at which each zone starts (a counting sort)."""
    start = array("i", bytes(4 * (zone_count + 1)))
    for customer, node in enumerate(network.customer_node):
        if customer not in special:
            start[zone_of_node[node] + 1] += 1
    for zone in range(zone_count):
        start[zone + 1] += start[zone]
    place = array("i", start)
    customers = array("i", bytes(4 * start[-1]))
    for customer, node in enumerate(network.customer_node):
        if customer not in special:
            zone = zone_of_node[node]
            customers[place[zone]] = customer
            place[zone] += 1
    return start, customers


def _areas(network: model.Network, zone_of_node: array[int]) -> dict[int, tuple[int, ...]]:
    by_zone: dict[int, list[int]] = {}
    for area, nodes in enumerate(network.area_nodes):
        for zone in {zone_of_node[node] for node in nodes}:
            by_zone.setdefault(zone, []).append(area)
    return {zone: tuple(areas) for zone, areas in by_zone.items()}
