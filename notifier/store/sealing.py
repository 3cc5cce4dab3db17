"""Sealed phone numbers by the key that sealed them, and sealed anew a portion at a time.

What a number is sealed with stands at its beginning, so there is nothing to remember: whoever was
stopped in the middle starts again and finds what is left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import text

from notifier.domain import errors
from notifier.store.engine import Database, execute_many


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Numbers sealed anew, those that no key opened, and the contact after which the next portion
    begins; None: there is none."""

    resealed: int = 0
    closed: int = 0
    last: int | None = None


async def counted(database: Database, headers: Mapping[str, bytes]) -> dict[str, int]:
    """How many numbers begin with each of these headers, by their names; under ``""`` all the others,
    where there are any."""
    found: dict[str, int] = {}
    async with database.read() as connection:
        total = await connection.scalar(
            text("SELECT count(*) FROM contact WHERE phone_sealed IS NOT NULL")
        )
        for name, header in headers.items():
            number = await connection.scalar(
                text(
                    "SELECT count(*) FROM contact WHERE phone_sealed IS NOT NULL"
                    " AND substr(phone_sealed, 1, :size) = :header"
                ),
                {"size": len(header), "header": header},
            )
            found[name] = int(number or 0)
    others = int(total or 0) - sum(found.values())
    return found | ({"": others} if others else {})


async def reseal(
    database: Database, seal: Callable[[bytes], bytes], header: bytes, *, after: int, limit: int
) -> Portion:
    """Seals up to ``limit`` numbers anew that do not begin with ``header``, of contacts after ``after``.

    One whose number was changed meanwhile is left as it is: it was sealed just now. One that ``seal``
    refuses to open is counted and left.
    """
    async with database.read() as connection:
        result = await connection.execute(
            text(
                "SELECT id, phone_sealed FROM contact WHERE id > :after"
                " AND phone_sealed IS NOT NULL AND substr(phone_sealed, 1, :size) <> :header"
                " ORDER BY id LIMIT :limit"
            ),
            {"after": after, "size": len(header), "header": header, "limit": limit},
        )
        rows = [(row.id, bytes(row.phone_sealed)) for row in result]
    if not rows:
        return Portion()
    changed: list[tuple[bytes, int, bytes]] = []
    closed = 0
    for contact_id, sealed in rows:
        try:
            changed.append((seal(sealed), contact_id, sealed))
        except errors.Refusal:
            closed += 1
    async with database.write() as connection:
        await execute_many(
            connection,
            "UPDATE contact SET phone_sealed = ? WHERE id = ? AND phone_sealed = ?",
            changed,
        )
    return Portion(resealed=len(changed), closed=closed, last=rows[-1][0])
