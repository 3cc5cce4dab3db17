"""Plans and the areas they take out, read as coordination wants them: few rows, long lists."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.coordination.online_index import Known, Work
from notifier.domain.coordination.works import Changes, Marks, Part, PlannedWork
from notifier.domain.impact import ImpactClass
from notifier.domain.plan import Plan, PlanKind, PlanState, content_from_dict
from notifier.domain.reliability import Unnamed
from notifier.domain.window import Window
from notifier.store import counted_works
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import Database, with_lists

#: Parameters of one statement.
_AT_ONCE = 5_000


class Works:
    """What is planned and what was suffered; ``usecases.coordinate_contracts.WorkBook``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def marks(self) -> Marks:
        """How far plans, ledger and history have come."""
        async with self._database.read() as connection:
            row = (await connection.execute(text(_MARKS))).one()
        return Marks(audit=row.audit or 0, ledger=row.ledger or 0, rules=row.rules or 0)

    async def changed(self, after: Marks) -> Changes:
        """What was decided since: every change is audited."""
        async with self._database.read() as connection:
            rows = (await connection.execute(text(_CHANGED), {"after": after.audit})).all()
        return Changes(
            numbers=frozenset(row.subject for row in rows if row.is_plan),
            has_history=any(not row.is_plan for row in rows),
        )

    async def areas(self) -> Sequence[Known]:
        """Every area with its present customers, the special ones by criticality; those who hang on a
        feeder itself come by the feeder's id made negative."""
        async with self._database.read() as connection:
            counted = await _all(connection, _CUSTOMERS)
            areas = await _all(connection, _PLACES)
        return await asyncio.to_thread(_known, areas, counted)

    async def works(
        self,
        *,
        numbers: Collection[str] | None = None,
        ending_after: datetime | None = None,
        starting_before: datetime | None = None,
        only_uncounted: bool = False,
    ) -> Sequence[PlannedWork]:
        """Plans with a window in the period, or those of the numbers; cancelled ones are left out.
        ``only_uncounted``: those whose interruptions do not follow yet what they say now."""
        conditions, values = ["p.state <> 'cancelled'"], dict[str, Any]()
        if only_uncounted:
            conditions.append(f"NOT ({counted_works.IN_STEP})")
        if ending_after is not None:
            conditions.append("p.ends_at > :after")
            values["after"] = to_millis(ending_after)
        if starting_before is not None:
            conditions.append("p.starts_at < :before")
            values["before"] = to_millis(starting_before)
        async with self._database.read() as connection:
            if numbers is None:
                return await _works(connection, conditions, values)
            found: list[PlannedWork] = []
            for part in _parts(sorted(set(numbers))):
                listed = [*conditions, "p.number IN :numbers"]
                found += await _works(connection, listed, values | {"numbers": part})
            return found

    async def counted(
        self, *, numbers: Collection[str] | None = None, ending_after: datetime | None = None
    ) -> Sequence[Work]:
        """What plans did and will do by the interruptions counted of them; see ``counted_works``."""
        async with self._database.read() as connection:
            if numbers is None:
                return await counted_works.plans(connection, ending_after=ending_after)
            found: list[Work] = []
            for part in _parts(sorted(set(numbers))):
                found += await counted_works.plans(connection, numbers=part)
            return found

    async def suffered(self, since: datetime, momentary: timedelta) -> Sequence[Work]:
        """What files of the past report, those of plans left out; see ``counted_works``."""
        async with self._database.read() as connection:
            return await counted_works.history(connection, since, momentary)

    async def unnamed(self, since: datetime, momentary: timedelta) -> Sequence[Unnamed]:
        """What files of the past report of nobody in particular; see ``counted_works``."""
        async with self._database.read() as connection:
            return await counted_works.unnamed(connection, since, momentary)


