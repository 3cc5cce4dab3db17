"""Keys under which providers know messages and calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import keys

IDS = st.integers(min_value=0, max_value=10**18 - 1)


@given(IDS, st.integers(min_value=0, max_value=10**6))
def test_what_comes_back_under_a_key_is_found(number: int, part: int) -> None:
    """By batch and by message."""
    assert keys.message_id(keys.of_message(number, "a1b2"), "a1b2") == number
    assert keys.batch_id(keys.of_call(number, part, "a1b2"), "a1b2") == number


@pytest.mark.parametrize("key", ["", "x", "-", "1²-0-a1b2", "９-0-a1b2", "9" * 19, "7-0-other"])
def test_what_is_not_ours_is_nobody_s(key: str) -> None:
    """Nonsense, and the keys of another installation."""
    assert keys.batch_id(key, "a1b2") is None
    assert keys.message_id("7-other", "a1b2") is None


@given(
    st.integers(min_value=0, max_value=10**9),
    st.integers(min_value=1, max_value=300),
    st.integers(min_value=1, max_value=50),
)
def test_a_batch_laid_out_together_fits_into_its_calls(first: int, size: int, call: int) -> None:
    """Each message has its call whatever became of the others; no call holds more than it may."""
    parts = [keys.part_of(number, size, call) for number in range(first, first + size)]

    assert max(parts.count(part) for part in parts) <= call
    assert len(set(parts)) <= -(-size // call) or call == 1
