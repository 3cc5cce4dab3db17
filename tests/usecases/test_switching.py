"""Plans with switching in a town: who is told what, what blocks approval, what a newer network changes."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import (
    Change,
    Equipment,
    EquipmentKind,
    PlanKind,
    PlanState,
    Revision,
    Transfer,
    Transition,
)
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.usecases import basis, plans, proposals, rechecking
from notifier.usecases.plans import PlanBlocked
from notifier.vault import Vault
from tests.usecases import grid
from tests.usecases import town as towns
from tests.usecases.grid import account, network, section, steps
from tests.usecases.town import Town, local, phone, plan, window

TRANSFER = ("open 901开关", "open F1", "close L12")


@pytest.fixture
async def town(sqlite_database: Database, vault: Vault) -> Town:
    return await on_grid(sqlite_database, vault)


@pytest.fixture
async def either(database: Database, vault: Vault) -> Town:
    """On both kinds of database, for what only the database does."""
    return await on_grid(database, vault)


async def on_grid(database: Database, vault: Vault) -> Town:
    made = await towns.build(database, vault)
    await grid.install(made, network())
    return made


async def impact(town: Town, number: str = "P1") -> dict[str, Group]:
    """Account to group, as frozen."""
    found = await plans.find(town.store, number)
    async with town.store.read() as tx:
        revision = await tx.plans.revision(found.id, found.revision)
        points = tx.impacts.points(revision.id, revision.points_id)
        return {name: group async for name, group in points}


async def present(town: Town, number: str = "P1") -> Revision:
    found = await plans.find(town.store, number)
    async with town.store.read() as tx:
        return await tx.plans.revision(found.id, found.revision)


async def codes(town: Town, number: str = "P1") -> list[str]:
    return [item["code"] for item in (await present(town, number)).findings]


def counted(found: dict[str, Group]) -> Counter[str]:
    return Counter(group.impact_class.value for group in found.values())


async def test_the_section_is_out_and_what_lies_behind_it_is_out_for_seconds(either: Town) -> None:
    """By topology: ten homes for the whole window, six for seconds at its ends, the others not at all."""
    await either.submit(section("P1", *TRANSFER))

    found = await impact(either)
    assert counted(found) == {"out": 10, "short": 6}
    assert found["A001"].windows == (window(20, 8, 18),)
    assert found["A001"].knowledge is Knowledge.TOPOLOGY
    assert [(w.starts_at, w.ends_at) for w in found["A011"].windows] == [
        (local(20, 7, 45), local(20, 8, 15)),
        (local(20, 17, 45), local(20, 18, 15)),
    ]
    assert (await present(either)).network == (1, 0)
    assert await codes(either) == ["transfer.span_assumed"]


async def test_whoever_is_out_for_seconds_is_told_seconds_and_never_the_whole_day(
    town: Town,
) -> None:
    """Each phone hears one of the two, and nobody on the other feeder hears anything."""
    await town.submit(section("P1", *TRANSFER))
    await town.approve("P1")

    await town.run_until(local(20, 7))

    told = dict(town.told())
    homes, moved = {phone(n) for n in range(1, 11)}, {phone(n) for n in range(11, 17)}
    assert {address for address in told if address in homes} == homes - {phone(2)}
    assert all("08:00-18:00" in told[address] for address in told if address in homes)
    assert moved <= told.keys()
    assert all("08:00-18:00" not in told[address] for address in moved)
    assert all("短时停电" in told[address] or "几秒" in told[address] for address in moved)
    assert not any(phone(n) in told for n in range(17, 29))


async def test_times_and_restoration_in_steps_give_customers_windows_of_their_own(
    town: Town,
) -> None:
    """二里 is dark from the opening until the tie is closed at noon; its way back costs it seconds."""
    timed = (
        *steps("open 901开关", "open F1", at=local(20, 8)),
        Step(action=Action.CLOSE, switch="L12", planned_at=local(20, 12)),
    )
    await town.submit(section("P1", timed=timed))

    found = await impact(town)
    assert counted(found) == {"out": 16}
    assert [(w.starts_at, w.ends_at) for w in found["A001"].windows] == [
        (local(20, 8), local(20, 18))
    ]
    assert [(w.starts_at, w.ends_at) for w in found["A011"].windows] == [
        (local(20, 8), local(20, 12)),
        (local(20, 18), local(20, 18, 15)),
    ]
    assert await codes(town) == []


async def test_a_transfer_that_turns_open_at_the_last_minute_makes_new_notices(town: Town) -> None:
    """By closed transition 二里 hears nothing and the reason is on record; by open transition it is
    told of the seconds; whoever is out hears nothing new."""
    await town.submit(section("P1", *TRANSFER, transition=Transition.CLOSED))
    assert counted(await impact(town)) == {"out": 10, "transferred_live": 6}
    await town.approve("P1")
    await town.run_until(local(19, 12))
    before = len(town.told())
    assert not any(phone(n) == address for n in range(11, 17) for address, _ in town.told())
    decided = await town.scalar(
        "SELECT count(*) FROM decision WHERE reason IN ('transition.closed', 'policy.tells_nobody')"
    )
    assert decided > 0

    await plans.revise(
        town.store, "P1", section("P1", *TRANSFER, transition=Transition.OPEN),
        note="合环条件不满足", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await grid.confirm(town)
    await town.approve("P1")
    await town.run_until(local(19, 20))

    assert counted(await impact(town)) == {"out": 10, "short": 6}
    fresh = town.told()[before:]
    assert {phone(n) for n in range(11, 17)} <= {address for address, _ in fresh}
    assert not {phone(n) for n in range(1, 11)} & {address for address, _ in fresh}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("open F1",), "trace.target_energised", "仍带电"),
        (("open 901开关", "open F1", "open F9"), "trace.unknown_switch", "F9"),
        (("open 901开关", "open F1", "open L12"), "trace.already_open", "L12"),
        (("open 901开关", "close F1"), "trace.already_closed", "F1"),
        (("open l101",), "trace.not_a_switch", "东一线1号杆至8号杆"),
    ],
)
async def test_a_plan_that_would_kill_or_cannot_be_done_is_not_approved(
    town: Town, words: tuple[str, ...], code: str, says: str
) -> None:
    """The refusal names the switch or the place as the dispatcher does."""
    await town.submit(section("P1", *words))

    assert code in await codes(town)
    with pytest.raises(PlanBlocked) as refused:
        await town.approve("P1")
    assert code in refused.value.sentence
    assert says in refused.value.sentence


async def test_a_place_of_work_that_comes_alive_again_blocks_whatever_the_last_state_is(
    town: Town,
) -> None:
    """Dead, alive, dead: people may stand there in between."""
    await town.submit(
        section("P1", "open 901开关", "open F1", "close F1", "close L12", "open L12", "open F1")
    )

    assert "trace.target_energised" in await codes(town)


async def test_a_network_that_grew_old_since_the_plan_was_matched_blocks_its_approval(
    town: Town,
) -> None:
    """Looked at when it is approved, not when it came in; a confirmed network lets it through."""
    await town.submit(section("P1", *TRANSFER))
    town.clock.advance(timedelta(days=8))

    with pytest.raises(PlanBlocked, match=r"trace\.stale_model"):
        await town.approve("P1")

    await grid.confirm(town)
    await town.approve("P1")


async def test_a_neighbour_that_is_missing_is_never_not_affected(town: Town) -> None:
    """What hangs on a tie into the unknown is unknown, told as out, and blocks."""

    def beyond(built: grid.builder.NetworkBuilder) -> None:
        built.add_branch("l13", grid.SWITCH, "L13", "e3", "another feeder", normal_open=False)

    await grid.install(town, network(more=beyond))
    await town.submit(section("P1", "open 901开关", "open F1"))

    found = await impact(town)
    assert found["A011"].impact_class is ImpactClass.UNKNOWN
    assert "trace.partly_traced" in await codes(town)
    assert town.setting.policy.tells((await plans.find(town.store, "P1")).kind, ImpactClass.UNKNOWN)


async def test_nothing_affected_is_no_plan(town: Town) -> None:
    """Closing a tie behind an open switch moves nobody."""
    await town.submit(section("P1", "close L12", "open L12", work=()))

    assert {"trace.empty_impact", "impact.empty"} & set(await codes(town))


# --- Joining the model and the ledger --------------------------------------------------------------


async def test_customers_that_the_model_lacks_go_by_their_area(town: Town) -> None:
    """Home 3 hangs on an area that is out: out; home 12 on one that is moved: seconds. Counted."""
    await grid.install(town, network(without=("A003", "A012")))
    await town.submit(section("P1", *TRANSFER))

    found = await impact(town)
    assert counted(found) == {"out": 10, "short": 6}
    assert found["A003"].impact_class is ImpactClass.OUT
    placed = [f for f in (await present(town)).findings if f["code"] == "impact.placed_by_area"]
    assert placed[0]["found"].startswith("2 户")


async def test_an_account_under_two_areas_of_different_fates_is_reported_and_not_picked(
    town: Town,
) -> None:
    """The ledger has home 1 in 一里 (out), the model in 三里 (untouched): unknown, told as out."""
    await grid.install(town, network(elsewhere={"A001": "003"}))
    await town.submit(section("P1", *TRANSFER))

    assert (await impact(town))["A001"].impact_class is ImpactClass.UNKNOWN
    assert "impact.account_in_two_areas" in await codes(town)


async def test_two_areas_that_fare_alike_are_only_remarked(town: Town) -> None:
    """Both 三里 and 四里 keep their supply: nothing to tell, nothing to doubt."""
    await grid.install(town, network(elsewhere={"A020": "004", "A002": "002"}))
    await town.submit(section("P1", "open 901开关", "open F1"))

    found = await impact(town)
    assert "A020" not in found
    assert found["A002"].impact_class is ImpactClass.OUT
    assert "impact.account_in_two_areas" not in await codes(town)


async def test_a_plan_may_mix_a_modelled_feeder_and_one_of_the_ledger(either: Town) -> None:
    """东一线 by topology, the unmodelled 西一线 whole by ledger."""

    def only_east() -> grid.model.Network:
        built = grid.builder.NetworkBuilder("东")
        for node in ("BB", "e1", "e2", "e3"):
            built.add_node(node, node, 10.5)
        built.add_branch("s901", grid.SWITCH, "901开关", "BB", "e1", normal_open=False)
        built.add_branch("l101", grid.LINE, "东一线1号杆至8号杆", "e1", "e2")
        built.add_branch("f1", grid.SWITCH, "F1", "e2", "e3", normal_open=False)
        built.add_source("G", "BB")
        built.add_feeder("E", "10kV东一线", "城关变", "s901", "BB")
        built.add_area("001", "一里台区", [], ["e2"])
        built.add_area("002", "二里台区", [], ["e3"])
        for number in range(1, 17):
            place = "e2" if number < 11 else "e3"
            built.add_customer(account(number), place, "001" if number < 11 else "002")
        return built.finish()

    await grid.install(either, only_east())
    await either.submit(section("P1", "open F1", work=(), equipment=("10kV东一线", "10kV西一线")))

    found = await impact(either)
    assert {a for a, g in found.items() if g.knowledge is Knowledge.TOPOLOGY} == {
        account(n) for n in range(11, 17)
    }
    assert {a for a, g in found.items() if g.knowledge is Knowledge.LEDGER} == {
        account(n) for n in range(17, 29)
    }


async def test_a_plan_about_feeders_that_no_model_holds_goes_by_ledger(town: Town) -> None:
    """With a remark; steps of a plan do not make a model."""

    def elsewhere() -> grid.model.Network:
        built = grid.builder.NetworkBuilder("别处")
        built.add_node("x", "x", 10.5)
        built.add_source("G", "x")
        return built.finish()

    await grid.install(town, elsewhere())
    await town.submit(section("P1", *TRANSFER, equipment=("10kV东一线",), work=()))
    ledger_codes = await codes(town)
    town.store.topology = None
    await town.submit(section("P2", *TRANSFER, equipment=("10kV东一线",), work=()))

    assert counted(await impact(town)) == {"out": 16}
    assert "switching.not_in_model" in ledger_codes
    assert "switching.no_model" in await codes(town, "P2")
    assert (await present(town)).network is None


# --- Proposals -------------------------------------------------------------------------------------


async def test_a_place_of_work_gets_proposals_and_goes_by_the_whole_feeder_until_one_is_confirmed(
    town: Town,
) -> None:
    """Isolation alone, and with the tie by open and by closed transition, each with its counts."""
    await town.submit(section("P1"))
    assert counted(await impact(town)) == {"out": 16}
    assert "trace.proposal_waiting" in await codes(town)

    listed = await proposals.propose(town.store, "P1")
    assert [(p.order.value, p.out, p.short) for p in listed.proposals] == [
        ("closed_transition", 10, 0),
        ("open_transition", 10, 6),
        ("open_transition", 16, 0),
    ]
    assert [str(step) for step in listed.proposals[1].steps] == [
        "open s901", "open f1", "close l12",
    ]  # fmt: skip

    await proposals.confirm(
        town.store, "P1", 2, expected=listed.key, now=town.clock.now(), actor="wang"
    )

    revision = await present(town)
    assert (revision.number, revision.change) == (2, Change.REVISED)
    assert counted(await impact(town)) == {"out": 10, "short": 6}
    assert "trace.proposal_waiting" not in await codes(town)
    assert revision.difference == {"added": 0, "removed": 0, "changed": 6, "unchanged": 10}


async def test_a_proposal_that_was_not_looked_at_is_not_confirmed(town: Town) -> None:
    """Another network proposes otherwise; a number beyond the list is none."""
    await town.submit(section("P1"))
    listed = await proposals.propose(town.store, "P1")
    await grid.install(town, network(tie_open=True, without=("A001",)))

    with pytest.raises(proposals.ProposalsChanged):
        await proposals.confirm(
            town.store, "P1", 1, expected=listed.key, now=town.clock.now(), actor="wang"
        )
    with pytest.raises(proposals.NoSuchProposal):
        await proposals.confirm(town.store, "P1", 9, now=town.clock.now(), actor="wang")


async def test_nothing_is_proposed_for_what_the_network_does_not_know(town: Town) -> None:
    """A plan of a whole feeder, and a place that is in no model."""
    await town.submit(plan("P1"))
    await town.submit(section("P2", work=("南山坡",), equipment=("10kV东一线",)))

    for number in ("P1", "P2"):
        with pytest.raises(proposals.NothingToPropose):
            await proposals.propose(town.store, number)
    assert counted(await impact(town, "P2")) == {"out": 16}
    assert "trace.unknown_target" in await codes(town, "P2")


# --- A newer network, a mended ledger --------------------------------------------------------------


async def test_a_newer_network_is_shown_before_it_is_used_and_taken_by_an_act(either: Town) -> None:
    """The frozen impact stands; comparing names who would be added or dropped; re-matching takes it,
    and the approval is void."""
    await either.submit(section("P1", "open F1", work=()))
    await either.approve("P1")
    await either.settle()
    assert counted(await impact(either)) == {"out": 6}

    await grid.install(either, network(elsewhere={"A001": "002", "A011": "001"}))
    await either.settle()
    revision = await present(either)
    found = await rechecking.compare(either.store, revision, now=either.clock.now())
    resting = await basis.basis(either.store, revision)

    assert counted(await impact(either)) == {"out": 6}
    assert {name: found.counts[name] for name in ("added", "removed")} == {"added": 1, "removed": 0}
    assert (resting.network.id if resting.network else 0, resting.newer is not None) == (1, True)
    assert (
        await either.scalar(
            "SELECT count(*) FROM exception WHERE kind = 'impact_outdated' AND closed_at IS NULL"
        )
        == 1
    )

    await plans.rematch(either.store, "P1", note="新模型", now=either.clock.now(), actor="wang")

    revision = await present(either)
    assert (revision.change, revision.network) == (Change.REMATCHED, (2, 0))
    assert (await plans.find(either.store, "P1")).state is PlanState.SUBMITTED
    await either.approve("P1")
    await either.settle()
    assert (
        await either.scalar(
            "SELECT count(*) FROM exception WHERE kind = 'impact_outdated' AND closed_at IS NULL"
        )
        == 0
    )


async def test_a_plan_is_not_approved_on_an_impact_that_the_network_no_longer_bears_out(
    town: Town,
) -> None:
    """The tie is closed by now: nobody behind the section goes out; matched anew, it is approved."""
    await town.submit(section("P1", "open F1", work=()))
    await grid.install(town, network(tie_open=False))

    with pytest.raises(PlanBlocked, match=r"impact\.model_changed|trace\."):
        await town.approve("P1")


async def test_a_plan_blocked_by_an_unknown_line_is_matched_anew_once_the_ledger_is_mended(
    town: Town,
) -> None:
    """The same content again would change nothing; re-matching finds the line."""
    await town.submit(plan("P1", feeders=("10kV南一线",)))
    assert "equipment.unknown" in await codes(town)
    async with town.store.database.write() as connection:
        from sqlalchemy import update

        from notifier.domain import names
        from notifier.store import schema

        await connection.execute(
            update(schema.feeder)
            .where(schema.feeder.c.id == 2)
            .values(name="10kV南一线", key=names.feeder_key("10kV南一线"))
        )

    await plans.rematch(town.store, "P1", note="", now=town.clock.now(), actor="wang")

    assert await codes(town) == []
    assert counted(await impact(town)) == {"out": 12}
    await town.approve("P1")


async def test_moving_a_traced_plan_keeps_its_points(either: Town) -> None:
    """Only times change: the usage points of the revision before hold."""
    await either.submit(section("P1", *TRANSFER))
    await plans.revise(
        either.store, "P1", section("P1", *TRANSFER, windows=(window(21, 8, 18),)),
        note="", now=either.clock.now(), actor="wang",
    )  # fmt: skip

    revision = await present(either)
    found = await impact(either)
    assert revision.points_id != revision.id
    assert counted(found) == {"out": 10, "short": 6}
    assert found["A001"].windows == (window(21, 8, 18),)


async def test_the_picture_shows_what_is_out_and_what_is_moved(town: Town) -> None:
    """Of the plan's own steps, of a proposal, and of nothing where there is nothing."""
    await town.submit(section("P1", *TRANSFER))
    await town.submit(section("P2"))

    own = await basis.picture(town.store, "P1", now=town.clock.now())
    proposed = await basis.picture(town.store, "P2", proposal=3, now=town.clock.now())

    assert own.startswith("<svg")
    assert "L12" in own
    assert own != proposed
    with pytest.raises(basis.NoDiagram):
        await basis.picture(town.store, "P2", now=town.clock.now())


