"""Imports a made-up city of a million nodes into the store, and brings it back to the shelf.

    python bench/network_import.py [--feeders 1060] [--url postgresql://…]

Prints JSON: seconds and peak memory of both processes, the longest time for which the event loop did
not turn, the size in the store, a re-import of the same files, a newer version with its difference, a
full status file of every switch, and what a newer version or overlay costs the shelf.
"""

import argparse
import asyncio
import gc
import json
import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.trace import section_plan, write_network
from notifier.domain.network import classify, model, trace
from notifier.intake.network_process import NetworkReader
from notifier.store import migrate
from notifier.store.engine import Database
from notifier.store.networks import Networks
from notifier.usecases import network_shelf, networks

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def measured(work: Callable[[], Awaitable[Any]]) -> tuple[Any, dict[str, float]]:
    """One piece of work, with the longest pause of the event loop."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - began - 0.005)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    found = await work()
    seconds = time.perf_counter() - began
    watching.cancel()
    return found, {
        "seconds": round(seconds, 2),
        "longest_loop_pause_ms": round(longest * 1000, 1),
        "peak_rss_mb": _peak(resource.RUSAGE_SELF),
    }


def _peak(who: int) -> int:
    return round(resource.getrusage(who).ru_maxrss / 1024)


async def run(url: str, folder: Path, feeders: int) -> dict[str, Any]:
    """Every figure."""
    database = await Database.open(url)
    await migrate.upgrade(database.url)
    kept = Networks(database)
    figures: dict[str, Any] = {}

    async def take(*paths: Path) -> networks.NetworkReport:
        return await networks.import_network(kept, NetworkReader(paths), now=NOW, actor="bench")

    report, figures["import"] = await measured(lambda: take(folder))
    figures["import"]["peak_rss_of_reader_mb"] = _peak(resource.RUSAGE_CHILDREN)
    figures["counts"] = report.counts
    parts = await kept.parts(report.version.id)
    figures["stored_mb"] = round(sum(map(len, parts.values())) / 1e6, 1)
    del parts
    report, figures["same_files_again"] = await measured(lambda: take(folder))
    assert report.outcome == "unchanged"

    shelf = network_shelf.NetworkShelf(kept)
    gc.collect()
    held, figures["shelf"] = await measured(shelf.current)

    network = held.graph.network
    status = folder / "A_20260301080000_PD_ALL.dt"
    switches = [
        network.branch_ids[branch]
        for branch, kind in enumerate(network.branch_kind)
        if kind == model.BranchKind.SWITCH
    ]
    lines = ["@\tid\tvalue", *(f"#\t{s}\t{int(not s.startswith(('TIE', 'BC')))}" for s in switches)]
    status.write_text("\n".join(lines), "utf-8")
    _, figures["full_status_file"] = await measured(lambda: take(status))
    _, figures["shelf_after_status"] = await measured(shelf.current)

    with (folder / "customers.csv").open("a", encoding="utf-8") as file:
        file.write("NEW,,F0_0a0_0,TA0_0_0,3,\r\n")
    report, figures["next_version"] = await measured(lambda: take(folder))
    figures["next_version"]["peak_rss_of_reader_mb"] = _peak(resource.RUSAGE_CHILDREN)
    assert report.difference is not None
    assert report.difference["customers"]["added"] == 1
    _, figures["shelf_after_next_version"] = await measured(shelf.current)

    plan = section_plan(random.Random(7), feeders)
    spent = []
    for _ in range(50):
        began = time.perf_counter()
        classify.classify(trace.trace((await shelf.current()).graph, tuple(plan)))
        spent.append((time.perf_counter() - began) * 1000)
    figures["trace_plan_ms"] = {
        "median": round(sorted(spent)[25], 2),
        "worst": round(max(spent), 2),
    }
    await database.close()
    return figures


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeders", type=int, default=1_060)
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
