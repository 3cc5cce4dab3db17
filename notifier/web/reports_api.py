"""Reliability reports over the API: indices, the rows behind them, repeats, plans kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field

from notifier.domain.reliability_report import By
from notifier.intake.plans_json import Strict
from notifier.store.columns import from_millis, to_millis
from notifier.store.reliability import Reliability
from notifier.usecases import reliability
from notifier.usecases import reliability_json as shapes
from notifier.web import paging
from notifier.web.answers import Answer, WindowView
from notifier.web.endpoints import OFFICE, Call, Group, Nothing

REPORTS = Group("reports")


# --- What is asked ---------------------------------------------------------------------------------


def _day(value: object) -> object:
    """Pydantic would take 2026 for seconds since 1970."""
    if isinstance(value, str) and len(value) == len("2026-03-01"):
        return value
    raise ValueError("a day is ISO 8601, 2026-03-01")


Day = Annotated[date, BeforeValidator(_day)]
#: A parameter that is always text.
_Number = BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)


class PeriodQuery(Strict):
    """A period by local days of the utility: from the first up to the last, not including it."""

    since: Annotated[Day, Field(alias="from", description="the first day")]
    until: Annotated[Day, Field(alias="to", description="the day after the last")]

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Both midnights, in UTC."""
        return midnight(self.since, zone), midnight(self.until, zone)


class ReliabilityQuery(PeriodQuery):
    """Which indices."""

    by: Annotated[By, Field(description="by what the report is divided")] = By.BUREAU


class InterruptionsQuery(PeriodQuery):
    """Which rows: those of an area, a feeder or a station, or all."""

    by: Annotated[Literal["area", "feeder", "station"], Field(description="what `id` names")] = (
        "feeder"
    )
    id: Annotated[int | None, _Number, Field(ge=1, description="only these; left out: all")] = None
    cursor: Annotated[
        str, Field(max_length=100, description="`next` of the page before; empty: the first page")
    ] = ""
    limit: Annotated[int, _Number, Field(ge=1, le=500)] = 100


class RepeatsQuery(Strict):
    """Whom a repeat list names; left out: as the policy says."""

    times: Annotated[int | None, _Number, Field(ge=1, le=1000)] = None
    days: Annotated[int | None, _Number, Field(ge=1, le=3660)] = None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


# --- What is answered ------------------------------------------------------------------------------


class IndicesView(Answer):
    """The indices of IEEE Std 1366 and DL/T 836; SAIDI and CAIDI in minutes, shares from 0 to 1.

    `interruptions` and `momentary` are customers × interruptions; `endless` those whose end is not
    known, which no duration contains; `repeatedly` customers with n or more. Null: nobody is served.
    """

    served: int
    events: int
    interruptions: int
    endless: int
    momentary: int
    repeatedly: int
    customer_hours: float
    saidi: float | None
    saifi: float | None
    caidi: float | None
    maifi: float | None
    cemi: float | None


class LineView(IndicesView):
    """The indices of one area, feeder, station or month. `id` null: the ledger knows no such place."""

    id: int | None
    name: str
    within: str


class ReliabilityAnswer(Answer):
    """A reliability report of what was over `at`; parts where nothing happened are left out."""

    at: datetime
    since: Annotated[datetime, Field(alias="from")]
    to: datetime
    by: By
    momentary_minutes: float
    cemi_n: int
    total: IndicesView
    lines: list[LineView]


class InterruptionView(Answer):
    """One row behind a number, with who says so: a plan's revision, or a row of a file."""

    id: int
    kind: Literal["out", "short"]
    quality: Literal["measured", "as_planned", "no_end"]
    starts_at: datetime
    ends_at: datetime | None
    customers: int
    is_whole: bool
    station: str
    feeder: str
    area: str
    account: str
    plan: str
    revision: int | None
    file: str
    sheet: str
    row: int | None
    cause: str


class InterruptionsAnswer(Answer):
    """A page of rows, in the order of their start; `next` is empty on the last one."""

    interruptions: list[InterruptionView]
    next: str


class RepeatedView(Answer):
    """Customers of one place with the same counts."""

    area_id: int | None
    area: str
    feeder_id: int | None
    feeder: str
    interruptions: int
    momentary: int
    customers: int
    sensitive: int
    critical: int


class UnknownView(Answer):
    """Interruptions at a place of which only numbers are known: in no customer's count."""

    area: str
    feeder_id: int | None
    feeder: str
    interruptions: int
    customers: int


