"""``notifier import network`` and ``notifier network``: the grid beside the ledger, in versions."""

import argparse
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain.network.version import KeptStatus, Version
from notifier.intake.network_process import NetworkReader
from notifier.store.networks import Networks
from notifier.usecases import network_versions, networks

_NOTED_IDS = 20


def register_import(parser: argparse.ArgumentParser) -> None:
    """Completes ``import network``."""
    base.command(
        parser,
        "notifier import network grid/edge --dry-run --json\n"
        "notifier import network feeders/ CB_20260305080000_PD_ALL.dt --as-of 2026-03-05T08:00",
        import_network,
        acts=True,
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="节点支路表文件夹、CIM 文件、逐馈线文件夹、*.dt / folder of tables, CIM, *.dt",
    )
    parser.add_argument("--dry-run", action="store_true", help="只检查 / look, change nothing")
    parser.add_argument(
        "--as-of",
        type=base.moment,
        metavar="TIME",
        help="模型的时间，文件未写时 / of when the model is, where its files do not say",
    )


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``network``."""
    commands = base.group(parser)
    base.add(
        commands,
        "list",
        "全部版本 / every version",
        "notifier network list",
        list_versions,
    )
    parser = base.add(
        commands,
        "show",
        "一个版本的规模、疑问与变化 / one version: how much, what is doubtful, what changed",
        "notifier network show\nnotifier network show 3 --json",
        show_version,
    )
    parser.add_argument(
        "version", nargs="?", type=int, metavar="VERSION", help="默认最新 / default: the newest"
    )
    parser = base.add(
        commands,
        "diff",
        "两个版本之间的变化 / what changed between two versions",
        "notifier network diff 3\nnotifier network diff 1 3 --json",
        diff_versions,
    )
    parser.add_argument(
        "versions",
        nargs="+",
        type=int,
        metavar="VERSION",
        help="一个：与其前一版本相比 / one: against the version before it; two: from, to",
    )
    base.add(
        commands,
        "status",
        "模型新旧与开关实时位置 / how old the model is, and which switches are not as normal",
        "notifier network status --json",
        show_status,
    )


async def import_network(context: Context) -> int:
    """``notifier import network``."""
    args = context.args
    as_of = context.aware(args.as_of) if args.as_of else None
    now = context.now()
    reader = NetworkReader(args.paths, context.zone)

    def progress(stage: str, rows: int) -> None:
        context.console.progress(f"{stage} {rows:,}" if rows else stage)

    async def take(store: Networks | None) -> networks.NetworkReport:
        return await networks.import_network(
            store,
            reader,
            now=now,
            actor=context.actor,
            as_of=as_of,
            dry_run=args.dry_run,
            progress=progress,
        )

    if args.dry_run:
        async with context.existing_database() as database:
            report = await take(None if database is None else Networks(database))
    else:
        async with context.runtime() as runtime:
            report = await take(Networks(runtime.database))
    context.console.end_progress()
    shown = report.as_dict()
    if context.wants_json:
        context.console.json(shown)
    else:
        _show_report(context, shown)
    return base.FOUND if console.has_errors(shown["findings"]) else base.OK


async def list_versions(context: Context) -> int:
    """``notifier network list``."""
    async with context.runtime() as runtime:
        versions = await Networks(runtime.database).listed()
    if context.wants_json:
        context.console.json({"versions": [_version(item, context) for item in versions]})
        return base.OK
    context.console.table(
        (
            "版本 version",
            "名称 name",
            "时间 as of",
            "导入 read",
            "由 by",
            "规模 counts",
            "疑问 findings",
        ),
        (
            (
                item.id,
                item.name,
                console.local(item.fresh_at, context.zone),
                console.local(item.read_at, context.zone),
                item.read_by,
                _few(item.counts),
                len(item.findings),
            )
            for item in versions
        ),
    )
    return base.OK


async def show_version(context: Context) -> int:
    """``notifier network show``."""
    async with context.runtime() as runtime:
        store = Networks(runtime.database)
        found = await network_versions.one(store, context.args.version)
        files = await store.status_files(found.id)
    shown = _version(found, context) | {
        "files": list(found.files),
        "difference": found.difference,
        "statuses": [_status_file(file, context) for file in files],
        "findings": [dict(item) for item in found.findings],
    }
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    out = context.console
    out.table(
        ("项目 item", "值 value"),
        (
            ("版本 version", f"{found.id} {found.name}"),
            ("时间 as of", console.local(found.fresh_at, context.zone)),
            ("导入 read", f"{console.local(found.read_at, context.zone)} {found.read_by}"),
            ("文件 files", ", ".join(found.files)),
            *((name, f"{number:,}") for name, number in found.counts.items()),
        ),
    )
    _show_difference(context, found.difference)
    _show_status_files(context, files)
    out.findings(shown["findings"])
    return base.OK


async def diff_versions(context: Context) -> int:
    """``notifier network diff``."""
    async with context.runtime() as runtime:
        found = await network_versions.compare(Networks(runtime.database), context.args.versions)
    shown = {"from": found.old.id, "to": found.new.id} | found.difference.as_dict(
        shown=1_000_000_000 if context.wants_json else _NOTED_IDS
    )
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    context.console.say(f"{found.old.id} → {found.new.id}")
    _show_difference(context, {key: shown[key] for key in shown if key not in ("from", "to")})
    return base.OK


async def show_status(context: Context) -> int:
    """``notifier network status``."""
    now = context.now()
    stale_after = timedelta(days=context.settings.network.stale_after_days)
    async with context.runtime() as runtime:
        store = Networks(runtime.database)
        found = await network_versions.standing(store, now=now, stale_after=stale_after)
        files = await store.status_files(found.version.id)
    findings = [item.as_dict() for item in found.findings]
    shown = _version(found.version, context) | {
        "age_days": round(found.age / timedelta(days=1), 2),
        "stale_after_days": stale_after.days,
        "switches_with_status": found.known,
        "switches_not_normal": [
            {
                "switch": item.switch,
                "label": label,
                "open": item.is_open,
                "as_of": console.iso(item.as_of, context.zone),
            }
            for label, item in found.not_normal
        ],
        "statuses": [_status_file(file, context) for file in files],
        "findings": findings,
    }
    if context.wants_json:
        context.console.json(shown)
    else:
        out = context.console
        out.table(
            ("项目 item", "值 value"),
            (
                ("版本 version", f"{found.version.id} {found.version.name}"),
                ("时间 as of", console.local(found.version.fresh_at, context.zone)),
                ("天数 days old", shown["age_days"]),
                ("有实时位置的开关 switches with status", f"{found.known:,}"),
                ("与常态不符 not as normal", f"{len(found.not_normal):,}"),
            ),
        )
        _show_status_files(context, files)
        out.findings(findings)
    return base.FOUND if console.has_errors(findings) else base.OK


def _show_report(context: Context, shown: dict[str, Any]) -> None:
    out = context.console
    out.table(
        ("项目 item", "数量 number"),
        [(name, f"{number:,}") for name, number in shown["counts"].items()],
    )
    _show_difference(context, shown["difference"])
    if shown["statuses"]:
        out.say()
        out.table(
            ("状态文件 status file", "结果 outcome", "行 rows"),
            (
                (item["file"], item["outcome"], console.counted(item.get("counts", {})))
                for item in shown["statuses"]
            ),
        )
    out.findings(shown["findings"])
    if shown["dry_run"]:
        out.note("试运行，未写入 / dry run: nothing was written")
    elif shown["outcome"] == networks.Outcome.UNCHANGED.value:
        out.note(f"与版本 {shown['version']} 相同 / the same as version {shown['version']}")
    else:
        out.note(f"现行版本 {shown['version']} / version {shown['version']} is in force")


def _show_difference(context: Context, difference: Mapping[str, Any] | None) -> None:
    if difference is None:
        return
    context.console.say()
    context.console.table(
        ("变化 change", "数量 number", "如 such as"),
        (
            (f"{kind} {change}", f"{number:,}", ", ".join(changes["ids"].get(change, ())))
            for kind, changes in difference.items()
            for change, number in changes.items()
            if change != "ids" and number
        ),
    )


def _show_status_files(context: Context, files: Iterable[KeptStatus]) -> None:
    context.console.table(
        ("状态文件 status file", "全量 full", "时间 as of", "行 rows", "疑问 findings"),
        (
            (
                file.name,
                "是 yes" if file.is_full else "否 no",
                console.local(file.as_of, context.zone),
                console.counted(file.counts),
                len(file.findings),
            )
            for file in files
        ),
    )


def _version(item: Version, context: Context) -> dict[str, Any]:
    zone = context.zone
    return {
        "version": item.id,
        "name": item.name,
        "as_of": console.iso(item.as_of, zone),
        "read_at": console.iso(item.read_at, zone),
        "read_by": item.read_by,
        "confirmed_at": console.iso(item.confirmed_at, zone),
        "digest": item.digest,
        "counts": dict(item.counts),
        "finding_count": len(item.findings),
    }


def _status_file(file: KeptStatus, context: Context) -> dict[str, Any]:
    return {
        "file": file.name,
        "full": file.is_full,
        "as_of": console.iso(file.as_of, context.zone),
        "read_at": console.iso(file.read_at, context.zone),
        "read_by": file.read_by,
        "counts": dict(file.counts),
        "findings": [dict(item) for item in file.findings],
    }


def _few(counts: Mapping[str, int]) -> str:
    return console.counted({name: counts[name] for name in ("nodes", "switches", "customers")})
