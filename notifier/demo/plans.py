"""A month of outage plans of the made-up bureau, as three departments write them down.

Each department has a layout of its own, as in life: merged cells, two-row headings, several assets in
a cell, dates without a year, serial numbers, overnight and multi-day windows, notes and signatures,
one row that contradicts itself, and an outage of a section with its switching steps. Some works want
the same areas on different days: the balance meeting has something to merge.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import xlsxwriter

from notifier.demo import grid
from notifier.demo.bureau import Area, Bureau
from notifier.demo.section import Section
from notifier.demo.walk import Switching

#: The first day of the month, a Sunday; the files were published then.
MONTH = date(2026, 3, 1)
CAPITAL, REPAIR, CONNECTION = "基建部", "运检部", "营销部（业扩）"

#: The outage of a section of 10kV新城线: its section switches are opened, then the tie to 10kV湖滨线 is
#: closed, and whoever hangs behind the section is without supply for the seconds between.
SECTION = Section(
    number="JJ-2026-03-06",
    feeder="10kV新城线",
    switching=Switching.by_open_transition(
        opens=(grid.section_switch("新城线", 2), grid.section_switch("新城线", 5)),
        closes=(grid.tie_switch("湖滨线", "新城线"),),
    ),
    hours="08:00-16:30",
    seconds="07:45-08:00",
)

_WEEKDAYS = "一二三四五六日"
_REPAIRS = (
    "更换老化导线",
    "处理线夹发热",
    "更换避雷器",
    "树障清理",
    "更换跌落式熔断器",
    "配变轮换检修",
)
_CONNECTIONS = ("新装用户接入", "充电站接入", "小区增容接入", "光伏并网接入", "专变用户增容")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The plans to which something happens, by their parts in the story; the others take their course.

    ``added`` and ``removed`` are areas of the scope change.
    """

    rescheduled: str
    transferred: str
    overrun: str
    early: str
    cancelled: str
    rescoped: str
    short: str
    live: str
    at_short_notice: str
    doubtful: str
    section: str
    added: str
    removed: str


@dataclass(slots=True, kw_only=True)
class Programme:
    """The three files and who plays what. ``numbers`` counts the plans of each file; ``repeated`` are
    works on areas that another department takes out on another day, ``held`` those that the balance
    meeting may not move: something happens to them, or they cannot wait."""

    files: dict[str, Path] = field(default_factory=dict)
    cast: Cast
    section: Section
    repeated: tuple[str, ...]
    held: tuple[str, ...]
    numbers: dict[str, int] = field(default_factory=dict)


def write(bureau: Bureau, seed: int, folder: Path) -> Programme:
    """Writes the three workbooks and answers what is in them. Blocks for a fraction of a second."""
    picker = _Picker(bureau, random.Random(seed + 1))
    capital = _write_capital(picker, folder / "plans-基建.xlsx")
    repair = _write_repair(picker, folder / "plans-修理.xlsx")
    connection, added, removed = _write_connection(picker, folder / "plans-业扩.xlsx")
    return Programme(
        files={
            CAPITAL: folder / "plans-基建.xlsx",
            REPAIR: folder / "plans-修理.xlsx",
            CONNECTION: folder / "plans-业扩.xlsx",
        },
        numbers={CAPITAL: capital, REPAIR: repair, CONNECTION: connection},
        section=SECTION,
        repeated=(
            *("XL-2026-0316", "XL-2026-0317", "XL-2026-0318"),
            *("YK260322", "YK260323", "YK260324"),
        ),
        held=(
            *("JJ-2026-03-01", "JJ-2026-03-03", "JJ-2026-03-04", "JJ-2026-03-05", SECTION.number),
            *("XL-2026-0302", "XL-2026-0313", "YK260304"),
        ),
        cast=Cast(
            rescheduled="JJ-2026-03-01",
            transferred="JJ-2026-03-02",
            overrun="JJ-2026-03-03",
            early="JJ-2026-03-04",
            cancelled="XL-2026-0302",
            rescoped="YK260304",
            short="XL-2026-0311",
            live="XL-2026-0312",
            at_short_notice="XL-2026-0313",
            doubtful="XL-2026-0314",
            section=SECTION.number,
            added=added,
            removed=removed,
        ),
    )


