"""``notifier`` keys: the keys that seal phone numbers; which there are, a new one, and away with an old."""

import argparse
from collections.abc import Mapping
from typing import Any

from notifier import vault as vaults
from notifier.commands import base
from notifier.commands.base import Context
from notifier.domain import errors
from notifier.runtime import Runtime
from notifier.store import sealing

#: Numbers sealed anew in one transaction, unless ``--batch`` says otherwise.
_BATCH = 2_000


class KeyInUse(errors.Conflict):
    """Something is sealed with this key still."""

    code = "vault.key_in_use"


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``keys``."""
    commands = base.group(parser)
    base.add(
        commands,
        "show",
        "各密钥及所加密的号码数 / each key and how many numbers it seals",
        "notifier keys show",
        show,
    )
    base.add(
        commands,
        "add",
        "新密钥，尚不用于加密 / a new key, which seals nothing yet",
        "notifier keys add --as li",
        add,
        acts=True,
    )
    parser = base.add(
        commands,
        "rotate",
        "启用最新密钥并重新加密，可随时中断再续 / seal everything with the newest key",
        "notifier keys rotate --as li",
        rotate,
        acts=True,
    )
    parser.add_argument(
        "--batch",
        type=_positive,
        default=_BATCH,
        metavar="N",
        help=f"每次事务的号码数 / numbers in one transaction (default: {_BATCH})",
    )
    parser = base.add(
        commands,
        "retire",
        "删除不再使用的密钥 / take a key away that seals nothing any more",
        "notifier keys retire k1 --as li",
        retire,
        acts=True,
    )
    parser.add_argument("key", metavar="KEY")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: at least 1")
    return number


async def show(context: Context) -> int:
    """``notifier keys show``."""
    async with context.runtime() as runtime:
        numbers = await sealing.counted(runtime.database, runtime.vault.headers)
        current, held = runtime.vault.current, list(runtime.vault.headers)
    lost = numbers.get("", 0)
    rows: list[dict[str, Any]] = [
        {"key": name, "is_current": name == current, "contacts": numbers[name]} for name in held
    ]
    if context.wants_json:
        context.console.json({"keys": rows, "without_key": lost})
    else:
        context.console.table(
            ("密钥 key", "当前 current", "号码 numbers"),
            (
                (row["key"], "是 yes" if row["is_current"] else "", f"{row['contacts']:,}")
                for row in rows
            ),
        )
        if lost:
            context.console.say(
                f"{lost:,} 个号码无密钥可解 / numbers that none of these keys opens"
            )
    return base.FOUND if lost else base.OK


async def add(context: Context) -> int:
    """``notifier keys add``."""
    async with context.runtime() as runtime:
        name = vaults.add_key(context.settings.key_file)
        await _audit(context, runtime, "keys.added", name, {})
    if context.wants_json:
        context.console.json({"key": name})
    else:
        context.console.say(name)
        context.console.note(
            "密钥文件请备份，并先分发到每个节点，再 notifier keys rotate"
            " / back the key file up, take it to every node, then rotate"
        )
    return base.OK


async def rotate(context: Context) -> int:
    """``notifier keys rotate``: the newest key seals from now on, and what others sealed is sealed anew.

    Stopped at any moment it is taken up by the next ``rotate``. A running service goes on: it looks
    into the key file when it meets a key that it does not know.
    """
    path, console = context.settings.key_file, context.console
    async with context.runtime() as runtime:
        newest = list(runtime.vault.headers)[-1]
        if newest != runtime.vault.current:
            vaults.use_key(path, newest)
        vault = vaults.Vault.load(path)
        header = vault.headers[newest]
        numbers = await sealing.counted(runtime.database, vault.headers)
        due = sum(numbers.values()) - numbers[newest]
        if due:
            await _audit(context, runtime, "keys.rotating", newest, {"numbers": due})
        done, closed, in_pass, last = 0, 0, 0, 0
        while True:
            portion = await sealing.reseal(
                runtime.database, vault.reseal, header, after=last, limit=context.args.batch
            )
            done, closed = done + portion.resealed, closed + portion.closed
            in_pass, last = in_pass + portion.resealed, portion.last or 0
            console.progress(f"{done:,} / {due:,}")
            if portion.last is None and not in_pass:
                break
            if portion.last is None:
                # Once more: an import under way may have sealed with the key before.
                closed, in_pass = 0, 0
        console.end_progress()
        if due:
            detail = {"numbers": done, "unopened": closed}
            await _audit(context, runtime, "keys.rotated", newest, detail)
    if context.wants_json:
        console.json({"key": newest, "resealed": done, "unopened": closed})
        return base.FOUND if closed else base.OK
    console.say(f"{newest}：{done:,} 个号码已重新加密 / numbers sealed anew")
    if closed:
        console.say(
            f"{closed:,} 个号码无密钥可解，保持原样 / that no key opens were left as they are"
        )
    elif not due:
        console.note(
            "全部号码已由最新密钥加密；如需更换，先 notifier keys add"
            " / all were sealed with the newest key; add one first"
        )
    return base.FOUND if closed else base.OK


async def retire(context: Context) -> int:
    """``notifier keys retire``. Raises ``KeyInUse``, ``KeyUnknown``, ``KeysUnusable``."""
    path, name = context.settings.key_file, context.args.key
    async with context.runtime() as runtime:
        numbers = await sealing.counted(runtime.database, runtime.vault.headers)
        if numbers.get(name):
            raise KeyInUse(
                f"{name} 仍加密着 {numbers[name]} 个号码，先 notifier keys rotate"
                f" / still seals {numbers[name]} numbers: rotate first."
            )
        vaults.remove_key(path, name)
        await _audit(context, runtime, "keys.retired", name, {})
    if context.wants_json:
        context.console.json({"key": name})
    else:
        context.console.say(f"{name} 已删除 / is gone")
        context.console.note(
            "更早的数据库备份仍需要它：请与备份一同保存旧密钥文件"
            " / older backups of the database need it: keep the old key file with them"
        )
    return base.OK


async def _audit(
    context: Context, runtime: Runtime, action: str, key: str, detail: Mapping[str, object]
) -> None:
    async with runtime.store.write() as tx:
        await tx.audited(
            at=runtime.clock.now(),
            actor=context.actor,
            action=action,
            subject=f"key:{key}",
            detail=detail,
        )
