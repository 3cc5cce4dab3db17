"""Which works take which customers out, and when: in memory, by area first and time second.

Areas are numbered in the order of their feeders, so that what a work takes out is a few ranges of
**places**. A **spell** is one outage of a work: one window, with all customers of some areas and some
customers of others. Times are whole milliseconds since 1970 UTC. What is written is copied, never
changed in place: a fork sees nothing of it.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from notifier.domain.reliability import Span

MINUTE = 60_000

#: A customer by name: eight times the usage point's id, and its criticality.
Customer = int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An area as the ledger knows it. ``special`` counts its customers by criticality, the ordinary
    ones left out. Those who hang on a feeder itself are an area too, by the feeder's id made negative."""

    area_id: int
    feeder_id: int
    customers: int
    special: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What a work takes out in each of the windows: areas (by id) with all their customers, and
    customers by name where an area is hit in part. ``is_firm``: it was approved, or it happened."""

    areas: tuple[int, ...]
    windows: tuple[Span, ...]
    parts: Mapping[int, frozenset[Customer]] = field(default_factory=dict)
    is_firm: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Something that takes areas out: a plan, or an interruption that was suffered.

    ``key`` is the plan's number, or names the interruption. ``kind`` and ``state`` are the plan's; an
    interruption's state is ``history``.
    """

    key: str
    outages: tuple[Outage, ...]
    kind: str = ""
    state: str = ""
    department: str = ""
    revision: int = 0

    @property
    def is_history(self) -> bool:
        """Whether it was suffered rather than planned."""
        return self.state == HISTORY

    @property
    def areas(self) -> frozenset[int]:
        """Every area in which it takes somebody out."""
        return frozenset(area for outage in self.outages for area in (*outage.areas, *outage.parts))


HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Spell:
    """One outage of one work, as it is looked up."""

    work: Work
    starts_at: int
    ends_at: int
    is_firm: bool = True

    def counts(self, now: int) -> bool:
        """Whether it happened, or may still: what was never approved in time did not."""
        return self.is_firm or self.ends_at > now


@dataclass(slots=True)
class Cohort:
    """Customers whom the same spells touch. ``sensitive``: in how many areas some of them are
    ``special`` (by criticality, the ordinary ones left out)."""

    places: list[int]
    customers: int
    sensitive: int
    special: Counter[int]
    spells: Sequence[Spell]


