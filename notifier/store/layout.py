"""Makes the ledger of deliveries follow what is wanted, set by set.

The domain decides per cell; here one statement applies the decision to everybody in it.
First, in one transaction, nothing stale is left to be sent (``turning``).
Then what is missing is laid out in steps, so that other writers get their turn.
Everything may be done again, or by two processes, and comes out the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.delivery import NEVER_ANSWERED, BatchState, DeliveryState
from notifier.domain.notice import Notice
from notifier.domain.wanted import Account, LaidOut, Wanted
from notifier.store import composing, turning
from notifier.store.columns import to_millis
from notifier.store.engine import Bulk

_B = BatchState
_D = DeliveryState
#: Nobody said that it arrived, and somebody has to: by the policy, or as no provider ever had it.
_UNCONFIRMED = f"(d.state = {int(_D.UNCONFIRMED)} AND (n.confirm OR d.code = '{NEVER_ANSWERED}'))"


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
            " after_campaign_id BIGINT, not_told_since BIGINT, is_near INTEGER, facts_key TEXT,"
            " medium TEXT, medium_before TEXT, PRIMARY KEY (traits, notice_id))"
        )
    )
    media = {(item.wanted.cell, item.campaign_id): item.wanted.notice.medium for item in placed}
    rows = [
        {
            "traits": packed,
            "notice": item.notice_id,
            "campaign": item.campaign_id,
            "after": item.after_campaign_id,
            "gap": _not_told_since(item.wanted.notice),
            "near": int(item.wanted.notice.due_at <= until),
            "facts": item.wanted.facts_key,
            "medium": item.wanted.notice.medium.value,
            "before": media.get((item.wanted.cell, item.after_campaign_id or 0)),
        }
        for item in placed
        for packed in item.wanted.traits
    ]
    if rows:
        await connection.execute(
            text(
                "INSERT INTO want VALUES"
                " (:traits, :notice, :campaign, :after, :gap, :near, :facts, :medium, :before)"
            ),
            rows,
        )
    await connection.execute(
        text(
            "CREATE TEMP TABLE have (contact_id BIGINT, campaign_id BIGINT, delivery_id BIGINT,"
            " state INTEGER, batch_state INTEGER, notice_id BIGINT, failed INTEGER, unhung INTEGER,"
            " PRIMARY KEY (contact_id, campaign_id))"
        )
    )
    await connection.execute(
        text(
            "INSERT INTO have SELECT d.contact_id, d.campaign_id, d.id, d.state, b.state, b.notice_id,"
            f" CASE WHEN d.state IN ({int(_D.FAILED)}, {int(_D.DROPPED)})"
            f"  OR {_UNCONFIRMED} THEN 1 ELSE 0 END,"
            f" CASE WHEN d.state = {int(_D.ACCEPTED)} AND n.medium = '{Medium.POSTING.value}'"
            "  THEN 1 ELSE 0 END"
            " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN delivery d ON d.batch_id = b.id"
            " WHERE b.plan_id = :plan"
        ),
        {"plan": plan_id},
    )
    await _withdraw_unhung(bulk)
    await connection.execute(
        text(
            "CREATE TEMP TABLE missing (notice_id BIGINT, place BIGINT, contact_id BIGINT,"
            " campaign_id BIGINT, in_vain BIGINT, PRIMARY KEY (notice_id, place))"
        )
    )
    await connection.execute(text(_MISSING))
    counted = await connection.execute(
        text(
            "SELECT notice_id, count(*) AS people, count(in_vain) AS in_vain FROM missing"
            " GROUP BY notice_id ORDER BY notice_id"
        )
    )
    by_notice = {item.notice_id: item for item in placed}
    parts = [
        composing.Part(
            item=by_notice[row.notice_id],
            account=accounts[by_notice[row.notice_id].wanted.notice.medium],
            people=row.people,
            in_vain=row.in_vain,
        )
        for row in counted.all()
    ]
    for together in composing.bundled(parts):
        await composing.compose(bulk, plan_id, together)
    return sum(part.people for part in parts)


async def _withdraw_unhung(bulk: Bulk) -> None:
    """Posters that hang nowhere yet, at doors where they are not wanted any more, or not with these
    words; there is room for others then."""
    unhung = await bulk.connection.execute(text(_UNHUNG))
    ids = [{"id": row.delivery_id} for row in unhung]
    if not ids:
        return
    async with bulk.transaction() as connection:
        await connection.execute(
            text(
                f"UPDATE delivery SET state = {int(_D.WITHDRAWN)}, code = 'no_longer_wanted'"
                f" WHERE id = :id AND state = {int(_D.ACCEPTED)}"
            ),
            ids,
        )
    await bulk.connection.execute(
        text(f"UPDATE have SET state = {int(_D.WITHDRAWN)}, unhung = 0 WHERE delivery_id = :id"),
        ids,
    )


_UNHUNG = """
    SELECT h.delivery_id FROM have h JOIN notice n ON n.id = h.notice_id
    LEFT JOIN person p ON p.contact_id = h.contact_id
    WHERE h.unhung = 1 AND NOT EXISTS (SELECT 1 FROM want w WHERE w.traits = p.traits
        AND w.campaign_id = h.campaign_id AND w.facts_key = n.facts_key)
