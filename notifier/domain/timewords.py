"""How Chinese and English, written and spoken, say days and hours; ``timetext`` decides which to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

_ZH_DAYS = "一二三四五六日"
_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the day from midnight; ``days`` is how many days after the start the end lies."""

    starts: int
    ends: int
    days: int

    @property
    def is_long(self) -> bool:
        """Whether more than 24 hours pass, so that the last day must be named."""
        return self.days > 1 or (self.days == 1 and self.ends > self.starts)


class Tongue(Protocol):
    """One language. ``before`` is the day said just before: what it has said may be left out."""

    @property
    def comma(self) -> str:
        """Between hours of the same day."""

    @property
    def stop(self) -> str:
        """Between days with different hours."""

    def day(self, day: date, before: date | None, *, has_year: bool) -> str: ...

    def dated(self, text: str, day: date) -> str:
        """The text of a day with its weekday."""

    def clock(self, minute: int) -> str: ...

    def hours(self, hours: Hours) -> str: ...

    def listed(
        self, runs: Sequence[tuple[date, date]], before: date | None, *, has_year: bool
    ) -> str:
        """Days as first and last of each run; the year, where told, once."""

    def at(self, day: str, hours: str) -> str: ...

    def daily(self, days: str, hours: str) -> str: ...

    def point(self, day: str, minute: int) -> str:
        """The beginning or end of a window of several days."""

    def lasting(self, begins: str, ends: str) -> str: ...

    def moments(self, text: str, *, several: bool) -> str:
        """Adds that it is only seconds within."""

    def there_and_back(self, over: str, back: str) -> str:
        """Seconds at the transfer and seconds at the transfer back, each named."""

    def also(self, when: str, days: str) -> str:
        """Adds later days to what was told; by themselves where nothing was."""

    def until(self, day: str) -> str:
        """Days of which only the last is named."""

    def moment(self, day: str, minute: int) -> str:
        """A point in time."""


