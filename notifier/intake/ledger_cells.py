"""What single cells of a ledger mean: accounts, phones, grades, needs. Pure, and strict about doubt.

A reader answers the value and, where the cell says something else than it may, the code of the
finding. Nothing here is personal once it leaves: ``mask`` is for what findings quote.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from notifier.domain.customer import Criticality, Need, Reach
from notifier.domain.finding import Severity

#: Words that bureaus write into a cell to say that there is nothing to write.
NOTHING = frozenset(
    [
        "", "-", "--", "---", "—", "——", "/", "\\", "无", "無", "没有", "空", "null", "none", "nil",
        "n/a", "na", "#n/a", "nan", "未知", "不详", "暂无", "待补充", "待核实", ".", "*", "?", "？", "0.0",
    ]
)  # fmt: skip
_YES = frozenset(["是", "有", "y", "yes", "1", "true", "√", "✓", "是的"])
_NO = NOTHING | {"否", "非", "n", "no", "0", "false", "×", "x", "不是", "没", "一般", "普通"}

_ACCOUNT = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_.:\-/]{0,62}[0-9A-Za-z])?")
_EXPONENT = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_INTEGRAL = re.compile(r"(\d+)\.0+")


class Reading(NamedTuple):
    """A value and, when the cell is in doubt, the finding's code, severity and what was expected."""

    value: object
    code: str = ""
    severity: Severity = Severity.WARNING
    expected: str = ""


def clean(text: str) -> str:
    """NFKC without blanks around it and with single ones inside; nothing-words become blank."""
    folded = " ".join(unicodedata.normalize("NFKC", text).split()).strip("\ufeff\u200b'`")
    return "" if folded.lower() in NOTHING else folded


def mask(text: str) -> str:
    """Personal text as a finding may quote it: 138******01, 1**4; its length stays."""
    text = text.strip()
    if len(text) >= 8:
        return f"{text[:3]}{'*' * (len(text) - 5)}{text[-2:]}"
    return f"{text[:1]}{'*' * max(len(text) - 2, 0)}{text[-1:] if len(text) > 1 else ''}"


def read_account(text: str) -> tuple[str, str]:
    """The account as the store keeps it, and the finding's code when it cannot be one."""
    folded = clean(text).replace(" ", "")
    if match := _INTEGRAL.fullmatch(folded):
        folded = match[1]
    if _EXPONENT.fullmatch(folded):
        return "", "account.precision_lost"
    if folded and not _ACCOUNT.fullmatch(folded):
        return "", "account.malformed"
    return folded, "" if folded else "account.missing"


# --- Phones -----------------------------------------------------------------------------------

