"""Windows in the words of the people who live by them, Chinese and English, as short as can be.

Everything is told in the utility's zone. Minutes only: a start is rounded down and an end up, so a
text never promises supply that is not there. An end at midnight is 24:00 of the day before.
The year is told only where it differs from that of ``now`` or the day is more than 180 days off.
A ``locale`` other than ``zh`` is told in English.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.timewords import Chinese, English, Hours, Tongue, clock
from notifier.domain.window import Window, union

_FAR = timedelta(days=180)
#: From so many days in a row on, they are told as a range.
_RUN = 3
_THERE_AND_BACK = 2
#: So many runs of later days are named; every character is paid for.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells times in one language, for one zone, as seen at ``now``.

    ``is_voice``: for reading aloud. ``is_gsm``: within the GSM alphabet, where English is written.
    """

    zone: ZoneInfo
    now: datetime
    locale: str
    is_voice: bool = False
    is_gsm: bool = False

    def windows(self, windows: Iterable[Window]) -> str:
        """``11月24日（周二）08:00-17:30``, ``11月24日、25日 每天08:00-17:30``,
        ``Tue 24 Nov 08:00–17:30``. Raises ``ValueError`` on no window.
        """
        return self._say(self._rows(windows))

    def moments(self, spans: Iterable[Window]) -> str:
        """Spans in which seconds will fall: ``11月24日（周二）22:00-22:15之间，约几秒钟``.

        Two of them are the transfer and the transfer back: ``22:00-22:15之间切换、…之间切回，各停约几秒钟``.
        """
        rows = self._rows(spans)
        if _count(rows) == _THERE_AND_BACK and not any(row.is_long for row in rows):
            return self._there_and_back(rows)
        return self._tongue.moments(self._say(rows), several=_count(rows) > 1)

    def also(self, when: str, windows: Iterable[Window], later: Iterable[Window]) -> str:
        """``when`` has told ``windows``; the days of those that come ``later`` are added, or of very
        many the last: ``11月24日（周二）08:00-17:30（另有25日、26日）``. Nothing where none comes."""
        told = max(_local_start(window.starts_at, self.zone)[0] for window in windows)
        named = self._named(told, later)
        return self._tongue.also(when, named) if named else when

    def brief_also(
        self, windows: Iterable[Window], later: Iterable[Window], *, limit: int = 20
    ) -> str:
        """The days of ``later`` by themselves: ``另有25日、26日``; empty where they do not fit."""
        told = max(_local_start(window.starts_at, self.zone)[0] for window in windows)
        named = self._named(told, later)
        text = self._tongue.also("", named) if named else ""
        return text if len(text) <= limit else ""

    def _named(self, told: date, later: Iterable[Window]) -> str:
        """Days as they are named after ``told``: one by one, or until the last of many."""
        days = sorted({_local_start(window.starts_at, self.zone)[0] for window in later})
        if not days:
            return ""
        runs, first, last = _runs(days), days[0], days[-1]
        if len(runs) <= _NAMED:
            has_year = self._has_year(first) and first.year != told.year
            return self._tongue.listed(runs, told, has_year=has_year)
        return self._tongue.until(self._day(last, told, has_weekday=False))

    def _there_and_back(self, rows: "Sequence[_Row]") -> str:
        tongue = self._tongue
        (day, over), (day_back, back) = sorted(
            ((day, hours) for row in rows for day in row.days for hours in row.hours),
            key=lambda moment: (moment[0], moment[1].starts),
        )
        is_one_day = day == day_back
        first = tongue.at(self._day(day, None, has_weekday=is_one_day), tongue.hours(over))
        second = tongue.hours(back)
        if not is_one_day:
            second = tongue.at(self._day(day_back, day, has_weekday=False), second)
        return tongue.there_and_back(first, second)

    def start(self, at: datetime) -> str:
        """A point in time: ``11月24日17:30``, ``17:30 on Tue 24 Nov``."""
        return self._moment(*_local_start(at, self.zone))

    def end(self, at: datetime) -> str:
        """The end of a window: as ``start``, but midnight is 24:00 of the day before."""
        return self._moment(*_local_end(at, self.zone))

    def brief_start(self, at: datetime) -> str:
        """``start`` in at most 17 characters."""
        return self._brief_moment(*_local_start(at, self.zone))

    def brief_end(self, at: datetime) -> str:
        """``end`` in at most 17 characters."""
        return self._brief_moment(*_local_end(at, self.zone))

    def brief(self, windows: Iterable[Window], *, limit: int = 20) -> str:
        """The windows in at most ``limit`` characters, giving up detail before truth: first the
        weekday goes, then the end, then the hour. Raises ``ValueError`` where no day fits.
        """
        rows = self._rows(windows)
        options = self._brief_zh(rows) if self.locale == "zh" else self._brief_en(rows)
        for option in options:
            if len(option) <= limit:
                return option
        raise ValueError(f"no way of telling a day has {limit} characters or fewer")

    def lines(self, windows: Iterable[Window]) -> tuple["Lines", ...]:
        """The windows as rows for a poster, the hours apart from the days."""
        return tuple(self._lines(row) for row in self._rows(windows))

    @property
    def _tongue(self) -> Tongue:
        if self.locale == "zh":
            return Chinese(is_voice=self.is_voice)
        return English(is_voice=self.is_voice, dash="-" if self.is_gsm else "–")

    def _has_year(self, day: date) -> bool:
        today = self.now.astimezone(self.zone).date()
        return day.year != today.year or abs(day - today) > _FAR

    def _rows(self, windows: Iterable[Window]) -> "tuple[_Row, ...]":
        return _rows(windows, self.zone)

    def _say(self, rows: "Sequence[_Row]") -> str:
        tongue = self._tongue
        # With several days the weekdays go: dates tell them apart, and every character is paid for.
        has_weekday = len(rows) == 1 and len(rows[0].days) == 1
        words: list[str] = []
        before: date | None = None
        for row in rows:
            first = row.days[0]
            hours = tongue.comma.join(tongue.hours(item) for item in row.hours)
            if row.is_long:
                words.append(self._lasting(row, before, has_weekday=has_weekday))
            elif len(row.days) == 1:
                words.append(tongue.at(self._day(first, before, has_weekday=has_weekday), hours))
            else:
                listed = tongue.listed(_runs(row.days), before, has_year=self._has_year(first))
                words.append(tongue.daily(listed, hours))
            before = row.last_day
        return tongue.stop.join(words)

    def _lasting(self, row: "_Row", before: date | None, *, has_weekday: bool) -> str:
        tongue, hours, first = self._tongue, row.hours[0], row.days[0]
        begins = self._day(first, before, has_weekday=has_weekday)
        ends = self._day(row.last_day, first, has_weekday=has_weekday)
        return tongue.lasting(tongue.point(begins, hours.starts), tongue.point(ends, hours.ends))

    def _day(self, day: date, before: date | None, *, has_weekday: bool) -> str:
        text = self._tongue.day(day, before, has_year=self._has_year(day))
        return self._tongue.dated(text, day) if has_weekday else text

    def _moment(self, day: date, minute: int) -> str:
        is_english = self.locale != "zh"
        return self._tongue.moment(self._day(day, None, has_weekday=is_english), minute)

    def _brief_moment(self, day: date, minute: int) -> str:
        return self._tongue.point(self._day(day, None, has_weekday=False), minute)

    def _lines(self, row: "_Row") -> "Lines":
        tongue, first = self._tongue, row.days[0]
        if row.is_long:
            begins = self._day(first, None, has_weekday=True)
            ends = self._day(row.last_day, first, has_weekday=True)
            hours = row.hours[0]
            return Lines(
                days=tongue.point(begins, hours.starts),
                hours=(tongue.lasting("", tongue.point(ends, hours.ends)).strip(),),
                is_long=True,
            )
        if len(row.days) == 1:
            days = self._day(first, None, has_weekday=True)
        else:
            days = tongue.listed(_runs(row.days), None, has_year=self._has_year(first))
        return Lines(
            days=days,
            hours=tuple(tongue.hours(item) for item in row.hours),
            is_daily=len(row.days) > 1,
        )

    def _brief_zh(self, rows: "Sequence[_Row]") -> list[str]:
        tongue, row = Chinese(), rows[0]
        day = tongue.day(row.days[0], None, has_year=self._has_year(row.days[0]))
        hours, start = row.hours[0], clock(row.hours[0].starts)
        if _count(rows) > 1:
            options = [f"{day}{start}起，共{_count(rows)}次"]
        elif row.is_long:
            last = tongue.day(row.last_day, row.days[0], has_year=False)
            options = [f"{day}{start}-{last}{clock(hours.ends)}"]
        else:
            options = [f"{day}{tongue.hours(hours)}"]
        return [*options, f"{day}{start}起", f"{day}起"]

    def _brief_en(self, rows: "Sequence[_Row]") -> list[str]:
        tongue, row = English(), rows[0]
        day = tongue.day(row.days[0], None, has_year=self._has_year(row.days[0]))
        hours, start = row.hours[0], clock(row.hours[0].starts)
        options = [f"from {day} {start}", f"from {day}"]
        if _count(rows) == 1 and not row.is_long:
            # As airlines write it: +1 is the next day.
            end = f"{clock(hours.ends)}{'+1' if hours.days else ''}"
            options.insert(0, f"{day} {start}–{end}")
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """One row of a poster: the days, and below them in large type the hours.

    ``is_daily``: the hours hold on each of several days. ``is_long``: ``days`` says when it begins
    and the one entry of ``hours`` when it ends.
    """

    days: str
    hours: tuple[str, ...]
    is_daily: bool = False
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """The days that share the same hours; a window of more than a day stands alone."""

    days: tuple[date, ...]
    hours: tuple[Hours, ...]

    @property
    def is_long(self) -> bool:
        return self.hours[0].is_long

    @property
    def last_day(self) -> date:
        return self.days[-1] + timedelta(days=self.hours[0].days if self.is_long else 0)


