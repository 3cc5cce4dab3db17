"""Outage windows out of the words of a plan, each with those words; doubts become findings.

A text is read completely or it is reported: a weekday that does not fit, a lost figure, an end
before its start, a time that does not exist give no window, because a person has to say what was
meant. Times are read in the utility's zone; windows are in UTC.
"""

import functools
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.finding import Severity
from notifier.domain.plan import SourceWindow
from notifier.intake import tables
from notifier.intake.window_clock import DAY
from notifier.intake.window_dates import DateContext
from notifier.intake.window_doubts import Doubts
from notifier.intake.window_reader import ParsedWindows, WindowReader
from notifier.intake.window_tokens import Kind, tokenize

_EPOCH = date(1899, 12, 30)


def parse_windows(
    date_text: tables.Cell,
    time_text: tables.Cell,
    *,
    zone: ZoneInfo,
    published: date | None = None,
    context: DateContext | None = None,
    row: int | None = None,
    column: str = "",
) -> ParsedWindows:
    """The windows of a plan's date and time, or of one text that holds both (the other empty).

    Cells may be text, dates, times or serial numbers of a spreadsheet. ``context`` replaces
    ``zone`` and ``published`` where a title or a heading says more. Findings carry ``row`` and
    ``column``; codes are in ``docs/findings.md``. Raises nothing.
    """
    context = context or DateContext(zone=zone, published=published)
    day_words, time_words = moment_text(date_text), moment_text(time_text)
    text = f"{_source(date_text, day_words)} {_source(time_text, time_words)}".strip()
    return _at_row(_read(context, text, column, day_words, _with_colons(time_words)), row)


def parse_span(
    date_text: tables.Cell,
    start: tables.Cell,
    end: tables.Cell,
    *,
    zone: ZoneInfo,
    published: date | None = None,
    context: DateContext | None = None,
    row: int | None = None,
    column: str = "",
) -> ParsedWindows:
    """Like ``parse_windows`` for files with one column for the start and one for the end.

    Where the start's cell holds whole windows already, the end's cell only has to agree.
    """
    context = context or DateContext(zone=zone, published=published)
    day_words, start_words, end_words = map(moment_text, (date_text, start, end))
    day_source = _source(date_text, day_words)
    text = f"{day_source} {_source(start, start_words)}".strip()
    text = f"{text} — {_source(end, end_words)}" if end_words else text
    # A day without a time in a column of moments is its midnight: spreadsheets drop 0:00.
    if ":" in end_words and _is_day(start, start_words):
        start_words += " 0:00"
    elif ":" in start_words and _is_day(end, end_words):
        end_words += " 0:00"
    return _at_row(_read_span(context, text, column, day_words, start_words, end_words), row)


# A file repeats the same hours on the same days over many rows: each is read once.
@functools.lru_cache(maxsize=16_384)
def _read(
    context: DateContext, text: str, column: str, day_words: str, time_words: str
) -> ParsedWindows:
    if time_words and _BARE_DAY.fullmatch(day_words):
        day_words += "日"
    return WindowReader(context, text, Doubts(column)).read(day_words, time_words)


@functools.lru_cache(maxsize=16_384)
def _read_span(
    context: DateContext, text: str, column: str, day_words: str, start_words: str, end_words: str
) -> ParsedWindows:
    if _BARE_DAY.fullmatch(day_words):
        day_words += "日"
    tokens = tokenize(start_words).items
    times_at = [at for at, token in enumerate(tokens) if token.kind is Kind.TIME]
    has_range = len(times_at) > 1 and any(
        tokens[at].kind is Kind.RANGE for at in range(times_at[0], times_at[-1])
    )
    doubts = Doubts(column)
    reader = WindowReader(context, text, doubts)
    if not has_range:
        both = f"{start_words} 至 {end_words}" if end_words else start_words
        return reader.read(day_words, both)
    parsed = reader.read(day_words, start_words)
    times = [token.value for token in tokenize(end_words).items if token.kind is Kind.TIME]
    if times and parsed.windows:
        local = parsed.windows[-1].window.ends_at.astimezone(context.zone)
        if times[-1] % DAY != local.hour * 3600 + local.minute * 60 + local.second:
            expected = "两列时间一致 / both columns agree"
            doubts.report("window.contradiction", Severity.ERROR, text, expected)
            return replace(parsed, windows=(), findings=doubts.all())
    return parsed


def _at_row(parsed: ParsedWindows, row: int | None) -> ParsedWindows:
    if row is None:
        return parsed
    return ParsedWindows(
        windows=tuple(
            SourceWindow(window=item.window, text=item.text, row=row) for item in parsed.windows
        ),
        findings=tuple(replace(finding, row=row) for finding in parsed.findings),
        days=parsed.days,
    )


def moment_text(cell: tables.Cell) -> str:
    """A cell as words the reader knows: serial numbers of a spreadsheet become dates and times."""
    if isinstance(cell, bool):
        return ""
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = tables.cell_text(cell)
        if not _SERIAL.fullmatch(text):
            return text
        cell = float(text)
    if isinstance(cell, (int, float)):
        return _serial_text(float(cell))
    if isinstance(cell, timedelta):
        hours, seconds = divmod(round(cell.total_seconds()), 3600)
        return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
    if isinstance(cell, datetime):
        if cell.microsecond:
            cell = (cell + timedelta(milliseconds=500)).replace(microsecond=0)
        return cell.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
    return tables.cell_text(cell)


def _serial_text(value: float) -> str:
    days, part = divmod(value, 1.0)
    seconds = round(part * DAY)
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if 0 <= value <= 1:
        return "24:00" if value == 1 else clock
    if not 30_000 <= days <= 80_000:
        return f"{value:.15g}"
    day = _EPOCH + timedelta(days=int(days))
    return f"{day} {clock}" if seconds else f"{day}"


def _is_day(cell: tables.Cell, words: str) -> bool:
    """Whether a cell of the spreadsheet's own kind holds a day without a time."""
    if isinstance(cell, date):
        return not isinstance(cell, datetime)
    return isinstance(cell, (int, float)) and ":" not in words


def _source(cell: tables.Cell, words: str) -> str:
    return tables.cell_text(cell) if isinstance(cell, str) else words


#: A column of days under a title with the month.
_BARE_DAY = re.compile(r"\d{1,2}")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?|0?\.\d+")
_FOUR_FIGURES = re.compile(
    r"(?<!\d)([012]\d)([0-5]\d)\s*([-—–~～至到]+)\s*([012]\d)([0-5]\d)(?!\d)"
)


def _with_colons(text: str) -> str:
    """0830-1730, in a column of times, is 08:30-17:30."""
    return _FOUR_FIGURES.sub(r"\1:\2\3\4:\5", text) if ":" not in text else text
