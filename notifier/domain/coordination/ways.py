"""Other ways of doing a work, with fewer people out: healthy parts of the feeder keep supply or are carried.

A way comes from the trace, with the switching steps that realise it, or from the bureau's own list of
transfers, which knows areas and a tie feeder only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from notifier.domain import names, topology
from notifier.domain.coordination import carrying
from notifier.domain.finding import Finding, Severity
from notifier.domain.network import classify, target, trace
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network.steps import Action, Step
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Areas (by id, ascending) that are ``out`` all the time, and those ``short`` for seconds because
    ``tie_feeders`` carry them (the ledger's names; empty: none is needed, or none is known).

    ``steps`` realise it and ``names`` are the dispatcher's for their switches; without steps it is the
    ledger's word.
    """

    out: tuple[int, ...]
    short: tuple[int, ...]
    tie_feeders: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def steps_as_dicts(self) -> list[dict[str, str]]:
        """The steps as plain JSON values."""
        return [
            {
                "action": step.action.value,
                "switch": step.switch,
                "name": self.names.get(step.switch, step.switch),
            }
            for step in self.steps
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What the network offers for one plan: ``ways``, least harm first, and ``tie_feeders``, which
    carry what the plan's own steps transfer already (empty: nothing, or nobody knows). ``is_leaned_on``:
    the plan's own steps change the supply of a place at a tie by which others would be carried."""

    ways: tuple[Way, ...] = ()
    tie_feeders: tuple[str, ...] = ()
    is_leaned_on: bool = False


def is_open(content: PlanContent) -> bool:
    """Whether the plan leaves open how its place of work is isolated and who is carried meanwhile: it
    transfers nobody by its own words, and names no steps or plain ones."""
    if content.transfers:
        return False
    if content.switching is None:
        return True
    listed = (*content.switching.steps, *content.switching.back)
    return not content.switching.back and all(
        step.action is Action.OPEN and step.planned_at is None for step in listed
    )


def traced(
    held: HeldNetwork,
    content: PlanContent,
    work: target.WorkArea,
    index: NetworkIndex,
    out: Collection[int],
    short: Collection[int],
) -> tuple[Way, ...]:
    """The ways in which fewer areas are out than the plan takes ``out`` now, by the trace.

    Empty where the plan names other feeders than those that supply its place of work: of them the steps
    would say nothing.
    """
    graph = held.graph
    heads = frozenset(feed for zone in work.zones for feed in graph.normal_feeds(zone))
    own = {number for head in heads if (number := carrying.feeder_of(graph, head)) is not None}
    if not _feeders_named(content, index) <= topology.ledger_feeders(held, index, own).keys():
        return ()
    found: list[Way] = []
    items = carrying.carried(graph, work)
    # All of them open the same switches, and so walk all of the work's own feeders.
    met = {
        area
        for block in (items[0].verdict.trace.walked if items else ())
        if block.feeds[0] & heads
        for zone in block.zones
        for area in graph.zone_areas.get(zone, ())
    }
    for item in items:
        way = _way(held, index, item, met, frozenset(out), frozenset(short))
        if set(way.out) < set(out) and (way.short or not item.closes):
            found.append(way)
    return tuple(found)


def carriers(held: HeldNetwork, index: NetworkIndex, plan: Sequence[Step]) -> tuple[str, ...]:
    """The ledger's names of the feeders that carry what a plan's own steps transfer."""
    if all(step.action is Action.OPEN for step in plan):
        return ()
    verdict = classify.classify(trace.trace(held.graph, plan))
    return _named(held, index, carrying.carriers(held.graph, verdict))


def ends(held: HeldNetwork, plan: Sequence[Step]) -> set[int]:
    """The zones on both sides of the ties that some steps close."""
    graph = held.graph
    moves = trace.trace(graph, plan).moves
    return {
        zone
        for step, link in zip(plan, moves, strict=True)
        if step.action is Action.CLOSE and link is not None
        for zone in (graph.link_a[link], graph.link_b[link])
    }


def changes(held: HeldNetwork, plan: Sequence[Step], places: Collection[int]) -> bool:
    """Whether steps change by what any of these zones is fed."""
    traced = trace.trace(held.graph, plan)
    return any(len(set(traced.feeds_at(zone))) > 1 for zone in places)


def listed(
    moved: Collection[int], out: Sequence[int], short: Sequence[int], tie_feeders: tuple[str, ...]
) -> Way:
    """A transfer of the bureau's own list: ``moved`` areas are short instead of out."""
    return Way(
        out=tuple(area for area in out if area not in moved),
        short=tuple(sorted({*short, *moved})),
        tie_feeders=tie_feeders,
    )


def unchecked(offered: Mapping[str, Offered]) -> list[Finding]:
    """One remark a tie feeder: the model has no ratings, so nobody knows what it can bear."""
    plans: dict[str, list[str]] = {}
    for number, item in offered.items():
        for tie in dict.fromkeys(tie for way in item.ways for tie in way.tie_feeders):
            plans.setdefault(tie, []).append(number)
    return [
        Finding(
            code="coordination.capacity_not_checked",
            severity=Severity.INFO,
            found=f"{tie}：{'、'.join(numbers[:5])}{'…' if len(numbers) > 5 else ''}",
            expected="模型没有额定值和负荷，采纳转供前核对联络线路的承载能力 / "
            "the model has no ratings or loads: check what the tie feeder can bear before accepting",
        )
        for tie, numbers in sorted(plans.items())
    ]


def _feeders_named(content: PlanContent, index: NetworkIndex) -> set[int | None]:
    """The feeders that the plan names as its equipment, by themselves, by an area or by a station; what
    the ledger does not know is a place in the model."""
    found = set[int | None]()
    for item in content.equipment:
        found |= {feeder.id for feeder in index.feeders_named(item.name, item.station)}
        found |= {area.feeder_id for area in index.areas_named(item.name, item.station)}
        for station in index.stations_named(item.name):
            found |= {feeder.id for feeder in index.feeders_of_station.get(station.id, ())}
    return found


def _way(
    held: HeldNetwork,
    index: NetworkIndex,
    item: carrying.Carried,
    met: Collection[int],
    out: frozenset[int],
    short: frozenset[int],
) -> Way:
    """The model's answer in areas of the ledger. What is not among the areas ``met`` on the work's own
    feeders stays as it is."""
    network, verdict = held.graph.network, item.verdict
    areas = verdict.areas()
    dead = {*areas.out, *areas.partly_out, *areas.unknown}
    brief = set(areas.short)
    feeders = {index.areas[area].feeder_id for area in out | short if area in index.areas}
    more = {
        area
        for area in topology.ledger_areas(held, index, dead | brief)
        if index.areas[area].feeder_id in feeders
    }
    now_out, now_short = set[int](), set[int]()
    for area in out | short | more:
        number = _model_area(held, index, area, met)
        if number is None:
            is_out, is_short = area in out, area in short
        else:
            is_out, is_short = number in dead, number in brief
        if is_out:
            now_out.add(area)
        elif is_short:
            now_short.add(area)
    return Way(
        out=tuple(sorted(now_out)),
        short=tuple(sorted(now_short)),
        tie_feeders=_named(held, index, item.feeders),
        steps=item.steps,
        names={step.switch: network.label(network.branch(step.switch)) for step in item.steps},
    )


def _model_area(
    held: HeldNetwork, index: NetworkIndex, area_id: int, met: Collection[int]
) -> int | None:
    """The one area of the model that bears the number, else the name, among those that were met."""
    area = index.areas.get(area_id)
    if area is None:
        return None
    for key in (names.fold(area.code), area.key):
        found = (
            [number for number in held.areas_by_key.get(key, ()) if number in met] if key else []
        )
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _named(held: HeldNetwork, index: NetworkIndex, numbers: Sequence[int]) -> tuple[str, ...]:
    """The ledger's names of feeders of the model, or the model's."""
    known = {
        number: index.feeders[feeder_id].name
        for feeder_id, number in topology.ledger_feeders(held, index, numbers).items()
    }
    feeders = held.graph.network.feeders
    return tuple(
        known.get(number) or feeders[number].name or feeders[number].id for number in numbers
    )
