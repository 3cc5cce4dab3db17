"""A second opinion on every trace: plain walks from the definitions, slow and simple.

Nothing here is shared with the code under test but the model's columns. Every state is walked
node by node from scratch.
"""

from collections import Counter
from dataclasses import dataclass

from notifier.domain.network import model, steps


@dataclass
class Opinion:
    """What the definitions say about one plan."""

    classes: dict[int, str]
    unsupplied: list[int]
    areas_out: list[int]
    areas_short: list[int]
    areas_partly_out: list[int]

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.classes.values())


@dataclass
class State:
    """Which nodes are live in one state, and the feeder set of each."""

    live: set[int]
    feeders: dict[int, frozenset[object]]


def judge(network: model.Network, plan: tuple[steps.Step, ...]) -> Opinion:
    """Classes, counts and areas of one plan."""
    is_open = {b: bool(network.normal_open[b]) for b in range(len(network.branch_ids))}
    states = [walk(network, is_open)]
    for step in plan:
        is_open[network.branch_index[step.switch]] = step.action is steps.Action.OPEN
        states.append(walk(network, is_open))
    classes = {c: judge_customer(network, states, c) for c in range(len(network.customer_ids))}
    area_live = [
        [any(node in state.live for node in nodes) for state in states]
        for nodes in network.area_nodes
    ]
    out_areas = {network.customer_area[c] for c, found in classes.items() if found == "out"}
    return Opinion(
        classes=classes,
        unsupplied=[
            sum(not supplied(network, state, c) for c in range(len(network.customer_ids)))
            for state in states
        ],
        areas_out=[a for a, live in enumerate(area_live) if live[0] and not live[-1]],
        areas_short=[
            a for a, live in enumerate(area_live) if live[0] and live[-1] and not all(live)
        ],
        areas_partly_out=[a for a, live in enumerate(area_live) if live[-1] and a in out_areas],
    )


def walk(network: model.Network, is_open: dict[int, bool]) -> State:
    """Energised nodes and feeder sets with the switches standing as told."""
    heads = {feeder.head for feeder in network.feeders}
    joined = [
        b
        for b in range(len(network.branch_ids))
        if network.in_service[b] and not (network.is_switch(b) and is_open[b])
    ]
    live = reach(network, set(network.sources), joined, set())
    source_zone = reach(network, set(network.sources), [b for b in joined if b not in heads], set())
    feeders: dict[int, set[object]] = {node: {"@"} for node in source_zone}
    for head in joined:
        if head not in heads:
            continue
        ends = network.branch_from[head], network.branch_to[head]
        for near, far in (ends, ends[::-1]):
            if near in source_zone and far not in source_zone:
                for node in reach(network, {far}, joined, source_zone):
                    feeders.setdefault(node, set()).add(head)
    return State(live, {node: frozenset(found) for node, found in feeders.items()})


def reach(
    network: model.Network, start: set[int], branches: list[int], barred: set[int]
) -> set[int]:
    """Everything joined to the start, without stepping on a barred node."""
    seen = set(start)
    grown = True
    while grown:
        grown = False
        for branch in branches:
            a, b = network.branch_from[branch], network.branch_to[branch]
            for here, there in ((a, b), (b, a)):
                if here in seen and there not in seen and there not in barred:
                    seen.add(there)
                    grown = True
    return seen


def supplied(network: model.Network, state: State, customer: int) -> bool:
    """Whether the main or the standby node is live."""
    main, standby = network.customer_node[customer], network.standby.get(customer)
    return main in state.live or standby in state.live


def judge_customer(network: model.Network, states: list[State], customer: int) -> str:
    """The class of one customer, first that fits."""
    first, last = states[0], states[-1]
    has = [supplied(network, state, customer) for state in states]
    if not has[0]:
        return "energised_by_plan" if has[-1] else "dead_before"
    if not has[-1]:
        return "out"
    if not all(has[1:-1]):
        return "short"
    main, standby = network.customer_node[customer], network.standby.get(customer)
    if standby is not None:
        live_first = (main in first.live) + (standby in first.live)
        live_last = (main in last.live) + (standby in last.live)
        return "lost_one_source" if live_last < live_first else "unaffected"
    before, after = first.feeders[main], last.feeders[main]
    if before == after:
        return "unaffected"
    if after < before:
        return "lost_one_source"
    return "paralleled" if before < after else "transferred_live"
