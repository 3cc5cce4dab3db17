"""Names of network assets: one key for all the ways in which a plan or a ledger writes the same one.

Plans write 10kV中05线, 中05线, 10KV 中05 or １０千伏中05线路 for one feeder.
The key keeps what tells assets apart (words, dispatch numbers) and drops what does not
(voltage, kind words, blanks, width of characters). Roman numerals keep their own sign: Ⅰ回 is not I.
"""

import re
import unicodedata

_VOLTAGE = re.compile(r"\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?\s*(?:kv|千伏)")
_FEEDER_KIND = re.compile(r"(?:专用线路|线路|馈线|专线|线|feeder)$")
_AREA_KIND = re.compile(
    r"(?:公用变压器|专用变压器|配电变压器|变压器|公用台区|专用台区|公变台区|专变台区|台区|公变|专变|配变|变台)$"
)
_STATION_KIND = re.compile(r"(?:变电站|变电所|配电所|开闭所|开关站|站|变|substation)$")
_ROMAN = frozenset(chr(code) for code in range(0x2160, 0x2180))
_ROMAN_SIGN = re.compile("([\u2160-\u217f])")


def fold(text: str) -> str:
    """NFKC, lower case, without blanks; Roman numeral signs stay as they are."""
    if not text.isascii():
        text = "".join(
            part if part in _ROMAN else unicodedata.normalize("NFKC", part)
            for part in _ROMAN_SIGN.split(text)
        )
    return "".join(text.lower().split())


def feeder_key(name: str) -> str:
    """The key of a feeder's name. A name that is nothing but kind words keeps them."""
    return _strip(name, _FEEDER_KIND)


def area_key(name: str) -> str:
    """The key of a transformer area's name."""
    return _strip(name, _AREA_KIND)


def station_key(name: str) -> str:
    """The key of a substation's name."""
    return _strip(name, _STATION_KIND)


def _strip(name: str, kind: re.Pattern[str]) -> str:
    folded = fold(name)
    bare = _VOLTAGE.sub("", folded)
    shorter = kind.sub("", bare)
    return shorter or bare or folded
