"""An empty database to measure on: a SQLite file, a durable throwaway PostgreSQL, or a given URL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

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
