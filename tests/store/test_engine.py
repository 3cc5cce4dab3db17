"""The database's three ways in, on both kinds."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from notifier.store import engine, schema

BLOCK = schema.id_block


async def count(database: engine.Database) -> int:
    """Rows of the table that these tests write."""
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(BLOCK))).scalar_one())


async def test_a_write_commits_and_a_failed_one_leaves_nothing(database: engine.Database) -> None:
    """Commit on exit, roll back on exception."""
    async with database.write() as connection:
        await connection.execute(insert(BLOCK).values(name="kept", next_id=1))
    with contextlib.suppress(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(insert(BLOCK).values(name="lost", next_id=1))
            raise ZeroDivisionError

    assert await count(database) == 1


async def test_a_reader_keeps_its_snapshot(database: engine.Database) -> None:
    """What is written meanwhile shows to the next reader only."""
    everything = select(func.count()).select_from(BLOCK)
    async with database.read() as reader:
        before = (await reader.execute(everything)).scalar_one()
        async with database.write() as connection:
            await connection.execute(insert(BLOCK).values(name="new", next_id=1))
        during = (await reader.execute(everything)).scalar_one()

    assert (before, during, await count(database)) == (0, 0, 1)


async def test_nobody_writes_through_a_reader(database: engine.Database) -> None:
    """A mistake is an error of the database, not a surprise in the ledger."""
    with pytest.raises(DBAPIError):
        async with database.read() as connection:
            await connection.execute(insert(BLOCK).values(name="x", next_id=1))

    assert await count(database) == 0


async def test_many_writers_lose_no_update(database: engine.Database) -> None:
    """Twenty tasks that read and write the same row, one after another."""
    async with database.write() as connection:
        await connection.execute(insert(BLOCK).values(name="n", next_id=0))

    async def add() -> None:
        async with database.write() as connection:
            value = (
                await connection.execute(select(BLOCK.c.next_id).with_for_update())
            ).scalar_one()
            await connection.execute(BLOCK.update().values(next_id=value + 1))

    await asyncio.gather(*(add() for _ in range(20)))

    async with database.read() as connection:
        assert (await connection.execute(select(BLOCK.c.next_id))).scalar_one() == 20


async def test_a_write_inside_a_write_is_said_on_sqlite(sqlite_database: engine.Database) -> None:
    """It would wait for itself for ever."""
    with pytest.raises(RuntimeError, match="inside a write"):
        async with sqlite_database.write(), sqlite_database.write():
            pass

    assert await count(sqlite_database) == 0


async def test_a_cancelled_writer_leaves_the_way_free(database: engine.Database) -> None:
    """Cancelled before, in the middle of and after a statement: rolled back, and the next one writes."""

    async def write(at: int) -> None:
        async with database.write() as connection:
            for number in range(50):
                await connection.execute(insert(BLOCK).values(name=f"{at}-{number}", next_id=1))

    for turns in (0, 1, 2, 5, 20):
        task = asyncio.create_task(write(turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async with asyncio.timeout(20), database.write() as connection:
        await connection.execute(insert(BLOCK).values(name="after", next_id=1))
    assert await count(database) == 1


async def test_bulk_builds_aside_and_writes_in_steps(database: engine.Database) -> None:
    """TEMP tables outside transactions, short transactions in between, all on one connection."""
    async with database.bulk() as bulk:
        await bulk.connection.exec_driver_sql("CREATE TEMP TABLE mine (n BIGINT, word TEXT)")
        rows = ((number, f"w{number}") for number in range(12_000))
        await engine.insert_rows(bulk.connection, "mine", ["n", "word"], rows)
        async with bulk.transaction() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO id_block (name, next_id) SELECT word, n FROM mine WHERE n < 10"
            )
        with contextlib.suppress(ZeroDivisionError):
            async with bulk.transaction() as connection:
                await connection.exec_driver_sql("DELETE FROM id_block")
                raise ZeroDivisionError
        found = (await bulk.connection.exec_driver_sql("SELECT count(*) FROM mine")).scalar_one()

    assert found == 12_000
    assert await count(database) == 10


async def test_temporary_tables_vanish_with_their_connection(database: engine.Database) -> None:
    """The next bulk starts clean."""
    for _ in range(2):
        async with database.bulk() as bulk:
            await bulk.connection.exec_driver_sql("CREATE TEMP TABLE mine (n BIGINT)")


async def test_filling_a_temporary_table_holds_nobody_up(database: engine.Database) -> None:
    """While a bulk connection works on TEMP tables, others write."""
    async with database.bulk() as bulk:
        await bulk.connection.exec_driver_sql("CREATE TEMP TABLE mine (name TEXT)")
        await bulk.connection.exec_driver_sql("INSERT INTO mine SELECT name FROM id_block")

        async with asyncio.timeout(5), database.write() as connection:
            await connection.execute(insert(BLOCK).values(name="x", next_id=1))

    assert await count(database) == 1


async def test_a_bulk_transaction_waits_for_its_turn_on_sqlite(
    sqlite_database: engine.Database,
) -> None:
    """It takes the same lock as a write."""
    async with sqlite_database.bulk() as bulk:
        with pytest.raises(RuntimeError, match="inside a write"):
            async with sqlite_database.write(), bulk.transaction():
                pass
        async with bulk.transaction() as connection:
            await connection.execute(insert(BLOCK).values(name="x", next_id=1))

    assert await count(sqlite_database) == 1


async def test_two_programs_share_one_file(sqlite_url: str) -> None:
    """Two databases opened on one file, as two processes do: they wait for each other."""
    first, second = await asyncio.gather(
        engine.Database.open(sqlite_url), engine.Database.open(sqlite_url)
    )

    async def add(database: engine.Database, who: str) -> None:
        for number in range(20):
            async with database.write() as connection:
                await connection.execute(insert(BLOCK).values(name=f"{who}{number}", next_id=1))

    await asyncio.gather(add(first, "a"), add(second, "b"))

    assert await count(first) == 40
    await first.close()
    await second.close()


async def test_bulk_rows_reach_a_table_within_the_transaction(database: engine.Database) -> None:
    """The driver's bulk call takes part in the transaction: rolled back with it."""
    rows = [(f"n{number}", number) for number in range(7_000)]

    with contextlib.suppress(ZeroDivisionError):
        async with database.write() as connection:
            await engine.insert_rows(connection, BLOCK, ["name", "next_id"], rows)
            raise ZeroDivisionError
    async with database.write() as connection:
        await engine.insert_rows(connection, BLOCK, ["name", "next_id"], rows[:3])

    assert await count(database) == 3


