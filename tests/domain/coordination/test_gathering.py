"""From plans and wishes to a problem: what may begin when, and why not otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.domain import names
from notifier.domain.coordination import constraints as rules
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.coordination.gathering import (
    STEPS_A_DAY,
    Gathered,
    Share,
    Surroundings,
    gather,
)
from notifier.domain.coordination.online_index import Known
from notifier.domain.coordination.works import Part, PlannedWork
from notifier.domain.impact import ImpactClass
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.domain.plan import Plan, PlanContent, PlanKind, PlanState
from notifier.domain.window import Window
from notifier.intake.policies import read_policy

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 10)
NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)
NETWORK = NetworkIndex.of(
    [Station(id=1, name="城关变", key=names.station_key("城关变"))],
    [
        Feeder(id=n, name=name, key=names.feeder_key(name), station_id=1)
        for n, name in ((1, "东一线"), (2, "西一线"))
    ],
    [
        Area(id=n, code=str(n), name=f"{n}号台区", key=names.area_key(f"{n}号台区"),
             feeder_id=1 if n < 3 else 2, points=10 * n)
        for n in range(1, 5)
    ],
)  # fmt: skip
POLICY = read_policy("cn")


def planned(
    number: str,
    day: int,
    *areas: int,
    hours: int = 8,
    at: int = 8,
    days: int = 1,
    state: PlanState = PlanState.SUBMITTED,
    kind: PlanKind = PlanKind.PLANNED,
    crew: str = "",
    short: tuple[int, ...] = (),
) -> PlannedWork:
    """A plan of March, from a day of the month on, with its impact."""
    begin = datetime(2026, 3, day, at, tzinfo=ZONE)
    windows = tuple(
        Window(begin + timedelta(days=n), begin + timedelta(days=n, hours=hours))
        for n in range(days)
    )
    parts = [Part(impact_class=ImpactClass.OUT, windows=windows, areas=areas)]
    if short:
        parts.append(Part(impact_class=ImpactClass.SHORT, windows=windows, areas=short))
    return PlannedWork(
        plan=Plan(
            id=day, number=number, kind=kind, department="检修", state=state, revision=1,
            settled_revision=0, starts_at=windows[0].starts_at, ends_at=windows[-1].ends_at,
            restored_at=None, created_at=NOW, submitted_by="wang",
        ),
        content=PlanContent(
            number=number, kind=kind, department="检修", windows=windows, crew=crew
        ),
        parts=tuple(parts),
        is_matched=True,
    )  # fmt: skip


def gathered(
    *works: PlannedWork,
    wishes: Constraints | None = None,
    accounts: Mapping[str, int] | None = None,
    **more: object,
) -> Gathered:
    """The problem of the twenty days from the tenth."""
    around = Surroundings(
        first=FIRST,
        last=FIRST + timedelta(days=19),
        now=NOW,
        zone=ZONE,
        policy=POLICY,
        network=NETWORK,
        areas={
            n: Known(area_id=n, feeder_id=1, customers=10 * n, special=((4, 1),) if n == 3 else ())
            for n in range(1, 5)
        },
        accounts=accounts or {},
    )
    return gather(works, wishes or Constraints(), replace(around, **more))  # type: ignore[arg-type]


def days_of(found: Gathered, request: int = 0) -> list[int]:
    """The days of the month on which a request may begin."""
    starts = found.instance.requests[request].starts
    return sorted({FIRST.day + start // STEPS_A_DAY for start in starts})


def why(found: Gathered, day: int, request: int = 0, hour: int = 16) -> str:
    """Why a request may not begin on a day of the month."""
    return found.removed[request].get((day - FIRST.day) * STEPS_A_DAY + hour, "")


def test_a_plan_becomes_a_request() -> None:
    """Start, length, days, areas, feeder, crews; customers where somebody is sensitive count more."""
    found = gathered(planned("A", 15, 3, 4, hours=9, days=2, crew="一班、二班"))

    (request,) = found.instance.requests
    assert (request.key, request.half_hours, request.days) == ("A", 18, 2)
    assert request.asked_start == 5 * STEPS_A_DAY + 16
    assert (request.feeder, request.trunk) == ("西一线", True)
    assert request.crews == ("一班", "二班")
    assert found.area_ids == (3, 4)
    assert [area.is_sensitive for area in found.instance.areas] == [True, False]


def test_an_area_is_as_many_as_its_customers_differ() -> None:
    """By what they suffered, and by which works take them out; the rest of the areas stay whole."""
    shares = {1: (Share(6, False, 0), Share(3, True, 2), Share(1, False, 2, frozenset({"B"})))}

    found = gathered(planned("A", 15, 1, 2), planned("B", 16, 1), shares=shares)

    areas = found.instance.areas
    assert found.area_ids == (1, 1, 1, 2)
    assert [(a.customers, a.is_sensitive, a.recent_interruptions) for a in areas] == [
        (6, False, 0), (3, True, 2), (1, False, 2), (20, False, 0),
    ]  # fmt: skip
    out = {request.key: request.modes[0].out for request in found.instance.requests}
    assert out == {"A": (0, 1, 2, 3), "B": (0, 1)}


def test_without_a_rule_a_work_moves_two_weeks_and_never_into_the_notice_period() -> None:
    """The period, the default window and the law bound it; each removed day says which did."""
    found = gathered(planned("A", 12, 1), now=datetime(2026, 3, 4, 0, tzinfo=UTC))

    assert days_of(found) == list(range(11, 27))
    assert (why(found, 10), why(found, 27)) == ("notice", "window")


def test_hours_are_those_of_works_that_share_an_area() -> None:
    """Beginning at any other hour brings nobody anything."""
    found = gathered(planned("A", 15, 1), planned("B", 16, 1, 2, at=9), planned("C", 17, 4, at=13))

    hours = [
        {start % STEPS_A_DAY for start in request.starts} for request in found.instance.requests
    ]
    assert hours == [{16, 18}, {16, 18}, {26}]


def test_half_day_steps_keep_the_hour() -> None:
    """Where the bureau wants it, a work begins at its own hour only."""
    wishes = Constraints(coordination=rules.General(step="half_day"))

    found = gathered(planned("A", 15, 1), planned("B", 16, 1, at=9), wishes=wishes)

    assert {start % STEPS_A_DAY for start in found.instance.requests[0].starts} == {16}


def test_a_window_bounds_days_hours_and_weekdays() -> None:
    """Three reasons with names of their own."""
    window = rules.Window(
        plan="A", first=date(2026, 3, 12), last=date(2026, 3, 20), weekdays=(2, 4),
        from_hour=time(8), until_hour=time(17),
    )  # fmt: skip
    found = gathered(
        planned("A", 12, 1), planned("B", 16, 1, at=10), wishes=Constraints(window=(window,))
    )

    assert days_of(found) == [12, 17, 19]
    assert (why(found, 11), why(found, 13), why(found, 12, hour=20)) == (
        "window", "weekday", "hours",
    )  # fmt: skip


@pytest.mark.parametrize(
    "places",
    [{"areas": ("1号台区",)}, {"feeders": ("10kV东一线",)}, {"stations": ("城关变",)}, {}],
    ids=["area", "feeder", "station", "everywhere"],
)
def test_a_blackout_holds_for_whom_it_names(places: dict[str, tuple[str, ...]]) -> None:
    """Exams: nobody there is out on those days, however long the work."""
    exam = rules.Blackout(reason="高考", first=date(2026, 3, 18), last=date(2026, 3, 19), **places)
    wishes = Constraints(blackout=(exam,))

    found = gathered(planned("A", 15, 1, days=2), wishes=wishes)
    elsewhere = gathered(planned("A", 15, 4), wishes=wishes)

    assert {17, 18, 19}.isdisjoint(days_of(found))
    assert why(found, 17) == "blackout:高考"
    is_named = not places or "stations" in places
    assert (18 not in days_of(elsewhere)) == is_named


def test_a_blackout_of_hours_spares_the_others() -> None:
    """An evening's event does not forbid the morning; an outage past midnight counts on both days."""
    gala = rules.Blackout(
        reason="晚会", first=date(2026, 3, 18), from_hour=time(18), until_hour=time(23)
    )
    wishes = Constraints(blackout=(gala,))

    morning = gathered(planned("A", 15, 1), wishes=wishes)
    night = gathered(planned("B", 15, 1, at=22), wishes=wishes)

    assert 18 in days_of(morning)
    assert 18 not in days_of(night)
    assert 17 in days_of(night)


