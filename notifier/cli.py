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
from typing import Any

from sqlalchemy.exc import DBAPIError

from notifier import log, settings
from notifier.commands import (
    base,
    coordination,
    house,
    imports,
    networks,
    plan,
    reliability,
    reports,
    service,
    telling,
    tracing,
)
from notifier.commands.base import Context
from notifier.commands.console import Console
from notifier.demo import command as demo
from notifier.domain import errors

_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="notifier",
        description="停电通知 / tells everybody whom a planned outage or a load transfer touches.",
        allow_abbrev=False,
    )
    base.everywhere(top, default=None)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for room in (
        imports,
        networks,
        plan,
        coordination,
        reports,
        reliability,
        telling,
        house,
        service,
        tracing,
        demo,
    ):
        room.register(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code; raises ``SystemExit(2)`` for what is no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Chinese is written whatever the locale says.
            stream.reconfigure(encoding="utf-8", errors="replace")
    args = parser().parse_args(arguments)
    console = Console()
    try:
        chosen = settings.load(args.config, overrides=_overrides(args))
        log.configure(format=_log_format(chosen), level="warning")
        return _run(args.handler(Context(args, chosen, console)))
    except errors.Refusal as refusal:
        console.note(f"{refusal.code}: {refusal.sentence}")
    except DBAPIError as error:
        console.note(f"store.unavailable: {type(error.orig).__name__}: {error.orig}".split("\n")[0])
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not complain about it at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        console.note(f"system.{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        console.note("已中断 / interrupted")
        return _INTERRUPTED
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


def _log_format(chosen: settings.Settings) -> Any:
    return "console" if sys.stderr.isatty() else chosen.log.format


def _run(work: Coroutine[Any, Any, int]) -> int:
    """Runs it on uvloop where there is one: sending is a third faster."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
