"""Who did what: rows chained by their hashes, so that a change, a gap or a swap shows.

Each hash covers the one before it and the row itself. Rows cut off at the end cannot be missed from
the chain alone: note the last hash elsewhere (``head``), as evidence exports do.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.store import columns, schema

GENESIS = "0" * 64
#: PostgreSQL's advisory lock under which rows are appended one after another.
_LOCK = 0x61756469

_table = schema.audit
_last = select(_table.c.hash).order_by(_table.c.id.desc()).limit(1)
_PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLink:
    """The first row that does not follow from the one before it."""

    id: int
    why: str


async def append(
    connection: AsyncConnection,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
) -> str:
    """Add a row in the caller's write transaction and return its hash.

    ``action`` is dotted (``plan.approved``), ``subject`` names what it was done to
    (``plan:2026-0001``), ``detail`` holds JSON values and no personal data; times in it are text.
    Appending is serialised until the transaction ends: append last, commit soon.
    Raises ``TypeError`` for a detail that is not JSON.
    """
    (digest,) = await append_all(connection, [(action, subject, detail)], at=at, actor=actor)
    return digest


async def append_all(
    connection: AsyncConnection,
    deeds: Sequence[tuple[str, str, Mapping[str, Any]]],
    *,
    at: datetime,
    actor: str,
) -> list[str]:
    """As ``append``, a row for each deed (action, subject, detail), in their order."""
    if not deeds:
        return []
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    digest = await head(connection)
    millis = columns.to_millis(at)
    rows: list[dict[str, Any]] = []
    for action, subject, detail in deeds:
        previous = digest
        digest = _digest(previous, millis, actor, action, subject, dict(detail))
        rows.append(
            {
                "at": at,
                "actor": actor,
                "action": action,
                "subject": subject,
                "detail": dict(detail),
                "previous_hash": previous,
                "hash": digest,
            }
        )
    await connection.execute(insert(_table), rows)
    return [row["hash"] for row in rows]


async def head(connection: AsyncConnection) -> str:
    """The hash of the last row; ``GENESIS`` when there is none."""
    return (await connection.execute(_last)).scalar_one_or_none() or GENESIS


async def verify(connection: AsyncConnection) -> BrokenLink | None:
    """Walk the whole chain; the first broken link, or None when it holds."""
    previous, after = GENESIS, 0
    page = select(_table).order_by(_table.c.id).limit(_PAGE)
    while True:
        rows = (await connection.execute(page.where(_table.c.id > after))).all()
        for row in rows:
            if row.previous_hash != previous:
                return BrokenLink(id=row.id, why="does not follow the row before it")
            millis = columns.to_millis(row.at)
            found = _digest(previous, millis, row.actor, row.action, row.subject, row.detail)
            if row.hash != found:
                return BrokenLink(id=row.id, why="was changed after it was written")
            previous, after = row.hash, row.id
        if len(rows) < _PAGE:
            return None


def _digest(
    previous: str, millis: int, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> str:
    canonical = orjson.dumps(
        [previous, millis, actor, action, subject, detail], option=orjson.OPT_SORT_KEYS
    )
    return hashlib.sha256(canonical).hexdigest()
