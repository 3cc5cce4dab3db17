"""Plans: what they say survives being written down, and saying the same has one digest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Switching,
    Transfer,
    Transition,
    content_as_dict,
    content_digest,
    content_from_dict,
)
from notifier.domain.window import Window

BASE = datetime(2026, 3, 5, tzinfo=UTC)
#: Of the content below, as it was before plans had switching.
DIGEST = "dec10e493182f38771ed4a86839e0ff081406d6b7d357ce528cd4a89a02a8401"
WINDOWS = st.builds(
    lambda start, length, hours: Window(
        (BASE + timedelta(minutes=start)).astimezone(timezone(timedelta(hours=hours))),
        BASE + timedelta(minutes=start + length),
    ),
    st.integers(0, 10_000),
    st.integers(1, 5_000),
    st.integers(-11, 12),
)
EQUIPMENT = st.builds(
    Equipment, name=st.text(min_size=1), kind=st.sampled_from(EquipmentKind), station=st.text()
)
STEPS = st.lists(
    st.builds(
        Step,
        action=st.sampled_from(Action),
        switch=st.text(min_size=1),
        group=st.text(),
        planned_at=st.none() | WINDOWS.map(lambda window: window.starts_at),
    ),
    max_size=3,
).map(tuple)
SWITCHING = st.builds(
    Switching,
    steps=STEPS,
    back=STEPS,
    transitions=st.dictionaries(st.text(), st.sampled_from(Transition), max_size=2).map(
        lambda found: tuple(sorted(found.items()))
    ),
)
WORK = st.builds(
    Target,
    kind=st.sampled_from(TargetKind),
    names=st.lists(st.text(min_size=1), min_size=1, max_size=2).map(tuple),
)
CONTENTS = st.builds(
    PlanContent,
    number=st.text(min_size=1),
    kind=st.sampled_from(PlanKind),
    department=st.text(),
    equipment=st.lists(EQUIPMENT, max_size=3).map(tuple),
    windows=st.lists(WINDOWS, max_size=3).map(tuple),
    transfers=st.lists(
        st.builds(
            Transfer,
            equipment=st.lists(EQUIPMENT, max_size=2).map(tuple),
            transition=st.sampled_from(Transition),
            spans=st.lists(WINDOWS, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    scope=st.text(),
    works=st.text(),
    priority=st.integers(0, 9),
    crew=st.text(),
    switching=st.none() | SWITCHING,
    work=st.none() | WORK,
)


@given(CONTENTS)
def test_a_content_is_read_back_as_it_was_written(content: PlanContent) -> None:
    """In whatever zone its times were."""
    again = content_from_dict(content_as_dict(content))

    assert again == content
    assert content_digest(again) == content_digest(content)


@given(CONTENTS, CONTENTS)
def test_two_contents_share_a_digest_only_if_they_say_the_same(
    one: PlanContent, other: PlanContent
) -> None:
    """So a plan sent twice is recognised."""
    assert (content_digest(one) == content_digest(other)) == (one == other)


def test_a_plan_begins_with_its_first_transfer_and_ends_with_its_last() -> None:
    """The seconds at transfer come before the outage."""
    outage = Window(BASE + timedelta(hours=8), BASE + timedelta(hours=18))
    span = Window(BASE + timedelta(hours=7), BASE + timedelta(hours=8))
    back = Window(BASE + timedelta(hours=18), BASE + timedelta(hours=19))
    transfer = Transfer(equipment=(), transition=Transition.OPEN, spans=(span, back))
    plan = PlanContent(number="P1", kind=PlanKind.PLANNED, windows=(outage,), transfers=(transfer,))

    assert (plan.starts_at, plan.ends_at) == (span.starts_at, back.ends_at)
    with pytest.raises(ValueError, match="empty"):
        _ = PlanContent(number="P2", kind=PlanKind.PLANNED).starts_at


def test_a_plan_without_a_crew_keeps_the_digest_it_had_before_crews_were_known() -> None:
    """So that no plan is taken for a new one when the service is updated."""
    content = PlanContent(number="A", kind=PlanKind.PLANNED)

    assert "crew" not in content_as_dict(content)
    assert content_as_dict(replace(content, crew="检修一班"))["crew"] == "检修一班"


def test_several_crews_of_one_plan_are_told_apart() -> None:
    """Bureaus write them into one cell, each with another comma."""
    content = PlanContent(number="A", kind=PlanKind.PLANNED, crew="检修一班、带电班；检修一班")

    assert content.crews == ("检修一班", "带电班")
    assert PlanContent(number="A", kind=PlanKind.PLANNED).crews == ()


def test_a_content_without_switching_is_written_as_it_was_before_there_was_any() -> None:
    """Stored digests hold: what was not known then stands nowhere in the words."""
    content = PlanContent(
        number="P1",
        kind=PlanKind.PLANNED,
        equipment=(Equipment(name="10kV东一线", kind=EquipmentKind.FEEDER),),
        windows=(Window(BASE, BASE + timedelta(hours=8)),),
    )

    assert set(content_as_dict(content)) == {
        "number", "kind", "department", "equipment", "windows", "transfers", "scope", "works",
        "priority",
    }  # fmt: skip
    assert content_digest(content) == DIGEST
    assert content_digest(replace(content, switching=Switching(steps=()))) != DIGEST
