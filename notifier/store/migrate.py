"""Brings a database to the schema of this release; safe when several processes start at once.

Alembic is loaded where there is something to migrate: every command comes by here, and nearly every one
finds the schema as it should be.
"""

import asyncio
import threading
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url
from sqlalchemy.pool import NullPool

from notifier.domain import errors
from notifier.store import engine

#: The revision this release works with: the newest in ``migrations/versions``.
LATEST = "0001"

_SCRIPTS = Path(__file__).parent / "migrations"
#: Any number, the same on every node: PostgreSQL's advisory lock for the time of a migration.
_LOCK = 0x6E6F7469
#: Alembic keeps the running migration in module globals.
_one_at_a_time = threading.Lock()


class SchemaBehind(errors.Refusal):
    """The database has another schema than this release."""

    code = "store.schema_behind"


async def upgrade(url: str) -> None:
    """Create or migrate the schema at ``url`` in one transaction, in a thread.

    The folder of a SQLite file is created. Another process that migrates the same database is
    waited for, and leaves nothing to do.
    """
    await asyncio.to_thread(upgrade_now, url)


def upgrade_now(url: str) -> None:
    """``upgrade`` for callers without an event loop."""
    parsed = make_url(url)
    with _one_at_a_time:
        if parsed.get_backend_name() == "sqlite":
            _upgrade_sqlite(parsed)
        else:
            asyncio.run(_upgrade_postgresql(url))


async def require_latest(database: engine.Database) -> None:
    """Raises ``SchemaBehind`` when the database is not at the revision of this release."""
    async with database.read() as connection:
        found = await connection.run_sync(_revision)
    if found != LATEST:
        raise SchemaBehind(
            f"The database is at schema revision {found or 'none'}, this release needs {LATEST};"
            " run `notifier db upgrade`."
        )


def _upgrade_sqlite(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise ValueError("a SQLite database in memory is migrated through the URL of its open file")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    target = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": 60},
    )

    @event.listens_for(target, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with target.begin() as connection:
        _run(connection)


async def _upgrade_postgresql(url: str) -> None:
    database = await engine.Database.open(url)
    try:
        async with database.write() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.run_sync(_run)
    finally:
        await database.close()


def _run(connection: Connection) -> None:
    if _revision(connection) == LATEST:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar()
    return found
