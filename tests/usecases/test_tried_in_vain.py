"""What failed is tried again when there is something else to say, and kept in the ledger as it was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier import channel
from notifier.channel import Accepted, Permanent
from notifier.domain.plan import PlanContent
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.usecases import plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def _dead(number: int) -> object:
    """A provider to which one number is dead."""

    def answer(batch: channel.Batch) -> list[channel.Outcome]:
        return [
            Permanent(code="dead")
            if message.address == towns.phone(number)
            else Accepted(reference=message.key)
            for message in batch.messages
        ]

    return answer


async def _move(town: Town, by: timedelta) -> None:
    content: PlanContent = plan()
    moved = tuple(Window(w.starts_at + by, w.ends_at + by) for w in content.windows)
    await plans.revise(
        town.store, "P1", replace(content, windows=moved),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")


def _heard(town: Town, number: int, name: str = "sms") -> list[str]:
    return [text for address, text in town.told(name) if address == towns.phone(number)]


async def test_a_number_that_was_dead_is_told_the_new_time(town: Town) -> None:
    """The first notice failed and said what no longer holds: the notice of the new time is another."""
    await town.submit(plan())
    await town.approve("P1")
    town.channels["sms"].answers.extend([_dead(5)] * 50)
    await town.run_until(local(14, 9))
    assert _heard(town, 5) == []
    town.channels["sms"].answers.clear()

    await _move(town, timedelta(days=2))
    await town.run_until(local(15, 9))

    (text,) = _heard(town, 5)
    assert "22日" in text
    assert await town.scalar("SELECT count(*) FROM exception WHERE closed_at IS NULL") == 0


async def test_what_failed_stays_in_the_ledger_with_its_answer(town: Town) -> None:
    """Evidence: the vain try keeps its key and code, beside the message that arrived."""
    await town.submit(plan())
    await town.approve("P1")
    town.channels["sms"].answers.extend([_dead(5)] * 50)
    await town.run_until(local(14, 9))
    failed = await town.scalar("SELECT id FROM delivery WHERE contact_id = 5 AND code = 'dead'")
    town.channels["sms"].answers.clear()

    await _move(town, timedelta(days=2))
    await town.run_until(local(15, 9))

    assert await town.scalar("SELECT state FROM delivery WHERE id = :id", id=failed) == 4
    assert await town.scalar("SELECT count(*) FROM delivery WHERE contact_id = 5") == 2


async def test_a_dead_number_is_not_tried_again_with_the_same_words(town: Town) -> None:
    """Reconciled over and over, nothing new is laid out."""
    await town.submit(plan())
    await town.approve("P1")
    town.channels["sms"].answers.extend([_dead(5)] * 50)
    await town.run_until(local(14, 9))
    for _ in range(2):
        async with town.store.write() as tx:
            await tx.plans.mark_all(town.clock.now(), ending_after=town.clock.now())
        await town.tick()

    assert await town.scalar("SELECT count(*) FROM delivery WHERE contact_id = 5") == 1


async def test_the_next_medium_waits_until_the_new_notice_has_failed_too(
    town: Town,
) -> None:
    """WeChat failed with the old time and the SMS is due: with the new time WeChat comes first again,
    and whoever it reaches gets no SMS."""
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET openid = 'o5', reach = 3 WHERE id = 5")
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))
    town.channels["wechat"].answers.append(Permanent(code="43004"))
    town.channels["sms"].answers.extend([_dead(5)] * 50)
    await town.run_until(local(14, 9))
    assert _heard(town, 5) == []
    town.channels["sms"].answers.clear()

    await _move(town, timedelta(days=2))
    await town.run_until(local(15, 9))

    assert len(town.told("wechat")) == 1
    assert _heard(town, 5) == []


async def test_whoever_left_a_medium_is_told_by_the_one_that_is_left(town: Town) -> None:
    """Opted out of SMS while it waited: the chain of media is WeChat alone by then."""
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE contact SET openid = 'o30', reach = 3 WHERE id = 30"
        )
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 10))
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET opted_out = 1 WHERE id = 30")

    await town.run_until(local(14, 9))

    assert _heard(town, 30) == []
    assert [address for address, _ in town.told("wechat")] == ["o30"]


async def test_a_plan_moved_twice_past_a_dead_number_adds_up(town: Town) -> None:
    """There and back: the old time again is something else to say than the one in between."""
    await town.submit(plan(windows=[window(20, 8, 18)]))
    await town.approve("P1")
    town.channels["sms"].answers.extend([_dead(5)] * 500)
    await town.run_until(local(14, 9))
    await _move(town, timedelta(days=1))
    await town.run_until(local(15, 9))
    town.channels["sms"].answers.clear()

    await _move(town, timedelta(0))
    await town.run_until(local(16, 9))

    (text,) = _heard(town, 5)
    assert "20日" in text
    assert (
        await town.scalar("SELECT count(*) FROM delivery WHERE contact_id = 5 AND state = 4") == 2
    )
