"""How fast a city-sized network is imported and a plan traced, beside a plain breadth-first walk.

``python bench/trace.py [--feeders N] [--plans N]`` prints one JSON object. The network is made up:
each feeder has 1,000 nodes (a trunk of switched sections with ring main units, 40 transformer
areas behind fuses), every second neighbour has a tie, and 20 feeders share a substation fed
by two transformers off a high-voltage ring.
"""

import argparse
import csv
import dataclasses
import gc
import json
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.domain.network import classify, model, steps, trace, zones
from notifier.intake import network_csv

SECTIONS, AREAS_PER_SECTION, LV_NODES = 10, 4, 21
FEEDERS_PER_STATION = 20


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeders", type=int, default=1_060)
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--walks", type=int, default=3, help="plans given to the naive walk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_network(Path(folder), options.feeders)
        generated = time.perf_counter() - began
        gc.collect()
        began = time.perf_counter()
        read = network_csv.read_folder(Path(folder))
        imported = time.perf_counter() - began
    network = read.network
    began = time.perf_counter()
    graph = zones.build(network)
    built = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gc.collect()
    gc.freeze()  # as the service does when it swaps a model in: a full collection takes 80 ms
    rng = random.Random(7)
    section = [section_plan(rng, options.feeders) for _ in range(options.plans)]
    fallback = [source_plan(rng, options.feeders) for _ in range(options.plans // 10)]
    figures = {
        "machine": {"python": platform.python_version(), "processor": platform.processor()},
        "nodes": len(network.node_ids),
        "branches": len(network.branch_ids),
        "customers": len(network.customer_ids),
        "zones": graph.zone_count,
        "patches": graph.patch_count,
        "findings": dict(Counter(item.code for item in read.findings)),
        "generate_s": round(generated, 2),
        "import_s": round(imported, 2),
        "zone_build_s": round(built, 2),
        "peak_rss_mb": round(memory),
        "section_plan_ms": timed(section, lambda plan: trace.trace(graph, plan)),
        "section_plan_with_classes_ms": timed(
            section, lambda plan: classify.classify(trace.trace(graph, plan)).affected()
        ),
        "source_plan_ms": timed(fallback, lambda plan: trace.trace(graph, plan)),
        "source_plan_with_classes_ms": timed(
            fallback, lambda plan: classify.classify(trace.trace(graph, plan))
        ),
        "source_plan_with_every_customer_ms": timed(
            fallback, lambda plan: classify.classify(trace.trace(graph, plan)).affected()
        ),
        "full_zone_walk_ms": timed([None] * 5, lambda _: full_zone_walk(graph)),
    }
    figures["section_plan_without_feeders_ms"] = without_feeders(network, section[:20])
    walk = NaiveWalk(network)
    chosen = section[: options.walks] + fallback[:1]
    figures["naive_walk_ms"] = timed(chosen, walk.unsupplied)
    figures["agree"] = all(
        walk.unsupplied(plan) == list(classify.classify(trace.trace(graph, plan)).unsupplied)
        for plan in chosen
    )
    print(json.dumps(figures, indent=1))


def without_feeders(network: model.Network, plans: list[Any]) -> dict[str, float]:
    """The worst case: no feeder heads, so that everything is source zone and is walked."""
    graph = zones.build(dataclasses.replace(network, feeders=()))
    gc.collect()
    gc.freeze()
    return timed(plans, lambda plan: classify.classify(trace.trace(graph, plan)))


def timed(inputs: list[Any], run: Callable[[Any], object]) -> dict[str, float]:
    """Milliseconds of each run: median, 99th percentile and the worst."""
    spent = []
    for item in inputs:
        began = time.perf_counter()
        run(item)
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {
        "median": round(statistics.median(spent), 3),
        "p99": round(spent[int(len(spent) * 0.99)], 3),
        "worst": round(spent[-1], 3),
    }


def section_plan(rng: random.Random, feeders: int) -> tuple[steps.Step, ...]:
    """A trunk section out, what lies behind it moved to the neighbour."""
    feeder = rng.randrange(feeders // 2) * 2
    section = rng.randrange(1, SECTIONS - 1)
    opens = [f"S{feeder}_{section}", f"S{feeder}_{section + 1}"]
    return steps.in_order(steps.Order.OPEN, opens, [f"TIE{feeder}"])


def source_plan(rng: random.Random, feeders: int) -> tuple[steps.Step, ...]:
    """A station transformer out, its half of the busbar dead: the source zone is touched."""
    station = rng.randrange(feeders // FEEDERS_PER_STATION)
    return steps.in_order(steps.Order.OPEN, [f"CBA{station}"], [])


def full_zone_walk(graph: zones.ZoneGraph) -> int:
    """What a trace without patches would do for each state: walk every zone from the sources."""
    seen = bytearray(graph.zone_count)
    queue = list(graph.source_zones)
    for zone in queue:
        seen[zone] = 1
    state, link_a, link_b, zone_links = (
        graph.link_state,
        graph.link_a,
        graph.link_b,
        graph.zone_links,
    )
    for zone in queue:
        for link in zone_links[zone]:
            if state[link] & 1:
                other = link_a[link] + link_b[link] - zone
                if not seen[other]:
                    seen[other] = 1
                    queue.append(other)
    return len(queue)


class NaiveWalk:
    """The baseline: a breadth-first walk of every node for every state."""

    def __init__(self, network: model.Network) -> None:
        self._network = network
        self._near: list[list[int]] = [[] for _ in network.node_ids]
        for branch in range(len(network.branch_ids)):
            if network.in_service[branch]:
                for node in network.ends(branch):
                    self._near[node].append(branch)

    def unsupplied(self, plan: tuple[steps.Step, ...]) -> list[int]:
        """Customers without supply before the plan and after each step."""
        network = self._network
        is_open = bytearray(network.normal_open)
        counts = [self._count(is_open)]
        for step in plan:
            is_open[network.branch_index[step.switch]] = step.action is steps.Action.OPEN
            counts.append(self._count(is_open))
        return counts

    def _count(self, is_open: bytearray) -> int:
        network = self._network
        seen = bytearray(len(network.node_ids))
        queue = deque(network.sources)
        for node in queue:
            seen[node] = 1
        while queue:
            node = queue.popleft()
            for branch in self._near[node]:
                if is_open[branch]:
                    continue
                other = network.branch_from[branch] + network.branch_to[branch] - node
                if not seen[other]:
                    seen[other] = 1
                    queue.append(other)
        standby = network.standby
        return sum(
            1
            for customer, node in enumerate(network.customer_node)
            if not seen[node] and not (customer in standby and seen[standby[customer]])
        )


def write_network(folder: Path, feeders: int) -> None:
    """Writes the made-up network in the flat form."""
    tables = {
        "nodes": ("node_id,name,base_kv,substation_id,is_busbar", _nodes),
        "branches": (
            "branch_id,kind,name,from_node,to_node,switch_type,normal_open,in_service",
            _branches,
        ),
        "sources": ("source_id,name,node_id", _sources),
        "feeders": ("feeder_id,name,substation_id,head_branch_id,busbar_node", _feeders),
        "areas": ("area_id,name,transformer_branches,node_ids", _areas),
        "customers": ("customer_id,name,node_id,area_id,p_kw,standby_node_id", _customers),
    }
    for stem, (header, rows) in tables.items():
        with (folder / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header.split(","))
            writer.writerows(rows(feeders))


def _busbar(feeder: int) -> str:
    station = feeder // FEEDERS_PER_STATION
    return f"BB{'A' if feeder % FEEDERS_PER_STATION < FEEDERS_PER_STATION // 2 else 'B'}{station}"


def _nodes(feeders: int) -> Iterator[tuple[object, ...]]:
    for station in range(feeders // FEEDERS_PER_STATION):
        yield f"HV{station}", "", 110.0, "", 0
        for half in "AB":
            yield f"LV{half}{station}", "", 10.0, "", 0
            yield f"BB{half}{station}", "", 10.0, f"ST{station}", 1
    for feeder in range(feeders):
        for section in range(SECTIONS):
            for part in ("i", "r", "o", "m1", "m2", "m3", "m4"):
                yield f"F{feeder}_{section}{part}", "", 10.0, "", 0
            for area in range(AREAS_PER_SECTION):
                yield f"F{feeder}_{section}t{area}", "", 10.0, "", 0
                for lv in range(LV_NODES):
                    yield f"F{feeder}_{section}a{area}_{lv}", "", 0.4, "", 0


def _branches(feeders: int) -> Iterator[tuple[object, ...]]:
    stations = feeders // FEEDERS_PER_STATION
    for station in range(stations):
        other = (station + 1) % stations
        yield f"HL{station}", "Switch", "", f"HV{station}", f"HV{other}", "Breaker", 0, 1
        for half in "AB":
            low = f"LV{half}{station}"
            yield f"T{half}{station}", "PowerTransformer", "", f"HV{station}", low, "", "", 1
            yield f"CB{half}{station}", "Switch", "", low, f"BB{half}{station}", "Breaker", 0, 1
        yield f"BC{station}", "Switch", "", f"BBA{station}", f"BBB{station}", "Breaker", 1, 1
    for feeder in range(feeders):
        before = _busbar(feeder)
        for section in range(SECTIONS):
            at = f"F{feeder}_{section}"
            yield f"S{feeder}_{section}", "Switch", "", before, f"{at}i", "LoadBreakSwitch", 0, 1
            yield f"L{feeder}_{section}", "ACLineSegment", "", f"{at}i", f"{at}r", "", "", 1
            chain = [f"{at}r", *(f"{at}m{number}" for number in range(1, 5)), f"{at}o"]
            for number in range(5):
                ends = chain[number], chain[number + 1]
                yield f"L{feeder}_{section}_{number}", "ACLineSegment", "", *ends, "", "", 1
            for area in range(AREAS_PER_SECTION):
                top, board = f"{at}t{area}", f"{at}a{area}_0"
                mid = f"{at}m{area + 1}"
                yield f"FU{feeder}_{section}_{area}", "Switch", "", mid, top, "Fuse", 0, 1
                yield f"TR{feeder}_{section}_{area}", "PowerTransformer", "", top, board, "", "", 1
                for lv in range(1, LV_NODES):
                    ends = f"{at}a{area}_{(lv - 1) // 2}", f"{at}a{area}_{lv}"
                    mrid = f"V{feeder}_{section}_{area}_{lv}"
                    yield mrid, "ACLineSegment", "", *ends, "", "", 1
            before = f"{at}o"
        if feeder % 2 == 0 and feeder + 1 < feeders:
            far = f"F{feeder + 1}_{SECTIONS - 1}o"
            yield f"TIE{feeder}", "Switch", "", before, far, "LoadBreakSwitch", 1, 1


def _sources(feeders: int) -> Iterator[tuple[object, ...]]:
    for station in range(0, feeders // FEEDERS_PER_STATION, 10):
        yield f"G{station}", "", f"HV{station}"


def _feeders(feeders: int) -> Iterator[tuple[object, ...]]:
    for feeder in range(feeders):
        station = feeder // FEEDERS_PER_STATION
        yield f"F{feeder}", "", f"ST{station}", f"S{feeder}_0", _busbar(feeder)


def _areas(feeders: int) -> Iterator[tuple[object, ...]]:
    for feeder in range(feeders):
        for section in range(SECTIONS):
            for area in range(AREAS_PER_SECTION):
                key = f"{feeder}_{section}_{area}"
                yield f"TA{key}", "", f"TR{key}", f"F{feeder}_{section}a{area}_0"


def _customers(feeders: int) -> Iterator[tuple[object, ...]]:
    for feeder in range(feeders):
        for section in range(SECTIONS):
            for area in range(AREAS_PER_SECTION):
                for lv in range(LV_NODES):
                    node = f"F{feeder}_{section}a{area}_{lv}"
                    area_id = f"TA{feeder}_{section}_{area}"
                    standby = f"F{feeder ^ 1}_0i" if lv == area == 0 and section == 5 else ""
                    yield f"C{feeder}_{section}_{area}_{lv}", "", node, area_id, 3, standby


if __name__ == "__main__":
    main()
