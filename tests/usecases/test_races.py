"""Reconciling and sending at the same moment: what one has in hand is not lost to the other."""

from collections import Counter
from datetime import timedelta

import pytest

from notifier.store.engine import Database
from notifier.usecases import plans, reconcile
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def _with_everything_in_hand(town: Town) -> list[int]:
    """The plan is approved and due, and a slow worker holds all of its SMS batches."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))
    town.clock.set(local(13, 9))
    async with town.store.write() as tx:
        return await tx.batches.claim(
            "slow",
            "sms",
            now=local(13, 9),
            wall=town.clock.wall(),
            lease=timedelta(hours=1),
            limit=99,
        )


async def _give_back(town: Town, held: list[int]) -> None:
    async with town.store.write() as tx:
        await tx.batches.release("slow", held, town.clock.now(), "plan.not_reconciled")


async def test_a_batch_in_hand_while_its_plan_is_cancelled_is_withdrawn_afterwards(
    town: Town,
) -> None:
    """Reconciling cannot touch what somebody holds; once given back it is looked at again, and does
    not lie in the queue until its time is over."""
    held = await _with_everything_in_hand(town)
    assert held
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.settle()

    await _give_back(town, held)
    await town.run_until(town.clock.now() + timedelta(minutes=5))

    assert await town.scalar("SELECT count(*) FROM batch WHERE state = 0") == 0
    assert await town.scalar("SELECT count(*) FROM delivery WHERE code = 'too_late'") == 0
    assert town.told() == []


async def test_a_batch_in_hand_while_its_plan_is_moved_carries_the_new_time(town: Town) -> None:
    """Nobody goes without because somebody held the old message at the wrong moment."""
    held = await _with_everything_in_hand(town)
    await town.submit(plan(windows=(window(22, 8, 17),)))
    await town.approve("P1")
    await town.settle()

    await _give_back(town, held)
    await town.run_until(local(21, 20))

    first = Counter(address for address, text in town.told() if "22日" in text)
    assert len(first) == 17
    assert not [text for _, text in town.told() if "20日" in text]


async def test_a_wish_that_comes_while_the_plan_is_reconciled_is_another_one(town: Town) -> None:
    """A message that fails at this very moment is looked at after all."""
    await town.submit(plan())
    await town.approve("P1")
    now = town.clock.now()
    async with town.store.write() as tx:
        plan_id = await tx.plans.claim_for_reconciling(
            "w1", now=now, wall=town.clock.wall(), lease=timedelta(seconds=4)
        )
        assert plan_id is not None
    later = now + timedelta(seconds=20)
    async with town.store.write() as tx:
        await tx.plans.mark(plan_id, later)

    await reconcile.reconcile(town.store, town.setting, "w1", plan_id, now)

    assert await town.scalar("SELECT reconcile_at FROM plan") == int(later.timestamp() * 1000)
