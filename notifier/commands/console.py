"""What the commands print: JSON for machines, aligned tables for people, notes on standard error."""

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import orjson

#: A cell of a table is cut to so many columns; JSON has everything.
_WIDEST = 48
_SEVERITY_ORDER = {"error": 0, "warning": 1, "info": 2}
_FINDINGS_SHOWN = 40


@dataclass(slots=True)
class Console:
    """Where a command writes. ``out`` holds what was asked for, ``err`` everything else."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    _is_noting: bool = False

    def say(self, text: str = "") -> None:
        """One line of the answer."""
        self.out.write(f"{text}\n")

    def json(self, value: Any) -> None:
        """The answer as one JSON document, UTF-8, indented."""
        self.say(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())

    def json_array(self, head: Mapping[str, Any], name: str) -> "JsonArray":
        """The answer as one JSON document of which ``name`` is a long list, written as it comes."""
        return JsonArray(self.out, head, name)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """An aligned table; a wide character takes two columns. Nothing is printed without rows."""
        cells = [[_cell(value) for value in row] for row in rows]
        if not cells:
            return
        widths = [
            max(_width(line[place]) for line in (headers, *cells)) for place in range(len(headers))
        ]
        for line in (headers, ["─" * width for width in widths], *cells):
            padded = (
                text + " " * (width - _width(text))
                for text, width in zip(line, widths, strict=True)
            )
            self.say("  ".join(padded).rstrip())

    def findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings, gravest first; the tail of a long list is counted, not shown."""
        ordered = sorted(findings, key=lambda item: _SEVERITY_ORDER[item["severity"]])
        if not ordered:
            return
        self.say()
        self.table(
            ("级别 severity", "位置 place", "代码 code", "读到 found", "应为 expected"),
            (
                (item["severity"], place_of(item), item["code"], item["found"], item["expected"])
                for item in ordered[:_FINDINGS_SHOWN]
            ),
        )
        if len(ordered) > _FINDINGS_SHOWN:
            rest = len(ordered) - _FINDINGS_SHOWN
            self.say(f"…… 另有 {rest} 条，--json 查看全部 / {rest} more: see them all with --json")

    def note(self, text: str) -> None:
        """One line beside the answer, on standard error."""
        self.end_progress()
        self.err.write(f"{text}\n")
        self.err.flush()

    def progress(self, text: str) -> None:
        """How far it is, on a terminal only: one line that is written over."""
        if self.err.isatty():
            self.err.write(f"\r\x1b[K{text}")
            self.err.flush()
            self._is_noting = True

    def end_progress(self) -> None:
        """Leaves the line of progress behind."""
        if self._is_noting:
            self.err.write("\r\x1b[K")
            self._is_noting = False


class JsonArray:
    """A JSON object being written: ``head``, then a list item by item, then what closes it."""

    def __init__(self, out: TextIO, head: Mapping[str, Any], name: str) -> None:
        self._out = out
        opening = orjson.dumps(dict(head), option=orjson.OPT_INDENT_2).decode()
        self._out.write(f'{opening[:-2]},\n  "{name}": [')
        self._count = 0

    def add(self, item: Any) -> None:
        """One item, on a line of its own."""
        self._out.write(f"{',' if self._count else ''}\n    {orjson.dumps(item).decode()}")
        self._count += 1

    def close(self, tail: Mapping[str, Any]) -> None:
        """Ends the list; ``tail`` is what is known only now, and not empty."""
        closing = orjson.dumps(dict(tail), option=orjson.OPT_INDENT_2).decode()
        self._out.write(f"{chr(10) + '  ' if self._count else ''}],{closing[1:]}\n")


def place_of(item: Mapping[str, Any]) -> str:
    """Where a finding stands: sheet, row, column."""
    row = item.get("row")
    parts = [item.get("sheet") or item.get("file", ""), f"{row} 行" if row else ""]
    return " ".join(str(part) for part in (*parts, item.get("column", "")) if part)


def has_errors(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any is of severity error."""
    return any(item["severity"] == "error" for item in findings)


def local(moment: datetime | None, zone: ZoneInfo) -> str:
    """A time for people, in the utility's zone; a stroke for none."""
    return "—" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def iso(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """A time for machines: ISO 8601 with the offset of the utility's zone."""
    return None if moment is None else moment.astimezone(zone).isoformat()


def counted(numbers: Mapping[str, int]) -> str:
    """``out 120, short 8``; a stroke for nothing."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items()) or "—"


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    if _width(text) <= _WIDEST:
        return text
    kept, width = [], 0
    for char in text:
        width += _width(char)
        if width > _WIDEST - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
