"""Interruptions: what people went without and will, counted over any look-back by area and customer.

Rows are few: one an area and window, however many live there. Where a plan hits a part of an area,
its customers are counted one by one through the frozen impact. Windows of one area that overlap or
touch are one interruption: two works share it.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import Criticality
from notifier.domain.happened import Share
from notifier.domain.history import Entry, Known
from notifier.domain.reliability import Census, Hits, Interruption, LookBack
from notifier.domain.reliability_report import HitsByMonth, Month
from notifier.store import interruption_sql as sql
from notifier.store import schema
from notifier.store.columns import to_millis
from notifier.store.engine import insert_rows, with_lists

_AREAS_AT_ONCE = 5_000
_KEPT_AT_ONCE = 2_000
#: Parts that fit into one number.
_BITS = 60
_UNCOUNTED = text(
    "SELECT id FROM plan WHERE counted_revision <> revision OR counted_state <> state"
    " ORDER BY id LIMIT :limit"
)
_COLUMNS = (
    "plan_id", "revision", "file_digest", "file_sheet", "file_row", "kind", "quality", "is_firm",
    "starts_at", "ends_at", "feeder_id", "area_id", "usage_point_id", "customers", "is_whole",
    "points_id", "group_number", "cause", "event_key",
)  # fmt: skip


class Interruptions:
    """Interruptions on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def uncounted(self, limit: int = 100) -> list[int]:
        """Plans whose interruptions do not follow their present revision and state yet."""
        return list((await self._connection.scalars(_UNCOUNTED, {"limit": limit})).all())

    async def shares(self, points_id: int) -> list[Share]:
        """A frozen impact by area and group."""
        result = await self._connection.execute(
            text(
                "SELECT s.area_id, coalesce(a.feeder_id, s.feeder_id) AS feeder_id, s.group_number,"
                " s.customers, CASE WHEN s.area_id IS NULL THEN 0 ELSE (SELECT count(*) FROM usage_point u"
                "  WHERE u.area_id = s.area_id AND u.gone_at IS NULL) END AS present"
                " FROM (SELECT u.area_id, CASE WHEN u.area_id IS NULL THEN u.feeder_id END AS feeder_id,"
                "  p.group_number, count(*) AS customers FROM impact_point p"
                "  JOIN usage_point u ON u.id = p.usage_point_id WHERE p.points_id = :points"
                "  GROUP BY 1, 2, 3) AS s LEFT JOIN area a ON a.id = s.area_id ORDER BY 1, 3"
            ),
            {"points": points_id},
        )
        return [
            Share(
                row.area_id,
                row.feeder_id,
                row.group_number,
                row.customers,
                row.area_id is not None and row.customers >= row.present,
            )
            for row in result
        ]

    async def replace(
        self,
        plan_id: int,
        revision: int,
        state: str,
        rows: Sequence[tuple[int, Interruption]],
    ) -> None:
        """Has the interruptions of a plan be just these, each with the number of the revision that says
        so, and remembers that they follow ``revision`` and ``state``. Doing it twice changes nothing."""
        table = schema.interruption
        # First: on PostgreSQL whoever else counts this plan waits here, and sees these rows.
        await self._connection.execute(
            update(schema.plan)
            .where(schema.plan.c.id == plan_id)
            .values(counted_revision=revision, counted_state=state)
        )
        await self._connection.execute(delete(table).where(table.c.plan_id == plan_id))
        await insert_rows(
            self._connection,
            table,
            _COLUMNS,
            [_row(item, plan=(plan_id, number)) for number, item in rows],
        )

    async def keep(self, digest: str, entries: Sequence[Entry]) -> dict[str, int]:
        """Keeps interruptions that a file reports, each under its key: how many are added, changed (the
        file says otherwise than the one before it) and known."""
        counted = {"added": 0, "changed": 0, "known": 0}
        for start in range(0, len(entries), _KEPT_AT_ONCE):
            part = entries[start : start + _KEPT_AT_ONCE]
            result = await self._connection.execute(_KNOWN, {"keys": [item.key for item in part]})
            known = {row.event_key: tuple(row)[1:] for row in result}
            wanted = []
            for item in part:
                said = _said(item.interruption)
                if known.get(item.key) == said:
                    counted["known"] += 1
                    continue
                counted["changed" if item.key in known else "added"] += 1
                wanted.append(item)
            changed = [item.key for item in wanted if item.key in known]
            if changed:
                await self._connection.execute(_FORGET, {"keys": changed})
            await insert_rows(
                self._connection,
                schema.interruption,
                _COLUMNS,
                [
                    _row(item.interruption, file=(digest, item.sheet, item.row), key=item.key)
                    for item in wanted
                ],
            )
        return counted

    async def points(self, accounts: Collection[str]) -> dict[str, Known]:
        """The usage points of these accounts, those that are gone too: it happened to them."""
        found: dict[str, Known] = {}
        asked = sorted(accounts)
        for start in range(0, len(asked), _AREAS_AT_ONCE):
            part = asked[start : start + _AREAS_AT_ONCE]
            for row in await self._connection.execute(_POINTS, {"accounts": part}):
                found[row.account] = Known(row.id, row.area_id, row.feeder_id)
        return found

    async def rolling(self, wanted: LookBack) -> list[Hits]:
        """How often each area's customers were interrupted in a look-back.

        Areas in which all customers went through the same come once, without criticality; the others by
        criticality and counts, customer by customer. Customers without any interruption are left out, and
        so are interruptions of which only a number on a feeder is known.
        """
        return _hits(await _counted(self._connection, wanted))

    async def rolling_by_month(self, wanted: LookBack, months: Sequence[Month]) -> HitsByMonth:
        """``rolling`` of a look-back, and of each of the months that it consists of, in one pass."""
        rows = await _counted(self._connection, wanted, months)
        parts: list[list[_Row]] = [[] for _ in months]
        for row in rows:
            parts[row.part].append(row)
        return _hits(rows), [_hits(part) for part in parts]

    async def census(self, areas: Collection[int]) -> Census:
        """The present customers of these areas by criticality. Changes only with the ledger."""
        counted: dict[int, dict[Criticality, int]] = {}
        chosen = sorted(set(areas))
        for start in range(0, len(chosen), _AREAS_AT_ONCE):
            part = chosen[start : start + _AREAS_AT_ONCE]
            for row in await self._connection.execute(_CENSUS, {"areas": part}):
                counted.setdefault(row.area_id, {})[Criticality(row.criticality)] = row.customers
        return counted


