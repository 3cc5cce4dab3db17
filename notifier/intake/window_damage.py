"""Figures of dates and times of which one was damaged: 1O日, 8:3?, 2026-03-1l, 3月1○日.

A figure that was typed as its look-alike, or that a printer, a scan or a wrong encoding turned into
a sign, must be asked for. Read without it, the tenth would become the first, and nobody would know.
"""

#: Letters that are taken for figures, as the text has them in lower case: O D I l Z S b g q, О and З.
_LETTERS = "oоdilızsbgqз"
#: Signs that stand for a figure, before others or after them; those of the second kind also separate.
_SIGNS = r"_?×*x○●◯□■◇☐�\#!@$%^=+"
_SIGNS_AFTER = _SIGNS + r"|&"

#: No letter stands before it, but the T between a day and a time; no word begins with it.
_ALONE = r"(?:(?<![a-zà-ỹа-яё\d])|(?<=\dt))"
_NO_WORD = r"(?![a-zà-ỹа-яё])"
#: What follows a single figure only where it belongs to it; h, m, p, t, г and ч are units.
_TAIL = rf"(?:[{_SIGNS_AFTER}]|[a-gi-lnoq-suw-zа-вд-хц-яıё]{_NO_WORD})"
#: One or two figures of which none was damaged.
FIGURE = rf"(?:\d{{2}}|\d(?!{_TAIL}))"

_TWO = rf"(?:{_ALONE}[{_LETTERS}{_SIGNS}]\d(?!\d)|(?<!\d)\d{_TAIL})"
_HOLE = rf"[{_LETTERS}{_SIGNS}]"
_FOUR = (
    rf"(?:{_ALONE}{_HOLE}\d{{2,3}}|(?<!\d)\d{_HOLE}\d{{1,2}}|(?<!\d)\d\d{_HOLE}\d"
    rf"|(?<!\d)\d{{2,3}}{_TAIL})"
)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|tháng)"
)
#: 10号线, 3号楼 and 2号机 number things, not days.
_UNIT = r"[年月日号点时分](?![杆楼栋线变箱柜机刻半间段])"

#: A date or a time with a damaged figure, as verbose regular expression without groups.
DAMAGED = rf"""
        (?:(?<!\d)\d{{4}}\s*[年./-]\s*)?(?:{_TWO}|(?<!\d){_HOLE})\s*月\s*\d{{1,2}}\s*[日号]
      | (?<!\d)\d{{4}}\s*[年./-]\s*{_TWO}\s*[月./-]\s*\d{{1,2}}(?!\d)
      | (?<!\d)\d{{4}}\s*[年./-]\s*\d{{1,2}}\s*[月./-]\s*(?:{_TWO}|{_HOLE}(?=\s*[日号t\s]|$))
      | {_FOUR}\s*[年./-]\s*\d{{1,2}}\s*[月./-]\s*\d{{1,2}}(?!\d)
      | {_FOUR}\s*年
      | (?<!\d)\d{{1,2}}\s*(?:[月点时h]|giờ|tháng)\s*{_TWO}(?:\s*{_UNIT})?
      | (?<!\d)\d{{1,2}}\s*月\s*{_HOLE}\s*[日号]
      | {_TWO}\s*{_UNIT}
      | {_TWO}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}
      | (?:{_TWO}|{_ALONE}{_HOLE})\s*:\s*\d{{2}}(?!\d)
      | (?<!\d)\d{{1,2}}\s*:\s*(?:{_TWO}|{_HOLE}{{2}})
      | (?<![\d.:/]){_TWO}(?:[./]\d{{1,2}}(?![\d:./])|[./-]\d{{1,2}}[./-]\d{{4}}(?!\d))
      | (?<![\d.:/])\d{{1,2}}(?:[./]{_TWO}|[./-]{_TWO}[./-]\d{{4}}(?!\d)|[./-]\d{{1,2}}[./-]{_FOUR})
      | (?<!\d)20[\d{_LETTERS}{_SIGNS}]{{6}}(?!\d)(?<=\d\d|\d{_HOLE}|{_HOLE}\d)(?<!\d{{8}})
"""
