"""What became of what was accepted: callbacks, questions to the provider, and the end of patience."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier import channel as channels
from notifier.channel import (
    Channel,
    Limits,
    Medium,
    Receipt,
    ReceiptStatus,
)
from notifier.domain import keys
from notifier.domain.delivery import BatchState
from notifier.domain.outbox import Claimed, KnownReceipt
from notifier.ports import Store, Transaction, Vault
from notifier.usecases import resend
from notifier.usecases.dispatch import Outbox, address_of
from notifier.usecases.outcomes import ASK_AFTER, COALESCE, receipts_until

_BATCHES_A_STEP = 200
#: Overdue for so long, a batch of a channel unknown here is not in the hands of a node that knows it.
_ABANDONED = timedelta(minutes=10)
#: A receipt's own words are kept up to this length.
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How many receipts were found to belong to a delivery, and how many to none."""

    known: int = 0
    stray: int = 0


async def take(
    store: Store, vault: Vault, name: str, receipts: Sequence[Receipt], now: datetime
) -> Taken:
    """Applies receipts in any order, repeated or not; plans with failures are looked at again."""
    async with store.read() as tx:
        mark = await tx.read_mark() or ""
        found = await _identify(tx, vault, receipts, mark, now)
    batches = _batches(receipts, mark)
    known = [
        KnownReceipt(
            delivery_id=delivery_id,
            status=receipt.status,
            code=_clean(receipt.code),
            at=receipt.at,
            received_at=now,
            batch_id=batches[receipt.batch_key],
        )
        for receipt, delivery_id in zip(receipts, found, strict=True)
        if delivery_id is not None
    ]
    strays = [r for r, delivery_id in zip(receipts, found, strict=True) if delivery_id is None]
    async with store.write() as tx:
        arrived_before = await tx.receipts.apply(known)
        for receipt in strays:
            identity = receipt.message_key or receipt.reference or receipt.batch_key
            await tx.receipts.stray(
                name, _clean(identity), receipt.status, _clean(receipt.code), now
            )
        failed = [r.delivery_id for r in known if r.status is ReceiptStatus.FAILED]
        if failed or arrived_before:
            for plan_id in await tx.receipts.plans_of([*failed, *arrived_before]):
                await tx.plans.mark(plan_id, now + COALESCE)
    return Taken(known=len(known), stray=len(strays))


async def _identify(
    tx: Transaction, vault: Vault, receipts: Sequence[Receipt], mark: str, now: datetime
) -> list[int | None]:
    """The delivery of each receipt: by batch and address, by message key, or by reference."""
    batches = _batches(receipts, mark)
    messages = {
        key: keys.message_id(key, mark) for key in {receipt.message_key for receipt in receipts}
    }
    batch_ids = sorted({number for number in batches.values() if number is not None})
    members: Mapping[tuple[int, bytes | str], int] = {}
    if batch_ids:
        members = await tx.receipts.members_of(batch_ids)
    numbers = sorted({number for number in messages.values() if number is not None})
    existing = await tx.receipts.exist(numbers) if numbers else set()
    found: list[int | None] = []
    for receipt in receipts:
        batch_id, key = batches[receipt.batch_key], messages[receipt.message_key]
        address = _address(vault, receipt.address)
        delivery_id = None
        if batch_id is not None and address:
            delivery_id = members.get((batch_id, address))
        if delivery_id is None and key in existing:
            delivery_id = key
        if delivery_id is None and receipt.reference and address:
            delivery_id = await tx.receipts.by_reference(_clean(receipt.reference), address)
        nameless = not (receipt.batch_key or receipt.message_key or receipt.reference)
        if delivery_id is None and nameless and address:
            # WeChat leaves the message's id out of some events: person and time have to do.
            delivery_id = await tx.receipts.latest_to(address, receipt.at or now)
        found.append(delivery_id)
    return found


def _batches(receipts: Sequence[Receipt], mark: str) -> dict[str, int | None]:
    """The batch of each key that the receipts name; those of one call share it."""
    return {key: keys.batch_id(key, mark) for key in {receipt.batch_key for receipt in receipts}}


def _clean(text: str) -> str:
    """What both databases can keep, and index."""
    return text.replace("\x00", "")[:_LONGEST]


