"""Made-up networks and plans for property tests, small enough to be strange in every way."""

from hypothesis import strategies as st

from notifier.domain.network import builder, model, steps


@st.composite
def networks(draw: st.DrawFn, *, boundary: bool = False) -> model.Network:
    """A random network: loops, islands, self loops, dead sources and heads anywhere."""
    built = builder.NetworkBuilder("made up")
    size = draw(st.integers(2, 11))
    for node in range(size):
        built.add_node(f"n{node}")
    a_node = st.integers(0, size - 1).map("n{}".format)
    count = draw(st.integers(1, 16))
    for branch in range(count):
        built.add_branch(
            f"b{branch}",
            draw(st.sampled_from([*[model.BranchKind.SWITCH] * 3, model.BranchKind.LINE])),
            "",
            draw(a_node),
            draw(a_node),
            normal_open=draw(st.integers(0, 3)) == 0,
            in_service=draw(st.integers(0, 9)) > 0,
        )
    for source in range(draw(st.integers(1, 2))):
        built.add_source(f"g{source}", draw(a_node))
    for feeder, head in enumerate(draw(st.lists(st.integers(0, count - 1), max_size=4))):
        built.add_feeder(f"f{feeder}", "", "", f"b{head}")
    areas = draw(st.lists(st.lists(a_node, min_size=1, max_size=2), max_size=4))
    for area, nodes in enumerate(areas):
        built.add_area(f"a{area}", "", [], nodes)
    for customer in range(draw(st.integers(1, 9))):
        standby = draw(a_node) if draw(st.integers(0, 3)) == 0 else ""
        area = draw(st.integers(0, len(areas) - 1)) if areas else None
        built.add_customer(
            f"c{customer}", draw(a_node), "" if area is None else f"a{area}", standby
        )
    if boundary:
        for node in draw(st.lists(a_node, min_size=1, max_size=2, unique=True)):
            built.mark_boundary(node)
    return built.finish()


@st.composite
def plans(draw: st.DrawFn, network: model.Network) -> tuple[steps.Step, ...]:
    """Random steps on the network's switches, some twice, some to where they stand already."""
    switches = [
        network.branch_ids[b]
        for b in range(len(network.branch_ids))
        if network.is_switch(b) and network.in_service[b]
    ]
    if not switches:
        return ()
    step = st.builds(
        lambda action, switch: steps.Step(action=action, switch=switch),
        st.sampled_from(steps.Action),
        st.sampled_from(switches),
    )
    return tuple(draw(st.lists(step, max_size=6)))


@st.composite
def cases(
    draw: st.DrawFn, *, boundary: bool = False
) -> tuple[model.Network, tuple[steps.Step, ...]]:
    """A network with a plan on it."""
    network = draw(networks(boundary=boundary))
    return network, draw(plans(network))
