"""Feeders, transformer areas and sections out of the cells in which a plan names them.

A cell may hold several assets, and a name may carry its substation: 临河西郊110KV变9211花城Ⅰ回 is
the feeder 9211花城Ⅰ回 of 临河西郊110KV变. What hangs below a switch or on a branch is a section: the
ledger knows feeders and areas only, so it is named whole and ``feeder_of`` tells its feeder.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from notifier.domain import names
from notifier.domain.plan import Equipment, EquipmentKind

_KV = r"\d+(?:\.\d+)?\s*(?:[kK][vV]|[кк]В|千伏)"
_JOINTS = re.compile(r"[、，；;\n\r]+|(?<!\d),|,(?!\d)")
_SLASH = re.compile(
    r"(?<=[^\d#＃kKvVⅠ-Ⅻ\s])\s*[/／]\s*(?=\S)|[/／](?=\s*(?:10|20|35|110|6)\s*[kK][vV])"
)
_AND = re.compile(
    r"(?<=[线回路变区站所])\s*[和及与]\s*(?=\S{2,}?(?:线|线路|[Ⅰ-Ⅻ\d]回|变|公变|专变|台区|开关站|开闭所|变压器)(?:$|[和及与]))"
)
#: 科山线 化机线: two whole names with nothing but a blank between them.
_BLANK = re.compile(
    rf"(?:(?<=[^支\s]线)|(?<=线路)|(?<=台区)|(?<=公变)|(?<=专变))[ \t\u3000]+"
    rf"(?=(?:{_KV})?[\u3400-\u9fff][^\s、,，;；]*(?<![支分])(?:线|线路|台区|公变|专变)(?:$|[\s、,，;；]))"
)
_ORDINAL = re.compile(r"(?m)^\s*(?:[(（]?\d{1,2}[)）、.．]|[①-⑳])\s*(?=[^\d\s、,，#＃号])")
_AND_OTHERS = re.compile(r"(?:等(?:线路|台区|公变)?|\s+и\s+др\.?|\s+(?:etc|v\.v)\.?)\s*[。.]?$")
_WHOLE_LINE = re.compile(r"(?<=[线路回])(?:全线)?(?:计划)?(?:停电|检修|停运)?$")
_RUSSIAN_LIST = re.compile(
    r"^(?P<stem>ТП\s*-?\s*)(?P<counts>\d+[А-Яа-я]?(?:\s*,\s*\d+[А-Яа-я]?)+)$"
)
_RUSSIAN_FEEDERS = re.compile(r"^(?:ВЛ|КЛ)-\d+\s*кВ\s+ф\.\s*(?P<names>[\w-]+(?:\s*,\s*[\w-]+)*)$")
_BRACKETS = re.compile(r"[(（]\s*(?P<inner>[^()（）]*)[)）]")
#: One name without anything that could join, number or explain it.
_SINGLE = re.compile(
    r"(?!\d{1,2}[.])[0-9A-Za-z\u3400-\u9fff]*(?<!等)(?<!等线路)(?<!等台区)(?<!等公变)"
)
_MAY_JOIN = re.compile(r"[和及与]")
_OLD_NAME = re.compile(r"^(?:原名?|曾用名|旧名)[:：]?")

_STATION_VOLTAGE = re.compile(
    rf"^(?P<station>(?:{_KV}\s*)?[^\s\d].*?(?:{_KV}\s*变(?:电站|电所)?|变电站|变电所|配电所|开闭所|开关站"
    rf"|[\u3400-\u9fff]变(?=\s|{_KV})))\s*(?P<rest>\S.*)$"
)
_STATION_SHORT = re.compile(
    rf"^(?P<station>(?:{_KV}\s*)?[\u3400-\u9fff]{{1,8}}站)(?:\s*(?P<rest>(?:{_KV}|\d{{3,4}}|[A-Z]\d{{2}})\s*\S.*)|\s+(?P<bare>\S.*))$"
)
_STATION_WHOLE = re.compile(
    r"^\S*(?:变电站|变电所|配电所|配电室|開閉所|开闭所|开关站|開關站|(?:[kK][vV]|千伏)变)$"
)
_AREA = re.compile(
    r"(?:公用变压器|专用变压器|配电变压器|变压器|台区|公变|专变|配变|变台|箱变|柱上变|变)$"
)
_FEEDER = re.compile(r"(?:线|线路|馈线|专线|回|回路|线[ⅠⅡⅢⅣ])$")
_SECTION_WORDS = re.compile(
    r"支线|分支|支路|分线|以下|以后|之后|后段|前段|以上|段$|号杆|#杆|杆塔|开关|刀闸|跌落|T接|T搭|分接|环网柜|至"
)
_SECTION = re.compile(
    rf"^(?P<feeder>(?:{_KV}\s*)?\S*?(?:线路|线(?![上下杆])|[Ⅰ-Ⅻ一二三四甲乙]回))(?P<section>\S.*)$"
)
_RUSSIAN_AREA = re.compile(r"(?<!\w)(?P<area>[КБ]?ТП[А-Я]?\s*-?\s*\d+[А-Яа-я]?)(?!\w)")
_RUSSIAN_LINE = re.compile(r"(?<!\w)(?:ВЛ|КЛ|ВЛИ|КВЛ)(?!\w)")
_RUSSIAN_PART = re.compile(r"(?<!\w)(?:вых\.?|к\.я\.|яч\.|с\d|гр\.)", re.IGNORECASE)
_VIETNAMESE = re.compile(
    r"^(?P<area>(?:Trạm|TBA)\s.+?)\s+trụ\s.*?tuyến\s+(?P<feeder>[0-9A-ZĐ]+)\s*\.?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEquipment:
    """Assets read from a cell, each with the words it was read from; ``old_names`` stood in
    brackets beside new ones, ``completed`` names took their stem or their end from a neighbour
    (1、2号公变), and ``is_open`` lists end in 等, so more is meant than they name."""

    equipment: tuple[Equipment, ...] = ()
    texts: tuple[str, ...] = ()
    old_names: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    is_open: bool = False


@functools.lru_cache(maxsize=16_384)
def read_equipment(text: str, expected: EquipmentKind, station: str = "") -> NamedEquipment:
    """The assets that a cell names. ``expected`` is what its column holds, UNKNOWN where the column
    says only "equipment"; ``station`` is the station's own column. Each asset comes once."""
    if _SINGLE.fullmatch(text) and not _MAY_JOIN.search(text):
        item = _read_one(text, expected, station)
        return NamedEquipment(equipment=(item,) if item else (), texts=(text,) if item else ())
    found: dict[tuple[str, str], tuple[Equipment, str]] = {}
    old_names: list[str] = []
    text, others = _AND_OTHERS.subn("", text.strip())
    parts, completed = split_names(text)
    for part in parts:
        bare, old = _without_old_name(part)
        old_names.extend(old)
        item = _read_one(bare, expected, station)
        if item is None:
            continue
        if item.station:
            # 新桥变电站 新林一专线、新林三专线: the station goes for the lines after it.
            station = item.station
        found.setdefault((names.fold(item.name), names.fold(item.station)), (item, part))
    return NamedEquipment(
        equipment=tuple(item for item, _ in found.values()),
        texts=tuple(part for _, part in found.values()),
        old_names=tuple(old_names),
        completed=tuple(completed),
        is_open=others > 0,
    )


