"""A small HTTP/1.1 server: fast enough to be a benchmark's sink, and able to misbehave on purpose."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from urllib.parse import parse_qsl

import orjson

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request, its query still encoded; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    remote: str

    def parameters(self) -> dict[str, str]:
        """The decoded query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


class Fate(Enum):
    """What becomes of an answer."""

    ANSWER = "answer"
    DROP = "drop"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ``delay`` seconds of real time later; or none."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    fate: Fate = Fate.ANSWER


def json_reply(content: object, status: int = 200, **headers: str) -> Reply:
    """An answer in JSON."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(orjson.dumps(content), status, headers=named)


Handler = Callable[[Request], Reply | Awaitable[Reply]]


class Connection(asyncio.Protocol):
    """One client; requests are answered one after the other, in order."""

    def __init__(self, handler: Handler, listener: "Listener") -> None:
        self._handler = handler
        self._listener = listener
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._pending: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._hangs = False
        self._remote = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._remote = (transport.get_extra_info("peername") or ("",))[0]
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.connections.discard(self)
        if self._pending is not None:
            self._pending.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._pending is None and not self._hangs:
            request = self._next()
            if request is None:
                return
            reply = self._handler(request)
            if isinstance(reply, Reply):
                self._answer(reply)
            else:
                loop = asyncio.get_running_loop()
                self._pending = loop.create_task(self._when_ready(reply))

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _next(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            found = _chunks(self._buffer, end + 4)
            if found is None:
                return None
            body, done = found
        else:
            done = end + 4 + int(headers.get("content-length") or 0)
            if len(self._buffer) < done:
                if headers.get("expect", "").lower() == "100-continue":
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return None
            body = bytes(self._buffer[end + 4 : done])
        del self._buffer[:done]
        method, _, rest = lines[0].partition(" ")
        target = rest.rpartition(" ")[0]
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body, self._remote)

    def _answer(self, reply: Reply) -> None:
        if reply.delay > 0:
            loop = asyncio.get_running_loop()
            later = replace(reply, delay=0.0)
            self._pending = loop.call_later(reply.delay, self._late, later)
        elif reply.fate is Fate.DROP:
            self.abort()
        elif reply.fate is Fate.HANG:
            self._hangs = True
        elif not self._transport.is_closing():
            more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
            head = (
                f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Other')}\r\n"
                f"content-type: {reply.content_type}\r\n"
                f"content-length: {len(reply.body)}\r\n{more}\r\n"
            )
            self._transport.write(head.encode("latin-1") + reply.body)

    async def _when_ready(self, reply: Awaitable[Reply]) -> None:
        self._late(await reply)

    def _late(self, reply: Reply) -> None:
        self._pending = None
        self._answer(reply)
        self.data_received(b"")


def _chunks(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while True:
        line = buffer.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(bytes(buffer[at:line]).partition(b";")[0], 16)
        at = line + 2 + size + 2
        if len(buffer) < at:
            return None
        if size == 0:
            return bytes(body), at
        body += buffer[line + 2 : line + 2 + size]


@dataclass(slots=True)
class Listener:
    """A port with a handler; it can go down and come back on the same port."""

    handler: Handler
    port: int = 0
    connections: set[Connection] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def up(self) -> None:
        """Listen on the loopback interface; the port chosen the first time is kept."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self.handler, self), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and cut those there are."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self.connections):
            connection.abort()
