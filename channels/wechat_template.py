"""Template messages of a WeChat service account (服务号模板消息).

One openid a call. ``client_msg_id`` keeps WeChat from showing a repeated message twice within ten minutes.
Since May 2023 a field holds 20 characters and no line break, and what is longer is *silently cut*,
so the lengths are checked here.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pydantic

from channels import _http, _parts, _settings, _signing, _wechat_events, _wechat_token
from notifier.channel import (
    Accepted,
    Batch,
    Callback,
    CallbackAnswer,
    ChannelStop,
    Health,
    Limits,
    Medium,
    Message,
    Outcome,
    Permanent,
    Receipt,
    ReceiptStatus,
    RetryAfter,
    Tools,
    Uncertain,
)

#: This person cannot be reached here, or this content never will do.
PERMANENT = {
    40003: "openid unknown to this account",
    43004: "does not follow the account",
    43019: "has blocked the account",
    43101: "refuses messages",
    47003: "a field breaks the rule of its kind",
}
#: Nothing was sent; later.
RETRY = {-1: 5, 45011: 60}
#: The quota of the day: it begins anew at midnight in Beijing.
QUOTA = frozenset({45009})
#: The template, the account's rights, or these settings. Any other refusal counts as one of these.
STOP = frozenset({40013, 40037, 40125, 40164, 41002, 43116, 48001, 48004, 50002})

#: The most characters a field of each kind holds; 0: its form is checked by WeChat, not its length.
FIELD_LENGTHS = {
    "thing": 20,
    "phrase": 5,
    "character_string": 32,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "phone_number": 17,
    "car_number": 8,
    "time": 0,
    "date": 0,
    "amount": 0,
}
LONGEST_FIELD = 20
BEIJING = timezone(timedelta(hours=8))
_KIND = re.compile(r"\d+$")
_HEADERS = "content-type: application/json\r\n"


class Template(_settings.Naming):
    """A template of the account; ``variables`` maps its fields (``thing1``) to ours."""

    template_id: _settings.Token


class MiniProgram(_settings.Settings):
    """Where a tap leads when it is to open a mini program instead of the message's address."""

    appid: _settings.Token
    pagepath: str = ""


class Config(_settings.Settings):
    """The settings of the channel; see docs/channels.md."""

    endpoint: _settings.Origin = "https://api.weixin.qq.com"
    app_id: _settings.Token
    app_secret: pydantic.SecretStr
    templates: dict[str, Template] = pydantic.Field(min_length=1)
    mini_program: MiniProgram | None = None
    callback_token: pydantic.SecretStr
    encoding_aes_key: pydantic.SecretStr | None = None
    batch_size: int = pydantic.Field(default=50, ge=1, le=500)
    parallel: int = pydantic.Field(default=16, ge=1, le=256)
    lanes: int = pydantic.Field(default=4, ge=1, le=64)
    per_second: float = pydantic.Field(default=500.0, ge=0)
    connect_timeout: float = pydantic.Field(default=3.0, gt=0, le=60)
    total_timeout: float = pydantic.Field(default=10.0, gt=0, le=120)
    receipts_within: timedelta = timedelta(hours=1)
    ca_file: str | None = None

    @pydantic.field_validator("encoding_aes_key")
    @classmethod
    def _is_a_key(cls, key: pydantic.SecretStr | None) -> pydantic.SecretStr | None:
        if key is not None:
            _wechat_events.aes_key(key.get_secret_value())
        return key


def configure(raw: Mapping[str, Any], tools: Tools) -> "WeChatTemplate":
    """The channel of these settings. Raises ``ValueError`` naming the wrong setting, not its value."""
    return WeChatTemplate(_settings.read(Config, raw), tools)


