"""The trace against an independent oracle, on networks nobody would build."""

import dataclasses

from hypothesis import given, settings

from notifier.domain.network import classify, model, steps, trace, zones
from tests.domain.network import made_up, oracle


@settings(max_examples=600, deadline=None)
@given(made_up.cases())
def test_every_class_count_and_area_is_what_the_definitions_say(
    case: tuple[model.Network, tuple[steps.Step, ...]],
) -> None:
    """The zone graph and a plain walk of every node agree on everything."""
    network, plan = case
    expected = oracle.judge(network, plan)

    verdict = classify.classify(trace.trace(zones.build(network), plan))

    affected = {c: found.value for c, found in verdict.affected().items()}
    assert affected == {
        c: found
        for c, found in expected.classes.items()
        if found not in ("unaffected", "dead_before")
    }
    assert {kind.value: n for kind, n in verdict.counts.items()} == expected.counts
    assert list(verdict.unsupplied) == expected.unsupplied
    areas = verdict.areas()
    assert list(areas.out) == expected.areas_out
    assert list(areas.short) == expected.areas_short
    assert list(areas.partly_out) == expected.areas_partly_out


@settings(max_examples=300, deadline=None)
@given(made_up.cases())
def test_a_status_overlay_is_the_same_as_another_normal_state(
    case: tuple[model.Network, tuple[steps.Step, ...]],
) -> None:
    """Tracing from the state of a status file equals tracing a model drawn in that state."""
    network, plan = case
    overlay = {
        network.branch_index[step.switch]: step.action is steps.Action.OPEN for step in plan[:3]
    }
    redrawn = bytearray(network.normal_open)
    for branch, is_open in overlay.items():
        redrawn[branch] = is_open

    overlaid = classify.classify(trace.trace(zones.build(network, overlay), plan[3:]))
    expected = oracle.judge(dataclasses.replace(network, normal_open=redrawn), plan[3:])

    assert list(overlaid.unsupplied) == expected.unsupplied
    assert {kind.value: n for kind, n in overlaid.counts.items()} == expected.counts


@settings(max_examples=400, deadline=None)
@given(made_up.cases(boundary=True))
def test_what_is_called_certain_holds_whatever_lies_beyond_the_model(
    case: tuple[model.Network, tuple[steps.Step, ...]],
) -> None:
    """A class other than unknown is the same with a dead and with a live neighbour."""
    network, plan = case
    verdict = classify.classify(trace.trace(zones.build(network), plan))
    certain = verdict.affected()

    with_dead = oracle.judge(dataclasses.replace(network, boundary=frozenset()), plan)
    with_live = oracle.judge(_completed(network), plan)

    unknown = {c for c, found in certain.items() if found.value == "unknown"}
    for customer, found in certain.items():
        if customer not in unknown:
            assert with_dead.classes[customer] == found.value
            assert with_live.classes[customer] == found.value
    for customer in range(len(network.customer_ids)):
        if customer not in certain:
            quiet = ("unaffected", "dead_before")
            assert with_dead.classes[customer] in quiet
            assert with_live.classes[customer] in quiet


@settings(max_examples=200, deadline=None)
@given(made_up.cases())
def test_transfer_back_interrupts_the_same_customers_again(
    case: tuple[model.Network, tuple[steps.Step, ...]],
) -> None:
    """The way back passes through the same states, so whoever is dead on the way is dead again."""
    network, plan = case
    graph = zones.build(network)
    there = classify.classify(trace.trace(graph, plan))
    if there.trace.findings or len({step.switch for step in plan}) < len(plan):
        return

    both = classify.classify(trace.trace(graph, (*plan, *steps.transfer_back(plan))))

    assert both.unsupplied[: len(plan) + 1] == there.unsupplied
    assert both.unsupplied[len(plan) :] == there.unsupplied[::-1]


def _completed(network: model.Network) -> model.Network:
    """The network with a live feeder beyond each boundary node."""
    node_count = len(network.node_ids)
    branch_count = len(network.branch_ids)
    beyond = sorted(network.boundary)
    branch_from, branch_to = network.branch_from[:], network.branch_to[:]
    feeders = list(network.feeders)
    for number, node in enumerate(beyond):
        branch_from.append(node_count + number)
        branch_to.append(node)
        feeders.append(
            model.Feeder(
                id=f"beyond{number}",
                name="",
                substation="",
                head=branch_count + number,
                busbar=node_count + number,
            )
        )
    extra = len(beyond)
    names = [f"beyond{number}" for number in range(extra)]
    return dataclasses.replace(
        network,
        node_ids=[*network.node_ids, *names],
        branch_ids=[*network.branch_ids, *names],
        branch_kind=network.branch_kind + bytes([model.BranchKind.LINE]) * extra,
        branch_from=branch_from,
        branch_to=branch_to,
        normal_open=network.normal_open + bytes(extra),
        in_service=network.in_service + b"\x01" * extra,
        sources=(*network.sources, *(node_count + number for number in range(extra))),
        feeders=tuple(feeders),
        boundary=frozenset(),
    )
