"""What reports are made of: deliveries counted alike, and single records of evidence."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from notifier.domain.reliability import InterruptionKind, Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many deliveries of one plan and medium stand alike.

    ``state`` is a word of ``DeliveryState``, or ``sending`` while their batch is with the provider;
    ``reason`` is a stable code or the provider's own, empty where there is none.
    """

    plan_id: int
    medium: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to be done. ``plans_due`` ask to be reconciled, ``plans_in_hand`` are being;
    ``batches_due`` should be leaving, ``uncertain`` batches wait for their provider's word."""

    plans_due: int
    plans_due_since: datetime | None
    plans_in_hand: int
    batches_due: int
    batches_due_since: datetime | None
    next_batch_at: datetime | None
    uncertain: int
    stray_receipts: int


class Record(NamedTuple):
    """One thing that happened, aware ``at``, of a ``kind``, with plain JSON values and times in it.

    Sealed phone numbers and addresses in ``body`` are for the use case to open and to mask.
    """

    at: datetime
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One interruption as reports show it, with who says so: a plan's revision, or a row of a file."""

    id: int
    kind: InterruptionKind
    quality: Quality
    starts_at: datetime
    ends_at: datetime | None
    customers: int
    is_whole: bool
    area: str
    feeder: str
    station: str
    account: str
    plan: str
    revision: int | None
    file: str
    sheet: str
    row: int | None
    cause: str
