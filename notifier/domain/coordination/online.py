"""What stands to be said about a work as it comes in: who would be hit again, and what would be better."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifier.domain import reliability
from notifier.domain.coordination.online_counting import Kind, Measure, outages, sustained
from notifier.domain.coordination.online_index import Cohort, Customer, Index, Work
from notifier.domain.coordination.online_moves import Rules, Suggestion, best_moves
from notifier.domain.reliability import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another work that takes some of the same areas out within the look-back either way.

    ``windows`` are its windows there, ``gap`` the milliseconds between the two at their closest (0 where they
    overlap), ``places`` the shared areas.
    """

    work: Work
    windows: tuple[Span, ...]
    places: tuple[int, ...]
    customers: int
    gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Customers who share one fate: their places, and the rolling count that the work brings them to.

    ``count`` is the highest rolling count among the work's own interruptions and those after it that
    still count it; 1: nothing else happened to them; 0: what happens to them is momentary.
    """

    places: tuple[int, ...]
    customers: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The answer. ``lasting`` are customer-milliseconds out by the work itself; ``special`` counts
    customers by criticality, ``special_hit`` those of them who are hit again. ``over_limit``: customers
    with more than are borne; ``on_list``: with so many that they are on the repeat list."""

    work: Work
    customers: int
    lasting: int
    others: tuple[Other, ...]
    hits: tuple[Hit, ...]
    special: Mapping[int, int]
    special_hit: Mapping[int, int]
    over_limit: int
    on_list: int
    suggestions: tuple[Suggestion, ...]
    refused: Mapping[str, int]

    @property
    def hit_again(self) -> int:
        """Customers for whom it would not be the only interruption."""
        return sum(hit.customers for hit in self.hits if reliability.is_repeat(hit.count))

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
    kinds = kinds_of(index, work, rules)
    hits, special, special_hit, over, listed = [], Counter[int](), Counter[int](), 0, 0
    for kind in kinds:
        count = _highest(kind, rules.measure)
        hits.append(Hit(places=tuple(kind.places), customers=kind.customers, count=count))
        over += kind.customers * reliability.is_over(count, rules.weights.limit)
        listed += kind.customers * (count >= rules.times)
        special.update(kind.special)
        if reliability.is_repeat(count):
            special_hit.update(kind.special)
    suggestions: tuple[Suggestion, ...] = ()
    refused: Counter[str] = Counter()
    if suggest and starts and any(kind.others for kind in kinds):
        suggestions = best_moves(kinds, min(starts), rules, is_published, refused)
    return Check(
        work=work,
        customers=sum(kind.customers for kind in kinds),
        lasting=sum(kind.customers * sum(e - s for s, e in kind.own) for kind in kinds),
        others=_others(kinds, rules.look),
        hits=tuple(sorted(hits, key=lambda hit: (-hit.count, -hit.customers, hit.places))),
        special=dict(sorted(special.items())),
        special_hit=dict(sorted(special_hit.items())),
        over_limit=over,
        on_list=listed,
        suggestions=suggestions,
        refused=dict(refused),
    )


def kinds_of(index: Index, work: Work, rules: Rules, *, farther: bool = False) -> list[Kind]:
    """The work's customers, together where the same happens to them, as far as that can count wherever
    the work is moved; ``farther``: wherever one of the others is moved, too."""
    starts = [start for outage in work.outages for start, _ in outage.windows]
    first, last = min(starts, default=0), max(starts, default=0)
    reach = rules.look + max((abs(shift) for shift in rules.candidates), default=0)
    reach *= 2 if farther else 1
    found: dict[tuple[object, ...], Kind] = {}
    extra = rules.weights.sensitive_extra_customers
    for own, cohort in _own(index, work):
        others = [
            spell
            for spell in cohort.spells
            if spell.work.key != work.key
            and spell.ends_at > first - reach
            and spell.starts_at < last + reach
            and spell.counts(rules.now)
        ]
        others.sort(key=lambda spell: (spell.starts_at, spell.ends_at, spell.work.key))
        burden = cohort.customers + extra * cohort.sensitive
        name = (own, *(id(spell) for spell in others))
        if name in found:
            kind = found[name]
            kind.places += cohort.places
            kind.customers += cohort.customers
            kind.burden += burden
            kind.special.update(cohort.special)
        else:
            found[name] = Kind(cohort.places, own, others, cohort.customers, burden, cohort.special)
    for kind in found.values():
        kind.places = sorted(set(kind.places))
    return list(found.values())


def _own(index: Index, work: Work) -> Iterator[tuple[tuple[Span, ...], Cohort]]:
    """Who is out by the work itself, and when."""
    whole: dict[int, tuple[Span, ...]] = {}
    named: dict[int, dict[Customer, tuple[Span, ...]]] = {}
    for outage in work.outages:
        for area in outage.areas:
            whole[area] = whole.get(area, ()) + outage.windows
        for area, customers in outage.parts.items():
            by_customer = named.setdefault(area, {})
            for customer in customers:
                by_customer[customer] = by_customer.get(customer, ()) + outage.windows
    alike: dict[tuple[Span, ...], list[int]] = {}
    for area, windows in whole.items():
        alike.setdefault(reliability.joined(sorted(windows)), []).append(area)
    for own, areas in alike.items():
        for cohort in index.cohorts(areas, without=named):
            yield own, cohort
    for area, by_customer in named.items():
        together: dict[tuple[Span, ...], list[Customer]] = {}
        for customer, windows in by_customer.items():
            own = reliability.joined(sorted(windows + whole.get(area, ())))
            together.setdefault(own, []).append(customer)
        for own, people in together.items():
            for cohort in index.cohorts((), only={area: people}):
                yield own, cohort


def _highest(kind: Kind, measure: Measure) -> int:
    """The highest rolling count of those interruptions that the work causes or adds to."""
    counted = sustained(outages(kind, 0), measure)
    mine = [
        start
        for start, end in counted
        if any(start <= own_end and own_start <= end for own_start, own_end in kind.own)
    ]
    counts = zip(counted, reliability.rolling(counted, measure.within), strict=True)
    return max(
        (
            count
            for (start, _), count in counts
            if any(one <= start < one + measure.within for one in mine)
        ),
        default=0,
    )


def _others(kinds: Sequence[Kind], look: int) -> tuple[Other, ...]:
    """The other works, those that share most first."""
    places: dict[str, set[int]] = {}
    windows: dict[str, set[Span]] = {}
    gaps: dict[str, int] = {}
    works: dict[str, Work] = {}
    customers = Counter[str]()
    for kind in kinds:
        sharing = set[str]()
        for spell in kind.others:
            gap = min(
                (max(0, spell.starts_at - end, start - spell.ends_at) for start, end in kind.own),
                default=look + 1,
            )
            if gap > look:
                continue
            key = spell.work.key
            works[key] = spell.work
            sharing.add(key)
            places.setdefault(key, set()).update(kind.places)
            windows.setdefault(key, set()).add((spell.starts_at, spell.ends_at))
            gaps[key] = min(gap, gaps.get(key, gap))
        customers.update(dict.fromkeys(sharing, kind.customers))
    found = [
        Other(
            work=works[key],
            windows=tuple(sorted(windows[key])),
            places=tuple(sorted(shared)),
            customers=customers[key],
            gap=gaps[key],
        )
        for key, shared in places.items()
    ]
    found.sort(key=lambda other: (-other.customers, other.gap, other.work.key))
    return tuple(found)
