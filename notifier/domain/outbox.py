"""What dispatch works on: a claimed batch with its notice, its plan and its members.

What there is one of for every message is a named tuple, made in half the time of a frozen dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from notifier.channel import Medium, ReceiptStatus
from notifier.domain.customer import Reach
from notifier.domain.decision import Sending
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.plan import PlanKind


class Member(NamedTuple):
    """One delivery of a batch. The phone number is sealed; ``sent_today`` counts the messages of this
    medium to this contact in the last 24 hours, 0 where the policy sets no cap."""

    delivery_id: int
    contact_id: int
    name: str
    reach: Reach
    phone_sealed: bytes | None
    openid: str | None
    push_token: str | None
    sent_today: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A batch that this worker holds. ``facts`` are as JSON; ``size`` is what it was composed for,
    ``members`` are those to send to now. Times are aware UTC."""

    batch_id: int
    size: int
    channel: str
    attempts: int
    plan_id: int
    plan_kind: PlanKind
    notice_id: int
    template: str
    facts: dict[str, Any]
    medium: Medium
    sending: Sending
    confirm: bool
    sent_at: datetime | None
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A batch of a channel that is configured no more; ``may_have_left``: it was uncertain."""

    batch_id: int
    plan_id: int
    medium: Medium
    may_have_left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How attempt ``number`` at a batch ended: its state from now on, when somebody looks at it again
    (aware), why (a stable code, or empty), and how many messages had which outcome."""

    batch_id: int
    number: int
    state: BatchState
    look_again_at: datetime
    reason: str
    outcomes: Mapping[str, int]


class Recorded(NamedTuple):
    """What became of one delivery of an attempt."""

    delivery_id: int
    state: DeliveryState
    code: str | None = None
    reference: str | None = None


class KnownReceipt(NamedTuple):
    """A receipt whose delivery is known. ``at`` and ``received_at`` are aware; ``batch_id`` is that of the
    call it speaks of, None where it does not say."""

    delivery_id: int
    status: ReceiptStatus
    code: str
    at: datetime | None
    received_at: datetime
    batch_id: int | None = None
