"""From feeds to classes: what becomes of each customer and each transformer area under a plan.

The definitions are those of ``docs/network.md``, first that fits. ``unaffected`` and
``dead_before`` are counted and not listed: nobody is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from notifier.domain.impact import ImpactClass
from notifier.domain.network import trace, zones
from notifier.domain.network.trace import Block

QUIET = frozenset({ImpactClass.UNAFFECTED, ImpactClass.DEAD_BEFORE})
"""Classes in which nothing happens to the customer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """Everybody's class under one order of one plan.

    ``blocks`` pairs each changing block with the class of those who stand there alone;
    ``special`` are customers of several nodes by index, with their class.
    ``unsupplied`` counts customers without certain supply before the plan and after each step.
    """

    trace: trace.Trace
    blocks: Sequence[tuple[Block, ImpactClass]]
    special: Mapping[int, ImpactClass]
    counts: Mapping[ImpactClass, int]
    unsupplied: tuple[int, ...]
    _areas: dict[str, "AreaVerdict"] = field(default_factory=dict)

    def affected(self) -> dict[int, ImpactClass]:
        """The class of every customer to whom something happens, by customer index."""
        graph = self.trace.graph
        classes: dict[int, ImpactClass] = {}
        for block, impact_class in self.blocks:
            if impact_class in QUIET:
                continue
            for zone in block.zones:
                for customer in graph.customers_of(zone):
                    classes[customer] = impact_class
        special = {c: found for c, found in self.special.items() if found not in QUIET}
        return classes | special

    def areas(self) -> "AreaVerdict":
        """The areas out, short and partly out; worked out when first asked for."""
        if "" not in self._areas:
            self._areas[""] = _areas(self)
        return self._areas[""]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaVerdict:
    """Transformer areas by index, each list in the model's order.

    ``partly_out``: the area keeps supply and some of its customers do not.
    ``unknown``: whether it keeps supply hangs on what lies beyond the model.
    """

    out: tuple[int, ...]
    short: tuple[int, ...]
    partly_out: tuple[int, ...]
    unknown: tuple[int, ...]


def classify(traced: trace.Trace, *, automatic_changeover: bool = True) -> Verdict:
    """The verdict on a trace.

    Without ``automatic_changeover`` a customer with a standby supply is dead while somebody
    changes over by hand, so losing the main supply counts as an interruption.
    """
    graph = traced.graph
    unsupplied = [graph.dead] * traced.state_count
    counts: dict[ImpactClass, int] = {}
    blocks = []
    gained = 0
    special: dict[int, None] = {}
    for block in traced.blocks:
        impact_class = class_of(block.feeds)
        blocks.append((block, impact_class))
        size = _size(graph, block)
        if size:
            counts[impact_class] = counts.get(impact_class, 0) + size
            gained += _count_states(unsupplied, [zones.is_live(f) for f in block.feeds], size)
        if graph.special:
            for zone in block.zones:
                special.update(dict.fromkeys(graph.special.get(zone, ())))
            for head in block.feeds[0] & graph.by_feeder.keys():
                special.update(dict.fromkeys(graph.by_feeder[head]))
    classes: dict[int, ImpactClass] = {}
    for customer in special:
        classes[customer], live = _special_class(traced, customer, automatic_changeover)
        counts[classes[customer]] = counts.get(classes[customer], 0) + 1
        gained += _count_states(unsupplied, live, 1)
    _fill_quiet(graph, counts, gained)
    return Verdict(
        trace=traced,
        blocks=blocks,
        special=classes,
        counts=counts,
        unsupplied=tuple(unsupplied),
    )


def class_of(feeds: Sequence[zones.Feeds]) -> ImpactClass:
    """The class of a customer with one supply, from its feeds before the plan and after each step."""
    before, after = feeds[0], feeds[-1]
    if any(zones.is_unknown(state) for state in feeds) or (
        before != after and any(feed <= zones.FIRST_BOUNDARY for feed in before ^ after)
    ):
        return ImpactClass.UNKNOWN
    if not before:
        return ImpactClass.ENERGISED_BY_PLAN if after else ImpactClass.DEAD_BEFORE
    if not after:
        return ImpactClass.OUT
    if not all(feeds):
        return ImpactClass.SHORT
    if before == after:
        return ImpactClass.UNAFFECTED
    if after < before:
        return ImpactClass.LOST_ONE_SOURCE
    return ImpactClass.PARALLELED if before < after else ImpactClass.TRANSFERRED_LIVE


