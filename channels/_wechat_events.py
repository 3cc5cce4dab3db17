"""Events that WeChat pushes: their signature, their encryption, their XML.

SHA-1 and the fixed vector are WeChat's protocol, not a choice.
"""

import base64
import binascii
import hashlib
import hmac
from xml.parsers import expat

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

#: An event is a few hundred octets.
LARGEST_EVENT = 64 * 1024


class NotFromWeChat(Exception):
    """The signature, the encryption or the form is not that of an event of this account."""


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts: token, timestamp, nonce and, in safe mode, the encrypted text."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324


def check(given: str, *parts: str) -> None:
    """Raises ``NotFromWeChat`` unless ``given`` is the signature of ``parts``."""
    if not hmac.compare_digest(given.encode(), signature(*parts).encode()):
        raise NotFromWeChat("signature")


def decrypt(encrypted: str, key: bytes, app_id: str) -> bytes:
    """The text inside: AES-256-CBC over 16 random octets, length, text, app id, padded to 32.

    Raises ``NotFromWeChat`` when it is not for this account or not well formed.
    """
    try:
        sealed = base64.b64decode(encrypted, validate=True)
    except binascii.Error:
        raise NotFromWeChat("base64") from None
    if not sealed or len(sealed) % 16:
        raise NotFromWeChat("length")
    opener = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = opener.update(sealed) + opener.finalize()
    padding = plain[-1]
    if not 1 <= padding <= 32 or padding > len(plain) - 20:
        raise NotFromWeChat("padding")
    content = plain[16:-padding]
    length = int.from_bytes(content[:4], "big")
    if content[4 + length :] != app_id.encode():
        raise NotFromWeChat("app id")
    return content[4 : 4 + length]


def encrypt(text: bytes, key: bytes, app_id: str, random: bytes) -> str:
    """The other direction, for replies and for whoever plays WeChat; ``random`` is 16 octets."""
    content = random + len(text).to_bytes(4, "big") + text + app_id.encode()
    padding = 32 - len(content) % 32
    sealer = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = sealer.update(content + bytes([padding]) * padding) + sealer.finalize()
    return base64.b64encode(sealed).decode("ascii")


def aes_key(encoding_aes_key: str) -> bytes:
    """The 32 octets of the account's EncodingAESKey. Raises ``ValueError``."""
    try:
        key = base64.b64decode(encoding_aes_key + "=")
    except binascii.Error:
        key = b""
    if len(encoding_aes_key) != 43 or len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 letters and digits")
    return key


def read(event: bytes) -> dict[str, str]:
    """The fields of an event, one level deep. Declarations and entities are refused.

    Raises ``NotFromWeChat`` for anything that is not such an event.
    """
    if len(event) > LARGEST_EVENT:
        raise NotFromWeChat("size")
    fields: dict[str, str] = {}
    path: list[str] = []

    def start(name: str, _: object) -> None:
        path.append(name)
        if len(path) == 2:
            fields[name] = ""

    def end(_: str) -> None:
        path.pop()

    def text(data: str) -> None:
        if len(path) == 2:
            fields[path[1]] += data

    def refuse(*_: object) -> None:
        raise NotFromWeChat("declaration")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(event, True)
    except expat.ExpatError:
        raise NotFromWeChat("xml") from None
    return fields
