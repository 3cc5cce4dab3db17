"""The real thing for journeys: ``notifier serve`` and the gateway simulator, each a process on loopback.

Time runs ``speed`` times as fast for both. The town has people on SMS, on WeChat and in the app.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from notifier import clock as clocks
from notifier import settings as settings_module
from notifier.domain.delivery import DeliveryState as State
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent, PlanKind
from notifier.domain.window import Window
from notifier.rendering.library import Library
from notifier.runtime import Runtime, open_runtime
from notifier.store.engine import Database
from notifier.usecases import plans, submitting
from notifier.vault import Vault
from tests.providers.process import GatewayProcess

ROOT = Path(__file__).parents[2]
SECRET = "journeys-callback-secret-0123456789"  # of a simulator on loopback
PLAN = "故障0001"
#: What must be over before a journey is.
UNFINISHED = "SELECT count(*) FROM batch WHERE state IN (0, 1, 2, 3, 4)"
FINAL = {State.DELIVERED, State.FAILED, State.DROPPED, State.WITHDRAWN, State.UNCONFIRMED}
#: A gateway that takes its time, so that batches are in flight; and one that does not.
SLOW = {"latency_ms": 150, "jitter_ms": 100, "receipts": {"delay_s": 20.0}}
FAST = {"latency_ms": 0, "jitter_ms": 0}
#: Two lanes of sixteen batches of twenty: what one service can have in flight by SMS.
IN_FLIGHT = 2 * 16 * 20


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class House:
    """One store, one gateway, and as many services as a journey starts."""

    folder: Path
    gateway: GatewayProcess
    url: str
    port: int
    people: dict[str, int] = field(default_factory=dict)
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "notifier.toml"

    def start(self, *, port: int | None = None, worker_only: bool = False) -> subprocess.Popen[str]:
        """Another ``notifier serve``; returns once it says that it is up."""
        command = [sys.executable, "-m", "notifier", "serve", "--config", str(self.config)]
        command += ["--worker-only"] if worker_only else ["--port", str(port or self.port)]
        number = len(self.running)
        with (self.folder / f"service{number}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log if worker_only else subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self.running.append(process)
        if process.stdout is not None and not process.stdout.readline():
            raise RuntimeError(self.log(number))
        return process

    def log(self, number: int) -> str:
        """What a service wrote."""
        return (self.folder / f"service{number}.log").read_text("utf-8")

    def faults(self) -> list[str]:
        """Every line of every log that tells of a fault."""
        return [
            line
            for number in range(len(self.running))
            for line in self.log(number).splitlines()
            if "worker.fault" in line or "Traceback" in line
        ]

    def kill(self, process: subprocess.Popen[str]) -> None:
        """kill -9: nothing is flushed, nobody is told."""
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of the store, read beside the service."""

        async def run() -> list[tuple[Any, ...]]:
            database = await Database.open(self.url)
            try:
                async with database.read() as connection:
                    found = await connection.execute(text(query), values)
                    return [tuple(row) for row in found]
            finally:
                await database.close()

        return asyncio.run(run())

    def number(self, query: str, **values: Any) -> int:
        """The one number that the query answers."""
        return int(self.ask(query, **values)[0][0] or 0)

    def wait_for(self, query: str, wanted: int, seconds: float, *, at_least: bool = False) -> int:
        """Until the query answers ``wanted``; raises with the states when it does not in time."""
        clock = clocks.SystemClock()
        until = clocks.monotonic() + seconds
        while True:
            found = self.number(query)
            if found == wanted or (at_least and found >= wanted):
                return found
            if clocks.monotonic() > until:
                states = self.ask(
                    "SELECT state, reason, channel, count(*) FROM batch GROUP BY 1, 2, 3"
                )
                raise AssertionError(
                    f"{query}: {found}, not {wanted}; {states}; {self.faults()[:3]}"
                )
            asyncio.run(clock.pause(0.1))

    def settle(self, seconds: float = 15.0) -> None:
        """Until everything that was laid out is over."""
        self.wait_for("SELECT count(*) FROM delivery", len(self.people), seconds)
        self.wait_for(UNFINISHED, 0, seconds)

    def told(self) -> Counter[str]:
        """How often the gateway took a message for each address."""
        return Counter(normal(message["address"]) for message in self.gateway.messages())

    def states(self) -> dict[str, int]:
        """The state in which each address ended, by the store."""
        vault = Vault.load_or_create(self.folder / "keys.json")
        by_mark: dict[object, str] = {}
        for address in self.people:
            by_mark[vault.fingerprint("+86" + address) if address.isdecimal() else address] = (
                address
            )
        rows = self.ask(
            "SELECT n.medium, c.phone_hmac, c.openid, c.push_token, d.state FROM delivery d"
            " JOIN contact c ON c.id = d.contact_id JOIN batch b ON b.id = d.batch_id"
            " JOIN notice n ON n.id = b.notice_id"
        )
        column = {"sms": 1, "wechat": 2, "push": 3}
        return {by_mark[row[column[row[0]]]]: int(row[4]) for row in rows}


