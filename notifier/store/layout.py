"""Makes the ledger of deliveries follow what is wanted, set by set.

The domain decides per cell; here one statement applies the decision to everybody in it.
First, in one transaction, nothing stale is left to be sent (``turning``).
Then what is missing is laid out in steps, so that other writers get their turn.
Everything may be done again, or by two processes, and comes out the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.notice import Notice
from notifier.domain.wanted import Account, LaidOut, Wanted
from notifier.store import turning
from notifier.store.columns import to_millis
from notifier.store.engine import Bulk
from notifier.store.ids import take

_ROWS_A_STEP = 5_000
_B = BatchState
_D = DeliveryState


async def apply(
    bulk: Bulk,
    plan_id: int,
    revision_id: int,
    wanted: Sequence[Wanted],
    accounts: Mapping[Medium, Account],
    *,
    now: datetime,
    horizon: timedelta,
) -> LaidOut:
    """Applies ``wanted`` to the people gathered before on the same ``bulk`` (``people.gather``)."""
    async with bulk.transaction() as connection:
        placed, repointed, withdrawn_batches = await turning.turn(
            connection, plan_id, revision_id, wanted, now
        )
    scheduled = await _lay_out(bulk, plan_id, placed, accounts, now + horizon)
    withdrawn = await _withdraw_unwanted(bulk)
    return LaidOut(
        scheduled=scheduled,
        withdrawn=withdrawn,
        repointed_batches=repointed,
        withdrawn_batches=withdrawn_batches,
        not_reached=await _not_reached(bulk, plan_id),
    )


async def repoint_only(
    connection: AsyncConnection,
    plan_id: int,
    revision_id: int,
    wanted: Sequence[Wanted],
    *,
    now: datetime,
) -> LaidOut:
    """The same recipients, other content or times, nobody told yet: only batches are touched."""
    _, repointed, withdrawn = await turning.turn(connection, plan_id, revision_id, wanted, now)
    return LaidOut(repointed_batches=repointed, withdrawn_batches=withdrawn)


async def is_untouched(connection: AsyncConnection, plan_id: int) -> bool:
    """Whether no batch of the plan has begun to leave."""
    begun = await connection.scalar(
        text(
            "SELECT 1 FROM batch WHERE plan_id = :plan AND state NOT IN"
            f" ({int(_B.SCHEDULED)}, {int(_B.WITHDRAWN)}) LIMIT 1"
        ),
        {"plan": plan_id},
    )
    return begun is None


async def carried(connection: AsyncConnection, plan_id: int) -> set[tuple[str, str, str, str]]:
    """Cell, stage, occasion and medium of everything first in its chain that waits to be sent."""
    result = await connection.execute(
        text(
            "SELECT DISTINCT n.cell, c.stage, c.occasion, n.medium FROM batch b"
            " JOIN notice n ON n.id = b.notice_id JOIN campaign c ON c.id = n.campaign_id"
            f" WHERE b.plan_id = :plan AND b.state = {int(_B.SCHEDULED)} AND c.rung = 0"
        ),
        {"plan": plan_id},
    )
    return {(row.cell, row.stage, row.occasion, row.medium) for row in result}


async def _lay_out(
    bulk: Bulk,
    plan_id: int,
    placed: Sequence[turning.Placed],
    accounts: Mapping[Medium, Account],
    until: datetime,
) -> int:
    connection = bulk.connection
    for table in ("want", "have", "missing"):
        await connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    await connection.execute(
        text(
            "CREATE TEMP TABLE want (traits BIGINT, notice_id BIGINT, campaign_id BIGINT,"
            " after_campaign_id BIGINT, not_told_since BIGINT, is_near INTEGER,"
            " PRIMARY KEY (traits, notice_id))"
        )
    )
    rows = [
        {
            "traits": packed,
            "notice": item.notice_id,
            "campaign": item.campaign_id,
            "after": item.after_campaign_id,
            "gap": _not_told_since(item.wanted.notice),
            "near": int(item.wanted.notice.due_at <= until),
        }
        for item in placed
        for packed in item.wanted.traits
    ]
    if rows:
        await connection.execute(
            text("INSERT INTO want VALUES (:traits, :notice, :campaign, :after, :gap, :near)"), rows
        )
    await connection.execute(
        text(
            "CREATE TEMP TABLE have (contact_id BIGINT, campaign_id BIGINT, delivery_id BIGINT,"
            " state INTEGER, batch_state INTEGER, notice_id BIGINT, failed INTEGER,"
            " PRIMARY KEY (contact_id, campaign_id))"
        )
    )
    await connection.execute(
        text(
            "INSERT INTO have SELECT d.contact_id, d.campaign_id, d.id, d.state, b.state, b.notice_id,"
            f" CASE WHEN d.state IN ({int(_D.FAILED)}, {int(_D.DROPPED)})"
            f"  OR (n.confirm AND d.state = {int(_D.UNCONFIRMED)}) THEN 1 ELSE 0 END"
            " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN delivery d ON d.batch_id = b.id"
            " WHERE b.plan_id = :plan"
        ),
        {"plan": plan_id},
    )
    await connection.execute(
        text(
            "CREATE TEMP TABLE missing (notice_id BIGINT, place BIGINT, contact_id BIGINT,"
            " campaign_id BIGINT, PRIMARY KEY (notice_id, place))"
        )
    )
    await connection.execute(text(_MISSING))
    counted = await connection.execute(
        text("SELECT notice_id, count(*) AS people FROM missing GROUP BY notice_id")
    )
    by_notice = {item.notice_id: item for item in placed}
    parts = [
        _Part(by_notice[notice_id], accounts[by_notice[notice_id].wanted.notice.medium], number)
        for notice_id, number in sorted((row.notice_id, row.people) for row in counted)
    ]
    for together in _bundled(parts):
        await _compose(bulk, plan_id, together)
    return sum(part.people for part in parts)


def _not_told_since(notice: Notice) -> int | None:
    return None if notice.unless_told_since is None else to_millis(notice.unless_told_since)


_MISSING = f"""
    INSERT INTO missing
    SELECT w.notice_id,
           row_number() OVER (PARTITION BY w.notice_id ORDER BY p.contact_id) - 1,
           p.contact_id, w.campaign_id
    FROM person p
    JOIN want w ON w.traits = p.traits
    LEFT JOIN have h ON h.contact_id = p.contact_id AND h.campaign_id = w.campaign_id
    LEFT JOIN have f ON f.contact_id = p.contact_id AND f.campaign_id = w.after_campaign_id
    WHERE w.is_near = 1
      AND (w.after_campaign_id IS NULL OR f.failed = 1)
      AND (w.not_told_since IS NULL OR p.told_at IS NULL OR p.told_at < w.not_told_since)
      AND (h.contact_id IS NULL
           OR h.state = {int(_D.WITHDRAWN)}
           OR (h.state = {int(_D.SCHEDULED)}
               AND (h.batch_state IN ({int(_B.WITHDRAWN)}, {int(_B.DROPPED)})
                    OR (h.batch_state = {int(_B.SCHEDULED)} AND h.notice_id <> w.notice_id))))
