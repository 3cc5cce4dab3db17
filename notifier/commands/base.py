"""What every command shares: its options, its settings, who acts, and how times are written."""

import argparse
import asyncio
import contextlib
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import make_url

from notifier.commands.console import Console
from notifier.domain import errors
from notifier.domain.window import require_plausible
from notifier.runtime import Runtime, open_runtime
from notifier.settings import Settings
from notifier.store import migrate
from notifier.store.engine import Database

OK, FOUND, USAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Context:
    """One command being run."""

    args: argparse.Namespace
    settings: Settings
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

    def runtime(self) -> contextlib.AbstractAsyncContextManager[Runtime]:
        """Everything open."""
        return open_runtime(self.settings)

    @asynccontextmanager
    async def existing_database(self) -> AsyncIterator[Database | None]:
        """The database as it is, for looking only; None where there is none yet, or it cannot be used
        as it is. Nothing is created and nothing migrated."""
        url = make_url(self.settings.database.url)
        is_file = url.get_backend_name() == "sqlite"
        if is_file and not await asyncio.to_thread(Path(url.database or "").is_file):
            yield None
            return
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
    """One command. ``acts``: it changes something, so somebody answers for it (``--as``)."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog="例 example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    everywhere(parser, default=argparse.SUPPRESS)
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
    return parser


def group(subparsers: Subparsers, name: str, summary: str) -> Subparsers:
    """A command with commands below it."""
    parser = subparsers.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    everywhere(parser, default=argparse.SUPPRESS)
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
