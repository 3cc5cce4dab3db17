"""A policy put in force is followed by what is laid out already, and by every process that runs."""

from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.notice import Stage
from notifier.intake.policies import policy_from_dict, read_policy_file
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.usecases import policies, reconcile
from notifier.usecases.preview import preview
from notifier.vault import Vault
from notifier.worker import Worker
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def _body(**advance: Any) -> dict[str, Any]:
    """The policy ``cn``, with every rule of the advance notice changed."""
    body = read_policy_file("cn")
    for rule in body["rules"]:
        if rule["stage"] == "advance":
            rule.update(advance)
    return body


async def _apply(town: Town, body: dict[str, Any]) -> policies.Comparison:
    policy = policy_from_dict(body)
    now = town.clock.now()
    found = await policies.compare(town.store, town.setting, policy, now=now)
    await policies.put_in_force(town.store, policy, body, now=now, actor="li")
    return found


async def _laid_out(town: Town) -> None:
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 12))  # an hour and more before the first is due


async def test_what_is_laid_out_moves_with_the_lead_time(town: Town) -> None:
    """Said before, done after: the comparison and what people get agree, and everybody hears once."""
    await _laid_out(town)
    told = len(town.told())

    found = await _apply(town, _body(lead="3d"))
    await town.run_until(local(16, 20))
    early = len(town.told())
    await town.run_until(local(17, 10))

    assert {item.change for item in found.altered if item.stage == "advance"} == {
        policies.Alteration.MOVED
    }
    assert early == told
    assert len({address for address, _ in town.told()}) == len(town.told()) == 17


async def test_a_longer_lead_time_is_due_at_once(town: Town) -> None:
    """What should have been out by now goes out."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(11, 12))
    assert town.told() == []

    await _apply(town, _body(lead="10d"))
    await town.run_until(local(11, 13))

    assert len(town.told()) == 17


async def test_other_media_carry_what_was_laid_out_for_the_first(town: Town) -> None:
    """A chain turned round: the laid out SMS is withdrawn, WeChat carries it."""
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE contact SET openid = 'o30', reach = 3 WHERE id = 30"
        )
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 10))

    await _apply(town, _body(media=["wechat", "sms"]))
    await town.run_until(local(14, 9))

    assert [address for address, _ in town.told("wechat")] == ["o30"]
    assert towns.phone(30) not in {address for address, _ in town.told()}
    assert len(town.told()) == 16


async def test_a_stage_that_is_no_longer_said_is_withdrawn(town: Town) -> None:
    """Reminders laid out under the old policy stay at home."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(18, 12))
    told = len(town.told())
    body = read_policy_file("cn")
    body["rules"] = [rule for rule in body["rules"] if rule["stage"] != Stage.REMINDER.value]

    await _apply(town, body)
    await town.run_until(local(20, 7))

    assert len(town.told()) == told


async def test_a_confirmation_wanted_of_what_is_to_come_is_waited_for(town: Town) -> None:
    """Changed, and shown as changed: the time is the same, what follows is not."""
    await _laid_out(town)

    found = await _apply(town, _body(confirm=True))
    await town.settle()

    assert policies.Alteration.CHANGED in {item.change for item in found.altered}
    unsent = "SELECT count(*) FROM batch b JOIN notice n ON n.id = b.notice_id WHERE b.state = 0"
    assert await town.scalar(f"{unsent} AND NOT n.confirm") == 0
    assert await town.scalar(unsent) > 0


async def test_what_has_gone_out_is_not_written_anew(town: Town) -> None:
    """The ledger says under which terms it was sent."""
    await _laid_out(town)
    await town.run_until(local(14, 9))
    query = "SELECT sum(due_at + matters_at) FROM notice WHERE id IN (SELECT notice_id FROM batch)"
    before = await town.scalar(query)

    await _apply(town, _body(lead="3d", confirm=True))
    await town.run_until(local(14, 10))

    assert await town.scalar(query) == before
    assert len(town.told()) == 17


async def test_a_process_that_started_under_the_old_policy_takes_over_the_new(town: Town) -> None:
    """Two settings as two processes hold them; neither is started again."""
    other = replace(town.setting)
    await town.submit(plan())
    await town.approve("P1")
    await town.settle()
    body = _body(lead="3d")
    version = policy_from_dict(body).version

    await _apply(town, body)
    done = await reconcile.reconcile_next(town.store, other, "w2", town.clock)

    assert done is not None
    assert other.policy.version == version
    assert town.setting.policy.version != version
    async with town.store.read() as tx:
        found = await tx.plans.find("P1")
    assert found is not None
    shown, _ = await preview(
        town.store, town.setting, town.outbox.renderer, found, town.clock.now()
    )
    assert shown.policy_version == version


async def test_a_worker_looks_after_the_policy_before_it_does_anything(town: Town) -> None:
    """Dispatching decides under the new one too, with no plan to reconcile."""
    worker = Worker(
        store=town.store,
        works=Works(town.store.database),
        outbox=town.outbox,
        idle=0.05,
        heartbeat=1.0,
        lanes=1,
    )
    body = _body(lead="3d")
    await _apply(town, body)

    await worker.reconcile_step()

    assert town.outbox.setting.policy.version == policy_from_dict(body).version


async def test_a_plan_settled_while_the_policy_changed_is_looked_at_again(town: Town) -> None:
    """The policy was put in force between claim and end: the plan asks again."""
    await town.submit(plan())
    await town.approve("P1")
    now = town.clock.now()
    async with town.store.write() as tx:
        claimed = await tx.plans.claim_for_reconciling(
            "w1", now=now, wall=town.clock.wall(), lease=town.setting.lease
        )
    assert claimed is not None
    await _apply(town, _body(lead="3d"))

    await reconcile.reconcile(town.store, town.setting, "w1", claimed, now)

    assert await town.scalar("SELECT count(*) FROM plan WHERE reconcile_at IS NOT NULL") == 1
    async with town.store.read() as tx:
        assert await tx.plans.asks_for_reconciling(now)
