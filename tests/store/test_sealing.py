"""Numbers sealed anew: portion by portion, beside others who write, on both databases."""

import asyncio

from sqlalchemy import text

from notifier.store import sealing
from notifier.store.engine import Database
from notifier.vault import Vault
from tests.usecases import town

_FINGERPRINT = bytes(range(32))


def _keys(current: str) -> Vault:
    return Vault({"k1": bytes(32), "k10": b"\x01" * 32}, current, _FINGERPRINT)


async def _phones(database: Database, vault: Vault) -> dict[int, str]:
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT id, phone_sealed FROM contact WHERE phone_sealed IS NOT NULL")
        )
        return {row.id: vault.open(bytes(row.phone_sealed)) for row in rows}


async def test_every_number_is_sealed_anew_and_says_the_same(database: Database) -> None:
    """In portions; keys whose names begin alike are told apart; places without a phone are left."""
    old, new = _keys("k1"), _keys("k10")
    await town.build(database, old)
    before = await _phones(database, old)

    sizes, last = [], 0
    while True:
        portion = await sealing.reseal(
            database, new.reseal, new.headers["k10"], after=last, limit=12
        )
        if portion.last is None:
            break
        sizes.append(portion.resealed)
        last = portion.last

    assert sizes == [12, 12, 6]
    assert await sealing.counted(database, new.headers) == {"k1": 0, "k10": 30}
    assert await _phones(database, new) == before


async def test_whoever_is_stopped_begins_where_the_rest_is(database: Database) -> None:
    """Nothing is remembered but what every number says of itself."""
    old, new = _keys("k1"), _keys("k10")
    await town.build(database, old)
    await sealing.reseal(database, new.reseal, new.headers["k10"], after=0, limit=12)

    counted = await sealing.counted(database, new.headers)
    rest = await sealing.reseal(database, new.reseal, new.headers["k10"], after=0, limit=100)

    assert counted == {"k1": 18, "k10": 12}
    assert rest.resealed == 18


async def test_a_number_that_changed_meanwhile_is_left(database: Database) -> None:
    """An import between reading and writing knows better."""
    old, new = _keys("k1"), _keys("k10")
    await town.build(database, old)
    fresh = new.seal("+8613900000000")

    async def change() -> None:
        async with database.write() as connection:
            await connection.execute(
                text("UPDATE contact SET phone_sealed = :new WHERE id = 5"), {"new": fresh}
            )

    changes: list[asyncio.Task[None]] = []

    def seal(sealed: bytes) -> bytes:
        if not changes:
            changes.append(asyncio.get_running_loop().create_task(change()))
        return new.reseal(sealed)

    # The change is asked for while the numbers are sealed, and is written first or last: either way
    # it stands.
    await sealing.reseal(database, seal, new.headers["k10"], after=0, limit=100)
    await changes[0]

    assert (await _phones(database, new))[5] == "+8613900000000"


async def test_what_no_key_opens_is_counted_and_left(database: Database) -> None:
    """Sealed by a key that is lost: it is said how many, and the others are done."""
    old, new = _keys("k1"), _keys("k10")
    await town.build(database, old)
    lost = Vault({"k5": b"\x05" * 32}, "k5", _FINGERPRINT).seal("+8613900000000")
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE contact SET phone_sealed = :lost WHERE id IN (3, 4)"), {"lost": lost}
        )

    portion = await sealing.reseal(database, new.reseal, new.headers["k10"], after=0, limit=100)

    assert (portion.resealed, portion.closed) == (28, 2)
    assert await sealing.counted(database, new.headers) == {"k1": 0, "k10": 28, "": 2}