"""


@dataclass(frozen=True, slots=True)
class _Part:
    """A notice with those who are to hear it and by which account."""

    item: turning.Placed
    account: Account
    people: int

    @property
    def batches(self) -> int:
        return -(-self.people // self.account.batch_size)


def _bundled(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Small notices together: most plans have a dozen of them, and each turn to write has its price."""
    together: list[_Part] = []
    for part in parts:
        if together and sum(each.people for each in (*together, part)) > _ROWS_A_STEP:
            yield together
            together = []
        together.append(part)
    if together:
        yield together


async def _compose(bulk: Bulk, plan_id: int, together: Sequence[_Part]) -> None:
    """Batches of the accounts' sizes and their members, a few thousand messages a transaction."""
    async with bulk.transaction() as connection:
        first = await take(connection, "batch", sum(part.batches for part in together))
    if len(together) > 1:
        async with bulk.transaction() as connection:
            for part in together:
                await _write(connection, plan_id, part, first, 0, part.people)
                first += part.batches
        return
    (part,) = together
    step = max(
        part.account.batch_size, _ROWS_A_STEP // part.account.batch_size * part.account.batch_size
    )
    for start in range(0, part.people, step):
        async with bulk.transaction() as connection:
            await _write(connection, plan_id, part, first, start, start + step)


async def _write(
    connection: AsyncConnection, plan_id: int, part: _Part, first: int, low: int, high: int
) -> None:
    """The people from place ``low`` to before ``high``, in batches numbered from ``first`` on."""
    notice = part.item.wanted.notice
    parameters = {
        "first": first,
        "size": part.account.batch_size,
        "notice": part.item.notice_id,
        "low": low,
        "high": high,
    }
    await _hold(connection, _MOVING, parameters)
    await connection.execute(
        text(
            "INSERT INTO batch (id, plan_id, notice_id, channel, state, size, due_at, expires_at,"
            " reason, attempts)"
            " SELECT CAST(:first AS BIGINT) + place / CAST(:size AS BIGINT),"
            "  CAST(:plan AS BIGINT), CAST(:notice AS BIGINT), CAST(:channel AS TEXT),"
            f"  {int(_B.SCHEDULED)}, count(*), CAST(:due AS BIGINT), CAST(:expires AS BIGINT),"
            "  '', 0 FROM missing"
            " WHERE notice_id = :notice AND place >= :low AND place < :high"
            " GROUP BY place / CAST(:size AS BIGINT)"
        ),
        parameters
        | {
            "plan": plan_id,
            "channel": part.account.channel,
            "due": to_millis(notice.due_at),
            "expires": to_millis(notice.expires_at),
        },
    )
    await connection.execute(text(_MEMBERS), parameters)


