"""JPush: groups, the batch API, its codes and its cid."""

import itertools
import json
from datetime import timedelta

import pytest

from channels import jpush
from channels._http import Answer
from notifier.channel import (
    Accepted,
    Batch,
    ChannelStop,
    Message,
    Outcome,
    Permanent,
    RetryAfter,
    Uncertain,
)
from notifier.testing import FakeClock
from tests.channels import gateways
from tests.providers.gateway import Gateway


def push(number: int, text: str = "停电通知", *, dead: bool = False) -> Message:
    """A push to one device."""
    ending = "0000" if dead else f"{number:03d}1"
    return Message(
        key=f"k{number}", address=f"1507bfd3f7c{number}-{ending}", text=text, title="标题"
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 1011, Permanent),
        (400, 1005, Permanent),
        (429, 2002, RetryAfter),
        (401, 1004, ChannelStop),
        (403, 2006, ChannelStop),
        (400, 1002, ChannelStop),
        (500, 1000, Uncertain),
        (503, 1030, Uncertain),
        (502, 9999, Uncertain),
        (400, 9999, ChannelStop),
    ],
)
def test_every_code_has_one_outcome(status: int, code: int, kind: type[Outcome]) -> None:
    """The table at the top of the module is what happens."""
    body = {"error": {"code": code, "message": "m"}}
    answer = Answer(status, {}, json.dumps(body).encode())

    assert isinstance(jpush._verdict(body, answer, ()).outcome, kind)


async def test_messages_that_say_the_same_share_a_call(gateway: Gateway, clock: FakeClock) -> None:
    """Two texts, two calls, and every message has its outcome in its place."""
    channel = jpush.configure(gateways.jpush(gateway).settings(), clock.tools)
    messages = [push(number, text="甲" if number % 3 else "乙") for number in range(1, 13)]

    outcomes = await channel.send(Batch(key="b", template="t", messages=messages))
    await channel.close()

    assert gateway.ledger.requests["jpush"] == 2
    told = {each.address: (each.text, each.reference) for each in gateway.ledger.messages}
    for message, outcome in zip(messages, outcomes, strict=True):
        assert isinstance(outcome, Accepted)
        assert told[message.address] == (message.text, outcome.reference)


@pytest.mark.parametrize("vip", [False, True])
async def test_a_bad_target_does_not_take_its_group_along(
    gateway: Gateway, clock: FakeClock, vip: bool
) -> None:
    """The group is halved until the bad one stands alone; the batch API names it at once."""
    channel = jpush.configure(gateways.jpush(gateway, vip_batch=vip).settings(), clock.tools)
    messages = [push(number, dead=number == 5) for number in range(12)]

    outcomes = await channel.send(Batch(key="b", template="t", messages=messages))
    await channel.close()

    kinds = [isinstance(outcome, Accepted) for outcome in outcomes]
    assert kinds == [number != 5 for number in range(12)]
    assert isinstance(outcomes[5], Permanent)
    assert gateway.ledger.counts["jpush"] == 11
    if vip:
        assert gateway.ledger.requests["jpush"] == 1


@pytest.mark.parametrize("vip", [False, True])
async def test_sending_an_uncertain_batch_again_tells_nobody_twice(
    gateway: Gateway, clock: FakeClock, vip: bool
) -> None:
    """The cid follows from the messages, so another process makes the same one."""
    settings = gateways.jpush(gateway, vip_batch=vip).settings()
    batch = Batch(key="b", template="t", messages=[push(number) for number in range(5)])
    first, second = (jpush.configure(settings, clock.tools) for _ in range(2))
    await gateway.behave({"drop_rate": 1.0}, provider="jpush")
    lost = await first.send(batch)
    await gateway.behave({"drop_rate": 0.0}, provider="jpush")

    again = await second.send(batch)
    await first.close()
    await second.close()

    assert all(isinstance(outcome, Uncertain) for outcome in lost)
    assert all(isinstance(outcome, Accepted) for outcome in again)
    assert first.limits.idempotent_for == timedelta(days=1)
    assert gateway.ledger.counts["jpush"] == 5