def split_names(text: str) -> tuple[list[str], list[str]]:
    """The single names of a cell, and those completed from the name before them."""
    if _VIETNAMESE.match(text.strip()):
        return [text.strip()], []
    pieces: list[str] = []
    for joint in _split_russian(_ORDINAL.sub("", text)):
        for slashed in _SLASH.split(joint) if not _RUSSIAN_LINE.search(joint) else [joint]:
            for piece in (part for joint in _AND.split(slashed) for part in _by_blanks(joint)):
                name = piece.strip(" \t\u3000。.:：")
                if name:
                    pieces.append(name)
    return _complete(pieces)


def _by_blanks(text: str) -> list[str]:
    """人民线 中心台区 stays one name, an area of that line; lines beside lines and areas beside areas
    are several."""
    parts = _BLANK.split(text)
    areas = [_AREA_ONLY.search(part) is not None for part in parts]
    return parts if all(areas) or not any(areas) else [text]


def _split_russian(text: str) -> Iterator[str]:
    """ТП-3678,3679 is two transformers; a plus joins what a semicolon would."""
    for joint in _JOINTS.split(text) if "кВ" not in text else re.split(r"[;；\n\r]+", text):
        for piece in re.split(r"\s\+\s", joint):
            listed = _RUSSIAN_LIST.match(piece.strip())
            feeders = _RUSSIAN_FEEDERS.match(piece.strip())
            if listed:
                stem = listed["stem"].strip()
                yield from (f"{stem}{count.strip()}" for count in listed["counts"].split(","))
            elif feeders:
                yield from (f"ф.{name.strip()}" for name in feeders["names"].split(","))
            else:
                yield piece


def is_certain(scope: str) -> bool:
    """Whether a scope, meant for people, is nothing but a transformer with its pole and line."""
    return _VIETNAMESE.match(scope.strip()) is not None


def feeder_of(section: str) -> str:
    """The feeder's name at the start of a section's: 10kV盈通564线 of 10kV盈通564线露茜化妆支线.
    Empty where none stands there."""
    match = _SECTION.match(section.replace(" ", ""))
    return match["feeder"] if match else ""


