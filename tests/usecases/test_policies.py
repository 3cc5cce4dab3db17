"""A policy shows what it would alter before it is in force."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.channel import Medium
from notifier.domain.notice import Stage
from notifier.domain.policy import Policy
from notifier.intake.policies import policy_from_dict, read_policy, read_policy_file
from notifier.store.engine import Database
from notifier.usecases import policies
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


def without(policy: Policy, stage: Stage) -> Policy:
    return replace(
        policy, version="x", rules=tuple(rule for rule in policy.rules if rule.stage is not stage)
    )


async def compare(town: Town, policy: Policy) -> policies.Comparison:
    return await policies.compare(town.store, town.setting, policy, now=town.clock.now())


async def test_the_same_policy_alters_nothing(town: Town) -> None:
    """Whatever has been sent already."""
    await town.submit(plan())
    await town.approve("P1")

    early = await compare(town, town.setting.policy)
    await town.run_until(local(14, 9))
    late = await compare(town, town.setting.policy)

    assert (early.plans, early.altered) == (1, ())
    assert late.altered == ()


async def test_what_is_no_longer_said_is_removed_with_its_people(town: Town) -> None:
    """And the other way round added: 17 people lose their reminder."""
    await town.submit(plan())
    await town.approve("P1")
    quiet = without(town.setting.policy, Stage.REMINDER)

    found = await compare(town, quiet)
    town.setting = replace(town.setting, policy=quiet)
    back = await compare(town, read_policy("cn"))

    sms = [row for row in found.summary() if row["medium"] == "sms" and row["rung"] == 0]
    assert sms == [
        {
            "change": "removed",
            "stage": "reminder",
            "medium": "sms",
            "rung": 0,
            "plans": 1,
            "people": 17,
        }
    ]
    assert {item.change.value for item in back.altered} == {"added"}
    assert all(item.was_due_at is None for item in back.altered)


async def test_what_moves_says_from_when_to_when(town: Town) -> None:
    """A longer lead time; a notice that went out already does not move."""
    await town.submit(plan())
    await town.approve("P1")
    policy = town.setting.policy
    earlier = replace(
        policy,
        rules=tuple(
            replace(rule, lead=rule.lead + timedelta(days=1))
            if rule.stage is Stage.ADVANCE and rule.lead is not None
            else rule
            for rule in policy.rules
        ),
    )

    found = await compare(town, earlier)
    await town.run_until(local(14, 9))
    afterwards = await compare(town, earlier)

    moved = next(item for item in found.altered if item.medium == Medium.SMS.value)
    assert moved.change is policies.Alteration.MOVED
    assert moved.was_due_at is not None
    assert moved.due_at is not None
    assert moved.was_due_at - moved.due_at == timedelta(days=1)
    assert not any(item.stage == "advance" for item in afterwards.altered)
    assert found.as_dict(towns.ZONE)["altered"][0]["plan"] == "P1"


async def test_a_policy_in_force_is_kept_as_its_file(town: Town) -> None:
    """Approved plans are looked at again, and the version is that of the file."""
    await town.submit(plan())
    await town.approve("P1")
    await town.settle()
    body = read_policy_file("gb")
    policy = policy_from_dict(body)

    marked = await policies.put_in_force(town.store, policy, body, now=town.clock.now(), actor="li")

    async with town.store.read() as tx:
        kept = await tx.applied_policy()
    assert marked == 1
    assert kept is not None
    assert policy_from_dict(kept) == policy
    assert await town.scalar("SELECT count(*) FROM audit WHERE action = 'policy.applied'") == 1
    assert await town.scalar("SELECT count(*) FROM plan WHERE reconcile_at IS NOT NULL") == 1
