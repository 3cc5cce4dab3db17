"""The contract between the service and a way of reaching people.

An author of a channel reads this module and nothing else.
``send`` answers one outcome per message, in order.
Besides *accepted* there are four kinds of "no", and mixing them up loses or doubles messages:

=============  ==================================================================================
outcome        what follows
=============  ==================================================================================
Accepted       the provider took it: wait for the receipt
RetryAfter     throttled or busy, nothing was sent: the same provider later, or another one
Permanent      this message can never go there: the recipient's next medium
Uncertain      the request left and no answer came: never resent blindly; asked for by ``query``,
               or awaited until a deadline; resent only where the provider deduplicates by key
ChannelStop    credentials, signature, template or balance: the channel stops, an operator is told
=============  ==================================================================================
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol


class Medium(StrEnum):
    """How a person is reached; a posting is a medium like any other."""

    SMS = "sms"
    WECHAT = "wechat"
    PUSH = "push"
    VOICE = "voice"
    EMAIL = "email"
    POSTING = "posting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One rendered message to one address.

    ``key`` is the delivery's identity, stable over retries; 32 characters at most.
    ``address`` is what the medium needs: an E.164 phone number, an openid, a device token.
    ``variables`` fill the provider's registered template; ``text`` is the same notice in full.
    """

    key: str
    address: str
    text: str
    variables: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages that leave in one call; ``key`` never changes and is the idempotency key.

    ``template`` names the notice template (``advance.sms.zh``); the channel's configuration
    maps it to the code under which the provider knows it.
    ``absent``: in a call that is made again, what was in it and may not be sent any more, since
    somebody has opted out. Never sent; a channel whose idempotency key is made of the members of a
    request counts them in.
    """

    key: str
    template: str
    messages: Sequence[Message]
    absent: Sequence[Message] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took the message; ``reference`` is its name for it."""

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfter:
    """Nothing was sent; try again once ``delay`` has passed."""

    delay: timedelta
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permanent:
    """This message can never go to this address by this provider."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The request left; nobody knows whether the message did."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStop:
    """Nothing was sent and nothing will be until an operator mends the channel."""

    code: str
    detail: str = ""


Outcome = Accepted | RetryAfter | Permanent | Uncertain | ChannelStop


class ReceiptStatus(StrEnum):
    """What became of a message, in the provider's last word.

    ABSENT is an answer to a question only: the provider looked, and never had it.
    """

    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A provider's word on one message, found again by whichever identity the provider returns.

    ``batch_key`` with ``address`` is tried first, then ``message_key``, then ``reference`` with
    ``address``. ``code`` is the provider's own; ``at`` is aware, None when the provider gives no time.
    """

    status: ReceiptStatus
    code: str
    at: datetime | None = None
    batch_key: str = ""
    message_key: str = ""
    reference: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An HTTP request in which a provider brings receipts. Header names are lower case."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    remote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """What the callback said and what the provider expects to hear.

    The receipts are on disk before the answer is sent. ``status`` 403 means: not from the provider.
    """

    receipts: Sequence[Receipt]
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one account of the provider bears.

    ``batch_size`` messages a call at most; ``per_second`` messages a second (0 = no limit);
    ``lanes`` calls at once; ``max_units`` UTF-16 units of text a message (0 = no limit);
    ``idempotent_for`` how long the provider drops a second call with the same batch or message
    key (None: never, a resend may reach people twice);
    ``receipts_within`` how long a receipt may take before the message counts as unconfirmed;
    ``absent_after`` how long after a call the provider's word that it never had a message is
    believed, and the message sent again (None: never).
    """

    batch_size: int = 1
    per_second: float = 0.0
    lanes: int = 4
    max_units: int = 0
    idempotent_for: timedelta | None = None
    receipts_within: timedelta = timedelta(hours=1)
    absent_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the provider can be reached, in one sentence."""

    is_well: bool
    detail: str = ""


class Channel(Protocol):
    """A configured provider of one medium.

    ``send`` raises nothing for what a provider may answer; an exception is a fault of the adapter
    and is taken as Uncertain. It stops within its configured timeout.
    ``query`` asks what became of messages whose outcome is uncertain; an empty list: not known.
    Only where the provider was asked and says it never had a message is there a receipt ABSENT.
    """

    medium: Medium
    limits: Limits

    async def send(self, batch: Batch) -> Sequence[Outcome]: ...

    async def query(self, batch: Batch, sent_at: datetime) -> Sequence[Receipt]: ...

    def receipts(self, callback: Callback) -> CallbackAnswer: ...

    async def health(self) -> Health: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the service lends a channel: its clock. ``now`` answers aware UTC."""

    now: Callable[[], datetime]


#: An entry point of the group ``notifier.channels``: raw settings in, a channel out.
#: It raises ``ValueError`` naming the setting that is wrong.
Configure = Callable[[Mapping[str, Any], Tools], Channel]
