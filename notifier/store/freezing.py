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

#: One number names a usage point in one of the matches: (its points_id - the lowest) * _SPAN + its id.
#: A key of two columns would cost PostgreSQL half as much again.
_SPAN = 2**40
#: What is to be frozen, customer by customer; areas whose customers were traced one by one; and
#: feeders that have customers of their own.
_TABLES: Mapping[str, str] = {
    "frozen": "key {key} PRIMARY KEY, group_number INTEGER",
    "traced": "points_id BIGINT, area_id BIGINT, PRIMARY KEY (points_id, area_id)",
    "loose": "points_id BIGINT, feeder_id BIGINT, group_number INTEGER",
}
_OF_AREAS = text(
    f"INSERT INTO frozen SELECT (i.points_id - :low) * {_SPAN} + u.id, i.group_number"
    " FROM impact_area i CROSS JOIN usage_point u WHERE u.area_id = i.area_id"
    " AND i.points_id BETWEEN :low AND :high AND u.gone_at IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM traced t WHERE t.points_id = i.points_id AND t.area_id = i.area_id)"
    " ORDER BY 1 ON CONFLICT DO NOTHING"
)
_OF_FEEDERS = text(
    f"INSERT INTO frozen SELECT (l.points_id - :low) * {_SPAN} + u.id, l.group_number"
    " FROM loose l CROSS JOIN usage_point u WHERE u.feeder_id = l.feeder_id"
    " AND u.area_id IS NULL AND u.gone_at IS NULL ORDER BY 1 ON CONFLICT DO NOTHING"
)
_EDGE = text(
    "SELECT max(key) FROM"
    " (SELECT key FROM frozen WHERE key > :last ORDER BY key LIMIT :step) AS step"
)
_COPY = text(
    f"INSERT INTO impact_point SELECT CAST(:low AS BIGINT) + key / {_SPAN}, key % {_SPAN}, group_number"
    " FROM frozen WHERE key > :last AND key <= :edge ORDER BY key"
)


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
        low = 1 - await take(connection, _FROZEN, len(matches)) - len(matches)
        await connection.execute(_never_swept(connection))
    numbered = list(enumerate(matches, start=low))
    areas = [
        (points_id, area_id, number)
        for points_id, match in numbered
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
    await _copy(bulk, low)
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
    f" WHERE id < 0 AND id > -(SELECT next_id FROM id_block WHERE name = '{_SWEPT}') AND id NOT IN"
    " (SELECT points_id FROM plan_revision WHERE points_id IS NOT NULL)"
)


def _never_swept(connection: AsyncConnection) -> Executable:
    """What makes the mark up to which was swept, where there is none: it has to be there to be held."""
    never = insert_into(connection, schema.id_block).values(name=_SWEPT, next_id=1)
    return never.on_conflict_do_nothing()


async def _gather(connection: AsyncConnection, numbered: Sequence[tuple[int, Match]]) -> None:
    """Fills the TEMP tables; nobody else's writing is held up."""
    key = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"  # the row's own number
    for name, columns in _TABLES.items():
        await connection.execute(text(f"CREATE TEMP TABLE {name} ({columns.format(key=key)})"))
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
    for place, (_, match) in enumerate(numbered):
        if match.points:
            await insert_rows(
                connection,
                "frozen",
                ("key", "group_number"),
                [(place * _SPAN + point, n) for point, n in sorted(match.points.items())],
            )
    low, high = numbered[0][0], numbered[-1][0]
    await connection.execute(_OF_AREAS, {"low": low, "high": high})
    await connection.execute(_OF_FEEDERS, {"low": low})


async def _copy(bulk: Bulk, low: int) -> None:
    last = -1
    while True:
        step = {"last": last, "step": _POINTS_A_STEP}
        edge = await bulk.connection.scalar(_EDGE, step)
        if edge is None:
            return
        async with bulk.transaction() as connection:
            await connection.execute(_COPY, {"low": low, "last": last, "edge": edge})
        last = edge


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
