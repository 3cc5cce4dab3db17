"""Reads what a bureau asks of its works: one TOML file, or a workbook with a sheet a subject.

Both come down to rows of fields; every row is checked by itself, and what is wrong says where.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from notifier.domain.coordination import constraints as rules
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.finding import Finding, Severity, has_errors
from notifier.intake import headers, tables

#: A section's name, the titles of its sheet, and what its rows are.
SECTIONS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "coordination": (rules.General, ("参数", "设置", "settings")),
    "crew": (rules.Crew, ("班组", "施工班组", "crews")),
    "region": (rules.Region, ("区域", "片区", "regions")),
    "window": (rules.Window, ("允许时间", "停电窗口", "计划窗口", "windows")),
    "precedence": (rules.Precedence, ("先后", "先后顺序", "前后关系")),
    "same_outage": (rules.SameOutage, ("同停组", "同停", "same outage")),
    "exclusive": (rules.Exclusion, ("互斥", "不同日", "exclusions")),
    "blackout": (rules.Blackout, ("禁停", "禁停日", "保电", "blackouts")),
    "customer": (rules.CustomerDates, ("用户", "敏感用户", "用户日期", "customers")),
    "own_work": (rules.OwnWork, ("用户检修", "用户自检", "own work")),
    "transfer": (rules.TransferMode, ("转供", "转供方式", "transfers")),
}
#: What a column may be called beside the name of its field.
_LABELS: Mapping[str, tuple[str, ...]] = {
    "name": ("名称", "班组", "区域", "组名"),
    "per_day": ("每日能力", "每天项数", "日承载力"),
    "off": ("休息日", "停工日", "不出工"),
    "per_shift": ("每班限额", "同时限额"),
    "feeders": ("线路", "馈线"),
    "stations": ("变电站", "厂站"),
    "areas": ("台区", "配变"),
    "plan": ("计划编号", "编号", "停电编号", "计划"),
    "plans": ("计划编号", "计划", "编号"),
    "first": ("开始日期", "最早日期", "起", "先做", "前序"),
    "last": ("结束日期", "最晚日期", "止"),
    "then": ("后做", "后序"),
    "from_hour": ("开始时刻", "最早时刻"),
    "until_hour": ("结束时刻", "最晚时刻"),
    "weekdays": ("星期", "允许星期"),
    "crew": ("班组", "施工班组"),
    "region": ("区域", "片区"),
    "fixed": ("固定", "不可移动"),
    "reason": ("原因", "事由"),
    "account": ("户号", "用户编号"),
    "on": ("日期",),
    "tie_feeder": ("联络线路", "转供线路", "转供电源"),
}
#: Where the first of these would mislead.
_OWN_LABELS = {
    ("crew", "name"): "班组",
    ("region", "name"): "区域",
    ("same_outage", "name"): "组名",
    ("precedence", "first"): "先做",
    ("customer", "account"): "户号",
}
_BETWEEN = re.compile(r"[、，,；;\n]+")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
#: No number of works, days or customers' weights is larger, no name longer, no rest of a crew.
_MOST, _LONGEST, _MOST_DAYS = 1_000_000, 200, 800
_TRUE = {"是", "√", "y", "yes", "true", "1"}
_FALSE = {"否", "n", "no", "false", "0", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintsFile:
    """What a file held. ``constraints`` is None where anything in it is wrong: half of the rules would
    be other rules."""

    name: str
    digest: str
    constraints: Constraints | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    section: str
    values: Mapping[str, Any]
    sheet: str = ""
    row: int | None = None


def read_constraints(
    path: Path,
    limits: tables.TableLimits = tables.TableLimits(),  # noqa: B008  # frozen
) -> ConstraintsFile:
    """The file as constraints. Raises ``tables.TableError`` where it cannot be read at all."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise tables.TableError(
            f"找不到文件 / no such file: {path}", code="table.not_found"
        ) from None
    except OSError as error:
        raise tables.TableError(f"{path}: {error.strerror or error}") from error
    findings: list[Finding] = []
    if path.suffix.lower() == ".toml":
        rows = list(_of_toml(path.name, data, findings))
    else:
        rows = list(_of_sheets(path, limits, findings))
    found = _built(path.name, rows, findings)
    return ConstraintsFile(
        name=path.name,
        digest=hashlib.sha256(data).hexdigest(),
        constraints=None if has_errors(findings) else found,
        findings=tuple(findings),
    )


