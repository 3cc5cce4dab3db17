"""Coordinating works over the store: the check, the meeting, and accepting it item by item."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from notifier.domain.coordination import greedy, objective
from notifier.domain.coordination.constraints import Blackout, Constraints, Crew, Window
from notifier.domain.coordination.problem import Instance, asked
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent, PlanKind, PlanState
from notifier.intake.constraints import constraints_as_dict, constraints_from_dict
from notifier.store import audit, schema
from notifier.store.coordination import Coordination
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.usecases import coordinate_accepting, coordinate_meeting, counting, plans
from notifier.usecases.coordinate_checking import Checker
from notifier.usecases.coordinate_contracts import Progress, Solved
from notifier.usecases.coordinate_gathering import (
    Gatherer,
    Options,
    PeriodInvalid,
    PinUnknown,
)
from notifier.usecases.coordinate_meeting import Meetings, NothingToDo
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, window

MARCH = Options(first=date(2026, 3, 10), last=date(2026, 4, 5), seconds=5)


class Quick:
    """Solves in place, greedily; or as a test wants it."""

    def __init__(self) -> None:
        self.stopped_at: asyncio.Event | None = None
        self.instances: list[Instance] = []
        self.spoil = 0

    async def solve(
        self,
        instance: Instance,
        *,
        seconds: float,
        progress: Callable[[Progress], None],
        stop: asyncio.Event,
    ) -> Solved:
        self.instances.append(instance)
        plan = greedy.plan(instance)
        found = objective.cost(instance, plan).total
        progress(Progress(objective=found, bound=1, seconds=0.1))
        if self.stopped_at is not None:
            self.stopped_at.set()
            await stop.wait()
        return Solved(
            plan=plan, objective=found + self.spoil, bound=1, solver="greedy", seconds=0.1,
            is_stopped=stop.is_set(), is_reproducible=True,
        )  # fmt: skip


class Bureau:
    """The town and its meetings."""

    def __init__(self, town: Town, database: Database) -> None:
        self.town = town
        self.database = database
        self.solver = Quick()
        self.runs = Coordination(database)
        self.meetings = self.anew()

    def anew(self) -> Meetings:
        """Another process on the same store."""
        works, setting = Works(self.database), self.town.setting
        gatherer = Gatherer(
            store=self.town.store,
            works=works,
            runs=self.runs,
            checker=Checker(self.town.store, works, setting, self.runs, constraints_from_dict),
            read_rules=constraints_from_dict,
            terms=setting,
        )
        return Meetings(gatherer, self.runs, self.solver, self.town.clock)

    @property
    def checker(self) -> Checker:
        return self.meetings.gatherer.checker

    async def check(self, number: str) -> dict[str, Any]:
        return (await self.checker.check(number, self.town.clock.now())).as_dict()

    async def hold(self, options: Options = MARCH) -> tuple[int, dict[str, dict[str, Any]]]:
        """A meeting; its number, and its items by plan."""
        run_id = await self.meetings.hold(options, "wang")
        return run_id, {item["number"]: dict(item) for item in await self.runs.items(run_id)}

    async def accept(
        self, run_id: int, *numbers: str
    ) -> tuple[coordinate_accepting.Acceptance, dict[str, coordinate_accepting.Accepted]]:
        done = await coordinate_accepting.accept(
            self.town.store,
            self.runs,
            self.meetings.gatherer,
            run_id,
            list(numbers) or None,
            now=self.town.clock.now(),
            actor="wang",
        )
        return done, {item.number: item for item in done.items}

    async def wish(self, constraints: Constraints) -> None:
        await self.runs.put_rules(
            "c.toml", "0" * 64, constraints_as_dict(constraints),
            now=self.town.clock.now(), actor="wang",
        )  # fmt: skip

    async def starts(self, number: str) -> datetime:
        plan = await plans.find(self.town.store, number)
        assert plan.starts_at is not None
        return plan.starts_at


@pytest.fixture
async def bureau(database: Database, vault: Vault) -> AsyncIterator[Bureau]:
    """On both databases."""
    made = Bureau(await towns.build(database, vault), database)
    yield made
    await made.meetings.close()


@pytest.fixture
async def small(sqlite_database: Database, vault: Vault) -> AsyncIterator[Bureau]:
    """On SQLite only: what is no matter of SQL."""
    made = Bureau(await towns.build(sqlite_database, vault), sqlite_database)
    yield made
    await made.meetings.close()


def content(number: str, day: int, *areas: str, feeder: str = "", **more: Any) -> PlanContent:
    """Areas (or a feeder) out from eight to six on a day of March."""
    equipment = [Equipment(name=name, kind=EquipmentKind.AREA) for name in areas]
    if feeder:
        equipment.append(Equipment(name=feeder, kind=EquipmentKind.FEEDER))
    return PlanContent(
        number=number,
        kind=PlanKind.PLANNED,
        department="检修",
        equipment=tuple(equipment),
        windows=(window(day, 8, 18),),
        **more,
    )


async def three(bureau: Bureau) -> None:
    """P1 and P2 on one feeder four days apart, P3 on one of its areas; P4 elsewhere."""
    await bureau.town.submit(content("P1", 20, feeder="10kV东一线"))
    await bureau.town.submit(content("P2", 24, feeder="10kV东一线"))
    await bureau.town.submit(content("P3", 27, "一里台区"))
    await bureau.town.submit(content("P4", 20, "四里台区"))


# --- The check ---------------------------------------------------------------------------------------


async def test_the_check_names_others_counts_and_better_days(bureau: Bureau) -> None:
    """Customers by rolling count, shared areas by name, a merge with its gain."""
    await three(bureau)

    shown = await bureau.check("P2")

    assert {o["number"]: (o["customers"], o["days_apart"]) for o in shown["others"]} == {
        "P1": (16, 3), "P3": (10, 2),
    }  # fmt: skip
    assert (shown["hit_again"], shown["by_count"]) == (16, {"2": 6, "3": 10})
    assert {hit["count"]: hit["areas"] for hit in shown["hits"]} == {
        3: ["一里台区"], 2: ["二里台区"],
    }  # fmt: skip
    best = shown["suggestions"][0]
    assert (best["kind"], best["starts_at"]) == ("merge", "2026-03-20T08:00:00+08:00")
    assert best["spared_repeats"] == 16
    assert shown["refused_starts"] == {"notice": 7}


async def test_the_check_counts_critical_customers_by_class(bureau: Bureau) -> None:
    """A hospital of the first grade and a sensitive hatchery."""
    await three(bureau)
    await bureau.town.submit(content("P5", 25, "四里台区"))

    shown = await bureau.check("P5")

    assert shown["critical"] == {"1": 1, "4": 1}
    assert shown["critical_hit_again"] == {"1": 1, "4": 1}


async def test_the_check_follows_what_others_decide(bureau: Bureau) -> None:
    """Another process submits, moves and cancels; the next answer knows, and reads little."""
    await three(bureau)
    assert len((await bureau.check("P2"))["others"]) == 2

    await bureau.town.submit(content("P5", 25, "二里台区"))
    assert len((await bureau.check("P2"))["others"]) == 3
    now, store = bureau.town.clock.now(), bureau.town.store
    await plans.cancel(store, bureau.town.setting, "P1", note="", now=now, actor="wang")
    moved = replace(content("P5", 25, "二里台区"), windows=(window(24, 8, 12),))
    await plans.revise(store, "P5", moved, note="", now=now, actor="wang")
    shown = await bureau.check("P2")

    assert {o["number"]: o["overlaps"] for o in shown["others"]} == {"P3": False, "P5": True}


async def test_a_draft_counts_by_the_ledger_though_nobody_matched_it(small: Bureau) -> None:
    """Somebody wants that outage, whatever is wrong with the row."""
    await three(small)
    async with small.town.store.write() as tx:
        plan = await tx.plans.find("P3")
        assert plan is not None
        await tx.plans.set_state(plan.id, PlanState.DRAFT)

    shown = await small.check("P2")

    assert {o["number"]: o["state"] for o in shown["others"]}["P3"] == "draft"


async def test_days_that_the_bureau_forbids_are_not_suggested(bureau: Bureau) -> None:
    """Blackouts, windows and hours hold at submission too; new rules are known at the next question."""
    await three(bureau)
    assert (await bureau.check("P2"))["suggestions"][0]["starts_at"][:10] == "2026-03-20"
    exam = Blackout(reason="高考", first=date(2026, 3, 20), feeders=("10kV东一线",))

    await bureau.wish(Constraints(blackout=(exam,)))
    shown = await bureau.check("P2")

    assert all(item["starts_at"][:10] != "2026-03-20" for item in shown["suggestions"])
    assert shown["refused_starts"] == {"notice": 7, "blackout:高考": 1, "window": 9}


async def test_plans_of_a_file_are_foreseen_with_each_other(small: Bureau) -> None:
    """Nothing is stored, and the next question does not see them."""
    await three(small)
    drafts = [content("N1", 22, "三里台区"), content("N2", 26, "三里台区", "一里台区")]

    first, second = [
        item.as_dict() for item in await small.checker.foresee(drafts, small.town.clock.now())
    ]

    assert [o["number"] for o in first["others"]] == ["N2"]
    assert {o["number"] for o in second["others"]} == {"N1", "P1", "P2", "P3"}
    assert {o["number"] for o in (await small.check("P2"))["others"]} == {"P1", "P3"}


async def test_an_unknown_plan_is_refused(small: Bureau) -> None:
    """And a cancelled one is checked as it was."""
    await three(small)
    now = small.town.clock.now()
    await plans.cancel(small.town.store, small.town.setting, "P2", note="", now=now, actor="wang")

    with pytest.raises(plans.PlanNotFound):
        await small.checker.check("P9", now)
    assert (await small.check("P2"))["number"] == "P2"


# --- The meeting -------------------------------------------------------------------------------------


async def test_a_meeting_proposes_merges_beside_what_was_asked(bureau: Bureau) -> None:
    """Items with from and to, partners, what is spared; totals of both sides; all of it kept."""
    await three(bureau)

    run_id, items = await bureau.hold()

    run = await coordinate_meeting.found(bureau.runs, run_id)
    asked_for, proposed = run["summary"]["asked"], run["summary"]["proposed"]
    assert (asked_for["repeats"], proposed["repeats"]) == (26, 0)
    assert run["state"] == "done"
    together = {items[number]["detail"]["to"][0]["starts_at"] for number in ("P1", "P2", "P3")}
    assert len(together) == 1
    assert items["P4"]["outcome"] == "kept"
    moved = [item["detail"] for item in items.values() if item["detail"]["is_change"]]
    assert sum(detail["spared_repeats"] for detail in moved) >= 16
    partner = next(p for p in items["P2"]["detail"]["merged_with"] if p["number"] == "P1")
    assert (partner["customers"], partner["areas"]) == (16, ["一里台区", "二里台区"])


async def test_accepting_makes_revisions_and_remembers(bureau: Bureau) -> None:
    """The plans move, the rest stays; whoever looks later sees who accepted what."""
    await three(bureau)
    run_id, before = await bureau.hold()
    changing = {number for number, item in before.items() if item["detail"]["is_change"]}

    done, answers = await bureau.accept(run_id)

    assert {n for n, item in answers.items() if item.is_accepted} == changing
    assert done.lonely == {}
    starts = {await bureau.starts(number) for number in ("P1", "P2", "P3")}
    assert len(starts) == 1
    kept = {item["number"]: item for item in await bureau.runs.items(run_id)}
    for number in changing:
        assert (kept[number]["decision"], kept[number]["new_revision"]) == ("accepted", 2)
        plan = await plans.find(bureau.town.store, number)
        assert (plan.revision, plan.state) == (2, PlanState.SUBMITTED)
    assert await bureau.runs.moved_before(["P1", "P2", "P3", "P4"]) == changing
    _, again = await bureau.hold()
    assert not any(item["detail"]["is_change"] for item in again.values())


async def test_a_proposal_accepted_too_late_is_refused(small: Bureau) -> None:
    """Inside the notice period an approved plan stays; nobody hears of anything."""
    await small.town.submit(content("P2", 24, "一里台区"))
    await small.town.approve("P2")
    run_id, _ = await small.hold(replace(MARCH, pins={"P2": local(30, 8)}))
    await small.town.run_until(local(18, 12))
    told = len(small.town.told())

    _, answers = await small.accept(run_id, "P2")
    await small.town.run_until(local(18, 13))

    assert told > 0
    assert "inside the notice period" in answers["P2"].why
    assert len(small.town.told()) == told


async def test_accepting_moves_what_was_laid_out(small: Bureau) -> None:
    """The messages of the old day are withdrawn, those of the new one come once it is approved."""
    await small.town.submit(content("P2", 24, "一里台区"))
    await small.town.approve("P2")
    await small.town.settle()
    run_id, _ = await small.hold(replace(MARCH, pins={"P2": local(30, 8)}))

    await small.accept(run_id, "P2")
    await small.town.approve("P2")
    await small.town.run_until(local(24, 12))

    assert small.town.told()
    assert all("3月30日" in words for _, words in small.town.told())


async def test_a_published_plan_moves_only_for_more_than_it_costs(small: Bureau) -> None:
    """With customers told, the unpublished one comes to it."""
    await three(small)
    await small.town.approve("P2")

    _, items = await small.hold()

    assert items["P2"]["outcome"] == "merged"
    assert not items["P2"]["detail"]["is_change"]
    assert items["P1"]["detail"]["to"][0]["starts_at"] == "2026-03-24T08:00:00+08:00"


async def test_a_proposal_about_an_older_revision_is_refused_item_by_item(bureau: Bureau) -> None:
    """The others go ahead; the reason says which revisions."""
    await three(bureau)
    run_id, items = await bureau.hold()
    first, second = sorted(n for n, item in items.items() if item["detail"]["is_change"])[:2]
    newer = content(first, 21, feeder="10kV东一线")
    await plans.revise(
        bureau.town.store, first, newer, note="", now=bureau.town.clock.now(), actor="li"
    )

    _, answers = await bureau.accept(run_id, first, second)

    assert not answers[first].is_accepted
    assert "revision 1, the plan has 2" in answers[first].why
    assert answers[second].is_accepted


async def test_accepting_one_of_two_that_move_together_says_what_is_missing(small: Bureau) -> None:
    """It is done as asked, with the partner named."""
    await small.wish(Constraints(window=(Window(plan="P1", first=date(2026, 3, 22)),)))
    await three(small)
    run_id, items = await small.hold(replace(MARCH, pins={"P1": local(25, 8)}))
    assert all(items[n]["detail"]["is_change"] for n in ("P1", "P2", "P3"))

    done, _ = await small.accept(run_id, "P2")

    assert done.lonely == {"P2": ("P1", "P3")}
    assert (await small.accept(run_id))[0].lonely == {}


async def test_an_item_that_would_overload_its_crew_alone_is_refused(small: Bureau) -> None:
    """Together the proposal holds; a part of it may not."""
    await small.wish(Constraints(crew=(Crew(name="一班", per_day=1),)))
    await small.town.submit(content("P1", 20, feeder="10kV东一线", crew="一班"))
    await small.town.submit(content("P2", 24, feeder="10kV东一线"))
    await small.town.submit(content("P5", 24, "四里台区", crew="一班"))
    run_id, _ = await small.hold(
        replace(MARCH, pins={"P1": local(24, 8), "P2": local(24, 8), "P5": local(25, 8)})
    )

    _, alone = await small.accept(run_id, "P1")
    _, both = await small.accept(run_id, "P1", "P5")

    assert not alone["P1"].is_accepted
    assert "一班" in alone["P1"].why
    assert all(item.is_accepted for item in both.values())


async def test_pins_and_suppositions_are_kept_with_the_run(small: Bureau) -> None:
    """One plan held, another crew supposed; the rules in force stay as they are."""
    await small.wish(Constraints(crew=(Crew(name="一班", per_day=1),)))
    await three(small)
    options = replace(MARCH, pins={"P1": local(26, 9)}, crews={"一班": 3, "新班": 1})

    run_id, items = await small.hold(options)

    assert items["P1"]["detail"]["to"][0]["starts_at"] == "2026-03-26T09:00:00+08:00"
    assert items["P1"]["detail"]["pinned"]
    assert small.solver.instances[-1].limits.crew_per_day == {"一班": 3, "新班": 1}
    run = await coordinate_meeting.found(small.runs, run_id)
    assert Options.of_run(run) == options


async def test_interruptions_of_the_look_back_count(small: Bureau) -> None:
    """What was done before the period is recent history of its areas."""
    await three(small)
    await small.town.submit(content("P0", 8, "一里台区"))

    await small.hold()

    recent = [area.recent_interruptions for area in small.solver.instances[-1].areas]
    assert recent == [1, 0, 0]


async def test_a_meeting_can_be_stopped_from_anywhere(small: Bureau) -> None:
    """The best so far is kept, and said to be that."""
    await three(small)
    small.solver.stopped_at = asyncio.Event()
    run_id = await small.meetings.begin(MARCH, "wang")
    await small.solver.stopped_at.wait()

    await small.meetings.stop(run_id)
    await small.meetings.close()

    run = await coordinate_meeting.found(small.runs, run_id)
    assert run["state"] == "stopped"
    assert len(await small.runs.items(run_id)) == 4


async def test_another_process_stops_it_through_the_store(small: Bureau) -> None:
    """Whoever solves looks each second whether somebody asked."""
    await three(small)
    small.solver.stopped_at = asyncio.Event()
    run_id = await small.meetings.begin(MARCH, "wang")
    await small.solver.stopped_at.wait()

    await small.anew().stop(run_id)
    for _ in range(1000):
        if (await coordinate_meeting.found(small.runs, run_id))["state"] != "running":
            break

    run = await coordinate_meeting.found(small.runs, run_id)
    assert run["state"] == "stopped"
    assert run["progress"]["bound"] == 1


async def test_an_unsound_plan_is_never_kept(small: Bureau) -> None:
    """A solver that lies about the cost fails the run, with the reason in it."""
    await three(small)
    small.solver.spoil = 1

    with pytest.raises(coordinate_meeting.PlanUnsound):
        await small.hold()

    (run,) = await small.runs.runs()
    assert run["state"] == "failed"
    assert "independent check" in run["summary"]["why"]


async def test_what_makes_no_meeting_is_refused(small: Bureau) -> None:
    """No works, no period, a pin to nothing, an item that is not there, a run that is not there."""
    with pytest.raises(NothingToDo):
        await small.hold()
    await three(small)
    with pytest.raises(PeriodInvalid):
        Options(first=date(2026, 3, 10), last=date(2026, 3, 9))
    with pytest.raises(PeriodInvalid):
        Options(first=date(2026, 3, 10), last=date(2027, 3, 9))
    with pytest.raises(PinUnknown):
        await small.hold(replace(MARCH, pins={"P9": local(20, 8)}))
    with pytest.raises(PinUnknown):
        await small.hold(replace(MARCH, pins={"P1": local(1, 8)}))
    run_id, _ = await small.hold()
    with pytest.raises(coordinate_accepting.ItemUnknown):
        await small.accept(run_id, "P9")
    with pytest.raises(coordinate_meeting.RunNotFound):
        await small.accept(run_id + 1)


async def test_a_run_whose_process_died_is_known_to_be_lost(small: Bureau) -> None:
    """Nobody has noted it for a minute."""
    await three(small)
    now = small.town.clock.now()
    run_id = await small.runs.start(
        "2026-03-10", "2026-04-05", MARCH.as_dict(), None, now=now, actor="wang"
    )
    run = await coordinate_meeting.found(small.runs, run_id)

    assert not coordinate_meeting.is_lost(run, now)
    assert coordinate_meeting.is_lost(run, local(2, 9))


async def test_asked_is_what_the_plans_say(small: Bureau) -> None:
    """The problem's own starting point costs what the summary says was asked."""
    await three(small)
    run_id, _ = await small.hold()
    problem = small.solver.instances[-1]

    run = await coordinate_meeting.found(small.runs, run_id)

    assert run["summary"]["asked_objective"] == objective.cost(problem, asked(problem)).total


