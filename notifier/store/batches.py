"""Batches on their way out: claimed, attempted, recorded.

Outcomes are fenced: only the worker that holds the lease may write them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import Claimed, Ended, Recorded
from notifier.store import claimed, ids
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import execute_many, with_lists

_B = BatchState
_D = DeliveryState


class Batches:
    """Batches on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self,
        worker: str,
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
        limit: int,
    ) -> list[int]:
        """Leases up to ``limit`` batches of the channel that are due, the longest due first."""
        skip = "FOR UPDATE SKIP LOCKED" if self._connection.dialect.name == "postgresql" else ""
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.LEASED)}, worker = :worker, lease_until = :until"
                f" WHERE id IN (SELECT id FROM batch WHERE state = {int(_B.SCHEDULED)}"
                f"  AND channel = :channel AND due_at <= :now ORDER BY due_at LIMIT :limit {skip})"
                " RETURNING id"
            ),
            {
                "worker": worker,
                "channel": channel,
                "until": to_millis(wall + lease),
                "now": to_millis(now),
                "limit": limit,
            },
        )
        return sorted(row.id for row in result)

    async def load(
        self, batch_ids: Sequence[int], *, capped_since: datetime | None = None
    ) -> list[Claimed]:
        """The batches with everything that is needed to decide on and to send them."""
        return await claimed.scheduled(self._connection, batch_ids, capped_since)

    async def begin(
        self,
        worker: str,
        batches: Sequence[tuple[int, int]],
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
    ) -> set[int]:
        """Writes an attempt for each (batch id, attempt number) before anything leaves.

        Answers the batches that the worker still held; the others may not be sent by it.
        """
        result = await self._connection.execute(
            with_lists(
                f"UPDATE batch SET state = {int(_B.SENDING)}, attempts = attempts + 1,"
                " sent_at = :now, lease_until = :until"
                f" WHERE worker = :worker AND state = {int(_B.LEASED)} AND id IN :ids RETURNING id",
                "ids",
            ),
            {
                "now": to_millis(now),
                "until": to_millis(wall + lease),
                "worker": worker,
                "ids": [batch_id for batch_id, _ in batches],
            },
        )
        begun = {row.id for row in result}
        if not begun:
            return begun
        await self._connection.execute(
            text(
                "INSERT INTO attempt (batch_id, number, channel, worker, started_at)"
                " VALUES (:batch, :number, :channel, :worker, :now)"
            ),
            [
                {
                    "batch": batch_id,
                    "number": number,
                    "channel": channel,
                    "worker": worker,
                    "now": to_millis(now),
                }
                for batch_id, number in batches
                if batch_id in begun
            ],
        )
        return begun

    async def due(self, now: datetime) -> list[str]:
        """The channels for which something is due."""
        result = await self._connection.execute(
            text(
                f"SELECT DISTINCT channel FROM batch WHERE state = {int(_B.SCHEDULED)}"
                " AND due_at <= :now"
            ),
            {"now": to_millis(now)},
        )
        return sorted(row.channel for row in result)

    async def give_up(self, worker: str, batch_ids: Sequence[int], reason: str) -> None:
        """Leased batches whose recipients are to be reached another way."""
        await self._end(worker, batch_ids, _D.FAILED, reason)

    async def extend(self, worker: str, batch_ids: Collection[int], until: datetime) -> None:
        """The heartbeat: the worker's leases on these batches last until then.

        A batch that somebody is writing is passed over: waiting for it would be a deadlock on
        PostgreSQL, and its lease is about to end anyway.
        """
        if not batch_ids:
            return
        skip = "FOR UPDATE SKIP LOCKED" if self._connection.dialect.name == "postgresql" else ""
        await self._connection.execute(
            with_lists(
                "UPDATE batch SET lease_until = :until WHERE id IN (SELECT id FROM batch"
                " WHERE worker = :worker AND id IN :ids"
                f" AND state IN ({int(_B.LEASED)}, {int(_B.SENDING)}) {skip})",
                "ids",
            ),
            {"worker": worker, "until": to_millis(until), "ids": list(batch_ids)},
        )

    async def release(
        self, worker: str, batch_ids: Sequence[int], due_at: datetime, reason: str
    ) -> None:
        """Gives leased batches back, to be looked at again at ``due_at``."""
        await self._connection.execute(
            with_lists(
                f"UPDATE batch SET state = {int(_B.SCHEDULED)}, due_at = :due, reason = :reason,"
                " worker = NULL, lease_until = NULL WHERE worker = :worker AND id IN :ids"
                f" AND state IN ({int(_B.LEASED)}, {int(_B.SENDING)})",
                "ids",
            ),
            {"due": to_millis(due_at), "reason": reason, "worker": worker, "ids": list(batch_ids)},
        )

    async def drop(self, worker: str, batch_ids: Sequence[int], reason: str) -> None:
        """Leased batches that will never be sent, with all their members."""
        await self._end(worker, batch_ids, _D.DROPPED, reason)

    async def _end(
        self, worker: str, batch_ids: Sequence[int], members: DeliveryState, reason: str
    ) -> None:
        """Members follow only where the worker still holds their batch."""
        result = await self._connection.execute(
            with_lists(
                f"UPDATE batch SET state = {int(_B.DROPPED)}, reason = :reason, worker = NULL,"
                f" lease_until = NULL WHERE worker = :worker AND state = {int(_B.LEASED)}"
                " AND id IN :ids RETURNING id",
                "ids",
            ),
            {"reason": reason, "worker": worker, "ids": list(batch_ids)},
        )
        ended = [row.id for row in result]
        if ended:
            await self._connection.execute(
                with_lists(
                    f"UPDATE delivery SET state = {int(members)}, code = :reason"
                    f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids",
                    "ids",
                ),
                {"reason": reason, "ids": ended},
            )

    async def expire(self, now: datetime) -> list[int]:
        """Drops what has lost its point before it was sent; answers the plans concerned."""
        result = await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.DROPPED)}, reason = 'too_late'"
                f" WHERE state = {int(_B.SCHEDULED)} AND due_at <= :now AND expires_at <= :now"
                " RETURNING id, plan_id"
            ),
            {"now": to_millis(now)},
        )
        rows = result.all()
        if rows:
            await self._connection.execute(
                with_lists(
                    f"UPDATE delivery SET state = {int(_D.DROPPED)}, code = 'too_late'"
                    f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids",
                    "ids",
                ),
                {"ids": [row.id for row in rows]},
            )
        return sorted({row.plan_id for row in rows})

    async def finish(self, worker: str, ended: Sequence[Ended], now: datetime) -> set[int]:
        """Ends attempts; answers the batches whose lease the worker still held. Of the others nothing
        else may be written."""
        alike: dict[tuple[int, BatchState, datetime, str], list[int]] = {}
        for one in ended:
            key = (one.number, one.state, one.look_again_at, one.reason)
            alike.setdefault(key, []).append(one.batch_id)
        mine: set[int] = set()
        for (number, state, due, reason), batch_ids in alike.items():
            result = await self._connection.execute(
                _FINISH,
                {
                    "number": number,
                    "state": int(state),
                    "due": to_millis(due),
                    "reason": reason,
                    "ids": batch_ids,
                    "worker": worker,
                },
            )
            mine.update(row.id for row in result)
        await execute_many(
            self._connection,
            "UPDATE attempt SET finished_at = ?, outcomes = ? WHERE batch_id = ? AND number = ?",
            [
                (to_millis(now), orjson.dumps(one.outcomes).decode(), one.batch_id, one.number)
                for one in ended
                if one.batch_id in mine
            ],
        )
        return mine

    async def accept(self, references: Mapping[int, str]) -> None:
        """Every member of these batches (provider's references by batch id) that has no outcome yet was
        accepted."""
        await execute_many(
            self._connection,
            f"UPDATE delivery SET state = {int(_D.ACCEPTED)}, reference = ?, code = NULL"
            f" WHERE batch_id = ? AND state = {int(_D.SCHEDULED)}",
            [(reference, batch_id) for batch_id, reference in references.items()],
        )

    async def record(self, outcomes: Sequence[Recorded]) -> None:
        """An outcome each. A receipt that was faster than the answer is not overwritten."""
        await execute_many(
            self._connection,
            "UPDATE delivery SET state = ?, reference = ?, code = ?"
            f" WHERE id = ? AND state IN ({int(_D.SCHEDULED)}, {int(_D.UNCERTAIN)})",
            [(int(one.state), one.reference, one.code, one.delivery_id) for one in outcomes],
        )

    async def split(
        self, batch_id: int, delivery_ids: Sequence[int], due_at: datetime, reason: str
    ) -> int:
        """Puts members that were not taken into a new batch of their own, due later. Should a receipt
        come after all for the call they were in, it still finds them."""
        new_id = await ids.take(self._connection, "batch", 1)
        await self._connection.execute(
            text(
                "INSERT INTO batch (id, plan_id, notice_id, channel, state, size, due_at, expires_at,"
                f" reason, attempts) SELECT CAST(:new AS BIGINT), plan_id, notice_id, channel,"
                f" {int(_B.SCHEDULED)}, CAST(:size AS INTEGER), CAST(:due AS BIGINT), expires_at,"
                " CAST(:reason AS TEXT), 0 FROM batch WHERE id = :batch"
            ),
            {
                "new": new_id,
                "size": len(delivery_ids),
                "due": to_millis(due_at),
                "reason": reason,
                "batch": batch_id,
            },
        )
        await self._connection.execute(
            with_lists(
                "INSERT INTO earlier_call (delivery_id, batch_id)"
                " SELECT id, CAST(:batch AS BIGINT) FROM delivery WHERE id IN :ids",
                "ids",
            ),
            {"batch": batch_id, "ids": list(delivery_ids)},
        )
        await self._connection.execute(
            with_lists("UPDATE delivery SET batch_id = :new WHERE id IN :ids", "ids"),
            {"new": new_id, "ids": list(delivery_ids)},
        )
        return new_id

    async def move_channel(self, from_channel: str, to_channel: str) -> int:
        """Failover: everything unsent of one account goes by another; answers how many batches."""
        result = await self._connection.execute(
            text(
                "UPDATE batch SET channel = :new WHERE channel = :old"
                f" AND state = {int(_B.SCHEDULED)}"
            ),
            {"new": to_channel, "old": from_channel},
        )
        return result.rowcount

    async def next_due(self) -> datetime | None:
        """When the next scheduled batch is due."""
        found = await self._connection.scalar(
            text(f"SELECT min(due_at) FROM batch WHERE state = {int(_B.SCHEDULED)}")
        )
        return None if found is None else from_millis(found)


_FINISH = with_lists(
    "UPDATE batch SET state = :state, due_at = :due, reason = :reason, worker = NULL,"
    " lease_until = NULL WHERE id IN :ids AND worker = :worker"
    f" AND attempts = :number AND state = {int(_B.SENDING)} RETURNING id",
    "ids",
)
