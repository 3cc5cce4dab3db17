"""Plans over the API: what there is, what comes in, and what people decide about it."""

from collections.abc import AsyncIterator

import orjson
from aiohttp import web
from pydantic import BaseModel

from notifier.domain import errors
from notifier.domain.delivery import DeliveryState
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.finding import Finding
from notifier.domain.notice import Recipient
from notifier.domain.plan import Plan
from notifier.intake.plans_json import PlanModel
from notifier.store import views
from notifier.store.evidence import Evidence
from notifier.store.ledger import Transaction
from notifier.usecases import basis, evidence, matching, plans, submitting
from notifier.usecases.preview import preview
from notifier.web import answers, paging, presenting, requests, streaming
from notifier.web.context import CHECKER, Service
from notifier.web.endpoints import CHANGERS, OFFICE, SIGNERS, WRITERS, Call, Group, Nothing

PLANS = Group("plans")


class NumberDiffers(errors.Invalid):
    """A plan keeps its number."""

    code = "plan.number_differs"


@PLANS.declare(
    "GET", "/plans", "List plans", roles=OFFICE, query=requests.PlansQuery, answer=answers.PlansPage
)
async def list_plans(call: Call[requests.PlansQuery, Nothing]) -> BaseModel:
    """A page of plans."""
    query, zone = call.query, call.service.setting.zone
    after = paging.decode(query.cursor, 2)
    async with call.service.store.read() as tx:
        places = await views.plans_page(
            tx.connection,
            states=query.state,
            kinds=query.kind,
            ending_after=query.since,
            starting_before=query.to,
            contains=query.q,
            after=None if after is None else (after[0], after[1]),
            limit=query.limit,
        )
        found = await tx.plans.by_ids([plan_id for plan_id, _ in places])
    following = paging.encode(*places[-1][1]) if len(places) == query.limit else ""
    return answers.PlansPage(plans=[presenting.plan(item, zone) for item in found], next=following)


@PLANS.declare(
    "POST",
    "/plans",
    "Submit a plan, or a revision of it",
    roles=WRITERS,
    body=PlanModel,
    answer=answers.SubmittedAnswer,
    also=(409,),
)
async def submit_plan(call: Call[Nothing, PlanModel]) -> BaseModel:
    """Takes one plan in."""
    findings: list[Finding] = []
    outcome, plan = await submitting.submit(
        call.service.store,
        submitting.Incoming(
            content=call.body.content(), source={"api": call.actor.name}, findings=findings
        ),
        now=call.now,
        actor=call.actor.name,
    )
    checked = await call.request.app[CHECKER].check(plan.number, call.now)
    return answers.SubmittedAnswer(
        outcome=outcome.value,
        plan=presenting.plan(plan, call.service.setting.zone),
        coordination=checked.as_dict(),
    )


@PLANS.declare(
    "GET", "/plans/{number}", "Show a plan", roles=OFFICE, answer=answers.PlanDetail, also=(404,)
)
async def show_plan(call: Call[Nothing, Nothing]) -> BaseModel:
    """One plan with its present revision."""
    plan = await plans.find(call.service.store, call.path("number"))
    return await detail(call.service, plan)


async def detail(service: Service, plan: Plan) -> answers.PlanDetail:
    """The plan with its present revision and what was signed."""
    zone = service.setting.zone
    async with service.store.read() as tx:
        present = await tx.plans.revision(plan.id, plan.revision)
        approvals = await tx.plans.approvals(plan.id)
    return answers.PlanDetail(
        **presenting.plan_fields(plan, zone),
        present=presenting.revision(present, zone),
        approvals=[presenting.approval(row, zone) for row in approvals],
    )


@PLANS.declare(
    "GET",
    "/plans/{number}/revisions",
    "List the revisions of a plan",
    roles=OFFICE,
    answer=answers.RevisionsAnswer,
    also=(404,),
)
async def list_revisions(call: Call[Nothing, Nothing]) -> BaseModel:
    """Every revision with its difference."""
    plan = await plans.find(call.service.store, call.path("number"))
    async with call.service.store.read() as tx:
        found = await tx.plans.revisions(plan.id)
    zone = call.service.setting.zone
    return answers.RevisionsAnswer(revisions=[presenting.revision(item, zone) for item in found])


