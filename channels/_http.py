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

from channels._http_reading import Malformed, Reading
from notifier.channel import Health, Message, Outcome, RetryAfter, Uncertain


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


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, no pipelining."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Result] | None = None
        self._reading = Reading()
        self.is_open = False
        self.idle_since = 0.0

    @property
    def is_reusable(self) -> bool:
        """Open, and its last answer was read to the end without a wish to close."""
        return self.is_open and self._answer is None and self._reading.keeps

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
        if exc is None and self._reading.ends_with_connection:
            self._complete()
        self._finish(Lost("connection_lost"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.drop()  # nobody asked: the connection is out of step
            return
        try:
            if self._reading.feed(data):
                self._complete()
        except Malformed:
            self._finish(Lost("malformed_http"))
            self.drop()

    def _finish(self, result: Result) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(result)

    def _complete(self) -> None:
        read = self._reading
        self._finish(Answer(read.status, read.headers, read.body))
