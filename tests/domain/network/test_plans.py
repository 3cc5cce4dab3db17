"""Proposals, blocking findings, timelines and pictures on the hand-made network."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.domain.network import (
    bounding,
    builder,
    checks,
    classify,
    diagram,
    model,
    steps,
    target,
    timeline,
    trace,
    zones,
)
from notifier.domain.window import Window
from notifier.intake import network_csv

EDGE = Path(__file__).parents[2] / "data" / "grid" / "edge"
NOW = datetime(2026, 5, 18, 12, tzinfo=UTC)
EIGHT = datetime(2026, 5, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def network() -> model.Network:
    """The hand-made network of every edge case."""
    return network_csv.read_folder(EDGE).network


@pytest.fixture(scope="module")
def graph(network: model.Network) -> zones.ZoneGraph:
    """Its zone graph."""
    return zones.build(network)


def judged(graph: zones.ZoneGraph, *plan: str) -> classify.Verdict:
    """The verdict on steps such as ``open CB11``."""
    taken = []
    for text in plan:
        word, switch = text.split()
        taken.append(steps.Step(action=steps.Action(word), switch=switch))
    return classify.classify(trace.trace(graph, taken))


def found_codes(verdict: classify.Verdict, work: target.WorkArea | None = None) -> set[str]:
    """Codes of what the checks find."""
    return {item.code for item in checks.check(verdict, work, now=NOW)}


def test_bounding_switches_isolate_a_section_and_a_tie_keeps_the_rest(
    graph: zones.ZoneGraph,
) -> None:
    """The cable between two ring main units: two switches to open, one tie to close."""
    work = target.locate(graph, target.named("branch", "L1103"))

    best, *others = bounding.propose(graph, work)

    assert best.order is steps.Order.CLOSED
    assert set(best.opens) == {"R1_O", "R2_I"}
    assert len(best.closes) == 1
    assert set(best.closes) | set(best.alternatives[best.closes[0]]) == {"TIE_11_12", "TIE_11_21"}
    assert (best.out, best.short) == (0, 0)
    assert [(p.order, p.out, p.short) for p in others] == [
        (steps.Order.OPEN, 0, 4),
        (steps.Order.OPEN, 4, 0),
    ]
    assert all(not checks.has_blocking(p.verdict, work, now=NOW) for p in [best, *others[:1]])


def test_low_voltage_switches_stay_closed_for_work_at_medium_voltage(
    graph: zones.ZoneGraph,
) -> None:
    """Nothing feeds the work area from the low-voltage side, so nobody walks there."""
    medium = target.locate(graph, target.named("branch", "TR1"))
    low = target.locate(graph, target.named("node", "lv1b"))

    assert bounding.bounding_switches(graph, medium)[0] == ("R1_T1",)
    assert bounding.bounding_switches(graph, low)[0] == ("LV1_SW",)


def test_a_target_without_a_switch_towards_the_source_cannot_be_bounded(
    graph: zones.ZoneGraph,
) -> None:
    """The incoming line is the source itself."""
    work = target.locate(graph, target.named("node", "S1_110"))

    with pytest.raises(bounding.CannotBound):
        bounding.propose(graph, work)


def test_a_missed_switch_is_a_blocking_finding_with_the_feeder_named(
    graph: zones.ZoneGraph,
) -> None:
    """The work area is fed from the other side: the plan cannot be approved."""
    work = target.locate(graph, target.named("branch", "L1103"))

    verdict = judged(graph, "open R2_I")
    found = checks.check(verdict, work, now=NOW)

    assert [item.code for item in found] == ["trace.target_energised"]
    assert "F11" in found[0].found


def test_a_target_live_in_any_working_state_blocks(graph: zones.ZoneGraph) -> None:
    """A work that begins before the last switch is open would meet voltage."""
    work = target.locate(graph, target.named("branch", "L1103"))
    verdict = judged(graph, "open R2_I", "open R1_O")

    early = checks.check(verdict, work, now=NOW, working_states=[1, 2])

    assert "trace.target_energised" in {item.code for item in early}
    assert found_codes(verdict, work) == set()


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ("open NOSUCH", "trace.unknown_switch"),
        ("open L1103", "trace.not_a_switch"),
        ("open TIE_11_21", "trace.already_open"),
        ("close CB11", "trace.already_closed"),
        ("open SP12", "trace.empty_impact"),
    ],
)
def test_steps_that_cannot_be_done_block(graph: zones.ZoneGraph, plan: str, code: str) -> None:
    """Each says in one sentence what is wrong, in the dispatcher's names."""
    verdict = judged(graph, plan)

    blocking = [item for item in checks.check(verdict, None, now=NOW) if item.code == code]

    assert len(blocking) == 1
    assert blocking[0].severity.value == "error"
    assert checks.has_blocking(verdict, None, now=NOW)


