"""What a bureau asks of its works, read from TOML and from sheets; mistakes with their place."""

from dataclasses import fields
from datetime import date, time
from pathlib import Path

import pytest
import xlsxwriter

from notifier.domain.coordination import constraints as rules
from notifier.intake import constraints_book, tables
from notifier.intake.constraints import (
    constraints_as_dict,
    constraints_from_dict,
    read_constraints,
)

TOML = """
[coordination]
move_cost = 8
frozen_days = 2
[[crew]]
name = "一班"
per_day = 2
off = ["2026-03-08", "2026-03-15/2026-03-16"]
[[region]]
name = "城区"
per_shift = 2
feeders = ["东一线", "西一线"]
[[window]]
plan = "P1"
first = 2026-03-10
last = "2026-03-20"
from_hour = "06:00"
until_hour = "24:00"
weekdays = [1, 2]
[[precedence]]
first = "P1"
then = "P2"
[[same_outage]]
plans = ["P1", "P3"]
[[exclusive]]
plans = ["P2", "P3"]
[[blackout]]
reason = "高考"
first = "2026-06-07"
last = "2026-06-09"
[[customer]]
account = "A1"
first = "2026-03-15"
[[own_work]]
account = "A1"
plan = "P1"
on = "2026-03-12"
[[transfer]]
plan = "P1"
areas = ["一里台区"]
tie_feeder = "西一线"
"""


def read_text(folder: Path, text: str, name: str = "c.toml"):  # type: ignore[no-untyped-def]
    path = folder / name
    path.write_text(text, "utf-8")
    return read_constraints(path)


def test_toml_is_read_whole(tmp_path: Path) -> None:
    """Every section, in the words of the domain; and back through what the store keeps."""
    read = read_text(tmp_path, TOML)

    assert read.findings == ()
    found = read.constraints
    assert found is not None
    assert (found.coordination.move_cost, found.coordination.weights.move_notified) == (8, 8)
    assert found.crew[0].off == (date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 16))
    assert found.window[0] == rules.Window(
        plan="P1", first=date(2026, 3, 10), last=date(2026, 3, 20), from_hour=time(6),
        until_hour=time.max, weekdays=(1, 2),
    )  # fmt: skip
    assert found.transfer[0].areas == ("一里台区",)
    assert constraints_from_dict(constraints_as_dict(found)) == found


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def test_a_workbook_has_a_sheet_a_subject(tmp_path: Path) -> None:
    """Chinese titles and headers, lists in one cell, blank rows left out."""
    path = workbook(
        tmp_path / "约束.xlsx",
        {
            "参数": [["move_cost", 7], ["limit", 2]],
            "班组": [["名称", "每日能力", "休息日"], ["一班", 2, "2026-03-08、2026-03-09"], [], ["二班", 1]],
            "同停组": [["组名", "计划编号"], ["甲", "P1、P2"]],
            "禁停": [
                ["原因", "开始日期", "结束日期", "台区"],
                ["中考", "2026/6/13", "2026-06-15", "一里台区，二里台区"],
            ],
            "允许时间": [
                ["计划编号", "最早日期", "最晚日期", "不可移动"],
                ["P3", "2026-03-10", "2026年3月12日", "是"],
            ],
        },
    )  # fmt: skip

    read = read_constraints(path)

    assert read.findings == ()
    found = read.constraints
    assert found is not None
    assert (found.coordination.move_cost, found.coordination.limit) == (7, 2)
    assert [crew.name for crew in found.crew] == ["一班", "二班"]
    assert found.crew[0].off == (date(2026, 3, 8), date(2026, 3, 9))
    assert found.same_outage[0].plans == ("P1", "P2")
    assert found.blackout[0].first == date(2026, 6, 13)
    assert found.blackout[0].areas == ("一里台区", "二里台区")
    assert found.window[0].fixed


