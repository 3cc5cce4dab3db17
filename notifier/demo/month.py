"""The director: a month of the made-up bureau in about a minute, on a simulated clock.

The service, and the two gateways, run in processes of their own; staff and crews act over the API
at their simulated times. What happens is told in one line a day.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from notifier.clock import SystemClock, monotonic
from notifier.commands.console import Console
from notifier.demo import bureau, grid, house, joint, meeting, plans, reckoning, report, section
from notifier.demo.pace import Pace
from notifier.demo.staff import Crew, Desk, Office

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = 31
#: The days over which the balance meeting may move works: after the notice that the law asks.
_MEETING = (plans.MONTH + timedelta(days=8), plans.MONTH + timedelta(days=DAYS - 1))
#: How long the end of the month may take to settle, in seconds outside.
_PATIENCE = 20.0
_WEEKDAYS = "一二三四五六日"
_CREWS = ("张贴一班", "张贴二班")
_TOKENS = {"调度-李工": "operations", "主任-吴": "approver"} | dict.fromkeys(_CREWS, "crew")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen. ``size``: of the bureau, 1 is some 20,000 usage points; ``seconds``: for the
    month alone, where the machine can follow; ``port`` 0: any free one."""

    folder: Path
    seed: int = 7
    size: float = 1.0
    seconds: float = 50.0
    port: int = 0
    leave: bool = False


