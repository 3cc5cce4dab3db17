"""Outage times in words: what is certain becomes windows, what is not becomes findings."""

import datetime as dt
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.finding import Severity
from notifier.intake import plans
from notifier.intake.plan_windows import ParsedWindows, parse_span, parse_windows
from notifier.intake.window_dates import DateContext

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "plans"
ZONE = ZoneInfo("Asia/Shanghai")
PUBLISHED = dt.date(2025, 9, 25)

shared = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not beside the checkout")


def read(day: Any, time: Any = "", published: dt.date | None = PUBLISHED) -> ParsedWindows:
    return parse_windows(day, time, zone=ZONE, published=published, row=7, column="停电时间")


def spans(parsed: ParsedWindows, zone: ZoneInfo = ZONE) -> list[str]:
    return [
        "/".join(
            moment.astimezone(zone).strftime("%m-%d %H:%M")
            for moment in (item.window.starts_at, item.window.ends_at)
        )
        for item in parsed.windows
    ]


def errors(parsed: ParsedWindows) -> list[str]:
    return [item.code for item in parsed.findings if item.severity is Severity.ERROR]


def notices() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / "zh_notices.json").read_text("utf-8"))
    return found


def published_of(notice: dict[str, Any]) -> dt.date:
    """The notice's day; a month's first; for an unknown year the month of its items in 2026."""
    text = notice["published"]
    if len(text) == 10:
        return dt.date.fromisoformat(text)
    if text[:2] == "20":
        return dt.date(int(text[:4]), int(text[5:7]), 1)
    return dt.date(2026, 3 if "3月" in text else 6, 1)


def labelled(item: dict[str, Any]) -> list[str]:
    return [
        f"{window['start'][5:].replace('T', ' ')}/{window['end'][5:].replace('T', ' ')}"
        for window in item["windows"]
    ]


@shared
def test_real_notices_give_the_labelled_windows() -> None:
    """Every item of the twelve notices, with its time alone and with its publication date."""
    for notice in notices():
        for item in notice["items"]:
            parsed = read("", item["time_text"], published_of(notice))

            assert spans(parsed) == labelled(item), (notice["id"], item["time_text"])
            assert errors(parsed) == []
            assert all(window.text == item["time_text"] for window in parsed.windows)


