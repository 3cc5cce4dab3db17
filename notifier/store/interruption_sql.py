"""The SQL that interruptions are counted by, the same for look-backs and for reports.

Rows are picked, joined where two works share an interruption, and each that results is momentary or
sustained. It reads alike to SQLite and PostgreSQL, and says what ``domain.reliability`` says.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from notifier.domain.reliability import MILLISECOND, LookBack
from notifier.domain.reliability_report import Month
from notifier.store.columns import to_millis

#: Works that began so long before a period, or begin so long after it, may still share an
#: interruption with one inside it.
_REACH = timedelta(days=7)
#: The negation of ``reliability.is_sustained`` for an island ``s``.
MOMENTARY = "(s.kind = 1 OR (s.is_endless = 0 AND s.ends_at - s.starts_at <= :momentary))"
#: Islands that begin in the period.
WITHIN = "s.starts_at >= :from AND s.starts_at < :until"


def picked(
    wanted: LookBack, *, areas: Collection[int] | None = None, on_feeders: bool = False
) -> tuple[str, dict[str, Any]]:
    """The rows of a look-back as the CTE ``picked``, with the values it is bound to.

    With ``areas`` it wants a list of that name; ``on_feeders``: only those without an area. Within its
    ``line`` rows are joined: an area hit as a whole, and all customers who hang on a feeder itself;
    seconds, and a part of an area, are joined with nothing here.
    """
    values: dict[str, Any] = {
        "reach_from": to_millis(wanted.starts_at - _REACH),
        "reach_until": to_millis(wanted.ends_at + _REACH),
        "from": to_millis(wanted.starts_at),
        "until": to_millis(wanted.ends_at),
        "now": to_millis(wanted.now),
        "momentary": wanted.momentary // MILLISECOND,
    }
    which = ""
    if on_feeders:
        which = " AND i.area_id IS NULL"
    elif areas is not None:
        which = " AND i.area_id IN :areas"
        values["areas"] = sorted(areas)
    cte = f"""
picked AS MATERIALIZED (
  SELECT i.id, i.kind, i.starts_at, i.ends_at, i.area_id, i.feeder_id, i.usage_point_id,
    i.customers, i.is_whole, i.points_id, i.group_number,
    CASE WHEN i.plan_id IS NULL THEN i.file_digest || ':' || i.file_sheet || ':' || i.file_row
      ELSE 'plan:' || i.plan_id END AS source,
    CASE WHEN i.kind = 0 AND i.is_whole AND i.area_id IS NOT NULL THEN 3 * i.area_id
      WHEN i.kind = 0 AND i.is_whole THEN 3 * i.feeder_id + 1 ELSE 3 * i.id + 2 END AS line
  FROM interruption i
  WHERE i.starts_at >= :reach_from AND i.starts_at < :reach_until AND i.is_firm
    AND coalesce(i.ends_at, i.starts_at) <= :now{which}
)"""
    return cte, values


def month_of(months: Sequence[Month]) -> str:
    """In which of the months, which follow each other, an island begins: its place among them."""
    cases = " ".join(
        f"WHEN s.starts_at < {to_millis(month.ends_at)} THEN {place}"
        for place, month in enumerate(months)
    )
    return f"CASE {cases} END" if cases else "0"


def islands(rows: str, line: str) -> str:
    """``reliability.joined`` within ``line``: the CTEs up to ``islands``. Where nobody said an end, it
    is ``reliability.without_end``."""
    return f"""
edges AS (
  SELECT p.*, CASE WHEN p.starts_at <= max(coalesce(p.ends_at, p.starts_at + :momentary + 1)) OVER (
      PARTITION BY {line} ORDER BY p.starts_at, p.id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS is_new
  FROM {rows} p
), numbered AS (
  SELECT e.*, sum(e.is_new) OVER (PARTITION BY {line} ORDER BY e.starts_at, e.id) AS island
  FROM edges e
), islands AS (
  SELECT {line}, min(area_id) AS area_id, min(feeder_id) AS feeder_id,
    max(customers) AS customers, min(starts_at) AS starts_at, max(ends_at) AS ends_at,
    min(kind) AS kind, max(CASE WHEN ends_at IS NULL THEN 1 ELSE 0 END) AS is_endless,
    max(CASE WHEN is_whole THEN 1 ELSE 0 END) AS is_whole, min(source) AS source
  FROM numbered GROUP BY {line}, island
)"""
