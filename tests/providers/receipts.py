"""Pushes receipts to the callback address: in arrays, again after failures, twice or late when told to."""

import asyncio
import contextlib
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

#: Simulated seconds until a push that failed is tried again.
AGAIN_AFTER = (60.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Push:
    """One HTTP request that brings receipts."""

    method: str
    query: str
    body: bytes
    content_type: str


#: Turns the receipts that are due into requests.
Pack = Callable[[Sequence[Any]], Sequence[Push]]


@dataclass(slots=True)
class Pusher:
    """``url`` empty: nothing is pushed. ``speed``: simulated seconds in one of real time."""

    provider: str
    pack: Pack
    counts: Counter[str]
    speed: float = 1.0
    url: str = ""
    lanes: int = 8
    _due: list[tuple[float, int, Sequence[Any]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _pushes: set[asyncio.Task[None]] = field(default_factory=set)
    _random: random.Random = field(default_factory=lambda: random.Random(7))
    shuffle: Callable[[], bool] = lambda: False
    duplicate_rate: Callable[[], float] = lambda: 0.0

    def start(self) -> None:
        """Begin to push."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; what is due is not pushed any more."""
        tasks = [task for task in (self._task, *self._pushes) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._task = None

    def schedule(self, after_s: float, receipts: Sequence[Any]) -> None:
        """Push ``receipts`` ``after_s`` simulated seconds from now."""
        if not self.url:
            return
        due = asyncio.get_running_loop().time() + after_s / self.speed
        heapq.heappush(self._due, (due, next(self._numbers), receipts))
        if self._due[0][0] == due:
            self._woken.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        limit = asyncio.Semaphore(self.lanes)
        connector = aiohttp.TCPConnector(limit=self.lanes, force_close=False)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                self._woken.clear()
                wait = self._due[0][0] - loop.time() if self._due else None
                if wait is None or wait > 0:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), wait)
                ready = self._ready(loop.time())
                if not ready:
                    continue
                for push in self.pack(ready):
                    times = 2 if self._random.random() < self.duplicate_rate() else 1
                    for _ in range(times):
                        await limit.acquire()
                        task = loop.create_task(self._push(session, push, limit, 0))
                        self._pushes.add(task)
                        task.add_done_callback(self._pushes.discard)

    def _ready(self, now: float) -> list[Any]:
        # A moment's grace lets neighbours travel in one array.
        ready: list[Any] = []
        while self._due and self._due[0][0] <= now + 0.002:
            ready.extend(heapq.heappop(self._due)[2])
        if self.shuffle():
            self._random.shuffle(ready)
        return ready

    async def _push(
        self, session: aiohttp.ClientSession, push: Push, limit: asyncio.Semaphore, tried: int
    ) -> None:
        try:
            is_heard = await self._is_heard(session, push)
        finally:
            limit.release()
        if is_heard:
            self.counts[self.provider] += 1
        elif tried < len(AGAIN_AFTER):
            self.counts[f"{self.provider}.again"] += 1
            await asyncio.sleep(AGAIN_AFTER[tried] / self.speed)
            await limit.acquire()
            await self._push(session, push, limit, tried + 1)
        else:
            self.counts[f"{self.provider}.given_up"] += 1

    async def _is_heard(self, session: aiohttp.ClientSession, push: Push) -> bool:
        mark = "&" if "?" in self.url else "?"
        address = self.url + (mark + push.query if push.query else "")
        headers = {"content-type": push.content_type}
        try:
            async with session.request(
                push.method, address, data=push.body, headers=headers
            ) as answer:
                await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
