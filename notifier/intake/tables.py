"""Spreadsheets and delimited text as rows of plain cells, whatever program saved them.

XLSX, XLS, ET and ODS are read by calamine, CSV and TSV by the standard library, and an HTML table
saved under the name ``.xls`` by ``html_table``. What a file is, its bytes say; its name does not.
Everything here blocks: callers run it off the event loop.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import python_calamine

from notifier.domain import errors
from notifier.intake import archive, html_table, old_workbook

#: What a cell may hold. Empty cells are None, dates and times are naive, as people write them.
Cell = str | int | float | bool | datetime | date | time | timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLimits:
    """How much of a file is read before it is refused.

    ``size`` and ``unpacked`` in bytes; ``ratio`` unpacked to packed; ``rows`` over all sheets;
    ``cells`` in the rectangle of one sheet; ``sheets`` in a workbook.
    """

    size: int = 256 << 20
    unpacked: int = 2 << 30
    ratio: float = 250.0
    rows: int = 2_000_000
    cells: int = 40_000_000
    sheets: int = 200


class TableError(errors.Invalid):
    """The file cannot be read as a table; nothing was taken from it."""

    code = "table.unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Merged cells, ends included. Rows are numbered as in the file, from 1; columns from 0."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet. ``name`` is empty for delimited text.

    ``rows[i]`` is row ``first_row + i`` of the file; a row may be shorter than others, and the
    columns start with the file's first one. Merged cells all hold their common value; ``merged``
    tells which they were. ``damaged`` rows had broken characters or quotes and may be misread.
    ``is_hidden`` sheets are not shown to whoever opens the file.
    """

    name: str
    rows: list[tuple[Cell, ...]]
    first_row: int = 1
    merged: tuple[Merge, ...] = ()
    damaged: frozenset[int] = frozenset()
    is_hidden: bool = False


_DEFAULT = TableLimits()


def read_sheets(path: Path, limits: TableLimits = _DEFAULT) -> list[Sheet]:
    """All sheets of the file, in its order, empty ones left out.

    Raises ``TableError`` with the codes ``table.not_found``, ``table.empty``, ``table.too_large``,
    ``table.damaged``, ``table.password``, ``table.format`` and ``table.encoding``.
    """
    data = _read(path, limits)
    try:
        sheets = _read_data(data, limits)
    except (archive.ArchiveError, old_workbook.OldWorkbookError) as refusal:
        raise TableError(refusal.sentence, code=refusal.code) from refusal
    if not sheets:
        raise TableError("表格中没有内容 / the file holds no rows", code="table.empty")
    return sheets


def cell_text(cell: Cell) -> str:
    """The cell as text, without blanks around it (ideographic ones, tabs and byte marks too).

    Whole numbers have no decimals, dates and times are ISO 8601, durations H:MM:SS, None is empty.
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip().strip("\ufeff\u200b\u200c\u200d\u2060").strip()
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e17 else format(cell, ".15g")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, time):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell)


def decode(data: bytes) -> str:
    """Text in UTF-8, UTF-16 with a byte order mark, or GB18030; byte order marks are left out.

    A few broken bytes become U+FFFD. Raises ``TableError`` where no encoding fits.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").replace("\ufeff", "")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # A byte order mark may stand in front of every row where files were joined.
        return text.replace("\ufeff", "")
    for encoding in ("utf-8", "gb18030"):
        text = data.decode(encoding, errors="replace")
        foreign = sum(not char.isascii() for char in text)
        if text.count("\ufffd") * 50 <= foreign:
            return text.replace("\ufeff", "")
    raise TableError(
        "文字编码无法识别，请另存为 UTF-8 / the encoding is neither UTF-8 nor GB18030",
        code="table.encoding",
    )


def _read(path: Path, limits: TableLimits) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limits.size + 1)
    except FileNotFoundError as fault:
        raise TableError(
            f"找不到文件 / no such file: {path.name}", code="table.not_found"
        ) from fault
    except OSError as fault:
        raise TableError(f"文件无法读取 / the file cannot be read: {path.name}") from fault
    if len(data) > limits.size:
        raise TableError(
            f"文件超过 {limits.size >> 20} MB / the file is over {limits.size >> 20} MB",
            code="table.too_large",
        )
    if not data.strip():
        raise TableError("文件是空的 / the file is empty", code="table.empty")
    return data


