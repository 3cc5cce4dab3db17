"""Keeps phone numbers: sealed at rest, found again by fingerprint, masked wherever people look.

A sealed number is ``version (1 byte) | length of key id (1) | key id | nonce (12) | ciphertext``,
AES-256-GCM with the bytes before the nonce as associated data. The keys stay outside the database:
a stolen copy of it tells nobody's number.
"""

import base64
import hashlib
import itertools
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as _COUNTRIES

from notifier.domain import errors

_VERSION = 1
_NONCE_BYTES = 12
_KEY_BYTES = 32
_FINGERPRINT_BYTES = 16
#: Nonces are a random prefix a process plus a counter: as unique as random ones, one system call less.
_PREFIX_BYTES = 8
_LAST_COUNT = 2 ** (8 * (_NONCE_BYTES - _PREFIX_BYTES)) - 1


class VaultClosed(errors.Refusal):
    """A sealed number cannot be opened: its key is missing, or the bytes were changed."""

    code = "vault.closed"


class KeysUnusable(errors.Refusal):
    """The key file is missing, damaged, readable by others, or cannot be written."""

    code = "vault.keys_unusable"


class KeyUnknown(errors.NotFound):
    """The key file has no key of that name."""

    code = "vault.key_unknown"


class Vault:
    """Seals with the current key, opens with any key it holds.

    ``keys`` map a key id (1-255 ASCII bytes) to 32 bytes. ``fingerprint_key`` never rotates: with
    another one, no stored fingerprint would be found again. Raises ``ValueError`` for unusable keys.

    One that was loaded from a file looks into it again when it meets a key it does not hold: keys are
    changed while the service runs.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str, fingerprint_key: bytes) -> None:
        if len(fingerprint_key) < _KEY_BYTES:
            raise ValueError(f"the fingerprint key needs {_KEY_BYTES} bytes or more")
        self._path: Path | None = None
        self._seen: object = None
        self._hold(keys, current)
        # HMAC (RFC 2104) with both padded keys hashed beforehand: 0.9 µs a number, a fresh one 2.
        padded = (
            hashlib.sha256(fingerprint_key).digest()
            if len(fingerprint_key) > 64
            else (fingerprint_key)
        )
        padded = padded.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
        self._nonces = _Nonces()

    def _hold(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"the current key {current!r} is not among the keys")
        openers: dict[bytes, AESGCM] = {}
        for name, key in keys.items():
            if len(key) != _KEY_BYTES:
                raise ValueError(f"key {name!r} needs {_KEY_BYTES} bytes")
            openers[_header(name)] = AESGCM(key)
        self.current = current
        self._openers = openers
        self._header = _header(current)
        self._sealer = openers[self._header]

    @property
    def headers(self) -> dict[str, bytes]:
        """How what is sealed by each key begins, by the key's id."""
        return {header[2:].decode("ascii"): header for header in self._openers}

    def seal(self, phone: str) -> bytes:
        """The number, encrypted; two seals of one number differ."""
        nonces = self._nonces
        count = next(nonces.counter)
        if count > _LAST_COUNT or os.getpid() != nonces.process:
            self._nonces = _Nonces()
            return self.seal(phone)
        nonce = nonces.prefix + count.to_bytes(_NONCE_BYTES - _PREFIX_BYTES, "big")
        header = self._header
        return header + nonce + self._sealer.encrypt(nonce, phone.encode(), header)

    def open(self, sealed: bytes) -> str:
        """The number. Raises ``VaultClosed`` when the key is unknown or the bytes were changed."""
        end = 2 + sealed[1] if len(sealed) > 1 else 0
        opener = self._openers.get(sealed[:end])
        if opener is None and self._look_again():
            opener = self._openers.get(sealed[:end])
        if opener is None:
            raise VaultClosed("A sealed phone number needs a key that this service does not hold.")
        body = end + _NONCE_BYTES
        try:
            return opener.decrypt(sealed[end:body], sealed[body:], sealed[:end]).decode()
        except (InvalidTag, ValueError) as error:
            raise VaultClosed("A sealed phone number was changed after it was sealed.") from error

    def fingerprint(self, phone: str) -> bytes:
        """16 bytes that are the same for the same number and tell nothing without the key."""
        inner = self._inner.copy()
        inner.update(phone.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[:_FINGERPRINT_BYTES]

    def reseal(self, sealed: bytes) -> bytes:
        """The same number under the current key. Raises ``VaultClosed``."""
        return self.seal(self.open(sealed))

    def _look_again(self) -> bool:
        """Takes over the keys of the file where it has changed; one that is damaged is left alone."""
        try:
            if self._path is None or _stamp(self._path) == self._seen:
                return False
            content, self._seen = _read(self._path), _stamp(self._path)
            self._hold(*_keys_of(content))
        except (OSError, KeysUnusable):
            return False
        return True

    @classmethod
    def load(cls, path: Path) -> "Vault":
        """The vault whose keys are in ``path``. Raises ``KeysUnusable``."""
        content = _read(path)
        vault = cls(*_keys_of(content), _decode(content["fingerprint_key"]))
        vault._path, vault._seen = path, _stamp(path)
        return vault

    @classmethod
    def load_or_create(cls, path: Path) -> "Vault":
        """``load``, after making a file with new keys (mode 0600) where there is none."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_new(path, _new_content())
        return cls.load(path)


class _Nonces:
    """Numbers used once: never shared with another process, never counted twice by two threads."""

    __slots__ = ("counter", "prefix", "process")

    def __init__(self) -> None:
        self.prefix = secrets.token_bytes(_PREFIX_BYTES)
        self.counter = itertools.count()
        self.process = os.getpid()


def add_key(path: Path) -> str:
    """Gives the key file a new key that opens and does not seal yet, and answers its id: every node has
    to hold it before anything is sealed with it. Raises ``KeysUnusable``."""
    content = _read(path)
    number = max(
        (int(name[1:]) for name in content["keys"] if _NUMBERED.fullmatch(name)), default=0
    )
    name = f"k{max(number, content.get('last', 0)) + 1}"
    content["keys"][name] = _encode(secrets.token_bytes(_KEY_BYTES))
    _replace(path, content)
    return name


def use_key(path: Path, name: str) -> None:
    """Seals with this key of the file from now on. Raises ``KeysUnusable``, ``KeyUnknown``."""
    content = _read(path)
    _require(content, name, path)
    _replace(path, content | {"current": name})


def remove_key(path: Path, name: str) -> None:
    """Takes a key out of the file: what it sealed is lost. Its name is never given again. Raises
    ``KeysUnusable``, also for the current key, and ``KeyUnknown``."""
    content = _read(path)
    _require(content, name, path)
    if name == content["current"]:
        raise KeysUnusable(f"Key {name} of {path} is the current one; make another current first.")
    numbers = [int(each[1:]) for each in content["keys"] if _NUMBERED.fullmatch(each)]
    del content["keys"][name]
    _replace(path, content | {"last": max([*numbers, content.get("last", 0)])})


def _require(content: Mapping[str, Any], name: str, path: Path) -> None:
    if name not in content["keys"]:
        held = ", ".join(sorted(content["keys"]))
        raise KeyUnknown(f"{path} 中没有密钥 {name} / has no key {name}; it holds {held}.")


#: The ids that are given here; a file may hold others.
_NUMBERED = re.compile(r"k\d{1,9}")


#: A mobile number wherever it stands, else any long run of digits that is no part of a number.
_INSIDE = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"
    r"|(?<!\d)(?<!\d[.:])\+?\d[\d\- ()]{5,18}\d(?![.:]?\d)"
)
#: Dates with their times look like landlines; they are no secret.
_DATED = re.compile(r"(?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?!\d)")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d\d)")


def mask(phone: str) -> str:
    """A number as people may see it: 138****0001, +86 138****0001, 0571-****0001, +44 ****0958.

    The prefix and the last four digits stay; of a short number the last two.
    """
    text = phone.strip()
    digits = _digits(text)
    if text.startswith(("+86", "0086")):
        national = digits.removeprefix("00").removeprefix("86")
        return f"+86 {_mask_national(national)}"
    if text.startswith("+"):
        country = next((digits[:n] for n in (1, 2, 3) if int(digits[:n] or 0) in _COUNTRIES), "")
        return f"+{country} ****{digits[-4:]}" if len(digits) >= 7 else "****"
    return _mask_national(digits)


def _mask_national(digits: str) -> str:
    if len(digits) == 11 and digits.startswith("1"):
        return f"{digits[:3]}****{digits[-4:]}"
    if (area := _LANDLINE.match(digits)) and len(digits) > 9:
        return f"{area.group()}-****{digits[-4:]}"
    if len(digits) >= 7:
        return f"****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) > 2 else "****"


def mask_within(text: str) -> str:
    """The text with everything in it that may be a phone number masked.

    Dates, times and plan numbers stay, and so do local numbers without an area code.
    """
    return _INSIDE.sub(_mask_found, text)


def _mask_found(found: re.Match[str]) -> str:
    text = found.group()
    fewest = 7 if text[0] in "+0" else 10
    if _DATED.match(text) or not fewest <= len(_digits(text)) <= 15:
        return text
    return mask(text)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _header(name: str) -> bytes:
    encoded = name.encode("ascii")
    if not 1 <= len(encoded) <= 255:
        raise ValueError("a key id has 1 to 255 ASCII characters")
    return bytes((_VERSION, len(encoded))) + encoded


def _read(path: Path) -> dict[str, Any]:
    """The content of a key file, found usable. Raises ``KeysUnusable``."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeysUnusable(f"Others can read the key file {path}; make it mode 0600.")
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        Vault(*_keys_of(content), _decode(content["fingerprint_key"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnusable(f"The key file {path} cannot be used: {error!r}.") from error
    return content


def _keys_of(content: Mapping[str, Any]) -> tuple[dict[str, bytes], str]:
    return {name: _decode(key) for name, key in content["keys"].items()}, content["current"]


def _stamp(path: Path) -> object:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _new_content() -> dict[str, object]:
    return {
        "current": "k1",
        "keys": {"k1": _encode(secrets.token_bytes(_KEY_BYTES))},
        "fingerprint_key": _encode(secrets.token_bytes(_KEY_BYTES)),
    }


def _write_new(path: Path, content: dict[str, object]) -> None:
    """Write the file whole or not at all; where another process was first, its keys stand."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write(temporary, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _replace(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(temporary, content)
        temporary.replace(path)
    except OSError as error:
        raise KeysUnusable(f"The key file {path} cannot be written: {error}.") from error


def _write(path: Path, content: dict[str, object]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
