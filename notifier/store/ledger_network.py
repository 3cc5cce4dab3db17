"""A ledger file's stations, feeders, areas and buildings against those of the store.

They are few, so they are compared in memory: what is known keeps its id, what is new gets one.
An area keeps its id under its code wherever it is switched to; without a code it is known by its
name on its own feeder.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.finding import Finding, Severity
from notifier.domain.ledger import NONE, AreaEntry, BuildingEntry, FeederEntry, Outline
from notifier.store import engine, schema

_ASKED_AT_ONCE = 5_000


@dataclass(slots=True)
class Resolved:
    """The ids of an outline's entries, by their numbers.

    Entries that are new have negative ids until ``write`` has given them real ones; a feeder that
    cannot be told from others of its name has none.
    """

    stations: list[int] = field(default_factory=list)
    feeders: list[int | None] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
    buildings: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _changes: list[tuple[Table, int, dict[str, Any]]] = field(default_factory=list)

    def feeder(self, number: int) -> int | None:
        return None if number == NONE else self.feeders[number]


async def resolve(connection: AsyncConnection, outline: Outline) -> Resolved:
    """Find the outline's entries in the store; writes nothing."""
    resolved = Resolved()
    stations = {
        row.key: row.id
        for row in await connection.execute(select(schema.station.c.id, schema.station.c.key))
    }
    resolved.stations = _numbered(stations.get(entry.key) for entry in outline.stations)
    await _resolve_feeders(connection, outline, resolved)
    await _resolve_areas(connection, outline, resolved)
    await _resolve_buildings(connection, outline.buildings, resolved)
    return resolved


async def write(connection: AsyncConnection, outline: Outline, resolved: Resolved) -> None:
    """Insert what is new and bring what is known up to date, in the caller's transaction."""
    table = schema.station
    resolved.stations = await _insert_new(
        connection,
        table,
        resolved.stations,
        [{"name": entry.name, "key": entry.key} for entry in outline.stations],
    )
    stations = resolved.stations
    resolved.feeders = list(
        await _insert_new(
            connection,
            schema.feeder,
            resolved.feeders,
            [
                {
                    "name": entry.name,
                    "key": entry.key,
                    "station_id": None if entry.station == NONE else stations[entry.station],
                }
                for entry in outline.feeders
            ],
        )
    )
    resolved.areas = await _insert_new(
        connection,
        schema.area,
        resolved.areas,
        [
            {
                "code": entry.code,
                "name": entry.name,
                "key": entry.key,
                "feeder_id": resolved.feeder(entry.feeder),
                "is_public": entry.is_public,
            }
            for entry in outline.areas
        ],
    )
    resolved.buildings = await _insert_new(
        connection,
        schema.building,
        resolved.buildings,
        [
            {
                "name": entry.name,
                "key": entry.key,
                "address": entry.address,
                "floors": entry.floors,
                "is_high_rise": entry.is_high_rise,
            }
            for entry in outline.buildings
        ],
    )
    for changed, row_id, values in resolved._changes:
        # A reference may be to an entry that was new: its number, resolved only now.
        if "station_number" in values:
            values["station_id"] = stations[values.pop("station_number")]
        if "feeder_number" in values:
            values["feeder_id"] = resolved.feeder(values.pop("feeder_number"))
        await connection.execute(
            update(changed).where(changed.c.id == bindparam("row_id")).values(**values),
            {"row_id": row_id},
        )


async def _resolve_feeders(
    connection: AsyncConnection, outline: Outline, resolved: Resolved
) -> None:
    table = schema.feeder
    known: dict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(select(table.c.id, table.c.key, table.c.station_id)):
        known[row.key].append(row)
    ids: list[int | None] = []
    for number, entry in enumerate(outline.feeders):
        same = known.get(entry.key, [])
        if entry.station == NONE:
            if len(same) > 1:
                resolved.findings.append(_ambiguous(entry))
                ids.append(None)
                continue
            ids.append(same[0].id if same else -number - 1)
            continue
        station_id = resolved.stations[entry.station]
        exact = [row for row in same if row.station_id == station_id]
        loose = [row for row in same if row.station_id is None]
        if exact:
            ids.append(exact[0].id)
        elif len(loose) == 1 and len(same) == 1:
            ids.append(loose[0].id)
            resolved._changes.append((table, loose[0].id, {"station_number": entry.station}))
        else:
            ids.append(-number - 1)
    resolved.feeders = ids


def _ambiguous(entry: FeederEntry) -> Finding:
    return Finding(
        code="feeder.ambiguous",
        severity=Severity.WARNING,
        found=entry.name,
        expected="写明变电站 / name its station: several have a feeder of this name",
        column="feeder",
    )


