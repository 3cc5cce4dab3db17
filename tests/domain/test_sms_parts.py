"""How many parts a text message is billed as."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import sms_parts

MESSAGES = Path(__file__).parents[2] / ".." / "shared" / "data" / "messages" / "messages.json"

chinese = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1)
mixed = st.text(alphabet=st.sampled_from("停电a1€[😀，"), max_size=400)
plain = st.text(alphabet=st.sampled_from("abc XYZ 019.,-"), min_size=1, max_size=500)


@pytest.mark.parametrize(
    ("length", "parts"), [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
)
def test_chinese_has_70_units_alone_and_67_in_each_part(length: int, parts: int) -> None:
    """The boundaries operators bill by."""
    assert sms_parts.sms_parts("电" * length) == parts


@pytest.mark.parametrize(
    ("length", "parts"), [(0, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)]
)
def test_gsm_text_has_160_septets_alone_and_153_in_each_part(length: int, parts: int) -> None:
    """Text of the GSM alphabet alone is billed by septets."""
    assert sms_parts.sms_parts("a" * length) == parts


def test_extension_characters_cost_two_septets() -> None:
    """€ and brackets are escaped: 80 of them fill a message, the 81st opens another."""
    assert sms_parts.sms_parts("€" * 80) == 1
    assert sms_parts.sms_parts("€" * 81) == 2


def test_an_escaped_character_is_not_split_between_parts() -> None:
    """152 septets and an escape leave one septet of the first part empty."""
    text = "a" * 152 + "€" + "a" * 152

    assert len(text) + 1 == 306
    assert sms_parts.sms_parts(text) == 3


def test_an_emoji_is_not_split_between_parts() -> None:
    """A surrogate pair that would straddle two parts moves to the second."""
    assert sms_parts.sms_parts("电" * 66 + "😀" + "电" * 66) == 3
    assert sms_parts.sms_parts("电" * 65 + "😀" + "电" * 67) == 2


def test_one_character_outside_the_alphabet_makes_the_whole_text_ucs2() -> None:
    """An en dash in an English text more than doubles what it costs."""
    assert sms_parts.sms_parts("a" * 150) == 1
    assert sms_parts.sms_parts("a" * 149 + "–") == 3


def test_the_signature_counts_with_its_brackets() -> None:
    """A text that fills one part alone needs two once 【…】 stands in front."""
    assert sms_parts.sms_parts("电" * 70) == 1
    assert sms_parts.sms_parts("电" * 66, "供电") == 1
    assert sms_parts.sms_parts("电" * 67, "供电") == 2
    assert sms_parts.sms_parts("a" * 100, "City") == 2, (
        "Chinese brackets are not in the GSM alphabet"
    )


@given(mixed)
def test_units_are_those_of_utf_16(text: str) -> None:
    """Characters outside the basic plane count twice, all others once."""
    assert sms_parts.utf16_units(text) == len(text) + sum(char > "\uffff" for char in text)


@given(chinese, st.text(alphabet="供电局", max_size=8))
def test_a_signature_is_nothing_but_text_in_front(text: str, signature: str) -> None:
    """Counting with a signature is counting what arrives."""
    arrives = f"【{signature}】{text}" if signature else text

    assert sms_parts.sms_parts(text, signature) == sms_parts.sms_parts(arrives)


@given(mixed, mixed)
def test_more_text_never_costs_less_in_the_same_alphabet(text: str, more: str) -> None:
    """Appending to a Chinese text keeps or raises its price."""
    assert sms_parts.sms_parts("停" + text) <= sms_parts.sms_parts("停" + text + more)


@given(mixed)
def test_parts_hold_the_text_and_no_part_is_needless(text: str) -> None:
    """The parts have room for every unit, and one fewer would not (but for unsplittable pairs)."""
    text = "停" + text
    units, parts = sms_parts.utf16_units(text), sms_parts.sms_parts(text)

    if parts == 1:
        assert units <= 70
    else:
        assert units <= 67 * parts
        assert units > 66 * (parts - 1)


@given(plain)
def test_gsm_is_never_dearer_than_ucs2(text: str) -> None:
    """The same letters cost at most as much without a Chinese full stop behind them."""
    assert sms_parts.sms_parts(text) <= sms_parts.sms_parts(text + "。")


@pytest.mark.skipif(
    not MESSAGES.exists(), reason="../shared/data/messages is not beside the checkout"
)
def test_real_messages_are_counted_as_by_others() -> None:
    """Units and segments of published outage messages, as counted independently."""
    messages = [m for m in json.loads(MESSAGES.read_text("utf-8")) if "text" in m]

    assert len(messages) > 20
    for message in messages:
        assert sms_parts.utf16_units(message["text"]) == message["utf16_units"], message["id"]
        assert sms_parts.sms_parts(message["text"]) == message["segments"], message["id"]
