"""From facts to the few strings of which messages are made, in the form a medium has room for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Stage, Wording
from notifier.domain.sms_parts import utf16_units
from notifier.domain.timetext import Teller
from notifier.domain.window import Window
from notifier.rendering.library import Library

#: How advice is chosen: by where the recipient stands in time.
_PHASES = {
    Stage.ADVANCE: "before",
    Stage.REMINDER: "before",
    Stage.RESCHEDULED: "before",
    Stage.STARTED: "during",
    Stage.LATE: "during",
    Stage.RESTORED: "after",
    Stage.REMOVED: "off",
    Stage.CANCELLED: "off",
}

_SHORT_WORDINGS = frozenset(
    {Wording.SHORT_ADVANCE, Wording.SHORT_REMINDER, Wording.SHORT_RESCHEDULED}
)

#: What a WeChat field holds, and long enough for anybody.
NAME_UNITS = 20

#: A transfer and the transfer back.
_MOMENTS = 2

_TRIMMED = " 　。．.；;，,、:：\t\r\n"
_SEPARATORS = "、，,；;/ "


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """Who speaks. ``signature`` is what a gateway puts in front of an SMS, without brackets.

    ``link`` is the public address of an outage, ``{number}`` in it the plan's; ``zone`` where people
    live. ``english_name`` stands in for ``name`` in English texts where it is given.
    """

    name: str
    signature: str
    hotline: str
    link: str
    zone: ZoneInfo
    english_name: str = ""

    def link_to(self, number: str) -> str:
        return self.link.replace("{number}", quote(number, safe=""))

    def name_in(self, locale: str) -> str:
        return self.name if locale == "zh" else self.english_name or self.name


@dataclass(frozen=True, slots=True)
class Room:
    """How many UTF-16 units a medium has for ``where`` and ``works``; 0: as many as it takes."""

    where: int = 0
    works: int = 0


#: An SMS is paid by the part and gateways bound a variable (35 characters is usual in China).
_ROOM = {
    ("zh", Medium.SMS): Room(35, 18),
    ("en", Medium.SMS): Room(60, 40),
    ("zh", Medium.WECHAT): Room(20, 20),
    ("en", Medium.WECHAT): Room(20, 20),
    ("zh", Medium.PUSH): Room(40, 18),
    ("en", Medium.PUSH): Room(80, 40),
    ("zh", Medium.VOICE): Room(60, 30),
    ("en", Medium.VOICE): Room(100, 60),
}


def notice_variables(
    library: Library,
    utility: Utility,
    facts: Facts,
    *,
    medium: Medium,
    locale: str,
    now: datetime,
) -> dict[str, str]:
    """Every variable that these facts allow; what they do not (a time of restoration before there is
    one) is absent, never empty. Raises ``library.TemplateNotFound`` for a language without words.
    """
    words = library.words("words", locale)
    teller = Teller(
        zone=utility.zone,
        now=now,
        locale=locale,
        is_voice=medium is Medium.VOICE,
        is_gsm=medium is Medium.SMS,
    )
    room = _ROOM.get((locale, medium), Room())
    more = str(words.more)
    hotline = " ".join(utility.hotline) if medium is Medium.VOICE else utility.hotline
    values = {
        "number": tidy(facts.number),
        "utility": utility.name_in(locale),
        "hotline": hotline,
        "link": utility.link_to(facts.number),
        "what": _line(words.what(facts.impact_class.value)),
        "where": clip(tidy(facts.where) or str(words.somewhere), room.where, more),
        "works": clip(tidy_works(facts.works) or str(words.some_works), room.works, more),
    }
    if medium is Medium.WECHAT:
        values["number"] = head(values["number"], NAME_UNITS)
    if facts.told_windows:
        told_class = facts.told_class or facts.impact_class
        values["told_what"] = _line(words.what(told_class.value))
    values |= _times(facts, teller, medium, str(words.no_second), str(words.all_told))
    values |= _advice(library, facts, medium, locale, hotline)
    if medium is Medium.WECHAT and _is_turned(facts):
        # A card has no room for both kinds of outage beside its times: this matters more than advice.
        values["advice"] = _line(words.turned(facts.impact_class.value))
    return values


def _is_turned(facts: Facts) -> bool:
    """Whether hours were announced and it is seconds now, or the other way round."""
    told, present = facts.told_class, facts.impact_class
    is_told = facts.stage is Stage.RESCHEDULED and told is not None
    return is_told and (told is ImpactClass.SHORT) is not (present is ImpactClass.SHORT)


def recipient_variables(library: Library, locale: str, name: str, accounts: int) -> dict[str, str]:
    """``name`` falls back to "customer"; ``accounts`` is how many accounts the message stands for."""
    return {"name": own_name(name) or customer(library, locale), "accounts": str(accounts)}


def customer(library: Library, locale: str) -> str:
    """What somebody without a name is called."""
    return str(library.words("words", locale).customer)


def tidy(text: str) -> str:
    """On one line, without the punctuation at its ends; control characters are gone."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split()).strip(_TRIMMED)


