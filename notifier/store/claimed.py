"""Reads a batch with all that deciding on it, sending it and asking after it take."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.customer import Reach
from notifier.domain.decision import Sending
from notifier.domain.delivery import DeliveryState
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.notice import Stage
from notifier.domain.outbox import Claimed, Member
from notifier.domain.plan import PlanKind, PlanState
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import with_lists

_D = DeliveryState
#: Looked up for every message: an enumeration takes its time to find a member by its number.
_REACHES = [Reach(number) for number in range(int(~Reach.NONE) + 1)]


async def scheduled(
    connection: AsyncConnection, batch_ids: Sequence[int], capped_since: datetime | None
) -> list[Claimed]:
    """The batches with their scheduled members.

    With ``capped_since`` each member knows how many messages it had over the medium since then.
    """
    if capped_since is None:
        return await _read(connection, batch_ids, _SCHEDULED, {})
    since = {"since": to_millis(capped_since)}
    return await _read(connection, batch_ids, _SCHEDULED_COUNTED, since)


async def uncertain(connection: AsyncConnection, batch_ids: Sequence[int]) -> list[Claimed]:
    """The batches with those members that are still uncertain."""
    return await _read(connection, batch_ids, _UNCERTAIN, {})


async def _read(
    connection: AsyncConnection,
    batch_ids: Sequence[int],
    of_members: TextClause,
    parameters: dict[str, Any],
) -> list[Claimed]:
    if not batch_ids:
        return []
    wanted = {"ids": list(batch_ids)}
    heads = (await connection.execute(_HEADS, wanted)).all()
    result = await connection.execute(of_members, wanted | parameters)
    members: dict[int, list[Member]] = {}
    for batch_id, delivery_id, contact_id, name, reach, sealed, openid, token, sent in result:
        members.setdefault(batch_id, []).append(
            Member(delivery_id, contact_id, name, _REACHES[reach], sealed, openid, token, sent)
        )
    return [_claimed(row, members.get(row.id, [])) for row in heads]


_HEADS = with_lists(
    "SELECT b.id, b.size, b.channel, b.attempts, b.plan_id, b.notice_id, b.expires_at, b.sent_at,"
    " n.template, n.facts, n.medium, n.matters_at, n.give_up_at, n.confirm, n.ignores_quiet_hours, c.stage,"
    " r.number AS notice_revision, p.revision, p.state AS plan_state, p.kind,"
    " CASE WHEN p.joint_change = p.settled_joint_change THEN p.settled_revision ELSE 0 END"
    "  AS settled_revision"
    " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN campaign c ON c.id = n.campaign_id"
    " JOIN plan_revision r ON r.id = n.revision_id JOIN plan p ON p.id = b.plan_id"
    " WHERE b.id IN :ids ORDER BY b.id",
    "ids",
)

_MEMBER_COLUMNS = (
    "d.batch_id, d.id, c.id, c.name, c.reach & ~c.opted_out, c.phone_sealed, c.openid, c.push_token"
)
_SCHEDULED = with_lists(
    f"SELECT {_MEMBER_COLUMNS}, 0 FROM delivery d JOIN contact c ON c.id = d.contact_id"
    f" WHERE d.batch_id IN :ids AND d.state = {int(_D.SCHEDULED)} ORDER BY d.id",
    "ids",
)
# CROSS JOIN: SQLite keeps that order, from the contact's few deliveries outwards.
_SCHEDULED_COUNTED = with_lists(
    f"SELECT {_MEMBER_COLUMNS}, (SELECT count(*) FROM delivery o CROSS JOIN batch ob"
    "  CROSS JOIN notice m WHERE o.contact_id = d.contact_id"
    f"  AND o.state IN ({int(_D.ACCEPTED)}, {int(_D.DELIVERED)}, {int(_D.UNCERTAIN)})"
    "  AND ob.id = o.batch_id AND ob.sent_at > :since"
    "  AND m.id = ob.notice_id AND m.medium = n.medium)"
    " FROM batch b CROSS JOIN notice n CROSS JOIN delivery d CROSS JOIN contact c"
    " WHERE b.id IN :ids AND n.id = b.notice_id AND d.batch_id = b.id AND c.id = d.contact_id"
    f" AND d.state = {int(_D.SCHEDULED)} ORDER BY d.id",
    "ids",
)
_UNCERTAIN = with_lists(
    f"SELECT {_MEMBER_COLUMNS}, 0 FROM delivery d JOIN contact c ON c.id = d.contact_id"
    f" WHERE d.batch_id IN :ids AND d.state = {int(_D.UNCERTAIN)} ORDER BY d.id",
    "ids",
)


def _claimed(row: Any, members: Sequence[Member]) -> Claimed:
    facts = orjson.loads(row.facts)
    return Claimed(
        batch_id=row.id,
        size=row.size,
        channel=row.channel,
        attempts=row.attempts,
        plan_id=row.plan_id,
        plan_kind=PlanKind(row.kind),
        notice_id=row.notice_id,
        template=row.template,
        facts=facts,
        medium=Medium(row.medium),
        sending=Sending(
            stage=Stage(row.stage),
            medium=Medium(row.medium),
            notice_revision=row.notice_revision,
            plan_revision=row.revision,
            settled_revision=row.settled_revision,
            plan_state=PlanState(row.plan_state),
            plan_kind=PlanKind(row.kind),
            expires_at=from_millis(row.expires_at),
            matters_at=from_millis(row.matters_at),
            give_up_at=None if row.give_up_at is None else from_millis(row.give_up_at),
            attempts=row.attempts,
            ignores_quiet_hours=bool(row.ignores_quiet_hours),
            facts=facts_from_dict(facts),
        ),
        confirm=bool(row.confirm),
        sent_at=None if row.sent_at is None else from_millis(row.sent_at),
        members=tuple(members),
    )
