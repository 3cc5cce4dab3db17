"""Where a sheet's header stands and which column is which, whatever the bureau calls them."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from notifier.domain import names
from notifier.intake import tables

_BRACKETED = re.compile(r"[(（\[【〔<《][^()（）\[\]【】]*[)）\]】〕>》]")
_ORNAMENT = re.compile(r"[*＊:：•·.、,，\s\"'“”_\-—/\\]+")
#: A day or a time: no label, so its row is no header.
_VALUE = re.compile(r"\d\s*[年月日:：点时]\s*\d|\d[./-]\d")
_ALTERNATIVES = re.compile(r"[/、]|或|及")
_QUALIFIED = re.compile(r"^(?:拟|本次|具体|预计|申请|预安排|安排|计划)+|(?:名称|必填|选填)+$")
_COUNTED = re.compile(r"(?:\d+|[一二三四五])$")


def label_key(label: str) -> str:
    """A label without what changes from bureau to bureau: width, case, blanks, stars, colons."""
    return _ORNAMENT.sub("", names.fold(label))


class Vocabulary:
    """Canonical fields and the labels under which they stand in files.

    ``either`` names the field of a label that offers several: {line, transformer} → equipment.
    """

    def __init__(
        self,
        labels_by_field: Mapping[str, Iterable[str]],
        either: Mapping[frozenset[str], str] | None = None,
    ) -> None:
        self._either = either or {}
        self._field_by_key: dict[str, str] = {}
        for field, labels in labels_by_field.items():
            for label in (field, *labels):
                self._field_by_key.setdefault(label_key(label), field)

    def field_of(self, label: str) -> str | None:
        """The field a label means: as written, without its remarks in brackets, without a final count,
        without words that say nothing of it, or as several labels for one thing."""
        key = label_key(label)
        if not key:
            return None
        found = self._field_by_key.get(key)
        if found is not None:
            return found
        words = _BRACKETED.sub("", names.fold(label))
        bare = label_key(words)
        for plain in (bare, _COUNTED.sub("", bare), _QUALIFIED.sub("", bare)):
            if plain in self._field_by_key:
                return self._field_by_key[plain]
        parts = frozenset(
            self._field_by_key.get(label_key(part), "") for part in _ALTERNATIVES.split(words)
        )
        return next(iter(parts)) or None if len(parts) == 1 else self._either.get(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a sheet.

    ``index`` and ``end`` delimit its rows in ``Sheet.rows``: the body starts at ``end``.
    ``columns`` gives every field its columns, from 0, in order; ``labels`` the words in the file.
    ``unknown`` columns have a label that nobody recognised; ``titles`` stand above the header.
    """

    index: int
    end: int
    columns: Mapping[str, tuple[int, ...]]
    labels: Mapping[int, str]
    unknown: tuple[int, ...] = ()
    titles: tuple[str, ...] = ()

    def label(self, field: str) -> str:
        """The file's own word for a field; empty when the file has no such column."""
        columns = self.columns.get(field)
        return self.labels[columns[0]] if columns else ""

    def repeats(self, row: Sequence[tables.Cell]) -> bool:
        """Whether a row of the body is the header once more, as on every printed page."""
        same = other = 0
        for column, label in self.labels.items():
            text = tables.cell_text(row[column]) if column < len(row) else ""
            if text and label.endswith(text):
                same += 1
            elif text:
                other += 1
        return same >= 2 and other == 0


def find_header(
    sheet: tables.Sheet,
    vocabulary: Vocabulary,
    *,
    start: int = 0,
    within: int = 40,
    at_least: int = 2,
    any_of: Collection[str] = (),
    prefers_first: bool = False,
) -> Header | None:
    """The header among the first ``within`` rows from ``start``, or None.

    It is the row that names the most different fields, ``at_least`` that many and, where given,
    one of ``any_of``. Where a sheet may hold several tables, ``prefers_first`` takes the first row
    that is mostly labels. A second row of sub-labels (开始, 结束 under 停电时间) belongs to it.
    """
    best: tuple[int, int] = (0, -1)
    stop = min(start + within, len(sheet.rows))
    for index in range(start, stop):
        labels = _labels(sheet.rows[index])
        fields = _fields(vocabulary, labels)
        found = set(fields.values())
        if any_of and not found & set(any_of):
            continue
        if len(found) > best[0]:
            best = (len(found), index)
        is_mostly_labels = len(found) >= at_least and 2 * len(fields) >= len(labels)
        if prefers_first and is_mostly_labels and not any(map(_VALUE.search, labels.values())):
            best = (len(found), index)
            break
    if best[0] < at_least:
        return None
    return _build(sheet, vocabulary, start, best[1])


def _build(sheet: tables.Sheet, vocabulary: Vocabulary, start: int, index: int) -> Header:
    labels = _labels(sheet.rows[index])
    end = index + 1
    # Two-line headers: either this row is the lower line, or the next one is.
    if index > start and _spans_down(sheet, index - 1):
        labels = _stack(vocabulary, _labels(sheet.rows[index - 1]), labels)
        index -= 1
    elif end < len(sheet.rows) and _spans_down(sheet, end - 1):
        labels = _stack(vocabulary, labels, _labels(sheet.rows[end]))
        end += 1
    fields = _fields(vocabulary, labels)
    columns: dict[str, tuple[int, ...]] = {}
    for column, field in fields.items():
        columns[field] = (*columns.get(field, ()), column)
    above = (tables.cell_text(cell) for row in sheet.rows[start:index] for cell in row)
    titles = tuple(text for text in dict.fromkeys(above) if text)
    return Header(
        index=index,
        end=end,
        columns=columns,
        labels=labels,
        unknown=tuple(column for column in labels if column not in fields),
        titles=titles,
    )


def _labels(row: Sequence[tables.Cell]) -> dict[int, str]:
    found = {}
    for column, cell in enumerate(row):
        # A label is a short word; long text is a title or a note.
        text = " ".join(tables.cell_text(cell).split())
        if text and len(text) <= 60:
            found[column] = text
    return found


def _fields(vocabulary: Vocabulary, labels: Mapping[int, str]) -> dict[int, str]:
    found = {}
    for column, label in labels.items():
        field = vocabulary.field_of(label)
        if field is not None:
            found[column] = field
    return found


def _spans_down(sheet: tables.Sheet, index: int) -> bool:
    """Whether the row at ``index`` is the upper line of a header of two: it has cells merged with
    the row below beside cells merged across."""
    number = sheet.first_row + index
    down = any(merge.first_row == number and merge.last_row == number + 1 for merge in sheet.merged)
    across = any(
        merge.first_row == merge.last_row == number and merge.first_column < merge.last_column
        for merge in sheet.merged
    )
    return down and across


def _stack(
    vocabulary: Vocabulary, upper: Mapping[int, str], lower: Mapping[int, str]
) -> dict[int, str]:
    stacked = {}
    for column in sorted({*upper, *lower}):
        above, below = upper.get(column, ""), lower.get(column, "")
        if not above or not below or above == below:
            stacked[column] = above or below
        else:
            both = above + below
            known = vocabulary.field_of(both)
            stacked[column] = both if known or not vocabulary.field_of(below) else below
    return stacked
