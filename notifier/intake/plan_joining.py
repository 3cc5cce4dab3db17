"""Rows into plans: which rows are one plan, its number and kind, and what repeats another."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain import names
from notifier.domain.finding import Finding, Severity, has_errors
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.plan import (
    PlanContent,
    PlanDraft,
    PlanKind,
    SourceWindow,
    Switching,
)
from notifier.domain.window import Window
from notifier.intake.plan_row import PlanRow

#: Announced this long ahead, an outage counts as planned; only used where the file names no kind.
_PLANNED_LEAD = timedelta(days=7)


def join_rows(rows: Sequence[PlanRow]) -> list[list[PlanRow]]:
    """The rows of one sheet, grouped into plans, in the order in which the plans begin.

    One plan are rows of the same number and department, rows under one merged number, rows that
    only continue the one above, and neighbours without a number that differ in their times alone.
    Where the rows of a number say that different lines are out at different times, each time is a
    plan of its own: together they would say that every line is out at all of them.
    """
    groups: list[list[PlanRow]] = []
    by_key: dict[tuple[str, str], list[PlanRow]] = {}
    by_words: dict[tuple[object, ...], list[PlanRow]] = {}
    for row in rows:
        last = groups[-1] if groups else None
        group = None
        number = (names.fold(row.number), row.department) if row.number else None
        if row.continues and last is not None:
            group = last
        elif number:
            group = by_key.get(number)
        elif row.key:
            group = by_key.get((row.key, ""))
        elif row.windows:
            group = by_words.get(_says(row))
        if group is None and last is not None and _differs_in_time_only(last[-1], row):
            group = last
        if group is None:
            group = []
            groups.append(group)
        group.append(row)
        if number:
            by_key.setdefault(number, group)
        elif row.key:
            by_key.setdefault((row.key, ""), group)
        elif row.windows and not row.continues:
            by_words.setdefault(_says(row), group)
    return [part for group in groups for part in _split(group)]


def _says(row: PlanRow) -> tuple[object, ...]:
    """All that a row says, its number and its place apart."""
    windows = tuple(item.window for item in row.windows)
    words = (row.scope, row.works, row.crew, row.switching, row.work)
    return (row.department, windows, row.equipment, row.transfers, *words)


def _differs_in_time_only(before: PlanRow, row: PlanRow) -> bool:
    if before.number or row.number or not row.equipment:
        return False
    if not (before.windows and row.windows) or before.has_errors or row.has_errors:
        return False
    if before.transfers or row.transfers:
        return False
    return (
        before.switching == row.switching
        and before.work == row.work
        and (before.department, before.kind, before.equipment, before.scope, before.works, before.crew)
        == (row.department, row.kind, row.equipment, row.scope, row.works, row.crew)
    )  # fmt: skip


def _split(group: list[PlanRow]) -> list[list[PlanRow]]:
    if len(group) == 1:
        return [group]
    timed = [row for row in group if row.windows]
    windows = {tuple(item.window for item in row.windows) for row in timed}
    equipment = {frozenset(row.equipment) for row in timed if not row.continues}
    if len(windows) <= 1 or len(equipment) <= 1:
        return [group]
    parts: dict[tuple[object, ...], list[PlanRow]] = {}
    latest: list[PlanRow] = []
    for row in group:
        if row.windows and not (row.continues and not row.equipment):
            latest = parts.setdefault(tuple(item.window for item in row.windows), [])
        elif not latest:
            latest = parts.setdefault((), [])
        latest.append(row)
    if len(parts) == 1:
        return [group]
    for part_number, part in enumerate(parts.values(), start=1):
        for row in part:
            row.findings.append(
                Finding(
                    code="plan.split",
                    severity=Severity.WARNING,
                    row=row.row,
                    found=row.number,
                    expected="同一编号、不同线路、不同时间：分为多个计划 / "
                    "one number, several lines at several times: taken as a plan for each time",
                )
            )
            if row.number:
                row.number = f"{row.number}/{part_number}"
    return list(parts.values())


def draft_of(
    rows: Sequence[PlanRow],
    *,
    file: str,
    sheet: str,
    department: str,
    published: date | None,
    zone: ZoneInfo,
) -> PlanDraft:
    """The plan that these rows are, with all their findings and the rows they stand in."""
    source = _source_windows(row.windows for row in rows)
    spans = _source_windows(row.transfer_windows for row in rows)
    equipment = tuple(dict.fromkeys(item for row in rows for item in row.equipment))
    transfers = tuple(dict.fromkeys(item for row in rows for item in row.transfers))
    findings = [finding for row in rows for finding in row.findings]
    windows = tuple(item.window for item in source)
    kind, why = _kind(rows, windows, bool(transfers), published, zone)
    department = next((row.department for row in rows if row.department), department)
    scope = "；".join(dict.fromkeys(row.scope for row in rows if row.scope))
    works = "；".join(dict.fromkeys(row.works for row in rows if row.works))
    crew = "、".join(dict.fromkeys(row.crew for row in rows if row.crew))
    number = next((row.number for row in rows if row.number), "")
    if why is not None:
        findings.append(why)
    content = PlanContent(
        number=number or "?",
        kind=kind,
        department=department,
        equipment=equipment,
        windows=windows,
        transfers=transfers,
        scope=scope,
        works=works,
        crew=crew,
        switching=_switching(rows),
        work=_work(rows),
    )
    if not number:
        content = replace(content, number=_derived_number(content, rows, sheet))
        findings.append(
            Finding(
                code="plan.number_derived",
                severity=Severity.INFO,
                row=rows[0].row,
                found=content.number,
                expected="计划编号 / a number of the plan's own",
            )
        )
    findings.extend(_repeated_rows(rows))
    return PlanDraft(
        content=content,
        source_windows=tuple(sorted((*source, *spans), key=lambda item: item.window))
        if spans
        else source,
        file=file,
        sheet=sheet,
        row=rows[0].row,
        rows=tuple(row.row for row in rows),
        findings=tuple(replace(finding, file=file, sheet=sheet) for finding in findings),
    )


def check_together(drafts: Sequence[PlanDraft], zone: ZoneInfo) -> list[PlanDraft]:
    """The drafts of all files' sheets, with findings about what they repeat of each other."""
    seen_numbers: dict[str, PlanDraft] = {}
    seen_contents: dict[tuple[object, ...], PlanDraft] = {}
    ends: dict[tuple[object, datetime], PlanDraft] = {}
    checked = []
    for draft in drafts:
        content = draft.content
        number = names.fold(content.number)
        if number in seen_numbers:
            other = seen_numbers[number]
            draft = _with(
                draft,
                "plan.number_reused" if other.content != content else "plan.duplicate",
                Severity.ERROR if other.content != content else Severity.WARNING,
                content.number,
                f"已用于 {_place(other)} / already used in {_place(other)}",
            )
        elif content.windows or content.transfers:
            says = (
                content.department,
                content.equipment,
                content.windows,
                content.transfers,
                content.scope,
                content.works,
                content.crew,
            )
            other_content = seen_contents.setdefault(says, draft)
            if other_content is not draft:
                draft = _with(
                    draft,
                    "plan.duplicate",
                    Severity.WARNING,
                    content.number,
                    f"与 {_place(other_content)} 相同 / the same as in {_place(other_content)}",
                )
        seen_numbers.setdefault(number, draft)
        draft = _check_touching(draft, ends, zone)
        checked.append(draft)
    return checked


