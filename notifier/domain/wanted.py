"""What the ledger of deliveries has to be made to say, and what it took to get there."""

from dataclasses import dataclass
from datetime import datetime

from notifier.domain.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A notice wanted for everybody whose packed traits are among ``traits``.

    One whose rung is above 0 is for those only whom the rung below failed to reach.
    ``facts_key`` is what the recipient believes afterwards; ``cell`` names the recipients;
    ``speaks_for`` the ids of the other plans it is said for (``domain/joint.py``).
    """

    cell: str
    traits: tuple[int, ...]
    notice: Notice
    facts_key: str
    speaks_for: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The provider account that new batches of a medium are composed for."""

    channel: str
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """What a reconciliation changed: messages scheduled and withdrawn one by one, and whole batches
    that were given new content or withdrawn. ``not_reached``: people for whom every medium has failed,
    by stage."""

    scheduled: int = 0
    withdrawn: int = 0
    repointed_batches: int = 0
    withdrawn_batches: int = 0
    not_reached: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision for the people of one cell; ``reason`` is a stable code."""

    stage: str
    cell: str
    verdict: str
    reason: str
    people: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForAPerson:
    """Something only a person can see to. ``subject`` tells it apart within plan and ``kind``;
    ``sentence`` says what to do, ``owner`` who."""

    kind: str
    subject: str
    people: int
    sentence: str
    owner: str
    due_at: datetime | None
