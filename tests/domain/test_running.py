"""Running outages: is the end certain, and what does a later one push?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import running
from notifier.domain.coordination.works import Part, PlannedWork
from notifier.domain.impact import ImpactClass
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import (
    Equipment,
    Plan,
    PlanContent,
    PlanKind,
    PlanState,
    Switching,
    Transfer,
    Transition,
)
from notifier.domain.policy import Asking
from notifier.domain.running import Answer, Outcome, Phase, Reason, Report, UnderWay
from notifier.domain.window import Window

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Asking()
FEEDER_OF = {1: 1, 2: 1, 3: 2, 4: 2}


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


def window(start: int, end: int, day: int = 20) -> Window:
    return Window(at(start, day=day), at(end, day=day))


def work(
    number: int,
    *windows: Window,
    crew: str = "",
    areas: Sequence[int] = (),
    department: str = "",
    state: PlanState = PlanState.APPROVED,
    switches: Sequence[str] = (),
) -> PlannedWork:
    switching = None
    if switches:
        steps = tuple(Step(action=Action.OPEN, switch=name) for name in switches)
        switching = Switching(steps=steps)
    content = PlanContent(
        number=f"P{number}",
        kind=PlanKind.PLANNED,
        department=department,
        windows=windows,
        crew=crew,
        switching=switching,
    )
    plan = Plan(
        id=number,
        number=f"P{number}",
        kind=PlanKind.PLANNED,
        department=department,
        state=state,
        revision=1,
        settled_revision=1,
        starts_at=min(w.starts_at for w in windows),
        ends_at=max(w.ends_at for w in windows),
        restored_at=None,
        created_at=at(0, day=1),
        submitted_by="wang",
    )
    parts = (Part(impact_class=ImpactClass.OUT, windows=windows, areas=tuple(areas)),)
    return PlannedWork(plan=plan, content=content, parts=parts, is_matched=True)


def under_way(*reports: Report, ends: datetime | None = None) -> UnderWay:
    item = work(1, window(8, 17))
    running_window = Window(at(8), ends or at(17))
    return UnderWay(
        plan=item.plan,
        content=item.content,
        window=running_window,
        first_promise=at(17),
        points={"out": 26},
        reports=reports,
    )


def said(
    answer: Answer, when: datetime, new: datetime | None = None, promised: datetime | None = None
) -> Report:
    return Report(
        key=f"{when}",
        plan_id=1,
        promised_at=promised or at(17),
        answer=answer,
        at=new,
        said_at=when,
        received_at=when,
        said_by="检修一班",
        note="",
        outcome=Outcome.CONFIRMED,
    )


# --- Is the end certain? ------------------------------------------------------------------------------


def test_the_crew_is_asked_half_an_hour_before_the_end_and_has_a_quarter_to_answer() -> None:
    """Then somebody else calls, while there is time to tell people."""
    item = under_way()

    assert item.phase(RULES, at(16, 29)) is Phase.RUNNING
    assert item.phase(RULES, at(16, 30)) is Phase.ASKED
    assert item.phase(RULES, at(16, 45)) is Phase.UNANSWERED
    assert item.phase(RULES, at(17)) is Phase.OVERDUE


def test_an_answer_confirms_the_end_it_speaks_of() -> None:
    """Not another one: an end that was put off meanwhile is asked for anew."""
    on_time = said(Answer.ON_TIME, at(16, 35))

    assert under_way(on_time).phase(RULES, at(16, 50)) is Phase.CONFIRMED
    assert under_way(on_time, ends=at(19)).phase(RULES, at(18, 50)) is Phase.UNANSWERED


def test_an_answer_given_hours_before_says_nothing_about_the_end() -> None:
    """How the work went shows when it is nearly done."""
    early = said(Answer.ON_TIME, at(9))

    assert under_way(early).phase(RULES, at(16, 50)) is Phase.UNANSWERED


def test_a_crew_that_just_named_the_new_end_is_not_asked_for_it_again() -> None:
    """Late until six, said at twenty past five."""
    late = said(Answer.LATE, at(17, 20), at(18))

    item = under_way(late, ends=at(18))

    assert item.phase(RULES, at(17, 40)) is Phase.CONFIRMED


def test_an_end_that_nobody_confirmed_stays_on_the_list() -> None:
    """For half a day; a confirmed one leaves it at once."""
    silent, answered = under_way(), under_way(said(Answer.ON_TIME, at(16, 40)))

    assert silent.is_shown(RULES, at(17, 30))
    assert not silent.is_shown(RULES, at(6, day=21))
    assert answered.is_shown(RULES, at(16, 59))
    assert not answered.is_shown(RULES, at(17))


def test_a_short_outage_is_asked_about_when_it_begins() -> None:
    """There is no half hour before its end."""
    short = replace(under_way(), window=Window(at(8), at(8, 20)))

    assert short.asked_at(RULES) == at(8)
    assert short.due_at(RULES) == at(8, 15)


def test_the_window_that_began_last_is_the_one_that_runs() -> None:
    """Of several days; before the first there is none."""
    content = work(1, window(8, 17), window(8, 17, day=21)).content

    assert running.current_window(content, at(7)) is None
    assert running.current_window(content, at(12)) == window(8, 17)
    assert running.current_window(content, at(9, day=21)) == window(8, 17, day=21)


def test_the_first_promise_is_what_people_were_told_before_the_end_was_put_off() -> None:
    """However often it was put off since."""
    contents = [work(1, Window(at(8), at(end))).content for end in (17, 18, 19)]

    assert running.first_promise(Window(at(8), at(19)), contents) == at(17)
    assert running.first_promise(window(8, 17, day=21), contents) == at(17, day=21)


# --- What it pushes -----------------------------------------------------------------------------------


def pushed(
    late: PlannedWork, until: datetime, *others: PlannedWork, promised: datetime | None = None
) -> tuple[running.Push, ...]:
    return running.pushed(late, promised or at(12), until, others, FEEDER_OF, RULES, ZONE)


def test_the_next_outage_of_the_crew_waits_and_the_crew_needs_time_to_get_there() -> None:
    """Until half past one, half an hour on the road: two o'clock."""
    late = work(1, window(8, 12), crew="检修一班", areas=[1])
    following = work(2, window(13, 16), crew="检修一班、带电班", areas=[3])

    (push,) = pushed(late, at(13, 30), following)

    assert push.plan.number == "P2"
    assert push.why == {Reason.CREW: ("检修一班",)}
    assert push.suggested == window(14, 17)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (work(2, window(12, 15), areas=[1, 3]), {Reason.AREA: (1,)}),
        (work(2, window(12, 15), areas=[2]), {Reason.FEEDER: (1,)}),
        (work(2, window(12, 15), areas=[3], switches=["K7"]), {Reason.SWITCH: ("K7",)}),
        (work(2, window(12, 15), areas=[3], department="运检"), {Reason.DEPARTMENT: ("运检",)}),
    ],
)
def test_an_area_still_out_a_feeder_or_a_switch_not_yet_back_push_too(
    other: PlannedWork, why: dict[Reason, tuple[object, ...]]
) -> None:
    """So does the department, where neither plan names a crew."""
    late = work(1, window(8, 12), areas=[1], department="运检", switches=["K7", "K8"])

    (push,) = pushed(late, at(13), other)

    assert push.why == why


