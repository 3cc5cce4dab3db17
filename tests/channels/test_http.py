"""The sender: framing, reuse of connections, and above all whether a request left."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from channels import _http
from channels._http import Answer, Lost, NotSent


@asynccontextmanager
async def raw_server(*answers: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers whole requests with the given octets, then closes.

    None: closes without a word; empty: does not answer at all.
    """
    heard: list[bytes] = []
    queue = list(answers)
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while queue:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            heard.append(head + await reader.readexactly(length))
            answer = queue.pop(0)
            if answer is None:
                break
            if not answer:
                await reader.read()  # until the other end has had enough
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heard
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def aiohttp_server(handler: Callable[..., object]) -> AsyncIterator[str]:
    """A server that nobody here wrote."""
    app = web.Application()
    app.router.add_post("/{tail:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sender(origin: str, **options: float) -> AsyncIterator[_http.Sender]:
    """A sender that is closed afterwards."""
    made = _http.Sender(origin, **{"total_timeout": 2.0, **options})  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_an_independent_server_hears_what_was_sent_and_is_understood() -> None:
    """Length, chunks, an empty answer, and a connection used again for each."""
    peers = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        body = await request.read()
        if request.path == "/chunked":
            answer = web.StreamResponse()
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            for at in range(0, len(body), 1000):
                await answer.write(body[at : at + 1000])
            await answer.write_eof()
            return answer
        if request.path == "/empty":
            return web.Response(status=204)
        said = f"{request.rel_url.raw_query_string} {request.headers['x-mark']} {len(body)}"
        return web.Response(status=418, text=said, headers={"Retry-After": "7"})

    async with aiohttp_server(handler) as origin, sender(origin) as made:
        plain = await made.post("/a?b=%20c", "x-mark: 1\r\n", b"x" * 70_000)
        chunked = await made.post("/chunked", "x-mark: 2\r\n", b"y" * 70_000)
        empty = await made.post("/empty", "x-mark: 3\r\n")

    assert isinstance(plain, Answer)
    assert (plain.status, plain.body) == (418, b"b=%20c 1 70000")
    assert plain.headers["retry-after"] == "7"
    assert isinstance(chunked, Answer)
    assert chunked.body == b"y" * 70_000
    assert isinstance(empty, Answer)
    assert (empty.status, empty.body) == (204, b"")
    assert len(peers) == 1


async def test_a_refused_connection_and_an_unknown_host_send_nothing() -> None:
    """Both may be tried again at once elsewhere."""
    async with raw_server() as (origin, _):
        port = origin.rpartition(":")[2]

    async with sender(f"http://127.0.0.1:{port}") as made:
        refused = await made.post("/", "")
        health = await made.reach()
    async with sender("http://no-such-host.invalid") as made:
        unknown = await made.post("/", "")

    assert refused == NotSent("connect_refused")
    assert not health.is_well
    assert isinstance(unknown, NotSent)


async def test_a_connection_lost_after_writing_is_not_a_refusal() -> None:
    """The other end may have read the request."""
    async with raw_server(None) as (origin, heard), sender(origin) as made:
        result = await made.post("/", "", b"hello")

    assert result == Lost("connection_lost")
    assert len(heard) == 1


async def test_a_reused_connection_that_dies_silently_is_lost_and_never_retried() -> None:
    """A stale connection is the classic way to send a message twice."""
    async with raw_server(OK, None, OK) as (origin, heard), sender(origin) as made:
        first = await made.post("/", "", b"1")
        second = await made.post("/", "", b"2")
        third = await made.post("/", "", b"3")

    assert isinstance(first, Answer)
    assert second == Lost("connection_lost")
    assert isinstance(third, Answer)
    assert [request[-1:] for request in heard] == [b"1", b"2", b"3"]


async def test_a_connection_closed_while_idle_is_replaced_without_a_loss() -> None:
    """Half-closed connections are noticed before anything is written to them."""
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with raw_server(OK) as (origin, _), sender(origin) as made:
        first = await made.post("/", "")
        for _ in range(5):
            await asyncio.sleep(0.01)  # the server closes: wait until its FIN is here
        assert not any(connection.is_open for connection in made._idle)
    async with raw_server(closing, OK) as (origin, _), sender(origin) as made:
        wished = [await made.post("/", ""), await made.post("/", "")]

    assert isinstance(first, Answer)
    assert all(isinstance(result, Answer) for result in wished)


async def test_an_answer_that_does_not_come_is_lost_in_time() -> None:
    """The total timeout holds, and its connection is not used again."""
    async with raw_server(b"") as (origin, _), sender(origin, total_timeout=0.1) as made:
        result = await made.post("/", "")
        assert result == Lost("timeout")
        assert not made._idle
        assert not made._busy


async def test_no_free_connection_sends_nothing() -> None:
    """Whoever waits in vain for a connection may try again."""
    async with (
        raw_server(b"", b"") as (origin, heard),
        sender(origin, connections=1, total_timeout=0.2) as made,
    ):
        results = await asyncio.gather(made.post("/", ""), made.post("/", ""))
        await asyncio.sleep(0)

    assert {type(result) for result in results} == {Lost, NotSent}
    assert len(heard) == 1


async def test_many_requests_share_few_connections_in_turn() -> None:
    """A hundred requests over three connections are all answered with their own answer."""

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(text=request.path)

    async with aiohttp_server(handler) as origin, sender(origin, connections=3) as made:
        results = await asyncio.gather(*(made.post(f"/{number}", "") for number in range(100)))
        opened = len(made._idle)

    answers = [result.body.decode() for result in results if isinstance(result, Answer)]
    assert answers == [f"/{number}" for number in range(100)]
    assert opened <= 3


async def test_cancelling_frees_the_connection_and_the_place() -> None:
    """A cancelled request neither blocks others nor leaves its answer to them."""
    async with raw_server(b"", OK) as (origin, _), sender(origin, connections=1) as made:
        stuck = asyncio.create_task(made.post("/", ""))
        waiting = asyncio.create_task(made.post("/", ""))
        given_up = asyncio.create_task(made.post("/", ""))
        await asyncio.sleep(0.05)
        given_up.cancel()
        stuck.cancel()
        result = await waiting

    assert isinstance(result, Answer)
    assert stuck.cancelled() or stuck.cancelling()


async def test_a_closed_sender_sends_nothing() -> None:
    """Closing is final, and twice is fine."""
    made = _http.Sender("http://127.0.0.1:9")
    await made.close()
    await made.close()

    assert await made.post("/", "") == NotSent("closed")


@pytest.mark.parametrize(
    "octets",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_lost(octets: bytes) -> None:
    """An answer that cannot be read is no answer."""
    async with raw_server(octets) as (origin, _), sender(origin) as made:
        result = await made.post("/", "")

    assert result == Lost("malformed_http")


async def test_an_answer_without_length_ends_with_the_connection() -> None:
    """HTTP/1.0 style; the connection is not used again."""
    octets = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nall of it"
    async with raw_server(octets) as (origin, _), sender(origin) as made:
        result = await made.post("/", "")

    assert isinstance(result, Answer)
    assert result.body == b"all of it"


async def test_octets_that_nobody_asked_for_end_the_connection() -> None:
    """A second answer to one request must not become the answer to the next."""
    async with raw_server(OK + OK, OK) as (origin, _), sender(origin) as made:
        first = await made.post("/", "")
        second = await made.post("/", "")

    assert isinstance(first, Answer)
    assert isinstance(second, Answer)


def _feed(connection: _http._Connection, octets: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    for start, end in itertools.pairwise(places):
        if start < end and connection._answer is not None:
            connection.data_received(octets[start:end])


@given(
    parts=st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
    trailer=st.booleans(),
)
def test_chunks_cut_anywhere_give_the_same_body(
    parts: list[bytes], cuts: list[int], trailer: bool
) -> None:
    """However the network cuts the stream, the body is the chunks put together."""
    loop = asyncio.new_event_loop()
    connection = _http._Connection(loop)
    connection.is_open = True
    connection._answer = answer = loop.create_future()
    octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    octets += b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in parts)
    octets += b"0\r\n" + (b"x-sum: 1\r\n" if trailer else b"") + b"\r\n"

    _feed(connection, octets, cuts)
    loop.close()

    result = answer.result()
    assert isinstance(result, Answer)
    assert result.body == b"".join(parts)
    assert connection.is_reusable


async def test_a_certificate_that_is_not_trusted_sends_nothing(tmp_path: object) -> None:
    """TLS is verified before a word of the request is written."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A server without a certificate fails every handshake, as a wrong one does.
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    async with sender(f"https://127.0.0.1:{port}") as made:
        result = await made.post("/", "")
    server.close()

    assert isinstance(result, NotSent)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("illegal number 13800000001", "illegal number ***"),
        ("openid oia2TjuEGTNoeX76QEjQNrcURxG8 unknown", "openid *** unknown"),
        ("触发天级流控Permits:10", "触发天级流控Permits:10"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_providers_words_lose_what_names_a_person(said: str, heard: str) -> None:
    """Numbers and tokens go, the reason stays."""
    assert _http.clean(said) == heard
