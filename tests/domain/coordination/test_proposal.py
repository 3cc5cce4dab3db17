"""A proposal item by item: outcomes, what is spared, the picture, and content moved in time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from notifier.domain.coordination import moving, objective, proposal, timeline
from notifier.domain.coordination.problem import (
    Area,
    Assignment,
    Grid,
    Instance,
    Mode,
    Plan,
    Request,
    asked,
)
from notifier.domain.coordination.proposal import Outcome
from notifier.domain.plan import Equipment, PlanContent, PlanKind, Transfer, Transition
from notifier.domain.window import Window

ZONE = ZoneInfo("Asia/Shanghai")


def request(key: str, start: int, *out: int, **more: object) -> Request:
    made = Request(
        key=key,
        half_hours=10,
        starts=tuple(range(40)),
        modes=(Mode(out=out),),
        asked_start=start,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def instance(*requests: Request) -> Instance:
    """Three areas of 10, 20 and 30 customers; the first was interrupted before."""
    return Instance(
        grid=Grid(days=20),
        areas=tuple(
            Area(key=n, customers=10 * (n + 1), recent_interruptions=int(n == 0)) for n in range(3)
        ),
        requests=requests,
    )


def plan(*starts: int | None) -> Plan:
    return tuple(Assignment(number, start) for number, start in enumerate(starts))


def test_each_work_is_kept_moved_merged_or_deferred() -> None:
    """Whoever is joined where it stays is merged too; what is alone at a new time is moved."""
    problem = instance(
        request("A", 4, 0, 1), request("B", 8, 1), request("C", 10, 2), request("D", 12, 2),
        request("E", 14, 0, defer_cost=9),
    )  # fmt: skip

    found = proposal.items(problem, plan(4, 4, 10, 16, None))

    assert [item.outcome for item in found] == [
        Outcome.MERGED, Outcome.MERGED, Outcome.KEPT, Outcome.MOVED, Outcome.DEFERRED,
    ]  # fmt: skip
    assert [(one.request, one.areas, one.customers) for one in found[1].shared] == [(0, (1,), 20)]
    assert [item.is_change for item in found] == [False, True, False, True, False]


def test_what_was_merged_as_asked_is_kept() -> None:
    """Nothing is gained by what was so already."""
    problem = instance(request("A", 4, 1), request("B", 4, 1))

    found = proposal.items(problem, plan(4, 4))

    assert [item.outcome for item in found] == [Outcome.KEPT, Outcome.KEPT]
    assert found[0].shared[0].was_shared


def test_what_is_spared_is_what_going_back_would_cost() -> None:
    """The figures with the item at its asked start, less the figures of the proposal."""
    problem = instance(request("A", 4, 0, 1), request("B", 8, 0, 1), request("C", 8, 1))
    proposed = plan(4, 4, 4)

    for item in proposal.items(problem, proposed):
        back = list(proposed)
        back[item.request] = asked(problem)[item.request]
        without = objective.figures(problem, tuple(back))
        present = objective.figures(problem, proposed)
        assert item.spared_interruptions == without.interruptions - present.interruptions
        assert item.spared_repeats == without.repeats - present.repeats
        assert item.spared_half_hours == without.half_hours - present.half_hours


def test_only_published_works_that_move_are_told_again() -> None:
    """Their customers, counted once."""
    problem = instance(request("A", 4, 0, 1, published_start=4), request("B", 8, 1))

    assert [item.told_again for item in proposal.items(problem, plan(8, 8))] == [30, 0]
    assert [item.told_again for item in proposal.items(problem, plan(4, 4))] == [0, 0]


def test_totals_stand_beside_what_was_asked() -> None:
    """Both sides by the same rules."""
    problem = instance(request("A", 4, 1), request("B", 8, 1))

    found = proposal.totals(problem, plan(4, 4))

    assert (found.asked.interruptions, found.proposed.interruptions) == (40, 20)
    assert (found.asked.repeats, found.proposed.repeats) == (20, 0)
    assert found.objective < found.asked_objective


# --- Moving -----------------------------------------------------------------------------------------


def content(local: datetime) -> PlanContent:
    window = Window(local, local + timedelta(hours=8))
    span = Window(local - timedelta(minutes=15), local)
    return PlanContent(
        number="A",
        kind=PlanKind.PLANNED,
        windows=(window,),
        transfers=(
            Transfer(equipment=(Equipment(name="x"),), transition=Transition.OPEN, spans=(span,)),
        ),
    )


def test_everything_with_a_time_moves_together() -> None:
    """Windows and the spans of transfers."""
    before = content(datetime(2026, 3, 10, 8, tzinfo=ZONE))

    after = moving.moved(before, timedelta(days=3, hours=1), ZONE)

    assert after.windows[0].starts_at == datetime(2026, 3, 13, 9, tzinfo=ZONE)
    assert after.transfers[0].spans[0].ends_at == datetime(2026, 3, 13, 9, tzinfo=ZONE)
    assert moving.moved(before, timedelta(), ZONE) is before


def test_a_move_across_summer_time_keeps_the_hour_and_the_length() -> None:
    """Eight in the morning stays eight in the morning, and eight hours stay eight."""
    london = ZoneInfo("Europe/London")
    before = content(datetime(2026, 3, 27, 8, tzinfo=london))

    after = moving.moved(before, timedelta(days=3), london)

    assert after.windows[0].starts_at == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert after.windows[0].duration == timedelta(hours=8)


def test_areas_that_are_carried_are_out_for_seconds_at_both_ends() -> None:
    """The revision says so in the words of a plan."""
    after = moving.with_transfer(
        content(datetime(2026, 3, 10, 8, tzinfo=ZONE)), ["乙台区", "甲台区"]
    )

    added = after.transfers[-1]
    assert [item.name for item in added.equipment] == ["乙台区", "甲台区"]
    assert len(added.spans) == 2
    assert added.spans[0].contains(datetime(2026, 3, 10, 8, tzinfo=ZONE))


# --- The picture -------------------------------------------------------------------------------------


def test_the_picture_is_sound_and_shows_both_sides() -> None:
    """One bar a window and side; words are escaped; a deferred work has no second bar."""
    at = datetime(2026, 3, 10, 8, tzinfo=ZONE)
    window, later = Window(at, at + timedelta(hours=8)), at + timedelta(days=2)
    bars = [
        timeline.Bar(
            feeder="<东>线", name='A"&', outcome="moved", before=(window,),
            after=(Window(later, later + timedelta(hours=8)),), link="#i-A",
        ),
        timeline.Bar(feeder="西线", name="B", outcome="deferred", before=(window,), after=()),
        timeline.Bar(
            feeder="西线", name="C", outcome="kept", before=(window,), after=(window,),
        ),
    ]  # fmt: skip

    drawn = timeline.draw(bars, date(2026, 3, 1), date(2026, 3, 30), ZONE, title="三月 <March>")

    tree = ElementTree.fromstring(drawn)  # noqa: S314 - our own words
    tips = [node.text or "" for node in tree.iter("{http://www.w3.org/2000/svg}title")]
    assert sum(tip.startswith('A"& ') for tip in tips) == 2
    assert sum(tip.startswith("B ") for tip in tips) == 1
    assert sum(tip.startswith("C ") for tip in tips) == 2
    assert "03-12 08:00–03-12 16:00" in drawn
    assert "style" not in drawn


def test_bars_of_one_feeder_do_not_cover_each_other() -> None:
    """What overlaps goes below."""
    at = datetime(2026, 3, 10, 8, tzinfo=ZONE)
    window = Window(at, at + timedelta(hours=8))
    bars = [
        timeline.Bar(feeder="东线", name=f"P{n}", outcome="kept", before=(window,), after=(window,))
        for n in range(4)
    ]

    tree = ElementTree.fromstring(  # noqa: S314 - our own words
        timeline.draw(bars, date(2026, 3, 1), date(2026, 3, 30), ZONE)
    )

    places = [
        (node.get("x"), node.get("y"))
        for node in tree.iter("{http://www.w3.org/2000/svg}rect")
        if node.find("{http://www.w3.org/2000/svg}title") is not None
    ]
    assert len(places) == len(set(places)) == 8
