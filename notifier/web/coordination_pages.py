"""Pages about coordinating works: the check beside a plan."""

from aiohttp import web

from notifier.domain.customer import Criticality
from notifier.usecases.coordinate_checking import REFUSALS, reason
from notifier.web import coordination_words, pages
from notifier.web.console import reader
from notifier.web.context import CHECKER, SERVICE


def add(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/fragments/plans/{number}/coordination", show_check)


async def show_check(request: web.Request) -> web.StreamResponse:
    """What else takes the plan's areas out, and what would be better: a part of the plan's page."""
    who = await reader(request)
    service = request.app[SERVICE]
    checked = await request.app[CHECKER].check(request.match_info["number"], service.clock.now())
    shown = checked.as_dict()
    return pages.render(
        request,
        "coordination_check.html.j2",
        who=who,
        shown=shown,
        checked=checked,
        reasons=[reason(item) for item in checked.check.suggestions],
        critical=[
            (Criticality(int(key)).name.lower(), number, shown["critical_hit_again"].get(key, 0))
            for key, number in shown["critical"].items()
        ],
        refusals=REFUSALS,
        CW=coordination_words,
    )
