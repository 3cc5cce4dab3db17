"""The next medium follows where nobody said that the one before arrived, whatever was said earlier."""

from collections import Counter
from datetime import timedelta

from notifier.channel import Limits, Medium, Uncertain
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.usecases import plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

_HOSPITAL = towns.phone(27)


async def _build(database: Database, vault: Vault, *, limits: Limits | None = None) -> Town:
    """The hospital can be called as well, and confirms nothing."""
    town = await towns.build(database, vault, media=("sms", "voice", "posting"), limits=limits)
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET reach = 9 WHERE id = 27")
    return town


async def _revise(town: Town, *areas: str) -> None:
    await plans.revise(
        town.store, "P1", plan(feeders=(), areas=areas),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")


def _calls(town: Town) -> int:
    return Counter(address for address, _ in town.told("voice"))[_HOSPITAL]


def _messages(town: Town) -> list[str]:
    return [text for address, text in town.told("sms") if address == _HOSPITAL]


async def test_whoever_is_announced_to_anew_and_confirms_nothing_is_called_again(
    database: Database, vault: Vault
) -> None:
    """Announced, taken out of the plan, announced once more: each announcement has its own call."""
    town = await _build(database, vault)
    await town.submit(plan(feeders=(), areas=("三里台区", "四里台区")))
    await town.approve("P1")
    await town.run_until(local(13, 9))
    assert (len(_messages(town)), _calls(town)) == (1, 1)
    await _revise(town, "三里台区")
    await town.run_until(local(13, 20))
    assert len(_messages(town)) == 2
    released = _calls(town)

    await _revise(town, "三里台区", "四里台区")
    await town.run_until(local(13, 20, 30))
    again = len(_messages(town))
    await town.run_until(local(16, 9))

    assert again == 3
    assert len(_messages(town)) == 3
    assert _calls(town) == released + 1


async def test_an_edit_in_between_does_not_announce_a_third_time(
    database: Database, vault: Vault
) -> None:
    """The announcement after a release is one thing, however many revisions it outlives."""
    town = await _build(database, vault)
    await town.submit(plan(feeders=(), areas=("三里台区", "四里台区")))
    await town.approve("P1")
    await town.run_until(local(13, 9))
    await _revise(town, "三里台区")
    await town.run_until(local(13, 20))
    released = _calls(town)
    await _revise(town, "三里台区", "四里台区")
    await town.run_until(local(13, 20, 30))

    await _revise(town, "一里台区", "三里台区", "四里台区")
    await town.run_until(local(16, 9))

    assert len(_messages(town)) == 3
    assert _calls(town) == released + 1


async def test_somebody_in_the_dark_who_confirms_nothing_is_called(
    database: Database, vault: Vault
) -> None:
    """Added while the outage lasts: the message that it has begun counts for nothing either until it
    is confirmed."""
    town = await _build(
        database, vault, limits=Limits(batch_size=10, receipts_within=timedelta(hours=1))
    )
    await town.submit(plan(feeders=(), areas=("三里台区",), windows=[window(20, 8, 18)]))
    await town.approve("P1")
    await town.run_until(local(20, 9))
    await plans.revise(
        town.store, "P1", plan(feeders=(), areas=("三里台区", "四里台区"), windows=[window(20, 8, 18)]),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")

    await town.run_until(local(20, 19))

    assert len(_messages(town)) == 1
    assert _calls(town) == 1


async def test_whom_no_provider_ever_answered_for_is_told_by_the_next_medium(
    database: Database, vault: Vault
) -> None:
    """Asked for a confirmation or not: nobody knows whether the first one left at all."""
    town = await towns.build(database, vault, media=("sms", "push", "posting"))
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE contact SET reach = 5, push_token = 'app-5' WHERE id = 5"
        )
    lost = RecordingChannel(
        Medium.PUSH, Limits(batch_size=10), answers=[Uncertain(code="timeout")], lose=True
    )
    town.channels["push"] = town.outbox.channels["push"] = lost  # type: ignore[index]
    await town.submit(plan())
    await town.approve("P1")

    await town.run_until(local(18, 9))

    assert lost.told == []
    assert Counter(address for address, _ in town.told("sms"))[towns.phone(5)] == 1


async def test_a_reminder_that_nobody_confirms_is_followed_by_a_call(
    database: Database, vault: Vault
) -> None:
    """The message that is waited for is no reason to leave the call out."""
    town = await _build(database, vault)
    await town.submit(plan(feeders=(), areas=("四里台区",), windows=[window(20, 14, 18)]))
    await town.approve("P1")
    await town.run_until(local(18, 9))
    announced = _calls(town)

    await town.run_until(local(20, 14))

    assert len(_messages(town)) == 2
    assert _calls(town) == announced + 1
