"""Works before and after side by side, feeder by feeder, as SVG: the meeting's picture.

Plain shapes and attributes, no scripts, styles or outside fonts: it may stand in a page, in a file or
in a document. Bars of one feeder that would overlap go below each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from notifier.domain.window import Window

_NAMES, _GAP, _TOP, _FOOT = 132, 26, 64, 34
_LANE, _BAR, _PADDING = 20, 16, 6
_PANEL = 620
_NAME_WIDE = 66
_MOST_NAME = 11
_FONT = "font-family=\"'Noto Sans CJK SC','Microsoft YaHei',Arial,sans-serif\""
_INK, _SOFT, _LINE, _WEEKEND = "#1c2430", "#5b6472", "#dfe5ea", "#f1f4f6"

#: What a bar's colour says, in the order of the key.
KEPT, MOVED, MERGED, DEFERRED = "kept", "moved", "merged", "deferred"
SWITCHED = "switched"
_COLOURS = {
    KEPT: ("#8fa1ad", "不变 kept"),
    MOVED: ("#3d7fb5", "移动 moved"),
    SWITCHED: ("#8a63b8", "换方式 another way"),
    MERGED: ("#1f7a4d", "合并 merged"),
    DEFERRED: ("#c4392f", "本期不做 deferred"),
}

_CARRIED = ("#e08a1e", "下沿：转供 lower edge: a part is carried by a tie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A work: where it hangs, what it is called, when it was to be and when it is proposed to be.

    ``after`` is empty where it is deferred. ``outcome`` gives the colour; ``link`` may be empty. ``tie``
    is the feeder that carries a part of its people meanwhile, as proposed: a band below the bar.
    """

    feeder: str
    name: str
    outcome: str
    before: tuple[Window, ...]
    after: tuple[Window, ...]
    detail: str = ""
    link: str = ""
    tie: str = ""


