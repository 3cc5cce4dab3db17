"""``notifier`` status, evidence, exceptions: how things stand, what happened, what waits for a person."""

import argparse
from typing import Any

from notifier.commands import base, console, shapes
from notifier.commands.base import Context
from notifier.store.evidence import Evidence
from notifier.store.ledger import Transaction
from notifier.store.reports import Reports
from notifier.usecases import plans, status
from notifier.usecases.evidence import KINDS, AccountNotFound, evidence


def register_status(parser: argparse.ArgumentParser) -> None:
    """Completes ``status``."""
    base.command(
        parser,
        "notifier status\nnotifier status --plan JX-2026-031 --json",
        show_status,
    )
    parser.add_argument(
        "--plan", action="append", metavar="NUMBER", help="可重复 / may be repeated"
    )


def register_evidence(parser: argparse.ArgumentParser) -> None:
    """Completes ``evidence``."""
    base.command(
        parser,
        "notifier evidence --plan JX-2026-031 --json > evidence.json\n"
        "notifier evidence --plan JX-2026-031 --account 3300001024",
        show_evidence,
    )
    parser.add_argument("--plan", required=True, metavar="NUMBER")
    parser.add_argument(
        "--account", metavar="NUMBER", help="只看一个户号 / what one customer was told"
    )
    parser.add_argument("--contact", type=int, metavar="ID", help="只看一个联系人 / one contact")
    parser.add_argument("--kind", action="append", choices=KINDS, help="可重复 / may be repeated")
    parser.add_argument("--limit", type=int, metavar="N", help="最多 N 条 / the first N records")


