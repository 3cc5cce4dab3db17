"""What a provider's answers mean for a batch: sent, in doubt, to be tried again, or for the next medium."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier import channel as channels
from notifier.channel import Medium, Outcome
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import Claimed, Ended, Member, Recorded
from notifier.ports import Transaction

#: What failed is put right soon, but a storm of failures is put right together.
COALESCE = timedelta(seconds=20)
#: How long before a provider is asked about what is uncertain.
ASK_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a provider said to a batch: an outcome for each of the members that were sent to; ``kinds``
    counts them by class."""

    claimed: Claimed
    members: Sequence[Member]
    outcomes: Sequence[Outcome]
    kinds: Mapping[str, int]


def answered(claimed: Claimed, members: Sequence[Member], outcomes: Sequence[Outcome]) -> Answered:
    """The provider's word on a batch, counted."""
    kinds = {kind.__name__: number for kind, number in Counter(map(type, outcomes)).items()}
    return Answered(claimed=claimed, members=members, outcomes=outcomes, kinds=kinds)


async def record(
    tx: Transaction,
    worker: str,
    name: str,
    answers: Sequence[Answered],
    limits: channels.Limits,
    now: datetime,
) -> None:
    """Ends the attempts of a step and writes an outcome for each member, all batches at once; nothing
    of a batch whose lease was lost."""
    ended = [_ended(one, limits, now) for one in answers]
    mine = await tx.batches.finish(worker, ended, now)
    # What was refused as a whole is as it was before, but for its time.
    left = [
        one
        for one, end in zip(answers, ended, strict=True)
        if end.batch_id in mine and end.state is not BatchState.SCHEDULED
    ]
    references = {one.claimed.batch_id: _shared_reference(one) for one in left}
    await tx.batches.accept({b: said for b, said in references.items() if said is not None})
    apart = {
        one.claimed.batch_id: [
            recorded
            for member, outcome in zip(one.members, one.outcomes, strict=True)
            if (recorded := recorded_as(member, outcome)) is not None
        ]
        for one in left
        if references[one.claimed.batch_id] is None
    }
    await tx.batches.record([recorded for each in apart.values() for recorded in each])
    await _look_again(tx, name, left, apart, now)


async def _look_again(
    tx: Transaction,
    name: str,
    answers: Sequence[Answered],
    apart: Mapping[int, Sequence[Recorded]],
    now: datetime,
) -> None:
    """Sees to those who were not told, and to plans that changed meanwhile."""
    soon, at_once = set(), set()
    for one in answers:
        claimed, recorded = one.claimed, apart.get(one.claimed.batch_id, ())
        waiting = _waiting(one)
        if waiting:
            await tx.batches.split(
                claimed.batch_id,
                [member.delivery_id for member, _ in waiting],
                _again_at(waiting, now),
                _code(waiting[0][1]),
            )
        early = await tx.receipts.adopt(
            name, [r for r in recorded if r.state is DeliveryState.ACCEPTED]
        )
        failed = "Permanent" in one.kinds or any(
            receipt.status is channels.ReceiptStatus.FAILED for receipt in early
        )
        if failed or len(one.members) < len(claimed.members):
            soon.add(claimed.plan_id)
    for plan_id in sorted({one.claimed.plan_id for one in answers}):
        revision = (await tx.plans.by_id(plan_id)).revision
        told = {o.claimed.sending.notice_revision for o in answers if o.claimed.plan_id == plan_id}
        if told != {revision}:
            at_once.add(plan_id)
    for plan_id in sorted(soon | at_once):
        await tx.plans.mark(plan_id, now if plan_id in at_once else now + COALESCE)


def _ended(one: Answered, limits: channels.Limits, now: datetime) -> Ended:
    claimed, waiting = one.claimed, _waiting(one)
    if waiting and len(waiting) == len(one.members):
        state, look, reason = (
            BatchState.SCHEDULED, _again_at(waiting, now), _code(waiting[0][1]),
        )  # fmt: skip
    elif "Uncertain" in one.kinds:
        # Where the provider deduplicates it is sent again (``resend``), else it is asked.
        forgets = limits.idempotent_for is None
        look = now + (ASK_AFTER if forgets else backoff(claimed.attempts))
        unsure = next(o for o in one.outcomes if isinstance(o, channels.Uncertain))
        state, reason = BatchState.UNCERTAIN, _code(unsure)
    else:
        state, look, reason = BatchState.SENT, receipts_until(claimed, limits, now), ""
    return Ended(
        batch_id=claimed.batch_id,
        number=claimed.attempts + 1,
        state=state,
        look_again_at=look,
        reason=reason,
        outcomes=one.kinds,
    )


def _waiting(one: Answered) -> list[tuple[Member, Outcome]]:
    """The members that were not taken and may be sent to again."""
    if "RetryAfter" not in one.kinds and "ChannelStop" not in one.kinds:
        return []
    return [
        (member, outcome)
        for member, outcome in zip(one.members, one.outcomes, strict=True)
        if isinstance(outcome, channels.RetryAfter | channels.ChannelStop)
    ]


def _again_at(waiting: Sequence[tuple[Member, Outcome]], now: datetime) -> datetime:
    return now + max(_delay(outcome) for _, outcome in waiting)


def _shared_reference(one: Answered) -> str | None:
    """The reference under which the whole batch was accepted; None where messages have their own, or
    came out differently."""
    whole = len(one.members) == len(one.claimed.members) > 1 and set(one.kinds) == {"Accepted"}
    references = {o.reference for o in one.outcomes if isinstance(o, channels.Accepted)}
    return references.pop() if whole and len(references) == 1 else None


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
