"""Stand-ins for tests, and the checks that every channel passes.

``FakeClock`` is moved by hand. ``RecordingChannel`` answers what a test tells it to.
``check_channel`` takes a channel's ``configure`` and a gateway that can misbehave, and holds the channel
to the contract of ``notifier.channel``: shipped, so that the author of a channel elsewhere can run it too.
"""

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from notifier.channel import (
    Accepted,
    Batch,
    Callback,
    CallbackAnswer,
    Channel,
    ChannelStop,
    Configure,
    Health,
    Limits,
    Medium,
    Message,
    Outcome,
    Permanent,
    Receipt,
    ReceiptStatus,
    RetryAfter,
    Tools,
    Uncertain,
)


class FakeClock:
    """A clock that stands still until ``advance``. Keeps the protocol of ``notifier.clock.Clock``."""

    def __init__(self, now: datetime = datetime(2026, 3, 5, 0, 0, tzinfo=UTC)) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock shows a time with a zone")
        self._now = now.astimezone(UTC)
        self._numbers = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return self._now

    def wall(self) -> datetime:
        """The same time: outside, the test's clock is all there is."""
        return self._now

    async def pause(self, seconds: float) -> None:
        """Lets others run once; the clock stands still."""
        await self.sleep(timedelta(0))

    async def sleep(self, duration: timedelta) -> None:
        """Wait until the clock was moved on by ``duration``; nothing or less lets others run once."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if duration <= timedelta(0):
            asyncio.get_running_loop().call_soon(waiter.set_result, None)
        else:
            entry = (self._now + duration, next(self._numbers), waiter)
            heapq.heappush(self._sleepers, entry)
        await waiter

    def advance(self, duration: timedelta) -> None:
        """Move the clock on; whoever slept that long wakes, in the order in which they were to wake."""
        self.set(self._now + duration)

    def set(self, now: datetime) -> None:
        """Move the clock on to a time. Raises ``ValueError`` for one that has passed."""
        if now < self._now:
            raise ValueError("a clock does not run backwards")
        while self._sleepers and self._sleepers[0][0] <= now:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._now = due
            if not waiter.done():
                waiter.set_result(None)
        self._now = now.astimezone(UTC)

    @property
    def sleepers(self) -> int:
        """How many wait."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    @property
    def tools(self) -> Tools:
        """What a channel is lent."""
        return Tools(now=self.now)


#: What a scripted answer is: one outcome for every message of a batch, or a function of the batch.
Script = Outcome | Callable[[Batch], Sequence[Outcome]]


class RecordingChannel:
    """A channel that keeps what it is given and answers what it was told to, in order.

    ``answers`` are used up one a call; after that every message is accepted.
    A provider with ``limits.idempotent_for`` remembers message keys: what comes again is accepted and
    not told again. ``told`` is what people would have read, so a duplicate shows there.
    An ``Uncertain`` answer counts as told: the request left. ``lose`` makes it one that did not arrive.
    """

    def __init__(
        self,
        medium: Medium = Medium.SMS,
        limits: Limits | None = None,
        answers: Sequence[Script] = (),
        *,
        lose: bool = False,
    ) -> None:
        self.medium = medium
        self.limits = limits or Limits(batch_size=100)
        self.answers: deque[Script] = deque(answers)
        self.batches: list[Batch] = []
        self.told: list[Message] = []
        self.keys: set[str] = set()
        self.queried: list[Batch] = []
        self.is_well = True
        self.closed = 0
        self._lose = lose

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        """Record the batch and answer as told."""
        self.batches.append(batch)
        script = self.answers.popleft() if self.answers else None
        if script is None:
            outcomes: Sequence[Outcome] = [
                Accepted(reference=f"{batch.key}/{message.key}") for message in batch.messages
            ]
        elif callable(script):
            outcomes = script(batch)
        else:
            outcomes = [script] * len(batch.messages)
        for message, outcome in zip(batch.messages, outcomes, strict=True):
            self._take(message, outcome)
        return outcomes

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]:
        """Delivered, for whatever was told; of the rest that it never had it, where ``limits`` say
        that such a word may be believed, else nothing."""
        self.queried.append(batch)
        absent_too = self.limits.absent_after is not None
        return [
            Receipt(
                status=ReceiptStatus.DELIVERED if is_here else ReceiptStatus.ABSENT,
                code="DELIVERED" if is_here else "NOT_FOUND",
                at=sent_at if is_here else None,
                batch_key=batch.key,
                message_key=message.key,
                address=message.address,
            )
            for message in batch.messages
            if (is_here := message.key in self.keys) or absent_too
        ]

    def receipts(self, callback: Callback) -> CallbackAnswer:
        """Lines of ``message key, status``, as a test writes them."""
        found = []
        for line in callback.body.decode().splitlines():
            key, _, status = line.partition(" ")
            found.append(Receipt(status=ReceiptStatus(status), code=status, message_key=key))
        return CallbackAnswer(receipts=found, body=b"ok")

    async def health(self) -> Health:
        """As ``is_well`` says."""
        return Health(is_well=self.is_well)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1

    def _take(self, message: Message, outcome: Outcome) -> None:
        taken = isinstance(outcome, Accepted) or (isinstance(outcome, Uncertain) and not self._lose)
        if not taken or (self.limits.idempotent_for is not None and message.key in self.keys):
            return
        self.keys.add(message.key)
        self.told.append(message)