async def test_a_new_row_tells_its_id(database: engine.Database) -> None:
    """On both kinds."""
    async with database.write() as connection:
        statement = insert(schema.station)
        first = engine.new_id(await connection.execute(statement.values(name="a", key="a")))
        second = engine.new_id(await connection.execute(statement.values(name="b", key="b")))

    assert second == first + 1


async def test_sqlite_runs_durable_and_checks_foreign_keys(
    sqlite_database: engine.Database,
) -> None:
    """A power cut loses no acknowledged message."""
    found = {}
    async with sqlite_database.write() as connection:
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            found[name] = (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()

    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


async def test_a_throwaway_database_is_its_own_and_vanishes() -> None:
    """``sqlite://`` opens an empty one each time, and leaves no file."""
    first, second = await engine.Database.open("sqlite://"), await engine.Database.open("sqlite://")
    folder = Path(first.url.removeprefix("sqlite:///")).parent
    async with first.write() as connection:
        await connection.run_sync(schema.metadata.create_all)

    assert await count(first) == 0
    with pytest.raises(DBAPIError):
        await count(second)
    await first.close()
    await second.close()
    assert not folder.exists()


async def test_another_kind_of_database_is_refused() -> None:
    """Two kinds are tested, no third one is promised."""
    with pytest.raises(ValueError, match="no such kind"):
        await engine.Database.open("mysql://h/d")
