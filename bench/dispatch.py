"""Dispatch, durable and whole: claim, decide, render, sign, attempt, call, outcomes, receipts.

    python -m bench.dispatch [--messages 200000] [--single] [--database URL|postgresql] [--lanes 2]

The gateway is the simulator in another process, as a sink that brings receipts back over HTTP.
The naive baseline sends one message after another, each with its own row and commit.
Prints JSON.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop
from aiohttp import web
from sqlalchemy import text

from bench import city, stores
from channels import aliyun_sms
from notifier import channel as channels
from notifier.clock import SystemClock
from notifier.commands.service import keep_what_is_loaded
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent, PlanKind
from notifier.domain.window import Window
from notifier.intake.policies import policy_from_dict, read_policy
from notifier.registry import Switchboard
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.usecases import dispatch, plans, reconcile, submitting
from notifier.usecases.inbox import Inbox
from notifier.vault import Vault
from tests.providers.process import GatewayProcess

ZONE = ZoneInfo("Asia/Shanghai")
TEMPLATES = ("advance", "reminder")
NAIVE_MESSAGES = 300


async def main(messages: int, url: str, lanes: int, *, single: bool) -> dict[str, Any]:
    await migrate.upgrade(url)
    database = await Database.open(url)
    store = Ledger(database)
    vault = Vault.load_or_create(Path(tempfile.mkdtemp()) / "keys.json")
    await city.build(database, vault, messages)
    await _real_phones(database, vault, messages)
    clock = SystemClock()
    runner, port, taken = await _callbacks(store, vault, clock)
    callback = f"http://127.0.0.1:{port}/callbacks/sms"
    at_once = json.dumps({"receipts": {"delay_s": 0.1}})
    with GatewayProcess("--sink", "--callback-aliyun", callback, "--behave", at_once) as gateway:
        channel = aliyun_sms.configure(
            {
                "endpoint": gateway.url("aliyun"),
                "access_key_id": "demo-key-id",
                "access_key_secret": "demo-key-secret",
                "sign_name": "供电公司",
                "templates": {
                    f"{name}.sms.zh": {"code": f"SMS_{n}", "variables": ["when", "where"]}
                    for n, name in enumerate(TEMPLATES)
                },
                "single": single,
                "per_second": 0,
                "lanes": 64 if single else 8,
            },
            channels.Tools(now=clock.now),
        )
        taken["channel"] = channel
        async with store.write() as tx:
            mark = await tx.make_mark(clock.now())
        outbox = _outbox(store, vault, clock, channel, mark)
        await _lay_out(outbox, messages)
        keep_what_is_loaded()
        figures = await _run(outbox, lanes, messages, database, taken)
        figures["naive_messages_per_s"] = await _naive(outbox, database, channel)
        figures["gateway"] = gateway.stats()
        await channel.close()
    await runner.cleanup()
    await database.close()
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"database": database.dialect, "single": single, "messages": messages} | figures


async def _run(
    outbox: dispatch.Outbox, lanes: int, messages: int, database: Database, taken: dict[str, Any]
) -> dict[str, Any]:
    began, used = time.perf_counter(), time.process_time()
    lag = asyncio.create_task(_lag())

    async def lane() -> None:
        while (await dispatch.dispatch(outbox, "sms")).claimed:
            pass

    await asyncio.gather(*(lane() for _ in range(lanes)))
    sent = time.perf_counter() - began
    while taken["receipts"] < messages and time.perf_counter() - began < sent * 3 + 20:
        await asyncio.sleep(0.05)
    whole = time.perf_counter() - began
    cpu = time.process_time() - used
    lag.cancel()
    worst = (await asyncio.gather(lag, return_exceptions=True))[0]
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state")
        )
        states = {str(row[0]): row[1] for row in rows}
    return {
        "sent_s": round(sent, 2),
        "with_receipts_s": round(whole, 2),
        "messages_per_s_sent": round(messages / sent),
        "messages_per_s_with_receipts": round(messages / whole),
        "cpu_us_a_message": round(cpu / messages * 1e6, 1),
        "deliveries_by_state": states,
        "loop_lag_max_ms": round(worst * 1000) if isinstance(worst, float) else None,
    }


async def _lag() -> float:
    worst = 0.0
    try:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = max(worst, time.perf_counter() - began - 0.005)
    except asyncio.CancelledError:
        return worst


def _outbox(
    store: Ledger, vault: Vault, clock: SystemClock, channel: channels.Channel, mark: str
) -> dispatch.Outbox:
    switchboard = Switchboard({"sms": channel})
    policy = read_policy("cn")
    return dispatch.Outbox(
        store=store,
        channels=switchboard.channels,
        fallbacks=switchboard.fallbacks,
        setting=reconcile.Setting(
            policy=policy,
            accounts=switchboard.accounts,
            zone=ZONE,
            lease=timedelta(seconds=30),
            read_policy=policy_from_dict,
        ),
        renderer=MessageRenderer(
            Library(),
            Utility(name="供电公司", signature="供电公司", hotline="95598", link="", zone=ZONE),
        ),
        vault=vault,
        worker="bench",
        mark=mark,
        clock=clock,
    )


async def _lay_out(outbox: dispatch.Outbox, messages: int) -> None:
    now = datetime.now(UTC)
    noon = (now + timedelta(days=1)).replace(hour=4, minute=0, second=0, microsecond=0)
    feeders = -(-messages // (city.POINTS_AN_AREA * city.AREAS_A_FEEDER))
    content = PlanContent(
        number="B1",
        kind=PlanKind.UNPLANNED,  # told at once, whatever the time of day the benchmark runs
        equipment=tuple(
            Equipment(name=f"馈{n}线", kind=EquipmentKind.FEEDER) for n in range(1, feeders + 1)
        ),
        windows=(Window(noon, noon + timedelta(hours=8)),),
        works="更换开关",
    )
    await submitting.submit(
        outbox.store, submitting.Incoming(content=content, source={}), now=now, actor="a"
    )
    await plans.approve(outbox.store, outbox.setting, outbox.renderer, "B1", now=now, actor="b")
    await reconcile.reconcile_next(outbox.store, outbox.setting, "bench", outbox.clock)


async def _real_phones(database: Database, vault: Vault, count: int) -> None:
    rows = [
        {"h": vault.fingerprint(phone), "s": vault.seal(phone), "i": number}
        for number in range(1, count + 1)
        for phone in (f"+86139{number:08d}",)
    ]
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE contact SET phone_hmac = :h, phone_sealed = :s WHERE id = :i"), rows
        )


async def _callbacks(
    store: Ledger, vault: Vault, clock: SystemClock
) -> tuple[web.AppRunner, int, dict[str, Any]]:
    taken: dict[str, Any] = {"receipts": 0}
    inbox = Inbox(store, vault)

    async def handle(request: web.Request) -> web.Response:
        callback = channels.Callback(
            method="POST",
            query={},
            headers={key.lower(): value for key, value in request.headers.items()},
            body=await request.read(),
            remote="127.0.0.1",
        )
        answer = taken["channel"].receipts(callback)
        done = await inbox.take("sms", answer.receipts, clock.now())
        taken["receipts"] += done.known
        return web.Response(
            body=answer.body, status=answer.status, content_type=answer.content_type
        )

    app = web.Application()
    app.router.add_post("/callbacks/sms", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port: int = runner.addresses[0][1]
    return runner, port, taken


async def _naive(outbox: dispatch.Outbox, database: Database, channel: channels.Channel) -> int:
    """One message, one call, one commit for the outcome, in turn; the template looked up each time."""
    began = time.perf_counter()
    for number in range(1, NAIVE_MESSAGES + 1):
        message = channels.Message(
            key=str(number),
            address=f"+86138{number:08d}",
            text="",
            variables={"when": "3月20日", "where": "一里"},
        )
        await channel.send(
            channels.Batch(key=f"9{number}-1", template="advance.sms.zh", messages=[message])
        )
        async with database.write() as connection:
            await connection.execute(
                text("UPDATE delivery SET code = 'naive' WHERE id = :id"), {"id": number}
            )
    return round(NAIVE_MESSAGES / (time.perf_counter() - began))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--database", default="", help="a URL, or postgresql: a throwaway server")
    options = parser.parse_args()
    with stores.of(options.database) as target:
        result = uvloop.run(main(options.messages, target, options.lanes, single=options.single))
    print(json.dumps(result, indent=2, ensure_ascii=False))
