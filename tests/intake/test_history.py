"""Past interruptions out of files: columns by many names, times in many forms, and doubts with their
place."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from notifier.domain.reliability import InterruptionKind
from notifier.intake import history
from notifier.intake.history import HistoryFile

ZONE = ZoneInfo("Asia/Shanghai")
UNION = Path(__file__).parents[3] / "shared/data/history/union_power_nc_feeder_events_2018.csv"


def read(folder: Path, text: str, **columns: str) -> HistoryFile:
    path = folder / "history.csv"
    path.write_text(text, "utf-8")
    return history.read_history(path, zone=ZONE, columns=columns)


def codes(found: HistoryFile) -> list[tuple[str, int | None, str]]:
    return [(f.code, f.row, f.column) for f in found.findings]


def test_a_bureau_s_export_is_read_by_its_labels(tmp_path: Path) -> None:
    """Area-level rows with both ends, a momentary one, a total at the foot."""
    found = read(
        tmp_path,
        "停电统计表,,,,,\n"
        "所属变电站,线路名称,台区名称,停电开始时间,送电时间,停电户数,停电性质,停电原因\n"
        "110kV东站,10kV东一线,一里台区,2025-03-05 08:00,2025-03-05 17:30,120,计划停电,检修\n"
        "110kV东站,10kV东一线,一里台区,2025年3月6日8时05分,2025/3/6 8:05:30,120,短时停电,倒闸\n"
        "合计,,,,,240,,\n",
    )

    first, second = found.rows
    assert (first.station, first.feeder, first.area, first.customers, first.cause) == (
        "110kV东站", "10kV东一线", "一里台区", 120, "检修",
    )  # fmt: skip
    assert first.starts_at == datetime(2025, 3, 5, 0, 0, tzinfo=UTC)
    assert first.ends_at == datetime(2025, 3, 5, 9, 30, tzinfo=UTC)
    assert (first.kind, second.kind) == (InterruptionKind.OUT, InterruptionKind.SHORT)
    assert (first.row, second.row) == (3, 4)
    assert codes(found) == [("row.footer", 5, "")]


def test_a_duration_gives_the_end(tmp_path: Path) -> None:
    """In minutes or in hours, as the label says."""
    minutes = read(tmp_path, "线路,停电时间,停电时长(分钟)\n甲线,2025-03-05 08:00,90\n")
    hours = read(tmp_path, "线路,停电时间,停电时长（小时）\n甲线,2025-03-05 08:00,1.5\n")

    assert minutes.rows[0].ends_at == hours.rows[0].ends_at
    assert minutes.rows[0].ends_at == datetime(2025, 3, 5, 1, 30, tzinfo=UTC)


def test_a_workbook_s_own_times_are_read(tmp_path: Path) -> None:
    """A cell of the spreadsheet's own kind, seconds and all."""
    path = tmp_path / "history.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("停电")
        style = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, ["线路", "停电开始时间", "送电时间", "停电户数"])
        sheet.write(1, 0, "甲线")
        sheet.write_datetime(1, 1, datetime(2025, 3, 5, 8, 0, 15), style)  # noqa: DTZ001 - as a workbook has it
        sheet.write_datetime(1, 2, datetime(2025, 3, 5, 9, 0), style)  # noqa: DTZ001 - as a workbook has it
        sheet.write(1, 3, 20)

    found = history.read_history(path, zone=ZONE)

    assert found.rows[0].starts_at == datetime(2025, 3, 5, 0, 0, 15, tzinfo=UTC)
    assert (found.rows[0].sheet, found.rows[0].row, found.rows[0].customers) == ("停电", 2, 20)


def test_columns_of_any_name_can_be_pointed_out(tmp_path: Path) -> None:
    """What is chosen comes before any synonym, and a column that is not there is a finding."""
    text = "Circuit,OffTime,线路,Restored\nA1,2025-03-05T08:00:00-05:00,not this,2025-03-05 22:00\n"

    found = read(tmp_path, text, feeder="Circuit", start="OffTime", customers="Meters")

    assert (found.rows[0].feeder, found.rows[0].starts_at.hour) == ("A1", 13)
    assert ("history.column_missing", None, "Meters") in codes(found)
    with pytest.raises(history.ColumnUnknown):
        read(tmp_path, text, nonsense="Circuit")


