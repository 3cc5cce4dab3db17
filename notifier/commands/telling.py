"""``notifier`` channels, policy: by which ways people are told, and under which rules."""

import argparse
from typing import Any

from notifier import registry
from notifier.channel import Channel
from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain import errors
from notifier.intake.policies import policy_from_dict, read_policy_file
from notifier.rendering.messages import TemplateHasConditions
from notifier.runtime import Runtime
from notifier.usecases import policies, status


class ChannelNotFound(errors.NotFound):
    """No channel of that name is configured and enabled."""

    code = "channel.not_found"


def register_channels(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``channels``."""
    commands = base.group(parser)
    base.add(
        commands,
        "list",
        "已配置的渠道和可用的类型 / configured channels, and the adapters there are",
        "notifier channels list",
        list_channels,
    )
    parser = base.add(
        commands,
        "check",
        "能否连通 / ask a provider whether it can be reached",
        "notifier channels check sms",
        check_channel,
    )
    parser.add_argument("name", metavar="NAME")
    parser = base.add(
        commands,
        "start",
        "恢复已停的渠道 / a stopped channel works again",
        "notifier channels start sms --as wang",
        start_channel,
        json=False,
        acts=True,
    )
    parser.add_argument("name", metavar="NAME")
    parser = base.add(
        commands,
        "templates",
        "需在平台报备的模板 / the texts to register at gateways",
        "notifier channels templates --medium sms",
        templates,
    )
    parser.add_argument("--medium", metavar="MEDIUM", help="sms, wechat, push, …")


def register_policy(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``policy``."""
    commands = base.group(parser)
    base.add(
        commands,
        "show",
        "现行策略 / the policy in force",
        "notifier policy show --json",
        show_policy,
    )
    parser = base.add(
        commands,
        "check",
        "应用前查看影响 / what another policy would alter",
        "notifier policy check policy.toml\nnotifier policy check gb --json",
        check_policy,
    )
    parser.add_argument("file", metavar="FILE", help="文件，或 cn、gb / a file, or cn or gb")
    parser = base.add(
        commands,
        "apply",
        "应用策略 / put a policy in force",
        "notifier policy apply policy.toml --as li",
        apply_policy,
        acts=True,
    )
    parser.add_argument("file", metavar="FILE", help="文件，或 cn、gb / a file, or cn or gb")


# --- Channels ------------------------------------------------------------------------------------


async def list_channels(context: Context) -> int:
    """``notifier channels list``."""
    async with context.runtime() as runtime:
        async with runtime.store.read() as tx:
            states = await tx.journal.channel_states()
        rows: list[dict[str, Any]] = []
        for name, options in context.settings.channels.items():
            channel = runtime.switchboard.channels.get(name)
            state = states.get(name, {})
            rows.append(
                {
                    "name": name,
                    "type": options.type,
                    "enabled": options.enabled,
                    "medium": None if channel is None else channel.medium.value,
                    "batch_size": None if channel is None else channel.limits.batch_size,
                    "per_second": None if channel is None else channel.limits.per_second,
                    "fallbacks": runtime.switchboard.fallbacks.get(name, []),
                    "stopped_at": console.iso(state.get("stopped_at"), context.zone),
                    "stopped_why": state.get("stopped_why", ""),
                }
            )
    known = sorted(registry.types())
    if context.wants_json:
        context.console.json({"channels": rows, "types": known})
        return base.OK
    context.console.table(
        (
            "名称 name",
            "类型 type",
            "渠道 medium",
            "批量 batch",
            "速率 /s",
            "备用 fallbacks",
            "状态 state",
        ),
        (
            (
                row["name"],
                row["type"],
                row["medium"] or "—",
                row["batch_size"] or "—",
                row["per_second"] or "—",
                "、".join(row["fallbacks"]) or "—",
                _state(row),
            )
            for row in rows
        ),
    )
    context.console.say(f"可用类型 adapters: {', '.join(known)}")
    return base.OK


def _state(row: dict[str, Any]) -> str:
    if not row["enabled"]:
        return "停用 disabled"
    if row["stopped_at"]:
        return f"已停 stopped {row['stopped_at'][:16]} {row['stopped_why']}"
    return "正常 on"


def _known(runtime: Runtime, name: str) -> Channel:
    channel = runtime.switchboard.channels.get(name)
    if channel is None:
        raise ChannelNotFound(f"没有启用渠道 {name} / no channel {name} is configured and enabled.")
    return channel


async def check_channel(context: Context) -> int:
    """``notifier channels check``."""
    name = context.args.name
    async with context.runtime() as runtime:
        health = await _known(runtime, name).health()
    if context.wants_json:
        context.console.json({"name": name, "is_well": health.is_well, "detail": health.detail})
    else:
        word = "正常 well" if health.is_well else "异常 unwell"
        context.console.say(f"{name}: {word} {health.detail}".rstrip())
    return base.OK if health.is_well else base.FOUND


async def start_channel(context: Context) -> int:
    """``notifier channels start``."""
    name = context.args.name
    async with context.runtime() as runtime:
        _known(runtime, name)
        await status.start_channel(
            runtime.store, name, now=runtime.clock.now(), actor=context.actor
        )
    context.console.say(f"{name} 已恢复 / started")
    return base.OK


async def templates(context: Context) -> int:
    """``notifier channels templates``."""
    wanted = context.args.medium
    rows = []
    async with context.runtime() as runtime:
        for name in runtime.renderer.list_templates():
            medium = name.split(".")[1]
            if wanted not in (None, medium):
                continue
            try:
                text: str | None = runtime.renderer.provider_text(name)
            except TemplateHasConditions:
                text = None  # a medium that takes free text: nothing to register
            if text is not None:
                rows.append({"template": name, "medium": medium, "text": text})
        version = runtime.renderer.template_version()
    if context.wants_json:
        context.console.json({"version": version, "templates": rows})
        return base.OK
    for row in rows:
        context.console.say(row["template"])
        context.console.say(f"  {row['text']}")
    return base.OK


# --- The policy ----------------------------------------------------------------------------------


async def show_policy(context: Context) -> int:
    """``notifier policy show``."""
    async with context.runtime() as runtime:
        policy = runtime.setting.policy
        async with runtime.store.read() as tx:
            body = await tx.applied_policy()
            present = await tx.policy_in_force()
            awaiting = await policies.awaiting(tx, runtime.setting.configured)
    by = None if present is None else present.applied_by
    if context.wants_json:
        context.console.json(
            {
                "name": policy.name,
                "version": policy.version,
                "applied_by": by,
                "awaiting": awaiting,
                "body": body,
            }
        )
        return base.OK
    out = context.console
    out.say(f"{policy.name} {policy.version} {policy.jurisdiction}（{by} 应用 applied by）")
    if awaiting:
        out.say(awaiting)
    if policy.quiet is not None:
        out.say(f"静默 quiet hours: {policy.quiet.starts:%H:%M}–{policy.quiet.ends:%H:%M}")
    out.table(
        (
            "阶段 stage",
            "提前 lead",
            "渠道 media",
            "类型 kinds",
            "对象 audiences",
            "影响 classes",
            "回执 confirm",
        ),
        (
            (
                rule.stage.value,
                "即时 at once" if rule.lead is None else _lead(rule.lead.total_seconds()),
                " → ".join(medium.value for medium in rule.media),
                ", ".join(sorted(kind.value for kind in rule.kinds)) or "全部 all",
                ", ".join(sorted(item.value for item in rule.audiences)) or "全部 all",
                ", ".join(sorted(item.value for item in rule.classes)) or "全部 all",
                "是 yes" if rule.confirm else "",
            )
            for rule in policy.rules
        ),
    )
    return base.OK


def _lead(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    parts = ((days, "d"), (hours, "h"), (rest // 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0m"


async def check_policy(context: Context) -> int:
    """``notifier policy check``."""
    policy = policy_from_dict(read_policy_file(context.args.file))
    async with context.runtime() as runtime:
        found = await policies.compare(
            runtime.store, runtime.setting, policy, now=runtime.clock.now()
        )
    if context.wants_json:
        context.console.json(found.as_dict(context.zone))
    else:
        _show_comparison(context, found)
    return base.OK


def _show_comparison(context: Context, found: policies.Comparison) -> None:
    out = context.console
    out.say(
        f"{found.was_name} {found.was_version} → {found.name} {found.version}: "
        f"{found.plans} 个已批准的计划 / approved plans"
    )
    out.table(
        ("变化 change", "阶段 stage", "渠道 medium", "次序 rung", "计划 plans", "人数 people"),
        (
            (row["change"], row["stage"], row["medium"], row["rung"], row["plans"], row["people"])
            for row in found.summary()
        ),
    )
    if not found.altered:
        out.say("没有变化 / nothing would change")


async def apply_policy(context: Context) -> int:
    """``notifier policy apply``."""
    body = read_policy_file(context.args.file)
    policy = policy_from_dict(body)
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        found = await policies.compare(runtime.store, runtime.setting, policy, now=now)
        marked = await policies.put_in_force(
            runtime.store,
            policy,
            body,
            configured=policies.version_of(runtime.setting.configured),
            now=now,
            actor=context.actor,
        )
    if context.wants_json:
        context.console.json(found.as_dict(context.zone) | {"plans_marked": marked})
        return base.OK
    _show_comparison(context, found)
    context.console.say(f"已应用 / in force; {marked} 个计划重新对账 / plans are looked at again")
    context.console.note("运行中的服务随即采用 / processes that are running take it over at once")
    return base.OK