class _Picker:
    """Hands out areas so that no area is out twice."""

    def __init__(self, bureau: Bureau, rng: random.Random) -> None:
        self.rng = rng
        self._bureau = bureau
        self._free = {area.feeder: bureau.areas_of(area.feeder) for area in bureau.areas}

    def areas(self, feeder: str, count: int) -> list[Area]:
        """The next areas of a feeder, neighbours of each other."""
        free = self._free[feeder]
        taken, self._free[feeder] = free[:count], free[count:]
        return taken

    def downstream(self, feeder: str, count: int) -> list[Area]:
        """The last areas of a feeder, which another feeder can carry."""
        return self._bureau.areas_of(feeder)[-count:]

    def again(self, feeder: str, first: int, count: int) -> list[Area]:
        """Some areas of a feeder, whoever else has them out."""
        return self._bureau.areas_of(feeder)[first : first + count]


def _write_capital(picker: _Picker, path: Path) -> int:
    """Capital construction: mostly whole feeders, two-row heading, times as spreadsheet dates, merged
    cells over the department."""
    rows: list[tuple[str, str, str, list[Area], datetime, datetime, str, list[Area], str, str]] = [
        (
            "JJ-2026-03-01", "城北变", "10kV人民线", [], _at(14, 8), _at(14, 17, 30),
            "人民线绝缘化改造", [], "", "",
        ),
        (
            "JJ-2026-03-02", "城北变", "10kV学府线", [], _at(19, 8), _at(19, 18),
            "学府线联络开关新建", picker.downstream("10kV学府线", 9), "", "",
        ),
        (
            "JJ-2026-03-03", "", "", picker.areas("10kV工业线", 3), _at(16, 9), _at(17, 17),
            "工业线电缆头制作", [], "", "",
        ),
        (
            "JJ-2026-03-04", "", "", picker.areas("10kV茶场线", 1), _at(21, 8), _at(21, 20),
            "茶场线更换导线", [], "", "",
        ),
        (
            "JJ-2026-03-05", "青山变", "10kV茶场线", [], _at(25, 8), _at(25, 16),
            "茶场线改接新变电站", [], "", "",
        ),
        (
            SECTION.number, "湖东变", "10kV新城线", [], _at(20, 8), _at(20, 16, 30),
            "新城线更换导线", [],
            f"{grid.pole('新城线', 3)}至{grid.pole('新城线', 5).removeprefix('新城线')}",
            "；".join(f"{'断开' if opens else '合上'}{name}" for name, opens in SECTION.switching.steps),
        ),
    ]  # fmt: skip
    titles = (
        "停电计划编号", "申请部门", "停电类型", "变电站", "停电线路", "停电台区", "停电原因", "转供台区",
        "转电方式",
    )  # fmt: skip
    with xlsxwriter.Workbook(path) as workbook:
        bold = workbook.add_format({"bold": True, "align": "center", "border": 1})
        moment = workbook.add_format({"num_format": "yyyy/m/d h:mm"})
        wrap = workbook.add_format({"text_wrap": True, "valign": "top"})
        sheet = workbook.add_worksheet("3月基建")
        sheet.merge_range(0, 0, 0, 14, "示范县供电公司2026年3月基建工程停电计划表", bold)
        for column, title in enumerate(titles):
            sheet.merge_range(1, column, 2, column, title, bold)
        for column, title, parts in (
            (9, "计划停电时间", ("开始", "结束")),
            (11, "转供时段", ("转电时间", "回倒时间")),
        ):
            sheet.merge_range(1, column, 1, column + 1, title, bold)
            sheet.write_row(2, column, parts, bold)
        for column, title in ((13, "工作地点"), (14, "操作步骤")):
            sheet.merge_range(1, column, 2, column, title, bold)
        sheet.merge_range(3, 1, 2 + len(rows), 1, CAPITAL, bold)
        for at, row in enumerate(rows, 3):
            number, station, feeder, areas, start, end, works, moved, place, steps = row
            sheet.write_string(at, 0, number)
            sheet.write_row(at, 2, ("计划停电", station, feeder))
            sheet.write_string(at, 5, "、".join(area.name for area in areas))
            sheet.write_string(at, 6, works)
            sheet.write_datetime(at, 9, start, moment)
            sheet.write_datetime(at, 10, end, moment)
            if moved:
                sheet.write_string(at, 7, "\n".join(area.name for area in moved), wrap)
            if moved or steps:
                sheet.write_string(at, 8, "停电倒供")
                back = (f"{end + timedelta(minutes=late):%H:%M}" for late in (0, 15))
                sheet.write_row(at, 11, ("7:45-8:00", "-".join(back)))
            sheet.write_row(at, 13, (place, steps), wrap)
        last = 4 + len(rows)
        sheet.merge_range(last, 0, last, 14, "注：以上计划如遇雨雪天气顺延，以现场通知为准。")
        sheet.write_row(last + 1, 0, ("编制：周工", "", "", "审核：吴主任"))
    return len(rows)


