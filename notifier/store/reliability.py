"""What reliability reports are made of: sums by place and month, the rows behind them, and what was
announced."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.plan import PlanState, content_from_dict
from notifier.domain.reliability import (
    Announced,
    InterruptionKind,
    LookBack,
    Quality,
    Unnamed,
)
from notifier.domain.reliability_report import By, Month, Sums
from notifier.domain.reporting import Traced
from notifier.domain.window import Window
from notifier.store import counted_works
from notifier.store import interruption_sql as sql
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import with_lists

_DONE = frozenset({PlanState.APPROVED.value, PlanState.DONE.value})
#: A plan may be announced for one month and moved by so much at most.
_MOVES = timedelta(days=366)
_MOMENT = timedelta(seconds=1)
_PLANS_AT_ONCE = 1_000
_KEYS = {
    By.BUREAU: "NULL",
    By.MONTH: "NULL",
    By.AREA: "s.area_id",
    By.FEEDER: "s.feeder_id",
    By.STATION: "f.station_id",
}


class Reliability:
    """Counts on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sums(self, wanted: LookBack, by: By, months: Sequence[Month] = ()) -> list[Sums]:
        """Interruptions added up by place; by month the key is the place in ``months``, which follow
        each other. Whatever has no such place is under None."""
        rows, values = sql.picked(wanted)
        key = _KEYS[by]
        if by is By.MONTH:
            key = sql.month_of(months)
        statement = f"WITH {rows}, {sql.islands('picked', 'line')} {_SUMS.format(key=key)}"
        return [
            Sums(
                row.part,
                row.events,
                int(row.interruptions),
                int(row.duration),
                int(row.endless),
                int(row.momentary),
            )
            for row in await self._connection.execute(text(statement), values)
        ]

    async def unnamed(self, since: datetime, momentary: timedelta) -> list[Unnamed]:
        """What files of the past report since a moment of nobody in particular."""
        return await counted_works.unnamed(self._connection, since, momentary)

    async def traced(
        self,
        wanted: LookBack,
        by: By = By.BUREAU,
        key: int | None = None,
        *,
        after: tuple[datetime, int] | None = None,
        limit: int = 100,
    ) -> list[Traced]:
        """The rows behind a number, in order: those of an area, a feeder or a station, or all.

        ``after``: start and id of the last row of the page before.
        """
        since, last = after or (wanted.starts_at, 0)
        values = {
            "from": to_millis(since),
            "last": last,
            "until": to_millis(wanted.ends_at),
            "now": to_millis(wanted.now),
            "limit": limit,
        }
        column = {By.AREA: "i.area_id", By.FEEDER: "i.feeder_id", By.STATION: "f.station_id"}
        which = ""
        if by in column and key is not None:
            which = f" AND {column[by]} = :key"
            values["key"] = key
        result = await self._connection.execute(text(_TRACED.format(which=which)), values)
        return [
            Traced(
                id=row.id,
                kind=InterruptionKind(row.kind),
                quality=Quality(row.quality),
                starts_at=from_millis(row.starts_at),
                ends_at=None if row.ends_at is None else from_millis(row.ends_at),
                customers=row.customers,
                is_whole=bool(row.is_whole),
                area=row.area or "",
                feeder=row.feeder or "",
                station=row.station or "",
                account=row.account or "",
                plan=row.plan or "",
                revision=row.revision,
                file=row.file or "",
                sheet=row.file_sheet or "",
                row=row.file_row,
                cause=row.cause,
            )
            for row in result
        ]

    async def announced(
        self, starts_at: datetime, ends_at: datetime, now: datetime
    ) -> list[Announced]:
        """Outages that somebody was told of in advance to begin in ``[starts_at, ends_at)``, and that
        are over ``now``: cancelled, done, or past their end. Faults are not announced."""
        told = (
            await self._connection.execute(
                _TOLD,
                {
                    "until": to_millis(now),
                    "near": to_millis(starts_at - _MOVES),
                    "far": to_millis(ends_at + _MOVES),
                },
            )
        ).all()
        found = []
        for start in range(0, len(told), _PLANS_AT_ONCE):
            part = told[start : start + _PLANS_AT_ONCE]
            revisions = await self._revisions([row.id for row in part])
            for row in part:
                plan = _announced(row, revisions[row.id])
                if starts_at <= plan.told_from < ends_at and _is_over(row, now):
                    found.append(plan)
        return sorted(found, key=lambda plan: (plan.told_from, plan.number))

    async def _revisions(self, plan_ids: Sequence[int]) -> dict[int, dict[int, Any]]:
        result = await self._connection.execute(_REVISIONS, {"plans": list(plan_ids)})
        found: dict[int, dict[int, Any]] = {}
        for row in result:
            found.setdefault(row.plan_id, {})[row.number] = row
        return found


