"""A plan of several days in the ledger: reminded of day by day, and nothing is put right."""

from datetime import timedelta

from notifier.store.engine import Database
from notifier.usecases import plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import local, plan, window

_DAYS = (window(20, 8, 12), window(20, 14, 17), window(21, 9, 11), window(22, 13, 18))


async def test_every_day_is_reminded_of_once_and_none_is_taken_back(
    database: Database, vault: Vault
) -> None:
    """Everybody hears the whole plan once, then each day on the day before, and no correction."""
    town = await towns.build(database, vault)
    await town.submit(plan(windows=_DAYS))
    await town.approve("P1")

    await town.run_until(local(23, 9), step=timedelta(hours=6))

    heard = [text for address, text in town.told("sms") if address == towns.phone(5)]
    assert len(heard) == 4
    assert "13:00-18:00" in heard[0]
    assert "3月20日（周五）08:00-12:00、14:00-17:00（另有21日、22日）" in heard[1]
    assert "3月21日（周六）09:00-11:00（另有22日）" in heard[2]
    assert "3月22日（周日）13:00-18:00，" in heard[3]
    stages = (
        "SELECT count(*) FROM campaign WHERE plan_id = 1 AND stage NOT IN ('advance', 'reminder')"
    )
    assert await town.scalar(stages) == 0


async def test_a_cancellation_after_a_reminder_takes_every_day_back(
    database: Database, vault: Vault
) -> None:
    """Whoever was reminded of the first day alone knew of the others."""
    town = await towns.build(database, vault)
    await town.submit(plan(windows=_DAYS))
    await town.approve("P1")
    await town.run_until(local(19, 20))

    await plans.cancel(
        town.store, town.setting, "P1", now=town.clock.now(), actor="wang", note="雨"
    )
    await town.run_until(local(23, 9))

    heard = [text for address, text in town.told("sms") if address == towns.phone(5)]
    assert "取消" in heard[-1]
    assert all(day in heard[-1] for day in ("20日", "21日", "22日"))