def _write_repair(picker: _Picker, path: Path) -> int:
    """Repairs: a list of days without a year, areas joined by 、, transfers, one contradiction."""
    rng = picker.rng
    headings = (
        "序号", "计划编号", "类型", "日期", "星期", "停电时间", "停电线路", "停电台区", "工作内容",
        "转电方式",
    )  # fmt: skip
    lines = ("10kV湖滨线", "10kV物流线", "10kV青溪线", "10kV新城线", "10kV工业线")
    rows: list[tuple[str, ...]] = []
    for turn in range(10):
        day = MONTH.replace(day=11 + turn * 2 - (turn // 6))
        feeder = lines[turn % len(lines)]
        areas = picker.areas(feeder, rng.randint(2, 4))
        times = ("8:00-17:30", "08:30—16:00", "9时至15时30分", "７：３０－１８：００")[turn % 4]
        rows.append(
            (
                f"XL-2026-03{turn + 1:02d}",
                "计划停电",
                _day(day, turn),
                _WEEKDAYS[day.weekday()],
                times,
                "",
                "、".join(area.name for area in areas),
                rng.choice(_REPAIRS),
                "",
            )
        )
    night = MONTH.replace(day=23)
    rows += [
        (
            "XL-2026-0311", "短时停电", _day(night, 0), _WEEKDAYS[night.weekday()],
            "22:00-22:15，次日5:00-5:15", "",
            "、".join(area.name for area in picker.downstream("10kV湖滨线", 9)),
            "湖滨线末段转供新城线", "停电倒供",
        ),
        (
            "XL-2026-0312", "转供电", "3月25日", "三", "22:30-22:45", "10kV新城线", "",
            "新城线合环转湖滨线", "合环",
        ),
        (
            "XL-2026-0313", "临时停电", "3月18日", "三", "13:00-16:00", "",
            "、".join(area.name for area in picker.areas("10kV物流线", 3)), "处理配变渗油", "",
        ),
        (
            "XL-2026-0314", "计划停电", "3月26日", "五", "8:00-12:00", "",
            "、".join(area.name for area in picker.areas("10kV物流线", 2)), "更换低压电缆", "",
        ),
        (
            "XL-2026-0315", "计划停电", "3月27日", "五", "22:00-次日5:00", "",
            "、".join(area.name for area in picker.areas("10kV物流线", 4)), "夜间配变增容", "",
        ),
        (
            "XL-2026-0316", "计划停电", "3月24日", "二", "8:30-16:30", "",
            "、".join(area.name for area in picker.again("10kV学府线", 0, 4)), "更换老化导线", "",
        ),
        (
            "XL-2026-0317", "计划停电", "3月18日", "三", "8:30-15:30", "",
            "、".join(area.name for area in picker.again("10kV茶场线", 6, 3)), "树障清理", "",
        ),
        (
            "XL-2026-0318", "计划停电", "3月26日", "四", "8:30-16:30", "",
            "、".join(area.name for area in picker.again("10kV工业线", 24, 3)), "处理线夹发热", "",
        ),
    ]  # fmt: skip
    with xlsxwriter.Workbook(path) as workbook:
        bold = workbook.add_format({"bold": True, "border": 1})
        sheet = workbook.add_worksheet("2026年3月")
        sheet.merge_range(0, 0, 0, len(headings) - 1, "运维检修部2026年3月停电检修计划", bold)
        sheet.write_row(1, 0, headings, bold)
        for at, row in enumerate(rows, start=2):
            sheet.write_number(at, 0, at - 1)
            sheet.write_row(at, 1, row)
        sheet.write_string(len(rows) + 3, 0, "制表：运检部 2026年3月1日")
    return len(rows)


def _write_connection(picker: _Picker, path: Path) -> tuple[int, str, str]:
    """New connections: one area a line of the cell, times in words, several days in one plan."""
    rng = picker.rng
    lines = ("10kV青溪线", "10kV新城线", "10kV湖滨线", "10kV物流线", "10kV青溪线", "10kV工业线")
    ways: tuple[Callable[[date], str], ...] = (
        lambda day: f"2026年{day.month}月{day.day}日08时00分至17时00分",
        lambda day: f"2026-{day.month:02d}-{day.day:02d} 09:00~16:30",
        lambda day: f"{day.month}月{day.day}日至{day.day + 2}日每天8:00-12:00",
        lambda day: f"2026/{day.month}/{day.day} 8:00-12:00，14:00-18:00",
    )
    rows: list[tuple[str, list[Area], str, str]] = []
    for turn in range(21):
        # No work on the first weekend: the advance notice needs its week.
        day = MONTH.replace(day=11 + turn * 17 // 21)
        areas = picker.areas(lines[turn % len(lines)], rng.randint(1, 3) if turn != 3 else 4)
        if turn == 3:
            day = MONTH.replace(day=20)
        rows.append(
            (f"YK2603{turn + 1:02d}", areas, ways[turn % len(ways)](day), rng.choice(_CONNECTIONS))
        )
    spare = picker.areas("10kV物流线", 1)[0]
    for feeder, first, count, later in (
        ("10kV学府线", 0, 2, 27),
        ("10kV茶场线", 6, 2, 20),
        ("10kV工业线", 24, 3, 23),
    ):
        words = f"2026年3月{later}日09时00分至16时00分"
        number = f"YK2603{len(rows) + 1:02d}"
        rows.append((number, picker.again(feeder, first, count), words, rng.choice(_CONNECTIONS)))
    with xlsxwriter.Workbook(path) as workbook:
        bold = workbook.add_format({"bold": True, "border": 1})
        wrap = workbook.add_format({"text_wrap": True})
        for name, part in (("上半月", rows[:11]), ("下半月", rows[11:])):
            sheet = workbook.add_worksheet(name)
            sheet.merge_range(0, 0, 0, 5, f"业扩工程停电需求（{name}）", bold)
            sheet.merge_range(1, 0, 1, 5, "发布日期：2026年3月1日")
            sheet.write_row(2, 0, ("工单号", "影响台区", "计划停电时间", "停电事由"), bold)
            for at, (number, areas, words, works) in enumerate(part, start=3):
                sheet.write_string(at, 0, number)
                sheet.write_string(at, 1, "\n".join(area.name for area in areas), wrap)
                sheet.write_row(at, 2, (words, works))
    return len(rows), spare.name, rows[3][1][-1].name


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time of the month; spreadsheets know no zones."""
    return datetime.combine(MONTH + timedelta(days=day - 1), time(hour, minute))


def _day(day: date, turn: int) -> str:
    return (f"{day.month}月{day.day}日", f"{day.month}.{day.day}", f"{day:%Y/%m/%d}")[turn % 3]