def draw(bars: Sequence[Bar], first: date, last: date, zone: ZoneInfo, *, title: str = "") -> str:
    """The picture of a period, both days included, as one SVG document."""
    canvas = _Canvas(first, (last - first).days + 1, zone)
    rows: list[tuple[str, list[tuple[int, int, Bar, Window]], int]] = []
    for feeder in sorted({bar.feeder for bar in bars}):
        own = sorted((bar for bar in bars if bar.feeder == feeder), key=lambda bar: bar.name)
        placed, lanes = [], 1
        for panel in (0, 1):
            spans = [
                (window, bar)
                for bar in own
                for window in (bar.after if panel else bar.before)
                if canvas.shows(window)
            ]
            found = _lanes(spans, canvas.days)
            lanes = max([lanes, *(lane + 1 for lane, _, _ in found)])
            placed += [(panel, lane, bar, window) for lane, window, bar in found]
        rows.append((feeder, placed, lanes))
    height = _TOP + sum(lanes * _LANE + _PADDING for _, _, lanes in rows) + _FOOT
    width = _NAMES + 2 * _PANEL + _GAP + 8
    words = escape(title or "停电安排：调整前与调整后 Works before and after")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label={quoteattr(title or "timeline")} {_FONT}>',
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="#fbfcfd"></rect>',
        _text(8, 22, words, size=15, weight=700),
        *canvas.grid(height - _FOOT),
    ]
    y = _TOP
    for feeder, placed, lanes in rows:
        parts.append(_rule(y - _PADDING / 2, width))
        parts.append(_text(8, y + 12, escape(feeder[:_MOST_NAME]), tip=feeder))
        for panel, lane, bar, window in placed:
            parts.append(canvas.bar(panel, y + lane * _LANE, bar, window))
        y += lanes * _LANE + _PADDING
    parts += [_rule(y - _PADDING / 2, width), *_key(height - 12), "</svg>"]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Canvas:
    first: date
    days: int
    zone: ZoneInfo

    @property
    def _day(self) -> float:
        return _PANEL / self.days

    def _x(self, panel: int, moment: datetime) -> float:
        local = moment.astimezone(self.zone)
        at = (local.date() - self.first).days + (local.hour * 60 + local.minute) / 1440
        return _NAMES + panel * (_PANEL + _GAP) + min(max(at, 0.0), self.days) * self._day

    def shows(self, window: Window) -> bool:
        """Whether any of it lies in the period."""
        return self._x(0, window.ends_at) > _NAMES and self._x(0, window.starts_at) < (
            _NAMES + _PANEL
        )

    def grid(self, bottom: float) -> list[str]:
        """Days and weekends of both panels, with their titles."""
        parts = []
        every = max(1, round(self.days / 10))
        for panel, title in enumerate(("调整前 As asked", "调整后 As proposed")):
            left = _NAMES + panel * (_PANEL + _GAP)
            parts.append(_text(left, 42, title, size=13, weight=600))
            for number in range(self.days):
                on = self.first + timedelta(days=number)
                x = left + number * self._day
                if on.isoweekday() > 5:
                    parts.append(
                        f'<rect x="{x:.1f}" y="{_TOP - 4}" width="{self._day:.1f}" '
                        f'height="{bottom - _TOP:.1f}" fill="{_WEEKEND}"></rect>'
                    )
                if number % every == 0:
                    parts.append(_text(x + 1, 57, f"{on:%m-%d}", size=10, fill=_SOFT))
        return parts

    def bar(self, panel: int, y: float, bar: Bar, window: Window) -> str:
        """One window of a work; too short ones are widened so that they can be seen."""
        x, end = self._x(panel, window.starts_at), self._x(panel, window.ends_at)
        colour, words = _COLOURS[bar.outcome]
        if panel == 0 and bar.outcome != DEFERRED:
            colour = _COLOURS[KEPT][0] if bar.before == bar.after else "#c79a2b"
        start, until = window.starts_at.astimezone(self.zone), window.ends_at.astimezone(self.zone)
        tip = f"{bar.name} {start:%m-%d %H:%M}–{until:%m-%d %H:%M} {words} {bar.detail}".strip()
        is_carried = bool(bar.tie) and panel == 1
        if is_carried:
            tip = f"{tip} · 由{bar.tie}转供 carried by {bar.tie}"
        wide = max(4.0, end - x)
        shape = (
            f'<rect x="{x:.1f}" y="{y + 1:.1f}" width="{wide:.1f}" height="{_BAR}" '
            f'rx="3" fill="{colour}"><title>{escape(tip)}</title></rect>'
        )
        if is_carried:
            shape += (
                f'<rect x="{x:.1f}" y="{y + _BAR - 2:.1f}" width="{wide:.1f}" height="3" '
                f'fill="{_CARRIED[0]}"></rect>'
            )
        room = _NAMES + panel * (_PANEL + _GAP) + _PANEL - end
        if room > _NAME_WIDE or end - x > 60:
            at = x + 3 if end - x > 60 else max(end, x + 4) + 3
            fill = "#ffffff" if end - x > 60 else _INK
            shape += _text(at, y + 13, escape(_cut(bar.name)), size=10, fill=fill)
        else:
            shape += _text(x - 3 - _NAME_WIDE, y + 13, escape(_cut(bar.name)), size=10)
        return f"<a href={quoteattr(bar.link)}>{shape}</a>" if bar.link else shape


def _lanes(spans: Sequence[tuple[Window, Bar]], days: int) -> list[tuple[int, Window, Bar]]:
    """Each window in the first lane that is free; names beside short bars want room too."""
    ends: list[datetime] = []
    found = []
    room = timedelta(days=days * _NAME_WIDE / _PANEL)
    for window, bar in sorted(spans, key=lambda it: (it[0], it[1].name)):
        free = (lane for lane, end in enumerate(ends) if end <= window.starts_at)
        lane = next(free, len(ends))
        if lane == len(ends):
            ends.append(window.ends_at)
        ends[lane] = window.ends_at + room
        found.append((lane, window, bar))
    return found


def _key(y: float) -> list[str]:
    parts, x = [], float(_NAMES)
    wanted = [("#c79a2b", "将被调整 to be changed"), *_COLOURS.values(), _CARRIED]
    for colour, words in wanted:
        parts.append(
            f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12" rx="2" fill="{colour}"></rect>'
        )
        parts.append(_text(x + 17, y, words, size=11, fill=_SOFT))
        x += 34 + 7.4 * len(words) + 5 * sum(not char.isascii() for char in words)
    return parts


def _rule(y: float, width: float) -> str:
    return f'<rect x="0" y="{y:.1f}" width="{width}" height="1" fill="{_LINE}"></rect>'


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    weight: int = 400,
    fill: str = _INK,
    tip: str = "",
) -> str:
    """``words`` are escaped already."""
    title = f"<title>{escape(tip)}</title>" if tip else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}">{title}{words}</text>'
    )


def _cut(name: str) -> str:
    """Its first letters say whose a number is, its end tells it apart from others."""
    return name if len(name) <= _MOST_NAME else f"{name[:2]}…{name[3 - _MOST_NAME :]}"
