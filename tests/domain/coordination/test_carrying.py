"""Who can be carried while a section is worked on: the ways found, traced again by somebody else."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.demo import bureau, grid, walk
from notifier.domain.coordination import carrying
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, model, steps, target, trace, zones
from notifier.intake.network_folder import read_network
from tests.domain.network import made_up, oracle

OWN = Path(__file__).parents[2] / "data" / "grid"
SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "grid"


#: A walk of a network of 500 nodes takes a fifth of a second a state.
WALKED = 9


@cache
def graph(name: str) -> zones.ZoneGraph:
    """A network of the shared folder, or of the tests' own."""
    folder = OWN / name if (OWN / name).is_dir() else SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the shared network {name} is not beside the checkout")
    return zones.build(read_network(folder).network)


def at(found: zones.ZoneGraph, branch: str) -> target.WorkArea:
    """The place of work that is one branch."""
    return target.locate(found, target.named("branch", branch))


def named(found: zones.ZoneGraph, numbers: Sequence[int]) -> list[str]:
    """The ids of feeders."""
    return [found.network.feeders[number].id for number in numbers]


def must_agree(found: zones.ZoneGraph, way: carrying.Carried, work: target.WorkArea) -> None:
    """The steps, walked node by node, make out and short whom the way says; the work is dead, nothing
    new is looped, and what is short hangs on the one feeder."""
    network = found.network
    opinion = oracle.judge(network, way.steps)
    areas = way.verdict.areas()
    assert (tuple(opinion.areas_out), tuple(opinion.areas_short)) == (areas.out, areas.short)
    assert opinion.counts["out"] == way.harm[0]
    normal = {b: bool(network.normal_open[b]) for b in range(len(network.branch_ids))}
    switched = dict(normal)
    for step in way.steps:
        switched[network.branch(step.switch)] = step.action is steps.Action.OPEN
    before, after = oracle.walk(network, normal), oracle.walk(network, switched)
    for node, zone in enumerate(found.zone_of_node):
        if zone in work.zones:
            assert node not in after.live
        fed = after.feeders.get(node, frozenset())
        assert len(fed) <= max(1, len(before.feeders.get(node, frozenset())))
        if way.feeders and fed and fed != before.feeders.get(node, frozenset()):
            assert fed <= {network.feeders[number].head for number in way.feeders}


@pytest.mark.parametrize("name", ["edge", "ieee123", "oberrhein"])
def test_a_way_agrees_with_tracing_the_steps_it_names(name: str) -> None:
    """For every line of the network as the place of work; a slow walk shares nothing with the trace."""
    made = graph(name)
    tied = set[tuple[str, ...]]()
    for branch, mrid in enumerate(made.network.branch_ids):
        if made.network.branch_kind[branch] != model.BranchKind.LINE:
            continue
        work = at(made, mrid)
        ways = carrying.carried(made, work)
        for way in ways:
            plan = tuple(str(step) for step in way.steps)
            if plan not in tied and (way.closes or not len(tied) % 3) and len(tied) < WALKED:
                tied.add(plan)
                must_agree(made, way, work)
        assert len(ways) <= carrying.MOST + 1
        assert [way.closes for way in ways] == [True] * (len(ways) - 1) + [False] * bool(ways)
        assert all(way.harm < ways[-1].harm for way in ways[:-1])
        assert [way.steps for way in carrying.carried(made, work)] == [way.steps for way in ways]

    assert any("close" in step for plan in tied for step in plan)


def test_each_feeder_that_can_carry_is_offered_by_itself() -> None:
    """The cable between two ring main units: two feeders could take over what lies beyond it."""
    made = graph("edge")

    first, second, alone = carrying.carried(made, at(made, "L1103"))

    assert [str(step) for step in first.steps] == ["open R1_O", "open R2_I", "close TIE_11_12"]
    assert [str(step) for step in second.steps] == ["open R1_O", "open R2_I", "close TIE_11_21"]
    assert [named(made, way.feeders) for way in (first, second)] == [["F12"], ["F21"]]
    assert alone.feeders == ()
    assert first.harm == second.harm == (0, 0) < alone.harm


def test_several_feeders_carry_together_where_one_cannot() -> None:
    """Two pieces hang behind the section, each within reach of another feeder only: nobody is out."""
    made = graph("oberrhein")

    together, first, second, alone = carrying.carried(made, at(made, "L0"))

    assert (together.harm, first.harm, second.harm) == ((0, 0), (4, 4), (7, 7))
    assert set(together.feeders) == {*first.feeders, *second.feeders}
    assert alone.harm == (11, 11)
    must_agree(made, together, at(made, "L0"))


def test_the_demonstration_s_sections_agree_with_its_own_walk(tmp_path: Path) -> None:
    """Customer by customer, on its cable and overhead feeders."""
    folder = grid.write(grid.build(bureau.build(7)), tmp_path)
    network = read_network(folder).network
    made = zones.build(network)
    names = {mrid: network.branch_names[at] for at, mrid in enumerate(network.branch_ids)}
    tied = 0
    for mrid in network.branch_ids[::25]:
        branch = network.branch(mrid)
        if (
            network.branch_kind[branch] != model.BranchKind.LINE
            or network.node_kv[network.branch_from[branch]] < 1
        ):
            continue
        for way in carrying.carried(made, at(made, mrid))[:1]:
            taken = tuple((names[s.switch], s.action is steps.Action.OPEN) for s in way.steps)

            fates = Counter(walk.fates(folder, walk.Switching(steps=taken)).values())

            tied += way.closes
            for fate, impact_class in (
                (walk.Fate.OUT, ImpactClass.OUT), (walk.Fate.SHORT, ImpactClass.SHORT)
            ):  # fmt: skip
                assert fates[fate] == way.verdict.counts.get(impact_class, 0)

    assert tied > 3


def test_a_tie_of_one_phase_carries_nobody() -> None:
    """``line.sw8`` of ieee123: it proves no transfer."""
    made = graph("ieee123")
    one_phase = made.network.branch_ids[made.network.branch("line.sw8")]

    ways = [
        way
        for mrid in made.network.branch_ids
        if not made.network.is_switch(made.network.branch(mrid))
        for way in carrying.carried(made, at(made, mrid))
    ]

    assert not any(step.switch == one_phase for way in ways for step in way.steps)


@given(st.data())
def test_strange_networks_have_honest_answers_too(data: st.DataObject) -> None:
    """Loops, islands, heads anywhere, and models that end somewhere."""
    network = data.draw(made_up.networks(boundary=data.draw(st.booleans())))
    made = zones.build(network)
    branch = data.draw(st.integers(0, len(network.branch_ids) - 1))
    work = at(made, network.branch_ids[branch])

    for way in carrying.carried(made, work):
        must_agree(made, way, work)


def test_what_a_plan_s_own_steps_transfer_is_carried_by_the_feeder_they_tie_it_to() -> None:
    """None where it ties nothing."""
    made = graph("edge")

    def plan(*words: str) -> list[steps.Step]:
        return [
            steps.Step(action=steps.Action(action), switch=switch)
            for action, switch in (word.split() for word in words)
        ]

    def carriers(*words: str) -> list[str]:
        verdict = classify.classify(trace.trace(made, plan(*words)))
        return named(made, carrying.carriers(made, verdict))

    assert carriers("open R1_O", "open R2_I", "close TIE_11_21") == ["F21"]
    assert carriers("open R1_O", "open R2_I") == []
