"""The page of running outages: live, for a phone in the control room's hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from notifier.domain import errors, running
from notifier.domain.running import Answer, Push
from notifier.domain.window import require_plausible
from notifier.store.coordination_works import Works
from notifier.usecases import running as usecase
from notifier.usecases.running import Line
from notifier.usecases.running_json import as_dict
from notifier.web import pages, principals, running_api, running_words
from notifier.web.console import reader, writer
from notifier.web.context import SERVICE, Principal
from notifier.web.endpoints import WRITERS

_WIDTH = 1000


class FormInvalid(errors.Invalid):
    """A field of the form does not hold what it asks for."""

    code = "running.form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One running outage as the page shows it. ``elapsed`` is of ``_WIDTH``; ``left`` is negative
    once the promised end has passed."""

    line: Line
    elapsed: int
    left: timedelta
    out: int
    places: list[str]
    place_count: int
    moves: list["Move"]
    is_alarming: bool
    later: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An outage that would have to move; ``why`` in codes with the names that are shared."""

    push: Push
    why: list[dict[str, Any]]
    suggested: str


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/running", show_running)
    app.router.add_get("/fragments/running", show_running_part)
    app.router.add_post("/running/{number}/report", report)
    app.router.add_post("/running/{number}/moves", move)


async def show_running(request: web.Request) -> web.StreamResponse:
    """The page."""
    who = await reader(request)
    return pages.render(request, "running.html.j2", who=who, **await _shown(request, who))


async def show_running_part(request: web.Request) -> web.StreamResponse:
    """The part of it that changes."""
    who = await reader(request)
    return pages.render(request, "running_part.html.j2", who=who, **await _shown(request, who))


async def report(request: web.Request) -> web.StreamResponse:
    """Takes what the office heard from the crew."""
    who, fields = await writer(request, WRITERS)
    service = request.app[SERVICE]
    try:
        answer = Answer(fields.get("answer", ""))
    except ValueError as error:
        raise FormInvalid("请选择按时、延迟或已送电 / say on time, late or restored.") from error
    at = None
    if answer is not Answer.ON_TIME:
        at = _moment(fields.get("at", ""), service.setting.zone)
    await usecase.report(
        service.store,
        Works(service.store.database),
        service.setting,
        request.match_info["number"],
        usecase.Said(answer=answer, at=at, note=fields.get("note", "")[:1000]),
        None,
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther("/running")


async def move(request: web.Request) -> web.StreamResponse:
    """Moves an outage that a later end pushes, to the time in the form."""
    who, fields = await writer(request, WRITERS)
    service = request.app[SERVICE]
    await usecase.accept(
        service.store,
        Works(service.store.database),
        service.setting,
        request.match_info["number"],
        fields.get("number", ""),
        _moment(fields.get("starts_at", ""), service.setting.zone),
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther("/running")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A time as a browser's field gives it, local and without an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise FormInvalid(f"时间无法识别：{text} / not a time: {text}") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    require_plausible(aware)
    return aware


async def _shown(request: web.Request, who: Principal | None) -> dict[str, Any]:
    service = request.app[SERVICE]
    now, zone = service.clock.now(), service.setting.zone
    seen = await running_api.look(service, now)
    told = as_dict(seen, zone)["running"]
    cards = [
        _card(line, view, now, zone, service.setting.policy.asking.before)
        for line, view in zip(seen.lines, told, strict=True)
    ]
    return {
        "at": now,
        "cards": cards,
        "alarms": sum(card.is_alarming for card in cards),
        "pushed": sum(len(card.moves) for card in cards if not card.line.is_foreseen),
        "out": sum(card.out for card in cards),
        "may_report": who is not None and who.role in WRITERS,
        "csrf": principals.csrf_token(request),
        "RW": running_words,
    }


def _card(line: Line, view: dict[str, Any], now: datetime, zone: ZoneInfo, step: timedelta) -> Card:
    item = line.under_way
    share = (now - item.window.starts_at) / item.window.duration
    return Card(
        line=line,
        elapsed=round(min(1.0, max(0.0, share)) * _WIDTH),
        left=item.promised_at - now,
        out=item.points.get("out", 0) + item.points.get("unknown", 0),
        places=view["areas"],
        place_count=view["area_count"],
        moves=[
            Move(push=push, why=told["why"], suggested=_field(push.suggested.starts_at, zone))
            for push, told in zip(line.pushes, view["pushes"], strict=True)
        ],
        is_alarming=line.phase in running.ALARMING,
        later=_field(max(item.promised_at, now) + (step or timedelta(minutes=30)), zone),
    )


def _field(moment: datetime, zone: ZoneInfo) -> str:
    """As a browser's field for a local time takes it."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"
