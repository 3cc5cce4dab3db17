"""Outage plans out of a file: every sheet, every row, and for each plan where it stands.

Nothing is stored here and nobody is told: the answer is a list of drafts with findings. A row that
cannot be read costs no other row; it is listed with what could be read of it.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import Equipment, PlanContent, PlanDraft, Transfer, content_as_dict
from notifier.intake import collector, headers, plan_columns, plan_joining, plan_titles, tables
from notifier.intake.plan_row import PlanRow
from notifier.intake.plan_rows import RowReader
from notifier.intake.plan_times import TIME_FIELDS
from notifier.intake.window_dates import DateContext
from notifier.intake.window_tokens import Kind, tokenize

_FIGURE = re.compile(r"\d")
_YEAR_LAST = re.compile(r"\d{1,2}([/-])\d{1,2}\1\d{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """The plans of a file in the order in which they begin, and what concerns none of them."""

    plans: tuple[PlanDraft, ...]
    findings: tuple[Finding, ...] = ()

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Plain JSON values: ``plans`` and ``findings``; times ISO 8601 with the offset of ``zone``."""
        return {
            "plans": [_plan_as_dict(draft, zone) for draft in self.plans],
            "findings": [_finding_as_dict(finding) for finding in self.findings],
        }


def read_plans(
    path: Path,
    *,
    zone: ZoneInfo,
    published: date | None = None,
    department: str = "",
    limits: tables.TableLimits | None = None,
) -> PlanFile:
    """The plans of an XLSX, XLS, ET, ODS, CSV, TSV or HTML file.

    ``published`` is the local day on which the plans were made known; dates without a year or a
    month are resolved from it. ``department`` stands for rows that name none. Blocks, some seconds
    for 50,000 rows: run it off the event loop. Raises ``tables.TableError``.
    """
    with collector.paused():
        return _read_sheets(path, zone, published, department, limits or tables.TableLimits())


def _read_sheets(
    path: Path,
    zone: ZoneInfo,
    published: date | None,
    department: str,
    limits: tables.TableLimits,
) -> PlanFile:
    sheets = tables.read_sheets(path, limits)
    drafts: list[PlanDraft] = []
    findings: list[Finding] = []
    headless = []
    for sheet in sheets:
        read = _SheetReader(sheet, path.name, zone, published, department)
        if sheet.is_hidden:
            findings.append(
                read.about_sheet("sheet.hidden", Severity.INFO, "可见的工作表 / a visible sheet")
            )
            continue
        if not read.read():
            headless.append(read)
            continue
        drafts.extend(read.drafts)
        findings.extend(read.findings)
    is_any = len(headless) < len([sheet for sheet in sheets if not sheet.is_hidden])
    findings.extend(
        read.about_sheet(
            "header.missing",
            _without_header(read, is_any=is_any),
            "一行表头：停电线路、停电时间等 / a header row with columns such as 停电线路 and 停电时间",
        )
        for read in headless
    )
    for sheet in sheets:
        # Bit by bit: freed at once, a million cells would hold every other thread for 50 ms.
        while sheet.rows:
            del sheet.rows[-1000:]
    checked = plan_joining.check_together(drafts, zone)
    return PlanFile(plans=tuple(checked), findings=tuple(findings))


def _without_header(read: "_SheetReader", *, is_any: bool) -> Severity:
    """A sheet beside one with plans may be a cover; one that looks like a table was meant to be read."""
    if not is_any:
        return Severity.ERROR
    return Severity.WARNING if read.is_table else Severity.INFO


