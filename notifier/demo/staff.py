"""The people of the demonstration: an office that plans and signs, and crews with a roll of tape.

They do everything over the API, each with a token of their own role.
"""

import asyncio
import contextlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from notifier.clock import Clock
from notifier.domain import errors

_CONTENT = (
    *("kind", "department", "equipment", "windows", "transfers"),
    *("scope", "works", "priority", "crew"),
)
#: Local hours in which a crew works.
_SHIFT = (8, 19)
_LOOKS = 20
#: Who works in a crew.
_PEOPLE = 1
_REASON = "单元门禁关闭，进不去 / the entrance is locked"


class Refused(errors.Conflict):
    """The service refused what the staff asked for."""

    code = "demo.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Somebody with a token. ``base`` is the address of the service."""

    session: aiohttp.ClientSession
    base: str
    token: str

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """``GET /api/v1…``. Raises ``Refused`` with the service's own sentence."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """``POST /api/v1…`` of a JSON body. Raises ``Refused``."""
        return await self._ask("POST", path, json=dict(body or {}))

    async def send_form(self, path: str, form: aiohttp.FormData) -> dict[str, Any]:
        """``POST /api/v1…`` of a form with a file. Raises ``Refused``."""
        return await self._ask("POST", path, data=form)

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.base}/api/v1{path}"
        async with self.session.request(method, address, headers=headers, **more) as answer:
            raw = await answer.read()
        try:
            content: dict[str, Any] = orjson.loads(raw)
        except orjson.JSONDecodeError:
            content = {"detail": raw.decode(errors="replace")[:500]}
        if answer.status >= 400:
            words = content.get("detail") or content.get("title") or answer.reason
            raise Refused(f"{method} {path}: {answer.status} {content.get('code', '')} {words}")
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """``operations`` brings plans in and changes them, ``approver`` signs: two people."""

    operations: Desk
    approver: Desk

    async def upload(self, file: Path, published: datetime, department: str) -> dict[str, Any]:
        """Hands a file of plans in; the service's report."""
        form = aiohttp.FormData()
        form.add_field("published", published.date().isoformat())
        form.add_field("department", department)
        body = await asyncio.to_thread(file.read_bytes)
        form.add_field("file", body, filename=file.name)
        return await self.operations.send_form("/plans/files", form)

    async def sign(self, number: str) -> dict[str, Any]:
        """Looks at what would be sent, and signs exactly that; looks again where it has changed."""
        path = f"/plans/{quote(number, safe='')}"
        for _ in range(_LOOKS):
            seen = await self.approver.get(f"{path}/preview")
            body = {"expected_hash": seen["recipients_hash"]}
            try:
                return await self.approver.post(f"{path}/approve", body)
            except Refused as refused:
                if "approval.stale" not in refused.sentence:
                    raise
        raise Refused(f"{number}: 收件人一直在变 / its recipients never stay the same.")

    async def revise(self, number: str, note: str, **changes: Any) -> None:
        """A new revision with some fields changed, signed by the other person."""
        path = f"/plans/{quote(number, safe='')}"
        plan = await self.operations.get(path)
        body = {name: plan["present"].get(name, plan.get(name)) for name in _CONTENT} | changes
        await self.operations.post(
            f"{path}/revise", {"plan": body | {"number": number}, "note": note}
        )
        await self.sign(number)

    async def act(self, number: str, what: str, **body: Any) -> None:
        """``cancel``, ``delay`` or ``restore``."""
        await self.operations.post(f"/plans/{quote(number, safe='')}/{what}", body)

    async def plans(self) -> list[dict[str, Any]]:
        """Every plan as it stands."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.operations.get("/plans", limit="500", cursor=cursor)
            found += page["plans"]
            cursor = page["next"]
            if not cursor:
                return found


@dataclass(slots=True, kw_only=True)
class Crew:
    """One crew: lists, claims, puts up and photographs, hands back what it cannot reach.

    ``turn`` of ``crews``: which share of the list it takes, so that they do not meet at the same door.
    """

    name: str
    desk: Desk
    clock: Clock
    zone_offset: timedelta
    turn: int = 0
    crews: int = 1
    is_locked_out_once: bool = False
    done: int = 0
    handed_back: list[str] = field(default_factory=list)
    _photos: int = 0

    async def work(self) -> None:
        """Works by day until cancelled."""
        while True:
            local = self.clock.now() + self.zone_offset
            if not _SHIFT[0] <= local.hour < _SHIFT[1] or not await self._round():
                await self.clock.pause(0.1)

    async def _round(self) -> bool:
        """The crew's share of the most urgent tasks, what is wrong on a door first; False when there
        are none."""
        tasks = (await self.desk.get("/postings", limit="24"))["tasks"]
        tasks.sort(key=lambda task: task["todo"] != "replace")
        own = tasks[self.turn :: self.crews] or tasks
        await asyncio.gather(*(self._walk(own[one::_PEOPLE]) for one in range(_PEOPLE)))
        return bool(tasks)

    async def _walk(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """What one of the crew does of the list."""
        for task in tasks:
            # The other crew was faster, or the plan was changed while we walked.
            with contextlib.suppress(Refused):
                await self._do(task)

    async def _do(self, task: Mapping[str, Any]) -> None:
        path = f"/postings/{task['id']}"
        held = await self.desk.post(f"{path}/claim", {"minutes": 1440})
        if self.is_locked_out_once and not self.handed_back:
            self.handed_back.append(f"{held['place']}")
            await self.desk.post(f"{path}/hand-back", {"reason": _REASON})
            return
        self._photos += 1
        form = aiohttp.FormData()
        form.add_field("poster", str(held["poster"]))
        form.add_field("latitude", f"{30.1 + self._photos / 10_000:.5f}")
        form.add_field("longitude", "118.20000")
        form.add_field("photo", photo(f"{self.name} {held['id']}"), filename="door.png")
        await self.desk.send_form(f"{path}/finish", form)
        self.done += 1


def photo(subject: str) -> bytes:
    """A small PNG, a different one for each subject: a sheet of paper on a door."""
    width, height = 48, 64
    shade = zlib.crc32(subject.encode())
    door = bytes((shade & 255, shade >> 8 & 255, shade >> 16 & 255))
    paper = b"\xff\xff\xf0"
    rows = b"".join(
        b"\0" + b"".join(
            paper if 12 <= x < 36 and 14 <= y < 46 else door for x in range(width)
        )
        for y in range(height)
    )  # fmt: skip
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
