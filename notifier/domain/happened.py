"""What a plan did to people, or will do: a pure function of its revisions and of what was reported.

A revision speaks of what is still to come when it is made; what was over by then stays what the
revision before it said. A delay or a restoration corrects the one before it, the past included.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from notifier.domain.impact import Group, ImpactClass
from notifier.domain.plan import Change
from notifier.domain.reliability import Interruption, InterruptionKind, Quality
from notifier.domain.window import Window

_CORRECTIONS = frozenset({Change.DELAYED, Change.RESTORED})
_KINDS = {ImpactClass.OUT: InterruptionKind.OUT, ImpactClass.SHORT: InterruptionKind.SHORT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One revision of a plan with its frozen impact. ``made_at`` is aware.

    ``is_firm``: it was approved, by itself or through the one it corrects. ``restored_at``: when
    supply came back, with the revision that says so.
    """

    number: int
    change: Change
    made_at: datetime
    is_firm: bool
    points_id: int | None
    groups: Mapping[int, Group]
    restored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One group of a revision without supply, from start to end of ``window``."""

    revision: int
    points_id: int
    group: int
    kind: InterruptionKind
    quality: Quality
    window: Window
    is_firm: bool


class Share(NamedTuple):
    """So many customers of one area are in one group of a frozen impact. Without an area they hang on
    the feeder."""

    area_id: int | None
    feeder_id: int | None
    group: int
    customers: int
    is_whole: bool


def spells(chapters: Sequence[Chapter]) -> list[Spell]:
    """All of a plan's interruptions, in order of its revisions, past and to come.

    A closed transition, a lost second source and whatever leaves people supplied is none. What was
    never approved is kept only while it may still be.
    """
    found: list[Spell] = []
    story = _without_corrected(chapters)
    for place, (chapter, speaks_from) in enumerate(story):
        following = story[place + 1] if place + 1 < len(story) else None
        for number, kind, window in _windows(chapter):
            if chapter.change is Change.CANCELLED or window.ends_at <= speaks_from:
                continue
            if following is not None:
                cut = _before(window, *following)
                if cut is None or not chapter.is_firm:
                    continue
                window = cut
            found.append(
                Spell(
                    revision=chapter.number,
                    points_id=chapter.points_id or 0,
                    group=number,
                    kind=kind,
                    quality=Quality.AS_PLANNED if chapter.restored_at is None else Quality.MEASURED,
                    window=window,
                    is_firm=chapter.is_firm,
                )
            )
    return [spell for spell in found if spell.points_id]


def _without_corrected(chapters: Sequence[Chapter]) -> list[tuple[Chapter, datetime]]:
    """Each chapter that still speaks, with the moment from which it does."""
    story: list[tuple[Chapter, datetime]] = []
    for chapter in chapters:
        speaks_from = chapter.made_at
        if chapter.change in _CORRECTIONS and story:
            _, speaks_from = story.pop()
        story.append((chapter, speaks_from))
    return story


def _before(window: Window, following: Chapter, since: datetime) -> Window | None:
    """What was over, or under way, from when on the next revision speaks. A plan that is cancelled
    while people are out ends then; one that is revised has the outage under way in its new revision."""
    if window.ends_at <= since:
        return window
    if following.change is Change.CANCELLED and window.starts_at < since:
        return Window(window.starts_at, since)
    return None


def _windows(chapter: Chapter) -> Iterator[tuple[int, InterruptionKind, Window]]:
    ends = [
        window.ends_at
        for group in chapter.groups.values()
        if group.impact_class is ImpactClass.OUT
        for window in group.windows
    ]
    for number, group in sorted(chapter.groups.items()):
        kind = _KINDS.get(group.impact_class)
        if kind is None:
            continue
        windows: Sequence[Window] = sorted(group.windows)
        if chapter.restored_at is not None:
            if kind is InterruptionKind.OUT:
                windows = _until(windows, chapter.restored_at, max(ends))
            else:
                windows = _moved(windows, chapter.restored_at)
        for window in windows:
            yield number, kind, window


def _until(windows: Sequence[Window], restored_at: datetime, last: datetime) -> list[Window]:
    """The windows as they were: none begins after supply came back for good, and those that were to
    end last ended when it did."""
    found = []
    for window in windows:
        if window.starts_at >= restored_at:
            continue
        if window.ends_at > restored_at or window.ends_at == last:
            window = Window(window.starts_at, restored_at)
        found.append(window)
    return found


def _moved(spans: Sequence[Window], restored_at: datetime) -> list[Window]:
    """The transfers that were made: all that began, and where the load was away (an odd number of
    them) the one that brought it back, at the restoration."""
    made = [span for span in spans if span.starts_at < restored_at]
    rest = [span for span in spans if span.starts_at >= restored_at]
    if len(made) % 2 and rest:
        made.append(Window(restored_at, restored_at + rest[0].duration))
    return made


def interruptions(
    told: Sequence[Spell], shares: Mapping[int, Sequence[Share]]
) -> list[tuple[int, Interruption]]:
    """Spells as interruptions of areas, each with the number of the revision that says so.

    ``shares`` are those of each frozen impact by its ``points_id``.
    """
    return [
        (
            spell.revision,
            Interruption(
                kind=spell.kind,
                quality=spell.quality,
                starts_at=spell.window.starts_at,
                ends_at=spell.window.ends_at,
                customers=share.customers,
                feeder_id=share.feeder_id,
                area_id=share.area_id,
                is_whole=share.is_whole,
                is_firm=spell.is_firm,
                points_id=spell.points_id,
                group_number=spell.group,
            ),
        )
        for spell in told
        for share in shares[spell.points_id]
        if share.group == spell.group
    ]
