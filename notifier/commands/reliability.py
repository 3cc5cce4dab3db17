"""``notifier report``: reliability, repeat interruptions, and whether plans were kept."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from notifier.commands import base
from notifier.commands.base import Context
from notifier.domain.reliability_report import By
from notifier.runtime import Runtime
from notifier.store.reliability import Reliability
from notifier.usecases import counting, reliability
from notifier.usecases import reliability_json as shapes

#: Rows of a table; JSON and CSV have all of them.
_SHOWN = 40
_MOST = 100_000


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``report``."""
    commands = base.group(parser)
    parser = base.add(
        commands,
        "reliability",
        "SAIDI、SAIFI、CAIDI、MAIFI、CEMI / the indices of a period",
        "notifier report reliability --from 2026-03-01 --to 2026-04-01 --by feeder\n"
        "notifier report reliability --from 2026-01-01 --to 2027-01-01 --by month --csv",
        show_reliability,
    )
    _period(parser)
    parser.add_argument(
        "--by",
        choices=[by.value for by in By],
        default=By.BUREAU.value,
        help="按台区、线路、变电站、月份 / by what it is divided",
    )
    parser.add_argument("--csv", action="store_true", help="name,within,served,…")
    parser = base.add(
        commands,
        "interruptions",
        "指标所依据的每一次停电 / the rows that every number is made of",
        "notifier report interruptions --from 2026-03-01 --to 2026-04-01 --by feeder --id 12",
        show_interruptions,
    )
    _period(parser)
    parser.add_argument(
        "--by",
        choices=[By.AREA.value, By.FEEDER.value, By.STATION.value],
        default=By.FEEDER.value,
        help="--id 是哪一种 / what --id names",
    )
    parser.add_argument("--id", type=int, metavar="ID", help="台区、线路或变电站的 id / only these")
    parser.add_argument("--limit", type=_positive, default=10_000, metavar="N")
    parser.add_argument("--csv", action="store_true", help="starts_at,ends_at,kind,…")
    parser = base.add(
        commands,
        "repeats",
        "重复停电清单 / who is interrupted again and again",
        "notifier report repeats --times 3 --days 60",
        show_repeats,
    )
    parser.add_argument("--times", type=_positive, metavar="N", help="次数，默认按策略 / how often")
    parser.add_argument("--days", type=_positive, metavar="N", help="天数，默认按策略 / within")
    parser.add_argument("--csv", action="store_true", help="feeder,area,interruptions,…")
    parser = base.add(
        commands,
        "fulfilment",
        "计划停电兑现率 / outages carried out as announced",
        "notifier report fulfilment --from 2026-03-01 --to 2026-04-01",
        show_fulfilment,
    )
    _period(parser)
    parser.add_argument("--csv", action="store_true", help="number,kind,told,carried,…")


def _period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="since", type=base.day, metavar="DAY",
        help="此日起，默认本月一日 / from this day (default: the first of this month)",
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="until", type=base.day, metavar="DAY",
        help="至此日，不含当日，默认明日 / up to this day, not including it (default: tomorrow)",
    )  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 to {_MOST}")
    return int(text)


def _chosen(context: Context, now: datetime) -> tuple[datetime, datetime]:
    """The period asked for, in the utility's zone."""
    args, zone = context.args, context.zone
    today = now.astimezone(zone).date()
    since: date = args.since or today.replace(day=1)
    until: date = args.until or today + timedelta(days=1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (since, until))
    return start, end


async def _in_step(runtime: Runtime) -> None:
    """Here no worker may have run: whatever plans have changed is counted first."""
    while await counting.catch_up(runtime.store):
        pass


async def show_reliability(context: Context) -> int:
    """``notifier report reliability``."""
    by = By(context.args.by)
    async with context.runtime() as runtime:
        await _in_step(runtime)
        now = runtime.clock.now()
        since, until = _chosen(context, now)
        async with runtime.store.read() as tx:
            found = await reliability.report(
                tx,
                Reliability(tx.connection),
                since,
                until,
                by=by,
                rules=runtime.setting.policy.counting,
                zone=context.zone,
                now=now,
            )
    shown = shapes.report_as_dict(found, context.zone)
    if context.wants_json:
        context.console.json(shown)
    elif context.args.csv:
        total = {"id": None, "name": "", "within": ""} | shown["total"]
        _csv(context, shown["lines"] or [total])
    else:
        _show_report(context, shown)
    return base.OK


def _show_report(context: Context, shown: dict[str, Any]) -> None:
    out = context.console
    out.say(
        f"时段 period: {shown['from'][:10]} – {shown['to'][:10]}，截至 as of {shown['at'][:16]}"
    )
    out.say(
        f"短时停电上限 momentary up to: {shown['momentary_minutes']:g} min；CEMI-{shown['cemi_n']}"
    )
    out.say()
    lines = [{"name": "合计 total", "within": ""} | shown["total"], *shown["lines"][:_SHOWN]]
    out.table(
        (
            "范围 part", "所属 within", "户数 served", "SAIDI min", "SAIFI", "CAIDI min", "MAIFI",
            f"CEMI-{shown['cemi_n']}", "时户数 cust-h", "次数 events", "无终止 endless",
        ),
        (
            (
                line["name"] or "（不明 unknown）",
                line["within"],
                f"{line['served']:,}",
                *(_number(line[name]) for name in ("saidi", "saifi", "caidi", "maifi")),
                "—" if line["cemi"] is None else f"{line['cemi']:.2%}",
                f"{line['customer_hours']:,.1f}",
                line["events"],
                line["endless"] or "",
            )
            for line in lines
        ),
    )  # fmt: skip
    _more(context, len(shown["lines"]))