_POINTS = with_lists(
    "SELECT u.account, u.id, u.area_id, coalesce(a.feeder_id, u.feeder_id) AS feeder_id"
    " FROM usage_point u LEFT JOIN area a ON a.id = u.area_id WHERE u.account IN :accounts",
    "accounts",
)
_KNOWN = with_lists(
    "SELECT event_key, kind, quality, starts_at, ends_at, customers, is_whole, cause"
    " FROM interruption WHERE event_key IN :keys",
    "keys",
)
_FORGET = with_lists("DELETE FROM interruption WHERE event_key IN :keys", "keys")


def _said(item: Interruption) -> tuple[Any, ...]:
    """What ``_KNOWN`` would read of it."""
    return (
        int(item.kind),
        int(item.quality),
        to_millis(item.starts_at),
        None if item.ends_at is None else to_millis(item.ends_at),
        item.customers,
        item.is_whole,
        item.cause,
    )


def _row(
    item: Interruption,
    *,
    plan: tuple[int | None, int | None] = (None, None),
    file: tuple[str | None, str | None, int | None] = (None, None, None),
    key: str | None = None,
) -> tuple[Any, ...]:
    return (
        *plan,
        *file,
        int(item.kind),
        int(item.quality),
        item.is_firm,
        to_millis(item.starts_at),
        None if item.ends_at is None else to_millis(item.ends_at),
        item.feeder_id,
        item.area_id,
        item.usage_point_id,
        item.customers,
        item.is_whole,
        item.points_id,
        item.group_number,
        item.cause,
        key,
    )


class _Row(NamedTuple):
    """The counts of one month of an area (``point`` None) or of the customers like ``point``."""

    point: int | None
    part: int
    area_id: int | None
    feeder_id: int | None
    criticality: int | None
    customers: int
    outs: int
    shorts: int


