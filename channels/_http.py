"""A lean keep-alive HTTP/1.1 sender that always knows whether a request left this machine.

Whether a message may be sent again hangs on that one fact, so ``post`` answers with one of three values
and raises nothing: ``Answer`` (the provider spoke), ``NotSent`` (nothing left: refused, no such host,
no free connection) or ``Lost`` (the request left, wholly or partly, and no complete answer came).
A request on a reused connection that dies before a byte of answer is ``Lost`` as well: the other end may
have read it. Nothing is ever sent twice here.

``aiohttp`` costs 0.2 ms a request where this costs 0.05; see ``bench/channels_send.py``.
"""

import asyncio
import re
import socket
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from notifier.channel import Health, Message, Outcome, RetryAfter, Uncertain

#: Answers of providers are a few hundred octets; what is larger than this is not one of theirs.
LARGEST_HEAD = 32 * 1024
LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one octet of the request left this machine. ``code`` says why: ``connect_refused``, …"""

    code: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, or part of it, and no complete answer came. ``code``: ``timeout``, …"""

    code: str


Result = Answer | NotSent | Lost


def outcome_of(failure: NotSent | Lost) -> Outcome:
    """What a failure below HTTP means for every message of the request."""
    if isinstance(failure, NotSent):
        return RetryAfter(delay=timedelta(seconds=10), code=f"not_sent.{failure.code}")
    return Uncertain(code=f"lost.{failure.code}")


def outcome_of_status(answer: Answer) -> Outcome | None:
    """What the status alone says, None when the body has to be asked.

    A 5xx may have been answered by something in front of the provider after the provider took it.
    """
    if answer.status == 429:
        return RetryAfter(delay=retry_after(answer.headers), code="http.429")
    if answer.status >= 500 or answer.status == 408:
        return Uncertain(code=f"http.{answer.status}")
    return None


def retry_after(
    headers: Mapping[str, str], name: str = "retry-after", *, otherwise: float = 1.0
) -> timedelta:
    """How long the provider asks to wait, between 0.1 s and a day; ``otherwise`` when it does not say."""
    try:
        seconds = float(headers.get(name, ""))
    except ValueError:
        seconds = otherwise
    return timedelta(seconds=min(max(seconds, 0.1), 86400.0))


_TELLING = re.compile(r"\d{5,}|(?=[\w-]*\d)[\w-]{8,}", re.ASCII)


def clean(text: object, messages: Sequence[Message] = ()) -> str:
    """A provider's own words, without what could name a person: numbers, openids, tokens.

    >>> clean("illegal number 13800000001")
    'illegal number ***'
    """
    words = str(text)
    for message in messages:
        words = words.replace(message.address, "***")
    return _TELLING.sub("***", words)[:200]


