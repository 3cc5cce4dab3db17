"""Receipts: found again by whichever identity the provider returns, kept once, applied in any order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import ReceiptStatus
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import KnownReceipt, Recorded
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import execute_many, with_lists

_D = DeliveryState

#: Small integers in the table, words everywhere else.
STATUS_NUMBERS = {
    ReceiptStatus.DELIVERED: 1,
    ReceiptStatus.FAILED: 2,
    ReceiptStatus.UNKNOWN: 3,
    ReceiptStatus.ABSENT: 4,
}
STATUSES = {number: status for status, number in STATUS_NUMBERS.items()}


class Receipts:
    """Receipts on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def members_of(self, batch_ids: Iterable[int]) -> dict[tuple[int, bytes | str], int]:
        """Delivery ids by (batch id, phone fingerprint, openid or push token); those that have left in
        the batch and were sent again in another are members of both."""
        found: dict[tuple[int, bytes | str], int] = {}
        for statement in (_EARLIER_MEMBERS, _MEMBERS):
            result = await self._connection.execute(statement, {"ids": list(batch_ids)})
            for batch_id, delivery_id, fingerprint, openid, token in result:
                for address in (fingerprint, openid, token):
                    if address:
                        found[batch_id, address] = delivery_id
        return found

    async def by_reference(self, reference: str, address: bytes | str) -> int | None:
        """The delivery to this address that the provider calls ``reference``."""
        column = "phone_hmac" if isinstance(address, bytes) else "openid"
        found = await self._connection.scalar(
            text(
                "SELECT d.id FROM contact c JOIN delivery d ON d.contact_id = c.id"
                f" WHERE c.{column} = :address AND d.reference = :reference"
                " ORDER BY d.id DESC LIMIT 1"
            ),
            {"address": address, "reference": reference},
        )
        return None if found is None else int(found)

    async def latest_to(self, address: bytes | str, before: datetime) -> int | None:
        """The message sent last to this address before ``before`` (aware) that awaits a receipt."""
        column = "phone_hmac" if isinstance(address, bytes) else "openid"
        found = await self._connection.scalar(
            text(
                "SELECT d.id FROM contact c JOIN delivery d ON d.contact_id = c.id"
                " JOIN batch b ON b.id = d.batch_id"
                f" WHERE c.{column} = :address AND b.sent_at <= :before"
                f" AND d.state IN ({int(_D.ACCEPTED)}, {int(_D.UNCERTAIN)}, {int(_D.UNCONFIRMED)})"
                " ORDER BY b.sent_at DESC, d.id DESC LIMIT 1"
            ),
            {"address": address, "before": to_millis(before)},
        )
        return None if found is None else int(found)

    async def exist(self, delivery_ids: Iterable[int]) -> set[int]:
        """Those of the ids that are deliveries."""
        result = await self._connection.execute(_EXIST, {"ids": list(delivery_ids)})
        return {row.id for row in result}

    async def apply(self, receipts: Sequence[KnownReceipt]) -> list[int]:
        """Keeps each receipt once and moves its delivery on; a late *delivered* beats *failed*.

        Answers the deliveries that were to be sent again and had arrived before.
        """
        await execute_many(
            self._connection,
            "INSERT INTO receipt (delivery_id, status, code, at, received_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (
                    item.delivery_id,
                    STATUS_NUMBERS[item.status],
                    item.code,
                    None if item.at is None else to_millis(item.at),
                    to_millis(item.received_at),
                )
                for item in receipts
            ],
        )
        arrived = [item for item in receipts if item.status is ReceiptStatus.DELIVERED]
        brought_back = await self._bring_back({item.delivery_id: item.code for item in arrived})
        await execute_many(
            self._connection, _DELIVERED, [(item.code, item.delivery_id) for item in arrived]
        )
        failed = [r for r in receipts if r.status is ReceiptStatus.FAILED]
        rows = [(r.code, r.delivery_id, r.batch_id, r.batch_id) for r in failed]
        await execute_many(self._connection, _FAILED, rows)
        waiting = [r for r in receipts if r.status is ReceiptStatus.UNKNOWN]
        of_call = [(r.delivery_id, r.batch_id, r.batch_id) for r in waiting]
        await execute_many(self._connection, _HAS_IT, of_call)
        return brought_back

    async def _bring_back(self, codes: Mapping[int, str]) -> list[int]:
        """Puts what has arrived (codes by delivery) back into the batch it left in, where the one it was
        moved to since has not left: people count as told by what was sent."""
        if not codes:
            return []
        result = await self._connection.execute(_LEFT_EARLIER, {"ids": list(codes)})
        rows = [(codes[row.delivery_id], row.batch_id, row.delivery_id) for row in result]
        await execute_many(self._connection, _BRING_BACK, rows)
        return [delivery_id for _, _, delivery_id in rows]

    async def plans_of(self, delivery_ids: Sequence[int]) -> list[int]:
        """The plans these deliveries belong to."""
        result = await self._connection.execute(_PLANS, {"ids": list(delivery_ids)})
        return [row.plan_id for row in result]

    async def adopt(self, channel: str, accepted: Sequence[Recorded]) -> list[KnownReceipt]:
        """Applies receipts that came before the answer that named their message, by reference.

        References that several messages share identify none of them. Answers what was applied.
        """
        by_reference = {item.reference: item.delivery_id for item in accepted if item.reference}
        if not by_reference or len(by_reference) != len(accepted):
            return []
        result = await self._connection.execute(
            _EARLY, {"channel": channel, "references": list(by_reference)}
        )
        found = [
            KnownReceipt(
                delivery_id=by_reference[row.identity],
                status=STATUSES[row.status],
                code=row.code,
                at=None,
                received_at=from_millis(row.received_at),
            )
            for row in result
        ]
        if found:
            await self.apply(found)
            await self._connection.execute(
                _ADOPTED, {"channel": channel, "references": list(by_reference)}
            )
        return found

    async def stray(
        self, channel: str, identity: str, status: ReceiptStatus, code: str, now: datetime
    ) -> None:
        """Keeps a receipt that belongs to no delivery known here; ``identity`` bears no address."""
        await self._connection.execute(
            text(
                "INSERT INTO stray_receipt (channel, identity, status, code, received_at)"
                " VALUES (:channel, :identity, :status, :code, :now) ON CONFLICT DO NOTHING"
            ),
            {
                "channel": channel,
                "identity": identity,
                "status": STATUS_NUMBERS[status],
                "code": code,
                "now": to_millis(now),
            },
        )