class Fault(StrEnum):
    """How a gateway misbehaves while a channel is checked."""

    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    DROP = "drop"
    HANG = "hang"
    MALFORMED = "malformed"
    DOWN = "down"
    BAD_CREDENTIALS = "bad_credentials"


class Gateway(Protocol):
    """A provider under control, as ``check_channel`` needs it.

    ``settings`` are the channel's, with timeouts of a second or less; with ``bad_credentials`` the
    same with a wrong secret. ``message(n)`` is a deliverable message, ``dead(n)`` one that is refused
    for its address. ``taken`` answers the addresses of what was taken, in whatever form ``same`` knows.
    ``private`` are strings that must not appear anywhere: secrets.
    """

    template: str
    private: Sequence[str]

    def settings(self, *, bad_credentials: bool = False) -> Mapping[str, Any]: ...

    def message(self, number: int) -> Message: ...

    def dead(self, number: int) -> Message: ...

    async def misbehave(self, fault: Fault | None) -> None: ...

    async def taken(self) -> Sequence[str]: ...

    def same(self, taken: str, address: str) -> bool: ...


class Broken(AssertionError):
    """The channel does not keep the contract; the message says which promise."""


#: What every message of a batch is answered under a fault.
EXPECTED: Mapping[Fault, type[Outcome]] = {
    Fault.THROTTLE: RetryAfter,
    Fault.SERVER_ERROR: Uncertain,
    Fault.DROP: Uncertain,
    Fault.HANG: Uncertain,
    Fault.MALFORMED: Uncertain,
    Fault.DOWN: RetryAfter,
    Fault.BAD_CREDENTIALS: ChannelStop,
}


async def check_channel(
    configure: Configure, gateway: Gateway, *, tools: Tools | None = None
) -> list[str]:
    """Hold a channel to the contract. The promises it keeps; raises ``Broken`` for one that it breaks."""
    checker = _Checker(configure, gateway, tools or FakeClock().tools)
    return await checker.run()


