"""Makes an uncertain call again where the provider deduplicates: the same messages under their keys.

Until it is settled the people count as told, so nothing stale is corrected too late, no other account
or medium tells them as well, and once the provider has forgotten the keys nothing is repeated.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from notifier import channel as channels
from notifier.channel import Outcome
from notifier.domain.decision import Send, decide
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.outbox import Claimed, Ended, Member
from notifier.ports import Transaction
from notifier.usecases import dispatch, outcomes
from notifier.usecases.dispatch import Outbox

#: The provider's memory is trusted for this part of what it promises.
_TRUSTED = 0.9


def may_go_again(outbox: Outbox, name: str, item: Claimed, now: datetime) -> bool:
    """Whether the call may be repeated: the keys are remembered, and the notice still holds."""
    memory = outbox.channels[name].limits.idempotent_for
    if memory is None or not item.members or item.attempts > dispatch.RESENDS:
        return False
    if item.sent_at is None or now >= item.sent_at + memory * _TRUSTED:
        return False
    verdict = decide(item.sending, outbox.setting.policy, now, outbox.setting.zone)
    return isinstance(verdict, Send)


async def send_again(outbox: Outbox, name: str, items: Sequence[Claimed]) -> None:
    """One more attempt for each of these uncertain batches."""
    now = outbox.clock.now()
    mine: list[Claimed] = []
    async with outbox.store.write() as tx:
        for item in items:
            if await tx.unresolved.begin_again(
                outbox.worker,
                item.batch_id,
                name,
                now=now,
                wall=outbox.clock.wall(),
                lease=outbox.setting.lease,
            ):
                mine.append(item)
                outbox.held.add(item.batch_id)
    try:
        calls: list[dispatch.Call] = []
        for item in mine:
            # Who may not be sent to any more stays uncertain: the first call may have reached them.
            made, _ = await dispatch.compose(outbox, name, item, now, again=True)
            calls += made
        await dispatch.call(outbox.channels[name], calls)
        await _record(outbox, name, mine, calls)
    finally:
        outbox.held.difference_update(item.batch_id for item in mine)


async def _record(
    outbox: Outbox, name: str, mine: Sequence[Claimed], calls: Sequence[dispatch.Call]
) -> None:
    now = outbox.clock.now()
    results: dict[int, list[tuple[Member, Outcome]]] = {item.batch_id: [] for item in mine}
    for made in calls:
        results[made.claimed.batch_id] += zip(made.members, made.outcomes, strict=True)
    counted: Counter[str] = Counter()
    async with outbox.store.write() as tx:
        for item in mine:
            counted.update(await _record_batch(outbox, tx, name, item, results[item.batch_id], now))
        stop = next(
            (
                o
                for each in results.values()
                for _, o in each
                if isinstance(o, channels.ChannelStop)
            ),
            None,
        )
        await dispatch.note_health(outbox, tx, name, counted, stop, now)
    outbox.counted.update({(name, outcome): number for outcome, number in counted.items()})


async def _record_batch(
    outbox: Outbox,
    tx: Transaction,
    name: str,
    item: Claimed,
    results: Sequence[tuple[Member, Outcome]],
    now: datetime,
) -> Counter[str]:
    kinds = Counter(type(outcome).__name__ for _, outcome in results)
    settled = [
        recorded
        for member, outcome in results
        if (recorded := outcomes.recorded_as(member, outcome)) is not None
        and recorded.state is not DeliveryState.UNCERTAIN
    ]
    limits = outbox.channels[name].limits
    if len(settled) == len(item.members):
        state, look, reason = BatchState.SENT, outcomes.receipts_until(item, limits, now), ""
    else:
        # Throttled this time: what the first call did is as unknown as before.
        waits = [outcomes.backoff(item.attempts)]
        waits += [o.delay for _, o in results if isinstance(o, channels.RetryAfter)]
        state, look, reason = BatchState.UNCERTAIN, now + max(waits), "resend"
    ended = Ended(
        batch_id=item.batch_id,
        number=item.attempts + 1,
        state=state,
        look_again_at=look,
        reason=reason,
        outcomes=kinds,
    )
    if await tx.batches.finish(outbox.worker, [ended], now):
        await tx.batches.record(settled)
        if any(recorded.state is DeliveryState.FAILED for recorded in settled):
            await tx.plans.mark(item.plan_id, now + outcomes.COALESCE)
    return kinds