_EARLY = with_lists(
    "SELECT identity, status, code, received_at FROM stray_receipt"
    " WHERE channel = :channel AND identity IN :references",
    "references",
)
_ADOPTED = with_lists(
    "DELETE FROM stray_receipt WHERE channel = :channel AND identity IN :references", "references"
)
_MEMBERS = with_lists(
    "SELECT d.batch_id, d.id, c.phone_hmac, c.openid, c.push_token"
    " FROM delivery d JOIN contact c ON c.id = d.contact_id WHERE d.batch_id IN :ids",
    "ids",
)
_EARLIER_MEMBERS = with_lists(
    "SELECT e.batch_id, d.id, c.phone_hmac, c.openid, c.push_token FROM earlier_call e"
    " JOIN delivery d ON d.id = e.delivery_id JOIN contact c ON c.id = d.contact_id"
    " WHERE e.batch_id IN :ids",
    "ids",
)
_LEFT_EARLIER = with_lists(
    "SELECT e.delivery_id, max(e.batch_id) AS batch_id FROM earlier_call e"
    " JOIN delivery d ON d.id = e.delivery_id JOIN batch b ON b.id = d.batch_id"
    f" WHERE e.delivery_id IN :ids AND b.sent_at IS NULL AND d.state IN ({int(_D.SCHEDULED)},"
    f" {int(_D.WITHDRAWN)}, {int(_D.FAILED)}, {int(_D.DROPPED)}) GROUP BY e.delivery_id",
    "ids",
)
_BRING_BACK = (
    f"UPDATE delivery SET state = {int(_D.DELIVERED)}, code = ?, batch_id = ? WHERE id = ?"
)
_EXIST = with_lists("SELECT id FROM delivery WHERE id IN :ids", "ids")
_PLANS = with_lists(
    "SELECT DISTINCT b.plan_id FROM delivery d JOIN batch b ON b.id = d.batch_id WHERE d.id IN :ids",
    "ids",
)

_DELIVERED = (
    f"UPDATE delivery SET state = {int(_D.DELIVERED)}, code = ? WHERE id = ? AND (state IN"
    f" ({int(_D.ACCEPTED)}, {int(_D.UNCERTAIN)}, {int(_D.UNCONFIRMED)}, {int(_D.FAILED)})"
    # A receipt that was mistaken for another's must not make one that never left look delivered.
    f" OR (state IN ({int(_D.SCHEDULED)}, {int(_D.WITHDRAWN)}) AND EXISTS (SELECT 1 FROM batch b"
    "  WHERE b.id = delivery.batch_id AND b.sent_at IS NOT NULL)))"
)
#: What became of a call says nothing of a later one; a receipt need not say of which it speaks.
_OF_THIS_CALL = "(CAST(? AS BIGINT) IS NULL OR batch_id = CAST(? AS BIGINT))"
#: The provider has it and waits for somebody else's word.
_HAS_IT = (
    f"UPDATE delivery SET state = {int(_D.ACCEPTED)}, code = '' WHERE id = ?"
    f" AND state = {int(_D.UNCERTAIN)} AND {_OF_THIS_CALL}"
)
#: A message that is still SCHEDULED while its batch is under way was answered faster than recorded.
_FAILED = (
    f"UPDATE delivery SET state = {int(_D.FAILED)}, code = ? WHERE id = ? AND {_OF_THIS_CALL} AND ("
    f"state IN ({int(_D.ACCEPTED)}, {int(_D.UNCERTAIN)}, {int(_D.UNCONFIRMED)})"
    f" OR (state = {int(_D.SCHEDULED)} AND EXISTS (SELECT 1 FROM batch b"
    f"  WHERE b.id = delivery.batch_id AND b.state = {int(BatchState.SENDING)})))"
)