async def test_one_account_in_the_wrong_place_does_not_move_its_neighbours(town: Town) -> None:
    """The model has home 20 of 三里 behind the section; 三里's others, which it lacks, stay as they are."""
    others = tuple(account(n) for n in range(17, 27) if n != 20)
    await grid.install(town, network(elsewhere={"A020": "001"}, without=others))
    await town.submit(section("P1", *TRANSFER))

    found = await impact(town)
    assert found["A020"].impact_class is ImpactClass.UNKNOWN
    assert not set(others) & found.keys()


async def test_who_is_unknown_is_told_as_out_and_stands_on_the_list(town: Town) -> None:
    """Home 1, under two areas of different fates: a message as for an outage, and somebody to mend it."""
    await grid.install(town, network(elsewhere={"A001": "003"}))
    await town.submit(section("P1", *TRANSFER))
    await town.approve("P1")
    await town.run_until(local(14, 12))

    told = dict(town.told())
    assert "08:00-18:00" in told[phone(1)]
    assert (
        await town.scalar(
            "SELECT people FROM exception WHERE kind = 'impact_unknown' AND closed_at IS NULL"
        )
        == 1
    )


async def test_a_plan_under_way_that_takes_longer_keeps_its_people(town: Town) -> None:
    """By then the switches stand as the plan has put them, and the overlay says so: whoever is out is
    out for longer, the seconds at the end move with it, and nobody is told that it is off."""
    await town.submit(section("P1", *TRANSFER))
    await town.approve("P1")
    await town.run_until(local(20, 10))
    before = len(town.told())
    await grid.install(town, network(tie_open=False))

    await plans.delay(
        town.store, town.setting, "P1", local(20, 21), note="", now=town.clock.now(), actor="li"
    )
    await town.run_until(local(20, 12))

    found = await impact(town)
    assert counted(found) == {"out": 10, "short": 6}
    assert [(w.starts_at, w.ends_at) for w in found["A001"].windows] == [
        (local(20, 8), local(20, 21))
    ]
    assert (found["A011"].windows[1].starts_at, found["A011"].windows[1].ends_at) == (
        local(20, 20, 45),
        local(20, 21, 15),
    )
    late = dict(town.told()[before:])
    assert {phone(n) for n in range(1, 11)} - {phone(2)} <= late.keys()
    assert all("取消" not in text for text in late.values())
    assert (
        await town.scalar(
            "SELECT count(*) FROM exception WHERE kind = 'impact_outdated' AND closed_at IS NULL"
        )
        == 0
    )


