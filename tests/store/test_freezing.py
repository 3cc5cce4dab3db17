"""Freezing many impacts at once, on both databases, and sweeping what nobody came to hold."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.matching import Match
from notifier.domain.window import Window
from notifier.store import freezing, schema
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, plan

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GROUPS = tuple(
    Group(number=number, impact_class=ImpactClass.OUT, windows=(window,), knowledge=knowledge)
    for number, window, knowledge in (
        (1, Window(NOW, NOW + timedelta(hours=8)), Knowledge.LEDGER),
        (2, Window(NOW, NOW + timedelta(hours=2)), Knowledge.TOPOLOGY),
    )
)


def match(areas: dict[int, int], points: dict[int, int], traced: dict[int, int]) -> Match:
    return Match(
        groups=GROUPS, areas=areas, feeders={1: 1}, findings=(), points=points, traced_areas=traced
    )


#: Whole areas, a traced one beside them, one customer who was traced in a whole area, and nobody.
MATCHES = [
    match({1: 1, 2: 1}, {}, {}),
    match({3: 1}, {1: 2, 2: 2, 17: 2}, {1: 2}),
    match({}, {}, {}),
    match({2: 1, 4: 1}, {11: 2}, {}),
]


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def frozen(store: Ledger, points_id: int) -> dict[int, int]:
    async with store.read() as tx:
        return await tx.impacts.frozen(points_id)


@pytest.mark.parametrize("step", [1, 3, 10_000])
async def test_many_impacts_frozen_at_once_stand_each_for_itself(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """However few rows a step writes: every match has the usage points that it takes, in its groups."""
    monkeypatch.setattr(freezing, "_POINTS_A_STEP", step)
    async with town.store.desk() as desk:
        numbers = await desk.freeze(MATCHES)
        again = await desk.freeze(MATCHES[:1])

    async with town.store.read() as tx:
        claimed = [await tx.impacts.claimed(each) for each in MATCHES]
        areas = [await tx.impacts.areas(number) for number in numbers]
    assert [await frozen(town.store, number) for number in numbers] == claimed
    assert areas == [dict(m.traced_areas) | dict(m.areas) for m in MATCHES]
    assert len({*numbers, *again}) == len(MATCHES) + 1
    assert all(number < 0 for number in numbers)


async def test_what_died_with_whoever_froze_it_is_swept(town: Town) -> None:
    """What a revision holds stays; what none holds goes, areas and usage points."""
    await town.submit(plan())
    async with town.store.read() as tx:
        stored = await tx.plans.find("P1")
        assert stored is not None
        held = (await tx.plans.revision(stored.id, 1)).points_id
    assert held is not None
    async with town.store.desk() as desk:
        orphans = await desk.freeze(MATCHES[:2])

    async with town.store.desk() as desk:
        swept = await desk.sweep()
        nothing = await desk.sweep()

    assert (swept, nothing) == (2, 0)
    assert len(await frozen(town.store, held)) == 16
    async with town.store.database.read() as connection:
        for table in (schema.impact_point, schema.impact_area):
            rows = await connection.execute(select(table.c.points_id).distinct())
            assert [row.points_id for row in rows] == [held]
    async with town.store.write() as tx:
        assert await tx.impacts.swept([held, *orphans]) == {held, *orphans}
    async with town.store.desk() as desk:
        fresh = await desk.freeze(MATCHES[:1])
    async with town.store.write() as tx:
        assert await tx.impacts.swept(fresh) == set()


async def test_a_store_in_which_nothing_was_frozen_is_swept_in_vain(town: Town) -> None:
    """The first start of all."""
    async with town.store.desk() as desk:
        assert await desk.sweep() == 0
        assert await desk.freeze([]) == []
