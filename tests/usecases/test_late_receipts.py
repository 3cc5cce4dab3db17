"""A receipt for a call that was sent again under another key is put where it belongs."""

from collections import Counter
from datetime import timedelta

from notifier.channel import Limits, Medium, Receipt, ReceiptStatus
from notifier.domain import keys
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.usecases import dispatch, plans, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

_LEASE = timedelta(seconds=4)
_LIMITS = Limits(batch_size=10, absent_after=timedelta(minutes=10))


async def _lost(database: Database, vault: Vault) -> tuple[Town, int, list[int]]:
    """A call whose worker died in it, and of which the provider said that it never had it: its
    members wait in a new batch. Answers the batch of that call, and them."""
    town = await towns.build(database, vault, limits=_LIMITS)
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))
    town.clock.set(local(12, 19, 1))
    times = {"now": town.clock.now(), "wall": town.clock.wall(), "lease": _LEASE}
    async with town.store.write() as tx:
        (batch_id,) = await tx.batches.claim("dead", "sms", limit=1, **times)
        await tx.batches.begin("dead", [(batch_id, 1)], "sms", **times)
    town.clock.advance(timedelta(seconds=5))
    await receipts.reclaim(town.outbox)
    async with town.store.read() as tx:
        members = [m.delivery_id for m in (await tx.unresolved.load([batch_id]))[0].members]
    town.clock.advance(timedelta(minutes=11))
    await receipts.resolve(town.outbox, "sms")
    return town, batch_id, members


async def _receive(
    town: Town, batch_id: int, members: list[int], status: ReceiptStatus
) -> receipts.Taken:
    """Receipts as a provider sends them that knows calls and numbers only."""
    key = keys.of_call(batch_id, 0, town.outbox.mark)
    found = []
    for delivery_id in members:
        number = await town.scalar("SELECT contact_id FROM delivery WHERE id = :id", id=delivery_id)
        found.append(Receipt(status=status, code="x", batch_key=key, address=towns.phone(number)))
    return await receipts.take(town.store, town.vault, "sms", found, town.clock.now())


def _told(town: Town) -> Counter[str]:
    return Counter(address for address, _ in town.told("sms"))


async def _count(town: Town, batch_id: int, state: str) -> int:
    numbers = {"scheduled": 0, "accepted": 1, "delivered": 2}
    return await town.scalar(
        "SELECT count(*) FROM delivery WHERE batch_id = :b AND state = :s",
        b=batch_id,
        s=numbers[state],
    )


async def test_what_arrived_after_all_is_not_sent_again(database: Database, vault: Vault) -> None:
    """Found by the key of the call before; it belongs to that call, and nobody hears it twice."""
    town, lost, members = await _lost(database, vault)

    taken = await _receive(town, lost, members, ReceiptStatus.DELIVERED)
    await town.run_until(local(14, 9))

    assert (taken.known, taken.stray) == (len(members), 0)
    assert await _count(town, lost, "delivered") == len(members)
    assert sum(_told(town).values()) == 17 - len(members)
    assert await town.scalar("SELECT count(*) FROM exception WHERE kind = 'not_reached'") == 0


async def test_whoever_had_it_after_all_hears_of_the_cancellation(
    database: Database, vault: Vault
) -> None:
    """What was to be sent again was withdrawn with the plan; then it turns out that they were told."""
    town, lost, members = await _lost(database, vault)
    await plans.cancel(
        town.store, town.setting, "P1", now=town.clock.now(), actor="wang", note="雨"
    )
    await town.run_until(local(12, 19, 30))
    silent = sum(_told(town).values())

    await _receive(town, lost, members, ReceiptStatus.DELIVERED)
    await town.run_until(local(14, 9))

    assert sum(_told(town).values()) == silent + len(members)
    assert all("取消" in text for _, text in town.told("sms")[silent:])


async def test_a_failure_of_the_call_before_says_nothing_of_the_one_after(
    database: Database, vault: Vault
) -> None:
    """The message was sent again and taken: it is not failed by what happened before."""
    town, lost, members = await _lost(database, vault)
    await town.run_until(local(14, 9))
    assert sorted(_told(town).values()) == [1] * 17

    taken = await _receive(town, lost, members, ReceiptStatus.FAILED)

    assert taken.stray == 0
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 4") == 0
    assert await town.scalar("SELECT count(*) FROM receipt WHERE status = 2") == len(members)


async def test_what_arrived_twice_is_delivered_where_it_was_sent_last(
    database: Database, vault: Vault
) -> None:
    """The second call has left as well: both receipts are kept, and the message stays where it is."""
    town, lost, members = await _lost(database, vault)
    await town.run_until(local(14, 9))

    taken = await _receive(town, lost, members, ReceiptStatus.DELIVERED)

    assert taken.stray == 0
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 2") == len(members)
    assert await _count(town, lost, "delivered") == 0


async def test_it_may_come_while_it_is_in_the_hands_of_a_worker(
    database: Database, vault: Vault
) -> None:
    """Too late to hold the second call back; still it is delivered once in the ledger."""
    town, lost, members = await _lost(database, vault)
    behind = town.channels["sms"]

    class Slow(RecordingChannel):
        """The receipt for the first call comes while the second is on its way."""

        async def send(self, batch):  # type: ignore[no-untyped-def]
            await _receive(town, lost, members, ReceiptStatus.DELIVERED)
            return await behind.send(batch)

    town.outbox.channels["sms"] = Slow(Medium.SMS, _LIMITS)  # type: ignore[index]
    await town.settle()
    while (await dispatch.dispatch(town.outbox, "sms")).claimed:
        pass

    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 2") == len(members)