class _Heard(logging.Handler):
    """Everything that is logged, whatever the level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class _Checker:
    def __init__(self, configure: Configure, gateway: Gateway, tools: Tools) -> None:
        self._configure = configure
        self._gateway = gateway
        self._tools = tools
        self._kept: list[str] = []
        self._said: list[str] = []
        self._shown: set[str] = set()
        self._numbers = itertools.count(1)

    async def run(self) -> list[str]:
        """All checks, one after the other."""
        heard, root = _Heard(), logging.getLogger()
        level = root.level
        root.addHandler(heard)
        root.setLevel(logging.DEBUG)
        try:
            await self._check_good()
            await self._check_dead()
            for fault, kind in EXPECTED.items():
                await self._check_fault(fault, kind)
            await self._check_recovery()
            self._check_settings()
        finally:
            root.removeHandler(heard)
            root.setLevel(level)
            await self._gateway.misbehave(None)
        self._said += heard.lines
        self._check_silence()
        return self._kept

    async def _check_good(self) -> None:
        channel = self._channel()
        limits = channel.limits
        self._hold(
            limits.batch_size >= 1 and limits.lanes >= 1 and limits.per_second >= 0,
            "its limits make sense",
        )
        self._hold((await channel.health()).is_well, "it is well when the gateway is")
        before = len(await self._gateway.taken())
        count = min(limits.batch_size, 7)
        for size in (count, 1):
            batch = self._batch(size)
            outcomes = await self._send(channel, batch)
            self._hold(
                all(isinstance(outcome, Accepted) for outcome in outcomes),
                f"a batch of {size} is accepted",
                outcomes,
            )
            taken = list(await self._gateway.taken())[before:]
            before += len(taken)
            self._hold(
                len(taken) == size
                and all(
                    any(self._gateway.same(each, message.address) for each in taken)
                    for message in batch.messages
                ),
                "the gateway took every message once",
            )
        self._hold(not await self._send(channel, self._batch(0)), "an empty batch is no call")
        too_many = self._batch(limits.batch_size + 1)
        outcomes = await self._send(channel, too_many)
        taken = list(await self._gateway.taken())[before:]
        accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
        self._hold(
            len(taken) == accepted == len(set(taken)),
            "of a batch beyond its limits exactly what it says was sent",
            outcomes,
        )
        await channel.close()
        await channel.close()
        self._hold(True, "it is closed twice without complaint")

    async def _check_dead(self) -> None:
        channel = self._channel()
        size = min(channel.limits.batch_size, 7)
        messages = [self._message() for _ in range(size)]
        place = size // 3  # not the middle: an answer in reverse order would look right
        messages[place] = self._gateway.dead(next(self._numbers))
        self._shown.add(messages[place].address)
        outcomes = await self._send(channel, self._batch_of(messages))
        others = [outcome for at, outcome in enumerate(outcomes) if at != place]
        self._hold(
            isinstance(outcomes[place], Permanent),
            f"a dead address is permanent: {outcomes[place]}",
        )
        self._hold(
            all(isinstance(outcome, Accepted) for outcome in others),
            "a dead address does not take its neighbours along",
        )
        await channel.close()

    async def _check_fault(self, fault: Fault, kind: type[Outcome]) -> None:
        bad = fault is Fault.BAD_CREDENTIALS
        channel = self._configure(self._gateway.settings(bad_credentials=bad), self._tools)
        await self._gateway.misbehave(None if bad else fault)
        for size in (min(channel.limits.batch_size, 3), 1):
            outcomes = await self._send(channel, self._batch(size))
            self._hold(
                all(isinstance(outcome, kind) for outcome in outcomes),
                f"{fault} is answered with {kind.__name__}, {size} at once",
                outcomes,
            )
            for outcome in outcomes:
                if isinstance(outcome, RetryAfter):
                    self._hold(outcome.delay > timedelta(0), f"{fault} names a delay")
        await self._gateway.misbehave(None)
        await channel.close()

    async def _check_recovery(self) -> None:
        """One channel object lives through faults: connections that broke are not used again."""
        channel = self._channel()
        for fault in (Fault.DROP, Fault.DOWN, Fault.MALFORMED):
            await self._gateway.misbehave(fault)
            await self._send(channel, self._batch(1))
            await self._gateway.misbehave(None)
            outcomes = await self._send(channel, self._batch(1))
            self._hold(
                isinstance(outcomes[0], Accepted), f"it works again after {fault}", outcomes[0]
            )
        await channel.close()

    def _check_settings(self) -> None:
        wrong = {**self._gateway.settings(), "no_such_setting": self._gateway.private[0]}
        try:
            self._configure(wrong, self._tools)
        except ValueError as error:
            self._said.append(repr(error) + str(error.__cause__))
            self._hold("no_such_setting" in str(error), "a wrong setting is named")
        else:
            self._hold(False, "an unknown setting is refused")
        self._said.append(repr(self._channel()))

    def _check_silence(self) -> None:
        private = [*self._gateway.private, *self._shown]
        private += [address.removeprefix("+86") for address in self._shown]
        for said in self._said:
            for secret in private:
                if secret in said:
                    shown = said.replace(secret, "<…>")
                    raise Broken(f"a secret or an address was said: {shown[:300]}")
        self._kept.append("no secret and no address in an outcome, an error, a log line or a repr")

    def _channel(self) -> Channel:
        return self._configure(self._gateway.settings(), self._tools)

    def _message(self) -> Message:
        message = self._gateway.message(next(self._numbers))
        self._shown.add(message.address)
        return message

    def _batch(self, size: int) -> Batch:
        return self._batch_of([self._message() for _ in range(size)])

    def _batch_of(self, messages: Sequence[Message]) -> Batch:
        key = f"check-{next(self._numbers)}"
        return Batch(key=key, template=self._gateway.template, messages=messages)

    async def _send(self, channel: Channel, batch: Batch) -> Sequence[Outcome]:
        try:
            outcomes = await channel.send(batch)
        except Exception as error:
            raise Broken(f"send raised {type(error).__name__}: an answer is a value") from error
        self._hold(len(outcomes) == len(batch.messages), "one outcome a message")
        self._said += [repr(outcome) for outcome in outcomes]
        return outcomes

    def _hold(self, is_kept: bool, promise: str, seen: object = None) -> None:
        if not is_kept:
            raise Broken(promise if seen is None else f"{promise}: {seen}")
        if promise not in self._kept:
            self._kept.append(promise)
