"""Holes that an adversary would look for between two steps of sending."""

from collections import Counter
from datetime import timedelta

import pytest

from notifier import channel
from notifier.channel import (
    Limits,
    Receipt,
    ReceiptStatus,
    RetryAfter,
    Uncertain,
)
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.usecases import dispatch, plans, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

KEEPS_KEYS = Limits(batch_size=10, idempotent_for=timedelta(minutes=10))


@pytest.fixture
async def town(sqlite_database: Database, vault: Vault) -> Town:
    return await towns.build(sqlite_database, vault)


async def _ready(town: Town) -> None:
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))


def _addresses(town: Town, name: str = "sms") -> Counter[str]:
    return Counter(address for address, _ in town.told(name))


async def test_a_worker_that_lost_its_lease_before_the_call_sends_nothing(town: Town) -> None:
    """It slept between deciding and sending: the batch is in other hands, so it does not leave twice."""
    await _ready(town)
    town.clock.set(local(13, 9))
    stolen: list[int] = []
    load = dispatch.compose

    async def slow(*args: object) -> object:
        made = await load(*args)  # type: ignore[arg-type]
        if not stolen:
            town.clock.advance(timedelta(seconds=5))
            await receipts.reclaim(town.outbox)
            async with town.store.write() as tx:
                stolen.extend(
                    await tx.batches.claim(
                        "other",
                        "sms",
                        now=town.clock.now(),
                        wall=town.clock.wall(),
                        lease=timedelta(hours=1),
                        limit=99,
                    )
                )
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "compose", slow)
        await dispatch.dispatch(town.outbox, "sms")

    assert stolen
    assert town.channels["sms"].batches == []
    assert await town.scalar("SELECT count(*) FROM attempt WHERE channel = 'sms'") == 0


async def test_one_notice_that_cannot_be_put_in_words_does_not_hold_up_the_others(
    town: Town,
) -> None:
    """It rests, a person is told, and its neighbours in the queue leave."""
    await _ready(town)
    compose = dispatch.compose
    poisoned: set[int] = set()

    async def poison(outbox: object, name: str, claimed: object, now: object) -> object:
        if name == "sms" and (not poisoned or claimed.batch_id in poisoned):  # type: ignore[attr-defined]
            poisoned.add(claimed.batch_id)  # type: ignore[attr-defined]
            raise KeyError("a variable nobody gave")
        return await compose(outbox, name, claimed, now)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "compose", poison)
        await town.run_until(local(13, 12))

    assert len(poisoned) == 1
    assert 0 < len(_addresses(town)) < 17
    assert await town.scalar("SELECT count(*) FROM exception WHERE kind = 'no_words'") == 1
    await town.run_until(local(14, 9))
    assert sorted(_addresses(town).values()) == [1] * 17


async def test_the_lease_of_what_a_fault_left_behind_is_not_renewed(town: Town) -> None:
    """A step that failed holds nothing any more: its batches run out and are taken back."""
    await _ready(town)
    town.clock.set(local(13, 9))

    async def broken(*args: object) -> object:
        raise RuntimeError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "_record", broken)
        with pytest.raises(RuntimeError):
            await dispatch.dispatch(town.outbox, "sms")

    assert town.outbox.held == set()
    town.clock.advance(timedelta(seconds=5))
    async with town.store.write() as tx:
        await tx.batches.extend("w1", town.outbox.held, town.clock.wall() + timedelta(hours=1))
    assert (await receipts.reclaim(town.outbox))["uncertain"] > 0


async def test_what_may_have_left_is_not_given_to_another_account(
    sqlite_database: Database, vault: Vault
) -> None:
    """The other account does not know the keys: failing over would tell people twice."""
    town = await towns.build(sqlite_database, vault, limits=KEEPS_KEYS)
    spare = RecordingChannel(channel.Medium.SMS, Limits(batch_size=10))
    town.channels["spare"] = spare
    town.outbox.fallbacks = {"sms": ["spare"]}
    await _ready(town)
    town.channels["sms"].answers.extend([Uncertain(code="timeout")] * 100)

    await town.run_until(local(14, 9))

    told = _addresses(town) + _addresses(town, "spare")
    assert sorted(told.values()) == [1] * 17


async def test_nothing_is_repeated_once_the_provider_has_forgotten_the_key(
    sqlite_database: Database, vault: Vault
) -> None:
    """A node that was down for an hour does not resend what its provider remembers for ten minutes."""
    town = await towns.build(sqlite_database, vault, limits=KEEPS_KEYS)
    await _ready(town)
    town.clock.set(local(13, 9))
    lease = timedelta(seconds=4)
    async with town.store.write() as tx:
        held = await tx.batches.claim(
            "dead", "sms", now=town.clock.now(), wall=town.clock.wall(), lease=lease, limit=1
        )
        await tx.batches.begin(
            "dead", [(held[0], 1)], "sms", now=town.clock.now(), wall=town.clock.wall(), lease=lease
        )

    town.clock.advance(timedelta(hours=1))
    await receipts.reclaim(town.outbox)
    await town.run_until(local(14, 9))

    assert str(held[0]) not in {b.key.split("-")[0] for b in town.channels["sms"].batches}
    state = await town.scalar("SELECT state FROM batch WHERE id = :b", b=held[0])
    assert state == 7