class RepeatsAnswer(Answer):
    """Who was interrupted `times` times or more, the most often first; `unknown`: places with as many
    interruptions of nobody in particular."""

    since: Annotated[datetime, Field(alias="from")]
    to: datetime
    times: int
    customers: int
    places: list[RepeatedView]
    unknown: list[UnknownView]


class RateView(Answer):
    """Outages announced, carried out as announced, and why the others departed."""

    announced: int
    fulfilled: int
    rate: float | None
    departures: dict[str, int]


class KindRateView(RateView):
    """The rate of one kind of plan."""

    kind: str


class AnnouncedView(Answer):
    """One announced outage: the windows that were told first, and those that hold now or really were.

    `departure` is empty where it was carried out as announced.
    """

    number: str
    kind: str
    told: list[WindowView]
    carried: list[WindowView]
    departure: Literal["", "not_done", "moved", "late", "wider"]


class FulfilmentAnswer(RateView):
    """The fulfilment rate of a period, and every outage it is made of."""

    since: Annotated[datetime, Field(alias="from")]
    to: datetime
    by_kind: list[KindRateView]
    plans: list[AnnouncedView]


# --- The endpoints -----------------------------------------------------------------------------------


@REPORTS.declare(
    "GET", "/reports/reliability", "SAIDI, SAIFI, CAIDI, MAIFI, CEMI of a period", roles=OFFICE,
    query=ReliabilityQuery, answer=ReliabilityAnswer,
)  # fmt: skip
async def show_reliability(call: Call[ReliabilityQuery, Nothing]) -> BaseModel:
    """In all, and by station, feeder, area or month."""
    setting = call.service.setting
    since, until = call.query.moments(setting.zone)
    async with call.service.store.read() as tx:
        found = await reliability.report(
            tx,
            Reliability(tx.connection),
            since,
            until,
            by=call.query.by,
            rules=setting.policy.counting,
            zone=setting.zone,
            now=call.now,
        )
    return ReliabilityAnswer.model_validate(shapes.report_as_dict(found, setting.zone))


@REPORTS.declare(
    "GET", "/reports/interruptions", "List the interruptions behind a number", roles=OFFICE,
    query=InterruptionsQuery, answer=InterruptionsAnswer,
)  # fmt: skip
async def list_interruptions(call: Call[InterruptionsQuery, Nothing]) -> BaseModel:
    """Each with the plan, or with the file and row, that says so."""
    query, setting = call.query, call.service.setting
    since, until = query.moments(setting.zone)
    place = paging.decode(query.cursor, 2)
    async with call.service.store.read() as tx:
        rows = await Reliability(tx.connection).traced(
            reliability.look_back(since, until, setting.policy.counting, call.now),
            By(query.by),
            query.id,
            after=None if place is None else (from_millis(place[0]), place[1]),
            limit=query.limit + 1,
        )
    shown = rows[: query.limit]
    following = ""
    if len(rows) > query.limit:
        following = paging.encode(to_millis(shown[-1].starts_at), shown[-1].id)
    return InterruptionsAnswer.model_validate(
        {"interruptions": shapes.traced_as_dicts(shown, setting.zone), "next": following}
    )


@REPORTS.declare(
    "GET", "/reports/repeats", "Who is interrupted again and again", roles=OFFICE,
    query=RepeatsQuery, answer=RepeatsAnswer,
)  # fmt: skip
async def list_repeats(call: Call[RepeatsQuery, Nothing]) -> BaseModel:
    """Up to now, by area."""
    setting, query = call.service.setting, call.query
    rules = setting.policy.counting
    rules = replace(
        rules,
        repeat_times=query.times or rules.repeat_times,
        repeat_within=timedelta(days=query.days) if query.days else rules.repeat_within,
    )
    async with call.service.store.read() as tx:
        found = await reliability.repeats(tx, Reliability(tx.connection), call.now, rules)
    return RepeatsAnswer.model_validate(shapes.repeats_as_dict(found, setting.zone))


@REPORTS.declare(
    "GET", "/reports/fulfilment", "Outages carried out as announced", roles=OFFICE,
    query=PeriodQuery, answer=FulfilmentAnswer,
)  # fmt: skip
async def show_fulfilment(call: Call[PeriodQuery, Nothing]) -> BaseModel:
    """By when they were announced to begin."""
    setting = call.service.setting
    since, until = call.query.moments(setting.zone)
    async with call.service.store.read() as tx:
        found = await reliability.fulfilment(
            Reliability(tx.connection), since, until, rules=setting.policy.counting, now=call.now
        )
    return FulfilmentAnswer.model_validate(shapes.fulfilment_as_dict(found, setting.zone))
