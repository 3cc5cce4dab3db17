"""One key for all the ways in which people write a name, and never one key for two assets."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import names
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station

WORDS = st.text(alphabet="城关东西南北中花新桥临河甲乙ⅠⅡ0123456789AbC#-", min_size=1, max_size=8)


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize(
    "written",
    ["10kV中05线", "中05线", "10KV 中05", "１０千伏中05线路", "中０５线", "10 kV中05馈线", "中05"],
)
def test_the_ways_of_writing_a_feeder_share_a_key(written: str) -> None:
    """Voltage, kind words, blanks and width do not tell feeders apart."""
    assert names.feeder_key(written) == names.feeder_key("10kV中05线")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("花城Ⅰ回", "花城I回"),
        ("花城Ⅰ回", "花城Ⅱ回"),
        ("中05线", "中50线"),
        ("9211花城", "9212花城"),
        ("城东线", "城东二线"),
        ("10kV1线", "10kV2线"),
    ],
)
def test_what_tells_feeders_apart_stays_in_the_key(one: str, other: str) -> None:
    """Dispatch numbers and Roman numerals are the name."""
    assert names.feeder_key(one) != names.feeder_key(other)


@given(WORDS)
def test_folding_twice_is_folding_once(text: str) -> None:
    """A key may be folded again wherever it comes by."""
    assert names.fold(names.fold(text)) == names.fold(text)


@given(WORDS)
def test_width_case_and_blanks_do_not_matter(text: str) -> None:
    """A spreadsheet in full-width characters names the same assets."""
    spaced = " \u3000".join(text)

    assert names.fold(_wide(spaced).upper()) == names.fold(text)


@given(WORDS)
def test_a_roman_numeral_sign_is_never_a_letter(text: str) -> None:
    """NFKC would make Ⅰ an I, and 花城Ⅰ回 another line."""
    romans = [c for c in text if "ROMAN NUMERAL" in unicodedata.name(c, "")]

    kept = [c for c in names.fold(text) if "ROMAN NUMERAL" in unicodedata.name(c, "")]

    assert [c.lower() for c in romans] == kept


@given(WORDS)
def test_no_key_is_empty(text: str) -> None:
    """A name that is nothing but kind words keeps them; an empty key would match everything."""
    assert names.feeder_key(text)
    assert names.area_key(text)
    assert names.station_key(text)
    assert names.feeder_key("线") == "线"
    assert names.area_key("台区")


@given(WORDS)
def test_a_feeder_is_found_with_and_without_voltage_and_kind(text: str) -> None:
    """Whatever it is called."""
    bare = names.feeder_key(text)

    assert names.feeder_key(f"{bare}线") in (bare, names.feeder_key(bare), f"{bare}")
    assert names.feeder_key(f"10kV {bare}线路") == names.feeder_key(f"{bare}线路")


def test_two_feeders_with_one_key_are_both_found_and_none_is_picked() -> None:
    """中05线 and 10kV中05 of one station: whoever asks gets both and has to ask a person."""
    station = Station(id=1, name="城关变", key=names.station_key("城关变"))
    twins = [
        Feeder(id=n, name=name, key=names.feeder_key(name), station_id=1)
        for n, name in ((1, "中05线"), (2, "10kV中05馈线"))
    ]
    index = NetworkIndex.of([station], twins, [])

    assert {f.id for f in index.feeders_named("中05")} == {1, 2}
    assert {f.id for f in index.feeders_named("中05", "城关变")} == {1, 2}


def test_an_area_is_found_by_name_and_by_code_once() -> None:
    """A code that is also the name does not make it two."""
    area = Area(id=1, code="0815", name="0815", key=names.area_key("0815"))
    index = NetworkIndex.of([], [], [area])

    assert index.areas_named("0815") == [area]
