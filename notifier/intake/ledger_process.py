"""Reads ledgers beside the event loop: large ones in a process of their own, small ones in a thread.

The process writes frames to its standard output: four bytes of length, one of kind, the body.
Chunks travel by ``marshal``, which costs a fifth of pickling; both ends are this very program.
"""

import asyncio
import json
import marshal
import pickle
import struct
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
_PIPE = 16 << 20


class LedgerReader:
    """One reading of ledger files that does not hold up the event loop; ``ports.LedgerReader``."""

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
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "notifier.intake.ledger_process",
            json.dumps({"paths": [str(path) for path in self._paths], "region": self._region}),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_PIPE,
        )  # fmt: skip
        output = cast(asyncio.StreamReader, process.stdout)
        try:
            while self._outline is None:
                try:
                    size, kind = _HEAD.unpack(await output.readexactly(_HEAD.size))
                    body = await output.readexactly(size)
                except asyncio.IncompleteReadError as fault:
                    raise RuntimeError(
                        f"the process reading the ledger ended with {await process.wait()}"
                    ) from fault
                if kind == _CHUNK:
                    yield await asyncio.to_thread(marshal.loads, body)  # noqa: S302 - our own child
                else:
                    self._outline = await asyncio.to_thread(pickle.loads, body)  # noqa: S301
        finally:
            if process.returncode is None and self._outline is None:
                process.kill()
            await process.wait()


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