def add_up(town: House, *, doubtful: int = 0) -> None:
    """The gateway's own ledger against the store's.

    Nobody is told twice; everybody's delivery is over; whom the gateway never heard of is on record as
    not reached or unconfirmed, and of the latter there are at most ``doubtful``.
    """
    told, states = town.told(), town.states()
    assert set(states) == set(town.people), "everybody has a delivery"
    assert set(told) <= set(town.people)
    assert not {address: times for address, times in told.items() if times > 1}
    assert {State(state) for state in states.values()} <= FINAL
    never = {address: State(states[address]) for address in set(town.people) - set(told)}
    assert set(never.values()) <= {State.UNCONFIRMED, State.FAILED}
    assert sum(state is State.UNCONFIRMED for state in never.values()) <= doubtful
    assert town.number("SELECT count(*) FROM plan WHERE settled_revision = revision") == 1


def pause(seconds: float) -> None:
    """Lets so much real time pass."""
    asyncio.run(clocks.SystemClock().pause(seconds))


def normal(address: str) -> str:
    """A phone number without its country code; any other address as it is."""
    bare = address.removeprefix("+")
    return bare[2:] if bare.isdecimal() and len(bare) == 13 and bare.startswith("86") else address


@contextlib.contextmanager
def house(
    folder: Path,
    *,
    people: int = 600,
    speed: float = 60.0,
    batch_size: int = 20,
    url: str = "",
    behave: dict[str, Any] | None = None,
    sms: dict[str, Any] | None = None,
) -> Iterator[House]:
    """A gateway, a store with ``people`` people and one plan that is to be told at once."""
    start = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    began = clocks.SystemClock().now()
    web = free_port()
    arguments = ["--clock-start", start.isoformat(), "--clock-speed", str(speed)]
    arguments += ["--clock-began", began.isoformat()]
    for name, channel in (("aliyun", "sms"), ("wechat", "wechat")):
        arguments += [f"--callback-{name}", f"http://127.0.0.1:{web}/callbacks/{channel}/{SECRET}"]
    with GatewayProcess(*arguments, "--behave", json.dumps(behave or {})) as gateway:
        made = House(folder, gateway, url or f"sqlite:///{folder}/notifier.db", web)
        made.config.write_text(
            _toml(gateway, made.url, start, speed, began, batch_size, sms or {}), "utf-8"
        )
        asyncio.run(_prepare(made, people))
        try:
            yield made
        finally:
            for process in made.running:
                if process.poll() is None:
                    process.kill()
                process.wait(10)
                if process.stdout is not None:
                    process.stdout.close()


def _toml(
    gateway: GatewayProcess,
    url: str,
    start: datetime,
    speed: float,
    began: datetime,
    batch_size: int,
    sms: dict[str, Any],
) -> str:
    wechat = "\n".join(
        f'[channels.wechat.templates."{name}"]\ntemplate_id = "T1"'
        for name in Library().names()
        if ".wechat." in name
    )
    more = "\n".join(f"{key} = {json.dumps(value)}" for key, value in sms.items())
    return f"""
[database]
url = "{url}"
[vault]
key_file = "keys.json"
[web]
host = "127.0.0.1"
[clock]
start = "{start.isoformat()}"
speed = {speed}
began = "{began.isoformat()}"
[log]
format = "json"
level = "warning"
[worker]
lanes = 2
lease_seconds = 2.0
heartbeat_seconds = 0.5
[channels.sms]
type = "aliyun_sms"
endpoint = "{gateway.url("aliyun")}"
access_key_id = "demo-key-id"
access_key_secret = "demo-key-secret"
sign_name = "供电"
callback_secret = "{SECRET}"
batch_size = {batch_size}
lanes = 2
per_second = 0
receipts_within = "PT3M"
{more}
[channels.sms.default_template]
code = "SMS_1"
variables = ["text"]
[channels.wechat]
type = "wechat_template"
endpoint = "{gateway.url("wechat")}"
app_id = "wxdemo0123456789"
app_secret = "demo-wechat-secret"
callback_token = "demo-callback-token"
callback_secret = "{SECRET}"
batch_size = {batch_size}
parallel = 2
lanes = 1
per_second = 0
receipts_within = "PT3M"
{wechat}
[channels.push]
type = "jpush"
endpoint = "{gateway.url("jpush")}"
app_key = "demo-app-key"
master_secret = "demo-master-secret"
batch_size = {batch_size}
lanes = 1
parallel = 2
per_second = 0
receipts_within = "PT3M"
[channels.posting]
type = "posting_desk"
"""