async def test_what_was_suffered_before_counts(bureau: Bureau) -> None:
    """History that was imported, before the first question and after it; of an area, not of a feeder."""
    await three(bureau)
    await suffer(bureau, 1, local(1, 2), area=1)
    first = await bureau.check("P1")

    await suffer(bureau, 2, local(1, 5), area=2)
    await suffer(bureau, 3, local(1, 6), area=None)
    second = await bureau.check("P1")

    assert [o["state"] for o in first["others"]].count("history") == 1
    assert [o["state"] for o in second["others"]].count("history") == 2
    assert {hit["areas"][0]: hit["count"] for hit in second["hits"]} == {
        "一里台区": 4,
        "二里台区": 3,
    }


async def test_a_later_file_corrects_what_was_suffered(bureau: Bureau) -> None:
    """What it says otherwise takes the place of what was said before, in an index that is kept too."""
    await three(bureau)
    await suffer(bureau, 1, local(1, 2), area=1)
    await bureau.check("P1")
    async with bureau.database.write() as connection:
        await connection.execute(delete(schema.interruption).where(schema.interruption.c.kind == 0))

    await suffer(bureau, 1, local(2, 2), area=1)
    found = await bureau.check("P1")

    suffered = [o["windows"] for o in found["others"] if o["state"] == "history"]
    assert [windows[0]["starts_at"][:10] for windows in suffered] == ["2026-03-02"]


