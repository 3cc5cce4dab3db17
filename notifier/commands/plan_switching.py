"""``notifier plan`` proposals, confirm, rematch, diagram: plans on the network model."""

import asyncio
from pathlib import Path

from notifier.commands import base
from notifier.commands.base import Context
from notifier.commands.plan_changes import answer
from notifier.usecases import basis, plans, proposals
from notifier.usecases.proposals import Proposal


def register(commands: base.Subparsers) -> None:
    """Adds the commands below ``plan``."""
    parser = base.add(
        commands,
        "proposals",
        "按工作地点拟议的操作方案 / proposed switching for the place of work",
        "notifier plan proposals JX-2026-031",
        list_proposals,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser = base.add(
        commands,
        "confirm",
        "确认一个拟议方案 / make a proposal the plan's switching",
        "notifier plan confirm JX-2026-031 --proposal 1 --as wang",
        confirm,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--proposal", type=int, required=True, metavar="K", help="方案编号 / which one"
    )
    parser.add_argument(
        "--expect", default="", metavar="KEY", help="查看时的 key / the key that was looked at"
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="说明 / anything to add")
    parser = base.add(
        commands,
        "rematch",
        "按现有台账和网络重新匹配 / match anew on ledger and network as they are now",
        "notifier plan rematch JX-2026-031 --note 台账已更正",
        rematch,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument("--note", default="", metavar="TEXT", help="原因 / why")
    parser = base.add(
        commands,
        "diagram",
        "受影响部分的单线图 / the single-line diagram of what the plan touches",
        "notifier plan diagram JX-2026-031 --svg plan.svg",
        diagram,
        json=False,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="写入文件 / instead of printing it"
    )
    parser.add_argument(
        "--proposal", type=int, metavar="K", help="画拟议方案 / of a proposal instead"
    )


async def list_proposals(context: Context) -> int:
    """``notifier plan proposals``."""
    async with context.runtime() as runtime:
        found = await proposals.propose(runtime.store, context.args.number)
    if context.wants_json:
        context.console.json(found.as_dict())
        return base.OK
    out = context.console
    out.say(f"{found.plan.number}  工作地点 work: {found.work}  key {found.key}")
    out.table(
        (
            "方案 no",
            "方式 order",
            "操作 steps",
            "停电 out",
            "短时 short",
            "不受影响 unaffected",
            "其他联络 other ties",
        ),
        (
            (
                item.number,
                item.order.value,
                "；".join(_step(item, step.action.value, step.switch) for step in item.steps),
                item.out,
                item.short,
                item.unaffected,
                "；".join(
                    f"{item.names[tie]}: {', '.join(item.names[t] for t in others)}"
                    for tie, others in item.alternatives.items()
                    if others
                ),
            )
            for item in found.proposals
        ),
    )
    out.note(
        "未考虑负荷、保护和闭锁，请人工确认 / load, protection, interlocking are not known: confirm"
    )
    return base.OK


def _step(item: Proposal, action: str, switch: str) -> str:
    verb = "拉开 open" if action == "open" else "合上 close"
    return f"{verb} {item.names[switch]}"


async def confirm(context: Context) -> int:
    """``notifier plan confirm``."""
    args = context.args
    async with context.runtime() as runtime:
        changed = await proposals.confirm(
            runtime.store,
            args.number,
            args.proposal,
            expected=args.expect,
            note=args.note,
            now=runtime.clock.now(),
            actor=context.actor,
        )
        return await answer(context, runtime, changed)


async def rematch(context: Context) -> int:
    """``notifier plan rematch``."""
    async with context.runtime() as runtime:
        changed = await plans.rematch(
            runtime.store,
            context.args.number,
            note=context.args.note,
            now=runtime.clock.now(),
            actor=context.actor,
        )
        return await answer(context, runtime, changed)


async def diagram(context: Context) -> int:
    """``notifier plan diagram``."""
    args = context.args
    async with context.runtime() as runtime:
        svg = await basis.picture(
            runtime.store, args.number, proposal=args.proposal, now=runtime.clock.now()
        )
    if args.svg is None:
        context.console.say(svg.rstrip("\n"))
        return base.OK
    try:
        await asyncio.to_thread(args.svg.write_text, svg, "utf-8")
    except OSError as error:
        raise base.file_error(args.svg, error) from error
    context.console.note(f"{args.svg}")
    return base.OK