class _SheetReader:
    """Reads one sheet, which may hold several tables one below the other."""

    def __init__(
        self,
        sheet: tables.Sheet,
        file: str,
        zone: ZoneInfo,
        published: date | None,
        department: str,
    ) -> None:
        self.drafts: list[PlanDraft] = []
        self.findings: list[Finding] = []
        self._sheet = sheet
        self._file = file
        self._zone = zone
        self._published = published
        self._department = department
        self._rows: list[PlanRow] = []
        self._headings: list[str] = []
        self._known_labels: dict[str, bool] = {}

    def about_sheet(self, code: str, severity: Severity, expected: str) -> Finding:
        """A finding about the sheet as a whole."""
        return Finding(
            code=code,
            severity=severity,
            found=self._sheet.name or self._file,
            expected=expected,
            file=self._file,
            sheet=self._sheet.name,
        )

    @property
    def is_table(self) -> bool:
        """Whether rows with several texts follow each other."""
        wide = [len({*map(tables.cell_text, row)} - {""}) > 1 for row in self._sheet.rows]
        return any(one and next_ for one, next_ in itertools.pairwise(wide))

    def read(self) -> bool:
        """Fill ``drafts`` and ``findings``; False where there is no header."""
        header = headers.find_header(
            self._sheet,
            plan_columns.VOCABULARY,
            any_of=plan_columns.ESSENTIAL,
            prefers_first=True,
        )
        if header is None:
            return False
        self._check_above(header)
        base = DateContext(zone=self._zone, published=self._published)
        context = plan_titles.read_titles((*header.titles, self._sheet.name), base)
        while header is not None:
            titled = plan_titles.read_titles(tuple(self._headings), base)
            if titled != base:
                # The table below has a title of its own.
                context = plan_titles.read_titles((self._sheet.name,), titled)
            self._headings = []
            context = self._with_order(header, context)
            self._report_header(header)
            header = self._read_body(header, context)
        groups = plan_joining.join_rows(self._rows)
        self._rows = []
        for group in groups:
            self.drafts.append(
                plan_joining.draft_of(
                    group,
                    file=self._file,
                    sheet=self._sheet.name,
                    department=self._department,
                    published=context.published,
                    zone=self._zone,
                )
            )
            group.clear()
        return True

    def _check_above(self, header: headers.Header) -> None:
        """Titles are one or two texts; a row of more, above the header, was not read."""
        for index, cells in enumerate(self._sheet.rows[: header.index]):
            texts = list(dict.fromkeys(filter(None, map(tables.cell_text, cells))))
            if len(texts) > 2:
                self._note("row.ignored", self._sheet.first_row + index, texts[0])

    def _read_body(self, header: headers.Header, context: DateContext) -> headers.Header | None:
        """Read the rows below a header; the next header where another table follows."""
        sheet = self._sheet
        reader = RowReader(header, context, _merged_rows(sheet, header))
        for index in range(header.end, len(sheet.rows)):
            cells = sheet.rows[index]
            number = sheet.first_row + index
            texts = [tables.cell_text(cell) for cell in cells]
            different = {text for text in texts if text}
            if not different:
                continue
            first = next(text for text in texts if text)
            if len(different) == 1:
                self._read_lone_text(reader, header, cells, texts, number, context)
                continue
            if len(different) > 2 and self._looks_like_label(first):
                if header.repeats(cells):
                    self._note("row.header_repeated", number, first)
                    continue
                following = headers.find_header(
                    sheet,
                    plan_columns.VOCABULARY,
                    start=index,
                    within=1,
                    at_least=3,
                    any_of=plan_columns.ESSENTIAL,
                )
                if following is not None:
                    return following
            self._read_row(reader, cells, texts, number)
        return None

    def _read_row(
        self,
        reader: RowReader,
        cells: Sequence[tables.Cell],
        texts: Sequence[str],
        number: int,
    ) -> None:
        first = next(text for text in texts if text)
        is_footer = plan_titles.is_footer(first)
        if is_footer or not reader.is_plan(texts):
            self._note("row.footer" if is_footer else "row.ignored", number, first)
            return
        row = reader.read(cells, texts, number)
        if number in self._sheet.damaged:
            row.findings.append(
                Finding(
                    code="row.damaged",
                    severity=Severity.ERROR,
                    row=number,
                    found=first,
                    expected="字符和引号完好的一行 / a row without broken characters or quotes",
                )
            )
        self._rows.append(row)
        self._headings = []

    def _read_lone_text(
        self,
        reader: RowReader,
        header: headers.Header,
        cells: Sequence[tables.Cell],
        texts: Sequence[str],
        number: int,
        context: DateContext,
    ) -> None:
        """A row with one text is a heading, a note, or a plan of which only the line is given."""
        text = next(text for text in texts if text)
        in_column = next(
            (
                name
                for name, columns in header.columns.items()
                for column in columns
                if column < len(texts) and texts[column]
            ),
            "",
        )
        filled = sum(1 for item in texts if item)
        day = plan_titles.heading_day(text, context)
        if plan_titles.is_footer(text):
            self._note("row.footer", number, text)
        elif plan_titles.is_title(text):
            reader.under_heading(day)
            self._headings.append(text)
            self._note("row.heading", number, text)
        elif day is not None and in_column not in TIME_FIELDS[1:]:
            reader.under_heading(day)
            self._note("row.heading", number, text)
        elif (
            filled == 1
            and in_column in ("line", "equipment", "transformer", "time")
            and (len(header.columns) > 1)
        ):
            self._read_row(reader, cells, texts, number)
        else:
            self._note("row.ignored", number, text)

    def _looks_like_label(self, text: str) -> bool:
        if len(text) > 16 or _FIGURE.search(text):
            return False
        known = self._known_labels.get(text)
        if known is None:
            known = plan_columns.VOCABULARY.field_of(text) is not None
            if len(self._known_labels) < 10_000:
                self._known_labels[text] = known
        return known

    def _with_order(self, header: headers.Header, context: DateContext) -> DateContext:
        """Whether 05/03/2026 is in May or in March: the words of the header and all dates of the
        sheet's columns say so, never one date alone."""
        words = " ".join(header.labels.values())
        is_chinese = any("\u3400" <= char <= "\u9fff" for char in words)
        is_other = any(
            "\u0400" <= char <= "\u04ff" or char in "ăđơưạờếệểố" for char in words.lower()
        )
        columns = [column for name in TIME_FIELDS for column in header.columns.get(name, ())]
        day_first = month_first = False
        for row in self._sheet.rows[header.end :]:
            for column in columns:
                cell = row[column] if column < len(row) else None
                if not isinstance(cell, str) or not _YEAR_LAST.search(cell):
                    continue
                for token in tokenize(cell).items:
                    if token.kind is Kind.SLASHED and token.part != ".":
                        day_first = day_first or token.value > 12
                        month_first = month_first or token.step > 12
        order: bool | None = True if is_other else None
        if day_first != month_first:
            order = day_first
        return replace(context, day_first=order, month_first=is_chinese and not is_other)

    def _report_header(self, header: headers.Header) -> None:
        for column in header.unknown:
            self.findings.append(
                Finding(
                    code="header.unknown_column",
                    severity=Severity.INFO,
                    found=header.labels[column],
                    expected="未读取的列 / a column that was not read",
                    file=self._file,
                    sheet=self._sheet.name,
                    row=self._sheet.first_row + header.end - 1,
                    column=header.labels[column],
                )
            )

    def _note(self, code: str, number: int, found: str) -> None:
        is_unread = code == "row.ignored"
        self.findings.append(
            Finding(
                code=code,
                severity=Severity.WARNING if is_unread else Severity.INFO,
                found=found[:200],
                expected="停电时间和设备 / a time and what is out; the row was not read"
                if is_unread
                else "非计划行 / not a plan",
                file=self._file,
                sheet=self._sheet.name,
                row=number,
            )
        )


