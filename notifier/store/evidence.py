"""Everything that happened to one plan, each kind in the order of time, read in portions."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState
from notifier.domain.reporting import Record
from notifier.store import audit
from notifier.store.columns import from_millis
from notifier.store.receipts import STATUSES
from notifier.store.reports import REASON_SQL, STATE_SQL, state_word

_ROWS_A_PORTION = 2_000


class Evidence:
    """What is on record about a plan, on one connection and in one snapshot.

    ``contacts`` narrows batches, attempts, outcomes, receipts and postings to these people; None is
    everybody. Times in records are aware UTC.
    """

    def __init__(
        self, connection: AsyncConnection, plan_id: int, contacts: Sequence[int] | None = None
    ) -> None:
        self._connection = connection
        self._plan_id = plan_id
        self._contacts = contacts

    def approvals(self) -> AsyncIterator[Record]:
        """Signatures, and where one became void."""
        return self._read("approval", _APPROVALS, _approval)

    def decisions(self) -> AsyncIterator[Record]:
        """What reconciling decided, cell by cell."""
        return self._read("decision", _DECISIONS, _decision)

    def notices(self) -> AsyncIterator[Record]:
        """What was to be said, with its facts."""
        return self._read("notice", _NOTICES, _notice)

    def batches(self) -> AsyncIterator[Record]:
        """What was to leave together, at the time its notice was made."""
        return self._read_theirs("batch", _BATCHES, "b.id", _batch)

    def attempts(self) -> AsyncIterator[Record]:
        """Every call to a provider, at the time it began."""
        return self._read_theirs("attempt", _ATTEMPTS, "b.id", _attempt)

    def outcomes(self) -> AsyncIterator[Record]:
        """Every delivery as it stands, at the end of its last attempt or else when it was laid out."""
        return self._read_theirs("outcome", _OUTCOMES, "", _outcome)

    def receipts(self) -> AsyncIterator[Record]:
        """Every receipt, at the time it came in."""
        return self._read_theirs("receipt", _RECEIPTS, "", _receipt)

    def postings(self) -> AsyncIterator[Record]:
        """What crews did with posters."""
        return self._read_theirs("posting", _POSTINGS, "", _posting)

    def exceptions(self) -> AsyncIterator[Record]:
        """What was put before a person, and when it was closed."""
        return self._read("exception", _EXCEPTIONS, _exception)

    def audit(self) -> AsyncIterator[Record]:
        """Who did what to the plan, with the hashes of the chain."""
        return self._read("audit", _AUDIT, _audited)

    async def audit_head(self) -> str:
        """The last hash of the whole chain; whoever keeps it can tell later if rows were cut off."""
        return await audit.head(self._connection)

    def _read_theirs(
        self, kind: str, statement: str, batch: str, body: Callable[[Any], dict[str, Any]]
    ) -> AsyncIterator[Record]:
        """``/*who*/`` becomes a condition on the contacts; ``batch`` is the column of the batch's id,
        empty where a row is a delivery's own."""
        if self._contacts is None:
            return self._read(kind, text(statement.replace("/*who*/", "")), body)
        who = (
            f"AND {batch} IN (SELECT batch_id FROM delivery WHERE contact_id IN :contacts)"
            if batch
            else "AND d.contact_id IN :contacts"
        )
        narrowed = text(statement.replace("/*who*/", who))
        return self._read(
            kind,
            narrowed.bindparams(bindparam("contacts", list(self._contacts), expanding=True)),
            body,
        )

    async def _read(
        self, kind: str, statement: TextClause, body: Callable[[Any], dict[str, Any]]
    ) -> AsyncIterator[Record]:
        result = await self._connection.stream(statement, {"plan": self._plan_id})
        async for rows in result.partitions(_ROWS_A_PORTION):
            for row in rows:
                yield Record(from_millis(row.at), kind, body(row))


