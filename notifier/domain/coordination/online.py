"""What stands to be said about a work as it comes in: who would be hit again, and what would be better."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from notifier.domain.coordination.online_counting import (
    Kind,
    interruptions,
    merged_windows,
    rolling,
)
from notifier.domain.coordination.online_index import Index, Span, Work
from notifier.domain.coordination.online_moves import Rules, Suggestion, best_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another work that takes some of the same areas out within the look-back either way.

    ``windows`` are its windows there, ``gap`` the minutes between the two at their closest (0 where they
    overlap), ``places`` the shared areas.
    """

    work: Work
    windows: tuple[Span, ...]
    places: tuple[int, ...]
    customers: int
    gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Areas that share one fate: their places, and the rolling count that the work brings them to.

    ``count`` is the highest rolling count among the work's own interruptions and those after it that
    still count it; 1: nothing else happened to them.
    """

    places: tuple[int, ...]
    customers: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The answer. ``minutes`` are customer-minutes out by the work itself; ``special`` counts customers
    by criticality, ``special_hit`` those of them with a rolling count of two or more."""

    work: Work
    customers: int
    minutes: int
    others: tuple[Other, ...]
    hits: tuple[Hit, ...]
    special: Mapping[int, int]
    special_hit: Mapping[int, int]
    over_limit: int
    suggestions: tuple[Suggestion, ...]
    refused: Mapping[str, int]

    @property
    def hit_again(self) -> int:
        """Customers for whom it would not be the only interruption."""
        return sum(hit.customers for hit in self.hits if hit.count > 1)

    @property
    def by_count(self) -> dict[int, int]:
        """Customers by rolling count."""
        found: Counter[int] = Counter()
        for hit in self.hits:
            found[hit.count] += hit.customers
        return dict(sorted(found.items()))


def check(
    index: Index, work: Work, rules: Rules, *, is_published: bool = False, suggest: bool = True
) -> Check:
    """Judges a work against all others in the index; what the index knows under its key is left out.

    ``is_published``: its customers were told, so moving it has a price.
    """
    starts = [start for outage in work.outages for start, _ in outage.windows]
    kinds = _kinds(index, work, rules, min(starts, default=0), max(starts, default=0))
    hits, special, special_hit, over = [], Counter[int](), Counter[int](), 0
    for kind in kinds:
        count = _highest(kind, rules.look)
        hits.append(Hit(places=tuple(kind.places), customers=kind.customers, count=count))
        over += kind.customers * (count > rules.weights.limit)
        for place in kind.places:
            for criticality, number in index.special.get(place, ()):
                special[criticality] += number
                special_hit[criticality] += number * (count > 1)
    suggestions: tuple[Suggestion, ...] = ()
    refused: Counter[str] = Counter()
    if suggest and starts and any(kind.others for kind in kinds):
        suggestions = best_moves(kinds, min(starts), rules, is_published, refused)
    return Check(
        work=work,
        customers=sum(kind.customers for kind in kinds),
        minutes=sum(kind.customers * sum(e - s for s, e in kind.own) for kind in kinds),
        others=_others(index, kinds, rules.look),
        hits=tuple(sorted(hits, key=lambda hit: (-hit.count, -hit.customers, hit.places))),
        special=dict(sorted(special.items())),
        special_hit={key: number for key, number in sorted(special_hit.items()) if number},
        over_limit=over,
        suggestions=suggestions,
        refused=dict(refused),
    )


def _kinds(index: Index, work: Work, rules: Rules, first: int, last: int) -> list[Kind]:
    """The work's areas, together where the same happens to them."""
    reach = rules.look + max((abs(shift) for shift in rules.candidates), default=0)
    windows_of: dict[int, tuple[Span, ...]] = {}
    for outage in work.outages:
        for area in outage.areas:
            windows_of[area] = windows_of.get(area, ()) + outage.windows
    alike: dict[tuple[Span, ...], list[int]] = {}
    for area, windows in windows_of.items():
        alike.setdefault(merged_windows(sorted(windows)), []).append(area)
    found: dict[tuple[object, ...], Kind] = {}
    extra = rules.weights.sensitive_extra_customers
    for own, areas in alike.items():
        for key, places in index.kinds(areas).items():
            others = [
                spell
                for spell in index.spells(key)
                if spell.work.key != work.key
                and spell.ends_at > first - reach
                and spell.starts_at < last + reach
            ]
            others.sort(key=lambda spell: (spell.starts_at, spell.ends_at, spell.work.key))
            customers = sum(index.customers[place] for place in places)
            burden = customers + extra * sum(place in index.special for place in places)
            name = (own, *(id(spell) for spell in others))
            if name in found:
                kind = found[name]
                kind.places += places
                kind.customers += customers
                kind.burden += burden
            else:
                found[name] = Kind(places, own, others, customers, burden)
    for kind in found.values():
        kind.places.sort()
    return list(found.values())


def _highest(kind: Kind, look: int) -> int:
    """The highest rolling count of those interruptions that the work causes or adds to."""
    outages = interruptions(kind, 0)
    mine = [
        start
        for start, end in outages
        if any(start <= own_end and own_start <= end for own_start, own_end in kind.own)
    ]
    return max(
        count
        for (start, _), count in zip(outages, rolling(outages, look), strict=True)
        if any(one <= start < one + look for one in mine)
    )


def _others(index: Index, kinds: Sequence[Kind], look: int) -> tuple[Other, ...]:
    """The other works, those that share most first."""
    places: dict[str, set[int]] = {}
    windows: dict[str, set[Span]] = {}
    gaps: dict[str, int] = {}
    works: dict[str, Work] = {}
    for kind in kinds:
        for spell in kind.others:
            gap = min(
                (max(0, spell.starts_at - end, start - spell.ends_at) for start, end in kind.own),
                default=look + 1,
            )
            if gap > look:
                continue
            key = spell.work.key
            works[key] = spell.work
            places.setdefault(key, set()).update(kind.places)
            windows.setdefault(key, set()).add((spell.starts_at, spell.ends_at))
            gaps[key] = min(gap, gaps.get(key, gap))
    found = [
        Other(
            work=works[key],
            windows=tuple(sorted(windows[key])),
            places=tuple(sorted(shared)),
            customers=sum(index.customers[place] for place in shared),
            gap=gaps[key],
        )
        for key, shared in places.items()
    ]
    found.sort(key=lambda other: (-other.customers, other.gap, other.work.key))
    return tuple(found)