@shared
@pytest.mark.parametrize("layout", ["one_column", "two_columns", "with_title"])
def test_real_notices_survive_a_workbook(tmp_path: Path, layout: str) -> None:
    """The same facts, typed into workbooks as three bureaus would, read back as labelled."""
    for notice in notices():
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert sheet is not None
        if layout == "with_title":
            sheet.append([f"{notice['place']}停电检修通知", "", "", ""])
            sheet.merge_cells("A1:D1")
        if layout == "two_columns":
            sheet.append(["日期", "停电时间", "停电线路", "停电范围"])
        else:
            sheet.append(["检修时间", "检修线路", "影响范围", "停电原因"])
        for item in notice["items"]:
            day, _, time = item["time_text"].partition(" ")
            if layout == "two_columns" and ":" in time and ";" not in item["time_text"]:
                sheet.append([day, time, item["line"], item["scope_text"]])
            elif layout == "two_columns":
                sheet.append(["", item["time_text"], item["line"], item["scope_text"]])
            else:
                sheet.append([item["time_text"], item["line"], item["scope_text"], item["reason"]])
        path = tmp_path / f"{notice['id']}.xlsx"
        workbook.save(path)

        found = plans.read_plans(path, zone=ZONE, published=published_of(notice))

        given = {window for item in notice["items"] for window in labelled(item)}
        read_back = {
            "/".join(
                moment.astimezone(ZONE).strftime("%m-%d %H:%M")
                for moment in (item.window.starts_at, item.window.ends_at)
            )
            for plan in found.plans
            for item in plan.source_windows
        }
        assert read_back == given, notice["id"]
        assert sum(len(plan.rows) for plan in found.plans) == len(notice["items"])


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        ("10月3日", "8:00-17:30", ["10-03 08:00/10-03 17:30"]),
        ("2025年10月3日", "08时00分至17时30分", ["10-03 08:00/10-03 17:30"]),
        ("2025.10.3", "８：００～１７：３０", ["10-03 08:00/10-03 17:30"]),
        ("2025/10/3", "8点到17点半", ["10-03 08:00/10-03 17:30"]),
        ("20251003", "0800-1730", ["10-03 08:00/10-03 17:30"]),
        ("3日", "5时0分—24:00", ["10-03 05:00/10-04 00:00"]),
        ("10月3日", "22:00-次日06:00", ["10-03 22:00/10-04 06:00"]),
        ("10月3日", "22:00-6:00", ["10-03 22:00/10-04 06:00"]),
        ("10月3日晚10点", "至次日凌晨5点", ["10-03 22:00/10-04 05:00"]),
        ("10月3日", "全天", ["10-03 00:00/10-04 00:00"]),
        ("10月3日", "上午8:00-11:30，下午2:00-5:30", ["10-03 08:00/10-03 11:30", "10-03 14:00/10-03 17:30"]),
        ("10月3日", "8:00-12:00\n13:00-17:00", ["10-03 08:00/10-03 12:00", "10-03 13:00/10-03 17:00"]),
        ("10月3、5日", "8:00-9:00", ["10-03 08:00/10-03 09:00", "10-05 08:00/10-05 09:00"]),
        ("10月31日至11月1日每天", "8:00-9:00", ["10-31 08:00/10-31 09:00", "11-01 08:00/11-01 09:00"]),
        ("", "十月三日八时至十七时", ["10-03 08:00/10-03 17:00"]),
        ("", "10月3日8:00至10月4日18:00", ["10-03 08:00/10-04 18:00"]),
        ("", "3日(周五)8:00-9:00；4日8:00-9:00", ["10-03 08:00/10-03 09:00", "10-04 08:00/10-04 09:00"]),
        ("", "10.3-10.4 8.30-17.00", ["10-03 08:30/10-03 17:00", "10-04 08:30/10-04 17:00"]),
        ("10月3日", "1、8:00-9:00 2、10:00-11:00", ["10-03 08:00/10-03 09:00", "10-03 10:00/10-03 11:00"]),
        ("1月5日", "8:00-9:00", ["01-05 08:00/01-05 09:00"]),
        ("", "October 3, 2025 9 am to 5 pm", ["10-03 09:00/10-03 17:00"]),
        ("3 Oct 2025", "9:30am–12pm", ["10-03 09:30/10-03 12:00"]),
        ("Friday, October 3", "09:00 until 17:00", ["10-03 09:00/10-03 17:00"]),
        ("03.10.2025", "с 9-00 до 17-00", ["10-03 09:00/10-03 17:00"]),
        ("Пт 3 октября 2025 г.", "09:00–17:00", ["10-03 09:00/10-03 17:00"]),
        ("3 tháng 10 năm 2025", "Từ 07:30 đến 18:00", ["10-03 07:30/10-03 18:00"]),
        ("ngày 3/10/2025", "từ 7h30 đến 17 giờ", ["10-03 07:30/10-03 17:00"]),
        ("10月3日", "8:00停电，17:00送电", ["10-03 08:00/10-03 17:00"]),
        ("10月3日", "下午（1:00-5:00）", ["10-03 13:00/10-03 17:00"]),
        ("10月3、4日", "每晚11点至次日5点", ["10-03 23:00/10-04 05:00", "10-04 23:00/10-05 05:00"]),
        ("10月3日", "1.00pm-5.00pm", ["10-03 13:00/10-03 17:00"]),
        ("10月3日(农历八月十二)", "自8时起至17时止", ["10-03 08:00/10-03 17:00"]),
        (dt.date(2025, 10, 3), dt.time(8), []),
        (45933, "8:00-9:00", ["10-03 08:00/10-03 09:00"]),
        ("", "2025-10-03T00:00:00Z 至 2025-10-03T01:30:00Z", ["10-03 08:00/10-03 09:30"]),
        ("", "2025-10-03T08:00+08:00/2025-10-03T17:00+08:00", ["10-03 08:00/10-03 17:00"]),
        ("", "2025-10-03 08:00/2025-10-04 06:00", ["10-03 08:00/10-04 06:00"]),
        ("", "2025年10月3日08时30分00秒-18时00分00秒", ["10-03 08:30/10-03 18:00"]),
        ("10月3日", "8:00停电9小时", ["10-03 08:00/10-03 17:00"]),
        ("10月3日", "下午2时起，停电3小时", ["10-03 14:00/10-03 17:00"]),
        ("10月3日", "22:00，停电8小时", ["10-03 22:00/10-04 06:00"]),
        ("", "Từ 08:00 đến 17:00 ngày 13/10/2025", ["10-13 08:00/10-13 17:00"]),
        ("", "Từ 7h30 ngày 13/10/2025 đến 16h30 ngày 13/10/2025", ["10-13 07:30/10-13 16:30"]),
        ("", "8:00-17:00 on 13th October 2025", ["10-13 08:00/10-13 17:00"]),
        ("", "from 22:00 on 13 Oct to 06:00 on 14 Oct", ["10-13 22:00/10-14 06:00"]),
        ("", "8:00-9:00 (10月3日、4日)", ["10-03 08:00/10-03 09:00", "10-04 08:00/10-04 09:00"]),
        ("", "с 9:00 до 18:00 13 октября 2025 г.", ["10-13 09:00/10-13 18:00"]),
    ],
)  # fmt: skip
def test_ways_of_writing_a_time(day: Any, time: Any, expected: list[str]) -> None:
    """Each of these is certain, and read as a person would."""
    assert spans(read(day, time)) == expected