def _merged_rows(sheet: tables.Sheet, header: headers.Header) -> Mapping[int, str]:
    """Rows held together by a number, or a place in the list, that is merged over them."""
    strong = {column for name in ("number", "sequence") for column in header.columns.get(name, ())}
    found = {}
    for merge in sheet.merged:
        if merge.first_column in strong and merge.first_column == merge.last_column:
            for number in range(merge.first_row, min(merge.last_row, len(sheet.rows)) + 1):
                found[number] = f"merged {merge.first_row}"
    return found


def _plan_as_dict(draft: PlanDraft, zone: ZoneInfo) -> dict[str, Any]:
    content = draft.content
    moved = [item for transfer in content.transfers for item in transfer.equipment]
    return {
        "source": {"file": draft.file, "sheet": draft.sheet, "row": draft.row},
        "rows": list(draft.rows),
        "number": content.number,
        "kind": content.kind.value,
        "department": content.department,
        "equipment": [_equipment_as_dict(item) for item in content.equipment or moved],
        "windows": [
            item.window.as_dict(zone) | {"text": item.text, "row": item.row}
            for item in draft.source_windows
            if item.window in content.windows or not content.windows
        ],
        "transfers": [_transfer_as_dict(item, zone) for item in content.transfers],
        "scope": content.scope,
        "works": content.works,
        "crew": content.crew,
        **_switched(content),
        "findings": [_finding_as_dict(finding) for finding in draft.findings],
    }


def _switched(content: PlanContent) -> dict[str, Any]:
    """Steps and place of work, where the file says any."""
    said = content_as_dict(content)
    return {name: said[name] for name in ("switching", "work") if name in said}


def _finding_as_dict(finding: Finding) -> dict[str, Any]:
    return {"column": ""} | finding.as_dict()


def _transfer_as_dict(transfer: Transfer, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "equipment": [_equipment_as_dict(item) for item in transfer.equipment],
        "transition": transfer.transition.value,
        "spans": [span.as_dict(zone) for span in transfer.spans],
    }


def _equipment_as_dict(item: Equipment) -> dict[str, str]:
    return {
        "name": item.name,
        "kind": item.kind.value,
        "station": item.station,
        "text": f"{item.station}{item.name}",
    }