_MARKS = (
    "SELECT (SELECT max(id) FROM audit) AS audit, (SELECT max(id) FROM ledger_import) AS ledger,"
    " (SELECT max(id) FROM coordination_rules) AS rules"
)
_CHANGED = (
    "SELECT DISTINCT CASE WHEN action LIKE 'plan.%' THEN subject END AS subject,"
    " action LIKE 'plan.%' AS is_plan FROM audit"
    " WHERE id > :after AND (action LIKE 'plan.%' OR action LIKE 'history.%')"
)
_PLACES = (
    "SELECT id, feeder_id FROM area UNION ALL SELECT -f.id, f.id FROM feeder f WHERE EXISTS"
    " (SELECT 1 FROM usage_point u WHERE u.feeder_id = f.id AND u.area_id IS NULL)"
)
_CUSTOMERS = (
    "SELECT coalesce(area_id, -feeder_id) AS place, criticality, count(*) AS customers"
    " FROM usage_point WHERE gone_at IS NULL AND coalesce(area_id, feeder_id) IS NOT NULL"
    " GROUP BY 1, 2"
)
_PLANS = (
    "SELECT p.id, p.number, p.kind, p.department, p.state, p.revision, p.settled_revision,"
    " p.starts_at, p.ends_at, p.restored_at, p.created_at, p.submitted_by,"
    " r.id AS revision_id, r.points_id, r.content"
    " FROM plan p JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision WHERE {where}"
    " ORDER BY p.starts_at, p.id"
)
_GROUPS = (
    "SELECT g.revision_id, g.number, g.class AS impact_class, g.windows FROM plan p"
    " JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision"
    " JOIN impact_group g ON g.revision_id = r.id WHERE {where} ORDER BY g.number"
)
#: One row a group, not one an area: half a million areas are half a million rows otherwise.
_AREAS = (
    "SELECT r.id AS revision_id, a.group_number, {list} AS areas FROM plan p"
    " JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision"
    " JOIN impact_area a ON a.points_id = r.points_id WHERE {where}"
    " GROUP BY r.id, a.group_number"
)
_LIST = {
    "sqlite": "group_concat(a.area_id)",
    "postgresql": "string_agg(CAST(a.area_id AS text), ',')",
}


async def _all(
    connection: AsyncConnection, statement: str, values: dict[str, Any] | None = None
) -> list[Any]:
    """All rows; making them is work for a thread."""
    query = with_lists(statement, "numbers") if values and "numbers" in values else text(statement)
    result = await connection.execute(query, values or {})
    return list(await asyncio.to_thread(result.all))


async def _works(
    connection: AsyncConnection, conditions: Sequence[str], values: dict[str, Any]
) -> list[PlannedWork]:
    where = " AND ".join(conditions)
    plans = await _all(connection, _PLANS.format(where=where), values)
    groups = await _all(connection, _GROUPS.format(where=where), values)
    grouping = _LIST[connection.dialect.name]
    areas = await _all(connection, _AREAS.format(where=where, list=grouping), values)
    return await asyncio.to_thread(_assembled, plans, groups, areas)


def _known(areas: Sequence[Any], counted: Sequence[Any]) -> list[Known]:
    customers: dict[int, int] = {}
    special: dict[int, list[tuple[int, int]]] = {}
    for area_id, criticality, number in counted:
        customers[area_id] = customers.get(area_id, 0) + number
        if criticality:
            special.setdefault(area_id, []).append((criticality, number))
    return [
        Known(
            area_id=area_id,
            feeder_id=feeder_id or 0,
            customers=customers.get(area_id, 0),
            special=tuple(sorted(special.get(area_id, ()))),
        )
        for area_id, feeder_id in areas
    ]


def _assembled(
    plans: Sequence[Any], groups: Sequence[Any], areas: Sequence[Any]
) -> list[PlannedWork]:
    areas_of = {(revision_id, number): _ids(listed) for revision_id, number, listed in areas}
    parts: dict[int, list[Part]] = {}
    for revision_id, number, impact_class, windows in groups:
        parts.setdefault(revision_id, []).append(
            Part(
                impact_class=ImpactClass(impact_class),
                windows=tuple(Window.from_text(start, end) for start, end in orjson.loads(windows)),
                areas=areas_of.get((revision_id, number), ()),
            )
        )
    return [
        PlannedWork(
            plan=_plan(row),
            content=content_from_dict(orjson.loads(row.content)),
            parts=tuple(parts.get(row.revision_id, ())),
            is_matched=row.points_id is not None,
        )
        for row in plans
    ]


def _ids(listed: str) -> tuple[int, ...]:
    return tuple(sorted(set(map(int, listed.split(",")))))


def _plan(row: Any) -> Plan:
    return Plan(
        id=row.id,
        number=row.number,
        kind=PlanKind(row.kind),
        department=row.department,
        state=PlanState(row.state),
        revision=row.revision,
        settled_revision=row.settled_revision,
        starts_at=None if row.starts_at is None else from_millis(row.starts_at),
        ends_at=None if row.ends_at is None else from_millis(row.ends_at),
        restored_at=None if row.restored_at is None else from_millis(row.restored_at),
        created_at=from_millis(row.created_at),
        submitted_by=row.submitted_by,
    )


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
