"""Interruptions of customers counted, as they are and as they would be: the sums behind the online check.

Times are whole milliseconds since 1970 UTC. What an interruption, a rolling count and a repeat are is
said in ``domain.reliability``; history and plans count alike.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from notifier.domain import reliability
from notifier.domain.coordination.online_index import Spell
from notifier.domain.reliability import Span


@dataclass(slots=True)
class Kind:
    """Customers with the same other spells and the same own windows, in ``places``. ``burden``:
    customers as the objective counts them; ``special``: some of them by criticality."""

    places: list[int]
    own: tuple[Span, ...]
    others: list[Spell]
    customers: int
    burden: int
    special: Counter[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """By what is counted: the look-back and the momentary limit (milliseconds), and how many
    interruptions within the look-back are borne."""

    within: int
    momentary: int
    limit: int


@dataclass(slots=True)
class Tally:
    """What one customer suffers: sustained interruptions, those that are repeats or over the limit,
    milliseconds."""

    interruptions: int = 0
    repeats: int = 0
    over: int = 0
    lasting: int = 0


def outages(kind: Kind, shift: int | None = None) -> list[Span]:
    """What is an interruption, momentary or not, with the work moved by ``shift``, or without it."""
    windows = [(spell.starts_at, spell.ends_at) for spell in kind.others]
    if shift is not None:
        windows += [(start + shift, end + shift) for start, end in kind.own]
        windows.sort()
    return list(reliability.joined(windows))


def sustained(interruptions: Sequence[Span], measure: Measure) -> list[Span]:
    """Those that count."""
    return [one for one in interruptions if reliability.is_sustained(one, measure.momentary)]


def tally(interruptions: Sequence[Span], measure: Measure) -> Tally:
    """The sums over interruptions in order, those left out that are momentary."""
    counted = sustained(interruptions, measure)
    found = Tally(interruptions=len(counted))
    counts = reliability.rolling(counted, measure.within)
    for (start, end), count in zip(counted, counts, strict=True):
        found.repeats += reliability.is_repeat(count)
        found.over += reliability.is_over(count, measure.limit)
        found.lasting += end - start
    return found


class Alone:
    """What one kind of customers suffers without the work, ready to have windows of it added."""

    def __init__(self, kind: Kind, measure: Measure) -> None:
        self._measure = measure
        self._outages = outages(kind)
        counted = sustained(self._outages, measure)
        self._has_momentary = len(counted) < len(self._outages)
        self._counts = reliability.rolling(counted, measure.within)

    def with_windows(self, windows: Sequence[Span]) -> Tally:
        """The tally once the windows are there too.

        One window apart from all others, the usual case, only adds to the counts of those after it.
        """
        measure = self._measure
        if (
            len(windows) == 1
            and not self._has_momentary
            and reliability.is_sustained(windows[0], measure.momentary)
        ):
            start, end = windows[0]
            found, before = Tally(interruptions=len(self._outages) + 1, lasting=end - start), 1
            for (other_start, other_end), count in zip(self._outages, self._counts, strict=True):
                if other_start <= end and start <= other_end:
                    break
                if other_start < start:
                    before += other_start > start - measure.within
                elif other_start < start + measure.within:
                    count += 1
                found.repeats += reliability.is_repeat(count)
                found.over += reliability.is_over(count, measure.limit)
                found.lasting += other_end - other_start
            else:
                found.repeats += reliability.is_repeat(before)
                found.over += reliability.is_over(before, measure.limit)
                return found
        return tally(reliability.joined(sorted([*self._outages, *windows])), measure)
