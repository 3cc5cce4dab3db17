"""The crew as a channel: claimed by one, proved by a photograph, true whatever happened meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.posting import PostingTask, TaskFilter, TaskState, Todo
from notifier.store.engine import Database
from notifier.usecases import plans, postings
from notifier.usecases.postings import Crew, Finish
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

JPEG = b"\xff\xd8\xff\xe0" + b"door" * 50
PNG = b"\x89PNG\r\n\x1a\n" + b"door" * 50
RED, BLUE = Crew(name="red"), Crew(name="blue")
LEASE = timedelta(hours=4)
MOST = 10_000


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    """A town on both databases, with posters laid on the desk for a plan on 20 March."""
    made = await towns.build(database, vault)
    await made.submit(plan())
    await made.approve("P1")
    await made.run_until(local(12, 9))
    return made


async def tasks(town: Town, crew: Crew = RED, **wanted: object) -> list[PostingTask]:
    chosen = TaskFilter(**{"available_to": crew.name, **wanted})  # type: ignore[arg-type]
    return await postings.listed(town.store, town.setting, crew, chosen, now=town.clock.now())


async def claim(town: Town, task: PostingTask, crew: Crew = RED) -> PostingTask:
    return await postings.claim(
        town.store, town.setting, task.id, crew, lease=LEASE, now=town.clock.now()
    )


async def finish(town: Town, task: PostingTask, crew: Crew = RED, **done: object) -> PostingTask:
    brought = Finish(**{"photo": JPEG, **done})  # type: ignore[arg-type]
    return await postings.finish(
        town.store, town.setting, task.id, crew, brought,
        now=town.clock.now(), max_photo_bytes=MOST,
    )  # fmt: skip


async def look(town: Town, task: PostingTask) -> PostingTask:
    return await postings.find(town.store, town.setting, task.id, RED)


async def test_a_task_says_where_what_and_until_when(town: Town) -> None:
    """A door and a board; due when the law wants the notice to hang."""
    door, board = sorted(await tasks(town), key=lambda task: task.place, reverse=True)

    assert (door.place, door.building) == ("高楼一单元", "高楼")
    assert (board.place, board.area) == ("一里公告栏", "一里台区")
    assert door.todo is Todo.PUT_UP
    assert door.due_at == local(13, 8)
    assert door.state(town.clock.now()) is TaskState.OPEN


async def test_a_claimed_task_is_nobody_else_s_until_the_lease_ends(town: Town) -> None:
    """Two crews ask; the second waits for the first one's lease, by the time people live by."""
    first = (await tasks(town))[0]

    held = await claim(town, first)
    with pytest.raises(postings.TaskTaken):
        await claim(town, first, BLUE)
    seen_by_blue = [task.id for task in await tasks(town, BLUE)]
    again = await claim(town, first)
    town.clock.advance(LEASE)
    taken = await claim(town, first, BLUE)

    assert held.holder(town.clock.now() - LEASE) == "red"
    assert again.lease_until == held.lease_until
    assert first.id not in seen_by_blue
    assert taken.holder(town.clock.now()) == "blue"


async def test_mine_are_those_i_hold(town: Town) -> None:
    """And no longer once the lease has ended."""
    first = (await tasks(town))[0]
    await claim(town, first)

    mine = await tasks(town, available_to=None, mine_of="red")
    others = await tasks(town, BLUE, available_to=None, mine_of="blue")
    town.clock.advance(LEASE)
    later = await tasks(town, available_to=None, mine_of="red")

    assert [task.id for task in mine] == [first.id]
    assert others == later == []


