"""Pages about coordinating works: the check beside a plan, and the balance meeting."""

from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from markupsafe import Markup

from notifier.domain import errors
from notifier.domain.customer import Criticality
from notifier.domain.window import require_plausible
from notifier.usecases import coordinate_accepting, coordinate_meeting, coordinate_wording
from notifier.usecases.coordinate_checked import reason
from notifier.usecases.coordinate_gathering import Options
from notifier.web import coordination_api, coordination_words, pages, principals
from notifier.web.console import reader, writer
from notifier.web.context import CHECKER, MEETINGS, SERVICE, Principal
from notifier.web.endpoints import WRITERS

#: How far a meeting looks, where nobody says otherwise.
_DAYS = 30
_SECONDS = 30.0


class FormInvalid(errors.Invalid):
    """A field of the form does not hold what it asks for."""

    code = "coordination.form"


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/fragments/plans/{number}/coordination", show_check)
    app.router.add_get("/fragments/plans/{number}/coordination/moving-too", show_moving_too)
    app.router.add_get("/coordination", show_runs)
    app.router.add_post("/coordination", begin)
    app.router.add_get("/coordination/{id:[0-9]{1,18}}", show_run)
    app.router.add_get("/fragments/coordination/{id:[0-9]{1,18}}", show_progress)
    app.router.add_post("/coordination/{id:[0-9]{1,18}}/stop", stop)
    app.router.add_post("/coordination/{id:[0-9]{1,18}}/accept", accept)
    app.router.add_get("/coordination/{id:[0-9]{1,18}}/timeline.svg", show_picture)


async def show_check(request: web.Request) -> web.StreamResponse:
    """What else takes the plan's areas out, and what would be better: a part of the plan's page."""
    who = await reader(request)
    service = request.app[SERVICE]
    checked = await request.app[CHECKER].check(request.match_info["number"], service.clock.now())
    shown = checked.as_dict()
    return pages.render(
        request,
        "coordination_check.html.j2",
        who=who,
        shown=shown,
        checked=checked,
        reasons=[reason(item) for item in checked.check.suggestions],
        critical=[
            (Criticality(int(key)).name.lower(), number, shown["critical_hit_again"].get(key, 0))
            for key, number in shown["critical"].items()
        ],
        in_words=coordinate_wording.in_words,
        CW=coordination_words,
    )


async def show_moving_too(request: web.Request) -> web.StreamResponse:
    """What moving another work too would save: it takes longer, so the page asks for it by itself."""
    who = await reader(request)
    now = request.app[SERVICE].clock.now()
    checked = await request.app[CHECKER].moving_too(request.match_info["number"], now)
    joint = [(item, *checked.joint_reason(item)) for item in checked.joint or ()]
    return pages.render(request, "coordination_joint.html.j2", who=who, joint=joint)


# --- Meetings --------------------------------------------------------------------------------------


async def show_runs(request: web.Request) -> web.StreamResponse:
    """All meetings, and a form for the next."""
    who = await reader(request)
    service = request.app[SERVICE]
    today = service.clock.now().astimezone(service.setting.zone).date()
    runs = await request.app[MEETINGS].runs.runs()
    return pages.render(
        request,
        "coordination.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        may_write=_may_write(who),
        runs=[coordination_api.run_as_dict(run, service) for run in runs],
        accepted=[run["accepted"] for run in runs],
        rules=await request.app[MEETINGS].runs.rules(),
        first=today,
        last=today + timedelta(days=_DAYS - 1),
        CW=coordination_words,
    )


async def begin(request: web.Request) -> web.StreamResponse:
    """Begins a meeting, anew or from another one with something held fast or supposed."""
    who, fields = await writer(request, WRITERS)
    meetings = request.app[MEETINGS]
    if fields.get("again"):
        earlier = await coordinate_meeting.found(meetings.runs, _number(fields, "again"))
        options = _again(Options.of_run(earlier), fields, request)
    else:
        options = _options(fields)
    run_id = await meetings.begin(options, who.name)
    raise web.HTTPSeeOther(f"/coordination/{run_id}")


def _options(fields: dict[str, str]) -> Options:
    try:
        return Options(
            first=datetime.fromisoformat(fields["from"]).date(),
            last=datetime.fromisoformat(fields["to"]).date(),
            seconds=float(fields.get("seconds") or _SECONDS),
        )
    except (KeyError, ValueError):
        raise FormInvalid("请填写起止日期 / the period needs two days.") from None


