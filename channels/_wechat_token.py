"""The access token of a WeChat account: fetched once, shared, fetched once more when it is refused."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import pydantic

from channels import _http
from notifier.channel import ChannelStop, Outcome, RetryAfter

#: Refused tokens: 40001 wrong or not the latest, 40014 malformed, 42001 expired.
REFUSED = frozenset({40001, 40014, 42001})


@dataclass(frozen=True, slots=True)
class Grant:
    """A token, and the number of the fetch that brought it."""

    token: str = field(repr=False)
    number: int = 0


@dataclass(slots=True)
class TokenKeeper:
    """Keeps the token of ``/cgi-bin/stable_token``. One task fetches, the others wait for its answer.

    ``force_refresh`` is never asked for: it makes the token of every other user of the account invalid
    and is meant for a leak.
    """

    sender: _http.Sender
    app_id: str
    secret: pydantic.SecretStr
    now: Callable[[], datetime]
    _last: Grant | Outcome | None = None
    _fetches: int = 0
    _until: datetime | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self) -> Grant | Outcome:
        """A token, or the outcome for messages that cannot be sent without one: they were not sent."""
        last = self._last
        if isinstance(last, Grant) and self._until is not None and self.now() < self._until:
            return last
        return await self.renew(self._fetches)

    async def renew(self, number: int) -> Grant | Outcome:
        """Fetch, unless somebody did since fetch ``number``: then its answer is everybody's.

        The platform may well answer with the token it gave before, so tokens are not compared.
        """
        async with self._lock:
            if self._fetches == number or self._last is None:
                self._until = None
                self._last = await self._fetch()
                self._fetches += 1
            return self._last

    async def _fetch(self) -> Grant | Outcome:
        body = orjson.dumps(
            {
                "grant_type": "client_credential",
                "appid": self.app_id,
                "secret": self.secret.get_secret_value(),
            }
        )
        result = await self.sender.post(
            "/cgi-bin/stable_token", "content-type: application/json\r\n", body
        )
        if not isinstance(result, _http.Answer):
            return _later(f"token.{result.code}")
        try:
            answer: Any = orjson.loads(result.body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            return _later("token.malformed_answer")
        token, code = answer.get("access_token"), answer.get("errcode", 0)
        if result.status == 200 and isinstance(token, str) and token.isascii() and token:
            # The platform renews five minutes ahead; so does this.
            seconds = max(float(answer.get("expires_in") or 0) - 300, 1)
            self._until = self.now() + timedelta(seconds=seconds)
            return Grant(token, self._fetches + 1)
        if code in (-1, 45011) or result.status >= 500 or result.status == 429:
            return _later(f"token.{code or result.status}")
        return ChannelStop(code=f"token.{code}", detail=_http.clean(answer.get("errmsg", "")))


def _later(code: str) -> RetryAfter:
    """Without a token nothing was sent, however the fetching failed."""
    return RetryAfter(delay=timedelta(seconds=10), code=code)
