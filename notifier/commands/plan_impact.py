"""``notifier plan`` impact, diff: which accounts a plan touches, and what a revision changes for them."""

import csv
import itertools
from collections.abc import AsyncIterator
from typing import Any

from notifier.commands import base, console, shapes
from notifier.commands.base import Context
from notifier.domain import errors
from notifier.domain.impact import Group
from notifier.domain.plan import Plan, Revision
from notifier.ports import Transaction
from notifier.runtime import Runtime
from notifier.store.reports import Reports
from notifier.usecases import basis, matching, plans, rechecking

#: So many accounts are shown to people; CSV and JSON have them all.
_SHOWN = 200


class RevisionNotFound(errors.NotFound):
    """The plan has no revision of that number."""

    code = "revision.not_found"


def register(commands: base.Subparsers) -> None:
    """Adds the commands below ``plan``."""
    parser = base.add(
        commands,
        "impact",
        "影响哪些户号，何时 / which accounts, in which class, when",
        "notifier plan impact JX-2026-031 --csv > impact.csv\n"
        "notifier plan impact JX-2026-031 --by-area\n"
        "notifier plan impact JX-2026-031 --against-current",
        impact,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--revision", type=int, metavar="N", help="默认最新 / default: the present one"
    )
    parser.add_argument("--csv", action="store_true", help="account,class,starts_at,ends_at")
    parser.add_argument("--by-area", action="store_true", help="按台区 / by transformer area")
    parser.add_argument(
        "--against-current",
        action="store_true",
        help="与按现有台账和网络重新匹配的差别 / what matching it anew would change",
    )
    parser = base.add(
        commands,
        "diff",
        "与前一版本相比影响变化的户号 / accounts that a revision treats differently",
        "notifier plan diff JX-2026-031 --revision 2 --csv",
        diff,
    )
    parser.add_argument("number", metavar="NUMBER")
    parser.add_argument(
        "--revision", type=int, metavar="N", help="默认最新 / default: the present one"
    )
    parser.add_argument("--csv", action="store_true", help="account,change,class,starts_at,…")


async def _revision(tx: Transaction, plan: Plan, number: int | None) -> Revision:
    revisions = await tx.plans.revisions(plan.id)
    chosen = next((r for r in revisions if r.number == (number or plan.revision)), None)
    if chosen is None:
        raise RevisionNotFound(
            f"计划 {plan.number} 没有版本 {number} / plan {plan.number} has no revision {number}."
        )
    return chosen


async def impact(context: Context) -> int:
    """``notifier plan impact``."""
    args, out = context.args, context.console
    async with context.runtime() as runtime:
        plan = await plans.find(runtime.store, args.number)
        await matching.ensure_matched(runtime.store, plan)
        async with runtime.store.read() as tx:
            revision = await _revision(tx, plan, args.revision)
        rests_on = await basis.basis(runtime.store, revision)
        if args.against_current:
            return await _against_current(context, runtime, plan, revision)
        async with runtime.store.read() as tx:
            points_id = revision.points_id
            if args.by_area:
                _show_areas(context, revision, await tx.impacts.by_area(revision.id, points_id))
            elif args.csv:
                writer = csv.writer(out.out, lineterminator="\n")
                writer.writerow(("account", "class", "starts_at", "ends_at"))
                async for account, group in tx.impacts.points(revision.id, points_id):
                    writer.writerows(_lines(context, account, group))
            elif context.wants_json:
                await _points_as_json(
                    context, plan, revision, rests_on, tx.impacts.points(revision.id, points_id)
                )
            else:
                out.say(
                    f"{plan.number} r{revision.number}: {' / '.join(rests_on.words(context.zone))}"
                )
                if rests_on.newer is not None:
                    out.note(
                        f"现行网络模型为版本 {rests_on.newer.id}，--against-current 查看差别 / "
                        f"version {rests_on.newer.id} is in force: see --against-current"
                    )
                _show_groups(context, revision, await tx.impacts.groups(revision.id))
    return base.OK


def _lines(context: Context, account: str, group: Group) -> list[tuple[str, ...]]:
    """One line an account and window."""
    return [
        (
            account,
            group.impact_class.value,
            window.starts_at.astimezone(context.zone).isoformat(),
            window.ends_at.astimezone(context.zone).isoformat(),
        )
        for window in group.windows
    ]


async def _points_as_json(
    context: Context,
    plan: Plan,
    revision: Revision,
    rests_on: basis.Basis,
    points: AsyncIterator[tuple[str, Group]],
) -> None:
    array = context.console.json_array(
        {
            "number": plan.number,
            "revision": revision.number,
            "points": dict(revision.counts.get("points", {})),
        }
        | rests_on.as_dict(context.zone),
        "accounts",
    )
    async for account, group in points:
        array.add({"account": account} | _group_as_dict(context, group))
    array.close({"findings": list(revision.findings)})


async def _against_current(
    context: Context, runtime: Runtime, plan: Plan, revision: Revision
) -> int:
    """What matching the revision anew would change; nothing is written."""
    out = context.console
    found = await rechecking.compare(runtime.store, revision, now=runtime.clock.now())
    accounts = await rechecking.by_account(runtime.store, found)
    if context.args.csv:
        await _diff_as_csv(context, _each(accounts))
        return base.OK
    rows = [_changed(context, *item) for item in accounts]
    if context.wants_json:
        head = {
            "number": plan.number,
            "revision": revision.number,
            "frozen_on": found.frozen_on,
            "now_on": found.now_on,
            "counts": found.counts,
            "findings": [finding.as_dict() for finding in found.findings],
        }
        out.json(head | {"accounts": rows})
        return base.OK
    out.say(f"{plan.number} r{revision.number}: {console.counted(found.counts)}")
    _show_changed(context, rows)
    out.findings([finding.as_dict() for finding in found.findings])
    if rows:
        out.note("采用：notifier plan rematch / to take it: notifier plan rematch")
    return base.OK