@pytest.mark.parametrize(
    ("day", "time", "code"),
    [
        ("- 月6日", "8:30~17:00", "date.digits_lost"),
        ("10月 日", "8:30~17:00", "date.digits_lost"),
        ("10月3日", "8:-17:30", "date.digits_lost"),
        ("10月3日(星期四)", "8:00-12:00", "date.weekday_mismatch"),
        ("2月29日", "8:00-12:00", "date.invalid"),
        ("13月3日", "8:00-12:00", "date.invalid"),
        ("25/10/3", "8:00-12:00", "date.unclear"),
        ("05/10/2025", "8:00-12:00", "date.unclear"),
        ("9月20日", "8:00-12:00", "date.past"),
        ("24日", "8:00-12:00", "date.past"),
        ("10月1日", "10月2日8:00-9:00", "date.contradiction"),
        ("10月5日至3日", "8:00-9:00", "date.order"),
        ("10月3日", "25:00-26:00", "time.invalid"),
        ("10月3日", "8:75-9:00", "time.invalid"),
        ("10月3日", "8-17", "time.ambiguous"),
        ("10月3日", "1:00-5:00 pm", "time.ambiguous"),
        ("10月3日", "晚1点-3点", "time.ambiguous"),
        ("10月3日", "上午15:00-16:00", "time.contradiction"),
        ("10月3日", "8:00", "time.single"),
        ("10月3日", "15:00前恢复", "time.single"),
        ("10月3日", "8:00开始，预计9小时", "time.single"),
        ("", "8:00-9:00 10月3日 10:00-11:00", "date.missing"),
        ("10月3日", "8:00-", "time.end_missing"),
        ("10月3日", "15:00-9:00", "window.end_before_start"),
        ("10月3日", "9:00-9:00", "window.end_before_start"),
        ("10月3日", "1:00-5:00（下午）", "time.ambiguous"),
        ("10月3日起", "每天8:00-9:00", "window.recurring"),
        ("10月3日起连续3天", "8:00-9:00", "window.recurring"),
        ("10月3日", "8:00-9:00，为期3天", "window.recurring"),
        ("", "10月3日8:00-9:00，10月5日", "time.missing"),
        ("10月3日", "6:00-8:00停电，8:00-17:00转供", "window.exception"),
        ("10月3日", "另行通知", "window.undecided"),
        ("原定10月3日", "8:00-9:00", "window.undecided"),
        ("每周三", "8:00-9:00", "window.recurring"),
        ("10月3日", "8:00-17:00，12:00-13:00除外", "window.exception"),
        ("", "8:00-17:00", "date.missing"),
        ("10月3日", "", "time.missing"),
        ("", "", "window.missing"),
        ("10月3日", "8:00-9:00(实际10:00-11:00)", "window.outside_envelope"),
    ],
)
def test_what_is_doubtful_is_an_error_for_a_person(day: str, time: str, code: str) -> None:
    """Nothing here is guessed; the finding has its row, its column, what was found and expected."""
    parsed = read(day, time)

    assert code in errors(parsed)
    finding = next(item for item in parsed.findings if item.code == code)
    assert (finding.row, finding.column) == (7, "停电时间")
    assert finding.expected


