"""Plans on the network model, over the API: proposals, confirming one, matching anew, the diagram."""

from aiohttp import web
from pydantic import BaseModel

from notifier.domain.impact import Group
from notifier.usecases import basis, matching, plans, proposals, rechecking
from notifier.web import answers, plans_api, presenting, requests
from notifier.web.context import Service
from notifier.web.endpoints import CHANGERS, OFFICE, WRITERS, Call, Nothing
from notifier.web.endpoints import Group as Endpoints

SWITCHING = Endpoints("plans")

#: So many accounts are named in a comparison; the counts are of all.
_NAMED = 1_000


@SWITCHING.declare(
    "GET",
    "/plans/{number}/proposals",
    "Propose switching for the place of work of a plan",
    roles=OFFICE,
    answer=answers.ProposalsAnswer,
    also=(404, 409),
)
async def list_proposals(call: Call[Nothing, Nothing]) -> BaseModel:
    """Ways to make the place of work dead, fewest people out first, each with its counts."""
    found = await proposals.propose(call.service.store, call.path("number"))
    return answers.ProposalsAnswer(**found.as_dict())


@SWITCHING.declare(
    "POST",
    "/plans/{number}/confirm",
    "Make a proposal the switching of a plan",
    roles=WRITERS,
    body=requests.ConfirmBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def confirm_proposal(call: Call[Nothing, requests.ConfirmBody]) -> BaseModel:
    """Makes a new revision with the steps of a proposal."""
    plan = await proposals.confirm(
        call.service.store,
        call.path("number"),
        call.body.proposal,
        expected=call.body.expected_key,
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
    )
    return await plans_api.detail(call.service, plan)


@SWITCHING.declare(
    "POST",
    "/plans/{number}/rematch",
    "Match a plan anew on ledger and network as they are now",
    roles=CHANGERS,
    body=requests.NoteBody,
    answer=answers.PlanDetail,
    also=(404, 409),
)
async def rematch_plan(call: Call[Nothing, requests.NoteBody]) -> BaseModel:
    """Makes a new revision of the same content; it has to be approved again."""
    plan = await plans.rematch(
        call.service.store,
        call.path("number"),
        note=call.body.note,
        now=call.now,
        actor=call.actor.name,
    )
    return await plans_api.detail(call.service, plan)


@SWITCHING.declare(
    "GET",
    "/plans/{number}/impact/current",
    "Show what matching a plan anew would change",
    roles=OFFICE,
    answer=answers.ComparisonAnswer,
    also=(404,),
)
async def compare_impact(call: Call[Nothing, Nothing]) -> BaseModel:
    """The frozen impact against ledger and network as they are now; nothing is changed."""
    service = call.service
    plan = await plans.find(service.store, call.path("number"))
    revision = await matching.ensure_matched(service.store, plan)
    found = await rechecking.compare(service.store, revision, now=call.now)
    accounts = await rechecking.by_account(service.store, found)
    return answers.ComparisonAnswer(
        number=plan.number,
        revision=revision.number,
        frozen_on=_network(found.frozen_on),
        now_on=_network(found.now_on),
        counts=found.counts,
        accounts=[
            answers.ChangedAccount(
                account=account, before=_said(before, service), now=_said(now, service)
            )
            for account, before, now in accounts[:_NAMED]
        ],
        findings=[finding.as_dict() for finding in found.findings],
    )


@SWITCHING.declare(
    "GET",
    "/plans/{number}/diagram.svg",
    "The single-line diagram of what a plan touches",
    roles=OFFICE,
    query=requests.DiagramQuery,
    produces=("image/svg+xml",),
    also=(404, 409),
)
async def show_diagram(call: Call[requests.DiagramQuery, Nothing]) -> web.StreamResponse:
    """The diagram on the network in force, or of a proposal."""
    return await picture(call.service, call.path("number"), call.query.proposal)


async def picture(service: Service, number: str, proposal: int | None = None) -> web.Response:
    """The diagram as an answer that a page may show as an image."""
    svg = await basis.picture(service.store, number, proposal=proposal, now=service.clock.now())
    return web.Response(
        text=svg,
        content_type="image/svg+xml",
        charset="utf-8",
        headers={
            # Its own style sheet is all that it needs; it can neither run nor load anything.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        },
    )


def _network(found: tuple[int, int] | None) -> answers.NetworkView | None:
    return None if found is None else answers.NetworkView(version=found[0], overlay=found[1])


def _said(group: Group | None, service: Service) -> answers.GroupView | None:
    if group is None:
        return None
    return answers.GroupView(
        impact_class=group.impact_class.value,
        knowledge=group.knowledge.value,
        windows=presenting.windows(group.windows, service.setting.zone),
    )