def label_of(section: str, name: str) -> str:
    """What the column of a field is called in Chinese."""
    return _OWN_LABELS.get((section, name), _LABELS.get(name, (name,))[0])


def constraints_from_dict(raw: Mapping[str, Any]) -> Constraints:
    """The inverse of ``constraints_as_dict``."""
    return TypeAdapter(Constraints).validate_python(raw)


def constraints_as_dict(found: Constraints) -> dict[str, Any]:
    """Plain JSON values."""
    dumped: dict[str, Any] = TypeAdapter(Constraints).dump_python(found, mode="json")
    return dumped


# --- TOML ------------------------------------------------------------------------------------------


def _of_toml(name: str, data: bytes, findings: list[Finding]) -> Iterator[_Row]:
    try:
        tree = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise tables.TableError(f"{name} 不是 TOML / is not TOML: {error}") from error
    for section, value in tree.items():
        if section not in SECTIONS:
            findings.append(_wrong(name, section, "、".join(SECTIONS), code="constraints.section"))
            continue
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items, start=1):
            if not isinstance(item, dict):
                findings.append(_wrong(name, str(item), "a table", sheet=section, row=number))
                continue
            yield _Row(section=section, values=item, sheet=section, row=number)


# --- Sheets ----------------------------------------------------------------------------------------


def _of_sheets(path: Path, limits: tables.TableLimits, findings: list[Finding]) -> Iterator[_Row]:
    for sheet in tables.read_sheets(path, limits):
        section = _section_of(sheet.name or path.stem)
        if section is None:
            known = "、".join(titles[0] for _, titles in SECTIONS.values())
            findings.append(
                _wrong(path.name, sheet.name, known, sheet=sheet.name, code="constraints.section")
            )
            continue
        yield from _rows(path.name, sheet, section, findings)


def _section_of(title: str) -> str | None:
    key = headers.label_key(title)
    for section, (_, titles) in SECTIONS.items():
        if key in {headers.label_key(item) for item in (section, *titles)}:
            return section
    return None


def _rows(file: str, sheet: tables.Sheet, section: str, findings: list[Finding]) -> Iterator[_Row]:
    """Settings stand one a row, name and value; everything else has a header."""
    kind, _ = SECTIONS[section]
    if section == "coordination":
        pairs = {
            tables.cell_text(row[0]): row[1]
            for row in sheet.rows
            if len(row) > 1
            and tables.cell_text(row[0]) in {f.name for f in fields(kind)}
            and tables.cell_text(row[1])
        }
        yield _Row(section=section, values=pairs, sheet=sheet.name, row=sheet.first_row)
        return
    labels = {
        headers.label_key(label): field.name
        for field in fields(kind)
        for label in (field.name, *_LABELS.get(field.name, ()))
    }
    columns: dict[int, str] = {}
    for number, row in enumerate(sheet.rows, start=sheet.first_row):
        texts = [tables.cell_text(cell) for cell in row]
        if not any(texts):
            continue
        if not columns:
            columns = {
                at: labels[headers.label_key(text)]
                for at, text in enumerate(texts)
                if headers.label_key(text) in labels
            }
            for text in texts:
                if text and headers.label_key(text) not in labels:
                    known = "、".join(_LABELS.get(f.name, (f.name,))[0] for f in fields(kind))
                    findings.append(
                        _wrong(file, text, known, sheet=sheet.name, row=number, column=text,
                               code="constraints.column")
                    )  # fmt: skip
            continue
        values = {name: row[at] for at, name in columns.items() if at < len(row) and texts[at]}
        yield _Row(section=section, values=values, sheet=sheet.name, row=number)


# --- Values ----------------------------------------------------------------------------------------