@pytest.mark.parametrize(
    ("day", "code"),
    [("10月3日", "date.no_year"), ("3日", "date.no_month"), ("明天", "date.no_month")],
)
def test_without_a_publication_date_nothing_is_completed(day: str, code: str) -> None:
    """A missing year or month has nothing to lean on: no window."""
    parsed = read(day, "8:00-9:00", published=None)

    assert (errors(parsed), parsed.windows) == ([code], ())


def test_an_envelope_gives_way_to_the_actual_windows() -> None:
    """6:00-15:00 with the actual times in brackets is two windows, and says so."""
    parsed = read("6月12日", "6:00-15:00(实际6:00-8:00与13:00-15:00)", dt.date(2025, 6, 1))

    assert spans(parsed) == ["06-12 06:00/06-12 08:00", "06-12 13:00/06-12 15:00"]
    assert [item.code for item in parsed.findings] == ["window.envelope"]


def test_a_rescheduling_gives_only_the_new_times() -> None:
    """原定于 … 现更改为 …: the old days are not outages."""
    parsed = read(
        "", "原定于10月11、14日8:00-9:00，现将停电时间更改如下：\n10月18、21日12:45—14:45"
    )

    assert spans(parsed) == ["10-18 12:45/10-18 14:45", "10-21 12:45/10-21 14:45"]
    assert [item.code for item in parsed.findings] == ["window.rescheduled"]


def test_hours_that_clocks_skip_or_repeat_are_errors() -> None:
    """London, 29 March and 25 October 2026."""
    zone = ZoneInfo("Europe/London")

    skipped = parse_windows("2026-03-29", "01:30-05:00", zone=zone)
    repeated = parse_windows("2026-10-25", "01:30-05:00", zone=zone)
    across = parse_windows("2026-03-28", "22:00-06:00", zone=zone)

    assert errors(skipped) == ["time.does_not_exist"]
    assert errors(repeated) == ["time.happens_twice"]
    assert across.windows[0].window.duration == dt.timedelta(hours=7)


def test_a_title_gives_year_and_month_and_contradicts_other_ones() -> None:
    """October's table: 3日 is the third of October, 11月3日 is a mistake of one of them."""
    context = DateContext(
        zone=ZONE, year=2025, month=10, first=dt.date(2025, 10, 1), last=dt.date(2025, 10, 31)
    )

    inside = parse_windows("3日", "8:00-9:00", zone=ZONE, context=context)
    outside = parse_windows("11月3日", "8:00-9:00", zone=ZONE, context=context)

    assert spans(inside) == ["10-03 08:00/10-03 09:00"]
    assert (errors(outside), outside.windows) == (["date.title_mismatch"], ())