def test_a_row_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    """Each says its row, its column, what was found and what was expected."""
    found = read(
        tmp_path,
        "线路,停电时间,送电时间,停电户数\n"
        "甲线,2025-13-05 08:00,2025-03-05 09:00,1\n"
        "甲线,,2025-03-05 09:00,1\n"
        "甲线,2025-03-05 10:00,2025-03-05 09:00,1\n"
        "甲线,2025-03-05 08:00,2025-03-05 09:00,-3\n"
        "甲线,2025-03-05 08:00,,7\n"
        "甲线,2025-03-05 08:00,2025-03-05 24:00,8\n",
    )

    assert [row.customers for row in found.rows] == [7, 8]
    assert found.rows[1].ends_at == datetime(2025, 3, 5, 16, 0, tzinfo=UTC)
    assert codes(found) == [
        ("history.time_unreadable", 2, "停电时间"),
        ("history.start_missing", 3, "停电时间"),
        ("history.end_before_start", 4, "送电时间"),
        ("history.customers_unreadable", 5, "停电户数"),
        ("history.end_missing", 6, "送电时间"),
    ]
    assert found.findings[0].found == "2025-13-05 08:00"


def test_times_that_cannot_be_are_doubted_in_the_words_of_the_file(tmp_path: Path) -> None:
    """Another century, ten years without supply, a duration beyond all dates; signatures are no rows."""
    found = read(
        tmp_path,
        "线路,停电时间,送电时间,停电时长(小时)\n"
        "甲线,1018-03-05 08:00,1018-03-05 09:00,\n"
        "甲线,2018-03-05 08:00,2028-03-05 09:00,\n"
        "甲线,2018-03-05 08:00,,999999999999\n"
        "甲线,2018-03-05 08:00,2018-03-05 07:00,\n"
        "合计,,,12\n"
        "制表：张三 审核：李四,,,\n",
    )

    assert found.rows == ()
    assert [(f.code, f.row, f.column, f.found) for f in found.findings] == [
        ("history.time_unreadable", 2, "停电时间", "1018-03-05 08:00"),
        ("history.too_long", 3, "送电时间", "2028-03-05 09:00"),
        ("history.too_long", 4, "停电时长(小时)", "999999999999"),
        ("history.end_before_start", 5, "送电时间", "2018-03-05 07:00"),
        ("row.footer", 6, "", "合计"),
        ("row.footer", 7, "", "制表：张三 审核：李四"),
    ]


def test_a_row_with_broken_characters_is_not_guessed(tmp_path: Path) -> None:
    """Half a character may be anybody's line."""
    path = tmp_path / "history.csv"
    text = "线路,停电时间,送电时间,停电原因\n"
    text += f"甲线,2025-03-05 08:00,2025-03-05 09:00,{'雷击导线断落' * 20}\n"
    path.write_bytes(
        text.encode() + "乙线".encode()[:-1] + b",2025-03-06 08:00,2025-03-06 09:00,\n"
    )

    found = history.read_history(path, zone=ZoneInfo("Asia/Shanghai"))

    assert [row.feeder for row in found.rows] == ["甲线"]
    assert ("row.damaged", 3, "") in codes(found)


def test_an_hour_that_the_clocks_leap_over_is_not_guessed(tmp_path: Path) -> None:
    """Half past two on the morning the clocks go forward does not exist."""
    path = tmp_path / "history.csv"
    path.write_text("feeder,start\nA,2018-03-11 02:30\nA,2018-03-11 03:30\n", "utf-8")

    found = history.read_history(path, zone=ZoneInfo("America/New_York"))

    assert len(found.rows) == 1
    assert ("history.time_unreadable", 2, "start") in codes(found)


def test_a_file_without_a_start_is_no_history(tmp_path: Path) -> None:
    """It is said, and nothing is read."""
    found = read(tmp_path, "线路,台区\n甲线,一里\n")

    assert (found.rows, found.findings[0].code) == ((), "header.missing")


@pytest.mark.skipif(not UNION.is_file(), reason="shared/data is not beside the checkout")
def test_a_real_export_is_read_whole() -> None:
    """663 outages of a county in North Carolina: no ends, customers as reported."""
    found = history.read_history(UNION, zone=ZoneInfo("America/New_York"))

    assert len(found.rows) == 663
    assert len({row.feeder for row in found.rows}) == 116
    assert sum(row.customers or 0 for row in found.rows) > 20_000
    assert {f.code for f in found.findings} == {"header.unknown_column", "history.no_end_column"}
    assert found.rows[0].starts_at == datetime(2018, 7, 31, 19, 25, 47, tzinfo=UTC)
