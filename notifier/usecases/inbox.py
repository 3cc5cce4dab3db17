"""Receipts that arrive at the same time are written at the same time.

Some providers bring every receipt in a request of its own. A transaction for each would keep the
store busy with nothing but commits, and everybody else waiting for their turn to write.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notifier.channel import Receipt
from notifier.ports import Store, Vault
from notifier.usecases import receipts
from notifier.usecases.receipts import Taken


@dataclass(frozen=True, slots=True)
class _Brought:
    channel: str
    receipts: Sequence[Receipt]
    now: datetime
    done: asyncio.Future[Taken]


@dataclass(slots=True)
class Inbox:
    """One for all callbacks of a process; it belongs to the event loop on which it is used."""

    store: Store
    vault: Vault
    _waiting: list[_Brought] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    async def take(self, channel: str, brought: Sequence[Receipt], now: datetime) -> Taken:
        """The receipts are on disk when this returns; a fault in writing them is raised here.

        What is counted together is answered to one of those who brought it: the sum is right.
        """
        done: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Brought(channel, brought, now, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="inbox")
        return await done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                for channel in dict.fromkeys(item.channel for item in together):
                    await self._write([item for item in together if item.channel == channel])
        finally:
            self._writing = None

    async def _write(self, together: Sequence[_Brought]) -> None:
        first = together[0]
        everything = [receipt for item in together for receipt in item.receipts]
        try:
            taken = await receipts.take(
                self.store, self.vault, first.channel, everything, together[-1].now
            )
        except Exception as fault:  # noqa: BLE001 - whoever brought it raises it
            if len(together) == 1:
                _settle(first, fault)
                return
            for item in together:  # one that cannot be written does not take the others along
                await self._write([item])
            return
        for item in together:
            _settle(item, taken if item is first else Taken())


def _settle(item: _Brought, outcome: Taken | Exception) -> None:
    if item.done.done():
        return  # whoever brought it has hung up
    if isinstance(outcome, Exception):
        item.done.set_exception(outcome)
    else:
        item.done.set_result(outcome)