def _read_data(data: bytes, limits: TableLimits) -> list[Sheet]:
    if data[:4] == b"PK\x03\x04":
        members = archive.check_archive(
            data, unpacked=limits.unpacked, ratio=limits.ratio, cells=limits.cells
        )
        if "xl/workbook.xml" not in members and "content.xml" not in members:
            raise TableError(
                "不支持的文件格式，请另存为 xlsx 或 csv / not a table: save it as xlsx or csv",
                code="table.format",
            )
        return _read_workbook(data, limits)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        old_workbook.check(data)
        return _read_workbook(data, limits)
    head = data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<div")) or (
        head.startswith(b"<?xml") and b"<html" in head
    ):
        return _read_html(data, limits)
    if head.startswith((b"<?xml", b"%pdf", b"{\\rtf", b"rar!", b"7z\xbc\xaf", b"\x1f\x8b")):
        raise TableError(
            "不支持的文件格式，请另存为 xlsx 或 csv / not a table: save it as xlsx or csv",
            code="table.format",
        )
    if b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise TableError(
            "不是文本也不是表格 / the file is neither text nor a workbook: " + _place_of_nul(data),
            code="table.format",
        )
    return _read_text(decode(data), limits)


def _place_of_nul(data: bytes) -> str:
    """Where the first NUL stands, for a file that is text but for that."""
    before = data[: data.index(b"\0")]
    row, line = before.count(b"\n") + 1, before.rpartition(b"\n")[2]
    column = max(line.count(sign) for sign in (b",", b";", b"\t")) + 1
    return f"第 {row} 行第 {column} 列有 NUL 字符 / a NUL character in row {row}, column {column}"


def _read_workbook(data: bytes, limits: TableLimits) -> list[Sheet]:
    sheets = []
    left = limits.rows
    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            if len(workbook.sheet_names) > limits.sheets:
                raise TableError("工作表过多 / too many sheets", code="table.too_large")
            for about in workbook.sheets_metadata:
                if about.typ is not python_calamine.SheetTypeEnum.WorkSheet:
                    continue
                found = workbook.get_sheet_by_name(about.name)
                if found.start is None:
                    continue
                if found.total_height > left:
                    raise _too_many_rows(limits)
                rows, first_row, merged = _rows_of(found, limits)
                left -= len(rows)
                sheets.append(
                    Sheet(
                        name=about.name,
                        rows=rows,
                        first_row=first_row,
                        merged=merged,
                        is_hidden=about.visible is not python_calamine.SheetVisibleEnum.Visible,
                    )
                )
    except python_calamine.PasswordError as fault:
        raise TableError(
            "文件有密码，请取消密码后再导入 / the file has a password; save it without one",
            code="table.password",
        ) from fault
    except python_calamine.CalamineError as fault:
        raise TableError(
            "文件已损坏或格式不支持，请另存为 xlsx / the workbook is damaged: save it again as xlsx",
            code="table.damaged",
        ) from fault
    return sheets


def _rows_of(
    found: python_calamine.CalamineSheet, limits: TableLimits
) -> tuple[list[tuple[Cell, ...]], int, tuple[Merge, ...]]:
    """The sheet's rows, the number of the first one, and the merged ranges, already filled."""
    # Row by row, not in one call: between rows other threads run, so the event loop goes on.
    start = found.start or (0, 0)
    pad = ("",) * start[1]
    body = [
        tuple(cell if cell != "" else None for cell in (*pad, *row)) for row in found.iter_rows()
    ]
    # calamine answers the empty rows above the first cell as well.
    merges = tuple(
        Merge(first_row=top + 1, first_column=left, last_row=bottom + 1, last_column=right)
        for (top, left), (bottom, right) in sorted(found.merged_cell_ranges or ())
    )
    _fill(body, merges, limits)
    return body, 1, merges


