"""What every command shares: its options, its settings, who acts, and how times are written.

Whoever types a command waits for whatever is imported, so a command loads its own room and no other:
this module imports nothing that opens a database or a channel, and a room is named as text
(``later``) until somebody calls it.
"""

import argparse
import asyncio
import contextlib
import getpass
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from notifier import clock
from notifier.commands.console import Console
from notifier.domain import errors
from notifier.domain.window import require_plausible

if TYPE_CHECKING:
    from notifier.runtime import Runtime
    from notifier.settings import Settings
    from notifier.store.engine import Database

OK, FOUND, USAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Context:
    """One command being run."""

    args: argparse.Namespace
    settings: "Settings"
    console: Console = field(default_factory=Console)

    @property
    def zone(self) -> ZoneInfo:
        """The utility's time zone."""
        return self.settings.utility.tzinfo

    @property
    def actor(self) -> str:
        """Who acts: ``--as``, else whoever is logged in."""
        named: str | None = getattr(self.args, "actor", None)
        if named:
            return named
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "operator"  # an account without a name, as in a container

    @property
    def wants_json(self) -> bool:
        """Whether ``--json`` was given."""
        return bool(getattr(self.args, "json", False))

    def aware(self, moment: datetime) -> datetime:
        """A time as it was typed; without an offset it is the utility's local time.

        Raises ``WindowInvalid`` on a time of another century.
        """
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        require_plausible(aware)
        return aware

    def now(self) -> datetime:
        """What time it is: outside, or by a simulated clock where the settings say so."""
        chosen = self.settings
        return clock.chosen(
            chosen.clock_start, chosen.clock.speed, chosen.clock_began, chosen.clock.file
        ).now()

    def runtime(self) -> "contextlib.AbstractAsyncContextManager[Runtime]":
        """Everything open."""
        from notifier.runtime import open_runtime

        return open_runtime(self.settings)

    @asynccontextmanager
    async def existing_database(self) -> "AsyncIterator[Database | None]":
        """The database as it is, for looking only; None where there is none yet, or it cannot be used
        as it is. Nothing is created and nothing migrated."""
        file = self.settings.database_file
        if file is not None and not await asyncio.to_thread(file.is_file):
            yield None
            return
        from notifier.store import migrate
        from notifier.store.engine import Database

        database = None
        try:
            database = await Database.open(self.settings.database.url)
            await migrate.require_latest(database)
        except (OSError, migrate.SchemaBehind) as reason:
            self.console.note(f"未对照数据库 / not compared with the database: {reason}")
            if database is not None:
                await database.close()
            yield None
            return
        try:
            yield database
        finally:
            await database.close()


Handler = Callable[[Context], Awaitable[int]]
Subparsers = Any  # argparse does not name the type in a way that can be written down


class Parser(argparse.ArgumentParser):
    """A command, or a group of commands. What comes behind its name may be in a room that is loaded
    when the name is called."""

    room = ""

    def load(self) -> None:
        """Adds the options or commands that its room has for it. No-op where they are there."""
        room, self.room = self.room, ""
        if room:
            pkgutil.resolve_name(room)(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As it always does, once everything is there."""
        self.load()
        return super().parse_known_args(args, namespace)


def later(subparsers: Subparsers, name: str, summary: str, room: str) -> None:
    """A command or group that ``room``, a function as "package.module:name", completes when it is
    called: with ``command`` and options, or with ``group`` and commands."""
    parser: Parser = subparsers.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    parser.room = room
    everywhere(parser, default=argparse.SUPPRESS)


def command(
    parser: argparse.ArgumentParser,
    example: str,
    handler: Handler,
    *,
    json: bool = True,
    acts: bool = False,
) -> None:
    """What a command does. ``acts``: it changes something, so somebody answers for it (``--as``)."""
    parser.epilog = "例 example:\n" + "\n".join(f"  {line}" for line in example.splitlines())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if json:
        parser.add_argument("--json", action="store_true", help="机器可读 / for machines")
    if acts:
        parser.add_argument(
            "--as",
            dest="actor",
            metavar="NAME",
            help="操作人，默认当前用户 / who acts (default: $USER)",
        )
    parser.set_defaults(handler=handler)


def add(
    subparsers: Subparsers,
    name: str,
    summary: str,
    example: str,
    handler: Handler,
    *,
    json: bool = True,
    acts: bool = False,
) -> argparse.ArgumentParser:
    """One command that is complete; the rest as with ``command``."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    everywhere(parser, default=argparse.SUPPRESS)
    command(parser, example, handler, json=json, acts=acts)
    return parser


def group(parser: argparse.ArgumentParser) -> Subparsers:
    """Commands below a command."""
    name = parser.prog.rpartition(" ")[2]
    return parser.add_subparsers(dest=f"{name}_command", metavar="COMMAND", required=True)


def everywhere(parser: argparse.ArgumentParser, *, default: object) -> None:
    """Options that may stand before or behind the name of the command."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help="设置文件 / settings (default: notifier.toml)",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        default=default,
        help="数据库 / database instead of the settings'",
    )


def moment(text: str) -> datetime:
    """For argparse: a time with or without an offset, never a bare date or number."""
    try:
        if ":" not in text:
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: a time reads like 2026-03-05T17:30 (local) or 2026-03-05T17:30+08:00"
        ) from None


def day(text: str) -> date:
    """For argparse: a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a day reads like 2026-03-05") from None


def period(text: str) -> tuple[datetime, datetime]:
    """For argparse: START/END."""
    start, slash, end = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(
            f"{text!r}: a window reads like 2026-03-05T08:00/2026-03-05T17:30"
        )
    return moment(start), moment(end)


def file_error(path: Path, error: OSError) -> errors.Refusal:
    """A file that cannot be read or written, as a refusal."""
    return errors.Invalid(f"{path}: {error.strerror or error}", code="file.unusable")
