"""Builds everything once, in one place, and closes it in reverse."""

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from notifier import clock as clocks
from notifier import registry
from notifier.channel import Medium, Tools
from notifier.clock import Clock, SimulatedClock
from notifier.domain.errors import Refusal
from notifier.domain.policy import Policy
from notifier.intake.policies import policy_from_dict, read_policy_file
from notifier.registry import Switchboard
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility
from notifier.settings import Settings
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.store.networks import Networks
from notifier.usecases import policies
from notifier.usecases.dispatch import Outbox
from notifier.usecases.network_shelf import NetworkShelf
from notifier.usecases.reconcile import Setting
from notifier.vault import Vault

if TYPE_CHECKING:
    from notifier.usecases.coordinate_meeting import Meetings
    from notifier.worker import Worker

_DESK = "posting_desk"
#: The pause of an idle loop under a simulated clock: a day may pass in a second.
_SIMULATED_IDLE = 0.02


@dataclass(slots=True)
class Runtime:
    """Everything that is open while the program runs."""

    settings: Settings
    clock: Clock
    database: Database
    store: Ledger
    vault: Vault
    renderer: MessageRenderer
    switchboard: Switchboard
    setting: Setting
    outbox: Outbox

    # Most commands hold no meeting and run no loop, and do not wait for these to load.

    def worker(self) -> "Worker":
        """The background loops; ``run`` them in a task."""
        from notifier.store.coordination_works import Works
        from notifier.worker import Worker

        simulated = isinstance(self.clock, SimulatedClock)
        idle = self.settings.worker.idle_seconds
        return Worker(
            store=self.store,
            works=Works(self.database),
            outbox=self.outbox,
            idle=min(idle, _SIMULATED_IDLE) if simulated else idle,
            heartbeat=self.settings.worker.heartbeat_seconds,
            lanes=self.settings.worker.lanes,
        )

    def meetings(self) -> "Meetings":
        """What coordinates works: the check at submission, and balance meetings."""
        from notifier.intake.constraints import constraints_from_dict
        from notifier.store.coordination import Coordination
        from notifier.store.coordination_works import Works
        from notifier.usecases.coordinate_checking import Checker
        from notifier.usecases.coordinate_gathering import Gatherer
        from notifier.usecases.coordinate_meeting import Meetings
        from notifier.usecases.coordinate_solving import ProcessSolver

        works, runs = Works(self.database), Coordination(self.database)
        checker = Checker(self.store, works, self.setting, runs, constraints_from_dict)
        gatherer = Gatherer(
            store=self.store,
            works=works,
            runs=runs,
            checker=checker,
            read_rules=constraints_from_dict,
            terms=self.setting,
        )
        return Meetings(gatherer, runs, ProcessSolver(), self.clock)


async def _policy(store: Ledger, settings: Settings, clock: Clock) -> tuple[Policy, Policy | None]:
    """The policy in force, and the one that the settings name.

    Where one is in force already, a file that cannot be read any more (None) must not keep people from
    being told. Raises ``PolicyError`` where it is the first.
    """
    async with store.read() as tx:
        applied = await tx.applied_policy()
    try:
        body = read_policy_file(settings.policy.name_or_path)
        configured = policy_from_dict(body)
    except Refusal:
        if applied is None:
            raise
        return policy_from_dict(applied), None
    await policies.begin(store, configured, body, now=clock.now())
    async with store.read() as tx:
        applied = await tx.applied_policy()
    return configured if applied is None else policy_from_dict(applied), configured


@asynccontextmanager
async def open_runtime(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Runtime]:
    """Opens the store (migrated), the vault, the templates, the policy and every enabled channel.

    Raises a ``Refusal`` that names the setting where something cannot be opened.
    """
    async with AsyncExitStack() as stack:
        if clock is None:
            clock = clocks.chosen(
                settings.clock_start,
                settings.clock.speed,
                settings.clock_began,
                settings.clock.file,
            )
        await migrate.upgrade(settings.database.url)
        database = await Database.open(settings.database.url)
        stack.push_async_callback(database.close)
        vault = Vault.load_or_create(settings.key_file)
        utility = settings.utility
        renderer = MessageRenderer(
            Library(settings.templates.folder),
            Utility(
                name=utility.name,
                signature=utility.signature,
                hotline=utility.hotline,
                zone=utility.tzinfo,
                link=f"{utility.public_url}/p/{{number}}" if utility.public_url else "",
            ),
        )
        stale_after = timedelta(days=settings.network.stale_after_days)
        store = Ledger(database, NetworkShelf(Networks(database), stale_after=stale_after))
        channels = {}
        for name, options in settings.channels.items():
            if not options.enabled:
                continue
            channels[name] = registry.configure(
                name, options.type, options.options, Tools(now=clock.now)
            )
        if not any(channel.medium is Medium.POSTING for channel in channels.values()):
            # Paper needs no provider: the desk is there unless the settings name another.
            channels[_DESK] = registry.configure(_DESK, _DESK, {}, Tools(now=clock.now))
        switchboard = Switchboard(channels)
        stack.push_async_callback(switchboard.close)
        policy, configured = await _policy(store, settings, clock)
        async with store.read() as tx:
            mark = await tx.read_mark()
        if mark is None:
            async with store.write() as tx:
                mark = await tx.make_mark(clock.now())
        setting = Setting(
            policy=policy,
            accounts=switchboard.accounts,
            zone=utility.tzinfo,
            lease=settings.worker.lease,
            read_policy=policy_from_dict,
            configured=configured,
        )
        outbox = Outbox(
            store=store,
            channels=switchboard.channels,
            fallbacks=switchboard.fallbacks,
            setting=setting,
            renderer=renderer,
            vault=vault,
            mark=mark,
            worker=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            clock=clock,
        )
        yield Runtime(
            settings=settings,
            clock=clock,
            database=database,
            store=store,
            vault=vault,
            renderer=renderer,
            switchboard=switchboard,
            setting=setting,
            outbox=outbox,
        )
