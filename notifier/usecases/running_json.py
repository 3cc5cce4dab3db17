"""What runs as plain JSON values, for the command line, the API and the page."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.network_index import NetworkIndex
from notifier.domain.running import Push, Reason, Report
from notifier.usecases.running import Line, Running

#: Areas that are named; the rest is counted.
_NAMED = 6


def as_dict(seen: Running, zone: ZoneInfo) -> dict[str, Any]:
    """Everything that runs; times ISO 8601 with the offset of ``zone``."""
    return {
        "at": _local(seen.at, zone),
        "running": [_line(line, seen.network, zone) for line in seen.lines],
    }


def _line(line: Line, network: NetworkIndex, zone: ZoneInfo) -> dict[str, Any]:
    item = line.under_way
    return {
        "number": item.plan.number,
        "revision": item.plan.revision,
        "kind": item.plan.kind.value,
        "department": item.plan.department,
        "crew": item.content.crew,
        "works": item.content.works,
        "starts_at": _local(item.window.starts_at, zone),
        "promised_at": _local(item.promised_at, zone),
        "first_promise": _local(item.first_promise, zone),
        "phase": line.phase.value,
        "asked_at": _local(line.asked_at, zone),
        "answer_due_at": _local(line.due_at, zone),
        "confirmation": None
        if line.confirmation is None
        else report_as_dict(line.confirmation, zone),
        "points": dict(item.points),
        "areas": [
            network.areas[area].name for area in line.areas[:_NAMED] if area in network.areas
        ],
        "area_count": len(line.areas),
        "until": _local(line.until, zone),
        "is_foreseen": line.is_foreseen,
        "pushes": [_push(push, network, zone) for push in line.pushes],
        "reports": [report_as_dict(report, zone) for report in item.reports],
    }


def report_as_dict(report: Report, zone: ZoneInfo) -> dict[str, Any]:
    """What was said, by whom, and what became of it."""
    return {
        "key": report.key,
        "answer": report.answer.value,
        "promised_at": _local(report.promised_at, zone),
        "at": None if report.at is None else _local(report.at, zone),
        "said_at": _local(report.said_at, zone),
        "said_by": report.said_by,
        "note": report.note,
        "outcome": report.outcome.value,
    }


def _push(push: Push, network: NetworkIndex, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "number": push.plan.number,
        "state": push.plan.state.value,
        "department": push.plan.department,
        "crew": push.content.crew,
        "starts_at": _local(push.window.starts_at, zone),
        "ends_at": _local(push.window.ends_at, zone),
        "why": [
            {"reason": reason.value, "names": [_name(reason, key, network) for key in keys]}
            for reason, keys in push.why.items()
        ],
        "suggested": {
            "starts_at": _local(push.suggested.starts_at, zone),
            "ends_at": _local(push.suggested.ends_at, zone),
        },
    }


def _name(reason: Reason, key: str | int, network: NetworkIndex) -> str:
    if reason is Reason.AREA and key in network.areas:
        return network.areas[int(key)].name
    if reason is Reason.FEEDER and key in network.feeders:
        return network.feeders[int(key)].name
    return str(key)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()
