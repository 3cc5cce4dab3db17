"""Accepting a merge of the balance meeting makes a joint outage; moving a plan away ends it."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from notifier.store.engine import Database
from notifier.usecases import joints
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.test_coordination import MARCH, Bureau, content, three
from tests.usecases.town import local


@pytest.fixture
async def bureau(sqlite_database: Database, vault: Vault) -> AsyncIterator[Bureau]:
    """On SQLite: the SQL of it has its own tests on both."""
    made = Bureau(await towns.build(sqlite_database, vault), sqlite_database)
    yield made
    await made.meetings.close()


async def together(bureau: Bureau, number: str) -> set[str]:
    return {plan.number for plan in await joints.partners(bureau.town.store, number)}


async def test_whoever_is_in_merged_works_is_told_once(bureau: Bureau) -> None:
    """Three works in one outage, all accepted: one announcement a person, from the first plan."""
    await three(bureau)
    run_id, _ = await bureau.hold()
    await bureau.accept(run_id)
    for number in ("P1", "P2", "P3"):
        await bureau.town.approve(number)

    await bureau.town.run_until(local(26, 9))

    assert await together(bureau, "P1") == {"P2", "P3"}
    assert await together(bureau, "P4") == set()
    announced = Counter(address for address, _ in bureau.town.told())
    assert len(announced) == 17
    assert set(announced.values()) <= {1, 2}, "an announcement, and perhaps the reminder"
    assert (
        await bureau.town.scalar(
            "SELECT count(DISTINCT c.plan_id) FROM campaign c JOIN delivery d ON d.campaign_id = c.id"
        )
        == 1
    )


async def test_what_is_accepted_alone_shares_with_what_is_in_place(bureau: Bureau) -> None:
    """Of the merged works only those that are accepted, or need not move, are told as one."""
    await three(bureau)
    run_id, items = await bureau.hold()
    moving = [n for n in ("P1", "P2", "P3") if items[n]["detail"]["is_change"]]
    in_place = {"P1", "P2", "P3"} - set(moving)

    await bureau.accept(run_id, moving[0])

    assert await together(bureau, moving[0]) == in_place
    await bureau.accept(run_id, *moving[1:])
    assert await together(bureau, moving[0]) == {"P1", "P2", "P3"} - {moving[0]}


async def test_a_plan_that_a_meeting_moves_away_is_told_for_itself(bureau: Bureau) -> None:
    """P2 stays where it is with P1; P3 is pinned elsewhere, and leaves them."""
    town = bureau.town
    await town.submit(content("P1", 24, "一里台区"))
    await town.submit(content("P2", 24, "二里台区"))
    await town.submit(content("P3", 24, "三里台区"))
    await joints.join(town.store, ["P1", "P2", "P3"], now=town.clock.now(), actor="wang")
    run_id, _ = await bureau.hold(replace(MARCH, pins={"P3": local(30, 8)}))

    await bureau.accept(run_id, "P3")

    assert await together(bureau, "P3") == set()
    assert await together(bureau, "P1") == {"P2"}


async def test_the_audit_says_who_joined_and_parted_what(bureau: Bureau) -> None:
    """Each plan's own trail has it, with the meeting that did it."""
    await three(bureau)
    run_id, _ = await bureau.hold()
    await bureau.accept(run_id)
    await joints.part(bureau.town.store, "P3", now=bureau.town.clock.now(), actor="li")

    async with bureau.database.read() as connection:
        result = await connection.exec_driver_sql(
            "SELECT subject, action, actor FROM audit WHERE action IN ('plan.joined', 'plan.parted')"
        )
        found = {tuple(row) for row in result}

    assert found >= {(number, "plan.joined", "wang") for number in ("P1", "P2", "P3")}
    assert ("P3", "plan.parted", "li") in found