_APPROVALS = text(
    "SELECT a.approved_at AS at, a.*, r.number AS revision FROM approval a"
    " JOIN plan_revision r ON r.id = a.revision_id WHERE r.plan_id = :plan ORDER BY a.approved_at, a.id"
)
_DECISIONS = text(
    "SELECT d.*, r.number AS revision FROM decision d JOIN plan_revision r ON r.id = d.revision_id"
    " WHERE d.plan_id = :plan ORDER BY d.at, d.id"
)
_NOTICES = text(
    "SELECT n.created_at AS at, n.*, r.number AS revision, c.stage, c.occasion, c.rung FROM notice n"
    " JOIN plan_revision r ON r.id = n.revision_id JOIN campaign c ON c.id = n.campaign_id"
    " WHERE n.plan_id = :plan ORDER BY n.created_at, n.id"
)
_BATCHES = (
    "SELECT n.created_at AS at, b.* FROM batch b JOIN notice n ON n.id = b.notice_id"
    " WHERE b.plan_id = :plan /*who*/ ORDER BY n.created_at, b.id"
)
_ATTEMPTS = (
    "SELECT a.started_at AS at, a.* FROM attempt a JOIN batch b ON b.id = a.batch_id"
    " WHERE b.plan_id = :plan /*who*/ ORDER BY a.started_at, a.batch_id, a.number"
)
_OUTCOMES = (
    f"SELECT b.at, d.id, d.batch_id, b.notice_id, b.stage, b.medium, b.channel, {STATE_SQL} AS state,"
    f" {REASON_SQL} AS reason, d.reference, d.contact_id, p.kind, p.name, p.phone_sealed, p.openid,"
    " p.push_token"
    " FROM (SELECT b.id, b.notice_id, b.channel, b.state, b.reason, n.medium, c.stage, coalesce("
    "   (SELECT max(coalesce(a.finished_at, a.started_at)) FROM attempt a WHERE a.batch_id = b.id),"
    "   n.created_at) AS at"
    "  FROM batch b JOIN notice n ON n.id = b.notice_id JOIN campaign c ON c.id = n.campaign_id"
    "  WHERE b.plan_id = :plan) b"
    " JOIN delivery d ON d.batch_id = b.id JOIN contact p ON p.id = d.contact_id"
    " WHERE 1 = 1 /*who*/ ORDER BY b.at, d.id"
)
_RECEIPTS = (
    "SELECT r.received_at AS at, r.delivery_id, r.status, r.code, r.at AS told_at, d.contact_id"
    " FROM batch b JOIN delivery d ON d.batch_id = b.id JOIN receipt r ON r.delivery_id = d.id"
    " WHERE b.plan_id = :plan /*who*/ ORDER BY r.received_at, r.delivery_id, r.status, r.code"
)
_POSTINGS = (
    "SELECT coalesce(t.finished_at, t.lease_until, b.sent_at, n.created_at) AS at, t.*, p.name AS place"
    " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN delivery d ON d.batch_id = b.id"
    " JOIN posting_task t ON t.delivery_id = d.id JOIN contact p ON p.id = d.contact_id"
    " WHERE b.plan_id = :plan /*who*/ ORDER BY 1, t.delivery_id"
)
_EXCEPTIONS = text(
    "SELECT e.opened_at AS at, e.*, 0 AS is_closing FROM exception e WHERE e.plan_id = :plan"
    " UNION ALL SELECT e.closed_at, e.*, 1 FROM exception e"
    " WHERE e.plan_id = :plan AND e.closed_at IS NOT NULL ORDER BY 1, 2"
)
_AUDIT = text(
    "SELECT a.* FROM audit a JOIN plan p ON a.subject = p.number WHERE p.id = :plan ORDER BY a.at, a.id"
)


def _time(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _approval(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "revision": row.revision,
        "by": row.approved_by,
        "recipients": row.recipients,
        "recipients_hash": row.recipients_hash,
        "parts": row.parts,
        "cost": row.cost,
        "template_version": row.template_version,
        "policy_version": row.policy_version,
        "voided_at": _time(row.voided_at),
        "voided_why": row.voided_why or "",
    }


def _decision(row: Any) -> dict[str, Any]:
    return {
        "revision": row.revision,
        "stage": row.stage,
        "cell": row.cell,
        "verdict": row.verdict,
        "reason": row.reason,
        "people": row.people,
        "until": _time(row.until),
    }


def _notice(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "revision": row.revision,
        "stage": row.stage,
        "occasion": row.occasion,
        "rung": row.rung,
        "medium": row.medium,
        "cell": row.cell,
        "template": row.template,
        "facts": orjson.loads(row.facts),
        "confirm": bool(row.confirm),
        "due_at": _time(row.due_at),
        "expires_at": _time(row.expires_at),
        "matters_at": _time(row.matters_at),
        "give_up_at": _time(row.give_up_at),
    }


def _batch(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "notice": row.notice_id,
        "channel": row.channel,
        "state": BatchState(row.state).name.lower(),
        "reason": row.reason,
        "size": row.size,
        "attempts": row.attempts,
        "due_at": _time(row.due_at),
        "sent_at": _time(row.sent_at),
    }


def _attempt(row: Any) -> dict[str, Any]:
    return {
        "batch": row.batch_id,
        "number": row.number,
        "channel": row.channel,
        "worker": row.worker,
        "finished_at": _time(row.finished_at),
        "outcomes": None if row.outcomes is None else orjson.loads(row.outcomes),
    }


def _outcome(row: Any) -> dict[str, Any]:
    return {
        "delivery": row.id,
        "batch": row.batch_id,
        "notice": row.notice_id,
        "stage": row.stage,
        "medium": row.medium,
        "channel": row.channel,
        "contact": row.contact_id,
        "state": state_word(row.state),
        "reason": row.reason,
        "reference": row.reference or "",
        "contact_kind": row.kind,
        "name": row.name,
        "phone_sealed": row.phone_sealed,
        "openid": row.openid or "",
        "push_token": row.push_token or "",
    }


def _receipt(row: Any) -> dict[str, Any]:
    return {
        "delivery": row.delivery_id,
        "contact": row.contact_id,
        "status": STATUSES[row.status].value,
        "code": row.code,
        "provider_at": _time(row.told_at),
    }


def _posting(row: Any) -> dict[str, Any]:
    return {
        "delivery": row.delivery_id,
        "place": row.place,
        "crew": row.crew or "",
        "finished_at": _time(row.finished_at),
        "photo": row.photo or "",
        "latitude": row.latitude,
        "longitude": row.longitude,
        "handed_back": row.handed_back,
        "note": row.note,
    }


def _exception(row: Any) -> dict[str, Any]:
    if row.is_closing:
        return {"id": row.id, "event": "closed", "by": row.closed_by, "how": row.closed_how}
    return {
        "id": row.id,
        "event": "opened",
        "what": row.kind,
        "subject": row.subject,
        "people": row.people,
        "sentence": row.sentence,
        "owner": row.owner,
        "due_at": _time(row.due_at),
    }


def _audited(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "actor": row.actor,
        "action": row.action,
        "detail": orjson.loads(row.detail),
        "hash": row.hash,
        "previous_hash": row.previous_hash,
    }
