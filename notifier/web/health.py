"""Whether the parts of the service work: asked seldom, answered to everybody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from notifier.channel import Channel, Health
from notifier.clock import monotonic
from notifier.usecases import policies
from notifier.web.context import MEMORY, SERVICE, Remembered, Service

_log = structlog.get_logger()

#: Seconds: a health check that takes longer has failed, and its answer holds for a while.
_PATIENCE, _HOLDS = 3.0, 10.0


async def remembered(
    app: web.Application, name: str, seconds: float, compute: Callable[[], Awaitable[Any]]
) -> Any:
    """``compute``'s answer, at most ``seconds`` old; one request computes while others wait."""
    memory = app[MEMORY].setdefault(name, Remembered())
    async with memory.lock:
        if monotonic() >= memory.until:
            began = monotonic()
            memory.value = await compute()
            # What took long to find out is not asked for all the time.
            memory.until = monotonic() + max(seconds, 5 * (monotonic() - began))
        return memory.value


async def channels(app: web.Application) -> dict[str, Health]:
    """How each channel does."""
    service = app[SERVICE]

    async def ask() -> dict[str, Health]:
        found = service.switchboard.channels
        answers = await asyncio.gather(*(_ask(channel) for channel in found.values()))
        return dict(zip(found, answers, strict=True))

    result: dict[str, Health] = await remembered(app, "channels", _HOLDS, ask)
    return result


async def _ask(channel: Channel) -> Health:
    try:
        return await asyncio.wait_for(channel.health(), _PATIENCE)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, it is not well
        return Health(is_well=False, detail=type(error).__name__)


async def store_is_well(app: web.Application) -> bool:
    """Whether the database answers, and takes what is written: a full disk still reads."""
    service = app[SERVICE]
    try:
        async with service.store.read() as tx:
            await tx.applied_policy()
    except Exception:  # noqa: BLE001 - a health check answers, it does not fail
        return False

    async def ask() -> bool:
        # Never cut off in the middle: somebody else's long write is waited for, and is no illness.
        writing = asyncio.create_task(_writes(service), name="health")
        done, _ = await asyncio.wait({writing}, timeout=_PATIENCE)
        return writing.result() if done else True

    return bool(await remembered(app, "store", _HOLDS, ask))


async def _writes(service: Service) -> bool:
    try:
        async with service.store.write() as tx:
            await tx.touch()
    except Exception as error:  # noqa: BLE001 - a health check answers, it does not fail
        _log.warning("store.not_written", error=str(getattr(error, "orig", error)))
        return False
    return True


async def policy_is_applied(service: Service) -> bool:
    """Whether no policy that the settings name waits to be put in force."""
    async with service.store.read() as tx:
        return not await policies.awaiting(tx, service.setting.configured)


def vault_is_well(service: Service) -> bool:
    """Whether what is sealed can be opened."""
    return service.vault.open(service.vault.seal("+860")) == "+860"
