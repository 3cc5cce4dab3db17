"""Versions of the constraints, on both databases: the newest is in force, none is lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from notifier.store import schema
from notifier.store.coordination import Coordination
from notifier.store.engine import Database

NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)


async def put(book: Coordination, per_day: int, **options: Any) -> int | None:
    """A version that says one number."""
    return await book.put_rules(
        f"{per_day}.toml", str(per_day) * 64, {"crew": [{"name": "一班", "per_day": per_day}]},
        now=NOW + timedelta(hours=per_day), actor="wang", **options,
    )  # fmt: skip


async def test_the_newest_is_in_force_and_all_are_kept(database: Database) -> None:
    """Listed without their bodies, read one by one."""
    book = Coordination(database)
    assert (await book.rules(), await book.rules_before(), await book.rules_of(1)) == (
        None,
        [],
        None,
    )

    first, second = await put(book, 1), await put(book, 2)

    present = await book.rules()
    assert first is not None
    assert present is not None
    assert (present["id"], present["body"]["crew"][0]["per_day"]) == (second, 2)
    before = await book.rules_before()
    assert [item["id"] for item in before] == [second, first]
    assert "body" not in before[0]
    kept = await book.rules_of(first)
    assert kept is not None
    assert (kept["name"], kept["imported_at"]) == ("1.toml", NOW + timedelta(hours=1))


async def test_of_two_at_once_one_is_taken(database: Database) -> None:
    """Both looked at the same version."""
    book = Coordination(database)

    put_at_once = await asyncio.gather(*(put(book, number, seen=0) for number in range(1, 6)))

    assert sum(version is not None for version in put_at_once) == 1


async def test_only_what_was_looked_at_is_replaced(database: Database) -> None:
    """0 stands for nothing in force; what comes from an earlier version says so in the audit."""
    book = Coordination(database)

    first = await put(book, 1, seen=0)
    late = await put(book, 2, seen=0)
    again = await put(book, 3, seen=first, again=first)

    assert late is None
    assert [item["id"] for item in await book.rules_before()] == [again, first]
    table = schema.audit
    async with database.read() as connection:
        details = await connection.scalars(
            select(table.c.detail)
            .where(table.c.action == "coordination.rules_imported")
            .order_by(table.c.id)
        )
        assert [detail.get("again") for detail in details] == [None, first]
