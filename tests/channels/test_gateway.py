"""The simulator itself: its receipts, its faults, and that it runs as a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from channels import aliyun_sms, wechat_template
from notifier import clock as clocks
from notifier.channel import Accepted, Batch, Callback, Receipt, ReceiptStatus, RetryAfter, Tools
from tests.channels import gateways
from tests.providers.gateway import Gateway
from tests.providers.process import GatewayProcess

START = datetime(2026, 3, 5, 0, 0, tzinfo=UTC)


@asynccontextmanager
async def listening(
    read: Callable[[Callback], list[Receipt]], *, statuses: list[int] | None = None
) -> AsyncIterator[tuple[str, list[list[Receipt]], asyncio.Condition]]:
    """A callback address; every push that was answered with 200 is kept."""
    pushes: list[list[Receipt]] = []
    more, answers = asyncio.Condition(), list(statuses or [])

    async def handler(request: web.Request) -> web.Response:
        status = answers.pop(0) if answers else 200
        callback = Callback(
            method=request.method,
            query=dict(request.query),
            headers={},
            body=await request.read(),
            remote=request.remote or "",
        )
        if status == 200:
            async with more:
                pushes.append(read(callback))
                more.notify_all()
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/secret", pushes, more
    finally:
        await runner.cleanup()


async def until(more: asyncio.Condition, pushes: list[list[Receipt]], count: int) -> list[Receipt]:
    """The receipts of all pushes, once there are ``count``."""
    async with asyncio.timeout(5), more:
        await more.wait_for(lambda: sum(map(len, pushes)) >= count)
    return [receipt for push in pushes for receipt in push]


@pytest.fixture
async def fast() -> AsyncIterator[Gateway]:
    """A gateway whose clock runs a thousand times as fast."""
    gateway = Gateway(clock=clocks.SimulatedClock(START, 1000), speed=1000)
    async with gateway.running():
        yield gateway


async def test_reports_come_in_arrays_of_a_hundred_and_again_when_they_were_not_heard(
    fast: Gateway,
) -> None:
    """A callback that answers 500 hears the same report a simulated minute later."""
    simulated = gateways.aliyun(fast)
    channel = aliyun_sms.configure(simulated.settings(), Tools(now=fast.clock.now))
    await fast.behave({"dead_suffixes": ["0051"]}, provider="aliyun")
    batches = [
        Batch(
            key=f"b{start}",
            template=simulated.template,
            messages=[simulated.message(start + number) for number in range(100)],
        )
        for start in (0, 100, 200)
    ]

    async with listening(lambda each: list(channel.receipts(each).receipts), statuses=[500]) as (
        url,
        pushes,
        more,
    ):
        fast.callback("aliyun", url)
        for batch in batches:
            await channel.send(batch)
        receipts = await until(more, pushes, 300)
    await channel.close()

    assert max(map(len, pushes)) <= 100
    assert len({(each.batch_key, each.address) for each in receipts}) == 300
    failed = [each.address for each in receipts if each.status is ReceiptStatus.FAILED]
    assert failed == ["+8613800000051"]
    assert all(each.at is not None and each.at >= START for each in receipts)
    assert fast.ledger.receipts["aliyun.again"] == 1


async def test_receipts_are_doubled_and_shuffled_when_told_to(fast: Gateway) -> None:
    """The service has to bear both."""
    simulated = gateways.wechat(fast)
    channel = wechat_template.configure(simulated.settings(), Tools(now=fast.clock.now))
    await fast.behave(
        {"receipts": {"duplicate_rate": 1.0, "spread_s": 60.0}, "jitter_ms": 1.0}, provider="wechat"
    )
    messages = [simulated.message(number) for number in range(20)]

    async with listening(lambda each: list(channel.receipts(each).receipts)) as (url, pushes, more):
        fast.callback("wechat", url)
        await channel.send(Batch(key="b", template=simulated.template, messages=messages))
        receipts = await until(more, pushes, 40)
    await channel.close()

    order = list(dict.fromkeys(each.address for each in receipts))
    assert sorted(order) == sorted(message.address for message in messages)
    assert order != [message.address for message in messages]


async def test_receipts_that_are_switched_off_do_not_come(fast: Gateway) -> None:
    """For what the service does without them."""
    simulated = gateways.aliyun(fast)
    channel = aliyun_sms.configure(simulated.settings(), Tools(now=fast.clock.now))
    await fast.behave({"receipts": {"send": False}}, provider="aliyun")
    fast.callback("aliyun", "http://127.0.0.1:9/")

    await channel.send(Batch(key="b", template=simulated.template, messages=[simulated.message(1)]))
    await channel.close()

    assert not fast.pushers["aliyun"]._due


async def test_a_quota_of_requests_lets_some_through(gateway: Gateway) -> None:
    """Two at once, and the rest is throttled."""
    simulated = gateways.aliyun(gateway, single=True)
    channel = aliyun_sms.configure(simulated.settings(), Tools(now=gateway.clock.now))
    await gateway.behave({"qps": 2.0}, provider="aliyun")

    outcomes = await channel.send(
        Batch(
            key="b",
            template=simulated.template,
            messages=[simulated.message(number) for number in range(40)],
        )
    )
    await channel.close()

    kinds = [type(outcome) for outcome in outcomes]
    assert 1 <= kinds.count(Accepted) <= 4
    assert kinds.count(RetryAfter) == 40 - kinds.count(Accepted)


async def test_one_provider_goes_down_while_the_others_stay(gateway: Gateway) -> None:
    """What a fallback needs to be seen."""
    settings = [make(gateway).settings() for make in (gateways.aliyun, gateways.wechat)]
    tools = Tools(now=gateway.clock.now)
    sms = aliyun_sms.configure(settings[0], tools)
    wechat = wechat_template.configure(settings[1], tools)

    before = (await sms.health()).is_well
    await gateway.behave({"down": True}, provider="aliyun")
    during = [(await each.health()).is_well for each in (sms, wechat)]
    await gateway.behave({"down": False}, provider="aliyun")
    after = (await sms.health()).is_well
    await sms.close()
    await wechat.close()

    assert (before, during, after) == (True, [False, True], True)


async def test_the_control_api_refuses_what_it_does_not_know(gateway: Gateway) -> None:
    """A misspelt setting in a test would otherwise test nothing."""
    gateway.control_token = "open-sesame"
    url = gateway.url("control")
    headers = {"authorization": "Bearer open-sesame"}

    async with aiohttp.ClientSession() as session:
        statuses = []
        for body, sent in (
            ({"provider": "aliyun", "latency_ms": 1}, headers),
            ({"latency": 1}, headers),
            ({"provider": "nobody"}, headers),
            ({"receipts": {"never": True}}, headers),
            ({"latency_ms": 9}, {}),
        ):
            async with session.post(f"{url}/_control", json=body, headers=sent) as answer:
                statuses.append(answer.status)

    assert statuses == [200, 400, 400, 400, 401]
    assert gateway.desks["aliyun"].behaviour.latency_ms == 1


async def test_the_gateway_runs_as_a_process(clock: clocks.Clock) -> None:
    """Started, steered, read and stopped from outside, on a simulated clock."""
    with GatewayProcess(
        "--clock-start", "2026-03-05T08:00:00+08:00", "--clock-speed", "60"
    ) as there:
        settings = {
            "endpoint": there.url(),
            "access_key_id": "demo-key-id",
            "access_key_secret": "demo-key-secret",
            "sign_name": "某某供电",
            "default_template": {"code": "SMS_1", "variables": ["account"]},
        }
        channel = aliyun_sms.configure(settings, Tools(now=clock.now))
        there.control(provider="aliyun", templates={"SMS_1": "户号${account}停电"})

        message = gateways.aliyun(None).message(7)  # type: ignore[arg-type]
        (outcome,) = await channel.send(Batch(key="b", template="t", messages=[message]))
        (taken,) = there.messages(provider="aliyun")
        stats = there.stats()
        await channel.close()

    assert isinstance(outcome, Accepted)
    assert taken["text"] == "【某某供电】户号7停电"
    assert datetime.fromisoformat(taken["at"]).date() == START.date()
    assert (stats["total"], stats["duplicates"]["aliyun"], stats["verified"]) == (1, 0, 1)
