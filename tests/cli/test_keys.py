"""``notifier keys``: added, taken into use, everything sealed anew, the old one away; with a trail."""

import asyncio
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from notifier.domain.customer import ContactKind, Reach
from notifier.store import schema
from notifier.store.engine import Database
from notifier.vault import Vault
from tests.cli.conftest import Desk
from tests.cli.test_process import COMMAND, environ


def _numbers(desk: Desk) -> dict[str, int]:
    return {row["key"]: row["contacts"] for row in desk.json("keys", "show")["keys"]}


def _trail(desk: Desk) -> list[tuple[Any, ...]]:
    async def read() -> list[tuple[Any, ...]]:
        database = await Database.open(desk.url)
        try:
            async with database.read() as connection:
                rows = await connection.exec_driver_sql(
                    "SELECT action, actor, subject FROM audit WHERE action LIKE 'keys.%' ORDER BY id"
                )
                return [tuple(row) for row in rows]
        finally:
            await database.close()

    return asyncio.run(read())


def test_keys_are_changed_from_one_to_the_next(desk: Desk) -> None:
    """Added, used, everything sealed anew, the old one gone; and people are found and told as before."""
    before = _numbers(desk)

    added = desk.json("keys", "add", "--as", "li")
    waiting = _numbers(desk)
    rotated = desk.json("keys", "rotate", "--batch", "7", "--as", "li")
    after = _numbers(desk)
    desk.json("keys", "retire", "k1", "--as", "li")

    assert before == {"k1": 30}
    assert added == {"key": "k2"}
    assert waiting == {"k1": 30, "k2": 0}
    assert rotated == {"key": "k2", "resealed": 30, "unopened": 0}
    assert after == {"k1": 0, "k2": 30}
    assert _numbers(desk) == {"k2": 30}
    assert _trail(desk) == [
        ("keys.added", "li", "key:k2"),
        ("keys.rotating", "li", "key:k2"),
        ("keys.rotated", "li", "key:k2"),
        ("keys.retired", "li", "key:k1"),
    ]
    assert desk.json("audit", "verify")["holds"]
    said = desk.json("optout", "13800000005", "--medium", "sms", "--as", "zhao")
    assert said["contact"] == 5


def test_a_key_in_use_stays(desk: Desk) -> None:
    """The current one, and one that seals anything still; a strange name is told."""
    desk.json("keys", "add", "--as", "li")

    assert desk.run("keys", "retire", "k1").err.startswith("vault.key_in_use: ")
    assert desk.run("keys", "retire", "k9").err.startswith("vault.key_unknown: ")
    assert _numbers(desk) == {"k1": 30, "k2": 0}


def test_with_nothing_to_do_nothing_is_done(desk: Desk) -> None:
    """Again, or without a newer key: said, and not on the trail."""
    answer = desk.run("keys", "rotate", "--as", "li")

    assert answer.code == 0
    assert "keys add" in answer.err
    assert _trail(desk) == []


def test_a_number_that_no_key_opens_is_told_and_left(desk: Desk) -> None:
    """Exit code 1; every other is sealed anew."""
    strange = Vault({"k5": bytes(32)}, "k5", bytes(32)).seal("+8613900000000")
    with sqlite3.connect(desk.url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE contact SET phone_sealed = ? WHERE id = 3", (strange,))
    connection.close()
    desk.json("keys", "add", "--as", "li")

    answer = desk.run("keys", "rotate", "--json", "--as", "li")

    assert answer.code == 1
    assert answer.json == {"key": "k2", "resealed": 29, "unopened": 1}
    assert desk.run("keys", "show").code == 1


def test_killed_in_the_middle_it_is_taken_up_again(desk: Desk, tmp_path: Path) -> None:
    """With kill -9, several times: no number is lost, and the next one does the rest."""
    vault = Vault.load(tmp_path / "notifier.keys.json")
    phones = [f"+86139{number:08d}" for number in range(6_000)]
    asyncio.run(_fill(desk.url, vault, phones))
    path = Path(desk.url.removeprefix("sqlite:///"))
    bare = desk.file("bare.toml", f'[database]\nurl = "{desk.url}"\n')
    desk.json("keys", "add", "--as", "li")

    for goal in (200, 1_500):
        with subprocess.Popen(
            [*COMMAND, "keys", "rotate", "--batch", "20", "--config", bare],
            cwd=tmp_path,
            env=environ(),
            stdout=subprocess.DEVNULL,
        ) as child:
            while _resealed(path) < goal and child.poll() is None:
                os.sched_yield()
            assert child.poll() is None
            os.kill(child.pid, signal.SIGKILL)
    left = _numbers(desk)
    rotated = desk.json("keys", "rotate", "--as", "li")

    assert 0 < left["k1"] < 6_030
    assert rotated["resealed"] == left["k1"]
    assert _numbers(desk) == {"k1": 0, "k2": 6_030}
    assert asyncio.run(_opened(desk.url, Vault.load(tmp_path / "notifier.keys.json"))) >= set(
        phones
    )


def _resealed(path: Path) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        query = "SELECT count(*) FROM contact WHERE substr(phone_sealed, 1, 4) = X'01026B32'"
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


async def _fill(url: str, vault: Vault, phones: list[str]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "kind": int(ContactKind.PERSON),
            "name": "",
            "reach": int(Reach.SMS),
            "phone_hmac": vault.fingerprint(phone),
            "phone_sealed": vault.seal(phone),
        }
        for phone in phones
    ]
    database = await Database.open(url)
    try:
        async with database.write() as connection:
            await connection.execute(insert(schema.contact), rows)
    finally:
        await database.close()


async def _opened(url: str, vault: Vault) -> set[str]:
    database = await Database.open(url)
    try:
        async with database.read() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT phone_sealed FROM contact WHERE phone_sealed IS NOT NULL"
            )
            return {vault.open(bytes(row[0])) for row in rows}
    finally:
        await database.close()