def _fill(rows: list[tuple[Cell, ...]], merges: Sequence[Merge], limits: TableLimits) -> None:
    filled = 0
    width = max(map(len, rows), default=0)
    for merge in merges:
        if merge.first_row > len(rows) or merge.first_column >= width:
            continue
        value = rows[merge.first_row - 1][merge.first_column]
        if value is None:
            continue
        last_row = min(merge.last_row, len(rows))
        end = min(merge.last_column + 1, width)
        filled += (last_row - merge.first_row + 1) * width
        if filled > limits.cells:
            raise TableError("合并单元格过多 / too many merged cells", code="table.too_large")
        span = (value,) * (end - merge.first_column)
        for index in range(merge.first_row - 1, last_row):
            row = rows[index]
            rows[index] = row[: merge.first_column] + span + row[end:]


def _read_html(data: bytes, limits: TableLimits) -> list[Sheet]:
    try:
        found = html_table.read_tables(decode(data), rows=limits.rows, cells=limits.cells)
    except html_table.TooLarge as refusal:
        raise _too_many_rows(limits) from refusal
    sheets = []
    for number, table in enumerate(found, start=1):
        rows: list[tuple[Cell, ...]] = [tuple(cell or None for cell in row) for row in table.rows]
        merged = tuple(
            Merge(first_row=top, first_column=left, last_row=bottom, last_column=right)
            for top, left, bottom, right in table.merged
        )
        name = "" if len(found) == 1 else f"table {number}"
        sheets.append(Sheet(name=name, rows=rows, merged=merged))
    if not sheets:
        raise TableError("网页中没有表格 / the page holds no table", code="table.format")
    return sheets


_MOST_REPAIRS = 200


def _read_text(text: str, limits: TableLimits) -> list[Sheet]:
    delimiter = _delimiter(text)
    rows: list[tuple[Cell, ...]] = []
    damaged = set()
    for fields, is_damaged in _records(text, delimiter):
        rows.append(tuple([field or None for field in fields]))
        if is_damaged:
            damaged.add(len(rows))
        if len(rows) > limits.rows:
            raise _too_many_rows(limits)
    if "\ufffd" in text:
        for number, row in enumerate(rows, start=1):
            if any(isinstance(cell, str) and "\ufffd" in cell for cell in row):
                damaged.add(number)
    return [Sheet(name="", rows=rows, damaged=frozenset(damaged))]


def _records(text: str, delimiter: str) -> Iterator[tuple[list[str], bool]]:
    """Records with whether they had to be repaired.

    A quote that is never closed would swallow all rows after it; such a line is read again with
    its quotes as plain characters, and reading goes on with the next line.
    """
    lines = list(io.StringIO(text, newline=""))
    at = repairs = 0
    while at < len(lines):
        reader = csv.reader(lines[at:] if at else lines, delimiter=delimiter, strict=True)
        begun = 0
        try:
            for fields in reader:
                begun = reader.line_num
                yield fields, False
            return
        except csv.Error as fault:
            repairs += 1
            if repairs > _MOST_REPAIRS:
                raise TableError(
                    f"引号不成对的行过多 / too many rows with unpaired quotes, last at line {at + begun}",
                    code="table.damaged",
                ) from fault
        at += begun
        yield from (
            (fields, True)
            for fields in csv.reader([lines[at]], delimiter=delimiter, quoting=csv.QUOTE_NONE)
        )
        at += 1


def _delimiter(text: str) -> str:
    """The delimiter by which most of the first lines have the same number of fields."""
    sample = list(io.StringIO(text[:65_536], newline=""))[:200]
    best, most = ",", 0
    for delimiter in (",", "\t", ";", "|"):
        widths: dict[int, int] = {}
        try:
            for fields in csv.reader(sample, delimiter=delimiter):
                if len(fields) > 1:
                    widths[len(fields)] = widths.get(len(fields), 0) + 1
        except csv.Error:
            continue
        score = max((width * count for width, count in widths.items()), default=0)
        if score > most:
            best, most = delimiter, score
    return best


def _too_many_rows(limits: TableLimits) -> TableError:
    return TableError(
        f"超过 {limits.rows} 行 / more than {limits.rows} rows", code="table.too_large"
    )
