"""Impact, frozen: which usage points a revision touches, and how that differs from the one before."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.matching import Match
from notifier.domain.topology import LedgerPoint
from notifier.domain.window import Window
from notifier.store import freezing, schema
from notifier.store.engine import insert_into

_LISTED_A_STEP = 10_000
_ROWS_A_TURN = 2_000


class Impacts:
    """Impacts on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def set_groups(self, groups: Mapping[int, Sequence[Group]]) -> None:
        """Writes the groups of each revision, by id, that has none yet."""
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
            for revision_id, those in groups.items()
            for group in those
        ]
        if rows:
            # Two processes may match one revision at the same time, and find the same.
            statement = insert_into(self._connection, schema.impact_group)
            await self._connection.execute(statement.on_conflict_do_nothing(), rows)

    async def groups(self, revision_id: int) -> dict[int, Group]:
        """The groups of a revision by number."""
        return (await self.groups_of([revision_id]))[revision_id]

    async def groups_of(self, revision_ids: Sequence[int]) -> dict[int, dict[int, Group]]:
        """The groups of each revision by number."""
        found: dict[int, dict[int, Group]] = {revision_id: {} for revision_id in revision_ids}
        table = schema.impact_group
        query = select(table).where(table.c.revision_id.in_(revision_ids))
        for row in await self._connection.execute(query):
            found[row.revision_id][row.number] = _group(row._mapping)
        return found

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

    async def counts(self, points_ids: Sequence[int]) -> dict[int, dict[str, dict[str, int]]]:
        """Of each frozen impact, the usage points by group number and criticality, as words for JSON."""
        counted: dict[int, dict[str, dict[str, int]]] = {number: {} for number in points_ids}
        async for row in self._of_each(
            "SELECT p.points_id, p.group_number, u.criticality, count(*) AS points"
            " FROM impact_point p CROSS JOIN usage_point u"
            " WHERE u.id = p.usage_point_id AND p.points_id IN ({listed}) GROUP BY 1, 2, 3",
            points_ids,
        ):
            by_group = counted[row.points_id].setdefault(str(row.group_number), {})
            by_group[str(row.criticality)] = row.points
        return counted

    async def without_contact(self, points_ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """Of each frozen impact, the usage points that no contact stands for, by criticality: nobody
        there can be told but by paper."""
        counted: dict[int, dict[str, int]] = {number: {} for number in points_ids}
        async for row in self._of_each(
            "SELECT p.points_id, u.criticality, count(*) AS points FROM impact_point p"
            " CROSS JOIN usage_point u WHERE u.id = p.usage_point_id AND p.points_id IN ({listed})"
            " AND NOT EXISTS (SELECT 1 FROM point_contact c"
            "  WHERE c.usage_point_id = p.usage_point_id) GROUP BY 1, 2",
            points_ids,
        ):
            counted[row.points_id][str(row.criticality)] = row.points
        return counted

    async def _of_each(self, query: str, points_ids: Sequence[int]) -> AsyncIterator[Row[Any]]:
        """Joined in the order in which they are written: SQLite would know no better."""
        for part in _parts(points_ids):
            statement = text(query.format(listed=self._listed("BIGINT")))
            for row in await self._connection.execute(statement, {"list": part}):
                yield row

    async def swept(self, points_ids: Sequence[int]) -> set[int]:
        """Those of the numbers, just frozen, that a sweep may have come across: not to be recorded."""
        return await freezing.swept(self._connection, points_ids)

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
        old: tuple[int, Mapping[int, Group]],
    ) -> dict[str, int]:
        """How many usage points are newly affected, no longer affected, affected otherwise, or as before.

        Both are the number under which the points are frozen, and the groups that hold for them.
        """
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