def test_start_and_end_columns_that_disagree_are_an_error() -> None:
    """The whole window in one column, another end in the next one."""
    agreed = parse_span("10月3日", "8:00-9:00", "9:00", zone=ZONE, published=PUBLISHED)
    differing = parse_span("10月3日", "8:00-9:00", "10:00", zone=ZONE, published=PUBLISHED)

    assert spans(agreed) == ["10-03 08:00/10-03 09:00"]
    assert errors(differing) == ["window.contradiction"]


# Windows written at random in every layout, read back the same -----------------------------------

_DAYS = st.dates(dt.date(2026, 1, 2), dt.date(2026, 6, 20))
_MINUTES = st.integers(0, 24 * 60)


def _clock(minutes: int, style: int) -> str:
    hour, minute = divmod(minutes, 60)
    if style == 4 and hour < 24:
        part = "凌晨" if hour < 6 else "上午" if hour < 12 else "下午"
        return f"{part}{hour - 12 if hour > 12 else hour}点{minute:02}分"
    return (
        f"{hour}:{minute:02}",
        f"{hour:02}:{minute:02}",
        f"{hour}时{minute}分",
        f"{hour:02}：{minute:02}".translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        f"{hour}点{minute:02}",
    )[style]


def _date(day: dt.date, style: int) -> str:
    weekday = "一二三四五六日"[day.weekday()]
    return (
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.month}月{day.day}日（星期{weekday}）",
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}/{day.month:02}/{day.day:02}",
        f"{day}",
        f"{day.month}月{day.day}日",
        f"{day.day} {day.strftime('%b')} {day.year}",
        f"{day.strftime('%A')}, {day.strftime('%B')} {day.day}, {day.year}",
        f"{day.day:02}.{day.month:02}.{day.year}",
        f"{day.day} tháng {day.month} năm {day.year}",
    )[style]