async def show_interruptions(context: Context) -> int:
    """``notifier report interruptions``."""
    args = context.args
    async with context.runtime() as runtime:
        await _in_step(runtime)
        now = runtime.clock.now()
        since, until = _chosen(context, now)
        rules = runtime.setting.policy.counting
        async with runtime.store.read() as tx:
            rows = await Reliability(tx.connection).traced(
                reliability.look_back(since, until, rules, now),
                By(args.by),
                args.id,
                limit=args.limit,
            )
    shown = shapes.traced_as_dicts(rows, context.zone)
    if context.wants_json:
        context.console.json({"interruptions": shown})
    elif args.csv:
        _csv(context, shown)
    else:
        context.console.table(
            (
                "开始 starts", "结束 ends", "类别 kind", "线路 feeder", "台区 area", "户数 customers",
                "依据 source",
            ),
            (
                (
                    row["starts_at"][:16],
                    (row["ends_at"] or "—")[:16],
                    row["kind"],
                    row["feeder"],
                    row["area"] or row["account"],
                    row["customers"],
                    f"{row['plan']} r{row['revision']}"
                    if row["plan"]
                    else f"{row['file']} {row['sheet']} {row['row']} 行",
                )
                for row in shown[:_SHOWN]
            ),
        )  # fmt: skip
        _more(context, len(shown))
    return base.OK


async def show_repeats(context: Context) -> int:
    """``notifier report repeats``."""
    args = context.args
    async with context.runtime() as runtime:
        await _in_step(runtime)
        rules = runtime.setting.policy.counting
        rules = replace(
            rules,
            repeat_times=args.times or rules.repeat_times,
            repeat_within=timedelta(days=args.days) if args.days else rules.repeat_within,
        )
        async with runtime.store.read() as tx:
            found = await reliability.repeats(
                tx, Reliability(tx.connection), runtime.clock.now(), rules
            )
    shown = shapes.repeats_as_dict(found, context.zone)
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    if args.csv:
        _csv(context, shown["places"])
        return base.OK
    context.console.say(
        f"{shown['from'][:10]} – {shown['to'][:16]}：停电 {found.times} 次及以上 "
        f"{found.customers:,} 户 / customers interrupted {found.times} times or more"
    )
    context.console.table(
        (
            "线路 feeder", "台区 area", "停电 outages", "短时 momentary", "户数 customers",
            "敏感 sensitive", "重要 critical",
        ),
        (
            (
                place["feeder"], place["area"], place["interruptions"], place["momentary"],
                f"{place['customers']:,}", place["sensitive"] or "", place["critical"] or "",
            )
            for place in shown["places"][:_SHOWN]
        ),
    )  # fmt: skip
    _more(context, len(shown["places"]))
    if shown["unknown"]:
        context.console.say()
        context.console.say(
            "只知户数的停电，不知是哪些用户 / of these only a number is known, not who:"
        )
        context.console.table(
            ("线路 feeder", "台区 area", "停电 outages", "户次 customers"),
            (
                (place["feeder"], place["area"], place["interruptions"], f"{place['customers']:,}")
                for place in shown["unknown"][:_SHOWN]
            ),
        )
        _more(context, len(shown["unknown"]))
    return base.OK


async def show_fulfilment(context: Context) -> int:
    """``notifier report fulfilment``."""
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        since, until = _chosen(context, now)
        async with runtime.store.read() as tx:
            found = await reliability.fulfilment(
                Reliability(tx.connection),
                since,
                until,
                rules=runtime.setting.policy.counting,
                now=now,
            )
    shown = shapes.fulfilment_as_dict(found, context.zone)
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    if context.args.csv:
        _csv(
            context,
            [
                plan | {name: _windows(plan[name]) for name in ("told", "carried")}
                for plan in shown["plans"]
            ],
        )
        return base.OK
    rate = "—" if shown["rate"] is None else f"{shown['rate']:.1%}"
    context.console.say(
        f"{shown['from'][:10]} – {shown['to'][:10]}：公告 announced {shown['announced']}，"
        f"兑现 as announced {shown['fulfilled']}，兑现率 rate {rate}"
    )
    context.console.table(
        ("计划 plan", "类型 kind", "公告 announced", "实际 carried out", "偏离 departure"),
        (
            (
                plan["number"],
                plan["kind"],
                _windows(plan["told"]),
                "" if plan["departure"] == "not_done" else _windows(plan["carried"]),
                plan["departure"],
            )
            for plan in sorted(shown["plans"], key=lambda plan: not plan["departure"])[:_SHOWN]
        ),
    )
    _more(context, len(shown["plans"]))
    return base.OK


def _windows(windows: Sequence[Mapping[str, str]]) -> str:
    return "；".join(f"{w['starts_at'][:16]}–{w['ends_at'][:16]}" for w in windows)


def _csv(context: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with their keys as header; nothing where there are none."""
    if not rows:
        return
    from notifier.web.streaming import csv_line  # the same cells as a download's; loads the web

    out = context.console.out
    out.write(csv_line(*rows[0]))
    for row in rows:
        out.write(csv_line(*("" if value is None else str(value) for value in row.values())))


def _more(context: Context, rows: int) -> None:
    if rows > _SHOWN:
        context.console.note(
            f"另有 {rows - _SHOWN} 行，--csv 查看全部 / more: see them all with --csv"
        )


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:,.3f}"