def test_opening_twice_is_noticed_within_the_plan(graph: zones.ZoneGraph) -> None:
    """The position is followed through the plan, not read from the normal state each time."""
    verdict = judged(graph, "open CB11", "open CB11")

    assert [item.code for item in verdict.trace.findings] == ["trace.already_open"]


def test_a_stale_model_blocks(network: model.Network) -> None:
    """A model nobody has updated for a month proves nothing."""
    old = zones.build(replace(network, as_of=NOW - timedelta(days=31)))

    assert "trace.stale_model" in found_codes(judged(old, "open CB11"))


def test_a_partly_known_neighbourhood_blocks(network: model.Network) -> None:
    """What hangs on a missing neighbour is unknown, and a person has to know."""
    partly = zones.build(replace(network, boundary=frozenset({network.node("n12zz")})))
    verdict = judged(partly, "open DS12", "close SP12")

    assert "trace.partly_traced" in found_codes(verdict)
    assert verdict.counts["unknown"] > 0
    assert verdict.areas().unknown
    assert "out" not in verdict.counts


def test_an_island_with_generation_is_out(graph: zones.ZoneGraph) -> None:
    """A generator behind an open breaker feeds nobody the service may count on."""
    verdict = judged(graph, "open LBS1201")

    areas = {graph.network.area_ids[area] for area in verdict.areas().out}
    assert {"TA5", "TA6", "TA7"} <= areas


def test_a_standby_changed_over_by_hand_counts_as_an_interruption(graph: zones.ZoneGraph) -> None:
    """With automatic change-over the hospital only loses redundancy."""
    traced = trace.trace(graph, steps.in_order(steps.Order.OPEN, ["R4_H"], []))
    hospital = graph.network.customer_ids.index("C_HOSP")

    automatic = classify.classify(traced)
    by_hand = classify.classify(traced, automatic_changeover=False)

    assert automatic.affected()[hospital].value == "lost_one_source"
    assert by_hand.affected()[hospital].value == "short"


def test_restoration_in_steps_gives_different_windows(graph: zones.ZoneGraph) -> None:
    """Who is restored early has the shorter window; who is only moved has two spans of seconds."""

    def step(text: str, minutes: int) -> steps.Step:
        word, switch = text.split()
        at = EIGHT + timedelta(minutes=minutes)
        return steps.Step(action=steps.Action(word), switch=switch, planned_at=at)

    plan = (
        step("open R1_O", 0),
        step("open R2_I", 0),
        step("close TIE_11_21", 1),
        step("open R1_T1", 5),
        step("close R1_T1", 120),
        step("open TIE_11_21", 240),
        step("close R2_I", 240),
        step("close R1_O", 241),
    )

    found = timeline.interruptions(trace.trace(graph, plan), ends_at=EIGHT + timedelta(minutes=300))

    def at(minutes: int, length: int) -> Window:
        start = EIGHT + timedelta(minutes=minutes)
        return Window(start, start + timedelta(minutes=length))

    ids = graph.network.customer_ids
    by_people = {frozenset(ids[c] for c in people): what for what, people in found.items()}
    moved = frozenset(f"C_lv3_{n}" for n in range(1, 5))
    assert by_people[moved] == timeline.Interruptions(spans=(at(0, 15), at(240, 15)))
    lv1 = frozenset({"C_lv1_1", "C_lv1_2", "C_lv1_3", "C_lv1b_1", "C_lv1b_2"})
    assert by_people[lv1] == timeline.Interruptions(outages=(at(5, 115),))


def test_a_step_without_a_time_is_refused(graph: zones.ZoneGraph) -> None:
    """Windows are not guessed."""
    traced = trace.trace(graph, steps.in_order(steps.Order.OPEN, ["CB11"], []))

    with pytest.raises(timeline.Untimed):
        timeline.interruptions(traced, ends_at=EIGHT)


def test_names_decide_only_when_they_are_unique(network: model.Network) -> None:
    """A name that two branches bear is refused, with the advice to use the id."""
    twice = replace(network, branch_names=["同名"] * len(network.branch_names))

    with pytest.raises(model.AmbiguousName):
        twice.branch("同名")
    with pytest.raises(model.UnknownEquipment):
        network.node("nowhere")
    assert network.area("TA3") >= 0


