"""Works on a section at the balance meeting: who can be carried by another feeder, by the trace."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.coordination import explain
from notifier.domain.coordination.constraints import Constraints, TransferMode
from notifier.domain.impact import ImpactClass
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent
from notifier.store.engine import Database
from notifier.usecases import coordinate_explaining, coordinate_proposing, plans
from notifier.usecases.coordinate_gathering import Options, PinUnknown
from notifier.vault import Vault
from tests.usecases import grid
from tests.usecases import town as towns
from tests.usecases.test_coordination import MARCH, Bureau
from tests.usecases.town import window


@pytest.fixture
async def bureau(sqlite_database: Database, vault: Vault) -> AsyncIterator[Bureau]:
    """The town with its network in force."""
    made = Bureau(await towns.build(sqlite_database, vault), sqlite_database)
    await grid.install(made.town, grid.network())
    yield made
    await made.meetings.close()


def west(number: str = "P2", day: int = 20) -> PlanContent:
    """All of the feeder that could carry the other."""
    return replace(
        grid.section(number, work=()),
        equipment=(Equipment(name="10kV西一线", kind=EquipmentKind.FEEDER),),
        windows=(window(day, 8, 18),),
    )


def area(name: str) -> tuple[Equipment, ...]:
    """One area as a plan's equipment."""
    return (Equipment(name=name, kind=EquipmentKind.AREA),)


async def areas(bureau: Bureau, number: str) -> dict[ImpactClass, set[str]]:
    """The areas of a plan's present revision by class, by name."""
    (work,) = await bureau.meetings.gatherer.works.works(numbers=[number])
    async with bureau.town.store.read() as tx:
        index = await tx.network()
    return {
        part.impact_class: {index.areas[area].name for area in part.areas} for part in work.parts
    }


async def test_a_section_is_offered_with_the_rest_of_the_feeder_carried(bureau: Bureau) -> None:
    """The tie is closed, 二里 is out for seconds; accepted, the plan's own switching says so, and so
    does its impact."""
    await bureau.town.submit(grid.section())

    run_id, items = await bureau.hold()
    way = items["P1"]["detail"]["way"]
    _, answers = await bureau.accept(run_id, "P1")

    assert (way["tie_feeders"], way["transferred"], way["kept"]) == (
        ["10kV西一线"],
        ["二里台区"],
        [],
    )
    assert [(s["action"], s["name"]) for s in way["steps"]] == [
        ("open", "901开关 (s901)"), ("open", "F1 (f1)"), ("close", "L12 (l12)")
    ]  # fmt: skip
    assert answers["P1"].is_accepted, answers["P1"].why
    found = await areas(bureau, "P1")
    assert found[ImpactClass.OUT] == {"一里台区"}
    assert found[ImpactClass.SHORT] == {"二里台区"}


async def test_the_picture_shows_who_is_carried(bureau: Bureau) -> None:
    """The work stays at its time and is done in another way: a band below its bar names the feeder."""
    await bureau.town.submit(grid.section())

    run_id, items = await bureau.hold()
    run = await bureau.runs.run(run_id)
    assert run is not None
    drawn = coordinate_proposing.picture(
        list(items.values()), run, bureau.meetings.gatherer.zone, links=False
    )

    assert items["P1"]["outcome"] == "switched"
    assert drawn.count("由10kV西一线转供") == 1


async def test_a_merge_refused_for_a_transfer_names_the_feeder(bureau: Bureau) -> None:
    """Seen from the work that is transferred, and from the one that would take the feeder out."""
    await bureau.town.submit(grid.section())
    await bureau.town.submit(west())
    await bureau.town.submit(replace(west("P3"), equipment=area("三里台区")))
    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    def said(*requests: int) -> str:
        one = explain.Unmerged(
            requests=(requests[0], requests[1]), start=500, repeats=9, saved=9,
            obstacle=explain.Obstacle.TIE_FEEDER, who="10kV西一线", by=(requests[2],),
        )  # fmt: skip
        found = coordinate_explaining.refusals(period, [one], bureau.meetings.gatherer.zone)
        return str(found[requests[0]][0]["zh"])

    assert said(1, 2, 0) == "线路 10kV西一线 当日有负荷转供，不能同日停电（P1）"
    assert said(0, 0, 1) == "转供电源 10kV西一线 当日停电（P2）"


