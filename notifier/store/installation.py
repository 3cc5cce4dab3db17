"""The mark of this installation: what tells its keys from those of any other database.

Ids begin at 1 again in a database that was built anew, and providers remember keys for a day and more:
without a mark, the first messages of the new one would be dropped as repeats of the old one's.
"""

import secrets
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.store.columns import to_millis


async def read_mark(connection: AsyncConnection) -> str | None:
    """The mark; None before the first start."""
    found = await connection.scalar(text("SELECT mark FROM installation"))
    return None if found is None else str(found)


async def touch(connection: AsyncConnection) -> None:
    """Writes the mark over itself: the least that shows whether a write reaches the disk."""
    await connection.execute(text("UPDATE installation SET mark = mark"))


async def make_mark(connection: AsyncConnection, now: datetime) -> str:
    """The mark, made now where there is none yet. It stays with the database for good."""
    await connection.execute(
        text(
            "INSERT INTO installation (number, mark, created_at) VALUES (1, :mark, :now)"
            " ON CONFLICT DO NOTHING"
        ),
        {"mark": secrets.token_hex(4), "now": to_millis(now)},
    )
    return await read_mark(connection) or ""
