"""Coordinating over the API: what else takes the same areas out; meetings held, stopped and accepted."""

from datetime import date
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from notifier.domain import errors
from notifier.intake.plans_json import Moment, Strict
from notifier.usecases import coordinate_accepting, coordinate_meeting, coordinate_proposing
from notifier.usecases.coordinate_gathering import Options
from notifier.usecases.coordinate_meeting import is_lost
from notifier.web import answers, presenting
from notifier.web.context import CHECKER, MEETINGS, SERVICE, Service
from notifier.web.endpoints import OFFICE, WRITERS, Call, Group, Nothing
from notifier.web.requests import Name

COORDINATION = Group("coordination")


class PinBody(Strict):
    """A plan held at a start."""

    number: Name
    starts_at: Moment


class RunBody(Strict):
    """A period (both days included) to be reckoned, and what is held fast or supposed."""

    first: Annotated[date, Field(alias="from", strict=False)]
    last: Annotated[date, Field(alias="to", strict=False)]
    seconds: Annotated[float, Field(strict=True, gt=0, le=600)] = 30.0
    pins: list[PinBody] = Field(default=[])
    crews: dict[Name, Annotated[int, Field(strict=True, ge=0, le=100)]] = Field(default={})
    region_per_shift: Annotated[int, Field(strict=True, ge=0, le=1000)] | None = None
    as_asked: list[Name] = Field(
        default=[], max_length=1000, description="plans not to be done in another way"
    )

    @property
    def options(self) -> Options:
        """The options of a run. Raises ``coordinate_gathering.PeriodInvalid``."""
        return Options(
            first=self.first,
            last=self.last,
            seconds=self.seconds,
            pins={pin.number: pin.starts_at for pin in self.pins},
            crews=self.crews,
            region_per_shift=self.region_per_shift,
            as_asked=frozenset(self.as_asked),
        )


class AcceptBody(Strict):
    """Which items are accepted; null: every one that changes something."""

    numbers: list[Name] | None = None


class NotFinished(errors.Conflict):
    """The run still goes on, or has failed: there is nothing to accept or to draw."""

    code = "coordination.not_finished"


@COORDINATION.declare(
    "GET",
    "/plans/{number}/coordination",
    "Show what else takes the same areas out, and better times",
    roles=OFFICE,
    answer=answers.FreeAnswer,
    also=(404,),
)
async def check_plan(call: Call[Nothing, Nothing]) -> BaseModel:
    """The online check of a plan as it stands."""
    checked = await call.request.app[CHECKER].check(call.path("number"), call.now)
    return answers.FreeAnswer(**checked.as_dict())


@COORDINATION.declare(
    "GET",
    "/plans/{number}/coordination/moving-too",
    "Show what moving another work too would save",
    roles=OFFICE,
    answer=answers.FreeAnswer,
    also=(404,),
)
async def check_moving_too(call: Call[Nothing, Nothing]) -> BaseModel:
    """The online check of a plan, and what no move of the plan alone would bring; some tenths of a second."""
    checked = await call.request.app[CHECKER].moving_too(call.path("number"), call.now)
    return answers.FreeAnswer(**checked.as_dict())


@COORDINATION.declare(
    "POST",
    "/coordination/runs",
    "Hold a balance meeting: propose moves and merges for a period",
    roles=WRITERS,
    body=RunBody,
    answer=answers.FreeAnswer,
    also=(409,),
)
async def begin_run(call: Call[Nothing, RunBody]) -> BaseModel:
    """Begins in the background; the answer's ``id`` is where to look."""
    run_id = await call.request.app[MEETINGS].begin(call.body.options, call.actor.name)
    return answers.FreeAnswer(**await shown(call.request.app, run_id))


@COORDINATION.declare(
    "GET", "/coordination/runs", "List balance meetings", roles=OFFICE, answer=answers.FreeAnswer
)
async def list_runs(call: Call[Nothing, Nothing]) -> BaseModel:
    """The newest fifty."""
    runs = await call.request.app[MEETINGS].runs.runs()
    return answers.FreeAnswer.model_validate(
        {"runs": [run_as_dict(run, call.service) for run in runs]}
    )


@COORDINATION.declare(
    "GET",
    "/coordination/runs/{id:int}",
    "Show a balance meeting: totals and what is proposed for each plan",
    roles=OFFICE,
    answer=answers.FreeAnswer,
    also=(404,),
)
async def show_run(call: Call[Nothing, Nothing]) -> BaseModel:
    """While it runs, the best so far; afterwards everything."""
    return answers.FreeAnswer(**await shown(call.request.app, call.number("id")))


