"""Signatures of requests: ACS3-HMAC-SHA256 of Alibaba Cloud and HTTP Basic.

The canonical request of ACS3 sorts and encodes the query per RFC 3986, lists the signed headers and ends
with the hash of the body. What never changes between requests is built once, so that a signature costs a
few microseconds beside its two hashes.
"""

import base64
import hashlib
import hmac
import itertools
import os
from collections.abc import Mapping
from datetime import UTC, datetime

ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()
FORM = "application/x-www-form-urlencoded"


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_ENCODED = [chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in range(256)]


def percent(text: str | bytes) -> str:
    """Percent-encoded per RFC 3986: everything but letters, digits and ``-_.~``.

    ``urllib.parse.quote(text, safe="~")`` in a third of the time: half of what a batch costs is this.
    """
    octets = text.encode() if isinstance(text, str) else text
    return "".join([_ENCODED[octet] for octet in octets])


def canonical_query(parameters: Mapping[str, str]) -> str:
    """The query string as it is sent and as it is signed: sorted by name, encoded per RFC 3986."""
    return "&".join(f"{percent(name)}={percent(parameters[name])}" for name in sorted(parameters))


def basic(user: str, password: str) -> str:
    """The value of an ``authorization`` header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


class Acs3:
    """Signs RPC requests (``POST /?query``) of one account to one host and API version."""

    def __init__(self, key_id: str, key_secret: str, *, host: str, version: str) -> None:
        self._key_id = key_id
        self._secret = key_secret.encode()
        self._host = host
        self._version = version
        self._run = os.urandom(8).hex()
        self._numbers = itertools.count(1)
        self._date = ("", datetime.min.replace(tzinfo=UTC))

    def headers(self, action: str, query: str, body: bytes, now: datetime) -> str:
        """The header lines of a request; ``query`` as ``canonical_query`` gives it, ``now`` aware."""
        date = self._stamp(now)
        # A nonce must not come twice: random for this run, counted within it.
        nonce = f"{self._run}{next(self._numbers):016x}"
        if body:
            content_hash = hashlib.sha256(body).hexdigest()
            typed, signed_type = f"content-type:{FORM}\n", "content-type;"
        else:
            content_hash, typed, signed_type = _EMPTY, "", ""
        signed = (
            f"{signed_type}host;x-acs-action;x-acs-content-sha256;x-acs-date;"
            "x-acs-signature-nonce;x-acs-version"
        )
        own = (
            f"x-acs-action:{action}\nx-acs-content-sha256:{content_hash}\nx-acs-date:{date}\n"
            f"x-acs-signature-nonce:{nonce}\nx-acs-version:{self._version}\n"
        )
        canonical = f"POST\n/\n{query}\n{typed}host:{self._host}\n{own}\n{signed}\n{content_hash}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(self._secret, f"{ALGORITHM}\n{digest}".encode(), "sha256").hex()
        return (typed + own).replace("\n", "\r\n") + (
            f"authorization: {ALGORITHM} Credential={self._key_id},"
            f"SignedHeaders={signed},Signature={signature}\r\n"
        )

    def _stamp(self, now: datetime) -> str:
        second = now.replace(microsecond=0)
        if second != self._date[1]:
            self._date = (second.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), second)
        return self._date[0]
