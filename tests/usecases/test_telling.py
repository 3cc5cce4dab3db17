"""People are told once, in time, and told again when what they were told is no longer true."""

import pytest

from notifier.domain.plan import PlanKind, Transition
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.usecases import plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def test_everybody_on_the_feeder_is_told_once_in_advance_and_once_the_day_before(
    town: Town,
) -> None:
    """16 homes with 15 phones, a tenant, a manager: 17 people; two notices each; nobody else."""
    await town.submit(plan())
    await town.approve("P1")

    await town.run_until(local(12, 23))
    first = town.told()
    await town.run_until(local(20, 9))

    assert len(first) == 17
    assert len({address for address, _ in first}) == 17
    later = town.told()[17:]
    assert sorted(a for a, _ in later) == sorted(a for a, _ in first)
    assert all("20日" in text for _, text in first)


async def test_nothing_is_sent_before_approval(town: Town) -> None:
    """A plan that is only submitted reaches nobody; as its time draws near a person is asked."""
    await town.submit(plan())

    await town.run_until(local(14, 9))

    assert town.told() == []
    assert await town.scalar("SELECT count(*) FROM exception WHERE kind = 'approval_overdue'") == 1


async def test_a_plan_moved_before_anybody_was_told_is_told_once_with_the_new_time(
    town: Town,
) -> None:
    """Scheduled messages follow the plan; the old time is never mentioned."""
    await town.submit(plan(windows=[window(15, 8, 18)]))
    await town.approve("P1")
    await town.run_until(local(6, 10))
    assert town.told() == []

    await plans.revise(
        town.store,
        "P1",
        plan(windows=[window(16, 8, 18)]),
        note="rain",
        now=town.clock.now(),
        actor="wang",
    )
    await town.approve("P1")
    await town.run_until(local(16, 9))

    texts = [text for _, text in town.told()]
    assert len(texts) == 34
    assert all("16日" in text and "15日" not in text for text in texts)


async def test_a_plan_moved_after_people_were_told_is_corrected_once(town: Town) -> None:
    """The correction names the old and the new time and goes to exactly those who were told."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(14, 9))
    told_before = town.told()

    await plans.revise(
        town.store,
        "P1",
        plan(windows=[window(22, 8, 18)]),
        note="",
        now=town.clock.now(),
        actor="wang",
    )
    await town.approve("P1")
    await town.run_until(local(14, 20))

    corrections = town.told()[len(told_before) :]
    assert sorted(a for a, _ in corrections) == sorted(a for a, _ in told_before)
    assert all("22日" in text and "20日" in text for _, text in corrections)


async def test_a_cancellation_reaches_those_who_were_told_and_nobody_else(town: Town) -> None:
    """One plan is cancelled after its notice, one before: only the first has anything to take back."""
    await town.submit(plan("P1"))
    await town.submit(plan("P2", feeders=["10kV西一线"], windows=[window(30, 8, 18)]))
    await town.approve("P1")
    await town.approve("P2")
    await town.run_until(local(14, 9))
    count = len(town.told())

    for number in ("P1", "P2"):
        await plans.cancel(
            town.store, town.setting, number, note="", now=town.clock.now(), actor="wang"
        )
    await town.run_until(local(31, 9))

    cancelled = town.told()[count:]
    assert len(cancelled) == 17
    assert all("取消" in text for _, text in cancelled)


async def test_a_scope_change_tells_the_newcomers_and_releases_the_others(town: Town) -> None:
    """Area 二里 leaves the plan, area 三里 joins it; 一里 hears nothing."""
    await town.submit(plan(feeders=[], areas=["一里台区", "二里台区"]))
    await town.approve("P1")
    await town.run_until(local(14, 9))
    count = len(town.told())

    await plans.revise(
        town.store,
        "P1",
        plan(feeders=[], areas=["一里台区", "三里台区"]),
        note="",
        now=town.clock.now(),
        actor="wang",
    )
    await town.approve("P1")
    await town.run_until(local(14, 20))

    news = town.told()[count:]
    released = {a for a, text in news if "不再" in text or "不受" in text}
    added = {a for a, text in news} - released
    assert released == {towns.phone(n) for n in [*range(11, 17), 30]}
    assert added == {towns.phone(n) for n in range(17, 27)}


async def test_whoever_is_added_to_an_outage_under_way_hears_until_when(town: Town) -> None:
    """Area 三里 joins at ten in the morning: its people sit in the dark unannounced."""
    await town.submit(plan(feeders=[], areas=["一里台区"]))
    await town.approve("P1")
    await town.run_until(local(20, 10))
    count = len(town.told())

    await plans.revise(
        town.store, "P1", plan(feeders=[], areas=["一里台区", "三里台区"]),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.approve("P1")
    await town.run_until(local(20, 12))

    news = town.told()[count:]
    assert {address for address, _ in news} == {towns.phone(n) for n in range(17, 27)}
    assert len(news) == 10
    assert all("现已停电" in text and "18:00" in text for _, text in news)


async def test_an_overrun_is_told_before_the_promised_time_has_passed(town: Town) -> None:
    """Delaying a running outage tells those inside it the new end."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(20, 17))
    count = len(town.told())

    await plans.delay(
        town.store, town.setting, "P1", local(20, 20), note="", now=town.clock.now(), actor="wang"
    )
    await town.run_until(local(20, 17, 30))

    late = town.told()[count:]
    assert len(late) == 17
    assert all("20:00" in text for _, text in late)


