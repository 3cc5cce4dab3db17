"""When each customer is without supply, from the planned times of a plan's steps.

Restoration in steps gives different windows to different customers of one plan, and a transfer
gives a few seconds somewhere inside a span: at transfer, and again at transfer-back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain import errors
from notifier.domain.network import trace, zones
from notifier.domain.window import Window

MOMENTARY = timedelta(minutes=3)
"""Interruptions up to this long are told as "a few seconds" (DL/T 836)."""

SPAN = timedelta(minutes=15)
"""How long after its planned time a step may be carried out."""


class Untimed(errors.Invalid):
    """A step has no time, or is planned before the one it follows."""

    code = "trace.untimed_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruptions:
    """``outages`` are the windows without supply; ``spans`` hold a few seconds each."""

    outages: tuple[Window, ...] = ()
    spans: tuple[Window, ...] = ()


def interruptions(
    traced: trace.Trace,
    *,
    ends_at: datetime,
    momentary: timedelta = MOMENTARY,
    span: timedelta = SPAN,
) -> dict[Interruptions, list[int]]:
    """Customers by what they go through; those who lose nothing are left out.

    ``traced`` holds every step of the plan, transfer-back and restoration included, each with its
    ``planned_at``; ``ends_at`` is when the last state ends. Raises ``Untimed``.
    """
    moments = _moments(traced, ends_at)
    graph = traced.graph
    found: dict[Interruptions, list[int]] = {}
    special: dict[int, None] = {}
    for block in traced.blocks:
        for zone in block.zones:
            special.update(dict.fromkeys(graph.special.get(zone, ())))
        live = [zones.is_live(feeds) for feeds in block.feeds]
        found_here = suffered(live, moments, momentary=momentary, span=span)
        if found_here is not None:
            people = (c for zone in block.zones for c in graph.customers_of(zone))
            found.setdefault(found_here, []).extend(people)
    for customer in special:
        nodes = zones.supply_nodes(graph.network, customer)
        supplies = [traced.feeds_at(graph.zone_of_node[node]) for node in nodes]
        live = [any(map(zones.is_live, states)) for states in zip(*supplies, strict=True)]
        found_here = suffered(live, moments, momentary=momentary, span=span)
        if found_here is not None:
            found.setdefault(found_here, []).append(customer)
    return {what: people for what, people in found.items() if people}


def _moments(traced: trace.Trace, ends_at: datetime) -> list[datetime]:
    """When each state after the first begins, and when the last one ends."""
    moments: list[datetime] = []
    for number, step in enumerate(traced.steps, start=1):
        if step.planned_at is None or (moments and step.planned_at < moments[-1]):
            raise Untimed(
                f"第{number}步“{step}”没有时间或早于前一步 / "
                f"step {number} “{step}” has no time, or one before the step it follows"
            )
        moments.append(step.planned_at)
    return [*moments, max([ends_at, *moments[-1:]])]


def suffered(
    live: Sequence[bool],
    moments: Sequence[datetime],
    *,
    momentary: timedelta = MOMENTARY,
    span: timedelta = SPAN,
    lead: timedelta = timedelta(),
) -> Interruptions | None:
    """What somebody goes through who is ``live`` or not in each state; None where nothing.

    ``moments``: when each state after the first begins, and when the last one ends. The seconds of a
    step fall between ``lead`` before its moment and ``span`` after it.
    """
    if not live[0]:
        return None
    outages, spans = [], []
    for start, end in _dead_periods(live[1:], moments):
        if end - start <= momentary:
            spans.append(Window(start - lead, max(end, start + span)))
        else:
            outages.append(Window(start, end))
    if not outages and not spans:
        return None
    return Interruptions(outages=tuple(outages), spans=tuple(spans))


def _dead_periods(
    live: Sequence[bool], moments: Sequence[datetime]
) -> Iterable[tuple[datetime, datetime]]:
    start: datetime | None = None
    for state, is_live in enumerate(live):
        if not is_live and start is None:
            start = moments[state]
        elif is_live and start is not None:
            yield start, moments[state]
            start = None
    if start is not None:
        yield start, moments[-1]
