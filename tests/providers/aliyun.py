"""Alibaba Cloud SMS as its documentation and its SDK describe it: SendSms, SendBatchSms, QuerySendDetails.

The signature is verified the way the provider does it: every parameter is decoded and encoded again per
RFC 3986, the signed headers are read from the request, the body is hashed.
"""

import hashlib
import hmac
import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import orjson

from tests.providers.desk import Desk
from tests.providers.ledger import Taken
from tests.providers.receipts import Push
from tests.providers.wire import Reply, Request, json_reply

BEIJING = timezone(timedelta(hours=8))
ALGORITHM = "ACS3-HMAC-SHA256"
NEEDED = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"}
STATUS = {
    "InvalidAccessKeyId.NotFound": 404,
    "SignatureDoesNotMatch": 400,
    "IncompleteSignature": 400,
    "SignatureNonceUsed": 400,
    "InvalidTimeStamp.Expired": 400,
    "InvalidAction.NotFound": 404,
    "InvalidVersion": 400,
    "Throttling.User": 400,
}
_DOMESTIC = re.compile(r"(?:\+86|0086|86)?(1\d{10})")
_ABROAD = re.compile(r"\+?[1-9]\d{6,14}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Refused(Exception):
    """The request is answered with a code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or code


class Aliyun:
    """One account. ``verify_every`` n: only one signature in n is verified (a benchmark's sink)."""

    name = "aliyun"

    def __init__(
        self,
        desk: Desk,
        *,
        keys: Mapping[str, str],
        verify_every: int = 1,
        strict_clock: bool = False,
    ) -> None:
        self.desk = desk
        self.keys = dict(keys)
        self.templates: dict[str, str] = {}
        self.signs: set[str] = set()
        self.verified = 0
        self._verify_every = verify_every
        self._strict_clock = strict_clock
        self._nonces: set[str] = set()
        self._numbers = itertools.count(1)

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        desk, behaviour = self.desk, self.desk.behaviour
        number = desk.count_request()
        try:
            if request.method != "POST":
                raise Refused("UnsupportedHTTPMethod")
            if number % self._verify_every == 0:
                self._verify(request)
            if behaviour.is_throttled(desk.monotonic()):
                raise Refused("Throttling.User", "Request was denied due to user flow control.")
            if behaviour.chance(behaviour.refuse_rate):
                raise Refused(behaviour.refuse_code or "isv.SMS_TEMPLATE_ILLEGAL")
            return behaviour.bend(lambda: self._act(request))
        except Refused as refused:
            desk.count_refusal(refused.code)
            return behaviour.slow(self._say(refused.code, refused.message))

    def _act(self, request: Request) -> Reply:
        action = request.headers.get("x-acs-action", "")
        if self.desk.ledger.keep:
            given = request.parameters()
            given.update(parse_qsl(request.body.decode("ascii"), keep_blank_values=True))
        else:
            given = request.parameters()
        if action == "SendBatchSms":
            if not self.desk.ledger.keep:
                return self._sink_batch(given, request.body)
            return self._send_batch(given)
        if action == "SendSms":
            if not self.desk.ledger.keep:
                phones = (given.get("PhoneNumbers", ""),)
                return self._count(phones, given.get("OutId", ""))
            return self._send(given)
        if action == "QuerySendDetails":
            return self._query(given)
        raise Refused("InvalidAction.NotFound")

    def _send(self, given: Mapping[str, str]) -> Reply:
        phones = [phone for phone in given.get("PhoneNumbers", "").split(",") if phone]
        if not phones:
            raise Refused("MissingPhoneNumbers")
        if len(phones) > 1000:
            raise Refused("isv.MOBILE_COUNT_OVER_LIMIT")
        params = _json(given.get("TemplateParam") or "{}", dict)
        return self._take(
            phones, [given.get("SignName", "")] * len(phones), [params] * len(phones), given
        )

    def _send_batch(self, given: Mapping[str, str]) -> Reply:
        phones = _json(given.get("PhoneNumberJson", ""), list)
        signs = _json(given.get("SignNameJson", ""), list)
        params = _json(given.get("TemplateParamJson") or "[]", list) or [{}] * len(phones)
        if not phones or len(phones) > 100:
            raise Refused("isv.MOBILE_COUNT_OVER_LIMIT")
        if not len(phones) == len(signs) == len(params):
            raise Refused("isv.INVALID_PARAMETERS", "the arrays differ in length")
        return self._take(phones, signs, params, given)

    def _sink_batch(self, given: Mapping[str, str], body: bytes) -> Reply:
        """Counts only; the numbers are all that is decoded."""
        found = next(part[16:] for part in body.split(b"&") if part.startswith(b"PhoneNumberJson="))
        phones = orjson.loads(unquote_to_bytes(found.replace(b"+", b" ")))
        return self._count(phones, given.get("OutId", ""))

    def _count(self, phones: Sequence[str], out_id: str) -> Reply:
        biz_id = f"{next(self._numbers)}^0"
        self.desk.ledger.count(self.name, out_id, phones)
        self.desk.schedule([(phone, out_id, biz_id, "") for phone in phones])
        return self._ok(BizId=biz_id)

    def _take(
        self,
        phones: Sequence[str],
        signs: Sequence[str],
        params: Sequence[Mapping[str, Any]],
        given: Mapping[str, str],
    ) -> Reply:
        desk, code, out_id = self.desk, given.get("TemplateCode", ""), given.get("OutId", "")
        if not code or (self.templates and code not in self.templates):
            raise Refused("isv.SMS_TEMPLATE_ILLEGAL", "模板不合法(不存在或被拉黑)")
        if not all(signs) or (self.signs and not self.signs.issuperset(signs)):
            raise Refused("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
        for phone in phones:
            if desk.behaviour.is_illegal(phone) or not (
                _DOMESTIC.fullmatch(phone) or _ABROAD.fullmatch(phone)
            ):
                raise Refused("isv.MOBILE_NUMBER_ILLEGAL", f"{phone}手机号码格式错误")
        texts = [self._text(code, each) for each in params]
        biz_id, now = f"{next(self._numbers)}^0", desk.clock.now()
        after, reports = desk.receipt_delay(), []
        for phone, sign, filled, text in zip(phones, signs, params, texts, strict=True):
            match = _DOMESTIC.fullmatch(phone)
            bare = match.group(1) if match else phone.lstrip("+")
            fate = "MK:0001" if desk.is_undelivered(bare) else ""
            desk.ledger.take(
                Taken(
                    provider=self.name,
                    at=now,
                    address=bare,
                    key=out_id,
                    template=code,
                    params={name: str(value) for name, value in filled.items()},
                    text=f"【{sign}】{text}",
                    reference=biz_id,
                    due_at=now + timedelta(seconds=after),
                    fate=fate,
                )
            )
            reports.append((bare, out_id, biz_id, fate))
        desk.schedule(reports, after)
        return self._ok(BizId=biz_id)

    def _text(self, code: str, params: Mapping[str, Any]) -> str:
        template = self.templates.get(code)
        if template is None:
            return orjson.dumps(params).decode()
        missing = set(_VARIABLE.findall(template)) - set(params)
        if missing:
            raise Refused("isv.TEMPLATE_MISSING_PARAMETERS", ",".join(sorted(missing)))
        return _VARIABLE.sub(lambda found: str(params[found.group(1)]), template)

    def _query(self, given: Mapping[str, str]) -> Reply:
        now, rows = self.desk.clock.now(), []
        for taken in self.desk.ledger.to(given.get("PhoneNumber", "")):
            if taken.provider != self.name or _local(taken.at, "%Y%m%d") != given.get("SendDate"):
                continue
            if given.get("BizId") not in (None, "", taken.reference):
                continue
            waits = taken.due_at > now
            rows.append(
                {
                    "PhoneNum": taken.address,
                    "SendStatus": 1 if waits else 2 if taken.fate else 3,
                    "ErrCode": "" if waits else taken.fate or "DELIVERED",
                    "TemplateCode": taken.template,
                    "Content": taken.text,
                    "SendDate": _local(taken.at),
                    "ReceiveDate": "" if waits else _local(taken.due_at),
                    "OutId": taken.key,
                }
            )
        size, page = int(given.get("PageSize", "10")), int(given.get("CurrentPage", "1"))
        shown = rows[::-1][(page - 1) * size : page * size]
        return self._ok(TotalCount=str(len(rows)), SmsSendDetailDTOs={"SmsSendDetailDTO": shown})

    def pack(self, reports: Sequence[tuple[str, str, str, str]]) -> list[Push]:
        """SmsReport: arrays of at most 100."""
        now = _local(self.desk.clock.now())
        rows = [
            {
                "phone_number": phone,
                "send_time": now,
                "report_time": now,
                "success": not fate,
                "err_code": fate or "DELIVERED",
                "err_msg": "空号" if fate else "用户接收成功",
                "sms_size": "1",
                "biz_id": biz_id,
                "out_id": out_id,
            }
            for phone, out_id, biz_id, fate in reports
        ]
        return [
            Push("POST", "", orjson.dumps(rows[at : at + 100]), "application/json;charset=UTF-8")
            for at in range(0, len(rows), 100)
        ]

    def _verify(self, request: Request) -> None:
        headers = request.headers
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        fields = dict(part.partition("=")[::2] for part in rest.replace(" ", "").split(","))
        if scheme != ALGORITHM or not fields.keys() >= {"Credential", "SignedHeaders", "Signature"}:
            raise Refused("IncompleteSignature")
        secret = self.keys.get(fields["Credential"])
        if secret is None:
            raise Refused("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        signed = fields["SignedHeaders"].split(";")
        if not NEEDED.issubset(signed) or signed != sorted(signed):
            raise Refused("IncompleteSignature")
        body_hash = hashlib.sha256(request.body).hexdigest()
        if headers.get("x-acs-content-sha256") != body_hash:
            raise Refused("SignatureDoesNotMatch", "the body is not the one that was signed")
        if headers.get("x-acs-version") != "2017-05-25":
            raise Refused("InvalidVersion")
        pairs = sorted(parse_qsl(request.query, keep_blank_values=True, strict_parsing=False))
        query = "&".join(
            f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs
        )
        lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in signed)
        canonical = (
            f"{request.method}\n{request.path}\n{query}\n{lines}\n{';'.join(signed)}\n{body_hash}"
        )
        text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        wanted = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, fields["Signature"]):
            raise Refused("SignatureDoesNotMatch")
        self._check_date(headers.get("x-acs-date", ""))
        nonce = headers["x-acs-signature-nonce"]
        if self.desk.ledger.keep:
            if nonce in self._nonces:
                raise Refused("SignatureNonceUsed")
            self._nonces.add(nonce)
        self.verified += 1

    def _check_date(self, text: str) -> None:
        try:
            date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            raise Refused("InvalidTimeStamp.Format") from None
        # Off by default: with a simulated clock a quarter of an hour may pass in a millisecond.
        if self._strict_clock and abs(self.desk.clock.now() - date) > timedelta(minutes=15):
            raise Refused("InvalidTimeStamp.Expired")

    def _ok(self, **more: object) -> Reply:
        return json_reply({"Code": "OK", "Message": "OK", "RequestId": self._request_id(), **more})

    def _say(self, code: str, message: str) -> Reply:
        content = {"Code": code, "Message": message, "RequestId": self._request_id()}
        status = STATUS.get(code, 200 if code.startswith(("isv.", "isp.")) else 400)
        return json_reply(content, status)

    def _request_id(self) -> str:
        return f"SIM-{next(self._numbers):08X}"


def _local(at: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return at.astimezone(BEIJING).strftime(form)


def _json(text: str, kind: type) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused("isv.INVALID_JSON_PARAM") from None
    if not isinstance(value, kind):
        raise Refused("isv.INVALID_JSON_PARAM")
    return value
