"""Workbooks as different bureaus lay them out, written here and read back."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from notifier.domain.finding import Severity
from notifier.domain.plan import PlanDraft, PlanKind, Transition
from notifier.intake import plans

ZONE = ZoneInfo("Asia/Shanghai")
PUBLISHED = dt.date(2025, 9, 25)


def write(
    path: Path, rows: Sequence[Sequence[Any]], *, merged: Sequence[str] = (), name: str = "停电计划"
) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = name
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merge_cells(cells)
    workbook.save(path)
    return path


def at(hour: int, minute: int = 0) -> dt.datetime:
    """A moment of 3 October 2025 as a spreadsheet holds it: without a zone."""
    return dt.datetime.combine(dt.date(2025, 10, 3), dt.time(hour, minute))


def read(path: Path, published: dt.date | None = PUBLISHED, department: str = "") -> plans.PlanFile:
    return plans.read_plans(path, zone=ZONE, published=published, department=department)


def spans(draft: PlanDraft) -> list[str]:
    """Local windows in short: 10-03 08:00/10-03 17:30."""
    return [
        "/".join(
            moment.astimezone(ZONE).strftime("%m-%d %H:%M")
            for moment in (item.window.starts_at, item.window.ends_at)
        )
        for item in draft.source_windows
    ]


def codes(draft: PlanDraft, severity: Severity | None = None) -> set[str]:
    return {item.code for item in draft.findings if severity in (None, item.severity)}


def names(draft: PlanDraft) -> list[str]:
    return [item.name for item in draft.content.equipment]


def test_a_title_over_the_header_and_signatures_below_are_not_plans(tmp_path: Path) -> None:
    """Title, header, plans, total, notes and signatures: only the plans are plans, the rest is said."""
    path = write(
        tmp_path / "a.xlsx",
        [
            ["XX供电公司停电计划表（2025年10月）"],
            ["编制日期：2025年9月20日"],
            ["序号", "停电编号", "停电线路", "停电时间", "送电时间", "停电类型", "停电原因"],
            [
                1,
                "TD-01",
                "10kV科山线",
                at(8),
                at(17, 30),
                "计划停电",
                "消缺",
            ],
            [2, "TD-02", "10kV化机线", "2025-10-04 08:00", "2025-10-04 24:00", "临时停电", "消缺"],
            ["合计", "", 2],
            ["备注：如遇雨天顺延"],
            ["制表人：张三", "", "审核：李四", "", "2025年9月20日"],
        ],
        merged=["A1:G1"],
    )

    found = read(path, published=None)

    assert [item.content.number for item in found.plans] == ["TD-01", "TD-02"]
    assert [spans(item) for item in found.plans] == [
        ["10-03 08:00/10-03 17:30"],
        ["10-04 08:00/10-05 00:00"],
    ]
    assert [item.content.kind for item in found.plans] == [PlanKind.PLANNED, PlanKind.SHORT_NOTICE]
    assert {item.row for item in found.findings if item.code == "row.footer"} == {6, 7, 8}
    assert all(not codes(item, Severity.ERROR) for item in found.plans)


def test_two_line_headers_are_read_as_one(tmp_path: Path) -> None:
    """停电时间 over 开始 and 结束, the other labels merged downwards."""
    path = write(
        tmp_path / "b.xlsx",
        [
            ["线路名称", "停电时间", "", "停电范围"],
            ["", "开始", "结束", ""],
            ["10kV科山线", "10月3日8:00", "10月3日17:00", "泰山区"],
        ],
        merged=["A1:A2", "B1:C1", "D1:D2"],
    )

    (plan,) = read(path).plans

    assert spans(plan) == ["10-03 08:00/10-03 17:00"]
    assert plan.row == 3
    assert plan.content.scope == "泰山区"


def test_rows_of_one_number_are_one_plan_with_all_its_lines(tmp_path: Path) -> None:
    """Two lines under one number at the same hours: one plan; each window keeps its row."""
    path = write(
        tmp_path / "c.xlsx",
        [
            ["计划编号", "停电线路", "停电日期", "停电时间"],
            ["A1", "10kV科山线", "10月3日", "8:00-17:00"],
            ["A1", "10kV化机线", "10月3日", "8:00-17:00"],
            ["A2", "10kV市委线", "10月4日", "8:00-17:00"],
            ["A2", "10kV市委线", "10月5日", "8:00-17:00"],
        ],
    )

    first, second = read(path).plans

    assert names(first) == ["10kV科山线", "10kV化机线"]
    assert first.rows == (2, 3)
    assert spans(first) == ["10-03 08:00/10-03 17:00"]
    assert spans(second) == ["10-04 08:00/10-04 17:00", "10-05 08:00/10-05 17:00"]
    assert [item.row for item in second.source_windows] == [4, 5]


def test_one_number_never_makes_a_line_out_at_another_lines_hours(tmp_path: Path) -> None:
    """Different lines at different hours under one number: a plan for each time, and a warning."""
    path = write(
        tmp_path / "d.xlsx",
        [
            ["计划编号", "停电线路", "停电日期", "停电时间"],
            ["A1", "10kV科山线", "10月3日", "8:00-12:00"],
            ["A1", "10kV化机线", "10月3日", "13:00-17:00"],
        ],
    )

    first, second = read(path).plans

    assert (names(first), spans(first)) == (["10kV科山线"], ["10-03 08:00/10-03 12:00"])
    assert (names(second), spans(second)) == (["10kV化机线"], ["10-03 13:00/10-03 17:00"])
    assert "plan.split" in codes(first) & codes(second)
    assert first.content.number != second.content.number


def test_a_merged_number_holds_its_rows_together(tmp_path: Path) -> None:
    """序号 merged over two rows with two lines: one plan."""
    path = write(
        tmp_path / "e.xlsx",
        [
            ["序号", "停电线路", "停电时间"],
            [1, "10kV科山线", "10月3日8:00-17:00"],
            ["", "10kV化机线", ""],
            [2, "10kV市委线", "10月4日8:00-17:00"],
        ],
        merged=["A2:A3", "C2:C3"],
    )

    first, second = read(path).plans

    assert names(first) == ["10kV科山线", "10kV化机线"]
    assert names(second) == ["10kV市委线"]


def test_a_row_without_times_adds_its_line_to_the_plan_above(tmp_path: Path) -> None:
    """A blank time under a plan: the line belongs to that plan, and the row says so."""
    path = write(
        tmp_path / "f.xlsx",
        [
            ["停电线路", "停电日期", "停电时间"],
            ["10kV科山线", "10月3日", "8:00-17:00"],
            ["10kV化机线", "", ""],
        ],
    )

    (plan,) = read(path).plans

    assert names(plan) == ["10kV科山线", "10kV化机线"]
    assert {(item.code, item.row) for item in plan.findings} >= {("row.continued", 3)}


def test_a_date_lost_with_a_merge_is_carried_down_and_said(tmp_path: Path) -> None:
    """A flattened merge leaves the date in its first row only."""
    path = tmp_path / "g.csv"
    path.write_text(
        "日期,停电时间,停电线路\n10月3日(星期五),8:00-12:00,科山线\n,12:00-19:00,化机线\n",
        encoding="gb18030",
    )

    first, second = read(path).plans

    assert spans(second) == ["10-03 12:00/10-03 19:00"]
    assert "date.carried" in codes(second, Severity.WARNING)
    assert "date.carried" not in codes(first)


def test_headings_give_their_day_to_the_rows_below(tmp_path: Path) -> None:
    """Headers repeated for each day, as newspapers print them."""
    path = write(
        tmp_path / "h.xlsx",
        [
            ["停电通知"],
            ["检修线路", "检修时间", "影响范围"],
            ["10月3日（星期五）"],
            ["迎胜站10KV科山线", "7:00至18:30", "泰前街道"],
            ["10月4日停电安排"],
            ["检修线路", "检修时间", "影响范围"],
            ["东关站10KV市委线", "7:00至18:30", "岱北"],
        ],
    )

    found = read(path)

    assert [spans(item) for item in found.plans] == [
        ["10-03 07:00/10-03 18:30"],
        ["10-04 07:00/10-04 18:30"],
    ]
    assert {item.code for item in found.findings} == {"row.heading", "row.header_repeated"}
    assert found.plans[0].content.equipment[0].station == "迎胜站"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["10kV科山线", "10月3日(星期四)", "8:00-12:00"], "date.weekday_mismatch"),
        (["10kV科山线", "- 月6日", "8:30~17:00"], "date.digits_lost"),
        (["10kV科山线", "10月3日", "25:00-26:00"], "time.invalid"),
        (["10kV科山线", "10月3日", "15:00-9:00"], "window.end_before_start"),
        (["10kV科山线", "11月3日", "8:00-9:00"], "date.title_mismatch"),
        (["10kV科山线", "2月30日", "8:00-9:00"], "date.invalid"),
        (["10kV科山线", "10月3日", "8-17"], "time.ambiguous"),
        (["10kV科山线", "10月3日", "待定"], "window.undecided"),
        (["10kV科山线", "10月3日", ""], "time.missing"),
    ],
)
def test_one_bad_row_loses_no_other(tmp_path: Path, row: list[str], code: str) -> None:
    """Whatever is wrong with the middle row, the rows around it are whole, and it says where it is."""
    path = write(
        tmp_path / "i.xlsx",
        [
            ["停电检修安排表(2025年10月)", "", ""],
            ["停电线路", "停电日期", "停电时间"],
            ["10kV化机线", "10月2日", "8:00-12:00"],
            row,
            ["10kV市委线", "10月4日", "8:00-12:00"],
        ],
        merged=["A1:C1"],
    )

    before, bad, after = read(path).plans

    assert not codes(before, Severity.ERROR)
    assert not codes(after, Severity.ERROR)
    assert spans(bad) == []
    (error,) = [item for item in bad.findings if item.severity is Severity.ERROR]
    assert (error.code, error.row, error.sheet, error.file) == (code, 4, "停电计划", "i.xlsx")
    assert error.column
    assert error.expected


def test_dates_and_times_in_the_spreadsheets_own_form_are_read(tmp_path: Path) -> None:
    """Dates, times, durations of 24:00 and bare serial numbers."""
    path = tmp_path / "j.xlsx"
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["线路", "日期", "开始时间", "结束时间"])
    sheet.append(["甲线", dt.date(2025, 10, 3), dt.time(8), dt.time(17, 30)])
    sheet.append(["乙线", 45933, 0.3333333333, 0.75])
    sheet.append(["丙线", "45933", dt.time(8), dt.timedelta(hours=24)])
    sheet["D4"].number_format = "[h]:mm"
    sheet.append(["丁线", dt.date(2025, 10, 3), "８：００", "１２时３０分"])
    sheet.append(["戊线", None, at(0), at(6)])
    workbook.save(path)

    found = read(path, published=None).plans

    assert [spans(item) for item in found] == [
        ["10-03 08:00/10-03 17:30"],
        ["10-03 08:00/10-03 18:00"],
        ["10-03 08:00/10-04 00:00"],
        ["10-03 08:00/10-03 12:30"],
        ["10-03 00:00/10-03 06:00"],
    ]


def test_repeated_rows_and_repeated_contents_are_found(tmp_path: Path) -> None:
    """The same row twice, and the same outage under two numbers."""
    path = write(
        tmp_path / "k.xlsx",
        [
            ["停电编号", "停电线路", "停电时间"],
            ["A1", "科山线", "10月3日8:00-9:00"],
            ["A1", "科山线", "10月3日8:00-9:00"],
            ["A2", "科山线", "10月3日8:00-9:00"],
        ],
    )

    first, second = read(path).plans

    assert {(item.code, item.row) for item in first.findings} >= {("row.duplicate", 3)}
    assert {(item.code, item.row) for item in second.findings} >= {("plan.duplicate", 4)}


def test_transfers_are_read_with_both_their_moments(tmp_path: Path) -> None:
    """An isolated section is out for the day; the healthy line is moved, and moved back."""
    path = write(
        tmp_path / "l.xlsx",
        [
            ["编号", "停电线路", "停电时间", "转供线路", "转电方式", "转电时间", "恢复(回倒)时间"],
            [
                "A1",
                "科山线",
                "10月3日8:00-17:00",
                "化机线、市委线",
                "停电倒供",
                "7:30-7:45",
                "17:15-17:30",
            ],
            ["A2", "二棉线", "10月4日8:00-17:00", "南路线", "合环", "7:30-7:45", "17:15-17:30"],
            ["A3", "花城Ⅰ回", "10月5日8:00-17:00", "花城Ⅱ回", "", "7:30-7:45", ""],
        ],
    )

    first, second, third = read(path).plans

    (transfer,) = first.content.transfers
    assert transfer.transition is Transition.OPEN
    assert [item.name for item in transfer.equipment] == ["化机线", "市委线"]
    assert [span.starts_at.astimezone(ZONE).strftime("%d %H:%M") for span in transfer.spans] == [
        "03 07:30",
        "03 17:15",
    ]
    assert names(first) == ["科山线"]
    assert len(first.content.windows) == 1
    assert second.content.transfers[0].transition is Transition.CLOSED
    assert "transfer.transition_missing" in codes(third, Severity.ERROR)
    assert third.content.transfers == ()


def test_a_short_transfer_has_spans_and_no_outage_of_its_own(tmp_path: Path) -> None:
    """停电类型 短时停电: the line's seconds fall within the row's time."""
    path = write(
        tmp_path / "m.xlsx",
        [
            ["编号", "停电类型", "停电线路", "停电时间"],
            ["A1", "短时停电（倒供）", "科山线", "10月3日22:00-22:15、10月4日5:00-5:15"],
        ],
    )

    (plan,) = read(path).plans

    assert plan.content.kind is PlanKind.SHORT_TRANSFER
    assert (plan.content.equipment, plan.content.windows) == ((), ())
    assert [item.name for item in plan.content.transfers[0].equipment] == ["科山线"]
    assert len(plan.content.transfers[0].spans) == 2
    assert spans(plan) == ["10-03 22:00/10-03 22:15", "10-04 05:00/10-04 05:15"]


def test_field_names_of_the_portals_are_known(tmp_path: Path) -> None:
    """The JSON names of 95598, exported as columns."""
    path = tmp_path / "n.csv"
    path.write_text(
        "subsName,typeCode,startTime,stopTime,scope,lineName,pubTranName,poweroffReason,powerOffId\n"
        "迎胜站,计划停电,2025-10-03 08:00:00,2025-10-03 17:30:00,泰前街道,10kV科山线,,检修,370901\n"
        "迎胜站,计划停电,2025-10-04 08:00:00,2025-10-04 17:30:00,泰前街道,10kV科山线,东马台区,检修,370902\n",
        encoding="utf-8-sig",
    )

    whole, part = read(path, published=None).plans

    assert whole.content.number == "370901"
    assert (names(whole), whole.content.equipment[0].station) == (["10kV科山线"], "迎胜站")
    assert (whole.content.scope, whole.content.works) == ("泰前街道", "检修")
    assert names(part) == ["东马台区"]
    assert "equipment.line_and_areas" in codes(part, Severity.WARNING)


def test_the_order_of_day_and_month_is_told_by_the_column_not_guessed(tmp_path: Path) -> None:
    """05/10/2025 alone is doubted; beside 25/10/2025 in its column it is the fifth of October."""
    rows = [["feeder", "date", "time"], ["F1", "05/10/2025", "08:00-12:00"]]
    alone = write(tmp_path / "o.xlsx", rows)
    beside = write(tmp_path / "p.xlsx", [*rows, ["F2", "25/10/2025", "08:00-12:00"]])

    (doubted,) = read(alone).plans
    known, _ = read(beside).plans

    assert codes(doubted, Severity.ERROR) == {"date.unclear"}
    assert spans(known) == ["10-05 08:00/10-05 12:00"]


def test_the_same_file_gives_the_same_numbers_again(tmp_path: Path) -> None:
    """A plan without a number gets one from what it says, wherever its row stands."""
    header = ["停电线路", "停电时间"]
    row, other = ["科山线", "10月3日8:00-9:00"], ["化机线", "10月4日8:00-9:00"]
    first = read(write(tmp_path / "q.xlsx", [header, row, other]))
    second = read(write(tmp_path / "r.xlsx", [header, other, row]))

    assert first.plans[0].content.number == second.plans[1].content.number
    assert first.plans[0].content.number.startswith("auto-")


def test_a_cancelled_row_is_not_taken(tmp_path: Path) -> None:
    """A state column that says 取消 makes the row an error for a person, not an outage."""
    path = write(
        tmp_path / "s.xlsx",
        [
            ["停电线路", "停电时间", "状态"],
            ["科山线", "10月3日8:00-9:00", "已取消"],
            ["化机线", "10月3日8:00-9:00", "待审批"],
        ],
    )

    cancelled, undecided = read(path).plans

    assert codes(cancelled, Severity.ERROR) == {"plan.cancelled"}
    assert "plan.undecided" in codes(undecided, Severity.WARNING)


def test_the_json_has_the_promised_shape(tmp_path: Path) -> None:
    """Keys, local times with offset, rows: the door by which others check us."""
    path = write(
        tmp_path / "t.xlsx",
        [
            ["停电编号", "停电线路", "停电时间"],
            ["A1", "迎胜站10KV科山线", "10月3日8:00-9:00"],
            ["A2", "", "x"],
        ],
    )

    answer = read(path, department="检修部").as_dict(ZONE)

    assert set(answer) == {"plans", "findings"}
    plan, bad = answer["plans"]
    assert plan["source"] == {"file": "t.xlsx", "sheet": "停电计划", "row": 2}
    assert plan["windows"] == [
        {
            "starts_at": "2025-10-03T08:00:00+08:00",
            "ends_at": "2025-10-03T09:00:00+08:00",
            "text": "10月3日8:00-9:00",
            "row": 2,
        }
    ]
    assert plan["equipment"] == [
        {"name": "10KV科山线", "kind": "feeder", "station": "迎胜站", "text": "迎胜站10KV科山线"}
    ]
    assert plan["department"] == "检修部"
    assert all(
        {"code", "severity", "column", "found", "expected", "row"} <= set(item)
        for item in bad["findings"]
    )


def test_two_tables_on_one_sheet_are_both_read(tmp_path: Path) -> None:
    """The second has more columns, other ones, and a title with another month."""
    path = write(
        tmp_path / "u.xlsx",
        [
            ["甲供电所停电计划（2025年10月）"],
            ["停电线路", "停电时间", "工作内容"],
            ["科山线", "3日8:00-9:00", "消缺"],
            [],
            ["乙供电所停电计划（2025年11月）"],
            ["日期", "时间", "设备名称", "停电范围", "备注"],
            ["4日", "8:00-9:00", "化机线2号公变", "西街", ""],
        ],
    )

    first, second = read(path, published=None).plans

    assert (names(first), spans(first)) == (["科山线"], ["10-03 08:00/10-03 09:00"])
    assert (names(second), spans(second)) == (["化机线2号公变"], ["11-04 08:00/11-04 09:00"])


def test_a_start_and_a_duration_give_the_end(tmp_path: Path) -> None:
    """停电时长 where no end is given, past midnight too."""
    path = write(
        tmp_path / "v.xlsx",
        [
            ["停电线路", "停电时间", "送电时间", "停电时长(小时)"],
            ["科山线", "10月3日8:00", "", 9],
            ["化机线", "10月3日22:00", "", "8.5小时"],
        ],
    )

    first, second = read(path).plans

    assert spans(first) == ["10-03 08:00/10-03 17:00"]
    assert spans(second) == ["10-03 22:00/10-04 06:30"]
    assert "window.from_duration" in codes(second, Severity.INFO)


def test_a_bad_row_is_not_joined_to_a_good_neighbour(tmp_path: Path) -> None:
    """Rows without numbers that differ in their day alone are one plan, but not a broken one."""
    path = write(
        tmp_path / "w.xlsx",
        [
            ["停电线路", "日期", "时间"],
            ["科山线", "- 月3日", "8:00-9:00"],
            ["科山线", "10月4日", "8:00-9:00"],
            ["科山线", "10月5日", "8:00-9:00"],
        ],
    )

    bad, good = read(path).plans

    assert bad.rows == (2,)
    assert (good.rows, codes(good, Severity.ERROR)) == ((3, 4), set())


def test_hidden_sheets_and_sheets_without_a_table_are_said(tmp_path: Path) -> None:
    """A hidden draft is no plan; a page of instructions is no error beside a table."""
    path = write(tmp_path / "x.xlsx", [["停电线路", "停电时间"], ["科山线", "10月3日8:00-9:00"]])
    workbook = openpyxl.load_workbook(path)
    workbook.create_sheet("草稿").append(["停电线路", "停电时间"])
    workbook["草稿"].append(["化机线", "10月3日8:00-9:00"])
    workbook["草稿"].sheet_state = "hidden"
    workbook.create_sheet("说明").append(["请按格式填写"])
    workbook.save(path)

    found = read(path)

    assert len(found.plans) == 1
    assert [(item.code, item.sheet) for item in found.findings] == [
        ("sheet.hidden", "草稿"),
        ("header.missing", "说明"),
    ]
    assert not any(item.severity is Severity.ERROR for item in found.findings)


def test_the_crew_that_does_the_work_is_read(tmp_path: Path) -> None:
    """施工单位, 作业班组: the next outage of the same crew waits when this one is late."""
    path = write(
        tmp_path / "plans.xlsx",
        [
            ["计划编号", "停电线路", "停电时间", "施工单位"],
            ["A-1", "10kV东一线", "2025年10月3日8:00-12:00", "检修一班"],
            ["A-1", "10kV东二线", "2025年10月3日8:00-12:00", "带电班"],
            ["A-2", "10kV西一线", "2025年10月4日8:00-12:00", None],
        ],
    )

    found = read(path).plans

    assert [draft.content.crew for draft in found] == ["检修一班、带电班", ""]


def test_a_day_and_a_time_in_columns_of_their_own_are_one_moment(tmp_path: Path) -> None:
    """Start day, start time, end day and end time, as cells of the spreadsheet or as serial numbers."""
    path = write(
        tmp_path / "a.xlsx",
        [
            ["停电开始日期", "停电开始时间", "停电结束日期", "停电结束时间", "停电设备"],
            [dt.date(2025, 10, 3), dt.time(8), dt.date(2025, 10, 4), dt.time(6), "10kV科山线"],
            [45933, 1 / 3, 45933, 0.75, "10kV化机线"],
            ["2025-10-03", "2025-10-05 08:00", "2025-10-05", "09:00", "10kV市委线"],
        ],
    )

    found = read(path)

    assert [spans(draft) for draft in found.plans] == [
        ["10-03 08:00/10-04 06:00"],
        ["10-03 08:00/10-03 18:00"],
        ["10-05 08:00/10-05 09:00"],
    ]


@pytest.mark.parametrize(
    "header",
    [
        ("停电线路/台区", "停电起始时刻", "送电时刻"),
        ("拟停电线路名称", "计划停电起始时间", "预计来电时间"),
        ("线路或设备", "检修开始时间", "检修结束时间"),
        ("Feeder", "Off time", "On time"),
        ("Фидер", "Начало отключения", "Окончание отключения"),
        ("Đường dây", "Thời gian cắt điện từ", "Thời gian có điện lại"),
    ],
)
def test_headers_made_of_known_words_are_known(tmp_path: Path, header: tuple[str, ...]) -> None:
    """What bureaus compose of 停电, 起始 and 时刻 is read without having been listed word by word."""
    path = write(
        tmp_path / "a.xlsx", [header, ["10kV科山线", "2025-10-03 08:00", "2025-10-03 17:00"]]
    )

    found = read(path)

    assert [spans(draft) for draft in found.plans] == [["10-03 08:00/10-03 17:00"]]
    assert names(found.plans[0]) == ["10kV科山线"]


def test_a_table_nobody_could_read_is_a_warning_beside_sheets_that_were_read(
    tmp_path: Path,
) -> None:
    """A cover sheet is only mentioned; rows that look like plans are never passed over in silence."""
    path = write(
        tmp_path / "a.xlsx", [["停电线路", "停电时间"], ["10kV科山线", "10月3日8:00-9:00"]]
    )
    workbook = openpyxl.load_workbook(path)
    workbook.create_sheet("封面").append(["停电计划"])
    table = workbook.create_sheet("竖排")
    table.append(["线别", "10kV化机线"])
    table.append(["何时", "10月4日8:00-9:00"])
    workbook.save(path)

    missing = {item.sheet: item.severity for item in read(path).findings}

    assert missing == {"封面": Severity.INFO, "竖排": Severity.WARNING}
