"""The evidence of one plan: everything that was decided, tried, answered and done, in order of time."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from notifier import vault as vaults
from notifier.domain import errors
from notifier.domain.customer import ContactKind
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.notice import Recipient
from notifier.domain.plan import Plan, content_as_dict
from notifier.domain.reporting import Record
from notifier.ports import Renderer, Transaction, Vault

#: The order of what happened at the same millisecond: causes before effects.
KINDS = (
    "revision",
    "approval",
    "decision",
    "notice",
    "batch",
    "attempt",
    "outcome",
    "receipt",
    "posting",
    "exception",
    "audit",
)
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_SECRET = ("phone_sealed", "openid", "push_token", "contact_kind", "name")


class AccountNotFound(errors.NotFound):
    """There is no usage point of that account number."""

    code = "account.not_found"


class Records(Protocol):
    """What is on record about a plan, kind by kind in order of time; ``store.evidence.Evidence``."""

    def approvals(self) -> AsyncIterator[Record]: ...
    def decisions(self) -> AsyncIterator[Record]: ...
    def notices(self) -> AsyncIterator[Record]: ...
    def batches(self) -> AsyncIterator[Record]: ...
    def attempts(self) -> AsyncIterator[Record]: ...
    def outcomes(self) -> AsyncIterator[Record]: ...
    def receipts(self) -> AsyncIterator[Record]: ...
    def postings(self) -> AsyncIterator[Record]: ...
    def exceptions(self) -> AsyncIterator[Record]: ...
    def audit(self) -> AsyncIterator[Record]: ...


async def evidence(
    tx: Transaction,
    records: Records,
    plan: Plan,
    *,
    vault: Vault,
    renderer: Renderer,
    zone: ZoneInfo,
) -> AsyncIterator[dict[str, Any]]:
    """Every record of the plan, in order of time, as plain JSON values.

    Each has ``at`` (ISO 8601 with the offset of ``zone``) and ``kind``, one of ``KINDS``. Phone
    numbers and other addresses are masked, people's names left out. Nothing is held in memory but a
    portion of each kind, so a plan of a million people can be written to a file.
    """
    streams = [
        _revisions(tx, plan),
        records.approvals(),
        records.decisions(),
        _worded(records.notices(), renderer),
        records.batches(),
        records.attempts(),
        _masked(records.outcomes(), vault),
        records.receipts(),
        records.postings(),
        records.exceptions(),
        records.audit(),
    ]
    async for record in merge(streams):
        yield {
            "at": record.at.astimezone(zone).isoformat(),
            "kind": record.kind,
        } | {name: _plain(value, zone) for name, value in record.body.items()}


async def merge(streams: Sequence[AsyncIterator[Record]]) -> AsyncIterator[Record]:
    """Streams that are each in order of time, as one; at the same moment causes come first."""
    heads = [
        (first.at, _RANK[first.kind], first, stream)
        for stream in streams
        if (first := await anext(stream, None)) is not None
    ]
    while heads:
        place = min(range(len(heads)), key=lambda n: heads[n][:2])
        _, rank, record, stream = heads[place]
        yield record
        following = await anext(stream, None)
        if following is None:
            del heads[place]
        else:
            heads[place] = (following.at, rank, following, stream)


async def _revisions(tx: Transaction, plan: Plan) -> AsyncIterator[Record]:
    revisions = await tx.plans.revisions(plan.id)
    # Two processes' clocks may differ: in order of time, which need not be that of the numbers.
    for revision in sorted(revisions, key=lambda item: item.created_at):
        yield Record(
            revision.created_at.astimezone(UTC),
            "revision",
            {
                "number": revision.number,
                "change": revision.change.value,
                "by": revision.created_by,
                "note": revision.note,
                "digest": revision.digest,
                "content": content_as_dict(revision.content),
                "source": revision.source,
                "findings": list(revision.findings),
                "points": revision.counts.get("points", {}),
                "difference": revision.difference,
            },
        )


async def _worded(notices: AsyncIterator[Record], renderer: Renderer) -> AsyncIterator[Record]:
    """The words are those of the present templates; the approval names the version that was signed."""
    async for record in notices:
        facts = facts_from_dict(record.body["facts"])
        try:
            prepared = renderer.prepare(
                record.body["template"], facts, now=record.body["due_at"] or record.at
            )
            text = prepared.render(Recipient()).text
        except errors.Refusal as refusal:
            text = f"({refusal.code})"
        yield record._replace(body=record.body | {"text": text})


async def _masked(outcomes: AsyncIterator[Record], vault: Vault) -> AsyncIterator[Record]:
    async for record in outcomes:
        body = record.body
        yield record._replace(
            body={name: value for name, value in body.items() if name not in _SECRET}
            | {"to": masked_address(body, vault)}
        )


def masked_address(body: dict[str, Any], vault: Vault) -> str:
    """Where a message went, as anybody may see it: a place by name, a number or an id by its ends."""
    if body["contact_kind"] == ContactKind.PLACE:
        return str(body["name"])
    match body["medium"]:
        case "wechat":
            return _ends(body["openid"])
        case "push":
            return _ends(body["push_token"])
        case _ if body["phone_sealed"]:
            return vaults.mask(vault.open(body["phone_sealed"]))
        case _:
            return ""


def _ends(identity: str) -> str:
    return f"{identity[:2]}…{identity[-4:]}" if len(identity) > 8 else "…"


def _plain(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value
