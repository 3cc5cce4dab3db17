"""How fast one provider account may be used, shared by every worker on every node.

The generic cell rate algorithm keeps, one row an account, the time at which the next message would
arrive if all went evenly. A reservation may run ahead of now by the burst; whoever wants more waits.
A reservation is part of the transaction that claims what is to be sent, so it costs no commit of its own.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.store import engine, schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOTHING = timedelta()

_read = (
    select(schema.rate.c.arrival_micros)
    .where(schema.rate.c.account == bindparam("of"))
    .with_for_update()  # SQLite says nothing here: its writer is alone anyway
)
_write = (
    update(schema.rate)
    .where(schema.rate.c.account == bindparam("of"))
    .values(arrival_micros=bindparam("arrival"))
)

_give_back = (
    update(schema.rate)
    .where(schema.rate.c.account == bindparam("of"))
    .values(arrival_micros=schema.rate.c.arrival_micros - bindparam("back"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``per_second`` messages a second, evenly (0: no limit); ``burst`` at once after a pause."""

    per_second: float
    burst: int = 1

    def grant(self, arrival: int, now: int, wanted: int) -> tuple[int, int]:
        """How many of ``wanted`` may leave, and the arrival time after them; microseconds."""
        step = self.step
        base = max(arrival, now)
        granted = max(0, min(wanted, (now + self.burst * step - base) // step))
        return granted, base + granted * step

    def wait(self, arrival: int, now: int) -> timedelta:
        """How long from ``now`` until one message may leave."""
        return max(0, arrival + self.step - self.burst * self.step - now) * _MICROSECOND

    @property
    def step(self) -> int:
        """Whole microseconds between two messages, rounded up: never faster than the contract."""
        return max(1, math.ceil(1_000_000 / self.per_second))


async def reserve_within(
    connection: AsyncConnection,
    account: str,
    per_second: float,
    burst: int,
    wanted: int,
    now: datetime,
) -> tuple[int, timedelta]:
    """Reserve up to ``wanted`` messages for ``account``; how many were granted, and a wait.

    Granted less than wanted, the wait says how long until one more is free; otherwise it is zero.
    Every worker passes the same rate and burst, and the time of clocks that agree. It happens in the
    caller's write transaction, and the account is held until that ends.
    Raises ``ValueError`` for a ``burst`` or ``wanted`` below 1.
    """
    if burst < 1 or wanted < 1:
        raise ValueError("a reservation is for one message or more, and so is a burst")
    if per_second <= 0:
        return wanted, _NOTHING
    pace = Pace(per_second=per_second, burst=burst)
    micros = (now - _EPOCH) // _MICROSECOND
    arrival = (await connection.execute(_read, {"of": account})).scalar_one_or_none()
    if arrival is None:
        new = engine.insert_into(connection, schema.rate).values(account=account, arrival_micros=0)
        await connection.execute(new.on_conflict_do_nothing())
        arrival = (await connection.execute(_read, {"of": account})).scalar_one()
    granted, following = pace.grant(arrival, micros, wanted)
    if granted:
        await connection.execute(_write, {"of": account, "arrival": following})
        arrival = following
    return granted, _NOTHING if granted == wanted else pace.wait(arrival, micros)


async def refund_within(
    connection: AsyncConnection, account: str, per_second: float, count: int
) -> None:
    """Give back ``count`` reserved messages, in the transaction that reserved them."""
    if per_second > 0 and count > 0:
        back = count * Pace(per_second=per_second).step
        await connection.execute(_give_back, {"of": account, "back": back})