async def test_tasks_are_found_by_building_area_and_feeder(town: Town) -> None:
    """By the names a ledger or a plan uses for them."""

    async def places(**wanted: object) -> set[str]:
        return {task.place for task in await tasks(town, **wanted)}

    assert await places(building="高楼") == {"高楼一单元"}
    assert await places(area="二里") == {"高楼一单元"}
    assert await places(area="001") == {"一里公告栏"}
    assert await places(feeder="东一线") == {"高楼一单元", "一里公告栏"}
    assert await places(feeder="西一线") == set()
    assert await places(plan="P1", due_before=local(13, 9)) == {"高楼一单元", "一里公告栏"}
    assert await places(due_before=local(13, 8)) == set()


async def test_a_crew_confined_to_areas_sees_no_other_door(town: Town) -> None:
    """Neither on the list nor by its number."""
    confined = Crew(name="green", areas=("一里台区",))
    door = next(task for task in await tasks(town) if task.place == "高楼一单元")

    listed = await tasks(town, confined)
    with pytest.raises(postings.TaskNotFound):
        await claim(town, door, confined)
    with pytest.raises(postings.TaskNotFound):
        await finish(town, door, confined)

    assert [task.place for task in listed] == ["一里公告栏"]


async def test_the_photograph_is_the_receipt(town: Town) -> None:
    """Taken earlier, offline: the time of the photograph counts, with its place."""
    task = await claim(town, (await tasks(town))[0])
    taken_at = town.clock.now() + timedelta(minutes=20)
    town.clock.advance(timedelta(hours=3))

    done = await finish(town, task, taken_at=taken_at, latitude=30.2, longitude=120.1)

    assert done.state(town.clock.now()) is TaskState.DONE
    assert (done.finished_at, done.latitude, done.longitude) == (taken_at, 30.2, 120.1)
    assert await town.scalar("SELECT state FROM delivery WHERE id = :id", id=task.id) == 2
    assert await town.scalar("SELECT count(*) FROM receipt WHERE delivery_id = :id", id=task.id)
    assert task.id not in [item.id for item in await tasks(town)]
    assert [item.id for item in await tasks(town, available_to=None, is_done=True)] == [task.id]


async def test_finishing_twice_is_finishing_once(town: Town) -> None:
    """The same photograph again is fine, another one is a conflict; a photograph is kept once."""
    first, second = await tasks(town)
    await finish(town, first)

    again = await finish(town, first)
    with pytest.raises(postings.TaskFinished):
        await finish(town, first, photo=PNG)
    await finish(town, second)

    assert again.photo is not None
    assert await town.scalar("SELECT count(*) FROM photo") == 1
    assert await town.scalar("SELECT count(*) FROM audit WHERE action = 'posting.finished'") == 2


@pytest.mark.parametrize("photo", [b"", b"GIF89a", b"<svg/>", JPEG + b"x" * MOST])
async def test_only_a_bounded_photograph_is_one(town: Town, photo: bytes) -> None:
    """JPEG or PNG by its first bytes, not by its name."""
    with pytest.raises(postings.PhotoUnusable):
        await finish(town, (await tasks(town))[0], photo=photo)


async def test_nothing_is_put_up_in_the_future(town: Town) -> None:
    """A device may be a little ahead, not a day."""
    task = (await tasks(town))[0]

    with pytest.raises(postings.FinishImplausible):
        await finish(town, task, taken_at=town.clock.now() + timedelta(hours=1))
    done = await finish(town, task, taken_at=town.clock.now() + timedelta(minutes=5))

    assert done.finished_at is not None


async def test_handed_back_is_anybody_s_again_and_counted(town: Town) -> None:
    """With the reason; only by who holds it."""
    task = await claim(town, (await tasks(town))[0])

    with pytest.raises(postings.TaskNotYours):
        await postings.hand_back(
            town.store, town.setting, task.id, BLUE, "门禁", now=town.clock.now()
        )
    back = await postings.hand_back(
        town.store, town.setting, task.id, RED, "门禁进不去", now=town.clock.now()
    )
    taken = await claim(town, task, BLUE)

    assert (back.handed_back, back.note, back.crew) == (1, "门禁进不去", None)
    assert taken.holder(town.clock.now()) == "blue"


