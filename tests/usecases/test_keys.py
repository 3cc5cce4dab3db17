"""Providers know messages by keys: never the same for two messages, always the same for one."""

from datetime import timedelta

import pytest

from notifier import channel
from notifier.channel import Limits, Medium, Receipt, ReceiptStatus, Uncertain
from notifier.domain.customer import Reach
from notifier.store import engine, optout
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.testing import RecordingChannel
from notifier.usecases import dispatch, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

KEEPS_KEYS = Limits(batch_size=10, idempotent_for=timedelta(days=1))


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault, limits=KEEPS_KEYS)


async def _ready(town: Town) -> None:
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))


async def test_an_installation_is_marked_once(database_url: str, database: Database) -> None:
    """Every process finds the same mark, also the one that came second."""
    store = Ledger(database)
    async with store.read() as tx:
        assert await tx.read_mark() is None
    marks = []
    for _ in range(2):
        async with store.write() as tx:
            marks.append(await tx.make_mark(towns.START))
    other = await engine.Database.open(database_url)
    async with Ledger(other).read() as tx:
        marks.append(await tx.read_mark() or "")
    await other.close()

    assert len(set(marks)) == 1
    assert len(marks[0]) == 8


async def test_a_database_built_anew_has_other_keys(town: Town) -> None:
    """Its ids begin at 1 again, and the provider remembers those of the old one."""
    await _ready(town)
    await town.run_until(local(14, 9))
    mark = town.outbox.mark
    sent = town.channels["sms"].batches

    assert sent
    assert all(batch.key.endswith(f"-{mark}") for batch in sent)
    assert all(message.key.endswith(f"-{mark}") for batch in sent for message in batch.messages)


async def test_a_receipt_for_another_installation_is_not_ours(town: Town) -> None:
    """The old database's receipt comes back to the new one: it is about a message of other people."""
    await _ready(town)
    await town.run_until(local(14, 9))
    (known, *_) = [m for b in town.channels["sms"].batches for m in b.messages]
    number = known.key.partition("-")[0]

    taken = await receipts.take(
        town.store, town.vault, "sms",
        [
            Receipt(status=ReceiptStatus.FAILED, code="x", message_key=f"{number}-0ld0ne00"),
            Receipt(
                status=ReceiptStatus.FAILED, code="x", batch_key="1-0-0ld0ne00",
                address=known.address,
            ),
        ],
        town.clock.now(),
    )  # fmt: skip

    assert (taken.known, taken.stray) == (0, 2)


async def test_a_call_is_made_again_under_its_key_when_its_first_member_is_settled(
    town: Town,
) -> None:
    """A receipt told of one, the next has opted out: the rest go under the same key."""
    await _ready(town)
    sms = town.channels["sms"]
    sms.answers.append(Uncertain(code="timeout"))
    town.clock.set(local(12, 20))
    town.outbox.depth["sms"] = 1
    await dispatch.dispatch(town.outbox, "sms")
    (lost,) = sms.batches
    first, second, *rest = lost.messages

    await receipts.take(
        town.store, town.vault, "sms",
        [Receipt(status=ReceiptStatus.DELIVERED, code="ok", message_key=first.key)],
        town.clock.now(),
    )  # fmt: skip
    async with town.store.database.write() as connection:
        await optout.set_opt_out(
            connection, town.vault.fingerprint(second.address), Reach.SMS,
            undo=False, now=town.clock.now(),
        )  # fmt: skip
    town.clock.advance(timedelta(minutes=1))
    await receipts.resolve(town.outbox, "sms")

    _, again = sms.batches
    assert again.key == lost.key
    assert [message.key for message in again.messages] == [message.key for message in rest]
    assert [message.key for message in again.absent] == [second.key]


async def test_calls_of_a_large_batch_keep_their_members(database: Database, vault: Vault) -> None:
    """Composed for an account that takes ten at once, sent by one that takes four."""
    town = await towns.build(database, vault, limits=KEEPS_KEYS)
    await _ready(town)
    small = RecordingChannel(Medium.SMS, Limits(batch_size=4, idempotent_for=timedelta(days=1)))
    town.channels["sms"] = small

    def lost(batch: channel.Batch) -> list[channel.Outcome]:
        return [Uncertain(code="timeout") for _ in batch.messages]

    small.answers.extend([lost] * 4)
    await town.run_until(local(14, 9))

    members: dict[str, set[str]] = {}
    for batch in small.batches:
        keys = {message.key for message in batch.messages}
        assert len(keys) <= 4
        assert members.setdefault(batch.key, keys) == keys
    assert len(members) > 3
