"""A gateway in the same process, fresh for each test."""

from collections.abc import AsyncIterator

import pytest

from notifier.testing import FakeClock
from tests.providers.gateway import Accounts, Gateway


@pytest.fixture
def clock() -> FakeClock:
    """2026-03-05 08:00 in Beijing."""
    return FakeClock()


@pytest.fixture
async def gateway(clock: FakeClock) -> AsyncIterator[Gateway]:
    """The three providers on loopback ports, on the test's clock."""
    gateway = Gateway(
        clock=clock,
        accounts=Accounts(wechat_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
    )
    async with gateway.running():
        await gateway.behave({"illegal_suffixes": ["0000"]})
        yield gateway
