"""Past interruptions out of a file: which column is which, and what each row says.

Every bureau exports them otherwise: by customer, by transformer area or by feeder; with an end, with a
duration, or with neither. Nothing is stored here, and no name is looked up.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from notifier.domain import errors
from notifier.domain.finding import Finding, Severity
from notifier.domain.history import Reported
from notifier.domain.reliability import InterruptionKind
from notifier.domain.window import FIRST_YEAR, LAST_YEAR
from notifier.intake import collector, headers, plan_titles, plan_windows, tables

#: What each field is called in the files of bureaus. The first label that fits a column counts.
LABELS: Mapping[str, tuple[str, ...]] = {
    "station": ("变电站", "变电站名称", "所属变电站", "电站", "厂站", "substation"),
    "feeder": ("线路", "线路名称", "馈线", "馈线名称", "停电线路", "中压线路", "10kV线路",
               "所属线路", "circuit", "line"),
    "area": ("台区", "台区名称", "台区编号", "配变", "配变名称", "停电台区", "变压器",
             "公变名称", "transformer", "transformer area"),
    "account": ("户号", "用户编号", "用电户号", "客户编号", "account number", "customer id"),
    "start": ("停电开始时间", "停电时间", "开始时间", "停电起始时间", "实际停电时间", "故障时间",
              "发生时间", "start time", "outage start", "off", "starts_at", "began"),
    "end": ("停电结束时间", "结束时间", "送电时间", "复电时间", "恢复时间", "恢复供电时间",
            "停电终止时间", "实际送电时间", "end time", "outage end", "restored", "restoration",
            "ends_at"),
    "minutes": ("停电时长(分钟)", "停电时长(分)", "停电时长(min)", "持续时间(分钟)", "停电分钟数",
                "duration (min)", "duration minutes", "duration_minutes"),
    "hours": ("停电时长(小时)", "停电时长(h)", "持续时间(小时)", "停电小时数", "duration (h)",
              "duration hours", "duration_hours"),
    "customers": ("停电户数", "停电用户数", "影响户数", "影响用户数", "户数", "用户数",
                  "customers out", "customers affected", "customers interrupted",
                  "metersaffected", "number of customers"),
    "kind": ("停电类别", "停电性质", "停电类型", "类别", "类型", "interruption type"),
    "cause": ("停电原因", "原因", "责任原因", "技术原因", "reason"),
    "event": ("停电事件编号", "事件编号", "停电编号", "工单号", "event id", "outage id",
              "incident", "incidentreference"),
}  # fmt: skip

_SHORT = re.compile(r"短时|瞬时|瞬停|momentary|temporary|transient", re.IGNORECASE)
_MOMENT = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
    r"(?:[T\s]*(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})分?(?::?(?P<second>\d{1,2})(?:\.\d+)?秒?)?)"
    r"\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?"
)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")
_TOTAL = re.compile(r"合计|总计|小计|total", re.IGNORECASE)
#: Nobody is without supply for longer and counted as interrupted: a month or a year is wrong.
_LONGEST = timedelta(days=31)


class ColumnUnknown(errors.Invalid):
    """A column was named for something that a row of past interruptions does not have."""

    code = "history.column_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """The rows of a file that could be read, in its order, and what is doubtful about the others."""

    rows: tuple[Reported, ...]
    findings: tuple[Finding, ...]


def read_history(
    path: Path,
    *,
    zone: ZoneInfo,
    columns: Mapping[str, str] | None = None,
    limits: tables.TableLimits | None = None,
) -> HistoryFile:
    """The past interruptions of an XLSX, XLS, ET, ODS, CSV, TSV or HTML file.

    Times without an offset are local times of ``zone``. ``columns``: the file's label for a field of
    ``LABELS``, before any synonym. Blocks: run it off the event loop. Raises ``tables.TableError``,
    ``ColumnUnknown``.
    """
    vocabulary = _vocabulary(columns or {})
    with collector.paused():
        rows: list[Reported] = []
        findings: list[Finding] = []
        for sheet in tables.read_sheets(path, limits or tables.TableLimits()):
            read = _SheetReader(sheet, path.name, zone)
            read.read(vocabulary, columns or {})
            rows += read.rows
            findings += read.findings
        return HistoryFile(rows=tuple(rows), findings=tuple(findings))


def _vocabulary(chosen: Mapping[str, str]) -> headers.Vocabulary:
    """The labels of every field; one that was chosen for a field stands for no other."""
    for field in chosen:
        if field not in LABELS:
            raise ColumnUnknown(
                f"没有字段 {field} / there is no field {field}: {', '.join(LABELS)}."
            )
    taken = {headers.label_key(label): field for field, label in chosen.items()}
    labels = {
        field: [
            *((chosen[field],) if field in chosen else ()),
            *(label for label in synonyms if taken.get(headers.label_key(label), field) == field),
        ]
        for field, synonyms in LABELS.items()
    }
    return headers.Vocabulary(labels)


class _Wrong(Exception):
    """A cell cannot be read."""

    def __init__(self, code: str, column: str, found: str, expected: str) -> None:
        self.code, self.column, self.found, self.expected = code, column, found, expected


class _SheetReader:
    """Reads one sheet."""

    def __init__(self, sheet: tables.Sheet, file: str, zone: ZoneInfo) -> None:
        self.rows: list[Reported] = []
        self.findings: list[Finding] = []
        self._sheet = sheet
        self._file = file
        self._zone = zone

    def read(self, vocabulary: headers.Vocabulary, chosen: Mapping[str, str]) -> None:
        """Fills ``rows`` and ``findings``."""
        sheet = self._sheet
        if sheet.is_hidden:
            self._find(
                "sheet.hidden", Severity.INFO, None, "", sheet.name, "可见的工作表 / visible"
            )
            return
        header = headers.find_header(sheet, vocabulary, any_of=("start",))
        if header is None:
            self._find(
                "header.missing", Severity.ERROR, None, "", sheet.name or self._file,
                "一行表头：停电开始时间、线路等 / a header row with columns such as start and feeder",
            )  # fmt: skip
            return
        for field, label in chosen.items():
            if headers.label_key(header.label(field)) != headers.label_key(label):
                self._find(
                    "history.column_missing", Severity.ERROR, None, label, label,
                    "文件中的一列 / a column of the file",
                )  # fmt: skip
        for column in header.unknown:
            label = header.labels[column]
            self._find("header.unknown_column", Severity.INFO, None, label, label, "")
        if not {"end", "minutes", "hours"} & header.columns.keys():
            self._find(
                "history.no_end_column", Severity.WARNING, None, "", ", ".join(header.labels.values()),
                "送电时间或停电时长；无终止则不计入 SAIDI / an end or a duration: none is in SAIDI",
            )  # fmt: skip
        for index in range(header.end, len(sheet.rows)):
            cells = sheet.rows[index]
            if any(tables.cell_text(cell) for cell in cells) and not header.repeats(cells):
                self._read_row(sheet.first_row + index, cells, header)

    def _read_row(self, row: int, cells: Sequence[tables.Cell], header: headers.Header) -> None:
        def cell(field: str) -> tables.Cell:
            for column in header.columns.get(field, ()):
                if column < len(cells) and tables.cell_text(cells[column]):
                    return cells[column]
            return None

        def text(field: str) -> str:
            return tables.cell_text(cell(field))

        first = next(said for item in cells if (said := tables.cell_text(item)))
        is_total = any(_TOTAL.search(tables.cell_text(item)) for item in cells)
        if not text("start") and (is_total or plan_titles.is_footer(first)):
            self._find("row.footer", Severity.INFO, row, "", first, "")
            return
        if row in self._sheet.damaged:
            self._find(
                "row.damaged", Severity.ERROR, row, "", first,
                "字符和引号完好的一行 / a row without broken characters or quotes",
            )  # fmt: skip
            return
        try:
            starts_at = self._moment(cell("start"), header.label("start"))
            if starts_at is None:
                raise _Wrong(
                    "history.start_missing", header.label("start"), "", "停电开始时间 / a start"
                )
            ends_at = self._end(starts_at, cell, header)
            customers = _count(cell("customers"), header.label("customers"))
        except _Wrong as wrong:
            self._find(wrong.code, Severity.ERROR, row, wrong.column, wrong.found, wrong.expected)
            return
        if ends_at is None and {"end", "minutes", "hours"} & header.columns.keys():
            self._find(
                "history.end_missing", Severity.WARNING, row, header.label("end"), "",
                "送电时间；无终止则不计入 SAIDI / an end: without one it is not in SAIDI",
            )  # fmt: skip
        is_short = _SHORT.search(text("kind")) is not None
        self.rows.append(
            Reported(
                file=self._file,
                sheet=self._sheet.name,
                row=row,
                starts_at=starts_at,
                ends_at=ends_at,
                kind=InterruptionKind.SHORT if is_short else InterruptionKind.OUT,
                station=text("station"),
                feeder=text("feeder"),
                area=text("area"),
                account=text("account"),
                customers=customers,
                cause=text("cause"),
                event=text("event"),
            )
        )

    def _end(
        self, starts_at: datetime, cell: Callable[[str], tables.Cell], header: headers.Header
    ) -> datetime | None:
        told = next((f for f in ("end", "minutes", "hours") if tables.cell_text(cell(f))), None)
        if told is None:
            return None
        column, said = header.label(told), tables.cell_text(cell(told))
        if told == "end":
            ends_at = self._moment(cell(told), column)
        else:
            number = float(said.replace(",", "")) if _NUMBER.fullmatch(said) else None
            if number is None:
                raise _Wrong("history.duration_unreadable", column, said, "数字 / a number")
            # Too many for a date are too many anyhow.
            hours = min(number / 60 if told == "minutes" else number, 1e6)
            ends_at = starts_at + timedelta(hours=hours)
        if ends_at is None:
            return None
        begun = tables.cell_text(cell("start"))
        if ends_at <= starts_at:
            raise _Wrong(
                "history.end_before_start", column, said, f"晚于 {begun} / later than the start"
            )
        if ends_at - starts_at > _LONGEST:
            raise _Wrong(
                "history.too_long", column, said,
                f"{begun} 起不超过 {_LONGEST.days} 天 / not more than {_LONGEST.days} days",
            )  # fmt: skip
        return ends_at

    def _moment(self, cell: tables.Cell, column: str) -> datetime | None:
        """A time of a cell, in UTC. Raises ``_Wrong``."""
        said = plan_windows.moment_text(cell).strip()
        if not said:
            return None
        match = _MOMENT.fullmatch(said)
        expected = "2026-03-05 08:30，年月日时分 / a day and a time of day"
        if match is None:
            raise _Wrong("history.time_unreadable", column, said, expected)
        parts = [
            int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
        ]
        midnight = parts[3:] == [24, 0, 0]
        if midnight:
            parts[3] = 0
        try:
            local = datetime(*parts) + timedelta(days=midnight)  # type: ignore[arg-type]  # noqa: DTZ001 - its zone follows
        except (ValueError, OverflowError):
            raise _Wrong("history.time_unreadable", column, said, expected) from None
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            raise _Wrong(
                "history.time_unreadable", column, said,
                f"{FIRST_YEAR}–{LAST_YEAR} 年 / a year from {FIRST_YEAR} to {LAST_YEAR}",
            )  # fmt: skip
        if match["offset"]:
            return datetime.fromisoformat(f"{local.isoformat()}{match['offset']}").astimezone(UTC)
        found = local.replace(tzinfo=self._zone).astimezone(UTC)
        if found.astimezone(self._zone).replace(tzinfo=None) != local:
            raise _Wrong(
                "history.time_unreadable", column, said,
                "该时刻因夏令时不存在 / the clocks leapt over this hour",
            )  # fmt: skip
        return found

    def _find(
        self, code: str, severity: Severity, row: int | None, column: str, found: str, expected: str
    ) -> None:
        self.findings.append(
            Finding(
                code=code,
                severity=severity,
                found=found,
                expected=expected,
                file=self._file,
                sheet=self._sheet.name,
                row=row,
                column=column,
            )
        )


def _count(cell: tables.Cell, column: str) -> int | None:
    said = tables.cell_text(cell)
    if not said:
        return None
    match = _NUMBER.fullmatch(said)
    number = float(said.replace(",", "")) if match else -1.0
    if number < 0 or not number.is_integer() or number > 100_000_000:
        raise _Wrong("history.customers_unreadable", column, said, "户数 / a whole number")
    return int(number)
