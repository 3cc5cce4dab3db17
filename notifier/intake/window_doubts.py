"""What may be doubtful about the times of an outage: words that decide nothing, windows at odds."""

import itertools
from collections.abc import Sequence
from datetime import timedelta

from notifier.domain.finding import Finding, Severity
from notifier.domain.window import Window
from notifier.intake.window_dates import DateContext, Unresolved
from notifier.intake.window_tokens import Kind

AMBIGUOUS = ("time.ambiguous", Severity.ERROR)
#: Words that are doubtful wherever they stand: code, severity, what was expected instead.
DOUBTS: dict[Kind, tuple[str, Severity, str]] = {
    Kind.LOST: ("date.digits_lost", Severity.ERROR, "数字缺失，请补全 / a figure is missing"),
    Kind.UNCLEAR: (
        "date.unclear",
        Severity.ERROR,
        "四位年份，如 2026-03-05 / a year of four figures",
    ),
    Kind.BAD: ("time.invalid", Severity.ERROR, "0:00–24:00"),
    Kind.NEVER: (
        "window.undecided",
        Severity.ERROR,
        "确定的停电时间 / times that are decided",
    ),
    Kind.EXCEPT: (
        "window.exception",
        Severity.ERROR,
        "逐一列出停电时段 / every window, instead of exceptions",
    ),
    Kind.RECURRING: (
        "window.recurring",
        Severity.ERROR,
        "逐一列出停电日期 / every date, instead of a rule",
    ),
    Kind.PERHAPS: (
        "window.conditional",
        Severity.WARNING,
        "确定的时间；条件不作处理 / times without conditions; the condition was not read",
    ),
}


class Doubts:
    """Findings about one text in one column, each once."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._findings: list[Finding] = []

    def report(self, code: str, severity: Severity, found: str, expected: str) -> None:
        """Notes a doubt, once."""
        finding = Finding(
            code=code,
            severity=severity,
            found=found,
            expected=expected,
            column=self._column,
        )
        if finding not in self._findings:
            self._findings.append(finding)

    def unresolved(self, doubt: Unresolved) -> None:
        """Notes what keeps a day or a time from being told."""
        self.report(doubt.code, Severity.ERROR, doubt.found, doubt.expected)

    @property
    def has_errors(self) -> bool:
        """Whether anything was reported that keeps the text from being understood."""
        return any(finding.severity is Severity.ERROR for finding in self._findings)

    def clear(self) -> None:
        """What was said so far no longer holds."""
        self._findings.clear()

    def all(self) -> tuple[Finding, ...]:
        """The findings in the order in which they were reported."""
        return tuple(self._findings)


def check_envelope(
    doubts: Doubts, text: str, inner: Sequence[Window], frames: Sequence[Window]
) -> None:
    """Holds the actual windows against the frame that was given before them."""
    outside = [
        span
        for span in inner
        if not any(
            frame.starts_at <= span.starts_at and span.ends_at <= frame.ends_at for frame in frames
        )
    ]
    if outside:
        doubts.report(
            "window.outside_envelope",
            Severity.ERROR,
            text,
            "实际时段在计划时段之内 / actual times within the planned ones",
        )
    doubts.report(
        "window.envelope",
        Severity.INFO,
        text,
        "按实际停电时段 / the actual windows were taken, not the frame",
    )


def check_spans(
    doubts: Doubts, text: str, spans: Sequence[Window], minutes: int, context: DateContext
) -> None:
    """Holds the windows, in order, against each other, the text's own total, and the publication.

    ``minutes`` is that total, 0 for none.
    """
    for before, after in itertools.pairwise(spans):
        if before.overlaps(after):
            doubts.report(
                "window.overlap",
                Severity.WARNING,
                text,
                "互不重叠的时段 / separate windows",
            )
    if spans:
        _check_total(doubts, text, spans, minutes)
        _check_past(doubts, text, spans, context)


def _check_total(doubts: Doubts, text: str, spans: Sequence[Window], minutes: int) -> None:
    """The hours the text gives, for one window or for all, are those of the windows."""
    if not minutes:
        return
    lengths = {span.duration for span in spans}
    lengths.add(sum((span.duration for span in spans), timedelta()))
    if timedelta(minutes=minutes) not in lengths:
        doubts.report(
            "window.duration_mismatch",
            Severity.WARNING,
            text,
            f"时段合计 {max(lengths)} / the windows last {max(lengths)}",
        )


def _check_past(doubts: Doubts, text: str, spans: Sequence[Window], context: DateContext) -> None:
    """Nobody announces what is over."""
    published = context.published
    if published is None:
        return
    last = spans[-1].ends_at.astimezone(context.zone).date()
    if last < published:
        doubts.report(
            "window.past",
            Severity.WARNING,
            text,
            f"发布日期 {published} 之后 / after publication on {published}",
        )
