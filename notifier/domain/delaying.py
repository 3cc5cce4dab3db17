"""A plan whose running window ends at another time: what lies at that end moves with it."""

from dataclasses import replace
from datetime import datetime, timedelta

from notifier.domain import switching
from notifier.domain.plan import PlanContent, Transfer
from notifier.domain.window import Window


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
        switched = switching.moved(switched, running.ends_at, by, now=now)
    return replace(
        content,
        windows=tuple(windows),
        transfers=_moved_back(content, running, by, now),
        switching=switched,
    )


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