async def test_what_may_have_left_is_corrected_when_the_plan_is_cancelled(
    sqlite_database: Database, vault: Vault
) -> None:
    """The call timed out, the plan is cancelled before it could be repeated: people are told so."""
    town = await towns.build(sqlite_database, vault, limits=KEEPS_KEYS)
    await _ready(town)
    town.channels["sms"].answers.extend([Uncertain(code="timeout")] * 40)
    town.clock.set(local(13, 9))
    await dispatch.dispatch(town.outbox, "sms")
    read = _addresses(town)
    assert read

    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    town.channels["sms"].answers.clear()
    await town.run_until(local(13, 12))

    corrected = {address for address, words in town.told() if "取消" in words}
    assert corrected == set(read)


async def test_a_large_batch_gets_its_turn_at_a_slow_account(
    sqlite_database: Database, vault: Vault
) -> None:
    """What is too little for the next batch is given back, and adds up until it is enough."""
    limits = Limits(batch_size=10, per_second=1.0)
    town = await towns.build(sqlite_database, vault, limits=limits)
    await _ready(town)
    town.clock.set(local(13, 9))
    for _ in range(120):
        await dispatch.dispatch(town.outbox, "sms")
        async with town.store.database.write() as connection:
            await connection.exec_driver_sql(
                "UPDATE batch SET due_at = 0 WHERE state = 0 AND reason = 'rate'"
            )
        town.clock.advance(timedelta(seconds=1))

    assert sorted(_addresses(town).values()) == [1] * 17


async def test_batches_of_a_channel_that_is_gone_go_by_another(town: Town) -> None:
    """Somebody took the account out of the settings: nothing waits for it for ever."""
    await _ready(town)
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE batch SET channel = 'old' WHERE channel = 'sms'")
    town.clock.set(local(13, 9))

    await receipts.reclaim(town.outbox)
    await town.run_until(local(14, 9))

    assert sorted(_addresses(town).values()) == [1] * 17


async def test_doubtful_batches_of_a_channel_that_is_gone_hold_up_nobody(town: Town) -> None:
    """They count as sent and close; other channels are asked about theirs."""
    await _ready(town)
    town.channels["sms"].answers.append(Uncertain(code="timeout"))
    await town.run_until(local(13, 9))
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE batch SET channel = 'old' WHERE state = 3")

    town.clock.advance(timedelta(hours=2))
    await receipts.reclaim(town.outbox)
    await receipts.give_up(town.outbox)

    assert await town.scalar("SELECT count(*) FROM batch WHERE state = 3") == 0


async def test_what_is_laid_out_for_a_stopped_account_goes_by_the_healthy_one(town: Town) -> None:
    """Not only what waited when it stopped: a plan of the day after, too."""
    spare = RecordingChannel(channel.Medium.SMS, Limits(batch_size=10))
    town.channels["spare"] = spare
    town.outbox.fallbacks = {"sms": ["spare"], "spare": ["sms"]}
    async with town.store.write() as tx:
        await tx.journal.set_channel("sms", stopped_at=town.clock.now(), stopped_why="balance")

    await _ready(town)
    await town.run_until(local(14, 9))

    assert town.told() == []
    assert sorted(_addresses(town, "spare").values()) == [1] * 17


async def test_nothing_is_handed_to_an_account_that_is_stopped_itself(town: Town) -> None:
    """A throttled account keeps its messages rather than park them where nothing moves."""
    town.channels["spare"] = RecordingChannel(channel.Medium.SMS, Limits(batch_size=10))
    town.outbox.fallbacks = {"sms": ["spare"], "spare": ["sms"]}
    async with town.store.write() as tx:
        await tx.journal.set_channel("spare", stopped_at=town.clock.now(), stopped_why="balance")
    await _ready(town)
    busy = RetryAfter(delay=timedelta(minutes=1), code="busy")
    town.channels["sms"].answers.extend([busy] * 20)

    await town.run_until(local(14, 9))

    assert sorted(_addresses(town).values()) == [1] * 17
    assert await town.scalar("SELECT count(*) FROM batch WHERE channel = 'spare'") == 0


async def test_a_receipt_does_not_deliver_what_never_left(town: Town) -> None:
    """A forged or mistaken receipt for a message that waits: it is sent all the same."""
    await _ready(town)
    waiting = await town.scalar("SELECT min(id) FROM delivery")
    forged = Receipt(status=ReceiptStatus.DELIVERED, code="DELIVERED", message_key=str(waiting))

    await receipts.take(town.store, town.vault, "sms", [forged], town.clock.now())
    await town.run_until(local(14, 9))

    assert sorted(_addresses(town).values()) == [1] * 17


@pytest.mark.parametrize("key", ["9" * 30, "9" * 6000, "٣٤", "-5", "1\x00"])
async def test_nonsense_in_one_receipt_does_not_lose_its_neighbours(
    database: Database, vault: Vault, key: str
) -> None:
    """Anybody who knows the address may post anything; the real receipt beside it counts."""
    town = await towns.build(database, vault)
    await _ready(town)
    await town.run_until(local(13, 8, 30))
    batch = town.channels["sms"].batches[0]
    real = Receipt(
        status=ReceiptStatus.DELIVERED, code="DELIVERED", batch_key=batch.key,
        address=batch.messages[0].address.removeprefix("+86"),
    )  # fmt: skip
    nonsense = [
        Receipt(status=ReceiptStatus.FAILED, code="x\x00" * 5000, batch_key=key, address="\x00"),
        Receipt(status=ReceiptStatus.FAILED, code="", message_key=key),
        Receipt(status=ReceiptStatus.FAILED, code="", reference=key + "\x00", address="o\x00"),
    ]

    taken = await receipts.take(town.store, town.vault, "sms", [*nonsense, real], town.clock.now())

    assert (taken.known, taken.stray) == (1, 3)
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 2") == 1
