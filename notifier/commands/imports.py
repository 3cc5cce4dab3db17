"""``notifier import``: the customer ledger and outage plans out of files."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from notifier.commands import (
    base,
    console,
    coordination,
    coordination_meeting,
    history,
    networks,
)
from notifier.commands.base import Context
from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import PlanDraft, SourceWindow
from notifier.intake import ledger_sheet, plans, plans_json, tables
from notifier.intake.ledger_process import LedgerReader
from notifier.intake.plans import PlanFile
from notifier.runtime import clock_of
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.store.ledger_load import LedgerLoader
from notifier.store.networks import Networks
from notifier.usecases import ingest, ledger, topology
from notifier.usecases.network_shelf import NetworkShelf
from notifier.vault import Vault

_NOTED_EACH = 20_000


def register(subparsers: base.Subparsers) -> None:
    """Adds the commands."""
    commands = base.group(subparsers, "import", "导入台账或计划 / take files in")
    parser = base.add(
        commands,
        "ledger",
        "导入站-线-变-户台账 / import the customer ledger",
        "notifier import ledger ledger.csv --dry-run --report corrections.xlsx\n"
        "notifier import ledger areas.xlsx customers.csv",
        import_ledger,
        acts=True,
    )
    _files(parser, "CSV, XLSX, XLS, ET, HTML; files that belong together at once")
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
    parser = base.add(
        commands,
        "plans",
        "导入停电计划 / import outage plans",
        "notifier import plans plans.xlsx --published 2026-03-01 --dry-run --json\n"
        "notifier import plans march.xlsx --department 检修 --as wang",
        import_plans,
        acts=True,
    )
    _files(parser, "XLSX, XLS, ET, ODS, CSV, TSV, HTML, or JSON as the API takes it")
    parser.add_argument(
        "--published",
        type=base.day,
        metavar="YYYY-MM-DD",
        help="发布日期，用于补全年月 / the day the plans were made known, for dates without a year",
    )
    parser.add_argument(
        "--department", default="", metavar="X", help="未写部门的行 / for rows that name none"
    )
    parser.add_argument("--dry-run", action="store_true", help="只读取 / read, store nothing")
    parser.add_argument(
        "--again", action="store_true", help="重复文件也导入 / also a file that came before"
    )
    networks.register_import(commands)
    coordination_meeting.register_import(commands)
    history.register(commands)


def _files(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=what)


# --- The ledger ----------------------------------------------------------------------------------


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
            now=clock_of(context.settings).now(),
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


# --- Plans ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """One file: what was read of it, and what became of that."""

    path: Path
    digest: str
    file: PlanFile
    report: ingest.IngestReport | None = None


async def import_plans(context: Context) -> int:
    """``notifier import plans``."""
    read = [await _read_plans(context, path) for path in context.args.files]
    shown: dict[str, Any] = {"plans": [], "findings": []}
    if context.args.dry_run:
        for item in read:
            _add(shown, item, context)
        await _foresee(context, read, shown["plans"])
    else:
        shown["files"] = []
        async with context.runtime() as runtime:
            for item in read:
                item.report = await ingest.ingest_plans(
                    runtime.store,
                    item.file.plans,
                    item.path.name,
                    item.digest,
                    item.file.findings,
                    now=runtime.clock.now(),
                    actor=context.actor,
                    again=context.args.again,
                    zone=context.zone,
                    progress=_progress(context, item),
                )
                _add(shown, item, context)
                shown["files"].append(item.report.as_dict())
            await coordination.look(runtime, shown["plans"])
        context.console.end_progress()
    if context.wants_json:
        context.console.json(shown)
    else:
        _show_plans(context, shown)
    refused = any(item.report is not None and item.report.has_errors for item in read)
    return base.FOUND if refused or console.has_errors(_findings(shown)) else base.OK


def _findings(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """All that somebody should look at: of the file, of its plans, of matching them."""
    found = list(shown["findings"])
    for plan in shown["plans"]:
        matched = plan.get("taken", plan.get("foreseen", {})).get("findings", ())
        place = {"sheet": plan["source"]["sheet"] or plan["source"]["file"]}
        place["row"] = plan["source"]["row"]
        found += plan["findings"]
        found += [place | item for item in matched]
    return found


def _progress(context: Context, item: _Read) -> Any:
    total = len(item.file.plans)
    return lambda done: context.console.progress(f"{item.path.name}: {done}/{total}")


async def _read_plans(context: Context, path: Path) -> _Read:
    """The plans of one file. A file that cannot be read is a finding; it costs no other file."""
    args = context.args
    context.console.progress(f"读取 / reading {path.name}")
    digest = ""
    try:
        data = await asyncio.to_thread(path.read_bytes)
        digest = ingest.file_digest(data, published=args.published, department=args.department)
        if path.suffix.lower() == ".json":
            file = _of_json(path.name, data)
        else:
            file = await asyncio.to_thread(
                plans.read_plans,
                path,
                zone=context.zone,
                published=args.published,
                department=args.department,
            )
    except FileNotFoundError:
        file = _unreadable(path, "table.not_found", "找不到文件 / no such file")
    except OSError as error:
        file = _unreadable(path, "table.unreadable", error.strerror or "cannot be read")
    except tables.TableError as refusal:
        file = _unreadable(path, refusal.code, refusal.sentence)
    return _Read(path, digest, file)


def _unreadable(path: Path, code: str, sentence: str) -> PlanFile:
    finding = Finding(
        code=code, severity=Severity.ERROR, file=path.name, found=path.name, expected=sentence
    )
    return PlanFile(plans=(), findings=(finding,))


def _of_json(name: str, data: bytes) -> PlanFile:
    """Plans as the API takes them: ``{"plans": [...]}``, a list, or one plan."""
    try:
        raw = orjson.loads(data)
        if isinstance(raw, dict) and "plans" not in raw:
            raw = [raw]
        model = plans_json.PlansModel.model_validate(
            {"plans": raw} if isinstance(raw, list) else raw
        )
    except orjson.JSONDecodeError as error:
        raise tables.TableError(f"{name} 不是 JSON / is not JSON: {error}") from error
    except ValidationError as error:
        findings = tuple(
            Finding(
                code="json.invalid",
                severity=Severity.ERROR,
                file=name,
                column=".".join(str(part) for part in mistake["loc"]),
                found=str(mistake["input"])[:200],
                expected=mistake["msg"],
            )
            for mistake in error.errors(include_url=False)
        )
        return PlanFile(plans=(), findings=findings)
    return PlanFile(plans=tuple(_draft(name, item) for item in model.plans))


def _draft(name: str, item: plans_json.PlanModel) -> PlanDraft:
    content = item.content()
    windows = tuple(
        SourceWindow(window=w, text=f"{w.starts_at.isoformat()}/{w.ends_at.isoformat()}")
        for w in content.all_windows
    )
    return PlanDraft(content=content, source_windows=windows, file=name)


def _add(shown: dict[str, Any], item: _Read, context: Context) -> None:
    found = item.file.as_dict(context.zone)
    if item.report is not None:
        for plan, taken in zip(found["plans"], item.report.taken, strict=False):
            plan["taken"] = taken.as_dict()
        found["findings"] = [{"column": ""} | finding.as_dict() for finding in item.report.findings]
    shown["plans"] += found["plans"]
    shown["findings"] += found["findings"]


async def _foresee(context: Context, read: Sequence[_Read], shown: list[dict[str, Any]]) -> None:
    """Adds whom each plan would touch, where there is a ledger to ask."""
    drafts = [draft for item in read for draft in item.file.plans]
    async with context.existing_database() as database:
        if database is None:
            return
        stale_after = timedelta(days=context.settings.network.stale_after_days)
        store = Ledger(database, NetworkShelf(Networks(database), stale_after=stale_after))
        world = await topology.world(store)
        if not world.index.feeders:
            return
        now = clock_of(context.settings).now()
        for plan, draft in zip(shown, drafts, strict=True):
            plan["foreseen"] = await ingest.foresee(store, draft, world, now=now)
        await coordination.foresee(context, database, drafts, shown)


def _show_plans(context: Context, shown: dict[str, Any]) -> None:
    out = context.console
    out.table(
        (
            "行 row",
            "编号 number",
            "类型 kind",
            "窗口 windows",
            "设备 equipment",
            "影响 touches",
            "再停 again",
            "结果 taken",
        ),
        (
            (
                plan["source"]["row"] or "",
                plan["number"],
                plan["kind"],
                "；".join(f"{w['starts_at'][:16]}–{w['ends_at'][11:16]}" for w in plan["windows"]),
                "、".join(item["text"] for item in plan["equipment"]),
                console.counted(plan["foreseen"]["points"]) if "foreseen" in plan else "",
                f"{plan['coordination']['hit_again']:,}" if "coordination" in plan else "",
                _taken(plan),
            )
            for plan in shown["plans"]
        ),
    )
    out.findings(_findings(shown))
    for file in shown.get("files", ()):
        before = file["before"]
        if before is not None:
            at = console.local(datetime.fromisoformat(before["received_at"]), context.zone)
            out.note(
                f"{file['file']}: {at} 已由 {before['received_by']} 导入 / "
                f"came before as {before['name']}: {console.counted(before['counts'])}"
            )
        else:
            out.note(f"{file['file']}: {console.counted(file['counts'])}")
    if "files" not in shown:
        out.note("试运行，未写入 / dry run: nothing was written")


def _taken(plan: dict[str, Any]) -> str:
    taken = plan.get("taken")
    return "" if taken is None else f"{taken['outcome']} {taken.get('code', '')}"
