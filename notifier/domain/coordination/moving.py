"""A plan's content at another time: everything in it that has a time moves together, by the local clock."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.network.steps import Step
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    Switching,
    Transfer,
    Transition,
)
from notifier.domain.window import Window

#: Where a transfer is added, its seconds fall this close to the ends of each window.
_SPAN = timedelta(minutes=15)


def moved(content: PlanContent, by: timedelta, zone: ZoneInfo) -> PlanContent:
    """The content ``by`` later on the clock on the wall: what began at eight begins at eight, whatever
    happens to summer time in between."""
    if not by:
        return content
    switching = content.switching
    if switching is not None:
        switching = replace(
            switching,
            steps=tuple(_step(step, by, zone) for step in switching.steps),
            back=tuple(_step(step, by, zone) for step in switching.back),
        )
    return replace(
        content,
        windows=tuple(shifted(window, by, zone) for window in content.windows),
        transfers=tuple(
            replace(item, spans=tuple(shifted(span, by, zone) for span in item.spans))
            for item in content.transfers
        ),
        switching=switching,
    )


def with_transfer(content: PlanContent, areas: Collection[str]) -> PlanContent:
    """The content with these areas carried by another feeder: out for seconds at both ends of each
    window instead of all the time."""
    moments = [moment for w in content.windows for moment in (w.starts_at, w.ends_at)]
    transfer = Transfer(
        equipment=tuple(Equipment(name=name, kind=EquipmentKind.AREA) for name in sorted(areas)),
        transition=Transition.OPEN,
        spans=tuple(Window(moment - _SPAN, moment + _SPAN) for moment in moments),
    )
    return replace(content, transfers=(*content.transfers, transfer))


def by_steps(content: PlanContent, steps: Sequence[Step]) -> PlanContent:
    """The content with these switching steps, put back in reverse when each window ends."""
    return replace(content, switching=Switching(steps=tuple(steps)))


def shifted(window: Window, by: timedelta, zone: ZoneInfo) -> Window:
    """The window ``by`` later on the local clock, with the length it had."""
    start = _later(window.starts_at, by, zone)
    return Window(start, start + window.duration)


def _later(moment: datetime, by: timedelta, zone: ZoneInfo) -> datetime:
    wall = moment.astimezone(zone).replace(tzinfo=None) + by
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _step(step: Step, by: timedelta, zone: ZoneInfo) -> Step:
    at = step.planned_at
    return step if at is None else replace(step, planned_at=_later(at, by, zone))
