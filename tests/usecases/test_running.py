"""The end of a running outage: asked for, confirmed, put off in time, and what follows elsewhere."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.domain.plan import PlanContent, PlanState
from notifier.domain.running import Answer, Outcome, Phase, Report
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.usecases import plans, running, running_watch
from notifier.usecases.postings import Crew
from notifier.usecases.running import Said
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

CREW = "检修一班"


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def by_crew(content: PlanContent, crew: str = CREW) -> PlanContent:
    return replace(content, crew=crew)


async def running_town(
    town: Town, now: datetime, *contents: PlanContent, told: bool = False
) -> None:
    """Plans approved and the day come; ``now`` is somewhere in the first outage. ``told``: the weeks
    before it passed with every loop running."""
    for content in contents:
        await town.submit(content)
        await town.approve(content.number)
    if told:
        await town.run_until(now)
    town.clock.set(now)


async def look(town: Town) -> running.Running:
    return await running.look(
        town.store, Works(town.store.database), town.setting, town.clock.now()
    )


async def report(town: Town, number: str, said: Said, crew: str | None = CREW) -> Report:
    return await running.report(
        town.store,
        Works(town.store.database),
        town.setting,
        number,
        said,
        None if crew is None else Crew(name=crew),
        now=town.clock.now(),
        actor=crew or "wang",
    )


async def watch(town: Town) -> list[dict[str, Any]]:
    await running_watch.watch(
        town.store, Works(town.store.database), town.setting, town.clock.now()
    )
    async with town.store.read() as tx:
        found = await tx.journal.exceptions()
    return [item for item in found if item["kind"] in (running.UNCONFIRMED, running.PUSHED)]


async def test_an_end_that_nobody_confirmed_is_on_the_list_until_somebody_does(town: Town) -> None:
    """Asked at half past five, missed at a quarter to six, answered at ten to."""
    await running_town(town, local(20, 17, 30), by_crew(plan()))

    asked = (await look(town)).lines[0]
    quiet = await watch(town)
    town.clock.set(local(20, 17, 45))
    (alarm,) = await watch(town)
    again = await watch(town)
    town.clock.set(local(20, 17, 50))
    confirmed = await report(town, "P1", Said(answer=Answer.ON_TIME))

    assert asked.phase is Phase.ASKED
    assert quiet == []
    assert (alarm["plan"], alarm["owner"], alarm["people"]) == ("P1", "operations", 16)
    assert alarm["due_at"] == local(20, 18)
    assert CREW in alarm["sentence"]
    assert [item["id"] for item in again] == [alarm["id"]]
    assert confirmed.outcome is Outcome.CONFIRMED
    assert await watch(town) == []
    assert (await look(town)).lines[0].phase is Phase.CONFIRMED


async def test_people_hear_of_a_later_end_before_the_promised_one_has_passed(town: Town) -> None:
    """By the same way as any delay: each of those who were told, once."""
    await running_town(town, local(20, 17, 35), by_crew(plan()), told=True)
    count = len(town.told())

    late = await report(
        town, "P1", Said(answer=Answer.LATE, at=local(20, 19, 30), note="电缆头返工")
    )
    await town.run_until(local(20, 17, 40))
    told = town.told()[count:]

    assert late.outcome is Outcome.DELAYED
    assert len(told) == 17
    assert all("延迟至" in text and "19:30" in text for _, text in told)
    (line,) = (await look(town)).lines
    assert line.under_way.promised_at == local(20, 19, 30)
    assert line.under_way.first_promise == local(20, 18)


async def test_the_same_report_sent_twice_is_one(town: Town) -> None:
    """A device that was offline sends again whatever it has no answer for."""
    await running_town(town, local(20, 17, 35), by_crew(plan()))
    said = Said(answer=Answer.LATE, at=local(20, 19), said_at=local(20, 17, 31))

    first = await report(town, "P1", said)
    town.clock.set(local(20, 17, 50))
    second = await report(town, "P1", said)

    assert second == first
    found = await plans.find(town.store, "P1")
    assert found.revision == 2


async def test_a_report_that_was_overtaken_is_kept_and_nothing_follows(town: Town) -> None:
    """Said before what is known by now, or about an end that has been put off since."""
    await running_town(town, local(20, 17, 40), by_crew(plan()))
    await report(town, "P1", Said(answer=Answer.LATE, at=local(20, 19), said_at=local(20, 17, 38)))

    older = await report(
        town,
        "P1",
        Said(
            answer=Answer.ON_TIME,
            promised_at=local(20, 18),
            said_at=local(20, 17, 32),
        ),
    )
    gone = await report(
        town, "P1", Said(answer=Answer.LATE, at=local(20, 17, 39), said_at=local(20, 17, 39))
    )

    assert (older.outcome, gone.outcome) == (Outcome.NOTED, Outcome.NOTED)
    assert (await plans.find(town.store, "P1")).ends_at == local(20, 19)


async def test_unused_minutes_are_given_back(town: Town) -> None:
    """Done two hours early: those who would have waited hear that supply is back."""
    await running_town(town, local(20, 16), by_crew(plan()), told=True)
    count = len(town.told())

    back = await report(town, "P1", Said(answer=Answer.RESTORED, at=local(20, 15, 55)))
    again = await report(town, "P1", Said(answer=Answer.RESTORED, at=local(20, 15, 55)))
    await town.run_until(local(20, 16, 30))

    assert (back.outcome, again.outcome) == (Outcome.RESTORED, Outcome.RESTORED)
    assert (await plans.find(town.store, "P1")).state is PlanState.DONE
    assert len(town.told()) == count + 17
    assert (await look(town)).lines == ()


async def test_the_next_outage_of_the_crew_is_proposed_a_later_time(town: Town) -> None:
    """A person accepts: a revision as any other, to be approved; then nothing is pushed any more."""
    first = by_crew(plan(windows=(window(20, 8, 12),)))
    second = by_crew(plan("P2", feeders=["10kV西一线"], windows=(window(20, 13, 16),)))
    await running_town(town, local(20, 11, 35), first, second)

    foreseen = (await look(town)).lines[0]
    await report(town, "P1", Said(answer=Answer.LATE, at=local(20, 13)))
    (line,) = (await look(town)).lines
    (alarm,) = await watch(town)
    moved = await running.accept(
        town.store,
        Works(town.store.database),
        town.setting,
        "P1",
        "P2",
        None,
        now=town.clock.now(),
        actor="wang",
    )
    left = await watch(town)

    assert foreseen.is_foreseen
    assert [push.plan.number for push in foreseen.pushes] == ["P2"]
    assert not line.is_foreseen
    assert line.pushes[0].suggested.starts_at == local(20, 13, 30)
    assert (alarm["kind"], alarm["plan"]) == (running.PUSHED, "P2")
    assert (moved.state, moved.starts_at) == (PlanState.SUBMITTED, local(20, 13, 30))
    assert left == []
    assert (await look(town)).lines[0].pushes == ()


async def test_a_person_may_choose_another_time_and_not_move_what_is_not_pushed(town: Town) -> None:
    """The proposal is only that."""
    first = by_crew(plan(windows=(window(20, 8, 12),)))
    second = by_crew(plan("P2", feeders=["10kV西一线"], windows=(window(20, 13, 16),)))
    third = by_crew(plan("P3", feeders=["10kV西一线"], windows=(window(20, 17, 18),)), "带电班")
    await running_town(town, local(20, 11, 35), first, second, third)
    await report(town, "P1", Said(answer=Answer.LATE, at=local(20, 13)))

    async def accept(other: str, starts_at: datetime | None) -> object:
        return await running.accept(
            town.store, Works(town.store.database), town.setting, "P1", other, starts_at,
            now=town.clock.now(), actor="wang",
        )  # fmt: skip

    with pytest.raises(running.NotPushed):
        await accept("P3", None)
    with pytest.raises(running.ReportImplausible):
        await accept("P2", local(20, 9))
    await accept("P2", local(21, 9))

    found = await plans.find(town.store, "P2")
    assert (found.starts_at, found.ends_at) == (local(21, 9), local(21, 12))


async def test_a_crew_sees_its_own_outages(town: Town) -> None:
    """Those that name it; those that name nobody, within its areas."""
    other = by_crew(plan("P2", feeders=["10kV西一线"]), "带电班")
    nobody = plan("P3", feeders=(), areas=["三里台区"], windows=(window(20, 8, 17),))
    await running_town(town, local(20, 12), by_crew(plan()), other, nobody)
    seen = await look(town)

    def mine(crew: Crew) -> list[str]:
        return [line.under_way.plan.number for line in running.of_crew(seen, crew).lines]

    assert mine(Crew(name=CREW)) == ["P3", "P1"]
    assert mine(Crew(name="带电班", areas=["一里台区"])) == ["P2"]
    assert mine(Crew(name="带电班", areas=["003"])) == ["P3", "P2"]
    with pytest.raises(running.NotThisCrew):
        await report(town, "P2", Said(answer=Answer.ON_TIME))


@pytest.mark.parametrize(
    "said",
    [
        Said(answer=Answer.LATE),
        Said(answer=Answer.LATE, at=local(20, 7)),
        Said(answer=Answer.LATE, at=local(22, 9)),
        Said(answer=Answer.RESTORED, at=local(20, 13)),
        Said(answer=Answer.ON_TIME, at=local(20, 18)),
        Said(answer=Answer.ON_TIME, said_at=local(20, 13)),
    ],
)
async def test_times_that_cannot_be_are_refused(town: Town, said: Said) -> None:
    """And nobody is told anything by them."""
    await running_town(town, local(20, 12), by_crew(plan()))

    with pytest.raises(running.ReportImplausible):
        await report(town, "P1", said)
    assert (await plans.find(town.store, "P1")).revision == 1


async def test_only_an_outage_that_has_begun_has_an_end_to_report(town: Town) -> None:
    """Approved, and begun."""
    await town.submit(by_crew(plan()))
    await town.submit(by_crew(plan("P2", windows=(window(1, 8, 10),))))
    await town.approve("P1")

    for number in ("P1", "P2"):
        with pytest.raises(running.NotUnderWay):
            await report(town, number, Said(answer=Answer.ON_TIME))
    with pytest.raises(plans.PlanNotFound):
        await report(town, "P9", Said(answer=Answer.ON_TIME))


async def test_a_policy_that_asks_for_nothing_alarms_nobody(town: Town) -> None:
    """For a bureau whose crews report in another way."""
    await running_town(town, local(20, 17, 50), by_crew(plan()))
    silent = replace(town.setting.policy.asking, before=timedelta())
    town.setting.policy = replace(town.setting.policy, asking=silent)

    assert await watch(town) == []


async def test_one_day_of_two_is_over_and_the_next_is_asked_about_anew(town: Town) -> None:
    """Restored on the first day, by the crew or by hand: no alarm that evening, and a question
    tomorrow."""
    two_days = by_crew(plan(windows=(window(20, 8, 18), window(21, 8, 18))))
    other = by_crew(replace(two_days, number="P2"), "带电班")
    await running_town(town, local(20, 15), two_days, other)

    said = Said(answer=Answer.RESTORED, at=local(20, 14, 50), said_at=local(20, 14, 55))
    back = await report(town, "P1", said)
    again = await report(town, "P1", replace(said, key="sent once more"))
    await plans.restore(
        town.store, town.setting, "P2", local(20, 15), note="", now=town.clock.now(), actor="wang"
    )
    town.clock.set(local(20, 19))
    evening = await watch(town)
    nothing = (await look(town)).lines
    town.clock.set(local(21, 17, 50))
    tomorrow = await watch(town)

    assert (back.outcome, again.outcome) == (Outcome.RESTORED, Outcome.RESTORED)
    assert (await plans.find(town.store, "P1")).revision == 2
    assert evening == []
    assert nothing == ()
    assert {item["plan"] for item in tomorrow} == {"P1", "P2"}


async def test_an_end_that_nobody_ever_confirmed_lapses_and_is_not_called_solved(
    town: Town,
) -> None:
    """Half a day later it is history; the record says that nobody had answered."""
    await running_town(town, local(20, 18, 30), by_crew(plan()))
    (alarm,) = await watch(town)
    town.clock.set(local(21, 7))

    left = await watch(town)

    assert "立即核实" in alarm["sentence"]
    assert left == []
    async with town.store.read() as tx:
        closed = await tx.journal.exceptions(only_open=False)
    assert {e["closed_how"] for e in closed if e["id"] == alarm["id"]} == {"lapsed"}
