"""Which day a written date means: the year and month it leaves out, and what contradicts it."""

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.window import FIRST_YEAR, LAST_YEAR
from notifier.intake.window_tokens import Kind, Token

#: A plan is published at most this far ahead; a date without a year that would be later is doubted.
_FURTHEST = timedelta(days=183)
#: A bare day of the month this shortly before publication may have meant the day gone by.
_JUST_PAST = timedelta(days=3)
#: A range whose end is a bare day of the next month is this long at most.
_ACROSS_MONTHS = timedelta(days=7)

_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Unresolved(Exception):
    """A date or a moment that cannot be told for certain; ``code`` is a finding's code."""

    def __init__(self, code: str, found: str, expected: str) -> None:
        super().__init__(code)
        self.code = code
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True, kw_only=True)
class DateContext:
    """What a date may lean on.

    ``zone`` is the utility's; ``published`` the local day on which the plan was made known;
    ``year``, ``month`` and the days ``first`` to ``last`` come from a title over the rows;
    ``day`` from a heading over some rows. ``day_first`` tells how 05/03/2026 is read (None: not
    known), ``month_first`` whether a short 3/5 or 3.5 is the fifth of March, as in Chinese.
    """

    zone: ZoneInfo
    published: date | None = None
    year: int | None = None
    month: int | None = None
    first: date | None = None
    last: date | None = None
    day: date | None = None
    day_first: bool | None = None
    month_first: bool = True


def resolve(
    token: Token, context: DateContext, previous: date | None = None, *, is_end: bool = False
) -> date:
    """The day a token means. ``previous`` is the date before it in the same text, which an
    ``is_end`` follows as the end of a range. Raises ``Unresolved``."""
    if token.kind is Kind.RELATIVE:
        return _relative(token, context)
    if token.kind is Kind.SLASHED:
        return _slashed(token, context)
    if token.kind is Kind.DOTTED:
        return _dotted(token, context, previous, is_end=is_end)
    if token.day is None:
        raise Unresolved("date.missing", token.text, "写明几号 / the day of the month")
    if token.year is not None and token.month is not None:
        return _day(token.year, token.month, token.day, token.text)
    if token.month is not None:
        return _without_year(token.month, token.day, token.text, context, previous)
    return _day_only(token.day, token.text, context, previous, is_end=is_end)


def check_title(day: date, context: DateContext, text: str) -> None:
    """Raises ``Unresolved`` when the day lies outside what the title promises."""
    if context.first and context.last and not context.first <= day <= context.last:
        raise Unresolved(
            "date.title_mismatch",
            f"{text} = {day}",
            f"标题为 {context.first} 至 {context.last} / the title says {context.first} to {context.last}",
        )


def check_weekday(day: date, token: Token, text: str) -> None:
    """Raises ``Unresolved`` when the day of the week is another one."""
    if day.weekday() != token.value:
        raise Unresolved(
            "date.weekday_mismatch",
            f"{text} {token.text}",
            f"{day} 是星期{_WEEKDAYS_ZH[day.weekday()]} / is a {_WEEKDAYS_EN[day.weekday()]}",
        )


def moment(day: date, seconds: int, zone: ZoneInfo, text: str) -> datetime:
    """The moment, in UTC, ``seconds`` of the clock after midnight.

    Raises ``Unresolved`` where clocks are put forward (no such time) or back (twice).
    """
    moment_, doubt = _moment(day, seconds, zone)
    if doubt:
        expected = (
            "当日调整时钟，无此时刻 / clocks go forward then"
            if doubt == "time.does_not_exist"
            else "当日调整时钟，该时刻有两次 / clocks go back then"
        )
        raise Unresolved(doubt, f"{text} ({day})", expected)
    return moment_


