"""The stand-ins, and that the checks catch channels that break the contract."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels import aliyun_sms
from notifier.channel import (
    Accepted,
    Batch,
    Limits,
    Message,
    Outcome,
    Permanent,
    RetryAfter,
    Tools,
    Uncertain,
)
from notifier.testing import Broken, FakeClock, RecordingChannel, check_channel
from tests.channels import gateways
from tests.providers.gateway import Gateway


async def test_a_fake_clock_wakes_sleepers_in_their_order() -> None:
    """Each wakes at its own time, whoever began first."""
    clock, woken = FakeClock(datetime(2026, 3, 5, tzinfo=UTC)), []

    async def sleeper(minutes: int) -> None:
        await clock.sleep(timedelta(minutes=minutes))
        woken.append(minutes)

    tasks = [asyncio.create_task(sleeper(minutes)) for minutes in (30, 10, 20)]
    await clock.sleep(timedelta(0))
    clock.advance(timedelta(minutes=25))
    await asyncio.gather(*tasks[1:])

    assert woken == [10, 20]
    assert clock.sleepers == 1
    assert clock.now() == datetime(2026, 3, 5, 0, 25, tzinfo=UTC)
    with pytest.raises(ValueError, match="backwards"):
        clock.set(datetime(2026, 3, 4, tzinfo=UTC))
    clock.advance(timedelta(minutes=5))
    await tasks[0]


def batch(*keys: str) -> Batch:
    """Messages with these keys."""
    messages = [Message(key=key, address=f"+86{key}", text=key) for key in keys]
    return Batch(key="b", template="t", messages=messages)


async def test_a_recording_channel_answers_as_told_and_honours_keys() -> None:
    """What people were told is counted once where the provider knows keys."""
    limits = Limits(batch_size=10, idempotent_for=timedelta(days=1))
    channel = RecordingChannel(
        limits=limits,
        answers=[
            Uncertain(code="lost"),
            lambda given: [Permanent(code="dead")] * len(given.messages),
            RetryAfter(delay=timedelta(seconds=1), code="busy"),
        ],
    )

    for keys in (("1", "2"), ("3",), ("4",), ("1", "2")):
        await channel.send(batch(*keys))
    found = await channel.query(batch("1", "3"), datetime(2026, 3, 5, tzinfo=UTC))

    assert [message.key for message in channel.told] == ["1", "2"]
    assert [receipt.message_key for receipt in found] == ["1"]
    assert len(channel.batches) == 4


async def test_a_recording_channel_without_keys_tells_twice() -> None:
    """So that a test sees the duplicate."""
    channel = RecordingChannel(answers=[Uncertain(code="lost")])

    await channel.send(batch("1"))
    await channel.send(batch("1"))

    assert [message.key for message in channel.told] == ["1", "1"]


Change = Callable[[Sequence[Outcome], Batch], Sequence[Outcome]]


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (lambda outcomes, _: outcomes[:-1], "one outcome a message"),
        (lambda outcomes, _: outcomes[::-1], "dead address"),
        (
            lambda outcomes, given: [
                Accepted(reference=message.address) for message in given.messages
            ],
            "is permanent",
        ),
        (
            lambda outcomes, _: [
                RetryAfter(delay=timedelta(seconds=1), code="x")
                if isinstance(outcome, Uncertain)
                else outcome
                for outcome in outcomes
            ],
            "answered with Uncertain",
        ),
        (
            lambda outcomes, given: [
                Permanent(code="x", detail=message.address)
                if isinstance(outcome, Permanent)
                else outcome
                for outcome, message in zip(outcomes, given.messages, strict=True)
            ],
            "was said",
        ),
    ],
)
async def test_the_checks_catch_a_channel_that_breaks_its_word(
    gateway: Gateway, clock: FakeClock, change: Change, promise: str
) -> None:
    """Each promise broken on purpose is the one that is named."""

    class Bent(aliyun_sms.AliyunSms):
        async def send(self, batch: Batch) -> Sequence[Outcome]:
            outcomes = await super().send(batch)
            return change(outcomes, batch) if len(batch.messages) > 1 else outcomes

    def configure(raw: Mapping[str, Any], tools: Tools) -> Bent:
        return Bent(aliyun_sms.configure(raw, tools)._config, tools)

    simulated = gateways.aliyun(gateway)
    made: list[Bent] = []

    def remember(raw: Mapping[str, Any], tools: Tools) -> Bent:
        made.append(configure(raw, tools))
        return made[-1]

    with pytest.raises(Broken, match=promise):
        await check_channel(remember, simulated, tools=clock.tools)
    for each in made:
        await each.close()
