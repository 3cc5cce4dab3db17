"""``notifier plan`` revise, approve, cancel, delay, restore: each is a new revision or a signature."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from pydantic import ValidationError

from notifier.commands import base, console, shapes
from notifier.commands.base import Context
from notifier.domain import errors
from notifier.domain.plan import Plan, PlanContent
from notifier.domain.window import Window, WindowInvalid
from notifier.intake import plans_json
from notifier.runtime import Runtime
from notifier.usecases import plans


def register(commands: base.Subparsers) -> None:
    """Adds the commands below ``plan``."""
    parser = base.add(
        commands,
        "revise",
        "修改计划 / give the plan other times or another content",
        "notifier plan revise JX-2026-031 --window 2026-03-12T08:00/2026-03-12T17:30 --note 改期\n"
        "notifier plan revise JX-2026-031 --from plan.json --note 'feeder split'",
        revise,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from", dest="source", type=Path, metavar="FILE.json", help="整份内容 / the whole content"
    )
    source.add_argument(
        "--window",
        action="append",
        type=base.period,
        metavar="START/END",
        help="新窗口，可重复 / the windows from now on; may be repeated",
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="原因 / why")
    parser = base.add(
        commands,
        "approve",
        "批准发送 / sign the present revision for sending",
        "notifier plan approve JX-2026-031 --expect 3f9a… --as li",
        approve,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--expect",
        default="",
        metavar="HASH",
        help="预览时的收件人散列 / the recipients' hash that was looked at",
    )
    parser = base.add(
        commands,
        "cancel",
        "取消计划 / the outage will not take place",
        "notifier plan cancel JX-2026-031 --note 保电任务",
        cancel,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument("--note", default="", metavar="TEXT", help="原因 / why")
    parser = base.add(
        commands,
        "delay",
        "延时送电 / supply comes back later",
        "notifier plan delay JX-2026-031 --until 2026-03-05T19:00 --note 电缆头返工",
        delay,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--until",
        type=base.moment,
        required=True,
        metavar="TIME",
        help="新的结束时间 / the new end",
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="原因 / why")
    parser = base.add(
        commands,
        "restore",
        "已送电 / supply is back",
        "notifier plan restore JX-2026-031 --at 2026-03-05T15:20",
        restore,
        acts=True,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument("--at", type=base.moment, metavar="TIME", help="默认现在 / default: now")
    parser.add_argument(
        "--all",
        action="store_true",
        help="整个计划结束，其余日期不再停电 / the whole plan: the days to come are off",
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="说明 / anything to add")


async def revise(context: Context) -> int:
    """``notifier plan revise``."""
    args = context.args
    async with context.runtime() as runtime:
        plan = await plans.find(runtime.store, args.number)
        if args.source is not None:
            content = await _read_content(args.source)
        else:
            async with runtime.store.read() as tx:
                present = await tx.plans.revision(plan.id, plan.revision)
            content = replace(
                present.content,
                windows=tuple(sorted(_window(context, *ends) for ends in args.window)),
            )
        changed = await plans.revise(
            runtime.store,
            args.number,
            content,
            note=args.note,
            now=runtime.clock.now(),
            actor=context.actor,
        )
        return await answer(context, runtime, changed)


async def approve(context: Context) -> int:
    """``notifier plan approve``."""
    async with context.runtime() as runtime:
        seen = await plans.approve(
            runtime.store,
            runtime.setting,
            runtime.renderer,
            context.args.number,
            now=runtime.clock.now(),
            actor=context.actor,
            expected_hash=context.args.expect,
        )
    if context.wants_json:
        context.console.json({"approved_by": context.actor} | seen.as_dict())
    else:
        context.console.say(
            f"{seen.number} r{seen.revision} 已批准 / approved: 收件人 recipients {seen.recipients:,}，"
            f"短信条数 parts {seen.parts:,}，费用 cost {seen.cost}，hash {seen.recipients_hash}"
        )
        context.console.findings([finding.as_dict() for finding in seen.findings])
    return base.OK


async def cancel(context: Context) -> int:
    """``notifier plan cancel``."""
    async with context.runtime() as runtime:
        changed = await plans.cancel(
            runtime.store,
            runtime.setting,
            context.args.number,
            note=context.args.note,
            now=runtime.clock.now(),
            actor=context.actor,
        )
        return await answer(context, runtime, changed)


async def delay(context: Context) -> int:
    """``notifier plan delay``."""
    async with context.runtime() as runtime:
        changed = await plans.delay(
            runtime.store,
            runtime.setting,
            context.args.number,
            context.aware(context.args.until),
            note=context.args.note,
            now=runtime.clock.now(),
            actor=context.actor,
        )
        return await answer(context, runtime, changed)


async def restore(context: Context) -> int:
    """``notifier plan restore``."""
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        at = context.args.at
        changed = await plans.restore(
            runtime.store,
            runtime.setting,
            context.args.number,
            now if at is None else context.aware(at),
            note=context.args.note,
            now=now,
            actor=context.actor,
            whole=context.args.all,
        )
        return await answer(context, runtime, changed)


async def answer(context: Context, runtime: Runtime, plan: Plan) -> int:
    """The new revision and how it differs from the one before."""
    async with runtime.store.read() as tx:
        revision = await tx.plans.revision(plan.id, plan.revision)
    zone = context.zone
    if context.wants_json:
        context.console.json(
            {
                "plan": shapes.plan_as_dict(plan, zone),
                "revision": shapes.revision_as_dict(revision, zone),
            }
        )
        return base.OK
    context.console.say(
        f"{plan.number} r{revision.number} {revision.change.value} → {plan.state.value}: "
        f"{shapes.windows_in_words(revision.content, zone)}"
    )
    context.console.say(f"影响 touches: {console.counted(revision.counts.get('points', {}))}")
    context.console.say(f"变化 difference: {console.counted(revision.difference)}")
    context.console.findings(revision.findings)
    return base.OK


async def _read_content(path: Path) -> PlanContent:
    try:
        raw = orjson.loads(await asyncio.to_thread(path.read_bytes))
        return plans_json.PlanModel.model_validate(raw).content()
    except OSError as error:
        raise base.file_error(path, error) from error
    except orjson.JSONDecodeError as error:
        raise errors.Invalid(f"{path}: {error}", code="json.invalid") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise errors.Invalid(f"{path}: {place} {first['msg']}", code="json.invalid") from error


def _window(context: Context, start: datetime, end: datetime) -> Window:
    try:
        return Window(context.aware(start), context.aware(end))
    except ValueError as error:
        raise WindowInvalid(f"{start}/{end}: {error}.") from error


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The local start of a day."""
    return datetime.combine(day, time(), tzinfo=zone)


def parsed(text: str) -> datetime:
    """A time as our own JSON writes it."""
    return datetime.fromisoformat(text)
