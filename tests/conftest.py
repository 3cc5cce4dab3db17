"""Fixtures for every room: an empty migrated database (both kinds), a vault, a clock."""

import asyncio
import concurrent.futures
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier import vault as vaults
from tests import postgres

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    from notifier.store import migrate

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade_now(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The session's PostgreSQL; ``format(name=…)`` makes the URL of a database.

    Where none can be started the tests that need it are skipped, with CI=true they fail.
    """
    try:
        running = postgres.server()
        url = running.__enter__()
    except postgres.Unavailable as reason:
        sentence = f"PostgreSQL WAS NOT TESTED: {reason}"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    try:
        yield url
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated, empty database to copy."""
    from notifier.store import migrate

    name = "template_notifier"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    _in_thread(lambda: migrate.upgrade_now(postgres_server.format(name=name)))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a SQLite file of the test's own, migrated and empty."""
    path = tmp_path / "notifier.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own, migrated and empty."""
    name = f"test_{next(_numbers)}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield postgres_server.format(name=name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database of the test's own; the test runs on both kinds."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Any]:
    """An open ``engine.Database``, migrated and empty; the test runs on both kinds."""
    from notifier.store import engine

    opened = await engine.Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Any]:
    """As ``database``, on SQLite only."""
    from notifier.store import engine

    opened = await engine.Database.open(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def vault() -> vaults.Vault:
    """A vault with fixed keys."""
    return vaults.Vault({"k1": bytes(range(32))}, "k1", bytes(range(32, 64)))


@pytest.fixture
def clock() -> Any:
    """A clock that stands at noon in Shanghai until the test moves it."""
    from notifier.testing import FakeClock

    return FakeClock(NOON)


def _administer(server: str, statement: str) -> None:
    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(server.format(name="postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _in_thread(lambda: asyncio.run(run()))


def _in_thread(work: Callable[[], None]) -> None:
    """A fixture may be asked for inside the test's event loop, where no second one can run."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
