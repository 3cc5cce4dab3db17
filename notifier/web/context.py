"""What the ways in over HTTP need of the running program, and the keys under which they keep it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

import jinja2
from aiohttp import web

from notifier.clock import Clock
from notifier.registry import Switchboard
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.posters import PosterPress
from notifier.settings import Settings
from notifier.store.ledger import Ledger
from notifier.store.tokens import Role, Token
from notifier.usecases.coordinate_checking import Checker
from notifier.usecases.coordinate_meeting import Meetings
from notifier.usecases.dispatch import Outbox
from notifier.usecases.inbox import Inbox
from notifier.usecases.postings import Crew
from notifier.usecases.reconcile import Setting
from notifier.vault import Vault


class Loops(Protocol):
    """The background loops; ``run`` goes on until ``stop``, and ends after the step in hand."""

    async def run(self) -> None: ...
    def stop(self) -> None: ...


class Service(Protocol):
    """Everything that is open while the program runs; see ``notifier.runtime.Runtime``."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def store(self) -> Ledger: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def renderer(self) -> MessageRenderer: ...
    @property
    def switchboard(self) -> Switchboard: ...
    @property
    def setting(self) -> Setting: ...
    @property
    def outbox(self) -> Outbox: ...
    def worker(self) -> Loops: ...
    def meetings(self) -> Meetings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, by the name of a token. ``areas``: those a crew is confined to; None: all."""

    name: str
    role: Role
    areas: tuple[str, ...] | None = None

    @classmethod
    def of(cls, token: Token) -> "Principal":
        """The bearer of a token."""
        areas = None if token.areas is None else tuple(token.areas)
        return cls(name=token.name, role=token.role, areas=areas)

    @property
    def crew(self) -> Crew:
        """The principal as the posting desk knows it."""
        return Crew(name=self.name, areas=self.areas)


@dataclass(slots=True)
class Tally:
    """What this process has counted since it started, for the metrics. ``lag`` is in seconds."""

    receipts: dict[tuple[str, str], int] = field(default_factory=dict)
    requests: dict[tuple[str, str, int], int] = field(default_factory=dict)
    lag: float = 0.0
    worst_lag: float = 0.0

    def count_receipt(self, channel: str, kind: str, number: int) -> None:
        """``number`` receipts more of a kind (``known``, ``stray``) by a channel."""
        if number:
            self.receipts[channel, kind] = self.receipts.get((channel, kind), 0) + number


@dataclass(slots=True)
class Remembered:
    """A costly answer for a short while, computed by one request at a time."""

    value: Any = None
    until: float = -1.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
CHECKER: web.AppKey[Checker] = web.AppKey("checker", Checker)
MEETINGS: web.AppKey[Meetings] = web.AppKey("meetings", Meetings)
INBOX: web.AppKey[Inbox] = web.AppKey("inbox", Inbox)
TALLY: web.AppKey[Tally] = web.AppKey("tally", Tally)
PRESS: web.AppKey[PosterPress] = web.AppKey("press", PosterPress)
PAGES: web.AppKey[jinja2.Environment] = web.AppKey("pages", jinja2.Environment)
MEMORY: web.AppKey[dict[str, Remembered]] = web.AppKey("memory", dict)
OPENAPI: web.AppKey[dict[str, Any]] = web.AppKey("openapi", dict)