def register_exceptions(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``exceptions``."""
    commands = base.group(parser)
    parser = base.add(
        commands,
        "list",
        "待办清单 / the list",
        "notifier exceptions list --plan JX-2026-031",
        listed,
    )
    parser.add_argument("--plan", metavar="NUMBER")
    parser.add_argument("--all", action="store_true", help="包括已办 / closed ones too")
    parser = base.add(
        commands,
        "close",
        "办结 / say how one was seen to",
        "notifier exceptions close 12 --how '台区经理已上门通知'",
        close,
        json=False,
        acts=True,
    )
    parser.add_argument("id", type=int, metavar="ID")
    parser.add_argument("--how", required=True, metavar="TEXT", help="如何办结 / what was done")


# --- Status --------------------------------------------------------------------------------------


async def show_status(context: Context) -> int:
    """``notifier status``."""
    async with context.runtime() as runtime:
        chosen = context.args.plan and [
            await plans.find(runtime.store, number) for number in context.args.plan
        ]
        now = runtime.clock.now()
        async with runtime.store.read() as tx:
            found = await status.status(
                tx,
                Reports(tx.connection),
                now,
                plans=chosen or None,
                configured=runtime.setting.configured,
            )
    shown = found.as_dict(context.zone)
    if context.wants_json:
        context.console.json(shown)
        return base.OK
    current = {
        item.plan.number for item in found.plans if chosen or status.is_current(item, found.at)
    }
    _show_status(context, shown, current)
    return base.OK


def _show_status(context: Context, shown: dict[str, Any], current: set[str]) -> None:
    out = context.console
    out.say(f"时间 at: {shown['at'][:16]}")
    if shown["policy"] and shown["policy"]["awaiting"]:
        out.say(shown["policy"]["awaiting"])
    out.say()
    out.table(
        (
            "计划 plan",
            "状态 state",
            "版本 rev",
            "开始 starts",
            "通知 deliveries",
            "待办 exceptions",
        ),
        (
            (
                plan["number"],
                plan["state"],
                f"{plan['revision']}"
                if plan["settled_revision"] == plan["revision"]
                else f"{plan['revision']} ({plan['settled_revision']})",
                (plan["starts_at"] or "—")[:16],
                console.counted(plan["deliveries"]["by_state"]),
                plan["exceptions"] or "",
            )
            for plan in shown["plans"]
            if plan["number"] in current
        ),
    )
    if len(current) < len(shown["plans"]):
        out.say(f"另有 {len(shown['plans']) - len(current)} 个已结束 / that are over")
    out.say()
    out.table(
        ("渠道 medium", "状态 state", "原因 reason", "数量 number"),
        (
            (row["medium"], row["state"], row["reason"], f"{row['count']:,}")
            for row in shown["deliveries"]["by"]
        ),
    )
    out.say()
    waiting, sending = shown["reconcile"], shown["dispatch"]
    out.say(
        f"合计 deliveries {shown['deliveries']['total']:,}；待办 exceptions "
        f"{shown['exceptions']['open']}（超期 overdue {shown['exceptions']['overdue']}）；"
        f"待对账 to reconcile {waiting['due']}；待发批次 batches due {sending['batches_due']}；"
        f"不确定 uncertain {sending['uncertain_batches']}"
    )
    for channel in shown["channels"]:
        if channel["stopped_at"]:
            out.say(
                f"渠道已停 channel stopped: {channel['name']} {channel['stopped_at'][:16]} "
                f"{channel['stopped_why']}"
            )


# --- Evidence ------------------------------------------------------------------------------------


async def show_evidence(context: Context) -> int:
    """``notifier evidence``."""
    args = context.args
    async with context.runtime() as runtime:
        plan = await plans.find(runtime.store, args.plan)
        async with runtime.store.read() as tx:
            records = Evidence(tx.connection, plan.id, await _contacts(context, tx))
            found = evidence(
                tx,
                records,
                plan,
                vault=runtime.vault,
                renderer=runtime.renderer,
                zone=context.zone,
            )
            head = {
                "plan": shapes.plan_as_dict(plan, context.zone),
                "generated_at": console.iso(runtime.clock.now(), context.zone),
                "audit_head": await records.audit_head(),
                "account": args.account,
                "contact": args.contact,
            }
            array = context.console.json_array(head, "records") if context.wants_json else None
            count, is_cut = 0, False
            async for record in found:
                if args.kind and record["kind"] not in args.kind:
                    continue
                if args.limit is not None and count >= args.limit:
                    is_cut = True
                    break
                count += 1
                if array is not None:
                    array.add(record)
                else:
                    context.console.say(_line(record))
            if array is not None:
                array.close({"count": count, "truncated": is_cut})
            else:
                more = "（未完 / more follow）" if is_cut else ""
                context.console.note(f"{count} 条 / records{more}")
    return base.OK


async def _contacts(context: Context, tx: Transaction) -> list[int] | None:
    """The people the evidence is narrowed to; None: everybody."""
    args = context.args
    if args.account is None:
        return None if args.contact is None else [args.contact]
    found = await Reports(tx.connection).contacts_of(args.account)
    if found is None:
        raise AccountNotFound(f"没有户号 {args.account} / there is no account {args.account}.")
    return [item for item in found if args.contact in (None, item)]


_SAID = {
    "revision": ("number", "change", "by", "note"),
    "approval": ("revision", "by", "recipients", "parts", "voided_why"),
    "decision": ("verdict", "stage", "reason", "people", "cell"),
    "notice": ("id", "stage", "medium", "due_at", "text"),
    "batch": ("id", "notice", "channel", "state", "reason", "size"),
    "attempt": ("batch", "number", "channel", "outcomes"),
    "outcome": ("delivery", "stage", "medium", "to", "state", "reason"),
    "receipt": ("delivery", "status", "code"),
    "posting": ("delivery", "place", "crew", "note"),
    "exception": ("id", "event", "what", "people", "sentence", "how"),
    "audit": ("actor", "action", "detail"),
}


def _line(record: dict[str, Any]) -> str:
    said = "  ".join(
        " ".join(str(record[name]).split())
        for name in _SAID[record["kind"]]
        if record.get(name) not in (None, "")
    )
    return f"{record['at'][:19]}  {record['kind']:<9}  {said}"


# --- Exceptions ----------------------------------------------------------------------------------


async def listed(context: Context) -> int:
    """``notifier exceptions list``."""
    args, zone = context.args, context.zone
    async with context.runtime() as runtime:
        plan = None if args.plan is None else await plans.find(runtime.store, args.plan)
        async with runtime.store.read() as tx:
            found = await tx.journal.exceptions(
                plan_id=None if plan is None else plan.id, only_open=not args.all
            )
    rows = [
        {
            "id": item["id"],
            "plan": item["plan"],
            "kind": item["kind"],
            "subject": item["subject"],
            "people": item["people"],
            "sentence": item["sentence"],
            "owner": item["owner"],
            "due_at": console.iso(item["due_at"], zone),
            "opened_at": console.iso(item["opened_at"], zone),
            "closed_at": console.iso(item["closed_at"], zone),
            "closed_by": item["closed_by"],
            "closed_how": item["closed_how"],
        }
        for item in found
    ]
    if context.wants_json:
        context.console.json({"exceptions": rows})
        return base.OK
    context.console.table(
        (
            "序号 id",
            "计划 plan",
            "类型 kind",
            "人数 people",
            "期限 due",
            "负责 owner",
            "事项 what",
            "办结 closed",
        ),
        (
            (
                row["id"],
                row["plan"] or "",
                row["kind"],
                row["people"],
                (row["due_at"] or "—")[:16],
                row["owner"],
                row["sentence"],
                row["closed_how"] or "",
            )
            for row in rows
        ),
    )
    context.console.note(f"{len(rows)} 项 / exceptions")
    return base.OK


async def close(context: Context) -> int:
    """``notifier exceptions close``."""
    async with context.runtime() as runtime:
        await status.close_exception(
            runtime.store,
            context.args.id,
            how=context.args.how,
            now=runtime.clock.now(),
            actor=context.actor,
        )
    context.console.say(f"{context.args.id} 已办结 / closed")
    return base.OK