async def _counted(
    connection: AsyncConnection, wanted: LookBack, months: Sequence[Month] = ()
) -> list[_Row]:
    rows, values = sql.picked(wanted)
    part = sql.month_of(months)
    by_area = _BY_AREA.format(part=part)
    statement = f"WITH {rows}, {_MIXED}, {sql.islands('picked', 'line')} {by_area}"
    found = [
        _Row(None, row.part, row.area_id, None, None, 0, row.outs, row.shorts)
        for row in await connection.execute(text(statement), values)
    ]
    places = f"WITH {rows}, {_PAIRS} {_PARTS}"
    parted = (await connection.execute(text(places), values)).all()
    areas = [row.area_id for row in parted if row.area_id is not None]
    pairs = max((row.pairs for row in parted), default=0)
    for start in range(0, len(areas), _AREAS_AT_ONCE):
        chosen = areas[start : start + _AREAS_AT_ONCE]
        found += await _by_cohort(connection, wanted, pairs, part, chosen)
    if len(areas) < len(parted):
        found += await _by_cohort(connection, wanted, pairs, part, None)
    return found


async def _by_cohort(
    connection: AsyncConnection,
    wanted: LookBack,
    pairs: int,
    part: str,
    areas: Sequence[int] | None,
) -> list[_Row]:
    """Customer by customer: those of some areas, or (None) those who hang on a feeder itself."""
    on_feeders = areas is None
    rows, values = sql.picked(wanted, areas=areas, on_feeders=on_feeders)
    cohorts = _cohorts(pairs, on_feeders=on_feeders)
    cohort_rows = _COHORT_ROWS.format(place="feeder_id" if on_feeders else "area_id")
    islands = sql.islands("cohort_rows", "point, half")
    by_cohort = _BY_COHORT.format(part=part)
    statement = f"WITH {rows}, {_PAIRS}, {cohorts}, {cohort_rows}, {islands} {by_cohort}"
    names = () if on_feeders else ("areas",)
    return [_Row(*row) for row in await connection.execute(with_lists(statement, *names), values)]


def _hits(rows: Sequence[_Row]) -> list[Hits]:
    """Months added up, then customers with the same counts together."""
    whole: dict[int, list[int]] = {}
    alike: dict[int, list[int]] = {}
    those: dict[int, _Row] = {}
    for row in rows:
        if row.point is None:
            counts = whole.setdefault(row.area_id or 0, [0, 0])
        else:
            counts = alike.setdefault(row.point, [0, 0])
            those[row.point] = row
        counts[0] += row.outs
        counts[1] += row.shorts
    customers: Counter[tuple[int, int, int, int, int]] = Counter()
    for point, (outs, shorts) in alike.items():
        row = those[point]
        key = (row.area_id or 0, row.feeder_id or 0, row.criticality or 0, outs, shorts)
        customers[key] += row.customers
    return [
        Hits(area_id=area, outs=outs, shorts=shorts)
        for area, (outs, shorts) in sorted(whole.items())
    ] + [
        Hits(
            area_id=area or None,
            outs=outs,
            shorts=shorts,
            criticality=Criticality(grade),
            customers=number,
            feeder_id=feeder or None,
        )
        for (area, feeder, grade, outs, shorts), number in sorted(customers.items())
    ]


_MIXED = """
mixed AS MATERIALIZED (
  SELECT DISTINCT area_id FROM picked WHERE NOT is_whole AND area_id IS NOT NULL
    AND (points_id IS NOT NULL OR usage_point_id IS NOT NULL)
)"""

_COUNTS = f"""
  sum(CASE WHEN {sql.MOMENTARY} THEN 0 ELSE 1 END) AS outs,
  sum(CASE WHEN {sql.MOMENTARY} THEN 1 ELSE 0 END) AS shorts
FROM islands s WHERE {sql.WITHIN}"""

_BY_AREA = f"""
SELECT s.area_id, {{part}} AS part, {_COUNTS}
  AND s.is_whole = 1 AND s.area_id IS NOT NULL AND s.area_id NOT IN (SELECT area_id FROM mixed)
GROUP BY 1, 2"""

#: The parts that were hit, numbered within their area (or feeder, for those without an area).
_PAIRS = """
pairs AS MATERIALIZED (
  SELECT d.*, row_number() OVER (
    PARTITION BY area_id, feeder_id ORDER BY points_id, group_number) - 1 AS bit
  FROM (SELECT DISTINCT area_id, CASE WHEN area_id IS NULL THEN feeder_id END AS feeder_id,
    points_id, group_number FROM picked WHERE NOT is_whole AND points_id IS NOT NULL) AS d
)"""

