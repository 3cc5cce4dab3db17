"""App push by JPush (极光), REST API v3.

Messages of a batch that say the same go out in one call of up to 1,000 targets; with ``vip_batch`` every
message is its own entry of the batch API and has its own answer. A ``cid`` derived from the keys of the
messages in a request makes a repeated one within a day harmless: JPush answers with the result of the first.

JPush sends no receipts without a VIP contract, so *accepted* is its last word here.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
import pydantic

from channels import _http, _parts, _settings, _signing
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
    RetryAfter,
    Tools,
    Uncertain,
)

#: This target, or what is said to it, will never do.
PERMANENT = {
    1003: "illegal parameter, mostly a malformed registration id",
    1005: "message too large",
    1011: "no such target, or inactive for 255 days",
}
#: Nothing was sent; later, after so many seconds when the answer does not say.
RETRY = {
    1012: 60,
    2002: 30,
    2005: 3600,  # this user gets too many
}
#: Credentials, rights, or these settings.
STOP = frozenset({1001, 1002, 1004, 1008, 1009, 1020, 2003, 2004, 2006, 2007})
#: It fell over while it had the request; safe to repeat, because of the cid.
UNCERTAIN = frozenset({1000, 1030})


class Config(_settings.Settings):
    """The settings of the channel; see docs/channels.md."""

    endpoint: _settings.Origin = "https://api.jpush.cn"
    app_key: _settings.Token
    master_secret: pydantic.SecretStr
    target: Literal["registration_id", "alias"] = "registration_id"
    platforms: tuple[Literal["android", "ios", "hmos", "quickapp"], ...] = ()
    apns_production: bool = True
    time_to_live: int = pydantic.Field(default=86_400, ge=0, le=864_000)
    vip_batch: bool = False
    cid: Literal["derived", "off"] = "derived"
    batch_size: int = pydantic.Field(default=1000, ge=1, le=1000)
    parallel: int = pydantic.Field(default=8, ge=1, le=64)
    lanes: int = pydantic.Field(default=2, ge=1, le=64)
    per_second: float = pydantic.Field(default=500.0, ge=0)
    connect_timeout: float = pydantic.Field(default=3.0, gt=0, le=60)
    total_timeout: float = pydantic.Field(default=10.0, gt=0, le=120)
    receipts_within: timedelta = timedelta(days=1)
    ca_file: str | None = None


def configure(raw: Mapping[str, Any], tools: Tools) -> "JPush":
    """The channel of these settings. Raises ``ValueError`` naming the wrong setting, not its value."""
    return JPush(_settings.read(Config, raw))


class JPush:
    """A configured JPush application."""

    medium = Medium.PUSH

    def __init__(self, config: Config) -> None:
        self._config = config
        derived = config.cid == "derived"
        self.limits = Limits(
            batch_size=config.batch_size,
            per_second=config.per_second,
            lanes=config.lanes,
            idempotent_for=timedelta(days=1) if derived else None,
            receipts_within=config.receipts_within,
        )
        self._sender = _http.Sender(
            config.endpoint.rstrip("/"),
            connections=config.lanes * (1 if config.vip_batch else config.parallel) + 1,
            connect_timeout=config.connect_timeout,
            total_timeout=config.total_timeout,
            ca_file=config.ca_file,
        )
        key = _signing.basic(config.app_key, config.master_secret.get_secret_value())
        self._headers = f"authorization: {key}\r\ncontent-type: application/json\r\n"

    def __repr__(self) -> str:
        return f"JPush({self._sender.host_header})"

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        """One outcome a message, in order. A batch within the limits ends within twice ``total_timeout``;
        a larger one goes out in several rounds."""
        if not self._config.vip_batch:
            return await self._send_groups(batch)
        outcomes: list[Outcome] = []
        for part in _parts.slices(batch.messages, self._config.batch_size):
            outcomes += await self._send_list(part)
        return outcomes

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]:
        """Nothing: JPush is asked by its own message id, which an uncertain message does not have.

        What is uncertain is sent again: the cid keeps it from being shown twice.
        """
        return ()

    def receipts(self, callback: Callback) -> CallbackAnswer:
        """There is no callback without a VIP contract."""
        return CallbackAnswer(receipts=(), status=404)

    async def health(self) -> Health:
        """Whether the gateway accepts connections; it is asked nothing."""
        return await self._sender.reach()

    async def close(self) -> None:
        """Close the connections. Twice is fine."""
        await self._sender.close()

    async def _send_groups(self, batch: Batch) -> list[Outcome]:
        """Messages that say the same share a call; each group is one request, then halves of it."""
        outcomes: dict[str, Outcome] = {}

        async def send(leader: Message) -> None:
            going, names = requests[leader.key]
            found = await _parts.isolate(
                going,
                lambda some: self._push(
                    batch.key,
                    some,
                    # Whoever has opted out since is missing when a request is made again: its cid
                    # still counts them in.
                    names if len(some) == len(going) else [message.key for message in some],
                ),
                seconds=self._config.total_timeout,
            )
            outcomes.update(zip((message.key for message in going), found, strict=True))

        requests = {going[0].key: (going, names) for going, names in self._requests(batch)}
        leaders = [going[0] for going, _ in requests.values()]
        await _parts.side_by_side(leaders, send, parallel=self._config.parallel)
        return [outcomes[message.key] for message in batch.messages]

    def _requests(self, batch: Batch) -> Iterator[tuple[list[Message], list[str]]]:
        """What says the same, in requests of at most ``batch_size``: the messages that go, and the keys
        of all that belong to it. The same members come out as the same request in any order."""
        absent = {message.key for message in batch.absent}
        groups: dict[tuple[str, str, str], list[Message]] = {}
        for message in (*batch.messages, *batch.absent):
            groups.setdefault((message.title, message.text, message.url), []).append(message)
        for group in groups.values():
            ordered = sorted(group, key=lambda message: (len(message.key), message.key))
            for part in _parts.slices(ordered, self._config.batch_size):
                going = [message for message in part if message.key not in absent]
                if going:
                    yield going, [message.key for message in part]

    async def _push(
        self, key: str, messages: Sequence[Message], names: Sequence[str]
    ) -> _parts.Verdict:
        payload = self._payload(messages[0])
        payload["audience"] = {
            self._config.target: [message.address for message in messages],
        }
        if self._config.cid == "derived":
            same = (messages[0].title, messages[0].text, messages[0].url)
            payload["cid"] = self._cid(key, *same, *names)
        result = await self._sender.post("/v3/push", self._headers, orjson.dumps(payload))
        if not isinstance(result, _http.Answer):
            return _parts.Verdict(_http.outcome_of(result))
        return _verdict(_read(result), result, messages)

    async def _send_list(self, messages: Sequence[Message]) -> list[Outcome]:
        """The batch API: every message under its own cid, with its own answer."""
        entries = {
            self._cid(message.key, message.address): self._payload(message)
            | {"target": message.address}
            for message in messages
        }
        kind = "alias" if self._config.target == "alias" else "regid"
        result = await self._sender.post(
            f"/v3/push/batch/{kind}/single", self._headers, orjson.dumps({"pushlist": entries})
        )
        if not isinstance(result, _http.Answer):
            return [_http.outcome_of(result)] * len(messages)
        answer = _read(result)
        if result.status != 200 or answer is None:
            return [_verdict(answer, result, ()).outcome] * len(messages)
        return [
            _verdict(answer.get(cid), result, (message,)).outcome
            for cid, message in zip(entries, messages, strict=True)
        ]

    def _payload(self, message: Message) -> dict[str, Any]:
        extras = {"url": message.url} if message.url else {}
        android: dict[str, Any] = {"alert": message.text, "extras": extras}
        # iOS has no separate title field: the alert is an object then.
        ios: dict[str, Any] = {"alert": message.text, "sound": "default", "extras": extras}
        if message.title:
            android["title"] = message.title
            ios["alert"] = {"title": message.title, "body": message.text}
        return {
            "platform": list(self._config.platforms) or "all",
            "notification": {"alert": message.text, "android": android, "ios": ios},
            "options": {
                "time_to_live": self._config.time_to_live,
                "apns_production": self._config.apns_production,
                "classification": 1,  # a service message: vendors hold back the other kind
            },
        }

    def _cid(self, *names: str) -> str:
        """``{app key}-{uuid}``, the same for the same names."""
        digest = hashlib.sha256("\n".join(names).encode()).digest()
        return f"{self._config.app_key}-{uuid.UUID(bytes=digest[:16], version=4)}"


def _verdict(answer: object, result: _http.Answer, messages: Sequence[Message]) -> _parts.Verdict:
    """The translation of everything JPush may say into the five outcomes."""
    body = answer if isinstance(answer, dict) else {}
    error = body.get("error")
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return _refusal(error["code"], _http.clean(error.get("message", ""), messages), result)
    if result.status == 200 and body.get("msg_id"):
        return _parts.Verdict(Accepted(reference=str(body["msg_id"])))
    said = _http.outcome_of_status(result)
    if said is not None:
        return _parts.Verdict(said)
    if 400 <= result.status < 500:
        return _parts.Verdict(ChannelStop(code=f"http.{result.status}"))
    return _parts.Verdict(Uncertain(code="malformed_answer"))


def _refusal(code: int, detail: str, result: _http.Answer) -> _parts.Verdict:
    name = f"jpush.{code}"
    if code in PERMANENT:
        return _parts.Verdict(Permanent(code=name, detail=detail), is_about_one=True)
    if code in RETRY or result.status == 429:
        delay = _http.retry_after(
            result.headers, "x-rate-limit-reset", otherwise=RETRY.get(code, 1)
        )
        return _parts.Verdict(
            RetryAfter(delay=delay, code=name, detail=detail), is_about_one=code == 2005
        )
    if code in UNCERTAIN or (result.status >= 500 and code not in STOP):
        return _parts.Verdict(Uncertain(code=name, detail=detail))
    return _parts.Verdict(ChannelStop(code=name, detail=detail))


def _read(result: _http.Answer) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(result.body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None
