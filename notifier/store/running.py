"""Outages that run, and what crews reported of their end: rows in, domain values out."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.plan import PlanState
from notifier.domain.running import Answer, Outcome, Report
from notifier.store import schema
from notifier.store.engine import insert_into

_PLAN = schema.plan
_REPORT = schema.end_report
_EXCEPTION = schema.exception


class Running:
    """Running outages on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begun(self, now: datetime, *, ending_after: datetime) -> list[int]:
        """The ids of approved plans that have begun and whose last window ends after a moment."""
        query = (
            select(_PLAN.c.id)
            .where(_PLAN.c.state == PlanState.APPROVED.value)
            .where(_PLAN.c.starts_at <= now, _PLAN.c.ends_at > ending_after)
            .order_by(_PLAN.c.ends_at, _PLAN.c.id)
        )
        return list((await self._connection.execute(query)).scalars())

    async def reports(self, plan_ids: Collection[int]) -> dict[int, tuple[Report, ...]]:
        """What was reported of each plan, in the order in which it was said."""
        query = (
            select(_REPORT)
            .where(_REPORT.c.plan_id.in_(sorted(plan_ids)))
            .order_by(_REPORT.c.said_at, _REPORT.c.id)
        )
        found: dict[int, tuple[Report, ...]] = {}
        for row in await self._connection.execute(query):
            found[row.plan_id] = (*found.get(row.plan_id, ()), _report(row))
        return found

    async def report(self, key: str) -> Report | None:
        """The report of that key."""
        query = select(_REPORT).where(_REPORT.c.key == key)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _report(row)

    async def add(self, report: Report) -> bool:
        """Keeps a report; False where it is there already."""
        statement = insert_into(self._connection, _REPORT).values(
            key=report.key,
            plan_id=report.plan_id,
            promised_at=report.promised_at,
            answer=report.answer.value,
            at=report.at,
            said_at=report.said_at,
            received_at=report.received_at,
            said_by=report.said_by,
            note=report.note,
            outcome=report.outcome.value,
        )
        result = await self._connection.execute(
            statement.on_conflict_do_nothing(index_elements=["key"])
        )
        return result.rowcount == 1

    async def listed(self, kinds: Collection[str]) -> dict[tuple[int, str, str], int]:
        """What stands open on the list for people of these kinds: plan, kind and subject, with the
        number of the entry."""
        query = select(
            _EXCEPTION.c.plan_id, _EXCEPTION.c.kind, _EXCEPTION.c.subject, _EXCEPTION.c.id
        ).where(_EXCEPTION.c.kind.in_(sorted(kinds)), _EXCEPTION.c.closed_at.is_(None))
        rows = await self._connection.execute(query)
        return {(row.plan_id, row.kind, row.subject): row.id for row in rows}


def _report(row: Row[Any]) -> Report:
    return Report(
        key=row.key,
        plan_id=row.plan_id,
        promised_at=row.promised_at,
        answer=Answer(row.answer),
        at=row.at,
        said_at=row.said_at,
        received_at=row.received_at,
        said_by=row.said_by,
        note=row.note,
        outcome=Outcome(row.outcome),
    )
