"""Heavy work on values, beside the event loop: in a thread, or where it is large in a process.

A thread shares the interpreter with the loop and leaves its memory behind; a process takes a moment
to start and its memory with it when it ends.
"""

import asyncio
import concurrent.futures
import gc
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_Result = TypeVar("_Result")

_paused = 0
_pausing = threading.Lock()


async def run(work: Callable[..., _Result], *values: Any, is_large: bool) -> _Result:
    """``work(*values)``; ``work`` is a function of a module, values and result can be pickled."""
    if not is_large:
        return await asyncio.to_thread(work, *values)
    # Spawned, not forked: this process has threads, and a fork would copy their locks.
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn, initializer=gc.disable)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *values)
    finally:
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)


@contextmanager
def settled() -> Iterator[None]:
    """Builds something large that stays: the garbage collector neither walks it on the way nor after.

    A full collection of a city takes some tenths of a second, during which nothing else runs.
    """
    with _uncollected(gc.freeze):
        yield


@contextmanager
def piecemeal() -> Iterator[Callable[[], None]]:
    """Works through something large piece by piece; it goes when the work is done. After each piece
    the caller calls what this yields: only what the piece has made is collected, within milliseconds.

    What was there before, the large thing itself among it, is left to its reference counts.
    """
    gc.freeze()
    with _uncollected(lambda: None):
        yield _collect_young


def _collect_young() -> None:
    gc.collect(1)


@contextmanager
def _uncollected(then: Callable[[], None]) -> Iterator[None]:
    """No collection by itself until the last of such blocks ends, which does ``then``."""
    global _paused
    with _pausing:
        _paused += 1
        gc.disable()
    try:
        yield
    finally:
        with _pausing:
            _paused -= 1
            if not _paused:
                then()
                gc.enable()
