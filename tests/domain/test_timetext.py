"""Windows in the words of the people who live by them."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.timetext import Teller
from notifier.domain.window import Window, union

SHANGHAI = ZoneInfo("Asia/Shanghai")
LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=SHANGHAI)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def win(starts: str, ends: str) -> Window:
    return Window(at(starts), at(ends))


def days(*numbers: int, hours: tuple[str, str] = ("08:00", "17:30")) -> list[Window]:
    return [win(f"2026-11-{n}T{hours[0]}", f"2026-11-{n}T{hours[1]}") for n in numbers]


def zh(now: datetime = NOW, *, is_voice: bool = False) -> Teller:
    return Teller(zone=SHANGHAI, now=now, locale="zh", is_voice=is_voice)


def en(now: datetime = NOW, *, is_voice: bool = False, is_gsm: bool = False) -> Teller:
    return Teller(zone=SHANGHAI, now=now, locale="en", is_voice=is_voice, is_gsm=is_gsm)


CASES = [
    (days(24), "11月24日（周二）08:00-17:30", "Tue 24 Nov 08:00–17:30"),
    (
        [win("2026-11-24T22:00", "2026-11-25T06:00")],
        "11月24日（周二）22:00-次日06:00",
        "Tue 24 Nov 22:00–06:00 next day",
    ),
    (
        [win("2026-11-24T18:00", "2026-11-25T00:00")],
        "11月24日（周二）18:00-24:00",
        "Tue 24 Nov 18:00–24:00",
    ),
    (
        [win("2026-11-24T00:00", "2026-11-25T00:00")],
        "11月24日（周二）00:00-24:00",
        "Tue 24 Nov 00:00–24:00",
    ),
    (days(24, 25), "11月24日、25日 每天08:00-17:30", "24 and 25 Nov, 08:00–17:30 each day"),
    (
        days(24, 25, 26, 28),
        "11月24日至26日、28日 每天08:00-17:30",
        "24–26 Nov and 28 Nov, 08:00–17:30 each day",
    ),
    (
        [win("2026-11-30T08:00", "2026-11-30T12:00"), win("2026-12-01T08:00", "2026-12-01T12:00")],
        "11月30日、12月1日 每天08:00-12:00",
        "30 Nov and 1 Dec, 08:00–12:00 each day",
    ),
    (
        [*days(24, hours=("08:00", "10:00")), *days(24, hours=("14:00", "16:00"))],
        "11月24日（周二）08:00-10:00、14:00-16:00",
        "Tue 24 Nov 08:00–10:00 and 14:00–16:00",
    ),
    (
        [win("2026-11-24T08:00", "2026-11-26T17:30")],
        "11月24日（周二）08:00至26日（周四）17:30",
        "Tue 24 Nov 08:00 – Thu 26 Nov 17:30",
    ),
    (
        [*days(24), *days(26, hours=("09:00", "12:00"))],
        "11月24日08:00-17:30；26日09:00-12:00",
        "24 Nov 08:00–17:30; 26 Nov 09:00–12:00",
    ),
    (
        [win("2027-01-05T08:00", "2027-01-05T17:30")],
        "2027年1月5日（周二）08:00-17:30",
        "Tue 5 Jan 2027 08:00–17:30",
    ),
    (
        [win("2026-11-24T08:00", "2026-11-24T12:00"), win("2026-11-24T12:00", "2026-11-24T17:30")],
        "11月24日（周二）08:00-17:30",
        "Tue 24 Nov 08:00–17:30",
    ),
]


@pytest.mark.parametrize(("windows", "chinese", "english"), CASES)
def test_windows_read_as_people_write_them(
    windows: list[Window], chinese: str, english: str
) -> None:
    """Equal hours and equal days are joined; windows that touch are one."""
    assert zh().windows(windows) == chinese
    assert en().windows(windows) == english


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2026-01-10T09:00", "2026年11月24日（周二）08:00-17:30"),
        ("2026-06-01T09:00", "11月24日（周二）08:00-17:30"),
        ("2027-01-02T09:00", "2026年11月24日（周二）08:00-17:30"),
    ],
)
def test_the_year_is_told_when_it_could_be_mistaken(now: str, text: str) -> None:
    """In another year, or more than 180 days away."""
    assert zh(at(now)).windows(days(24)) == text


def test_an_outage_of_tomorrow_is_not_shown_as_today() -> None:
    """00:30 in Shanghai is the day before in UTC; people live in Shanghai."""
    window = Window(
        datetime(2026, 11, 24, 16, 30, tzinfo=UTC), datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    )

    assert zh().windows([window]) == "11月25日（周三）00:30-04:00"


def test_clocks_that_change_are_told_as_they_show() -> None:
    """On the night the clocks go back, an outage across the change has the hours on the wall."""
    teller = Teller(zone=LONDON, now=datetime(2026, 10, 1, tzinfo=UTC), locale="en")
    window = Window(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 3, 0, tzinfo=UTC)
    )

    assert teller.windows([window]) == "Sun 25 Oct 01:30–03:00"


def test_seconds_are_never_rounded_towards_supply() -> None:
    """A window to 17:30:01 is told to 17:31."""
    window = Window(at("2026-11-24T08:00:59"), at("2026-11-24T17:30:01"))

    assert zh().windows([window]) == "11月24日（周二）08:00-17:31"


def test_moments_are_told_as_seconds_within_a_span() -> None:
    """One moment, or the transfer and the transfer back."""
    once = [win("2026-11-24T22:00", "2026-11-24T22:15")]
    twice = [*once, win("2026-11-25T05:45", "2026-11-25T06:00")]

    assert zh().moments(once) == "11月24日（周二）22:00-22:15之间，约几秒钟"
    assert zh().moments(twice) == (
        "11月24日22:00-22:15之间切换、25日05:45-06:00之间切回，各停约几秒钟"
    )
    assert en().moments(once) == "for a few seconds within Tue 24 Nov 22:00–22:15"
    assert en().moments(twice) == (
        "for a few seconds twice, within 24 Nov 22:00–22:15 (transfer) and 25 Nov 05:45–06:00 (back)"
    )


def test_a_transfer_and_its_return_on_one_day_name_the_day_once() -> None:
    """And each moment for what it is: over to the other line, and back."""
    spans = [win("2026-11-24T07:45", "2026-11-24T08:15")]
    spans.append(win("2026-11-24T17:15", "2026-11-24T17:45"))

    assert zh().moments(spans) == (
        "11月24日（周二）07:45-08:15之间切换、17:15-17:45之间切回，各停约几秒钟"
    )
    assert zh(is_voice=True).moments(spans) == (
        "11月24日星期二，7点45分到8点15分之间切换，17点15分到17点45分之间切回，各停约几秒钟"
    )
    assert en(is_voice=True).moments(spans) == (
        "twice for a few seconds, Tuesday 24 November from 07:45 to 08:15 for the transfer"
        " and from 17:15 to 17:45 for the transfer back"
    )


def test_more_moments_than_two_are_counted_not_named() -> None:
    """Over and back on each of two days: every second name would be wrong."""
    spans = [
        win(f"2026-11-{day}T{hour}:00", f"2026-11-{day}T{hour}:15")
        for day in (24, 25)
        for hour in ("08", "17")
    ]

    assert zh().moments(spans) == ("11月24日、25日 每天08:00-08:15、17:00-17:15之间，每次约几秒钟")


def test_a_voice_says_hours_as_people_do() -> None:
    """No colons and hyphens for a machine to read out."""
    assert zh(is_voice=True).windows(days(24)) == "11月24日星期二，8点到17点30分"
    assert zh(is_voice=True).windows(days(24, hours=("08:05", "12:00"))).endswith("8点零5分到12点")
    assert en(is_voice=True).windows(days(24)) == "Tuesday 24 November from 08:00 to 17:30"
    assert zh(is_voice=True).end(at("2026-11-24T17:30")) == "11月24日17点30分"


def test_an_english_text_message_stays_within_the_gsm_alphabet() -> None:
    """A hyphen instead of the en dash."""
    assert en(is_gsm=True).windows(days(24)) == "Tue 24 Nov 08:00-17:30"


def test_points_in_time_know_whether_they_end_something() -> None:
    """Midnight ends a day as 24:00 and begins one as 00:00."""
    midnight = at("2026-11-25T00:00")

    assert zh().end(midnight) == "11月24日24:00"
    assert zh().start(midnight) == "11月25日00:00"
    assert en().end(at("2026-11-24T17:30")) == "17:30 on Tue 24 Nov"


def test_brief_gives_up_detail_before_truth() -> None:
    """Twenty characters: weekday, end and hour go in that order, the day never."""
    assert zh().brief(days(24)) == "11月24日08:00-17:30"
    assert zh().brief([win("2026-11-24T22:00", "2026-11-25T06:00")]) == "11月24日22:00-次日06:00"
    assert zh().brief(days(24, 25)) == "11月24日08:00起，共2次"
    assert zh().brief([win("2026-11-24T08:00", "2026-11-26T17:30")]) == "11月24日08:00-26日17:30"
    assert en().brief(days(24)) == "24 Nov 08:00–17:30"
    assert en().brief([win("2026-11-24T22:00", "2026-11-25T06:00")]) == "24 Nov 22:00–06:00+1"
    with pytest.raises(ValueError, match="3 characters"):
        zh().brief(days(24), limit=3)


def test_no_window_is_nothing_to_tell() -> None:
    """Silence would read as an outage without a time."""
    with pytest.raises(ValueError, match="no window"):
        zh().windows([])


def test_lines_keep_the_hours_apart_for_large_type() -> None:
    """A poster sets the hours larger than the day."""
    (line,) = zh().lines(days(24, 25))
    (long,) = zh().lines([win("2026-11-24T08:00", "2026-11-26T17:30")])

    assert (line.days, line.hours, line.is_daily) == ("11月24日、25日", ("08:00-17:30",), True)
    assert (long.days, long.hours) == ("11月24日（周二）08:00", ("至26日（周四）17:30",))


minutes = st.integers(min_value=0, max_value=40 * 24 * 60)
windows_on_the_minute = st.lists(
    st.builds(
        lambda start, length: Window(
            at("2026-11-25T00:00").astimezone(UTC) + timedelta(minutes=start),
            at("2026-11-25T00:00").astimezone(UTC) + timedelta(minutes=start + length),
        ),
        minutes,
        st.integers(min_value=1, max_value=3 * 24 * 60),
    ),
    min_size=1,
    max_size=5,
)


@given(windows_on_the_minute)
def test_what_is_said_can_be_read_back(windows: list[Window]) -> None:
    """Whoever reads the Chinese text knows the very windows it was made from."""
    assert union(read_back(zh().windows(windows))) == union(windows)


@given(windows_on_the_minute)
def test_brief_fits_and_begins_at_the_beginning(windows: list[Window]) -> None:
    """At most twenty characters, with the first day in it."""
    first = min(window.starts_at for window in windows).astimezone(SHANGHAI)

    brief = zh().brief(windows)

    assert len(brief) <= 20
    assert f"{first.month}月{first.day}日" in brief
    assert len(en().brief(windows)) <= 20


def read_back(text: str) -> list[Window]:
    """A reader of Chinese: days carry on the month, and the year, of the day before."""
    year, month = NOW.year, 0
    found: list[Window] = []

    def day_of(match: re.Match[str]) -> date:
        nonlocal year, month
        year, month = int(match[1] or year), int(match[2] or month)
        return date(year, month, int(match[3]))

    day = r"(?:(?:(\d{4})年)?(\d+)月)?(\d+)日(?:（周.）)?"
    for row in text.split("；"):
        long = re.fullmatch(rf"({day})(\d\d:\d\d)至({day})(\d\d:\d\d)", row)
        if long:
            first = day_of(re.fullmatch(day, long[1]))  # type: ignore[arg-type]
            last = day_of(re.fullmatch(day, long[6]))  # type: ignore[arg-type]
            found.append(Window(moment(first, long[5]), moment(last, long[10])))
            continue
        split = re.match(rf"((?:{day}[、至]?)+) ?(?:每天)?(.*)", row)
        assert split is not None, row
        said: list[date] = []
        for item in split[1].split("、"):
            ends = [day_of(match) for match in re.finditer(day, item)]
            said += [ends[0] + timedelta(days=n) for n in range((ends[-1] - ends[0]).days + 1)]
        for hours in split[5].split("、"):
            starts, ends_at = hours.split("-")
            later = timedelta(days=1) if ends_at.startswith("次日") else timedelta()
            for one in said:
                end = moment(one + later, ends_at.removeprefix("次日"))
                found.append(Window(moment(one, starts), end))
    return [Window(w.starts_at.astimezone(UTC), w.ends_at.astimezone(UTC)) for w in found]


def moment(day: date, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return start + timedelta(hours=hour, minutes=minute)