def tidy_works(text: str) -> str:
    """As ``tidy``, ready to stand after 因 and before 停电."""
    works = tidy(text)
    for prefix in ("因为", "由于", "因"):
        works = works.removeprefix(prefix)
    return works.removesuffix("停电").strip(_TRIMMED) if works != "停电" else ""


def head(text: str, limit: int) -> str:
    """The longest beginning of at most ``limit`` UTF-16 units: rare 汉字 of place names have two."""
    if utf16_units(text) <= limit:
        return text
    kept = text[:limit]
    while utf16_units(kept) > limit:
        kept = kept[:-1]
    return kept


def own_name(name: str) -> str:
    """A recipient's name as it can stand in a message: on one line, 20 units at most."""
    return head(tidy(name), NAME_UNITS)


def clip(text: str, limit: int, more: str) -> str:
    """At most ``limit`` UTF-16 units: cut after a whole name where there is one, ``more`` behind it."""
    if limit == 0 or utf16_units(text) <= limit:
        return text
    kept = head(text, limit - utf16_units(more))
    whole = max((kept.rfind(separator) for separator in _SEPARATORS), default=-1)
    if text[len(kept)] not in _SEPARATORS and whole >= len(kept) // 3:
        kept = kept[:whole]
    return f"{kept.rstrip(_TRIMMED)}{more}"


def _times(
    facts: Facts, teller: Teller, medium: Medium, no_second: str, all_told: str
) -> dict[str, str]:
    """When, and when it was said to be. Removed and cancelled outages have no time but the old one.

    A WeChat field has no room for both moments of a transfer, so there ``again`` is the second.
    A reminder names one day and says that others follow; paper, which hangs, names them all.
    """
    is_short = facts.wording in _SHORT_WORDINGS
    is_brief = medium is Medium.WECHAT
    told = facts.told_windows
    if not told and facts.stage in (Stage.REMOVED, Stage.CANCELLED):
        told = facts.windows
    end = teller.brief_end if is_brief else teller.end
    values: dict[str, str] = {}
    if facts.windows:
        is_of_day = bool(facts.of_day) and medium is not Medium.POSTING
        windows, later = (facts.of_day, facts.later) if is_of_day else (facts.windows, ())
        if is_brief and is_short and len(windows) + len(later) <= _MOMENTS:
            first, *second = sorted(windows)
            values["when"] = teller.brief([first])
            values["again"] = teller.brief(second) if second else no_second
        elif is_brief:
            values["when"] = teller.brief(windows)
            values["again"] = teller.brief_also(windows, later) or all_told
        else:
            when = teller.moments(windows) if is_short else teller.windows(windows)
            values["when"] = teller.also(when, windows, later)
        values["until"] = end(_changed_end(windows, facts.told_windows))
    if told:
        values["told_when"] = teller.brief(told) if is_brief else teller.windows(told)
        values["told_until"] = end(_changed_end(told, facts.windows))
    if facts.restored_at is not None:
        start = teller.brief_start if is_brief else teller.start
        values["restored"] = start(facts.restored_at)
    return values


def _changed_end(windows: tuple[Window, ...], others: tuple[Window, ...]) -> datetime:
    """The end of the first window that the others do not have; without one, the last end."""
    changed = sorted(window for window in windows if window not in others)
    return changed[0].ends_at if changed else max(window.ends_at for window in windows)


def _advice(
    library: Library, facts: Facts, medium: Medium, locale: str, hotline: str
) -> dict[str, str]:
    macros: Any = library.words("advice", locale)
    phase = _PHASES[facts.stage]
    arguments = (
        facts.need.name.lower(), facts.audience.value, facts.impact_class.value, phase, hotline,
    )  # fmt: skip
    short = macros.tip if medium is Medium.WECHAT else macros.advice
    guide = (_line(line) for line in str(macros.guide(*arguments)).splitlines())
    return {
        "advice": _line(short(*arguments)),
        "guide": "\n".join(line for line in guide if line),
    }


def _line(text: object) -> str:
    return " ".join(str(text).split())