@functools.lru_cache(maxsize=16_384)
def _moment(day: date, seconds: int, zone: ZoneInfo) -> tuple[datetime, str]:
    local = datetime.combine(day, datetime.min.time()) + timedelta(seconds=seconds)
    first = local.replace(tzinfo=zone)
    found = first.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != local:
        return found, "time.does_not_exist"
    if first.utcoffset() != first.replace(fold=1).utcoffset():
        return found, "time.happens_twice"
    return found, ""


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        found = date(year, month, day)
    except ValueError as fault:
        raise Unresolved("date.invalid", text, "日历上没有这一天 / there is no such day") from fault
    if not FIRST_YEAR <= year <= LAST_YEAR:
        expected = f"{FIRST_YEAR}–{LAST_YEAR} 年 / a year from {FIRST_YEAR} to {LAST_YEAR}"
        raise Unresolved("date.invalid", text, expected)
    return found


def _without_year(
    month: int, day: int, text: str, context: DateContext, previous: date | None
) -> date:
    if previous is not None:
        found = _day(previous.year, month, day, text)
        return found if previous - found < _FURTHEST else _day(previous.year + 1, month, day, text)
    if context.year is not None:
        return _day(context.year, month, day, text)
    if context.published is None:
        raise Unresolved(
            "date.no_year", text, "写明年份或给出发布日期 / a year, or the publication date"
        )
    if not 1 <= month <= 12:
        raise Unresolved("date.invalid", text, "1–12 月 / a month from 1 to 12")
    published = context.published
    for year in (published.year, published.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= published:
            if found - published > _FURTHEST:
                break
            return found
    else:
        raise Unresolved("date.invalid", text, "日历上没有这一天 / there is no such day")
    raise Unresolved(
        "date.past",
        text,
        f"发布日期 {published} 之后半年内 / within half a year after publication on {published}",
    )


def _day_only(
    day: int, text: str, context: DateContext, previous: date | None, *, is_end: bool
) -> date:
    if previous is not None:
        if day >= previous.day:
            return _day(previous.year, previous.month, day, text)
        if is_end:
            # 30日至2日 turns the month; 5日至3日 is more likely a slip.
            found = _day(*_next_month(previous.year, previous.month), day, text)
            if found - previous <= _ACROSS_MONTHS:
                return found
        raise Unresolved(
            "date.order", text, f"{previous} 之后，写明月份 / after {previous}: say the month"
        )
    if context.year is not None and context.month is not None:
        return _day(context.year, context.month, day, text)
    if context.published is None:
        raise Unresolved(
            "date.no_month",
            text,
            "写明年月或给出发布日期 / a month and year, or the publication date",
        )
    published = context.published
    if timedelta(0) < timedelta(days=published.day - day) <= _JUST_PAST:
        raise Unresolved(
            "date.past",
            text,
            f"刚早于发布日期 {published}，写明月份 / just before publication on {published}: say the month",
        )
    if day >= published.day:
        return _day(published.year, published.month, day, text)
    return _day(*_next_month(published.year, published.month), day, text)


def _relative(token: Token, context: DateContext) -> date:
    published = context.published
    if published is None:
        raise Unresolved("date.no_month", token.text, "给出发布日期 / the publication date")
    if token.day is None:
        return published + timedelta(days=token.value)
    year, month = published.year, published.month
    if token.step:
        year, month = _next_month(year, month)
    return _day(year, month, token.day, token.text)


def _slashed(token: Token, context: DateContext) -> date:
    first, second, year = token.value, token.step, token.year or 0
    is_day_first = token.part == "." or context.day_first
    if first > 12:
        is_day_first = True
    elif second > 12:
        is_day_first = False if token.part != "." else is_day_first
    elif is_day_first is None and first != second:
        raise Unresolved("date.unclear", token.text, "年-月-日，如 2026-03-05 / year-month-day")
    if is_day_first:
        return _day(year, second, first, token.text)
    return _day(year, first, second, token.text)


def _dotted(token: Token, context: DateContext, previous: date | None, *, is_end: bool) -> date:
    first, second = token.value, token.step
    if context.month_first:
        return _without_year(first, second, token.text, context, previous)
    if context.day_first or first > 12:
        return _without_year(second, first, token.text, context, previous)
    raise Unresolved("date.unclear", token.text, "年-月-日，如 2026-03-05 / year-month-day")


def _next_month(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)
