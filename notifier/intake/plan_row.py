"""One row of a plan file: its cells found by column, and what was read from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from notifier.domain.finding import Finding, Severity, has_errors
from notifier.domain.network.target import Target
from notifier.domain.plan import Equipment, PlanKind, SourceWindow, Switching, Transfer
from notifier.intake import tables
from notifier.intake.headers import Header


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
    crew: str = ""
    switching: Switching | None = None
    work: Target | None = None
    published: date | None = None
    is_timed: bool = True
    continues: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        """Whether anything in it keeps it from being a plan."""
        return has_errors(self.findings)

    def doubt(self, code: str, severity: Severity, column: str, found: str, expected: str) -> None:
        """Notes what to look at in this row."""
        self.findings.append(
            Finding(
                code=code,
                severity=severity,
                row=self.row,
                column=column,
                found=found,
                expected=expected,
            )
        )


class RowCells:
    """The cells of the row that is being read, by the names that the header gives its columns."""

    def __init__(self, header: Header) -> None:
        self.columns = header.columns
        self._header = header
        self._cells: Sequence[tables.Cell] = ()
        self._texts: Sequence[str] = ()
        self._labels: dict[tuple[str, ...], str] = {}

    def turn_to(self, cells: Sequence[tables.Cell], texts: Sequence[str]) -> None:
        """The next row; ``texts`` are the cells as ``tables.cell_text`` gives them."""
        self._cells, self._texts = cells, texts

    def cell(self, name: str) -> tables.Cell:
        """The first cell of the column that holds anything."""
        for column in self.columns.get(name, ()):
            if column < len(self._texts) and self._texts[column]:
                return self._cells[column]
        return None

    def text(self, name: str, joint: str = "") -> str:
        """The words of the column; of all its columns with a ``joint`` between them."""
        columns = self.columns.get(name)
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

    def label(self, *fields: str) -> str:
        """What the file calls the first of these columns that it has."""
        found = self._labels.get(fields)
        if found is None:
            found = next((label for name in fields if (label := self._header.label(name))), "")
            self._labels[fields] = found
        return found
