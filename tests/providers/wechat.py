"""A WeChat service account: stable_token, template messages, the TEMPLATESENDJOBFINISH event."""

import base64
import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.providers.desk import Desk
from tests.providers.ledger import Taken
from tests.providers.receipts import Push
from tests.providers.wire import Reply, Request, json_reply

LONGEST_FIELD = 20


class WeChat:
    """One account. ``aes_key`` (43 characters) switches the safe mode of events on."""

    name = "wechat"

    def __init__(
        self, desk: Desk, *, app_id: str, secret: str, callback_token: str, aes_key: str = ""
    ) -> None:
        self.desk = desk
        self.app_id = app_id
        self.secret = secret
        self.callback_token = callback_token
        self.aes_key = aes_key
        self.names_messages = True
        self.templates: dict[str, str] = {}
        self.cut = 0
        self.tokens_given = 0
        #: How long a token holds; longer than the platform's two hours where time runs very fast.
        self.token_seconds = 7200
        self._valid: dict[str, datetime] = {}
        self._numbers = itertools.count(200000001)
        self._tokens = itertools.count(1)
        self._recent: dict[tuple[str, str], tuple[datetime, int]] = {}

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        desk, behaviour = self.desk, self.desk.behaviour
        desk.count_request()
        if request.path == "/cgi-bin/stable_token":
            return behaviour.slow(self._give_token(request))
        if request.path != "/cgi-bin/message/template/send" or request.method != "POST":
            return Reply(b"not found", 404, "text/plain")
        if not self._is_current(request.parameters().get("access_token", "")):
            return self._refuse(40001, "invalid credential, access_token is invalid or not latest")
        if behaviour.is_throttled(desk.monotonic()):
            return self._refuse(45011, "api minute-quota reach limit")
        if behaviour.chance(behaviour.refuse_rate):
            return self._refuse(int(behaviour.refuse_code or 43004), "refused")
        return behaviour.bend(lambda: self._send(request))

    def expire_token(self) -> None:
        """Make every token invalid, as a forced refresh elsewhere does."""
        self._valid.clear()

    def _give_token(self, request: Request) -> Reply:
        try:
            given = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return self._refuse(47001, "data format error")
        if given.get("grant_type") != "client_credential":
            return self._refuse(40002, "invalid grant_type")
        if given.get("appid") != self.app_id:
            return self._refuse(40013, "invalid appid")
        if given.get("secret") != self.secret:
            return self._refuse(40125, "invalid appsecret")
        now = self.desk.clock.now()
        self.tokens_given += 1
        if given.get("force_refresh"):
            self._valid.clear()
        token, until = max(self._valid.items(), key=lambda each: each[1], default=("", now))
        if until - now <= timedelta(
            minutes=5
        ):  # the platform renews ahead; the old one stays valid
            token = f"{next(self._tokens)}_{os.urandom(24).hex()}"
            until = self._valid[token] = now + timedelta(seconds=self.token_seconds)
        return json_reply({"access_token": token, "expires_in": int((until - now).total_seconds())})

    def _is_current(self, token: str) -> bool:
        until = self._valid.get(token)
        return until is not None and self.desk.clock.now() < until

    def _send(self, request: Request) -> Reply:
        try:
            given = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return self._refuse(47001, "data format error")
        openid, template = str(given.get("touser") or ""), str(given.get("template_id") or "")
        if not openid or self.desk.behaviour.is_illegal(openid):
            return self._refuse(40003, f"invalid openid {openid}")
        if not template or (self.templates and template not in self.templates):
            return self._refuse(40037, "invalid template_id")
        if self.desk.behaviour.is_dead(openid):
            return self._refuse(43004, f"require subscribe {openid}")
        key, now = str(given.get("client_msg_id") or ""), self.desk.clock.now()
        if len(key) >= 64:
            return self._refuse(45067, "clientmsgid size out of limit")
        before = self._recent.get((openid, key)) if key else None
        if before is not None and now - before[0] < timedelta(minutes=10):
            return json_reply({"errcode": 0, "errmsg": "ok", "msgid": before[1]})
        number = next(self._numbers)
        if key:
            self._recent[openid, key] = (now, number)
        self._take(openid, template, given, key, number)
        return json_reply({"errcode": 0, "errmsg": "ok", "msgid": number})

    def _take(
        self, openid: str, template: str, given: Mapping[str, Any], key: str, number: int
    ) -> None:
        now, after = self.desk.clock.now(), self.desk.receipt_delay()
        shown = {}
        for name, field in (given.get("data") or {}).items():
            value = str(field.get("value", ""))
            kept = value.split("\n")[0]
            if not name.startswith(("time", "date", "character_string", "number", "letter")):
                kept = kept[:LONGEST_FIELD]
            self.cut += kept != value
            shown[name] = kept
        fate = "failed:user block" if self.desk.is_undelivered(openid) else ""
        self.desk.ledger.take(
            Taken(
                provider=self.name,
                at=now,
                address=openid,
                key=key,
                template=template,
                params=shown,
                text=" ".join(shown.values()),
                reference=str(number),
                due_at=now + timedelta(seconds=after),
                fate=fate,
            )
        )
        self.desk.schedule([(openid, number, fate)], after)

    def pack(self, events: Sequence[tuple[str, int, str]]) -> list[Push]:
        """One XML event a request, encrypted in safe mode."""
        return [self.event(*event) for event in events]

    def event(self, openid: str, number: int, fate: str) -> Push:
        """The event that tells what became of one message. The number may be given as 0."""
        created = int(self.desk.clock.now().timestamp())
        xml = (
            f"<xml><ToUserName><![CDATA[gh_simulator]]></ToUserName>"
            f"<FromUserName><![CDATA[{openid}]]></FromUserName>"
            f"<CreateTime>{created}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
            f"<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>"
            f"<MsgID>{number if self.names_messages else 0}</MsgID>"
            f"<Status><![CDATA[{fate or 'success'}]]></Status></xml>"
        )
        stamp, nonce = str(created), os.urandom(5).hex()
        query = {
            "timestamp": stamp,
            "nonce": nonce,
            "signature": self._sign(stamp, nonce),
            "openid": openid,
        }
        if self.aes_key:
            sealed = self._seal(xml.encode())
            query |= {"encrypt_type": "aes", "msg_signature": self._sign(stamp, nonce, sealed)}
            xml = (
                f"<xml><ToUserName><![CDATA[gh_simulator]]></ToUserName>"
                f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
            )
        return Push("POST", urlencode(query), xml.encode(), "text/xml")

    def _sign(self, *parts: str) -> str:
        text = "".join(sorted((self.callback_token, *parts)))
        return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  # WeChat's protocol

    def _seal(self, text: bytes) -> str:
        key = base64.b64decode(self.aes_key + "=")
        plain = os.urandom(16) + len(text).to_bytes(4, "big") + text + self.app_id.encode()
        padder = padding.PKCS7(256).padder()
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        padded = padder.update(plain) + padder.finalize()
        return base64.b64encode(cipher.update(padded) + cipher.finalize()).decode()

    def _refuse(self, code: int, words: str) -> Reply:
        self.desk.count_refusal(code)
        return self.desk.behaviour.slow(json_reply({"errcode": code, "errmsg": words}))
