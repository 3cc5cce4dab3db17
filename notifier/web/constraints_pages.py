"""The page of the constraints: what is in force, a file handed in, an earlier version put back."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from notifier.domain import errors
from notifier.intake import tables
from notifier.usecases import coordinate_constraints
from notifier.usecases.coordinate_constraints import ConstraintsInvalid
from notifier.web import constraints_api, coordination_words, forms, pages, principals
from notifier.web.console import reader, writer
from notifier.web.constraints_api import ConstraintsForm
from notifier.web.context import SERVICE
from notifier.web.endpoints import WRITERS
from notifier.web.errors import Unauthenticated


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/coordination/constraints", show)
    app.router.add_get("/coordination/constraints.xlsx", download)
    app.router.add_post("/coordination/constraints", upload)
    app.router.add_post("/coordination/constraints/restore", restore)


async def show(request: web.Request) -> web.StreamResponse:
    """What the bureau asks of its works, table by table."""
    return await _page(request)


async def download(request: web.Request) -> web.StreamResponse:
    """What is in force as a workbook; with ``?template=1`` an empty one."""
    await reader(request)
    is_template = request.query.get("template") == "1"
    return await constraints_api.workbook(request.app[SERVICE], is_template=is_template)


async def upload(request: web.Request) -> web.StreamResponse:
    """Looks at a file, or puts it in force; what is wrong in it is shown, row by row."""
    who = await principals.of_session(request)
    if who is None:
        raise Unauthenticated("请登录 / log in first.")
    principals.require(who, WRITERS)
    try:
        coming, form = await constraints_api.incoming(request)
    except (tables.TableError, forms.FileMissing) as refusal:
        return await _page(request, status=422, refusal=refusal)
    principals.check_csrf(request, form.fields.pop("csrf", ""))
    wanted = forms.fitted(ConstraintsForm, form.fields)
    try:
        taken = await constraints_api.take(request.app[SERVICE], coming, wanted, who.name)
    except (ConstraintsInvalid, coordinate_constraints.ConstraintsChanged) as refusal:
        found = getattr(refusal, "findings", ())
        wrong = {"file": coming.name, "findings": found}
        return await _page(request, status=422, refusal=refusal, looked=wrong)
    if not wanted.dry_run:
        raise web.HTTPSeeOther("/coordination/constraints")
    looked = {
        "file": coming.name,
        "is_valid": coming.constraints is not None,
        "changes": taken.changes,
        "findings": taken.findings,
    }
    return await _page(request, looked=looked)


async def restore(request: web.Request) -> web.StreamResponse:
    """Puts an earlier version in force again."""
    who, fields = await writer(request, WRITERS)
    service = request.app[SERVICE]
    numbers = [int(text) if (text := fields.get(name, "")).isdecimal() else 0
               for name in ("version", "seen")]  # fmt: skip
    await coordinate_constraints.restore(
        constraints_api.book(service),
        numbers[0],
        seen=numbers[1],
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther("/coordination/constraints")


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    looked: Mapping[str, Any] | None = None,
    refusal: errors.Refusal | None = None,
) -> web.Response:
    who = await reader(request)
    service = request.app[SERVICE]
    return pages.render(
        request,
        "coordination_constraints.html.j2",
        status=status,
        who=who,
        csrf=principals.csrf_token(request),
        may_write=who is not None and who.role in WRITERS,
        rules=await constraints_api.book(service).rules(),
        versions=await constraints_api.versions(service),
        looked=looked,
        refusal=refusal,
        CW=coordination_words,
    )
