"""The network that customers hang on, with how many there are."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.store import schema

_station, _feeder, _area = schema.station, schema.feeder, schema.area
_point = schema.usage_point


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