async def _hold(
    connection: AsyncConnection, batches: str, parameters: Mapping[str, object]
) -> None:
    """Keeps workers from claiming these batches until the transaction ends. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        await connection.execute(
            text(
                f"SELECT id FROM batch WHERE id IN ({batches})"
                f" AND state = {int(_B.SCHEDULED)} ORDER BY id FOR SHARE"
            ),
            dict(parameters),
        )


#: The batches out of which deliveries may move in one step.
_MOVING = """
    SELECT d.batch_id FROM missing m
    JOIN delivery d ON d.contact_id = m.contact_id AND d.campaign_id = m.campaign_id
    WHERE m.notice_id = :notice AND m.place >= :low AND m.place < :high
"""
#: The batches out of which deliveries are withdrawn in one step.
_LEAVING = """
    SELECT d.batch_id FROM unwanted u JOIN delivery d ON d.id = u.id
    WHERE u.id > :last AND u.id <= :edge
"""

#: A delivery that waits in a batch nobody has begun, or was withdrawn, moves to the new one; one
#: that has left in the meantime stays where it is.
_MEMBERS = f"""
    INSERT INTO delivery (batch_id, campaign_id, contact_id, state)
    SELECT CAST(:first AS BIGINT) + place / CAST(:size AS BIGINT), campaign_id, contact_id,
           {int(_D.SCHEDULED)}
    FROM missing WHERE notice_id = :notice AND place >= :low AND place < :high
    ORDER BY place
    ON CONFLICT (contact_id, campaign_id) DO UPDATE
    SET batch_id = excluded.batch_id, state = excluded.state, code = NULL, reference = NULL
    WHERE delivery.state = {int(_D.WITHDRAWN)}
       OR (delivery.state = {int(_D.SCHEDULED)} AND EXISTS (
           SELECT 1 FROM batch b WHERE b.id = delivery.batch_id AND b.state IN
           ({int(_B.SCHEDULED)}, {int(_B.WITHDRAWN)}, {int(_B.DROPPED)})))
"""


async def _withdraw_unwanted(bulk: Bulk) -> int:
    """Scheduled deliveries of people for whom the campaign is no longer meant."""
    connection = bulk.connection
    await connection.execute(text("DROP TABLE IF EXISTS unwanted"))
    await connection.execute(text("CREATE TEMP TABLE unwanted (id BIGINT PRIMARY KEY)"))
    await connection.execute(
        text(
            "INSERT INTO unwanted SELECT h.delivery_id FROM have h"
            " LEFT JOIN person p ON p.contact_id = h.contact_id"
            f" WHERE h.state = {int(_D.SCHEDULED)} AND h.batch_state = {int(_B.SCHEDULED)}"
            " AND NOT EXISTS (SELECT 1 FROM want w"
            "  WHERE w.traits = p.traits AND w.campaign_id = h.campaign_id)"
        )
    )
    total = 0
    last = -1
    while True:
        edge = await connection.scalar(
            text(
                "SELECT max(id) FROM (SELECT id FROM unwanted WHERE id > :last"
                " ORDER BY id LIMIT :step) AS step"
            ),
            {"last": last, "step": _ROWS_A_STEP},
        )
        if edge is None:
            return total
        async with bulk.transaction() as transaction:
            await _hold(transaction, _LEAVING, {"last": last, "edge": edge})
            result = await transaction.execute(
                text(
                    f"UPDATE delivery SET state = {int(_D.WITHDRAWN)}, code = 'no_longer_wanted'"
                    f" WHERE state = {int(_D.SCHEDULED)}"
                    " AND id IN (SELECT id FROM unwanted WHERE id > :last AND id <= :edge)"
                    " AND EXISTS (SELECT 1 FROM batch b WHERE b.id = delivery.batch_id"
                    f"  AND b.state = {int(_B.SCHEDULED)})"
                ),
                {"last": last, "edge": edge},
            )
            total += result.rowcount
        last = edge


async def _not_reached(bulk: Bulk, plan_id: int) -> tuple[tuple[str, int], ...]:
    """People whom no medium reached at a stage: what was tried last for them has failed."""
    failed = f"d.state IN ({int(_D.FAILED)}, {int(_D.DROPPED)})"
    unconfirmed = f"(n.confirm AND d.state = {int(_D.UNCONFIRMED)})"
    result = await bulk.connection.execute(
        text(
            "SELECT stage, count(*) AS people FROM (SELECT c.stage, c.occasion, d.contact_id,"
            f" max(CASE WHEN {failed} OR {unconfirmed} OR d.state = {int(_D.WITHDRAWN)}"
            "  THEN 0 ELSE 1 END) AS reached"
            " FROM (SELECT DISTINCT contact_id FROM have WHERE failed = 1) f"
            " JOIN delivery d ON d.contact_id = f.contact_id"
            " JOIN campaign c ON c.id = d.campaign_id AND c.plan_id = :plan"
            " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
            " GROUP BY c.stage, c.occasion, d.contact_id"
            f" HAVING max(CASE WHEN {failed} OR {unconfirmed} THEN 1 ELSE 0 END) = 1"
            ") AS tries WHERE reached = 0 GROUP BY stage ORDER BY stage"
        ),
        {"plan": plan_id},
    )
    return tuple((row.stage, row.people) for row in result)
