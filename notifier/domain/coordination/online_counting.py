"""Interruptions of areas counted, as they are and as they would be: the sums behind the online check.

Times are whole minutes since 1970 UTC. Windows of one area that overlap or touch are one interruption.
An interruption's **rolling count** is the number of interruptions of the area that begin within the
look-back before it, itself included; history and plans count alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from notifier.domain.coordination.online_index import Span, Spell


@dataclass(slots=True)
class Kind:
    """Areas with the same other spells and the same own windows. ``burden``: customers as the
    objective counts them."""

    places: list[int]
    own: tuple[Span, ...]
    others: list[Spell]
    customers: int
    burden: int


@dataclass(slots=True)
class Tally:
    """What happens to one area: interruptions, those that are repeats or over the limit, minutes."""

    interruptions: int = 0
    repeats: int = 0
    over: int = 0
    minutes: int = 0


def merged_windows(windows: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending windows as interruptions: what overlaps or touches is one."""
    found: list[Span] = []
    for start, end in windows:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def interruptions(kind: Kind, shift: int | None = None) -> list[Span]:
    """Every interruption of the kind, with the work moved by ``shift``, or without it."""
    windows = [(spell.starts_at, spell.ends_at) for spell in kind.others]
    if shift is not None:
        windows += [(start + shift, end + shift) for start, end in kind.own]
        windows.sort()
    return list(merged_windows(windows))


def rolling(outages: Sequence[Span], look: int) -> list[int]:
    """The rolling count of each interruption."""
    found, oldest = [], 0
    for number, (start, _) in enumerate(outages):
        while outages[oldest][0] <= start - look:
            oldest += 1
        found.append(number - oldest + 1)
    return found


def tally(outages: Sequence[Span], look: int, limit: int) -> Tally:
    found = Tally(interruptions=len(outages))
    for (start, end), count in zip(outages, rolling(outages, look), strict=True):
        found.repeats += count > 1
        found.over += count > limit
        found.minutes += end - start
    return found


def with_windows(
    alone: Sequence[Span], counts: Sequence[int], windows: Sequence[Span], look: int, limit: int
) -> Tally:
    """The tally of interruptions once ``windows`` are added to those there are ``alone``, with their
    rolling ``counts``.

    One window apart from all others, the usual case, only adds to the counts of those after it.
    """
    if len(windows) == 1:
        start, end = windows[0]
        found, before = Tally(interruptions=len(alone) + 1, minutes=end - start), 1
        for (other_start, other_end), count in zip(alone, counts, strict=True):
            if other_start <= end and start <= other_end:
                break
            if other_start < start:
                before += other_start > start - look
            elif other_start < start + look:
                count += 1
            found.repeats += count > 1
            found.over += count > limit
            found.minutes += other_end - other_start
        else:
            found.repeats += before > 1
            found.over += before > limit
            return found
    return tally(merged_windows(sorted([*alone, *windows])), look, limit)
