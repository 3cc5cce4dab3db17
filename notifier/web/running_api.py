"""Running outages over the API: what runs, what a crew says of the end, and moving what that pushes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.running import Answer as Said
from notifier.domain.running import Outcome, Phase, Reason
from notifier.intake.plans_json import Moment, Strict
from notifier.store.coordination_works import Works
from notifier.store.tokens import Role
from notifier.usecases import postings, running, running_json
from notifier.web import answers, presenting
from notifier.web.context import Principal, Service
from notifier.web.endpoints import CREWS, EVERYBODY, WRITERS, Call, Group, Nothing
from notifier.web.requests import Name, Words

RUNNING = Group("running")


class ReportView(answers.Answer):
    """What was said of an end. ``outcome`` ``noted``: kept, and nothing followed from it."""

    key: str
    answer: Said
    promised_at: datetime
    at: datetime | None
    said_at: datetime
    said_by: str
    note: str
    outcome: Outcome


class WhyView(answers.Answer):
    """What two outages share."""

    reason: Reason
    names: list[str]


class PushView(answers.Answer):
    """An outage that cannot begin as planned, and the next time that fits."""

    number: str
    state: PlanState
    department: str
    crew: str
    starts_at: datetime
    ends_at: datetime
    why: list[WhyView]
    suggested: answers.WindowView


class RunningView(answers.Answer):
    """A running outage. ``pushes``: what its end pushes; where ``is_foreseen``, what an end at
    ``until`` would push."""

    number: str
    revision: int
    kind: PlanKind
    department: str
    crew: str
    works: str
    starts_at: datetime
    promised_at: datetime
    first_promise: datetime
    phase: Phase
    asked_at: datetime
    answer_due_at: datetime
    confirmation: ReportView | None
    points: Mapping[str, int]
    areas: list[str]
    area_count: int
    until: datetime
    is_foreseen: bool
    pushes: list[PushView]
    reports: list[ReportView]


class RunningAnswer(answers.Answer):
    """Everything that runs, the first to end first."""

    at: datetime
    running: list[RunningView]


class RunningQuery(Strict):
    """Which running outages are listed."""

    mine: Annotated[
        bool, Field(description="only those the bearer's crew is to confirm; a crew sees no others")
    ] = False


class EndBody(Strict):
    """What the crew says. ``at``: the new end, or when supply came back. ``said_at`` and ``key`` for a
    device that was offline: the same report sent again carries the same."""

    answer: Said
    at: Moment | None = None
    said_at: Moment | None = None
    promised_at: Moment | None = None
    note: Words = ""
    key: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""


class MoveBody(Strict):
    """The outage to move; to the suggested time, where no other is said."""

    number: Annotated[Name, Field(min_length=1)]
    starts_at: Moment | None = None


@RUNNING.declare(
    "GET", "/running", "What runs now, and whether its end is certain", roles=EVERYBODY,
    query=RunningQuery, answer=RunningAnswer,
)  # fmt: skip
async def list_running(call: Call[RunningQuery, Nothing]) -> BaseModel:
    """Running outages with the question to the crew, its answer, and what a later end pushes."""
    seen = await look(call.service, call.now)
    if call.query.mine or call.actor.role is Role.CREW:
        seen = running.of_crew(seen, call.actor.crew)
    return RunningAnswer.model_validate(running_json.as_dict(seen, call.service.setting.zone))


@RUNNING.declare(
    "POST", "/running/{number}/report", "Say whether the end of an outage holds", roles=CREWS,
    body=EndBody, answer=ReportView, also=(404, 409),
)  # fmt: skip
async def report_end(call: Call[Nothing, EndBody]) -> BaseModel:
    """On time, late until, or restored; people hear of the last two at once."""
    body, service = call.body, call.service
    made = await running.report(
        service.store,
        Works(service.store.database),
        service.setting,
        call.path("number"),
        running.Said(
            answer=body.answer,
            at=body.at,
            said_at=body.said_at,
            promised_at=body.promised_at,
            note=body.note,
            key=body.key,
        ),
        crew_of(call.actor),
        now=call.now,
        actor=call.actor.name,
    )
    return ReportView.model_validate(running_json.report_as_dict(made, service.setting.zone))


@RUNNING.declare(
    "POST", "/running/{number}/moves", "Move an outage that this one pushes", roles=WRITERS,
    body=MoveBody, answer=answers.PlanView, also=(404, 409),
)  # fmt: skip
async def move_pushed(call: Call[Nothing, MoveBody]) -> BaseModel:
    """A revision of the other plan, at the suggested time or another."""
    service = call.service
    changed = await running.accept(
        service.store,
        Works(service.store.database),
        service.setting,
        call.path("number"),
        call.body.number,
        call.body.starts_at,
        now=call.now,
        actor=call.actor.name,
    )
    return presenting.plan(changed, service.setting.zone)


async def look(service: Service, now: datetime) -> running.Running:
    """What runs, as the page and the API show it."""
    works = Works(service.store.database)
    return await running.look(service.store, works, service.setting, now)


def crew_of(who: Principal) -> postings.Crew | None:
    """Who speaks as a crew; None for the office, which may speak for any."""
    return who.crew if who.role is Role.CREW else None
