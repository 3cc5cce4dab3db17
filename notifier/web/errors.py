"""Every error that leaves over HTTP, made here: problem+json after RFC 9457, or a page for people.

``type`` is ``about:blank`` only for what HTTP itself says; a refusal has its stable code, as a URN
and as ``code``. ``detail`` is a sentence to act on. A fault has an id, and the log has the rest.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from notifier.domain import errors

_log = structlog.get_logger()

#: Each kind of refusal has one status; a kind that is not listed has its base's.
STATUSES: tuple[tuple[type[errors.Refusal], int], ...] = (
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Forbidden, 403),
    (errors.Invalid, 422),
    (errors.Refusal, 500),
)

TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not in this state",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    500: "A fault of ours",
    503: "Not ready",
}


class Unauthenticated(errors.Refusal):
    """No token, or one that opens nothing."""

    code = "auth.required"


class TooLarge(errors.Invalid):
    """The body is larger than the settings allow."""

    code = "request.too_large"


class NotReadable(errors.Invalid):
    """The body is not what its content type says."""

    code = "request.not_readable"


class RequestInvalid(errors.Invalid):
    """A request that does not fit its model; ``fields`` says where. The values are never repeated."""

    code = "request.invalid"

    def __init__(self, error: ValidationError) -> None:
        super().__init__("请求内容不符合要求，见 errors / the request is not valid: see errors.")
        self.fields = fields_of(error)


def status_of(refusal: errors.Refusal) -> int:
    """The HTTP status of a refusal."""
    match refusal:
        case Unauthenticated():
            return 401
        case TooLarge():
            return 413
        case NotReadable():
            return 400
    return next(status for kind, status in STATUSES if isinstance(refusal, kind))


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    instance: str = "",
    fields: Sequence[dict[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> web.Response:
    """One error as ``application/problem+json``. ``fields`` name what is wrong in the request."""
    body: dict[str, Any] = {
        "type": f"urn:notifier:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if instance:
        body["instance"] = instance
    if fields:
        body["errors"] = list(fields)
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        content_type="application/problem+json",
        headers=headers,
    )


def of_refusal(refusal: errors.Refusal, path: str) -> web.Response:
    """The answer to what the service will not do."""
    status = status_of(refusal)
    headers = {"WWW-Authenticate": 'Bearer realm="notifier"'} if status == 401 else None
    fields = refusal.fields if isinstance(refusal, RequestInvalid) else ()
    return problem(
        status,
        code=refusal.code,
        detail=refusal.sentence,
        instance=path,
        fields=fields,
        headers=headers,
    )


def fields_of(error: ValidationError) -> list[dict[str, str]]:
    """Where and what, for each mistake."""
    return [
        {
            "field": ".".join(str(part) for part in item["loc"]),
            "code": item["type"],
            "message": item["msg"].removeprefix("Value error, "),
        }
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def of_fault(path: str, method: str) -> web.Response:
    """The answer to a fault of ours, which is logged here, once, with its trace."""
    fault_id = note_fault(path, method)
    return problem(
        500,
        code="fault",
        detail=f"服务内部错误，编号 {fault_id} / a fault of ours, number {fault_id}.",
        instance=path,
    )


def note_fault(path: str, method: str) -> str:
    """Logs the exception in hand under a new id and answers it."""
    fault_id = secrets.token_hex(6)
    _log.exception("web.fault", fault=fault_id, path=path, method=method)
    return fault_id


def of_http(error: web.HTTPException, path: str) -> web.Response:
    """The answer to what aiohttp itself refuses."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "request.too_large"}
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return problem(
        error.status,
        code=codes.get(error.status, f"http.{error.status}"),
        detail=error.reason or TITLES.get(error.status, "Error"),
        instance=path,
        headers=headers,
    )
