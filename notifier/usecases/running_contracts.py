"""What looking after running outages needs from the store, beside what every use case does."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from notifier import ports
from notifier.domain.running import Report


class RunningBook(Protocol):
    """Outages that run and what was reported of their end; see ``store.running.Running``."""

    async def begun(self, now: datetime, *, ending_after: datetime) -> list[int]: ...
    async def reports(self, plan_ids: Collection[int]) -> dict[int, tuple[Report, ...]]: ...
    async def report(self, key: str) -> Report | None: ...
    async def add(self, report: Report) -> bool: ...
    async def listed(self, kinds: Collection[str]) -> dict[tuple[int, str, str], int]: ...


class Transaction(ports.Transaction, Protocol):
    """Every book, this one included."""

    @property
    def running(self) -> RunningBook: ...


class Store(ports.Store, Protocol):
    """The open store; see ``store.ledger.Ledger``."""

    def read(self) -> AbstractAsyncContextManager[Transaction]: ...
    def write(self) -> AbstractAsyncContextManager[Transaction]: ...
