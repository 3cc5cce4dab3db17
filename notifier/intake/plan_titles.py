"""What titles and headings say about the rows below: the month, the days, the day of publication."""

import re
from calendar import monthrange
from dataclasses import replace
from datetime import date

from notifier.intake.window_dates import DateContext, Unresolved, resolve
from notifier.intake.window_tokens import Kind, normalise, tokenize

_PUBLISHED = re.compile(
    r"(?:发布|公告|公布|编制|制表|填报|上报|报送|印发|发文)(?:日期|时间|于)?\s*[::]?\s*"
    r"(\d{4})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})"
)
_RANGE = re.compile(
    r"(?:(?P<y>\d{4})\s*[年./-]\s*)?(?P<m>\d{1,2})\s*[月./]\s*(?P<d>\d{1,2})\s*[日号]?\s*(?:\([^)]*\))?\s*"
    r"(?:-+|至|到)\s*(?:(?P<y2>\d{4})\s*[年./-]\s*)?(?:(?P<m2>\d{1,2})\s*[月./]\s*)?(?P<d2>\d{1,2})\s*[日号]"
)
_MONTH = re.compile(r"(?<!\d)(\d{4})\s*年度?\s*(\d{1,2})\s*月(?!\s*\d)")
_BARE_MONTH = re.compile(r"(?<![\d年个])(\d{1,2})\s*月份?(?!\s*\d)(?=.*(?:停电|检修|计划|安排))")
_YEAR = re.compile(r"(?<!\d)(20\d{2})\s*年")

_FOOTER = re.compile(
    r"^(?:备注|備註|注|说明|附注|制表|填表|审核|审批|批准|编制|校核|复核|填报|报送|签发|主管|联系人"
    r"|联系电话|电话|合计|总计|共计|小计|抄送|主送|打印|日期|页码?|第\d+页|共\d+页|单位\(?盖章"
    r"|note|total|prepared by|approved by|примечание|итого|ghi chú|tổng cộng)"
    r"(?:[人员]|单位|日期|时间|部门)?\s*(?:[:、,.\d()]|\s|$)"
    r"|^(?:以上|特此|敬请|请广大|温馨提示)",
)


_TITLE = re.compile(
    r"(?:停电|检修|施工|转供|转电).*(?:计划|安排|通知|公告|一览|汇总|表)|(?:计划|安排|明细|汇总)表"
)
_MAYBE_FOOTER = re.compile(
    r"[备備注说附制填审批编校复核报签主联电合总共小抄打日页第单以特敬请温\s]|note|total|prepared|approved"
    r"|примеч|итого|ghi|tổng",
    re.IGNORECASE,
)


def is_footer(text: str) -> bool:
    """Whether a row that begins with this text is a note, a signature or a total."""
    return _MAYBE_FOOTER.match(text) is not None and _FOOTER.search(normalise(text)) is not None


def is_title(text: str) -> bool:
    """Whether a lone text is the title of a table or of a part of it."""
    return _TITLE.search(text) is not None


def read_titles(titles: tuple[str, ...], context: DateContext) -> DateContext:
    """The context with what the titles add; where two of them differ, the first one counts.

    A single full date in a title may be anything (the day it was printed, say) and adds nothing
    unless a word such as 发布日期 says what it is.
    """
    for title in titles:
        text = normalise(title)
        if context.published is None and (match := _PUBLISHED.search(text)):
            published = _day(int(match[1]), int(match[2]), int(match[3]))
            context = replace(context, published=published)
        text = _PUBLISHED.sub("", text)
        if context.first is None:
            context = _with_range(text, context)
        if context.year is None and (match := _YEAR.search(text)):
            context = replace(context, year=int(match[1]))
    return context


def heading_day(text: str, context: DateContext) -> date | None:
    """The single day that a heading over some rows names (12月6日停电安排), or None."""
    tokens = [token for token in tokenize(text).items if token.kind is not Kind.WEEKDAY]
    days = [token for token in tokens if token.kind in (Kind.DATE, Kind.SLASHED)]
    if (
        len(days) != 1
        or any(token.kind is Kind.TIME for token in tokens)
        or len(text) > 40
        or "前" in text
    ):
        return None
    try:
        return resolve(days[0], context)
    except Unresolved:
        return None


def _with_range(text: str, context: DateContext) -> DateContext:
    if match := _RANGE.search(text):
        year = _year(match["y"], int(match["m"]), text, context)
        if year is None:
            return context
        first = _day(year, int(match["m"]), int(match["d"]))
        last_month = int(match["m2"] or match["m"])
        last_year = int(match["y2"] or (year + 1 if last_month < int(match["m"]) else year))
        last = _day(last_year, last_month, int(match["d2"]))
        if first is None or last is None or last < first:
            return context
        is_one_month = (first.year, first.month) == (last.year, last.month)
        return replace(
            context,
            year=first.year if first.year == last.year else context.year,
            month=first.month if is_one_month else None,
            first=first,
            last=last,
        )
    if match := _MONTH.search(text):
        year, month = int(match[1]), int(match[2])
    elif match := _BARE_MONTH.search(text):
        month = int(match[1])
        found = _year(None, month, text, context)
        if found is None:
            return context
        year = found
    else:
        return context
    first = _day(year, month, 1)
    if first is None:
        return context
    last = date(year, month, monthrange(year, month)[1])
    return replace(context, year=year, month=month, first=first, last=last)


def _year(written: str | None, month: int, text: str, context: DateContext) -> int | None:
    if written:
        return int(written)
    if match := _YEAR.search(text):
        return int(match[1])
    if context.year is not None:
        return context.year
    if context.published is None:
        return None
    published = context.published
    # A plan for January that is published in December is next year's.
    return published.year + (1 if month < published.month - 1 else 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