class Index:
    """Works by area. Areas that are not known are left out, and nobody lives there."""

    def __init__(self, areas: Iterable[Known]) -> None:
        known = sorted(areas, key=lambda area: (area.feeder_id, area.area_id))
        self.place_of: Mapping[int, int] = {area.area_id: at for at, area in enumerate(known)}
        self.known: Mapping[int, Known] = {area.area_id: area for area in known}
        self.area_ids: Sequence[int] = array("q", (area.area_id for area in known))
        self.customers: Sequence[int] = array("q", (area.customers for area in known))
        self.special: Mapping[int, tuple[tuple[int, int], ...]] = {
            at: area.special for at, area in enumerate(known) if area.special
        }
        self.works: dict[str, Work] = {}
        self._spells: list[Spell | None] = []
        self._free: list[int] = []
        self._own: dict[str, tuple[tuple[int, tuple[Span, ...], tuple[int, ...]], ...]] = {}
        self._at: list[array[int]] = [_NONE] * len(known)
        self._parts: dict[int, dict[int, frozenset[Customer]]] = {}

    def fork(self) -> "Index":
        """A copy to try things in. It shares what neither changes; a few milliseconds for a city."""
        other = object.__new__(Index)
        other.known, other.place_of, other.area_ids = self.known, self.place_of, self.area_ids
        other.customers, other.special = self.customers, self.special
        other.works, other._own = dict(self.works), dict(self._own)
        other._spells, other._free = list(self._spells), list(self._free)
        other._at, other._parts = list(self._at), dict(self._parts)
        return other

    def put(self, work: Work) -> None:
        """Adds the work, in place of what it was before."""
        self.drop(work.key)
        own = []
        for outage in work.outages:
            ranges = tuple(_ranges(self._places(outage.areas)))
            parts = {
                self.place_of[area]: customers
                for area, customers in outage.parts.items()
                if area in self.place_of
            }
            for starts_at, ends_at in outage.windows:
                number = self._number(Spell(work, starts_at, ends_at, outage.is_firm))
                own.append((number, ranges, tuple(parts)))
                one = array("I", (number,))
                for first, last in ranges:
                    for place in range(first, last):
                        self._at[place] = self._at[place] + one
                for place, customers in parts.items():
                    self._parts[place] = {**self._parts.get(place, {}), number: customers}
        self.works[work.key] = work
        self._own[work.key] = tuple(own)

    def drop(self, key: str) -> None:
        """Removes a work; one that is not there is not there."""
        if self.works.pop(key, None) is None:
            return
        for number, ranges, parts in self._own.pop(key):
            for first, last in ranges:
                for place in range(first, last):
                    self._at[place] = array("I", (n for n in self._at[place] if n != number))
            for place in parts:
                left = {n: who for n, who in self._parts[place].items() if n != number}
                if left:
                    self._parts[place] = left
                else:
                    del self._parts[place]
            self._spells[number] = None
            self._free.append(number)

    def cohorts(
        self,
        areas: Iterable[int],
        *,
        only: Mapping[int, Collection[Customer]] | None = None,
        without: Mapping[int, Collection[Customer]] | None = None,
    ) -> list[Cohort]:
        """The customers of areas, together where the same spells touch them. A feeder has a few kinds
        of areas, not hundreds of areas; those hit in part are taken apart customer by customer.

        ``only``: further areas, of which just these customers are meant. ``without``: customers who
        are not meant, by area.
        """
        only, without = only or {}, without or {}
        alike: dict[bytes, list[int]] = {}
        found: dict[tuple[bytes, tuple[int, ...]], Cohort] = {}
        at, parts, area_ids = self._at, self._parts, self.area_ids
        for place in self._places(areas):
            if place in parts or (without and area_ids[place] in without):
                self._take_apart(found, place, None, without.get(area_ids[place], ()))
            else:
                alike.setdefault(at[place].tobytes(), []).append(place)
        for place in self._places(only):
            self._take_apart(found, place, only[area_ids[place]], ())
        for key, places in alike.items():
            special = Counter[int]()
            sensitive = 0
            for place in places:
                if place in self.special:
                    sensitive += 1
                    special.update(dict(self.special[place]))
            number = sum(self.customers[place] for place in places)
            self._add(found, (key, ()), places, number, sensitive, special)
        return list(found.values())

    def _take_apart(
        self,
        found: dict[tuple[bytes, tuple[int, ...]], Cohort],
        place: int,
        only: Collection[Customer] | None,
        without: Collection[Customer],
    ) -> None:
        """The customers of one area by the spells that name them; whoever is not named is the rest."""
        named: dict[Customer, list[int]] = defaultdict(list)
        for number, customers in self._parts.get(place, {}).items():
            for customer in customers:
                named[customer].append(number)
        alike: dict[tuple[int, ...], list[Customer]] = defaultdict(list)
        for customer in named.keys() - set(without) if only is None else only:
            alike[tuple(named.get(customer, ()))].append(customer)
        key = self._at[place].tobytes()
        for numbers, people in alike.items():
            special = Counter(one & 7 for one in people if one & 7)
            self._add(found, (key, numbers), [place], len(people), bool(special), special)
        if only is None:
            apart = named.keys() | set(without)
            rest = self.customers[place] - len(apart)
            special = Counter(dict(self.special.get(place, ())))
            special.subtract(one & 7 for one in apart if one & 7)
            special = +special
            if rest > 0:
                self._add(found, (key, ()), [place], rest, bool(special), special)

    def _add(
        self,
        found: dict[tuple[bytes, tuple[int, ...]], Cohort],
        key: tuple[bytes, tuple[int, ...]],
        places: list[int],
        customers: int,
        sensitive: int,
        special: Counter[int],
    ) -> None:
        cohort = found.get(key)
        if cohort is None:
            numbers = array("I")
            numbers.frombytes(key[0])
            listed = [self._spells[number] for number in (*numbers, *key[1])]
            spells = [spell for spell in listed if spell is not None]
            found[key] = Cohort(list(places), customers, sensitive, special, spells)
            return
        cohort.places += places
        cohort.customers += customers
        cohort.sensitive += sensitive
        cohort.special.update(special)

    def _places(self, areas: Iterable[int]) -> list[int]:
        place_of = self.place_of
        return sorted({place_of[area] for area in areas if area in place_of})

    def _number(self, spell: Spell) -> int:
        if self._free:
            number = self._free.pop()
            self._spells[number] = spell
            return number
        self._spells.append(spell)
        return len(self._spells) - 1


_NONE: "array[int]" = array("I")


def _ranges(places: Iterable[int]) -> Iterator[Span]:
    """Ascending numbers as ranges."""
    first = last = -1
    for place in places:
        if place != last:
            if last > first:
                yield first, last
            first = place
        last = place + 1
    if last > first:
        yield first, last
