"""The independent check that no plan leaves without: every rule and every number, from the plan alone.

It shares no reckoning with the solver: it walks through the calendar, shift by shift and area by area.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifier.domain.coordination.problem import Assignment, Instance, Key, Plan, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One rule broken: by which requests, and where it applies.

    ``who`` is the crew, region or feeder; ``at`` the day, or for a region the shift; ``found`` and
    ``allowed`` are numbers of works where the rule is a limit.
    """

    rule: Rule
    requests: tuple[int, ...]
    who: Key | None = None
    at: int | None = None
    found: int | None = None
    allowed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the check found: the objective as recomputed, and every violation."""

    objective: int
    violations: tuple[Violation, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations


def check(instance: Instance, assignments: Sequence[Assignment]) -> Verdict:
    """Judges a plan. Assignments that make no sense are violations and cost nothing."""
    sensible, violations = _sorted_out(instance, assignments)
    for rule in (_choices, _limits, _orders, _ties):
        violations += rule(instance, sensible)
    return Verdict(objective=_objective(instance, sensible), violations=tuple(violations))


def _sorted_out(
    instance: Instance, assignments: Sequence[Assignment]
) -> tuple[Plan, list[Violation]]:
    """The assignments that can be judged, in order; requests without one or with several."""
    given: dict[int, list[Assignment]] = {number: [] for number in range(len(instance.requests))}
    violations = []
    for assignment in assignments:
        if assignment.request not in given:
            violations.append(Violation(rule=Rule.ONE_EACH, requests=(assignment.request,)))
        elif not 0 <= assignment.mode < len(instance.requests[assignment.request].modes):
            violations.append(Violation(rule=Rule.MODE, requests=(assignment.request,)))
        else:
            given[assignment.request].append(assignment)
    for number, ones in given.items():
        if len(ones) != 1:
            violations.append(Violation(rule=Rule.ONE_EACH, requests=(number,), found=len(ones)))
    return tuple(ones[0] for ones in given.values() if ones), violations


def _choices(instance: Instance, plan: Plan) -> Iterator[Violation]:
    for assignment in plan:
        request = instance.requests[assignment.request]
        if assignment.start is None:
            if request.defer_cost is None or request.is_frozen:
                yield Violation(rule=Rule.DEFERRAL, requests=(assignment.request,))
            continue
        if assignment.start not in request.start_choices:
            yield Violation(rule=Rule.START, requests=(assignment.request,), found=assignment.start)
        if assignment.mode not in request.mode_choices:
            yield Violation(rule=Rule.MODE, requests=(assignment.request,), found=assignment.mode)


def _limits(instance: Instance, plan: Plan) -> Iterator[Violation]:
    """Crews by day, regions by shift; more than allowed is nobody's fault where all are frozen."""
    busy: dict[tuple[Key, int], list[int]] = defaultdict(list)
    crowded: dict[tuple[Key, int], list[int]] = defaultdict(list)
    per_day = instance.grid.starts_per_day
    for assignment in plan:
        if assignment.start is None:
            continue
        request = instance.requests[assignment.request]
        for number in range(request.days):
            start = assignment.start + number * per_day
            for crew in request.crews:
                busy[crew, start // per_day].append(assignment.request)
            if request.region is not None:
                shift = start // instance.grid.starts_per_shift
                crowded[request.region, shift].append(assignment.request)
    for rule, together in ((Rule.CREW, busy), (Rule.REGION, crowded)):
        for (who, at), requests in together.items():
            allowed = (
                instance.limits.crew(who, at) if rule is Rule.CREW else instance.limits.region(who)
            )
            if allowed is None or len(requests) <= allowed or _all_frozen(instance, requests):
                continue
            yield Violation(
                rule=rule,
                requests=tuple(requests),
                who=who,
                at=at,
                found=len(requests),
                allowed=allowed,
            )


def _orders(instance: Instance, plan: Plan) -> Iterator[Violation]:
    start_of = {assignment.request: assignment.start for assignment in plan}
    days = {
        assignment.request: _days(instance, assignment)
        for assignment in plan
        if assignment.start is not None
    }
    for rule, pairs in (
        (Rule.PRECEDENCE, instance.precedence),
        (Rule.EXCLUSIVE, instance.exclusive_days),
        (Rule.SAME_OUTAGE, instance.same_outage),
    ):
        for a, b in pairs:
            if _all_frozen(instance, (a, b)) or a not in start_of or b not in start_of:
                continue
            waits = a not in days or b not in days
            if waits and (instance.requests[a].is_frozen or instance.requests[b].is_frozen):
                continue  # a frozen work waits for nobody
            if rule is Rule.SAME_OUTAGE:
                broken = start_of[a] != start_of[b]
            elif rule is Rule.PRECEDENCE:
                # What waits for a deferred work waits too.
                broken = b in days and (waits or max(days[a]) >= min(days[b]))
            else:
                broken = not waits and bool(days[a] & days[b])
            if broken:
                yield Violation(rule=rule, requests=(a, b))


def _ties(instance: Instance, plan: Plan) -> Iterator[Violation]:
    """A feeder that carries somebody else's load keeps its trunk for that day."""
    trunks: dict[tuple[Key, int], list[int]] = defaultdict(list)
    for assignment in plan:
        request = instance.requests[assignment.request]
        if assignment.start is not None and request.trunk and request.feeder is not None:
            for day in _days(instance, assignment):
                trunks[request.feeder, day].append(assignment.request)
    for assignment in plan:
        if assignment.start is None:
            continue
        ties = instance.requests[assignment.request].modes[assignment.mode].tie_feeders
        for tie, day in itertools.product(ties, sorted(_days(instance, assignment))):
            for other in trunks.get((tie, day), ()):
                if other != assignment.request and not _all_frozen(
                    instance, (assignment.request, other)
                ):
                    yield Violation(
                        rule=Rule.TIE_FEEDER, requests=(assignment.request, other), who=tie, at=day
                    )


def _objective(instance: Instance, plan: Plan) -> int:
    """The objective, by walking through the calendar and counting each area's interruptions."""
    weights, per_day = instance.weights, instance.grid.starts_per_day
    calendar: dict[int, list[Assignment]] = defaultdict(list)
    total = 0
    for assignment in plan:
        request = instance.requests[assignment.request]
        if assignment.start is None:
            total += request.defer_cost or 0
            continue
        for number in range(request.days):
            calendar[assignment.start + number * per_day].append(assignment)
            for area in request.modes[assignment.mode].short:
                total += weights.short * instance.areas[area].customers
        if request.published_start is None:
            if assignment.start != request.asked_start:
                total += weights.move_asked
        elif assignment.start != request.published_start:
            total += request.move_surcharge
            for area in request.modes[0].out + request.modes[0].short:
                total += weights.move_notified * instance.areas[area].customers
    days: list[list[int]] = [[] for _ in instance.areas]
    for start in sorted(calendar):
        longest: dict[int, int] = {}
        for assignment in calendar[start]:
            request = instance.requests[assignment.request]
            for area in request.modes[assignment.mode].out:
                longest[area] = max(longest.get(area, 0), request.half_hours)
        for area, half_hours in longest.items():
            of, today = instance.areas[area], start // per_day
            days[area].append(today)
            # What came before the horizon counts as if it had come on its first day.
            window = range(today - instance.grid.look_back_days + 1, today + 1)
            suffered = sum(day in window for day in days[area])
            suffered += of.recent_interruptions if 0 in window else 0
            people = of.customers + of.is_sensitive * weights.sensitive_extra_customers
            each = weights.interruption + weights.half_hour * half_hours
            if suffered >= 2:
                each += weights.repeat
            if suffered > weights.limit:
                each += weights.over_limit
            total += people * each
    return total


def _days(instance: Instance, assignment: Assignment) -> set[int]:
    if assignment.start is None:
        return set()
    first = assignment.start // instance.grid.starts_per_day
    return set(range(first, first + instance.requests[assignment.request].days))


def _all_frozen(instance: Instance, requests: Sequence[int]) -> bool:
    return all(instance.requests[number].is_frozen for number in requests)