class Sender:
    """A pool of connections to one origin.

    ``connections`` at most, ``connect_timeout`` seconds to open one, ``total_timeout`` seconds for a
    request from the wait for a connection to the last octet of the answer. A connection that was idle for
    ``idle_timeout`` seconds is not used again: the other end may be about to close it.
    """

    def __init__(
        self,
        origin: str,
        *,
        connections: int = 16,
        connect_timeout: float = 3.0,
        total_timeout: float = 10.0,
        idle_timeout: float = 10.0,
        ca_file: str | None = None,
    ) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https address: {parts.scheme}://{parts.hostname}")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self.host_header = parts.netloc.rpartition("@")[2]
        self._head = f"host: {self.host_header}\r\n".encode("ascii")
        self._limit = connections
        self._connect_timeout = connect_timeout
        self.total_timeout = total_timeout
        self._idle_timeout = idle_timeout
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[_Connection | None]] = deque()
        self._closed = False

    async def post(self, target: str, headers: str, body: bytes = b"") -> Result:
        """POST ``body`` to ``target`` (``/path?query``, already encoded).

        ``headers`` are whole lines, each with its CR LF; host and content-length are added here.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.total_timeout
        connection = await self._take(loop, deadline)
        if isinstance(connection, NotSent):
            return connection
        request = b"POST %b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
            target.encode("ascii"),
            self._head,
            headers.encode("ascii"),
            len(body),
            body,
        )
        timer = loop.call_at(deadline, connection.expire)
        try:
            return await connection.exchange(request)
        finally:
            timer.cancel()
            self._give_back(connection, loop.time())

    async def reach(self) -> Health:
        """Whether a new connection can be opened; nothing is sent."""
        loop = asyncio.get_running_loop()
        if self._closed:
            return Health(is_well=False, detail="closed")
        if len(self._busy) + self._opening >= self._limit:
            return Health(is_well=True, detail="every connection is in use")
        connection = await self._open(loop, loop.time() + self.total_timeout)
        if isinstance(connection, NotSent):
            return Health(is_well=False, detail=connection.code)
        self._give_back(connection, loop.time())
        return Health(is_well=True)

    async def close(self) -> None:
        """Close every connection; what is under way is ``Lost``. Twice is fine."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            connection.drop()
        self._idle.clear()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def _take(
        self, loop: asyncio.AbstractEventLoop, deadline: float
    ) -> "_Connection | NotSent":
        while not self._closed:
            while self._idle:
                connection = self._idle.pop()
                if connection.is_open and loop.time() - connection.idle_since < self._idle_timeout:
                    self._busy.add(connection)
                    return connection
                connection.drop()
            if len(self._busy) + self._opening < self._limit:
                return await self._open(loop, deadline)
            handed = await self._wait(loop, deadline)
            if handed is not None:
                return handed
        return NotSent("closed")

    async def _open(
        self, loop: asyncio.AbstractEventLoop, deadline: float
    ) -> "_Connection | NotSent":
        self._opening += 1
        opened: _Connection | None = None
        try:
            until = min(deadline, loop.time() + self._connect_timeout)
            async with asyncio.timeout_at(until):
                _, opened = await loop.create_connection(
                    lambda: _Connection(loop),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except TimeoutError:
            return NotSent("connect_timeout")
        except ConnectionRefusedError:
            return NotSent("connect_refused")
        except socket.gaierror:
            return NotSent("no_such_host")
        except ssl.SSLError:
            return NotSent("tls")
        except OSError:
            return NotSent("connect_failed")
        finally:
            self._opening -= 1
            if opened is None:
                self._wake()
        self._busy.add(opened)
        if self._closed:
            opened.drop()
        return opened

    async def _wait(
        self, loop: asyncio.AbstractEventLoop, deadline: float
    ) -> "_Connection | NotSent | None":
        """A connection that somebody gives back, or None when there is room for a new one."""
        waiter: asyncio.Future[_Connection | None] = loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except TimeoutError:
            self._forget(waiter, loop)
            return NotSent("no_free_connection")
        except asyncio.CancelledError:
            self._forget(waiter, loop)
            raise

    def _forget(
        self, waiter: "asyncio.Future[_Connection | None]", loop: asyncio.AbstractEventLoop
    ) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled():
            handed = waiter.result()
            if handed is None:
                self._wake()
            else:
                self._give_back(handed, loop.time())

    def _give_back(self, connection: "_Connection", now: float) -> None:
        if not connection.is_reusable:
            connection.drop()
            self._busy.discard(connection)
            self._wake()
            return
        connection.idle_since = now
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._busy.discard(connection)
        self._idle.append(connection)

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class _Malformed(Exception):
    """What came is not HTTP/1.1."""


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, no pipelining."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Result] | None = None
        self._buffer = bytearray()
        self._body = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._left: int | None = None
        self._is_chunked = False
        self._keeps = True
        self.is_open = False
        self.idle_since = 0.0

    @property
    def is_reusable(self) -> bool:
        """Open, and its last answer was read to the end without a wish to close."""
        return self.is_open and self._answer is None and self._keeps

    async def exchange(self, request: bytes) -> Result:
        """Send one request and wait for its answer."""
        if self._transport is None or not self.is_open or self._transport.is_closing():
            # It closed between being handed over and being used: nothing was written.
            return NotSent("connection_closed")
        self._answer = self._loop.create_future()
        self._transport.write(request)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.drop()
            raise

    def expire(self) -> None:
        """The time for the request is over."""
        self._finish(Lost("timeout"))
        self.drop()

    def drop(self) -> None:
        """Close without ceremony."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        self._finish(Lost("connection_closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, by create_connection
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._head is not None and self._left is None and not self._is_chunked and exc is None:
            self._complete()  # neither a length nor chunks: the answer ends where the connection does
        self._finish(Lost("connection_lost"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.drop()  # nobody asked: the connection is out of step
            return
        self._buffer += data
        try:
            self._read()
        except _Malformed:
            self._finish(Lost("malformed_http"))
            self.drop()

    def _finish(self, result: Result) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(result)

    def _read(self) -> None:
        while self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > LARGEST_HEAD:
                    raise _Malformed
                return
            head = bytes(self._buffer[:end])
            del self._buffer[: end + 4]
            self._read_head(head)
        if self._is_chunked:
            if self._read_chunks():
                self._complete()
        elif self._left is None:
            self._body += self._buffer
            self._buffer.clear()
        elif len(self._buffer) >= self._left:
            self._body += self._buffer[: self._left]
            del self._buffer[: self._left]
            self._complete()
        if len(self._body) + len(self._buffer) > LARGEST_BODY:
            raise _Malformed

    def _read_head(self, head: bytes) -> None:
        first, _, rest = head.decode("latin-1").partition("\r\n")
        version, _, status = first.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not status[:3].isdigit():
            raise _Malformed
        code = int(status[:3])
        if 100 <= code < 200:
            return  # an interim answer; the real one follows
        headers: dict[str, str] = {}
        for line in rest.split("\r\n") if rest else ():
            name, colon, value = line.partition(":")
            if not colon:
                raise _Malformed
            name, value = name.lower(), value.strip()
            if name == "content-length" and headers.get(name, value) != value:
                raise _Malformed
            headers[name] = value
        self._head = (code, headers)
        self._body = bytearray()
        wish = headers.get("connection", "").lower()
        self._keeps = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
        self._is_chunked = False
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if code in (204, 304):
            self._left = 0
        elif coding is not None:
            if coding.lower() != "chunked":
                raise _Malformed
            self._is_chunked, self._left = True, None
            # Both framings at once is how answers are smuggled: read it, never reuse the connection.
            self._keeps = self._keeps and length is None
        elif length is not None:
            if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
                raise _Malformed
            self._left = int(length)
        else:
            self._left, self._keeps = None, False

    def _read_chunks(self) -> bool:
        """Move whole chunks from the buffer to the body; True after the last one and its trailers."""
        while True:
            if self._left is None:
                end = self._buffer.find(b"\r\n")
                if end < 0:
                    if len(self._buffer) > 1024:
                        raise _Malformed
                    return False
                size = bytes(self._buffer[:end]).partition(b";")[0].strip()
                try:
                    self._left = int(size, 16)
                except ValueError:
                    raise _Malformed from None
                if self._left < 0 or self._left > LARGEST_BODY:
                    raise _Malformed
                if self._left > 0:
                    del self._buffer[: end + 2]
            if self._left == 0:
                return self._read_trailers()
            if len(self._buffer) < self._left + 2:
                return False
            if self._buffer[self._left : self._left + 2] != b"\r\n":
                raise _Malformed
            self._body += self._buffer[: self._left]
            del self._buffer[: self._left + 2]
            self._left = None
            if len(self._body) > LARGEST_BODY:
                raise _Malformed

    def _read_trailers(self) -> bool:
        """The buffer begins with the line of the last chunk; trailers are dropped."""
        line = self._buffer.find(b"\r\n")
        if self._buffer[line + 2 : line + 4] == b"\r\n":
            del self._buffer[: line + 4]
            return True
        end = self._buffer.find(b"\r\n\r\n", line + 2)
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise _Malformed
            return False
        del self._buffer[: end + 4]
        return True

    def _complete(self) -> None:
        if self._head is None:
            return
        status, headers = self._head
        self._head = None
        if self._buffer:
            self._keeps = False
            self._buffer.clear()
        self._finish(Answer(status, headers, bytes(self._body)))
