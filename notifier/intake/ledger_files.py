"""The sheets of ledger files as rows of text: delimited text streamed, workbooks read whole.

A ledger of a million rows is some hundred megabytes of text; it is decoded and split as it is read.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from notifier.intake import tables
from notifier.intake.ledger_columns import Columns, Field, find_header

_BLOCK = 1 << 20
_SAMPLE = 1_000
#: A quoted field may hold line breaks; one that goes on for so many lines was never closed.
_MOST_LINES = 40
_DELIMITERS = ",\t;|"

#: From this share of blanks on, a blank below a station or feeder means the one above.
_CARRIED_SHARE = 0.3
#: Areas are blank for medium-voltage customers too, so it takes more.
_CARRIED_AREA_SHARE = 0.5


@dataclass(slots=True, kw_only=True)
class LedgerSheet:
    """One sheet: its columns, how blanks are meant, and its rows after the header, once.

    ``is_hidden`` as the workbook says. ``columns`` is None where no header was found;
    ``heading`` is the header as written.
    """

    file: str
    name: str
    columns: Columns | None
    carried: frozenset[Field]
    rows: Iterator[tuple[int, Sequence[str]]]
    damaged: frozenset[int] | set[int]
    heading: Sequence[str] = ()
    is_hidden: bool = False

    @property
    def has_customers(self) -> bool:
        return self.columns is not None and Field.ACCOUNT in self.columns


def open_sheets(path: Path, *, limits: tables.TableLimits | None = None) -> list[LedgerSheet]:
    """The sheets of a file with their headers read. Raises ``tables.TableError``.

    Blocks; the rows of delimited text are read as they are asked for.
    """
    if is_text(path):
        return [_open_text(path)]
    sheets = tables.read_sheets(path, limits) if limits else tables.read_sheets(path)
    return [_of_sheet(path.name, sheet) for sheet in sheets]


def is_text(path: Path) -> bool:
    """Whether the file is delimited text by its first bytes. Raises ``tables.TableError``."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError as fault:
        raise tables.TableError(
            f"找不到文件 / no such file: {path.name}", code="table.not_found"
        ) from fault
    except OSError as fault:
        raise tables.TableError(
            f"文件无法读取 / the file cannot be read: {path.name}", code="table.unreadable"
        ) from fault
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    bare = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    markup = (b"<", b"%PDF", b"{\\rtf", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"PK\x03\x04")
    return bool(bare) and b"\0" not in head and not bare.startswith(markup)


def _of_sheet(file: str, sheet: tables.Sheet) -> LedgerSheet:
    text = tables.cell_text
    rows = [[text(cell) for cell in row] for row in sheet.rows]
    header = find_header(rows)
    if header is None:
        return LedgerSheet(
            file=file, name=sheet.name, columns=None, carried=frozenset(), rows=iter(()),
            damaged=frozenset(), is_hidden=sheet.is_hidden,
        )  # fmt: skip
    place, columns = header
    return LedgerSheet(
        file=file,
        name=sheet.name,
        columns=columns,
        carried=_carried(rows[place + 1 :], columns),
        rows=(
            (sheet.first_row + index, rows[index]) for index in range(place + 1, len(rows))
        ),
        damaged=sheet.damaged,
        heading=rows[place],
        is_hidden=sheet.is_hidden,
    )  # fmt: skip


def _open_text(path: Path) -> LedgerSheet:
    encoding, is_lossy = _encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        sample = list(islice(file, 200))
    delimiter = _delimiter(sample)
    damaged: set[int] = set()
    # Where files were joined, a byte order mark stands in front of every part, or of every row.
    has_marks = encoding != "utf-16" and _has_marks(path)
    records = _records(_lines(path, encoding, has_marks=has_marks), delimiter, damaged)
    if is_lossy:
        records = _noting_damage(records, damaged)
    first = list(islice(records, _SAMPLE))
    trimmed = [[cell.strip() for cell in row] for _, row in first]
    header = find_header(trimmed)
    if header is None:
        return LedgerSheet(
            file=path.name, name="", columns=None, carried=frozenset(), rows=iter(()),
            damaged=damaged,
        )  # fmt: skip
    place, columns = header
    return LedgerSheet(
        file=path.name,
        name="",
        columns=columns,
        carried=_carried(trimmed[place + 1 :], columns),
        rows=_joined(first[place + 1 :], records),
        damaged=damaged,
        heading=trimmed[place],
    )


def _joined(
    first: list[tuple[int, list[str]]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, Sequence[str]]]:
    yield from first
    first.clear()
    yield from rest


