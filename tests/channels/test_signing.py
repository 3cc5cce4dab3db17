"""Encoding and signing, against the standard library."""

from datetime import UTC, datetime
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from channels import _signing


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.binary())
def test_percent_encoding_is_the_standard_librarys(text: str | bytes) -> None:
    """RFC 3986, only faster."""
    assert _signing.percent(text) == quote(text, safe="~")


def test_no_two_requests_share_a_nonce() -> None:
    """Within a run they are counted, between runs they are random."""
    signers = [_signing.Acs3("k", "s", host="h", version="v") for _ in range(2)]
    now = datetime(2026, 3, 5, tzinfo=UTC)

    headers = [signer.headers("A", "", b"", now) for signer in signers for _ in range(100)]

    nonces = {line for each in headers for line in each.splitlines() if "nonce:" in line}
    assert len(nonces) == 200


def test_the_date_is_utc_and_follows_the_clock() -> None:
    """A cached second does not go stale."""
    signer = _signing.Acs3("k", "s", host="h", version="v")

    lines = [
        signer.headers("A", "", b"", datetime(2026, 3, 5, 8, 0, second, tzinfo=UTC))
        for second in (1, 1, 2)
    ]

    assert ["08:00:01Z" in line for line in lines] == [True, True, False]
