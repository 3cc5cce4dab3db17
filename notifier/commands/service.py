"""``notifier`` serve, dispatch: the program that tells people, and one step of it by hand."""

import argparse
import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable

import structlog

from notifier import log
from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.runtime import Runtime
from notifier.usecases import dispatch, policies, postings, receipts, reconcile

_log = structlog.get_logger()

#: What is being sent when the service is told to stop may take so long to be recorded.
_DRAIN_SECONDS = 15.0


def register_serve(parser: argparse.ArgumentParser) -> None:
    """Completes ``serve``."""
    base.command(
        parser,
        "notifier serve --config notifier.toml\n"
        "notifier serve --clock-start 2026-03-01T07:00 --clock-speed 3600 --port 8080",
        serve,
        json=False,
    )
    parser.add_argument("--host", help="监听地址 / address to listen on")
    parser.add_argument("--port", type=int, help="监听端口 / port; 0: any free one")
    parser.add_argument("--clock-start", metavar="TIME", help="模拟时钟起点 / a simulated time")
    parser.add_argument(
        "--clock-speed", type=float, metavar="N", help="模拟时钟倍速 / times as fast as real time"
    )
    parser.add_argument(
        "--with-stdin",
        action="store_true",
        help="标准输入关闭即停止 / stop when standard input ends, with whoever started it",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--worker-only", action="store_true", help="只运行后台 / the loops, no pages and no API"
    )
    which.add_argument("--no-worker", action="store_true", help="只提供接口 / API and pages only")


def register_dispatch(parser: argparse.ArgumentParser) -> None:
    """Completes ``dispatch``."""
    base.command(parser, "notifier dispatch --once", dispatch_once)
    parser.add_argument(
        "--once",
        action="store_true",
        required=True,
        help="一轮后结束 / one round (`serve` goes on)",
    )


async def serve(context: Context) -> int:
    """``notifier serve``; until SIGTERM or SIGINT, or the end of standard input where that is asked for."""
    settings = context.settings
    if context.args.with_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _stop_at_end)
    log.configure(format=settings.log.format, level=settings.log.level)
    async with context.runtime() as runtime:
        await _say_what_awaits(context, runtime)
        if context.args.worker_only:
            keep_what_is_loaded()
            await run_worker(
                runtime, lambda: context.console.note("后台运行中 / the loops are running")
            )
            return base.OK
        # The pages are not needed by any other command, and take a while to load.
        app = importlib.import_module("notifier.web.app")
        keep_what_is_loaded()
        options = {"with_worker": False} if context.args.no_worker else {}
        await app.serve(runtime, ready=lambda address: _announce(context, address), **options)
    return base.OK


async def _say_what_awaits(context: Context, runtime: Runtime) -> None:
    """A changed policy file is not followed by starting again; whoever did that is told so."""
    async with runtime.store.read() as tx:
        awaiting = await policies.awaiting(tx, runtime.setting.configured)
    if runtime.setting.configured is None:
        name = context.settings.policy.name_or_path
        awaiting = f"设置中的策略 {name} 无法读取，现行策略继续有效 / cannot be read; the one in force holds"
    if awaiting:
        _log.warning("policy.awaits", sentence=awaiting)
        context.console.note(awaiting)


def keep_what_is_loaded() -> None:
    """The modules that are loaded when the work begins stay to its end. The garbage collector would walk
    them in each of its full rounds, for some 80 ms in which nobody is answered."""
    gc.collect()
    gc.freeze()


def _stop_at_end() -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


def _announce(context: Context, address: str) -> None:
    """At once, also into a pipe: whoever started the service waits for the address."""
    context.console.say(address)
    context.console.out.flush()


async def run_worker(runtime: Runtime, ready: Callable[[], None]) -> None:
    """The background loops until SIGTERM or SIGINT; each then finishes the step it is in.

    What is still under way after the time for that is taken up again once its lease has run out.
    Raises whatever makes the loops end by themselves.
    """
    worker = runtime.worker()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    ready()
    work = asyncio.create_task(worker.run(), name="worker")
    stop = asyncio.create_task(stopped.wait(), name="stop")
    try:
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        worker.stop()
        _, late = await asyncio.wait((work,), timeout=_DRAIN_SECONDS)
        if late:
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        stop.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def dispatch_once(context: Context) -> int:
    """``notifier dispatch --once``: reconcile what asks for it, send what is due, close what is over."""
    outcomes: Counter[str] = Counter()
    batches = 0
    async with context.runtime() as runtime:
        outbox = runtime.outbox
        reclaimed = await receipts.reclaim(outbox)
        plans = await _reconcile(runtime)
        async with runtime.store.read() as tx:
            due = await tx.batches.due(runtime.clock.now())
        for name in due:
            if name not in outbox.channels:
                context.console.note(f"渠道 {name} 未启用 / channel {name} is not enabled")
                continue
            while (done := await dispatch.dispatch(outbox, name)).claimed:
                batches += done.claimed
                outcomes.update(done.outcomes)
        for name in outbox.channels:
            await receipts.resolve(outbox, name)
        closed = await receipts.give_up(outbox)
        await postings.watch(runtime.store, runtime.setting, runtime.clock.now())
        plans += await _reconcile(runtime)
    shown = {
        "plans_reconciled": plans,
        "batches": batches,
        "outcomes": dict(sorted(outcomes.items())),
        "batches_closed": closed,
        "reclaimed": reclaimed,
    }
    if context.wants_json:
        context.console.json(shown)
    else:
        context.console.say(
            f"对账 plans {plans}，批次 batches {batches}，结果 outcomes {console.counted(outcomes)}，"
            f"关闭 closed {closed}"
        )
    return base.OK


async def _reconcile(runtime: Runtime) -> int:
    number = 0
    while await reconcile.reconcile_next(
        runtime.store, runtime.setting, runtime.outbox.worker, runtime.clock
    ):
        number += 1
    return number
