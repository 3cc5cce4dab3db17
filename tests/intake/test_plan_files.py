"""The real plan files, whole; and the speed that a month of them needs."""

import datetime as dt
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.finding import Severity
from notifier.domain.plan import PlanDraft
from notifier.intake import plans

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "plans"

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the shared data is not beside the checkout"
)


def spans(draft: PlanDraft, zone: ZoneInfo) -> list[str]:
    return [
        f"{item.window.starts_at.astimezone(zone):%Y-%m-%d %H:%M}–"
        f"{item.window.ends_at.astimezone(zone):%m-%d %H:%M}"
        for item in draft.source_windows
    ]


def errors(drafts: tuple[PlanDraft, ...]) -> list[tuple[int | None, str]]:
    return [
        (item.row, item.code)
        for draft in drafts
        for item in draft.findings
        if item.severity is Severity.ERROR
    ]


def test_merged_dates_fill_their_rows_and_touching_plans_stay_apart() -> None:
    """Four rows of two merged dates: four plans, two of which say that they touch another."""
    zone = ZoneInfo("Asia/Shanghai")

    found = plans.read_plans(
        DATA / "zh_merged_cells.xlsx", zone=zone, published=dt.date(2025, 9, 30)
    )

    table = [draft for draft in found.plans if draft.sheet == "停电安排表"]
    assert [(draft.row, spans(draft, zone)) for draft in table] == [
        (3, ["2025-10-03 08:00–10-03 12:00"]),
        (4, ["2025-10-03 12:00–10-03 19:00"]),
        (5, ["2025-10-04 08:00–10-04 12:00"]),
        (6, ["2025-10-04 12:00–10-04 19:00"]),
    ]
    touching = [
        draft.row
        for draft in table
        if any(item.code == "window.touches" for item in draft.findings)
    ]
    assert touching == [4, 6]
    assert table[1].content.scope == "大学生服务中心,宿舍1、2、7、8、11、12#楼,校医院"


def test_the_second_sheet_mixes_fifteen_ways_of_writing() -> None:
    """Day only, full dates, ranges, a list with weekdays overnight; each row right."""
    zone = ZoneInfo("Asia/Shanghai")

    found = plans.read_plans(
        DATA / "zh_merged_cells.xlsx", zone=zone, published=dt.date(2025, 8, 1)
    )

    by_row = {draft.row: draft for draft in found.plans if draft.sheet == "线路检修"}
    assert sorted(by_row) == list(range(2, 17))
    assert spans(by_row[2], zone) == ["2025-08-06 07:00–08-06 18:30"]
    assert spans(by_row[5], zone) == ["2025-08-09 05:30–08-09 20:30"]
    assert spans(by_row[7], zone) == [
        "2015-12-26 05:00–12-26 19:00",
        "2015-12-27 05:00–12-27 19:00",
    ]
    assert spans(by_row[13], zone) == ["2025-12-04 01:00–12-04 06:00"]
    assert spans(by_row[16], zone) == [
        "2025-08-07 23:00–08-08 05:00",
        "2025-08-08 23:00–08-09 05:00",
    ]
    assert by_row[13].content.equipment[0].name == "9211花城Ⅰ回"
    # 3月6日 lies seven months after this publication: a person says which year.
    assert {row for row, _ in errors(found.plans)} == {9, 10, 11, 12}


def test_all_rows_of_almaty_are_plans() -> None:
    """61 rows, 61 plans, none in doubt; days agree with their weekday column."""
    zone = ZoneInfo("Asia/Almaty")

    found = plans.read_plans(
        DATA / "almaty_azhk_20260713-17_records.csv", zone=zone, department="AZhK"
    )

    assert [draft.content.number for draft in found.plans] == [
        str(number) for number in range(1, 62)
    ]
    assert [draft.row for draft in found.plans] == list(range(2, 63))
    assert errors(found.plans) == []
    assert spans(found.plans[0], zone) == ["2026-07-13 09:00–07-13 17:00"]
    assert {len(draft.content.windows) for draft in found.plans} == {1}
    assert all(draft.content.equipment for draft in found.plans)
    assert found.plans[0].content.department == "РЭС-1"


def test_all_rows_of_an_giang_are_plans_or_said() -> None:
    """116 rows: 108 outages, 7 rows that repeat another, one that says nothing yet."""
    zone = ZoneInfo("Asia/Ho_Chi_Minh")

    found = plans.read_plans(DATA / "vn_angiang_an-giang_power_outage.csv", zone=zone)

    counted = Counter(item.code for draft in found.plans for item in draft.findings)
    assert sum(len(draft.rows) for draft in found.plans) == 115
    assert (len(found.plans), counted["row.duplicate"]) == (108, 7)
    assert errors(found.plans) == []
    assert [(item.code, item.row) for item in found.findings] == [("row.ignored", 117)]
    assert spans(found.plans[0], zone) == ["2025-04-27 07:30–04-27 18:00"]
    assert found.plans[0].content.department == "Điện lực Huyện Châu Thành"
