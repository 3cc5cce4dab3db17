"""``notifier import plans``: outage plans as departments write them."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import PlanDraft, SourceWindow
from notifier.intake import plans, plans_json, tables
from notifier.intake.plans import PlanFile
from notifier.usecases import ingest

if TYPE_CHECKING:
    from notifier.runtime import Runtime


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``import plans``."""
    base.command(
        parser,
        "notifier import plans plans.xlsx --published 2026-03-01 --dry-run --json\n"
        "notifier import plans march.xlsx --department 检修 --as wang",
        import_plans,
        acts=True,
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="XLSX, XLS, ET, ODS, CSV, TSV, HTML, or JSON as the API takes it",
    )
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
        drafts = [draft for item in read for draft in item.file.plans]
        async with context.existing_database() as database:
            if database is not None:
                from notifier.commands import foreseeing  # whoever has no ledger yet needs no store

                await foreseeing.foresee(context, database, drafts, shown["plans"])
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
            await _look(runtime, shown["plans"])
        context.console.end_progress()
    if context.wants_json:
        context.console.json(shown)
    else:
        _show_plans(context, shown)
    refused = any(item.report is not None and item.report.has_errors for item in read)
    return base.FOUND if refused or console.has_errors(_findings(shown)) else base.OK


async def _look(runtime: "Runtime", shown: Sequence[dict[str, Any]]) -> None:
    """Adds to each plan of a file that was taken in what else takes its areas out."""
    taken = [plan["taken"]["number"] for plan in shown if "taken" in plan]
    known = await runtime.meetings().gatherer.checker.look(taken, runtime.clock.now())
    for plan in shown:
        if "taken" in plan and plan["taken"]["number"] in known:
            plan["coordination"] = known[plan["taken"]["number"]].as_dict()


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
