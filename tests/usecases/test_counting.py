"""Interruptions follow plans, and reports follow interruptions: the town through a month."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.domain.plan import Transition
from notifier.domain.reliability import Counting
from notifier.domain.reliability_report import By, Report
from notifier.store.engine import Database
from notifier.store.reliability import Reliability
from notifier.usecases import counting, plans, reliability
from notifier.vault import Vault
from tests.usecases import town
from tests.usecases.town import Town, local, plan, window

RULES = Counting()


@pytest.fixture
async def here(database: Database, vault: Vault) -> Town:
    """The town, on both databases."""
    return await town.build(database, vault)


async def rows(here: Town) -> list[tuple[Any, ...]]:
    """Kind, area, start, end and firmness of every interruption."""
    await counting.catch_up(here.store)
    async with here.store.read() as tx:
        found = await Reliability(tx.connection).traced(
            reliability.look_back(local(1, 0), local(31, 0), RULES, local(31, 0))
        )
    return [
        (row.kind.name, row.area, row.starts_at, row.ends_at, row.plan, row.revision)
        for row in found
    ]


async def report(here: Town, by: By = By.BUREAU) -> Report:
    await counting.catch_up(here.store)
    async with here.store.read() as tx:
        return await reliability.report(
            tx, Reliability(tx.connection), local(1, 0), local(31, 0),
            by=by, rules=RULES, zone=town.ZONE, now=here.clock.now(),
        )  # fmt: skip


async def approved(here: Town, number: str = "P1", **what: Any) -> None:
    await here.submit(plan(number, **what))
    await here.approve(number)


async def restored(here: Town, at: datetime, number: str = "P1") -> None:
    await plans.restore(
        here.store, here.setting, number, at, note="", now=here.clock.now(), actor="li"
    )


async def test_a_plan_takes_out_the_areas_of_its_frozen_impact(here: Town) -> None:
    """One row an area and window, and doing it again changes nothing."""
    await approved(here)

    expected = [
        ("OUT", area, local(20, 8), local(20, 18), "P1", 1) for area in ("一里台区", "二里台区")
    ]
    assert await rows(here) == expected
    await counting.follow(here.store, 1)
    assert await rows(here) == expected
    assert await here.scalar("SELECT count(*) FROM interruption") == 2
    assert await counting.catch_up(here.store) == 0


async def test_the_indices_of_one_outage_can_be_reckoned_by_hand(here: Town) -> None:
    """16 of 28 customers without supply for ten hours, once it is over and not before."""
    await approved(here)
    here.clock.set(local(20, 12))
    assert (await report(here)).total.interruptions == 0

    here.clock.set(local(21, 0))
    found = (await report(here)).total

    assert (found.served, found.events) == (28, 1)
    assert found.saifi == pytest.approx(16 / 28)
    assert found.saidi == pytest.approx(16 * 600 / 28)
    assert found.caidi == pytest.approx(600)
    assert (found.maifi, found.cemi) == (0, 0)


async def test_a_transfer_is_counted_at_the_transfer_and_at_the_transfer_back(here: Town) -> None:
    """Twice for whoever blinks, in MAIFI only; a closed transition is counted for nobody."""
    spans = (window(20, 7, 8), window(20, 18, 19))
    await approved(here, areas=["一里台区"], feeders=(), transferred=["三里台区"], spans=spans)
    await approved(
        here, "P2", feeders=(), windows=(), transferred=["四里台区"], spans=spans,
        transition=Transition.CLOSED,
    )  # fmt: skip
    here.clock.set(local(21, 0))

    lines = {line.name: line.indices for line in (await report(here, By.AREA)).lines}

    assert set(lines) == {"一里台区", "三里台区"}
    assert lines["三里台区"].maifi == 2
    assert lines["三里台区"].saifi == 0
    assert lines["一里台区"].saifi == 1


async def test_early_and_late_restoration_are_what_really_happened(here: Town) -> None:
    """The outage ended when supply came back, whatever the plan said."""
    for hours, number, day in ((4, "P1", 20), (12, "P2", 22)):
        await approved(here, number, windows=(window(day, 8, 18),))
        here.clock.set(local(day, 8) + timedelta(hours=hours + 1))
        await restored(here, local(day, 8) + timedelta(hours=hours), number)

    assert [(r[2], r[3]) for r in await rows(here)] == [
        *[(local(20, 8), local(20, 12))] * 2,
        *[(local(22, 8), local(22, 20))] * 2,
    ]
    assert (await report(here)).total.caidi == pytest.approx(8 * 60)


async def test_a_cancelled_plan_takes_nobody_out(here: Town) -> None:
    """Nor does one that was never approved."""
    await approved(here)
    await here.submit(plan("P2", windows=(window(21, 8, 18),)))
    await plans.cancel(here.store, here.setting, "P1", note="", now=here.clock.now(), actor="li")
    here.clock.set(local(25, 0))

    assert (await report(here)).total.events == 0


async def test_a_plan_that_cannot_be_counted_costs_no_other(
    here: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fault is raised, after the others had their turn."""
    await approved(here, "P1")
    await approved(here, "P2", feeders=["10kV西一线"])
    follow = counting.follow

    async def fail_one(store: Any, plan_id: int) -> None:
        if plan_id == 1:
            raise OSError("the disk")
        await follow(store, plan_id)

    monkeypatch.setattr(counting, "follow", fail_one)
    with pytest.raises(OSError, match="the disk"):
        await counting.catch_up(here.store)

    assert await here.scalar("SELECT count(*) FROM interruption WHERE plan_id = 2") == 2
    assert await here.scalar("SELECT count(*) FROM interruption WHERE plan_id = 1") == 0


