"""Reads customer ledgers (站-线-变-户) out of files: usage points in chunks, an outline, findings.

``LedgerReading`` streams; ``read_ledger`` holds everything and is for small files and tests.
Everything here blocks: ``ledger_process`` runs it beside the event loop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from notifier.domain.finding import Severity
from notifier.domain.ledger import Outline, PointRow
from notifier.intake import tables
from notifier.intake.ledger_columns import Field
from notifier.intake.ledger_files import LedgerSheet, open_sheets
from notifier.intake.ledger_findings import MOST_A_CODE
from notifier.intake.ledger_scan import LedgerScan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A whole ledger in memory. Accounts repeat in ``points`` where several rows name them."""

    points: tuple[PointRow, ...]
    outline: Outline


class LedgerReading:
    """One reading of one or more files that belong together, such as areas apart from customers.

    Iterate ``chunks`` to the end, then take ``outline``. ``region`` is the country whose phone
    numbers need no prefix.
    """

    def __init__(
        self, paths: Sequence[Path], *, region: str = "CN", most_findings: int = MOST_A_CODE
    ) -> None:
        self._paths = tuple(paths)
        self._scan = LedgerScan(region, most_findings)
        self._outline: Outline | None = None

    @property
    def outline(self) -> Outline:
        """Complete once ``chunks`` is exhausted. Raises ``RuntimeError`` before."""
        if self._outline is None:
            raise RuntimeError("the ledger has not been read to its end")
        return self._outline

    def chunks(self) -> Iterator[list[PointRow]]:
        """The usage points. A file that is no table is an ERROR finding; the others are read."""
        sheets = [sheet for path in self._paths for sheet in self._open(path)]
        # Lists of feeders and areas first: what they declare helps to read the customers.
        for sheet in sorted(sheets, key=lambda sheet: sheet.has_customers):
            yield from self._read(sheet)
        self._outline = self._scan.close([path.name for path in self._paths])

    def _open(self, path: Path) -> list[LedgerSheet]:
        log = self._scan.log
        log.file, log.sheet = path.name, ""
        try:
            sheets = open_sheets(path)
        except tables.TableError as refusal:
            log.add(refusal.code, Severity.ERROR, found=path.name, expected=refusal.sentence)
            return []
        if not any(sheet.columns for sheet in sheets):
            log.add(
                "ledger.no_header", Severity.ERROR, found=path.name,
                expected="含户号、台区或线路列的表头 / a header with account, area or feeder",
            )  # fmt: skip
        return [sheet for sheet in sheets if sheet.columns]

    def _read(self, sheet: LedgerSheet) -> Iterator[list[PointRow]]:
        log = self._scan.log
        columns = sheet.columns or {}
        headings = {field.value: sheet.heading[places[0]] for field, places in columns.items()}
        log.begin(sheet.file, sheet.name, headings)
        if sheet.carried & {Field.AREA, Field.AREA_CODE}:
            log.add(
                "area.carried_down", Severity.WARNING, None, Field.AREA.value,
                expected="每行写明台区；空白按上一行理解 / an area in each row; blanks mean the one above",
            )  # fmt: skip
        if not sheet.has_customers:
            self._scan.list_rows(sheet.rows, columns, carried=sheet.carried)
        elif {Field.FEEDER, Field.AREA, Field.AREA_CODE} & columns.keys():
            yield from self._scan.customer_rows(sheet.rows, columns, carried=sheet.carried)
        else:
            log.add(
                "ledger.no_network", Severity.ERROR, found=sheet.file,
                expected="台区或线路列 / a column of areas or feeders",
            )  # fmt: skip
        for row in sorted(sheet.damaged):
            log.add(
                "row.damaged", Severity.WARNING, row,
                expected="成对的引号和完整的字符 / paired quotes and whole characters",
            )  # fmt: skip


def read_ledger(
    paths: Path | Sequence[Path], *, region: str = "CN", most_findings: int = MOST_A_CODE
) -> Ledger:
    """The ledger of one or more files. Blocks; never raises for what a file may hold."""
    reading = LedgerReading(
        [paths] if isinstance(paths, Path) else paths, region=region, most_findings=most_findings
    )
    points = tuple(point for chunk in reading.chunks() for point in chunk)
    return Ledger(points=points, outline=reading.outline)
