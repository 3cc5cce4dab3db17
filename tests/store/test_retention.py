"""Contacts nobody needs are forgotten; what was told stays, and so does a refusal."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from notifier.store import retention
from notifier.store.engine import Database
from notifier.store.retention import Purged
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

KEPT = timedelta(days=180)


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    """Told of an outage on the 20th; then 5 and 6 move away. 6 and 40 want no SMS.
    41 was never told, and 2 never had a meter."""
    town = await towns.build(database, vault)
    async with database.write() as connection:
        for number in (40, 41):
            await connection.execute(
                text(
                    "INSERT INTO contact (id, kind, name, reach, phone_hmac, phone_sealed, opted_out)"
                    " VALUES (:id, 0, 'x', 1, :hmac, :sealed, :out)"
                ),
                {
                    "id": number,
                    "hmac": vault.fingerprint(towns.phone(number)),
                    "sealed": vault.seal(towns.phone(number)),
                    "out": 1 if number == 40 else 0,
                },
            )
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(20, 19))
    async with database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM point_contact WHERE contact_id IN (5, 6)")
        await connection.exec_driver_sql("UPDATE contact SET opted_out = 1 WHERE id = 6")
    return town


async def _purge(town: Town, now: datetime, *, dry_run: bool = False) -> Purged:
    return await retention.purge(town.store.database, now - KEPT, dry_run=dry_run)


async def _known(town: Town) -> dict[int, tuple[str, bool]]:
    async with town.store.database.read() as connection:
        result = await connection.execute(
            text(
                "SELECT id, name, phone_sealed IS NOT NULL AS has_phone FROM contact WHERE kind = 0"
            )
        )
        return {row.id: (row.name, bool(row.has_phone)) for row in result}


async def test_who_may_still_have_a_question_is_kept(town: Town) -> None:
    """The outage is a week ago: only whoever was never told of anything goes, unless they refused."""
    found = await _purge(town, local(27, 12))
    known = await _known(town)

    assert found == Purged(removed=2, blanked=1, refusing=1)
    assert 41 not in known
    assert known[40] == ("", True)
    assert known[5] == ("用户5", True)


async def test_half_a_year_later_they_are_nobody(town: Town) -> None:
    """Name and phone are gone; whoever refused keeps the phone, so that the refusal holds."""
    later = local(20, 19) + KEPT
    foreseen = await _purge(town, later, dry_run=True)
    before = await _known(town)
    found = await _purge(town, later)
    known = await _known(town)

    assert foreseen == found == Purged(removed=2, blanked=3, refusing=2)
    assert before[5] == ("用户5", True)
    assert (known[5], known[6]) == (("", False), ("", True))
    assert known[7] == ("用户7", True)
    assert await _purge(town, later) == Purged()


async def test_what_they_were_told_stays_in_the_ledger(town: Town) -> None:
    """The sums of a plan are those of the day."""
    before = await town.scalar("SELECT count(*) FROM delivery WHERE state IN (1, 2, 7)")

    await _purge(town, local(20, 19) + KEPT)

    query = (
        "SELECT count(*) FROM delivery d JOIN contact c ON c.id = d.contact_id"
        " WHERE d.state IN (1, 2, 7)"
    )
    assert await town.scalar(query) == before


async def test_places_and_those_with_a_meter_are_left_alone(town: Town) -> None:
    """However long ago anything was said."""
    await _purge(town, local(20, 19) + 10 * KEPT)

    assert await town.scalar("SELECT count(*) FROM contact WHERE kind = 2") == 2
    linked = "SELECT count(*) FROM contact WHERE name <> '' AND id IN (SELECT contact_id FROM "
    assert await town.scalar(f"{linked}point_contact)") == 26
    assert await town.scalar(f"{linked}place_contact)") == 3