#: The shape of mainland mobile numbers, which spares most cells the slow library.
MAINLAND = re.compile(r"1[3-9]\d{9}").fullmatch
_PREFIXED = re.compile(r"(?:\+?86|0086|0)?(1[3-9]\d{9})").fullmatch
_WITHIN = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_STRONG = re.compile(r"[/、,，;；|\n\r\t\\&]+|(?:或|和|及)")
_SOFT = re.compile(r"[\s\-()\.·]+")
_REACHABLE = frozenset(
    {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
)
_LANDLINES = frozenset(
    {phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.VOIP,
     phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.SHARED_COST,
     phonenumbers.PhoneNumberType.UAN}
)  # fmt: skip


def is_masked(text: str) -> bool:
    """Whether a cell shows a phone or an identity as a correction sheet does, 138****0001."""
    return "***" in text


def read_phones(
    cell: str, region: str = "CN"
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The E.164 numbers of a cell that take an SMS, each once, and what else it holds: (code, text).

    Codes: ``phone.landline``, ``phone.invalid``, ``phone.precision_lost``. ``text`` is not masked.
    """
    text = clean(cell)
    if not text:
        return (), ()
    if MAINLAND(text):
        return (f"+86{text}",), ()
    found: dict[str, None] = {}
    doubts: list[tuple[str, str]] = []
    for part in _STRONG.split(text):
        if not part.strip():
            continue
        number, code = _read_phone(part, region)
        if number:
            found[number] = None
            continue
        pieces = part.split()
        if len(pieces) > 1:
            readings = [(piece, *_read_phone(piece, region)) for piece in pieces]
            # A name beside a number is no doubt; a second number that is wrong is one.
            if any(number for _, number, _ in readings):
                for piece, number, code in readings:
                    if number:
                        found[number] = None
                    elif any(char.isdigit() for char in piece):
                        doubts.append((code, piece))
                continue
        doubts.append((code, part.strip()))
    return tuple(found), tuple(doubts)


@lru_cache(maxsize=4096)
def _read_phone(part: str, region: str) -> tuple[str, str]:
    bare = _SOFT.sub("", part)
    if match := _INTEGRAL.fullmatch(part.strip()):
        bare = match[1]
    match = _PREFIXED(bare)
    if match and (region == "CN" or bare.startswith(("+86", "0086"))):
        return f"+86{match[1]}", ""
    if _EXPONENT.fullmatch(part.strip()):
        return "", "phone.precision_lost"
    if region == "CN" and len(inside := _WITHIN.findall(bare)) == 1 and not _digits_around(bare):
        return f"+86{inside[0]}", ""
    try:
        number = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        return "", "phone.invalid"
    if not phonenumbers.is_valid_number(number):
        return "", "phone.invalid"
    kind = phonenumbers.number_type(number)
    if kind in _REACHABLE:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), ""
    return "", "phone.landline" if kind in _LANDLINES else "phone.invalid"


def _digits_around(bare: str) -> bool:
    """Whether digits beside the one mobile number cast doubt on it."""
    return any(char.isdigit() for char in _WITHIN.sub("", bare))


# --- What depends on the supply ----------------------------------------------------------------

_GRADES = (
    (re.compile(r"特级|特"), Criticality.CRITICAL_SPECIAL),
    (re.compile(r"临时"), Criticality.CRITICAL_TEMPORARY),
    (re.compile(r"一级|1级|^(?:一|i|Ⅰ|grade1|1级?)$"), Criticality.CRITICAL_1),
    (re.compile(r"二级|2级|^(?:二|ii|Ⅱ|grade2|2)$"), Criticality.CRITICAL_2),
)
_NEEDS = (
    (re.compile(r"电梯|lift|elevator"), Need.LIFT),
    (re.compile(r"泵|供水|二次加压|pump"), Need.PUMP),
    (re.compile(r"孵化|育雏|hatch"), Need.HATCHERY),
    (re.compile(r"机房|数据中心|服务器|通信基站|data"), Need.DATA_CENTRE),
    (re.compile(r"医|透析|手术|呼吸机|制氧|medical|hospital"), Need.MEDICAL),
    (re.compile(r"冷库|冷藏|冷链|cold"), Need.COLD_STORE),
    (re.compile(r"设备|机床|生产线|纺织|注塑|玻璃|炉|精密|machine"), Need.MACHINE),
)
_UNGRADED = "特级、一级、二级或临时 / special, 1, 2 or temporary"


def read_grade(text: str) -> Reading:
    """The grade of a 重要用户. A yes without a grade counts as grade 2, and somebody should look."""
    word = clean(text).lower()
    if word in _NO or word.startswith(("非重要", "不重要", "一般", "普通")):
        return Reading(Criticality.ORDINARY)
    if word.isdigit() and word not in ("1", "2"):
        return Reading(Criticality.ORDINARY, "critical.unknown", expected=_UNGRADED)
    for pattern, grade in _GRADES:
        # A bare 1 may be a grade or a yes: the finding says so.
        if word != "1" and pattern.search(word):
            return Reading(grade)
    if word in _YES or word.startswith("重要"):
        return Reading(Criticality.CRITICAL_2, "critical.grade_missing", expected=_UNGRADED)
    return Reading(Criticality.CRITICAL_2, "critical.unknown", expected=_UNGRADED)


def read_need(text: str) -> tuple[bool, Need, str]:
    """Whether the customer is sensitive, what suffers, and a finding's code for an unknown kind."""
    word = clean(text).lower()
    if word in _NO or word.startswith(("非敏感", "不敏感")):
        return False, Need.NONE, ""
    places = [(match.start(), need) for pattern, need in _NEEDS if (match := pattern.search(word))]
    if places:
        return True, min(places)[1], ""
    return True, Need.NONE, "" if word in _YES or word.startswith("敏感") else "sensitive.unknown"


def read_yes(text: str) -> bool | None:
    """Yes, no, or None when the cell says neither."""
    word = clean(text).lower()
    if word in _YES:
        return True
    return False if word in _NO else None


def read_standby(text: str) -> bool | None:
    """Whether there is a second supply; None when the cell does not say."""
    word = clean(text).lower()
    if word in ("双", "双电源", "双回路", "双电源用户", "多电源", "多", "2", "3"):
        return True
    if word in ("单", "单电源", "单回路", "1"):
        # 电源数 1 means a single supply; 双电源 = 1 is written by nobody.
        return False
    return read_yes(text)


_MEDIA_WORDS = (
    (re.compile(r"短信|sms"), Reach.SMS),
    (re.compile(r"微信|wechat"), Reach.WECHAT),
    (re.compile(r"推送|app|push"), Reach.PUSH),
    (re.compile(r"语音|电话|voice"), Reach.VOICE),
    (re.compile(r"邮件|mail"), Reach.EMAIL),
)
#: Everything but the poster on the door, which nobody can decline for all.
EVERY_MEDIUM = Reach.SMS | Reach.WECHAT | Reach.PUSH | Reach.VOICE | Reach.EMAIL


def read_opt_out(text: str) -> Reach | None:
    """The media somebody declined; None when the cell says something else."""
    word = clean(text).lower()
    if word in _NO:
        return Reach.NONE
    media = Reach.NONE
    for pattern, reach in _MEDIA_WORDS:
        if pattern.search(word):
            media |= reach
    if media:
        return media
    if word in _YES or word.startswith(("退订", "拒收", "全部", "已退订", "all", "stop", "td")):
        return EVERY_MEDIUM
    return None


_LOCALES = {"": "zh", "zh": "zh", "中文": "zh", "汉语": "zh", "chinese": "zh", "cn": "zh"} | {
    "zh-cn": "zh", "zh_cn": "zh", "en": "en", "英文": "en", "英语": "en", "english": "en",
    "en-us": "en", "en-gb": "en",
}  # fmt: skip


def read_locale(text: str) -> str | None:
    """zh or en; None for a language in which nothing is written."""
    return _LOCALES.get(clean(text).lower())


_FLOORS = re.compile(r"(\d{1,3})(?:\.0)?(?:层|f|楼|floors?)?")


def read_floors(text: str) -> int | None:
    """Floors above ground, 0 when blank, None when it is no such number."""
    word = clean(text).lower().replace(" ", "")
    if not word:
        return 0
    match = _FLOORS.fullmatch(word)
    return int(match[1]) if match and int(match[1]) <= 200 else None


OPENID = re.compile(r"[A-Za-z0-9_\-]{6,64}").fullmatch
PUSH_TOKEN = re.compile(r"[\x21-\x7e]{6,512}").fullmatch
