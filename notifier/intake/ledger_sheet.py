"""The correction sheet: a ledger as it came, with one column that says what is wrong in each row.

It is corrected in place and imported again. Phones are masked unless the caller says that the sheet
goes back to the bureau that wrote them. A cell that is masked still means, to an import, what was known
before; one that is written in full counts.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

from notifier.domain.finding import Finding
from notifier.intake.ledger_columns import Columns, Field
from notifier.intake.ledger_files import LedgerSheet, open_sheets
from notifier.vault import mask, mask_within

HEADING = "检查结果 / findings"

_PHONE_FIELDS = frozenset(
    {Field.PHONE, Field.TENANT_PHONE, Field.MANAGER_PHONE, Field.VILLAGE_PHONE,
     Field.ACCOUNT_MANAGER_PHONE, Field.OPENID, Field.PUSH_TOKEN}
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+\-]?[\d\s().\-]+").fullmatch
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_WIDTH = 18


def write_corrections(
    paths: Sequence[Path], findings: Sequence[Finding], target: Path, *, with_phones: bool = False
) -> int:
    """Write the workbook ``target``; answers how many rows have findings.

    ``with_phones`` keeps phone numbers, openids and tokens: only for whoever supplied the ledger.
    Blocks. Raises ``tables.TableError`` when a file can no longer be read.
    """
    by_row: dict[tuple[str, str, int], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.row is not None:
            by_row[(finding.file, finding.sheet, finding.row)].append(finding)
    sheets = [sheet for path in paths for sheet in open_sheets(path) if sheet.columns is not None]
    marked = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(target), options) as workbook:
        bold = workbook.add_format({"bold": True})
        wrong = workbook.add_format({"bg_color": "#FFF2CC"})
        for number, sheet in enumerate(sheets, start=1):
            page = workbook.add_worksheet(f"{number} {_sheet_name(sheet)}"[:31])
            page.freeze_panes(1, 0)
            page.set_column(0, len(sheet.heading), _WIDTH)
            masked = () if with_phones else _masked_places(sheet.columns or {})
            for place, heading in enumerate(sheet.heading):
                page.write_string(0, place, _plain(heading), bold)
            end = len(sheet.heading)
            page.write_string(0, end, HEADING, bold)
            old = _places(sheet.columns or {}, Field.FINDINGS)
            for line, (row, values) in enumerate(sheet.rows, start=1):
                said = by_row.get((sheet.file, sheet.name, row))
                for place, value in enumerate(values[:end]):
                    if value and place not in old:
                        text = value if with_phones else _mask(value, place, masked, sheet)
                        page.write_string(line, place, _plain(text), wrong if said else None)
                if said:
                    marked += 1
                    page.write_string(line, end, _plain("；".join(map(_sentence, said))), wrong)
    return marked


def _sheet_name(sheet: LedgerSheet) -> str:
    return re.sub(r"[\[\]:*?/\\']", "_", sheet.name or Path(sheet.file).stem)


def _places(columns: Columns, *fields: Field) -> frozenset[int]:
    return frozenset(place for field in fields for place in columns.get(field, ()))


def _masked_places(columns: Columns) -> frozenset[int]:
    return _places(columns, *_PHONE_FIELDS)


def _mask(
    value: str, place: int, masked: Sequence[int] | frozenset[int], sheet: LedgerSheet
) -> str:
    if place in masked:
        if place in _places(sheet.columns or {}, Field.OPENID, Field.PUSH_TOKEN):
            return f"{value[:1]}***"
        text = mask_within(value)
        # A number that is none would stand there in full.
        return text if text != value else f"{value[:1]}***"
    if place in _places(sheet.columns or {}, Field.ACCOUNT, Field.AREA_CODE):
        return value
    return _MOBILE.sub(lambda found: mask(found[0]), value)


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula, not even once saved as CSV."""
    if text.startswith(_FORMULA) and not _NUMBER(text):
        return f"'{text}"
    return text


def _sentence(finding: Finding) -> str:
    column = f"[{finding.column}] " if finding.column else ""
    arrow = f" → {finding.expected}" if finding.expected else ""
    return f"{column}{finding.code}: {finding.found}{arrow}".replace(":  →", " →")
