"""The migrations make exactly the declared schema, on both kinds of database."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from notifier.store import engine, migrate, schema
from notifier.store.migrations import initial


def _differences(connection: Connection) -> list[object]:
    # Defaults are compared below, by the databases' own words: Alembic misreads '' on SQLite.
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, schema.metadata))


async def test_the_migrated_schema_is_the_declared_one(database: engine.Database) -> None:
    """Alembic would not change anything."""
    async with database.read() as connection:
        differences = await connection.run_sync(_differences)

    assert differences == []


def _sqlite_schema(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Every table and index, its parts in an order of their own: constraints may be written anyhow."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        name: sorted(line.strip(" \t,") for line in sql.split("\n") if line.strip())
        for name, sql in rows
        if name != "alembic_version"
    }


async def test_sqlite_gets_every_check_and_storage_option(sqlite_url: str) -> None:
    """What Alembic does not compare: checks, partial indexes, tables without row id."""
    declared = await engine.Database.open("sqlite://")
    async with declared.write() as connection:
        await connection.run_sync(schema.metadata.create_all)

    found = [_schema_of(Path(url.removeprefix("sqlite:///"))) for url in (sqlite_url, declared.url)]

    await declared.close()
    assert found[0] == found[1]


def _schema_of(path: Path) -> dict[str, list[str]]:
    connection = sqlite3.connect(path)
    try:
        return _sqlite_schema(connection)
    finally:
        connection.close()


_POSTGRES_SCHEMA = text(
    """
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
      AND conrelid::regclass::text <> 'alembic_version'
    UNION ALL
    SELECT indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    ORDER BY 1
    """
)


async def test_postgresql_gets_every_check_and_index(postgres_url: str) -> None:
    """The same on PostgreSQL, read from its catalogue."""
    database = await engine.Database.open(postgres_url)
    async with database.read() as connection:
        migrated = (await connection.execute(_POSTGRES_SCHEMA)).scalars().all()
    async with database.write() as connection:
        await connection.run_sync(schema.metadata.drop_all)
        await connection.run_sync(schema.metadata.create_all)
    async with database.read() as connection:
        declared = (await connection.execute(_POSTGRES_SCHEMA)).scalars().all()
    await database.close()

    assert migrated == declared
    assert len(migrated) > 50


def test_the_latest_revision_is_the_newest_there_is() -> None:
    """It is written down, so that a command need not read every revision to find out."""
    scripts = ScriptDirectory(str(Path(initial.__file__).parent))

    assert scripts.get_heads() == [migrate.LATEST]


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    """Every start may migrate."""
    await migrate.upgrade(database_url)
    database = await engine.Database.open(database_url)

    await migrate.require_latest(database)

    await database.close()


async def test_an_unmigrated_database_is_refused() -> None:
    """With the command that mends it."""
    database = await engine.Database.open("sqlite://")

    with pytest.raises(migrate.SchemaBehind, match="notifier db upgrade"):
        await migrate.require_latest(database)

    await database.close()


async def test_several_starts_at_once_migrate_once(tmp_path: Path) -> None:
    """The folder is made too."""
    url = f"sqlite:///{tmp_path}/var/new.db"

    await asyncio.gather(*(migrate.upgrade(url) for _ in range(4)))

    database = await engine.Database.open(url)
    await migrate.require_latest(database)
    await database.close()


async def test_a_memory_database_is_not_migrated_by_its_short_url() -> None:
    """It would be another database than the open one."""
    with pytest.raises(ValueError, match="open file"):
        await migrate.upgrade("sqlite://")


async def test_a_throwaway_database_is_migrated_by_its_own_url() -> None:
    """``Database.url`` names the file."""
    database = await engine.Database.open("sqlite://")

    await migrate.upgrade(database.url)

    await migrate.require_latest(database)
    await database.close()


def test_the_first_revision_is_written_from_the_schema() -> None:
    """Until the first release: ``python -m notifier.store.migrations.initial`` and commit."""
    written = initial.PATH.read_text("utf-8")

    # Formatting is Ruff's; the words are compared.
    assert _words(written) == _words(initial.source())


def _words(source: str) -> str:
    return "".join(source.split()).replace(",)", ")").replace(",]", "]").replace("'", '"')


def test_processes_that_open_a_new_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """SQLite itself refuses whoever turns the write-ahead log on while another opens the file."""
    code = (
        "import asyncio, sys\n"
        "from notifier.store import engine, migrate\n"
        "async def main(url):\n"
        "    await migrate.upgrade(url)\n"
        "    database = await engine.Database.open(url)\n"
        "    await database.close()\n"
        "asyncio.run(main(sys.argv[1]))\n"
    )
    for turn in range(3):
        url = f"sqlite:///{tmp_path / f'{turn}.db'}"
        started = [
            subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True)
            for _ in range(5)
        ]
        said = [process.communicate()[1] for process in started]

        assert [process.returncode for process in started] == [0] * 5, said
