"""A call that never arrived: the provider is asked, believed only late enough, and people are told."""

from collections import Counter
from datetime import timedelta

from notifier.channel import Limits, Uncertain
from notifier.domain.delivery import BatchState
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.usecases import plans, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

_LEASE = timedelta(seconds=4)


async def _ready(database: Database, vault: Vault, limits: Limits) -> Town:
    town = await towns.build(database, vault, limits=limits)
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))
    return town


async def _die_during_the_call(town: Town) -> int:
    """A worker writes its attempt and dies before the request leaves; answers the batch."""
    town.clock.set(local(12, 19, 1))
    times = {"now": town.clock.now(), "wall": town.clock.wall(), "lease": _LEASE}
    async with town.store.write() as tx:
        (batch_id,) = await tx.batches.claim("dead", "sms", limit=1, **times)
        await tx.batches.begin("dead", [(batch_id, 1)], "sms", **times)
    town.clock.advance(timedelta(seconds=5))
    assert (await receipts.reclaim(town.outbox))["uncertain"] == 1
    return batch_id


def _told(town: Town) -> Counter[str]:
    return Counter(address for address, _ in town.told("sms"))


async def test_what_the_provider_never_had_is_sent_again_once(
    database: Database, vault: Vault
) -> None:
    """A machine that died between writing the attempt and calling costs nobody the notice."""
    limits = Limits(batch_size=10, absent_after=timedelta(minutes=10))
    town = await _ready(database, vault, limits)
    lost = await _die_during_the_call(town)

    await town.run_until(local(12, 19, 8))
    early = sum(_told(town).values())
    await town.run_until(local(14, 9))

    assert early < 17
    assert sorted(_told(town).values()) == [1] * 17
    assert await town.scalar("SELECT count(*) FROM delivery WHERE batch_id = :b", b=lost) == 0
    assert await town.scalar("SELECT count(*) FROM receipt WHERE status = 4") > 0
    assert await town.scalar("SELECT count(*) FROM exception WHERE kind = 'not_reached'") == 0


async def test_what_never_arrived_and_is_true_no_more_is_not_sent(
    database: Database, vault: Vault
) -> None:
    """It is decided once more: a plan that was cancelled meanwhile tells nobody who was not told."""
    limits = Limits(batch_size=10, absent_after=timedelta(minutes=10))
    town = await _ready(database, vault, limits)
    lost = await _die_during_the_call(town)
    async with town.store.read() as tx:
        members = {m.delivery_id for m in (await tx.unresolved.load([lost]))[0].members}

    await plans.cancel(
        town.store, town.setting, "P1", now=town.clock.now(), actor="wang", note="雨"
    )
    await town.run_until(local(14, 9))

    batches = {
        await town.scalar(
            "SELECT b.state FROM batch b JOIN delivery d ON d.batch_id = b.id WHERE d.id = :id",
            id=delivery_id,
        )
        for delivery_id in members
    }
    assert batches <= {int(BatchState.WITHDRAWN), int(BatchState.DROPPED)}


async def test_what_nobody_ever_answered_for_goes_by_the_next_medium_or_to_a_person(
    database: Database, vault: Vault
) -> None:
    """A provider that cannot be asked: after the time for receipts the person is not taken as told."""
    town = await _ready(database, vault, Limits(batch_size=10))
    town.channels["sms"] = RecordingChannel(
        limits=Limits(batch_size=10), answers=[Uncertain(code="timeout")], lose=True
    )
    town.outbox.channels["sms"] = town.channels["sms"]

    await town.run_until(local(14, 9))

    silent = await town.scalar("SELECT count(*) FROM delivery WHERE code = 'never_answered'")
    assert silent > 0
    assert sum(_told(town).values()) == 17 - silent
    assert await town.scalar("SELECT people FROM exception WHERE kind = 'not_reached'") == silent