@st.composite
def _written(draw: st.DrawFn) -> tuple[list[tuple[dt.datetime, dt.datetime]], str, str]:
    days = sorted(draw(st.lists(_DAYS, min_size=1, max_size=3, unique=True)))
    cuts = sorted(draw(st.lists(_MINUTES, min_size=2, max_size=6, unique=True)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    date_style = draw(st.integers(0, 9))
    time_style = draw(st.integers(0, 4))
    dash = draw(st.sampled_from(["-", "—", "–", "~", "～", "至", "到", " - ", "──"]))
    dash = dash.replace("─", "—")
    joint = draw(st.sampled_from(["、", "，", "；", ";", "\n", " 及 "]))
    times = joint.join(f"{_clock(a, time_style)}{dash}{_clock(b, time_style)}" for a, b in pairs)
    dates = "、".join(_date(day, date_style) for day in days)
    midnight = dt.time()
    expected = sorted(
        (
            dt.datetime.combine(day, midnight) + dt.timedelta(minutes=a),
            dt.datetime.combine(day, midnight) + dt.timedelta(minutes=b),
        )
        for day in days
        for a, b in pairs
    )
    if draw(st.booleans()):
        return expected, dates, times
    return expected, "", f"{dates} {times}"


@settings(max_examples=400, deadline=None)
@given(_written())
def test_windows_written_in_any_layout_are_read_back_identical(
    written: tuple[list[tuple[dt.datetime, dt.datetime]], str, str],
) -> None:
    """Ten ways to write dates, five for times, eight dashes, six joints, one or two columns."""
    expected, day, time = written

    parsed = parse_windows(day, time, zone=ZONE, published=dt.date(2026, 1, 1))

    found = [
        tuple(
            moment.astimezone(ZONE).replace(tzinfo=None)
            for moment in (item.window.starts_at, item.window.ends_at)
        )
        for item in parsed.windows
    ]
    assert found == expected, (day, time, parsed.findings)
    assert errors(parsed) == []


_WORDS = (
    "-|至|3日|10月|8:00|25:00|次日|(|)|、|实际|每天|全天|星期三|7|pm|下午|改为|×|月6日|待定|3天|\n"
)


@settings(max_examples=300, deadline=None)
@given(_DAYS, st.lists(st.sampled_from(_WORDS.split("|")), max_size=9))
def test_no_text_whatever_breaks_the_reader(day: dt.date, words: list[str]) -> None:
    """Any heap of words gives windows, or an error, and never an exception or silence."""
    parsed = parse_windows("", "".join(words), zone=ZONE, published=day)

    assert parsed.windows or errors(parsed)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_noise_is_never_taken_for_a_window_in_silence(day: str, time: str) -> None:
    """Random text is an error."""
    parsed = parse_windows(day, time, zone=ZONE, published=PUBLISHED)

    assert parsed.windows or errors(parsed)


# --- Damaged figures --------------------------------------------------------------------------------

#: What a figure is taken for, typed, printed or scanned as.
LOOK_ALIKES = {
    "0": "OoDQО○", "1": "lIi", "2": "Zz", "3": "З", "5": "Ss", "6": "b", "8": "B", "9": "gq",
}  # fmt: skip
SIGNS = "?_*#□×�@■"
SOUND = (
    "2026年3月12日8:00-17:30",
    "3月12日8时30分至17时",
    "2026-03-12 08:00-17:30",
    "2026/3/12 08:00~17:30",
    "3月10日-12日 每天 09:00-18:00",
    "3.12 8:00-17:00",
    "2026-03-10 08:00至2026-03-11 17:30",
    "20260310 08:00-17:30",
    "3月18、21日8:30-17:45",
    "2026年3月12日上午8点30分至下午5点15分",
    "2026-03-12T08:00 - 2026-03-12T17:30",
    "March 12, 2026 08:00-17:30",
    "12 March 2026 08:00 to 17:30",
    "12.03.2026 08:00-17:30",
    "ngày 12 tháng 3 năm 2026 từ 8h30 đến 17h15",
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """A sound text, and the same with one figure damaged."""
    text = draw(st.sampled_from(SOUND))
    at = draw(st.sampled_from([place for place, sign in enumerate(text) if sign.isdigit()]))
    sign = draw(st.sampled_from(LOOK_ALIKES.get(text[at], "") + SIGNS))
    return text, f"{text[:at]}{sign}{text[at + 1 :]}"


@given(damaged())
@settings(max_examples=300, deadline=None)
def test_a_damaged_figure_never_gives_another_window_in_silence(texts: tuple[str, str]) -> None:
    """The same window, or a finding that somebody has to see to."""
    sound, spoilt = (read(text, published=dt.date(2026, 2, 20)) for text in texts)

    doubts = [item for item in spoilt.findings if item.severity is not Severity.INFO]

    assert spans(sound)
    assert errors(sound) == []
    assert spans(spoilt) == spans(sound) or doubts


@pytest.mark.parametrize(
    "text",
    [
        "2026年3月2O日8:00-17:00",
        "3月1O日8:00-17:00",
        "3月1l日8:00-17:00",
        "3月1?日8:00-17:00",
        "3月1_日8:00-17:00",
        "3月1○日8:00-17:00",
        "2026-03-1O 8:00-17:00",
        "1O月12日8:00-17:00",
        "3月10日8:0O-17:00",
        "3月10日l8:00-20:00",
        "3月10日8:00-1?时",
    ],
)
def test_a_damaged_figure_is_asked_for(text: str) -> None:
    """As the loss that it is, and nothing is guessed from what is left."""
    assert "date.digits_lost" in errors(read(text, published=dt.date(2026, 2, 20)))


@pytest.mark.parametrize(
    "text",
    [
        "3月10日8:00-17:30Ⅰ段母线",
        "3月10日8:00-17:30A相",
        "3月10日 8:00-17:30 10kV S7号变",
        "3月1〇日8:00-17:3〇",
        "3月10日8:00am-5:30pm",
    ],
)
def test_letters_beside_times_are_no_damage(text: str) -> None:
    """Phases, sections and apparatus are named in the same cells."""
    assert spans(read(text, published=dt.date(2026, 2, 20))) == ["03-10 08:00/03-10 17:30"]