async def test_a_row_that_could_not_be_read_is_counted_as_nothing(here: Town) -> None:
    """A draft without windows is in step, with no interruption."""
    await here.submit(plan(windows=()))

    assert await counting.catch_up(here.store) == 1
    assert await counting.catch_up(here.store) == 0
    assert await rows(here) == []


async def test_the_repeat_list_names_places_and_grades(here: Town) -> None:
    """Three outages put an area on it; a transfer stands beside the count."""
    for number, day in (("P1", 3), ("P2", 5), ("P3", 7)):
        await approved(here, number, feeders=["10kV西一线"], windows=(window(day, 8, 18),))
    await approved(
        here, "P4", feeders=(), windows=(), transferred=["四里台区"], spans=(window(9, 7, 8),)
    )
    here.clock.set(local(20, 0))
    await counting.catch_up(here.store)

    async with here.store.read() as tx:
        found = await reliability.repeats(tx, Reliability(tx.connection), here.clock.now(), RULES)
        none = await reliability.repeats(
            tx, Reliability(tx.connection), local(31, 0) + timedelta(days=60), RULES
        )

    assert (found.customers, none.places) == (12, ())
    assert [
        (p.area, p.outs, p.shorts, p.customers, p.sensitive, p.critical) for p in found.places
    ] == [
        ("三里台区", 3, 0, 10, 0, 0),
        ("四里台区", 3, 1, 2, 1, 1),
    ]
    assert (await report(here)).total.cemi == pytest.approx(12 / 28)


async def test_months_and_feeders_add_up_to_the_bureau(here: Town) -> None:
    """Every way of dividing comes to the same sum."""
    await approved(here, "P1", windows=(window(3, 8, 18), window(25, 8, 12)))
    await approved(here, "P2", feeders=["10kV西一线"], windows=(window(10, 8, 18),))
    here.clock.set(local(30, 0))

    whole = (await report(here)).total
    for by in (By.AREA, By.FEEDER, By.STATION, By.MONTH):
        lines = [line.indices for line in (await report(here, by)).lines]
        assert sum(line.interruptions for line in lines) == whole.interruptions == 44
        assert sum((line.duration for line in lines), timedelta()) == whole.duration


async def test_fulfilment_measures_what_was_told_first(here: Town) -> None:
    """As announced, late, cancelled; what nobody was told of is not announced."""
    for number, day in (("P1", 12), ("P2", 13), ("P3", 14)):
        await approved(here, number, windows=(window(day, 8, 18),))
    await here.submit(plan("P4", windows=(window(15, 8, 18),)))
    await here.run_until(local(11, 0))
    await plans.cancel(here.store, here.setting, "P3", note="", now=here.clock.now(), actor="li")
    await here.run_until(local(13, 17))
    await plans.delay(
        here.store, here.setting, "P2", local(13, 20), note="", now=here.clock.now(), actor="li"
    )
    await here.run_until(local(16, 0))

    async with here.store.read() as tx:
        sources = Reliability(tx.connection)
        found = await reliability.fulfilment(
            sources, local(1, 0), local(31, 0), rules=RULES, now=here.clock.now()
        )
        mild = await reliability.fulfilment(
            sources, local(1, 0), local(31, 0),
            rules=replace(RULES, tolerance=timedelta(hours=3)), now=here.clock.now(),
        )  # fmt: skip

    assert [(plan.number, why) for plan, why in found.plans] == [
        ("P1", ""), ("P2", "late"), ("P3", "not_done"),
    ]  # fmt: skip
    assert found.total.rate == pytest.approx(1 / 3)
    assert mild.by_kind["planned"].fulfilled == 2


async def test_a_period_that_ends_before_it_begins_is_refused(here: Town) -> None:
    """Not answered with zeros."""
    async with here.store.read() as tx:
        with pytest.raises(reliability.PeriodInvalid):
            await reliability.report(
                tx, Reliability(tx.connection), local(5, 0), local(5, 0),
                by=By.AREA, rules=RULES, zone=town.ZONE, now=here.clock.now(),
            )  # fmt: skip
