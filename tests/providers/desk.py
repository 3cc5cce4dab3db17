"""What every provider of the simulator has: a clock, a ledger, a behaviour, a pusher of receipts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifier import clock as clocks
from tests.providers.behaviour import Behaviour
from tests.providers.ledger import Ledger
from tests.providers.receipts import Pusher


@dataclass(slots=True)
class Desk:
    """One provider's share of the gateway."""

    name: str
    clock: clocks.Clock
    ledger: Ledger
    behaviour: Behaviour
    pusher: Pusher | None = None

    def monotonic(self) -> float:
        """Seconds of real time."""
        return asyncio.get_running_loop().time()

    def count_request(self) -> int:
        """The number of this request."""
        self.ledger.requests[self.name] += 1
        return self.ledger.requests[self.name]

    def count_refusal(self, code: object) -> None:
        """Remember why something was refused."""
        self.ledger.refusals[f"{self.name} {code}"] += 1

    def is_undelivered(self, address: str) -> bool:
        """Whether this message will come to nothing."""
        return self.behaviour.is_dead(address) or self.behaviour.chance(
            self.behaviour.receipts.fail_rate
        )

    def receipt_delay(self) -> float:
        """Simulated seconds until the receipt."""
        return self.behaviour.receipts.delay_s

    def schedule(self, receipts: Sequence[Any], after: float | None = None) -> None:
        """Have receipts pushed; one by one when they are spread over time."""
        settings = self.behaviour.receipts
        if self.pusher is None or not settings.send:
            return
        base = settings.delay_s if after is None else after
        if settings.spread_s <= 0:
            self.pusher.schedule(base, receipts)
            return
        for receipt in receipts:
            late = self.behaviour._random.uniform(0, settings.spread_s)
            self.pusher.schedule(base + late, (receipt,))
