"""The pages of reports: indices of a period with a bar a month, repeats, plans kept; and the rows behind
each number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import ValidationError

from notifier.domain.reliability_report import By, Line
from notifier.store.columns import from_millis, to_millis
from notifier.store.reliability import Reliability
from notifier.usecases import reliability
from notifier.web import console, errors, pages, paging, principals
from notifier.web.context import SERVICE
from notifier.web.reports_api import PeriodQuery

#: Rows of a table on a page; the command line and the API have all of them.
_SHOWN = 60
_A_PAGE = 100
_PLACES = (By.STATION, By.FEEDER, By.AREA)
#: The chart's own units: a month is so wide, the highest bar so high.
_MONTH_WIDTH, _HEIGHT = 60, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A month of the chart. ``value`` None: no index. Places are in the chart's own units."""

    label: str
    value: float | None
    x: int
    y: float
    height: float


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/reports", show_reports)
    app.router.add_get("/reports/interruptions", show_interruptions)


async def show_reports(request: web.Request) -> web.StreamResponse:
    """Indices of a period in all, by month and by place; who is hit again and again; plans kept."""
    who = await console.reader(request)
    service = request.app[SERVICE]
    setting, now = service.setting, service.clock.now()
    period = _period(request, now.astimezone(setting.zone).date())
    by = _chosen(request)
    since, until = period.moments(setting.zone)
    rules = setting.policy.counting
    async with service.store.read() as tx:
        sources = Reliability(tx.connection)
        common: dict[str, Any] = {"rules": rules, "zone": setting.zone, "now": now}
        places = await reliability.report(tx, sources, since, until, by=by, **common)
        months = await reliability.report(tx, sources, since, until, by=By.MONTH, **common)
        repeats = await reliability.repeats(tx, sources, now, rules)
        kept = await reliability.fulfilment(sources, since, until, rules=rules, now=now)
    span = {"from": period.since.isoformat(), "to": period.until.isoformat()}
    look_back = {
        "from": repeats.starts_at.astimezone(setting.zone).date().isoformat(),
        "to": (now.astimezone(setting.zone).date() + timedelta(days=1)).isoformat(),
    }
    return pages.render(
        request,
        "reports.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        period=period,
        by=by.value,
        report=places,
        lines=[(line, _rows_of(span, by, line.id)) for line in places.lines[:_SHOWN]],
        more=max(0, len(places.lines) - _SHOWN),
        months=[(line, _rows_of(_month_of(line, period), By.BUREAU, None)) for line in months.lines],
        bars=bars(months.lines),
        width=_MONTH_WIDTH * len(months.lines),
        all_rows=_rows_of(span, By.BUREAU, None),
        repeats=repeats,
        repeated=[
            (place, _rows_of(look_back, By.AREA, place.area_id))
            for place in repeats.places[:_SHOWN]
        ],
        kept=kept,
        departed=[(plan, why) for plan, why in kept.plans if why][:_SHOWN],
        spans=_spans(now.astimezone(setting.zone).date(), period, by),
        places=[
            {"value": place.value, "is_on": place is by,
             "href": "?" + urlencode({**span, "by": place.value})}
            for place in _PLACES
        ],
    )  # fmt: skip


async def show_interruptions(request: web.Request) -> web.StreamResponse:
    """The rows behind a number: those of an area, a feeder or a station, or all of a period."""
    who = await console.reader(request)
    service = request.app[SERVICE]
    setting, now = service.setting, service.clock.now()
    period = _period(request, now.astimezone(setting.zone).date())
    by = _chosen(request)
    raw = request.query.get("id", "")
    key = int(raw) if raw.isdecimal() and len(raw) < 18 else None
    since, until = period.moments(setting.zone)
    place = paging.decode(request.query.get("cursor", ""), 2)
    async with service.store.read() as tx:
        rows = await Reliability(tx.connection).traced(
            reliability.look_back(since, until, setting.policy.counting, now),
            by,
            key,
            after=None if place is None else (from_millis(place[0]), place[1]),
            limit=_A_PAGE + 1,
        )
    chosen = {"from": period.since.isoformat(), "to": period.until.isoformat()}
    back = "/reports?" + urlencode(chosen)
    if key is not None:
        chosen |= {"by": by.value, "id": str(key)}
    shown = rows[:_A_PAGE]
    following = ""
    if len(rows) > _A_PAGE:
        cursor = paging.encode(to_millis(shown[-1].starts_at), shown[-1].id)
        following = "?" + urlencode({**chosen, "cursor": cursor})
    return pages.render(
        request,
        "interruptions.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        period=period,
        rows=shown,
        back=back,
        following=following,
        is_first=place is None,
    )


def bars(lines: Sequence[Line]) -> list[Bar]:
    """SAIDI of each month as a bar; the highest fills the chart."""
    values = [line.indices.saidi for line in lines]
    highest = max((value for value in values if value), default=1.0)
    found = []
    for place, (line, value) in enumerate(zip(lines, values, strict=True)):
        height = round(_HEIGHT * (value or 0.0) / highest, 1)
        found.append(
            Bar(
                label=line.name,
                value=value,
                x=place * _MONTH_WIDTH,
                y=round(_HEIGHT - height, 1),
                height=height,
            )
        )
    return found


def _period(request: web.Request, today: date) -> PeriodQuery:
    """The period of the address; without one, this month and the eleven before it. Raises
    ``errors.RequestInvalid``."""
    first, _ = _last_year(today)
    raw = {
        "from": request.query.get("from") or first.isoformat(),
        "to": request.query.get("to") or (today + timedelta(days=1)).isoformat(),
    }
    try:
        return PeriodQuery.model_validate(raw)
    except ValidationError as error:
        raise errors.RequestInvalid(error) from None


def _last_year(today: date) -> tuple[date, date]:
    first = today.replace(day=1)
    return date(first.year - (first.month < 12), first.month % 12 + 1, 1), today + timedelta(days=1)


def _chosen(request: web.Request) -> By:
    """By what the table is divided; an address that says nothing, or nonsense, means by feeder."""
    said = request.query.get("by", "")
    return next((place for place in _PLACES if place.value == said), By.FEEDER)


def _spans(today: date, period: PeriodQuery, by: By) -> list[dict[str, Any]]:
    """Periods that are often asked for, as links; the one in force marked."""
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    tomorrow = today + timedelta(days=1)
    known = (
        ("本月 This month", month, tomorrow),
        ("上月 Last month", before, month),
        ("今年 This year", today.replace(month=1, day=1), tomorrow),
        ("近12个月 12 months", *_last_year(today)),
    )
    return [
        {
            "label": label,
            "href": "?" + urlencode({"from": first, "to": last, "by": by.value}),
            "is_on": (period.since, period.until) == (first, last),
        }
        for label, first, last in known
    ]


def _month_of(line: Line, period: PeriodQuery) -> dict[str, str]:
    """A month as days, cut to the period as its figures are."""
    first = date.fromisoformat(f"{line.name}-01")
    last = (first + timedelta(days=32)).replace(day=1)
    return {
        "from": max(first, period.since).isoformat(),
        "to": min(last, period.until).isoformat(),
    }


def _rows_of(span: dict[str, str], by: By, key: int | None) -> str:
    """The address of the rows behind a number."""
    what = {"by": by.value, "id": str(key)} if key is not None else {}
    return "/reports/interruptions?" + urlencode(span | what)