def _built(file: str, rows: Sequence[_Row], findings: list[Finding]) -> Constraints:
    found: dict[str, list[Any]] = {}
    for row in rows:
        kind, _ = SECTIONS[row.section]
        hints = get_type_hints(kind)
        values, before = {}, len(findings)
        for name, value in row.values.items():
            if name not in hints:
                known = "、".join(hints)
                findings.append(
                    _wrong(file, name, known, sheet=row.sheet, row=row.row, column=name,
                           code="constraints.column")
                )  # fmt: skip
                continue
            try:
                values[name] = _value(value, hints[name])
            except ValueError as error:
                findings.append(
                    _wrong(file, str(value), str(error), sheet=row.sheet, row=row.row, column=name)
                )
        if len(findings) > before:
            continue
        try:
            built: Any = TypeAdapter(kind).validate_python(values)
            for name, value, expected in _beyond(built):
                findings.append(
                    _wrong(file, value, expected, sheet=row.sheet, row=row.row, column=name)
                )
            found.setdefault(row.section, []).append(built)
        except ValidationError as error:
            for mistake in error.errors(include_url=False):
                column = ".".join(str(part) for part in mistake["loc"])
                given = row.values.get(column.split(".")[0], "")
                findings.append(
                    _wrong(file, str(given), mistake["msg"], sheet=row.sheet, row=row.row,
                           column=column)
                )  # fmt: skip
    general = found.pop("coordination", [])
    sections: dict[str, Any] = {name: tuple(items) for name, items in found.items()}
    if general:
        sections["coordination"] = general[0]
        if general[0].move_cost < 1:
            findings.append(
                _wrong(file, str(general[0].move_cost), "≥ 1", sheet="coordination",
                       column="move_cost")
            )  # fmt: skip
    return Constraints(**sections)


def _beyond(built: Any) -> Iterator[tuple[str, str, str]]:
    """Fields whose values can mean nothing: name, what was found, what is expected."""
    for field in fields(built):
        value = getattr(built, field.name)
        numbers = value if isinstance(value, tuple) else (value,)
        least, most = (1, 7) if field.name == "weekdays" else (0, _MOST)
        for number in numbers:
            if isinstance(number, int) and not least <= number <= most:
                yield field.name, str(number)[:40], f"{least} … {most}"
            if isinstance(number, str) and (len(number) > _LONGEST or not number.isprintable()):
                yield field.name, number[:40], f"不超过 {_LONGEST} 字 / at most {_LONGEST} letters"
        if field.name == "plans" and len(value) < 2:
            yield field.name, "、".join(value), "两个以上的计划 / two plans or more"
    for first, last in (("first", "last"), ("from_hour", "until_hour")):
        begins, ends = getattr(built, first, None), getattr(built, last, None)
        if begins is not None and ends is not None and ends < begins:
            yield last, str(ends), f"≥ {begins}"


def _value(value: Any, hint: Any) -> Any:
    """A cell, or a value of TOML, as its field wants it. Raises ``ValueError`` with what is expected."""
    wanted = {hint, *get_args(hint)}
    if get_origin(hint) is tuple:
        return _listed(value, get_args(hint)[0])
    if bool in wanted:
        text = tables.cell_text(value).lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise ValueError("是 / 否")
    if date in wanted:
        return _day(value)
    if time in wanted:
        return _hour(value)
    if str in wanted:
        return tables.cell_text(value)
    return value


def _listed(value: Any, item: Any) -> list[Any]:
    parts = value if isinstance(value, list) else [value]
    if not isinstance(value, list) and not isinstance(value, date | datetime):
        parts = [part.strip() for part in _BETWEEN.split(tables.cell_text(value)) if part.strip()]
    if item is date:
        return [day for part in parts for day in _days(part)]
    return [int(part) for part in parts] if item is int else [tables.cell_text(p) for p in parts]


def _days(value: Any) -> Iterator[date]:
    """One day, or FIRST/LAST."""
    first, slash, last = str(value).partition("/") if isinstance(value, str) else (value, "", "")
    day, end = _day(first), _day(last) if slash else _day(first)
    if not 0 <= (end - day).days < _MOST_DAYS:
        raise ValueError(
            f"先开始后结束，不超过 {_MOST_DAYS} 天 / {_MOST_DAYS} days at most, in order"
        )
    while day <= end:
        yield day
        day += timedelta(days=1)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    match = _DAY.fullmatch(tables.cell_text(value))
    try:
        return date(*(int(part) for part in match.groups())) if match else date(0, 0, 0)
    except ValueError:
        raise ValueError("日期，如 2026-03-05 / a day like 2026-03-05") from None


def _hour(value: Any) -> time:
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, time):
        return value
    if isinstance(value, timedelta):
        value = tables.cell_text(value)
    try:
        hour, _, minute = tables.cell_text(value).replace("：", ":").partition(":")
        if int(hour) == 24:
            return time.max
        return time(int(hour), int(minute[:2] or 0))
    except ValueError:
        raise ValueError("时刻，如 06:30 / an hour like 06:30") from None


def _wrong(
    file: str,
    found: str,
    expected: str,
    *,
    sheet: str = "",
    row: int | None = None,
    column: str = "",
    code: str = "constraints.invalid",
) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        file=file,
        sheet=sheet,
        row=row,
        column=column,
        found=found,
        expected=expected,
    )
