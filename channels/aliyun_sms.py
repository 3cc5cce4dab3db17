"""SMS by Alibaba Cloud (Dysmsapi 2017-05-25).

``SendBatchSms`` carries up to 100 numbers with their own variables, ``SendSms`` one. Neither is idempotent:
what is uncertain is asked for with ``QuerySendDetails`` or awaited as a receipt, and sent again only when
the provider says, ``absent_after`` the call, that it never had it.
The batch's key travels as ``OutId`` and comes back in every receipt and query.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

import orjson
import pydantic

from channels import _aliyun_reports, _http, _parts, _settings, _signing
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

#: One message of the request is at fault and nothing was sent: it stands alone in the end, and is lost.
PERMANENT = frozenset(
    {
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        "isv.NOT_SUPPORTED_COUNTRY",
        "isv.COUNTRY_RESTRICTED",
        "isv.SMS_CONTENT_ILLEGAL",
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
    }
)
#: Nothing was sent; the same again after so many seconds.
RETRY: dict[str, int] = {
    "isv.BUSINESS_LIMIT_CONTROL": 60,  # the message text tells minute, hour and day apart: _LEVELS
    "isv.BUSINESS_LIMIT_CONTROL_MINUTE": 60,
    "isv.BUSINESS_LIMIT_HOUR": 3600,
    "isv.BUSINESS_LIMIT_DAY": 86400,
}
_LEVELS = (("天级", 86400), ("小时级", 3600), ("分钟级", 60))
#: Somebody has to mend the account, the signature, the template or these settings.
#: Any other refusal counts as one of these: everything stays queued and an operator reads the code.
STOP = frozenset(
    {
        "isv.OUT_OF_SERVICE",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.ACCOUNT_NOT_EXISTS",
        "isv.ACCOUNT_ABNORMAL",
        "isv.PRODUCT_UN_SUBSCRIPT",
        "isv.PRODUCT_UNSUBSCRIBE",
        "isv.DAY_LIMIT_CONTROL",
        "isv.MONTH_LIMIT_CONTROL",
        "isv.DENY_IP_RANGE",
        "isp.RAM_PERMISSION_DENY",
        "isv.SMS_SIGN_ILLEGAL",
        "isv.SMS_SIGNATURE_ILLEGAL",
        "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
        "isv.SIGN_STATE_ILLEGAL",
        "isv.SMS_TEMPLATE_ILLEGAL",
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.INVALID_PARAMETERS",
        "isv.INVALID_JSON_PARAM",
        "isv.EXTEND_CODE_ERROR",
        "InvalidAccessKeyId.NotFound",
        "InvalidAccessKeyId.Inactive",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "InvalidTimeStamp.Expired",
        "NoPermission",
        "Forbidden.RAM",
    }
)
#: The provider fell over while it had the request.
UNCERTAIN = frozenset(
    {
        "isp.SYSTEM_ERROR",
        "isp.UNKNOWN",
        "isp.GATEWAY_ERROR",
        "InternalError",
        "ServiceUnavailable",
        "SignatureNonceUsed",  # a nonce is never used twice here: some proxy repeated the request
    }
)

VERSION = "2017-05-25"
#: The most rows that one answer of ``QuerySendDetails`` holds.
_PAGE = 50
#: A call just before midnight may be counted on the next day.
_MAY_COUNT_LATER = timedelta(minutes=10)
_RECEIVED = orjson.dumps({"code": 0, "msg": "成功"})


class Template(_settings.Naming):
    """The code under which Alibaba Cloud approved a template, and where its variables come from."""

    code: _settings.Token


class Config(_settings.Settings):
    """The settings of the channel; see docs/channels.md."""

    endpoint: _settings.Origin | None = None
    region: _settings.Token = "cn-hangzhou"
    access_key_id: _settings.Token
    access_key_secret: pydantic.SecretStr
    sign_name: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=64)]
    templates: dict[str, Template] = pydantic.Field(default_factory=dict)
    default_template: Template | None = None
    single: bool = False
    batch_size: int = pydantic.Field(default=100, ge=1, le=100)
    parallel: int = pydantic.Field(default=16, ge=1, le=256)
    lanes: int = pydantic.Field(default=4, ge=1, le=64)
    per_second: float = pydantic.Field(default=1000.0, ge=0, le=500_000)
    connect_timeout: float = pydantic.Field(default=3.0, gt=0, le=60)
    total_timeout: float = pydantic.Field(default=10.0, gt=0, le=120)
    receipts_within: timedelta = timedelta(hours=1)
    absent_after: timedelta | None = timedelta(minutes=10)
    callback_addresses: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    ca_file: str | None = None

    @pydantic.model_validator(mode="after")
    def _some_template(self) -> Self:
        if not self.templates and self.default_template is None:
            raise ValueError("templates: at least one, or a default_template")
        return self

    @property
    def one_by_one(self) -> bool:
        """Whether every message is a request of its own."""
        return self.single or self.batch_size == 1

    @property
    def origin(self) -> str:
        """Where requests go: ``endpoint``, else the region's public one."""
        if self.endpoint is not None:
            return self.endpoint.rstrip("/")
        at = "" if self.region.startswith("cn-") else f".{self.region}"
        return f"https://dysmsapi{at}.aliyuncs.com"


