"""Impact, frozen: which usage points a revision touches, and how that differs from the one before."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.matching import Match
from notifier.domain.topology import LedgerPoint
from notifier.domain.window import Window
from notifier.store import schema
from notifier.store.engine import Bulk, insert_into, insert_rows
from notifier.store.ids import take

_AREAS_A_STEP = 5_000
_POINTS_A_STEP = 10_000
_LISTED_A_STEP = 10_000
_ROWS_A_TURN = 2_000


class Impacts:
    """Impacts on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def set_groups(self, revision_id: int, groups: Sequence[Group]) -> None:
        """Writes the groups of a revision that has none yet."""
        rows = [
            {
                "revision_id": revision_id,
                "number": group.number,
                "class": group.impact_class.value,
                "windows": [
                    [w.starts_at.isoformat(), w.ends_at.isoformat()] for w in group.windows
                ],
                "facts_key": group.facts_key,
                "place": group.place,
                "knowledge": group.knowledge.value,
            }
            for group in groups
        ]
        if rows:
            # Two processes may match one revision at the same time, and find the same.
            statement = insert_into(self._connection, schema.impact_group)
            await self._connection.execute(statement.on_conflict_do_nothing(), rows)

    async def groups(self, revision_id: int) -> dict[int, Group]:
        """The groups of a revision by number."""
        query = select(schema.impact_group).where(schema.impact_group.c.revision_id == revision_id)
        return {row.number: _group(row._mapping) for row in await self._connection.execute(query)}

    async def groups_of_plan(self, plan_id: int) -> list[Group]:
        """The groups of all revisions of a plan: whatever somebody may have been told."""
        query = (
            select(schema.impact_group)
            .join(
                schema.plan_revision,
                schema.plan_revision.c.id == schema.impact_group.c.revision_id,
            )
            .where(schema.plan_revision.c.plan_id == plan_id)
        )
        return [_group(row._mapping) for row in await self._connection.execute(query)]

    async def areas(self, points_id: int) -> dict[int, int]:
        """Group number by area id."""
        table = schema.impact_area
        query = select(table.c.area_id, table.c.group_number).where(table.c.points_id == points_id)
        return {row.area_id: row.group_number for row in await self._connection.execute(query)}

    async def counts(self, points_id: int) -> dict[str, dict[str, int]]:
        """Usage points by group number and criticality, both as words for JSON."""
        result = await self._connection.execute(
            text(
                "SELECT p.group_number, u.criticality, count(*) AS points FROM impact_point p"
                " JOIN usage_point u ON u.id = p.usage_point_id"
                " WHERE p.points_id = :points GROUP BY p.group_number, u.criticality"
            ),
            {"points": points_id},
        )
        counted: dict[str, dict[str, int]] = {}
        for row in result:
            counted.setdefault(str(row.group_number), {})[str(row.criticality)] = row.points
        return counted

    async def without_contact(self, points_id: int) -> dict[str, int]:
        """Usage points that no contact stands for, by criticality: nobody there can be told but by paper."""
        result = await self._connection.execute(
            text(
                "SELECT u.criticality, count(*) AS points FROM impact_point p"
                " JOIN usage_point u ON u.id = p.usage_point_id WHERE p.points_id = :points"
                " AND NOT EXISTS (SELECT 1 FROM point_contact c"
                "  WHERE c.usage_point_id = p.usage_point_id) GROUP BY u.criticality"
            ),
            {"points": points_id},
        )
        return {str(row.criticality): row.points for row in result}

    async def drift(self, points_id: int | None) -> tuple[int, int]:
        """Usage points that joined the affected areas since they were frozen, and that left them."""
        joined = await self._connection.scalar(
            text(
                "SELECT count(*) FROM impact_area i JOIN usage_point u ON u.area_id = i.area_id"
                " WHERE i.points_id = :points AND u.gone_at IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM impact_point p WHERE p.points_id = :points"
                "  AND p.usage_point_id = u.id)"
            ),
            {"points": points_id},
        )
        left = await self._connection.scalar(
            text(
                "SELECT count(*) FROM impact_point p JOIN usage_point u ON u.id = p.usage_point_id"
                " WHERE p.points_id = :points AND (u.gone_at IS NOT NULL"
                "  OR (u.area_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM impact_area i"
                "   WHERE i.points_id = :points AND i.area_id = u.area_id)))"
            ),
            {"points": points_id},
        )
        return int(joined or 0), int(left or 0)

    async def ledger_changed_since(self, moment: datetime) -> bool:
        """Whether the customer ledger was imported anew after ``moment`` (aware)."""
        found = await self._connection.scalar(
            select(schema.ledger_import.c.id)
            .where(schema.ledger_import.c.imported_at > moment)
            .limit(1)
        )
        return found is not None

    async def ledger_points(
        self,
        *,
        accounts: Sequence[str] = (),
        feeders: Sequence[int] = (),
        areas: Sequence[int] = (),
    ) -> list[LedgerPoint]:
        """The usage points of these accounts, and all of these feeders and areas, each once."""
        found: dict[int, LedgerPoint] = {}
        columns = "SELECT u.id, u.account, u.area_id, u.feeder_id FROM usage_point u"
        by_area = f"{columns} WHERE u.gone_at IS NULL AND u.area_id"
        asked: list[tuple[str, dict[str, Any]]] = [
            (
                f"{columns} WHERE u.gone_at IS NULL AND u.account IN ({self._listed()})",
                {"list": part},
            )
            for part in _parts(accounts)
        ]
        asked += [(f"{by_area} IN ({self._listed('BIGINT')})", {"list": p}) for p in _parts(areas)]
        for feeder in feeders:
            held = "SELECT id FROM area WHERE feeder_id = :feeder"
            asked += [
                (f"{by_area} IN ({held})", {"feeder": feeder}),
                (f"{by_area} IS NULL AND u.feeder_id = :feeder", {"feeder": feeder}),
            ]
        for statement, values in asked:
            async for rows in self._some(statement, values):
                found.update((row[0], LedgerPoint(*row)) for row in rows)
        return list(found.values())

    async def _some(
        self, statement: str, values: dict[str, Any]
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Rows, some thousand at a time: the event loop gets its turn in between."""
        result = await self._connection.stream(text(statement), values)
        async for rows in result.partitions(_ROWS_A_TURN):
            yield rows

    async def frozen(self, points_id: int | None) -> dict[int, int]:
        """The frozen usage points with their groups' numbers; none of what was never matched."""
        result = await self._connection.execute(
            text("SELECT usage_point_id, group_number FROM impact_point WHERE points_id = :points"),
            {"points": points_id},
        )
        return {row.usage_point_id: row.group_number for row in result}

    async def claimed(self, match: Match) -> dict[int, int]:
        """The usage points that a match takes, with their groups' numbers, as freezing would write them."""
        found: dict[int, int] = {}
        query = "SELECT id FROM usage_point WHERE gone_at IS NULL AND "
        for where, assets in (
            ("area_id = :asset", match.areas),
            ("feeder_id = :asset AND area_id IS NULL", match.feeders),
        ):
            for asset, number in assets.items():
                async for rows in self._some(query + where, {"asset": asset}):
                    found.update((row[0], number) for row in rows)
        return found | dict(match.points)

    async def accounts_of(self, point_ids: Sequence[int]) -> dict[int, str]:
        """The accounts of usage points by id."""
        found: dict[int, str] = {}
        query = f"SELECT id, account FROM usage_point WHERE id IN ({self._listed('BIGINT')})"
        for part in _parts(point_ids):
            async for rows in self._some(query, {"list": part}):
                found.update((row[0], row[1]) for row in rows)
        return found

    def _listed(self, kind: str = "TEXT") -> str:
        """A list as rows, from one parameter: however long, one statement."""
        if self._connection.dialect.name == "postgresql":
            return (
                f"SELECT CAST(value AS {kind}) FROM json_array_elements_text(CAST(:list AS json))"
            )
        return "SELECT value FROM json_each(:list)"

    async def difference(
        self,
        new: tuple[int, Mapping[int, Group]],
        old: tuple[int | None, Mapping[int, Group]] | None,
    ) -> dict[str, int]:
        """How many usage points are newly affected, no longer affected, affected otherwise, or as before.

        Both are the number under which the points are frozen, and the groups that hold for them.
        """
        if old is None:
            total = await self._connection.scalar(
                text("SELECT count(*) FROM impact_point WHERE points_id = :r"), {"r": new[0]}
            )
            return {"added": int(total or 0), "removed": 0, "changed": 0, "unchanged": 0}
        result = await self._connection.execute(
            text(
                "SELECT a.group_number AS now, b.group_number AS before, count(*) AS points"
                " FROM impact_point a LEFT JOIN impact_point b"
                "  ON b.points_id = :old AND b.usage_point_id = a.usage_point_id"
                " WHERE a.points_id = :new GROUP BY a.group_number, b.group_number"
            ),
            {"new": new[0], "old": old[0]},
        )
        counted = {"added": 0, "removed": 0, "changed": 0, "unchanged": 0}
        for row in result:
            if row.before is None:
                counted["added"] += row.points
            elif new[1][row.now].facts_key == old[1][row.before].facts_key:
                counted["unchanged"] += row.points
            else:
                counted["changed"] += row.points
        removed = await self._connection.scalar(
            text(
                "SELECT count(*) FROM impact_point b WHERE b.points_id = :old AND NOT EXISTS"
                " (SELECT 1 FROM impact_point a WHERE a.points_id = :new"
                "  AND a.usage_point_id = b.usage_point_id)"
            ),
            {"new": new[0], "old": old[0]},
        )
        counted["removed"] = int(removed or 0)
        return counted

    async def points(
        self, revision_id: int, points_id: int | None
    ) -> AsyncIterator[tuple[str, Group]]:
        """Every affected account with its group, in the order of accounts."""
        groups = await self.groups(revision_id)
        result = await self._connection.stream(
            text(
                "SELECT u.account, p.group_number FROM impact_point p"
                " JOIN usage_point u ON u.id = p.usage_point_id"
                " WHERE p.points_id = :points ORDER BY u.account"
            ),
            {"points": points_id},
        )
        async for account, number in result:
            yield account, groups[number]

    async def by_area(self, revision_id: int, points_id: int | None) -> list[dict[str, Any]]:
        """Affected areas with feeder, class, windows and number of usage points.

        An area whose customers fare differently stands once for each group.
        """
        groups = await self.groups(revision_id)
        traced = any(group.knowledge is Knowledge.TOPOLOGY for group in groups.values())
        result = await self._connection.execute(
            text(_TRACED_AREAS)
            if traced
            else text(
                "SELECT a.code, a.name, f.name AS feeder, i.group_number,"
                " (SELECT count(*) FROM usage_point u"
                "  WHERE u.area_id = a.id AND u.gone_at IS NULL) AS points"
                " FROM impact_area i JOIN area a ON a.id = i.area_id"
                " LEFT JOIN feeder f ON f.id = a.feeder_id"
                " WHERE i.points_id = :points ORDER BY f.name, a.name"
            ),
            {"points": points_id},
        )
        return [
            {
                "code": row.code,
                "name": row.name,
                "feeder": row.feeder or "",
                "group": groups[row.group_number],
                "points": int(row.points),
            }
            for row in result
        ]


#: Counted customer by customer: an area may be in several groups. Those without customers stay listed.
_TRACED_AREAS = (
    "SELECT a.code, a.name, f.name AS feeder, c.group_number, sum(c.points) AS points FROM ("
    " SELECT u.area_id, p.group_number, count(*) AS points FROM impact_point p"
    " JOIN usage_point u ON u.id = p.usage_point_id"
    " WHERE p.points_id = :points AND u.area_id IS NOT NULL GROUP BY u.area_id, p.group_number"
    " UNION ALL SELECT area_id, group_number, 0 FROM impact_area WHERE points_id = :points"
    ") c JOIN area a ON a.id = c.area_id LEFT JOIN feeder f ON f.id = a.feeder_id"
    " GROUP BY a.id, a.code, a.name, f.name, c.group_number ORDER BY f.name, a.name, c.group_number"
)


async def freeze(bulk: Bulk, match: Match) -> int:
    """Writes every usage point that the match touches, a few thousand at a time; answers the number
    they stand under.

    Other writers get their turn in between; until ``record_match`` names that number, nobody reads them.
    It is new with each call, and below 0 so that none is a revision's: what two processes match at
    once, on what each knew of ledger and network, or one before it died, never becomes a mixture.
    """
    async with bulk.transaction() as connection:
        points_id = -await take(connection, "frozen_points", 1)
    rows = [
        {"points": points_id, "area": area_id, "number": number}
        for area_id, number in sorted({**match.traced_areas, **match.areas}.items())
    ]
    for start in range(0, len(rows), _AREAS_A_STEP):
        async with bulk.transaction() as connection:
            await connection.execute(
                text("INSERT INTO impact_area VALUES (:points, :area, :number)"),
                rows[start : start + _AREAS_A_STEP],
            )
    for table in ("frozen", "traced"):
        await bulk.connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    # The areas of the trace are listed beside their customers, who come one by one.
    await bulk.connection.execute(text("CREATE TEMP TABLE traced (area_id BIGINT PRIMARY KEY)"))
    traced = sorted(match.traced_areas.keys() - match.areas.keys())
    await insert_rows(bulk.connection, "traced", ("area_id",), [(area_id,) for area_id in traced])
    await bulk.connection.execute(
        text("CREATE TEMP TABLE frozen (usage_point_id BIGINT PRIMARY KEY, group_number INTEGER)")
    )
    # What was traced comes first: it knows more than the ledger.
    await insert_rows(
        bulk.connection, "frozen", ("usage_point_id", "group_number"), sorted(match.points.items())
    )
    await bulk.connection.execute(
        text(
            "INSERT INTO frozen SELECT u.id, i.group_number FROM impact_area i"
            " JOIN usage_point u ON u.area_id = i.area_id"
            " WHERE i.points_id = :points AND u.gone_at IS NULL"
            " AND i.area_id NOT IN (SELECT area_id FROM traced) ORDER BY u.id"
            " ON CONFLICT DO NOTHING"
        ),
        {"points": points_id},
    )
    for feeder_id, number in match.feeders.items():
        await bulk.connection.execute(
            text(
                "INSERT INTO frozen SELECT u.id, CAST(:number AS INTEGER) FROM usage_point u"
                " WHERE u.feeder_id = :feeder AND u.area_id IS NULL AND u.gone_at IS NULL"
                " ON CONFLICT DO NOTHING"
            ),
            {"feeder": feeder_id, "number": number},
        )
    last = -1
    while True:
        edge = await bulk.connection.scalar(
            text(
                "SELECT max(usage_point_id) FROM (SELECT usage_point_id FROM frozen"
                " WHERE usage_point_id > :last ORDER BY usage_point_id LIMIT :step) AS step"
            ),
            {"last": last, "step": _POINTS_A_STEP},
        )
        if edge is None:
            break
        async with bulk.transaction() as connection:
            await connection.execute(
                text(
                    "INSERT INTO impact_point SELECT CAST(:points AS BIGINT), usage_point_id, group_number"
                    " FROM frozen WHERE usage_point_id > :last AND usage_point_id <= :edge"
                    " ORDER BY usage_point_id"
                ),
                {"points": points_id, "last": last, "edge": edge},
            )
        last = edge
    await bulk.connection.execute(text("DROP TABLE frozen"))
    await bulk.connection.execute(text("DROP TABLE traced"))
    return points_id


async def forget(bulk: Bulk, points_id: int) -> None:
    """Removes what was frozen under a number that no revision names, a few thousand at a time."""
    while True:
        async with bulk.transaction() as connection:
            result = await connection.execute(
                text(
                    "DELETE FROM impact_point WHERE points_id = :points AND usage_point_id IN (SELECT"
                    " usage_point_id FROM impact_point WHERE points_id = :points LIMIT :step)"
                ),
                {"points": points_id, "step": _POINTS_A_STEP},
            )
            if not result.rowcount:
                await connection.execute(
                    text("DELETE FROM impact_area WHERE points_id = :points"),
                    {"points": points_id},
                )
                return


def _parts(values: Sequence[Any]) -> list[str]:
    """A long list as JSON, part by part."""
    return [
        json.dumps(values[start : start + _LISTED_A_STEP])
        for start in range(0, len(values), _LISTED_A_STEP)
    ]


def _group(row: Mapping[Any, Any]) -> Group:
    return Group(
        number=row["number"],
        impact_class=ImpactClass(row["class"]),
        windows=tuple(Window.from_text(start, end) for start, end in row["windows"]),
        place=row["place"],
        knowledge=Knowledge(row["knowledge"]),
    )
