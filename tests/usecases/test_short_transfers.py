"""Transfers of seconds, from the plan to the phone: by night, closed, and opened at the last minute."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.plan import PlanContent, PlanKind, Transition
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.usecases import plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

HOSPITAL, HATCHERY = towns.phone(27), towns.phone(28)
WEST = ("三里台区", "四里台区")


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def span(day: int, hour: int) -> Window:
    return Window(local(day, hour), local(day, hour) + timedelta(minutes=15))


def transfer(*spans: Window, transition: Transition = Transition.OPEN) -> PlanContent:
    """Feeder 西一线 moved over and back: ten flats, a hospital and a hatchery."""
    return plan(
        feeders=(), windows=(), transferred=WEST, spans=spans, transition=transition,
        kind=PlanKind.SHORT_TRANSFER,
    )  # fmt: skip


async def test_seconds_at_night_reach_the_hospital_and_the_hatchery_and_no_flat(
    town: Town,
) -> None:
    """And the ledger says why of each of the ten flats."""
    await town.submit(transfer(span(20, 2), span(20, 5)))
    await town.approve("P1")
    await town.run_until(local(20, 6))

    assert {address for address, _ in town.told()} == {HOSPITAL, HATCHERY}
    text = next(text for address, text in town.told() if address == HATCHERY)
    assert "02:00-02:15之间切换、05:00-05:15之间切回，各停约几秒钟" in text
    assert "风机" in text
    assert (
        await town.scalar(
            "SELECT sum(people) FROM decision WHERE reason = 'quiet_hours.seconds'"
            " AND stage = 'advance'"
        )
        == 10
    )


async def test_a_transition_that_opens_at_the_last_minute_is_told_anew(town: Town) -> None:
    """Closed: nobody hears, twelve decisions say so; open an hour before: everybody does, at once."""
    closed = transfer(span(20, 9), span(20, 17), transition=Transition.CLOSED)
    await town.submit(closed)
    await town.approve("P1")
    await town.run_until(local(20, 8))
    before = town.told()
    spared = await town.scalar(
        "SELECT sum(people) FROM decision WHERE reason = 'transition.closed'"
    )

    opened = replace(
        closed,
        transfers=(replace(closed.transfers[0], transition=Transition.OPEN),),
    )
    await plans.revise(
        town.store, "P1", opened, note="联络开关缺陷", now=town.clock.now(), actor="wang"
    )
    await town.approve("P1")
    await town.run_until(local(20, 8, 5))

    assert before == []
    assert spared == 12
    texts = dict(town.told())
    assert len(texts) == 12
    assert all("各停约几秒钟" in text for text in texts.values())


async def test_a_transition_that_closes_releases_those_who_were_told(town: Town) -> None:
    """Once, in the words of what they were told."""
    opened = transfer(span(20, 9), span(20, 17))
    await town.submit(opened)
    await town.approve("P1")
    await town.run_until(local(19, 12))
    count = len(town.told())

    closed = replace(
        opened, transfers=(replace(opened.transfers[0], transition=Transition.CLOSED),)
    )
    await plans.revise(town.store, "P1", closed, note="", now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.run_until(local(20, 18))

    released = town.told()[count:]
    assert len(released) == 12
    assert all("短时停电有调整，您不再受影响" in text for _, text in released)
