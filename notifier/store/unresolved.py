"""Batches of which it is not known what became: lost by a worker, uncertain, or unconfirmed."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.delivery import NEVER_ANSWERED, BatchState, DeliveryState
from notifier.domain.outbox import Claimed, Orphan
from notifier.store import claimed
from notifier.store.columns import to_millis
from notifier.store.engine import with_lists

_B = BatchState
_D = DeliveryState


class Unresolved:
    """Unresolved batches on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reclaim(self, *, now: datetime, wall: datetime) -> dict[str, int]:
        """Takes batches back from workers whose lease ran out.

        What had not left is scheduled again. What may have left is uncertain: people may have read it.
        """
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.SCHEDULED)}, worker = NULL, lease_until = NULL,"
                f" reason = 'worker.lost' WHERE lease_until < :wall AND state = {int(_B.LEASED)}"
            ),
            {"wall": to_millis(wall)},
        )
        lost = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.UNCERTAIN)}, worker = NULL, lease_until = NULL,"
                f" reason = 'worker.lost', due_at = :now"
                f" WHERE lease_until < :wall AND state = {int(_B.SENDING)} RETURNING id"
            ),
            {"wall": to_millis(wall), "now": to_millis(now)},
        )
        uncertain = [row.id for row in lost]
        if uncertain:
            await self._connection.execute(
                with_lists(
                    f"UPDATE delivery SET state = {int(_D.UNCERTAIN)}, code = 'worker.lost'"
                    f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids",
                    "ids",
                ),
                {"ids": uncertain},
            )
        return {"rescheduled": result.rowcount, "uncertain": len(uncertain)}

    async def begin_again(
        self,
        worker: str,
        batch_id: int,
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
    ) -> bool:
        """Takes an uncertain batch and writes another attempt; False where somebody was faster.

        ``sent_at`` stays that of the first call: from then on the provider remembers its keys.
        """
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.SENDING)}, attempts = attempts + 1,"
                " worker = :worker, lease_until = :until"
                f" WHERE id = :batch AND state = {int(_B.UNCERTAIN)} AND due_at <= :now"
                " RETURNING attempts"
            ),
            {
                "worker": worker,
                "until": to_millis(wall + lease),
                "batch": batch_id,
                "now": to_millis(now),
            },
        )
        number = result.scalar()
        if number is None:
            return False
        await self._connection.execute(
            text(
                "INSERT INTO attempt (batch_id, number, channel, worker, started_at)"
                " VALUES (:batch, :number, :channel, :worker, :now)"
            ),
            {
                "batch": batch_id,
                "number": number,
                "channel": channel,
                "worker": worker,
                "now": to_millis(now),
            },
        )
        return True

    async def orphaned(
        self, since: datetime, channels: Collection[str], limit: int
    ) -> list[Orphan]:
        """Batches due before ``since`` of channels other than these: nobody works on them."""
        result = await self._connection.execute(
            with_lists(
                "SELECT b.id, b.plan_id, b.state, n.medium FROM batch b"
                " JOIN notice n ON n.id = b.notice_id"
                f" WHERE b.state IN ({int(_B.SCHEDULED)}, {int(_B.UNCERTAIN)})"
                " AND b.due_at <= :since AND b.channel NOT IN :channels ORDER BY b.id LIMIT :limit",
                "channels",
            ),
            {"since": to_millis(since), "channels": list(channels) or [""], "limit": limit},
        )
        return [
            Orphan(
                batch_id=row.id,
                plan_id=row.plan_id,
                medium=Medium(row.medium),
                may_have_left=row.state == int(_B.UNCERTAIN),
            )
            for row in result
        ]

    async def adopt(self, orphan: Orphan, channel: str | None, now: datetime) -> None:
        """An unsent batch goes by ``channel``, or its people are reached another way (None). One that
        may have left waits for receipts no more."""
        if orphan.may_have_left:
            await self.look_again(orphan.batch_id, _B.SENT, now)
            return
        if channel is not None:
            await self._connection.execute(
                text(
                    "UPDATE batch SET channel = :channel WHERE id = :batch"
                    f" AND state = {int(_B.SCHEDULED)}"
                ),
                {"channel": channel, "batch": orphan.batch_id},
            )
            return
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.DROPPED)}, reason = 'channel.gone'"
                f" WHERE id = :batch AND state = {int(_B.SCHEDULED)}"
            ),
            {"batch": orphan.batch_id},
        )
        if result.rowcount:
            await self._connection.execute(
                text(
                    f"UPDATE delivery SET state = {int(_D.FAILED)}, code = 'channel.gone'"
                    f" WHERE batch_id = :batch AND state = {int(_D.SCHEDULED)}"
                ),
                {"batch": orphan.batch_id},
            )

    async def uncertain_due(
        self, now: datetime, limit: int, channel: str | None = None
    ) -> list[int]:
        """Uncertain batches whose provider should be asked now; of one channel, or (None) of any."""
        return await self._due(_B.UNCERTAIN, now, limit, channel)

    async def unconfirmed_due(self, now: datetime, limit: int) -> list[int]:
        """Sent batches whose time for receipts is over."""
        return await self._due(_B.SENT, now, limit)

    async def _due(
        self, state: BatchState, now: datetime, limit: int, channel: str | None = None
    ) -> list[int]:
        of = "" if channel is None else " AND channel = :channel"
        result = await self._connection.execute(
            text(
                f"SELECT id FROM batch WHERE state = {int(state)} AND due_at <= :now{of}"
                " ORDER BY due_at LIMIT :limit"
            ),
            {"now": to_millis(now), "limit": limit}
            | ({} if channel is None else {"channel": channel}),
        )
        return [row.id for row in result]

    async def load(self, batch_ids: Sequence[int]) -> list[Claimed]:
        """Uncertain batches with those members that are still uncertain."""
        return await claimed.uncertain(self._connection, batch_ids)

    async def look_again(self, batch_id: int, state: BatchState, due_at: datetime) -> None:
        """An uncertain batch stays so until ``due_at``, or is taken as sent."""
        await self._connection.execute(
            text(
                "UPDATE batch SET state = :state, due_at = :due WHERE id = :batch"
                f" AND state = {int(_B.UNCERTAIN)}"
            ),
            {"state": int(state), "due": to_millis(due_at), "batch": batch_id},
        )

    async def begin_afresh(self, delivery_ids: Sequence[int]) -> None:
        """Uncertain members that the provider never had are scheduled again; they need a new batch."""
        await self._connection.execute(
            with_lists(
                f"UPDATE delivery SET state = {int(_D.SCHEDULED)}, code = ''"
                f" WHERE state = {int(_D.UNCERTAIN)} AND id IN :ids",
                "ids",
            ),
            {"ids": list(delivery_ids)},
        )

    async def give_up_confirming(self, batch_ids: Sequence[int]) -> list[int]:
        """Closes sent batches; accepted and uncertain members become unconfirmed.

        Answers the plans in which somebody has to be reached another way.
        """
        if not batch_ids:
            return []
        for statement in (_NEVER_ANSWERED, _NO_RECEIPT):
            await self._connection.execute(statement, {"ids": list(batch_ids)})
        await self._connection.execute(
            with_lists(f"UPDATE batch SET state = {int(_B.CLOSED)} WHERE id IN :ids", "ids"),
            {"ids": list(batch_ids)},
        )
        result = await self._connection.execute(
            with_lists(
                "SELECT DISTINCT b.plan_id FROM batch b JOIN notice n ON n.id = b.notice_id"
                " JOIN delivery d ON d.batch_id = b.id"
                f" WHERE b.id IN :ids AND d.state = {int(_D.UNCONFIRMED)}"
                f" AND (n.confirm OR d.code = '{NEVER_ANSWERED}')",
                "ids",
            ),
            {"ids": list(batch_ids)},
        )
        return [row.plan_id for row in result]


_NEVER_ANSWERED = with_lists(
    f"UPDATE delivery SET state = {int(_D.UNCONFIRMED)}, code = '{NEVER_ANSWERED}'"
    f" WHERE state = {int(_D.UNCERTAIN)} AND batch_id IN :ids",
    "ids",
)
_NO_RECEIPT = with_lists(
    f"UPDATE delivery SET state = {int(_D.UNCONFIRMED)}, code = 'no_receipt'"
    f" WHERE state = {int(_D.ACCEPTED)} AND batch_id IN :ids",
    "ids",
)
