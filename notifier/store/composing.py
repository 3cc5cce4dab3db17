"""Puts people into batches, a few thousand messages a transaction.

``missing`` holds them: a TEMP table of notice_id, place (from 0 on within the notice), contact_id,
campaign_id, and in_vain, the delivery that failed with what is no longer to be said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.wanted import Account
from notifier.store import turning
from notifier.store.columns import to_millis
from notifier.store.engine import Bulk
from notifier.store.ids import take

#: Messages written in one transaction: what a thousand batches cost, others wait no longer for.
ROWS_A_STEP = 5_000
#: Marks the occasion of messages that were tried in vain with what is no longer to be said.
IN_VAIN = "~"
_B = BatchState
_D = DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A notice with those who are to hear it, by which account, and how many of them it was meant for
    before in vain."""

    item: turning.Placed
    account: Account
    people: int
    in_vain: int

    @property
    def batches(self) -> int:
        return -(-self.people // self.account.batch_size)


def bundled(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Small notices together: most plans have a dozen of them, and each turn to write has its price."""
    together: list[Part] = []
    for part in parts:
        if together and sum(each.people for each in (*together, part)) > ROWS_A_STEP:
            yield together
            together = []
        together.append(part)
    if together:
        yield together


async def compose(bulk: Bulk, plan_id: int, together: Sequence[Part]) -> None:
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
        part.account.batch_size, ROWS_A_STEP // part.account.batch_size * part.account.batch_size
    )
    for start in range(0, part.people, step):
        async with bulk.transaction() as connection:
            await _write(connection, plan_id, part, first, start, start + step)


async def _write(
    connection: AsyncConnection, plan_id: int, part: Part, first: int, low: int, high: int
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
    await hold(connection, _MOVING, parameters)
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
    if part.in_vain:
        await _set_aside(connection, part.item.campaign_id, parameters)
    await connection.execute(text(_MEMBERS), parameters)


async def _set_aside(
    connection: AsyncConnection, campaign_id: int, parameters: Mapping[str, object]
) -> None:
    """What was tried in vain makes room, and stays in the ledger as an occasion of its own: a message
    keeps its key, its outcome and its receipts for good."""
    aside = await connection.scalar(text(_ASIDE), {"campaign": campaign_id})
    await connection.execute(
        text(
            "UPDATE delivery SET campaign_id = :aside WHERE"
            f" state IN ({int(_D.FAILED)}, {int(_D.DROPPED)}) AND id IN (SELECT in_vain FROM missing"
            "  WHERE notice_id = :notice AND place >= :low AND place < :high)"
        ),
        dict(parameters) | {"aside": aside},
    )


#: The next free occasion beside that of a campaign.
_ASIDE = f"""
    INSERT INTO campaign (plan_id, stage, occasion, rung)
    SELECT c.plan_id, c.stage, c.occasion || '{IN_VAIN}' || (
        SELECT count(*) + 1 FROM campaign o WHERE o.plan_id = c.plan_id AND o.stage = c.stage
        AND o.rung = c.rung AND o.occasion LIKE c.occasion || '{IN_VAIN}%'), c.rung
    FROM campaign c WHERE c.id = :campaign
    RETURNING id
"""


async def hold(connection: AsyncConnection, batches: str, parameters: Mapping[str, object]) -> None:
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