@COORDINATION.declare(
    "POST",
    "/coordination/runs/{id:int}/stop",
    "Stop a balance meeting with the best so far",
    roles=WRITERS,
    answer=answers.Done,
    also=(404,),
)
async def stop_run(call: Call[Nothing, Nothing]) -> BaseModel:
    """Wherever it runs; what is there by then is kept."""
    await call.request.app[MEETINGS].stop(call.number("id"))
    return answers.Done()


@COORDINATION.declare(
    "POST",
    "/coordination/runs/{id:int}/accept",
    "Accept what is proposed, all of it or some plans",
    roles=WRITERS,
    body=AcceptBody,
    answer=answers.FreeAnswer,
    also=(404, 409),
)
async def accept_items(call: Call[Nothing, AcceptBody]) -> BaseModel:
    """Each becomes a revision of its plan, or says why not."""
    acceptance = await accept(
        call.request.app, call.service, call.number("id"), call.body.numbers, call.actor.name
    )
    return answers.FreeAnswer(**acceptance.as_dict())


@COORDINATION.declare(
    "GET",
    "/coordination/runs/{id:int}/timeline.svg",
    "Draw the works of a meeting before and after",
    roles=OFFICE,
    produces=("image/svg+xml",),
    also=(404, 409),
)
async def draw_run(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Feeder by feeder, side by side."""
    drawing = await picture(call.request.app, call.number("id"))
    return web.Response(text=drawing, content_type="image/svg+xml", charset="utf-8")


# --- For the pages too -----------------------------------------------------------------------------


async def accept(
    app: web.Application, service: Service, run_id: int, numbers: list[str] | None, actor: str
) -> coordinate_accepting.Acceptance:
    """Accepts items. Raises ``NotFinished`` and what ``coordinate_accepting.accept`` raises."""
    meetings = app[MEETINGS]
    must_be_over(await coordinate_meeting.found(meetings.runs, run_id))
    return await coordinate_accepting.accept(
        service.store,
        meetings.runs,
        meetings.gatherer,
        run_id,
        numbers,
        now=service.clock.now(),
        actor=actor,
    )


async def picture(app: web.Application, run_id: int, *, links: bool = False) -> str:
    """The picture of a run. Raises ``RunNotFound``, ``NotFinished``."""
    meetings = app[MEETINGS]
    run = await coordinate_meeting.found(meetings.runs, run_id)
    must_be_over(run)
    items = await meetings.runs.items(run_id)
    return coordinate_proposing.picture(items, run, meetings.gatherer.zone, links=links)


def must_be_over(run: Any) -> None:
    """Raises ``NotFinished`` unless there is a proposal."""
    if run["state"] not in ("done", "stopped"):
        raise NotFinished("方案尚未得出 / there is no proposal yet.")


async def shown(app: web.Application, run_id: int) -> dict[str, Any]:
    """A run with its items as plain values. Raises ``RunNotFound``."""
    meetings, service = app[MEETINGS], app[SERVICE]
    run = await coordinate_meeting.found(meetings.runs, run_id)
    items = await meetings.runs.items(run_id)
    zone = service.setting.zone
    return run_as_dict(run, service) | {
        "items": [
            {
                "number": item["number"],
                "revision": item["revision"],
                "present_revision": item["present_revision"],
                "outcome": item["outcome"],
                **item["detail"],
                "decision": item["decision"],
                "why": item["why"],
                "decided_at": presenting.maybe_local(item["decided_at"], zone),
                "decided_by": item["decided_by"],
                "new_revision": item["new_revision"],
            }
            for item in items
        ]
    }


def run_as_dict(run: Any, service: Service) -> dict[str, Any]:
    """A run as plain values."""
    zone = service.setting.zone
    state = "lost" if is_lost(run, service.clock.now()) else run["state"]
    return {
        "id": run["id"],
        "from": run["first_day"],
        "to": run["last_day"],
        "state": state,
        "options": run["options"],
        "progress": run["progress"] or {},
        "summary": run["summary"] or {},
        "made_at": presenting.local(run["made_at"], zone),
        "made_by": run["made_by"],
        "finished_at": presenting.maybe_local(run["finished_at"], zone),
    }
