"""What a plan's page does about the network: the picture, confirming a proposal, matching anew."""

from urllib.parse import quote

from aiohttp import web

from notifier.usecases import plans, proposals
from notifier.web import console, switching_api
from notifier.web.context import SERVICE
from notifier.web.endpoints import CHANGERS, WRITERS


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/plans/{number}/diagram.svg", show_diagram)
    app.router.add_post("/plans/{number}/confirm", confirm)
    app.router.add_post("/plans/{number}/rematch", rematch)


async def show_diagram(request: web.Request) -> web.StreamResponse:
    """The single-line diagram; ``?proposal=K`` draws a proposal."""
    await console.reader(request)
    proposal = _number(request.query.get("proposal", "")) or None
    return await switching_api.picture(request.app[SERVICE], request.match_info["number"], proposal)


async def confirm(request: web.Request) -> web.StreamResponse:
    """A proposal becomes the plan's switching, if it is one of those that were shown."""
    who, fields = await console.writer(request, WRITERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await proposals.confirm(
        service.store,
        number,
        _number(fields.get("proposal", "")),
        expected=fields.get("key", ""),
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther(f"/plans/{quote(number, safe='')}")


async def rematch(request: web.Request) -> web.StreamResponse:
    """Ledger and network as they are now."""
    who, fields = await console.writer(request, CHANGERS)
    service, number = request.app[SERVICE], request.match_info["number"]
    await plans.rematch(
        service.store,
        number,
        note=fields.get("note", "")[:1000],
        now=service.clock.now(),
        actor=who.name,
    )
    raise web.HTTPSeeOther(f"/plans/{quote(number, safe='')}")


def _number(text: str) -> int:
    """A small number as somebody's browser sent it; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
