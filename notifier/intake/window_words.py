"""The words of a date's and a time's column as one row of tokens, with what is settled beforehand."""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.intake.window_clock import DAY
from notifier.intake.window_dates import DateContext
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
    ``is_restored`` whether a figure was added in brackets."""

    tokens: list[Token]
    time_from: int
    is_restored: bool


def prepare(day_words: str, time_words: str, context: DateContext) -> Words:
    """Tokens in which offsets are turned to the zone and dotted figures are either days or times."""
    days, times = (
        tokenize(_ISO_OFFSET.sub(lambda match: _in_zone(match, context.zone), words))
        for words in (day_words, time_words)
    )
    tokens = [*days.items, *times.items]
    time_from = len(days.items) if days.items else len(tokens)
    _settle_dotted(
        tokens,
        time_from,
        has_day=context.day is not None,
        has_time_column=bool(day_words and time_words),
    )
    return Words(tokens, time_from, days.is_restored or times.is_restored)


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
