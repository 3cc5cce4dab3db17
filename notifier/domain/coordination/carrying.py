"""Which ties carry the healthy parts of a feeder while people work on one of its sections: by the trace.

The switches around the place of work are opened, and what is dead beyond them is joined to other feeders
by normally open ties, one a piece, so that everything stays radial. Arithmetic on the model: it
has neither ratings nor loads, so nobody has looked at whether the tie feeder can bear it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifier.domain import finding
from notifier.domain.impact import ImpactClass
from notifier.domain.network import bounding, classify, model, steps, target, trace, zones

#: So many feeders are offered for one work, those that keep most people supplied.
MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Carried:
    """Steps that make a place of work dead, and what they do; ``feeders`` (the model's numbers) carry
    what is short, none where nothing is transferred or a busbar carries it."""

    steps: tuple[steps.Step, ...]
    feeders: tuple[int, ...]
    verdict: classify.Verdict

    @property
    def closes(self) -> bool:
        """Whether any tie is closed: else it is isolation alone."""
        return any(step.action is steps.Action.CLOSE for step in self.steps)

    @property
    def harm(self) -> tuple[int, int]:
        """Customers and areas dead for the whole window."""
        areas = self.verdict.areas()
        out = self.verdict.counts.get(ImpactClass.OUT, 0)
        return out, len(areas.out) + len(areas.unknown)


def carried(graph: zones.ZoneGraph, work: target.WorkArea) -> tuple[Carried, ...]:
    """What is dead beyond the place of work carried by one other feeder, or by several where that keeps
    more people supplied: up to ``MOST`` ways, least harm first, the same order every time; and last
    isolation alone. Empty where nothing isolates the place of work, or a part of the answer lies beyond
    the model. Some traces: milliseconds."""
    if work.is_switching_only:
        return ()
    opens, area = bounding.bounding_switches(graph, work)
    alone = _tried(graph, opens, ())
    if not _is_sound(alone, area, len(opens)):
        return ()
    pieces = _Pieces(graph, alone.verdict.trace, area)

    def tied(feeds: Sequence[int]) -> Carried | None:
        closes = pieces.closes(feeds)
        way = _needed(graph, opens, closes, _tried(graph, opens, closes))
        is_sound = _is_sound(way, area, len(opens)) and _is_radial(way.verdict.trace)
        return way if is_sound and way.harm < alone.harm else None

    by_feed = [(feed, way) for feed in pieces.feeds() if (way := tied([feed])) is not None]
    by_feed.sort(key=lambda one: _order(one[1]))
    found = [way for _, way in by_feed]
    if len(found) > 1:
        together = tied([feed for feed, _ in by_feed])
        if together is not None and together.harm < found[0].harm:
            found.insert(0, together)
    return (*found[:MOST], alone)


def carriers(graph: zones.ZoneGraph, verdict: classify.Verdict) -> tuple[int, ...]:
    """The feeders (the model's numbers) that carry those to whom steps bring supply back from elsewhere,
    those with most customers first; none where nobody is transferred, or a busbar carries them."""
    start = graph.zone_customer_start
    counted: dict[int, int] = {}
    for block, impact_class in verdict.blocks:
        if impact_class in (ImpactClass.SHORT, ImpactClass.TRANSFERRED_LIVE):
            size = sum(start[zone + 1] - start[zone] for zone in block.zones)
            for feed in block.feeds[-1]:
                counted[feed] = counted.get(feed, 0) + size
    feeds = sorted(counted, key=lambda feed: (-counted[feed], feed))
    return tuple(number for feed in feeds if (number := feeder_of(graph, feed)) is not None)


class _Pieces:
    """What is dead beyond the place of work, and the open switches by which it could live."""

    def __init__(self, graph: zones.ZoneGraph, traced: trace.Trace, area: target.WorkArea) -> None:
        self._graph = graph
        self._traced = traced
        self._area = set(area.zones)
        self._is_low = 0 < area.kv < bounding.LOW_VOLTAGE_KV
        self._pieces = [
            block
            for block in traced.blocks
            if not block.feeds[-1] and self._area.isdisjoint(block.zones)
        ]
        self._piece_of: Mapping[int, int] = {
            zone: number for number, block in enumerate(self._pieces) for zone in block.zones
        }
        self._ties = [tuple(self._ties_of(block)) for block in self._pieces]

    def feeds(self) -> list[int]:
        """The feeds that stand behind any tie, ascending."""
        return sorted({feed for ties in self._ties for _, _, feed in ties if feed is not None})

    def closes(self, feeds: Sequence[int]) -> tuple[str, ...]:
        """The ties that give the pieces these feeds and no others, one a piece, from piece to piece; each
        feed reaches as far as it can before the next has its turn."""
        waiting = dict.fromkeys(range(len(self._pieces)))
        closes: list[str] = []
        for feed in feeds:
            closes += self._grown(feed, waiting)
        return tuple(closes)

    def _grown(self, feed: int, waiting: dict[int, None]) -> Iterator[str]:
        is_growing = True
        while is_growing:
            is_growing = False
            for number in list(waiting):
                fitting = [
                    name
                    for name, piece, behind in self._ties[number]
                    if behind == feed or (piece is not None and piece not in waiting)
                ]
                if fitting:
                    yield min(fitting)
                    del waiting[number]
                    is_growing = True

    def _ties_of(self, block: trace.Block) -> Iterator[tuple[str, int | None, int | None]]:
        """Ties by id, with the dead piece or the one feed that stands behind each."""
        graph, network = self._graph, self._graph.network
        for zone in block.zones:
            for link in graph.zone_links[zone]:
                branch = graph.link_branch[link]
                if graph.link_state[link] not in (zones.OPEN, zones.OPEN_HEAD):
                    continue
                # A tie with fewer than three phases proves no transfer; one at low voltage feeds nothing
                # but its own board.
                if branch in network.partial_phases or self._feeds_back(branch):
                    continue
                other = graph.link_a[link] + graph.link_b[link] - zone
                name = network.branch_ids[branch]
                if other in self._piece_of:
                    if graph.link_state[link] == zones.OPEN:
                        yield name, self._piece_of[other], None
                elif other not in self._area:
                    feed = self._behind(link, other)
                    if feed is not None:
                        yield name, None, feed

    def _behind(self, link: int, zone: int) -> int | None:
        """The one feed of a live place; None where it is dead, looped or beyond the model."""
        feeds = self._traced.feeds_at(zone)[-1]
        if len(feeds) != 1 or not zones.is_live(feeds):
            return None
        (feed,) = feeds
        if self._graph.link_state[link] == zones.OPEN_HEAD:
            return link if feed == zones.SOURCE else None
        return feed

    def _feeds_back(self, branch: int) -> bool:
        network = self._graph.network
        kv = [network.node_kv[node] for node in network.ends(branch)]
        return not self._is_low and all(0 < value < bounding.LOW_VOLTAGE_KV for value in kv)


def _tried(graph: zones.ZoneGraph, opens: Sequence[str], closes: Sequence[str]) -> Carried:
    plan = steps.in_order(steps.Order.OPEN, opens, closes)
    verdict = classify.classify(trace.trace(graph, plan))
    return Carried(steps=plan, feeders=carriers(graph, verdict) if closes else (), verdict=verdict)


def _order(way: Carried) -> tuple[tuple[int, int], int, list[str]]:
    """Least harm first, then fewest steps; the names decide among equals."""
    return way.harm, len(way.steps), [step.switch for step in way.steps]


def _needed(
    graph: zones.ZoneGraph, opens: Sequence[str], closes: Sequence[str], whole: Carried
) -> Carried:
    """The way without those of its ties that keep nobody supplied."""
    best, kept = whole, list(closes)
    for tie in reversed(closes) if len(closes) > 1 else ():
        fewer = [other for other in kept if other != tie]
        way = _tried(graph, opens, fewer)
        if way.harm == whole.harm:
            best, kept = way, fewer
    return best


def _is_sound(way: Carried, area: target.WorkArea, opened: int) -> bool:
    """Whether the place of work is dead from the last opening on, and nothing hangs on the unknown."""
    traced = way.verdict.trace
    live = target.energised(traced, area)
    if live is None or any(live[opened:]) or finding.has_errors(traced.findings):
        return False
    return not any(block.is_partly_known for block in traced.walked)


def _is_radial(traced: trace.Trace) -> bool:
    """Whether nothing ends up with more feeds than it had, and what was transferred with one."""
    return all(len(block.feeds[-1]) <= max(1, len(block.feeds[0])) for block in traced.walked)


def feeder_of(graph: zones.ZoneGraph, feed: int) -> int | None:
    """The feeder (the model's number) whose head this feed is; None for the source zone."""
    if feed < 0:
        return None
    branch = graph.link_branch[feed]
    feeders: Sequence[model.Feeder] = graph.network.feeders
    return next((at for at, feeder in enumerate(feeders) if feeder.head == branch), None)
