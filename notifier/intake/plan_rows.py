"""One row of a plan file: its cells by column, its windows and assets, and everything to doubt."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from notifier.domain.finding import Finding, Severity, has_errors
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanKind,
    SourceWindow,
    Transfer,
    Transition,
)
from notifier.intake import plan_columns, plan_equipment, plan_windows, tables
from notifier.intake.headers import Header
from notifier.intake.window_dates import DateContext, Unresolved, check_weekday, resolve
from notifier.intake.window_tokens import Kind, tokenize

TIME_FIELDS = ("date", "time", "start", "end", "start_date", "start_time", "end_date", "end_time")
_TELLING = (*TIME_FIELDS, "line", "equipment", "transformer", "scope", "transfer", "works")
_MANOEUVRE = re.compile(r"转供电?|倒供|转电|倒电|合环|回倒|恢复|短时|停电|转出|转回|倒出|倒回|断电")
_DURATION = re.compile(
    r"(?P<hours>\d{1,2}(?:\.\d+)?)(?::(?P<minutes>[0-5]\d)(?::00)?|\s*(?:h|hours?|个?小时)?)"
)
_LONGEST_SPAN = timedelta(hours=2)
_NAME_FIELDS = (
    ("line", EquipmentKind.FEEDER),
    ("equipment", EquipmentKind.UNKNOWN),
    ("transformer", EquipmentKind.AREA),
)


@dataclass(slots=True, kw_only=True)
class PlanRow:
    """What one row says. ``key`` tells rows that the file itself holds together (a merged cell);
    ``continues`` a row that only adds to the one above it."""

    row: int
    number: str = ""
    key: str = ""
    kind: PlanKind | None = None
    department: str = ""
    equipment: tuple[Equipment, ...] = ()
    windows: tuple[SourceWindow, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    transfer_windows: tuple[SourceWindow, ...] = ()
    scope: str = ""
    works: str = ""
    published: date | None = None
    is_timed: bool = True
    continues: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return has_errors(self.findings)


class RowReader:
    """Reads rows below one header; it remembers the date and the lines that a row leaves blank."""

    def __init__(self, header: Header, context: DateContext, merged: Mapping[int, str]) -> None:
        self._header = header
        self._columns = header.columns
        self._telling = [column for name in _TELLING for column in header.columns.get(name, ())]
        self._context = context
        self._merged = merged
        self._last_date: tables.Cell = None
        self._cells: Sequence[tables.Cell] = ()
        self._texts: Sequence[str] = ()
        self._before: PlanRow | None = None
        self._labels: dict[tuple[str, ...], str] = {}

    def under_heading(self, day: date | None) -> None:
        """Rows from here on stand under a heading that names a day, or none."""
        self._context = replace(self._context, day=day)
        self._last_date = None

    def is_plan(self, texts: Sequence[str]) -> bool:
        """Whether the row, given as the texts of its cells, says anything that a plan says."""
        return any(texts[column] for column in self._telling if column < len(texts))

    def read(self, cells: Sequence[tables.Cell], texts: Sequence[str], number: int) -> PlanRow:
        """The row, with findings for all that is doubtful; never raises.

        ``texts`` are the cells as ``tables.cell_text`` gives them.
        """
        self._cells, self._texts = cells, texts
        row = PlanRow(row=number, key=self._merged.get(number, ""))
        row.number = self._text("number")
        row.department = self._text("department")
        row.scope = self._text("scope", joint="；")
        row.works = self._text("works", joint="；")
        row.published = self._published()
        self._read_kind(row)
        self._read_equipment(row)
        self._read_windows(row)
        self._read_transfers(row)
        self._read_status(row)
        if not (row.equipment or row.transfers or row.continues):
            self._add(
                row,
                "equipment.missing",
                Severity.WARNING,
                self._label("line", "equipment", "transformer"),
                row.scope[:80],
                "停电线路、台区或设备 / the lines or areas that are out; nobody can be matched",
            )
        self._before = row
        return row

    # Cells ------------------------------------------------------------------------------------

    def _cell(self, name: str) -> tables.Cell:
        for column in self._columns.get(name, ()):
            if column < len(self._texts) and self._texts[column]:
                return self._cells[column]
        return None

    def _text(self, name: str, joint: str = "") -> str:
        columns = self._columns.get(name)
        if columns is None:
            return ""
        if len(columns) == 1:
            return self._texts[columns[0]] if columns[0] < len(self._texts) else ""
        found = [
            self._texts[column]
            for column in columns
            if column < len(self._texts) and self._texts[column]
        ]
        return joint.join(dict.fromkeys(found)) if joint else (found[0] if found else "")

    def _label(self, *fields: str) -> str:
        found = self._labels.get(fields)
        if found is None:
            found = next((label for name in fields if (label := self._header.label(name))), "")
            self._labels[fields] = found
        return found

    def _add(
        self,
        row: PlanRow,
        code: str,
        severity: Severity,
        column: str,
        found: str,
        expected: str,
    ) -> None:
        row.findings.append(
            Finding(
                code=code,
                severity=severity,
                row=row.row,
                column=column,
                found=found,
                expected=expected,
            )
        )

    def _published(self) -> date | None:
        cell = self._cell("published")
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

    # Kind and state ----------------------------------------------------------------------------

    def _read_kind(self, row: PlanRow) -> None:
        text = self._text("kind")
        row.kind = plan_columns.kind_of(text)
        if text and row.kind is None:
            self._add(
                row,
                "kind.unknown",
                Severity.WARNING,
                self._label("kind"),
                text,
                "计划停电 / 临时停电 / 短时停电 / 故障停电: planned, short notice, short transfer, unplanned",
            )

    def _read_status(self, row: PlanRow) -> None:
        status = self._text("status")
        if not status:
            return
        if plan_columns.is_cancelled(status):
            self._add(
                row,
                "plan.cancelled",
                Severity.ERROR,
                self._label("status"),
                status,
                "有效的计划；取消请用撤销 / a plan that holds: cancel a known one by its number",
            )
        elif plan_columns.is_undecided(status):
            self._add(
                row,
                "plan.undecided",
                Severity.WARNING,
                self._label("status"),
                status,
                "已批准的计划 / an approved plan",
            )

    # Equipment ---------------------------------------------------------------------------------

    def _read_equipment(self, row: PlanRow) -> None:
        station = self._text("station")
        by_field = {
            name: self._named(name, expected, station, row) for name, expected in _NAME_FIELDS
        }
        lines, areas = by_field["line"], by_field["transformer"]
        others = tuple(item for item in by_field["equipment"] if item not in lines)
        if areas and any(item.kind is EquipmentKind.FEEDER for item in lines):
            self._add(
                row,
                "equipment.line_and_areas",
                Severity.WARNING,
                self._label("line"),
                plan_equipment.joined(lines),
                "只取所列台区；全线停电请删去台区 / only the areas were taken, not the whole line",
            )
            lines = tuple(item for item in lines if item.kind is not EquipmentKind.FEEDER)
        if others and lines:
            # 停电线路 beside 停电设备: the device says more exactly what is out on the line.
            exact = {EquipmentKind.SECTION, EquipmentKind.AREA}
            if all(item.kind in exact for item in others):
                lines = tuple(item for item in lines if item.kind is not EquipmentKind.FEEDER)
            else:
                others = tuple(item for item in others if item.kind is not EquipmentKind.UNKNOWN)
        row.equipment = tuple(dict.fromkeys((*lines, *others, *areas)))
        if not row.equipment and station and not self._text("transfer"):
            row.equipment = (Equipment(name=station, kind=EquipmentKind.STATION),)
        if not row.equipment and row.scope:
            row.equipment = tuple(
                item
                for item in plan_equipment.read_equipment(
                    row.scope, EquipmentKind.UNKNOWN
                ).equipment
                if plan_equipment.is_certain(row.scope)
            )

    def _named(
        self,
        name: str,
        expected: EquipmentKind,
        station: str,
        row: PlanRow,
    ) -> tuple[Equipment, ...]:
        text = self._text(name, joint="、")
        if not text:
            return ()
        label = self._label(name)
        read = plan_equipment.read_equipment(text, expected, station)
        for old in read.old_names:
            self._add(
                row,
                "equipment.renamed",
                Severity.INFO,
                label,
                old,
                "按现名查找 / the new name was taken, the old one not",
            )
        if read.completed:
            self._add(
                row,
                "equipment.completed",
                Severity.INFO,
                label,
                text,
                "、".join(read.completed),
            )
        if read.is_open:
            self._add(
                row,
                "equipment.incomplete",
                Severity.WARNING,
                label,
                text,
                "逐一列出，不用“等” / every asset by name, instead of “and others”",
            )
        sections = [item for item in read.equipment if item.kind is EquipmentKind.SECTION]
        if sections:
            feeders = dict.fromkeys(
                feeder for item in sections if (feeder := plan_equipment.feeder_of(item.name))
            )
            self._add(
                row,
                "equipment.section",
                Severity.WARNING,
                label,
                plan_equipment.joined(sections),
                f"台账只到线路和台区（{'、'.join(feeders) or '—'}），请列出所停台区 / "
                "the ledger knows lines and areas only: name the areas that are out",
            )
        return read.equipment

    # Times -------------------------------------------------------------------------------------

    def _read_windows(self, row: PlanRow) -> None:
        context = self._published_context(row)
        day, time_, start, end = (self._cell(name) for name in TIME_FIELDS[:4])
        start = _together(self._cell("start_date"), self._cell("start_time"), start)
        end = _together(self._cell("end_date"), self._cell("end_time"), end)
        if start is None and (end is not None or "end" in self._header.columns):
            start, time_ = time_, None
        if start is not None and end is None:
            end = self._end_by_duration(start, row)
        if day is None and time_ is None and start is None and end is None:
            self._without_time(row)
            return
        column = self._label("time", "start", "start_time", "date")
        if day is not None:
            self._last_date = day
        elif self._last_date is not None and "date" in self._header.columns:
            words = " ".join(plan_windows.moment_text(cell) for cell in (time_, start))
            if not any(
                token.kind in (Kind.DATE, Kind.SLASHED, Kind.RELATIVE)
                for token in tokenize(words).items
            ):
                day = self._last_date
                self._add(
                    row,
                    "date.carried",
                    Severity.WARNING,
                    self._label("date"),
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
        self._check_continuation(row)

    def _end_by_duration(self, start: tables.Cell, row: PlanRow) -> str | None:
        """The end of a row that gives a start and how long it lasts, as words."""
        cell = self._cell("duration")
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
        self._add(
            row,
            "window.from_duration",
            Severity.INFO,
            self._label("duration"),
            tables.cell_text(cell),
            "由开始时间和时长得出 / the end is the start and the duration",
        )
        shift = "次日" if ends > 86_400 else ""
        ends -= 86_400 if ends > 86_400 else 0
        return f"{shift}{ends // 3600}:{ends // 60 % 60:02}:{ends % 60:02}"

    def _published_context(self, row: PlanRow) -> DateContext:
        if row.published is None:
            return self._context
        return replace(self._context, published=row.published)

    def _without_time(self, row: PlanRow) -> None:
        row.is_timed = False
        before = self._before
        is_another_line = (
            before is not None
            and bool(row.equipment)
            and row.number in ("", before.number)
            and all(item.kind is not EquipmentKind.UNKNOWN for item in row.equipment)
            and self._cell("transfer_time") is None
        )
        if is_another_line:
            row.continues = True
            self._add(
                row,
                "row.continued",
                Severity.WARNING,
                self._label("line", "equipment", "transformer"),
                plan_equipment.joined(row.equipment),
                "并入上一行的计划 / added to the plan of the row above",
            )
        elif self._cell("transfer_time") is None:
            self._add(
                row,
                "window.missing",
                Severity.ERROR,
                self._label(*TIME_FIELDS),
                "",
                "停电时间 / the outage's time",
            )

    def _check_continuation(self, row: PlanRow) -> None:
        """Times under a plan, with nothing else in the row, are further times of that plan."""
        before = self._before
        says_more = row.equipment or row.scope or row.works or row.number
        says_other = before is not None and row.kind not in (None, before.kind)
        if before is None or says_more or says_other or self._header.columns.get("transfer"):
            return
        row.continues = True
        self._add(
            row,
            "row.continued",
            Severity.WARNING,
            self._label("time", "start", "date"),
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
        label = tables.cell_text(self._cell("weekday"))
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
            self._add(
                row, doubt.code, Severity.ERROR, self._label("weekday"), doubt.found, doubt.expected
            )
            row.windows = ()

    # Transfers ---------------------------------------------------------------------------------

    def _read_transfers(self, row: PlanRow) -> None:
        text = self._text("transfer", joint="、")
        manner = " ".join((self._text("transition"), self._text("kind")))
        spans = self._transfer_spans(row)
        is_short = row.kind is PlanKind.SHORT_TRANSFER
        if not (text or spans or is_short):
            return
        moved = self._named("transfer", EquipmentKind.UNKNOWN, "", row) if text else ()
        if not moved and (is_short or not row.windows):
            # The row itself is the transfer: its lines are moved, its windows are the spans.
            moved, row.equipment = row.equipment, ()
        if is_short and not spans and not row.equipment:
            spans, row.windows = row.windows, ()
        transition = plan_columns.transition_of(manner) or (
            Transition.OPEN if "短时" in manner else None
        )
        column = self._label("transition", "transfer", "kind")
        if transition is None:
            self._add(
                row,
                "transfer.transition_missing",
                Severity.ERROR,
                column,
                manner.strip(),
                "合环（不停电）或停电倒供 / closed (make before break) or open (break before make)",
            )
            row.transfer_windows = spans
            return
        if not spans and transition is Transition.OPEN and not row.has_errors:
            self._add(
                row,
                "transfer.time_missing",
                Severity.ERROR,
                self._label("transfer_time", "transfer"),
                text,
                "转电与回倒时段 / the spans of the transfer and of the transfer back",
            )
        if not moved:
            self._add(
                row,
                "transfer.equipment_missing",
                Severity.WARNING,
                column,
                "",
                "转供的线路或台区 / the lines or areas that are moved",
            )
        if len(spans) > 2:
            self._add(
                row,
                "transfer.too_many_spans",
                Severity.ERROR,
                self._label("transfer_time", "time"),
                spans[0].text,
                "转电、回倒各一个时段 / one span for the transfer, one for the transfer back",
            )
            spans = spans[:2]
        if any(span.window.duration > _LONGEST_SPAN for span in spans):
            self._add(
                row,
                "transfer.long_span",
                Severity.WARNING,
                self._label("transfer_time", "time", "start"),
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

    def _transfer_spans(self, row: PlanRow) -> tuple[SourceWindow, ...]:
        fields = [name for name in ("transfer_time", "back_time") if name in self._columns]
        if not fields and any(char.isdigit() for char in self._text("transition")):
            fields = ["transition"]
        if not fields:
            return ()
        found: list[SourceWindow] = []
        zone = self._context.zone
        context = self._published_context(row)
        if row.windows:
            first = row.windows[0].window.starts_at.astimezone(zone).date()
            context = replace(context, day=first)
        elif isinstance(day := self._cell("date"), date):
            context = replace(context, day=day)
        for name in fields:
            cell = self._cell(name)
            if cell is None:
                continue
            if isinstance(cell, str):
                cell = _MANOEUVRE.sub("", cell)
            if name == "back_time" and row.windows:
                last = row.windows[-1].window.ends_at.astimezone(zone).date()
                context = replace(context, day=last)
            day_cell = None if context.day else self._cell("date")
            parsed = plan_windows.parse_windows(
                day_cell,
                cell,
                zone=zone,
                context=context,
                row=row.row,
                column=self._label(name),
            )
            found.extend(parsed.windows)
            row.findings.extend(parsed.findings)
        return tuple(found)


def _together(day: tables.Cell, time_: tables.Cell, both: tables.Cell) -> tables.Cell:
    if both is not None or (day is None and time_ is None):
        return both
    return " ".join(plan_windows.moment_text(cell) for cell in (day, time_) if cell is not None)
