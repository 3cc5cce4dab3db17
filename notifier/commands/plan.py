"""``notifier plan``: look at plans, whom they touch and what they would send."""

import argparse
from collections.abc import Sequence
from typing import Any

from notifier.commands import (
    base,
    console,
    plan_changes,
    plan_impact,
    plan_joint,
    plan_switching,
    running,
    shapes,
)
from notifier.commands.base import Context
from notifier.domain.plan import Plan, PlanState, Revision
from notifier.runtime import Runtime
from notifier.store.reports import Reports
from notifier.usecases import joints, matching, plans
from notifier.usecases.preview import Preview, preview
from notifier.usecases.status import Tallies

_OPEN = (PlanState.DRAFT, PlanState.SUBMITTED, PlanState.APPROVED)


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``plan``."""
    commands = base.group(parser)
    parser = base.add(
        commands,
        "list",
        "计划清单 / list plans",
        "notifier plan list --state submitted --from 2026-03-01",
        list_plans,
    )
    parser.add_argument(
        "--state",
        action="append",
        choices=[state.value for state in PlanState],
        default=[],
        help="可重复 / may be repeated",
    )
    parser.add_argument(
        "--from", dest="since", type=base.day, metavar="DAY", help="此日起 / not over by then"
    )
    parser.add_argument(
        "--until", type=base.day, metavar="DAY", help="此日前开始 / begin before then"
    )
    parser.add_argument("--limit", type=int, default=500, metavar="N")
    parser = base.add(
        commands,
        "show",
        "版本、差异、批准和将发送的内容 / revisions, differences, approvals, and what would be sent",
        "notifier plan show JX-2026-031",
        show,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--no-preview", action="store_true", help="不预览通知 / without the notices' preview"
    )
    plan_impact.register(commands)
    plan_changes.register(commands)
    plan_joint.register(commands)
    running.register(commands)
    plan_switching.register(commands)


async def list_plans(context: Context) -> int:
    """``notifier plan list``."""
    args, zone = context.args, context.zone
    midnight = {
        name: None if day is None else plan_changes.midnight(day, zone)
        for name, day in (("from", args.since), ("until", args.until))
    }
    async with context.runtime() as runtime, runtime.store.read() as tx:
        found = await tx.plans.listed(
            states=[PlanState(name) for name in args.state],
            starting_from=midnight["from"],
            starting_before=midnight["until"],
            limit=args.limit,
        )
    if context.wants_json:
        context.console.json({"plans": [shapes.plan_as_dict(plan, zone) for plan in found]})
        return base.OK
    context.console.table(
        (
            "编号 number",
            "类型 kind",
            "状态 state",
            "版本 rev",
            "开始 starts",
            "结束 ends",
            "部门 department",
        ),
        (
            (
                plan.number,
                plan.kind.value,
                plan.state.value,
                plan.revision,
                console.local(plan.starts_at, zone),
                console.local(plan.ends_at, zone),
                plan.department,
            )
            for plan in found
        ),
    )
    context.console.note(f"{len(found)} 个计划 / plans")
    return base.OK


# --- One plan ------------------------------------------------------------------------------------


async def show(context: Context) -> int:
    """``notifier plan show``."""
    zone = context.zone
    async with context.runtime() as runtime:
        plan = await plans.find(runtime.store, context.args.number)
        await matching.ensure_matched(runtime.store, plan)
        seen = await _preview(context, runtime, plan)
        async with runtime.store.read() as tx:
            revisions = await tx.plans.revisions(plan.id)
            approvals = await tx.plans.approvals(plan.id)
            tallies = Tallies(rows=tuple(await Reports(tx.connection).deliveries(plan.id)))
            exceptions = await tx.journal.exceptions(plan_id=plan.id)
        partners = await joints.partners(runtime.store, plan.number)
    shown = {
        "plan": shapes.plan_as_dict(plan, zone),
        "joint": [partner.number for partner in partners],
        "revisions": [shapes.revision_as_dict(item, zone) for item in revisions],
        "approvals": [shapes.approval_as_dict(item, zone) for item in approvals],
        "deliveries": tallies.as_dict(),
        "exceptions": [
            {
                "id": item["id"],
                "kind": item["kind"],
                "people": item["people"],
                "sentence": item["sentence"],
                "owner": item["owner"],
                "due_at": console.iso(item["due_at"], zone),
            }
            for item in exceptions
        ],
        "preview": None if seen is None else seen.as_dict(),
    }
    if context.wants_json:
        context.console.json(shown)
    else:
        _show(context, shown, revisions)
    return base.OK


async def _preview(context: Context, runtime: Runtime, plan: Plan) -> Preview | None:
    if context.args.no_preview or plan.state not in _OPEN:
        return None
    seen, _ = await preview(
        runtime.store, runtime.setting, runtime.renderer, plan, runtime.clock.now()
    )
    return seen


def _show(context: Context, shown: dict[str, Any], revisions: Sequence[Revision]) -> None:
    out, zone, plan = context.console, context.zone, shown["plan"]
    present = revisions[-1]
    out.say(f"{plan['number']}  {plan['kind']}  {plan['state']}  {plan['department']}")
    out.say(f"窗口 windows: {shapes.windows_in_words(present.content, zone)}")
    out.say(f"设备 equipment: {'、'.join(item.name for item in present.content.equipment)}")
    if present.content.work is not None:
        out.say(f"工作地点 work: {'、'.join(present.content.work.names)}")
    if present.content.switching is not None:
        out.say(f"操作 steps: {shapes.switching_in_words(present.content.switching, zone)}")
    out.say(f"工作 works: {present.content.works}")
    if present.content.crew:
        out.say(f"班组 crew: {present.content.crew}")
    if shown["joint"]:
        out.say(f"同停 told as one with: {'、'.join(shown['joint'])}")
    out.say()
    out.table(
        (
            "版本 rev",
            "变更 change",
            "时间 at",
            "人 by",
            "户数 points",
            "新增 added",
            "不再 removed",
            "改时 changed",
            "说明 note",
        ),
        (
            (
                item.number,
                item.change.value,
                console.local(item.created_at, zone),
                item.created_by,
                console.counted(item.counts.get("points", {})),
                *(item.difference.get(name, "—") for name in ("added", "removed", "changed")),
                item.note,
            )
            for item in revisions
        ),
    )
    if shown["approvals"]:
        out.say()
        out.table(
            (
                "批准 rev",
                "人 by",
                "时间 at",
                "收件人 recipients",
                "条数 parts",
                "费用 cost",
                "作废 void",
            ),
            (
                (
                    item["revision"],
                    item["approved_by"],
                    item["approved_at"][:16],
                    item["recipients"],
                    item["parts"],
                    item["cost"],
                    item["voided_why"],
                )
                for item in shown["approvals"]
            ),
        )
    if shown["deliveries"]["total"]:
        out.say()
        out.say(f"通知 deliveries: {console.counted(shown['deliveries']['by_state'])}")
    for item in shown["exceptions"]:
        out.say(f"待办 exception {item['id']}: {item['sentence']} → {item['owner']}")
    if shown["preview"] is not None:
        show_preview(context, shown["preview"])
    out.findings(present.findings)


def show_preview(context: Context, seen: dict[str, Any]) -> None:
    """What an approver signs, for people."""
    out = context.console
    out.say()
    out.say(
        f"预览 preview: 收件人 recipients {seen['recipients']:,}，短信条数 parts {seen['parts']:,}，"
        f"费用 cost {seen['cost']}，hash {seen['recipients_hash']}"
    )
    out.table(
        (
            "阶段 stage",
            "对象 audience",
            "渠道 medium",
            "语言",
            "人数 people",
            "时间 due",
            "条 parts",
            "内容 text",
        ),
        (
            (
                line["stage"],
                line["audience"],
                line["medium"],
                line["locale"],
                line["people"],
                console.local(context.aware(plan_changes.parsed(line["due_at"])), context.zone),
                line["parts"],
                line["text"],
            )
            for line in sorted(seen["lines"], key=lambda line: line["due_at"])
        ),
    )
    skipped: dict[str, int] = {}
    for item in seen["skipped"]:
        key = f"{item['stage']}:{item['reason']}"
        skipped[key] = skipped.get(key, 0) + item["people"]
    if skipped:
        out.say(f"不通知 not told: {console.counted(skipped)}")
    out.findings(seen["findings"])
