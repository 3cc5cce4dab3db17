"""An empty database to measure on: a SQLite file, a durable throwaway PostgreSQL, or a given URL."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from notifier.store.engine import Database
from tests import postgres

#: As one would run it: durable, with statistics kept.
_DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
}


@contextmanager
def of(wish: str) -> Iterator[str]:
    """The URL of the database; one that was made here is gone afterwards."""
    if wish == "postgresql":
        with postgres.server(_DURABLE) as url:
            yield url.format(name="postgres")
    elif wish:
        yield wish
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"


def watch_locks(database: Database) -> list[float]:
    """How long each write transaction was open, in seconds."""
    durations: list[float] = []
    original = database._turn

    @asynccontextmanager
    async def timed() -> Any:
        async with original():
            began = time.perf_counter()
            try:
                yield
            finally:
                durations.append(time.perf_counter() - began)

    database._turn = timed  # type: ignore[method-assign]
    return durations
