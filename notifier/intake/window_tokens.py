"""Outage times as people write them, cut into tokens: Chinese, English, Russian, Vietnamese.

Cutting decides nothing that needs a calendar: which year a 3月5日 falls in, ``window_dates`` says;
what a row of tokens means, ``plan_windows`` says.
"""

import functools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from notifier.intake.window_damage import DAMAGED, FIGURE


class Kind(Enum):
    """What a token is. LOST, UNCLEAR and BAD are never read, only reported."""

    DATE = auto()
    RELATIVE = auto()
    SLASHED = auto()
    DOTTED = auto()
    NUMBER = auto()
    TIME = auto()
    RANGE = auto()
    SEPARATOR = auto()
    WEEKDAY = auto()
    NEXT_DAY = auto()
    SAME_DAY = auto()
    DAILY = auto()
    ALL_DAY = auto()
    ACTUALLY = auto()
    INSTEAD = auto()
    OPEN = auto()
    CLOSE = auto()
    HOURS = auto()
    LOST = auto()
    UNCLEAR = auto()
    BAD = auto()
    NEVER = auto()
    RECURRING = auto()
    EXCEPT = auto()
    PERHAPS = auto()
    DAY_PART = auto()
    DAYS = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` with what it needs.

    DATE has year, month, day, None where not written. SLASHED and DOTTED have two figures,
    ``value`` and ``step``, with the sign between them in ``part``. TIME has ``value`` in seconds
    after midnight, the part of the day in ``part``, and ``step`` 1 for 次日 and -1 for 当日.
    RELATIVE has days from publication, or a ``day`` with ``step`` months from it. WEEKDAY counts
    from Monday, 0. HOURS has minutes in ``step``, and in ``value`` too where they are a total; DAYS a
    number of days.
    DAY_PART is a part of the day that stands apart from its time.
    """

    kind: Kind
    text: str
    value: int = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    part: str = ""
    step: int = 0


#: Hours of a part of the day: how an hour of 1 to 12 is to be read.
_PARTS = {
    "am": ("am", "a.m.", "a.m", "am."),
    "pm": ("pm", "p.m.", "p.m", "pm."),
    "forenoon": ("上午", "早上", "早晨", "清晨", "早", "sáng", "утра"),
    "dawn": ("凌晨", "拂晓", "ночи"),
    "noon": ("中午", "正午", "trưa"),
    "afternoon": ("下午", "午后", "傍晚", "chiều", "дня", "вечера"),
    "night": ("晚上", "晚间", "夜间", "夜里", "深夜", "半夜", "夜晚", "晚", "夜", "tối", "đêm"),
}
_PART_BY_WORD = {word: part for part, words in _PARTS.items() for word in words}

_EN_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RU_MONTHS = ("янв", "фев", "мар", "апр", "ма[йя]", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
_EN_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_RU_MONTH = (
    r"(?:январ[яь]|феврал[яь]|марта?|апрел[яь]|ма[йя]|июн[яь]|июл[яь]|августа?|сентябр[яь]"
    r"|октябр[яь]|ноябр[яь]|декабр[яь])"
)
_WEEKDAYS = {
    **dict(zip("一二三四五六日", range(7), strict=True)),
    "天": 6,
    **dict(zip(("пн", "вт", "ср", "чт", "пт", "сб", "вс"), range(7), strict=True)),
    **dict(zip(("понедельник", "вторник", "среда", "четверг", "пятница"), range(5), strict=True)),
    "суббота": 5,
    "воскресенье": 6,
    "среду": 2,
    "пятницу": 4,
    "субботу": 5,
    **dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), range(7), strict=True)),
    **dict(zip(("hai", "ba", "tư", "năm", "sáu", "bảy"), range(6), strict=True)),
    **dict(zip("234567", range(6), strict=True)),
}
_DIGITS = dict(zip("〇零一二三四五六七八九", (0, *range(10)), strict=True))

_PREFIX = "|".join(
    sorted((word for word in _PART_BY_WORD if not word.isascii() or word == "早"), key=len)[::-1]
)
_SUFFIX = r"a\.?m\.?(?![a-z])|p\.?m\.?(?![a-z])|sáng|trưa|chiều|tối|đêm|утра|дня|вечера|ночи"

_BLANKED = r"[\s_?×*x-]*"
_TOKEN = re.compile(
    rf"""
    (?P<lost>
        (?<![\d本当下次每个]){_BLANKED}月\s*\d{{1,2}}\s*[日号]
      | \d{{1,2}}\s*月{_BLANKED}[日号]
      | \d{{1,2}}\s*月[_?×*-]+\s*\d{{1,2}}\s*[日号]
      | (?<![\d:])[_?×*]+\s*:\s*\d{{0,2}}
      | (?<![\d:]):\d{{2}}(?!\s*[:\d点时年月日号.-])
      | (?<!\d)\d{{1,2}}:(?!\s*\d)
      | {DAMAGED})
  | (?P<unclear>(?<![\d.:/-])\d{{1,2}}(?P<us>[./-])\d{{1,2}}(?P=us)\d{{1,2}}(?![\d:./]))
  | (?P<ymd>(?<!\d)(?P<y>\d{{4}})\s*(?:年|[./-])\s*(?P<m>\d{{1,2}})\s*(?:月|[./-])\s*
        (?P<d>{FIGURE})(?!\d)(?:\s*[日号])?(?:t(?=\d))?)
  | (?P<compact>(?<!\d)20\d{{2}}[01]\d[0-3]\d(?!\d))
  | (?P<month>(?<!\d)(?P<ymy>\d{{4}})\s*年\s*(?P<ymm>\d{{1,2}})\s*月(?!\s*\d)(?:份)?)
  | (?P<slashed>(?P<sv>ngày\s*)?
        (?<!\d)(?P<sa>\d{{1,2}})(?P<ss>[./-])(?P<sb>\d{{1,2}})(?P=ss)(?P<sy>\d{{4}})(?!\d)
        (?:\s*(?:г\.|г(?!\w)|года))?)
  | (?P<mdy>(?<![^\W\d_])(?P<em>{_EN_MONTH})\.?\s+(?P<ed>{FIGURE})(?:st|nd|rd|th)?(?![\d:])
        (?:\s*,?\s*(?P<ey>\d{{4}})(?![\d:]))?)
  | (?P<dmy>(?<!\d)(?P<fd>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<fm>{_EN_MONTH}|{_RU_MONTH})
        (?!\w)\.?(?:\s*,?\s*(?P<fy>\d{{4}})(?![\d:]))?(?:\s*(?:г\.|г(?!\w)|года))?)
  | (?P<vietnamese>(?:ngày\s*)?(?<!\d)(?P<vd>\d{{1,2}})\s*(?:tháng\s*)(?P<vm>{FIGURE})(?!\d)
        (?:\s*(?:,|/|năm)\s*(?P<vy>\d{{4}})(?!\d))?)
  | (?P<md>(?<!\d)(?P<mm>\d{{1,2}})\s*月\s*(?P<md_d>{FIGURE})(?!\d|\s*:|\s*[点时])(?:\s*[日号])?)
  | (?P<reldate>(?P<relm>本月|当月|下个月|下月|次月)(?:份)?\s*(?P<reld>\d{{1,2}})\s*[日号])
  | (?P<relday>今日|今天|今(?=晚)|明日|明天|明(?=晚)|后天)
  | (?P<day>(?<!\d)(?P<dd>\d{{1,2}})\s*[日号](?![杆楼栋线变箱柜]))
  | (?P<allday>全天|整天|全日|整日|all\s+day|whole\s+day|весь\s+день|целый\s+день|круглосуточно
        |cả\s+ngày)
  | (?P<hours>(?P<htotal>共计|共|历时|时长|总计|合计)?(?:约|大约|计)?\s*(?P<hn>\d{{1,3}}(?:\.\d+)?)\s*
        (?P<hu>个?小时|分钟|秒钟?|天|hours?(?!\w)|hrs?(?!\w)|minutes?|mins?(?!\w)|мин(?:ут[а-я]*)|tiếng))
  | (?P<time>(?P<shift>次日|翌日|第二天|隔天|隔日|次晨|当日|当天|同日|当晚)?\s*的?\s*
        (?P<part>{_PREFIX})?\s*(?<!\d)(?P<th>\d{{1,2}})
        (?:\s*:\s*(?P<tm>{FIGURE})(?!\d)(?:\s*:\s*(?P<ts>\d{{2}})(?!\d)(?:\.\d+)?)?\s*分?
          |\s*[点时](?![间段])\s*
              (?:(?P<half>半)|(?P<quarter>[13])刻|整|(?P<cm>{FIGURE})(?!\d|\s*[点时])\s*分?(?!钟)
                (?:\s*(?P<cs>\d{{1,2}})\s*秒)?)?
          |\s*(?:giờ|час[а-я]*|ч\.?|h)\s*
              (?:(?P<vmm>{FIGURE})(?!\d|\s*(?:giờ|час|ч|h))\s*(?:phút|мин\.?|p(?!\w)|m(?!\w))?)?(?!\w)
          |(?=\s*(?:{_SUFFIX})(?!\w))
        )\s*(?P<suffix>(?:{_SUFFIX})(?!\w))?(?:正|整)?)
  | (?P<dotted>(?<![\d.:/])(?P<da>\d{{1,2}})(?P<ds>[./])(?P<db>\d{{1,2}})(?![\d:./]))
  | (?P<weekday>[(\[]?\s*(?:(?:星期|周|礼拜)\s*(?P<wz>[一二三四五六日天])
        |(?<!\w)(?P<wr>понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье
            |пн|вт|ср|чт|пт|сб|вс)(?!\w)\.?
        |(?<!\w)(?P<we>mon|tue|wed|thu|fri|sat|sun)(?:day|s|sday|nesday|rs|rsday|urday)?(?!\w)\.?
        |(?<!\w)(?:thứ\s*(?P<wv>hai|ba|tư|năm|sáu|bảy|[2-7])(?!\w)|(?P<wvs>chủ\s*nhật))
        )\s*(?P<wto>(?:至|-|到)\s*(?:星期|周|礼拜)?[一二三四五六日天](?!\d))?[)\]]?)
  | (?P<recurring>每周|每月|每逢|每隔|连续|逢|隔日|单日|双日|工作日|双休日|еженедельно|weekly|hàng\s+tuần)
  | (?P<daily>每天|每日|每(?=早|晚|夜)|逐日|天天|(?:every|each)\s+day|daily|ежедневно|hàng\s+ngày|mỗi\s+ngày)
  | (?P<next>次日|翌日|第二天|隔天|(?:the\s+)?(?:next|following)\s+day|следующего\s+дня|hôm\s+sau)
  | (?P<same>当日|当天|同日|same\s+day)
  | (?P<instead>(?:现)?(?:停电时间)?(?:更改|变更|调整|改期|改|推迟|延期|提前)(?:为|至|到|如下))
  | (?P<actually>实际停电|实际|actually|actual)
  | (?P<never>原定|原计划|原停电|待定|另行通知|未定|暂停|取消|作废|不停电|tbd|cancell?ed|отмен[а-я]*|hủy)
  | (?P<except>除外|不含|不包括|除|转供|倒供|转电|其余)
  | (?P<perhaps>如遇|顺延|天气|视情况|暂定|左右|大约|预计|约|提前)
  | (?P<daypart>上午|下午|凌晨|中午|正午|午后|傍晚|早上|早晨|清晨|晚上|晚间|夜间|夜里|深夜|半夜
        |(?<!\w)(?:{_SUFFIX})(?!\w))
  | (?P<range>起?\s*(?:-+|至|到|→)\s*(?:截止|止)?
        |(?<!\w)(?:до|по|đến|to|until|till|through|thru)(?!\w))
  | (?P<sep>[、,;\n\r/|&]|(?<!\w)(?:и|và|and)(?!\w)|与|和|及)
  | (?P<open>[(\[])
  | (?P<close>[)\]])
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[^\W\d_\u3400-\u9fff]+|\S)
    """,
    re.VERBOSE,
)

_DASHES = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−－﹣⁃ーㄧ~～〜∼˜", "-"),
        **dict.fromkeys("∶﹕︰︓", ":"),
        "：": ":",
        "點": "点",
        "時": "时",
        "號": "号",
        "週": "周",
        "禮": "礼",
        "後": "后",
        "實": "实",
        "際": "际",
        "間": "间",
        "當": "当",
        "從": "从",
        "個": "个",
        "鐘": "钟",
        "（": "(",
        "）": ")",
        "【": "(",
        "】": ")",
        "〔": "(",
        "〕": ")",
        "［": "[",
        "］": "]",
        "\u200b": "",
        "\ufeff": "",
        "。": ";",
        "．": ".",
        "·": ".",
    }
)
_CIRCLED = re.compile(r"[①-⑳⑴-⒇㈠-㈩]")
_BRACKETED_NUMBER = re.compile(r"\[\s*(\d{1,4})\s*\](?=\s*[年月日号点时])")
_HAN_NUMBER = re.compile(r"[〇零一二三四五六七八九十廿卅]+(?=\s*(?:[年月日号点时分](?![周辰])))")
_ZERO = re.compile(r"(?<=\d)〇|〇(?=\d)")
_LUNAR = re.compile(r"\(?农历[^\s)\d]{2,8}\)?")
_DOTTED_TWELVE = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})\s*(?=[ap]\.?m)")
#: 8:00停电，17:00送电.
_OFF_AND_ON = re.compile(
    r"(?<=[\d点时分半])\s*停电?\s*[,、;]?\s*(?=[^,、;\n]{0,12}?\d{1,2}\s*[:点时][\d分半整]{0,4}\s*(?:送电|复电|恢复|送))"
)
_BARE_HOURS = re.compile(r"(?<![\d:.月])(\d{1,2})\s*(?:-+|至|到)\s*(?=\d{1,2}\s*[点时](?!间))")
_RU_DASH_TIME = re.compile(r"(?<!\w)(с|до)\s*(\d{1,2})[-.](\d{2})(?!\d)")
_EN_DAYS = re.compile(
    rf"({_EN_MONTH})\.?\s+(\d{{1,2}})\s*-\s*(\d{{1,2}})(?![\d:])((?:,?\s*\d{{4}})?)(?![\d:])"
)
_DAYS_MONTH = re.compile(
    rf"(?<![\d.:])(\d{{1,2}})\s*-\s*(\d{{1,2}})\s+((?:{_EN_MONTH}|{_RU_MONTH})(?!\w)\.?(?:\s*,?\s*\d{{4}})?)(?![\d:])"
)
_ORDINAL = re.compile(
    r"(?:(?<=^)|(?<=[\n;。]))\s*\(?\d{1,2}\s*[)、](?=\s*\d{1,4}\s*[年月:点时./-])"
)
_DAY_GROUP = re.compile(
    r"(?<![\d月:])(\d{1,2})(?=(?:\s*[、,和及-]\s*\d{1,2}){0,8}\s*[、,和及-]\s*\d{1,2}\s*[日号](?![杆楼栋]))"
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text; ``is_restored`` tells that an editor's [3] stood for a lost figure."""

    items: tuple[Token, ...]
    is_restored: bool = False


# The files of a bureau repeat a few dates and hours over thousands of rows.
@functools.lru_cache(maxsize=16_384)
def tokenize(text: str) -> Tokens:
    """Cut a text; every character ends up in some token or is a blank."""
    plain = normalise(text)
    restored = _BRACKETED_NUMBER.sub(r"\1", plain)
    return Tokens(tuple(map(_token, _TOKEN.finditer(restored))), restored != plain)


def normalise(text: str) -> str:
    """One sign for each dash, colon, bracket, digit and day word; Chinese numerals as digits."""
    text = _CIRCLED.sub(";", text)
    text = unicodedata.normalize("NFKC", text.translate(_DASHES)).translate(_DASHES).lower()
    text = _ORDINAL.sub(" ", _LUNAR.sub(" ", text))
    text = _OFF_AND_ON.sub("至", _DOTTED_TWELVE.sub(r"\1:\2 ", text))
    text = _ZERO.sub("0", text)
    text = _HAN_NUMBER.sub(lambda match: str(_han_number(match[0])), text)
    text = _BARE_HOURS.sub(r"\1时-", text)
    text = _RU_DASH_TIME.sub(r"\1 \2:\3", text)
    text = _EN_DAYS.sub(r"\1 \2\4 - \1 \3\4", text)
    text = _DAYS_MONTH.sub(r"\1 \3 - \2 \3", text)
    return _DAY_GROUP.sub(r"\1日", text)


def _han_number(text: str) -> int:
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "十" in text:
        tens, _, ones = text.partition("十")
        return int(_DIGITS.get(tens[-1:], 1) if tens else 1) * 10 + int(_DIGITS.get(ones[:1], 0))
    return int("".join(str(_DIGITS[char]) for char in text))


_SIMPLE = {
    "lost": Kind.LOST,
    "unclear": Kind.UNCLEAR,
    "allday": Kind.ALL_DAY,
    "daily": Kind.DAILY,
    "next": Kind.NEXT_DAY,
    "same": Kind.SAME_DAY,
    "actually": Kind.ACTUALLY,
    "instead": Kind.INSTEAD,
    "never": Kind.NEVER,
    "except": Kind.EXCEPT,
    "perhaps": Kind.PERHAPS,
    "recurring": Kind.RECURRING,
    "range": Kind.RANGE,
    "sep": Kind.SEPARATOR,
    "open": Kind.OPEN,
    "close": Kind.CLOSE,
    "word": Kind.WORD,
}


def _token(match: "re.Match[str]") -> Token:
    group = match.lastgroup or "word"
    text = match[0].strip()
    kind = _SIMPLE.get(group)
    return Token(kind, text) if kind is not None else _READERS[group](match, text)


def _date(year: str | None, month: str | None, day: str | None, text: str) -> Token:
    return Token(
        Kind.DATE,
        text,
        year=int(year) if year else None,
        month=int(month) if month else None,
        day=int(day) if day else None,
    )


def _read_named(day: str, month: str, year: str | None, text: str) -> Token:
    table = _EN_MONTHS if month[0].isascii() else _RU_MONTHS
    number = 1 + next(index for index, stem in enumerate(table) if re.match(stem, month))
    return _date(year, str(number), day, text)


def _read_relative(match: "re.Match[str]", text: str) -> Token:
    if match["relday"]:
        return Token(Kind.RELATIVE, text, value=("今", "明", "后").index(text[0]))
    return Token(Kind.RELATIVE, text, day=int(match["reld"]), step=match["relm"][0] in "下次")


def _read_time(match: "re.Match[str]", text: str) -> Token:
    minute = match["tm"] or match["cm"] or match["vmm"] or "0"
    if match["half"]:
        minute = "30"
    elif match["quarter"]:
        minute = str(15 * int(match["quarter"]))
    shift = match["shift"] or ""
    part = _PART_BY_WORD.get((match["suffix"] or match["part"] or "").strip(), "")
    if shift in ("次晨", "当晚") and not part:
        part = "forenoon" if shift == "次晨" else "night"
    step = 0 if not shift else -1 if shift[0] in "当同" else 1
    hour = int(match["th"])
    second = int(match["ts"] or match["cs"] or 0)
    value = hour * 3600 + int(minute) * 60 + second
    if value > 86_400 or int(minute) > 59 or second > 59:
        return Token(Kind.BAD, text)
    return Token(Kind.TIME, text, value=value, part=part, step=step)


def _read_weekday(match: "re.Match[str]", text: str) -> Token:
    if match["wto"]:
        return Token(Kind.RECURRING, text)
    if match["wvs"]:
        return Token(Kind.WEEKDAY, text, value=6)
    word = match["wz"] or match["wr"] or match["we"] or match["wv"]
    return Token(Kind.WEEKDAY, text, value=_WEEKDAYS[word])


def _read_hours(match: "re.Match[str]", text: str) -> Token:
    unit = match["hu"]
    amount = float(match["hn"])
    if unit == "天":
        return Token(Kind.DAYS, text, value=int(amount))
    minutes = amount if "分" in unit or unit[:3] in ("min", "мин") else amount * 60
    is_total = bool(match["htotal"]) and not unit.startswith("秒")
    if unit.startswith("秒"):
        minutes = 0
    return Token(Kind.HOURS, text, value=round(minutes) if is_total else 0, step=round(minutes))


def _read_slashed(match: "re.Match[str]", text: str) -> Token:
    return Token(
        Kind.SLASHED,
        text,
        value=int(match["sa"]),
        step=int(match["sb"]),
        year=int(match["sy"]),
        part="." if match["sv"] else match["ss"],
    )


_READERS: dict[str, Callable[["re.Match[str]", str], Token]] = {
    "ymd": lambda match, text: _date(match["y"], match["m"], match["d"], text),
    "compact": lambda match, text: _date(text[:4], text[4:6], text[6:8], text),
    "month": lambda match, text: _date(match["ymy"], match["ymm"], None, text),
    "slashed": _read_slashed,
    "mdy": lambda match, text: _read_named(match["ed"], match["em"], match["ey"], text),
    "dmy": lambda match, text: _read_named(match["fd"], match["fm"], match["fy"], text),
    "vietnamese": lambda match, text: _date(match["vy"], match["vm"], match["vd"], text),
    "md": lambda match, text: _date(None, match["mm"], match["md_d"], text),
    "reldate": _read_relative,
    "relday": _read_relative,
    "day": lambda match, text: _date(None, None, match["dd"], text),
    "hours": _read_hours,
    "time": _read_time,
    "dotted": lambda match, text: Token(
        Kind.DOTTED, text, value=int(match["da"]), step=int(match["db"]), part=match["ds"]
    ),
    "weekday": _read_weekday,
    "daypart": lambda match, text: Token(Kind.DAY_PART, text, part=_PART_BY_WORD[text]),
    "number": lambda match, text: Token(Kind.NUMBER, text, value=int(float(text))),
}