def test_who_shares_nothing_is_not_pushed() -> None:
    """Nor what is cancelled or done, nor another crew of the same department."""
    late = work(1, window(8, 12), crew="检修一班", areas=[1], department="运检")

    others = [
        work(2, window(12, 15), crew="检修二班", areas=[3], department="运检"),
        work(3, window(12, 15), crew="检修一班", state=PlanState.CANCELLED),
        work(4, window(12, 15), crew="检修一班", state=PlanState.DONE),
        late,
    ]

    assert pushed(late, at(13), *others) == ()


def test_what_overlaps_as_planned_was_planned_so() -> None:
    """Two works in one outage are no conflict; what begins after the new end is none either."""
    late = work(1, window(8, 12), crew="检修一班", areas=[1])

    bundled = work(2, window(8, 14), crew="检修一班", areas=[1])
    afterwards = work(3, window(14, 16), crew="检修一班", areas=[1])

    assert pushed(late, at(13, 30), bundled, afterwards) == ()


def test_an_outage_that_would_run_into_the_night_is_put_on_a_later_day() -> None:
    """At its own hours; a quarter of an hour is the grain of a suggestion."""
    late = work(1, window(8, 17), crew="检修一班")
    evening = work(2, window(18, 23), crew="检修一班")

    (push,) = pushed(late, at(19, 10), evening, promised=at(17))

    assert push.suggested == window(18, 23, day=21)


@given(
    late_by=st.integers(1, 600),
    start=st.integers(0, 600),
    length=st.integers(15, 900),
)
def test_a_suggestion_fits_and_keeps_its_length(late_by: int, start: int, length: int) -> None:
    """It begins when crew and supply are there, and never before it was to begin."""
    late = work(1, window(8, 12), crew="检修一班")
    begins = at(12) + timedelta(minutes=start)
    other = work(2, Window(begins, begins + timedelta(minutes=length)), crew="检修一班")
    until = at(12) + timedelta(minutes=late_by)

    for push in pushed(late, until, other):
        assert push.suggested.starts_at >= until + RULES.turnaround
        assert push.suggested.starts_at > push.window.starts_at
        assert push.suggested.duration == push.window.duration
    needs = start < late_by + RULES.turnaround / timedelta(minutes=1)
    assert bool(pushed(late, until, other)) == needs


def test_a_window_moves_with_its_switching_and_the_others_stay() -> None:
    """Transfer, transfer back and the steps that have a time."""
    spans = (Window(at(7, 45), at(8, 15)), Window(at(11, 45), at(12, 15)))
    other_day = Window(at(7, 45, day=21), at(8, 15, day=21))
    step = Step(action=Action.OPEN, switch="K1", planned_at=at(7, 50))
    content = replace(
        work(1, window(8, 12), window(8, 12, day=21)).content,
        transfers=(
            Transfer(
                equipment=(Equipment(name="东二公变"),),
                transition=Transition.OPEN,
                spans=(*spans, other_day),
            ),
        ),
        switching=Switching(steps=(step, Step(action=Action.CLOSE, switch="K2"))),
    )

    moved = running.moved(content, window(8, 12), window(10, 14))

    assert moved.windows == (window(10, 14), window(8, 12, day=21))
    assert moved.transfers[0].spans == (
        Window(at(9, 45), at(10, 15)),
        Window(at(13, 45), at(14, 15)),
        other_day,
    )
    assert moved.switching is not None
    assert [item.planned_at for item in moved.switching.steps] == [at(9, 50), None]
