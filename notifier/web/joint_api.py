"""Plans that share an outage (同停), over the API and from a plan's page."""

from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel

from notifier.domain.plan import Plan
from notifier.usecases import joints
from notifier.web import answers, console, presenting, requests
from notifier.web.context import SERVICE, Service
from notifier.web.endpoints import CHANGERS, OFFICE, Call, Group, Nothing

JOINTS = Group("plans")


@JOINTS.declare(
    "GET",
    "/plans/{number}/joint",
    "List the plans that share the outage of a plan",
    roles=OFFICE,
    answer=answers.JointAnswer,
    also=(404,),
)
async def show_joint(call: Call[Nothing, Nothing]) -> BaseModel:
    """The others; each person is told by one of them all."""
    number = call.path("number")
    return _answer(call.service, number, await joints.partners(call.service.store, number))


@JOINTS.declare(
    "POST",
    "/plans/{number}/join",
    "Tell a plan as one with others",
    roles=CHANGERS,
    body=requests.JoinBody,
    answer=answers.JointAnswer,
    also=(404, 409),
)
async def join_plans(call: Call[Nothing, requests.JoinBody]) -> BaseModel:
    """No approval is void; the people are told once from now on."""
    number = call.path("number")
    together = await joints.join(
        call.service.store,
        [number, *call.body.with_plans],
        now=call.now,
        actor=call.actor.name,
        note=call.body.note,
    )
    return _answer(call.service, number, [plan for plan in together if plan.number != number])


@JOINTS.declare(
    "POST",
    "/plans/{number}/part",
    "Tell a plan for itself again",
    roles=CHANGERS,
    body=requests.NoteBody,
    answer=answers.JointAnswer,
    also=(404, 409),
)
async def part_plan(call: Call[Nothing, requests.NoteBody]) -> BaseModel:
    """The plan shares no outage any more."""
    number = call.path("number")
    await joints.part(
        call.service.store,
        number,
        now=call.now,
        actor=call.actor.name,
        note=call.body.note,
    )
    return _answer(call.service, number, [])


def _answer(service: Service, number: str, others: list[Plan]) -> answers.JointAnswer:
    zone = service.setting.zone
    return answers.JointAnswer(
        number=number, joint=[presenting.plan(plan, zone) for plan in others]
    )


def add(app: web.Application) -> None:
    """Adds the routes of the page."""
    app.router.add_post("/plans/{number}/join", join)
    app.router.add_post("/plans/{number}/part", part)


async def join(request: web.Request) -> web.StreamResponse:
    """From the page: one other plan at a time."""
    who, fields = await console.writer(request, CHANGERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await joints.join(
        service.store,
        [number, fields.get("with", "").strip()],
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther(f"/plans/{quote(number, safe='')}")


async def part(request: web.Request) -> web.StreamResponse:
    """From the page."""
    who, _ = await console.writer(request, CHANGERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await joints.part(service.store, number, now=service.clock.now(), actor=who.name)
    raise web.HTTPSeeOther(f"/plans/{quote(number, safe='')}")
