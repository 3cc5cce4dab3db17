"""``notifier coordinate --check``: what else takes a plan's areas out."""

from typing import Any

from notifier.commands import base
from notifier.commands.base import Context
from notifier.domain.customer import Criticality
from notifier.usecases import counting
from notifier.usecases.coordinate_wording import in_words

_SHOWN = 12
_NAMED = 3


async def check(context: Context) -> int:
    """``notifier coordinate --check``. No worker may have run: what waits is counted first."""
    async with context.runtime() as runtime:
        while await counting.catch_up(runtime.store):
            pass
        checker = runtime.meetings().gatherer.checker
        checked = await checker.moving_too(context.args.check, runtime.clock.now())
    shown = checked.as_dict()
    if context.wants_json:
        context.console.json(shown)
    else:
        show_check(context, shown)
    return base.OK


def show_check(context: Context, shown: dict[str, Any]) -> None:
    """The answer for people: in one sentence, then what it rests on."""
    out = context.console
    out.say(
        f"{shown['number']} r{shown['revision']}：停电 out {shown['customers']:,} 户 customers，"
        f"{shown['customer_hours']:,} 时户 customer-hours；"
        f"再次停电 hit again {shown['hit_again']:,}，超限 over the limit {shown['over_limit']:,}，"
        f"列入重复停电清单 on the repeat list {shown['on_repeat_list']:,}"
    )
    if shown["critical"]:
        out.say(
            "重要与敏感用户 critical: "
            + "，".join(
                f"{Criticality(int(key)).name.lower()} {number:,}"
                f"（再次 again {shown['critical_hit_again'].get(key, 0):,}）"
                for key, number in shown["critical"].items()
            )
        )
    out.table(
        ("60 天内次数 count", "户数 customers", "台区 areas"),
        (
            (hit["count"], f"{hit['customers']:,}", _few(hit["areas"]))
            for hit in shown["hits"][:_SHOWN]
        ),
    )
    for place in shown["somewhere"]:
        out.note(
            f"{place['feeder']} {place['area']} 此前还有 {place['interruptions']} 次停电，只知户数，未计入"
            f" / {place['interruptions']} more outages of which only numbers are known: not counted"
        )
    if not shown["others"]:
        out.say("前后 60 天内没有其他工作 / no other work within 60 days")
        return
    out.say()
    out.table(
        ("其他工作 other", "状态 state", "部门 department", "窗口 windows", "相隔天 days",
         "共同户数 shared", "台区 areas"),
        (
            (
                other["number"],
                other["state"],
                other["department"],
                "；".join(w["starts_at"][:16].replace("T", " ") for w in other["windows"]),
                "重叠 overlap" if other["overlaps"] else other["days_apart"],
                f"{other['customers']:,}",
                _few(other["areas"]),
            )
            for other in shown["others"][:_SHOWN]
        ),
    )  # fmt: skip
    if len(shown["others"]) > _SHOWN:
        out.note(
            f"另有 {len(shown['others']) - _SHOWN} 项，--json 查看全部 / more: --json shows all"
        )
    out.say()
    for number, item in enumerate(shown["suggestions"], start=1):
        at = item["starts_at"][:16].replace("T", " ")
        out.say(f"建议 better {number}: {at}（{item['days']:+.0f} 天 days）{item['reason']}")
    if not shown["suggestions"]:
        out.say("没有更好的日子 / no better day")
    for item in shown["moving_too"] or ():
        out.say(item["reason"])
    for why, number in shown["refused_starts"].items():
        zh, en = in_words(why)
        out.note(f"{number} 个日子不可选：{zh} / {number} days ruled out: {en}")


def _few(names: list[str]) -> str:
    more = f" … {len(names)}" if len(names) > _NAMED else ""
    return "、".join(names[:_NAMED]) + more