def _check_touching(
    draft: PlanDraft, ends: dict[tuple[object, datetime], PlanDraft], zone: ZoneInfo
) -> PlanDraft:
    """Two plans of the same works, one beginning where the other ends, may be one outage."""
    content = draft.content
    place = (draft.sheet, content.department, content.equipment)
    for window in content.windows:
        other = ends.get((place, window.starts_at))
        if other is not None and other is not draft:
            moment = window.starts_at.astimezone(zone).strftime("%m-%d %H:%M")
            draft = _with(
                draft,
                "window.touches",
                Severity.INFO,
                f"{moment}",
                f"与 {_place(other)} 首尾相接，范围不同，未合并 / begins where that plan ends; not joined",
            )
    for window in content.windows:
        ends.setdefault((place, window.ends_at), draft)
    return draft


def _with(draft: PlanDraft, code: str, severity: Severity, found: str, expected: str) -> PlanDraft:
    finding = Finding(
        code=code,
        severity=severity,
        found=found,
        expected=expected,
        file=draft.file,
        sheet=draft.sheet,
        row=draft.row,
    )
    return replace(draft, findings=(*draft.findings, finding))


def _place(draft: PlanDraft) -> str:
    return f"{draft.sheet} {draft.row}".strip()


def _source_windows(groups: Iterable[tuple[SourceWindow, ...]]) -> tuple[SourceWindow, ...]:
    """The windows of all rows; of one that several rows give, the first row's."""
    filled = [group for group in groups if group]
    if len(filled) == 1:
        return filled[0]
    found: dict[Window, SourceWindow] = {}
    for group in filled:
        for item in group:
            found.setdefault(item.window, item)
    return tuple(found[window] for window in sorted(found))


