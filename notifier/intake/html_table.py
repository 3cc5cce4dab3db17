"""Tables out of HTML, which many systems export under the name ``.xls``."""

import html.parser
from dataclasses import dataclass, field

_SPAN_LIMIT = 65_534


class TooLarge(Exception):
    """The page holds more rows or cells than were asked for."""


@dataclass(slots=True)
class HtmlTable:
    """A table laid out as a grid; ``merged`` are (first row, first column, last row, last column).

    Rows are numbered from 1, columns from 0; spanned cells all hold their common text.
    """

    rows: list[list[str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def read_tables(text: str, *, rows: int, cells: int) -> list[HtmlTable]:
    """All outermost tables of the page that hold text. Raises ``TooLarge``."""
    parser = _Parser(rows, cells)
    parser.feed(text)
    parser.close()
    return [table for table in parser.tables if any(any(row) for row in table.rows)]


class _Parser(html.parser.HTMLParser):
    def __init__(self, rows: int, cells: int) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[HtmlTable] = []
        self._rows_left = rows
        self._cells_left = cells
        self._depth = 0
        self._ignored = 0
        self._words: list[str] | None = None
        self._spans = (1, 1)
        #: What hangs down into coming rows: column → (rows left, text).
        self._hanging: dict[int, tuple[int, str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script"):
            self._ignored += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.tables.append(HtmlTable())
                self._hanging = {}
        elif self._depth != 1:
            return
        elif tag == "tr":
            self._end_cell()
            self._begin_row()
        elif tag in ("td", "th"):
            self._end_cell()
            if not self.tables[-1].rows:
                self._begin_row()
            given = dict(attrs)
            self._spans = (_span(given.get("rowspan")), _span(given.get("colspan")))
            self._words = []
        elif tag in ("br", "p", "div") and self._words:
            self._words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._ignored = max(0, self._ignored - 1)
        elif tag == "table":
            if self._depth == 1:
                self._end_cell()
                self._carry()
            self._depth = max(0, self._depth - 1)
        elif self._depth == 1 and tag in ("td", "th", "tr"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._words is not None and not self._ignored:
            self._words.append(data)

    def _begin_row(self) -> None:
        if self.tables[-1].rows:
            self._carry()
        self._rows_left -= 1
        if self._rows_left < 0:
            raise TooLarge
        self.tables[-1].rows.append([])

    def _carry(self) -> None:
        """Fill what hangs down at the end of a row."""
        row = self.tables[-1].rows[-1] if self.tables[-1].rows else None
        while row is not None and self._take(row):
            pass

    def _take(self, row: list[str]) -> bool:
        hanging = self._hanging.get(len(row))
        if hanging is None:
            return False
        left, text = hanging
        if left > 1:
            self._hanging[len(row)] = (left - 1, text)
        else:
            del self._hanging[len(row)]
        row.append(text)
        return True

    def _end_cell(self) -> None:
        if self._words is None:
            return
        lines = "".join(self._words).split("\n")
        text = "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)
        self._words = None
        table = self.tables[-1]
        row = table.rows[-1]
        while self._take(row):
            pass
        down, across = self._spans
        self._cells_left -= across
        if self._cells_left < 0:
            raise TooLarge
        if down > 1 or across > 1:
            top = len(table.rows)
            table.merged.append((top, len(row), top + down - 1, len(row) + across - 1))
        for _ in range(across):
            if down > 1:
                self._hanging[len(row)] = (down - 1, text)
            row.append(text)


def _span(value: str | None) -> int:
    return min(max(int(value), 1), _SPAN_LIMIT) if value and value.isdecimal() else 1
