"""Reads ledgers beside the event loop: large ones in a process of their own, small ones in a thread.

The process writes frames to its standard output: four bytes of length, one of kind, the body.
Chunks travel by ``marshal``, which costs a fifth of pickling; both ends are this very program.
"""

import asyncio
import contextlib
import json
import marshal
import pickle
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from notifier.domain.ledger import Outline, PointRow
from notifier.intake.ledger import LedgerReading

_HEAD = struct.Struct(">IB")
_CHUNK, _OUTLINE = 0, 1
#: Below this a thread reads the file before a new process has started.
_SMALL_TEXT, _SMALL_WORKBOOK = 2 << 20, 64 << 10
_PIPE = 1 << 20


class LedgerReader:
    """One reading of ledger files that does not hold up the event loop; a ``LedgerReader`` of
    ``usecases.ledger_contracts``."""

    def __init__(self, paths: Sequence[Path], *, region: str = "CN") -> None:
        self._paths = tuple(paths)
        self._region = region
        self._outline: Outline | None = None

    @property
    def outline(self) -> Outline:
        """Complete once ``chunks`` is exhausted. Raises ``RuntimeError`` before."""
        if self._outline is None:
            raise RuntimeError("the ledger has not been read to its end")
        return self._outline

    async def chunks(self) -> AsyncIterator[Sequence[PointRow]]:
        """The usage points, some thousand at a time."""
        source = self._beside() if await asyncio.to_thread(self._is_large) else self._in_thread()
        async for chunk in source:
            yield chunk

    def _is_large(self) -> bool:
        text = workbook = 0
        for path in self._paths:
            if not path.exists():
                continue
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(2)
            if head in (b"PK", b"\xd0\xcf"):
                workbook += size
            else:
                text += size
        return text > _SMALL_TEXT or workbook > _SMALL_WORKBOOK

    async def _in_thread(self) -> AsyncIterator[Sequence[PointRow]]:
        reading = LedgerReading(self._paths, region=self._region)
        chunks = reading.chunks()
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            yield chunk
        self._outline = reading.outline

    async def _beside(self) -> AsyncIterator[Sequence[PointRow]]:
        # Read by one thread at a time that waits for whole frames: an asyncio pipe hands over 64 KiB
        # at a time and would compete for the interpreter with whoever works on the last chunk.
        child = await asyncio.to_thread(self._start)
        try:
            while self._outline is None:
                chunk = await asyncio.to_thread(self._next, cast(BinaryIO, child.stdout))
                if chunk is not None:
                    yield chunk
        finally:
            if self._outline is None:
                child.kill()
            await asyncio.to_thread(_finish, child)

    def _start(self) -> "subprocess.Popen[bytes]":
        wanted = {"paths": [str(path) for path in self._paths], "region": self._region}
        child = subprocess.Popen(
            [sys.executable, "-m", "notifier.intake.ledger_process", json.dumps(wanted)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        if sys.platform == "linux":
            import fcntl

            # Room for the next chunks while this process works on one.
            with contextlib.suppress(OSError):
                fcntl.fcntl(cast(BinaryIO, child.stdout), fcntl.F_SETPIPE_SZ, _PIPE)
        return child

    def _next(self, output: BinaryIO) -> Sequence[PointRow] | None:
        """The next chunk; None when it was the outline, which is kept."""
        head = output.read(_HEAD.size)
        size, kind = _HEAD.unpack(head) if len(head) == _HEAD.size else (1, _CHUNK)
        body = output.read(size)
        if len(body) < size:
            raise RuntimeError("the process reading the ledger ended before the ledger did")
        if kind == _CHUNK:
            return cast(Sequence[PointRow], marshal.loads(body))  # noqa: S302 - our own child
        self._outline = pickle.loads(body)  # noqa: S301 - our own child
        return None


def _finish(child: "subprocess.Popen[bytes]") -> None:
    with child:
        pass


def _serve(arguments: str, output: BinaryIO) -> None:
    wanted = json.loads(arguments)
    reading = LedgerReading([Path(path) for path in wanted["paths"]], region=wanted["region"])
    for chunk in _plain(reading.chunks()):
        _write(output, _CHUNK, marshal.dumps(chunk))
    _write(output, _OUTLINE, pickle.dumps(reading.outline, pickle.HIGHEST_PROTOCOL))


def _plain(chunks: Iterator[list[PointRow]]) -> Iterator[list[tuple[object, ...]]]:
    """Rows as plain tuples, the only ones that ``marshal`` knows; they unpack the same."""
    for chunk in chunks:
        yield [(*row[:-1], tuple(map(tuple, row.contacts))) for row in chunk]


def _write(output: BinaryIO, kind: int, body: bytes) -> None:
    output.write(_HEAD.pack(len(body), kind))
    output.write(body)
    output.flush()


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdout.buffer)
