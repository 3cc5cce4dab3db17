"""``notifier`` token, db, audit, optout: the house itself."""

import argparse
from typing import Any

from notifier import vault as vaults
from notifier.channel import Medium
from notifier.commands import base, console
from notifier.commands.base import Context
from notifier.domain import errors
from notifier.domain.customer import REACH_BY_MEDIUM, Reach
from notifier.intake.ledger_cells import read_phones
from notifier.store import audit, migrate, optout, retention, tokens
from notifier.usecases import matching


class PhoneUnusable(errors.Invalid):
    """This is no mobile number."""

    code = "phone.invalid"


class ContactNotFound(errors.NotFound):
    """Nobody in the ledger has that number."""

    code = "contact.not_found"


def register_database(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``db``."""
    base.add(
        base.group(parser),
        "upgrade",
        "建库或升级 / create the schema or bring it up to date",
        "notifier db upgrade --database sqlite:///var/notifier.db",
        upgrade,
        json=False,
    )


def register_audit(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``audit``."""
    base.add(
        base.group(parser),
        "verify",
        "核对审计链 / walk the chain of hashes",
        "notifier audit verify",
        verify,
    )


def register_optout(parser: argparse.ArgumentParser) -> None:
    """Completes ``optout``."""
    base.command(
        parser,
        "notifier optout 13800000001 --medium sms\nnotifier optout 13800000001 --medium sms --undo",
        opt_out,
        acts=True,
    )
    parser.add_argument("phone", metavar="PHONE")
    parser.add_argument(
        "--medium",
        action="append",
        required=True,
        choices=[medium.value for medium in Medium if medium is not Medium.POSTING],
        help="可重复 / may be repeated",
    )
    parser.add_argument("--undo", action="store_true", help="恢复接收 / wants to be told again")


def register_purge(parser: argparse.ArgumentParser) -> None:
    """Completes ``purge``."""
    base.command(parser, "notifier purge --dry-run", purge, acts=True)
    parser.add_argument("--dry-run", action="store_true", help="只统计 / count only")


def register_tokens(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``token``."""
    commands = base.group(parser)
    parser = base.add(
        commands,
        "create",
        "新令牌，只显示一次 / a new token, shown once",
        "notifier token create crew-3 --role crew --area 0003300011",
        create_token,
        acts=True,
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--role", required=True, choices=[role.value for role in tokens.Role])
    parser.add_argument(
        "--area",
        action="append",
        metavar="AREA",
        help="限于台区，可重复 / confined to it; repeatable",
    )
    base.add(commands, "list", "令牌清单 / list tokens", "notifier token list", list_tokens)
    parser = base.add(
        commands,
        "revoke",
        "作废令牌 / from now on it opens nothing",
        "notifier token revoke crew-3",
        revoke_token,
        json=False,
        acts=True,
    )
    parser.add_argument("name", metavar="NAME")


# --- Tokens --------------------------------------------------------------------------------------


async def create_token(context: Context) -> int:
    """``notifier token create``."""
    args = context.args
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        async with runtime.store.write() as tx:
            secret = await tokens.create(
                tx.connection, args.name, tokens.Role(args.role), now, areas=args.area
            )
            await tx.audited(
                at=now,
                actor=context.actor,
                action="token.created",
                subject=f"token:{args.name}",
                detail={"role": args.role, "areas": args.area},
            )
    if context.wants_json:
        context.console.json({"name": args.name, "role": args.role, "token": secret})
    else:
        context.console.say(secret)
        context.console.note("请保存，不会再次显示 / keep it: it is not shown again")
    return base.OK


async def list_tokens(context: Context) -> int:
    """``notifier token list``."""
    async with context.runtime() as runtime, runtime.store.read() as tx:
        found = await tokens.all_tokens(tx.connection)
    rows: list[dict[str, Any]] = [
        {
            "name": token.name,
            "role": token.role.value,
            "areas": None if token.areas is None else list(token.areas),
            "created_at": console.iso(token.created_at, context.zone),
            "revoked_at": console.iso(token.revoked_at, context.zone),
        }
        for token in found
    ]
    if context.wants_json:
        context.console.json({"tokens": rows})
        return base.OK
    context.console.table(
        ("名称 name", "角色 role", "台区 areas", "创建 created", "作废 revoked"),
        (
            (
                row["name"],
                row["role"],
                "、".join(row["areas"] or ()) or "—",
                row["created_at"][:16],
                (row["revoked_at"] or "—")[:16],
            )
            for row in rows
        ),
    )
    return base.OK


async def revoke_token(context: Context) -> int:
    """``notifier token revoke``."""
    name = context.args.name
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        async with runtime.store.write() as tx:
            await tokens.revoke(tx.connection, name, now)
            await tx.audited(
                at=now,
                actor=context.actor,
                action="token.revoked",
                subject=f"token:{name}",
                detail={},
            )
    context.console.say(f"{name} 已作废 / revoked")
    return base.OK


# --- Database and audit --------------------------------------------------------------------------


async def upgrade(context: Context) -> int:
    """``notifier db upgrade``."""
    await migrate.upgrade(context.settings.database.url)
    context.console.say(f"数据库版本 / the schema is at revision {migrate.LATEST}")
    return base.OK


async def verify(context: Context) -> int:
    """``notifier audit verify``."""
    async with context.runtime() as runtime, runtime.store.read() as tx:
        broken = await audit.verify(tx.connection)
        head = await audit.head(tx.connection)
    if context.wants_json:
        context.console.json(
            {
                "holds": broken is None,
                "head": head,
                "broken_id": None if broken is None else broken.id,
                "why": None if broken is None else broken.why,
            }
        )
    elif broken is None:
        context.console.say(f"审计链完好 / the chain holds; head {head}")
    else:
        context.console.say(f"审计链断裂 / broken: row {broken.id} {broken.why}")
    return base.OK if broken is None else base.FOUND


# --- Forgetting ----------------------------------------------------------------------------------


async def purge(context: Context) -> int:
    """``notifier purge``."""
    dry_run = bool(context.args.dry_run)
    async with context.runtime() as runtime:
        now = runtime.clock.now()
        before = now - runtime.setting.policy.retention
        if not dry_run:
            await matching.sweep(runtime.store)
        found = await retention.purge(runtime.database, before, dry_run=dry_run)
        counts = {"removed": found.removed, "blanked": found.blanked, "refusing": found.refusing}
        if not dry_run and found != retention.Purged():
            async with runtime.store.write() as tx:
                await tx.audited(
                    at=now,
                    actor=context.actor,
                    action="contact.purged",
                    subject="contacts",
                    detail=counts | {"before": before.isoformat()},
                )
    if context.wants_json:
        context.console.json(counts | {"dry_run": dry_run})
    else:
        context.console.say(
            f"删除 removed {found.removed}，匿名 blanked {found.blanked}"
            f"（其中保留拒收 keeping their refusal {found.refusing}）"
        )
    return base.OK


# --- Opting out ----------------------------------------------------------------------------------


async def opt_out(context: Context) -> int:
    """``notifier optout``. The phone is neither kept nor logged."""
    args = context.args
    numbers, _ = read_phones(args.phone)
    if len(numbers) != 1:
        raise PhoneUnusable(
            f"{vaults.mask(args.phone)} 不是一个手机号码 / is not one mobile number."
        )
    media = Reach.NONE
    for name in args.medium:
        media |= REACH_BY_MEDIUM[Medium(name)]
    async with context.runtime() as runtime:
        now = context.now()
        async with runtime.store.write() as tx:
            contact_id = await optout.set_opt_out(
                tx.connection,
                runtime.vault.fingerprint(numbers[0]),
                media,
                undo=args.undo,
                now=now,
            )
            if contact_id is None:
                raise ContactNotFound("台账中没有此号码 / nobody in the ledger has that number.")
            await tx.audited(
                at=now,
                actor=context.actor,
                action="contact.opted_in" if args.undo else "contact.opted_out",
                subject=f"contact:{contact_id}",
                detail={"media": list(args.medium)},
            )
    masked = vaults.mask(numbers[0])
    if context.wants_json:
        context.console.json(
            {
                "contact": contact_id,
                "phone": masked,
                "media": args.medium,
                "opted_out": not args.undo,
            }
        )
    else:
        said = "恢复接收 / is told again by" if args.undo else "不再接收 / is no longer told by"
        context.console.say(f"{masked} {said} {', '.join(args.medium)}")
    return base.OK