async def test_steps_back_with_times_move_with_a_delayed_end(town: Town) -> None:
    """Written for half an hour before the end: half an hour before the new end."""
    timed = (
        *steps("open 901开关", "open F1", "close L12", at=local(20, 8)),
        *steps("open L12", "close F1", "close 901开关", at=local(20, 17, 30)),
    )
    await town.submit(section("P1", timed=timed))
    await town.approve("P1")
    first = (await impact(town))["A001"].windows
    await town.run_until(local(20, 10))
    await plans.delay(
        town.store, town.setting, "P1", local(20, 20), note="", now=town.clock.now(), actor="li"
    )

    assert [(w.starts_at, w.ends_at) for w in first] == [(local(20, 8), local(20, 17, 40))]
    assert [(w.starts_at, w.ends_at) for w in (await impact(town))["A001"].windows] == [
        (local(20, 8), local(20, 19, 40))
    ]


async def test_what_the_plan_names_as_out_and_the_steps_keep_supplied_is_doubted(
    town: Town,
) -> None:
    """二里 is named beside 一里, and the tie keeps it: one of the two is wrong."""
    named = replace(
        section("P1", *TRANSFER),
        equipment=tuple(
            Equipment(name=name, kind=EquipmentKind.AREA) for name in ("一里台区", "二里台区")
        ),
    )
    moved = Transfer(
        equipment=(Equipment(name="一里台区", kind=EquipmentKind.AREA),),
        transition=Transition.OPEN,
        spans=(window(20, 8, 9),),
    )
    await town.submit(replace(named, transfers=(moved,)))
    await town.submit(section("P2", *TRANSFER, work=()))

    (doubt,) = [f for f in (await present(town)).findings if f["code"] == "impact.named_not_out"]
    assert "二里台区" in doubt["found"]
    assert "一里台区" not in doubt["found"]
    assert "transfer.not_switched" in await codes(town)
    assert "switching.no_place_of_work" in await codes(town, "P2")


