"""Matches plans with switching on a made-up network, account by account, and freezes the impact.

    python bench/plan_topology.py [--feeders 120] [--url postgresql://…]

120 feeders are 114,000 nodes and 100,800 customers, who are the ledger too; 1060 feeders a million
nodes. Prints JSON: for a section plan with transfer, for whole feeders and for a tenth of all, the
seconds from submitting to the frozen impact and the longest time for which the event loop did not turn;
the same for comparing it with the network in force, and for proposing switching.
"""

import argparse
import asyncio
import functools
import json
import platform
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import text

from bench.network_import import NOW, measured
from bench.trace import section_plan, write_network
from notifier.domain import names
from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.plan import PlanContent, PlanKind, Switching
from notifier.domain.window import Window
from notifier.intake.network_process import NetworkReader
from notifier.store import migrate
from notifier.store.engine import Database, insert_rows
from notifier.store.ledger import Ledger
from notifier.store.networks import Networks
from notifier.usecases import networks, plans, proposals, rechecking, submitting
from notifier.usecases.network_shelf import NetworkShelf

OUTAGE = Window(NOW + timedelta(days=9), NOW + timedelta(days=9, hours=9))


async def fill(database: Database, shelf: NetworkShelf) -> None:
    """The customers of the network as a ledger: feeder, area, account."""
    network = (await shelf.current()).graph.network
    feeder_of = [int(mrid[2:].split("_")[0]) + 1 for mrid in network.area_ids]  # TA7_0_1: feeder 7
    async with database.write() as connection:
        await insert_rows(
            connection, "feeder", ("id", "name", "key"),
            [(n, f.name, names.feeder_key(f.name)) for n, f in enumerate(network.feeders, start=1)],
        )  # fmt: skip
        await insert_rows(
            connection, "area", ("id", "code", "name", "key", "feeder_id"),
            [
                (n + 1, mrid, mrid, names.area_key(mrid), feeder_of[n])
                for n, mrid in enumerate(network.area_ids)
            ],
        )  # fmt: skip
        await insert_rows(
            connection, "usage_point", ("id", "account", "area_id", "feeder_id", "row_hash"),
            [
                (n + 1, account, area + 1, feeder_of[area], b"")
                for n, (account, area) in enumerate(
                    zip(network.customer_ids, network.customer_area, strict=True)
                )
            ],
        )  # fmt: skip
        await connection.execute(
            text(
                "INSERT INTO ledger_import (imported_at, imported_by, files, counts, findings)"
                " VALUES (0, 'bench', '[]', '{}', '[]')"
            )
        )


def plan(number: str, steps: Sequence[Step], work: str = "") -> PlanContent:
    """A plan that opens and closes, or names a place of work."""
    return PlanContent(
        number=number,
        kind=PlanKind.PLANNED,
        windows=(OUTAGE,),
        switching=Switching(steps=tuple(steps)) if steps else None,
        work=Target(kind=TargetKind.NAMED, names=(work,)) if work else None,
    )


async def run(url: str, folder: Path, feeders: int) -> dict[str, Any]:
    """Every figure."""
    database = await Database.open(url)
    await migrate.upgrade(database.url)
    kept = Networks(database)
    await networks.import_network(kept, NetworkReader([folder]), now=NOW, actor="bench")
    shelf = NetworkShelf(kept)
    await fill(database, shelf)
    store = Ledger(database, shelf)
    heads = [Step(action=Action.OPEN, switch=f"S{number}_0") for number in range(feeders)]
    rng = random.Random(7)
    contents = {
        "first": plan("first", section_plan(rng, feeders)),
        "section": plan("section", section_plan(rng, feeders)),
        "one_feeder": plan("one_feeder", heads[:1]),
        "a_tenth": plan("a_tenth", heads[::10]),
    }
    figures: dict[str, Any] = {}
    for name, content in contents.items():
        incoming = submitting.Incoming(content=content, source={"file": "bench"})
        submit = functools.partial(submitting.submit, store, incoming, now=NOW, actor="bench")
        _, figures[name] = await measured(submit)
        found = await plans.find(store, name)
        async with store.read() as tx:
            revision = await tx.plans.revision(found.id, found.revision)
        compare = functools.partial(rechecking.compare, store, revision, now=NOW)
        compared, again = await measured(compare)
        figures[name] |= {"points": dict(revision.counts["points"]), "compared": again}
        assert compared.unchanged == sum(revision.counts["points"].values())
    section = contents["section"]
    assert section.switching is not None
    work = "L" + section.switching.steps[0].switch[1:]
    await submitting.submit(
        store,
        submitting.Incoming(content=plan("work", (), work), source={}),
        now=NOW,
        actor="bench",
    )
    listed, figures["proposals"] = await measured(lambda: proposals.propose(store, "work"))
    figures["proposals"]["number"] = len(listed.proposals)
    await database.close()
    return figures


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeders", type=int, default=120)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        city.mkdir()
        write_network(city, options.feeders)
        url = options.url or f"sqlite:///{folder}/bench.db"
        figures = asyncio.run(run(url, city, options.feeders))
    print(json.dumps({"python": platform.python_version(), **figures}, indent=1))


if __name__ == "__main__":
    main()
