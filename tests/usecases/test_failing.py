"""Four kinds of no, lost workers and late receipts: nobody is lost and nobody is told twice."""

from collections import Counter
from datetime import timedelta

import pytest

from notifier import channel
from notifier.channel import (
    Accepted,
    ChannelStop,
    Limits,
    Permanent,
    Receipt,
    ReceiptStatus,
    RetryAfter,
    Uncertain,
)
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.usecases import dispatch, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def _ready(town: Town) -> None:
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))  # laid out, an hour before the first notice is due


def _addresses(town: Town, name: str = "sms") -> Counter[str]:
    return Counter(address for address, _ in town.told(name))


async def test_a_throttled_batch_is_sent_later_and_once(town: Town) -> None:
    """RetryAfter: nothing left, so the same batch goes again."""
    await _ready(town)
    throttled = RetryAfter(delay=timedelta(minutes=1), code="busy")
    town.channels["sms"].answers.extend([throttled] * 4)

    await town.run_until(local(13, 20))

    assert sorted(_addresses(town).values()) == [1] * 17


async def test_a_number_that_can_never_be_reached_goes_on_the_list_of_a_person(town: Town) -> None:
    """Permanent on the last medium: an exception with an owner, not a log line."""
    await _ready(town)

    def dead(batch: channel.Batch) -> list[channel.Outcome]:
        return [
            Permanent(code="dead") if m.address == towns.phone(5) else Accepted(reference=m.key)
            for m in batch.messages
        ]

    town.channels["sms"].answers.extend([dead] * 50)
    await town.run_until(local(14, 9))

    async with town.store.read() as tx:
        items = await tx.journal.exceptions()
    assert [(i["kind"], i["people"], i["owner"]) for i in items] == [
        ("not_reached", 1, "operations")
    ]


async def test_an_uncertain_message_is_never_sent_again_blindly(town: Town) -> None:
    """The provider is asked; what it does not know stays unconfirmed and counts as told."""
    await _ready(town)
    town.channels["sms"].answers.append(Uncertain(code="timeout"))

    await town.run_until(local(14, 9))

    assert max(_addresses(town).values()) == 1
    assert len(_addresses(town)) == 17
    assert town.channels["sms"].queried


async def test_an_uncertain_call_is_sent_again_where_the_provider_deduplicates(
    database: Database, vault: Vault
) -> None:
    """The same key, so people read it once."""
    limits = Limits(batch_size=10, idempotent_for=timedelta(days=1))
    town = await towns.build(database, vault, limits=limits)
    await _ready(town)
    town.channels["sms"].answers.append(Uncertain(code="timeout"))

    await town.run_until(local(14, 9))

    keys = Counter(b.key for b in town.channels["sms"].batches)
    assert max(keys.values()) == 2
    assert sorted(_addresses(town).values()) == [1] * 17
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 3") == 0


async def test_a_stopped_channel_keeps_everything_and_goes_on_when_it_is_started(
    town: Town,
) -> None:
    """ChannelStop: an operator is told, nothing is lost, nothing is tried meanwhile."""
    await _ready(town)
    town.channels["sms"].answers.extend([ChannelStop(code="signature")] * 100)
    await town.run_until(local(13, 10))
    assert town.told() == []
    calls = len(town.channels["sms"].batches)
    await town.run_until(local(13, 11))
    assert len(town.channels["sms"].batches) == calls

    town.channels["sms"].answers.clear()
    async with town.store.write() as tx:
        await tx.journal.start_channel("sms", town.clock.now())
    await town.run_until(local(14, 9))

    assert sorted(_addresses(town).values()) == [1] * 17


async def test_a_failing_account_hands_its_batches_to_the_next_of_its_medium(
    town: Town,
) -> None:
    """Failover: the second SMS account carries everything, once."""
    spare = RecordingChannel(channel.Medium.SMS, Limits(batch_size=10))
    town.channels["spare"] = spare
    town.outbox.fallbacks = {"sms": ["spare"]}
    await _ready(town)
    town.channels["sms"].answers.extend([RetryAfter(delay=timedelta(minutes=1), code="down")] * 100)

    await town.run_until(local(14, 9))

    assert len(spare.told) >= 15
    told = _addresses(town) + _addresses(town, "spare")
    assert sorted(told.values()) == [1] * 17


async def test_what_fails_by_one_medium_goes_by_the_next(town: Town) -> None:
    """Somebody on WeChat whose message is refused gets an SMS."""
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET openid = 'o5', reach = 3 WHERE id = 5")
    await _ready(town)
    town.channels["wechat"].answers.append(Permanent(code="43004"))

    await town.run_until(local(14, 9))

    assert _addresses(town, "wechat") == Counter()
    assert _addresses(town)[towns.phone(5)] == 1


async def test_a_failed_receipt_counts_as_a_failed_message(town: Town) -> None:
    """Accepted is not delivered: the next medium follows, or a person."""
    await _ready(town)
    await town.run_until(local(13, 8, 30))
    batch = town.channels["sms"].batches[0]
    report = Receipt(
        status=ReceiptStatus.FAILED, code="MK:0001", batch_key=batch.key,
        address=batch.messages[0].address.removeprefix("+86"),
    )  # fmt: skip

    taken = await receipts.take(town.store, town.vault, "sms", [report, report], town.clock.now())
    await town.run_until(local(13, 9))

    assert taken.known == 2
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 4") == 1
    assert await town.scalar("SELECT count(*) FROM receipt") == 1
    assert await town.scalar("SELECT count(*) FROM exception WHERE kind = 'not_reached'") == 1