def configure(raw: Mapping[str, Any], tools: Tools) -> "AliyunSms":
    """The channel of these settings. Raises ``ValueError`` naming the wrong setting, not its value."""
    return AliyunSms(_settings.read(Config, raw), tools)


class AliyunSms:
    """A configured account of Alibaba Cloud SMS."""

    medium = Medium.SMS

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._now = tools.now
        self.limits = Limits(
            # One by one, results are recorded once a batch: a crash leaves no more than this in doubt.
            batch_size=min(config.batch_size, 50) if config.single else config.batch_size,
            per_second=config.per_second,
            lanes=config.lanes,
            max_units=500,
            idempotent_for=None,
            receipts_within=config.receipts_within,
            absent_after=config.absent_after,
        )
        self._sender = _http.Sender(
            config.origin,
            connections=config.lanes * (config.parallel if config.one_by_one else 1) + 1,
            connect_timeout=config.connect_timeout,
            total_timeout=config.total_timeout,
            ca_file=config.ca_file,
        )
        self._signer = _signing.Acs3(
            config.access_key_id,
            config.access_key_secret.get_secret_value(),
            host=self._sender.host_header,
            version=VERSION,
        )
        self._sign = _signing.percent(config.sign_name)
        self._sign_json = _signing.percent(orjson.dumps(config.sign_name))

    def __repr__(self) -> str:
        return f"AliyunSms({self._sender.host_header})"

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        """One outcome a message, in order. A batch within the limits ends within twice ``total_timeout``;
        a larger one goes out in several calls."""
        messages = batch.messages
        if not messages:
            return []
        template = self._config.templates.get(batch.template, self._config.default_template)
        refusal = self._refusal(batch, template)
        if refusal is not None or template is None:
            return [refusal or ChannelStop(code="settings.template")] * len(messages)
        if self._config.one_by_one or len(messages) == 1:
            return await _parts.side_by_side(
                messages,
                lambda message: self._send_one(batch.key, template, message),
                parallel=self._config.parallel,
            )
        outcomes: list[Outcome] = []
        for part in _parts.slices(messages, self._config.batch_size):
            outcomes += await _parts.isolate(
                part,
                lambda some: self._send_part(batch.key, template, some),
                seconds=self._config.total_timeout,
            )
        return outcomes

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]:
        """What became of the batch's messages, looked up by number, day and ``OutId``.

        ``UNKNOWN`` with the code ``WAITING``: the provider has it and waits for the carrier's word.
        ``ABSENT``: it answered, and has no such message on that day nor, shortly before midnight, on
        the next. A message without a receipt in the answer could not be asked for.
        """
        days = sorted(
            {
                moment.astimezone(_aliyun_reports.BEIJING).strftime("%Y%m%d")
                for moment in (sent_at, sent_at + _MAY_COUNT_LATER)
            }
        )
        found = await _parts.side_by_side(
            batch.messages,
            lambda message: self._find(batch.key, message.address, days),
            parallel=self._config.parallel,
        )
        return [receipt for receipt in found if receipt is not None]

    def receipts(self, callback: Callback) -> CallbackAnswer:
        """An SmsReport: an array of delivery reports. The provider does not sign them."""
        if not self._is_allowed(callback.remote):
            return CallbackAnswer(receipts=(), status=403)
        try:
            reports = orjson.loads(callback.body)
        except orjson.JSONDecodeError:
            return CallbackAnswer(receipts=(), status=400)
        if not isinstance(reports, list):
            return CallbackAnswer(receipts=(), status=400)
        return CallbackAnswer(
            receipts=[
                _aliyun_reports.of_report(report)
                for report in reports
                if _aliyun_reports.is_report(report)
            ],
            body=_RECEIVED,
            content_type="application/json",
        )

    async def health(self) -> Health:
        """Whether the gateway accepts connections; it is asked nothing."""
        return await self._sender.reach()

    async def close(self) -> None:
        """Close the connections. Twice is fine."""
        await self._sender.close()

    def _refusal(self, batch: Batch, template: Template | None) -> Outcome | None:
        if template is None:
            return ChannelStop(code="settings.template", detail=batch.template)
        for message in batch.messages:
            for source in template.variables.values():
                if _value(message, source) is None:
                    return ChannelStop(
                        code="settings.variable", detail=f"{batch.template}: {source}"
                    )
        return None

    async def _send_one(self, key: str, template: Template, message: Message) -> Outcome:
        values = {
            name: _value(message, source) or "" for name, source in template.variables.items()
        }
        # In the order of names, as the canonical query wants it.
        query = (
            f"OutId={_signing.percent(key)}&PhoneNumbers={_number(message.address)}"
            f"&SignName={self._sign}&TemplateCode={_signing.percent(template.code)}"
            f"&TemplateParam={_signing.percent(orjson.dumps(values))}"
        )
        result = await self._call("SendSms", query)
        return _verdict(result, (message,)).outcome

    async def _send_part(
        self, key: str, template: Template, messages: Sequence[Message]
    ) -> _parts.Verdict:
        query = f"OutId={_signing.percent(key)}&TemplateCode={_signing.percent(template.code)}"
        body = self._form(template, messages)
        return _verdict(await self._call("SendBatchSms", query, body), messages)

    def _form(self, template: Template, messages: Sequence[Message]) -> bytes:
        """The three JSON arrays, encoded. Most values of a batch are the same for all: encoded once."""
        encoded: dict[str, str] = {}
        names = [
            (_signing.percent(orjson.dumps(name)) + "%3A", source)
            for name, source in template.variables.items()
        ]
        rows = []
        for message in messages:
            fields = []
            for name, source in names:
                value = _value(message, source) or ""
                text = encoded.get(value)
                if text is None:
                    text = encoded[value] = _signing.percent(orjson.dumps(value))
                fields.append(name + text)
            rows.append("%2C".join(fields))
        numbers = "%22%2C%22".join([_number(message.address) for message in messages])
        signs = "%2C".join([self._sign_json] * len(messages))
        return (
            f"PhoneNumberJson=%5B%22{numbers}%22%5D&SignNameJson=%5B{signs}%5D"
            f"&TemplateParamJson=%5B%7B{'%7D%2C%7B'.join(rows)}%7D%5D"
        ).encode("ascii")

    async def _find(self, key: str, address: str, days: Sequence[str]) -> Receipt | None:
        for day in days:
            rows = await self._sent_on(day, address)
            if rows is None:
                return None
            for row in rows:
                # Calls of one batch share what stands before the hyphen; the number tells them apart.
                if _batch_of(row.get("OutId")) == _batch_of(key):
                    return _aliyun_reports.of_detail(row, address)
        return Receipt(
            status=ReceiptStatus.ABSENT, code="NOT_FOUND", batch_key=key, address=address
        )

    async def _sent_on(self, day: str, address: str) -> Sequence[Mapping[str, Any]] | None:
        """All the provider sent to a number on a day (Beijing, YYYYMMDD); None where it did not say."""
        query = f"CurrentPage=1&PageSize={_PAGE}&PhoneNumber={_number(address)}&SendDate={day}"
        answer = _read(await self._call("QuerySendDetails", query))
        if answer is None or answer.get("Code") != "OK":
            return None
        details = answer.get("SmsSendDetailDTOs")
        rows = details.get("SmsSendDetailDTO") if isinstance(details, dict) else None
        found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        # A number gets a handful of messages a day. Where there is another page, nothing is absent.
        return found if len(found) < _PAGE else None

    async def _call(self, action: str, query: str, body: bytes = b"") -> _http.Result:
        headers = self._signer.headers(action, query, body, self._now())
        return await self._sender.post(f"/?{query}", headers + "accept: application/json\r\n", body)

    def _is_allowed(self, remote: str) -> bool:
        if not self._config.callback_addresses:
            return True
        try:
            address = ipaddress.ip_address(remote)
        except ValueError:
            return False
        return any(address in network for network in self._config.callback_addresses)