class WeChatTemplate:
    """A configured service account."""

    medium = Medium.WECHAT

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._now = tools.now
        self.limits = Limits(
            batch_size=config.batch_size,
            per_second=config.per_second,
            lanes=config.lanes,
            idempotent_for=timedelta(minutes=10),
            receipts_within=config.receipts_within,
        )
        self._sender = _http.Sender(
            config.endpoint.rstrip("/"),
            connections=config.lanes * config.parallel + 1,
            connect_timeout=config.connect_timeout,
            total_timeout=config.total_timeout,
            ca_file=config.ca_file,
        )
        self._tokens = _wechat_token.TokenKeeper(
            self._sender, config.app_id, config.app_secret, tools.now
        )
        key = config.encoding_aes_key
        self._aes_key = None if key is None else _wechat_events.aes_key(key.get_secret_value())

    def __repr__(self) -> str:
        return f"WeChatTemplate({self._sender.host_header})"

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        """One outcome a message, in order; ``parallel`` requests at a time."""
        messages = batch.messages
        template = self._config.templates.get(batch.template)
        if template is None:
            stop = ChannelStop(code="settings.template", detail=batch.template)
            return [stop] * len(messages)
        return await _parts.side_by_side(
            messages,
            lambda message: self._send_one(template, message),
            parallel=self._config.parallel,
        )

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]:
        """Nothing: WeChat cannot be asked. Within ten minutes the same message may be sent again."""
        return ()

    def receipts(self, callback: Callback) -> CallbackAnswer:
        """An event, or the question by which WeChat verifies the address (``echostr``).

        ``reference`` of a receipt is empty when WeChat gives the id 0, as it does for messages with a
        ``client_msg_id``: the message is then the latest one to ``address`` before ``at``.
        """
        try:
            if callback.method == "GET":
                self._check(callback.query, "signature")
                return CallbackAnswer(receipts=(), body=callback.query["echostr"].encode())
            fields = _wechat_events.read(self._open(callback))
        except (_wechat_events.NotFromWeChat, KeyError):
            return CallbackAnswer(receipts=(), status=403)
        receipts = [_receipt(fields)] if fields.get("Event") == "TEMPLATESENDJOBFINISH" else []
        return CallbackAnswer(receipts=receipts, body=b"success")

    async def health(self) -> Health:
        """Whether WeChat gives this account a token."""
        grant = await self._tokens.get()
        if isinstance(grant, _wechat_token.Grant):
            return Health(is_well=True)
        return Health(is_well=False, detail=getattr(grant, "code", ""))

    async def close(self) -> None:
        """Close the connections. Twice is fine."""
        await self._sender.close()

    async def _send_one(self, template: Template, message: Message) -> Outcome:
        content = self._content(template, message)
        if not isinstance(content, bytes):
            return content
        grant = await self._tokens.get()
        if not isinstance(grant, _wechat_token.Grant):
            return grant
        outcome = await self._post(grant.token, content, message)
        if outcome is not None:
            return outcome
        grant = await self._tokens.renew(grant.number)
        if not isinstance(grant, _wechat_token.Grant):
            return grant
        again = await self._post(grant.token, content, message)
        return again or ChannelStop(code="wechat.token_refused")

    async def _post(self, token: str, content: bytes, message: Message) -> Outcome | None:
        """The outcome, None when the token was refused and nothing was sent."""
        result = await self._sender.post(
            f"/cgi-bin/message/template/send?access_token={_signing.percent(token)}",
            _HEADERS,
            content,
        )
        if not isinstance(result, _http.Answer):
            return _http.outcome_of(result)
        try:
            answer: Any = orjson.loads(result.body)
        except orjson.JSONDecodeError:
            answer = None
        code = answer.get("errcode") if isinstance(answer, dict) else None
        if isinstance(code, int) and code in _wechat_token.REFUSED:
            return None
        return self._outcome(answer, code, result, message)

    def _outcome(
        self, answer: Any, code: object, result: _http.Answer, message: Message
    ) -> Outcome:
        """The translation of everything WeChat may say into the five outcomes."""
        if not isinstance(code, int):
            said = _http.outcome_of_status(result)
            if said is not None:
                return said
            if 400 <= result.status < 500:
                return ChannelStop(code=f"http.{result.status}")
            return Uncertain(code="malformed_answer")
        if code == 0:
            return Accepted(reference=str(answer.get("msgid") or ""))
        name, detail = f"wechat.{code}", _http.clean(answer.get("errmsg", ""), (message,))
        if code in PERMANENT:
            return Permanent(code=name, detail=detail)
        if code in RETRY:
            return RetryAfter(delay=timedelta(seconds=RETRY[code]), code=name, detail=detail)
        if code in QUOTA:
            return RetryAfter(delay=_until_midnight(self._now()), code=name, detail=detail)
        return ChannelStop(code=name, detail=detail)

    def _content(self, template: Template, message: Message) -> bytes | Outcome:
        data: dict[str, dict[str, str]] = {}
        for name, source in template.variables.items():
            value = message.variables.get(source)
            if value is None:
                if source not in ("text", "title", "url"):
                    return ChannelStop(code="settings.variable", detail=f"{name}: {source}")
                value = str(getattr(message, source))
            most = FIELD_LENGTHS.get(_KIND.sub("", name), LONGEST_FIELD)
            if most and len(value) > most:
                return Permanent(code="field_too_long", detail=f"{name}: {len(value)} > {most}")
            if "\n" in value or "\r" in value:
                return Permanent(code="field_has_line_break", detail=name)
            data[name] = {"value": value}
        content: dict[str, Any] = {
            "touser": message.address,
            "template_id": template.template_id,
            "client_msg_id": _client_id(message.key),
            "data": data,
        }
        if message.url:
            content["url"] = message.url
        if self._config.mini_program is not None:
            content["miniprogram"] = self._config.mini_program.model_dump()
        return orjson.dumps(content)

    def _check(self, query: Mapping[str, str], name: str, *more: str) -> None:
        token = self._config.callback_token.get_secret_value()
        _wechat_events.check(query[name], token, query["timestamp"], query["nonce"], *more)

    def _open(self, callback: Callback) -> bytes:
        """The event's XML, decrypted in safe mode. A plain one is refused by an account that has a key."""
        if self._aes_key is None:
            self._check(callback.query, "signature")
            return callback.body
        encrypted = _wechat_events.read(callback.body)["Encrypt"]
        self._check(callback.query, "msg_signature", encrypted)
        return _wechat_events.decrypt(encrypted, self._aes_key, self._config.app_id)


def _client_id(key: str) -> str:
    """The message's key as WeChat takes it: 64 octets are too many, 32 are not."""
    if len(key) <= 32 and key.isascii():
        return key
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _until_midnight(now: datetime) -> timedelta:
    local = now.astimezone(BEIJING)
    next_day = (local + timedelta(days=1)).replace(hour=0, minute=1, second=0, microsecond=0)
    return next_day - local


def _receipt(fields: Mapping[str, str]) -> Receipt:
    status, number = fields.get("Status", ""), fields.get("MsgID", "0")
    created = fields.get("CreateTime", "")
    is_time = created.isascii() and created.isdigit() and len(created) <= 11
    return Receipt(
        status=ReceiptStatus.DELIVERED if status == "success" else ReceiptStatus.FAILED,
        code=_http.clean(status) or "unknown",
        at=datetime.fromtimestamp(int(created), UTC) if is_time else None,
        reference="" if number == "0" else number,
        address=fields.get("FromUserName", ""),
    )
