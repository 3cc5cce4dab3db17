"""The command line: one parser, one function a command; ``docs/cli.md`` lists them.

Exit codes: 0 done, 1 refused or something found that is wrong, 2 not a command, 130 interrupted.
A refusal is one line on standard error: its stable code and a sentence, and never a trace.
"""

import argparse
import asyncio
import contextlib
import io
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from notifier.commands import base
from notifier.commands.console import Console
from notifier.domain import errors

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

    from notifier.settings import Settings

_INTERRUPTED = 130


#: The first word of every command, what it is for, and who adds the rest when it is called.
_COMMANDS = (
    ("import", "导入台账或计划 / take files in", "commands.imports:register"),
    (
        "network",
        "网络模型的版本 / versions of the network model",
        "commands.networks:register",
    ),
    ("plan", "查看和变更计划 / look at plans and change them", "commands.plan:register"),
    (
        "coordinate",
        "一停多用：检查、平衡会、求解 / one outage for several works",
        "commands.coordination:register",
    ),
    (
        "status",
        "送达情况和待办 / deliveries by state, medium and reason; what waits",
        "commands.reports:register_status",
    ),
    (
        "evidence",
        "一个计划的全部证据，按时间 / everything that happened to a plan, in order of time",
        "commands.reports:register_evidence",
    ),
    (
        "exceptions",
        "待办事项 / what only a person can see to",
        "commands.reports:register_exceptions",
    ),
    (
        "report",
        "可靠性、重复停电、兑现率 / reliability, repeats, plans kept",
        "commands.reliability:register",
    ),
    ("channels", "渠道 / the ways of telling", "commands.telling:register_channels"),
    ("policy", "通知策略 / the policy", "commands.telling:register_policy"),
    ("token", "接口令牌 / tokens of machines and crews", "commands.house:register_tokens"),
    ("db", "数据库 / the database", "commands.house:register_database"),
    ("audit", "审计记录 / the audit trail", "commands.house:register_audit"),
    ("keys", "加密电话的密钥 / the keys that seal phone numbers", "commands.keys:register"),
    (
        "optout",
        "某号码不再接收某渠道 / a number no longer wants to be told by some medium",
        "commands.house:register_optout",
    ),
    (
        "purge",
        "清除已无户表关系的联系人 / forget contacts whom no meter has any more",
        "commands.house:register_purge",
    ),
    (
        "serve",
        "运行服务 / run the service: API, pages, and the loops that tell people",
        "commands.service:register_serve",
    ),
    (
        "dispatch",
        "手工执行一轮 / do by hand what is due, then stop",
        "commands.service:register_dispatch",
    ),
    (
        "trace",
        "按网络拓扑推演操作 / trace switching cases on a network",
        "commands.tracing:register",
    ),
    (
        "demo",
        "一分半钟看一个月 / a month of a made-up bureau in a minute and a half",
        "demo.command:register",
    ),
)


def parser() -> base.Parser:
    """Every command, with its options once it is called."""
    top = base.Parser(
        prog="notifier",
        description="停电通知 / tells everybody whom a planned outage or a load transfer touches.",
        allow_abbrev=False,
    )
    base.everywhere(top, default=None)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary, room in _COMMANDS:
        base.later(commands, name, summary, f"notifier.{room}")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code; raises ``SystemExit(2)`` for what is no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Chinese is written whatever the locale says.
            stream.reconfigure(encoding="utf-8", errors="replace")
    args = parser().parse_args(arguments)
    # After the arguments: whoever asked for help, or mistyped, need not wait for these.
    from notifier import log, settings

    console = Console()
    try:
        chosen = settings.load(args.config, overrides=_overrides(args))
        log.configure(format=_log_format(chosen), level="warning")
        return _run(args.handler(base.Context(args, chosen, console)))
    except errors.Refusal as refusal:
        console.note(f"{refusal.code}: {refusal.sentence}")
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not complain about it at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        console.note(f"system.{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        console.note("已中断 / interrupted")
        return _INTERRUPTED
    except _database_errors() as error:
        console.note(f"store.unavailable: {type(error.orig).__name__}: {error.orig}".split("\n")[0])
    finally:
        console.end_progress()
    return base.FOUND


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line says instead of the settings."""
    names = {
        "database.url": "database",
        "web.host": "host",
        "web.port": "port",
        "clock.start": "clock_start",
        "clock.speed": "clock_speed",
    }
    return {setting: getattr(args, name, None) for setting, name in names.items()}


def _database_errors() -> "type[DBAPIError]":
    """What a database that fails raises; loaded once something has failed."""
    from sqlalchemy.exc import DBAPIError

    return DBAPIError


def _log_format(chosen: "Settings") -> Any:
    return "console" if sys.stderr.isatty() else chosen.log.format


def _run(work: Coroutine[Any, Any, int]) -> int:
    """Runs it on uvloop where there is one: sending is a third faster."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
