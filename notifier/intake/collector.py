"""Keeps the garbage collector out of the way while a large file is read.

A reader makes a million objects and no cycles. Each full collection would walk all of them while
holding every other thread, the event loop's too, for 50 to 200 ms (``bench/plan_import.py``).
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_readers = 0
_was_enabled = False


@contextmanager
def paused() -> Iterator[None]:
    """No collection until the block ends; blocks may overlap, in one thread or in several.

    What was made meanwhile then counts as long-lived, so that no collection walks it at once.
    """
    global _readers, _was_enabled
    with _lock:
        if _readers == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0 and _was_enabled:
                if gc.get_freeze_count() == 0:
                    # Both only splice lists: nothing is walked.
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()