async def test_what_nobody_did_is_put_before_a_person_and_taken_off_when_done(town: Town) -> None:
    """Listed from the margin before it must hang; once; solved by the photographs."""
    margin = town.setting.policy.failover_margin
    early = await postings.watch(town.store, town.setting, town.clock.now())
    town.clock.set(local(13, 8) - margin)

    opened = await postings.watch(town.store, town.setting, town.clock.now())
    quiet = await postings.watch(town.store, town.setting, town.clock.now())
    async with town.store.read() as tx:
        (entry,) = [
            item for item in await tx.journal.exceptions() if item["kind"] == postings.UNDONE
        ]
    first, second = await tasks(town)
    await finish(town, first)
    smaller = await postings.watch(town.store, town.setting, town.clock.now())
    await finish(town, second)
    solved = await postings.watch(town.store, town.setting, town.clock.now())

    assert (early, opened, quiet, smaller, solved) == (0, 1, 0, 1, 1)
    assert (entry["people"], entry["due_at"], entry["owner"]) == (2, local(13, 8), "operations")
    assert await town.scalar("SELECT count(*) FROM exception WHERE closed_at IS NULL") == 0


async def undone(town: Town) -> list[dict[str, object]]:
    """The entries of doors without a poster, closed ones too."""
    async with town.store.read() as tx:
        listed = await tx.journal.exceptions(only_open=False)
    return [item for item in listed if item["kind"] == postings.UNDONE]


async def test_the_number_of_doors_left_follows_the_photographs(town: Town) -> None:
    """Also of those that come late; and when it is too late nobody is to be sent any more."""
    await town.run_until(local(19, 12))
    await postings.watch(town.store, town.setting, town.clock.now())
    first, _ = await tasks(town)
    (before,) = await undone(town)
    await finish(town, first)

    await postings.watch(town.store, town.setting, town.clock.now())
    (smaller,) = await undone(town)
    await town.run_until(local(25, 12))
    await postings.watch(town.store, town.setting, town.clock.now())
    quiet = await postings.watch(town.store, town.setting, town.clock.now())
    (over,) = [item for item in await undone(town) if item["subject"] == before["subject"]]

    assert (before["people"], smaller["people"], quiet) == (2, 1, 0)
    assert smaller["sentence"].startswith("1 处")  # type: ignore[attr-defined]
    assert (over["people"], over["closed_how"]) == (1, "too_late")


async def test_what_a_person_closed_is_not_opened_by_a_photograph(town: Town) -> None:
    """Fewer doors are no news; more would be."""
    await town.run_until(local(19, 12))
    await postings.watch(town.store, town.setting, town.clock.now())
    first, _ = await tasks(town)
    (entry,) = await undone(town)
    async with town.store.write() as tx:
        await tx.journal.close(entry["id"], by="li", how="seen to", now=town.clock.now())  # type: ignore[arg-type]
    await finish(town, first)

    await postings.watch(town.store, town.setting, town.clock.now())

    (entry,) = await undone(town)
    assert entry["closed_how"] == "seen to"


async def test_a_photograph_from_before_the_task_is_no_proof(town: Town) -> None:
    """A camera's clock at its beginning, or another poster; a few minutes are forgiven."""
    handed_out = town.clock.now()
    task, other = await tasks(town)

    with pytest.raises(postings.FinishImplausible, match="handed out"):
        await finish(town, task, taken_at=local(1, 8))
    done = await finish(town, other, taken_at=handed_out - timedelta(minutes=5))

    assert (await look(town, task)).finished_at is None
    assert done.finished_at is not None


async def test_a_task_that_is_late_can_still_be_done(town: Town) -> None:
    """A poster an hour late is better than none; its entry goes off the list."""
    await town.run_until(local(19, 12))
    late = await tasks(town)

    done = await finish(town, late[0])

    assert {task.state(town.clock.now()) for task in late} == {TaskState.LATE}
    assert done.state(town.clock.now()) is TaskState.DONE


