"""The three providers behind ports of the loopback interface, and the control API that steers them.

``all`` serves everything on one port, as their paths do not meet; each provider also has its own port,
which refuses connections while the provider is ``down``. The control port always answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from notifier import clock as clocks
from tests.providers import control
from tests.providers.aliyun import Aliyun
from tests.providers.behaviour import Behaviour, UnknownSetting
from tests.providers.desk import Desk
from tests.providers.jpush import JPush
from tests.providers.ledger import Ledger
from tests.providers.receipts import Pusher
from tests.providers.wechat import WeChat
from tests.providers.wire import Fate, Listener, Reply, Request

NAMES = ("aliyun", "jpush", "wechat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The credentials that are accepted. They guard nothing."""

    access_key_id: str = "demo-key-id"
    access_key_secret: str = "demo-key-secret"
    app_key: str = "demo-app-key"
    master_secret: str = "demo-master-secret"
    wechat_app_id: str = "wxdemo0123456789"
    wechat_secret: str = "demo-wechat-secret"
    wechat_callback_token: str = "demo-callback-token"
    wechat_aes_key: str = ""


@dataclass(slots=True)
class Gateway:
    """Everything together. ``sink`` counts messages without keeping them, and verifies 1 signature in 50."""

    clock: clocks.Clock = field(default_factory=clocks.SystemClock)
    speed: float = 1.0
    accounts: Accounts = field(default_factory=Accounts)
    sink: bool = False
    control_token: str = ""
    verify_every: int = 0
    ledger: Ledger = field(init=False)
    desks: dict[str, Desk] = field(init=False)
    pushers: dict[str, Pusher] = field(init=False, default_factory=dict)
    listeners: dict[str, Listener] = field(init=False)
    aliyun: Aliyun = field(init=False)
    jpush: JPush = field(init=False)
    wechat: WeChat = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(keep=not self.sink)
        self.desks = {name: Desk(name, self.clock, self.ledger, Behaviour()) for name in NAMES}
        accounts = self.accounts
        self.aliyun = Aliyun(
            self.desks["aliyun"],
            keys={accounts.access_key_id: accounts.access_key_secret},
            verify_every=self.verify_every or (50 if self.sink else 1),
        )
        self.jpush = JPush(
            self.desks["jpush"], app_key=accounts.app_key, master_secret=accounts.master_secret
        )
        self.wechat = WeChat(
            self.desks["wechat"],
            app_id=accounts.wechat_app_id,
            secret=accounts.wechat_secret,
            callback_token=accounts.wechat_callback_token,
            aes_key=accounts.wechat_aes_key,
        )
        for provider in (self.aliyun, self.wechat):
            desk = self.desks[provider.name]
            receipts = desk.behaviour.receipts
            pack: Callable[..., Any] = provider.pack
            desk.pusher = self.pushers[provider.name] = Pusher(
                provider.name,
                pack,
                self.ledger.receipts,
                speed=self.speed,
                shuffle=lambda receipts=receipts: receipts.shuffle,  # type: ignore[misc]
                duplicate_rate=lambda receipts=receipts: receipts.duplicate_rate,  # type: ignore[misc]
            )
        self.listeners = {
            "all": Listener(self._route),
            "control": Listener(self._steer),
            "aliyun": Listener(self.aliyun.handle),
            "jpush": Listener(self.jpush.handle),
            "wechat": Listener(self.wechat.handle),
        }

    @asynccontextmanager
    async def running(self, *, port: int = 0, control_port: int = 0) -> AsyncIterator["Gateway"]:
        """Listen and push receipts until the block ends."""
        self.listeners["all"].port = port
        self.listeners["control"].port = control_port
        for listener in self.listeners.values():
            await listener.up()
        for pusher in self.pushers.values():
            pusher.start()
        try:
            yield self
        finally:
            for pusher in self.pushers.values():
                await pusher.stop()
            for listener in self.listeners.values():
                await listener.down()

    def ports(self) -> dict[str, int]:
        """The port of everything, by name."""
        return {name: listener.port for name, listener in self.listeners.items()}

    def url(self, name: str = "all") -> str:
        """The address of a provider, of ``all`` or of ``control``."""
        return f"http://127.0.0.1:{self.listeners[name].port}"

    def callback(self, name: str, url: str) -> None:
        """Where a provider's receipts go; empty: nowhere."""
        self.pushers[name].url = url

    async def behave(self, settings: Mapping[str, Any], *, provider: str = "all") -> None:
        """Change the behaviour of a provider or of all. Raises ``UnknownSetting``."""
        names = NAMES if provider == "all" else (provider,)
        for name in names:
            if name not in self.desks:
                raise UnknownSetting(f"provider {name}")
            self.desks[name].behaviour.update(settings)
            await self._up_or_down(name)
        if all(self.desks[name].behaviour.down for name in NAMES):
            await self.listeners["all"].down()
        else:
            await self.listeners["all"].up()

    async def reset(self) -> None:
        """Behave well again and forget every message."""
        await self.behave({"down": False})
        for name in NAMES:
            behaviour, fresh = self.desks[name].behaviour, Behaviour()
            for each in Behaviour.__dataclass_fields__:
                if each != "receipts":
                    setattr(behaviour, each, getattr(fresh, each))
            for each in type(fresh.receipts).__dataclass_fields__:
                setattr(behaviour.receipts, each, getattr(fresh.receipts, each))
        self.ledger.clear()

    async def _up_or_down(self, name: str) -> None:
        if self.desks[name].behaviour.down:
            await self.listeners[name].down()
        else:
            await self.listeners[name].up()

    def _steer(self, request: Request) -> Reply | Awaitable[Reply]:
        return control.handle(self, request)

    def _route(self, request: Request) -> Reply | Awaitable[Reply]:
        if request.path == "/":
            name = "aliyun"
        elif request.path.startswith("/v3/"):
            name = "jpush"
        elif request.path.startswith("/cgi-bin/"):
            name = "wechat"
        else:
            return self._steer(request)
        if self.desks[name].behaviour.down:
            return Reply(fate=Fate.DROP)
        return self.listeners[name].handler(request)