def class_of_dual(
    supplies: Sequence[Sequence[zones.Feeds]], *, automatic_changeover: bool = True
) -> ImpactClass:
    """The class of a customer with a main and a standby supply, each with its feeds per state."""
    unknown = any(zones.is_unknown(state) for feeds in supplies for state in feeds)
    live = [sum(map(zones.is_live, states)) for states in zip(*supplies, strict=True)]
    if unknown and not (all(live) and len({tuple(s) for s in zip(*supplies, strict=True)}) == 1):
        return ImpactClass.UNKNOWN
    if not live[0]:
        return ImpactClass.ENERGISED_BY_PLAN if live[-1] else ImpactClass.DEAD_BEFORE
    if not live[-1]:
        return ImpactClass.OUT
    main = [zones.is_live(state) for state in supplies[0]]
    if not all(live) or (not automatic_changeover and main[0] and not all(main)):
        return ImpactClass.SHORT
    return ImpactClass.LOST_ONE_SOURCE if live[-1] < live[0] else ImpactClass.UNAFFECTED


def _special_class(
    traced: trace.Trace, customer: int, automatic_changeover: bool
) -> tuple[ImpactClass, list[bool]]:
    """The class of a customer of several nodes, and in which states it is supplied."""
    graph = traced.graph
    network = graph.network
    at = graph.zone_of_node
    supplies = [traced.feeds_at(at[node]) for node in zones.supply_nodes(network, customer)]
    if len(supplies) == 1:
        impact_class = class_of(supplies[0])
    else:
        impact_class = class_of_dual(supplies, automatic_changeover=automatic_changeover)
    for node in network.other_places.get(customer, ()):
        # The account is recorded at several places; only if all agree is the class certain.
        if class_of(traced.feeds_at(at[node])) is not impact_class:
            impact_class = ImpactClass.UNKNOWN
    head = graph.link_of_branch.get(network.by_feeder.get(customer, -1))
    if head is not None:
        # It may stand anywhere on its feeder; only if all of the feeder fares alike is it certain.
        fates = {class_of(block.feeds) for block in traced.walked if head in block.feeds[0]}
        impact_class = fates.pop() if len(fates) == 1 else ImpactClass.UNKNOWN
    live = [any(map(zones.is_live, states)) for states in zip(*supplies, strict=True)]
    return impact_class, live


def _count_states(unsupplied: list[int], live: Sequence[bool], size: int) -> int:
    """Corrects the count of each state for ``size`` customers; returns how many were dead before."""
    base = 0 if live[0] else size
    for state, is_live in enumerate(live):
        unsupplied[state] += (0 if is_live else size) - base
    return base


def _fill_quiet(graph: zones.ZoneGraph, counts: dict[ImpactClass, int], dead_seen: int) -> None:
    """Adds those whom the trace never met: dead as before, or with supply as before."""
    counts[ImpactClass.DEAD_BEFORE] = (
        counts.get(ImpactClass.DEAD_BEFORE, 0) + graph.dead - dead_seen
    )
    counts[ImpactClass.UNAFFECTED] = (
        counts.get(ImpactClass.UNAFFECTED, 0)
        + len(graph.network.customer_ids)
        - sum(counts.values())
    )
    for impact_class in QUIET:
        if not counts[impact_class]:
            del counts[impact_class]


def _size(graph: zones.ZoneGraph, block: trace.Block) -> int:
    start = graph.zone_customer_start
    return sum(start[zone + 1] - start[zone] for zone in block.zones)


def _areas(verdict: Verdict) -> AreaVerdict:
    traced = verdict.trace
    graph = traced.graph
    network = graph.network
    met: set[int] = set()
    for block in traced.blocks:
        for zone in block.zones:
            met.update(graph.zone_areas.get(zone, ()))
    out, short, unknown = [], [], []
    lives: dict[int, bool] = {}
    for area in sorted(met):
        supplies = [traced.feeds_at(graph.zone_of_node[node]) for node in network.area_nodes[area]]
        live = [any(map(zones.is_live, states)) for states in zip(*supplies, strict=True)]
        doubt = [
            not live[state] and any(zones.is_unknown(feeds[state]) for feeds in supplies)
            for state in range(len(live))
        ]
        lives[area] = live[-1]
        if any(doubt):
            unknown.append(area)
        elif live[0] and not live[-1]:
            out.append(area)
        elif live[0] and not all(live):
            short.append(area)
    partly = {
        area
        for area in _areas_with_out(verdict)
        if (lives[area] if area in lives else _lives(graph, area))
    }
    return AreaVerdict(
        out=tuple(out), short=tuple(short), partly_out=tuple(sorted(partly)), unknown=tuple(unknown)
    )


def _areas_with_out(verdict: Verdict) -> set[int]:
    graph = verdict.trace.graph
    area_of = graph.network.customer_area
    found: set[int] = set()
    for block, impact_class in verdict.blocks:
        if impact_class is ImpactClass.OUT:
            for zone in block.zones:
                found.update(area_of[customer] for customer in graph.customers_of(zone))
    found.update(
        area_of[customer]
        for customer, impact_class in verdict.special.items()
        if impact_class is ImpactClass.OUT
    )
    found.discard(-1)
    return found


def _lives(graph: zones.ZoneGraph, area: int) -> bool:
    nodes: Iterable[int] = graph.network.area_nodes[area]
    return any(zones.is_live(graph.normal_feeds(graph.zone_of_node[node])) for node in nodes)