async def test_a_cancelled_plan_s_poster_that_hangs_is_taken_down(town: Town) -> None:
    """The door that has a poster gets a task to take it down; the one that has none does not."""
    up, never = await tasks(town)
    await finish(town, up)
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.tick()

    left = await tasks(town)

    assert [(task.place, task.stage.value, task.todo) for task in left] == [
        (up.place, "cancelled", Todo.TAKE_DOWN)
    ]
    assert (await look(town, never)).state(town.clock.now()) is TaskState.WITHDRAWN


async def test_a_withdrawn_poster_put_up_offline_is_recorded_and_corrected(town: Town) -> None:
    """The crew had no network: what hangs there hangs there, so a correction follows."""
    door, _ = await tasks(town)
    await claim(town, door)
    taken_at = town.clock.now() + timedelta(minutes=5)
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.tick()
    town.clock.advance(timedelta(hours=2))

    done = await finish(town, door, taken_at=taken_at, poster=door.poster)
    await town.tick()

    assert done.state(town.clock.now()) is TaskState.DONE
    assert await town.scalar("SELECT state FROM delivery WHERE id = :id", id=door.id) == 2
    assert [(task.place, task.todo) for task in await tasks(town)] == [(door.place, Todo.TAKE_DOWN)]


async def test_an_old_poster_put_up_after_a_move_is_replaced(town: Town) -> None:
    """The task keeps its number and changes its poster; the crew that hung the old one says so."""
    door, _ = await tasks(town)
    await claim(town, door)
    taken_at = town.clock.now() + timedelta(minutes=5)
    await plans.revise(
        town.store, "P1", plan(windows=(window(22, 8, 18),)), note="",
        now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")
    await town.run_until(local(14, 12))
    moved = await look(town, door)

    done = await finish(town, door, taken_at=taken_at, poster=door.poster)
    await town.tick()
    following = await tasks(town)

    assert moved.poster != door.poster
    assert moved.revision == 2
    assert (done.poster, done.revision) == (door.poster, 1)
    assert [(t.place, t.todo) for t in following if t.place == door.place] == [
        (door.place, Todo.REPLACE)
    ]


async def test_a_poster_of_another_task_is_no_proof(town: Town) -> None:
    """A number that is not of this task's campaign is refused."""
    with pytest.raises(postings.FinishImplausible):
        await finish(town, (await tasks(town))[0], poster=99_999)


async def test_after_the_outage_the_poster_comes_down(town: Town) -> None:
    """Restored: one more task for each door that has one."""
    for task in await tasks(town):
        await finish(town, task)
    await town.run_until(local(20, 17))
    await plans.restore(
        town.store, town.setting, "P1", town.clock.now(), note="", now=town.clock.now(), actor="li"
    )
    await town.tick()

    left = await tasks(town)

    assert {(task.stage.value, task.todo) for task in left} == {("restored", Todo.TAKE_DOWN)}
    assert len(left) == 2


async def test_pages_of_tasks_hold_each_once(town: Town) -> None:
    """In the order in which they are due, then by number."""
    first = await postings.listed(
        town.store, town.setting, RED, TaskFilter(available_to="red"),
        now=town.clock.now(), limit=1,
    )  # fmt: skip
    second = await postings.listed(
        town.store, town.setting, RED, TaskFilter(available_to="red"),
        now=town.clock.now(), after=(first[0].due_at, first[0].id), limit=5,
    )  # fmt: skip

    assert len(second) == 1
    assert second[0].id > first[0].id


def test_words_for_every_task() -> None:
    """Chinese and English."""
    from notifier.domain.posting import SENTENCES

    assert set(SENTENCES) == set(Todo)
    assert all(chinese and english for chinese, english in SENTENCES.values())
    assert replace(RED, areas=("x",)).confines(TaskFilter()).areas == ("x",)
