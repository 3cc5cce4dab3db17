"""When the outage of one row is: its windows, from a date, a time, a start and an end, or a duration."""

import re
from collections.abc import Sequence
from datetime import date

from notifier.domain.finding import Severity
from notifier.domain.plan import EquipmentKind
from notifier.intake import plan_equipment, plan_windows, tables
from notifier.intake.plan_row import PlanRow, RowCells
from notifier.intake.window_dates import DateContext, Unresolved, check_weekday, resolve
from notifier.intake.window_tokens import Kind, tokenize

TIME_FIELDS = ("date", "time", "start", "end", "start_date", "start_time", "end_date", "end_time")
_DURATION = re.compile(
    r"(?P<hours>\d{1,2}(?:\.\d+)?)(?::(?P<minutes>[0-5]\d)(?::00)?|\s*(?:h|hours?|个?小时)?)"
)


class TimeReader:
    """Reads the times of one row after another; it remembers the date that a row leaves blank."""

    def __init__(self, cells: RowCells) -> None:
        self._cells = cells
        self._last_date: tables.Cell = None

    def under_heading(self) -> None:
        """Rows from here on stand under a heading of their own: the date above no longer holds."""
        self._last_date = None

    def read(self, row: PlanRow, before: PlanRow | None, context: DateContext) -> None:
        """Sets the windows of the row; ``before`` is the row above, which it may continue."""
        day, time_, start, end = (self._cells.cell(name) for name in TIME_FIELDS[:4])
        start = _together(self._cells.cell("start_date"), self._cells.cell("start_time"), start)
        end = _together(self._cells.cell("end_date"), self._cells.cell("end_time"), end)
        if start is None and (end is not None or "end" in self._cells.columns):
            start, time_ = time_, None
        if start is not None and end is None:
            end = self._end_by_duration(start, row)
        if day is None and time_ is None and start is None and end is None:
            self._without_time(row, before)
            return
        column = self._cells.label("time", "start", "start_time", "date")
        if day is not None:
            self._last_date = day
        elif (
            self._last_date is not None
            and "date" in self._cells.columns
            and not (_names_day(time_) or _names_day(start))
        ):
            day = self._last_date
            row.doubt(
                "date.carried",
                Severity.WARNING,
                self._cells.label("date"),
                "",
                f"沿用上一行日期 {plan_windows.moment_text(day)} / the date of the row above was taken",
            )
        if start is not None or end is not None:
            parsed = plan_windows.parse_span(
                day, start, end, zone=context.zone, context=context, row=row.row, column=column
            )
        else:
            parsed = plan_windows.parse_windows(
                day, time_, zone=context.zone, context=context, row=row.row, column=column
            )
        row.windows = parsed.windows
        row.findings.extend(parsed.findings)
        self._check_day_label(row, parsed.days, context)
        self._check_continuation(row, before)

    def _end_by_duration(self, start: tables.Cell, row: PlanRow) -> str | None:
        """The end of a row that gives a start and how long it lasts, as words."""
        cell = self._cells.cell("duration")
        match = _DURATION.fullmatch(tables.cell_text(cell).lower())
        times = [
            token
            for token in tokenize(plan_windows.moment_text(start)).items
            if token.kind is Kind.TIME
        ]
        if match is None or len(times) != 1 or times[0].part:
            return None
        if match["minutes"]:
            seconds = int(match["hours"]) * 3600 + int(match["minutes"]) * 60
        else:
            seconds = round(float(match["hours"]) * 3600)
        ends = times[0].value + seconds
        if not 0 < seconds <= 86_400:
            return None
        row.doubt(
            "window.from_duration",
            Severity.INFO,
            self._cells.label("duration"),
            tables.cell_text(cell),
            "由开始时间和时长得出 / the end is the start and the duration",
        )
        shift = "次日" if ends > 86_400 else ""
        ends -= 86_400 if ends > 86_400 else 0
        return f"{shift}{ends // 3600}:{ends // 60 % 60:02}:{ends % 60:02}"

    def _without_time(self, row: PlanRow, before: PlanRow | None) -> None:
        row.is_timed = False
        is_another_line = (
            before is not None
            and bool(row.equipment)
            and row.number in ("", before.number)
            and all(item.kind is not EquipmentKind.UNKNOWN for item in row.equipment)
            and self._cells.cell("transfer_time") is None
        )
        if is_another_line:
            row.continues = True
            row.doubt(
                "row.continued",
                Severity.WARNING,
                self._cells.label("line", "equipment", "transformer"),
                plan_equipment.joined(row.equipment),
                "并入上一行的计划 / added to the plan of the row above",
            )
        elif self._cells.cell("transfer_time") is None:
            row.doubt(
                "window.missing",
                Severity.ERROR,
                self._cells.label(*TIME_FIELDS),
                "",
                "停电时间 / the outage's time",
            )

    def _check_continuation(self, row: PlanRow, before: PlanRow | None) -> None:
        """Times under a plan, with nothing else in the row, are further times of that plan."""
        says_more = row.equipment or row.scope or row.works or row.number
        says_other = before is not None and row.kind not in (None, before.kind)
        if before is None or says_more or says_other or self._cells.columns.get("transfer"):
            return
        row.continues = True
        row.doubt(
            "row.continued",
            Severity.WARNING,
            self._cells.label("time", "start", "date"),
            row.windows[0].text if row.windows else "",
            "并入上一行的计划 / added to the plan of the row above",
        )

    def _check_day_label(
        self,
        row: PlanRow,
        days: Sequence[date],
        context: DateContext,
    ) -> None:
        """A column with the day of the week, or the day once more, has to agree."""
        label = tables.cell_text(self._cells.cell("weekday"))
        if not label or len(days) != 1:
            return
        try:
            words = f"星期{label}" if len(label) == 1 else label
            for token in tokenize(words).items:
                if token.kind is Kind.WEEKDAY:
                    check_weekday(days[0], token, str(days[0]))
                elif token.kind in (Kind.DATE, Kind.SLASHED) and (
                    resolve(token, context, days[0]) != days[0]
                ):
                    raise Unresolved("date.contradiction", label, f"{days[0]}")
        except Unresolved as doubt:
            row.doubt(
                doubt.code,
                Severity.ERROR,
                self._cells.label("weekday"),
                doubt.found,
                doubt.expected,
            )
            row.windows = ()


def _together(day: tables.Cell, time_: tables.Cell, both: tables.Cell) -> tables.Cell:
    """A moment out of its day's column and its time's; a moment that names its own day stands alone."""
    if both is not None and (day is None or _names_day(both)):
        return both
    parts = [cell for cell in (day, time_ if both is None else both) if cell is not None]
    return " ".join(map(plan_windows.moment_text, parts)) or None


def _names_day(cell: tables.Cell) -> bool:
    kinds = (token.kind for token in tokenize(plan_windows.moment_text(cell)).items)
    return any(kind in (Kind.DATE, Kind.SLASHED, Kind.RELATIVE) for kind in kinds)
