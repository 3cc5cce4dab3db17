"""What crews report of the end of an outage, kept once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from notifier.domain.running import Answer, Outcome, Report
from notifier.store import schema
from notifier.store.engine import Database
from notifier.store.running import Running

NOW = datetime(2026, 3, 20, 9, 35, tzinfo=UTC)
REPORT = Report(
    key="device-7-0001",
    plan_id=1,
    promised_at=NOW + timedelta(minutes=25),
    answer=Answer.LATE,
    at=NOW + timedelta(hours=2),
    said_at=NOW - timedelta(minutes=4),
    received_at=NOW,
    said_by="检修一班",
    note="电缆头返工",
    outcome=Outcome.DELAYED,
)


@pytest.fixture
async def database(database: Database) -> Database:
    """Plans 1 (running), 2 (over for long), 3 (to come) and 4 (not approved)."""
    hours = {1: (-4, 1), 2: (-40, -30), 3: (2, 5), 4: (-4, 1)}
    async with database.write() as connection:
        await connection.execute(
            insert(schema.plan),
            [
                {
                    "id": number,
                    "number": f"P{number}",
                    "kind": "planned",
                    "state": "submitted" if number == 4 else "approved",
                    "revision": 1,
                    "starts_at": NOW + timedelta(hours=first),
                    "ends_at": NOW + timedelta(hours=last),
                    "created_at": NOW,
                    "submitted_by": "wang",
                }
                for number, (first, last) in hours.items()
            ],
        )
    return database


async def test_a_report_is_read_back_and_kept_once(database: Database) -> None:
    """By its key, whatever else the second one says."""
    async with database.write() as connection:
        book = Running(connection)
        first = await book.add(REPORT)
        second = await book.add(replace(REPORT, answer=Answer.ON_TIME, at=None))

    async with database.read() as connection:
        book = Running(connection)
        assert (first, second) == (True, False)
        assert await book.report(REPORT.key) == REPORT
        assert await book.report("another") is None


async def test_reports_come_in_the_order_in_which_they_were_said(database: Database) -> None:
    """Not in that of their arrival: crews work offline."""
    earlier = replace(REPORT, key="earlier", said_at=NOW - timedelta(hours=1))
    async with database.write() as connection:
        for report in (REPORT, earlier):
            await Running(connection).add(report)

    async with database.read() as connection:
        found = await Running(connection).reports([1, 2])

    assert {plan: [item.key for item in items] for plan, items in found.items()} == {
        1: ["earlier", REPORT.key]
    }


async def test_only_approved_plans_that_began_and_are_not_long_over_run(
    database: Database,
) -> None:
    """Those whose end may still have to be confirmed."""
    async with database.read() as connection:
        begun = await Running(connection).begun(NOW, ending_after=NOW - timedelta(hours=12))

    assert begun == [1]


@pytest.mark.parametrize(
    "wrong",
    [{"answer": "perhaps"}, {"outcome": "lost"}, {"at": None}, {"answer": "on_time"}],
)
async def test_the_tables_hold_what_a_report_is(
    database: Database, wrong: dict[str, object]
) -> None:
    """An answer, its outcome, and a time with every answer but on time."""
    async with database.write() as connection:
        await Running(connection).add(REPORT)
        row = (await connection.execute(select(schema.end_report))).one()
    values = dict(row._mapping) | {"id": 9, "key": "wrong"} | wrong

    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(insert(schema.end_report).values(values))
