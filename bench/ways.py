"""How long the meeting looks for ways of carrying people: 200 works on sections of a made-up network.

    python -m bench.ways [--feeders 120] [--works 200]

120 feeders are 114,000 nodes, 1060 a million. Every tenth work names a section that the model does not
know. Prints JSON: seconds and processor seconds for all works together, the longest time for which the
event loop did not turn, and beside it one walk of all zones, which is what a single state of a single
way would cost without the zone graph.
"""

import argparse
import asyncio
import json
import platform
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.network_import import measured
from bench.trace import full_zone_walk, write_network
from notifier.domain import names
from notifier.domain.coordination.works import Part, PlannedWork
from notifier.domain.impact import ImpactClass
from notifier.domain.network import zones
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network.model import BranchKind
from notifier.domain.network.version import Version, counts_of
from notifier.domain.network_index import Area, Feeder, NetworkIndex
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    Plan,
    PlanContent,
    PlanKind,
    PlanState,
)
from notifier.domain.window import Window
from notifier.intake.network_folder import read_network
from notifier.usecases import coordinate_ways

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OUTAGE = Window(NOW + timedelta(days=9), NOW + timedelta(days=9, hours=8))


async def main(feeders: int, count: int) -> dict[str, Any]:
    """Builds, looks, measures."""
    with tempfile.TemporaryDirectory() as folder:
        write_network(Path(folder), feeders)
        network = read_network(Path(folder)).network
    graph = zones.build(network)
    held = HeldNetwork(version=_version(network), graph=graph)
    index = _ledger(held)
    works = [_work(held, index, number) for number in range(count)]
    topology = SimpleNamespace(in_force=lambda: asyncio.sleep(0, held))
    store: Any = SimpleNamespace(topology=topology)
    await coordinate_ways.find(
        store, works[:1], index, NOW
    )  # the names of areas are kept from now on
    spent = time.process_time()
    found, figures = await measured(lambda: coordinate_ways.find(store, works, index, NOW))
    spent = time.process_time() - spent
    began = time.perf_counter()
    full_zone_walk(graph)
    walk = time.perf_counter() - began
    offered = [way for item in found.offered.values() for way in item.ways]
    return {
        "bench": "ways",
        "nodes": len(network.node_ids),
        "works": count,
        "processor": platform.processor() or platform.machine(),
        "ways": len(offered),
        "carried": sum(bool(way.tie_feeders) for way in offered),
        **figures,
        "processor_seconds": round(spent, 2),
        "baseline_seconds_a_state": round(walk, 3),
    }


def _version(network: Any) -> Version:
    return Version(
        name="bench", as_of=None, digest="", files=(), counts=counts_of(network), difference=None,
        findings=(), id=1, read_at=NOW, read_by="bench", confirmed_at=NOW,
    )  # fmt: skip


def _ledger(held: HeldNetwork) -> NetworkIndex:
    """The feeders and areas of the network as the ledger's; TA7_0_1 hangs on feeder 7."""
    network = held.graph.network
    return NetworkIndex.of(
        [],
        [
            Feeder(id=number, name=feeder.name, key=names.feeder_key(feeder.name))
            for number, feeder in enumerate(network.feeders, start=1)
        ],
        [
            Area(id=number, code=mrid, name=mrid, key=names.area_key(mrid),
                 feeder_id=int(mrid[2:].split("_")[0]) + 1)
            for number, mrid in enumerate(network.area_ids, start=1)
        ],
    )  # fmt: skip


def _work(held: HeldNetwork, index: NetworkIndex, number: int) -> PlannedWork:
    """A work on some line at high voltage, by the whole feeder so far."""
    graph = held.graph
    network, rng = graph.network, random.Random(number)
    while True:
        branch = rng.randrange(len(network.branch_ids))
        start = network.branch_from[branch]
        heads = graph.normal_feeds(graph.zone_of_node[start])
        if (
            network.branch_kind[branch] == BranchKind.LINE
            and network.node_kv[start] > 1
            and heads
            and min(heads) >= 0
        ):
            break
    (head,) = heads
    feeder = next(
        at for at, f in enumerate(network.feeders) if graph.link_of_branch.get(f.head) == head
    )
    name = f"不在模型{number}" if number % 10 == 0 else network.branch_names[branch]
    content = PlanContent(
        number=f"P{number}", kind=PlanKind.PLANNED, windows=(OUTAGE,),
        equipment=(Equipment(name=name, kind=EquipmentKind.SECTION),),
    )  # fmt: skip
    areas = tuple(area.id for area in index.areas_of_feeder.get(feeder + 1, ()))
    return PlannedWork(
        plan=Plan(
            id=number, number=content.number, kind=content.kind, department="",
            state=PlanState.SUBMITTED, revision=1, settled_revision=0, starts_at=OUTAGE.starts_at,
            ends_at=OUTAGE.ends_at, restored_at=None, created_at=NOW, submitted_by="",
        ),
        content=content,
        parts=(Part(impact_class=ImpactClass.OUT, windows=(OUTAGE,), areas=areas),),
        is_matched=True,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeders", type=int, default=120)
    parser.add_argument("--works", type=int, default=200)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(main(asked.feeders, asked.works)), indent=2))