def test_a_customer_is_spared_the_days_it_asked_for() -> None:
    """By its account; an account nobody knows is a finding."""
    wishes = Constraints(
        customer=(
            rules.CustomerDates(account="A1", first=date(2026, 3, 15), reason="孵化"),
            rules.CustomerDates(account="A2", first=date(2026, 3, 16)),
        )
    )

    found = gathered(planned("A", 14, 3), wishes=wishes, accounts={"A1": 3})

    assert why(found, 15) == "blackout:A1 孵化"
    assert [finding.code for finding in found.findings] == ["constraints.account_unknown"]


def test_a_customers_own_work_holds_the_plan_on_its_day() -> None:
    """It was promised that window."""
    wishes = Constraints(own_work=(rules.OwnWork(account="A1", plan="A", on=date(2026, 3, 15)),))

    found = gathered(planned("A", 15, 3), wishes=wishes)

    assert days_of(found) == [15]
    assert why(found, 16) == "own_work:A1"


@pytest.mark.parametrize(
    ("work", "now", "wishes", "reason"),
    [
        (planned("A", 15, 1, state=PlanState.DONE), NOW, Constraints(), "done"),
        (planned("A", 11, 1), datetime(2026, 3, 9, tzinfo=UTC), Constraints(), "frozen"),
        (
            planned("A", 15, 1, state=PlanState.APPROVED),
            datetime(2026, 3, 10, tzinfo=UTC),
            Constraints(),
            "notice",
        ),
        (
            planned("A", 15, 1),
            NOW,
            Constraints(window=(rules.Window(plan="A", fixed=True),)),
            "fixed",
        ),
    ],
)
def test_what_stays_says_why(
    work: PlannedWork, now: datetime, wishes: Constraints, reason: str
) -> None:
    """Done, about to begin, told of within the legal time, or held by its department."""
    found = gathered(work, wishes=wishes, now=now)

    assert found.instance.requests[0].is_frozen
    assert found.why_frozen == (reason,)


