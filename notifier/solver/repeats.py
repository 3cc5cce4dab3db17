"""Interruptions beyond those free of surcharge: counted over the horizon, or over a look-back that slides.

Where all interruptions of a group of areas fall into one look-back, only their number matters. Where
they may lie further apart, each leader asks which others came not later than it and within its
look-back.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.problem import Grid, Instance
from notifier.solver.cpsat import FALSE, TRUE, Literal
from notifier.solver.terms import Sum, Work

if TYPE_CHECKING:
    from notifier.solver.model import Merging

#: One day of a work, and whether it leads: interrupts the group and does not share a longer outage.
Part = tuple[Work, int, Literal]

_MOST = 1 << 20


def add(
    merging: "Merging", instance: Instance, group: Group, parts: Sequence[Part], total: Sum
) -> None:
    """Adds the surcharges of a group's repeats to its cost."""
    grid, parts = instance.grid, [part for part in parts if part[2] != FALSE]
    if not parts:
        return
    days = [day for part in parts for day in _days(grid, part)]
    first, last = min(days), max(days)
    has_history = any(recent for recent, _ in group.burdens)
    if last - first < grid.look_back_days and (
        not has_history or last < grid.look_back_days or first >= grid.look_back_days
    ):
        counts = first < grid.look_back_days
        _add_number(merging, [lead for _, _, lead in parts], total, _by(instance, group, counts))
    else:
        for part in parts:
            _add_sliding(merging, instance, group, part, parts, total)


def _by(instance: Instance, group: Group, counts: bool) -> dict[int, int]:
    """Surcharges by how many interruptions are free of it; ``counts``: so do those before the horizon."""
    weights = instance.weights
    surcharges: dict[int, int] = defaultdict(int)
    for recent, burden in group.burdens:
        past = recent if counts else 0
        surcharges[max(0, 1 - past)] += weights.repeat * burden
        surcharges[max(0, weights.limit - past)] += weights.over_limit * burden
    return surcharges


def _add_number(
    merging: "Merging", leads: Sequence[Literal], total: Sum, surcharges: Mapping[int, int]
) -> None:
    """max(0, number of leaders - allowed), by how many are allowed."""
    certain = sum(lead == TRUE for lead in leads)
    hinted = sum(merging.model.hinted(lead) for lead in leads)
    for allowed, surcharge in sorted(surcharges.items()):
        if len(leads) <= allowed or not surcharge:
            continue
        if certain >= allowed:
            total.constant -= allowed * surcharge
            for lead in leads:
                total.add(lead, surcharge)
            continue
        count = Sum()
        for lead in leads:
            count.add(lead, 1)
        beyond = merging.model.integer(
            (0, len(leads) - allowed), max(0, hinted - allowed) if merging.has_hint else None
        )
        count.terms[beyond] = -1
        merging.model.linear(count.terms, (-len(leads), allowed - count.constant))
        total.terms[beyond] += surcharge


def _add_sliding(
    merging: "Merging",
    instance: Instance,
    group: Group,
    part: Part,
    parts: Sequence[Part],
    total: Sum,
) -> None:
    """What one leader costs more, by how many of the others lie in the look-back that ends with it."""
    model, (_, _, lead) = merging.model, part
    count, hinted = Sum(), 0
    for other in parts:
        if other is part:
            continue
        near = _not_later(merging, instance.grid, other, part)
        is_hinted = model.hinted(other[2]) and model.hinted(near)
        count.add(_both(merging, other[2], near, is_hinted), 1)
        hinted += is_hinted
    possible = count.constant + sum(max(0, weight) for weight in count.terms.values())
    in_past = _in_past(merging, instance.grid, part)
    weights = instance.weights
    surcharges: dict[tuple[int, int], int] = defaultdict(int)
    for recent, burden in group.burdens:
        surcharges[max(0, 1 - recent), 1] += weights.repeat * burden
        surcharges[max(0, weights.limit - recent), weights.limit] += weights.over_limit * burden
    for (soon, later), surcharge in sorted(surcharges.items()):
        if not surcharge:
            continue
        allowed = soon if model.hinted(in_past) else later
        is_over = model.hinted(lead) and hinted >= allowed
        over = model.boolean(is_over if merging.has_hint else None)
        total.add(over, surcharge)
        for free, when in ((soon, (lead, in_past)), (later, (lead,))):
            if possible >= free:
                terms = {**count.terms, over: free - 1 - possible}
                model.linear(terms, (-_MOST, free - 1 - count.constant), when)


