"""A plan whose running window ends at another time: what lies at that end moves with it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from notifier.domain import switching
from notifier.domain.impact import Group
from notifier.domain.plan import PlanContent, Transfer
from notifier.domain.window import Window, union


def delayed(
    content: PlanContent, running: Window, until: datetime, *, now: datetime
) -> PlanContent:
    """The content with ``running``, one of its windows, ending at ``until`` (aware) instead.

    The transfers back at its end and the steps that restore move with it, where they are to come.
    Raises ``ValueError`` where that makes no window.
    """
    windows = list(content.windows)
    windows[windows.index(running)] = Window(running.starts_at, until)
    by = until - running.ends_at
    switched = content.switching
    if switched is not None and running == max(content.windows):
        back = switching.course(content, switched).back
        switched = switching.moved(switched, back, by, now=now)
    return replace(
        content,
        windows=tuple(windows),
        transfers=_moved_back(content, running, by, now),
        switching=switched,
    )


def groups(frozen: Mapping[int, Group], before: PlanContent, now: PlanContent) -> dict[int, Group]:
    """The groups of a plan whose windows end otherwise: the same people, at the moved times.

    What was found on the network before the work began holds while it is going on: by then the
    switches stand as the plan has put them, and tracing it anew would find nobody.
    """
    moved: dict[datetime, datetime] = {
        old.ends_at: new.ends_at
        for old in before.windows
        for new in now.windows
        if old.starts_at == new.starts_at and old.ends_at != new.ends_at
    }
    ends = tuple(moved)
    if before.switching is not None and now.switching is not None:
        was = (*before.switching.steps, *before.switching.back)
        becomes = (*now.switching.steps, *now.switching.back)
        moved |= {
            old.planned_at: new.planned_at
            for old, new in zip(was, becomes, strict=False)
            if old.planned_at and new.planned_at and old.planned_at != new.planned_at
        }
    spans = {
        old: new
        for one, other in zip(before.transfers, now.transfers, strict=False)
        for old, new in zip(one.spans, other.spans, strict=False)
    }

    def at_its_time(window: Window) -> Window:
        if window in spans:
            return spans[window]
        by = next(
            (moved[end] - end for end in ends if _is_at(window, end)),
            moved.get(window.starts_at, window.starts_at) - window.starts_at,
        )
        if by:
            return Window(window.starts_at + by, window.ends_at + by)
        until = moved.get(window.ends_at, window.ends_at)
        return Window(window.starts_at, until) if until > window.starts_at else window

    return {
        number: replace(group, windows=union(map(at_its_time, group.windows)))
        for number, group in frozen.items()
    }


def _is_at(window: Window, end: datetime) -> bool:
    """Whether a window is one of seconds around the end of another, for steps without times."""
    return end - switching.ASSUMED_SPAN <= window.starts_at <= end < window.ends_at


def _moved_back(
    content: PlanContent, running: Window, by: timedelta, now: datetime
) -> tuple[Transfer, ...]:
    """The transfers, with those spans moved that lie at the end of the running window and are to come."""

    def at_its_end(span: Window) -> bool:
        middle = span.starts_at + span.duration / 2
        ends = [(abs(middle - w.ends_at), w == running) for w in content.windows]
        starts = [(abs(middle - w.starts_at), False) for w in content.windows]
        return span.ends_at > now and min(ends + starts)[1]

    return tuple(
        replace(
            transfer,
            spans=tuple(
                Window(span.starts_at + by, span.ends_at + by) if at_its_end(span) else span
                for span in transfer.spans
            ),
        )
        for transfer in content.transfers
    )