def _again(earlier: Options, fields: dict[str, str], request: web.Request) -> Options:
    """The same period, with one plan held fast, or other crews."""
    pins, crews, as_asked = dict(earlier.pins), dict(earlier.crews), set(earlier.as_asked)
    if way := fields.get("as_asked", ""):
        as_asked.symmetric_difference_update({way})
    number, crew = fields.get("pin", ""), fields.get("crew", "").strip()
    try:
        if number and fields.get("release"):
            pins.pop(number, None)
        elif number:
            at = datetime.fromisoformat(fields["at"])
            zone = request.app[SERVICE].setting.zone
            pins[number] = at if at.tzinfo else at.replace(tzinfo=zone)
            require_plausible(pins[number])
        if crew:
            crews[crew] = int(fields["per_day"])
        limit = fields.get("region_per_shift", "").strip()
        region = int(limit) if limit else earlier.region_per_shift
    except (KeyError, ValueError):
        raise FormInvalid("时间或数字有误 / a time or a number is wrong.") from None
    return Options(
        first=earlier.first,
        last=earlier.last,
        seconds=earlier.seconds,
        pins=pins,
        crews=crews,
        region_per_shift=region,
        as_asked=frozenset(as_asked),
    )


def _number(fields: dict[str, str], name: str) -> int:
    if not fields[name].isdecimal():
        raise FormInvalid("编号有误 / the number is wrong.")
    return int(fields[name])


async def show_run(request: web.Request) -> web.StreamResponse:
    """One meeting: how far it is, or what it proposes."""
    who = await reader(request)
    return pages.render(request, "coordination_run.html.j2", who=who, **await _shown(request, who))


async def show_progress(request: web.Request) -> web.StreamResponse:
    """The part of a meeting's page that changes while it goes on."""
    who = await reader(request)
    return pages.render(request, "coordination_part.html.j2", who=who, **await _shown(request, who))


async def _shown(request: web.Request, who: Principal | None) -> dict[str, Any]:
    run_id = int(request.match_info["id"])
    run = await coordination_api.shown(request.app, run_id)
    is_over = run["state"] in ("done", "stopped")
    drawing = await coordination_api.picture(request.app, run_id, links=True) if is_over else ""
    order = {"merged": 0, "moved": 1, "switched": 2, "deferred": 3, "kept": 4}
    run["items"].sort(
        key=lambda item: (order[item["outcome"]], -item["spared_repeats"], item["number"])
    )
    return {
        "run": run,
        "is_over": is_over,
        "may_write": _may_write(who),
        "csrf": principals.csrf_token(request),
        "drawing": Markup(drawing),  # noqa: S704 - drawn here, every word in it escaped
        "in_words": coordinate_wording.in_words,
        "acceptance": None,
        "CW": coordination_words,
        "moment": datetime.fromisoformat,
    }


async def show_picture(request: web.Request) -> web.StreamResponse:
    """The picture by itself, to be kept or printed."""
    await reader(request)
    drawing = await coordination_api.picture(request.app, int(request.match_info["id"]))
    return web.Response(text=drawing, content_type="image/svg+xml", charset="utf-8")


async def stop(request: web.Request) -> web.StreamResponse:
    """Ends a meeting with the best so far."""
    await writer(request, WRITERS)
    run_id = int(request.match_info["id"])
    await request.app[MEETINGS].stop(run_id)
    raise web.HTTPSeeOther(f"/coordination/{run_id}")


async def accept(request: web.Request) -> web.StreamResponse:
    """Accepts what is ticked, or everything; what cannot be had says why."""
    who, fields = await writer(request, WRITERS)
    run_id = int(request.match_info["id"])
    numbers: list[str] | None = None
    if not fields.get("all"):
        run = await coordination_api.shown(request.app, run_id)
        # Ticks carry the place of an item by number: a form of 500 Chinese names would be too large.
        ordered = sorted(item["number"] for item in run["items"])
        places = [int(name[1:]) for name in fields if name[:1] == "i" and name[1:].isdecimal()]
        numbers = [ordered[place] for place in places if place < len(ordered)]
    done = await coordination_api.accept(
        request.app, request.app[SERVICE], run_id, numbers, who.name
    )
    shown = await _shown(request, who)
    return pages.render(
        request, "coordination_run.html.j2", who=who, **(shown | {"acceptance": _told(done)})
    )


def _told(done: coordinate_accepting.Acceptance) -> dict[str, Any]:
    return {
        "accepted": [item for item in done.items if item.is_accepted],
        "refused": [item for item in done.items if not item.is_accepted],
        "lonely": done.lonely,
    }


def _may_write(who: Principal | None) -> bool:
    return who is not None and who.role in WRITERS
