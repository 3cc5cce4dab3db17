"""Fates against the classes of the reference cases, and what they add: windows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.domain import switching
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, trace, zones
from notifier.domain.network.fates import Fate, fates
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import PlanContent, PlanKind, Switching
from notifier.domain.window import Window
from notifier.intake import network_folder

EDGE = Path(__file__).parents[2] / "data" / "grid" / "edge"
START = datetime(2026, 3, 20, tzinfo=UTC)
OUTAGE = Window(START, START + timedelta(hours=10))
CASES = json.loads((EDGE / "cases.json").read_text("utf-8"))["cases"]


@pytest.fixture(scope="module")
def graph() -> zones.ZoneGraph:
    return zones.build(network_folder.read_network(EDGE).network)


def steps_of(case: dict[str, Any], order: str) -> tuple[Step, ...]:
    found = [step.split(" ", 1) for step in case["orders"][order]["steps"]]
    return tuple(Step(action=Action(verb), switch=name) for verb, name in found)


def course(*steps: Step, back: tuple[Step, ...] = ()) -> switching.Course:
    switched = Switching(steps=steps, back=back)
    content = PlanContent(number="P", kind=PlanKind.PLANNED, windows=(OUTAGE,), switching=switched)
    return switching.course(content, switched)


@pytest.mark.parametrize(
    ("case", "order"),
    [(case, order) for case in CASES for order in case["orders"]],
    ids=lambda value: value if isinstance(value, str) else value["id"],
)
def test_the_way_back_does_not_change_a_class(
    graph: zones.ZoneGraph, case: dict[str, Any], order: str
) -> None:
    """The steps back interrupt the same people again: classes are those of the way out, and everybody
    to whom something happens has windows."""
    steps = steps_of(case, order)
    wanted = classify.classify(trace.trace(graph, steps)).affected()

    found = fates(graph, course(*steps), None, now=None)

    assert {c: fate.impact_class for c, fate in found.customers.items()} == wanted
    assert all(fate.windows for fate in found.customers.values())
    assert set(wanted) <= found.met


def test_an_area_shares_the_fate_of_its_board(graph: zones.ZoneGraph) -> None:
    """Out with the section, for seconds behind it; a partly-out area keeps its supply."""
    names = graph.network.area_names
    moved = fates(
        graph,
        course(*(Step(action=Action(a), switch=s) for a, s in (
            ("open", "R1_O"), ("open", "R2_I"), ("close", "TIE_11_21"),
        ))),
        None,
        now=None,
    )  # fmt: skip
    lv = fates(graph, course(Step(action=Action.OPEN, switch="LV1_SW")), None, now=None)

    assert {names[a]: fate.impact_class.value for a, fate in moved.areas.items()}
    assert all(fate.impact_class is not ImpactClass.OUT for fate in lv.areas.values())
    assert any(fate.impact_class is ImpactClass.OUT for fate in lv.customers.values())


def test_a_closed_way_out_and_an_open_way_back_costs_seconds(graph: zones.ZoneGraph) -> None:
    """Nobody notices the transfer; coming back they do, and are told of that."""
    found = fates(
        graph,
        course(
            Step(action=Action.CLOSE, switch="TIE_11_21"),
            Step(action=Action.OPEN, switch="R2_I"),
            back=(
                Step(action=Action.OPEN, switch="TIE_11_21"),
                Step(action=Action.CLOSE, switch="R2_I"),
            ),
        ),
        None,
        now=None,
    )

    assert set(found.customers.values()) == {
        Fate(
            ImpactClass.SHORT,
            (
                Window(
                    OUTAGE.ends_at - switching.ASSUMED_SPAN, OUTAGE.ends_at + switching.ASSUMED_SPAN
                ),
            ),
        )
    }
