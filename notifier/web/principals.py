"""Who asks: a machine by its bearer token, a person by a session that holds one, sealed.

A session cookie is the token encrypted with the vault's keys: any node can read it, a revoked token
ends it at once, and the browser never holds the token itself.
"""

import base64
import binascii
import hmac
from collections.abc import Collection
from datetime import timedelta

from aiohttp import web

from notifier.domain import errors as refusals
from notifier.store import tokens
from notifier.store.tokens import PREFIX, Role
from notifier.vault import VaultClosed
from notifier.web import errors
from notifier.web.context import SERVICE, Principal

COOKIE = "notifier_session"
#: A working day; counted by the time outside, also under a simulated clock.
SESSION = timedelta(hours=12)


class RoleNotAllowed(refusals.Forbidden):
    """The token is known and its role may not do this."""

    code = "auth.role_not_allowed"


class CsrfFailed(refusals.Forbidden):
    """A form that was not made by this service for this session."""

    code = "auth.csrf"


async def of_bearer(request: web.Request) -> Principal:
    """The bearer of the token in ``Authorization``. Raises ``errors.Unauthenticated``."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith(PREFIX):
        raise errors.Unauthenticated("请在 Authorization 中提供令牌 / send a bearer token.")
    who = await of_secret(request, secret)
    if who is None:
        raise errors.Unauthenticated("令牌无效或已吊销 / the token is unknown or revoked.")
    return who


async def of_secret(request: web.Request, secret: str) -> Principal | None:
    """Whose token this is; None: nobody's."""
    async with request.app[SERVICE].store.read() as tx:
        token = await tokens.verify(tx.connection, secret)
    return None if token is None else Principal.of(token)


def require(who: Principal, roles: Collection[Role]) -> None:
    """Raises ``RoleNotAllowed`` where the role is none of these."""
    if who.role not in roles:
        raise RoleNotAllowed(
            f"角色 {who.role.value} 无权执行此操作 / the role {who.role.value} may not do this."
        )


# --- Sessions of people -------------------------------------------------------------------------


async def of_session(request: web.Request) -> Principal | None:
    """Whose session the cookie is; None: nobody's, or it has ended."""
    service = request.app[SERVICE]
    sealed = request.cookies.get(COOKIE, "")
    if not sealed:
        return None
    try:
        opened = service.vault.open(base64.urlsafe_b64decode(sealed.encode()))
        kind, since, secret = opened.split(" ", 2)
        began = int(since)
    except (VaultClosed, ValueError, IndexError, binascii.Error):
        return None
    age = service.clock.wall().timestamp() - began
    if kind != "session" or not -60 <= age < SESSION.total_seconds():
        return None
    return await of_secret(request, secret)


def open_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Puts the session of a token that was verified into a cookie."""
    service = request.app[SERVICE]
    began = int(service.clock.wall().timestamp())
    sealed = base64.urlsafe_b64encode(service.vault.seal(f"session {began} {secret}".strip()))
    response.set_cookie(
        COOKIE,
        sealed.decode(),
        max_age=int(SESSION.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=is_secure(request),
        path="/",
    )


def close_session(request: web.Request, response: web.StreamResponse) -> None:
    """Forgets the session."""
    response.del_cookie(
        COOKIE, path="/", httponly=True, samesite="Strict", secure=is_secure(request)
    )


def is_secure(request: web.Request) -> bool:
    """Whether people reach the service by HTTPS, be it at a proxy in front of it."""
    public = request.app[SERVICE].settings.utility.public_url
    return request.secure or (
        public.startswith("https://") and request.host == public.removeprefix("https://")
    )


def csrf_token(request: web.Request) -> str:
    """What a form of this session carries."""
    cookie = request.cookies.get(COOKIE, "")
    return request.app[SERVICE].vault.fingerprint(f"csrf {cookie}").hex()


def check_csrf(request: web.Request, given: str) -> None:
    """Raises ``CsrfFailed`` unless the form was made for this session, by this site."""
    same_site = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    if not same_site or not hmac.compare_digest(csrf_token(request).encode(), given.encode()):
        raise CsrfFailed("表单已过期，请刷新后重试 / the form is out of date: reload the page.")
