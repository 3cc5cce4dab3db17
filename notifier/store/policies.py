"""The policy in force, and every one that was before it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.policy import InForce
from notifier.store import schema


async def in_force(connection: AsyncConnection) -> dict[str, Any] | None:
    """The body of the policy that was applied last; None: none was, the settings' one holds."""
    query = select(schema.policy.c.body).order_by(schema.policy.c.id.desc()).limit(1)
    found = await connection.scalar(query)
    return None if found is None else dict(found)


async def version_in_force(connection: AsyncConnection) -> str | None:
    """The version of that policy, without reading its body."""
    query = select(schema.policy.c.version).order_by(schema.policy.c.id.desc()).limit(1)
    return cast(str | None, await connection.scalar(query))


async def standing(connection: AsyncConnection) -> InForce | None:
    """Which one that is, who put it in force, and what the settings named then."""
    policy = schema.policy.c
    query = select(policy.name, policy.version, policy.applied_by, policy.configured)
    row = (await connection.execute(query.order_by(policy.id.desc()).limit(1))).first()
    return None if row is None else InForce(**row._mapping)


async def put_in_force(
    connection: AsyncConnection, policy: InForce, body: dict[str, Any], *, now: datetime
) -> None:
    """Makes this the policy; the ones before stay on record."""
    await connection.execute(
        insert(schema.policy).values(**asdict(policy), body=body, applied_at=now)
    )
