"""How fast one provider account may be used, shared by every worker on every node.

The generic cell rate algorithm keeps, one row an account, the time at which the next message would
arrive if all went evenly. A reservation may run ahead of now by the burst; whoever wants more waits.
A reservation costs a durable commit, so a worker reserves a slice at a time and serves from it.
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


async def reserve(
    database: engine.Database,
    account: str,
    per_second: float,
    burst: int,
    wanted: int,
    now: datetime,
) -> tuple[int, timedelta]:
    """Reserve up to ``wanted`` messages for ``account``; how many were granted, and a wait.

    Granted less than wanted, the wait says how long until one more is free; otherwise it is zero.
    Every worker passes the same rate and burst, and the time of clocks that agree.
    Raises ``ValueError`` for a ``burst`` or ``wanted`` below 1.
    """
    pace = _checked(per_second, burst, wanted)
    if per_second <= 0:
        return wanted, _NOTHING
    async with database.write() as connection:
        return await _reserve(connection, account, pace, wanted, now)


async def reserve_within(
    connection: AsyncConnection,
    account: str,
    per_second: float,
    burst: int,
    wanted: int,
    now: datetime,
) -> tuple[int, timedelta]:
    """``reserve`` inside the caller's write transaction; the account is held until it ends."""
    pace = _checked(per_second, burst, wanted)
    if per_second <= 0:
        return wanted, _NOTHING
    return await _reserve(connection, account, pace, wanted, now)


async def refund_within(
    connection: AsyncConnection, account: str, per_second: float, count: int
) -> None:
    """Give back ``count`` reserved messages, in the transaction that reserved them."""
    if per_second > 0 and count > 0:
        back = count * Pace(per_second=per_second).step
        await connection.execute(_give_back, {"of": account, "back": back})


class Slices:
    """One worker's share: reserves ``slice_of`` messages at a time and gives them out from memory.

    What is not used within ``keep`` lapses, so that a worker that paused does not catch up in one
    burst on top of the others. Not shared between tasks that run at once for the same account.
    """

    def __init__(
        self,
        database: engine.Database,
        account: str,
        pace: Pace,
        *,
        slice_of: int,
        keep: timedelta = timedelta(seconds=1),
    ) -> None:
        self._database = database
        self._account = account
        self._pace = pace
        self._slice = slice_of
        self._keep = keep
        self._left = 0
        self._until = _EPOCH

    async def take(self, wanted: int, now: datetime) -> tuple[int, timedelta]:
        """As ``reserve``, mostly without asking the database."""
        if now >= self._until:
            self._left = 0
        if self._left < wanted:
            granted, wait = await reserve(
                self._database,
                self._account,
                self._pace.per_second,
                self._pace.burst,
                max(self._slice, wanted) - self._left,
                now,
            )
            self._left += granted
            self._until = now + self._keep
        else:
            wait = _NOTHING
        given = min(wanted, self._left)
        self._left -= given
        return given, _NOTHING if given == wanted else wait


async def _reserve(
    connection: AsyncConnection, account: str, pace: Pace, wanted: int, now: datetime
) -> tuple[int, timedelta]:
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


def _checked(per_second: float, burst: int, wanted: int) -> Pace:
    if burst < 1 or wanted < 1:
        raise ValueError("a reservation is for one message or more, and so is a burst")
    return Pace(per_second=per_second, burst=burst)
