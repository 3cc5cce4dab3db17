"""Loops that fail: told once, tried again ever more seldom, and well again by themselves."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from notifier import worker as workers
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.vault import Vault
from notifier.worker import Worker
from tests.usecases import town as towns
from tests.usecases.town import Town


@pytest.fixture
async def town(sqlite_database: Database, vault: Vault) -> Town:
    return await towns.build(sqlite_database, vault)


def _worker(town: Town) -> Worker:
    return Worker(
        store=town.store,
        works=Works(town.store.database),
        outbox=town.outbox,
        idle=0.05,
        heartbeat=1.0,
        lanes=1,
    )


async def test_a_full_disk_is_told_once_and_tried_ever_more_seldom(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trace for all loops, one line a loop, longer pauses, and a line when it is over."""
    worker = _worker(town)
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Worker, "_rest", lambda _self, seconds: rest(seconds))
    steps = {"one": 0, "two": 0}

    def failing(name: str) -> workers.Step:
        async def step() -> bool:
            steps[name] += 1
            if steps[name] <= 8:
                # The statement differs from fault to fault; the fault does not.
                raise OperationalError(
                    f"UPDATE {steps[name]}", {}, Exception("database or disk is full")
                )
            if all(count > 8 for count in steps.values()):
                worker.stop()
            return False

        return step

    with capture_logs() as lines:
        await asyncio.gather(*(worker._loop(name, failing(name), 0.05) for name in steps))

    told = [line for line in lines if line["event"] == "worker.fault"]
    assert [(line["loop"], "exc_info" in line) for line in told] == [("one", True), ("two", False)]
    assert "disk is full" in told[0]["fault"]
    assert [line["faults"] for line in lines if line["event"] == "worker.recovered"] == [8, 8]
    assert sorted(rests)[::2] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


async def test_another_fault_is_told_too(town: Town) -> None:
    """The second is news, the first after it is again."""
    trouble = _worker(town)._trouble("one")

    with capture_logs() as lines:
        for error in (ValueError("a"), ValueError("a"), KeyError("b"), ValueError("a")):
            trouble.tell(error)

    assert [line["fault"] for line in lines] == ["ValueError: a", "KeyError: 'b'", "ValueError: a"]
    assert all("exc_info" in line for line in lines)