async def _each(
    accounts: list[tuple[str, Group | None, Group | None]],
) -> AsyncIterator[tuple[str, Group | None, Group | None]]:
    for item in accounts:
        yield item


def _group_as_dict(context: Context, group: Group) -> dict[str, Any]:
    return {
        "class": group.impact_class.value,
        "windows": [window.as_dict(context.zone) for window in group.windows],
    }


def _show_groups(context: Context, revision: Revision, groups: dict[int, Group]) -> None:
    by_group = revision.counts.get("groups", {})
    context.console.table(
        ("影响 class", "户数 points", "窗口 windows", "范围 place"),
        (
            (
                group.impact_class.value,
                sum(by_group.get(str(number), {}).values()),
                "；".join(shapes.window_in_words(w, context.zone) for w in group.windows),
                group.place,
            )
            for number, group in sorted(groups.items())
        ),
    )
    context.console.findings(revision.findings)


def _show_areas(context: Context, revision: Revision, areas: list[dict[str, Any]]) -> None:
    rows = [
        {
            "code": area["code"],
            "area": area["name"],
            "feeder": area["feeder"],
            "points": area["points"],
        }
        | _group_as_dict(context, area["group"])
        for area in areas
    ]
    if context.wants_json:
        context.console.json({"revision": revision.number, "areas": rows})
        return
    if context.args.csv:
        writer = csv.writer(context.console.out, lineterminator="\n")
        writer.writerow(("code", "area", "feeder", "points", "class", "starts_at", "ends_at"))
        writer.writerows(
            (
                r["code"],
                r["area"],
                r["feeder"],
                r["points"],
                r["class"],
                w["starts_at"],
                w["ends_at"],
            )
            for r in rows
            for w in r["windows"]
        )
        return
    context.console.table(
        ("编号 code", "台区 area", "线路 feeder", "户数 points", "影响 class", "窗口 windows"),
        (
            (
                area["code"],
                area["name"],
                area["feeder"],
                area["points"],
                area["group"].impact_class.value,
                "；".join(shapes.window_in_words(w, context.zone) for w in area["group"].windows),
            )
            for area in areas
        ),
    )


# --- Differences ---------------------------------------------------------------------------------


async def diff(context: Context) -> int:
    """``notifier plan diff``."""
    args, out = context.args, context.console
    async with context.runtime() as runtime:
        plan = await plans.find(runtime.store, args.number)
        await matching.ensure_matched(runtime.store, plan)
        async with runtime.store.read() as tx:
            new = await _revision(tx, plan, args.revision)
            earlier = [
                r
                for r in await tx.plans.revisions(plan.id)
                if r.number < new.number and r.points_id
            ]
            old = earlier[-1] if earlier else None
            changed = Reports(tx.connection).changed_points(
                (new.id, new.points_id),
                None if old is None else (old.id, old.points_id),
            )
            if args.csv:
                await _diff_as_csv(context, changed)
                return base.OK
            rows = [_changed(context, *item) async for item in changed]
    if context.wants_json:
        head = {
            "number": plan.number,
            "revision": new.number,
            "compared_with": None if old is None else old.number,
            "counts": dict(new.difference),
        }
        out.json(head | {"accounts": rows})
        return base.OK
    out.say(f"{plan.number} r{new.number}: {console.counted(new.difference)}")
    _show_changed(context, rows)
    return base.OK


def _show_changed(context: Context, rows: list[dict[str, Any]]) -> None:
    out = context.console
    out.table(
        ("户号 account", "变化 change", "原 before", "现 now"),
        (
            (row["account"], row["change"], _said(row["before"]), _said(row["now"]))
            for row in rows[:_SHOWN]
        ),
    )
    if len(rows) > _SHOWN:
        out.note(f"另有 {len(rows) - _SHOWN} 户，--csv 查看全部 / more: see them all with --csv")


def _changed(
    context: Context, account: str, before: Group | None, now: Group | None
) -> dict[str, Any]:
    change = "added" if before is None else "removed" if now is None else "changed"
    return {
        "account": account,
        "change": change,
        "before": None if before is None else _group_as_dict(context, before),
        "now": None if now is None else _group_as_dict(context, now),
    }


async def _diff_as_csv(
    context: Context, changed: AsyncIterator[tuple[str, Group | None, Group | None]]
) -> None:
    writer = csv.writer(context.console.out, lineterminator="\n")
    writer.writerow(
        (
            "account",
            "change",
            "class",
            "starts_at",
            "ends_at",
            "was_class",
            "was_starts_at",
            "was_ends_at",
        )
    )
    async for account, before, now in changed:
        change = "added" if before is None else "removed" if now is None else "changed"
        new = [line[1:] for line in _lines(context, account, now)] if now else []
        old = [line[1:] for line in _lines(context, account, before)] if before else []
        blank = ("", "", "")
        for right, left in itertools.zip_longest(new, old, fillvalue=blank):
            writer.writerow((account, change, *right, *left))


def _said(group: dict[str, Any] | None) -> str:
    if group is None:
        return "—"
    windows = "；".join(f"{w['starts_at'][:16]}–{w['ends_at'][11:16]}" for w in group["windows"])
    return f"{group['class']} {windows}"
