"""The store as the use cases see it: transactions of repositories, and a desk for large work."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.cell import Cell
from notifier.domain.customer import Reach
from notifier.domain.joint import Cast, Joint, Shared
from notifier.domain.matching import Match
from notifier.domain.network_index import NetworkIndex
from notifier.domain.policy import InForce
from notifier.domain.wanted import Account, LaidOut, Wanted
from notifier.ports import Topology
from notifier.store import (
    audit,
    freezing,
    installation,
    layout,
    people,
    policies,
    rates,
    schema,
    sharing,
    traits,
)
from notifier.store.batches import Batches
from notifier.store.customers import network_index
from notifier.store.engine import Bulk, Database
from notifier.store.impacts import Impacts
from notifier.store.interruptions import Interruptions
from notifier.store.joints import Joints
from notifier.store.journal import Journal
from notifier.store.plans import Plans
from notifier.store.postings import Postings
from notifier.store.receipts import Receipts
from notifier.store.running import Running
from notifier.store.unresolved import Unresolved

_HASHED_AT_ONCE = 50_000


class NetworkShelf:
    """Keeps the network of the last ledger import: it is read for every plan and rarely changes."""

    def __init__(self) -> None:
        self._import_id = 0
        self._network: NetworkIndex | None = None

    async def latest(self, connection: AsyncConnection) -> NetworkIndex:
        """The network after the last import; read afresh while there was none."""
        imported = select(func.max(schema.ledger_import.c.id))
        last = int(await connection.scalar(imported) or 0)
        if self._network is None or last == 0 or last != self._import_id:
            self._network = await network_index(connection)
            self._import_id = last
        return self._network


class Transaction:
    """Every repository on one connection; what is written is there together or not at all."""

    def __init__(self, connection: AsyncConnection, networks: "NetworkShelf") -> None:
        self.connection = connection
        self._networks = networks
        self.plans = Plans(connection)
        self.joints = Joints(connection)
        self.impacts = Impacts(connection)
        self.interruptions = Interruptions(connection)
        self.batches = Batches(connection)
        self.unresolved = Unresolved(connection)
        self.receipts = Receipts(connection)
        self.journal = Journal(connection)
        self.postings = Postings(connection)
        self.running = Running(connection)

    async def network(self) -> NetworkIndex:
        """Stations, feeders and areas as they are now."""
        return await self._networks.latest(self.connection)

    async def applied_policy(self) -> dict[str, Any] | None:
        """The file, as parsed, of the policy that was applied last; None where none ever was."""
        return await policies.in_force(self.connection)

    async def policy_version(self) -> str | None:
        """The version of the policy that was applied last; None where none ever was."""
        return await policies.version_in_force(self.connection)

    async def policy_in_force(self) -> InForce | None:
        """Which one was applied last, and by whom; None where none ever was."""
        return await policies.standing(self.connection)

    async def apply_policy(
        self, policy: InForce, body: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Puts the policy of this file, as parsed, in force."""
        await policies.put_in_force(self.connection, policy, dict(body), now=now)

    async def read_mark(self) -> str | None:
        """The mark of this installation; None before the first start."""
        return await installation.read_mark(self.connection)

    async def touch(self) -> None:
        """The least that is a write: raises what keeps any other from reaching the disk."""
        await installation.touch(self.connection)

    async def make_mark(self, now: datetime) -> str:
        """The mark of this installation, made where there is none yet."""
        return await installation.make_mark(self.connection, now)

    async def reserve(
        self, account: str, per_second: float, burst: int, wanted: int, now: datetime
    ) -> tuple[int, timedelta]:
        """How many of the wanted messages the account bears now, and how long until the next."""
        return await rates.reserve_within(self.connection, account, per_second, burst, wanted, now)

    async def refund(self, account: str, per_second: float, count: int) -> None:
        """Gives back so many reserved messages that are not sent now."""
        await rates.refund_within(self.connection, account, per_second, count)

    async def is_untouched(self, plan_id: int) -> bool:
        """Whether nothing of the plan has begun to leave."""
        return await layout.is_untouched(self.connection, plan_id)

    async def carried(self, plan_id: int) -> set[tuple[str, str, str, str]]:
        """Cell, stage, occasion and medium of everything first in its chain that waits to be sent."""
        return await layout.carried(self.connection, plan_id)

    async def repoint(
        self, plan_id: int, revision_id: int, wanted: Sequence[Wanted], *, now: datetime
    ) -> LaidOut:
        """Gives unsent batches the wanted content, withdraws the others, touches no recipient."""
        return await layout.repoint_only(self.connection, plan_id, revision_id, wanted, now=now)

    async def audited(
        self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]
    ) -> None:
        """Adds a link to the audit chain."""
        await self.audited_all([(action, subject, detail)], at=at, actor=actor)

    async def audited_all(
        self, deeds: Sequence[tuple[str, str, Mapping[str, object]]], *, at: datetime, actor: str
    ) -> None:
        """Adds a link to the audit chain for each deed: action, subject, detail."""
        await audit.append_all(self.connection, deeds, at=at, actor=actor)