@dataclass(slots=True, kw_only=True)
class _Stage:
    """Everything that is open while the month runs."""

    console: Console
    folder: Path
    pace: Pace
    main: house.Gateway
    backup: house.Gateway
    office: Office
    crews: list[Crew]
    programme: plans.Programme
    happened: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Something that happens at a local time of the month."""

    at: datetime
    words: str
    act: Callable[[], Awaitable[Any]]


async def run(options: Options, console: Console) -> int:
    """The whole demonstration; 0 when everything adds up. Runs until cancelled unless ``leave``."""
    began = monotonic()
    folder = await asyncio.to_thread(house.prepare, options.folder)
    town, programme, ledgers, network = await asyncio.to_thread(_write_files, options, folder)
    report.introduce(console, town, programme, folder)
    pace = Pace(folder, _at(1, 7))
    speed = DAYS * 86_400 / options.seconds
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        port = options.port or house.free_port()
        base = f"http://127.0.0.1:{port}"
        log = stack.enter_context(await asyncio.to_thread((folder / "service.log").open, "wb"))
        main, backup = await asyncio.gather(
            stack.enter_async_context(house.gateway(session, pace.file, speed)),
            stack.enter_async_context(house.gateway(session, pace.file, speed)),
        )
        settings = await asyncio.to_thread(
            house.write_settings, folder, pace.file, port, main.ports, backup.ports
        )
        imported, tokens, _ = await asyncio.gather(
            house.run_command(settings, "import", "ledger", *map(str, ledgers), "--json"),
            _tokens(settings),
            _teach(main, backup, port),
        )
        report.ledger(console, json.loads(imported))
        # The month is prepared while the clock stands: nothing is due, and nothing leaves.
        served = await stack.enter_async_context(house.service(settings, log))
        modelled, _ = await asyncio.gather(
            house.run_command(settings, "import", "network", str(network), "--json"),
            _wait_until_up(session, base, served, folder / "service.log"),
        )
        report.network(console, town, json.loads(modelled))
        office = Office(
            operations=Desk(session=session, base=base, token=tokens["调度-李工"]),
            approver=Desk(session=session, base=base, token=tokens["主任-吴"]),
        )
        await _hand_in(console, office, programme)
        met = await meeting.hold(office.operations, *_MEETING, programme.held)
        await asyncio.to_thread(meeting.recount, folder, met)
        report.meeting(console, met, base)
        await _sign(console, office)
        stage = _stage(console, folder, pace, main, backup, office, tokens, programme)
        try:
            async with asyncio.TaskGroup() as month:
                # Ends the month when it fails: without it the time would stand, and all wait for ever.
                keeping = month.create_task(pace.keep(speed))
                await _play(stage, _script(stage))
                await _settle(stage)
                keeping.cancel()
        except ExceptionGroup as several:
            raise _first(several) from None  # one sentence says more than a tree
        seconds = monotonic() - began
        taken = [*await main.messages(), *await backup.messages()]
        found = await asyncio.to_thread(reckoning.reckon, folder, taken)
        checked = await asyncio.to_thread(section.check, folder, programme.section, taken)
        shared = await asyncio.to_thread(joint.check, folder)
        found.faults += checked.faults + met.faults + shared.faults
        report.table(console, found)
        report.joint(console, shared)
        report.section(console, checked)
        report.samples(console, taken)
        report.crews(console, [(crew.name, crew.done, crew.handed_back) for crew in stage.crews])
        report.verdict(console, found, await main.stats(), await backup.stats(), seconds)
        if not options.leave:
            # From now on time passes as it does outside: whoever looks round sees the month's end.
            pace.as_outside()
            report.address(console, base, tokens, programme, met)
            await served.wait()
    return 1 if found.faults else 0


def _first(several: ExceptionGroup[Exception]) -> Exception:
    first = several.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


# --- Before the clock runs ------------------------------------------------------------------------


def _write_files(
    options: Options, folder: Path
) -> tuple[bureau.Bureau, plans.Programme, list[Path], Path]:
    town = bureau.build(options.seed, options.size)
    programme = plans.write(town, options.seed, folder)
    ledgers = bureau.write(town, folder)
    return town, programme, ledgers, grid.write(grid.build(town), folder)


async def _tokens(settings: Path) -> dict[str, str]:
    made = await asyncio.gather(
        *(
            house.run_command(settings, "token", "create", name, "--role", role, "--json")
            for name, role in _TOKENS.items()
        )
    )
    return {name: json.loads(text)["token"] for name, text in zip(_TOKENS, made, strict=True)}


async def _teach(main: house.Gateway, backup: house.Gateway, port: int) -> None:
    """Templates, callbacks, and the manners of everyday: late, repeated and mixed-up receipts."""
    manners = {
        "receipts": {"delay_s": 300, "spread_s": 1800, "duplicate_rate": 0.03, "shuffle": True},
        "dead_suffixes": [bureau.DEAD],
        "illegal_suffixes": [bureau.ILLEGAL],
        "templates": house.registered_texts(),
    }
    await main.steer(**manners)
    await backup.steer(**manners)
    # Two hours are a sixth of a second here: a request on its way outlives a token.
    await main.steer(provider="wechat", receipts={"fail_rate": 0.01}, token_seconds=10 * 86_400)
    await main.steer(
        callbacks={
            "aliyun": house.callback_url(port, "sms"),
            "wechat": house.callback_url(port, "wechat"),
        }
    )
    await backup.steer(callbacks={"aliyun": house.callback_url(port, "sms_backup")})


async def _wait_until_up(
    session: aiohttp.ClientSession, base: str, served: asyncio.subprocess.Process, log: Path
) -> None:
    clock = SystemClock()
    for _ in range(300):
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{base}/api/v1/health/live") as answer:
                if answer.status == 200:
                    return
        if served.returncode is not None:
            break
        await clock.pause(0.1)
    words = await asyncio.to_thread(log.read_text, "utf-8", "replace")
    raise house.ProcessEnded(f"服务未能启动 / the service did not start: {words[-2000:]}")


def _stage(
    console: Console,
    folder: Path,
    pace: Pace,
    main: house.Gateway,
    backup: house.Gateway,
    office: Office,
    tokens: Mapping[str, str],
    programme: plans.Programme,
) -> _Stage:
    return _Stage(
        console=console,
        folder=folder,
        pace=pace,
        main=main,
        backup=backup,
        office=office,
        crews=[
            Crew(
                name=name,
                desk=replace(office.operations, token=tokens[name]),
                clock=pace.clock,
                zone_offset=timedelta(hours=8),
                turn=turn,
                crews=len(_CREWS),
                is_locked_out_once=turn == 0,
            )
            for turn, name in enumerate(_CREWS)
        ],
        programme=programme,
    )


async def _hand_in(console: Console, office: Office, programme: plans.Programme) -> None:
    """The three departments hand their files in."""
    for department, file in programme.files.items():
        answer = await office.upload(file, _at(1, 7), department)
        report.plans(console, department, file, answer)


async def _sign(console: Console, office: Office) -> None:
    """Somebody else than whoever submitted it signs every plan, as it came out of the meeting."""
    signed = people = 0
    for plan in await office.plans():
        if plan["state"] == "submitted":
            approval = await office.sign(plan["number"])
            signed += 1
            people += approval["recipients"]
    report.signed(console, signed, people)


# --- The month ------------------------------------------------------------------------------------


def _script(stage: _Stage) -> list[_Scene]:
    """What happens to whom, beside the ordinary course of things."""
    office, cast = stage.office, stage.programme.cast

    async def reschedule() -> None:
        window = {"starts_at": _local(15, 8), "ends_at": _local(15, 17, 30)}
        await office.revise(cast.rescheduled, "天气原因顺延一天", windows=[window])

    async def rescope() -> None:
        plan = await office.operations.get(f"/plans/{cast.rescoped}")
        kept = [item for item in plan["present"]["equipment"] if item["name"] != cast.removed]
        added = {"name": cast.added, "kind": "area", "station": ""}
        await office.revise(cast.rescoped, "调整停电范围", equipment=[*kept, added])

    async def go_down() -> None:
        await stage.main.steer(provider="aliyun", down=True)

    async def come_back() -> None:
        await stage.main.steer(provider="aliyun", down=False)

    async def drop_answers() -> None:
        await stage.main.steer(provider="aliyun", drop_rate=0.05)

    async def behave() -> None:
        await stage.main.steer(provider="aliyun", drop_rate=0, latency_ms=0)

    async def slow_down() -> None:
        await stage.main.steer(provider="aliyun", latency_ms=30)

    def restored(number: str, at: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            stage.closed.add(number)
            await office.act(number, "restore", at=at)

        return act

    return sorted(
        (
            _Scene(
                _at(12, 10), f"{cast.rescheduled} 改期到 15 日 / moved to the 15th", reschedule
            ),
            _Scene(
                _at(12, 9),
                f"{cast.cancelled} 取消 / cancelled",
                lambda: office.act(cast.cancelled, "cancel", note="施工队未到位"),
            ),
            _Scene(
                _at(16, 14),
                f"{cast.overrun} 延时送电到 18 日中午 / will last until noon of the 18th",
                lambda: office.act(
                    cast.overrun, "delay", until=_local(18, 12), note="电缆头重做"
                ),
            ),
            _Scene(_at(18, 12), f"{cast.overrun} 已送电 / restored", restored(cast.overrun, _local(18, 12))),
            _Scene(_at(17, 11), f"{cast.rescoped} 增减台区 / one area more, one less", rescope),
            _Scene(_at(16, 18), "短信主通道中断 / the SMS provider goes down", go_down),
            _Scene(_at(17, 14), "短信主通道恢复 / the SMS provider is back", come_back),
            _Scene(
                _at(21, 12),
                f"{cast.early} 提前八小时送电 / restored eight hours early",
                restored(cast.early, _local(21, 12)),
            ),
            _Scene(_at(22, 8), "短信通道丢应答 / answers of the SMS provider get lost", drop_answers),
            _Scene(_at(24, 8), "短信通道变慢 / the SMS provider is slow", slow_down),
            _Scene(_at(26, 8), "短信通道正常 / the SMS provider is well again", behave),
        ),
        key=lambda scene: scene.at,
    )  # fmt: skip


async def _play(stage: _Stage, script: list[_Scene]) -> None:
    """Lets the month pass. A scene that fails ends the demonstration."""
    report.calendar_head(stage.console)
    async with asyncio.TaskGroup() as group:
        scenes = group.create_task(_perform(stage, script))
        closing = group.create_task(_close_what_ends(stage))
        crews = [group.create_task(crew.work()) for crew in stage.crews]
        counted: Counter[str] = Counter()
        for day in range(DAYS):
            midnight = datetime.combine(
                plans.MONTH + timedelta(days=day + 1), datetime.min.time(), ZONE
            )
            await stage.pace.clock.sleep(midnight - stage.pace.clock.now())
            total = await _messages(stage)
            report.day(
                stage.console, plans.MONTH + timedelta(days=day), total - counted, stage.happened
            )
            counted = total
            stage.happened.clear()
        await scenes
        for task in (closing, *crews):
            task.cancel()


async def _perform(stage: _Stage, script: list[_Scene]) -> None:
    for scene in script:
        await stage.pace.clock.sleep(scene.at - stage.pace.clock.now())
        await scene.act()
        stage.happened.append(scene.words)


async def _close_what_ends(stage: _Stage) -> None:
    """Supply comes back as announced, plan by plan; the switching clerk says so."""
    while True:
        now = stage.pace.clock.now()
        for plan in await stage.office.plans():
            if plan["state"] != "approved" or plan["number"] in stage.closed:
                continue
            if plan["number"] in (stage.programme.cast.overrun, stage.programme.cast.early):
                continue
            if datetime.fromisoformat(plan["ends_at"]) <= now:
                stage.closed.add(plan["number"])
                await stage.office.act(plan["number"], "restore", at=plan["ends_at"])
        await stage.pace.clock.pause(0.5)


async def _messages(stage: _Stage) -> Counter[str]:
    main, backup = await asyncio.gather(stage.main.stats(), stage.backup.stats())
    total = Counter({name: int(count) for name, count in main["messages"].items()})
    total["backup"] = int(backup["messages"].get("aliyun", 0))
    total["posted"] = sum(crew.done for crew in stage.crews)
    return total


async def _settle(stage: _Stage) -> None:
    """After the last day: lets the service finish what it has in hand."""
    desk = stage.office.operations
    until = monotonic() + _PATIENCE
    quiet = 0
    while quiet < 3 and monotonic() < until:
        await stage.pace.clock.pause(0.3)
        status = await desk.get("/status")
        busy = status["reconcile"]["due"] + status["reconcile"]["in_hand"]
        busy += status["dispatch"]["batches_due"] + status["dispatch"]["uncertain_batches"]
        quiet = 0 if busy else quiet + 1


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(
        date(plans.MONTH.year, plans.MONTH.month, day), datetime.min.time(), ZONE
    ) + timedelta(hours=hour, minutes=minute)


def _local(day: int, hour: int, minute: int = 0) -> str:
    return _at(day, hour, minute).isoformat()