async def test_a_plan_is_held_to_the_way_it_asked_for(bureau: Bureau) -> None:
    """A planner who knows that the tie cannot bear it reckons again without; of a plan that is not there
    it is refused."""
    await bureau.town.submit(grid.section())

    run_id, items = await bureau.hold(replace(MARCH, as_asked=frozenset({"P1"})))
    run = await bureau.runs.run(run_id)

    assert run is not None
    assert items["P1"]["detail"]["way"] is None
    assert Options.of_run(run).as_asked == {"P1"}
    with pytest.raises(PinUnknown):
        await bureau.hold(replace(MARCH, as_asked=frozenset({"P9"})))


async def test_nobody_has_looked_whether_the_tie_feeder_can_bear_it(bureau: Bureau) -> None:
    """The model has no ratings: that is said with the proposal."""
    await bureau.town.submit(grid.section())

    run_id, _ = await bureau.hold()
    run = await bureau.runs.run(run_id)

    assert run is not None
    (finding,) = run["summary"]["findings"]
    assert finding["code"] == "coordination.capacity_not_checked"
    assert finding["found"] == "10kV西一线：P1"


async def test_the_tie_feeder_is_not_worked_on_that_day(bureau: Bureau) -> None:
    """Both works have one day only: the section is isolated, and nobody is carried."""
    await bureau.town.submit(grid.section())
    await bureau.town.submit(west())
    day = window(20, 8, 18).starts_at.date()

    _, items = await bureau.hold(replace(MARCH, first=day, last=day))

    one, other = bureau.solver.instances[-1].requests
    assert one.modes[1].tie_feeders == (other.feeder, one.feeder) == ("10kV西一线", "10kV东一线")
    assert other.trunk
    assert items["P1"]["detail"]["way"] is None


async def test_a_section_on_the_tie_feeder_before_the_tie_excludes_the_transfer_too(
    bureau: Bureau,
) -> None:
    """Its steps leave the place behind the tie dead, though not all of its feeder is out. Of a plan that
    names areas only, nobody knows."""
    await bureau.town.submit(grid.section())
    trunk = grid.section("P2", "open 902开关", "open F2", work=("西一线1号杆至9号杆",))
    branch = grid.section("P3", "open F2", work=("w3",))
    await bureau.town.submit(trunk)
    await bureau.town.submit(replace(trunk, number="P4", switching=None, work=None,
                                     equipment=area("三里台区")))  # fmt: skip
    await bureau.town.submit(branch)

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    found = {str(request.key): request for request in period.instance.requests}
    assert {number: request.trunk for number, request in found.items()} == {
        "P1": True, "P2": True, "P3": True, "P4": False,
    }  # fmt: skip
    assert found["P2"].feeder == "10kV西一线"


async def test_what_a_plan_s_own_steps_lean_on_stays_too(bureau: Bureau) -> None:
    """The transfer stands in the plan already; whoever changes what feeds its tie is known, even by a
    model too old to offer anything."""
    await grid.install(
        bureau.town, grid.network(), as_of=bureau.town.clock.now() - timedelta(days=90)
    )
    await bureau.town.submit(grid.section("P1", "open 901开关", "open F1", "close L12"))
    await bureau.town.submit(
        grid.section("P2", "open 902开关", "open F2", work=("西一线1号杆至9号杆",))
    )

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    one, other = period.instance.requests
    assert (one.modes[0].tie_feeders[0], other.feeder) == ("10kV西一线", "10kV西一线")
    assert other.trunk


