"""How things stand adds up, whatever happened, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notifier.channel import Permanent
from notifier.domain.window import LATEST
from notifier.store.engine import Database
from notifier.store.reports import Reports
from notifier.usecases import plans, status
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def look(town: Town) -> status.Status:
    async with town.store.read() as tx:
        return await status.status(tx, Reports(tx.connection), town.clock.now())


async def lay_out(town: Town, number: str = "P1") -> None:
    """Scheduled, and not yet sent."""
    await town.submit(plan(number))
    await town.approve(number)
    town.clock.set(local(11, 23).astimezone(town.clock.now().tzinfo))
    await town.settle()


async def test_what_waits_follows_its_batch(town: Town) -> None:
    """A withdrawn batch makes its deliveries withdrawn, though no delivery was touched."""
    await lay_out(town)
    before = (await look(town)).deliveries.by_state
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.settle()

    after = (await look(town)).deliveries

    assert before == {"scheduled": 19}
    assert after.by_state == {"withdrawn": 19}
    assert {row.reason for row in after.rows} == {"no_longer_wanted"}


async def test_every_delivery_is_counted_once(town: Town) -> None:
    """The rows add up to the table, in all and per plan."""
    town.channels["sms"].answers.append(Permanent(code="dead"))
    await lay_out(town, "P1")
    await town.submit(plan("P2", feeders=("10kV西一线",), windows=[window(21, 8, 9)]))
    await town.approve("P2")
    await town.run_until(local(20, 9))

    found = await look(town)

    total = await town.scalar("SELECT count(*) FROM delivery")
    assert found.deliveries.total == total
    assert sum(item.deliveries.total for item in found.plans) == total
    shown = found.as_dict(towns.ZONE)
    assert shown["deliveries"]["by_reason"]["failed"]["dead"] > 0
    assert (
        sum(sum(states.values()) for states in shown["deliveries"]["by_medium"].values()) == total
    )
    assert shown["exceptions"]["open"] == len(found.exceptions)
    assert shown["exceptions"]["by_kind"]["not_reached"] >= 1


async def test_a_batch_with_the_provider_is_sending(town: Town) -> None:
    """Neither scheduled nor told: on its way."""
    await lay_out(town)
    async with town.store.database.write() as connection:
        await connection.execute(
            text("UPDATE batch SET state = 2 WHERE id = (SELECT min(id) FROM batch)")
        )

    found = (await look(town)).deliveries.by_state

    assert found["sending"] > 0
    assert sum(found.values()) == 19


async def test_what_waits_is_counted_with_since_when(town: Town) -> None:
    """Plans to be looked at, batches that should be leaving."""
    await lay_out(town)
    town.clock.advance(timedelta(days=2))
    async with town.store.write() as tx:
        stored = await tx.plans.find("P1")
        assert stored is not None
        await tx.plans.mark(stored.id, town.clock.now())

    backlog = (await look(town)).backlog

    assert backlog.plans_due == 1
    assert backlog.batches_due > 0
    assert backlog.batches_due_since is not None
    assert backlog.batches_due_since < town.clock.now()
    assert (backlog.uncertain, backlog.stray_receipts) == (0, 0)


async def test_an_exception_is_closed_once(town: Town) -> None:
    """By somebody, with a word on how; a second time there is none."""
    await town.submit(plan())
    await town.run_until(local(14, 9))
    (item,) = (await look(town)).exceptions

    await status.close_exception(
        town.store, item["id"], how="approved by phone", now=town.clock.now(), actor="li"
    )

    assert (await look(town)).exceptions == ()
    with pytest.raises(status.ExceptionNotFound):
        await status.close_exception(
            town.store, item["id"], how="x", now=town.clock.now(), actor="li"
        )
    assert await town.scalar("SELECT count(*) FROM audit WHERE action = 'exception.closed'") == 1


async def test_a_plan_that_is_over_leaves_the_short_list(town: Town) -> None:
    """A day after its end, unless something about it is still open."""
    await lay_out(town)
    item = (await look(town)).plans[0]

    assert status.is_current(item, local(21, 17))
    assert not status.is_current(item, local(22, 9))


async def test_a_time_nothing_can_show_keeps_no_list_from_being_read(town: Town) -> None:
    """One that was kept before times were bounded is told as the nearest that can be shown."""
    await town.submit(plan())
    async with town.store.write() as tx:
        await tx.connection.execute(text("UPDATE plan SET ends_at = 253402300740000"))

    found = await plans.find(town.store, "P1")
    seen = (await look(town)).as_dict(town.setting.zone)

    assert found.ends_at == LATEST
    assert seen["plans"][0]["ends_at"].startswith("2101")
