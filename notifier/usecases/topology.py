"""Matching a plan on the network in force, feeder by feeder, and on the ledger where there is no model.

A plan with switching steps is traced; a plan that only names a place of work on a modelled feeder goes by
ledger, the whole feeder, until somebody confirms one of the proposals (``usecases.proposals``).
Tracing and joining run in a thread: they take some tenths of a second for a hundred thousand customers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from notifier.domain import matching, switching, topology
from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.matching import Match
from notifier.domain.network import model, naming, target
from notifier.domain.network.fates import Fates, fates
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent, PlanKind, Switching
from notifier.domain.switching import Course
from notifier.domain.topology import LedgerPoint
from notifier.ports import Store
from notifier.usecases.trace import located

_Found = TypeVar("_Found")

_OUT = frozenset({ImpactClass.OUT, ImpactClass.UNKNOWN})
_PLACES = frozenset({EquipmentKind.SECTION, EquipmentKind.UNKNOWN})
#: Plans between two looks at ledger and network.
_LOOKED_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TracedPlan:
    """A plan traced on one version; ``accounts`` are those to whom something happens. ``feeder_ids``
    and ``area_ids`` are the ledger's: those that the plan names or touches, by name."""

    held: HeldNetwork
    course: Course
    fates: Fates
    accounts: tuple[str, ...]
    in_model: frozenset[str]
    feeder_ids: frozenset[int]
    area_ids: frozenset[int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Ledger and network as they are, for many plans in a row; ``held`` is None without a network."""

    index: NetworkIndex
    held: HeldNetwork | None


async def world(store: Store, contents: Iterable[PlanContent] | None = None) -> World:
    """Ledger and network as they are now; the network only where one of the plans may be about it."""
    async with store.read() as tx:
        index = await tx.network()
    if store.topology is None or not (contents is None or any(map(_concerns, contents))):
        return World(index=index, held=None)
    return World(index=index, held=await store.topology.in_force())


async def match(
    store: Store, content: PlanContent, *, now: datetime, given: World | None = None
) -> Match:
    """Whom a plan touches, as ledger and network are now, or were when ``given`` was looked up; nothing
    is written. ``now`` (aware) lets an old model be found stale. The plan has windows or spans."""
    (found,) = [item async for item in match_all(store, [(content, now)], given=given)]
    if isinstance(found, Exception):
        raise found
    return found


async def match_all(
    store: Store, asked: Sequence[tuple[PlanContent, datetime]], *, given: World | None = None
) -> AsyncIterator[Match | Exception]:
    """As ``match``, for each plan with its ``now``, in their order; a fault in matching one stands in
    its place and costs no other. Ledger and network are looked at anew every few plans, so that a long
    file does not end on what was true at its beginning."""
    for start in range(0, len(asked), _LOOKED_AT_ONCE):
        some = asked[start : start + _LOOKED_AT_ONCE]
        here = given or await world(store, [content for content, _ in some])
        by_ledger = [content for content, _ in some if _goes_by_ledger(content, here)]
        found = iter(await asyncio.to_thread(_matched_by_ledger, by_ledger, here))
        for content, now in some:
            if _goes_by_ledger(content, here):
                yield next(found)
            else:  # tracing takes its time: each on what holds as it begins
                latest = given or await world(store, [content])
                yield await _by_topology(store, content, latest, now)


def _goes_by_ledger(content: PlanContent, here: World) -> bool:
    return content.switching is None or here.held is None


def _matched_by_ledger(contents: Sequence[PlanContent], here: World) -> list[Match | Exception]:
    return [_tried(_match_by_ledger, content, here) for content in contents]


def _match_by_ledger(content: PlanContent, here: World) -> Match:
    if content.switching is not None:
        return _with(matching.match(content, here.index), _NO_MODEL)
    if here.held is not None and _concerns(content):
        return _by_ledger(here.held, content, here.index)
    return matching.match(content, here.index)


async def _by_topology(
    store: Store, content: PlanContent, here: World, now: datetime
) -> Match | Exception:
    held, index = here.held, here.index
    if held is None or content.switching is None:
        return await asyncio.to_thread(_tried, _match_by_ledger, content, here)
    traced = await asyncio.to_thread(_tried, _trace, held, content, content.switching, index, now)
    if isinstance(traced, Exception):
        return traced
    if traced is None:
        return _with(matching.match(content, index), _NOT_IN_MODEL)
    points = await _points(store, traced, index)
    return await asyncio.to_thread(_tried, _joined, traced, content, index, points)


def _tried(work: Callable[..., _Found], *values: Any) -> _Found | Exception:
    """What the work finds, or the fault in it."""
    try:
        return work(*values)
    except Exception as fault:  # noqa: BLE001 - raised by whoever asked, once the others had their turn
        return fault


async def _points(store: Store, traced: TracedPlan, index: NetworkIndex) -> dict[int, LedgerPoint]:
    """All usage points of which the trace has to say something: of the accounts it met, of the feeders
    and areas that bear the names of what it met, and of those on which most of these accounts are."""
    affected = set(traced.accounts)
    async with store.read() as tx:
        read = tx.impacts.ledger_points
        points = await read(feeders=sorted(traced.feeder_ids))
        missing = affected - {point.account for point in points}
        points += await read(accounts=sorted(missing))
        met = [point for point in points if point.account in affected]
        areas = {p.area_id for p in met if p.area_id is not None} | traced.area_ids
        points += await read(areas=sorted(a for a in areas if not _is_read(a, traced, index)))
        unnamed = {topology.feeder_of(point, index) for point in met} - traced.feeder_ids
        held = await asyncio.to_thread(
            topology.modelled, traced.held, index, {f for f in unnamed if f is not None}, points
        )
        points += await read(feeders=sorted(held))
    return {point.id: point for point in points}


async def trace(store: Store, content: PlanContent, *, now: datetime) -> TracedPlan | None:
    """A plan with switching on the network in force; None where it goes by ledger."""
    held = await in_force(store, content)
    if held is None or content.switching is None or not content.all_windows:
        return None
    async with store.read() as tx:
        index = await tx.network()
    return await asyncio.to_thread(_trace, held, content, content.switching, index, now)


async def in_force(store: Store, content: PlanContent) -> HeldNetwork | None:
    """The network in force, where there is one and the plan may be about it: one that names nothing
    but stations, feeders and areas is as well known to the ledger."""
    if store.topology is None or not _concerns(content):
        return None
    return await store.topology.in_force()


def _concerns(content: PlanContent) -> bool:
    return (
        content.switching is not None
        or content.work is not None
        or any(item.kind in _PLACES for item in content.equipment)
    )


def place_of_work(
    held: HeldNetwork, content: PlanContent, index: NetworkIndex
) -> target.Target | None:
    """What is worked on: what the plan says, else the sections it names that the model knows.

    A name under which the ledger knows a feeder or an area means that, and is no place of work.
    """
    graph = held.graph
    named = target.TargetKind.NAMED
    if content.work is not None and content.work.kind is not named:
        return content.work
    if content.work is not None:
        names = tuple(naming.place(graph, name) or name for name in content.work.names)
        return target.Target(kind=named, names=names)
    found = [
        naming.place(graph, item.name)
        for item in content.equipment
        if item.kind in _PLACES
        and not index.feeders_named(item.name, item.station)
        and not index.areas_named(item.name, item.station)
    ]
    known = tuple(name for name in found if name is not None)
    return target.Target(kind=named, names=known) if known else None


def _trace(
    held: HeldNetwork,
    content: PlanContent,
    switched: Switching,
    index: NetworkIndex,
    now: datetime,
) -> TracedPlan | None:
    """None where the model knows neither a switch nor a feeder of the plan: it is about other feeders."""
    network = held.graph.network
    steps, remarks = naming.understood(network, switched.steps)
    back, more = naming.understood(network, switched.back)
    course = switching.course(content, replace(switched, steps=steps, back=back))
    named = matching.feeders_named(content, index)
    knows_switch = any(_is_there(network, step.switch) for step in course.out)
    knows_feeder = any(index.feeders[f].key in held.feeders_by_key for f in named)
    if not knows_switch and not knows_feeder:
        return None
    wanted = place_of_work(held, content, index)
    work, lost = located(held.graph, wanted) if wanted is not None else (None, ())
    found = fates(held.graph, course, work, now=now, stale_after=held.stale_after)
    ids = network.customer_ids
    doubts = [
        *lost,
        *found.findings,
        *course.findings,
        *remarks,
        *more,
        *_doubts(content, course, found),
    ]
    return TracedPlan(
        held=held,
        course=course,
        fates=found,
        accounts=tuple(ids[customer] for customer in found.customers),
        in_model=frozenset(
            item.name
            for item in (*content.equipment, *(e for t in content.transfers for e in t.equipment))
            if naming.place(held.graph, item.name) is not None
        ),
        feeder_ids=frozenset(named | topology.ledger_feeders(held, index, found.feeders).keys()),
        area_ids=topology.ledger_areas(held, index, found.areas),
        findings=tuple(doubts),
    )


def _doubts(content: PlanContent, course: Course, found: Fates) -> Iterable[Finding]:
    """What the fates say against the times and the kind of the plan, and what could not be checked."""
    if found.work is None and content.kind is not PlanKind.SHORT_TRANSFER:
        yield Finding(
            code="switching.no_place_of_work",
            severity=Severity.WARNING,
            found="未写明模型中的工作地点 / no place of work that the model knows",
            expected="工作地点，以核对其是否停电 / a place of work, so that it is checked to be dead",
            column="work",
        )
    classes = {fate.impact_class for fate in found.customers.values()}
    if ImpactClass.SHORT in classes and course.lead and not course.spans:
        yield Finding(
            code="transfer.span_assumed",
            severity=Severity.WARNING,
            found="",
            expected="转电时段或步骤时间 / the spans of transfer and transfer-back, or times of the steps",
            column="switching",
        )
    if content.kind is PlanKind.SHORT_TRANSFER and ImpactClass.OUT in classes:
        out = sum(1 for f in found.customers.values() if f.impact_class is ImpactClass.OUT)
        yield Finding(
            code="transfer.leaves_out",
            severity=Severity.ERROR,
            found=f"{out} 户转供后仍无电 / {out} customers stay without supply after the transfer",
            expected="转供后全部有电，或改为停电计划 / everybody supplied after it, or another kind of plan",
            column="switching",
        )


def _joined(
    traced: TracedPlan,
    content: PlanContent,
    index: NetworkIndex,
    found_points: Mapping[int, LedgerPoint],
) -> Match:
    held, points = traced.held, list(found_points.values())
    feeders = {topology.feeder_of(point, index) for point in points} | traced.feeder_ids
    modelled = topology.modelled(held, index, {f for f in feeders if f is not None}, points)
    windows = traced.course.windows or traced.course.spans
    joined = topology.join(held, traced.fates, index, points, modelled, windows)
    found = matching.match(content, index, joined, traced.in_model)
    said = _against_its_words(content, joined, index)
    return replace(found, findings=(*traced.findings, *found.findings, *said))


def _against_its_words(
    content: PlanContent, joined: topology.Traced, index: NetworkIndex
) -> Iterable[Finding]:
    """Where the plan's own words and its switching differ, one of the two is wrong."""

    def named(items: Iterable[Equipment], *, is_out: bool) -> str:
        found = [
            index.areas[area].name
            for area in sorted(matching.areas_named(items, index))
            if index.areas[area].feeder_id in joined.feeders
            and (area in joined.areas and joined.areas[area].impact_class in _OUT) is is_out
        ]
        return "、".join(found[:5])

    kept = named(content.equipment, is_out=False)
    left = named((i for t in content.transfers for i in t.equipment), is_out=True)
    if kept:
        yield Finding(
            code="impact.named_not_out",
            severity=Severity.WARNING,
            found=f"计划所列台区 {kept} 按操作步骤不停电 / {kept}: named as out, and the steps keep supply",
            expected="核对台区与操作步骤 / check the areas against the steps",
            column="equipment",
        )
    if left:
        yield Finding(
            code="transfer.not_switched",
            severity=Severity.WARNING,
            found=f"计划转供的台区 {left} 按操作步骤停电 / {left}: named as moved, and left out by the steps",
            expected="在操作步骤中合上联络开关 / close a tie among the steps",
            column="transfers",
        )


def _is_read(area_id: int, traced: TracedPlan, index: NetworkIndex) -> bool:
    """Whether the area's customers came with its feeder."""
    area = index.areas.get(area_id)
    return area is not None and area.feeder_id in traced.feeder_ids


def _by_ledger(held: HeldNetwork, content: PlanContent, index: NetworkIndex) -> Match:
    """A plan without steps: the whole feeder of its place of work, and what it names besides."""
    wanted = place_of_work(held, content, index)
    if wanted is None:
        return matching.match(content, index)
    work, lost = located(held.graph, wanted)
    if work is None:
        found = matching.match(content, index)
        return replace(
            found,
            findings=(*found.findings, *(replace(f, severity=Severity.WARNING) for f in lost)),
        )
    feeders = _feeders_of(held, work, index)
    equipment = [
        item
        for item in content.equipment
        if not feeders or content.work is not None or naming.place(held.graph, item.name) is None
    ]
    equipment += [item for item in feeders if item not in equipment]
    found = matching.match(replace(content, equipment=tuple(equipment)), index)
    waiting = Finding(
        code="trace.proposal_waiting",
        severity=Severity.WARNING,
        found=f"工作地点 {work.label} 暂按整条线路通知 / "
        f"{work.label} goes by the whole feeder for now",
        expected="确认一个拟议操作方案，即按拓扑匹配 / confirm a proposal, and it goes by topology",
        column="work",
    )
    return replace(found, findings=(*found.findings, waiting))


def _feeders_of(held: HeldNetwork, work: target.WorkArea, index: NetworkIndex) -> list[Equipment]:
    """The ledger's feeders that supply a place of work in the normal state."""
    graph = held.graph
    heads = {feed for zone in work.zones for feed in graph.normal_feeds(zone) if feed >= 0}
    numbers = [
        number
        for number, feeder in enumerate(graph.network.feeders)
        if graph.link_of_branch.get(feeder.head) in heads
    ]
    found = []
    for feeder_id in topology.ledger_feeders(held, index, numbers):
        feeder = index.feeders[feeder_id]
        station = index.stations.get(feeder.station_id) if feeder.station_id else None
        found.append(
            Equipment(
                name=feeder.name,
                kind=EquipmentKind.FEEDER,
                station="" if station is None else station.name,
            )
        )
    return found


def _is_there(network: model.Network, name: str) -> bool:
    """Whether a branch or a node bears the name."""
    for look in (network.branch, network.node):
        try:
            look(name)
        except model.UnknownEquipment:
            continue
        except model.AmbiguousName:
            return True
        return True
    return False


_NO_MODEL = Finding(
    code="switching.no_model",
    severity=Severity.WARNING,
    expected="导入网络模型后按拓扑匹配 / import a network model, and it goes by topology; by ledger for now",
    column="switching",
)
_NOT_IN_MODEL = Finding(
    code="switching.not_in_model",
    severity=Severity.WARNING,
    expected="模型中没有该计划的线路和开关，按台账匹配 / "
    "the model has neither its feeder nor its switches: matched by ledger",
    column="switching",
)


def _with(found: Match, finding: Finding) -> Match:
    return replace(found, findings=(*found.findings, finding))
