"""Switches by the words in which dispatchers write them."""

import pytest

from notifier.domain.network import builder, model, naming
from notifier.domain.network.steps import Action, Step


@pytest.fixture(scope="module")
def network() -> model.Network:
    built = builder.NetworkBuilder()
    for node in "abcd":
        built.add_node(node)
    for mrid, name, a, b in (
        ("x-1", "902", "a", "b"),
        ("x-2", "L12联络开关", "b", "c"),
        ("x-3", "5开关", "c", "d"),
        ("x-4", "6", "a", "c"),
        ("x-5", "6", "b", "d"),
    ):
        built.add_branch(mrid, model.BranchKind.SWITCH, name, a, b)
    built.add_branch("l", model.BranchKind.LINE, "703", "a", "d")
    built.add_alias("K7", "x-3")
    return built.finish()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("902", "x-1"),
        ("902开关", "x-1"),
        ("10kV城东线902开关", "x-1"),
        ("10kV城东线 902 断路器", "x-1"),
        ("L12联络开关", "x-2"),
        ("5", "x-3"),
        ("城东线5号开关", "x-3"),
        ("K7", "x-3"),
        ("x-1", "x-1"),
    ],
)
def test_a_switch_is_found_by_number_name_and_id(
    network: model.Network, said: str, meant: str
) -> None:
    """The feeder's name and the kind of switch stand around the number."""
    assert naming.switch(network, said) == meant


@pytest.mark.parametrize("said", ["903", "城东线", "10kV", "城东线703开关", "19902"])
def test_what_is_not_there_stays_as_it_was_said(network: model.Network, said: str) -> None:
    """A line is no switch, a voltage no number, and part of a number is another number."""
    assert naming.switch(network, said) == said


def test_a_number_that_several_switches_bear_decides_nothing(network: model.Network) -> None:
    """It stays a name of several, which the trace refuses."""
    with pytest.raises(model.AmbiguousName):
        network.branch(naming.switch(network, "城东线6开关"))


def test_only_a_number_out_of_a_longer_name_is_remarked(network: model.Network) -> None:
    """10kV城东线902 → 902 is for somebody to check; 902开关 is not."""
    steps = [
        Step(action=Action.OPEN, switch=name) for name in ("10kV城东线902开关", "902开关", "K7")
    ]

    found, remarks = naming.understood(network, steps)

    assert [step.switch for step in found] == ["x-1", "x-1", "x-3"]
    assert [(item.code, item.found) for item in remarks] == [
        ("switching.name_shortened", "10kV城东线902开关 → 902 (x-1)")
    ]
