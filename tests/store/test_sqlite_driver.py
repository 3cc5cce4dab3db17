"""SQLite's driver: one trip to the connection's thread a statement, and nothing lost on the way."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from notifier.store import engine, sqlite_driver

MANY = sqlite_driver._AT_ONCE * 2 + 7
NUMBERS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) SELECT i FROM n"
)


@pytest.fixture
async def database() -> Any:
    opened = await engine.Database.open("sqlite://")
    async with opened.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
    yield opened
    await opened.close()


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every trip to a connection's thread."""
    made: list[str] = []
    execute = sqlite_driver.Connection._execute

    async def counting(self: Any, work: Callable[..., Any], *arguments: Any) -> Any:
        made.append(getattr(work, "__name__", str(work)))
        return await execute(self, work, *arguments)

    monkeypatch.setattr(sqlite_driver.Connection, "_execute", counting)
    return made


async def test_a_statement_is_one_trip(database: engine.Database, trips: list[str]) -> None:
    """So are the transaction's beginning and its end; whatever the library asks of a cursor besides."""
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO t VALUES (1, 2)"))
        row = (await connection.execute(text("SELECT v FROM t WHERE id = 1"))).one()

    assert row.v == 2
    assert trips == ["_run", "_run", "_run", "commit"]


async def test_every_row_comes_however_many(database: engine.Database) -> None:
    """The rows that did not come with the statement are fetched."""
    async with database.read() as connection:
        found = (await connection.execute(NUMBERS, {"many": MANY})).scalars().all()

    assert found == list(range(1, MANY + 1))


async def test_rows_can_be_read_as_they_come(database: engine.Database) -> None:
    """A stream fetches more only when it needs more, and may end early."""
    async with database.read() as connection:
        streamed = await connection.stream(NUMBERS, {"many": MANY})
        found = [row.i async for row in streamed]
        left = await connection.stream(NUMBERS, {"many": MANY})
        first = await left.fetchone()
        await left.close()
        again = (await connection.execute(text("SELECT 1"))).scalar()

    assert found == list(range(1, MANY + 1))
    assert first is not None
    assert (first.i, again) == (1, 1)


async def test_it_says_how_many_rows_were_changed(database: engine.Database) -> None:
    """With RETURNING too, and for many rows at once; an INSERT says which id it got."""
    async with database.write() as connection:
        one = await connection.exec_driver_sql("INSERT INTO t (v) VALUES (1)")
        await connection.exec_driver_sql("INSERT INTO t (v) VALUES (?)", [(2,), (3,)])
        changed = await connection.execute(text("UPDATE t SET v = v + 1 WHERE id > 1"))
        returned = await connection.execute(text("UPDATE t SET v = 0 RETURNING id"))

        assert one.lastrowid == 1
        assert changed.rowcount == 2
        assert [row.id for row in returned] == [1, 2, 3]


async def test_a_statement_that_fails_leaves_the_connection_usable(
    database: engine.Database,
) -> None:
    """It ends by itself; the transaction may go on."""
    async with database.write() as connection:
        with pytest.raises(OperationalError, match="no such table"):
            await connection.execute(text("SELECT * FROM nowhere"))
        await connection.execute(text("INSERT INTO t VALUES (1, 2)"))

    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 1
