"""The pages of what is on record about a plan: every message, the evidence; and exceptions closed."""

from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from notifier.channel import Medium
from notifier.domain import errors
from notifier.domain.delivery import DeliveryState
from notifier.domain.notice import Stage
from notifier.store import views
from notifier.usecases import evidence, plans, status
from notifier.web import console, pages, paging, plans_api, principals, streaming
from notifier.web.context import SERVICE
from notifier.web.endpoints import WRITERS

#: Messages on a page.
_A_PAGE = 100
_MOST_WORDS = 500


class FilterInvalid(errors.Invalid):
    """A link names a stage, medium or state that there is not."""

    code = "page.filter_invalid"


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/plans/{number}/deliveries", show_deliveries)
    app.router.add_get("/plans/{number}/evidence", show_evidence)
    app.router.add_post("/exceptions/{id:[0-9]{1,18}}/close", close_exception)


async def show_deliveries(request: web.Request) -> web.StreamResponse:
    """The messages of a plan, one row each, addresses masked; by stage, medium and state."""
    who = await console.reader(request)
    service = request.app[SERVICE]
    plan = await plans.find(service.store, request.match_info["number"])
    chosen = _chosen(request)
    after = paging.decode(request.query.get("cursor", ""), 1)
    async with service.store.read() as tx:
        rows = await views.deliveries(
            tx.connection,
            plan.id,
            medium=chosen.get("medium", ""),
            stage=chosen.get("stage", ""),
            state=DeliveryState[chosen["state"].upper()] if "state" in chosen else None,
            after_id=0 if after is None else after[0],
            limit=_A_PAGE + 1,
        )
    shown = [{**row, "to": evidence.masked_address(row, service.vault)} for row in rows[:_A_PAGE]]
    following = ""
    if len(rows) > _A_PAGE:
        following = "?" + urlencode({**chosen, "cursor": paging.encode(shown[-1]["id"])})
    return pages.render(
        request,
        "deliveries.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        plan=plan,
        rows=shown,
        chosen=chosen,
        filters=_filters(chosen),
        following=following,
        is_first=after is None,
    )


async def show_evidence(request: web.Request) -> web.StreamResponse:
    """Everything on record about a plan as a file, a JSON object a line, addresses masked."""
    await console.reader(request)
    service = request.app[SERVICE]
    plan = await plans.find(service.store, request.match_info["number"])
    lines = plans_api.evidence_lines(service, plan)
    name = f"{plan.number}-evidence.ndjson"
    return await streaming.respond(request, lines, "application/x-ndjson", filename=name)


async def close_exception(request: web.Request) -> web.StreamResponse:
    """Somebody has seen to it, and says how."""
    who, fields = await console.writer(request, WRITERS)
    service = request.app[SERVICE]
    how = fields.get("how", "").strip()[:_MOST_WORDS]
    if not how:
        raise FilterInvalid("请说明如何处理的 / say how it was seen to.")
    await status.close_exception(
        service.store,
        int(request.match_info["id"]),
        how=how,
        now=service.clock.now(),
        actor=who.name,
    )
    plan = fields.get("plan", "")
    raise web.HTTPSeeOther(f"/plans/{quote(plan, safe='')}" if plan else "/#exceptions")


_KNOWN = {
    "stage": [stage.value for stage in Stage],
    "medium": [medium.value for medium in Medium],
    "state": [state.name.lower() for state in DeliveryState],
}


def _chosen(request: web.Request) -> dict[str, str]:
    """The filters of the address, those that say something. Raises ``FilterInvalid``."""
    chosen = {name: request.query[name] for name in _KNOWN if request.query.get(name)}
    for name, value in chosen.items():
        if value not in _KNOWN[name]:
            raise FilterInvalid(f"没有 {value} / there is no {name} “{value}”.")
    return chosen


def _filters(chosen: dict[str, str]) -> list[tuple[str, list[dict[str, Any]]]]:
    """For each filter its values as links, the one in force marked."""
    found = []
    for name, values in _KNOWN.items():
        others = {key: value for key, value in chosen.items() if key != name}
        links = [
            {
                "value": value,
                "href": "?" + urlencode(others | ({name: value} if value else {})),
                "is_on": chosen.get(name, "") == value,
            }
            for value in ("", *values)
        ]
        found.append((name, links))
    return found
