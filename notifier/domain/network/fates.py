"""Fates: what becomes of everybody under a switching plan, as a class with its windows.

The class comes from the states of the way out (``classify``), the windows from when each step of the
whole course is done, the way back included. Restoration in steps gives different windows to different
people of one plan: who is dead for hours and supplied before the end is out for those hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from notifier.domain.finding import Finding
from notifier.domain.impact import ImpactClass
from notifier.domain.network import checks, classify, target, timeline, trace, zones
from notifier.domain.switching import Course
from notifier.domain.window import Window, union


class Fate(NamedTuple):
    """A class with the windows in which it holds; for SHORT the spans in which the seconds fall."""

    impact_class: ImpactClass
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fates:
    """Who goes through what, by index of the model; those to whom nothing happens are left out.

    ``feeders`` holds, by index, each feeder of which some part changes, with the fate that all of it
    shares: None where they differ, a fate of class UNAFFECTED where nobody on it notices anything.
    ``met`` are all customers on what the plan's switches are joined to, affected or not.
    """

    customers: Mapping[int, Fate]
    areas: Mapping[int, Fate]
    feeders: Mapping[int, Fate | None]
    met: frozenset[int]
    verdict: classify.Verdict
    work: target.WorkArea | None
    findings: tuple[Finding, ...]


def fates(
    graph: zones.ZoneGraph,
    course: Course,
    work: target.WorkArea | None,
    *,
    now: datetime | None,
    stale_after: timedelta = checks.STALE_AFTER,
) -> Fates:
    """Traces a course. ``now`` (aware) lets an old model be found stale. Pure and long: some
    milliseconds and, for a hundred thousand customers, some tenths of a second."""
    verdict = classify.classify(trace.trace(graph, course.out))
    whole = trace.trace(graph, course.all_steps)
    judge = _Judge(course, verdict)
    customers: dict[int, Fate] = {}
    by_feeder: dict[int, set[Fate]] = {}
    changed: set[int] = set()
    met: set[int] = set()
    special: dict[int, None] = dict.fromkeys(verdict.special)
    for block in whole.walked:
        fate = judge.fate(block.feeds)
        is_quiet = fate.impact_class in classify.QUIET
        for head in block.feeds[0]:
            if head >= 0:
                by_feeder.setdefault(head, set()).add(fate)
                if not is_quiet:
                    changed.add(head)
        for zone in block.zones:
            people = graph.customers_of(zone)
            met.update(people)
            if not is_quiet:
                customers.update(dict.fromkeys(people, fate))
            special.update(dict.fromkeys(graph.special.get(zone, ())))
    for customer in special:
        met.add(customer)
        fate = judge.special(whole, customer)
        if fate.impact_class not in classify.QUIET:
            customers[customer] = fate
    for head in changed:
        for customer in graph.by_feeder.get(head, ()):
            met.add(customer)
    states = _working_states(verdict, work)
    found = checks.check(verdict, work, now=now, stale_after=stale_after, working_states=states)
    return Fates(
        customers=customers,
        areas=_areas(whole, judge),
        feeders={
            number: _shared(by_feeder[link])
            for number, feeder in enumerate(graph.network.feeders)
            if (link := graph.link_of_branch.get(feeder.head)) in changed and link is not None
        },
        met=frozenset(met),
        verdict=verdict,
        work=work,
        findings=tuple(found),
    )


class _Judge:
    """Gives each run of feeds its fate, each once: a plan has a handful of them."""

    def __init__(self, course: Course, verdict: classify.Verdict) -> None:
        self._course = course
        self._out = len(course.out) + 1
        self._verdict = verdict
        self._known: dict[tuple[zones.Feeds, ...], Fate] = {}

    def fate(self, feeds: tuple[zones.Feeds, ...]) -> Fate:
        """The fate of somebody with one supply, from its feeds in every state of the course."""
        found = self._known.get(feeds)
        if found is None:
            base = classify.class_of(feeds[: self._out])
            if any(zones.is_unknown(state) for state in feeds):
                base = ImpactClass.UNKNOWN
            found = self._known[feeds] = self._of(base, [zones.is_live(f) for f in feeds])
        return found

    def special(self, whole: trace.Trace, customer: int) -> Fate:
        """The fate of somebody who stands at several places, or of whom only the feeder is known."""
        graph = whole.graph
        nodes = zones.supply_nodes(graph.network, customer)
        supplies = [whole.feeds_at(graph.zone_of_node[node]) for node in nodes]
        live = [any(map(zones.is_live, states)) for states in zip(*supplies, strict=True)]
        base = self._verdict.special.get(customer)
        if base is None:
            base = ImpactClass.UNAFFECTED if live[0] else ImpactClass.DEAD_BEFORE
        return self._of(base, live)

    def _of(self, base: ImpactClass, live: Sequence[bool]) -> Fate:
        course = self._course
        if base in (ImpactClass.DEAD_BEFORE, ImpactClass.ENERGISED_BY_PLAN, ImpactClass.UNKNOWN):
            return Fate(base, self._all() if base is not ImpactClass.DEAD_BEFORE else ())
        outages: list[Window] = []
        spans: list[Window] = []
        for run in course.runs:
            found = timeline.suffered(live, (*run.moments, run.ends_at), lead=course.lead)
            if found is not None:
                outages += found.outages
                spans += found.spans
        if base is ImpactClass.OUT or outages:
            return Fate(ImpactClass.OUT, self._out_for(outages, spans))
        if spans or base is ImpactClass.SHORT:
            return Fate(ImpactClass.SHORT, course.spans or union(spans))
        if base is ImpactClass.TRANSFERRED_LIVE and course.spans:
            return Fate(base, course.spans)
        return Fate(base, self._all() if base is not ImpactClass.UNAFFECTED else ())

    def _out_for(self, outages: list[Window], spans: list[Window]) -> tuple[Window, ...]:
        """When somebody is out: the hours, and the seconds of a transfer that are no part of them."""
        hours = union(outages)
        rest = [span for span in spans if not any(span.overlaps(hour) for hour in hours)]
        return union([*hours, *rest]) or self._all()

    def _all(self) -> tuple[Window, ...]:
        return (
            self._course.windows
            or self._course.spans
            or union(Window(min(run.moments), run.ends_at) for run in self._course.runs)
        )


def _areas(whole: trace.Trace, judge: _Judge) -> dict[int, Fate]:
    """Areas to which something happens: an area has what any of its boards has."""
    graph = whole.graph
    network = graph.network
    found: dict[int, Fate] = {}
    areas = {
        area
        for block in whole.blocks
        for zone in block.zones
        for area in graph.zone_areas.get(zone, ())
    }
    for area in sorted(areas):
        supplies = [whole.feeds_at(graph.zone_of_node[node]) for node in network.area_nodes[area]]
        together = tuple(frozenset().union(*state) for state in zip(*supplies, strict=True))
        fate = judge.fate(together)
        if fate.impact_class not in classify.QUIET:
            found[area] = fate
    return found


def _shared(found: set[Fate]) -> Fate | None:
    return next(iter(found)) if len(found) == 1 else None


def _working_states(
    verdict: classify.Verdict, work: target.WorkArea | None
) -> tuple[int, ...] | None:
    """From the first state in which the place of work is dead: from there on people may work.

    None, the last state alone, where it never is.
    """
    if work is None:
        return None
    live = target.energised(verdict.trace, work)
    if live is None or all(live):
        return None
    return tuple(range(live.index(False), len(live)))
