"""``notifier coordinate --from --to``: the balance meeting; and ``notifier import constraints``."""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.intake import constraints
from notifier.runtime import Runtime
from notifier.store.coordination import Coordination
from notifier.usecases import (
    coordinate_accepting,
    coordinate_constraints,
    coordinate_meeting,
    coordinate_proposing,
    coordinate_wording,
)
from notifier.usecases.coordinate_constraints import Incoming
from notifier.usecases.coordinate_gathering import Options

_FIGURES = {
    "interruptions": "停电户次 interruptions",
    "repeats": "重复停电户次 repeats",
    "over_limit": "超限户次 over the limit",
    "customer_hours": "停电时户数 customer-hours",
    "transfers": "短时停电户次 transfers",
    "told_again": "须重新告知户数 told again",
    "moved": "移动 moved",
    "deferred": "本期不做 deferred",
}
_OUTCOMES = {
    "kept": "不变 kept",
    "moved": "移动 moved",
    "switched": "换方式 another way",
    "merged": "合并 merged",
    "deferred": "本期不做 deferred",
}


async def answer(context: Context) -> int:
    """One of the questions was asked."""
    args = context.args
    async with context.runtime() as runtime:
        if args.accept is not None:
            return await _accept(context, runtime)
        run_id = args.run if args.run is not None else await _hold(context, runtime)
        return await _show(context, runtime, run_id)


async def _hold(context: Context, runtime: Runtime) -> int:
    args = context.args
    options = Options(
        first=args.first,
        last=args.first if args.last is None else args.last,
        seconds=args.seconds,
        pins={number: context.aware(at) for number, at in args.pin},
        crews=dict(args.crew),
        region_per_shift=args.region_per_shift,
        as_asked=frozenset(args.as_asked),
    )
    context.console.progress("求解中 / solving")
    run_id = await runtime.meetings().hold(options, context.actor)
    context.console.end_progress()
    return run_id


async def _show(context: Context, runtime: Runtime, run_id: int) -> int:
    runs = Coordination(runtime.database)
    run = await coordinate_meeting.found(runs, run_id)
    items = await runs.items(run_id)
    if context.args.svg is not None:
        drawing = coordinate_proposing.picture(items, run, context.zone, links=False)
        await _write(context.args.svg, drawing)
    if context.wants_json:
        context.console.json(_as_dict(context, run, items))
    else:
        _print(context, run, items)
    return base.OK


async def _write(path: Path, text: str) -> None:
    try:
        await asyncio.to_thread(path.write_text, text, "utf-8")
    except OSError as error:
        raise base.file_error(path, error) from error


def _as_dict(
    context: Context, run: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "id": run["id"],
        "from": run["first_day"],
        "to": run["last_day"],
        "state": run["state"],
        "options": run["options"],
        "summary": run["summary"] or {},
        "items": [
            {
                "number": item["number"],
                "revision": item["revision"],
                "outcome": item["outcome"],
                **item["detail"],
                "decision": item["decision"],
                "why": item["why"],
                "decided_at": console.iso(item["decided_at"], context.zone),
                "new_revision": item["new_revision"],
            }
            for item in items
        ],
    }


