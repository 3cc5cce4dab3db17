"""How many parts a text message is billed as, and how long it is on the wire.

A text of GSM 03.38 characters alone has 160 septets in one message, 153 in each part of a longer
one; any other text has 70 and 67 UTF-16 units. Parts never split a surrogate pair or an escaped
character, so a part may hold one unit less.
"""

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")

_GSM_ALONE, _GSM_PART = 160, 153
_UCS2_ALONE, _UCS2_PART = 70, 67


def sms_parts(text: str, signature: str = "") -> int:
    """The parts an operator bills for ``text`` under ``signature`` (without its brackets).

    The signature is put in front as 【signature】 and counts; an empty one adds nothing.
    An empty message is one part.
    """
    whole = signed(text, signature)
    if is_gsm(whole):
        costs = [2 if char in _GSM_EXTENDED else 1 for char in whole]
        return _parts(costs, _GSM_ALONE, _GSM_PART)
    if whole.isascii() or max(whole) <= "\uffff":
        # Without surrogate pairs every character costs one unit: nothing can be split.
        return 1 if len(whole) <= _UCS2_ALONE else -(-len(whole) // _UCS2_PART)
    costs = [2 if char > "\uffff" else 1 for char in whole]
    return _parts(costs, _UCS2_ALONE, _UCS2_PART)


def utf16_units(text: str) -> int:
    """The length providers count: a character outside the basic plane, an emoji, counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_gsm(text: str) -> bool:
    """Whether the text can be sent in the GSM alphabet, which more than doubles a part."""
    return all(char in _GSM_BASIC or char in _GSM_EXTENDED for char in text)


def signed(text: str, signature: str) -> str:
    """The text as it arrives on the phone: the gateway puts 【signature】 in front."""
    return f"【{signature}】{text}" if signature else text


def _parts(costs: list[int], alone: int, part: int) -> int:
    if sum(costs) <= alone:
        return 1
    parts, used = 1, 0
    for cost in costs:
        if used + cost > part:
            parts, used = parts + 1, 0
        used += cost
    return parts