async def test_a_receipt_for_nobody_is_kept_apart(town: Town) -> None:
    """It proves nothing and breaks nothing."""
    stray = Receipt(
        status=ReceiptStatus.DELIVERED,
        code="DELIVERED",
        batch_key="999999-1",
        address="13800000001",
    )

    taken = await receipts.take(town.store, town.vault, "sms", [stray], town.clock.now())

    assert (taken.known, taken.stray) == (0, 1)
    assert await town.scalar("SELECT count(*) FROM stray_receipt") == 1


async def test_a_worker_that_dies_before_the_call_loses_nothing(town: Town) -> None:
    """Leased, no attempt on disk: scheduled again when the lease is over."""
    await _ready(town)
    town.clock.set(local(12, 19, 1))
    async with town.store.write() as tx:
        held = await tx.batches.claim(
            "dead",
            "sms",
            now=town.clock.now(),
            wall=town.clock.wall(),
            lease=timedelta(seconds=4),
            limit=9,
        )
    assert held

    town.clock.advance(timedelta(seconds=5))
    taken = await receipts.reclaim(town.outbox)
    await town.run_until(local(14, 9))

    assert taken["rescheduled"] == len(held)
    assert sorted(_addresses(town).values()) == [1] * 17


async def test_a_worker_that_dies_during_the_call_leaves_it_uncertain(town: Town) -> None:
    """An attempt is on disk and no outcome: it may have reached people, so it is not sent again."""
    await _ready(town)
    town.clock.set(local(12, 19, 1))
    lease = timedelta(seconds=4)
    async with town.store.write() as tx:
        held = await tx.batches.claim(
            "dead", "sms", now=town.clock.now(), wall=town.clock.wall(), lease=lease, limit=1
        )
        await tx.batches.begin(
            "dead", [(held[0], 1)], "sms", now=town.clock.now(), wall=town.clock.wall(), lease=lease
        )

    town.clock.advance(timedelta(seconds=5))
    taken = await receipts.reclaim(town.outbox)
    await town.run_until(local(14, 9))

    assert taken["uncertain"] == 1
    assert max(_addresses(town).values()) == 1
    unconfirmed = await town.scalar("SELECT count(*) FROM delivery WHERE state = 7")
    assert unconfirmed > 0
    assert (
        len(_addresses(town))
        + await town.scalar("SELECT count(*) FROM delivery WHERE batch_id = :b", b=held[0])
        == 17
    )


async def test_a_worker_that_lost_its_lease_writes_no_outcome(town: Town) -> None:
    """Fencing: what came back too late does not overwrite what another worker decided."""
    await _ready(town)
    town.clock.set(local(12, 19, 1))

    async def slow(batch: channel.Batch) -> list[channel.Outcome]:
        town.clock.advance(timedelta(seconds=5))
        await receipts.reclaim(town.outbox)
        return [Accepted(reference="late") for _ in batch.messages]

    town.channels["sms"].send = slow  # type: ignore[method-assign]
    await dispatch.dispatch(town.outbox, "sms")

    assert await town.scalar("SELECT count(*) FROM delivery WHERE reference = 'late'") == 0
    assert await town.scalar("SELECT count(*) FROM delivery WHERE state = 3") > 0


async def test_somebody_who_opted_out_after_lay_out_is_not_sent_to(town: Town) -> None:
    """The last look before sending."""
    await _ready(town)
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET opted_out = 1 WHERE id = 7")

    await town.run_until(local(14, 9))

    assert towns.phone(7) not in _addresses(town)
    assert len(_addresses(town)) == 16
    assert await town.scalar("SELECT count(*) FROM delivery WHERE code = 'opted_out'") == 1


async def test_a_critical_customer_who_confirms_nothing_is_reached_another_way(
    database: Database, vault: Vault
) -> None:
    """Confirmation asked for and none came: the voice call follows."""
    town = await towns.build(database, vault, media=("sms", "voice", "posting"))
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET reach = 9 WHERE id = 27")
    await town.submit(plan(feeders=["10kV西一线"]))
    await town.approve("P1")

    await town.run_until(local(14, 9))

    assert _addresses(town)[towns.phone(27)] == 1
    assert _addresses(town, "voice") == Counter({towns.phone(27): 1})


async def test_somebody_whom_the_advance_notice_did_not_reach_is_reminded_all_the_same(
    town: Town,
) -> None:
    """A number that failed a week ago may work today: the reminder is a second chance."""
    await _ready(town)

    def dead(batch: channel.Batch) -> list[channel.Outcome]:
        return [
            Permanent(code="dead") if m.address == towns.phone(5) else Accepted(reference=m.key)
            for m in batch.messages
        ]

    town.channels["sms"].answers.extend([dead] * 6)
    await town.run_until(local(14, 9))
    assert towns.phone(5) not in _addresses(town)
    town.channels["sms"].answers.clear()

    await town.run_until(local(20, 7))

    assert _addresses(town)[towns.phone(5)] == 1
    assert _addresses(town)[towns.phone(6)] == 2


async def test_a_receipt_that_comes_before_the_answer_is_kept_for_it(town: Town) -> None:
    """WeChat names its message only in the answer: the early event waits among the strays."""
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET openid = 'o5', reach = 2 WHERE id = 5")
    await _ready(town)
    early = Receipt(status=ReceiptStatus.DELIVERED, code="success", reference="m-5", address="o5")
    await receipts.take(town.store, town.vault, "wechat", [early], town.clock.now())
    town.channels["wechat"].answers.append(Accepted(reference="m-5"))

    await town.run_until(local(13, 9))

    assert await town.scalar("SELECT count(*) FROM stray_receipt") == 0
    assert (
        await town.scalar("SELECT count(*) FROM delivery WHERE state = 2 AND reference = 'm-5'")
        == 1
    )
