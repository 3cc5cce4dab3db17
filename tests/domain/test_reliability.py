"""The indices by their definitions, and outages measured against their announcement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import reliability
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.domain.reliability import (
    Announced,
    Hits,
    Indices,
    departure,
)
from notifier.domain.reliability_report import By, Served, Sums, added_up, indices, months
from notifier.domain.window import Window

START = datetime(2026, 3, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_indices_are_those_of_the_standard() -> None:
    """100 customers; 40 out for 2 h and 10 for 30 min; 20 of all were transferred and back."""
    found = Indices(
        served=100, events=2, interruptions=50, duration=40 * 2 * HOUR + 10 * HOUR / 2,
        momentary=40, repeatedly=5,
    )  # fmt: skip

    assert found.saifi == pytest.approx(0.5)
    assert found.saidi == pytest.approx(51)
    assert found.caidi == pytest.approx(102)
    assert found.caidi == pytest.approx((found.saidi or 0) / (found.saifi or 1))
    assert found.maifi == pytest.approx(0.4)
    assert found.cemi == pytest.approx(0.05)
    assert found.customer_hours == pytest.approx(85)


def test_no_index_is_made_up_where_nobody_is_served() -> None:
    """None is no answer; 0 would be a good one."""
    nobody = Indices(served=0, interruptions=3)

    assert (nobody.saifi, nobody.saidi, nobody.maifi, nobody.cemi) == (None,) * 4
    assert Indices(served=10).caidi is None
    assert Indices(served=10).saidi == 0


def test_an_interruption_of_unknown_end_has_no_duration() -> None:
    """It counts in SAIFI, and CAIDI is over the others."""
    found = Indices(served=10, interruptions=4, endless=3, duration=2 * HOUR)

    assert found.caidi == pytest.approx(120)
    assert found.saidi == pytest.approx(12)
    assert replace(found, interruptions=3, duration=timedelta()).saidi is None


def test_the_limit_itself_is_momentary() -> None:
    """Up to and including the limit; of unknown end it was long enough to be reported."""
    limit = 3 * 60_000

    assert not reliability.is_sustained((0, limit), limit)
    assert reliability.is_sustained((0, limit + 1), limit)
    assert reliability.is_sustained((7, reliability.without_end(7, limit)), limit)


def test_what_overlaps_or_touches_is_one_interruption() -> None:
    """One within another, one after the other without a pause; a pause of a moment makes two."""
    assert reliability.joined([(0, 9), (2, 4), (9, 12), (13, 14)]) == ((0, 12), (13, 14))


def test_a_rolling_count_is_of_what_began_within_the_look_back() -> None:
    """Itself included; what began just so long before is not counted any more."""
    assert reliability.rolling([(0, 1), (5, 6), (10, 11), (30, 31)], within=10) == [1, 2, 2, 1]
    assert [reliability.is_repeat(count) for count in (1, 2)] == [False, True]
    assert [reliability.is_over(count, 3) for count in (3, 4)] == [False, True]


_SUMS = st.builds(
    Sums,
    key=st.none(),
    events=st.integers(0, 9),
    interruptions=st.integers(0, 5000),
    duration=st.integers(0, 10**12),
    endless=st.just(0),
    momentary=st.integers(0, 5000),
)


@given(parts=st.lists(_SUMS, min_size=1, max_size=12), served=st.integers(1, 1000))
def test_the_year_is_the_sum_of_its_months(parts: list[Sums], served: int) -> None:
    """An index of a period is what its months come to."""
    whole = indices(added_up(parts), served, 0)

    months = [indices(part, served, 0) for part in parts]
    for name in ("saidi", "saifi", "maifi", "customer_hours", "events"):
        assert getattr(whole, name) == pytest.approx(sum(getattr(m, name) for m in months))


def day(number: int, hours: float = 8, late: float = 0) -> Window:
    start = START + timedelta(days=number, hours=late)
    return Window(start, start + hours * HOUR)


ANNOUNCED = Announced(number="P1", kind="planned", told=(day(0), day(1)), carried=(day(0), day(1)))


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({}, ""),
        ({"carried": (day(0), day(1, 7))}, ""),
        ({"carried": (day(0), day(1, 9))}, "late"),
        ({"carried": (day(0, 9), day(1))}, "late"),
        ({"carried": (day(0, late=1), day(1))}, "moved"),
        ({"carried": (day(0),)}, "moved"),
        ({"is_done": False, "carried": (day(0, late=1), day(1))}, "not_done"),
        ({"is_wider": True}, "wider"),
    ],
)
def test_an_outage_departs_from_its_announcement_for_one_reason(
    what: dict[str, object], why: str
) -> None:
    """The gravest, of any of its days; early restoration is none."""
    assert departure(replace(ANNOUNCED, **what), timedelta()) == why  # type: ignore[arg-type]


def test_the_fulfilment_rate_is_that_of_outages_without_a_departure() -> None:
    """Within the tolerance is as announced."""
    plans = [ANNOUNCED, replace(ANNOUNCED, carried=(day(0, 8.1), day(1))),
             replace(ANNOUNCED, is_done=False)]  # fmt: skip

    strict = reliability.fulfilment(plans, timedelta())
    mild = reliability.fulfilment(plans, timedelta(minutes=10))

    assert (strict.announced, strict.fulfilled, strict.departures) == (
        3, 1, {"late": 1, "not_done": 1},
    )  # fmt: skip
    assert mild.rate == pytest.approx(2 / 3)
    assert reliability.fulfilment([], timedelta()).rate is None


def test_months_are_those_of_the_utility() -> None:
    """Cut to the period, in local time, across a change of the clocks."""
    zone = ZoneInfo("Europe/London")
    found = months(datetime(2026, 3, 10, tzinfo=zone), datetime(2026, 5, 1, tzinfo=zone), zone)

    assert [(m.label, m.starts_at.isoformat(), m.ends_at.isoformat()) for m in found] == [
        ("2026-03", "2026-03-10T00:00:00+00:00", "2026-04-01T00:00:00+01:00"),
        ("2026-04", "2026-04-01T00:00:00+01:00", "2026-05-01T00:00:00+01:00"),
    ]


def test_customers_are_found_again_under_every_key() -> None:
    """Those of an area with it, its feeder and its station; those on the feeder itself with that."""
    index = NetworkIndex.of(
        [Station(id=1, name="变", key="变")],
        [Feeder(id=1, name="甲", key="甲", station_id=1, points=3), Feeder(id=2, name="乙", key="乙")],
        [Area(id=1, code="1", name="区", key="区", feeder_id=1, points=10),
         Area(id=2, code="2", name="村", key="村", feeder_id=2, points=5)],
    )  # fmt: skip
    served = Served(index)
    hits = [
        Hits(area_id=1, outs=3, shorts=0),
        Hits(area_id=2, outs=2, shorts=0),
        Hits(area_id=None, feeder_id=1, outs=4, shorts=0,
             criticality=reliability.Criticality.ORDINARY, customers=2),
    ]  # fmt: skip

    assert served.total == 18
    assert served.by(By.AREA) == {1: 10, 2: 5, None: 3}
    assert served.by(By.FEEDER) == {1: 13, 2: 5}
    assert served.by(By.STATION) == {1: 13, None: 5}
    assert served.repeatedly(By.FEEDER, hits, 3) == {1: 12}
    assert served.repeatedly(By.BUREAU, hits, 2) == {None: 17}
    assert served.named(By.AREA, 1) == ("区", "甲")
    assert served.named(By.FEEDER, 1) == ("甲", "变")