def _is_over(row: Any, now: datetime) -> bool:
    is_closed = row.state in (PlanState.CANCELLED.value, PlanState.DONE.value)
    return is_closed or from_millis(row.ends_at) <= now


def _announced(row: Any, revisions: dict[int, Any]) -> Announced:
    told, present = (
        content_from_dict(orjson.loads(revisions[number].content))
        for number in (row.told, row.revision)
    )
    carried = sorted(present.windows or present.all_windows)
    if row.restored_at is not None:
        begun = [w for w in carried if w.starts_at < from_millis(row.restored_at)] or carried[:1]
        last = max(begun)
        restored_at = max(from_millis(row.restored_at), last.starts_at + _MOMENT)
        carried = [*(w for w in begun if w != last), Window(last.starts_at, restored_at)]
    later = [orjson.loads(r.difference or "{}") for n, r in revisions.items() if n > row.told]
    return Announced(
        number=row.number,
        kind=row.kind,
        told=told.windows or told.all_windows,
        carried=tuple(carried),
        is_done=row.state in _DONE,
        is_wider=any(difference.get("added", 0) > 0 for difference in later),
    )


_SUMS = f"""
SELECT {{key}} AS part, count(DISTINCT s.source || '@' || s.starts_at) AS events,
  sum(CASE WHEN {sql.MOMENTARY} THEN 0 ELSE s.customers END) AS interruptions,
  sum(CASE WHEN {sql.MOMENTARY} OR s.is_endless = 1 THEN 0
    ELSE s.customers * (s.ends_at - s.starts_at) END) AS duration,
  sum(CASE WHEN s.kind = 0 AND s.is_endless = 1 THEN s.customers ELSE 0 END) AS endless,
  sum(CASE WHEN {sql.MOMENTARY} THEN s.customers ELSE 0 END) AS momentary
FROM islands s LEFT JOIN feeder f ON f.id = s.feeder_id
WHERE {sql.WITHIN} GROUP BY 1 ORDER BY 1"""

_TRACED = """
SELECT i.id, i.kind, i.quality, i.starts_at, i.ends_at, i.customers, i.is_whole, i.revision,
  i.file_sheet, i.file_row, i.cause, a.name AS area, f.name AS feeder, t.name AS station,
  u.account, p.number AS plan, s.name AS file
FROM interruption i LEFT JOIN area a ON a.id = i.area_id LEFT JOIN feeder f ON f.id = i.feeder_id
  LEFT JOIN station t ON t.id = f.station_id LEFT JOIN usage_point u ON u.id = i.usage_point_id
  LEFT JOIN plan p ON p.id = i.plan_id LEFT JOIN source_file s ON s.digest = i.file_digest
WHERE i.starts_at >= :from AND (i.starts_at > :from OR i.id > :last) AND i.starts_at < :until
  AND i.is_firm AND coalesce(i.ends_at, i.starts_at) <= :now{which}
ORDER BY i.starts_at, i.id LIMIT :limit"""

#: The first revision of each plan of which an advance notice left.
_TOLD = text(
    "SELECT p.id, p.number, p.kind, p.state, p.revision, p.ends_at, p.restored_at,"
    " min(r.number) AS told FROM plan p JOIN plan_revision r ON r.plan_id = p.id"
    " WHERE p.kind <> 'unplanned' AND p.created_at < :until"
    " AND p.starts_at >= :near AND p.starts_at < :far AND p.ends_at IS NOT NULL"
    " AND EXISTS (SELECT 1 FROM notice n JOIN campaign c ON c.id = n.campaign_id"
    "  JOIN batch b ON b.notice_id = n.id"
    "  WHERE n.revision_id = r.id AND c.stage = 'advance' AND b.sent_at IS NOT NULL)"
    " GROUP BY p.id, p.number, p.kind, p.state, p.revision, p.ends_at, p.restored_at"
)
_REVISIONS = with_lists(
    "SELECT plan_id, number, content, difference FROM plan_revision WHERE plan_id IN :plans",
    "plans",
)
