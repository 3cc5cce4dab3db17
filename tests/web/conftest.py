"""A town with a website: the whole runtime over SQLite, a clock that stands still, recording channels."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from notifier.registry import Switchboard
from notifier.runtime import Runtime
from notifier.settings import Settings
from notifier.store import tokens
from notifier.store.engine import Database
from notifier.store.tokens import Role
from notifier.vault import Vault
from notifier.web.app import make_app
from tests.usecases import town as towns

CALLBACK_SECRET = "a-secret-of-enough-letters"
JPEG = b"\xff\xd8\xff\xe0" + b"a photograph of a door" * 20
PNG = b"\x89PNG\r\n\x1a\n" + b"another photograph" * 20


@dataclass(slots=True)
class Site:
    """The town, its website, and a token for every role."""

    town: towns.Town
    client: TestClient[Any, Any]
    runtime: Runtime
    secrets: Mapping[str, str]

    def bearer(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[role]}"}

    async def get(self, path: str, role: str = "read_only", **options: Any) -> ClientResponse:
        return await self.client.get(f"/api/v1{path}", headers=self.bearer(role), **options)

    async def post(self, path: str, role: str = "operations", **options: Any) -> ClientResponse:
        return await self.client.post(f"/api/v1{path}", headers=self.bearer(role), **options)

    async def token(self, name: str, role: Role, areas: list[str] | None = None) -> dict[str, str]:
        """Headers of one more token."""
        async with self.town.store.write() as tx:
            secret = await tokens.create(
                tx.connection, name, role, self.town.clock.now(), areas=areas
            )
        return {"Authorization": f"Bearer {secret}"}

    async def log_in(self, role: str) -> None:
        """A session in the client's cookie jar."""
        answer = await self.client.post(
            "/login", data={"token": self.secrets[role], "to": "/"}, allow_redirects=False
        )
        assert answer.status == 303


async def make_site(url: str, vault: Vault, **web: Any) -> AsyncIterator[Site]:
    database = await Database.open(url)
    town = await towns.build(database, vault)
    settings = Settings.model_validate(
        {
            "utility": {"name": "测试供电公司", "public_url": "https://outages.example.org"},
            "web": web,
            "uploads": {"max_bytes": 200_000, "max_photo_bytes": 10_000},
            "channels": {"sms": {"type": "recording", "callback_secret": CALLBACK_SECRET}},
        }
    )
    runtime = Runtime(
        settings=settings,
        clock=town.clock,
        database=database,
        store=town.store,
        vault=vault,
        renderer=town.outbox.renderer,  # type: ignore[arg-type]
        switchboard=Switchboard(town.channels),
        setting=town.setting,
        outbox=town.outbox,
    )
    secrets = {}
    async with town.store.write() as tx:
        for role in Role:
            secrets[role.value] = await tokens.create(
                tx.connection, f"{role.value}-1", role, town.clock.now()
            )
    client = TestClient(TestServer(make_app(runtime)))
    await client.start_server()
    yield Site(town, client, runtime, secrets)
    await client.close()
    await database.close()


@pytest.fixture
async def site(sqlite_url: str, vault: Vault) -> AsyncIterator[Site]:
    async for made in make_site(sqlite_url, vault):
        yield made


@pytest.fixture
async def open_site(sqlite_url: str, vault: Vault) -> AsyncIterator[Site]:
    """A site whose pages anybody may read."""
    async for made in make_site(sqlite_url, vault, open_pages=True):
        yield made


def plan_json(number: str = "P1", *, day: int = 20, **more: Any) -> dict[str, Any]:
    """A plan for feeder 10kV东一线 as it comes by the API."""
    return {
        "number": number,
        "kind": "planned",
        "department": "修理",
        "equipment": [{"name": "10kV东一线", "kind": "feeder"}],
        "windows": [
            {
                "starts_at": f"2026-03-{day:02d}T08:00:00+08:00",
                "ends_at": f"2026-03-{day:02d}T18:00:00+08:00",
            }
        ],
        "works": "更换开关",
        **more,
    }
