"""A workbook of constraints for ``intake.constraints`` to read: what is in force, or an empty one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date, time, timedelta
from typing import Any

import xlsxwriter

from notifier.domain.coordination.constraints import Constraints, General
from notifier.intake.constraints import SECTIONS, label_of

_WIDTH = 18
#: What a setting means, beside its name.
SETTINGS = {
    "step": "half_hour 或 half_day / starts on half-hours, or by half-days",
    "move_days": "最多移动天数 / days a plan may move either way",
    "frozen_days": "几天内不动 / what begins sooner stays",
    "region_per_shift": "每区域每班项数 / works a shift in each region",
    "from_hour": "不早于 / no outage that can be moved begins earlier",
    "until_hour": "不晚于 / nor ends later",
    "move_cost": "移动已公布计划的代价，每户 / price of a move, per customer told",
    "second_move": "再次移动的附加代价 / on top where it was moved before",
    "interruption": "每次停电，每户 / an interruption, per customer",
    "half_hour": "每半小时，每户 / half an hour, per customer",
    "repeat": "重复停电，每户 / a repeat, per customer",
    "over_limit": "超过限值，每户 / over the limit, per customer",
    "short": "短时停电，每户每天 / a transfer, per customer and day",
    "sensitive_extra_customers": "敏感用户台区按多少户加计 / customers added where somebody is sensitive",
    "limit": "期内停电次数限值 / interruptions that are borne",
}


def write_book(found: Constraints) -> bytes:
    """The workbook: a sheet a subject, with its header even where there is nothing. Blocks a moment."""
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as workbook:
        bold = workbook.add_format({"bold": True})
        for field in fields(Constraints):
            page = workbook.add_worksheet(SECTIONS[field.name][1][0])
            page.freeze_panes(1, 0)
            page.set_column(0, 12, _WIDTH)
            value = getattr(found, field.name)
            rows = _settings(value) if isinstance(value, General) else _table(field.name, value)
            for line, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, int):
                        page.write_number(line, column, cell)
                    elif cell:
                        page.write_string(line, column, cell, bold if line == 0 else None)
    return target.getvalue()


def _settings(general: General) -> Iterator[Sequence[str | int]]:
    yield "参数", "值", "说明"
    for field in fields(General):
        yield field.name, _cell(getattr(general, field.name)), SETTINGS.get(field.name, "")


def _table(section: str, items: Sequence[Any]) -> Iterator[Sequence[str | int]]:
    names = [field.name for field in fields(SECTIONS[section][0])]
    yield [label_of(section, name) for name in names]
    for item in items:
        yield [_cell(getattr(item, name)) for name in names]


def _cell(value: Any) -> str | int:
    """A value as it is read again; what is not said is an empty cell."""
    if isinstance(value, bool):
        return "是" if value else ""
    if isinstance(value, int):
        return value
    if isinstance(value, time):
        return "24:00" if value == time.max else f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        parts = _spans(value) if value and isinstance(value[0], date) else map(str, value)
        return "、".join(parts)
    return "" if value is None else str(value)


def _spans(days: Sequence[date]) -> Iterator[str]:
    """Days, those that follow one another as FIRST/LAST."""
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][-1] == timedelta(days=1):
            spans[-1][1:] = [day]
        else:
            spans.append([day])
    for span in spans:
        yield "/".join(day.isoformat() for day in span)
