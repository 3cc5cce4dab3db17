"""One database, three ways in: ``read`` a snapshot, ``write`` a transaction, ``bulk`` for heavy lifting.

SQLite: write-ahead log, several readers that cannot write, one writer under a lock with
``BEGIN IMMEDIATE``. Other processes on the same file wait their turn in the busy handler.
PostgreSQL: one pool; the database sorts out the writers.
"""

import asyncio
import itertools
import re
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Table,
    TextClause,
    bindparam,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from notifier import clock
from notifier.store import sqlite_driver

Dialect = Literal["sqlite", "postgresql"]
ROWS_A_CALL = 5_000

_BUSY_SECONDS = 30
_AGAIN_SECONDS = 0.02
_READERS = 6
_POSTGRES_CONNECTIONS = 16
#: The execution option that says how a SQLite transaction begins; empty: not at all (autocommit).
_BEGIN = "notifier_begin"
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}",
    "PRAGMA cache_size = -65536",  # KiB a connection, taken only as pages are touched
    "PRAGMA mmap_size = 268435456",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: fewer checkpoints inside somebody's commit
    "PRAGMA journal_size_limit = 67108864",
)
#: An acknowledged message survives a power cut only if its commit reached the disk.
_DURABLE = "PRAGMA synchronous = FULL"
_THROWAWAY = "PRAGMA synchronous = OFF"


@dataclass(frozen=True, slots=True)
class Bulk:
    """A connection of its own, for temporary tables and for writing much in short steps.

    Outside ``transaction`` every statement on ``connection`` stands alone (autocommit): build and
    fill TEMP tables there, reading the main tables; nobody's writing is held up.
    """

    connection: AsyncConnection
    _transaction: Callable[[], AbstractAsyncContextManager[AsyncConnection]]

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A write transaction on the same connection; commits on exit, rolls back on exception."""
        return self._transaction()


class Database:
    """The open database. Make one with ``open``; ``close`` it in the same event loop."""

    dialect: Dialect
    url: str

    def __init__(
        self,
        dialect: Dialect,
        url: URL,
        *,
        reader: AsyncEngine,
        writer: AsyncEngine,
        bulk: AsyncEngine,
        folder: Path | None = None,
    ) -> None:
        self.dialect = dialect
        self.url = url.render_as_string(hide_password=False)
        self._reader = reader
        self._writer = writer
        self._bulk = bulk
        self._folder = folder
        self._lock = asyncio.Lock()
        self._writing: asyncio.Task[Any] | None = None

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Open ``sqlite:///path/to/file.db``, ``sqlite://`` or ``postgresql://user@host:port/name``.

        ``sqlite://`` is an empty database of its own that vanishes on ``close``, for tests: a file
        in the temporary folder, so that readers and the writer behave as they do in service.
        The schema is not created here (``migrate.upgrade``). Raises ``ValueError`` for any other kind.
        """
        parsed = make_url(url)
        match parsed.get_backend_name():
            case "sqlite":
                return await _open_sqlite(parsed)
            case "postgresql":
                return _open_postgresql(parsed)
            case other:
                raise ValueError(f"no such kind of database: {other}")

    async def close(self) -> None:
        """Close every connection; a ``sqlite://`` database is deleted."""
        for engine in (self._bulk, self._reader, self._writer):
            await engine.dispose()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent snapshot, from the first statement to the end. Writing through it fails."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; commits on exit (durably), rolls back on exception.

        SQLite has one writer: keep it short, and call nobody while it is open.
        Raises ``RuntimeError`` when the same task is writing already, which would wait for ever.
        """
        async with self._turn(), self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[Bulk]:
        """A new connection with TEMP tables of its own; they vanish with it."""
        async with self._bulk.connect() as connection:

            @asynccontextmanager
            async def transaction() -> AsyncIterator[AsyncConnection]:
                async with self._turn(), self._bulk_transaction(connection):
                    yield connection

            yield Bulk(connection, transaction)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """SQLite: this process's turn to write. PostgreSQL needs none."""
        if self.dialect == "postgresql":
            yield
            return
        task = asyncio.current_task()
        if task is not None and self._writing is task:
            raise RuntimeError("a write inside a write would wait for itself")
        async with self._lock:
            self._writing = task
            try:
                yield
            finally:
                self._writing = None

    @asynccontextmanager
    async def _bulk_transaction(self, connection: AsyncConnection) -> AsyncIterator[None]:
        inside: dict[str, Any]
        outside: dict[str, Any]
        if self.dialect == "sqlite":
            inside, outside = {_BEGIN: "BEGIN IMMEDIATE"}, {_BEGIN: ""}
        else:
            inside, outside = (
                {"isolation_level": "READ COMMITTED"},
                {"isolation_level": "AUTOCOMMIT"},
            )
        await connection.commit()
        await connection.execution_options(**inside)
        try:
            async with connection.begin():
                yield
        finally:
            if not connection.invalidated:
                await connection.execution_options(**outside)


