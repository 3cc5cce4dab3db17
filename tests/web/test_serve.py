"""The service as a whole: it says where it listens, stops when asked, and its page of the API is true."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from notifier.web import openapi
from notifier.web.app import ENDPOINTS, serve
from tests.web.conftest import Site

ROOT = Path(__file__).parents[2]


class Loops:
    """Background loops that note how they were ended."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.ended = ""

    async def run(self) -> None:
        try:
            await self.stopping.wait()
            self.ended = "after the step in hand"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise

    def stop(self) -> None:
        self.stopping.set()


async def test_it_serves_until_it_is_asked_to_stop(site: Site) -> None:
    """SIGTERM lets the loops finish and closes the door."""
    loops = Loops()
    heard: asyncio.Queue[str] = asyncio.Queue()

    class Service:
        """The town, with loops that can be watched."""

        def __getattr__(self, name: str) -> object:
            return getattr(site.runtime, name)

        def worker(self) -> Loops:
            return loops

    serving = asyncio.create_task(
        serve(Service(), ready=heard.put_nowait, host="127.0.0.1", port=0)  # type: ignore[arg-type]
    )
    url = await asyncio.wait_for(heard.get(), 10)
    async with aiohttp.ClientSession() as session:
        answer = await session.get(f"{url}/api/v1/health/live")
        status = answer.status
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 10)

    assert url.startswith("http://127.0.0.1:")
    assert status == 200
    assert loops.ended == "after the step in hand"


async def test_loops_that_fail_end_the_service(site: Site) -> None:
    """A service that tells nobody does not pretend to run."""

    class Broken(Loops):
        async def run(self) -> None:
            raise RuntimeError("the loops are gone")

    class Service:
        """The town, with loops that fail."""

        def __getattr__(self, name: str) -> object:
            return getattr(site.runtime, name)

        def worker(self) -> Loops:
            return Broken()

    with pytest.raises(RuntimeError, match="the loops are gone"):
        await asyncio.wait_for(
            serve(Service(), ready=lambda _: None, host="127.0.0.1", port=0),  # type: ignore[arg-type]
            10,
        )


def test_the_page_of_the_api_lists_every_endpoint() -> None:
    """docs/api.md holds exactly what the declarations say."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")

    assert openapi.markdown(ENDPOINTS).strip() in page