def test_published_works_pay_for_moving_and_more_the_second_time() -> None:
    """Never nothing: the price a customer is at least one."""
    wishes = Constraints(coordination=rules.General(move_cost=0, second_move=900))
    approved = planned("A", 25, 1, state=PlanState.APPROVED)

    once = gathered(approved, wishes=wishes)
    again = gathered(approved, wishes=wishes, moved_before=frozenset({"A"}))

    request = once.instance.requests[0]
    assert request.published_start == request.asked_start
    assert once.instance.weights.move_notified == 1
    assert (request.move_surcharge, again.instance.requests[0].move_surcharge) == (0, 900)


def test_orders_groups_and_exclusions_become_pairs() -> None:
    """By position; a number that nobody knows is a finding, one that takes no part is none."""
    works = (planned("A", 15, 1), planned("B", 16, 2), planned("C", 17, 3))
    aside = planned("D", 17, 3, state=PlanState.DRAFT)
    found = gathered(
        *works,
        aside,
        wishes=Constraints(
            precedence=(rules.Precedence(first="B", then="A"),),
            same_outage=(rules.SameOutage(plans=("A", "B", "C")),),
            exclusive=(rules.Exclusion(plans=("A", "B", "D")), rules.Exclusion(plans=("A", "Z"))),
        ),
    )

    assert found.instance.precedence == ((1, 0),)
    assert found.instance.same_outage == ((0, 1), (0, 2))
    assert found.instance.exclusive_days == ((0, 1),)
    assert [finding.found for finding in found.findings] == ["Z"]
    assert [(item.number, item.why) for item in found.left_out] == [("D", "draft")]


def test_crews_and_regions_become_limits() -> None:
    """Days off are exceptions of the crew; a region is known by its feeders or stations."""
    wishes = Constraints(
        coordination=rules.General(region_per_shift=3),
        crew=(rules.Crew(name="一班", per_day=2, off=(date(2026, 3, 11), date(2026, 5, 1))),),
        region=(rules.Region(name="城区", per_shift=1, feeders=("10kV西一线",)),),
    )

    found = gathered(planned("A", 15, 3, crew="一班"), planned("B", 15, 1), wishes=wishes)

    limits = found.instance.limits
    assert (limits.crew("一班", 0), limits.crew("一班", 1)) == (2, 0)
    assert (limits.region("城区"), limits.region("别处")) == (1, 3)
    assert [request.region for request in found.instance.requests] == ["城区", None]


def test_another_way_of_doing_it_carries_areas_by_a_tie() -> None:
    """Out becomes short for the areas that the tie feeder carries; its own feeder is not out meanwhile."""
    mode = rules.TransferMode(plan="A", areas=("4号台区",), tie_feeder="10kV东一线")

    found = gathered(planned("A", 15, 3, 4), wishes=Constraints(transfer=(mode,)))

    first, second = found.instance.requests[0].modes
    assert (first.out, first.short) == ((0, 1), ())
    assert (second.out, second.short) == ((0,), (1,))
    assert second.tie_feeders == ("东一线", "西一线")


def test_who_takes_no_part_says_why() -> None:
    """Drafts, faults, nobody out, and what begins outside the period."""
    found = gathered(
        planned("A", 15, 1, state=PlanState.DRAFT),
        planned("B", 15, 1, kind=PlanKind.UNPLANNED),
        planned("C", 15),
        planned("D", 5, 1, days=20),
    )

    assert {item.number: item.why for item in found.left_out} == {
        "A": "draft", "B": "kind", "C": "nobody_out", "D": "outside",
    }  # fmt: skip


def test_windows_that_are_not_alike_move_as_they_are() -> None:
    """By whole days, at their own hours."""
    odd = planned("A", 15, 1)
    more = Window(datetime(2026, 3, 16, 13, tzinfo=ZONE), datetime(2026, 3, 16, 15, tzinfo=ZONE))
    windows = (*odd.content.windows, more)
    odd = replace(odd, content=replace(odd.content, windows=windows))

    found = gathered(odd, planned("B", 17, 1, at=9))

    assert not found.shapes[0].is_regular
    assert found.shapes[0].days == 2
    assert {start % STEPS_A_DAY for start in found.instance.requests[0].starts} == {16}
