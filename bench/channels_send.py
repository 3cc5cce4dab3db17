"""How fast the SMS adapter sends, and what its HTTP client costs: ``python -m bench.channels_send``.

The gateway is the simulator in another process, as a sink that counts everything and verifies one signature
in fifty. Beside the adapter's own sender stands the same adapter over a stock aiohttp session.
Prints JSON.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import uvloop

from channels import _http, aliyun_sms
from notifier.channel import Accepted, Batch, Message, Tools
from tests.providers.process import GatewayProcess

TEMPLATE = "advance.sms.zh"
NAMES = ("account", "time", "where", "number")


class AiohttpSender:
    """What ``_http.Sender`` does, over a session of aiohttp: the baseline."""

    def __init__(self, origin: str, connections: int) -> None:
        self._origin = origin
        self.host_header = origin.partition("://")[2]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def post(self, target: str, headers: str, body: bytes = b"") -> _http.Result:
        """POST and read the answer."""
        fields = dict(line.split(":", 1) for line in headers.splitlines())
        import yarl

        address = yarl.URL(self._origin + target, encoded=True)
        async with self._session.post(address, headers=fields, data=body) as answer:
            content = await answer.read()
            return _http.Answer(answer.status, answer.headers, content)

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()


def configured(origin: str, *, single: bool, lanes: int, parallel: int) -> aliyun_sms.AliyunSms:
    """The adapter, pointed at the sink."""
    settings = {
        "endpoint": origin,
        "access_key_id": "demo-key-id",
        "access_key_secret": "demo-key-secret",
        "sign_name": "某某供电公司",
        "templates": {TEMPLATE: {"code": "SMS_1001", "variables": list(NAMES)}},
        "single": single,
        "lanes": lanes,
        "parallel": parallel,
    }
    return aliyun_sms.configure(settings, Tools(now=lambda: datetime.now(UTC)))


def messages(start: int, count: int) -> Sequence[Message]:
    """What an outage notice looks like: one variable differs, the others are the plan's."""
    return [
        Message(
            key=str(number),
            address=f"+861{3_000_000_000 + number}",
            text="",
            variables={
                "account": f"王*明 户号{number:010d}",
                "time": "3月5日08:00至17:30",
                "where": "10kV中05线 幸福里台区、学府路公变",
                "number": "P2026-03-017",
            },
        )
        for number in range(start, start + count)
    ]


async def run(
    channel: aliyun_sms.AliyunSms, *, seconds: float, lanes: int, size: int
) -> dict[str, Any]:
    """Send as much as goes in ``seconds``; the messages are made beforehand."""
    batches = [
        Batch(key=f"b{number}", template=TEMPLATE, messages=messages(number * size, size))
        for number in range(400)
    ]
    numbers, sent, refused = iter(range(10**9)), 0, 0
    cpu, begun = time.process_time(), time.monotonic()

    async def lane() -> None:
        nonlocal sent, refused
        while time.monotonic() - begun < seconds:
            number = next(numbers)
            known = batches[number % len(batches)]
            batch = Batch(key=f"r{number}", template=TEMPLATE, messages=known.messages)
            outcomes = await channel.send(batch)
            accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
            sent += accepted
            refused += len(outcomes) - accepted

    await asyncio.gather(*(lane() for _ in range(lanes)))
    took, burnt = time.monotonic() - begun, time.process_time() - cpu
    return {
        "messages": sent,
        "not_accepted": refused,
        "messages_per_s": round(sent / took),
        "cpu_us_per_message": round(burnt / sent * 1e6, 1),
    }


async def replay(origin: str, *, seconds: float, lanes: int) -> dict[str, Any]:
    """The sink alone: one request, made once, again and again."""
    channel = configured(origin, single=False, lanes=lanes, parallel=1)
    sender = channel._sender
    query = "OutId=replay&TemplateCode=SMS_1001"
    body = channel._form(channel._config.templates[TEMPLATE], messages(0, 100))
    headers = channel._signer.headers("SendBatchSms", query, body, datetime.now(UTC))
    count, begun = 0, time.monotonic()

    async def lane() -> None:
        nonlocal count
        while time.monotonic() - begun < seconds:
            result = await sender.post(f"/?{query}", headers, body)
            assert isinstance(result, _http.Answer)
            assert result.status == 200
            count += 100

    await asyncio.gather(*(lane() for _ in range(lanes)))
    took = time.monotonic() - begun
    await channel.close()
    return {"messages_per_s": round(count / took)}


def parts(channel: aliyun_sms.AliyunSms) -> dict[str, float]:
    """Microseconds of the pieces, without any network."""
    now, some = datetime.now(UTC), messages(0, 100)
    template = channel._config.templates[TEMPLATE]
    body = channel._form(template, some)
    query = "OutId=123456&PhoneNumbers=13800000001&SignName=x&TemplateCode=S&TemplateParam=%7B%7D"

    def of(call: Any, times: int) -> float:
        begun = time.perf_counter()
        for _ in range(times):
            call()
        return round((time.perf_counter() - begun) / times * 1e6, 1)

    return {
        "sign_us": of(lambda: channel._signer.headers("SendSms", query, b"", now), 5000),
        "sign_batch_us": of(
            lambda: channel._signer.headers("SendBatchSms", query, body, now), 1000
        ),
        "form_us_per_100": of(lambda: channel._form(template, some), 300),
        "form_octets_per_100": len(body),
    }


async def measure(seconds: float) -> dict[str, Any]:
    """All of it."""
    found: dict[str, Any] = {}
    with GatewayProcess("--sink") as gateway:
        origin = gateway.url("aliyun")
        for name, single, lanes, size, stock in (
            ("batch_of_100", False, 4, 100, False),
            ("batch_of_100_aiohttp", False, 4, 100, True),
            ("one_message_a_request", True, 4, 50, False),
            ("one_message_a_request_aiohttp", True, 4, 50, True),
        ):
            channel = configured(origin, single=single, lanes=lanes, parallel=16)
            if stock:
                channel._sender = AiohttpSender(origin, lanes * 16)  # type: ignore[assignment]
            await run(channel, seconds=0.3, lanes=lanes, size=size)
            found[name] = await run(channel, seconds=seconds, lanes=lanes, size=size)
            await channel.close()
        found["sink_alone_replay"] = await replay(origin, seconds=seconds, lanes=4)
        stats = gateway.stats()
        found["sink"] = {"counted": stats["total"], "signatures_verified": stats["verified"]}
        plain = configured(origin, single=True, lanes=1, parallel=1)
        found["parts"] = parts(plain)
        await plain.close()
    lean, stock_rate = (
        found[name]["messages_per_s"]
        for name in ("one_message_a_request", "one_message_a_request_aiohttp")
    )
    found["lean_over_aiohttp"] = round(lean / stock_rate, 2)
    return found


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    result = uvloop.run(measure(arguments.seconds))
    print(
        orjson.dumps({"benchmark": "channels_send", **result}, option=orjson.OPT_INDENT_2).decode()
    )


if __name__ == "__main__":
    main()