def _rows(windows: Iterable[Window], zone: ZoneInfo) -> tuple[_Row, ...]:
    """Days with the same hours are joined, then hours with the same days."""
    days_of: dict[Hours, list[date]] = {}
    rows: list[_Row] = []
    # In UTC: two times of one zone compare by the wall clock, which is wrong when the clocks change.
    in_utc = (Window(w.starts_at.astimezone(UTC), w.ends_at.astimezone(UTC)) for w in windows)
    for window in union(in_utc):
        day, starts = _local_start(window.starts_at, zone)
        last, ends = _local_end(window.ends_at, zone)
        hours = Hours(starts, ends, (last - day).days)
        if hours.is_long:
            rows.append(_Row((day,), (hours,)))
        else:
            days_of.setdefault(hours, []).append(day)
    hours_of: dict[tuple[date, ...], list[Hours]] = {}
    for hours, days in days_of.items():
        hours_of.setdefault(tuple(days), []).append(hours)
    rows += [_Row(days, tuple(hours)) for days, hours in hours_of.items()]
    if not rows:
        raise ValueError("there is no window to tell of")
    return tuple(sorted(rows, key=lambda row: (row.days[0], row.hours[0].starts)))


def _local_start(at: datetime, zone: ZoneInfo) -> tuple[date, int]:
    local = at.astimezone(zone)
    return local.date(), local.hour * 60 + local.minute


def _local_end(at: datetime, zone: ZoneInfo) -> tuple[date, int]:
    at = at.astimezone(UTC)
    if at.second or at.microsecond:
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    day, minute = _local_start(at, zone)
    return (day, minute) if minute else (day - timedelta(days=1), 24 * 60)


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days in a row as first and last; fewer than ``_RUN`` stay single."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    whole: list[tuple[date, date]] = []
    for run in runs:
        whole += [(run[0], run[-1])] if len(run) >= _RUN else [(day, day) for day in run]
    return whole


def _count(rows: Iterable[_Row]) -> int:
    return sum(len(row.days) * len(row.hours) for row in rows)