_OPEN_END = re.compile(r"^(?P<stem>.*?)(?P<count>\d{1,3}|[Ⅰ-Ⅻ]|[一二三四五六七八九十])$")
_COUNT_FIRST = re.compile(
    r"^(?P<count>\d{1,3}|[Ⅰ-Ⅻ]|[一二三四五六七八九十])(?P<rest>(?:[号#＃回线].*)?)$"
)


def _complete(pieces: list[str]) -> tuple[list[str], list[str]]:
    """城关1、2号公变 is 城关1号公变 and 城关2号公变; 花城Ⅰ、Ⅱ回 likewise."""
    done: list[str] = []
    completed: list[str] = []
    at = 0
    while at < len(pieces):
        begin = _OPEN_END.match(pieces[at])
        end = at + 1
        counts = []
        rest = ""
        while begin and begin["stem"] and end < len(pieces) and not rest:
            follow = _COUNT_FIRST.match(pieces[end])
            if follow is None:
                break
            counts.append(follow["count"])
            rest = follow["rest"]
            end += 1
        if begin and rest:
            group = [f"{begin['stem']}{count}{rest}" for count in (begin["count"], *counts)]
            done.extend(group)
            completed.extend(group)
            at = end
        else:
            done.append(pieces[at])
            at += 1
    return done, completed


def _without_old_name(part: str) -> tuple[str, list[str]]:
    old: list[str] = []

    def drop(match: "re.Match[str]") -> str:
        inner = match["inner"].strip()
        if _OLD_NAME.match(inner):
            old.append(_OLD_NAME.sub("", inner))
            return ""
        return match[0]

    return _BRACKETS.sub(drop, part).strip(), old


def _read_one(name: str, expected: EquipmentKind, station: str) -> Equipment | None:
    if not any(char.isalnum() for char in name):
        return None
    if name.isascii() or "\u3400" <= name[-1] <= "\u9fff":
        return _read_chinese(name, expected, station)
    if re.match(r"ф\.\S", name):
        return Equipment(name=name, kind=EquipmentKind.FEEDER)
    if _RUSSIAN_LINE.search(name) or _RUSSIAN_AREA.search(name):
        return _read_russian(name, expected)
    vietnamese = _VIETNAMESE.match(name)
    if vietnamese:
        return Equipment(name=vietnamese["area"], kind=EquipmentKind.AREA)
    return _read_chinese(name, expected, station)


def _read_chinese(name: str, expected: EquipmentKind, station: str) -> Equipment:
    if _STATION_WHOLE.match(name) and not _AREA_ONLY.search(name):
        return Equipment(name=name, kind=EquipmentKind.STATION)
    name = _WHOLE_LINE.sub("", name)
    rest = name
    match = _STATION_VOLTAGE.match(name) or _STATION_SHORT.match(name)
    if match and expected is not EquipmentKind.AREA:
        groups = match.groupdict()
        rest = groups["rest"] or groups.get("bare") or ""
        station = groups["station"].strip()
    return Equipment(name=rest.strip(), kind=_kind_of(rest.strip(), expected), station=station)


_AREA_ONLY = re.compile(r"(?:公变|专变|箱变|台区)$")


def _kind_of(name: str, expected: EquipmentKind) -> EquipmentKind:
    if expected is EquipmentKind.AREA or _AREA_ONLY.search(name):
        return EquipmentKind.AREA
    match = _SECTION.match(name.replace(" ", ""))
    if (match and _SECTION_WORDS.search(match["section"])) or re.search(r"(?:支线|分支)$", name):
        return EquipmentKind.SECTION
    if expected is EquipmentKind.FEEDER:
        is_section = re.search(r"(?:以下|以后|之后|后段|前段|杆|开关|刀闸|环网柜)$", name)
        return EquipmentKind.SECTION if is_section else EquipmentKind.FEEDER
    if expected is not EquipmentKind.UNKNOWN:
        return expected
    if _AREA.search(name):
        return EquipmentKind.AREA
    return EquipmentKind.FEEDER if _FEEDER.search(name) else EquipmentKind.UNKNOWN


def _read_russian(name: str, expected: EquipmentKind) -> Equipment:
    """ТП-1319 is an area; ВЛ-0,4кВ ТП-1319 вых. Юг one of its lines, so a section of it."""
    areas = _RUSSIAN_AREA.findall(name)
    if _RUSSIAN_LINE.search(name) or _RUSSIAN_PART.search(name) or len(areas) != 1:
        return Equipment(name=name, kind=EquipmentKind.SECTION)
    if re.fullmatch(rf"(?:РУ\S*\s+)?{re.escape(areas[0])}(?:\s+РУ\S*)?", name):
        return Equipment(name=areas[0], kind=EquipmentKind.AREA)
    return Equipment(name=name, kind=expected)


def joined(items: Iterable[Equipment]) -> str:
    """The names in one line, for findings."""
    return "、".join(f"{item.station}{item.name}" for item in items)
