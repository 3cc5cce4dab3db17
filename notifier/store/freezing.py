"""Freezing impacts: which usage points many plans touch, each plan's under a number of its own."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Executable, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.matching import Match
from notifier.store import schema
from notifier.store.engine import Bulk, insert_into, insert_rows
from notifier.store.ids import take

_AREAS_A_STEP = 5_000
_POINTS_A_STEP = 10_000

#: What is to be frozen, customer by customer; areas whose customers were traced one by one; and
#: feeders that have customers of their own. The first is kept in the order of its key.
_TABLES: Mapping[str, str] = {
    "frozen": "points_id BIGINT, usage_point_id BIGINT, group_number INTEGER,"
    " PRIMARY KEY (points_id, usage_point_id)",
    "traced": "points_id BIGINT, area_id BIGINT, PRIMARY KEY (points_id, area_id)",
    "loose": "points_id BIGINT, feeder_id BIGINT, group_number INTEGER",
}
_OF_AREAS = text(
    "INSERT INTO frozen SELECT i.points_id, u.id, i.group_number FROM impact_area i"
    " CROSS JOIN usage_point u WHERE u.area_id = i.area_id"
    " AND i.points_id BETWEEN :first AND :last AND u.gone_at IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM traced t WHERE t.points_id = i.points_id AND t.area_id = i.area_id)"
    " ORDER BY i.points_id, u.id ON CONFLICT DO NOTHING"
)
_OF_FEEDERS = text(
    "INSERT INTO frozen SELECT l.points_id, u.id, l.group_number FROM loose l"
    " CROSS JOIN usage_point u WHERE u.feeder_id = l.feeder_id"
    " AND u.area_id IS NULL AND u.gone_at IS NULL ORDER BY l.points_id, u.id"
    " ON CONFLICT DO NOTHING"
)
#: The last key of the next step; none where less than a step is left.
_EDGE = text(
    "SELECT points_id, usage_point_id FROM frozen"
    " WHERE (points_id, usage_point_id) > (:points, :point)"
    " ORDER BY points_id, usage_point_id LIMIT 1 OFFSET :step"
)
_STEP = (
    "INSERT INTO impact_point SELECT points_id, usage_point_id, group_number FROM frozen"
    " WHERE (points_id, usage_point_id) > (:points, :point){until}"
    " ORDER BY points_id, usage_point_id"
)
_UNTIL_EDGE = text(_STEP.format(until=" AND (points_id, usage_point_id) <= (:to, :to_point)"))
_TO_THE_END = text(_STEP.format(until=""))


async def freeze(bulk: Bulk, matches: Sequence[Match]) -> list[int]:
    """Writes every usage point that each match touches, a few thousand at a time; answers the numbers
    under which they stand, in the order of the matches.

    Other writers get their turn in between; until ``record_matches`` names a number, nobody reads what
    stands under it. It is new with each call, and below 0 so that none is a revision's: what two
    processes match at once, on what each knew of ledger and network, or one before it died, never
    becomes a mixture.
    """
    if not matches:
        return []
    async with bulk.transaction() as connection:
        last = -await take(connection, _FROZEN, len(matches))
        await connection.execute(_never_swept(connection))
    numbered = [(last - place, match) for place, match in enumerate(matches)]
    areas = [
        (points_id, area_id, number)
        for points_id, match in reversed(numbered)
        for area_id, number in sorted({**match.traced_areas, **match.areas}.items())
    ]
    for start in range(0, len(areas), _AREAS_A_STEP):
        async with bulk.transaction() as connection:
            await insert_rows(
                connection,
                "impact_area",
                ("points_id", "area_id", "group_number"),
                areas[start : start + _AREAS_A_STEP],
            )
    await _drop(bulk.connection)
    await _gather(bulk.connection, numbered)
    await _copy(bulk, before=numbered[-1][0] - 1)
    await _drop(bulk.connection)
    return [points_id for points_id, _ in numbered]


async def sweep(bulk: Bulk) -> int:
    """Removes what was frozen and no revision came to hold, because whoever froze it died; answers how
    many impacts that were.

    Whoever has frozen something and not recorded it yet is told so by ``swept``, and does it again.
    """
    async with bulk.transaction() as connection:
        # Waits for those who are recording just now: what they hold is then among the revisions.
        await connection.execute(_SWEEP)
    orphans = [row.points_id for row in await bulk.connection.execute(_ORPHANS)]
    await forget(bulk, orphans)
    return len(orphans)


async def swept(connection: AsyncConnection, points_ids: Sequence[int]) -> set[int]:
    """Those of the numbers, just frozen, that a sweep may have come across in the meantime: they must
    not be recorded. None comes until the caller's write transaction ends."""
    block = schema.id_block
    query = select(block.c.next_id).where(block.c.name == _SWEPT).with_for_update(read=True)
    following = int(await connection.scalar(query) or 0)
    return {points_id for points_id in points_ids if -points_id < following}