#: Where a part was hit, a customer by name, or all who hang on a feeder itself, with the number of
#: different parts.
_PARTS = """
SELECT p.area_id, max(coalesce(b.bit + 1, 0)) AS pairs
FROM (SELECT DISTINCT area_id FROM picked WHERE CASE WHEN is_whole THEN area_id IS NULL
  ELSE points_id IS NOT NULL OR usage_point_id IS NOT NULL END) AS p
LEFT JOIN pairs b ON b.area_id = p.area_id OR (b.area_id IS NULL AND p.area_id IS NULL)
GROUP BY p.area_id ORDER BY p.area_id"""


def _cohorts(pairs: int, *, on_feeders: bool) -> str:
    """Customers of the areas that were hit in part, by what hit them: those in the same parts, out of
    at most ``pairs``, are one cohort and are counted once. ``point`` is one of them.

    ``on_feeders``: customers without an area, by their feeders. A customer whom a file names is a
    cohort alone. CROSS JOIN: SQLite keeps the order in which tables stand, else it walks a whole
    frozen impact for each row.
    """
    words = [f"w{word}" for word in range(pairs // _BITS + 1)]
    masks = ", ".join(
        f"sum(CASE WHEN b.bit / {_BITS} = {place}"
        f" THEN CAST(1 AS BIGINT) << CAST(b.bit % {_BITS} AS INTEGER) ELSE 0 END) AS {word}"
        for place, word in enumerate(words)
    )
    member, who = "u.area_id = b.area_id", "u.area_id IN :areas"
    if on_feeders:
        member = "u.feeder_id = b.feeder_id AND u.area_id IS NULL"
        who = (
            "u.area_id IS NULL AND (u.id IN (SELECT point FROM members UNION SELECT point FROM own)"
            " OR u.feeder_id IN (SELECT feeder_id FROM picked WHERE is_whole))"
        )
    return f"""
members AS MATERIALIZED (
  SELECT u.id AS point, {masks} FROM pairs b CROSS JOIN usage_point u CROSS JOIN impact_point x
  WHERE {member} AND u.gone_at IS NULL AND x.points_id = b.points_id
    AND x.usage_point_id = u.id AND x.group_number = b.group_number GROUP BY u.id
), own AS MATERIALIZED (
  SELECT DISTINCT usage_point_id AS point FROM picked WHERE usage_point_id IS NOT NULL
), peopled AS (
  SELECT u.id, u.area_id, CASE WHEN u.area_id IS NULL THEN u.feeder_id END AS feeder_id,
    u.criticality, o.point AS own, {", ".join(words)}
  FROM usage_point u LEFT JOIN members k ON k.point = u.id LEFT JOIN own o ON o.point = u.id
  WHERE {who} AND u.gone_at IS NULL
), cohorts AS MATERIALIZED (
  SELECT min(id) AS point, area_id, feeder_id, criticality, count(*) AS customers FROM peopled
  GROUP BY area_id, feeder_id, criticality, own, {", ".join(words)}
)"""


#: The rows that hit a cohort. ``half``: what is out is joined, seconds are not.
_COHORT_ROWS = """
cohort_rows AS (
  SELECT r.*, CASE WHEN r.kind = 0 THEN 0 ELSE r.id END AS half FROM (
    SELECT p.*, c.point FROM picked p CROSS JOIN cohorts c
    WHERE p.is_whole AND c.{place} = p.{place}
    UNION ALL
    SELECT p.*, c.point FROM picked p CROSS JOIN cohorts c CROSS JOIN impact_point x
    WHERE NOT p.is_whole AND c.{place} = p.{place}
      AND x.points_id = p.points_id AND x.usage_point_id = c.point
      AND x.group_number = p.group_number
    UNION ALL
    SELECT p.*, p.usage_point_id AS point FROM picked p WHERE p.usage_point_id IS NOT NULL
  ) AS r
)"""

_BY_COHORT = f"""
SELECT c.point, n.part, c.area_id, c.feeder_id, c.criticality, c.customers, n.outs, n.shorts
FROM (SELECT s.point, {{part}} AS part, {_COUNTS} GROUP BY 1, 2) AS n
JOIN cohorts c ON c.point = n.point"""

_CENSUS = with_lists(
    "SELECT area_id, criticality, count(*) AS customers FROM usage_point"
    " WHERE area_id IN :areas AND gone_at IS NULL GROUP BY area_id, criticality",
    "areas",
)
