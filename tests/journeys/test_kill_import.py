"""An import of many plans is killed half way: the same command goes on where it died."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from notifier import clock as clocks
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.usecases import matching
from notifier.vault import Vault
from tests.journeys.service import ROOT, pause
from tests.usecases import town

PLANS, TAKEN = 1_200, 400
_MORTAL = """
import sys
from notifier import cli
from notifier.store import freezing

freezing._POINTS_A_STEP = 20  # many small transactions, so that there is a middle to die in
sys.exit(cli.main(sys.argv[1:]))
"""
_FROZEN_IN_VAIN = """
    SELECT count(DISTINCT points_id) FROM impact_area WHERE points_id NOT IN
    (SELECT points_id FROM plan_revision WHERE points_id IS NOT NULL)
"""
_MATCHED = "SELECT count(*) FROM plan_revision WHERE counts IS NOT NULL"


def test_an_import_that_is_killed_goes_on_where_it_died(tmp_path: Path, sqlite_url: str) -> None:
    """kill -9 while impacts are frozen and not recorded. What was recorded is whole and nothing new to
    the second run, which takes the rest; what was frozen in vain is swept."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    asyncio.run(_prepare(sqlite_url, tmp_path))
    arguments = _arguments(tmp_path, sqlite_url)

    mortal = [sys.executable, "-c", _MORTAL, *arguments]
    with subprocess.Popen(mortal, cwd=ROOT, env=_env(), stdout=subprocess.DEVNULL) as doomed:
        until = clocks.monotonic() + 60
        while not (_ask(path, _FROZEN_IN_VAIN) and _ask(path, _MATCHED) >= TAKEN):
            assert doomed.poll() is None, "it ended before it could be killed"
            assert clocks.monotonic() < until
            pause(0.001)
        doomed.send_signal(signal.SIGKILL)
    recorded, in_vain = _ask(path, _MATCHED), _ask(path, _FROZEN_IN_VAIN)
    again = [sys.executable, "-m", "notifier", *arguments]
    second = subprocess.run(again, cwd=ROOT, env=_env(), capture_output=True, check=False)

    assert TAKEN <= recorded < PLANS
    assert in_vain > 0
    (file,) = orjson.loads(second.stdout)["files"]
    assert file["before"] is None
    assert sum(file["counts"].values()) == PLANS
    assert file["counts"]["unchanged"] >= recorded
    assert _ask(path, _MATCHED) == PLANS
    assert _ask(path, "SELECT count(*) FROM plan WHERE revision <> 1") == 0
    assert asyncio.run(_sweep(sqlite_url)) == in_vain
    assert _ask(path, _FROZEN_IN_VAIN) == 0
    assert _ask(path, "SELECT count(*) FROM impact_point") == PLANS * 2


async def _prepare(url: str, folder: Path) -> None:
    database = await Database.open(url)
    try:
        await town.build(database, Vault.load_or_create(folder / "keys.json"))
    finally:
        await database.close()


async def _sweep(url: str) -> int:
    database = await Database.open(url)
    try:
        return await matching.sweep(Ledger(database))
    finally:
        await database.close()


def _arguments(folder: Path, url: str) -> list[str]:
    """Every plan takes out the two customers of 四里台区."""
    lines = ["停电编号,停电台区,停电开始时间,送电时间,停电类型"]
    lines += [
        f"TD-{number},四里台区,2026-03-{number % 28 + 1:02d} 08:00,"
        f"2026-03-{number % 28 + 1:02d} 18:00,计划停电"
        for number in range(PLANS)
    ]
    (folder / "plans.csv").write_text("\n".join(lines) + "\n", "utf-8")
    config = folder / "notifier.toml"
    config.write_text(
        f'[database]\nurl = "{url}"\n[vault]\nkey_file = "keys.json"\n'
        '[utility]\nzone = "Asia/Shanghai"\n',
        "utf-8",
    )
    return ["import", "plans", str(folder / "plans.csv"), "--config", str(config), "--json"]


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _ask(path: Path, query: str) -> int:
    with _opened(path) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()
