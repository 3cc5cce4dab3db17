"""A small router: what an endpoint declares is what is checked, and what the documentation says.

An endpoint names method, path, summary, roles and its models; the handler gets a ``Call`` with the
parts parsed and answers a model (JSON) or a response of its own (PDF, CSV).
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from notifier.intake.plans_json import Strict
from notifier.store.tokens import Role
from notifier.web import errors, principals
from notifier.web.context import SERVICE, Principal, Service

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)

#: JSON bodies are read whole; files have their own bound in the settings.
MAX_JSON = 4 << 20

EVERYBODY = frozenset(Role)
OFFICE = frozenset({Role.OPERATIONS, Role.APPROVER, Role.ADMIN, Role.READ_ONLY})
WRITERS = frozenset({Role.OPERATIONS, Role.ADMIN})
SIGNERS = frozenset({Role.APPROVER, Role.ADMIN})
CHANGERS = WRITERS | SIGNERS
CREWS = frozenset({Role.CREW, Role.OPERATIONS, Role.ADMIN})


class Nothing(Strict):
    """No parameters, or no body."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request, parsed. ``now`` is read once; ``who`` is None on open endpoints."""

    request: web.Request
    service: Service
    now: datetime
    who: Principal | None
    query: Q
    body: B

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        """A part of the path that is a number; the route lets nothing else through."""
        return int(self.request.match_info[name])

    @property
    def actor(self) -> Principal:
        """Who asks, on endpoints that have roles."""
        if self.who is None:
            raise errors.Unauthenticated("请提供令牌 / a token is needed.")
        return self.who


Handler = Callable[[Call[Any, Any]], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One declared way in. ``path`` has ``{name}`` for text and ``{name:int}`` for numbers.

    Empty ``roles``: open to everybody without a token. ``files`` name the parts of a multipart body,
    whose other fields are ``body``; ``produces`` is the content type where it is not JSON, ``status``
    the one of success, ``also`` the other ones by which a caller may expect to be refused.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    roles: frozenset[Role]
    query: type[BaseModel] = Nothing
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    produces: Sequence[str] = ("application/json",)
    files: Sequence[str] = ()
    status: int = 200
    also: Sequence[int] = ()
    tag: str = ""
    description: str = field(default="")

    @property
    def route(self) -> str:
        """The path as aiohttp's router writes it."""
        return _NUMBER.sub(r"{\1:[0-9]{1,18}}", self.path)

    @property
    def parameters(self) -> list[tuple[str, type]]:
        """The parts of the path, with their types."""
        return [
            (name, int if kind else str) for name, kind in re.findall(r"{(\w+)(:int)?}", self.path)
        ]


_NUMBER = re.compile(r"{(\w+):int}")
_H = TypeVar("_H", bound=Handler)


class Group:
    """The endpoints of one subject, declared above their handlers."""

    def __init__(self, tag: str, base: str = "/api/v1") -> None:
        self.endpoints: list[Endpoint] = []
        self._tag = tag
        self._base = base

    def declare(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        roles: frozenset[Role] = frozenset(),
        query: type[BaseModel] = Nothing,
        body: type[BaseModel] | None = None,
        answer: type[BaseModel] | None = None,
        produces: Sequence[str] = ("application/json",),
        files: Sequence[str] = (),
        also: Sequence[int] = (),
    ) -> Callable[[_H], _H]:
        """Declares the handler below it; see ``Endpoint``."""

        def keep(handler: _H) -> _H:
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=self._base + path,
                    summary=summary,
                    handler=handler,
                    roles=roles,
                    query=query,
                    body=body,
                    answer=answer,
                    produces=produces,
                    files=files,
                    also=also,
                    tag=self._tag,
                )
            )
            return handler

        return keep


def add(app: web.Application, endpoints: Sequence[Endpoint]) -> None:
    """Adds the routes of endpoints to an application."""
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, endpoint.route, _bound(endpoint))


def _bound(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        service = request.app[SERVICE]
        who = None
        if endpoint.roles:
            who = await principals.of_bearer(request)
            principals.require(who, endpoint.roles)
        try:
            query = endpoint.query.model_validate(_query(request))
            body = await _body(request, endpoint)
        except ValidationError as error:
            raise errors.RequestInvalid(error) from None
        call = Call(request, service, service.clock.now(), who, query, body)
        answer = await endpoint.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(
            status=endpoint.status,
            body=answer.model_dump_json(by_alias=True).encode(),
            content_type="application/json",
        )

    return handle


def _query(request: web.Request) -> dict[str, Any]:
    """Parameters; one that is given several times is a list."""
    found: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        found[name] = values[0] if len(values) == 1 else values
    return found


async def _body(request: web.Request, endpoint: Endpoint) -> BaseModel:
    if endpoint.body is None or endpoint.files:
        return Nothing()  # a multipart body is read by its handler, piece by piece
    if request.content_type != "application/json" and request.can_read_body:
        raise errors.NotReadable("请求体须为 application/json / the body must be application/json.")
    raw = await read_bounded(request, MAX_JSON)
    if not raw:
        return endpoint.body.model_validate({})
    try:
        parsed = orjson.loads(raw)
    except ValueError as error:
        raise errors.NotReadable(f"不是有效的 JSON / this is not JSON: {error}.") from None
    return endpoint.body.model_validate(parsed)


async def read_bounded(request: web.Request, most: int) -> bytes:
    """The body, if it has no more than ``most`` bytes. Raises ``errors.TooLarge``."""
    if request.content_length is not None and request.content_length > most:
        raise too_large(most)
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            raise too_large(most)
        parts.append(part)
    return b"".join(parts)


def too_large(most: int) -> errors.TooLarge:
    """The refusal of a body of more than ``most`` bytes."""
    return errors.TooLarge(f"内容超过 {most} 字节 / more than {most} bytes.")