def new_id(result: CursorResult[Any]) -> int:
    """The id that the database gave to the one row just inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise TypeError("the statement inserted no single row")
    return int(key[0])


async def insert_rows(
    connection: AsyncConnection,
    table: Table | str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Append rows by the driver's own bulk call; ``rows`` hold what the database stores.

    No column type converts anything: times are milliseconds, JSON is text.
    A table given as a string may be a TEMP table.
    """
    name = table if isinstance(table, str) else table.name
    if connection.dialect.name == "postgresql":
        # The dialect opens the transaction at its first statement, COPY goes past it.
        await connection.exec_driver_sql("SELECT 1")
        raw = (await connection.get_raw_connection()).driver_connection
        await cast(Any, raw).copy_records_to_table(name, records=rows, columns=list(columns))
        return
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f'INSERT INTO "{name}" ({names}) VALUES ({marks})'
    for part in _parts(rows, ROWS_A_CALL):
        await connection.exec_driver_sql(statement, part)


def insert_into(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT: each dialect of the library has a class of its own for it."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def with_lists(sql: str, *names: str) -> TextClause:
    """SQL in which each of ``names`` stands for a list: ``id IN :ids``."""
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in names))


async def execute_many(
    connection: AsyncConnection, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """One statement for many rows, past the compiler: a third of its price on hot paths.

    Values stand as ``?`` in the statement and as the database stores them in ``rows``.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        numbers = itertools.count(1)
        statement = re.sub(r"\?", lambda _: f"${next(numbers)}", statement)
    await connection.exec_driver_sql(statement, list(rows))


def _parts(rows: Iterable[Sequence[Any]], size: int) -> Iterable[list[tuple[Any, ...]]]:
    part: list[tuple[Any, ...]] = []
    for row in rows:
        part.append(row if isinstance(row, tuple) else tuple(row))
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


# --- SQLite ------------------------------------------------------------------------------------


async def _open_sqlite(url: URL) -> Database:
    folder = None
    if url.database in (None, "", ":memory:"):
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="notifier-"))
        url = url.set(database=str(folder / "throwaway.db"))
    pragmas = (*_PRAGMAS, _THROWAWAY if folder else _DURABLE)
    database = Database(
        "sqlite",
        url,
        reader=_sqlite_engine(
            url,
            (*pragmas, "PRAGMA temp_store = MEMORY", "PRAGMA query_only = ON"),
            begin="BEGIN",
            pool_size=_READERS,
            max_overflow=_READERS,
        ),
        writer=_sqlite_engine(
            url,
            ("PRAGMA journal_mode = WAL", *pragmas, "PRAGMA temp_store = MEMORY"),
            begin="BEGIN IMMEDIATE",
            pool_size=1,
            max_overflow=0,
        ),
        # Temporary tables of a bulk connection may outgrow memory: they go to a file, behind a
        # cache of their own.
        bulk=_sqlite_engine(
            url, (*pragmas, "PRAGMA temp.cache_size = -65536"), begin="", poolclass=NullPool
        ),
        folder=folder,
    )
    # The first connection turns the write-ahead log on before any reader opens the file.
    async with database.write():
        pass
    return database


def _sqlite_engine(url: URL, pragmas: Sequence[str], *, begin: str, **pool: Any) -> AsyncEngine:
    async def connect() -> sqlite_driver.Connection:
        (file,), said = engine.dialect.create_connect_args(url)
        options: dict[str, Any] = {
            **said,
            "isolation_level": None,  # the driver begins nothing by itself, the hook below does
            "timeout": _BUSY_SECONDS,
            "cached_statements": 512,
        }

        def connector() -> sqlite3.Connection:
            connection: sqlite3.Connection = sqlite3.connect(file, **options)
            for pragma in pragmas:
                _patiently(connection, pragma)
            return connection

        return await sqlite_driver.connect(connector)

    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        async_creator=connect,
        execution_options={_BEGIN: begin},
        query_cache_size=2_000,
        pool_reset_on_return=None,  # every way in ends its transaction itself
        **pool,
    )

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        if statement := connection.get_execution_options()[_BEGIN]:
            connection.exec_driver_sql(statement)

    return engine


def _patiently(connection: sqlite3.Connection, pragma: str) -> None:
    """Where several processes open a new file at once, SQLite turns its write-ahead log on without
    waiting for the others by itself. Blocks. Raises ``sqlite3.OperationalError`` in the end."""
    until = clock.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or clock.monotonic() > until:
                connection.close()
                raise
            clock.rest(_AGAIN_SECONDS)
        else:
            return


# --- PostgreSQL --------------------------------------------------------------------------------


def _open_postgresql(url: URL) -> Database:
    writer = _postgresql_engine(
        url, pool_size=_POSTGRES_CONNECTIONS, max_overflow=_POSTGRES_CONNECTIONS, pool_recycle=1800
    )
    return Database(
        "postgresql",
        url,
        reader=writer.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ),
        writer=writer,
        # A session that ends takes its temporary tables and their cached plans with it.
        bulk=_postgresql_engine(url, _LARGE_WORK, poolclass=NullPool, isolation_level="AUTOCOMMIT"),
    )


#: A bulk session sorts and joins a million rows of temporary tables: in memory, not on disk.
_LARGE_WORK = {"work_mem": "128MB", "temp_buffers": "128MB"}


def _postgresql_engine(
    url: URL, settings: Mapping[str, str] = MappingProxyType({}), **options: Any
) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        connect_args={
            # Compiling a plan pays off in seconds; statements here take milliseconds.
            "server_settings": {"jit": "off", "application_name": "notifier"} | dict(settings),
            "prepared_statement_cache_size": 500,
        },
        query_cache_size=2_000,
        **options,
    )
