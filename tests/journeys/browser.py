"""A real browser for the pages: Chromium without a window, driven over its DevTools protocol.

Nothing is installed for it: the protocol is JSON over one websocket, which aiohttp speaks.
"""

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from notifier.clock import SystemClock

#: What the program is called by distributions; Debian's package is ``chromium``.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PATIENCE = 40.0
_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-proxy-server", "--mute-audio",
    "--remote-debugging-port=0",
)  # fmt: skip


class Failed(Exception):
    """The browser could not do what was asked, or did not start."""


def program() -> str | None:
    """Where the browser is; None on a machine without one."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@dataclass(slots=True)
class Page:
    """One tab. ``complaints`` collects what its console said in anger, in words."""

    _socket: aiohttp.ClientWebSocketResponse
    _session: str
    complaints: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, url: str) -> None:
        """Goes to an address and waits until it has loaded."""
        self._loaded.clear()
        answer = await self.ask("Page.navigate", url=url)
        if answer.get("errorText"):
            raise Failed(f"{url}: {answer['errorText']}")
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE)

    async def follow(self, script: str) -> None:
        """Runs a script that leads to another page, and waits until that has loaded."""
        self._loaded.clear()
        await self.evaluate(script)
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE)

    async def click(self, selector: str) -> None:
        """Clicks what leads to another page. Raises ``Failed`` where there is no such thing."""
        if not await self.evaluate(f"!!document.querySelector({selector!r})"):
            raise Failed(f"{await self.evaluate('location.href')} has no {selector}")
        await self.follow(f"document.querySelector({selector!r}).click()")

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = await self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise Failed(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def resize(self, width: int, height: int = 900) -> None:
        """The size of the window in CSS pixels."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window: 0 where nothing scrolls sideways."""
        return int(
            await self.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    async def text(self) -> str:
        """What a person reads."""
        return str(await self.evaluate("document.body.innerText"))

    async def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises ``Failed`` with its complaint."""
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        await self._socket.send_json(
            {"id": number, "sessionId": self._session, "method": method, "params": parameters}
        )
        answer: dict[str, Any] = await asyncio.wait_for(future, _PATIENCE)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer.get("result", {})

    async def listen(self) -> None:
        """Takes what the browser says, until it says no more."""
        async for message in self._socket:
            said = message.json()
            waiting = self._answers.pop(said.get("id"), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
                continue
            detail = said.get("params", {})
            match said.get("method"):
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Runtime.exceptionThrown":
                    self.complaints.append(str(detail["exceptionDetails"]))
                case "Runtime.consoleAPICalled" if detail["type"] in ("error", "warning"):
                    self.complaints.append(str(detail["args"]))
                case "Log.entryAdded" if detail["entry"]["level"] in ("error", "warning"):
                    entry = detail["entry"]
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")


@contextlib.asynccontextmanager
async def page(profile: Path) -> AsyncIterator[Page]:
    """A browser with one empty tab; it ends with the block. Raises ``Failed``."""
    path = program()
    if path is None:
        raise Failed("no Chromium on this machine (Debian: apt-get install chromium)")
    log = (profile / "browser.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        path, *_ARGUMENTS, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        address = await asyncio.wait_for(_address(profile, process), _PATIENCE)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, max_msg_size=0) as socket,
        ):
            made = await _tab(socket)
            listening = asyncio.create_task(made.listen())
            for domain in ("Page", "Runtime", "Log"):
                await made.ask(f"{domain}.enable")
            yield made
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
    finally:
        log.close()
        # The browser is a family of processes in a session of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _tab(socket: aiohttp.ClientWebSocketResponse) -> Page:
    """A new tab, spoken to by its session on the same socket."""
    target = (await _first(socket, "Target.createTarget", url="about:blank"))["targetId"]
    session = await _first(socket, "Target.attachToTarget", targetId=target, flatten=True)
    return Page(socket, session["sessionId"])


async def _first(
    socket: aiohttp.ClientWebSocketResponse, method: str, **parameters: Any
) -> dict[str, Any]:
    await socket.send_json({"id": 0, "method": method, "params": parameters})
    while True:
        said: dict[str, Any] = await socket.receive_json(timeout=_PATIENCE)
        if said.get("id") == 0:
            return dict(said["result"])


async def _address(profile: Path, process: asyncio.subprocess.Process) -> str:
    """The browser writes its port into its profile once it listens."""
    told, clock = profile / "DevToolsActivePort", SystemClock()
    while True:
        if process.returncode is not None:
            raise Failed((profile / "browser.log").read_text("utf-8", "replace")[-2000:])
        words = told.read_text("utf-8").split() if told.exists() else []
        if len(words) == 2:
            return f"ws://127.0.0.1:{words[0]}{words[1]}"
        await clock.pause(0.05)
