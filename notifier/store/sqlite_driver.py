"""aiosqlite with one trip to the connection's thread a statement.

aiosqlite goes there for a cursor, for the statement, for its rows and to close it. A trip is two
changes of thread, and takes longer than SQLite takes to find a row by its key.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite

#: So many rows come back with the statement; the rest stays in the cursor until somebody asks.
_AT_ONCE = 5_000


async def connect(connector: Callable[[], sqlite3.Connection]) -> "Connection":
    """Opens a connection in a thread of its own, which does not keep the process alive."""
    connection = Connection(connector, iter_chunk_size=_AT_ONCE)
    connection._thread.daemon = True
    await connection
    return connection


class Connection(aiosqlite.Connection):
    """What SQLAlchemy's adapter takes for a connection of aiosqlite."""

    def cursor(self) -> "Cursor":  # type: ignore[override]
        """A cursor, which is nothing in the database until it executes something."""
        return Cursor(self)

    async def in_thread(self, work: Callable[..., None], *arguments: Any) -> None:
        """One trip to the connection's thread."""
        await self._execute(work, *arguments)  # type: ignore[no-untyped-call]


class Cursor:
    """One statement at a time: what the adapter calls of a cursor of aiosqlite."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "Cursor":
        """Runs the statement and brings the first rows."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> "Cursor":
        """Runs the statement for each."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.executemany, sql, parameters)
        return self

    async def fetchone(self) -> Any:
        """The next row; None after the last."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """So many of the rows that are left, fewer only at the end."""
        size = size or self.arraysize
        if len(self._rows) < size and self._open is not None:
            await self._connection.in_thread(self._fetch, max(size, _AT_ONCE))
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        if self._open is not None:
            await self._connection.in_thread(self._fetch, None)
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Lets the rows go that nobody fetched."""
        self._rows = []
        if self._open is not None:
            await self._connection.in_thread(self._end)

    # --- In the connection's thread -------------------------------------------------------------

    def _run(self, execute: Callable[..., Any], sql: str, parameters: Sequence[Any]) -> None:
        self._open = self._connection._conn.cursor()
        try:
            execute(self._open, sql, parameters)
            self.description, self.lastrowid = self._open.description, self._open.lastrowid
            if self.description is None:
                self._end()
            else:
                self._fetch(_AT_ONCE)
        except BaseException:
            self._end()
            raise

    def _fetch(self, size: int | None) -> None:
        if self._open is None:
            return
        rows = self._open.fetchall() if size is None else self._open.fetchmany(size)
        self._rows += rows
        if size is None or len(rows) < size:
            self._end()

    def _end(self) -> None:
        if self._open is not None:
            self.rowcount = self._open.rowcount
            self._open.close()
            self._open = None
