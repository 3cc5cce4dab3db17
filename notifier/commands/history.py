"""``notifier import history``: past interruptions out of files."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain.finding import Finding, Severity
from notifier.intake import history as intake
from notifier.intake import tables
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.usecases import aside, history

#: A file beyond this is read in a process of its own: a thread would hold the loop up.
_LARGE = 4 << 20


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``import history``."""
    base.command(
        parser,
        "notifier import history outages_2025.csv --dry-run\n"
        "notifier import history events.csv --column start=OffTime --column feeder=Circuit --part",
        import_history,
        acts=True,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="XLSX, XLS, ET, ODS, CSV, TSV, HTML"
    )
    parser.add_argument(
        "--column",
        action="append",
        type=_column,
        default=[],
        metavar="FIELD=LABEL",
        help=f"列名对应，可重复 / which column is what: {', '.join(intake.LABELS)}",
    )
    parser.add_argument("--dry-run", action="store_true", help="只检查 / look, store nothing")
    parser.add_argument(
        "--part", action="store_true", help="有错误的行不导入 / take the rows without an error"
    )
    parser.add_argument(
        "--again", action="store_true", help="重复文件也导入 / also a file that came before"
    )


def _column(said: str) -> tuple[str, str]:
    field, sign, label = said.partition("=")
    if not sign or not label.strip() or field not in intake.LABELS:
        raise argparse.ArgumentTypeError(
            f"{said!r}: reads like start=OffTime; fields: {', '.join(intake.LABELS)}"
        )
    return field, label.strip()


async def import_history(context: Context) -> int:
    """``notifier import history``."""
    args = context.args
    opened = _scratch(context) if args.dry_run else _real(context)
    async with opened as store:
        reports = [await _import(context, store, path) for path in args.files]
    context.console.end_progress()
    shown = [report.as_dict() for report in reports]
    if context.wants_json:
        context.console.json({"files": shown})
    else:
        _show(context, shown)
    refused = any(item["refused"] for item in shown)
    wrong = any(console.has_errors(item["findings"]) for item in shown)
    return base.FOUND if refused or (wrong and not args.part) else base.OK


async def _import(context: Context, store: Ledger, path: Path) -> history.HistoryReport:
    """One file. One that cannot be read is a finding; it costs no other file."""
    args = context.args
    columns: Mapping[str, str] = dict(args.column)
    context.console.progress(f"读取 / reading {path.name}")
    digest = ""
    rows: tuple[Any, ...] = ()
    findings: tuple[Finding, ...] = ()
    try:
        data = await asyncio.to_thread(path.read_bytes)
        digest = history.file_digest(data, columns, context.zone.key)
        read = await aside.run(_read, path, context.zone.key, columns, is_large=len(data) > _LARGE)
        rows, findings = read.rows, read.findings
    except FileNotFoundError:
        findings = (_unreadable(path, "table.not_found", "找不到文件 / no such file"),)
    except OSError as error:
        findings = (_unreadable(path, "table.unreadable", error.strerror or "cannot be read"),)
    except tables.TableError as refusal:
        findings = (_unreadable(path, refusal.code, refusal.sentence),)
    return await history.import_history(
        store,
        path.name,
        digest,
        rows,
        findings,
        now=context.now(),
        actor=context.actor,
        dry_run=args.dry_run,
        part=args.part and bool(rows),
        again=args.again,
        zone=context.zone,
        progress=lambda done: context.console.progress(f"{path.name}: {done:,}"),
    )


def _read(path: Path, zone: str, columns: Mapping[str, str]) -> intake.HistoryFile:
    return intake.read_history(path, zone=ZoneInfo(zone), columns=columns)


def _unreadable(path: Path, code: str, sentence: str) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, file=path.name, found=path.name, expected=sentence
    )


@asynccontextmanager
async def _real(context: Context) -> AsyncIterator[Ledger]:
    async with context.runtime() as runtime:
        yield runtime.store


@asynccontextmanager
async def _scratch(context: Context) -> AsyncIterator[Ledger]:
    """For a dry run: the database as it is, or where there is none an empty one that vanishes."""
    async with context.existing_database() as database:
        if database is not None:
            yield Ledger(database)
            return
    empty = await Database.open("sqlite://")
    try:
        await migrate.upgrade(empty.url)
        yield Ledger(empty)
    finally:
        await empty.close()


def _show(context: Context, shown: list[dict[str, Any]]) -> None:
    out = context.console
    out.table(
        ("文件 file", "行 rows", "停电 interruptions", "结果 outcome"),
        ((item["file"], item["rows"], item["interruptions"], _outcome(item)) for item in shown),
    )
    out.findings([finding for item in shown for finding in item["findings"]])
    for item in shown:
        if item["refused"] and not item["dry_run"]:
            out.note(
                f"{item['file']}：有不能计入的行，未导入；--part 只导入其余各行 / some rows cannot be"
                " counted, nothing was taken; --part takes the others"
            )
    if any(item["dry_run"] for item in shown):
        out.note("试运行，未写入 / dry run: nothing was written")


def _outcome(item: dict[str, Any]) -> str:
    if item["before"] is not None:
        return f"{item['before']['received_at'][:16]} 已导入 came before"
    return console.counted(item["counts"])
