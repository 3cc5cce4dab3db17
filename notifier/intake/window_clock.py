"""What hour a written time means: 下午5时, 9 am, 晚12点."""

from notifier.intake.window_dates import Unresolved
from notifier.intake.window_tokens import Token

#: Seconds of half a day and of a whole one.
HALF_DAY = 12 * 3600
DAY = 24 * 3600
#: 22:00-6:00 is a night; 15:00-9:00 is more likely a slip.
_NIGHT_FROM, _NIGHT_UNTIL = 17 * 3600, 10 * 3600

#: What a person should write instead of a time that cannot be told.
EXPECTED = "24 小时制时刻，如 17:00 / times of the 24-hour clock"


def is_night(begins: int, ends: int) -> bool:
    """Whether an end before its start is plausibly that of the next morning."""
    return begins >= _NIGHT_FROM and ends <= _NIGHT_UNTIL


def seconds_of(start: Token, end: Token) -> tuple[int, int]:
    """Seconds after midnight of both times, their parts of the day applied.

    Raises ``Unresolved`` where a part contradicts its hour or leaves it open.
    """
    ends = _seconds(end)
    begins = _seconds(start)
    holds_on = not end.part and start.part in ("pm", "afternoon", "night") and end.step != 1
    if holds_on and end.value <= min(begins, HALF_DAY) and end.value + HALF_DAY > begins:
        # 下午1:00-5:00: the part of the day goes for both times.
        ends = end.value + HALF_DAY
    if not start.part and end.part in ("am", "pm") and start.value <= HALF_DAY:
        # 1:00-5:00 pm may begin at night or in the afternoon; 8:00-5:00 pm cannot.
        options = [
            value
            for value in (start.value % HALF_DAY, start.value % HALF_DAY + HALF_DAY)
            if value < ends
        ]
        if len(options) != 1:
            raise Unresolved("time.ambiguous", f"{start.text}-{end.text}", EXPECTED)
        begins = options[0]
    return begins, ends


def _seconds(token: Token) -> int:
    value, hour = token.value, token.value // 3600
    match token.part:
        case "":
            return value
        case "am" if 1 <= hour <= 12:
            return value % HALF_DAY
        case "pm" if 1 <= hour <= 12:
            return value % HALF_DAY + HALF_DAY
        case "forenoon" if hour <= 12:
            return value
        case "dawn" if hour <= 8 or hour == 12:
            return value % HALF_DAY
        case "noon" if hour in (11, 12, 13, 14):
            return value
        case "noon" if hour in (1, 2):
            return value + HALF_DAY
        case "afternoon" if 1 <= hour <= 11:
            return value + HALF_DAY
        case "afternoon" if 12 <= hour <= 20:
            return value
        case "night" if 5 <= hour <= 11:
            return value + HALF_DAY
        case "night" if hour == 12:
            return value + HALF_DAY
        case "night" if hour >= 17:
            return value
    if token.part == "night" and hour < 5:
        raise Unresolved("time.ambiguous", token.text, EXPECTED)
    raise Unresolved("time.contradiction", token.text, EXPECTED)
