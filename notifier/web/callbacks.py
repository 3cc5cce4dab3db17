"""Where providers bring receipts: ``/callbacks/{channel}/{secret}``, the secret part of the address.

The receipts are on disk before the answer is sent. A wrong secret and an unknown channel look alike.
"""

import hmac
import ipaddress

from aiohttp import web

from notifier.channel import Callback
from notifier.web.context import INBOX, SERVICE, TALLY
from notifier.web.endpoints import read_bounded

#: A provider brings at most some hundred receipts at once.
_MOST = 1 << 20
_NOBODY = "no channel has this secret, and comparing it takes as long"


def add(app: web.Application) -> None:
    """Adds the routes."""
    for method in ("GET", "POST"):
        app.router.add_route(method, "/callbacks/{channel}/{secret}", take)


async def take(request: web.Request) -> web.StreamResponse:
    """Takes what a provider brings."""
    service = request.app[SERVICE]
    name = request.match_info["channel"]
    options = service.settings.channels.get(name)
    secret = options.callback_secret if options is not None else None
    expected = _NOBODY if secret is None else secret.get_secret_value()
    same = hmac.compare_digest(expected.encode(), request.match_info["secret"].encode())
    channel = service.switchboard.channels.get(name)
    if not same or secret is None or channel is None:
        raise web.HTTPNotFound(reason="Not Found")
    callback = Callback(
        method=request.method,
        query=dict(request.query),
        headers={key.lower(): value for key, value in request.headers.items()},
        body=await read_bounded(request, _MOST),
        remote=remote_of(request),
    )
    answer = channel.receipts(callback)
    if answer.receipts:
        taken = await request.app[INBOX].take(name, answer.receipts, service.clock.now())
        tally = request.app[TALLY]
        tally.count_receipt(name, "known", taken.known)
        tally.count_receipt(name, "stray", taken.stray)
    return web.Response(
        status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type}
    )


def remote_of(request: web.Request) -> str:
    """The address a request came from; proxies are believed only where the settings say so."""
    trusted = request.app[SERVICE].settings.web.trusted_proxies
    address = request.remote or ""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    while address and hops and hops[-1] and _is_within(address, trusted):
        address = hops.pop()
    return address


def _is_within(
    address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
