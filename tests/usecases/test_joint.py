"""Plans that share an outage (同停) tell each person once, from the announcement to the end."""

from collections import Counter
from dataclasses import replace

import pytest

from notifier.domain.plan import PlanState
from notifier.store.engine import Database
from notifier.usecases import joints, plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

#: 一里: 9 phones of homes and a tenant; 二里: 6 homes and their manager.
FIRST = {towns.phone(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 29)}
SECOND = {towns.phone(n) for n in (11, 12, 13, 14, 15, 16, 30)}


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def first(**changes: object) -> plans.PlanContent:
    """P1: the whole of 东一线 (一里, 二里) from 8 to 12."""
    return replace(plan("P1", windows=[window(20, 8, 12)]), works="更换开关", **changes)


def second(**changes: object) -> plans.PlanContent:
    """P2: 一里 from 8 to 14."""
    return replace(
        plan("P2", feeders=(), areas=("一里台区",), windows=[window(20, 8, 14)]),
        works="检修变压器",
        **changes,
    )


async def both(town: Town) -> None:
    """Both plans, joined and approved."""
    await town.submit(first())
    await town.submit(second())
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.approve("P2")


async def test_an_outage_of_two_plans_is_announced_once_with_the_union_of_their_windows(
    town: Town,
) -> None:
    """Whoever is in both hears from 8 to 14; whoever is in one hears of that one, from 8 to 12."""
    await both(town)

    await town.run_until(local(14, 9))

    told = town.told()
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert all("14:00" in text for address, text in told if address in FIRST)
    assert all("12:00" in text for address, text in told if address in SECOND)
    assert all("更换开关、检修变压器" in text for address, text in told if address in FIRST)
