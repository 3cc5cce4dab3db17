"""JPush REST v3: push, batch of single pushes, cid pool, message status. Basic authentication."""

import base64
import hmac
import itertools
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from tests.providers.desk import Desk
from tests.providers.ledger import Taken
from tests.providers.wire import Reply, Request, json_reply

SENTENCES = {
    1001: "only POST is supported",
    1002: "missing parameter",
    1003: "illegal parameter",
    1004: "authen failed",
    1011: "cannot find user by this audience or has been inactive for more than 255 days",
    2002: "rate limit exceeded",
}
STATUS = {1000: 500, 1001: 405, 1004: 401, 1020: 404, 1030: 503, 2002: 429}


class Refused(Exception):
    """The request, or one entry of it, is answered with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def content(self) -> dict[str, object]:
        """The error as JPush writes it."""
        return {"code": self.code, "message": SENTENCES.get(self.code, "refused")}


class JPush:
    """One application."""

    name = "jpush"

    def __init__(self, desk: Desk, *, app_key: str, master_secret: str) -> None:
        self.desk = desk
        self.app_key = app_key
        self.master_secret = master_secret
        self._numbers = itertools.count(18100000000000001)
        self._done: dict[str, dict[str, object]] = {}

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        desk, behaviour = self.desk, self.desk.behaviour
        desk.count_request()
        try:
            self._authenticate(request)
            if request.path == "/v3/push/cid":
                return self._cids(request)
            if request.method != "POST":
                raise Refused(1001)
            if behaviour.is_throttled(desk.monotonic()):
                raise Refused(2002)
            if behaviour.chance(behaviour.refuse_rate):
                raise Refused(int(behaviour.refuse_code or 1011))
            return behaviour.bend(lambda: self._act(request))
        except Refused as refused:
            desk.count_refusal(refused.code)
            more = {"x_rate_limit_reset": "3"} if refused.code == 2002 else {}
            return behaviour.slow(
                json_reply({"error": refused.content()}, STATUS.get(refused.code, 400), **more)
            )

    def _act(self, request: Request) -> Reply:
        try:
            given = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise Refused(1003) from None
        if request.path == "/v3/push":
            return json_reply(self._push(given))
        if request.path == "/v3/push/validate":
            self._check(given)
            return json_reply({"sendno": "0", "msg_id": "0"})
        if request.path in ("/v3/push/batch/regid/single", "/v3/push/batch/alias/single"):
            return self._push_list(given, "alias" if "alias" in request.path else "registration_id")
        if request.path == "/v3/status/message":
            return self._status(given)
        raise Refused(1020)

    def _push(self, given: Mapping[str, Any]) -> dict[str, object]:
        targets = self._check(given)
        cid = str(given.get("cid") or "")
        if cid and not cid.startswith(f"{self.app_key}-"):
            raise Refused(1003)
        if cid and cid in self._done:
            return self._done[cid]  # the first result again; nothing is pushed
        behaviour = self.desk.behaviour
        if any(behaviour.is_illegal(target) for target in targets):
            raise Refused(1003)
        living = [target for target in targets if not behaviour.is_dead(target)]
        if not living:
            raise Refused(1011)
        number = str(next(self._numbers))
        self._take(living, given, cid, number)
        result: dict[str, object] = {"sendno": "0", "msg_id": number}
        if cid:
            self._done[cid] = result
        return result

    def _push_list(self, given: Mapping[str, Any], kind: str) -> Reply:
        entries = given.get("pushlist")
        if not isinstance(entries, dict) or not 0 < len(entries) <= 1000:
            raise Refused(1003)
        answers: dict[str, object] = {}
        for cid, entry in entries.items():
            one = {**entry, "cid": cid, "audience": {kind: [entry.get("target")]}}
            try:
                answers[cid] = {"msg_id": self._push(one)["msg_id"]}
            except Refused as refused:
                answers[cid] = {"error": refused.content()}
        return json_reply(answers)

    def _check(self, given: Mapping[str, Any]) -> list[str]:
        if not given.get("platform") or not (given.get("notification") or given.get("message")):
            raise Refused(1002)
        audience = given.get("audience")
        if not isinstance(audience, dict) or len(audience) != 1:
            raise Refused(1003)
        ((kind, targets),) = audience.items()
        if kind not in ("registration_id", "alias") or not isinstance(targets, list):
            raise Refused(1003)
        if not 0 < len(targets) <= 1000 or not all(
            isinstance(each, str) and each for each in targets
        ):
            raise Refused(1003)
        return targets

    def _take(self, targets: list[str], given: Mapping[str, Any], cid: str, number: str) -> None:
        now = self.desk.clock.now()
        notification = given.get("notification") or {}
        text = str(notification.get("alert") or given.get("message", {}).get("msg_content", ""))
        title = str(notification.get("android", {}).get("title", ""))
        for target in targets:
            self.desk.ledger.take(
                Taken(
                    provider=self.name,
                    at=now,
                    address=target,
                    key=cid,
                    template="",
                    params={"title": title},
                    text=text,
                    reference=number,
                    due_at=now + timedelta(seconds=self.desk.receipt_delay()),
                )
            )

    def _status(self, given: Mapping[str, Any]) -> Reply:
        number, now = str(given.get("msg_id")), self.desk.clock.now()
        answer: dict[str, object] = {}
        for target in given.get("registration_ids", []):
            found = [each for each in self.desk.ledger.to(target) if each.reference == number]
            answer[target] = {"status": 3 if not found else 1 if found[0].due_at > now else 0}
        return json_reply(answer)

    def _cids(self, request: Request) -> Reply:
        count = min(max(int(request.parameters().get("count", "1")), 1), 1000)
        return json_reply({"cidlist": [f"{self.app_key}-{uuid.uuid4()}" for _ in range(count)]})

    def _authenticate(self, request: Request) -> None:
        wanted = base64.b64encode(f"{self.app_key}:{self.master_secret}".encode()).decode()
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Basic {wanted}".encode()):
            raise Refused(1004)