class Desk:
    """A place for work on many rows: temporary tables and short transactions in between."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._said: dict[int, traits.Said] = {}

    async def freeze(self, matches: Sequence[Match]) -> list[int]:
        """Writes the usage points each match touches; answers the numbers they stand under."""
        return await freezing.freeze(self._bulk, matches)

    async def forget(self, points_ids: Sequence[int]) -> None:
        """Removes frozen usage points that no revision came to hold."""
        await freezing.forget(self._bulk, points_ids)

    async def sweep(self) -> int:
        """Removes what was frozen by whoever died before recording it; answers how many impacts."""
        return await freezing.sweep(self._bulk)

    async def gather(
        self, plan_id: int, points_id: int | None, available: Reach
    ) -> dict[int, Cell]:
        """The recipients of a plan by traits, each with its cell and the number of people."""
        self._said = await people.gather(self._bulk, plan_id, points_id)
        return await self._cells(available)

    async def _cells(
        self, available: Reach, shared: tuple[Joint, Cast] | None = None
    ) -> dict[int, Cell]:
        counted = await people.count(self._bulk)
        return {
            packed: traits.cell_of(packed, self._said, available, number, shared)
            for packed, number in counted.items()
        }

    async def gather_shared(self, joint: Joint) -> list[Shared]:
        """Every way in which somebody stands to the plans of a joint outage; ``settle_shared`` follows."""
        self._said, ways = await sharing.gather(self._bulk, joint)
        return ways

    async def settle_shared(self, joint: Joint, cast: Cast, available: Reach) -> dict[int, Cell]:
        """As ``gather``, for the plan of the joint outage that is looked at."""
        self._said = await sharing.settle(self._bulk, joint, cast, self._said)
        return await self._cells(available, (joint, cast))

    async def apply(
        self,
        plan_id: int,
        revision_id: int,
        wanted: Sequence[Wanted],
        accounts: Mapping[Medium, Account],
        *,
        now: datetime,
        horizon: timedelta,
    ) -> LaidOut:
        """Makes the ledger of deliveries follow ``wanted`` for the people gathered before."""
        return await layout.apply(
            self._bulk,
            plan_id,
            revision_id,
            wanted,
            accounts,
            now=now,
            horizon=horizon,
        )

    async def recipients_hash(self) -> str:
        """SHA-256 over the gathered people and their traits."""
        digest = hashlib.sha256()
        after = -1
        while rows := await people.fingerprint_rows(self._bulk, after, _HASHED_AT_ONCE):
            digest.update(repr(rows).encode())
            after = rows[-1][0]
        return digest.hexdigest()


class Ledger:
    """The open store. ``topology`` is the network in force, beside what the store itself reads."""

    def __init__(self, database: Database, topology: Topology | None = None) -> None:
        self.database = database
        self.topology = topology
        self._networks = NetworkShelf()

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """One snapshot, for reading only."""
        return self._transaction(write=False)

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction: committed on exit, rolled back on an exception."""
        return self._transaction(write=True)

    @asynccontextmanager
    async def _transaction(self, *, write: bool) -> AsyncIterator[Transaction]:
        opened = self.database.write() if write else self.database.read()
        async with opened as connection:
            yield Transaction(connection, self._networks)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """A connection of its own for large work."""
        async with self.database.bulk() as bulk:
            yield Desk(bulk)