_FROZEN, _SWEPT = "frozen_points", "swept_points"
#: Every number below the next to be frozen belongs to a revision by now, or to nobody.
_SWEEP = text(
    f"UPDATE id_block SET next_id = (SELECT next_id FROM id_block WHERE name = '{_FROZEN}')"
    f" WHERE name = '{_SWEPT}'"
)
#: Every number that is in a table, by leaps from one to the next: the rows of each are many.
_ALL_IN = (
    "SELECT id FROM (WITH RECURSIVE leap(id) AS (SELECT min(points_id) FROM {table} UNION ALL"
    " SELECT (SELECT min(t.points_id) FROM {table} t WHERE t.points_id > leap.id) FROM leap"
    " WHERE leap.id IS NOT NULL) SELECT id FROM leap WHERE id IS NOT NULL) AS {table}_numbers"
)
_ORPHANS = text(
    "SELECT id AS points_id FROM"
    f" ({_ALL_IN.format(table='impact_point')} UNION {_ALL_IN.format(table='impact_area')}) AS every"
    f" WHERE id > -(SELECT next_id FROM id_block WHERE name = '{_SWEPT}') AND id NOT IN"
    " (SELECT points_id FROM plan_revision WHERE points_id IS NOT NULL)"
)


def _never_swept(connection: AsyncConnection) -> Executable:
    """What makes the mark up to which was swept, where there is none: it has to be there to be held."""
    never = insert_into(connection, schema.id_block).values(name=_SWEPT, next_id=1)
    return never.on_conflict_do_nothing()


async def _gather(connection: AsyncConnection, numbered: Sequence[tuple[int, Match]]) -> None:
    """Fills the TEMP tables; nobody else's writing is held up."""
    by_key = " WITHOUT ROWID" if connection.dialect.name == "sqlite" else ""
    for name, columns in _TABLES.items():
        kept = by_key if "PRIMARY KEY" in columns else ""
        await connection.execute(text(f"CREATE TEMP TABLE {name} ({columns}){kept}"))
    # The areas of the trace are listed beside their customers, who come one by one.
    await insert_rows(
        connection,
        "traced",
        ("points_id", "area_id"),
        [(n, area) for n, m in numbered for area in sorted(m.traced_areas.keys() - m.areas.keys())],
    )
    await insert_rows(
        connection,
        "loose",
        ("points_id", "feeder_id", "group_number"),
        [(n, feeder, number) for n, m in numbered for feeder, number in m.feeders.items()],
    )
    # What was traced comes first: it knows more than the ledger.
    for points_id, match in numbered:
        if match.points:
            await insert_rows(
                connection,
                "frozen",
                ("points_id", "usage_point_id", "group_number"),
                [(points_id, point, number) for point, number in sorted(match.points.items())],
            )
    await connection.execute(_OF_AREAS, {"first": numbered[-1][0], "last": numbered[0][0]})
    await connection.execute(_OF_FEEDERS)


async def _copy(bulk: Bulk, *, before: int) -> None:
    points, point = before, 0
    while True:
        key = {"points": points, "point": point}
        edge = (await bulk.connection.execute(_EDGE, key | {"step": _POINTS_A_STEP - 1})).first()
        async with bulk.transaction() as connection:
            if edge is None:
                await connection.execute(_TO_THE_END, key)
                return
            await connection.execute(_UNTIL_EDGE, key | {"to": edge[0], "to_point": edge[1]})
        points, point = edge


async def _drop(connection: AsyncConnection) -> None:
    for table in _TABLES:
        await connection.execute(text(f"DROP TABLE IF EXISTS {table}"))


async def forget(bulk: Bulk, points_ids: Sequence[int]) -> None:
    """Removes what was frozen under numbers that no revision names, a few thousand at a time."""
    for points_id in points_ids:
        while True:
            async with bulk.transaction() as connection:
                result = await connection.execute(
                    text(
                        "DELETE FROM impact_point WHERE points_id = :points AND usage_point_id IN"
                        " (SELECT usage_point_id FROM impact_point WHERE points_id = :points"
                        " LIMIT :step)"
                    ),
                    {"points": points_id, "step": _POINTS_A_STEP},
                )
                if not result.rowcount:
                    await connection.execute(
                        text("DELETE FROM impact_area WHERE points_id = :points"),
                        {"points": points_id},
                    )
                    break
