"""Reads and packs networks beside the event loop: large ones in a process of their own.

A city is half a gigabyte of Python objects: with the process that read it they are gone for good.
It writes frames to its standard output: four bytes of length, one of kind, the body.
"""

import asyncio
import gc
import hashlib
import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO, cast

from notifier.domain.finding import Finding
from notifier.domain.network import model, packing, version
from notifier.intake import network_folder, network_status
from notifier.intake.network_csv import UnreadableNetwork

_HEAD = struct.Struct(">IB")
_PROGRESS, _PART, _END, _REFUSED = range(4)
#: Below this a thread has read the files before a new process has started.
_SMALL = 1 << 20
_PACKED_FACTOR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInput:
    """One status file; ``digest`` is SHA-256 over its name and bytes."""

    name: str
    digest: str
    is_full: bool
    as_of: datetime | None
    rows: tuple[model.SwitchStatus, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesFound:
    """What was handed in; ``digest`` covers the names and bytes of the model's files."""

    digest: str
    names: tuple[str, ...]
    statuses: tuple[StatusInput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A model read, packed by ``packing.pack``."""

    name: str
    as_of: datetime | None
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    parts: dict[str, bytes]


class NetworkReader:
    """One reading of network files; folders or files that belong to one network.

    ``zone`` is that of the times in the names of status files.
    """

    def __init__(self, paths: Sequence[Path], zone: tzinfo = network_status.HOME) -> None:
        self._paths = tuple(paths)
        self._zone = zone
        self._parts: dict[str, bytes] = {}

    async def look(self) -> FilesFound:
        """Digests and status files, without reading the model. Raises ``UnreadableNetwork``."""
        return await asyncio.to_thread(_look, self._paths, self._zone)

    async def read(self, progress: Callable[[str, int], None]) -> Packed:
        """The model. ``progress`` hears on the event loop what was read or packed, and how much.

        Raises ``UnreadableNetwork``.
        """
        if not await asyncio.to_thread(_is_large, self._paths):
            loop = asyncio.get_running_loop()
            parts: dict[str, bytes] = {}

            def tell(stage: str, rows: int) -> None:
                loop.call_soon_threadsafe(progress, stage, rows)

            return await asyncio.to_thread(
                _read,
                self._paths,
                self._zone,
                tell,
                parts.__setitem__,
                parts,
            )
        return await self._read_beside(progress)

    async def _read_beside(self, progress: Callable[[str, int], None]) -> Packed:
        child = await asyncio.to_thread(self._start)
        self._parts = {}
        finished = False
        try:
            while True:
                kind, body = await asyncio.to_thread(_next, cast(BinaryIO, child.stdout))
                if kind == _PROGRESS:
                    progress(*json.loads(body))
                elif kind == _PART:
                    name, _, packed = body.partition(b"\0")
                    self._parts[name.decode()] = packed
                elif kind == _REFUSED:
                    finished = True
                    raise UnreadableNetwork(body.decode())
                else:
                    finished = True
                    values = pickle.loads(body)  # noqa: S301 - our own child
                    return Packed(parts=self._parts, **values)
        finally:
            if not finished:
                child.kill()
            await asyncio.to_thread(_finish, child)

    def _start(self) -> "subprocess.Popen[bytes]":
        wanted = {"paths": [str(path) for path in self._paths], "zone": str(self._zone)}
        return subprocess.Popen(
            [sys.executable, "-m", "notifier.intake.network_process", json.dumps(wanted)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )


def _look(paths: Sequence[Path], zone: tzinfo) -> FilesFound:
    sources = network_folder.sort_out(paths)
    statuses = []
    for path in sources.statuses:
        read = network_status.read_file(path, zone)
        statuses.append(
            StatusInput(
                name=read.name,
                digest=_digest([path]),
                is_full=read.is_full,
                as_of=read.as_of,
                rows=read.rows,
                findings=read.findings,
            )
        )
    return FilesFound(
        digest=_digest(sources.model_files) if sources.has_model else "",
        names=tuple(path.name for path in sources.model_files) if sources.has_model else (),
        statuses=tuple(statuses),
    )


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _is_large(paths: Sequence[Path]) -> bool:
    sources = network_folder.sort_out(paths)
    size = 0
    for path in sources.model_files:
        size += path.stat().st_size * (_PACKED_FACTOR if path.suffix == ".gz" else 1)
    return size > _SMALL


def _read(
    paths: Sequence[Path],
    zone: tzinfo,
    progress: Callable[[str, int], None],
    keep: Callable[[str, bytes], None],
    parts: dict[str, bytes],
) -> Packed:
    sources = network_folder.sort_out(paths)
    statuses = [network_status.read_file(path, zone) for path in sources.statuses]
    read = network_folder.read_model(sources, statuses, progress=progress)
    network = read.network
    for kind, body in packing.pack(network):
        keep(kind, body)
        progress(kind, len(body))
    return Packed(
        name=network.name,
        as_of=network.as_of,
        counts=version.counts_of(network),
        findings=read.findings,
        parts=parts,
    )


def _next(output: BinaryIO) -> tuple[int, bytes]:
    head = output.read(_HEAD.size)
    size, kind = _HEAD.unpack(head) if len(head) == _HEAD.size else (1, _END)
    body = output.read(size)
    if len(body) < size:
        raise RuntimeError("the process reading the network ended before the network did")
    return kind, body


def _finish(child: "subprocess.Popen[bytes]") -> None:
    with child:
        pass


def _serve(arguments: str, output: BinaryIO) -> None:
    from zoneinfo import ZoneInfo

    # Nothing here refers to itself in a circle, and this process lives for one reading.
    gc.disable()
    wanted = json.loads(arguments)

    def write(kind: int, body: bytes) -> None:
        output.write(_HEAD.pack(len(body), kind))
        output.write(body)
        output.flush()

    try:
        read = _read(
            [Path(path) for path in wanted["paths"]],
            ZoneInfo(wanted["zone"]),
            lambda stage, rows: write(_PROGRESS, json.dumps([stage, rows]).encode()),
            lambda kind, body: write(_PART, kind.encode() + b"\0" + body),
            {},
        )
    except UnreadableNetwork as refusal:
        write(_REFUSED, refusal.sentence.encode())
        return
    values: dict[str, Any] = {
        "name": read.name,
        "as_of": read.as_of,
        "counts": read.counts,
        "findings": read.findings,
    }
    write(_END, pickle.dumps(values, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdout.buffer)