def test_mistakes_say_where_they_stand(tmp_path: Path) -> None:
    """Sheet, row, column, what was found and what is expected; and nothing of the file is taken."""
    path = workbook(
        tmp_path / "c.xlsx",
        {
            "班组": [["名称", "每日能力", "颜色"], ["一班", "许多", "红"]],
            "禁停": [["原因", "开始日期"], ["高考", "六月"]],
            "杂项": [["x"]],
        },
    )

    read = read_constraints(path)

    assert read.constraints is None
    places = {(f.code, f.sheet, f.row, f.column, f.found) for f in read.findings}
    assert ("constraints.column", "班组", 1, "颜色", "颜色") in places
    assert ("constraints.invalid", "班组", 2, "per_day", "许多") in places
    assert ("constraints.invalid", "禁停", 2, "first", "六月") in places
    assert ("constraints.section", "杂项", None, "", "杂项") in places


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[zone]\na = 1", "constraints.section"),
        ("[[crew]]\nname = 'x'\nspeed = 3", "constraints.column"),
        ("[[crew]]\nper_day = 3", "constraints.invalid"),
        ("crew = [1]", "constraints.invalid"),
        ("[coordination]\nmove_cost = 0", "constraints.invalid"),
        ("[[window]]\nplan = 'P'\nfrom_hour = 'dawn'", "constraints.invalid"),
        ("[[window]]\nplan = 'P'\nfixed = 'maybe'", "constraints.invalid"),
    ],
)
def test_toml_mistakes_are_findings(tmp_path: Path, text: str, code: str) -> None:
    """A move that costs nothing is a mistake too."""
    read = read_text(tmp_path, text)

    assert read.constraints is None
    assert code in {finding.code for finding in read.findings}


def test_what_is_no_file_of_constraints_is_refused(tmp_path: Path) -> None:
    """Missing, or not TOML at all."""
    with pytest.raises(tables.TableError) as missing:
        read_constraints(tmp_path / "none.toml")
    with pytest.raises(tables.TableError):
        read_text(tmp_path, "= = =")

    assert missing.value.code == "table.not_found"


@pytest.mark.parametrize(
    ("text", "column", "found"),
    [
        ("[[crew]]\nname = 'x'\nper_day = 99999999999999999999", "per_day", "99999999999999999999"),
        ("[[crew]]\nname = 'x'\nper_day = -1", "per_day", "-1"),
        ("[[crew]]\nname = 'x\\u0000y'", "name", "x\x00y"),
        ("[[crew]]\nname = 'x'\noff = ['0001-01-01/9999-12-31']", "off", "0001-01-01"),
        ("[[crew]]\nname = 'x'\noff = ['2026-03-05/2026-03-04']", "off", "2026-03-05/2026-03-04"),
        ("[[window]]\nplan = 'P1'\nweekdays = [0]", "weekdays", "0"),
        ("[[window]]\nplan = 'P1'\nfirst = 2026-03-05\nlast = 2026-03-04", "last", "2026-03-04"),
        (
            "[[window]]\nplan = 'P1'\nfrom_hour = '18:00'\nuntil_hour = '06:00'",
            "until_hour",
            "06:00",
        ),
        ("[[same_outage]]\nplans = ['P1']", "plans", "P1"),
    ],
)
def test_a_value_that_can_mean_nothing_is_refused(
    tmp_path: Path, text: str, column: str, found: str
) -> None:
    """Numbers out of range, days in the wrong order, letters nobody can print."""
    read = read_text(tmp_path, text.replace("'", '"'))

    assert read.constraints is None
    (finding,) = read.findings
    assert (finding.code, finding.column, finding.row) == ("constraints.invalid", column, 1)
    assert found in finding.found


def test_a_file_that_nests_for_ever_is_no_toml(tmp_path: Path) -> None:
    """And no fault."""
    with pytest.raises(tables.TableError):
        read_text(tmp_path, "a = " + "[" * 100_000)


def test_the_workbook_reads_back_as_what_was_written(tmp_path: Path) -> None:
    """What is in force, and the empty one that is the template."""
    read = read_text(tmp_path, TOML).constraints
    assert read is not None
    for number, found in enumerate((read, rules.Constraints())):
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(constraints_book.write_book(found))

        again = read_constraints(path)

        assert (again.findings, again.constraints) == ((), found)


def test_every_setting_of_the_workbook_says_what_it_means(tmp_path: Path) -> None:
    """A planner fills it in without the documents."""
    assert set(constraints_book.SETTINGS) == {field.name for field in fields(rules.General)}
