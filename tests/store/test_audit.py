"""The audit trail: chained, serialised, and honest about tampering."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, update

from notifier.store import audit, engine, schema

AT = datetime(2026, 3, 5, 4, 0, 0, 123000, tzinfo=UTC)
TABLE = schema.audit


async def write(database: engine.Database, subject: str) -> str:
    """One row of the trail."""
    async with database.write() as connection:
        return await audit.append(
            connection, AT, "op:wang", "plan.approved", subject, {"b": [1, None], "a": "停电"}
        )


async def broken(database: engine.Database) -> audit.BrokenLink | None:
    """What verification finds."""
    async with database.read() as connection:
        return await audit.verify(connection)


async def test_each_row_follows_from_the_one_before(database: engine.Database) -> None:
    """The chain starts at the genesis and ends at the head."""
    hashes = [await write(database, f"plan:{number}") for number in range(3)]

    async with database.read() as connection:
        rows = (await connection.execute(select(TABLE).order_by(TABLE.c.id))).all()
        head = await audit.head(connection)
    assert [row.hash for row in rows] == hashes
    assert [row.previous_hash for row in rows] == [audit.GENESIS, *hashes[:2]]
    assert head == hashes[2]
    assert await broken(database) is None


async def test_an_empty_trail_holds(database: engine.Database) -> None:
    """Nothing was done, nothing is broken."""
    assert await broken(database) is None


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "op:li"},
        {"at": AT.replace(microsecond=124000)},
        {"action": "plan.cancelled"},
        {"subject": "plan:9"},
        {"detail": {"a": "停电", "b": [1, 2]}},
        {"previous_hash": "0" * 64},
        {"hash": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_every_changed_column_shows(
    database: engine.Database, change: dict[str, object]
) -> None:
    """Whatever is changed, the first row that does not fit is named."""
    for number in range(3):
        await write(database, f"plan:{number}")
    async with database.write() as connection:
        second = (await connection.execute(select(TABLE.c.id).order_by(TABLE.c.id))).all()[1].id
        await connection.execute(update(TABLE).where(TABLE.c.id == second).values(**change))

    found = await broken(database)

    assert found is not None
    assert found.id == second


async def test_a_missing_row_shows(database: engine.Database) -> None:
    """The row after the gap does not follow."""
    for number in range(3):
        await write(database, f"plan:{number}")
    async with database.write() as connection:
        ids = (await connection.execute(select(TABLE.c.id).order_by(TABLE.c.id))).scalars().all()
        await connection.execute(delete(TABLE).where(TABLE.c.id == ids[1]))

    found = await broken(database)

    assert found is not None
    assert found.id == ids[2]


async def test_writers_at_once_make_one_chain(database: engine.Database) -> None:
    """Two rows never follow the same one."""
    await asyncio.gather(*(write(database, f"plan:{number}") for number in range(30)))

    async with database.read() as connection:
        previous = (await connection.execute(select(TABLE.c.previous_hash))).scalars().all()
    assert len(set(previous)) == 30
    assert await broken(database) is None


async def test_a_rolled_back_row_leaves_no_gap(database: engine.Database) -> None:
    """A transaction that fails takes its audit row with it."""
    await write(database, "plan:1")

    async with database.write() as connection:
        await audit.append(connection, AT, "a", "x.y", "z", {})
        await connection.rollback()
    await write(database, "plan:2")

    assert await broken(database) is None


async def test_a_long_trail_is_walked_in_pages(
    database: engine.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages join without a seam."""
    monkeypatch.setattr(audit, "_PAGE", 3)
    for number in range(7):
        await write(database, f"plan:{number}")

    async with database.read() as connection:
        assert await audit.verify(connection) is None


async def test_a_forged_first_row_shows(database: engine.Database) -> None:
    """A row nobody computed a hash for."""
    async with database.write() as connection:
        await connection.execute(
            insert(TABLE).values(
                at=AT, actor="a", action="x", subject="y", detail={},
                previous_hash=audit.GENESIS, hash="0" * 64,
            )
        )  # fmt: skip

    found = await broken(database)

    assert found is not None
    assert "changed" in found.why


async def test_many_rows_written_at_once_are_the_chain_they_were_one_by_one(
    database: engine.Database,
) -> None:
    """Each follows from the one before it, across the writes too; none is no row."""
    await write(database, "plan:0")
    deeds = [("plan.submitted", f"plan:{number}", {"number": number}) for number in range(1, 4)]

    async with database.write() as connection:
        hashes = await audit.append_all(connection, deeds, at=AT, actor="op:wang")
        assert await audit.append_all(connection, [], at=AT, actor="op:wang") == []

    async with database.read() as connection:
        rows = (await connection.execute(select(TABLE).order_by(TABLE.c.id))).all()
    assert [row.subject for row in rows] == [f"plan:{number}" for number in range(4)]
    assert [row.hash for row in rows][1:] == hashes
    assert await broken(database) is None
