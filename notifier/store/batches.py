"""Batches on their way out: claimed, attempted, recorded, and taken back from dead workers.

Outcomes are fenced: only the worker that holds the lease may write them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.customer import Reach
from notifier.domain.decision import Sending
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.notice import Stage
from notifier.domain.outbox import Claimed, Member, Recorded
from notifier.domain.plan import PlanKind, PlanState
from notifier.store import ids
from notifier.store.columns import from_millis, to_millis

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
        if not batch_ids:
            return []
        result = await self._connection.execute(_LOAD, {"ids": list(batch_ids)})
        heads = result.all()
        members = await self._members(batch_ids, capped_since)
        return [_claimed(row, members.get(row.id, [])) for row in heads]

    async def _members(
        self, batch_ids: Sequence[int], capped_since: datetime | None
    ) -> dict[int, list[Member]]:
        statement = _MEMBERS if capped_since is None else _MEMBERS_COUNTED
        parameters: dict[str, Any] = {"ids": list(batch_ids)}
        if capped_since is not None:
            parameters["since"] = to_millis(capped_since)
        result = await self._connection.execute(statement, parameters)
        members: dict[int, list[Member]] = {}
        for batch_id, delivery_id, contact_id, name, reach, sealed, openid, token, sent in result:
            members.setdefault(batch_id, []).append(
                Member(
                    delivery_id=delivery_id,
                    contact_id=contact_id,
                    name=name,
                    reach=Reach(reach),
                    phone_sealed=sealed,
                    openid=openid,
                    push_token=token,
                    sent_today=sent,
                )
            )
        return members

    async def begin(
        self,
        worker: str,
        batches: Sequence[tuple[int, int]],
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
    ) -> None:
        """Writes an attempt for each (batch id, attempt number) before anything leaves."""
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
            ],
        )
        await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.SENDING)}, attempts = attempts + 1,"
                " sent_at = :now, lease_until = :until"
                f" WHERE worker = :worker AND state = {int(_B.LEASED)} AND id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {
                "now": to_millis(now),
                "until": to_millis(wall + lease),
                "worker": worker,
                "ids": [batch_id for batch_id, _ in batches],
            },
        )

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
        await self._connection.execute(
            text(
                f"UPDATE delivery SET state = {int(_D.FAILED)}, code = :reason"
                f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {"reason": reason, "ids": list(batch_ids)},
        )
        await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.DROPPED)}, reason = :reason, worker = NULL,"
                " lease_until = NULL WHERE worker = :worker AND id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {"reason": reason, "worker": worker, "ids": list(batch_ids)},
        )

    async def extend(self, worker: str, until: datetime) -> None:
        """The heartbeat: every lease of the worker lasts until then."""
        await self._connection.execute(
            text(
                "UPDATE batch SET lease_until = :until WHERE worker = :worker"
                f" AND state IN ({int(_B.LEASED)}, {int(_B.SENDING)})"
            ),
            {"worker": worker, "until": to_millis(until)},
        )

    async def release(
        self, worker: str, batch_ids: Sequence[int], due_at: datetime, reason: str
    ) -> None:
        """Gives leased batches back, to be looked at again at ``due_at``."""
        await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.SCHEDULED)}, due_at = :due, reason = :reason,"
                " worker = NULL, lease_until = NULL WHERE worker = :worker AND id IN :ids"
                f" AND state IN ({int(_B.LEASED)}, {int(_B.SENDING)})"
            ).bindparams(bindparam("ids", expanding=True)),
            {"due": to_millis(due_at), "reason": reason, "worker": worker, "ids": list(batch_ids)},
        )

    async def drop(self, worker: str, batch_ids: Sequence[int], reason: str) -> None:
        """Leased batches that will never be sent, with all their members."""
        await self._connection.execute(
            text(
                f"UPDATE delivery SET state = {int(_D.DROPPED)}, code = :reason"
                f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {"reason": reason, "ids": list(batch_ids)},
        )
        await self._connection.execute(
            text(
                f"UPDATE batch SET state = {int(_B.DROPPED)}, reason = :reason, worker = NULL,"
                " lease_until = NULL WHERE worker = :worker AND id IN :ids"
            ).bindparams(bindparam("ids", expanding=True)),
            {"reason": reason, "worker": worker, "ids": list(batch_ids)},
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
                text(
                    f"UPDATE delivery SET state = {int(_D.DROPPED)}, code = 'too_late'"
                    f" WHERE state = {int(_D.SCHEDULED)} AND batch_id IN :ids"
                ).bindparams(bindparam("ids", expanding=True)),
                {"ids": [row.id for row in rows]},
            )
        return sorted({row.plan_id for row in rows})

    async def finish(
        self,
        worker: str,
        batch_id: int,
        number: int,
        state: BatchState,
        *,
        now: datetime,
        look_again_at: datetime,
        reason: str,
        outcomes: dict[str, int],
    ) -> bool:
        """Ends an attempt; False when the lease was lost, and then nothing else may be written."""
        result = await self._connection.execute(
            text(
                "UPDATE batch SET state = :state, due_at = :due, reason = :reason, worker = NULL,"
                " lease_until = NULL WHERE id = :batch AND worker = :worker"
                f" AND state = {int(_B.SENDING)}"
            ),
            {
                "state": int(state),
                "due": to_millis(look_again_at),
                "reason": reason,
                "batch": batch_id,
                "worker": worker,
            },
        )
        if result.rowcount != 1:
            return False
        await self._connection.execute(
            text(
                "UPDATE attempt SET finished_at = :now, outcomes = :outcomes"
                " WHERE batch_id = :batch AND number = :number"
            ),
            {
                "now": to_millis(now),
                "outcomes": orjson.dumps(outcomes).decode(),
                "batch": batch_id,
                "number": number,
            },
        )
        return True

    async def record_all(
        self, batch_id: int, state: DeliveryState, reference: str | None, code: str | None
    ) -> None:
        """The same outcome for every member that has none yet."""
        await self._connection.execute(
            text(
                "UPDATE delivery SET state = :state, reference = :reference, code = :code"
                f" WHERE batch_id = :batch AND state = {int(_D.SCHEDULED)}"
            ),
            {"state": int(state), "reference": reference, "code": code, "batch": batch_id},
        )

    async def record(self, outcomes: Sequence[Recorded]) -> None:
        """An outcome each. A receipt that was faster than the answer is not overwritten."""
        if outcomes:
            await self._connection.execute(
                text(
                    "UPDATE delivery SET state = :state, reference = :reference, code = :code"
                    f" WHERE id = :id AND state IN ({int(_D.SCHEDULED)}, {int(_D.UNCERTAIN)})"
                ),
                [
                    {
                        "state": int(item.state),
                        "reference": item.reference,
                        "code": item.code,
                        "id": item.delivery_id,
                    }
                    for item in outcomes
                ],
            )

    async def split(
        self, batch_id: int, delivery_ids: Sequence[int], due_at: datetime, reason: str
    ) -> int:
        """Puts members that were not taken into a new batch of their own, due later."""
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
            text("UPDATE delivery SET batch_id = :new WHERE id IN :ids").bindparams(
                bindparam("ids", expanding=True)
            ),
            {"new": new_id, "ids": list(delivery_ids)},
        )
        return new_id

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

    # --- What is uncertain or unconfirmed ---------------------------------------------------------

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

    async def load_uncertain(self, batch_ids: Sequence[int]) -> list[Claimed]:
        """Uncertain batches with those members that are still uncertain."""
        if not batch_ids:
            return []
        heads = (await self._connection.execute(_LOAD, {"ids": list(batch_ids)})).all()
        result = await self._connection.execute(_UNCERTAIN_MEMBERS, {"ids": list(batch_ids)})
        members: dict[int, list[Member]] = {}
        for batch_id, delivery_id, contact_id, name, reach, sealed, openid, token in result:
            members.setdefault(batch_id, []).append(
                Member(
                    delivery_id=delivery_id,
                    contact_id=contact_id,
                    name=name,
                    reach=Reach(reach),
                    phone_sealed=sealed,
                    openid=openid,
                    push_token=token,
                )
            )
        return [_claimed(row, members.get(row.id, [])) for row in heads]

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


_LOAD = text(
    "SELECT b.id, b.channel, b.attempts, b.plan_id, b.notice_id, b.expires_at, b.sent_at,"
    " n.template, n.facts, n.medium, n.matters_at, n.give_up_at, n.confirm, n.ignores_quiet_hours, c.stage,"
    " r.number AS notice_revision, p.revision, p.settled_revision, p.state AS plan_state, p.kind"
    " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN campaign c ON c.id = n.campaign_id"
    " JOIN plan_revision r ON r.id = n.revision_id JOIN plan p ON p.id = b.plan_id"
    " WHERE b.id IN :ids ORDER BY b.id"
).bindparams(bindparam("ids", expanding=True))

_MEMBER_COLUMNS = (
    "d.batch_id, d.id, c.id, c.name, c.reach & ~c.opted_out, c.phone_sealed, c.openid, c.push_token"
)
_MEMBERS = text(
    f"SELECT {_MEMBER_COLUMNS}, 0 FROM delivery d JOIN contact c ON c.id = d.contact_id"
    f" WHERE d.batch_id IN :ids AND d.state = {int(_D.SCHEDULED)} ORDER BY d.id"
).bindparams(bindparam("ids", expanding=True))
# CROSS JOIN: SQLite keeps that order, from the contact's few deliveries outwards.
_MEMBERS_COUNTED = text(
    f"SELECT {_MEMBER_COLUMNS}, (SELECT count(*) FROM delivery o CROSS JOIN batch ob"
    "  CROSS JOIN notice m WHERE o.contact_id = d.contact_id"
    f"  AND o.state IN ({int(_D.ACCEPTED)}, {int(_D.DELIVERED)}, {int(_D.UNCERTAIN)})"
    "  AND ob.id = o.batch_id AND ob.sent_at > :since"
    "  AND m.id = ob.notice_id AND m.medium = n.medium)"
    " FROM batch b CROSS JOIN notice n CROSS JOIN delivery d CROSS JOIN contact c"
    " WHERE b.id IN :ids AND n.id = b.notice_id AND d.batch_id = b.id AND c.id = d.contact_id"
    f" AND d.state = {int(_D.SCHEDULED)} ORDER BY d.id"
).bindparams(bindparam("ids", expanding=True))
_UNCERTAIN_MEMBERS = text(
    f"SELECT {_MEMBER_COLUMNS} FROM delivery d JOIN contact c ON c.id = d.contact_id"
    f" WHERE d.batch_id IN :ids AND d.state = {int(_D.UNCERTAIN)} ORDER BY d.id"
).bindparams(bindparam("ids", expanding=True))


def _claimed(row: Any, members: Sequence[Member]) -> Claimed:
    return Claimed(
        batch_id=row.id,
        channel=row.channel,
        attempts=row.attempts,
        plan_id=row.plan_id,
        plan_kind=PlanKind(row.kind),
        notice_id=row.notice_id,
        template=row.template,
        facts=orjson.loads(row.facts),
        medium=Medium(row.medium),
        sending=Sending(
            stage=Stage(row.stage),
            medium=Medium(row.medium),
            notice_revision=row.notice_revision,
            plan_revision=row.revision,
            settled_revision=row.settled_revision,
            plan_state=PlanState(row.plan_state),
            expires_at=from_millis(row.expires_at),
            matters_at=from_millis(row.matters_at),
            give_up_at=None if row.give_up_at is None else from_millis(row.give_up_at),
            attempts=row.attempts,
            ignores_quiet_hours=bool(row.ignores_quiet_hours),
        ),
        confirm=bool(row.confirm),
        sent_at=None if row.sent_at is None else from_millis(row.sent_at),
        members=tuple(members),
    )