def _encoding(path: Path) -> tuple[str, bool]:
    """The encoding that fits the whole file, and whether some bytes fit none.

    Raises ``tables.TableError`` (``table.encoding``).
    """
    with path.open("rb") as file:
        head = file.read(3)
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16", False
        faults = {}
        for name, encoding in (("utf-8", "utf-8-sig"), ("gb18030", "gb18030")):
            file.seek(0)
            decoder = codecs.getincrementaldecoder(name)("replace")
            wrong = foreign = 0
            while block := file.read(_BLOCK):
                text = decoder.decode(block)
                if not text.isascii():
                    wrong += text.count("\ufffd")
                    foreign += len(text) - len(text.encode("ascii", "ignore"))
                if wrong * 50 > foreign + 50 * 100:
                    break
            wrong += decoder.decode(b"", final=True).count("\ufffd")
            if not wrong:
                return encoding, False
            if wrong * 50 <= foreign:
                faults[encoding] = wrong
    if faults:
        return min(faults, key=faults.__getitem__), True
    raise tables.TableError(
        "文字编码无法识别，请另存为 UTF-8 / the encoding is neither UTF-8 nor GB18030",
        code="table.encoding",
    )


def _has_marks(path: Path) -> bool:
    with path.open("rb") as file:
        carry = b""
        file.read(3)
        while block := file.read(_BLOCK):
            if b"\xef\xbb\xbf" in carry + block:
                return True
            carry = block[-2:]
    return False


def _lines(path: Path, encoding: str, *, has_marks: bool) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="", buffering=_BLOCK) as file:
        if has_marks:
            yield from (line.replace("\ufeff", "") for line in file)
        else:
            yield from file


def _delimiter(sample: Sequence[str]) -> str:
    """The delimiter by which most of the first lines have the same number of fields."""
    best, most = ",", 0
    for delimiter in _DELIMITERS:
        widths: dict[int, int] = {}
        for fields in csv.reader(sample, delimiter=delimiter):
            if len(fields) > 1:
                widths[len(fields)] = widths.get(len(fields), 0) + 1
        score = max((width * count for width, count in widths.items()), default=0)
        if score > most:
            best, most = delimiter, score
    return best


class _Pushback:
    """Lines, remembering those of the record being read so that they can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        if len(self.taken) > _MOST_LINES:
            raise csv.Error("a quote was never closed")
        return line

    def restore(self) -> str:
        """The first line of the record; the others will come once more."""
        first, *others = self.taken
        self._again.extend(reversed(others))
        self.taken = []
        return first


def _records(
    lines: Iterator[str], delimiter: str, damaged: set[int]
) -> Iterator[tuple[int, list[str]]]:
    """Records with their number from 1. A quote that is never closed costs its own line only."""
    source = _Pushback(lines)
    number = 0
    while True:
        reader = csv.reader(source, delimiter=delimiter)
        try:
            for fields in reader:
                number += 1
                taken = source.taken
                if len(taken) > 1 and not taken[-1].count('"'):
                    break
                taken.clear()
                yield number, fields
            else:
                return
        except csv.Error:
            number += 1
        damaged.add(number)
        line = source.restore()
        yield (
            number,
            next(csv.reader(io.StringIO(line), delimiter=delimiter, quoting=csv.QUOTE_NONE)),
        )


def _noting_damage(
    records: Iterator[tuple[int, list[str]]], damaged: set[int]
) -> Iterator[tuple[int, list[str]]]:
    for number, fields in records:
        if any("\ufffd" in field for field in fields):
            damaged.add(number)
        yield number, fields


def _carried(rows: Sequence[Sequence[str]], columns: Columns) -> frozenset[Field]:
    """Columns in which so many cells are blank that a blank repeats the one above."""
    key = next(
        (columns[field][0] for field in (Field.ACCOUNT, Field.AREA_CODE, Field.AREA)
         if field in columns),
        None,
    )  # fmt: skip
    if key is None:
        return frozenset()
    bodies = [row for row in rows if len(row) > key and row[key].strip()]
    if len(bodies) < 2:
        return frozenset()

    def blank_share(*fields: Field) -> float:
        places = [columns[field][0] for field in fields if field in columns]
        if not places:
            return 0.0
        blank = sum(
            1
            for row in bodies
            if not any(place < len(row) and row[place].strip() for place in places)
        )
        # A column that is blank throughout has nothing to repeat.
        return blank / len(bodies) if blank < len(bodies) else 0.0

    carried = {
        field for field in (Field.STATION, Field.FEEDER) if blank_share(field) >= _CARRIED_SHARE
    }
    if blank_share(Field.AREA, Field.AREA_CODE) >= _CARRIED_AREA_SHARE and carried:
        carried |= {Field.AREA, Field.AREA_CODE} & columns.keys()
    return frozenset(carried)