def _verdict(result: _http.Result, messages: Sequence[Message]) -> _parts.Verdict:
    """The translation of everything the provider may say into the five outcomes."""
    if not isinstance(result, _http.Answer):
        return _parts.Verdict(_http.outcome_of(result))
    answer = _read(result) or {}
    code = answer.get("Code")
    if code == "OK" and result.status == 200:
        return _parts.Verdict(Accepted(reference=str(answer.get("BizId") or "")))
    if not isinstance(code, str) or code in ("", "OK"):
        return _parts.Verdict(_without_code(result))
    said = str(answer.get("Message") or "")
    detail = _http.clean(said, messages)
    if code in PERMANENT:
        return _parts.Verdict(Permanent(code=code, detail=detail), is_about_one=True)
    if code in RETRY:
        seconds = next((wait for word, wait in _LEVELS if word in said), RETRY[code])
        # Hours and days are counted per number, so one number may hold up the others.
        return _parts.Verdict(
            RetryAfter(delay=timedelta(seconds=seconds), code=code, detail=detail),
            is_about_one=seconds > 60,
        )
    if code.startswith("Throttling"):
        delay = _http.retry_after(result.headers)
        return _parts.Verdict(RetryAfter(delay=delay, code=code, detail=detail))
    if code in UNCERTAIN or (result.status >= 500 and code not in STOP):
        return _parts.Verdict(Uncertain(code=code, detail=detail))
    return _parts.Verdict(ChannelStop(code=_http.clean(code), detail=detail))


def _without_code(answer: _http.Answer) -> Outcome:
    said = _http.outcome_of_status(answer)
    if said is not None:
        return said
    if 400 <= answer.status < 500:
        return ChannelStop(code=f"http.{answer.status}")  # not the API, or something in front of it
    return Uncertain(code="malformed_answer")


def _read(result: _http.Result) -> dict[str, Any] | None:
    if not isinstance(result, _http.Answer):
        return None
    try:
        answer = orjson.loads(result.body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _value(message: Message, source: str) -> str | None:
    value = message.variables.get(source)
    if value is None and source in ("text", "title", "url"):
        return str(getattr(message, source))
    return value


def _number(address: str) -> str:
    """E.164 as the provider writes it: domestic numbers bare, others with their country code."""
    digits = address.removeprefix("+")
    return _signing.percent(digits[2:] if len(digits) == 13 and digits.startswith("86") else digits)


def _batch_of(out_id: object) -> tuple[str, ...]:
    """A key without its second word, which tells the calls of one batch apart."""
    first, *rest = str(out_id or "").split("-")
    return (first, *rest[1:])
