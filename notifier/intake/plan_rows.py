"""Reads the rows of a plan file one after another: words, assets, windows, transfers, and every doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from notifier.domain.finding import Severity
from notifier.intake import (
    plan_assets,
    plan_columns,
    plan_switching,
    plan_transfers,
    plan_windows,
    tables,
)
from notifier.intake.headers import Header
from notifier.intake.plan_row import PlanRow, RowCells
from notifier.intake.plan_times import TIME_FIELDS, TimeReader
from notifier.intake.window_dates import DateContext, Unresolved, resolve
from notifier.intake.window_tokens import Kind, tokenize

_TELLING = (*TIME_FIELDS, "line", "equipment", "transformer", "scope", "transfer", "works")


class RowReader:
    """Reads rows below one header; it remembers the date and the lines that a row leaves blank."""

    def __init__(self, header: Header, context: DateContext, merged: Mapping[int, str]) -> None:
        self._cells = RowCells(header)
        self._times = TimeReader(self._cells)
        self._telling = [column for name in _TELLING for column in header.columns.get(name, ())]
        self._context = context
        self._merged = merged
        self._before: PlanRow | None = None

    def under_heading(self, day: date | None) -> None:
        """Rows from here on stand under a heading that names a day, or none."""
        self._context = replace(self._context, day=day)
        self._times.under_heading()

    def is_plan(self, texts: Sequence[str]) -> bool:
        """Whether the row, given as the texts of its cells, says anything that a plan says."""
        return any(texts[column] for column in self._telling if column < len(texts))

    def read(self, cells: Sequence[tables.Cell], texts: Sequence[str], number: int) -> PlanRow:
        """The row, with findings for all that is doubtful; never raises.

        ``texts`` are the cells as ``tables.cell_text`` gives them.
        """
        self._cells.turn_to(cells, texts)
        row = PlanRow(row=number, key=self._merged.get(number, ""))
        row.number = self._cells.text("number")
        row.department = self._cells.text("department")
        row.scope = self._cells.text("scope", joint="；")
        row.works = self._cells.text("works", joint="；")
        row.crew = self._cells.text("crew", joint="、")
        row.published = self._published()
        self._read_kind(row)
        context = self._context
        if row.published is not None:
            context = replace(context, published=row.published)
        plan_assets.read_assets(self._cells, row)
        self._times.read(row, self._before, context)
        plan_transfers.read_transfers(self._cells, row, context)
        plan_switching.read_switching(self._cells, row, context.zone)
        self._read_status(row)
        if not (row.equipment or row.transfers or row.continues or row.switching or row.work):
            row.doubt(
                "equipment.missing",
                Severity.WARNING,
                self._cells.label("line", "equipment", "transformer"),
                row.scope[:80],
                "停电线路、台区或设备 / the lines or areas that are out; nobody can be matched",
            )
        self._before = row
        return row

    def _published(self) -> date | None:
        cell = self._cells.cell("published")
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        for token in tokenize(plan_windows.moment_text(cell)).items if cell is not None else ():
            if token.kind in (Kind.DATE, Kind.SLASHED):
                try:
                    return resolve(token, self._context)
                except Unresolved:
                    return None
        return None

    def _read_kind(self, row: PlanRow) -> None:
        text = self._cells.text("kind")
        row.kind = plan_columns.kind_of(text)
        if text and row.kind is None:
            row.doubt(
                "kind.unknown",
                Severity.WARNING,
                self._cells.label("kind"),
                text,
                "计划停电 / 临时停电 / 短时停电 / 故障停电: planned, short notice, short transfer, unplanned",
            )

    def _read_status(self, row: PlanRow) -> None:
        status = self._cells.text("status")
        if not status:
            return
        if plan_columns.is_cancelled(status):
            row.doubt(
                "plan.cancelled",
                Severity.ERROR,
                self._cells.label("status"),
                status,
                "有效的计划；取消请用撤销 / a plan that holds: cancel a known one by its number",
            )
        elif plan_columns.is_undecided(status):
            row.doubt(
                "plan.undecided",
                Severity.WARNING,
                self._cells.label("status"),
                status,
                "已批准的计划 / an approved plan",
            )
