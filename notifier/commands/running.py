"""``notifier plan running``: what runs now, whether its end is certain, and what it would push."""

from typing import Any

from notifier.commands import base
from notifier.commands.base import Context
from notifier.store.coordination_works import Works
from notifier.usecases import running, running_json

_PHASES = {
    "running": "停电中 running",
    "asked": "已询问 asked",
    "confirmed": "已确认 confirmed",
    "unanswered": "未答复 no answer",
    "overdue": "超时 overdue",
}


def register(commands: base.Subparsers) -> None:
    """Adds the command below ``plan``."""
    base.add(
        commands,
        "running",
        "正在停电：预计送电、由谁确认、影响什么 / what runs now, who confirmed its end, what it pushes",
        "notifier plan running\nnotifier plan running --json",
        show,
    )


async def show(context: Context) -> int:
    """``notifier plan running``."""
    async with context.runtime() as runtime:
        seen = await running.look(
            runtime.store, Works(runtime.database), runtime.setting, runtime.clock.now()
        )
    shown = running_json.as_dict(seen, context.zone)
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    out = context.console
    out.table(
        (
            "编号 number",
            "停电 out since",
            "预计送电 back by",
            "状态 state",
            "确认 confirmed by",
            "班组 crew",
            "户 out",
            "影响 pushes",
        ),
        (_row(line) for line in shown["running"]),
    )
    for line in shown["running"]:
        for push in line["pushes"]:
            out.say(_pushed(line, push))
    out.note(f"{len(shown['running'])} 个正在停电 / running")
    return base.OK


def _row(line: dict[str, Any]) -> tuple[object, ...]:
    said = line["confirmation"]
    ends = _hour(line["promised_at"])
    if line["promised_at"] != line["first_promise"]:
        ends += f" （原 was {_hour(line['first_promise'])}）"
    return (
        line["number"],
        _hour(line["starts_at"]),
        ends,
        _PHASES[line["phase"]],
        "" if said is None else f"{said['said_by']} {_hour(said['said_at'])}",
        line["crew"],
        line["points"].get("out", 0),
        f"{len(line['pushes'])}{'?' if line['is_foreseen'] and line['pushes'] else ''}",
    )


def _pushed(line: dict[str, Any], push: dict[str, Any]) -> str:
    """One sentence; a question where the end still holds."""
    names = "、".join(name for why in push["why"] for name in why["names"])
    to = f"{_hour(push['starts_at'])} → {_hour(push['suggested']['starts_at'])}"
    if line["is_foreseen"]:
        return (
            f"  若 {line['number']} 拖到 {_hour(line['until'])}：{push['number']} {to}（{names}）"
            f" / an end at {_hour(line['until'])} would push it"
        )
    return f"  {line['number']} 延时：{push['number']} {to}（{names}） / move it"


def _hour(text: str) -> str:
    """``03-20 18:00`` of an ISO time."""
    return f"{text[5:10]} {text[11:16]}"
