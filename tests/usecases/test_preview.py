"""What an approver sees before signing: how many, by which media, in which words, at what cost."""

from collections import Counter
from dataclasses import replace

import pytest

from notifier.domain.plan import PlanState, Transition
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.usecases import plans
from notifier.usecases.preview import Preview, preview
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(sqlite_database: Database, vault: Vault) -> Town:
    return await towns.build(sqlite_database, vault)


async def _seen(town: Town) -> Preview:
    found = await plans.find(town.store, "P1")
    seen, _ = await preview(town.store, town.setting, town.outbox.renderer, found, town.clock.now())
    return seen


async def test_a_preview_counts_people_messages_and_parts(town: Town) -> None:
    """15 phones of 16 homes, a tenant, a manager and two notice boards; each advance notice and each
    reminder costs its parts."""
    await town.submit(plan())

    seen = await _seen(town)

    people: Counter[tuple[str, str]] = Counter()
    for line in seen.lines:
        people[line.stage, line.audience] += line.people
    assert seen.recipients == 19
    assert people["advance", "ordinary"] == 10
    assert people["advance", "high_rise"] == 6
    assert people["advance", "property_manager"] == 1
    assert people["advance", "entrance"] == 2
    parts = sum(line.parts * line.people for line in seen.lines if line.medium == "sms")
    assert seen.parts == parts >= 34
    assert seen.cost == round(parts * town.setting.policy.part_price, 2)
    assert seen.findings == ()


async def test_what_was_previewed_is_what_is_sent(town: Town) -> None:
    """As many messages, in the same words."""
    await town.submit(plan())
    seen = await _seen(town)

    await town.approve("P1")
    await town.run_until(local(20, 9))

    announced = sum(line.people for line in seen.lines if line.medium == "sms")
    assert len(town.told()) == announced
    texts = {text for _, text in town.told()}
    assert all(any(line.text in text or text in line.text for text in texts)
               for line in seen.lines if line.medium == "sms" and line.audience == "ordinary")  # fmt: skip


async def test_a_preview_schedules_nothing_and_changes_nothing(town: Town) -> None:
    """Looked at twice it says the same."""
    await town.submit(plan())

    first, second = await _seen(town), await _seen(town)

    assert first == second
    assert await town.scalar("SELECT count(*) FROM batch") == 0
    assert (await plans.find(town.store, "P1")).state is PlanState.SUBMITTED


async def test_whoever_will_hear_nothing_is_no_recipient(town: Town) -> None:
    """Moved over without a break: affected, told nothing, and the reason is shown."""
    spans = (Window(local(20, 7, 45), local(20, 8)),)
    await town.submit(plan(transferred=["二里台区"], transition=Transition.CLOSED, spans=spans))

    seen = await _seen(town)

    assert seen.recipients == 11  # nine phones, a tenant and the notice board of 一里
    assert ("advance", "transition.closed") in {(s.stage, s.reason) for s in seen.skipped}
    assert sum(s.people for s in seen.skipped if s.reason == "transition.closed") == 8


async def test_a_change_shows_the_corrections_it_will_send(town: Town) -> None:
    """To those who were told, in the words of a change."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(14, 9))
    await plans.revise(
        town.store, "P1", plan(windows=[window(22, 8, 18)]),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip

    seen = await _seen(town)

    corrected = [line for line in seen.lines if line.stage == "rescheduled"]
    assert sum(line.people for line in corrected if line.medium == "sms") == 17
    assert all("22日" in line.text for line in corrected)


async def test_another_policy_or_another_person_is_another_hash_or_version(town: Town) -> None:
    """What was signed can be told from what it would be now."""
    await town.submit(plan())
    seen = await _seen(town)
    async with town.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE contact SET opted_out = 1 WHERE id = 5")
    town.setting = replace(town.setting, policy=replace(town.setting.policy, version="other"))

    later = await _seen(town)

    assert later.recipients_hash != seen.recipients_hash
    assert later.policy_version == "other"
    assert later.recipients == seen.recipients - 1