"""


def _not_told_since(notice: Notice) -> int | None:
    return None if notice.unless_told_since is None else to_millis(notice.unless_told_since)


#: A higher rung's turn comes once the rung below has failed with the same facts, by the medium that is
#: in its place: what failed was perhaps another message, or another medium.
_ITS_TURN = """
    (w.after_campaign_id IS NULL OR (f.failed = 1 AND EXISTS (
        SELECT 1 FROM notice n WHERE n.id = f.notice_id AND n.facts_key = w.facts_key
        AND (w.medium_before IS NULL OR n.medium = w.medium_before))))
"""

#: What failed is tried again where there is something else to say, or another medium to say it by.
_MISSING = f"""
    INSERT INTO missing
    SELECT w.notice_id,
           row_number() OVER (PARTITION BY w.notice_id ORDER BY p.contact_id) - 1,
           p.contact_id, w.campaign_id,
           CASE WHEN h.state IN ({int(_D.FAILED)}, {int(_D.DROPPED)}) THEN h.delivery_id END
    FROM person p
    JOIN want w ON w.traits = p.traits
    LEFT JOIN have h ON h.contact_id = p.contact_id AND h.campaign_id = w.campaign_id
    LEFT JOIN have f ON f.contact_id = p.contact_id AND f.campaign_id = w.after_campaign_id
    WHERE w.is_near = 1
      AND {_ITS_TURN}
      AND (w.not_told_since IS NULL OR p.told_at IS NULL OR p.told_at < w.not_told_since)
      AND (h.contact_id IS NULL
           OR h.state = {int(_D.WITHDRAWN)}
           OR (h.state IN ({int(_D.FAILED)}, {int(_D.DROPPED)}) AND EXISTS (
               SELECT 1 FROM notice n WHERE n.id = h.notice_id
               AND (n.facts_key <> w.facts_key OR n.medium <> w.medium)))
           OR (h.state = {int(_D.SCHEDULED)}
               AND (h.batch_state IN ({int(_B.WITHDRAWN)}, {int(_B.DROPPED)})
                    OR (h.batch_state = {int(_B.SCHEDULED)} AND h.notice_id <> w.notice_id))))
"""


#: The batches out of which deliveries are withdrawn in one step.
_LEAVING = """
    SELECT d.batch_id FROM unwanted u JOIN delivery d ON d.id = u.id
    WHERE u.id > :last AND u.id <= :edge
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
            " AND NOT EXISTS (SELECT 1 FROM want w LEFT JOIN have f"
            "   ON f.contact_id = h.contact_id AND f.campaign_id = w.after_campaign_id"
            f"  WHERE w.traits = p.traits AND w.campaign_id = h.campaign_id AND {_ITS_TURN})"
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
            {"last": last, "step": composing.ROWS_A_STEP},
        )
        if edge is None:
            return total
        async with bulk.transaction() as transaction:
            await composing.hold(transaction, _LEAVING, {"last": last, "edge": edge})
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
    result = await bulk.connection.execute(
        text(
            "SELECT stage, count(*) AS people FROM (SELECT c.stage, c.occasion, d.contact_id,"
            f" max(CASE WHEN {failed} OR {_UNCONFIRMED} OR d.state = {int(_D.WITHDRAWN)}"
            "  THEN 0 ELSE 1 END) AS reached"
            " FROM (SELECT DISTINCT contact_id FROM have WHERE failed = 1) f"
            " JOIN delivery d ON d.contact_id = f.contact_id"
            " JOIN campaign c ON c.id = d.campaign_id AND c.plan_id = :plan"
            f"  AND c.occasion NOT LIKE '%{composing.IN_VAIN}%'"
            " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
            " GROUP BY c.stage, c.occasion, d.contact_id"
            f" HAVING max(CASE WHEN {failed} OR {_UNCONFIRMED} THEN 1 ELSE 0 END) = 1"
            ") AS tries WHERE reached = 0 GROUP BY stage ORDER BY stage"
        ),
        {"plan": plan_id},
    )
    return tuple((row.stage, row.people) for row in result)
