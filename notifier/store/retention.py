"""Contacts nobody needs any more: whoever has left every meter and place, and every plan behind them.

What they were told stays in the ledger, under a contact without name, phone or address. Who has opted
out keeps phone and refusal: should they come back, they are still not to be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import ContactKind, Reach
from notifier.store.columns import to_millis
from notifier.store.engine import Database, with_lists

#: Contacts in one transaction.
_STEP = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many contacts were removed, how many blanked, and how many of those keep their refusal."""

    removed: int = 0
    blanked: int = 0
    refusing: int = 0

    def __add__(self, other: "Purged") -> "Purged":
        return Purged(
            removed=self.removed + other.removed,
            blanked=self.blanked + other.blanked,
            refusing=self.refusing + other.refusing,
        )


async def purge(database: Database, before: datetime, *, dry_run: bool = False) -> Purged:
    """Removes contacts without a link that were told nothing, and blanks those that were told only of
    plans that ended before ``before`` (aware). Doing it again, or beside an import, does no harm."""
    total, last = Purged(), 0
    while True:
        async with database.read() as connection:
            step = await _step(connection, last, before)
        if not step:
            return total
        last = step[-1]
        if dry_run:
            async with database.read() as connection:
                total += await _count(connection, step, before)
        else:
            async with database.write() as connection:
                total += await _purge(connection, step, before)


#: Looked at again when they are purged: an import may have linked them in the meantime.
_LOOSE = f"""
    c.kind <> {int(ContactKind.PLACE)}
    AND NOT EXISTS (SELECT 1 FROM point_contact l WHERE l.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM place_contact l WHERE l.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM delivery d JOIN batch b ON b.id = d.batch_id
                    JOIN plan p ON p.id = b.plan_id
                    WHERE d.contact_id = c.id AND (p.ends_at IS NULL OR p.ends_at > :before))
"""
_KNOWN = (
    "(c.name <> '' OR c.openid IS NOT NULL OR c.push_token IS NOT NULL"
    " OR (c.phone_hmac IS NOT NULL AND c.opted_out = 0))"
)
_UNTOLD = "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.contact_id = c.id)"


async def _step(connection: AsyncConnection, after: int, before: datetime) -> list[int]:
    result = await connection.execute(
        text(
            f"SELECT c.id FROM contact c WHERE c.id > :after AND {_LOOSE}"
            f" AND ({_KNOWN} OR (c.opted_out = 0 AND {_UNTOLD})) ORDER BY c.id LIMIT :step"
        ),
        {"after": after, "before": to_millis(before), "step": _STEP},
    )
    return [row.id for row in result]


async def _count(connection: AsyncConnection, ids: Sequence[int], before: datetime) -> Purged:
    result = await connection.execute(
        with_lists(
            f"SELECT CASE WHEN c.opted_out = 0 AND {_UNTOLD} THEN 1 ELSE 0 END AS goes,"
            f" c.opted_out FROM contact c WHERE c.id IN :ids AND {_LOOSE}",
            "ids",
        ),
        {"ids": list(ids), "before": to_millis(before)},
    )
    rows = result.all()
    stay = [row for row in rows if not row.goes]
    return Purged(
        removed=len(rows) - len(stay),
        blanked=len(stay),
        refusing=sum(row.opted_out != 0 for row in stay),
    )


async def _purge(connection: AsyncConnection, ids: Sequence[int], before: datetime) -> Purged:
    found = await _count(connection, ids, before)
    parameters = {"ids": list(ids), "before": to_millis(before)}
    for statement in (
        f"DELETE FROM contact WHERE id IN (SELECT c.id FROM contact c WHERE c.id IN :ids"
        f" AND c.opted_out = 0 AND {_UNTOLD} AND {_LOOSE})",
        "UPDATE contact SET name = '', openid = NULL, push_token = NULL,"
        f" reach = CASE WHEN opted_out = 0 THEN 0 ELSE reach & ~{int(Reach.WECHAT | Reach.PUSH)} END,"
        " phone_hmac = CASE WHEN opted_out = 0 THEN NULL ELSE phone_hmac END,"
        " phone_sealed = CASE WHEN opted_out = 0 THEN NULL ELSE phone_sealed END"
        f" WHERE id IN (SELECT c.id FROM contact c WHERE c.id IN :ids AND {_LOOSE})",
    ):
        await connection.execute(with_lists(statement, "ids"), parameters)
    return found
