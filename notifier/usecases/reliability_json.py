"""Reliability reports as plain JSON values, the same on the command line and over the API.

Durations are minutes, ``customer_hours`` hours, shares from 0 to 1; an index without anybody served is
null. Times are ISO 8601 with the offset of the zone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.reliability import Announced, Fulfilment, Indices
from notifier.domain.reliability_report import Line, Report
from notifier.domain.reporting import Traced
from notifier.usecases.reliability import Fulfilled, Repeats

_MINUTE = timedelta(minutes=1)


def report_as_dict(report: Report, zone: ZoneInfo) -> dict[str, Any]:
    """A report; its lines have the columns of ``total`` and their place."""
    return {
        "at": _local(report.at, zone),
        "from": _local(report.starts_at, zone),
        "to": _local(report.ends_at, zone),
        "by": report.by.value,
        "momentary_minutes": report.momentary / _MINUTE,
        "cemi_n": report.cemi,
        "total": _indices(report.total),
        "lines": [_line(line) for line in report.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"id": line.id, "name": line.name, "within": line.within} | _indices(line.indices)


def _indices(found: Indices) -> dict[str, Any]:
    return {
        "served": found.served,
        "events": found.events,
        "interruptions": found.interruptions,
        "endless": found.endless,
        "momentary": found.momentary,
        "repeatedly": found.repeatedly,
        "customer_hours": round(found.customer_hours, 3),
        "saidi": _rounded(found.saidi),
        "saifi": _rounded(found.saifi),
        "caidi": _rounded(found.caidi),
        "maifi": _rounded(found.maifi),
        "cemi": _rounded(found.cemi),
    }


def repeats_as_dict(found: Repeats, zone: ZoneInfo) -> dict[str, Any]:
    """The repeat list."""
    return {
        "from": _local(found.starts_at, zone),
        "to": _local(found.ends_at, zone),
        "times": found.times,
        "customers": found.customers,
        "places": [
            {
                "area_id": place.area_id,
                "area": place.area,
                "feeder_id": place.feeder_id,
                "feeder": place.feeder,
                "interruptions": place.outs,
                "momentary": place.shorts,
                "customers": place.customers,
                "sensitive": place.sensitive,
                "critical": place.critical,
            }
            for place in found.places
        ],
        "unknown": [
            {
                "area": place.area,
                "feeder_id": place.feeder_id,
                "feeder": place.feeder,
                "interruptions": place.times,
                "customers": place.customers,
            }
            for place in found.unknown
        ],
    }


def fulfilment_as_dict(found: Fulfilled, zone: ZoneInfo) -> dict[str, Any]:
    """The fulfilment rate with every outage it is made of."""
    return {
        "from": _local(found.starts_at, zone),
        "to": _local(found.ends_at, zone),
        **_rate(found.total),
        "by_kind": [{"kind": kind, **_rate(rate)} for kind, rate in found.by_kind.items()],
        "plans": [_announced(plan, why, zone) for plan, why in found.plans],
    }


def _rate(found: Fulfilment) -> dict[str, Any]:
    return {
        "announced": found.announced,
        "fulfilled": found.fulfilled,
        "rate": _rounded(found.rate),
        "departures": dict(found.departures),
    }


def _announced(plan: Announced, why: str, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "number": plan.number,
        "kind": plan.kind,
        "told": [window.as_dict(zone) for window in sorted(plan.told)],
        "carried": [window.as_dict(zone) for window in plan.carried],
        "departure": why,
    }


def traced_as_dicts(rows: Sequence[Traced], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows behind a number."""
    return [
        {
            "id": row.id,
            "kind": row.kind.name.lower(),
            "quality": row.quality.name.lower(),
            "starts_at": _local(row.starts_at, zone),
            "ends_at": None if row.ends_at is None else _local(row.ends_at, zone),
            "customers": row.customers,
            "is_whole": row.is_whole,
            "station": row.station,
            "feeder": row.feeder,
            "area": row.area,
            "account": row.account,
            "plan": row.plan,
            "revision": row.revision,
            "file": row.file,
            "sheet": row.sheet,
            "row": row.row,
            "cause": row.cause,
        }
        for row in rows
    ]


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