async def test_a_plan_is_counted_by_what_it_asks_for_and_then_by_what_it_did(
    bureau: Bureau,
) -> None:
    """Before its interruptions are counted, and after; one that ended while it was under way leaves
    what people went through."""
    await three(bureau)
    await bureau.town.approve("P2")
    before = await bureau.check("P1")
    while await counting.catch_up(bureau.town.store):
        pass
    after = await bureau.check("P1")
    bureau.town.clock.set(await bureau.starts("P2") + timedelta(hours=1))
    await plans.cancel(
        bureau.town.store,
        bureau.town.setting,
        "P2",
        note="",
        now=bureau.town.clock.now(),
        actor="li",
    )
    gone = await bureau.check("P1")
    while await counting.catch_up(bureau.town.store):
        pass
    left = await bureau.check("P1")

    assert before == after
    assert "P2" in {other["number"] for other in after["others"]}
    assert "P2" not in {other["number"] for other in gone["others"]}
    state = {other["number"]: other["state"] for other in left["others"]}
    assert state.get("P2") == "cancelled"


async def test_a_plan_that_hits_a_part_of_an_area_takes_part_with_just_those(
    bureau: Bureau,
) -> None:
    """In the check and in the meeting, once its interruptions are counted."""
    await three(bureau)
    async with bureau.database.write() as connection:
        await connection.execute(
            insert(schema.impact_point),
            [{"points_id": 900, "usage_point_id": n, "group_number": 1} for n in (1, 2, 3)],
        )
    while await counting.catch_up(bureau.town.store):
        pass
    async with bureau.database.write() as connection:
        await connection.execute(
            update(schema.interruption)
            .where(schema.interruption.c.area_id == 1, schema.interruption.c.plan_id == 3)
            .values(is_whole=False, points_id=900, group_number=1)
        )

    found = (await bureau.anew().gatherer.checker.check("P3", bureau.town.clock.now())).as_dict()
    bureau.meetings = bureau.anew()
    await bureau.hold()

    assert (found["customers"], found["by_count"]) == (3, {"3": 3})
    problem = bureau.solver.instances[-1]
    out = {
        request.key: sum(problem.areas[at].customers for at in request.modes[0].out)
        for request in problem.requests
    }
    assert (out["P1"], out["P3"]) == (16, 3)


async def suffer(bureau: Bureau, number: int, at: datetime, *, area: int | None) -> None:
    """An hour without supply, as a file of history reports it."""
    async with bureau.database.write() as connection:
        await connection.execute(
            insert(schema.interruption).values(
                file_digest="f", file_sheet="", file_row=number, kind=0, quality=0, is_firm=True,
                starts_at=at, ends_at=at + timedelta(hours=1), feeder_id=1, area_id=area,
                customers=10, is_whole=True, cause="雷击", event_key=str(number),
            )
        )  # fmt: skip
        await audit.append(
            connection, at=bureau.town.clock.now(), actor="wang", action="history.imported",
            subject="file:f", detail={},
        )  # fmt: skip
