"""The course of a plan's steps: order, times, and the way back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import delaying, switching
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import PlanContent, PlanKind, Switching, Transition
from notifier.domain.window import Window

START = datetime(2026, 3, 20, 0, 0, tzinfo=UTC)
OUTAGE = Window(START, START + timedelta(hours=10))
STEPS = st.lists(
    st.builds(Step, action=st.sampled_from(Action), switch=st.sampled_from("abcd")), max_size=8
).map(tuple)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def step(word: str, hours: float | None = None, group: str = "") -> Step:
    action, switch = word.split()
    planned_at = None if hours is None else at(hours)
    return Step(action=Action(action), switch=switch, planned_at=planned_at, group=group)


def course(
    *steps: Step,
    back: Sequence[Step] = (),
    windows: Sequence[Window] = (OUTAGE,),
    transitions: tuple[tuple[str, Transition], ...] = (),
    kind: PlanKind = PlanKind.PLANNED,
) -> switching.Course:
    switched = Switching(steps=steps, back=tuple(back), transitions=transitions)
    content = PlanContent(number="P", kind=kind, windows=tuple(windows), switching=switched)
    return switching.course(content, switched)


def words(steps: Sequence[Step]) -> list[str]:
    return [str(step) for step in steps]


def codes(found: switching.Course) -> list[str]:
    return [item.code for item in found.findings]


@given(STEPS)
def test_the_way_back_leaves_every_switch_as_it_was(steps: tuple[Step, ...]) -> None:
    """Whatever was done, and however often: the last position equals the first."""
    stands: dict[str, Action] = {}
    first: dict[str, Action] = {}
    for one in steps:
        first.setdefault(one.switch, one.action.inverse)
        stands[one.switch] = one.action
    for one in switching.back_of(steps):
        stands[one.switch] = one.action

    assert stands == first


def test_steps_without_times_are_done_when_each_window_begins_and_taken_back_when_it_ends() -> None:
    """Once for each window, the seconds within a quarter of an hour of both."""
    second = Window(at(24), at(34))
    found = course(step("open a"), step("close t"), windows=(OUTAGE, second))

    assert words(found.back) == ["open t", "close a"]
    assert [run.moments for run in found.runs] == [
        (at(0), at(0), at(10), at(10)), (at(24), at(24), at(34), at(34)),
    ]  # fmt: skip
    assert found.lead == timedelta(minutes=15)


def test_times_are_kept_and_what_is_not_put_back_is_put_back_at_the_end() -> None:
    """Written: opened at eight, restored by a tie at noon. Added: the tie and the opening undone."""
    found = course(step("open a", 0), step("open b", 0.1), step("close t", 4))

    assert words(found.out) == ["open a", "open b", "close t"]
    assert words(found.back) == ["open t", "close b", "close a"]
    assert found.runs[0].moments == (at(0), at(0.1), at(4), at(10), at(10), at(10))
    assert found.findings == ()


def test_steps_that_undo_themselves_turn_back_where_the_first_is_undone() -> None:
    """All of it written as one list, the end before the window's."""
    found = course(step("open a", 0), step("close t", 0), step("open t", 9), step("close a", 9))

    assert words(found.out) == ["open a", "close t"]
    assert words(found.back) == ["open t", "close a"]
    assert found.runs[0].ends_at == at(10)


@pytest.mark.parametrize(
    ("transition", "order"),
    [
        (Transition.OPEN, ["open a", "open b", "close t", "close u"]),
        (Transition.CLOSED, ["close t", "close u", "open a", "open b"]),
    ],
)
def test_a_transition_puts_steps_without_times_into_its_order(
    transition: Transition, order: list[str]
) -> None:
    """Breaks first, or makes first; among themselves as they are written."""
    steps = (step("open a"), step("close t"), step("open b"), step("close u"))

    assert words(course(*steps, transitions=(("", transition),)).out) == order


def test_only_the_group_that_is_named_is_put_into_order() -> None:
    """Another group, and steps without one, stay where they are."""
    steps = (step("open a"), step("open b", group="g"), step("close t", group="g"))

    found = course(*steps, transitions=(("g", Transition.CLOSED),))

    assert words(found.out) == ["open a", "close t", "open b"]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (course(step("open a", 0), step("close t")), "switching.partly_timed"),
        (
            course(step("open a", 0), windows=(OUTAGE, Window(at(24), at(30)))),
            "switching.times_not_used",
        ),
        (course(step("open a", 1), step("open b", 0)), "switching.out_of_order"),
        (course(step("open a", -3)), "switching.outside_windows"),
        (
            course(step("open a", 0), step("close t", 0), transitions=(("", Transition.CLOSED),)),
            "switching.contradictory",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_times_that_cannot_be_are_found(found: switching.Course, code: str) -> None:
    """Each with a code; the course is made all the same, so that the impact can be seen."""
    assert code in codes(found)
    assert found.runs


def test_a_short_transfer_has_its_spans_for_windows() -> None:
    """Two spans: at transfer and at transfer-back. One alone: the load stays where it was taken."""
    spans = (Window(at(0), at(0.25)), Window(at(8), at(8.25)))
    twice = course(step("close t"), step("open a"), windows=spans, kind=PlanKind.SHORT_TRANSFER)
    once = course(step("open a"), windows=spans[:1], kind=PlanKind.SHORT_TRANSFER)

    assert (twice.windows, twice.spans) == ((), spans)
    assert twice.runs[0].moments == (at(0), at(0), at(8), at(8))
    assert once.back == ()


def test_delaying_moves_the_steps_back_with_the_end_and_no_others() -> None:
    """Those planned for the end or later, and still to come."""
    switched = Switching(steps=(step("open a", 0),), back=(step("close a", 10),))
    content = PlanContent(number="P", kind=PlanKind.PLANNED, windows=(OUTAGE,), switching=switched)

    later = delaying.delayed(content, OUTAGE, at(12), now=at(5))

    assert later.windows == (Window(at(0), at(12)),)
    assert later.switching == replace(switched, back=(step("close a", 12),))
