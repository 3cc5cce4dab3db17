"""``notifier plan`` join, part: which plans share an outage and are told as one."""

from notifier.commands import base
from notifier.commands.base import Context
from notifier.domain.plan import Plan
from notifier.usecases import joints


def register(commands: base.Subparsers) -> None:
    """Adds the commands below ``plan``."""
    parser = base.add(
        commands,
        "join",
        "同停：合并告知 / tell plans of one outage as one",
        "notifier plan join JX-2026-031 JX-2026-032 --as wang",
        join,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument("others", metavar="OTHER", nargs="+", help="与之同停 / shares its outage")
    parser.add_argument("--note", default="", metavar="TEXT", help="说明 / anything to add")
    parser = base.add(
        commands,
        "part",
        "取消同停：各自告知 / tell a plan for itself again",
        "notifier plan part JX-2026-032 --as wang",
        part,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument("--note", default="", metavar="TEXT", help="说明 / anything to add")


async def join(context: Context) -> int:
    """``notifier plan join``."""
    args = context.args
    async with context.runtime() as runtime:
        together = await joints.join(
            runtime.store,
            [args.number, *args.others],
            now=runtime.clock.now(),
            actor=context.actor,
            note=args.note,
        )
    return _answer(context, args.number, together)


async def part(context: Context) -> int:
    """``notifier plan part``."""
    args = context.args
    async with context.runtime() as runtime:
        await joints.part(
            runtime.store,
            args.number,
            now=runtime.clock.now(),
            actor=context.actor,
            note=args.note,
        )
    return _answer(context, args.number, [])


def _answer(context: Context, number: str, together: list[Plan]) -> int:
    others = [plan.number for plan in together if plan.number != number]
    if context.wants_json:
        context.console.json({"number": number, "joint": others})
    elif others:
        context.console.say(f"{number} 同停 told as one with: {'、'.join(others)}")
    else:
        context.console.say(f"{number} 单独告知 / told for itself")
    return base.OK
