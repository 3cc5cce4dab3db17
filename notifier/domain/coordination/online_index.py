"""Which works take which areas out, and when: in memory, by area first and time second.

Areas are numbered in the order of their feeders, so that what a work takes out is a few ranges of
**places**. A **spell** is one outage of a set of areas: one window of one work. Times are whole minutes
since 1970 UTC. What is written is copied, never changed in place: a fork sees nothing of it.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

#: Half-open: ``[first, last)``.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An area as the ledger knows it. ``special`` counts its customers by criticality, the ordinary
    ones left out."""

    area_id: int
    feeder_id: int
    customers: int
    special: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Areas (by id) that a work takes out, in each of the windows (minutes)."""

    areas: tuple[int, ...]
    windows: tuple[Span, ...]


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


HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Spell:
    """One outage of one work, as it is looked up."""

    work: Work
    starts_at: int
    ends_at: int


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
        self._own: dict[str, tuple[tuple[int, tuple[Span, ...]], ...]] = {}
        self._at: list[array[int]] = [_NONE] * len(known)

    def fork(self) -> "Index":
        """A copy to try things in. It shares what neither changes; a few milliseconds for a city."""
        other = object.__new__(Index)
        other.known, other.place_of, other.area_ids = self.known, self.place_of, self.area_ids
        other.customers, other.special = self.customers, self.special
        other.works, other._own = dict(self.works), dict(self._own)
        other._spells, other._free = list(self._spells), list(self._free)
        other._at = list(self._at)
        return other

    def put(self, work: Work) -> None:
        """Adds the work, in place of what it was before."""
        self.drop(work.key)
        own = []
        for outage in work.outages:
            ranges = tuple(_ranges(self._places(outage.areas)))
            for starts_at, ends_at in outage.windows:
                number = self._number(Spell(work, starts_at, ends_at))
                own.append((number, ranges))
                one = array("I", (number,))
                for first, last in ranges:
                    for place in range(first, last):
                        self._at[place] = self._at[place] + one
        self.works[work.key] = work
        self._own[work.key] = tuple(own)

    def drop(self, key: str) -> None:
        """Removes a work; one that is not there is not there."""
        if self.works.pop(key, None) is None:
            return
        for number, ranges in self._own.pop(key):
            for first, last in ranges:
                for place in range(first, last):
                    self._at[place] = array("I", (n for n in self._at[place] if n != number))
            self._spells[number] = None
            self._free.append(number)

    def ranges(self, areas: Iterable[int]) -> tuple[Span, ...]:
        """The places of areas, as ranges."""
        return tuple(_ranges(self._places(areas)))

    def kinds(self, areas: Iterable[int]) -> dict[bytes, list[int]]:
        """The places of areas, together where the same spells touch them: their key is for
        ``spells``. A feeder has a few kinds of areas, not hundreds of areas."""
        found: dict[bytes, list[int]] = {}
        at = self._at
        for place in self._places(areas):
            found.setdefault(at[place].tobytes(), []).append(place)
        return found

    def spells(self, kind: bytes) -> list[Spell]:
        """The spells of one kind of areas."""
        numbers = array("I")
        numbers.frombytes(kind)
        return [spell for number in numbers if (spell := self._spells[number]) is not None]

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