async def _resolve_areas(connection: AsyncConnection, outline: Outline, resolved: Resolved) -> None:
    result = await connection.execute(select(schema.area))
    known = await asyncio.to_thread(result.all)
    # A province has 100,000 areas: comparing them would hold up the event loop.
    await asyncio.to_thread(_compare_areas, known, outline, resolved)


def _compare_areas(known: Sequence[Any], outline: Outline, resolved: Resolved) -> None:
    table = schema.area
    by_code: dict[str, list[Any]] = defaultdict(list)
    by_key: dict[str, list[Any]] = defaultdict(list)
    for row in known:
        if row.code:
            by_code[row.code].append(row)
        by_key[row.key].append(row)
    ids = []
    for number, entry in enumerate(outline.areas):
        feeder_id = resolved.feeder(entry.feeder)
        row = _find_area(entry, feeder_id, by_code, by_key)
        ids.append(-number - 1 if row is None else row.id)
        if row is None:
            continue
        changes: dict[str, Any] = {}
        if entry.name != row.name and entry.name != entry.code:
            changes |= {"name": entry.name, "key": entry.key}
        if entry.code and not row.code:
            changes["code"] = entry.code
        if entry.feeder != NONE and feeder_id is not None and feeder_id != row.feeder_id:
            changes["feeder_number"] = entry.feeder
        if entry.is_public != row.is_public:
            changes["is_public"] = entry.is_public
        if changes:
            resolved._changes.append((table, row.id, changes))
    resolved.areas = ids


def _find_area(
    entry: AreaEntry,
    feeder_id: int | None,
    by_code: dict[str, list[Any]],
    by_key: dict[str, list[Any]],
) -> Any:
    if entry.code and (same := by_code.get(entry.code)):
        return next((row for row in same if row.feeder_id == feeder_id), same[0])
    same = by_key.get(entry.key, [])
    if entry.code:
        same = [row for row in same if not row.code]
    if entry.feeder == NONE:
        return same[0] if len(same) == 1 else None
    here = [row for row in same if row.feeder_id == feeder_id]
    if here:
        return here[0]
    # Known by name from a list that named no feeder.
    nowhere = [row for row in same if row.feeder_id is None]
    return nowhere[0] if len(nowhere) == 1 == len(same) else None


async def _resolve_buildings(
    connection: AsyncConnection, entries: Sequence[BuildingEntry], resolved: Resolved
) -> None:
    table = schema.building
    known: dict[str, Any] = {}
    for at in range(0, len(entries), _ASKED_AT_ONCE):
        keys = [entry.key for entry in entries[at : at + _ASKED_AT_ONCE]]
        for row in await connection.execute(select(table).where(table.c.key.in_(keys))):
            known[row.key] = row
    resolved.buildings = _numbered(
        known[entry.key].id if entry.key in known else None for entry in entries
    )
    for entry in entries:
        found = known.get(entry.key)
        if found is None:
            continue
        row = found
        changes: dict[str, Any] = {}
        if entry.name != row.name:
            changes["name"] = entry.name
        if entry.floors and entry.floors != row.floors:
            changes["floors"] = entry.floors
        if entry.is_high_rise != row.is_high_rise and (entry.floors or entry.is_high_rise):
            changes["is_high_rise"] = entry.is_high_rise
        if changes:
            resolved._changes.append((table, row.id, changes))


def _numbered(ids: Iterable[int | None]) -> list[int]:
    return [-number - 1 if known is None else known for number, known in enumerate(ids)]


async def _insert_new(
    connection: AsyncConnection,
    table: Table,
    ids: Sequence[int | None],
    rows: Sequence[dict[str, Any]],
) -> list[Any]:
    """The ids with every negative one replaced by that of its inserted row."""
    new = [number for number, row_id in enumerate(ids) if row_id is not None and row_id < 0]
    given: list[Any] = list(ids)
    if not new:
        return given
    if connection.dialect.name == "sqlite":
        statement = f"SELECT coalesce(max(id), 0) FROM {table.name}"
        last = int((await connection.execute(text(statement))).scalar_one())
        fresh = list(range(last + 1, last + 1 + len(new)))
    else:
        result = await connection.execute(
            text(
                f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'id'))"
                " FROM generate_series(1, :number)"
            ),
            {"number": len(new)},
        )
        fresh = [int(row[0]) for row in result]
    for number, row_id in zip(new, fresh, strict=True):
        given[number] = row_id
    names = ("id", *rows[0])
    await engine.insert_rows(
        connection, table, names, [(given[number], *rows[number].values()) for number in new]
    )
    return given
