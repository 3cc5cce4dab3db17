"""Who does not want to be told by some medium: a bit of the contact, found by the phone's fingerprint."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import Reach
from notifier.domain.delivery import DeliveryState
from notifier.domain.plan import PlanState
from notifier.store.columns import to_millis


async def set_opt_out(
    connection: AsyncConnection, fingerprint: bytes, media: Reach, *, undo: bool, now: datetime
) -> int | None:
    """Sets the bits of ``media``, or clears them; answers the contact's id, None where there is none.

    Plans with messages waiting for the contact are looked at again, so that the next medium follows.
    """
    change = (
        "opted_out & ~CAST(:media AS INTEGER)" if undo else "opted_out | CAST(:media AS INTEGER)"
    )
    contact_id = await connection.scalar(
        text(f"UPDATE contact SET opted_out = {change} WHERE phone_hmac = :hmac RETURNING id"),
        {"media": int(media), "hmac": fingerprint},
    )
    if contact_id is None:
        return None
    await connection.execute(
        text(
            "UPDATE plan SET reconcile_at = :now"
            f" WHERE state = '{PlanState.APPROVED.value}' AND ends_at > :now"
            " AND (reconcile_at IS NULL OR reconcile_at > :now)"
            " AND id IN (SELECT b.plan_id FROM delivery d JOIN batch b ON b.id = d.batch_id"
            f"  WHERE d.contact_id = :contact AND d.state = {int(DeliveryState.SCHEDULED)})"
        ),
        {"now": to_millis(now), "contact": contact_id},
    )
    return int(contact_id)
