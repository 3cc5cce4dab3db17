"""How a provider misbehaves: slow, refusing, throttling, dropping, dead numbers, odd receipts."""

import dataclasses
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.providers.wire import Fate, Reply


class UnknownSetting(Exception):
    """There is no such setting."""


@dataclass(slots=True)
class Receipts:
    """``send`` them at all; ``delay_s`` to ``delay_s + spread_s`` simulated seconds after the message;
    ``spread_s`` above 0 also puts them out of order. Rates are between 0 and 1."""

    send: bool = True
    delay_s: float = 5.0
    spread_s: float = 0.0
    duplicate_rate: float = 0.0
    fail_rate: float = 0.0
    shuffle: bool = False


@dataclass(slots=True)
class Behaviour:
    """Rates are between 0 and 1. What is refused, throttled or in error was not taken;
    what is dropped, hung or garbled *was* taken, unless ``takes`` is false."""

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    refuse_rate: float = 0.0
    refuse_code: str = ""
    throttle_rate: float = 0.0
    qps: float = 0.0
    error_rate: float = 0.0
    error_status: int = 503
    error_takes: bool = False
    drop_rate: float = 0.0
    hang_rate: float = 0.0
    malformed_rate: float = 0.0
    takes: bool = True
    dead_suffixes: tuple[str, ...] = ()
    illegal_suffixes: tuple[str, ...] = ()
    down: bool = False
    receipts: Receipts = field(default_factory=Receipts)
    _random: random.Random = field(default_factory=lambda: random.Random(20260305))
    _tokens: float = 1.0
    _filled_at: float = 0.0

    def update(self, settings: Mapping[str, object]) -> None:
        """Change some settings. Raises ``UnknownSetting`` before changing any."""
        names = {each.name for each in dataclasses.fields(self) if not each.name.startswith("_")}
        inner = {each.name for each in dataclasses.fields(Receipts)}
        receipts = settings.get("receipts", {})
        if not isinstance(receipts, Mapping):
            raise UnknownSetting("receipts")
        wrong = [*(set(settings) - names), *(f"receipts.{name}" for name in set(receipts) - inner)]
        if wrong:
            raise UnknownSetting(", ".join(sorted(wrong)))
        for name, value in settings.items():
            if name != "receipts":
                setattr(self, name, tuple(value) if isinstance(value, list) else value)
        for name, value in receipts.items():
            setattr(self.receipts, name, value)

    def chance(self, rate: float) -> bool:
        """True ``rate`` of the time."""
        return rate > 0 and (rate >= 1 or self._random.random() < rate)

    def is_dead(self, address: str) -> bool:
        """Taken, and never delivered."""
        return bool(self.dead_suffixes) and address.endswith(self.dead_suffixes)

    def is_illegal(self, address: str) -> bool:
        """Refused at once."""
        return bool(self.illegal_suffixes) and address.endswith(self.illegal_suffixes)

    def is_throttled(self, now: float) -> bool:
        """By chance, or by the number of requests a second of real time; ``now`` is monotonic."""
        if self.chance(self.throttle_rate):
            return True
        if self.qps <= 0:
            return False
        most = max(1.0, self.qps)
        self._tokens = min(most, self._tokens + (now - self._filled_at) * self.qps)
        self._filled_at = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    def bend(self, serve: Callable[[], Reply], garbage: bytes = b"{oops") -> Reply:
        """The answer of ``serve``, which takes the messages, as this provider gives it today."""
        if self.chance(self.error_rate):
            if self.error_takes:
                serve()
            return self.slow(Reply(b"upstream error", self.error_status, "text/plain"))
        if self.chance(self.drop_rate):
            return self._after(serve, Reply(fate=Fate.DROP))
        if self.chance(self.hang_rate):
            return self._after(serve, Reply(fate=Fate.HANG))
        if self.chance(self.malformed_rate):
            return self.slow(self._after(serve, Reply(garbage)))
        return self.slow(serve())

    def _after(self, serve: Callable[[], Reply], reply: Reply) -> Reply:
        if self.takes:
            serve()
        return reply

    def slow(self, reply: Reply) -> Reply:
        """The reply after the latency of the day."""
        if self.latency_ms <= 0 and self.jitter_ms <= 0:
            return reply
        delay = (self.latency_ms + self._random.uniform(0, self.jitter_ms)) / 1000
        return dataclasses.replace(reply, delay=delay)
