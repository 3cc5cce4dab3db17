"""Rates shared by all workers: never faster than the contract, never stuck."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.store import engine, ids, rates

NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@given(
    st.floats(0.1, 10_000),
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(1, 300)), max_size=40),
)
def test_no_window_holds_more_than_rate_and_burst(
    per_second: float, burst: int, asks: list[tuple[int, int]]
) -> None:
    """From any moment on, at most burst + rate x time messages are granted."""
    pace = rates.Pace(per_second=per_second, burst=burst)
    arrival, now = 0, 10**15
    grants: list[tuple[int, int]] = []
    for pause, wanted in asks:
        now += pause
        granted, arrival = pace.grant(arrival, now, wanted)
        grants.append((now, granted))

    for index, (start, _) in enumerate(grants):
        total = 0
        for moment, granted in grants[index:]:
            total += granted
            assert total <= burst + (moment - start) * per_second / 1_000_000 + 1e-6


@given(st.floats(0.1, 10_000), st.integers(1, 500), st.integers(1, 600))
def test_after_the_wait_one_more_is_free_and_not_before(
    per_second: float, burst: int, wanted: int
) -> None:
    """The wait is exact to the microsecond."""
    pace = rates.Pace(per_second=per_second, burst=burst)
    now = 10**15
    granted, arrival = pace.grant(0, now, wanted)
    assert granted == min(wanted, burst)
    _, arrival = pace.grant(arrival, now, burst)

    wait = pace.wait(arrival, now) // timedelta(microseconds=1)

    assert pace.grant(arrival, now + wait, 1)[0] == 1
    assert pace.grant(arrival, now + wait - 1, 1)[0] == 0


async def reserve(
    database: engine.Database,
    account: str,
    per_second: float,
    burst: int,
    wanted: int,
    now: datetime,
) -> tuple[int, timedelta]:
    """In a transaction of its own."""
    async with database.write() as connection:
        return await rates.reserve_within(connection, account, per_second, burst, wanted, now)


async def test_the_burst_leaves_and_then_the_rate_rules(database: engine.Database) -> None:
    """Ten at once, then one each tenth of a second."""
    first = await reserve(database, "a", 10, 10, 12, NOW)
    second = await reserve(database, "a", 10, 10, 1, NOW)
    third = await reserve(database, "a", 10, 10, 5, NOW + timedelta(milliseconds=200))
    other = await reserve(database, "b", 10, 10, 1, NOW)

    assert first == (10, timedelta(milliseconds=100))
    assert second == (0, timedelta(milliseconds=100))
    assert third == (2, timedelta(milliseconds=100))
    assert other == (1, timedelta())


async def test_without_a_rate_everything_is_granted(sqlite_database: engine.Database) -> None:
    """0 means no limit."""
    assert await reserve(sqlite_database, "a", 0, 1, 999, NOW) == (999, timedelta())


@pytest.mark.parametrize(("burst", "wanted"), [(0, 1), (1, 0)])
async def test_reserving_nothing_is_a_mistake(
    sqlite_database: engine.Database, burst: int, wanted: int
) -> None:
    """It would wait for ever or for nothing."""
    with pytest.raises(ValueError, match="one message or more"):
        await reserve(sqlite_database, "a", 1, burst, wanted, NOW)


async def test_workers_at_once_share_one_rate(database_url: str) -> None:
    """Four workers with connections of their own get together what one would."""
    workers = [await engine.Database.open(database_url) for _ in range(4)]

    async def work(worker: engine.Database) -> int:
        total = 0
        for step in range(10):
            now = NOW + timedelta(milliseconds=100 * step)
            granted, _ = await reserve(worker, "a", 100, 20, 15, now)
            total += granted
        return total

    totals = await asyncio.gather(*(work(worker) for worker in workers))

    for worker in workers:
        await worker.close()
    assert sum(totals) == 20 + 90


async def test_ids_are_handed_out_in_blocks(database: engine.Database) -> None:
    """Nobody gets a number twice, also at once; each name counts for itself."""
    first = await ids.allocate(database, "delivery", 10)

    blocks = await asyncio.gather(*(ids.allocate(database, "delivery", 5) for _ in range(10)))

    assert first == 1
    assert sorted(blocks) == [11 + 5 * number for number in range(10)]
    assert await ids.allocate(database, "batch", 1) == 1
    with pytest.raises(ValueError, match="at least one"):
        await ids.allocate(database, "batch", 0)