async def test_a_group_is_known_again_though_one_of_it_has_left(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Whoever opted out between two attempts does not make a new call of the old one."""
    channel = jpush.configure(gateways.jpush(gateway, vip_batch=False).settings(), clock.tools)
    everybody = [push(number) for number in range(5)]
    await gateway.behave({"drop_rate": 1.0}, provider="jpush")
    await channel.send(Batch(key="b", template="t", messages=everybody))
    await gateway.behave({"drop_rate": 0.0}, provider="jpush")

    again = await channel.send(
        Batch(key="b", template="t", messages=everybody[1:], absent=everybody[:1])
    )
    other = await channel.send(Batch(key="c", template="t", messages=everybody[:1]))
    await channel.close()

    assert all(isinstance(outcome, Accepted) for outcome in (*again, *other))
    assert gateway.ledger.counts["jpush"] == 6


def _drop(channel: jpush.JPush, gateway: Gateway, *lost: int) -> None:
    """The answers of these requests, counted from 1, are lost on the way back."""
    post, numbers = channel._sender.post, itertools.count(1)

    async def send(path: str, headers: str, body: bytes) -> object:
        rate = 1.0 if next(numbers) in lost else 0.0
        await gateway.behave({"drop_rate": rate}, provider="jpush")
        return await post(path, headers, body)

    channel._sender.post = send  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("lost", [2, 3, 4, 5])
async def test_a_part_of_a_refused_group_is_known_again(
    gateway: Gateway, clock: FakeClock, lost: int
) -> None:
    """The group was refused for one bad target and halved; one half's answer was lost. Sent again by
    itself, as the ledger does, it is the call it was, and nobody reads it twice."""
    channel = jpush.configure(gateways.jpush(gateway, vip_batch=False).settings(), clock.tools)
    waiting = {m.key: m for m in (push(number, dead=number == 5) for number in range(12))}
    _drop(channel, gateway, lost)

    uncertain, rounds = list(waiting.values()), 0
    done: dict[str, Outcome] = {}
    key = "b"
    while uncertain:
        batch = Batch(key=key, template="t", messages=uncertain)
        outcomes = dict(zip([m.key for m in uncertain], await channel.send(batch), strict=True))
        done |= {k: o for k, o in outcomes.items() if not isinstance(o, Uncertain | RetryAfter)}
        # What was not sent goes out later in a batch of its own; what is uncertain goes again.
        unsure = [k for k, o in outcomes.items() if isinstance(o, Uncertain)]
        later = [k for k in waiting if k not in done and k not in unsure]
        uncertain = [waiting[k] for k in unsure or later]
        key = key if unsure else f"{key}-later"
        rounds += 1
        assert rounds < 9
    await channel.close()

    assert sum(isinstance(outcome, Accepted) for outcome in done.values()) == 11
    assert isinstance(done["k5"], Permanent)
    assert gateway.ledger.counts["jpush"] == 11


async def test_a_throttled_call_waits_as_long_as_the_answer_says(
    gateway: Gateway, clock: FakeClock
) -> None:
    """``X-Rate-Limit-Reset`` is in seconds."""
    channel = jpush.configure(gateways.jpush(gateway).settings(), clock.tools)
    await gateway.behave({"throttle_rate": 1.0}, provider="jpush")

    (outcome,) = await channel.send(Batch(key="b", template="t", messages=[push(1)]))
    await channel.close()

    assert isinstance(outcome, RetryAfter)
    assert outcome.delay == timedelta(seconds=3)


def test_without_a_cid_nothing_is_promised(clock: FakeClock) -> None:
    """An account that refuses cids of its own making is not idempotent."""
    channel = jpush.configure({"app_key": "k", "master_secret": "s", "cid": "off"}, clock.tools)

    assert channel.limits.idempotent_for is None
