"""What the network in force offers the works of a period: ways with fewer people out, found by the trace.

Where there is no network, or it does not know a plan's place of work, nothing is offered and the bureau's
own list of transfers holds. Tracing some hundred works takes some tenths of a second: not on the loop.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from notifier.domain import switching
from notifier.domain.coordination import ways
from notifier.domain.coordination.ways import Offered
from notifier.domain.coordination.works import PlannedWork
from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.network import checks, naming
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network.steps import Step
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanState
from notifier.ports import Store
from notifier.usecases import topology
from notifier.usecases.trace import located


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """By plan what the network offers, and what a person should know about all of it."""

    offered: Mapping[str, Offered] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


async def find(
    store: Store, planned: Sequence[PlannedWork], index: NetworkIndex, now: datetime
) -> Found:
    """What is offered for the works of a period; nothing by a model too old to approve a plan on."""
    if store.topology is None:
        return Found()
    held = await store.topology.in_force()
    if held is None:
        return Found()
    return await asyncio.to_thread(_found, held, planned, index, now)


def _found(
    held: HeldNetwork, planned: Sequence[PlannedWork], index: NetworkIndex, now: datetime
) -> Found:
    stale = checks.stale(held.graph.network.as_of, now, held.stale_after)
    offered: dict[str, Offered] = {}
    for item in planned:
        if item.plan.state in (PlanState.SUBMITTED, PlanState.APPROVED):
            if not ways.is_open(item.content):
                steps = _steps(held, item)
                offered[item.plan.number] = Offered(tie_feeders=ways.carriers(held, index, steps))
            elif stale is None:
                offered[item.plan.number] = Offered(ways=_ways(held, item, index))
    _lean(held, planned, offered)
    if stale is not None:
        return Found(offered=offered, findings=(replace(stale, severity=Severity.WARNING),))
    return Found(offered=offered, findings=tuple(ways.unchecked(offered)))


def _lean(held: HeldNetwork, planned: Sequence[PlannedWork], offered: dict[str, Offered]) -> None:
    """Marks the plans whose own steps would change the supply of a place at a tie of another's way, or
    of another's own steps. A plan without steps takes its whole feeder, and is known by that."""
    steps_of = {item.plan.number: _steps(held, item) for item in planned}
    places = {
        number: ways.ends(held, steps_of[number]).union(
            *(ways.ends(held, way.steps) for way in found.ways)
        )
        for number, found in offered.items()
    }
    for own, steps in steps_of.items():
        if not steps:
            continue
        others = set[int]().union(*(zones for number, zones in places.items() if number != own))
        if ways.changes(held, steps, others):
            offered[own] = replace(offered.get(own, Offered()), is_leaned_on=True)


def _steps(held: HeldNetwork, item: PlannedWork) -> tuple[Step, ...]:
    """The steps out of a plan, by the model's own ids."""
    content = item.content
    if content.switching is None or not content.all_windows:
        return ()
    understood, _ = naming.understood(held.graph.network, content.switching.steps)
    return switching.course(content, replace(content.switching, steps=understood)).out


def _ways(held: HeldNetwork, item: PlannedWork, index: NetworkIndex) -> tuple[ways.Way, ...]:
    content = item.content
    out, short = item.areas(ImpactClass.OUT), item.areas(ImpactClass.SHORT)
    wanted = topology.place_of_work(held, content, index) if out else None
    work = None if wanted is None else located(held.graph, wanted)[0]
    if work is None:
        return ()
    return ways.traced(held, content, work, index, out, short)
