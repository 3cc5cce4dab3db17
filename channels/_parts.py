"""What channels share about batches: halving a refused one, working on messages side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from notifier.channel import Message, Outcome, RetryAfter, Uncertain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A provider's word on a whole request.

    ``is_about_one``: nothing was sent because of some message of it, and the answer does not say which.
    """

    outcome: Outcome
    is_about_one: bool = False


def slices(messages: Sequence[Message], size: int) -> Iterator[Sequence[Message]]:
    """The messages in parts of at most ``size``, in order; none for none."""
    for start in range(0, len(messages), size):
        yield messages[start : start + size]


async def isolate(
    messages: Sequence[Message],
    call: Callable[[Sequence[Message]], Awaitable[Verdict]],
    *,
    seconds: float,
    calls: int = 32,
) -> list[Outcome]:
    """One outcome a message, in order; one bad number does not take ninety-nine people down with it.

    A part that was refused because of one of its messages is halved until that one stands alone.
    After ``calls`` calls or ``seconds`` seconds the rest is left for later: it was not sent. So it is
    once a part is uncertain: what is uncertain of a request is one part of it, or all, so that the same
    request can be made again.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    outcomes: dict[int, Outcome] = {}
    parts = [(0, len(messages))]
    is_unsure = False
    while parts:
        start, end = parts.pop()
        if calls <= 0 or is_unsure or loop.time() >= until:
            verdict = Verdict(
                RetryAfter(delay=timedelta(seconds=10), code="not_sent.unfinished_isolation")
            )
        else:
            calls -= 1
            verdict = await call(messages[start:end])
            is_unsure = isinstance(verdict.outcome, Uncertain)
        if verdict.is_about_one and end - start > 1:
            middle = (start + end) // 2
            parts += [(middle, end), (start, middle)]
        else:
            outcomes.update(dict.fromkeys(range(start, end), verdict.outcome))
    return [outcomes[place] for place in range(len(messages))]


async def side_by_side(
    messages: Sequence[Message], call: Callable[[Message], Awaitable[T]], *, parallel: int
) -> list[T]:
    """``call`` for every message, ``parallel`` at a time; the results in order."""
    if len(messages) == 1:
        return [await call(messages[0])]
    results: dict[int, T] = {}
    places = iter(range(len(messages)))

    async def work() -> None:
        for place in places:
            results[place] = await call(messages[place])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(parallel, len(messages))):
            group.create_task(work())
    return [results[place] for place in range(len(messages))]
