"""Batches of which it is not known what became: lost by a worker, uncertain, or unconfirmed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import Claimed
from notifier.store import claimed
from notifier.store.columns import to_millis

_B = BatchState
_D = DeliveryState


class Unresolved:
    """Unresolved batches on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reclaim(
        self, *, now: datetime, wall: datetime, resendable: Sequence[str]
    ) -> dict[str, int]:
        """Takes batches back from workers whose lease ran out.

        What had not left is scheduled again. What may have left is sent again under the same key where
        the channel deduplicates (``resendable``), else its members are uncertain.
        """
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.SCHEDULED)}, worker = NULL, lease_until = NULL,"
                " reason = 'worker.lost' WHERE lease_until < :wall AND"
                f" (state = {int(_B.LEASED)} OR (state = {int(_B.SENDING)} AND channel IN :safe))"
            ).bindparams(bindparam("safe", expanding=True)),
            {"wall": to_millis(wall), "safe": list(resendable) or [""]},
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
                text(
                    f"UPDATE delivery SET state = {int(_D.UNCERTAIN)}, code = 'worker.lost'"
                    f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids"
                ).bindparams(bindparam("ids", expanding=True)),
                {"ids": uncertain},
            )
        return {"rescheduled": result.rowcount, "uncertain": len(uncertain)}

    async def uncertain_due(self, now: datetime, limit: int) -> list[int]:
        """Uncertain batches whose provider should be asked now."""
        return await self._due(_B.UNCERTAIN, now, limit)

    async def unconfirmed_due(self, now: datetime, limit: int) -> list[int]:
        """Sent batches whose time for receipts is over."""
        return await self._due(_B.SENT, now, limit)

    async def _due(self, state: BatchState, now: datetime, limit: int) -> list[int]:
        result = await self._connection.execute(
            text(
                f"SELECT id FROM batch WHERE state = {int(state)} AND due_at <= :now"
                " ORDER BY due_at LIMIT :limit"
            ),
            {"now": to_millis(now), "limit": limit},
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

    async def give_up_confirming(self, batch_ids: Sequence[int]) -> list[int]:
        """Closes sent batches; accepted and uncertain members become unconfirmed.

        Answers the plans in which somebody has to be reached another way.
        """
        if not batch_ids:
            return []
        await self._connection.execute(
            text(
                f"UPDATE delivery SET state = {int(_D.UNCONFIRMED)}, code = 'no_receipt'"
                f" WHERE state IN ({int(_D.ACCEPTED)}, {int(_D.UNCERTAIN)}) AND batch_id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {"ids": list(batch_ids)},
        )
        await self._connection.execute(
            text(f"UPDATE batch SET state = {int(_B.CLOSED)} WHERE id IN :ids").bindparams(
                bindparam("ids", expanding=True)
            ),
            {"ids": list(batch_ids)},
        )
        result = await self._connection.execute(
            text(
                "SELECT DISTINCT b.plan_id FROM batch b JOIN notice n ON n.id = b.notice_id"
                " JOIN delivery d ON d.batch_id = b.id"
                f" WHERE b.id IN :ids AND n.confirm AND d.state = {int(_D.UNCONFIRMED)}"
            ).bindparams(bindparam("ids", expanding=True)),
            {"ids": list(batch_ids)},
        )
        return [row.plan_id for row in result]