def test_the_picture_escapes_names_and_contracts_what_is_large(
    network: model.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with markup stays text, and a picture of too many zones shows blocks instead."""
    names = list(network.branch_names)
    names[network.branch("R1_O")] = "<b>&"
    graph = zones.build(replace(network, branch_names=names))
    work = target.locate(graph, target.named("branch", "L1103"))
    verdict = judged(graph, "open R1_O", "open R2_I")

    whole = diagram.draw(verdict, work, title="停电 <1>")
    monkeypatch.setattr(diagram, "MAX_ZONES", 1)
    contracted = diagram.draw(judged(graph, "open CB11"), None, title="")

    assert "&lt;b&gt;&amp;" in whole
    assert "停电 &lt;1&gt;" in whole
    assert "⚒" in whole
    assert "段" in contracted


def test_an_area_is_found_by_its_transformers_and_boards(graph: zones.ZoneGraph) -> None:
    """Work on a whole transformer area: one board on two transformers is dead only without both."""
    work = target.locate(graph, target.named("area", "TA6"))

    best = bounding.propose(graph, work)[-1]

    live = target.energised(best.verdict.trace, work)
    assert live is not None
    assert live[-1] is False


def test_ties_to_what_is_dead_anyway_are_not_proposed() -> None:
    """A tie is only worth closing when it leads to something live."""
    built = builder.NetworkBuilder()
    for node in ("s", "bus", "a", "b", "c", "d", "far"):
        built.add_node(node, kv=10)
    ends = {"CB": "bus a", "S1": "a b", "S2": "a c", "S3": "far bus"}
    ties = {"T1": "b c", "T2": "c d", "T3": "d far"}
    built.add_branch("T", model.BranchKind.TRANSFORMER, "", "s", "bus")
    for switch, nodes in (ends | ties).items():
        near, far = nodes.split()
        built.add_branch(switch, model.BranchKind.SWITCH, "", near, far, normal_open=switch in ties)
    built.add_source("g", "s")
    built.add_feeder("F1", "", "", "CB", "bus")
    built.add_feeder("F2", "", "", "S3", "bus")
    for node in "abc":
        built.add_customer(f"C{node}", node)
    graph = zones.build(built.finish())
    work = target.locate(graph, target.named("node", "a"))

    alone = bounding.propose(graph, work)

    # d is dead before and after, so no single tie reaches a live place: nothing is proposed.
    assert [p.closes for p in alone] == [()]
    assert alone[0].out == 3


def test_a_broken_sequence_of_times_is_refused(graph: zones.ZoneGraph) -> None:
    """A step planned before the one it follows is a slip of the pen."""
    later = steps.Step(action=steps.Action.OPEN, switch="R1_O", planned_at=EIGHT)
    earlier = replace(later, switch="R2_I", planned_at=EIGHT - timedelta(hours=1))

    with pytest.raises(timeline.Untimed):
        timeline.interruptions(trace.trace(graph, [later, earlier]), ends_at=EIGHT)


def test_a_customer_with_a_standby_suffers_only_when_both_are_dead(
    graph: zones.ZoneGraph,
) -> None:
    """The hospital is out only while both its supplies are, to the end of the window."""
    plan = [
        steps.Step(action=steps.Action.OPEN, switch="R4_H", planned_at=EIGHT),
        steps.Step(
            action=steps.Action.OPEN, switch="LBS1201", planned_at=EIGHT + timedelta(hours=1)
        ),
    ]
    ends_at = EIGHT + timedelta(hours=3)

    found = timeline.interruptions(trace.trace(graph, plan), ends_at=ends_at)

    hospital = graph.network.customer_ids.index("C_HOSP")
    suffered = next(what for what, people in found.items() if hospital in people)
    assert suffered.outages == (Window(EIGHT + timedelta(hours=1), ends_at),)


def test_bounding_grows_over_a_head_that_is_no_switch() -> None:
    """A feeder that leaves its busbar by plain line cannot be parted from it."""
    built = builder.NetworkBuilder()
    for node in ("s", "bus", "a"):
        built.add_node(node, kv=10)
    built.add_branch("CB", model.BranchKind.SWITCH, "", "s", "bus")
    built.add_branch("L", model.BranchKind.LINE, "", "bus", "a")
    built.add_source("g", "s")
    built.add_feeder("F1", "", "", "L", "bus")
    built.add_customer("C", "a")
    graph = zones.build(built.finish())

    best = bounding.propose(graph, target.locate(graph, target.named("node", "a")))[0]

    assert best.opens == ("CB",)
    assert best.out == 1
