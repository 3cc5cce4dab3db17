"""A solved period in words and rows: what is proposed for each work, and the totals beside what was asked."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.coordination import moving, proposal, timeline
from notifier.domain.coordination.objective import Figures
from notifier.domain.impact import ImpactClass
from notifier.domain.window import Window
from notifier.usecases import coordinate_explaining
from notifier.usecases.coordinate_contracts import Solved
from notifier.usecases.coordinate_gathering import Period

_HALF_HOUR = timedelta(minutes=30)


def rows(period: Period, solved: Solved, zone: ZoneInfo) -> list[dict[str, Any]]:
    """One row an item, as the store keeps it."""
    gathered, instance, plan = period.gathered, period.instance, solved.plan
    refused = coordinate_explaining.refusals(period, solved.unmerged, zone)
    prices = coordinate_explaining.prices(period, solved.extensions, zone)
    found = []
    for item in proposal.items(instance, plan):
        work, shape = gathered.works[item.request], gathered.shapes[item.request]
        request = instance.requests[item.request]
        windows = sorted(work.content.windows)
        by = _HALF_HOUR * ((item.to_start or 0) - shape.start)
        after = [] if item.to_start is None else [moving.shifted(w, by, zone) for w in windows]
        detail = {
            "department": work.content.department,
            "works": work.content.works,
            "crew": "、".join(map(str, request.crews)),
            "feeder": "" if request.feeder is None else str(request.feeder),
            "state": work.plan.state.value,
            "customers": sum(instance.areas[area].customers for area in request.modes[0].out),
            "areas": len(request.modes[0].out),
            "frozen": gathered.why_frozen[item.request],
            "pinned": request.pinned_start is not None,
            "from": [window.as_dict(zone) for window in windows],
            "to": [window.as_dict(zone) for window in after],
            "shift_minutes": by // timedelta(minutes=1),
            "way": way_as_dict(period, item.request, item.to_mode),
            "merged_with": [
                {
                    "number": gathered.works[one.request].plan.number,
                    "customers": one.customers,
                    "areas": [_area(period, area) for area in one.areas],
                    "was_merged": one.was_shared,
                }
                for one in item.shared
            ],
            "spared_interruptions": item.spared_interruptions,
            "spared_repeats": item.spared_repeats,
            "spared_over_limit": item.spared_over_limit,
            "spared_customer_hours": item.spared_half_hours / 2,
            "told_again": item.told_again,
            "refused": refused.get(item.request, []),
            "extension": prices.get(item.request),
            "is_change": item.is_change,
        }
        found.append(
            {
                "number": work.plan.number,
                "plan_id": work.plan.id,
                "revision": work.plan.revision,
                "outcome": item.outcome.value,
                "detail": detail,
            }
        )
    return found


def way_as_dict(period: Period, request: int, mode: int) -> dict[str, Any] | None:
    """How a work is done otherwise than asked, and by which a way is known again; None: as asked."""
    if mode == period.instance.requests[request].asked_mode:
        return None
    gathered = period.gathered
    work, way = gathered.works[request], gathered.ways[request][mode - 1]
    before, asked = work.areas(ImpactClass.OUT), work.areas(ImpactClass.SHORT)
    return {
        "transferred": [_named(period, area) for area in way.short if area not in asked],
        "kept": [_named(period, a) for a in before if a not in way.out and a not in way.short],
        "tie_feeders": list(way.tie_feeders),
        "steps": way.steps_as_dicts(),
    }


def summary(period: Period, solved: Solved) -> dict[str, Any]:
    """The totals, beside what was asked, and how they were found."""
    counted = proposal.totals(period.instance, solved.plan)
    gathered = period.gathered
    gap = (solved.objective - solved.bound) / max(1, solved.objective)
    return {
        "works": len(gathered.works),
        "asked": _figures(counted.asked),
        "proposed": _figures(counted.proposed),
        "asked_objective": counted.asked_objective,
        "objective": counted.objective,
        "bound": solved.bound,
        "gap": round(gap, 6),
        "solver": solved.solver,
        "seconds": round(solved.seconds, 2),
        "is_reproducible": solved.is_reproducible,
        "left_out": [asdict(item) for item in gathered.left_out],
        "findings": [finding.as_dict() for finding in gathered.findings],
    }


def picture(
    items: Iterable[Mapping[str, Any]], run: Mapping[str, Any], zone: ZoneInfo, *, links: bool
) -> str:
    """The works of a run before and after, feeder by feeder, as SVG."""
    bars = [
        timeline.Bar(
            feeder=item["detail"]["feeder"] or "—",
            name=item["number"],
            outcome=item["outcome"],
            before=tuple(Window.from_dict(window) for window in item["detail"]["from"]),
            after=tuple(Window.from_dict(window) for window in item["detail"]["to"]),
            detail=item["detail"]["department"],
            link=f"#i-{item['number']}" if links else "",
            tie=_tie(item["detail"].get("way")),
        )
        for item in items
    ]
    first, last = (date.fromisoformat(run[name]) for name in ("first_day", "last_day"))
    return timeline.draw(bars, first, last, zone, title=f"{first} – {last}")


def _tie(way: Mapping[str, Any] | None) -> str:
    """Who carries what a way transfers; — where nobody has named the feeder."""
    return ("、".join(way["tie_feeders"]) or "—") if way and way["transferred"] else ""


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "interruptions": figures.interruptions,
        "repeats": figures.repeats,
        "over_limit": figures.over_limit,
        "customer_hours": figures.half_hours / 2,
        "transfers": figures.transfers,
        "told_again": figures.told_again,
        "moved": figures.moved,
        "deferred": figures.deferred,
    }


def _area(period: Period, position: int) -> str:
    return _named(period, period.gathered.area_ids[position])


def _named(period: Period, area_id: int) -> str:
    known = period.network.areas.get(area_id)
    return str(area_id) if known is None else known.name
