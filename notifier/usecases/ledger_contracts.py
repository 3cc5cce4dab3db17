"""What taking in a customer ledger needs from the world: files read, a store to load them into."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from notifier.domain.ledger import Difference, Outline, PointRow


class LedgerReader(Protocol):
    """Ledger files being read; see ``intake.ledger_process``. ``outline`` follows the last chunk."""

    @property
    def outline(self) -> Outline: ...
    def chunks(self) -> AsyncIterator[Sequence[PointRow]]: ...


class LedgerLoad(Protocol):
    """A ledger on its way into the store; see ``store.ledger_load.LedgerLoad``."""

    async def stage(self, rows: Sequence[PointRow]) -> None: ...
    async def compare(self, outline: Outline, *, whole: bool = False) -> Difference: ...
    async def apply(
        self,
        outline: Outline,
        *,
        whole: bool = False,
        now: datetime,
        actor: str,
        judge: Callable[[Difference], None],
        count: Callable[[Difference], Mapping[str, int]],
    ) -> Difference: ...


class LedgerStore(Protocol):
    """Where customer ledgers go; see ``store.ledger_load.LedgerLoader``."""

    def load(self) -> AbstractAsyncContextManager[LedgerLoad]: ...
