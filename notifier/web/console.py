"""The pages for staff: the board, one plan, logging in, and the few decisions a page may take."""

from collections.abc import Collection
from urllib.parse import quote

from aiohttp import web

from notifier.domain.plan import PlanState
from notifier.store.tokens import Role
from notifier.usecases import matching, plans, policies
from notifier.usecases.preview import preview
from notifier.web import boards, pages, plans_api, principals
from notifier.web.context import SERVICE, Principal
from notifier.web.endpoints import CHANGERS, OFFICE, SIGNERS, WRITERS, read_bounded
from notifier.web.errors import Unauthenticated

_MOST_FORM = 16 << 10


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/", show_board)
    app.router.add_get("/fragments/board", show_board_part)
    app.router.add_get("/plans/{number}", show_plan)
    app.router.add_get("/fragments/plans/{number}", show_plan_part)
    app.router.add_post("/plans/{number}/approve", approve)
    app.router.add_post("/plans/{number}/cancel", cancel)
    app.router.add_get("/login", show_login)
    app.router.add_post("/login", log_in)
    app.router.add_post("/logout", log_out)
    app.router.add_static("/static", pages.STATIC, append_version=False)


async def reader(request: web.Request) -> Principal | None:
    """Who reads a page; None where the pages are open. Raises ``Unauthenticated``."""
    who = await principals.of_session(request)
    if who is None and not request.app[SERVICE].settings.web.open_pages:
        raise Unauthenticated("请登录 / log in first.")
    if who is not None:
        principals.require(who, OFFICE)
    return who


async def writer(request: web.Request, roles: Collection[Role]) -> tuple[Principal, dict[str, str]]:
    """Who sent a form, and its fields. Raises ``Unauthenticated``, ``RoleNotAllowed``, ``CsrfFailed``."""
    who = await principals.of_session(request)
    if who is None:
        raise Unauthenticated("请登录 / log in first.")
    fields = await _fields(request)
    principals.check_csrf(request, fields.get("csrf", ""))
    principals.require(who, roles)
    return who, fields


async def _fields(request: web.Request) -> dict[str, str]:
    await read_bounded_form(request)
    posted = await request.post()
    return {name: value for name, value in posted.items() if isinstance(value, str)}


async def read_bounded_form(request: web.Request) -> None:
    """Refuses a form that is larger than any of ours."""
    if request.content_length is None or request.content_length > _MOST_FORM:
        await read_bounded(request, 0)


# --- Reading ---------------------------------------------------------------------------------------


async def show_board(request: web.Request) -> web.StreamResponse:
    """The first page."""
    who = await reader(request)
    everything = request.query.get("all") == "1"
    board = await boards.board(request.app, everything=everything)
    service = request.app[SERVICE]
    async with service.store.read() as tx:
        awaiting = await policies.awaiting(tx, service.setting.configured)
    return pages.render(
        request, "board.html.j2", who=who, board=board, everything=everything, awaiting=awaiting,
        csrf=principals.csrf_token(request), may_close=_may_close(who),
    )  # fmt: skip


async def show_board_part(request: web.Request) -> web.StreamResponse:
    """The part of the first page that changes."""
    who = await reader(request)
    everything = request.query.get("all") == "1"
    board = await boards.board(request.app, everything=everything)
    return pages.render(
        request, "board_part.html.j2", who=who, board=board, everything=everything,
        csrf=principals.csrf_token(request), may_close=_may_close(who),
    )  # fmt: skip


async def show_plan(request: web.Request) -> web.StreamResponse:
    """One plan in full; with ``?preview=1`` what approving it would send."""
    who = await reader(request)
    service = request.app[SERVICE]
    plan = await plans.find(service.store, request.match_info["number"])
    if plan.state is not PlanState.DRAFT:
        await matching.ensure_matched(service.store, plan)
    shown = await boards.plan_page(service, plan)
    async with service.store.read() as tx:
        notices = await plans_api.worded_notices(service, tx, plan)
    seen = None
    may_approve = who is not None and who.role in SIGNERS and plan.state is PlanState.SUBMITTED
    if may_approve and request.query.get("preview") == "1":
        seen, _ = await preview(
            service.store, service.setting, service.renderer, plan, service.clock.now()
        )
    is_open = plan.state not in (PlanState.CANCELLED, PlanState.DONE)
    is_matched = is_open and plan.state is not PlanState.DRAFT
    return pages.render(
        request,
        "plan.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        notices=notices,
        seen=seen,
        network=await boards.network_part(service, plan, shown["present"]),
        may_confirm=who is not None and who.role in WRITERS and is_matched,
        may_rematch=who is not None and who.role in CHANGERS and is_matched,
        may_approve=may_approve,
        may_cancel=who is not None and who.role in CHANGERS and is_open,
        may_close=_may_close(who),
        **shown,
    )


async def show_plan_part(request: web.Request) -> web.StreamResponse:
    """The part of a plan's page that changes."""
    who = await reader(request)
    service = request.app[SERVICE]
    plan = await plans.find(service.store, request.match_info["number"])
    return pages.render(
        request,
        "plan_part.html.j2",
        who=who,
        csrf=principals.csrf_token(request),
        may_close=_may_close(who),
        **await boards.plan_page(service, plan),
    )


def _may_close(who: Principal | None) -> bool:
    """Whether exceptions can be taken off the list here."""
    return who is not None and who.role in WRITERS


# --- Deciding --------------------------------------------------------------------------------------


async def approve(request: web.Request) -> web.StreamResponse:
    """Signs what the preview showed."""
    who, fields = await writer(request, SIGNERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await plans.approve(
        service.store,
        service.setting,
        service.renderer,
        number,
        now=service.clock.now(),
        actor=who.name,
        expected_hash=fields.get("expected_hash", ""),
    )
    raise web.HTTPSeeOther(_plan_url(number))


async def cancel(request: web.Request) -> web.StreamResponse:
    """The outage will not take place."""
    who, fields = await writer(request, CHANGERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await plans.cancel(
        service.store,
        service.setting,
        number,
        note=fields.get("note", "")[:1000],
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther(_plan_url(number))


def _plan_url(number: str) -> str:
    return f"/plans/{quote(number, safe='')}"


# --- Logging in ------------------------------------------------------------------------------------


async def show_login(request: web.Request) -> web.StreamResponse:
    """Asks for a token."""
    return pages.render(
        request, "login.html.j2", to=_inside(request.query.get("to", "/")), failed=False
    )


async def log_in(request: web.Request) -> web.StreamResponse:
    """Opens a session for the bearer of a token."""
    fields = await _fields(request)
    to = _inside(fields.get("to", "/"))
    secret = fields.get("token", "").strip()
    who = await principals.of_secret(request, secret) if secret else None
    if who is None or who.role not in OFFICE:
        return pages.render(request, "login.html.j2", status=403, to=to, failed=True)
    response = web.HTTPSeeOther(to)
    principals.open_session(request, response, secret)
    raise response


async def log_out(request: web.Request) -> web.StreamResponse:
    """Ends the session of this browser."""
    fields = await _fields(request)
    principals.check_csrf(request, fields.get("csrf", ""))
    response = web.HTTPSeeOther("/login")
    principals.close_session(request, response)
    raise response


def _inside(path: str) -> str:
    """A path of this site; anything else leads to the first page."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_path and path.isprintable() else "/"
