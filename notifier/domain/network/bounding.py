"""Proposing switches: which to open around a work target, and which ties keep people supplied.

A proposal is arithmetic on the model, for a person to confirm: it knows nothing of load,
protection, interlocking or of who stands where.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.domain import errors
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, steps, target, trace, zones

LOW_VOLTAGE_KV = 1.0


class CannotBound(errors.Conflict):
    """No switches make the target dead: it is joined to a source without one between."""

    code = "network.cannot_bound"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposal:
    """Switches to operate in one order, by id, with what it does.

    ``alternatives`` names for each tie the others that would revive the same people.
    """

    order: steps.Order
    opens: tuple[str, ...]
    closes: tuple[str, ...]
    alternatives: dict[str, tuple[str, ...]]
    verdict: classify.Verdict

    @property
    def out(self) -> int:
        """Customers dead for the whole window."""
        return self.verdict.counts.get(ImpactClass.OUT, 0)

    @property
    def short(self) -> int:
        """Customers dead for seconds at transfer, and again at transfer-back."""
        return self.verdict.counts.get(ImpactClass.SHORT, 0)

    @property
    def unaffected(self) -> int:
        """Customers to whom nothing happens."""
        return self.verdict.counts.get(ImpactClass.UNAFFECTED, 0)


def propose(graph: zones.ZoneGraph, work: target.WorkArea) -> tuple[Proposal, ...]:
    """The ways to make the work area dead, fewest people out first, then fewest short.

    Always isolation alone; where ties exist, the same with transfers, by open and closed
    transition. Raises ``CannotBound`` when no set of switches isolates the target.
    """
    opens, area = bounding_switches(graph, work)
    alone = _proposal(graph, steps.Order.OPEN, opens, (), {})
    live = target.energised(alone.verdict.trace, area)
    if live is not None and live[-1]:
        raise CannotBound(
            f"{work.label} 与电源之间没有可以拉开的开关 / "
            f"no switch stands between {work.label} and a source"
        )
    found = [alone]
    closes, alternatives = _ties(graph, alone.verdict, set(area.zones))
    closes = _needed(graph, opens, closes, alone)
    if closes:
        kept = {tie: alternatives.get(tie, ()) for tie in closes}
        found += [
            _proposal(graph, order, opens, closes, kept)
            for order in (steps.Order.OPEN, steps.Order.CLOSED)
        ]
    return tuple(sorted(found, key=lambda proposal: (proposal.out, proposal.short)))


def bounding_switches(
    graph: zones.ZoneGraph, work: target.WorkArea
) -> tuple[tuple[str, ...], target.WorkArea]:
    """The closed switches around a work area by id, and the area as it grew.

    Every closed switch met is opened, also one between two places of work: each is then isolated by
    itself. The area grows over branches that nobody can open. Low-voltage switches stay closed when the
    work is at a higher voltage: nothing feeds the area from there.
    """
    network = graph.network
    area = dict.fromkeys(work.zones)
    opens: dict[str, None] = {}
    queue = list(area)
    for zone in queue:
        for link in graph.zone_links[zone]:
            branch = graph.link_branch[link]
            if graph.link_state[link] not in (zones.CLOSED, zones.CLOSED_HEAD):
                continue
            if network.is_switch(branch):
                if not _is_low(graph, branch, work):
                    opens[network.branch_ids[branch]] = None
                continue
            other = graph.link_a[link] + graph.link_b[link] - zone
            if other not in area:
                area[other] = None
                queue.append(other)
    grown = target.WorkArea(
        label=work.label,
        zones=tuple(area),
        kv=work.kv,
        is_switching_only=False,
    )
    return tuple(opens), grown


def _is_low(graph: zones.ZoneGraph, branch: int, work: target.WorkArea) -> bool:
    network = graph.network
    kv = [network.node_kv[node] for node in network.ends(branch)]
    return work.kv >= LOW_VOLTAGE_KV and all(0 < value < LOW_VOLTAGE_KV for value in kv)


def _proposal(
    graph: zones.ZoneGraph,
    order: steps.Order,
    opens: Sequence[str],
    closes: Sequence[str],
    alternatives: dict[str, tuple[str, ...]],
) -> Proposal:
    traced = trace.trace(graph, steps.in_order(order, opens, closes))
    return Proposal(
        order=order,
        opens=tuple(opens),
        closes=tuple(closes),
        alternatives=alternatives,
        verdict=classify.classify(traced),
    )


def _ties(
    graph: zones.ZoneGraph, verdict: classify.Verdict, area: set[int]
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Open switches that revive the dead pieces, one a piece; pieces may revive one another."""
    pieces = [
        block
        for block in verdict.trace.blocks
        if not block.feeds[-1] and area.isdisjoint(block.zones)
    ]
    dead = {zone: number for number, block in enumerate(pieces) for zone in block.zones}
    waiting = set(range(len(pieces)))
    closes: list[str] = []
    alternatives: dict[str, tuple[str, ...]] = {}
    while waiting:
        revived = False
        for number in sorted(waiting):
            candidates = _candidates(graph, verdict, pieces[number], dead, waiting, area)
            if not candidates:
                continue
            closes.append(candidates[0])
            alternatives[candidates[0]] = tuple(candidates[1:])
            waiting.discard(number)
            revived = True
        if not revived:
            break
    return tuple(closes), alternatives


def _candidates(
    graph: zones.ZoneGraph,
    verdict: classify.Verdict,
    piece: trace.Block,
    dead: dict[int, int],
    waiting: set[int],
    area: set[int],
) -> list[str]:
    """Ties from a dead piece to anything live, the most trustworthy first."""
    network = graph.network
    found: list[tuple[bool, bool, str]] = []
    for zone in piece.zones:
        for link in graph.zone_links[zone]:
            if graph.link_state[link] not in (zones.OPEN, zones.OPEN_HEAD):
                continue
            other = graph.link_a[link] + graph.link_b[link] - zone
            if other in area:
                continue
            if dead.get(other) in waiting if other in dead else False:
                continue
            feeds = verdict.trace.feeds_at(other)[-1]
            if other not in dead and not zones.is_live(feeds):
                continue
            branch = graph.link_branch[link]
            # A tie on the feeder that fed the piece anyway needs no paralleling of two feeders.
            same_feeder = bool(piece.feeds[0] & feeds)
            partial = branch in network.partial_phases
            found.append((partial, not same_feeder, network.branch_ids[branch]))
    return [tie for _, _, tie in sorted(set(found))]


def _needed(
    graph: zones.ZoneGraph, opens: Sequence[str], closes: Sequence[str], alone: Proposal
) -> tuple[str, ...]:
    """Ties without those that keep nobody supplied."""
    kept = list(closes)
    if not kept:
        return ()
    best = _proposal(graph, steps.Order.OPEN, opens, kept, {}).out
    if best == alone.out:
        return ()
    for tie in reversed(closes):
        fewer = [other for other in kept if other != tie]
        if _proposal(graph, steps.Order.OPEN, opens, fewer, {}).out == best:
            kept = fewer
    return tuple(kept)