def _repeated_rows(rows: Sequence[PlanRow]) -> Iterable[Finding]:
    seen: dict[tuple[object, ...], int] = {}
    for row in rows if len(rows) > 1 else ():
        if not row.windows:
            continue
        says = _says(row)
        first = seen.setdefault(says, row.row)
        if first != row.row:
            yield Finding(
                code="row.duplicate",
                severity=Severity.WARNING,
                row=row.row,
                found=row.number,
                expected=f"与第 {first} 行相同 / the same as row {first}",
            )


def _switching(rows: Sequence[PlanRow]) -> Switching | None:
    """The steps of all rows, one after another; of rows that say the same, once."""
    found = tuple(dict.fromkeys(row.switching for row in rows if row.switching is not None))
    if not found:
        return None
    return Switching(
        steps=tuple(step for item in found for step in item.steps),
        back=tuple(step for item in found for step in item.back),
        transitions=found[0].transitions,
    )


def _work(rows: Sequence[PlanRow]) -> Target | None:
    names = dict.fromkeys(name for row in rows if row.work is not None for name in row.work.names)
    return Target(kind=TargetKind.NAMED, names=tuple(names)) if names else None


def _kind(
    rows: Sequence[PlanRow],
    windows: Sequence[Window],
    is_transferred: bool,
    published: date | None,
    zone: ZoneInfo,
) -> tuple[PlanKind, Finding | None]:
    given = [row.kind for row in rows if row.kind is not None]
    if given:
        if len(set(given)) > 1:
            return given[0], Finding(
                code="kind.contradiction",
                row=rows[0].row,
                severity=Severity.WARNING,
                found=" / ".join(dict.fromkeys(kind.value for kind in given)),
                expected="同一计划一种类型 / one kind for one plan",
            )
        return given[0], None
    if is_transferred and not windows:
        return PlanKind.SHORT_TRANSFER, None
    published = next((row.published for row in rows if row.published), published)
    if published is None or not windows:
        return PlanKind.PLANNED, Finding(
            code="kind.assumed",
            row=rows[0].row,
            severity=Severity.INFO,
            found="",
            expected="无类型和发布日期，按计划停电 / no kind and no publication date: taken as planned",
        )
    lead = windows[0].starts_at.astimezone(zone).date() - published
    kind = PlanKind.PLANNED if lead >= _PLANNED_LEAD else PlanKind.SHORT_NOTICE
    return kind, Finding(
        code="kind.derived",
        row=rows[0].row,
        severity=Severity.INFO,
        found=f"{published} {lead.days:+d} d",
        expected="提前 7 天为计划停电，否则临时停电 / 7 days ahead: planned, else short notice",
    )


def _derived_number(content: PlanContent, rows: Sequence[PlanRow], sheet: str) -> str:
    """A number that the same plan gets again when its file is read again."""
    parts = [content.department, content.scope, content.works]
    parts += sorted(
        f"{names.fold(item.station)}|{names.fold(item.name)}" for item in content.equipment
    )
    parts += [
        f"{window.starts_at:%Y%m%d%H%M%S}-{window.ends_at:%Y%m%d%H%M%S}"
        for window in content.windows
    ]
    for transfer in content.transfers:
        parts += sorted(names.fold(item.name) for item in transfer.equipment)
        parts += [f"{span.starts_at:%Y%m%d%H%M}" for span in transfer.spans]
    if not content.all_windows and has_errors(finding for row in rows for finding in row.findings):
        # Without a time rows would look alike that are not.
        parts.append(f"{sheet}#{rows[0].row}")
    return "auto-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