async def test_a_short_transfer_by_steps_is_told_as_its_spans(town: Town) -> None:
    """Nobody is out: 二里 for seconds in the first span and again in the second. Left without supply,
    it would be no short transfer."""
    spans = (
        Window(local(20, 22), local(20, 22, 15)),
        Window(local(21, 6), local(21, 6, 15)),
    )
    short = section(
        "P1", "open F1", "close L12", windows=spans, work=(), kind=PlanKind.SHORT_TRANSFER
    )
    await town.submit(short)
    await town.submit(
        section("P2", "open F1", windows=spans, work=(), kind=PlanKind.SHORT_TRANSFER)
    )

    found = await impact(town)
    assert counted(found) == {"short": 6}
    assert found["A011"].windows == spans
    assert await codes(town) == []
    assert "transfer.leaves_out" in await codes(town, "P2")


async def test_a_closed_transfer_is_on_record_and_tells_nobody(town: Town) -> None:
    """Matched, approved, and nothing sent; the decision says why."""
    await town.submit(
        section(
            "P1", "close L12", "open F1", windows=(Window(local(20, 22), local(20, 22, 15)),),
            work=(), kind=PlanKind.SHORT_TRANSFER,
        )
    )  # fmt: skip
    await town.approve("P1")
    await town.run_until(local(20, 23))

    assert counted(await impact(town)) == {"transferred_live": 6}
    assert town.told() == []
    assert await town.scalar("SELECT count(*) FROM decision WHERE reason = 'transition.closed'") > 0


async def test_a_section_that_only_stands_among_the_equipment_is_a_place_of_work(
    town: Town,
) -> None:
    """As bureaus write it, with the voltage before it, or as two poles of a line."""
    for number, name in (("P1", "10kV东一线1号杆至8号杆"), ("P2", "10kV e2至e3")):
        named = replace(
            section(number, work=()),
            equipment=(Equipment(name=name, kind=EquipmentKind.SECTION),),
        )
        await town.submit(named)

    assert await codes(town) == ["trace.proposal_waiting"]
    assert counted(await impact(town)) == {"out": 16}
    assert [p.out for p in (await proposals.propose(town.store, "P1")).proposals] == [10, 10, 16]
    assert (await proposals.propose(town.store, "P2")).work == "e2–e3"
