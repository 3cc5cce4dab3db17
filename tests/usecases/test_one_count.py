"""One count, wherever it is asked for: the check of a plan, the meeting and the reports agree."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from notifier.domain.history import Reported
from notifier.domain.reliability import Counting, Interruption, InterruptionKind, Quality
from notifier.domain.window import Window
from notifier.intake.constraints import constraints_from_dict
from notifier.store import schema
from notifier.store.coordination import Coordination
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.store.reliability import Reliability
from notifier.usecases import counting, history, reliability
from notifier.usecases.coordinate_checking import Checker
from notifier.usecases.coordinate_gathering import Gatherer, Options
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

RULES = Counting()
#: When the plan that is checked begins: after everything else, at the beginning of the meeting's period.
BEGINS = local(20, 0)
ENDS = BEGINS + timedelta(hours=1)
LATER = local(21, 0)
#: Usage points of the frozen impact: every second customer, and one who hangs on a feeder itself.
POINTS_ID = 900


@pytest.fixture
async def here(database: Database, vault: Vault) -> Town:
    """The town with two customers on the west feeder itself, and a plan that takes everybody out."""
    made = await towns.build(database, vault)
    async with database.write() as connection:
        await connection.execute(
            insert(schema.usage_point),
            [
                {"id": n, "account": f"A{n:03d}", "area_id": None, "feeder_id": 2,
                 "criticality": n - 29, "row_hash": b""}
                for n in (29, 30)
            ],
        )  # fmt: skip
    await made.submit(plan(feeders=["10kV东一线", "10kV西一线"], windows=[Window(BEGINS, ENDS)]))
    await made.approve("P1")
    await counting.catch_up(made.store)
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO impact_point SELECT 900, id, id % 2 FROM usage_point WHERE id <> 30")
        )
        for number in (2, 3):
            await connection.execute(
                insert(schema.plan).values(
                    id=number, number=f"P{number}", kind="planned", state="approved", revision=1,
                    created_at=LATER, starts_at=BEGINS, ends_at=ENDS, submitted_by="t",
                )
            )  # fmt: skip
    made.clock.set(LATER)
    return made


def since(days: int, hours: int) -> datetime:
    return BEGINS - timedelta(days=days) + timedelta(hours=hours)


def of_plan(
    days: int, hours: int, lasting: timedelta, area: int, half: bool, firm: bool, kind: int
) -> Interruption:
    """An area as a whole, or every second of its customers; area 5 is the west feeder itself."""
    starts_at = since(days, hours)
    return Interruption(
        kind=InterruptionKind(kind),
        quality=Quality.AS_PLANNED,
        starts_at=starts_at,
        ends_at=starts_at + lasting,
        customers=1,
        feeder_id=1 if area < 3 else 2,
        area_id=area if area < 5 else None,
        is_whole=not half,
        is_firm=firm,
        points_id=POINTS_ID if half else None,
        group_number=1 if half else None,
    )


def of_file(row: int, days: int, hours: int, lasting: timedelta | None, **whose: Any) -> Reported:
    starts_at = since(days, hours)
    return Reported(
        file="h.csv", sheet="", row=row, starts_at=starts_at, kind=InterruptionKind.OUT,
        ends_at=None if lasting is None else starts_at + lasting, **whose,
    )  # fmt: skip


_LASTING = st.sampled_from([timedelta(minutes=m) for m in (2, 3, 4, 480, 1800)])
_WHEN = {"days": st.integers(3, 70), "hours": st.sampled_from([2, 10, 12])}
_PLANS = st.builds(
    of_plan, **_WHEN, lasting=_LASTING, area=st.integers(1, 5), half=st.booleans(),
    firm=st.sampled_from([True, True, True, False]), kind=st.sampled_from([0, 0, 0, 1]),
)  # fmt: skip
_WHOSE = st.sampled_from(
    [
        {"area": "一里台区"},
        {"area": "三里台区", "customers": 4},
        {"feeder": "10kV东一线", "customers": 16},
        {"feeder": "10kV西一线", "customers": 14},
        {"feeder": "10kV西一线", "customers": 5},
        {"account": "A003"},
        {"account": "A028"},
        {"account": "A030"},
    ]
)
_FILES = st.tuples(st.integers(3, 70), st.sampled_from([2, 10, 12]), _LASTING | st.none(), _WHOSE)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    second=st.lists(_PLANS, max_size=6), third=st.lists(_PLANS, max_size=6),
    past=st.lists(_FILES, max_size=8),
)  # fmt: skip
async def test_the_check_the_meeting_and_the_reports_count_alike(
    here: Town,
    second: list[Interruption],
    third: list[Interruption],
    past: list[tuple[int, int, timedelta | None, dict[str, Any]]],
) -> None:
    """History of every level and plans that hit areas whole or in part, drafts and transfers among
    them: as many customers reach each count in the check as on the repeat list right after the plan,
    and in the meeting one less, because there the plan itself is still to come."""
    async with here.store.write() as tx:
        await tx.connection.execute(text("DELETE FROM interruption WHERE plan_id IS NULL"))
        for number, rows in ((2, second), (3, third)):
            await tx.interruptions.replace(number, 1, "approved", [(1, row) for row in rows])
    rows = [of_file(n, *when, **whose) for n, (*when, whose) in enumerate(past, start=2)]
    await history.import_history(
        here.store, "h.csv", "d", rows, (), now=LATER, actor="wang", again=True
    )
    works, runs = Works(here.store.database), Coordination(here.store.database)
    checker = Checker(here.store, works, here.setting, runs, constraints_from_dict)
    gatherer = Gatherer(
        store=here.store, works=works, runs=runs, checker=checker,
        read_rules=constraints_from_dict, terms=here.setting,
    )  # fmt: skip

    asked = await checker.check("P1", LATER)
    checked, somewhere = asked.check, asked.somewhere
    period = await gatherer.period(Options(first=date(2026, 3, 20), last=date(2026, 3, 25)), LATER)

    for times in (1, 2, 3, 4):
        async with here.store.read() as tx:
            listed = await reliability.repeats(
                tx, Reliability(tx.connection), ENDS, replace(RULES, repeat_times=times)
            )
        reached = sum(n for count, n in checked.by_count.items() if count >= times)
        assert reached == listed.customers
        assert times != RULES.repeat_times or checked.on_list == listed.customers
        if times == 2:
            special = sum(place.sensitive + place.critical for place in listed.places)
            assert sum(checked.special_hit.values()) == special
        unnamed = [(one.times, one.customers) for one in somewhere if one.times >= times]
        assert sorted(unnamed) == sorted((one.times, one.customers) for one in listed.unknown)
        in_areas = sum(p.customers for p in listed.places if p.area_id is not None)
        areas = period.instance.areas
        assert in_areas == sum(a.customers for a in areas if a.recent_interruptions + 1 >= times)
