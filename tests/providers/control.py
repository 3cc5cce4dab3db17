"""The control API: how a test or a demo steers the gateway and reads what it took.

``POST /_control``            ``{"provider": "aliyun", "throttle_rate": 1, "receipts": {"send": false}, …}``:
                              settings of ``behaviour.Behaviour``; beside them ``callbacks`` (address by
                              provider), ``templates`` (text by code), ``token_seconds`` (of WeChat),
                              ``reset``, ``expire_token``
``GET /_control/messages``    ``?provider=&address=&key=&offset=&limit=``
``GET /_control/stats``       counts, refusals by code, receipts pushed, duplicates
"""

import hmac
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from tests.providers.behaviour import Behaviour, UnknownSetting
from tests.providers.wire import Reply, Request, json_reply

if TYPE_CHECKING:
    from tests.providers.gateway import Gateway


def handle(gateway: "Gateway", request: Request) -> Reply | Awaitable[Reply]:
    """Answer a request to the control API."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if gateway.control_token and not hmac.compare_digest(token, gateway.control_token.encode()):
        return json_reply({"error": "control token"}, 401)
    if request.path == "/_control/stats":
        return json_reply(gateway.ledger.stats() | {"verified": gateway.aliyun.verified})
    if request.path == "/_control/messages":
        return json_reply(_messages(gateway, request.parameters()))
    if request.path == "/_control" and request.method == "POST":
        return _steer(gateway, request.body)
    return json_reply({"error": "no such thing"}, 404)


def _messages(gateway: "Gateway", wanted: Mapping[str, str]) -> dict[str, object]:
    found = [
        each
        for each in gateway.ledger.messages
        if wanted.get("provider") in (None, each.provider)
        and wanted.get("address") in (None, each.address)
        and wanted.get("key") in (None, each.key)
    ]
    start = int(wanted.get("offset", "0"))
    shown = found[start : start + int(wanted.get("limit", "1000"))]
    return {"total": len(found), "messages": [each.row() for each in shown]}


async def _steer(gateway: "Gateway", body: bytes) -> Reply:
    try:
        settings: dict[str, Any] = dict(orjson.loads(body))
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return json_reply({"error": "a JSON object is expected"}, 400)
    provider = settings.pop("provider", "all")
    callbacks, templates = settings.pop("callbacks", {}), settings.pop("templates", {})
    again, expire = settings.pop("reset", False), settings.pop("expire_token", False)
    token_seconds = settings.pop("token_seconds", gateway.wechat.token_seconds)
    unknown = set(callbacks) - set(gateway.pushers)
    try:
        Behaviour().update(settings)
        if unknown or (provider != "all" and provider not in gateway.desks):
            raise UnknownSetting(", ".join(sorted(unknown)) or f"provider {provider}")
    except UnknownSetting as error:
        return json_reply({"error": f"unknown: {error}"}, 400)
    if again:
        await gateway.reset()
    for name, url in callbacks.items():
        gateway.callback(name, url)
    gateway.aliyun.templates.update(templates)
    gateway.wechat.token_seconds = int(token_seconds)
    if expire:
        gateway.wechat.expire_token()
    await gateway.behave(settings, provider=provider)
    return json_reply({"ok": True})