async def test_an_early_restoration_is_told_and_one_on_time_is_not(town: Town) -> None:
    """Half an hour early is worth a message; what comes as announced is not."""
    await town.submit(plan("P1"))
    await town.submit(plan("P2", feeders=["10kV西一线"]))
    await town.approve("P1")
    await town.approve("P2")
    await town.run_until(local(20, 16))
    count = len(town.told())

    await plans.restore(
        town.store, town.setting, "P1", local(20, 16), note="", now=town.clock.now(), actor="wang"
    )
    await town.run_until(local(20, 17))
    early = town.told()[count:]
    await town.run_until(local(20, 17, 50))
    await plans.restore(
        town.store,
        town.setting,
        "P2",
        local(20, 17, 50),
        note="",
        now=town.clock.now(),
        actor="wang",
    )
    await town.run_until(local(20, 20))

    assert len(early) == 17
    assert len(town.told()) == count + 17


async def test_a_transferred_area_is_told_of_seconds_and_a_closed_transition_tells_nobody(
    town: Town,
) -> None:
    """The feeder is out, 二里 is moved over: with an open transition it hears of seconds, never of a
    day; with a closed one it hears nothing, and that is on record."""
    span = (Window(local(20, 7, 45), local(20, 8, 0)), Window(local(20, 18, 0), local(20, 18, 15)))
    await town.submit(plan("P1", transferred=["二里台区"], spans=span))
    await town.submit(
        plan(
            "P2",
            feeders=["10kV西一线"],
            transferred=["三里台区"],
            transition=Transition.CLOSED,
            spans=span,
        )
    )
    await town.approve("P1")
    await town.approve("P2")

    await town.run_until(local(13, 20))

    texts = dict(town.told())
    for number in range(11, 17):
        assert "秒" in texts[towns.phone(number)]
        assert "08:00-18:00" not in texts[towns.phone(number)]
    assert not any(towns.phone(n) in texts for n in range(17, 27))
    reasons = await town.scalar("SELECT count(*) FROM decision WHERE reason = 'transition.closed'")
    assert reasons > 0


async def test_running_everything_again_changes_nothing(town: Town) -> None:
    """Reconciling is idempotent: marked again and again, nobody hears anything twice."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(13, 20))
    count = len(town.told())

    for _ in range(3):
        async with town.store.write() as tx:
            await tx.plans.mark_all(town.clock.now(), ending_after=town.clock.now())
        await town.tick()

    assert len(town.told()) == count == 17


async def test_an_unplanned_outage_is_told_at_once_even_at_night(town: Town) -> None:
    """It is happening now."""
    await town.run_until(local(10, 23))
    await town.submit(
        plan(kind=PlanKind.UNPLANNED, windows=[Window(local(10, 22, 30), local(11, 3))])
    )
    await town.approve("P1")

    await town.tick()

    assert len(town.told()) == 17


async def test_no_advance_notice_goes_out_in_quiet_hours(town: Town) -> None:
    """Every advance notice and reminder left between 08:00 and 21:00."""
    await town.submit(plan(windows=[Window(local(20, 4), local(20, 10))]))
    await town.approve("P1")

    await town.run_until(local(20, 5))

    hours = await town.scalar(
        "SELECT count(*) FROM attempt a JOIN batch b ON b.id = a.batch_id"
        " JOIN notice n ON n.id = b.notice_id WHERE n.medium = 'sms'"
        " AND ((a.started_at / 3600000 + 8) % 24 < 8 OR (a.started_at / 3600000 + 8) % 24 >= 21)"
    )
    assert hours == 0
    assert len(town.told()) >= 17
