"""The words of a date's and a time's column as one row of tokens, with what is settled beforehand."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.intake.window_clock import DAY, seconds_of
from notifier.intake.window_dates import DateContext, Unresolved
from notifier.intake.window_tokens import Kind, Token, tokenize

#: The tokens that name a day.
DATES = (Kind.DATE, Kind.SLASHED, Kind.RELATIVE, Kind.DOTTED)
#: After minutes alone a minus is a range: 2026-01-02 08:00-12:00 is no offset.
_ISO_OFFSET = re.compile(
    r"(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*"
    r"([Zz]|\+\d{2}:?\d{2}|(?<=:\d{2}:\d{2})-\d{2}:?\d{2})(?![\d:])"
)


@dataclass(frozen=True, slots=True)
class Words:
    """``time_from`` is where the tokens of the time's column begin, the end where the date's had none;
    ``is_restored`` whether a figure was added in brackets, ``is_reckoned`` whether an end was reckoned
    from how long it lasts."""

    tokens: list[Token]
    time_from: int
    is_restored: bool
    is_reckoned: bool


def prepare(day_words: str, time_words: str, context: DateContext) -> Words:
    """Tokens in which offsets are turned to the zone and dotted figures are either days or times."""
    days, times = (
        tokenize(_ISO_OFFSET.sub(lambda match: _in_zone(match, context.zone), words))
        for words in (day_words, time_words)
    )
    tokens = _with_ranges([*days.items, *times.items])
    if not days.items and context.day is None:
        tokens = _days_first(tokens)
    time_from = len(days.items) if days.items else len(tokens)
    _settle_dotted(
        tokens,
        time_from,
        has_day=context.day is not None,
        has_time_column=bool(day_words and time_words),
    )
    is_reckoned = _reckon_end(tokens)
    return Words(tokens, time_from, days.is_restored or times.is_restored, is_reckoned)


def _with_ranges(tokens: list[Token]) -> list[Token]:
    """The stroke of an ISO 8601 interval, 2026-03-05T08:00/2026-03-05T17:00, is a range."""
    kinds = [token.kind for token in tokens]
    return [
        replace(token, kind=Kind.RANGE)
        if token.text == "/"
        and kinds[max(0, at - 3) : at][-2:] == [Kind.DATE, Kind.TIME]
        and kinds[at - 3 : at - 2] != [Kind.RANGE]
        and kinds[at + 1 : at + 3] == [Kind.DATE, Kind.TIME]
        else token
        for at, token in enumerate(tokens)
    ]


def _reckon_end(tokens: list[Token]) -> bool:
    """8:00停电9小时: one time and how long it lasts give the other; what is only expected does not."""
    at = [n for n, token in enumerate(tokens) if token.kind is Kind.TIME]
    lasts = [n for n, token in enumerate(tokens) if token.kind is Kind.HOURS and token.step]
    if len(at) != 1 or len(lasts) != 1 or lasts[0] < at[0]:
        return False
    between = {token.kind for token in tokens[at[0] + 1 : lasts[0]]}
    if not between <= {Kind.WORD, Kind.SEPARATOR, Kind.OPEN}:
        return False
    try:
        begins, _ = seconds_of(tokens[at[0]], tokens[at[0]])
    except Unresolved:
        return False
    ends = begins + 60 * tokens[lasts[0]].step
    if ends - begins > DAY:
        return False
    start = replace(tokens[at[0]], value=begins, part="")
    end = Token(Kind.TIME, tokens[lasts[0]].text, value=ends % DAY or DAY, step=int(ends > DAY))
    tokens[at[0] : lasts[0]] = [start, Token(Kind.RANGE, "-"), end]
    return True


def _days_first(tokens: list[Token]) -> list[Token]:
    """Từ 08:00 đến 17:00 ngày 05/03/2026: where every day stands behind its times, each is put before
    them. A text in which any time has no day behind it stays as it is."""
    marks = [token.kind for token in tokens if token.kind is Kind.TIME or token.kind in DATES]
    if not marks or marks[0] is not Kind.TIME or marks[-1] is Kind.TIME:
        return tokens
    turned: list[Token] = []
    times: list[Token] = []
    at = 0
    while at < len(tokens):
        end = _end_of_days(tokens, at)
        if end > at:
            first = next((n for n, token in enumerate(times) if token.kind is Kind.TIME), 0)
            turned += [*times[:first], *tokens[at:end], *times[first:]]
            times, at = [], end
        else:
            times.append(tokens[at])
            at += 1
    return turned + times


def _end_of_days(tokens: list[Token], at: int) -> int:
    """Behind the last of the days that begin at ``at`` and of their weekdays; ``at`` where none does."""
    end = at
    if tokens[at].kind is Kind.WEEKDAY and at + 1 < len(tokens) and tokens[at + 1].kind in DATES:
        end = at + 1
    if tokens[end].kind not in DATES:
        return at
    while end < len(tokens):
        if tokens[end].kind in DATES or tokens[end].kind is Kind.WEEKDAY:
            end += 1
        elif (
            tokens[end].kind in (Kind.SEPARATOR, Kind.RANGE)
            and end + 1 < len(tokens)
            and tokens[end + 1].kind in DATES
        ):
            end += 2
        else:
            break
    return end


def _settle_dotted(
    tokens: list[Token], time_from: int, *, has_day: bool, has_time_column: bool
) -> None:
    """8.30 is a time in a column of times or after a date, else a day: 8.30-9.2 6:00."""
    seen_day = has_day
    for at, token in enumerate(tokens):
        before = tokens[at - 1].kind if at else None
        if token.kind is Kind.DOTTED:
            after = tokens[at + 1].kind if at + 1 < len(tokens) else None
            ends_days = before is Kind.RANGE and at > 1 and tokens[at - 2].kind in DATES
            in_times = has_time_column and at >= time_from
            is_time = (
                token.part == "."
                and re.fullmatch(r"\d{1,2}\.[0-5]\d", token.text) is not None
                and token.value <= 24
                and (in_times or (seen_day and not ends_days))
                and not (after is Kind.TIME and before is not Kind.RANGE)
            )
            if is_time:
                value = token.value * 3600 + token.step * 60
                tokens[at] = Token(Kind.TIME if value <= DAY else Kind.BAD, token.text, value=value)
        if tokens[at].kind in DATES:
            seen_day = True


def _in_zone(match: "re.Match[str]", zone: ZoneInfo) -> str:
    offset = match[2].upper().replace("Z", "+00:00")
    aware = datetime.fromisoformat(match[1].upper() + offset)
    return aware.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