async def test_a_transfer_excludes_other_work_on_its_own_feeder(bureau: Bureau) -> None:
    """A second section, worked on the same day by the whole feeder or by steps of its own: the tie would
    bring supply to where people work."""
    await bureau.town.submit(grid.section())
    second = grid.section("P2", "open F1", work=("e3",))
    await bureau.town.submit(second)
    await bureau.town.submit(grid.section("P3", work=("e3",)))
    day = window(20, 8, 18).starts_at.date()

    _, items = await bureau.hold(replace(MARCH, first=day, last=day))

    assert [request.trunk for request in bureau.solver.instances[-1].requests] == [True] * 3
    assert not (items["P1"]["detail"]["way"] or {}).get("transferred")


async def test_an_accepted_transfer_stays_on_its_tie_feeder(bureau: Bureau) -> None:
    """What a plan's own steps transfer is on the other feeder's account, with no way but its own."""
    await bureau.town.submit(grid.section("P1", "open 901开关", "open F1", "close L12"))

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    (mode,) = period.instance.requests[0].modes
    assert mode.tie_feeders == ("10kV西一线", "10kV东一线")


async def test_a_plan_that_isolates_only_may_be_carried(bureau: Bureau) -> None:
    """It opens switches and closes none: the tie is added."""
    await bureau.town.submit(grid.section("P1", "open 901开关", "open F1"))

    _, items = await bureau.hold()

    assert items["P1"]["detail"]["way"]["transferred"] == ["二里台区"]


@pytest.mark.parametrize(
    "plan",
    [
        grid.section("P1", timed=grid.steps("open 901开关", "open F1", at=window(20, 8, 18).starts_at)),
        replace(grid.section(), work=None, equipment=(Equipment(name="10kV东一线"),)),
        replace(
            grid.section(),
            equipment=(Equipment(name="10kV西一线", kind=EquipmentKind.FEEDER),),
        ),
    ],
    ids=["steps with times", "a whole feeder", "another feeder too"],
)  # fmt: skip
async def test_what_the_trace_cannot_answer_is_left_as_it_is(
    bureau: Bureau, plan: PlanContent
) -> None:
    """Where the plan says more than its place of work, or no place at all."""
    await bureau.town.submit(plan)

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    assert len(period.instance.requests[0].modes) == 1


async def test_a_closed_tie_carries_nobody(bureau: Bureau) -> None:
    """A looped feeder is not a feeder that takes over: opening the tie is part of isolating."""
    await grid.install(bureau.town, grid.network(tie_open=False))
    await bureau.town.submit(grid.section())

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    ways = period.gathered.ways[0]
    assert all(step.action.value == "open" for way in ways for step in way.steps)


async def test_an_old_model_offers_nothing_and_says_so(bureau: Bureau) -> None:
    """No plan can be approved on it."""
    now = bureau.town.clock.now()
    await grid.install(bureau.town, grid.network(), as_of=now - timedelta(days=90))
    await bureau.town.submit(grid.section())
    bureau.town.clock.advance(timedelta(days=8))

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    assert len(period.instance.requests[0].modes) == 1
    assert [finding.code for finding in period.gathered.findings] == ["trace.stale_model"]


async def test_the_bureau_s_own_list_holds_beside_the_network(bureau: Bureau) -> None:
    """A transfer of the list is offered too, unless the trace has found the very same."""
    await bureau.town.submit(grid.section())
    listed = (
        TransferMode(plan="P1", areas=("二里台区",), tie_feeder="10kV西一线"),
        TransferMode(plan="P1", areas=("一里台区",), tie_feeder="10kV西一线"),
    )
    await bureau.wish(Constraints(transfer=listed))

    period = await bureau.meetings.gatherer.period(MARCH, bureau.town.clock.now())

    with_steps = [bool(way.steps) for way in period.gathered.ways[0]]
    assert with_steps.count(False) == 1


async def test_a_network_that_has_changed_meanwhile_is_not_switched_by(bureau: Bureau) -> None:
    """The tie is gone: the item is refused, and the plan stays."""
    await bureau.town.submit(grid.section())
    run_id, _ = await bureau.hold()
    await grid.install(bureau.town, grid.network(tie_open=False))

    _, answers = await bureau.accept(run_id, "P1")

    assert not answers["P1"].is_accepted
    assert "重新协调" in answers["P1"].why
    assert (await plans.find(bureau.town.store, "P1")).revision == 1
