"""Looking customers up: the network they hang on, who belongs to an area, whom nothing reaches."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import Subject
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.store import schema

_station, _feeder, _area = schema.station, schema.feeder, schema.area
_point, _contact = schema.usage_point, schema.contact
_point_contact, _place_contact = schema.point_contact, schema.place_contact

_Item = TypeVar("_Item")

#: Parameters of one statement; SQLite allows 32,766.
_ASKED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePoint:
    """A present customer as lists show it: no phone, no address."""

    id: int
    account: str
    name: str
    area_id: int | None
    feeder_id: int | None
    criticality: int


async def network_index(connection: AsyncConnection) -> NetworkIndex:
    """Stations, feeders and areas with their numbers of present customers.

    A feeder's number counts those that hang on it without an area.
    """
    stations = await _all(connection, select(_station.c.id, _station.c.name, _station.c.key))
    loose = await _all(connection, _count_by(_point.c.feeder_id, _point.c.area_id.is_(None)))
    feeders = await _all(
        connection,
        select(_feeder.c.id, _feeder.c.name, _feeder.c.key, _feeder.c.station_id),
    )
    held = await _all(connection, _count_by(_point.c.area_id, _point.c.area_id.is_not(None)))
    areas = await _all(
        connection,
        select(_area.c.id, _area.c.code, _area.c.name, _area.c.key, _area.c.feeder_id),
    )
    return await asyncio.to_thread(_index, stations, loose, feeders, held, areas)


def _index(
    stations: Sequence[Any],
    loose: Sequence[Any],
    feeders: Sequence[Any],
    held: Sequence[Any],
    areas: Sequence[Any],
) -> NetworkIndex:
    loose_points, area_points = dict(loose), dict(held)
    return NetworkIndex.of(
        [Station(id=row.id, name=row.name, key=row.key) for row in stations],
        [
            Feeder(
                id=row.id,
                name=row.name,
                key=row.key,
                station_id=row.station_id,
                points=loose_points.get(row.id, 0),
            )
            for row in feeders
        ],
        [
            Area(
                id=row.id,
                code=row.code,
                name=row.name,
                key=row.key,
                feeder_id=row.feeder_id,
                points=area_points.get(row.id, 0),
            )
            for row in areas
        ],
    )


async def _all(connection: AsyncConnection, statement: Executable) -> list[Any]:
    """All rows. The driver has buffered them; making rows of 100,000 areas is work for a thread."""
    result = await connection.execute(statement)
    return list(await asyncio.to_thread(result.all))


def _count_by(
    column: ColumnElement[int | None], condition: ColumnElement[bool]
) -> Select[int | None, int]:
    return (
        select(column, func.count()).where(_point.c.gone_at.is_(None), condition).group_by(column)
    )


async def points_of_areas(connection: AsyncConnection, area_ids: Iterable[int]) -> list[UsagePoint]:
    """The present customers of these areas, by account."""
    found: list[UsagePoint] = []
    for ids in _parts(sorted(set(area_ids))):
        found += await _points(connection, _point.c.area_id.in_(ids))
    return sorted(found, key=lambda point: point.account)


async def loose_points_of_feeders(
    connection: AsyncConnection, feeder_ids: Iterable[int]
) -> list[UsagePoint]:
    """The present customers that hang on these feeders without an area, by account."""
    found: list[UsagePoint] = []
    for ids in _parts(sorted(set(feeder_ids))):
        found += await _points(
            connection, and_(_point.c.area_id.is_(None), _point.c.feeder_id.in_(ids))
        )
    return sorted(found, key=lambda point: point.account)


async def areas_without_customers(connection: AsyncConnection) -> list[Area]:
    """Areas to which no present customer belongs, by code and name."""
    result = await connection.execute(
        select(_area.c.id, _area.c.code, _area.c.name, _area.c.key, _area.c.feeder_id)
        .where(~exists().where(_point.c.area_id == _area.c.id, _point.c.gone_at.is_(None)))
        .order_by(_area.c.code, _area.c.name)
    )
    return [
        Area(id=row.id, code=row.code, name=row.name, key=row.key, feeder_id=row.feeder_id)
        for row in result
    ]


async def unreachable(
    connection: AsyncConnection,
    *,
    area_ids: Sequence[int] | None = None,
    limit: int = 1_000,
) -> list[UsagePoint]:
    """Present customers whom no medium reaches: no contact of their own, no poster, no manager.

    In the given areas (at most 5,000), or everywhere; by account, at most ``limit``.
    """
    condition = _is_unreachable()
    if area_ids is not None:
        condition = and_(condition, _point.c.area_id.in_(area_ids))
    return await _points(connection, condition, limit)


async def count_unreachable(connection: AsyncConnection) -> int:
    """How many present customers no medium reaches."""
    result = await connection.execute(
        select(func.count())
        .select_from(_point)
        .where(_point.c.gone_at.is_(None), _is_unreachable())
    )
    return int(result.scalar_one())


def _is_unreachable() -> ColumnElement[bool]:
    reaches = _contact.c.reach.op("&")(_contact.c.opted_out.bitwise_not()) != 0
    own = exists().where(
        _point_contact.c.usage_point_id == _point.c.id,
        _contact.c.id == _point_contact.c.contact_id,
        reaches,
    )
    at_place = exists().where(
        or_(
            and_(
                _place_contact.c.subject == int(Subject.BUILDING),
                _place_contact.c.subject_id == _point.c.building_id,
            ),
            and_(
                _place_contact.c.subject == int(Subject.AREA),
                _place_contact.c.subject_id == _point.c.area_id,
            ),
        ),
        _contact.c.id == _place_contact.c.contact_id,
        reaches,
    )
    return and_(~own, ~at_place)


async def _points(
    connection: AsyncConnection, condition: ColumnElement[bool], limit: int | None = None
) -> list[UsagePoint]:
    result = await connection.execute(
        select(
            _point.c.id, _point.c.account, _point.c.name, _point.c.area_id, _point.c.feeder_id,
            _point.c.criticality,
        )
        .where(_point.c.gone_at.is_(None), condition)
        .order_by(_point.c.account)
        .limit(limit)
    )  # fmt: skip
    return [
        UsagePoint(
            id=row.id,
            account=row.account,
            name=row.name,
            area_id=row.area_id,
            feeder_id=row.feeder_id,
            criticality=row.criticality,
        )
        for row in result
    ]


def _parts(items: Sequence[_Item]) -> Iterable[Sequence[_Item]]:
    return (items[at : at + _ASKED_AT_ONCE] for at in range(0, len(items), _ASKED_AT_ONCE))
