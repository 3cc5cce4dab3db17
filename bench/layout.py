"""Match and lay out a plan of a million people in a city of five; move it; replace its content.

    python -m bench.layout [--base 5000000] [--affected 1000000] [--database URL|postgresql]

Prints JSON. The naive baseline writes the same deliveries row by row in one transaction, on a part of
the people, and is extrapolated.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import text

from bench import city, stores
from notifier.domain.plan import Equipment, EquipmentKind, PlanContent, PlanKind
from notifier.domain.window import Window
from notifier.intake.policies import policy_from_dict, read_policy
from notifier.registry import Switchboard
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.testing import FakeClock
from notifier.usecases import plans, reconcile, submitting
from notifier.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
NAIVE_ROWS = 20_000


async def main(base: int, affected: int, url: str) -> dict[str, Any]:
    await migrate.upgrade(url)
    database = await Database.open(url)
    locks = stores.watch_locks(database)
    vault = Vault.load_or_create(Path(tempfile.mkdtemp()) / "keys.json")
    figures: dict[str, Any] = {"database": database.dialect, "base": base, "affected": affected}
    clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    store = Ledger(database)
    setting = reconcile.Setting(
        policy=replace(read_policy("cn"), horizon=timedelta(days=15)),
        accounts=Switchboard(dict(city.sms())).accounts,
        zone=ZONE,
        lease=timedelta(minutes=5),
        read_policy=policy_from_dict,
    )
    renderer = MessageRenderer(
        Library(), Utility(name="供电", signature="供电", hotline="95598", link="", zone=ZONE)
    )
    with _timed(figures, "make_city_s"):
        await city.build(database, vault, base)
    locks.clear()
    content = _plan(affected, 20)
    with _timed(figures, "submit_and_match_s"):
        await submitting.submit(
            store, submitting.Incoming(content=content, source={}), now=clock.now(), actor="a"
        )
    with _timed(figures, "approve_with_frozen_recipients_s"):
        await plans.approve(store, setting, renderer, "B1", now=clock.now(), actor="b")
    with _timed(figures, "lay_out_s"):
        done = await reconcile.reconcile_next(store, setting, "w", clock)
    assert done is not None
    figures["scheduled"] = done.laid_out.scheduled
    figures["match_and_lay_out_s"] = round(figures["submit_and_match_s"] + figures["lay_out_s"], 2)
    figures["write_lock_max_ms"] = round(max(locks) * 1000)
    figures["write_lock_p99_ms"] = round(sorted(locks)[int(len(locks) * 0.99)] * 1000)
    with _timed(figures, "postpone_s"):
        await plans.delay(
            store,
            setting,
            "B1",
            datetime(2026, 3, 20, 12, tzinfo=UTC),
            note="",
            now=clock.now(),
            actor="a",
        )
        moved = await reconcile.reconcile_next(store, setting, "w", clock)
    assert moved is not None
    figures["postponed_batches"] = moved.laid_out.repointed_batches
    with _timed(figures, "revise_other_day_and_approve_s"):
        await plans.revise(store, "B1", _plan(affected, 25), note="", now=clock.now(), actor="a")
        await plans.approve(store, setting, renderer, "B1", now=clock.now(), actor="b")
    with _timed(figures, "replace_content_s"):
        replaced = await reconcile.reconcile_next(store, setting, "w", clock)
    assert replaced is not None
    figures["replaced_batches"] = replaced.laid_out.repointed_batches
    await plans.revise(store, "B1", _plan(affected // 2, 25), note="", now=clock.now(), actor="a")
    await plans.approve(store, setting, renderer, "B1", now=clock.now(), actor="b")
    with _timed(figures, "halve_the_scope_s"):
        halved = await reconcile.reconcile_next(store, setting, "w", clock)
    assert halved is not None
    figures["withdrawn"] = halved.laid_out.withdrawn
    with _timed(figures, "cancel_s"):
        await plans.cancel(store, setting, "B1", note="", now=clock.now(), actor="a")
        await reconcile.reconcile_next(store, setting, "w", clock)
    figures["write_lock_max_ms_all"] = round(max(locks) * 1000)
    figures["naive_lay_out_s"] = await _naive(database, affected)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    await database.close()
    return figures


def _plan(affected: int, day: int) -> PlanContent:
    feeders = affected // (city.POINTS_AN_AREA * city.AREAS_A_FEEDER)
    return PlanContent(
        number="B1",
        kind=PlanKind.PLANNED,
        equipment=tuple(
            Equipment(name=f"馈{n}线", kind=EquipmentKind.FEEDER) for n in range(1, feeders + 1)
        ),
        windows=(
            Window(datetime(2026, 3, day, 0, tzinfo=UTC), datetime(2026, 3, day, 10, tzinfo=UTC)),
        ),
        works="更换开关",
    )


async def _naive(database: Database, affected: int) -> float:
    """One INSERT a message, as one would first write it; extrapolated."""
    began = time.perf_counter()
    async with database.write() as connection:
        for number in range(1, NAIVE_ROWS + 1):
            await connection.execute(
                text(
                    "INSERT INTO delivery (batch_id, campaign_id, contact_id, state)"
                    " VALUES (999999999, 999999999, :n, 0)"
                ),
                {"n": number},
            )
    return round((time.perf_counter() - began) * affected / NAIVE_ROWS, 1)


class _timed:  # noqa: N801
    def __init__(self, figures: dict[str, Any], name: str) -> None:
        self._figures, self._name = figures, name

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._figures[self._name] = round(time.perf_counter() - self._began, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=int, default=5_000_000)
    parser.add_argument("--affected", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="a URL, or postgresql: a throwaway server")
    options = parser.parse_args()
    with stores.of(options.database) as target:
        result = uvloop.run(main(options.base, options.affected, target))
    print(json.dumps(result, indent=2))
