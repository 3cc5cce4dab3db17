"""Bearer tokens: shown once, kept as hashes, revoked for good."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from notifier.store import engine, schema, tokens

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


async def test_a_token_opens_with_its_secret_only(database: engine.Database) -> None:
    """The secret leads to the token, anything else to nothing."""
    async with database.write() as connection:
        secret = await tokens.create(
            connection, "dispatch.a-1", tokens.Role.CREW, AT, areas=["东郊"]
        )

    async with database.read() as connection:
        found = await tokens.verify(connection, secret)
        wrong = [
            await tokens.verify(connection, s) for s in ("", secret[:-1], secret + "x", "停电")
        ]
    assert found is not None
    assert (found.name, found.role, found.areas) == ("dispatch.a-1", tokens.Role.CREW, ["东郊"])
    assert found.created_at == AT
    assert wrong == [None] * 4


async def test_the_secret_is_not_stored(database: engine.Database) -> None:
    """A copy of the database opens nothing."""
    async with database.write() as connection:
        secret = await tokens.create(connection, "a", tokens.Role.ADMIN, AT)
        row = (await connection.execute(select(schema.token))).one()

    assert secret.startswith(tokens.PREFIX)
    assert len(secret) == len(tokens.PREFIX) + 43
    assert secret not in repr(row)


async def test_a_revoked_token_opens_nothing(database: engine.Database) -> None:
    """It stays on the list, for the audit trail."""
    async with database.write() as connection:
        secret = await tokens.create(connection, "a", tokens.Role.OPERATIONS, AT)
        await tokens.create(connection, "b", tokens.Role.READ_ONLY, AT)
        await tokens.revoke(connection, "a", AT)

    async with database.read() as connection:
        assert await tokens.verify(connection, secret) is None
        listed = await tokens.all_tokens(connection)
    assert [(token.name, token.revoked_at) for token in listed] == [("a", AT), ("b", None)]


async def test_a_name_is_used_once(database: engine.Database) -> None:
    """Also after it was revoked; what else the transaction did stands."""
    async with database.write() as connection:
        await tokens.create(connection, "a", tokens.Role.APPROVER, AT)
        await tokens.revoke(connection, "a", AT)
        with pytest.raises(tokens.NameTaken):
            await tokens.create(connection, "a", tokens.Role.APPROVER, AT)
        await tokens.create(connection, "b", tokens.Role.APPROVER, AT)

    async with database.read() as connection:
        assert [token.name for token in await tokens.all_tokens(connection)] == ["a", "b"]


async def test_only_a_living_token_is_revoked(database: engine.Database) -> None:
    """A slip of the pen is said."""
    async with database.write() as connection:
        await tokens.create(connection, "a", tokens.Role.APPROVER, AT)
        await tokens.revoke(connection, "a", AT)

        for name in ("a", "none"):
            with pytest.raises(tokens.UnknownToken):
                await tokens.revoke(connection, name, AT)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "x" * 65, "a/b"])
async def test_an_unusable_name_is_refused(sqlite_database: engine.Database, name: str) -> None:
    """Names stand in logs, addresses and audit rows."""
    async with sqlite_database.write() as connection:
        with pytest.raises(tokens.NameUnusable):
            await tokens.create(connection, name, tokens.Role.CREW, AT)
