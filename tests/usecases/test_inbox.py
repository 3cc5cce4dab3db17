"""Receipts that come at once are written at once, and none is lost or blamed for another."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.channel import Receipt, ReceiptStatus
from notifier.usecases import inbox, receipts
from notifier.usecases.receipts import Taken

NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def receipt(reference: str) -> Receipt:
    """A provider's word on some message."""
    return Receipt(status=ReceiptStatus.DELIVERED, code="DELIVERED", reference=reference)


class Writes:
    """Stands in for ``receipts.take``: remembers each write, and can refuse a reference."""

    def __init__(self, poison: str = "") -> None:
        self.made: list[tuple[str, list[str]]] = []
        self.poison = poison

    async def take(
        self, store: Any, vault: Any, name: str, brought: Sequence[Receipt], now: datetime
    ) -> Taken:
        """One transaction."""
        references = [item.reference for item in brought]
        await asyncio.sleep(0)
        if self.poison in references:
            raise RuntimeError("cannot be written")
        self.made.append((name, references))
        return Taken(known=len(references))


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    """The writes of the test."""
    made = Writes()
    monkeypatch.setattr(receipts, "take", made.take)
    return made


async def test_what_comes_while_a_write_is_under_way_is_written_together(writes: Writes) -> None:
    """A hundred requests with a receipt each cost a few transactions, and all of them are counted."""
    box = inbox.Inbox(store=None, vault=None)  # type: ignore[arg-type]  # the writes are stood in for

    taken = await asyncio.gather(*(box.take("sms", [receipt(str(n))], NOW) for n in range(100)))

    assert len(writes.made) <= 2
    assert sorted(int(name) for _, some in writes.made for name in some) == list(range(100))
    assert sum(item.known for item in taken) == 100


async def test_each_channel_is_written_for_itself(writes: Writes) -> None:
    """Receipts belong to the channel that brought them."""
    box = inbox.Inbox(store=None, vault=None)  # type: ignore[arg-type]

    await asyncio.gather(
        box.take("sms", [receipt("a")], NOW), box.take("wechat", [receipt("b")], NOW)
    )

    assert sorted(writes.made) == [("sms", ["a"]), ("wechat", ["b"])]


async def test_one_that_cannot_be_written_does_not_take_the_others_along(writes: Writes) -> None:
    """The provider of the bad one is told so and brings it again; the others are done."""
    writes.poison = "bad"
    box = inbox.Inbox(store=None, vault=None)  # type: ignore[arg-type]

    answers = await asyncio.gather(
        *(box.take("sms", [receipt(name)], NOW) for name in ("one", "bad", "two")),
        return_exceptions=True,
    )

    assert [isinstance(answer, RuntimeError) for answer in answers] == [False, True, False]
    assert sorted(some for _, many in writes.made for some in many) == ["one", "two"]


async def test_it_goes_on_after_somebody_hung_up(writes: Writes) -> None:
    """A request that was cancelled loses nothing for those behind it."""
    box = inbox.Inbox(store=None, vault=None)  # type: ignore[arg-type]
    gone = asyncio.create_task(box.take("sms", [receipt("gone")], NOW))
    await asyncio.sleep(0)
    gone.cancel()

    taken = await box.take("sms", [receipt("here")], NOW)

    assert taken.known >= 0
    assert "here" in [some for _, many in writes.made for some in many]