def _both(merging: "Merging", lead: Literal, near: Literal, is_hinted: bool) -> Literal:
    """Whether both hold (true if; costs see to the rest)."""
    if FALSE in (lead, near):
        return FALSE
    if lead == TRUE:
        return near
    if near == TRUE:
        return lead
    both = merging.model.boolean(is_hinted if merging.has_hint else None)
    merging.model.clause((~lead, ~near, both))
    return both


def _days(grid: Grid, part: Part) -> tuple[int, int]:
    """The first and the last day the part may fall on."""
    work, day, _ = part
    return grid.day(work.choices[0]) + day, grid.day(work.choices[-1]) + day


def _in_past(merging: "Merging", grid: Grid, part: Part) -> Literal:
    """Whether the part's look-back reaches back before the horizon (true if; costs see to the rest)."""
    work, day, _ = part
    first, last = _days(grid, part)
    if last < grid.look_back_days:
        return TRUE
    if first >= grid.look_back_days:
        return FALSE
    start = None if work.hint is None else work.hint.start
    reaches = merging.model.boolean(
        None if start is None else grid.day(start) + day < grid.look_back_days
    )
    limit = grid.look_back_days - day
    merging.model.linear({merging.day(work): 1}, (limit, _MOST), (~reaches,))
    return reaches


def _not_later(merging: "Merging", grid: Grid, one: Part, other: Part) -> Literal:
    """Whether one begins not later than the other and within its look-back (true if)."""
    a, b = (one[0], one[1]), (other[0], other[1])
    if one[0] is other[0]:
        return TRUE if 0 < other[1] - one[1] < grid.look_back_days else FALSE
    first, last = _days(grid, one)
    other_first, other_last = _days(grid, other)
    least, most = other_first - last, other_last - first
    if least >= grid.look_back_days or most < 0:
        return FALSE
    if least > 0 and most < grid.look_back_days:
        return TRUE
    key = (a[0].request, a[1], b[0].request, b[1])
    if key not in merging.near:
        _add_order(merging, grid, a, b)
    return merging.near[key]


def _add_order(merging: "Merging", grid: Grid, a: tuple[Work, int], b: tuple[Work, int]) -> None:
    """Two days of works: either may be the earlier one, or they are a look-back apart."""
    options: list[Literal] = []
    for (one, day), (other, other_day) in ((a, b), (b, a)):
        at, other_at = _hinted(grid, one, day), _hinted(grid, other, other_day)
        is_known = at is not None and other_at is not None
        apart = 0 if at is None or other_at is None else grid.day(other_at) - grid.day(at)
        is_far = apart >= grid.look_back_days
        is_before = at is not None and other_at is not None and at <= other_at and not is_far
        if one is b[0] and is_before and options and merging.model.hinted(options[0]):
            is_before = False  # at one start, one of the two orders is enough
        near = merging.model.boolean(is_before if is_known else None)
        far = merging.model.boolean(is_far if is_known else None)
        _at_least(merging, grid, (one, day), (other, other_day), 0, near, by_day=False)
        _at_least(
            merging, grid, (one, day), (other, other_day), grid.look_back_days, far, by_day=True
        )
        merging.near[one.request, day, other.request, other_day] = near
        options += (near, far)
    merging.model.clause(options)


def _hinted(grid: Grid, work: Work, day: int) -> int | None:
    if work.hint is None or work.hint.start is None:
        return None
    return work.hint.start + day * grid.starts_per_day


def _at_least(
    merging: "Merging",
    grid: Grid,
    one: tuple[Work, int],
    other: tuple[Work, int],
    least: int,
    when: Literal,
    *,
    by_day: bool,
) -> None:
    """The other begins at least so many days (or starts) after the one, whenever ``when`` holds."""
    terms: dict[int, int] = {}
    size = grid.starts_per_day if by_day else 1
    for (work, day), sign in ((one, -1), (other, 1)):
        least -= sign * day * (grid.starts_per_day // size)
        if work.value is not None:
            least -= sign * (work.value // size)
        else:
            terms[merging.day(work) if by_day else work.start] = sign
    merging.model.linear(terms, (least, _MOST), (when,))
