"""The web application, and the service as a whole: both run until somebody asks them to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog
from aiohttp import web

from notifier.clock import monotonic
from notifier.domain import errors as refusals
from notifier.intake.plans_json import is_readable
from notifier.rendering.library import Library
from notifier.rendering.posters import PosterPress
from notifier.rendering.variables import Utility
from notifier.usecases.inbox import Inbox
from notifier.web import (
    callbacks,
    console,
    constraints_pages,
    coordination_pages,
    endpoints,
    errors,
    joint_api,
    openapi,
    pages,
    public,
    records,
    reports_pages,
    running_pages,
    switching_pages,
)
from notifier.web.constraints_api import CONSTRAINTS
from notifier.web.context import (
    CHECKER,
    INBOX,
    MEETINGS,
    MEMORY,
    OPENAPI,
    PAGES,
    PRESS,
    SERVICE,
    TALLY,
    Service,
    Tally,
)
from notifier.web.coordination_api import COORDINATION
from notifier.web.operations_api import OPERATIONS
from notifier.web.plans_api import PLANS
from notifier.web.postings_api import POSTINGS
from notifier.web.principals import is_secure
from notifier.web.reports_api import REPORTS
from notifier.web.running_api import RUNNING
from notifier.web.switching_api import SWITCHING
from notifier.web.uploads_api import UPLOADS

_log = structlog.get_logger()
_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Every endpoint of the API, files first: their path would pass for a plan's number.
ENDPOINTS = (
    *UPLOADS.endpoints,
    *COORDINATION.endpoints,
    *CONSTRAINTS.endpoints,
    *PLANS.endpoints,
    *SWITCHING.endpoints,
    *joint_api.JOINTS.endpoints,
    *POSTINGS.endpoints,
    *RUNNING.endpoints,
    *OPERATIONS.endpoints,
    *REPORTS.endpoints,
)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
#: Seconds: how long requests and steps under way may take when the service stops.
_DRAIN = 10.0
_LOOK_AT_LAG = 0.05


def make_app(service: Service) -> web.Application:
    """The application over an open service; it owns nothing but its poster press."""
    app = web.Application(middlewares=[_guard])
    app[SERVICE] = service
    app[INBOX] = Inbox(service.store, service.vault)
    app[MEETINGS] = service.meetings()
    app[CHECKER] = app[MEETINGS].gatherer.checker
    app[TALLY] = Tally()
    app[MEMORY] = {}
    app[OPENAPI] = openapi.document(ENDPOINTS)
    app[PAGES] = pages.environment(service.settings.templates.folder, service.setting.zone)
    app[PRESS] = _press(service)
    endpoints.add(app, ENDPOINTS)
    callbacks.add(app)
    console.add(app)
    switching_pages.add(app)
    joint_api.add(app)
    coordination_pages.add(app)
    constraints_pages.add(app)
    records.add(app)
    reports_pages.add(app)
    public.add(app)
    running_pages.add(app)
    app.on_response_prepare.append(_secure)
    app.cleanup_ctx.append(_close_press)
    app.cleanup_ctx.append(_close_meetings)
    return app


async def _close_meetings(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[MEETINGS].close()


def _press(service: Service) -> PosterPress:
    utility = service.settings.utility
    link = f"{utility.public_url}/p/{{number}}" if utility.public_url else f"tel:{utility.hotline}"
    return PosterPress(
        Library(service.settings.templates.folder),
        service.renderer,
        Utility(
            name=utility.name,
            signature=utility.signature,
            hotline=utility.hotline,
            zone=utility.tzinfo,
            link=link,
        ),
    )


async def _close_press(app: web.Application) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(app[PRESS].close)


@web.middleware
async def _guard(request: web.Request, handler: _Next) -> web.StreamResponse:
    """Turns whatever was raised into one shape of answer, and counts every request."""
    status = 500
    try:
        response = await _answered(request, handler)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        route = request.match_info.route.resource
        name = "unknown" if route is None else route.canonical
        key = (request.method, name, status)
        counted = request.app[TALLY].requests
        counted[key] = counted.get(key, 0) + 1
    return response


async def _answered(request: web.Request, handler: _Next) -> web.StreamResponse:
    """The handler's answer, or that to what it raised; only what is no error is raised on."""
    for_people = not request.path.startswith(("/api/", "/callbacks/"))
    try:
        if not is_readable(request.path):
            raise web.HTTPNotFound
        return await handler(request)
    except refusals.Refusal as refusal:
        if for_people:
            return pages.of_refusal(request, refusal)
        return errors.of_refusal(refusal, request.path)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        if for_people:
            return pages.error_page(request, error.status, error.reason)
        return errors.of_http(error, request.path)
    except Exception:  # noqa: BLE001 - the one place that logs a fault of a request
        fault = errors.of_fault(request.path, request.method)
        return pages.error_page(request, 500, "") if for_people else fault


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


async def serve(
    service: Service,
    *,
    ready: Callable[[str], None],
    host: str | None = None,
    port: int | None = None,
    with_worker: bool = True,
) -> None:
    """Serves, and works in the background, until SIGTERM or SIGINT; then drains and closes in order.

    ``ready`` hears the address once the service listens. Raises ``OSError`` where it cannot listen,
    and whatever makes the background loops end by themselves.
    """
    settings = service.settings.web
    app = make_app(service)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN, handle_signals=False)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    lag = asyncio.create_task(_watch_lag(service, app[TALLY]), name="lag")
    try:
        site = web.TCPSite(
            runner,
            settings.host if host is None else host,
            settings.port if port is None else port,
        )
        await site.start()
        ready(_url(runner))
        warming = asyncio.create_task(_warm(app), name="warm")
        try:
            await _work(service, stop, with_worker=with_worker)
        finally:
            # A few seconds at the most; cut off, it would leave a connection behind.
            await warming
        await site.stop()
    finally:
        lag.cancel()
        with suppress(asyncio.CancelledError):
            await lag
        await runner.cleanup()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _warm(app: web.Application) -> None:
    """Reads what is planned, so that nobody who submits a plan waits for it."""
    try:
        await app[CHECKER].index(app[SERVICE].clock.now())
    except Exception:  # noqa: BLE001 - the first question reads it instead, and says what is wrong
        _log.exception("coordination.not_read")


async def _work(service: Service, stop: asyncio.Event, *, with_worker: bool) -> None:
    """Runs the loops until ``stop``, then lets them finish the step they are in."""
    if not with_worker:
        await stop.wait()
        return
    worker = service.worker()
    working = asyncio.create_task(worker.run(), name="worker")
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    worker.stop()
    _, late = await asyncio.wait({working}, timeout=_DRAIN)
    if late:
        _log.warning("worker.not_drained", seconds=_DRAIN)
        working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def _url(runner: web.AppRunner) -> str:
    address = runner.addresses[0]
    host, port = address[0], address[1]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - asked, not bound here
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _watch_lag(service: Service, tally: Tally) -> None:
    while True:
        before = monotonic()
        await service.clock.pause(_LOOK_AT_LAG)
        tally.lag = max(0.0, monotonic() - before - _LOOK_AT_LAG)
        tally.worst_lag = max(tally.worst_lag, tally.lag)
