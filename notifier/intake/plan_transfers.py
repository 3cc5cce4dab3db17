"""The short transfers that one row of a plan file asks for: what is moved, how, and when."""

import re
from dataclasses import replace
from datetime import date, timedelta

from notifier.domain.finding import Severity
from notifier.domain.plan import EquipmentKind, PlanKind, SourceWindow, Transfer, Transition
from notifier.intake import plan_assets, plan_columns, plan_windows
from notifier.intake.plan_row import PlanRow, RowCells
from notifier.intake.window_dates import DateContext

_MANOEUVRE = re.compile(r"转供电?|倒供|转电|倒电|合环|回倒|恢复|短时|停电|转出|转回|倒出|倒回|断电")
_LONGEST_SPAN = timedelta(hours=2)


def read_transfers(cells: RowCells, row: PlanRow, context: DateContext) -> None:
    """Sets what the row moves to another feeder, and the spans within which the seconds fall."""
    text = cells.text("transfer", joint="、")
    manner = " ".join((cells.text("transition"), cells.text("kind")))
    spans = _spans(cells, row, context)
    is_short = row.kind is PlanKind.SHORT_TRANSFER
    if not (text or spans or is_short):
        return
    moved = plan_assets.named(cells, "transfer", EquipmentKind.UNKNOWN, row) if text else ()
    if not moved and (is_short or not row.windows):
        # The row itself is the transfer: its lines are moved, its windows are the spans.
        moved, row.equipment = row.equipment, ()
    if is_short and not spans and not row.equipment:
        spans, row.windows = row.windows, ()
    transition = plan_columns.transition_of(manner) or (
        Transition.OPEN if "短时" in manner else None
    )
    column = cells.label("transition", "transfer", "kind")
    if transition is None:
        row.doubt(
            "transfer.transition_missing",
            Severity.ERROR,
            column,
            manner.strip(),
            "合环（不停电）或停电倒供 / closed (make before break) or open (break before make)",
        )
        row.transfer_windows = spans
        return
    if not spans and transition is Transition.OPEN and not row.has_errors:
        row.doubt(
            "transfer.time_missing",
            Severity.ERROR,
            cells.label("transfer_time", "transfer"),
            text,
            "转电与回倒时段 / the spans of the transfer and of the transfer back",
        )
    if not moved and not cells.text("switching"):
        row.doubt(
            "transfer.equipment_missing",
            Severity.WARNING,
            column,
            "",
            "转供的线路或台区 / the lines or areas that are moved",
        )
    if len(spans) > 2:
        row.doubt(
            "transfer.too_many_spans",
            Severity.ERROR,
            cells.label("transfer_time", "time"),
            spans[0].text,
            "转电、回倒各一个时段 / one span for the transfer, one for the transfer back",
        )
        spans = spans[:2]
    if any(span.window.duration > _LONGEST_SPAN for span in spans):
        row.doubt(
            "transfer.long_span",
            Severity.WARNING,
            cells.label("transfer_time", "time", "start"),
            spans[0].text,
            "几秒停电所在的几分钟 / the minutes within which the seconds fall",
        )
    row.transfer_windows = spans
    row.transfers = (
        Transfer(
            equipment=moved,
            transition=transition,
            spans=tuple(span.window for span in spans),
        ),
    )


def _spans(cells: RowCells, row: PlanRow, context: DateContext) -> tuple[SourceWindow, ...]:
    fields = [name for name in ("transfer_time", "back_time") if name in cells.columns]
    if not fields and any(char.isdigit() for char in cells.text("transition")):
        fields = ["transition"]
    if not fields:
        return ()
    found: list[SourceWindow] = []
    zone = context.zone
    if row.windows:
        first = row.windows[0].window.starts_at.astimezone(zone).date()
        context = replace(context, day=first)
    elif isinstance(day := cells.cell("date"), date):
        context = replace(context, day=day)
    for name in fields:
        cell = cells.cell(name)
        if cell is None:
            continue
        if isinstance(cell, str):
            cell = _MANOEUVRE.sub("", cell)
        if name == "back_time" and row.windows:
            last = row.windows[-1].window.ends_at.astimezone(zone).date()
            context = replace(context, day=last)
        day_cell = None if context.day else cells.cell("date")
        parsed = plan_windows.parse_windows(
            day_cell,
            cell,
            zone=zone,
            context=context,
            row=row.row,
            column=cells.label(name),
        )
        found.extend(parsed.windows)
        row.findings.extend(parsed.findings)
    return tuple(found)
