"""Reads the tokens of one text from left to right: days, the times on them, what changes either."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import SourceWindow
from notifier.domain.window import Window
from notifier.intake import window_clock, window_dates, window_words
from notifier.intake.window_clock import DAY
from notifier.intake.window_dates import DateContext, Unresolved
from notifier.intake.window_doubts import AMBIGUOUS, DOUBTS, Doubts, check_envelope, check_spans
from notifier.intake.window_tokens import Kind, Token
from notifier.intake.window_words import DATES

_LONGEST_LIST = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedWindows:
    """What a text said: its windows in order, the days it named, and what to look at."""

    windows: tuple[SourceWindow, ...]
    findings: tuple[Finding, ...]
    days: tuple[date, ...] = ()


class WindowReader:
    """Reads the tokens of one text from left to right."""

    def __init__(self, context: DateContext, text: str, doubts: Doubts) -> None:
        self._doubts = doubts
        self._context = context
        self._text = text
        self._tokens: list[Token] = []
        self._at = 0
        self._time_from = 0
        #: The days the next times apply to; None where they could not be told.
        self._days: list[date] | None = []
        self._named: list[date] = []
        #: The days of the date's own column, which days in the other column may only repeat.
        self._outer: list[date] = []
        self._is_repeated = False
        self._is_range = False
        self._is_daily = False
        self._is_used = False
        self._weekday: Token | None = None
        self._spans: list[Window] = []
        self._since = 0
        self._envelopes: list[Window] = []
        self._hours = 0
        self._days_said = 0
        #: A part of the day that stands apart from its time: 下午（1:00-5:00）.
        self._part: Token | None = None

    def read(self, day_words: str, time_words: str) -> ParsedWindows:
        """What the words of the date's own column and of the time's say together."""
        words = window_words.prepare(day_words, time_words, self._context)
        self._tokens, self._time_from = words.tokens, words.time_from
        if words.is_restored:
            expected = "方括号内为补字，请核对 / the figure in brackets was added: check it"
            self._doubts.report("date.restored", Severity.WARNING, self._text, expected)
        if words.is_reckoned:
            expected = (
                "结束时间按时长推算，请核对 / the end was reckoned from the duration: check it"
            )
            self._doubts.report("time.reckoned", Severity.WARNING, self._text, expected)
        while self._at < len(self._tokens):
            if self._at == self._time_from and not self._outer:
                self._outer = list(self._days or ())
            self._step()
        return self._finish()

    def _step(self) -> None:
        token = self._tokens[self._at]
        kind = token.kind
        if kind in DATES:
            self._read_days()
            return
        if kind is Kind.TIME:
            self._read_times()
            return
        self._at += 1
        if kind is Kind.DAILY:
            self._is_daily = True
        elif kind is Kind.ALL_DAY:
            for day in self._target_days(token.text):
                self._add(day, 0, day, DAY, token.text)
            self._is_used = True
        elif kind is Kind.WEEKDAY:
            self._weekday = token
        elif kind is Kind.ACTUALLY:
            self._open_envelope()
        elif kind is Kind.INSTEAD:
            self._forget()
        elif kind is Kind.NUMBER:
            self._read_number(token)
        elif kind is Kind.HOURS:
            self._hours = self._hours or token.value
        elif kind is Kind.DAYS:
            self._days_said = token.value
        elif kind is Kind.DAY_PART:
            self._part = token
        elif kind in DOUBTS:
            code, severity, expected = DOUBTS[kind]
            self._doubts.report(code, severity, self._text, expected)

    # Days -----------------------------------------------------------------------------------

    def _read_days(self) -> None:
        """A date, a list 18、21日, or a range 26-27日, with the days of the week beside them."""
        is_repeated = self._at >= self._time_from and not self._is_repeated
        self._is_repeated = self._is_repeated or is_repeated
        if self._is_used or (is_repeated and self._days is not None):
            self._days, self._is_range, self._is_daily, self._is_used = [], False, False, False
            self._since = len(self._spans)
        is_end = False
        while True:
            token = self._tokens[self._at]
            self._at += 1
            self._take_day(token, is_end=is_end)
            after = self._peek()
            if self._at == self._time_from:
                return
            if after is Kind.RANGE and self._peek(1) in DATES:
                self._at += 1
                is_end = True
            elif after is Kind.SEPARATOR and self._peek(1) in DATES:
                self._at += 1
                is_end = False
            elif after in DATES:
                is_end = False
            else:
                return

    def _take_day(self, token: Token, *, is_end: bool) -> None:
        named = self._named[-1] if self._named else None
        try:
            day = self._resolve(token, named, is_end=is_end)
        except Unresolved as doubt:
            self._doubts.unresolved(doubt)
            self._days = None
            self._weekday = None
            return
        if self._days is None:
            return
        if is_end and self._days:
            self._fill_range(self._days[-1], day, token)
        elif day not in self._days:
            self._days.append(day)

    def _resolve(self, token: Token, named: date | None, *, is_end: bool) -> date:
        """The day with everything that may contradict it; the words around it are consumed."""
        day = window_dates.resolve(token, self._context, named, is_end=is_end)
        weekday, self._weekday = self._weekday, None
        if self._peek() is Kind.WEEKDAY:
            weekday = self._tokens[self._at]
            self._at += 1
        elif (
            self._peek() is Kind.SEPARATOR
            and self._tokens[self._at].text == ","
            and (self._peek(1) is Kind.WEEKDAY)
        ):
            weekday = self._tokens[self._at + 1]
            self._at += 2
        if weekday is not None:
            window_dates.check_weekday(day, weekday, token.text)
        if self._outer and not is_end and self._at > self._time_from and day not in self._outer:
            raise Unresolved(
                "date.contradiction",
                f"{self._text}",
                f"与日期列一致：{self._outer[0]} / the same day as in the date column",
            )
        try:
            window_dates.check_title(day, self._context, token.text)
        except Unresolved as doubt:
            if token.year is None:
                raise
            self._doubts.unresolved(doubt)
        self._named.append(day)
        return day

    def _fill_range(self, first: date, last: date, token: Token) -> None:
        assert self._days is not None  # noqa: S101 - the caller has looked
        if last < first:
            self._doubts.report(
                "date.order", Severity.ERROR, self._text, f"不早于 {first} / not before {first}"
            )
            self._days = None
        elif (last - first).days >= _LONGEST_LIST:
            self._doubts.report(
                "date.range_too_long",
                Severity.ERROR,
                self._text,
                f"至多 {_LONGEST_LIST} 天 / {_LONGEST_LIST} days at most",
            )
            self._days = None
        else:
            self._is_range = last > first
            for offset in range(1, (last - first).days + 1):
                self._days.append(first + timedelta(days=offset))

    def _target_days(self, text: str) -> Sequence[date]:
        """The days that times apply to; reports where there are none."""
        if self._weekday is not None and self._days:
            weekday, self._weekday = self._weekday, None
            try:
                window_dates.check_weekday(self._days[-1], weekday, str(self._days[-1]))
            except Unresolved as doubt:
                self._doubts.unresolved(doubt)
                self._days = None
        if self._days is None:
            return ()
        if self._days:
            return self._days
        if self._context.day is not None:
            self._days = [self._context.day]
            return self._days
        if not self._doubts.has_errors:
            self._doubts.report("date.missing", Severity.ERROR, self._text, "写明日期 / the date")
        return ()

    # Times ----------------------------------------------------------------------------------

    def _read_times(self) -> None:
        start = self._tokens[self._at]
        self._at += 1
        if self._part is not None and not start.part:
            start = replace(start, part=self._part.part)
        self._part = None
        while self._peek() in (Kind.PERHAPS, Kind.WORD) and self._peek_range():
            self._at += 1
        if self._peek() is not Kind.RANGE:
            self._is_used = True
            if self._peek() not in (Kind.BAD, Kind.LOST):
                self._doubts.report(
                    "time.single", Severity.ERROR, self._text, "起止两个时间 / a start and an end"
                )
            return
        self._at += 1
        shift, end_day = 0, None
        while (kind := self._peek()) is not None and kind is not Kind.TIME:
            token = self._tokens[self._at]
            if kind in (Kind.NEXT_DAY, Kind.SAME_DAY):
                shift = 1 if kind is Kind.NEXT_DAY else -1
                self._at += 1
            elif kind in DATES and end_day is None:
                self._at += 1
                try:
                    named = self._days[-1] if self._days else self._context.day
                    end_day = self._resolve(token, named, is_end=True)
                except Unresolved as doubt:
                    self._doubts.unresolved(doubt)
                    self._days = None
            elif kind in (Kind.OPEN, Kind.CLOSE, Kind.WORD, Kind.PERHAPS):
                self._at += 1
            else:
                break
        if self._peek() is not Kind.TIME:
            self._is_used = True
            if self._peek() is Kind.NUMBER:
                self._doubts.report(*AMBIGUOUS, self._text, window_clock.EXPECTED)
            elif self._peek() not in (Kind.BAD, Kind.LOST):
                self._doubts.report(
                    "time.end_missing", Severity.ERROR, self._text, "结束时间 / the end"
                )
            return
        end = self._tokens[self._at]
        self._at += 1
        self._add_span(start, end, shift or end.step, end_day)
        self._is_used = True

    def _add_span(self, start: Token, end: Token, shift: int, end_day: date | None) -> None:
        try:
            begins, ends = window_clock.seconds_of(start, end)
        except Unresolved as doubt:
            self._doubts.unresolved(doubt)
            return
        days = self._target_days(self._text)
        if end_day is not None and len(days) > 1:
            self._doubts.report(
                "window.contradiction",
                Severity.ERROR,
                self._text,
                "一个起始日期 / one day to start on",
            )
            return
        if self._is_range and not self._is_daily and end_day is None:
            self._doubts.report(
                "window.daily_assumed",
                Severity.WARNING,
                self._text,
                "按每天同一时段理解，请核对 / read as the same hours every day",
            )
        for day in days:
            first = day + timedelta(days=1) if start.step == 1 else day
            if end_day is not None:
                last = end_day
                if shift == 1 and end_day != first + timedelta(days=1):
                    self._doubts.report(
                        "date.contradiction", Severity.ERROR, self._text, "次日 / the next day"
                    )
                    continue
            elif shift == 1:
                last = day + timedelta(days=1)
            else:
                last = first
                if ends <= begins and shift != -1 and window_clock.is_night(begins, ends):
                    last = first + timedelta(days=1)
                    if ends <= begins - DAY:
                        last += timedelta(days=1)
                    self._doubts.report(
                        "window.overnight",
                        Severity.INFO,
                        self._text,
                        f"止于次日 {last} / ends on the next day",
                    )
            self._add(first, begins, last, ends, f"{start.text}-{end.text}")

    def _add(self, first: date, begins: int, last: date, ends: int, text: str) -> None:
        zone = self._context.zone
        try:
            starts_at = window_dates.moment(first, begins, zone, text)
            ends_at = window_dates.moment(last, ends, zone, text)
        except Unresolved as doubt:
            self._doubts.unresolved(doubt)
            return
        if ends_at <= starts_at:
            self._doubts.report(
                "window.end_before_start",
                Severity.ERROR,
                self._text,
                "结束晚于开始；跨夜请写“次日” / an end after the start; say so if it is the next day",
            )
            return
        window = Window(starts_at, ends_at)
        if window.duration > timedelta(days=1):
            self._doubts.report(
                "window.long",
                Severity.WARNING,
                self._text,
                f"连续 {window.duration} 小时，若为每天同一时段请写“每天” / longer than a day",
            )
        if window not in self._spans:
            self._spans.append(window)

    def _read_number(self, token: Token) -> None:
        if self._peek() is Kind.RANGE and self._peek(1) in (Kind.TIME, Kind.NUMBER):
            self._at += 2
            self._is_used = True
            self._doubts.report(*AMBIGUOUS, self._text, window_clock.EXPECTED)
            return
        self._doubts.report(
            "window.unread",
            Severity.WARNING,
            token.text,
            "日期或时间 / a date or a time: this figure was not understood",
        )

    # Words that change what was said before ---------------------------------------------------

    def _open_envelope(self) -> None:
        """(实际6:00-8:00与13:00-15:00): the times before it were only the frame."""
        self._envelopes = self._spans[self._since :]
        del self._spans[self._since :]

    def _forget(self) -> None:
        """现更改为: what stands before it no longer holds."""
        self._doubts.clear()
        self._spans.clear()
        self._days, self._named, self._outer = [], [], []
        self._since, self._envelopes, self._is_used = 0, [], False
        self._doubts.report(
            "window.rescheduled",
            Severity.WARNING,
            self._text,
            "改期通知：请核对并撤销原计划 / a changed plan: only the new times were read",
        )

    # The end ----------------------------------------------------------------------------------

    def _finish(self) -> ParsedWindows:
        if self._envelopes:
            self._close_envelope()
        self._check_whole()
        if not self._spans and not self._doubts.has_errors:
            if self._text:
                self._doubts.report(
                    "time.missing", Severity.ERROR, self._text, "起止时间 / a start and an end"
                )
            else:
                self._doubts.report(
                    "window.missing", Severity.ERROR, "", "停电时间 / the outage's time"
                )
        spans = sorted(self._spans)
        check_spans(self._doubts, self._text, spans, self._hours, self._context)
        return ParsedWindows(
            windows=tuple(SourceWindow(window=span, text=self._text) for span in spans),
            findings=self._doubts.all(),
            days=tuple(dict.fromkeys(self._named)),
        )

    def _close_envelope(self) -> None:
        inner = self._spans[self._since :]
        if not inner:
            self._spans.extend(self._envelopes)
            return
        check_envelope(self._doubts, self._text, inner, self._envelopes)

    def _check_whole(self) -> None:
        """Nothing that was said about days or hours is left over."""
        if self._spans and self._days and not self._is_used:
            self._doubts.report(
                "time.missing",
                Severity.ERROR,
                f"{self._days[0]}",
                "该日的起止时间 / a start and an end for that day",
            )
        if self._part is not None and self._spans:
            self._doubts.report(*AMBIGUOUS, self._text, window_clock.EXPECTED)
        zone = self._context.zone
        days = {span.starts_at.astimezone(zone).date() for span in self._spans}
        is_open_ended = self._is_daily and not self._is_range and len(days) == 1
        if self._spans and (is_open_ended or self._days_said not in (0, len(days))):
            code, severity, expected = DOUBTS[Kind.RECURRING]
            self._doubts.report(code, severity, self._text, expected)

    def _peek(self, ahead: int = 0) -> Kind | None:
        at = self._at + ahead
        return self._tokens[at].kind if at < len(self._tokens) else None

    def _peek_range(self) -> bool:
        """Whether only words stand between here and a range."""
        at = self._at
        while at < len(self._tokens) and self._tokens[at].kind in (Kind.PERHAPS, Kind.WORD):
            at += 1
        return at < len(self._tokens) and self._tokens[at].kind is Kind.RANGE
