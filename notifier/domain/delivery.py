"""The states of a batch and of a delivery; drawn in ``docs/delivery-states.md``.

A delivery that is SCHEDULED follows its batch: withdrawing a million of them changes their batches only.
"""

from enum import IntEnum


class BatchState(IntEnum):
    """Where a batch stands. Its members never change once it is laid out.

    LEASED: a worker holds it, nothing has left. SENDING: an attempt is on disk. SENT: every member has
    an outcome, receipts are awaited. CLOSED: the time for receipts is over.
    """

    SCHEDULED = 0
    LEASED = 1
    SENDING = 2
    UNCERTAIN = 3
    SENT = 4
    WITHDRAWN = 5
    DROPPED = 6
    CLOSED = 7


class DeliveryState(IntEnum):
    """Where one notice to one contact over one medium stands."""

    SCHEDULED = 0
    ACCEPTED = 1
    DELIVERED = 2
    UNCERTAIN = 3
    FAILED = 4
    DROPPED = 5
    WITHDRAWN = 6
    UNCONFIRMED = 7


#: The code of an unconfirmed message that no provider ever said it had: the next medium follows.
NEVER_ANSWERED = "never_answered"

#: Batches nobody has begun to send: only these may be moved, withdrawn or given other content.
UNSENT = (BatchState.SCHEDULED,)

#: States after which a person must be taken to have read the message: what it said has to be put
#: right when it stops being true.
TOLD = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.UNCERTAIN,
    DeliveryState.UNCONFIRMED,
)

#: What a receipt or a query may still change.
OPEN = (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN, DeliveryState.UNCONFIRMED)

BATCH_ARROWS: dict[BatchState, frozenset[BatchState]] = {
    BatchState.SCHEDULED: frozenset({BatchState.LEASED, BatchState.WITHDRAWN, BatchState.DROPPED}),
    BatchState.LEASED: frozenset({BatchState.SENDING, BatchState.SCHEDULED, BatchState.DROPPED}),
    BatchState.SENDING: frozenset({BatchState.SENT, BatchState.UNCERTAIN, BatchState.SCHEDULED}),
    # Sent again under its key, where the provider deduplicates; or settled by an answer or by time.
    BatchState.UNCERTAIN: frozenset({BatchState.SENT, BatchState.SENDING}),
    BatchState.SENT: frozenset({BatchState.CLOSED}),
    BatchState.CLOSED: frozenset(),
    BatchState.WITHDRAWN: frozenset(),
    BatchState.DROPPED: frozenset(),
}

DELIVERY_ARROWS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.SCHEDULED: frozenset(
        {
            DeliveryState.ACCEPTED,
            DeliveryState.DELIVERED,
            DeliveryState.UNCERTAIN,
            DeliveryState.FAILED,
            DeliveryState.DROPPED,
            DeliveryState.WITHDRAWN,
        }
    ),
    DeliveryState.ACCEPTED: frozenset(
        {
            DeliveryState.DELIVERED,
            DeliveryState.FAILED,
            DeliveryState.UNCONFIRMED,
            DeliveryState.WITHDRAWN,  # a poster not yet put up
        }
    ),
    DeliveryState.UNCERTAIN: frozenset(
        {
            DeliveryState.ACCEPTED,
            DeliveryState.DELIVERED,
            DeliveryState.FAILED,
            DeliveryState.UNCONFIRMED,
            DeliveryState.SCHEDULED,  # the provider says that it never had it
        }
    ),
    DeliveryState.UNCONFIRMED: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
    DeliveryState.FAILED: frozenset({DeliveryState.DELIVERED}),
    DeliveryState.DELIVERED: frozenset(),
    # A receipt for the call before: it had arrived, and was to be sent again for nothing.
    DeliveryState.DROPPED: frozenset({DeliveryState.DELIVERED}),
    # Wanted again after all; or a crew without network put the withdrawn poster up.
    DeliveryState.WITHDRAWN: frozenset({DeliveryState.SCHEDULED, DeliveryState.DELIVERED}),
}