def _address(vault: Vault, address: str) -> bytes | str:
    """Phones are looked for by fingerprint, whether or not the provider kept the country code."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return _clean(address)
    if len(digits) == 11 and digits.startswith("1"):
        digits = "86" + digits
    return vault.fingerprint("+" + digits)


async def resolve(outbox: Outbox, name: str) -> int:
    """Asks the provider about batches whose outcome is uncertain, or sends them again where it
    deduplicates or never had it; answers how many were due.

    What nobody knows after the time for receipts is unconfirmed: it counts as told for corrections,
    and the next medium follows where the provider never said that it had it.
    """
    now = outbox.clock.now()
    async with outbox.store.read() as tx:
        ids = await tx.unresolved.uncertain_due(now, _BATCHES_A_STEP, name)
        batches = await tx.unresolved.load(ids)
    channel = outbox.channels[name]
    again = [item for item in batches if resend.may_go_again(outbox, name, item, now)]
    if again:
        await resend.send_again(outbox, name, again)
    repeated = {item.batch_id for item in again}
    lanes = asyncio.Semaphore(max(1, channel.limits.lanes))

    async def ask(item: Claimed) -> None:
        async with lanes:
            await _settle_one(outbox, name, channel, item, now)

    # A worker that died leaves many in doubt, and asking takes as long as sending.
    await asyncio.gather(*(ask(item) for item in batches if item.batch_id not in repeated))
    return len(batches)


async def _settle_one(
    outbox: Outbox, name: str, channel: Channel, item: Claimed, now: datetime
) -> None:
    answers = await _ask(outbox, channel, item)
    if answers:
        await take(outbox.store, outbox.vault, name, answers, now)
    sent_at = item.sent_at or now
    never_had = await _never_had(outbox, answers, sent_at, channel.limits, now)
    async with outbox.store.write() as tx:
        left = await tx.unresolved.load([item.batch_id])
        unsure = {member.delivery_id for member in left[0].members} if left else set()
        afresh = sorted(unsure & never_had)
        if afresh:
            # It went nowhere: decided once more and sent as if for the first time.
            await tx.unresolved.begin_afresh(afresh)
            await tx.batches.split(item.batch_id, afresh, now, "never_arrived")
            await tx.plans.mark(item.plan_id, now)
            unsure -= never_had
        until = receipts_until(item, channel.limits, sent_at)
        if not unsure or now >= until:
            await tx.unresolved.look_again(item.batch_id, BatchState.SENT, max(now, until))
        else:
            await tx.unresolved.look_again(item.batch_id, BatchState.UNCERTAIN, now + ASK_AFTER)


async def _never_had(
    outbox: Outbox,
    answers: Sequence[Receipt],
    sent_at: datetime,
    limits: Limits,
    now: datetime,
) -> set[int]:
    """The deliveries of which the provider says, late enough to be believed, that it never had them."""
    absent = [receipt for receipt in answers if receipt.status is ReceiptStatus.ABSENT]
    if not absent or limits.absent_after is None or now < sent_at + limits.absent_after:
        return set()
    async with outbox.store.read() as tx:
        found = await _identify(tx, outbox.vault, absent, outbox.mark, now)
    return {delivery_id for delivery_id in found if delivery_id is not None}


async def _ask(outbox: Outbox, channel: Channel, item: Claimed) -> list[Receipt]:
    if not item.members or item.medium is Medium.POSTING:
        return []
    messages = [
        channels.Message(
            key=keys.of_message(member.delivery_id, outbox.mark),
            address=address_of(outbox.vault, item.medium, member),
            text="",
        )
        for member in item.members
    ]
    key = keys.of_call(item.batch_id, 0, outbox.mark)
    batch = channels.Batch(key=key, template=item.template, messages=messages)
    try:
        return list(await channel.query(batch, item.sent_at or outbox.clock.now()))
    except Exception:  # noqa: BLE001 - no answer is no knowledge; it is asked again later
        return []


async def give_up(outbox: Outbox) -> int:
    """Closes batches whose time for receipts is over; answers how many."""
    now = outbox.clock.now()
    async with outbox.store.read() as tx:
        ids = await tx.unresolved.unconfirmed_due(now, _BATCHES_A_STEP)
    if not ids:
        return 0
    async with outbox.store.write() as tx:
        for plan_id in await tx.unresolved.give_up_confirming(ids):
            await tx.plans.mark(plan_id, now)
    return len(ids)


async def reclaim(outbox: Outbox) -> dict[str, int]:
    """Takes back what dead workers held, and what channels held that are configured no more."""
    now = outbox.clock.now()
    async with outbox.store.write() as tx:
        taken = await tx.unresolved.reclaim(now=now, wall=outbox.clock.wall())
    async with outbox.store.read() as tx:
        orphans = await tx.unresolved.orphaned(
            now - _ABANDONED, sorted(outbox.channels), _BATCHES_A_STEP
        )
    if not orphans:
        return taken
    accounts = outbox.setting.accounts
    async with outbox.store.write() as tx:
        for orphan in orphans:
            account = accounts.get(orphan.medium)
            await tx.unresolved.adopt(orphan, None if account is None else account.channel, now)
            if account is None:
                await tx.plans.mark(orphan.plan_id, now + COALESCE)
    return taken | {"adopted": len(orphans)}
