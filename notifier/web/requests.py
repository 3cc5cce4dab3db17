"""What is asked over the API, as strict models: times carry an offset, nothing unknown is taken."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints

from notifier.channel import Medium
from notifier.domain.notice import Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.intake.plans_json import Moment, PlanModel, Strict


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Limit = Annotated[int, Field(ge=1, le=500)]
Cursor = Annotated[
    str, Field(max_length=100, description="`next` of the page before; empty: the first page")
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class PlansQuery(Strict):
    """Which plans are listed, in the order of their first window."""

    state: Annotated[list[PlanState], BeforeValidator(_as_list)] = Field(default=[])
    kind: Annotated[list[PlanKind], BeforeValidator(_as_list)] = Field(default=[])
    since: Annotated[
        Moment | None, Field(description="only plans that end after this", alias="from")
    ] = None
    to: Annotated[Moment | None, Field(description="only plans that start before this")] = None
    q: Annotated[Name, Field(description="part of the number or the department")] = ""
    cursor: Cursor = ""
    limit: Limit = 50


class DeliveriesQuery(Strict):
    """Which deliveries of a plan are listed."""

    medium: Medium | None = None
    stage: Stage | None = None
    state: Literal[
        "", "scheduled", "accepted", "delivered", "uncertain", "failed", "dropped", "withdrawn",
        "unconfirmed",
    ] = ""  # fmt: skip
    cursor: Cursor = ""
    limit: Limit = 200


class ImpactQuery(Strict):
    """In which form the impact is wanted."""

    format: Annotated[
        Literal["json", "csv"],
        Field(description="json: by area and class; csv: one line an account and window"),
    ] = "json"


class ExceptionsQuery(Strict):
    """Which exceptions are listed."""

    plan: Name = ""
    closed: Annotated[bool, Field(description="closed ones too")] = False


class PostingsQuery(Strict):
    """Which posting tasks are listed, in the order in which they are due."""

    mine: Annotated[bool, Field(description="only those I hold")] = False
    done: Annotated[bool, Field(description="finished ones instead of open ones")] = False
    plan: Name = ""
    building: Annotated[Name, Field(description="part of the building's name")] = ""
    area: Annotated[Name, Field(description="name or code of a transformer area")] = ""
    feeder: Annotated[Name, Field(description="name of a feeder")] = ""
    due_before: Moment | None = None
    cursor: Cursor = ""
    limit: Limit = 100


class PostersQuery(Strict):
    """Which posters of a plan are printed."""

    stage: Stage | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 300


class ReviseBody(Strict):
    """The whole plan as it is to be from now on."""

    plan: PlanModel
    note: Words = ""


class NoteBody(Strict):
    """Why."""

    note: Words = ""


class JoinBody(Strict):
    """The other plans of the outage, by number."""

    with_plans: Annotated[list[Name], Field(alias="with", min_length=1, max_length=15)]
    note: Words = ""


class ApproveBody(Strict):
    """``expected_hash``: the recipients that the approver looked at, from the preview."""

    expected_hash: Annotated[str, Field(max_length=64)] = ""


class ConfirmBody(Strict):
    """Which proposal; ``expected_key``: the key of the proposals that were looked at."""

    proposal: Annotated[int, Field(strict=True, ge=1, le=1000)]
    expected_key: Annotated[str, Field(max_length=64)] = ""
    note: Words = ""


class DiagramQuery(Strict):
    """What is drawn."""

    proposal: Annotated[
        int | None, Field(ge=1, le=1000, description="a proposal instead of the plan's own steps")
    ] = None


class DelayBody(Strict):
    """The running window ends at ``until`` instead."""

    until: Moment
    note: Words = ""


class RestoreBody(Strict):
    """Supply is back since ``at``; now, where nothing is said. Days to come stand, but for ``whole``."""

    at: Moment | None = None
    whole: StrictBool = False
    note: Words = ""


class UploadForm(Strict):
    """What is said about a file of plans."""

    published: Annotated[
        date | None,
        Field(description="the day on which it was made known, for dates without a year"),
    ] = None
    department: Annotated[Name, Field(description="for rows that name none")] = ""
    dry_run: Annotated[bool, Field(description="read it, store nothing")] = False
    again: Annotated[bool, Field(description="take a file whose content came before")] = False


class CloseBody(Strict):
    """How it was seen to."""

    how: Said


class ClaimBody(Strict):
    """For how long the crew wants to hold the task."""

    minutes: Annotated[int, Field(strict=True, ge=5, le=1440)] = 240


class HandBackBody(Strict):
    """Why the task is handed back."""

    reason: Said


class FinishForm(Strict):
    """What comes with the photograph. ``poster``: the notice that was put up, as the task named it."""

    taken_at: Moment | None = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    poster: Annotated[int | None, Field(ge=1)] = None
    note: Words = ""


class OptOutBody(Strict):
    """Who wants to hear no more, and by which media."""

    phone: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=32)]
    media: Annotated[list[Medium], Field(min_length=1, max_length=6)]
    reason: Words = ""
