"""Somebody told by paper and by message: what hangs on the door is put right by paper."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from notifier.channel import Medium
from notifier.domain.customer import Audience, Reach
from notifier.domain.notice import Stage
from notifier.domain.policy import Rule
from notifier.domain.posting import PostingTask, TaskFilter, Todo
from notifier.store.engine import Database
from notifier.usecases import plans, postings
from notifier.usecases.postings import Crew, Finish
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

RED = Crew(name="red")
JPEG = b"\xff\xd8\xff\xe0 a door \xff\xd9"
HOSPITAL = 27
PAPER = Rule(
    stage=Stage.ADVANCE,
    media=(Medium.POSTING,),
    lead=timedelta(days=9),
    audiences=frozenset({Audience.CRITICAL}),
    track="paper",
)


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    """The hospital is told by SMS and by a notice at its gate."""
    town = await towns.build(database, vault)
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE contact SET reach = :reach WHERE id = :id"),
            {"reach": int(Reach.SMS | Reach.POSTING), "id": HOSPITAL},
        )
    town.setting.policy = replace(town.setting.policy, rules=(*town.setting.policy.rules, PAPER))
    await town.submit(plan(feeders=["10kV西一线"]))
    await town.approve("P1")
    await town.run_until(local(11, 20))
    return town


async def _open_tasks(town: Town) -> list[Todo]:
    return [task.todo for task in await _tasks(town)]


async def _tasks(town: Town) -> list[PostingTask]:
    return await postings.listed(
        town.store, town.setting, RED, TaskFilter(available_to="red"), now=town.clock.now()
    )


async def _put_up(town: Town) -> None:
    (task,) = await _tasks(town)
    await postings.finish(
        town.store, town.setting, task.id, RED, Finish(photo=JPEG),
        now=town.clock.now(), max_photo_bytes=1_000_000,
    )  # fmt: skip
    await town.tick()


def _messages(town: Town) -> list[str]:
    return [words for address, words in town.told() if address == towns.phone(HOSPITAL)]


async def _told_both_ways(town: Town) -> None:
    await _put_up(town)
    await town.run_until(local(13, 12))
    assert len(_messages(town)) == 1


async def test_the_message_goes_out_though_the_paper_hangs(town: Town) -> None:
    """Two rules, two ways of telling: one does not stand for the other."""
    await _told_both_ways(town)

    await town.run_until(local(14, 9))

    assert len(_messages(town)) == 1
    assert await _open_tasks(town) == []


async def test_the_paper_is_replaced_though_the_message_was_faster(town: Town) -> None:
    """The corrected SMS is read at once; the crew comes the day after and still finds its task."""
    await _told_both_ways(town)

    await plans.revise(
        town.store, "P1", plan(feeders=["10kV西一线"], windows=(window(22, 8, 18),)),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")
    await town.run_until(local(14, 12))
    waiting = await _open_tasks(town)
    await _put_up(town)
    await town.run_until(local(15, 12))

    assert len(_messages(town)) == 2
    assert waiting == [Todo.REPLACE]
    assert await _open_tasks(town) == []
    assert len(_messages(town)) == 2


async def test_the_paper_is_taken_down_though_the_cancellation_was_read(town: Town) -> None:
    """And nobody is told of the cancellation twice."""
    await _told_both_ways(town)

    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(14, 12))
    waiting = await _open_tasks(town)
    await _put_up(town)
    await town.run_until(local(15, 12))

    assert len(_messages(town)) == 2
    assert waiting == [Todo.TAKE_DOWN]
    assert await _open_tasks(town) == []


async def test_paper_that_was_right_all_along_is_left_alone(town: Town) -> None:
    """Moved away and back before a crew came: the message is put right twice, the paper never."""
    await _told_both_ways(town)
    for windows in ((window(22, 8, 18),), (window(20, 8, 18),)):
        await plans.revise(
            town.store, "P1", plan(feeders=["10kV西一线"], windows=windows),
            note="", now=town.clock.now(), actor="wang",
        )  # fmt: skip
        await town.approve("P1")
        await town.tick()
        town.clock.advance(timedelta(minutes=30))

    await town.run_until(local(14, 12))

    assert len(_messages(town)) == 3
    assert await _open_tasks(town) == []
