"""Counts for reports, set by set: a million deliveries are counted in under a second."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.impact import Group
from notifier.domain.reporting import Backlog, Tally
from notifier.store.columns import from_millis, to_millis
from notifier.store.impacts import Impacts

_B = BatchState
_D = DeliveryState

#: A delivery that is SCHEDULED follows its batch. 100 stands for *sending*, a batch's state only.
SENDING = 100
STATE_SQL = (
    f"CASE WHEN d.state <> {int(_D.SCHEDULED)} THEN d.state"
    f" WHEN b.state = {int(_B.WITHDRAWN)} THEN {int(_D.WITHDRAWN)}"
    f" WHEN b.state = {int(_B.DROPPED)} THEN {int(_D.DROPPED)}"
    f" WHEN b.state = {int(_B.SENDING)} THEN {SENDING} ELSE {int(_D.SCHEDULED)} END"
)
REASON_SQL = f"CASE WHEN d.state <> {int(_D.SCHEDULED)} THEN coalesce(d.code, '') ELSE b.reason END"


def state_word(number: int) -> str:
    """The word for a state as ``STATE_SQL`` gives it."""
    return "sending" if number == SENDING else DeliveryState(number).name.lower()


class Reports:
    """Counts on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def deliveries(self, plan_id: int | None = None) -> list[Tally]:
        """Every delivery, or every one of a plan, counted by plan, medium, state and reason."""
        statement = _TALLY_OF_PLAN if plan_id is not None else _TALLY
        parameters = {} if plan_id is None else {"plan": plan_id}
        result = await self._connection.execute(statement, parameters)
        return [
            Tally(
                plan_id=row.plan_id,
                medium=row.medium,
                state=state_word(row.state),
                reason=row.reason,
                count=int(row.deliveries),
            )
            for row in result
        ]

    async def backlog(self, now: datetime) -> Backlog:
        """What waits at ``now`` (aware)."""
        parameters = {"now": to_millis(now)}
        plans = (await self._connection.execute(_PLANS_DUE, parameters)).one()
        batches = (await self._connection.execute(_BATCHES_DUE, parameters)).one()
        next_at = await self._connection.scalar(
            text(f"SELECT min(due_at) FROM batch WHERE state = {int(_B.SCHEDULED)}")
        )
        uncertain = await self._connection.scalar(
            text(f"SELECT count(*) FROM batch WHERE state = {int(_B.UNCERTAIN)}")
        )
        strays = await self._connection.scalar(text("SELECT count(*) FROM stray_receipt"))
        return Backlog(
            plans_due=plans.number,
            plans_due_since=_time(plans.since),
            plans_in_hand=plans.in_hand or 0,
            batches_due=batches.number,
            batches_due_since=_time(batches.since),
            next_batch_at=_time(next_at),
            uncertain=int(uncertain or 0),
            stray_receipts=int(strays or 0),
        )

    async def changed_points(
        self, new: tuple[int, int | None], old: tuple[int, int | None] | None
    ) -> AsyncIterator[tuple[str, Group | None, Group | None]]:
        """Every account that two revisions treat differently, with what ``old`` and ``new`` do to it.

        Both are (revision id, number under which its points are frozen); in the order of accounts.
        """
        impacts = Impacts(self._connection)
        after = await impacts.groups(new[0])
        before = {} if old is None else await impacts.groups(old[0])
        old = old or (0, None)
        result = await self._connection.stream(
            _CHANGED, {"n": new[0], "np": new[1], "o": old[0], "op": old[1]}
        )
        async for account, now_number, old_number in result:
            yield (
                account,
                None if old_number is None else before[old_number],
                None if now_number is None else after[now_number],
            )

    async def contacts_of(self, account: str) -> list[int] | None:
        """Everybody who is told of one usage point: at it, its building and its transformer area.

        None: there is no such account.
        """
        point = (
            await self._connection.execute(
                text("SELECT id, area_id, building_id FROM usage_point WHERE account = :account"),
                {"account": account},
            )
        ).first()
        if point is None:
            return None
        result = await self._connection.execute(
            _CONTACTS_OF,
            {"point": point.id, "area": point.area_id or 0, "building": point.building_id or 0},
        )
        return [row.contact_id for row in result]


def _time(millis: Any) -> datetime | None:
    return None if millis is None else from_millis(int(millis))


def _tally(where: str) -> str:
    """Counted by batch first: the rows of a batch lie together, and there are few batches."""
    return (
        f"SELECT plan_id, medium, state, reason, sum(deliveries) AS deliveries FROM ("
        f" SELECT b.plan_id, n.medium, {STATE_SQL} AS state, {REASON_SQL} AS reason, d.deliveries"
        " FROM (SELECT batch_id, state, code, count(*) AS deliveries FROM delivery"
        f" {where} GROUP BY batch_id, state, code) d"
        " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
        ") AS counted GROUP BY plan_id, medium, state, reason"
        " ORDER BY plan_id, medium, state, reason"
    )


_TALLY = text(_tally(""))
_TALLY_OF_PLAN = text(
    _tally("WHERE batch_id IN (SELECT id FROM batch WHERE batch.plan_id = :plan)")
)
_PLANS_DUE = text(
    "SELECT count(*) AS number, min(reconcile_at) AS since,"
    " sum(CASE WHEN reconcile_worker IS NOT NULL THEN 1 ELSE 0 END) AS in_hand"
    " FROM plan WHERE reconcile_at <= :now"
)
_BATCHES_DUE = text(
    "SELECT count(*) AS number, min(due_at) AS since FROM batch"
    f" WHERE state = {int(_B.SCHEDULED)} AND due_at <= :now"
)
_CHANGED = text(
    "SELECT u.account, c.now_number, c.old_number FROM ("
    " SELECT a.usage_point_id, a.group_number AS now_number, b.group_number AS old_number"
    " FROM impact_point a"
    " JOIN impact_group ag ON ag.revision_id = :n AND ag.number = a.group_number"
    " LEFT JOIN impact_point b ON b.points_id = :op AND b.usage_point_id = a.usage_point_id"
    " LEFT JOIN impact_group bg ON bg.revision_id = :o AND bg.number = b.group_number"
    " WHERE a.points_id = :np"
    "  AND (b.usage_point_id IS NULL OR bg.facts_key <> ag.facts_key)"
    " UNION ALL"
    " SELECT b.usage_point_id, NULL, b.group_number FROM impact_point b"
    " WHERE b.points_id = :op AND NOT EXISTS (SELECT 1 FROM impact_point a"
    "  WHERE a.points_id = :np AND a.usage_point_id = b.usage_point_id)"
    ") AS c JOIN usage_point u ON u.id = c.usage_point_id ORDER BY u.account"
)
_CONTACTS_OF = text(
    "SELECT contact_id FROM point_contact WHERE usage_point_id = :point"
    " UNION SELECT contact_id FROM place_contact WHERE (subject = 1 AND subject_id = :building)"
    " OR (subject = 2 AND subject_id = :area) ORDER BY contact_id"
)
