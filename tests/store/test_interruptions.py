"""Interruptions in the store: rolling counts by area and by customer, on both databases."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from notifier.domain import reliability, reliability_report
from notifier.domain.customer import Criticality
from notifier.domain.reliability import (
    Hits,
    Interruption,
    InterruptionKind,
    LookBack,
    Quality,
)
from notifier.store import schema
from notifier.store.engine import Database
from notifier.store.interruptions import Interruptions

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LIMIT = timedelta(minutes=3)
POINTS_AN_AREA = 4
AREAS = 3


@pytest.fixture
async def filled(database: Database) -> Database:
    """Three areas of four customers on one feeder, the last of each sensitive; a customer on the feeder
    itself; a plan to which rows can belong, whose frozen impact has half of each area in group 1."""
    async with database.write() as connection:
        await connection.execute(insert(schema.station).values(id=1, name="变", key="变"))
        await connection.execute(
            insert(schema.feeder).values(id=1, station_id=1, name="馈", key="馈")
        )
        for area in range(1, AREAS + 1):
            await connection.execute(
                insert(schema.area).values(id=area, code=str(area), name=str(area), key=str(area),
                                           feeder_id=1)
            )  # fmt: skip
        points = [
            {"id": n, "account": f"A{n}", "area_id": (n - 1) // POINTS_AN_AREA + 1, "feeder_id": 1,
             "criticality": int(n % POINTS_AN_AREA == 0), "row_hash": b""}
            for n in range(1, AREAS * POINTS_AN_AREA + 1)
        ]  # fmt: skip
        points.append({**points[0], "id": 99, "account": "A99", "area_id": None})
        await connection.execute(insert(schema.usage_point), points)
        await connection.execute(
            insert(schema.plan).values(
                id=1, number="P1", kind="planned", state="approved", revision=1, created_at=NOW,
                submitted_by="t",
            )
        )  # fmt: skip
        await connection.execute(
            text("INSERT INTO impact_point SELECT 7, id, 1 FROM usage_point WHERE id % 2 = 0")
        )
        await connection.execute(text("INSERT INTO impact_point VALUES (7, 99, 1)"))
    return database


def whole(area: int, day: float, hours: float = 8, **more: Any) -> Interruption:
    """All of an area out, so many days before now."""
    starts_at = NOW - timedelta(days=day)
    return replace(
        Interruption(
            kind=InterruptionKind.OUT,
            quality=Quality.AS_PLANNED,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=hours),
            customers=POINTS_AN_AREA,
            feeder_id=1,
            area_id=area,
            is_whole=True,
        ),
        **more,
    )


def half(area: int | None, day: float, hours: float = 8, **more: Any) -> Interruption:
    """Every second customer of an area, by the frozen impact."""
    part = {"area_id": area, "is_whole": False, "points_id": 7, "group_number": 1, "customers": 2}
    return whole(area or 1, day, hours, **(part | more))


async def put(database: Database, rows: Sequence[Interruption]) -> None:
    async with database.write() as connection:
        book = Interruptions(connection)
        await book.replace(1, 1, "approved", [(1, row) for row in rows])


async def counted(database: Database, **more: Any) -> list[Hits]:
    wanted = LookBack(starts_at=NOW - timedelta(days=60), ends_at=NOW, now=NOW, momentary=LIMIT)
    async with database.read() as connection:
        return await Interruptions(connection).rolling(replace(wanted, **more))


async def test_an_area_hit_as_a_whole_is_counted_once_for_all_its_customers(
    filled: Database,
) -> None:
    """Two outages and a transfer: two sustained interruptions and a momentary one."""
    seconds = whole(1, 5, 0.25, kind=InterruptionKind.SHORT)

    await put(filled, [whole(1, 30), whole(1, 10), seconds, whole(2, 3)])

    assert await counted(filled) == [
        Hits(area_id=1, outs=2, shorts=1),
        Hits(area_id=2, outs=1, shorts=0),
    ]


async def test_two_processes_that_count_one_plan_leave_one_count(filled: Database) -> None:
    """Whoever comes second replaces what the first wrote."""
    await asyncio.gather(*(put(filled, [whole(1, 30), whole(2, 10)]) for _ in range(4)))

    async with filled.read() as connection:
        kept = await connection.scalar(text("SELECT count(*) FROM interruption"))
    assert kept == 2


async def test_two_works_in_one_outage_are_one_interruption(filled: Database) -> None:
    """Windows that overlap or touch are felt once; those with a pause between them twice."""
    await put(filled, [whole(1, 10, 4), whole(1, 10 - 2 / 24, 4), whole(1, 10 - 6 / 24, 2)])
    assert await counted(filled) == [Hits(area_id=1, outs=1, shorts=0)]

    await put(filled, [whole(1, 10, 4), whole(1, 9.5, 4)])
    assert await counted(filled) == [Hits(area_id=1, outs=2, shorts=0)]


async def test_an_outage_up_to_the_limit_is_momentary(filled: Database) -> None:
    """Three minutes are momentary by DL/T 836, and sustained where the limit is lower; without an end
    it is taken as sustained."""
    await put(filled, [whole(1, 5, 0.05), whole(2, 5, ends_at=None)])

    assert await counted(filled) == [
        Hits(area_id=1, outs=0, shorts=1),
        Hits(area_id=2, outs=1, shorts=0),
    ]
    assert (await counted(filled, momentary=timedelta(minutes=2)))[0].outs == 1


async def test_an_area_hit_in_part_is_counted_customer_by_customer(filled: Database) -> None:
    """Who is in the half that was out twice has two, the others one, by criticality."""
    await put(filled, [whole(1, 20), half(1, 10), whole(2, 5)])

    found = await counted(filled)

    assert found == [
        Hits(area_id=2, outs=1, shorts=0),
        Hits(area_id=1, outs=1, shorts=0, criticality=Criticality.ORDINARY, customers=2),
        Hits(area_id=1, outs=2, shorts=0, criticality=Criticality.ORDINARY, customers=1),
        Hits(area_id=1, outs=2, shorts=0, criticality=Criticality.SENSITIVE, customers=1),
    ]
    async with filled.read() as connection:
        census = await Interruptions(connection).census([1, 2])
    assert census[1] == {Criticality.ORDINARY: 3, Criticality.SENSITIVE: 1}
    assert reliability.hit(found, census, times=1) == {
        Criticality.ORDINARY: 6,
        Criticality.SENSITIVE: 2,
    }
    assert reliability.hit(found, census, times=2) == {
        Criticality.ORDINARY: 1,
        Criticality.SENSITIVE: 1,
    }


async def test_a_customer_on_the_feeder_itself_is_counted_too(filled: Database) -> None:
    """Who has no area is found through the frozen impact."""
    await put(filled, [half(None, 10, feeder_id=1)])

    assert await counted(filled) == [
        Hits(
            area_id=None,
            feeder_id=1,
            outs=1,
            shorts=0,
            criticality=Criticality.ORDINARY,
            customers=1,
        )
    ]


async def test_a_customer_whom_a_file_names_is_counted_alone(filled: Database) -> None:
    """An outage of one account, beside those of its area and of its half."""
    alone = whole(1, 4, is_whole=False, usage_point_id=2, customers=1)

    await put(filled, [whole(1, 20), half(1, 10), alone])

    assert await counted(filled) == [
        Hits(area_id=1, outs=1, shorts=0, criticality=Criticality.ORDINARY, customers=2),
        Hits(area_id=1, outs=3, shorts=0, criticality=Criticality.ORDINARY, customers=1),
        Hits(area_id=1, outs=2, shorts=0, criticality=Criticality.SENSITIVE, customers=1),
    ]


async def test_any_number_of_parts_is_told_apart(filled: Database) -> None:
    """More parts of one area than fit into one number: still every customer by its own."""
    parts = 75
    async with filled.write() as connection:
        for part in range(parts):
            await connection.execute(
                text("INSERT INTO impact_point VALUES (:r, :p, 1)"),
                [{"r": 100 + part, "p": point} for point in (1, 2) if (part + point) % point == 0],
            )

    await put(filled, [half(1, 59 - part / 2, 1, points_id=100 + part) for part in range(parts)])

    assert sorted((hit.outs, hit.customers) for hit in await counted(filled)) == [(38, 1), (75, 1)]


async def test_what_did_not_happen_is_not_counted(filled: Database) -> None:
    """A draft whose time is over never took place; what is to come has not yet."""
    await put(filled, [whole(1, 10), whole(1, 4, is_firm=False), whole(1, -8)])

    assert await counted(filled, ends_at=NOW + timedelta(days=60)) == [
        Hits(area_id=1, outs=1, shorts=0)
    ]


async def test_all_who_hang_on_a_feeder_itself_are_counted(filled: Database) -> None:
    """A feeder out as a whole hits those without an area too; of a number nobody knows whose it was."""
    feeder = {"area_id": None, "customers": 1}

    await put(
        filled,
        [whole(1, 9, **feeder), whole(1, 9, 12, **feeder), whole(1, 5, **feeder),
         whole(1, 3, **feeder, is_whole=False)],
    )  # fmt: skip

    assert await counted(filled) == [
        Hits(
            area_id=None,
            feeder_id=1,
            outs=2,
            shorts=0,
            criticality=Criticality.ORDINARY,
            customers=1,
        )
    ]


async def test_without_an_end_it_lasts_just_beyond_the_limit(filled: Database) -> None:
    """What begins within that is the same interruption, what begins later another one."""
    minutes = timedelta(minutes=1) / timedelta(days=1)

    await put(filled, [whole(1, 5, ends_at=None), whole(1, 5 - 2 * minutes)])
    assert await counted(filled) == [Hits(area_id=1, outs=1, shorts=0)]

    await put(filled, [whole(1, 5, ends_at=None), whole(1, 5 - 4 * minutes)])
    assert await counted(filled) == [Hits(area_id=1, outs=2, shorts=0)]


_HALVES = st.one_of(
    st.builds(half, st.integers(1, AREAS), st.integers(1, 70), st.sampled_from([0.02, 8, 30])),
    st.builds(whole, st.integers(1, AREAS), st.integers(1, 70), st.sampled_from([0.02, 8, 30])),
    st.builds(
        half, st.integers(1, AREAS), st.integers(1, 70), st.just(0.25),
        kind=st.just(InterruptionKind.SHORT),
    ),
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(_HALVES, max_size=12))
async def test_counts_agree_with_a_walk_over_every_customer(
    filled: Database, rows: list[Interruption]
) -> None:
    """The set-based count is that of a slow one, customer by customer and row by row."""
    await put(filled, rows)
    async with filled.read() as connection:
        census = await Interruptions(connection).census(range(1, AREAS + 1))
    found = await counted(filled)

    for times in (1, 2, 3):
        assert reliability.hit(found, census, times=times) == _walked(rows, times)

    months = reliability_report.months(NOW - timedelta(days=60), NOW, ZoneInfo("Asia/Shanghai"))
    wanted = LookBack(starts_at=NOW - timedelta(days=60), ends_at=NOW, now=NOW, momentary=LIMIT)
    async with filled.read() as connection:
        all_at_once, by_month = await Interruptions(connection).rolling_by_month(wanted, months)
    assert all_at_once == found
    for hits, month in zip(by_month, months, strict=True):
        alone = await counted(filled, starts_at=month.starts_at, ends_at=month.ends_at)
        for times in (1, 2, 3):
            assert reliability.hit(hits, census, times=times) == reliability.hit(
                alone, census, times=times
            )


def _walked(rows: Sequence[Interruption], times: int) -> dict[Criticality, int]:
    """The oracle: for each customer, the outages that hit it, joined where they overlap or touch."""
    since = NOW - timedelta(days=60)
    hit: dict[Criticality, int] = {}
    for point in range(1, AREAS * POINTS_AN_AREA + 1):
        mine = sorted(
            (row.starts_at, row.ends_at)
            for row in rows
            if row.area_id == (point - 1) // POINTS_AN_AREA + 1
            and (row.is_whole or point % 2 == 0)
            and row.kind is InterruptionKind.OUT
            and row.ends_at is not None
            and row.ends_at <= NOW
        )
        joined: list[list[datetime]] = []
        for start, end in mine:
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([start, end])
        number = sum(1 for start, end in joined if start >= since and end - start > LIMIT)
        if number >= times:
            grade = Criticality(int(point % POINTS_AN_AREA == 0))
            hit[grade] = hit.get(grade, 0) + 1
    return dict(sorted(hit.items()))