@PLANS.declare(
    "POST",
    "/plans/{number}/revise",
    "Revise a plan",
    roles=WRITERS,
    body=requests.ReviseBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def revise_plan(call: Call[Nothing, requests.ReviseBody]) -> BaseModel:
    """Makes a new revision by hand."""
    number = call.path("number")
    if call.body.plan.number != number:
        raise NumberDiffers(f"编号须为 {number} / the number must be {number}.")
    plan = await plans.revise(
        call.service.store,
        number,
        call.body.plan.content(),
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
    )
    return await detail(call.service, plan)


@PLANS.declare(
    "POST",
    "/plans/{number}/cancel",
    "Cancel a plan",
    roles=CHANGERS,
    body=requests.NoteBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def cancel_plan(call: Call[Nothing, requests.NoteBody]) -> BaseModel:
    """The outage will not take place."""
    plan = await plans.cancel(
        call.service.store,
        call.service.setting,
        call.path("number"),
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
    )
    return await detail(call.service, plan)


@PLANS.declare(
    "POST",
    "/plans/{number}/approve",
    "Approve a plan for sending",
    roles=SIGNERS,
    body=requests.ApproveBody,
    answer=answers.PreviewAnswer,
    also=(404, 409),
)
async def approve_plan(call: Call[Nothing, requests.ApproveBody]) -> BaseModel:
    """Signs the present revision for sending."""
    service = call.service
    signed = await plans.approve(
        service.store,
        service.setting,
        service.renderer,
        call.path("number"),
        now=call.now,
        actor=call.actor.name,
        expected_hash=call.body.expected_hash,
    )
    return answers.PreviewAnswer(**signed.as_dict())


@PLANS.declare(
    "POST",
    "/plans/{number}/delay",
    "Move the end of an outage",
    roles=CHANGERS,
    body=requests.DelayBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def delay_plan(call: Call[Nothing, requests.DelayBody]) -> BaseModel:
    """The outage lasts longer, or ends sooner, than it was said to."""
    plan = await plans.delay(
        call.service.store,
        call.service.setting,
        call.path("number"),
        call.body.until,
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
    )
    return await detail(call.service, plan)


@PLANS.declare(
    "POST",
    "/plans/{number}/restore",
    "Say that supply is back",
    roles=CHANGERS,
    body=requests.RestoreBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def restore_plan(call: Call[Nothing, requests.RestoreBody]) -> BaseModel:
    """Supply is back."""
    plan = await plans.restore(
        call.service.store,
        call.service.setting,
        call.path("number"),
        call.body.at or call.now,
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
        whole=call.body.whole,
    )
    return await detail(call.service, plan)


@PLANS.declare(
    "GET",
    "/plans/{number}/preview",
    "Show what approving would send",
    roles=OFFICE,
    answer=answers.PreviewAnswer,
    also=(404,),
)
async def preview_plan(call: Call[Nothing, Nothing]) -> BaseModel:
    """What approving would send."""
    service = call.service
    plan = await plans.find(service.store, call.path("number"))
    seen, _ = await preview(service.store, service.setting, service.renderer, plan, call.now)
    return answers.PreviewAnswer(**seen.as_dict())


@PLANS.declare(
    "GET",
    "/plans/{number}/impact",
    "Show whom a plan touches",
    roles=OFFICE,
    query=requests.ImpactQuery,
    answer=answers.ImpactAnswer,
    produces=("application/json", "text/csv"),
    also=(404,),
)
async def show_impact(
    call: Call[requests.ImpactQuery, Nothing],
) -> BaseModel | web.StreamResponse:
    """Whom the present revision touches."""
    service, zone = call.service, call.service.setting.zone
    plan = await plans.find(service.store, call.path("number"))
    revision = await matching.ensure_matched(service.store, plan)
    points_id = revision.points_id
    if call.query.format == "csv":
        return await streaming.respond(
            call.request, _impact_lines(service, revision.id, points_id), "text/csv",
            filename=f"impact-{plan.number}.csv",
        )  # fmt: skip
    async with service.store.read() as tx:
        rows = await tx.impacts.by_area(revision.id, points_id)
    rests_on = await basis.basis(service.store, revision)
    return answers.ImpactAnswer(
        number=plan.number,
        revision=revision.number,
        **rests_on.as_dict(zone),
        points=revision.counts.get("points", {}),
        difference=revision.difference,
        areas=[
            answers.ImpactAreaView(
                code=row["code"],
                name=row["name"],
                feeder=row["feeder"],
                impact_class=row["group"].impact_class.value,
                knowledge=row["group"].knowledge.value,
                windows=presenting.windows(row["group"].windows, zone),
                points=row["points"],
            )
            for row in rows
        ],
    )


async def _impact_lines(
    service: Service, revision_id: int, points_id: int | None
) -> AsyncIterator[str]:
    zone = service.setting.zone
    yield "account,class,starts_at,ends_at\r\n"
    async with service.store.read() as tx:
        async for account, group in tx.impacts.points(revision_id, points_id):
            for window in group.windows:
                yield streaming.csv_line(
                    account,
                    group.impact_class.value,
                    window.starts_at.astimezone(zone).isoformat(),
                    window.ends_at.astimezone(zone).isoformat(),
                )


@PLANS.declare(
    "GET",
    "/plans/{number}/notices",
    "List what is said about a plan",
    roles=OFFICE,
    answer=answers.NoticesAnswer,
    also=(404,),
)
async def list_notices(call: Call[Nothing, Nothing]) -> BaseModel:
    """What is said about the plan, in full."""
    plan = await plans.find(call.service.store, call.path("number"))
    async with call.service.store.read() as tx:
        return answers.NoticesAnswer(notices=await worded_notices(call.service, tx, plan))


async def worded_notices(service: Service, tx: Transaction, plan: Plan) -> list[answers.NoticeView]:
    """The notices of a plan with their words, as of the day on which each is due."""
    zone = service.setting.zone
    found = []
    for row in await views.notices(tx.connection, plan.id):
        facts = facts_from_dict(row["facts"])
        try:
            prepared = service.renderer.prepare(row["template"], facts, now=row["due_at"])
            message = prepared.render(Recipient())
            title, text = message.title, message.text
        except errors.Refusal as refusal:
            title, text = "", f"({refusal.code})"
        found.append(
            answers.NoticeView(
                id=row["id"],
                revision=row["revision"],
                stage=row["stage"],
                occasion=row["occasion"],
                rung=row["rung"],
                medium=row["medium"],
                audience=facts.audience.value,
                impact_class=facts.impact_class.value,
                template=row["template"],
                title=title,
                text=text,
                due_at=presenting.local(row["due_at"], zone),
                expires_at=presenting.local(row["expires_at"], zone),
                deliveries=row["deliveries"],
            )
        )
    return found


@PLANS.declare(
    "GET",
    "/plans/{number}/deliveries",
    "List the deliveries of a plan",
    roles=OFFICE,
    query=requests.DeliveriesQuery,
    answer=answers.DeliveriesPage,
    also=(404,),
)
async def list_deliveries(call: Call[requests.DeliveriesQuery, Nothing]) -> BaseModel:
    """A page of the deliveries of a plan; addresses are masked."""
    query, service = call.query, call.service
    zone = service.setting.zone
    plan = await plans.find(service.store, call.path("number"))
    after = paging.decode(query.cursor, 1)
    async with service.store.read() as tx:
        rows = await views.deliveries(
            tx.connection,
            plan.id,
            medium="" if query.medium is None else query.medium.value,
            stage="" if query.stage is None else query.stage.value,
            state=DeliveryState[query.state.upper()] if query.state else None,
            after_id=0 if after is None else after[0],
            limit=query.limit,
        )
    found = [
        answers.DeliveryView(
            id=row["id"],
            revision=row["revision"],
            stage=row["stage"],
            occasion=row["occasion"],
            rung=row["rung"],
            medium=row["medium"],
            channel=row["channel"],
            to=evidence.masked_address(row, service.vault),
            state=row["state"],
            reason=row["reason"],
            reference=row["reference"] or "",
            due_at=presenting.local(row["due_at"], zone),
            sent_at=presenting.maybe_local(row["sent_at"], zone),
            receipt_at=presenting.maybe_local(row["receipt_at"], zone),
        )
        for row in rows
    ]
    following = paging.encode(found[-1].id) if len(found) == query.limit else ""
    return answers.DeliveriesPage(deliveries=found, next=following)


@PLANS.declare(
    "GET",
    "/plans/{number}/evidence",
    "Stream the evidence of a plan, a JSON object a line",
    roles=OFFICE,
    produces=("application/x-ndjson",),
    also=(404,),
)
async def show_evidence(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Every decision, attempt, outcome and receipt, one JSON object a line, in order of time."""
    service = call.service
    plan = await plans.find(service.store, call.path("number"))
    return await streaming.respond(
        call.request, evidence_lines(service, plan), "application/x-ndjson"
    )


async def evidence_lines(service: Service, plan: Plan) -> AsyncIterator[str]:
    """The evidence of a plan, a JSON object a line."""
    async with service.store.read() as tx:
        async for record in evidence.evidence(
            tx,
            Evidence(tx.connection, plan.id),
            plan,
            vault=service.vault,
            renderer=service.renderer,
            zone=service.setting.zone,
        ):
            yield orjson.dumps(record).decode() + "\n"
