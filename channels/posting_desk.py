"""The posting desk: a crew with a roll of tape is a channel.

A task that is laid on the desk is accepted; crews take it from there over the API, and the photograph
is its receipt (``notifier.usecases.postings``). Nothing leaves the machine, so nothing is uncertain.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from notifier.channel import (
    Accepted,
    Batch,
    Callback,
    CallbackAnswer,
    Health,
    Limits,
    Medium,
    Outcome,
    Receipt,
    Tools,
)


class PostingDesk:
    """Accepts every task; its reference is the task's own key."""

    medium = Medium.POSTING
    limits = Limits(
        batch_size=100,
        lanes=1,
        idempotent_for=timedelta(days=365),
        receipts_within=timedelta(days=30),
    )

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        return [Accepted(reference=message.key) for message in batch.messages]

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]:
        return []

    def receipts(self, callback: Callback) -> CallbackAnswer:
        return CallbackAnswer(receipts=(), status=403)

    async def health(self) -> Health:
        return Health(is_well=True, detail="the desk is in this house")

    async def close(self) -> None:
        return None


def configure(raw: Mapping[str, Any], tools: Tools) -> PostingDesk:
    """The desk has no settings. Raises ``ValueError`` when it is given any."""
    if raw:
        raise ValueError(f"{next(iter(raw))}: the posting desk has no settings")
    return PostingDesk()