def clock(minute: int) -> str:
    """``08:05``; 1440 is ``24:00``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chinese:
    """``11月24日（周二）08:00-17:30``; for a voice ``11月24日星期二，8点到17点30分``."""

    is_voice: bool = False

    @property
    def comma(self) -> str:
        return "，" if self.is_voice else "、"

    @property
    def stop(self) -> str:
        return "；"

    def day(self, day: date, before: date | None, *, has_year: bool) -> str:
        if before is not None and (before.year, before.month) == (day.year, day.month):
            return f"{day.day}日"
        year = f"{day.year}年" if has_year and (before is None or before.year != day.year) else ""
        return f"{year}{day.month}月{day.day}日"

    def dated(self, text: str, day: date) -> str:
        name = _ZH_DAYS[day.weekday()]
        return f"{text}星期{name}" if self.is_voice else f"{text}（周{name}）"

    def clock(self, minute: int) -> str:
        if not self.is_voice:
            return clock(minute)
        hour, rest = divmod(minute, 60)
        if rest == 0:
            return f"{hour}点"
        return f"{hour}点{'零' if rest < 10 else ''}{rest}分"

    def hours(self, hours: Hours) -> str:
        to = "到" if self.is_voice else "-"
        next_day = "次日" if hours.days else ""
        return f"{self.clock(hours.starts)}{to}{next_day}{self.clock(hours.ends)}"

    def listed(
        self, runs: Sequence[tuple[date, date]], before: date | None, *, has_year: bool
    ) -> str:
        words: list[str] = []
        for first, last in runs:
            text = self.day(first, before, has_year=has_year)
            if last != first:
                text += f"至{self.day(last, first, has_year=has_year)}"
            words.append(text)
            before = last
        return "、".join(words)

    def at(self, day: str, hours: str) -> str:
        return f"{day}，{hours}" if self.is_voice else f"{day}{hours}"

    def daily(self, days: str, hours: str) -> str:
        return f"{days}，每天{hours}" if self.is_voice else f"{days} 每天{hours}"

    def point(self, day: str, minute: int) -> str:
        return f"{day}{self.clock(minute)}"

    def lasting(self, begins: str, ends: str) -> str:
        return f"{begins}到{ends}" if self.is_voice else f"{begins}至{ends}"

    def moments(self, text: str, *, several: bool) -> str:
        return f"{text}之间，{'每次' if several else ''}约几秒钟"

    def there_and_back(self, over: str, back: str) -> str:
        return f"{over}之间切换{self.comma}{back}之间切回，各停约几秒钟"

    def also(self, when: str, days: str) -> str:
        if not when:
            return f"另有{days}"
        return f"{when}，另有{days}" if self.is_voice else f"{when}（另有{days}）"

    def until(self, day: str) -> str:
        return f"多日至{day}"

    def moment(self, day: str, minute: int) -> str:
        return f"{day}{self.clock(minute)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class English:
    """``Tue 24 Nov 08:00–17:30``; for a voice ``Tuesday 24 November from 08:00 to 17:30``.

    ``dash`` stands between hours: the en dash is not in the GSM alphabet.
    """

    is_voice: bool = False
    dash: str = "–"

    @property
    def comma(self) -> str:
        return " and "

    @property
    def stop(self) -> str:
        return "; "

    def day(self, day: date, before: date | None, *, has_year: bool) -> str:
        tells_year = has_year and (before is None or before.year != day.year)
        return f"{day.day} {self._month(day)}{f' {day.year}' if tells_year else ''}"

    def dated(self, text: str, day: date) -> str:
        name = _EN_DAYS[day.weekday()]
        return f"{name if self.is_voice else name[:3]} {text}"

    def clock(self, minute: int) -> str:
        return clock(minute)

    def hours(self, hours: Hours) -> str:
        next_day = " next day" if hours.days else ""
        if self.is_voice:
            return f"from {clock(hours.starts)} to {clock(hours.ends)}{next_day}"
        return f"{clock(hours.starts)}{self.dash}{clock(hours.ends)}{next_day}"

    def listed(
        self, runs: Sequence[tuple[date, date]], before: date | None, *, has_year: bool
    ) -> str:
        words: list[str] = []
        for place, (first, last) in enumerate(runs):
            following = runs[place + 1][0] if place + 1 < len(runs) else None
            if last != first:
                words.append(self._range(first, last))
            elif following is not None and _same_month(first, following):
                words.append(f"{first.day}")
            else:
                words.append(f"{first.day} {self._month(first)}")
        text = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
        return f"{text} {runs[-1][1].year}" if has_year else text

    def at(self, day: str, hours: str) -> str:
        return f"{day} {hours}"

    def daily(self, days: str, hours: str) -> str:
        return f"{days}, {hours} each day"

    def point(self, day: str, minute: int) -> str:
        return f"{day} {clock(minute)}"

    def lasting(self, begins: str, ends: str) -> str:
        return f"{begins} to {ends}" if self.is_voice else f"{begins} {self.dash} {ends}"

    def moments(self, text: str, *, several: bool) -> str:
        return f"for a few seconds{' each time,' if several else ''} within {text}"

    def there_and_back(self, over: str, back: str) -> str:
        if self.is_voice:
            return (
                f"twice for a few seconds, {over} for the transfer and {back} for the transfer back"
            )
        return f"for a few seconds twice, within {over} (transfer) and {back} (back)"

    def also(self, when: str, days: str) -> str:
        if not when:
            return f"also {days}"
        return f"{when}, and also on {days}" if self.is_voice else f"{when} (also {days})"

    def until(self, day: str) -> str:
        return f"other days until {day}"

    def moment(self, day: str, minute: int) -> str:
        return f"{clock(minute)} on {day}"

    def _month(self, day: date) -> str:
        name = _EN_MONTHS[day.month - 1]
        return name if self.is_voice else name[:3]

    def _range(self, first: date, last: date) -> str:
        to = " to " if self.is_voice else self.dash
        if _same_month(first, last):
            return f"{first.day}{to}{last.day} {self._month(last)}"
        to = to if self.is_voice else f" {to} "
        return f"{first.day} {self._month(first)}{to}{last.day} {self._month(last)}"


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)
