"""Interruptions as works: what the online check counts is what the reports count.

Customers who hang on a feeder itself are a place like an area, by the feeder's id made negative.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import reliability
from notifier.domain.coordination.online_index import HISTORY, Customer, Outage, Work
from notifier.domain.reliability import MILLISECOND, Unnamed
from notifier.store.columns import to_millis
from notifier.store.engine import with_lists

#: Plans ``p`` whose interruptions follow what they say now.
IN_STEP = "p.counted_revision = p.revision AND p.counted_state = p.state"

#: Places by group of a frozen impact, with the customers there by name.
_Named = Mapping[tuple[int, int, int], frozenset[Customer]]


async def plans(
    connection: AsyncConnection,
    *,
    numbers: Sequence[str] | None = None,
    ending_after: datetime | None = None,
) -> list[Work]:
    """Plans in step, cancelled ones too, with what they took out and will: those of the numbers, or
    those that end after a moment."""
    where, values = IN_STEP, dict[str, Any]()
    if numbers is not None:
        where, values["numbers"] = f"{where} AND p.number IN :numbers", list(numbers)
    if ending_after is not None:
        where, values["after"] = f"{where} AND p.ends_at > :after", to_millis(ending_after)
    found = await _all(connection, _PLANS.format(where=where), values)
    if not found:
        return []
    whole = await _all(connection, _WHOLE.format(where=where, **_words(connection)), values)
    parts = await _all(connection, _PARTS.format(where=where), values)
    named: dict[tuple[int, int, int], frozenset[Customer]] = {}
    if parts:
        for member in _MEMBERS:
            query = _PEOPLE.format(where=where, member=member, **_words(connection))
            for row in await _all(connection, query, values):
                named[row.points_id, row.group_number, row.place] = _customers(row.listed)
    return await asyncio.to_thread(_works, found, whole, parts, named)


def _works(
    plans: Sequence[Any], whole: Sequence[Any], parts: Sequence[Any], named: _Named
) -> list[Work]:
    outages: dict[int, list[Outage]] = defaultdict(list)
    for plan_id, starts_at, ends_at, is_firm, listed in whole:
        outages[plan_id].append(
            Outage(areas=_ids(listed), windows=((starts_at, ends_at),), is_firm=bool(is_firm))
        )
    alike: dict[tuple[int, int, int, bool], dict[int, frozenset[Customer]]] = defaultdict(dict)
    for plan_id, starts_at, ends_at, is_firm, points_id, group_number, place in parts:
        who = named.get((points_id, group_number, place))
        if who:
            there = alike[plan_id, starts_at, ends_at, bool(is_firm)]
            there[place] = there.get(place, frozenset()) | who
    for (plan_id, starts_at, ends_at, is_firm), there in alike.items():
        outages[plan_id].append(
            Outage(areas=(), windows=((starts_at, ends_at),), parts=there, is_firm=is_firm)
        )
    return [
        Work(
            key=plan.number,
            outages=tuple(outages.get(plan.id, ())),
            kind=plan.kind,
            state=plan.state,
            department=plan.department,
            revision=plan.revision,
        )
        for plan in plans
    ]


async def history(connection: AsyncConnection, since: datetime, momentary: timedelta) -> list[Work]:
    """What files of the past report: of areas, of all who hang on a feeder, and of customers by name.

    Where nobody said an end, it is ``reliability.without_end`` by the limit ``momentary``. Of a number
    of which nobody knows whose it was nothing can be said.
    """
    values = {"since": to_millis(since)}
    limit = momentary // MILLISECOND
    whole = await _all(connection, _SUFFERED.format(**_words(connection)), values)
    named = await _all(connection, _NAMED.format(**_words(connection)), values)
    areas: dict[tuple[int, int | None, int], tuple[int, ...]] = {}
    parts: dict[tuple[int, int | None, int], dict[int, frozenset[Customer]]] = defaultdict(dict)
    causes: dict[tuple[int, int | None, int], str] = {}
    for starts_at, ends_at, feeder_id, cause, listed in whole:
        key = starts_at, ends_at, feeder_id
        areas[key], causes[key] = _ids(listed), cause
    for starts_at, ends_at, feeder_id, cause, place, listed in named:
        key = starts_at, ends_at, feeder_id
        parts[key][place] = _customers(listed)
        causes.setdefault(key, cause)
    found = []
    for (starts_at, ends_at, feeder_id), cause in causes.items():
        end = reliability.without_end(starts_at, limit) if ends_at is None else ends_at
        outage = Outage(
            areas=areas.get((starts_at, ends_at, feeder_id), ()),
            windows=((starts_at, end),),
            parts=parts.get((starts_at, ends_at, feeder_id), {}),
        )
        name = f"{HISTORY}:{starts_at}:{ends_at}:{feeder_id}"
        found.append(Work(key=name, outages=(outage,), state=HISTORY, department=cause))
    return found


async def unnamed(
    connection: AsyncConnection, since: datetime, momentary: timedelta
) -> list[Unnamed]:
    """What files of the past report since a moment of which only a place and a number are known."""
    limit = momentary // MILLISECOND
    return [
        Unnamed(
            row.feeder_id,
            row.area_id,
            row.starts_at,
            reliability.without_end(row.starts_at, limit) if row.ends_at is None else row.ends_at,
            row.customers,
        )
        for row in await _all(connection, _UNNAMED, {"since": to_millis(since)})
    ]


async def _all(connection: AsyncConnection, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """All rows; making them is work for a thread."""
    query = with_lists(statement, "numbers") if "numbers" in values else text(statement)
    result = await connection.execute(query, values)
    return list(await asyncio.to_thread(result.all))


def _words(connection: AsyncConnection) -> dict[str, str]:
    """How the database lists the places of interruptions, and customers by name: one row a group, not
    one a place, for half a million places are half a million rows otherwise."""
    place, customer = "coalesce(i.area_id, -i.feeder_id)", "8 * u.id + u.criticality"
    if connection.dialect.name == "sqlite":
        return {"places": f"group_concat({place})", "people": f"group_concat({customer})"}
    return {
        "places": f"string_agg(CAST({place} AS text), ',')",
        "people": f"string_agg(CAST({customer} AS text), ',')",
    }


def _ids(listed: str) -> tuple[int, ...]:
    return tuple(sorted(set(map(int, listed.split(",")))))


def _customers(listed: str) -> frozenset[Customer]:
    return frozenset(map(int, listed.split(",")))


_PLANS = (
    "SELECT p.id, p.number, p.kind, p.state, p.department, p.revision FROM plan p WHERE {where}"
)
_WHOLE = (
    "SELECT i.plan_id, i.starts_at, i.ends_at, i.is_firm, {places} AS listed"
    " FROM plan p JOIN interruption i ON i.plan_id = p.id"
    " WHERE {where} AND i.kind = 0 AND i.is_whole"
    " GROUP BY i.plan_id, i.starts_at, i.ends_at, i.is_firm"
)
_PART = "i.kind = 0 AND NOT i.is_whole AND i.points_id IS NOT NULL"
_PARTS = (
    "SELECT i.plan_id, i.starts_at, i.ends_at, i.is_firm, i.points_id, i.group_number,"
    " coalesce(i.area_id, -i.feeder_id) AS place"
    f" FROM plan p JOIN interruption i ON i.plan_id = p.id WHERE {{where}} AND {_PART}"
)
#: CROSS JOIN: SQLite keeps the order in which tables stand, else it walks a whole frozen impact for
#: each place.
_PEOPLE = (
    "SELECT d.points_id, d.group_number, d.place, {people} AS listed FROM"
    " (SELECT DISTINCT i.points_id, i.group_number, i.area_id, i.feeder_id,"
    "  coalesce(i.area_id, -i.feeder_id) AS place"
    f"  FROM plan p JOIN interruption i ON i.plan_id = p.id WHERE {{where}} AND {_PART}) AS d"
    " CROSS JOIN usage_point u CROSS JOIN impact_point x"
    " WHERE {member} AND u.gone_at IS NULL AND x.points_id = d.points_id"
    "  AND x.usage_point_id = u.id AND x.group_number = d.group_number GROUP BY 1, 2, 3"
)
_MEMBERS = (
    "u.area_id = d.area_id",
    "u.feeder_id = d.feeder_id AND u.area_id IS NULL AND d.area_id IS NULL",
)
_SUFFERED = (
    "SELECT i.starts_at, i.ends_at, i.feeder_id, min(i.cause) AS cause, {places} AS listed"
    " FROM interruption i WHERE i.plan_id IS NULL AND i.kind = 0 AND i.is_whole"
    " AND i.starts_at >= :since GROUP BY i.starts_at, i.ends_at, i.feeder_id"
)
_UNNAMED = (
    "SELECT i.feeder_id, i.area_id, i.starts_at, i.ends_at, i.customers FROM interruption i"
    " WHERE i.plan_id IS NULL AND i.kind = 0 AND NOT i.is_whole AND i.usage_point_id IS NULL"
    " AND i.points_id IS NULL AND i.starts_at >= :since"
)
_NAMED = (
    "SELECT i.starts_at, i.ends_at, i.feeder_id, min(i.cause) AS cause,"
    " coalesce(u.area_id, -u.feeder_id) AS place, {people} AS listed"
    " FROM interruption i JOIN usage_point u ON u.id = i.usage_point_id"
    " WHERE i.plan_id IS NULL AND i.kind = 0 AND u.gone_at IS NULL AND i.starts_at >= :since"
    " AND coalesce(u.area_id, u.feeder_id) IS NOT NULL"
    " GROUP BY i.starts_at, i.ends_at, i.feeder_id, coalesce(u.area_id, -u.feeder_id)"
)
