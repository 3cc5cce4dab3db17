"""``notifier import ledger``: who hangs on which transformer, and how to tell them."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain.finding import Finding
from notifier.intake import ledger_sheet, tables
from notifier.intake.ledger_process import LedgerReader
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger_load import LedgerLoader
from notifier.usecases import ledger
from notifier.vault import Vault

#: Progress is shown again after so many rows.
_NOTED_EACH = 20_000


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``import ledger``."""
    base.command(
        parser,
        "notifier import ledger ledger.csv --dry-run --report corrections.xlsx\n"
        "notifier import ledger areas.xlsx customers.csv",
        import_ledger,
        acts=True,
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="CSV, XLSX, XLS, ET, HTML; files that belong together at once",
    )
    parser.add_argument("--dry-run", action="store_true", help="只检查 / look, change nothing")
    parser.add_argument(
        "--allow-gone",
        action="store_true",
        help="确认大量户号已销户 / yes, so many customers are really gone",
    )
    parser.add_argument(
        "--full-scope",
        action="store_true",
        help="文件是全部用户 / the files hold every customer there is",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="OUT.xlsx",
        help="可更正后重新导入的表格 / a sheet to correct",
    )
    parser.add_argument(
        "--with-phones",
        action="store_true",
        help="表格中保留电话，仅发回原单位 / phones in full: only for whoever sent the ledger",
    )


async def import_ledger(context: Context) -> int:
    """``notifier import ledger``."""
    args = context.args
    missing = [path for path in args.files if not await asyncio.to_thread(path.is_file)]
    if missing:
        raise tables.TableError(
            f"找不到文件 / no such file: {', '.join(map(str, missing))}", code="table.not_found"
        )
    noted = 0

    def progress(rows: int) -> None:
        nonlocal noted
        if rows - noted >= _NOTED_EACH:
            noted = rows
            context.console.progress(f"已读 {rows:,} 行 / rows read")

    opened = _scratch(context) if args.dry_run else _real(context)
    async with opened as (database, vault):
        report = await ledger.import_ledger(
            LedgerLoader(database, vault),
            LedgerReader(args.files),
            now=context.now(),
            actor=context.actor,
            dry_run=args.dry_run,
            whole=args.full_scope,
            allow_gone=args.allow_gone,
            progress=progress,
        )
    context.console.end_progress()
    if args.report is not None:
        await _write_report(context, report.findings)
    shown = report.as_dict()
    shown["findings"] = [{"column": ""} | item for item in shown["findings"]]
    if context.wants_json:
        context.console.json(shown)
    else:
        _show_ledger(context, shown)
    return base.FOUND if console.has_errors(shown["findings"]) else base.OK


@asynccontextmanager
async def _real(context: Context) -> AsyncIterator[tuple[Database, Vault]]:
    async with context.runtime() as runtime:
        yield runtime.database, runtime.vault


@asynccontextmanager
async def _scratch(context: Context) -> AsyncIterator[tuple[Database, Vault]]:
    """For a dry run: the database as it is, or where there is none an empty one that vanishes."""
    async with context.existing_database() as database:
        if database is not None:
            vault = await asyncio.to_thread(Vault.load_or_create, context.settings.key_file)
            yield database, vault
            return
    empty = await Database.open("sqlite://")
    try:
        await migrate.upgrade(empty.url)
        yield empty, Vault({"scratch": bytes(32)}, "scratch", bytes(32))
    finally:
        await empty.close()


async def _write_report(context: Context, findings: Sequence[Finding]) -> None:
    args = context.args
    try:
        marked = await asyncio.to_thread(
            ledger_sheet.write_corrections,
            args.files,
            findings,
            args.report,
            with_phones=args.with_phones,
        )
    except OSError as error:
        raise base.file_error(args.report, error) from error
    context.console.note(f"{args.report}: {marked} 行待更正 / rows to correct")


_COUNTS = {
    "stations": "变电站 stations",
    "feeders": "线路 feeders",
    "areas": "台区 areas",
    "buildings": "楼宇 buildings",
    "usage_points": "户号 usage points",
    "contacts": "联系人 contacts",
    "added": "新增 added",
    "changed": "变更 changed",
    "unchanged": "未变 unchanged",
    "gone": "消失 gone",
    "unreachable": "无法通知 unreachable",
    "poster_only": "仅可张贴 poster only",
}


def _show_ledger(context: Context, shown: dict[str, Any]) -> None:
    out = context.console
    out.table(
        ("项目 item", "数量 number"),
        [(title, f"{shown['counts'].get(name, 0):,}") for name, title in _COUNTS.items()],
    )
    out.findings(shown["findings"])
    if shown["dry_run"]:
        out.note("试运行，未写入 / dry run: nothing was written")