def _print(context: Context, run: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    out, summary = context.console, run["summary"] or {}
    out.say(f"平衡会 meeting {run['id']}: {run['first_day']} – {run['last_day']} {run['state']}")
    if "asked" not in summary:
        out.say(str(summary.get("why", "")))
        return
    asked, proposed = summary["asked"], summary["proposed"]
    out.table(
        ("", "申请 as asked", "方案 proposed"),
        ((words, f"{asked[n]:,.0f}", f"{proposed[n]:,.0f}") for n, words in _FIGURES.items()),
    )
    gap = f"{summary['gap']:.2%}" if summary["bound"] else "—"
    out.say(
        f"目标值 objective {summary['asked_objective']:,} → {summary['objective']:,}，"
        f"下界 bound {summary['bound']:,}，差距 gap {gap}，"
        f"{summary['solver']} {summary['seconds']} s"
    )
    out.say()
    out.table(
        ("计划 plan", "结果 outcome", "原 from", "拟 to", "同停 with", "免重复 spared",
         "少停时户 hours", "再告知 told again", "说明 note"),
        (_row(item) for item in items),
    )  # fmt: skip
    for one in summary["left_out"]:
        zh, en = coordinate_wording.in_words(one["why"])
        out.note(f"{one['number']} 不参与：{zh} / takes no part: {en}")
    out.findings(summary["findings"])


def _row(item: Mapping[str, Any]) -> tuple[object, ...]:
    detail = item["detail"]
    to = detail["to"][0]["starts_at"][5:16].replace("T", " ") if detail["to"] else "—"
    notes = []
    if detail["frozen"]:
        notes.append(coordinate_wording.in_words(detail["frozen"])[0])
    notes += _way(detail.get("way"))
    notes += [f"未并 {one['with']}：{one['zh']}" for one in detail["refused"][:1]]
    if item["decision"]:
        notes.append(f"{item['decision']} {item['why']}")
    return (
        item["number"],
        _OUTCOMES[item["outcome"]],
        detail["from"][0]["starts_at"][5:16].replace("T", " "),
        to if detail["shift_minutes"] or not detail["to"] else "",
        "、".join(one["number"] for one in detail["merged_with"]),
        f"{detail['spared_repeats']:,}",
        f"{detail['spared_customer_hours']:,.1f}",
        f"{detail['told_again']:,}",
        "；".join(notes),
    )


def _way(way: Mapping[str, Any] | None) -> list[str]:
    """How it is done otherwise: who is carried by whom, and which switches are worked."""
    if way is None:
        return []
    said = []
    if way["transferred"]:
        ties = "、".join(way["tie_feeders"]) or "—"
        said.append(f"由{ties}转供 carried: {'、'.join(way['transferred'])}")
    if way["kept"]:
        said.append(f"不停 kept: {'、'.join(way['kept'])}")
    verbs = {"open": "拉开", "close": "合上"}
    said += [f"{verbs[step['action']]} {step['name']}" for step in way["steps"]]
    return said


async def _accept(context: Context, runtime: Runtime) -> int:
    meetings = runtime.meetings()
    done = await coordinate_accepting.accept(
        runtime.store,
        meetings.runs,
        meetings.gatherer,
        context.args.accept,
        context.args.only,
        now=runtime.clock.now(),
        actor=context.actor,
    )
    if context.wants_json:
        context.console.json(done.as_dict())
    else:
        context.console.table(
            ("计划 plan", "采纳 accepted", "版本 rev", "原因 why"),
            (
                (
                    item.number,
                    "是 yes" if item.is_accepted else "否 no",
                    item.revision or "",
                    item.why,
                )
                for item in done.items
            ),
        )
        for number, others in done.lonely.items():
            context.console.note(
                f"{number} 要与 {'、'.join(others)} 同停，后者未采纳 / is to share an outage with "
                f"{', '.join(others)}, which was not accepted"
            )
    return base.OK if all(item.is_accepted for item in done.items) else base.FOUND


# --- Constraints -----------------------------------------------------------------------------------


def register_import(parser: argparse.ArgumentParser) -> None:
    """Completes ``import constraints``."""
    base.command(
        parser,
        "notifier import constraints coordination.toml --dry-run\n"
        "notifier import constraints 约束.xlsx --as wang",
        import_constraints,
        acts=True,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="TOML, XLSX, XLS, ODS, CSV")
    parser.add_argument("--dry-run", action="store_true", help="只检查 / look, change nothing")


async def import_constraints(context: Context) -> int:
    """``notifier import constraints``: the file takes the place of what was in force, or nothing does."""
    args = context.args
    read = await asyncio.to_thread(constraints.read_constraints, args.file)
    body = {} if read.constraints is None else constraints.constraints_as_dict(read.constraints)
    found = read.findings
    if read.constraints is not None and not args.dry_run:
        coming = Incoming(
            name=read.name, digest=read.digest, constraints=read.constraints, body=body
        )
        async with context.runtime() as runtime:
            taken = await coordinate_constraints.take(
                runtime.store,
                Coordination(runtime.database),
                runtime.setting,
                coming,
                now=context.now(),
                actor=context.actor,
            )
        found = taken.findings
    findings = [finding.as_dict() for finding in found]
    if context.wants_json:
        context.console.json({"file": read.name, "constraints": body, "findings": findings})
    else:
        counted = {name: len(items) for name, items in body.items() if isinstance(items, list)}
        context.console.say(
            f"{read.name}: {console.counted({n: c for n, c in counted.items() if c})}"
        )
        context.console.findings(findings)
        if args.dry_run:
            context.console.note("试运行，未写入 / dry run: nothing was written")
    return base.OK if read.constraints is not None else base.FOUND