async def _prepare(made: House, people: int) -> None:
    async with open_runtime(settings_module.load(made.config)) as runtime:
        made.people = {address: number for number, address in enumerate(addresses(people))}
        await populate(runtime, people)
        await tell_at_once(runtime, PLAN)


async def tell_at_once(runtime: Runtime, number: str) -> None:
    """An unplanned outage of the whole feeder, approved."""
    now = runtime.clock.now()
    content = PlanContent(
        number=number,
        kind=PlanKind.UNPLANNED,
        equipment=(Equipment(name="10kV一线", kind=EquipmentKind.FEEDER),),
        windows=(Window(now + timedelta(hours=5), now + timedelta(hours=9)),),
        works="抢修",
    )
    await submitting.submit(
        runtime.store, submitting.Incoming(content=content, source={}), now=now, actor="a"
    )
    await plans.approve(
        runtime.store, runtime.setting, runtime.renderer, number, now=now, actor="b"
    )


def addresses(people: int) -> Sequence[str]:
    """Two of three by SMS, one of six by WeChat, one of six in the app."""
    return [_address(number) for number in range(people)]


def _address(number: int) -> str:
    match number % 6:
        case 4:
            return f"oWeChat{number:021d}"
        case 5:
            return f"1a0018970a{number:09x}x"
        case _:
            return f"139{number:08d}"


async def populate(runtime: Runtime, people: int) -> None:
    """One feeder of areas of 100 usage points, a contact each."""
    vault = runtime.vault
    contacts = []
    for number in range(people):
        address = _address(number)
        phone = f"+86{address}" if address.isdecimal() else None
        contacts.append(
            {
                "id": number + 1,
                "reach": {4: 2, 5: 4}.get(number % 6, 1),
                "hmac": None if phone is None else vault.fingerprint(phone),
                "sealed": None if phone is None else vault.seal(phone),
                "openid": address if number % 6 == 4 else None,
                "token": address if number % 6 == 5 else None,
                "account": f"{3300000000 + number}",
                "area": number // 100 + 1,
            }
        )
    async with runtime.database.write() as connection:
        await connection.execute(text("INSERT INTO station (id, name, key) VALUES (1, '变', '变')"))
        await connection.execute(
            text("INSERT INTO feeder (id, station_id, name, key) VALUES (1, 1, '10kV一线', '一')")
        )
        await connection.execute(
            text(
                "INSERT INTO area (id, code, name, key, feeder_id) VALUES (:id, :id, :name, :name, 1)"
            )
            if connection.dialect.name == "sqlite"
            else text(
                "INSERT INTO area (id, code, name, key, feeder_id)"
                " VALUES (:id, :name, :name, :name, 1)"
            ),
            [{"id": n, "name": f"区{n}"} for n in range(1, people // 100 + 2)],
        )
        for statement in (
            "INSERT INTO usage_point (id, account, area_id, feeder_id, row_hash)"
            " VALUES (:id, :account, :area, 1, :hash)",
            "INSERT INTO contact (id, kind, reach, phone_hmac, phone_sealed, openid, push_token)"
            " VALUES (:id, 0, :reach, :hmac, :sealed, :openid, :token)",
            "INSERT INTO point_contact (usage_point_id, contact_id, role) VALUES (:id, :id, 0)",
        ):
            rows = [row | {"hash": b""} for row in contacts]
            await connection.execute(text(statement), rows)
