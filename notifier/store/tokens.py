"""Bearer tokens of machines and crews: 32 random bytes, of which only the hash is kept."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import errors
from notifier.store import schema

#: Tells what a leaked string is, for people and for secret scanners.
PREFIX = "ntf_"
_BYTES = 32
_NAME = re.compile(r"[\w.\-]{1,64}")
_table = schema.token


class Role(StrEnum):
    """What a bearer may do; ``web`` draws the line for each way in."""

    OPERATIONS = "operations"
    APPROVER = "approver"
    CREW = "crew"
    ADMIN = "admin"
    READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A known token. ``areas`` names the areas it is confined to; None: not confined."""

    id: int
    name: str
    role: Role
    areas: Sequence[str] | None
    created_at: datetime
    revoked_at: datetime | None = None


class NameTaken(errors.Conflict):
    """There is or was a token of that name; names stay unique so that the audit trail can be read."""

    code = "token.name_taken"


class NameUnusable(errors.Invalid):
    """A token's name has 1 to 64 letters, digits, dots or hyphens."""

    code = "token.name_unusable"


class UnknownToken(errors.NotFound):
    """There is no unrevoked token of that name."""

    code = "token.not_found"


async def create(
    connection: AsyncConnection,
    name: str,
    role: Role,
    at: datetime,
    *,
    areas: Sequence[str] | None = None,
) -> str:
    """Make a token and return its secret, which nobody can look up again.

    Raises ``NameTaken`` or ``NameUnusable``.
    """
    if not _NAME.fullmatch(name):
        raise NameUnusable("A token's name has 1 to 64 letters, digits, dots, hyphens or _.")
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    values = {
        "name": name,
        "role": role.value,
        "hash": _hash(secret),
        "areas": None if areas is None else list(areas),
        "created_at": at,
    }
    try:
        async with connection.begin_nested():
            await connection.execute(insert(_table).values(**values))
    except IntegrityError as error:
        raise NameTaken(f"There is or was a token named {name}; choose another name.") from error
    return secret


async def verify(connection: AsyncConnection, secret: str) -> Token | None:
    """The token this secret belongs to; None when unknown or revoked.

    The look-up is by hash: how long it takes tells nothing about a secret.
    """
    found = await connection.execute(
        select(_table).where(_table.c.hash == _hash(secret), _table.c.revoked_at.is_(None))
    )
    row = found.one_or_none()
    return None if row is None else _token(row)


async def revoke(connection: AsyncConnection, name: str, at: datetime) -> None:
    """From now on the token opens nothing. Raises ``UnknownToken``."""
    done = await connection.execute(
        update(_table)
        .where(_table.c.name == name, _table.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    if done.rowcount == 0:
        raise UnknownToken(f"There is no token named {name} that could be revoked.")


async def all_tokens(connection: AsyncConnection) -> list[Token]:
    """Every token, revoked ones too, by name."""
    rows = await connection.execute(select(_table).order_by(_table.c.name))
    return [_token(row) for row in rows]


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        areas=row.areas,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).digest()
