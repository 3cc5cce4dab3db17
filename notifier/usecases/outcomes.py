"""What a provider's answers mean for a batch: sent, in doubt, to be tried again, or for the next medium."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from notifier import channel as channels
from notifier.channel import Medium, Outcome
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import Claimed, Member, Recorded
from notifier.ports import Transaction

#: What failed is put right soon, but a storm of failures is put right together.
COALESCE = timedelta(seconds=20)
#: How long before a provider is asked about what is uncertain.
ASK_AFTER = timedelta(minutes=1)


async def record(
    tx: Transaction,
    worker: str,
    claimed: Claimed,
    results: Sequence[tuple[Member, Outcome]],
    kinds: Counter[str],
    limits: channels.Limits,
    now: datetime,
) -> None:
    """Ends the attempt and writes an outcome for each member; nothing where the lease was lost.

    ``results`` are the members that were sent to; ``kinds`` counts their outcomes by class.
    """
    waiting = [
        (m, o) for m, o in results if isinstance(o, channels.RetryAfter | channels.ChannelStop)
    ]
    unsure = [(m, o) for m, o in results if isinstance(o, channels.Uncertain)]
    forgets = limits.idempotent_for is None
    again_at = now + max((_delay(o) for _, o in waiting), default=timedelta())
    if waiting and len(waiting) == len(results):
        state, look, reason = BatchState.SCHEDULED, again_at, _code(waiting[0][1])
    elif unsure:
        # Where the provider deduplicates it is sent again (``resend``), else it is asked.
        look = now + (ASK_AFTER if forgets else backoff(claimed.attempts))
        state, reason = BatchState.UNCERTAIN, _code(unsure[0][1])
    else:
        state, look, reason = BatchState.SENT, receipts_until(claimed, limits, now), ""
    mine = await tx.batches.finish(
        worker,
        claimed.batch_id,
        claimed.attempts + 1,
        state,
        now=now,
        look_again_at=look,
        reason=reason,
        outcomes=dict(kinds),
    )
    if not mine:
        return  # the lease ran out and the batch is in other hands
    if state is BatchState.SCHEDULED and waiting and len(waiting) == len(results):
        return
    recorded = [r for m, o in results if (r := recorded_as(m, o)) is not None]
    references = {r.reference for r in recorded if r.state is DeliveryState.ACCEPTED}
    if (
        len(recorded) == len(claimed.members)
        and set(kinds) == {"Accepted"}
        and len(references) == 1
    ):
        await tx.batches.record_all(
            claimed.batch_id, DeliveryState.ACCEPTED, references.pop(), None
        )
    else:
        await tx.batches.record(recorded)
    if waiting:
        await tx.batches.split(
            claimed.batch_id, [m.delivery_id for m, _ in waiting], again_at, _code(waiting[0][1])
        )
    early = await tx.receipts.adopt(
        claimed.channel, [r for r in recorded if r.state is DeliveryState.ACCEPTED]
    )
    failed = any(r.state is DeliveryState.FAILED for r in recorded) or any(
        receipt.status is channels.ReceiptStatus.FAILED for receipt in early
    )
    stale = claimed.sending.notice_revision != (await tx.plans.by_id(claimed.plan_id)).revision
    if failed or stale or len(results) < len(claimed.members):
        await tx.plans.mark(claimed.plan_id, now if stale else now + COALESCE)


def recorded_as(member: Member, outcome: Outcome) -> Recorded | None:
    """What is written for one member; None where it stays scheduled."""
    match outcome:
        case channels.Accepted(reference=reference):
            return Recorded(
                delivery_id=member.delivery_id, state=DeliveryState.ACCEPTED, reference=reference
            )
        case channels.Permanent(code=code):
            return Recorded(delivery_id=member.delivery_id, state=DeliveryState.FAILED, code=code)
        case channels.Uncertain(code=code):
            return Recorded(
                delivery_id=member.delivery_id, state=DeliveryState.UNCERTAIN, code=code
            )
        case _:
            return None


def receipts_until(claimed: Claimed, limits: channels.Limits, now: datetime) -> datetime:
    """Until when a receipt is awaited: shorter where the next medium would otherwise come too late;
    a poster has until shortly before it matters."""
    sending = claimed.sending
    if claimed.medium is Medium.POSTING:
        return max(now, sending.matters_at)
    until = now + limits.receipts_within
    if claimed.confirm and sending.give_up_at is not None:
        until = max(now, min(until, sending.give_up_at))
    return until


def backoff(attempts: int) -> timedelta:
    """How long to wait before the next try: seconds, doubled each time, about a minute at most."""
    return timedelta(seconds=2 ** min(attempts, 6))


def _delay(outcome: Outcome) -> timedelta:
    return outcome.delay if isinstance(outcome, channels.RetryAfter) else timedelta(minutes=1)


def _code(outcome: Outcome) -> str:
    return "" if isinstance(outcome, channels.Accepted) else outcome.code
