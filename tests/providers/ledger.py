"""What was taken: every message with its address, template, variables and text; counts and duplicates."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Taken:
    """One message. ``key`` is the sender's (OutId, client_msg_id, cid); times are aware."""

    provider: str
    at: datetime
    address: str
    key: str
    template: str
    params: dict[str, str]
    text: str
    reference: str
    due_at: datetime
    fate: str = ""

    def row(self) -> dict[str, object]:
        """As the control API shows it."""
        return {
            "provider": self.provider,
            "at": self.at,
            "address": self.address,
            "key": self.key,
            "template": self.template,
            "params": self.params,
            "text": self.text,
            "reference": self.reference,
            "fate": self.fate,
        }


@dataclass(slots=True)
class Ledger:
    """Keeps messages, or with ``keep`` false only their counts."""

    keep: bool = True
    messages: list[Taken] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    receipts: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    _seen: set[int] = field(default_factory=set)
    _by_address: dict[str, list[Taken]] = field(default_factory=dict)

    def take(self, message: Taken) -> None:
        """Write one message down."""
        self.count(message.provider, message.key, (message.address,))
        if self.keep:
            self.messages.append(message)
            self._by_address.setdefault(message.address, []).append(message)

    def count(self, provider: str, key: str, addresses: Iterable[str]) -> None:
        """Count messages, and those that came before with the same key and address."""
        seen = self._seen
        before = len(seen)
        marks = [hash((provider, key, address)) for address in addresses]
        seen.update(marks)
        self.counts[provider] += len(marks)
        self.duplicates[provider] += len(marks) - (len(seen) - before)

    def to(self, address: str) -> Iterator[Taken]:
        """The messages to one address, the oldest first."""
        return iter(self._by_address.get(address, ()))

    def stats(self) -> dict[str, object]:
        """As the control API shows it. ``duplicates``: same key and same address, taken again."""
        per_key = Counter(f"{each.provider} {each.key}" for each in self.messages)
        return {
            "messages": dict(self.counts),
            "total": sum(self.counts.values()),
            "requests": dict(self.requests),
            "refusals": dict(self.refusals),
            "receipts": dict(self.receipts),
            "duplicates": dict(self.duplicates),
            "keys": len(per_key),
            "largest_key": max(per_key.values(), default=0),
        }

    def clear(self) -> None:
        """Forget everything."""
        keep = self.keep
        self.__init__(keep=keep)  # type: ignore[misc]
