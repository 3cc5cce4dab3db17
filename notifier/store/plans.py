"""Plans, their revisions and approvals: rows in, domain values out."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import plan as plans
from notifier.domain.impact import MatchRecord
from notifier.store import plan_rows, schema
from notifier.store.engine import insert_into

_PLAN = schema.plan
_REVISION = schema.plan_revision


class Plans:
    """Plans on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, number: str) -> plans.Plan | None:
        """The plan of that number."""
        return (await self.named([number])).get(number)

    async def named(self, numbers: Sequence[str]) -> dict[str, plans.Plan]:
        """Those plans of these numbers that there are, by number."""
        query = _plan_select().where(_PLAN.c.number.in_(numbers))
        return {row.number: _plan(row) for row in await self._connection.execute(query)}

    async def by_id(self, plan_id: int) -> plans.Plan:
        """The plan with that id; it must exist."""
        query = _plan_select().where(_PLAN.c.id == plan_id)
        return _plan((await self._connection.execute(query)).one())

    async def by_ids(self, plan_ids: Sequence[int]) -> list[plans.Plan]:
        """The plans with these ids, in this order; they must exist."""
        query = _plan_select().where(_PLAN.c.id.in_(plan_ids))
        found = {row.id: _plan(row) for row in await self._connection.execute(query)}
        return [found[plan_id] for plan_id in plan_ids]

    async def listed(
        self,
        *,
        states: Sequence[plans.PlanState] = (),
        starting_from: datetime | None = None,
        starting_before: datetime | None = None,
        after_id: int = 0,
        limit: int = 500,
    ) -> list[plans.Plan]:
        """Plans in the order of their first window, then id."""
        query = _plan_select()
        if states:
            query = query.where(_PLAN.c.state.in_([state.value for state in states]))
        if starting_from is not None:
            query = query.where(_PLAN.c.ends_at > starting_from)
        if starting_before is not None:
            query = query.where(_PLAN.c.starts_at < starting_before)
        if after_id:
            query = query.where(_PLAN.c.id > after_id)
        query = query.order_by(_PLAN.c.starts_at, _PLAN.c.id).limit(limit)
        return [_plan(row) for row in await self._connection.execute(query)]

    async def hold(
        self, contents: Sequence[plans.PlanContent], *, now: datetime, actor: str
    ) -> dict[str, tuple[plans.Plan, str]]:
        """The plan of each content's number with the digest of its present revision, nobody else's to
        change until this transaction ends. One that was not there is made: a draft at revision 0,
        without a digest. Each number stands once."""
        numbers = [content.number for content in contents]
        there = await self.named(numbers)
        # Another process may be making the same one: by number, so that two never wait for each other.
        fresh = sorted((c for c in contents if c.number not in there), key=lambda c: c.number)
        if fresh:
            await self._connection.execute(
                insert_into(self._connection, _PLAN).on_conflict_do_nothing(),
                [
                    {
                        "number": content.number,
                        "kind": content.kind.value,
                        "department": content.department,
                        "state": plans.PlanState.DRAFT.value,
                        "revision": 0,
                        "created_at": now,
                        "submitted_by": actor,
                    }
                    for content in fresh
                ],
            )
        held = _plan_select().where(_PLAN.c.number.in_(numbers)).order_by(_PLAN.c.number)
        found = [_plan(row) for row in await self._connection.execute(held.with_for_update())]
        present = (
            select(_REVISION.c.plan_id, _REVISION.c.digest)
            .join(_PLAN, _PLAN.c.id == _REVISION.c.plan_id)
            .where(_PLAN.c.number.in_(numbers), _PLAN.c.revision == _REVISION.c.number)
        )
        digests = {row.plan_id: row.digest for row in await self._connection.execute(present)}
        return {plan.number: (plan, digests.get(plan.id, "")) for plan in found}

    async def add_revisions(
        self, new: Sequence[plans.NewRevision], *, now: datetime, actor: str
    ) -> None:
        """Writes the revisions, makes each its plan's present one in the state that it brings, and has
        these plans reconciled."""
        if not new:
            return
        await self._connection.execute(
            insert(_REVISION), [plan_rows.revision(item, now, actor) for item in new]
        )
        await self._connection.execute(
            plan_rows.PRESENT, [plan_rows.present(item, now) for item in new]
        )

    async def unmatched(self, revision_ids: Sequence[int]) -> set[int]:
        """Those of the revisions that have no impact yet; nobody else gives them one until this
        transaction ends."""
        query = select(_REVISION.c.id).where(_REVISION.c.id.in_(revision_ids))
        waiting = query.where(_REVISION.c.counts.is_(None)).order_by(_REVISION.c.id)
        return set((await self._connection.scalars(waiting.with_for_update())).all())

    async def record_matches(self, records: Sequence[MatchRecord]) -> None:
        """What matching found, beside the revisions' own findings."""
        if not records:
            return
        await self._connection.execute(
            plan_rows.MATCHED, [plan_rows.matched(record) for record in records]
        )

    async def set_cells(self, revision_id: int, cells: dict[str, int]) -> None:
        """The recipients' cells of this revision, name to number of people."""
        await self._connection.execute(
            update(_REVISION).where(_REVISION.c.id == revision_id).values(cells=cells)
        )

    async def cells(self, revision_id: int) -> dict[str, int] | None:
        """The cells as last counted; None: never counted."""
        found = await self._connection.scalar(
            select(_REVISION.c.cells).where(_REVISION.c.id == revision_id)
        )
        return None if found is None else dict(found)

    async def revision(self, plan_id: int, number: int) -> plans.Revision:
        """That revision; it must exist."""
        query = select(_REVISION).where(
            and_(_REVISION.c.plan_id == plan_id, _REVISION.c.number == number)
        )
        return _revision((await self._connection.execute(query)).one())

    async def revisions(self, plan_id: int) -> list[plans.Revision]:
        """All revisions, oldest first."""
        return (await self.stories([plan_id]))[plan_id]

    async def stories(self, plan_ids: Sequence[int]) -> dict[int, list[plans.Revision]]:
        """All revisions of each plan, oldest first."""
        found: dict[int, list[plans.Revision]] = {plan_id: [] for plan_id in plan_ids}
        query = select(_REVISION).where(_REVISION.c.plan_id.in_(plan_ids))
        result = await self._connection.execute(query.order_by(_REVISION.c.number))
        # The driver has buffered them; making revisions of some hundred rows is work for a thread.
        for revision in await asyncio.to_thread(lambda: [_revision(row) for row in result]):
            found[revision.plan_id].append(revision)
        return found

    async def set_state(self, plan_id: int, state: plans.PlanState) -> None:
        """Moves the plan on."""
        await self._connection.execute(
            update(_PLAN).where(_PLAN.c.id == plan_id).values(state=state.value)
        )

    # --- Reconciling ---------------------------------------------------------------------------

    async def mark(self, plan_id: int, at: datetime) -> None:
        """Have the plan reconciled at ``at``, or sooner if that was asked for already.

        While a worker reconciles it, the wish that is there is the one being fulfilled, for what was
        true before: this is another one, and must not be taken for it.
        """
        await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.id == plan_id)
            .where(plan_rows.is_wished_later(at))
            .values(reconcile_at=at)
        )

    async def mark_all(self, at: datetime, *, ending_after: datetime) -> int:
        """Have every approved plan that is not over reconciled; answers how many."""
        result = await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.state == plans.PlanState.APPROVED.value, _PLAN.c.ends_at > ending_after)
            .values(reconcile_at=at)
        )
        return result.rowcount

    async def mark_traced(self, at: datetime) -> int:
        """Have every approved plan to come that was matched on the network looked at again, for the
        network has changed; answers how many."""
        traced = select(_REVISION.c.plan_id).where(
            _REVISION.c.number == _PLAN.c.revision, _REVISION.c.network_id.is_not(None)
        )
        result = await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.state == plans.PlanState.APPROVED.value, _PLAN.c.ends_at > at)
            .where(_PLAN.c.id.in_(traced))
            .values(reconcile_at=at)
        )
        return result.rowcount

    async def asks_for_reconciling(self, now: datetime) -> bool:
        """Whether any plan is due to be reconciled; for looking before taking a turn to write."""
        found = await self._connection.scalar(
            select(_PLAN.c.id).where(_PLAN.c.reconcile_at <= now).limit(1)
        )
        return found is not None

    async def claim_for_reconciling(
        self, worker: str, *, now: datetime, wall: datetime, lease: timedelta
    ) -> int | None:
        """Takes one plan that is due; None when there is none.

        The nearest outage goes first; one that is over must not hold up one that is to come.
        """
        candidate = (
            select(_PLAN.c.id)
            .where(_PLAN.c.reconcile_at <= now)
            .where(
                or_(_PLAN.c.reconcile_lease_until.is_(None), _PLAN.c.reconcile_lease_until < wall)
            )
            .order_by(_PLAN.c.ends_at < now, _PLAN.c.starts_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        result = await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.id == candidate.scalar_subquery())
            .values(reconcile_worker=worker, reconcile_lease_until=wall + lease)
            .returning(_PLAN.c.id)
        )
        return cast(int | None, result.scalar())

    async def extend_reconciling(self, worker: str, until: datetime) -> None:
        """The heartbeat: every plan the worker reconciles is its own until then."""
        await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.reconcile_worker == worker)
            .values(reconcile_lease_until=until)
        )

    async def settle(
        self,
        plan: plans.Plan,
        worker: str,
        *,
        follows: bool,
        asked_at: datetime,
        next_at: datetime | None,
    ) -> None:
        """Ends reconciling the plan as it was read; ``follows``: the ledger of deliveries is now as it
        asks. A wish for reconciling that came in after ``asked_at`` stands, else the next one is at
        ``next_at``. Nothing happens when another worker has taken over."""
        mine = update(_PLAN).where(_PLAN.c.id == plan.id, _PLAN.c.reconcile_worker == worker)
        await self._connection.execute(
            mine.where(
                _PLAN.c.revision == plan.revision,
                _PLAN.c.joint_change == plan.joint_change,
                _PLAN.c.reconcile_at <= asked_at,
            ).values(reconcile_at=next_at)
        )
        settled = {
            "settled_revision": plan.revision,
            "settled_joint_change": plan.joint_change,
        }
        await self._connection.execute(
            mine.values(
                reconcile_lease_until=None, reconcile_worker=None, **(settled if follows else {})
            )
        )

    # --- Approval --------------------------------------------------------------------------------

    async def add_approval(self, revision_id: int, values: dict[str, Any]) -> int:
        """A signature under a frozen set of recipients; columns as in ``schema.approval``."""
        found = await self._connection.scalar(
            insert(schema.approval)
            .values(revision_id=revision_id, **values)
            .returning(schema.approval.c.id)
        )
        return int(found or 0)

    async def void_approvals(self, why: Mapping[int, str], *, now: datetime) -> None:
        """An edit voids what was approved: of each plan, by id, with the reason."""
        if not why:
            return
        revisions = select(_REVISION.c.id).where(_REVISION.c.plan_id == bindparam("plan"))
        await self._connection.execute(
            update(schema.approval)
            .where(schema.approval.c.revision_id.in_(revisions))
            .where(schema.approval.c.voided_at.is_(None))
            .values(voided_at=now, voided_why=bindparam("why")),
            [{"plan": plan_id, "why": reason} for plan_id, reason in why.items()],
        )

    async def approvals(self, plan_id: int) -> list[dict[str, Any]]:
        """All approvals of the plan, voided ones included, oldest first."""
        query = (
            select(schema.approval, _REVISION.c.number.label("revision"))
            .join(_REVISION, _REVISION.c.id == schema.approval.c.revision_id)
            .where(_REVISION.c.plan_id == plan_id)
            .order_by(schema.approval.c.id)
        )
        return [dict(row._mapping) for row in await self._connection.execute(query)]

    # --- Files -----------------------------------------------------------------------------------

    async def file_seen(self, digest: str) -> dict[str, Any] | None:
        """What was made of a file with this content when it came before."""
        query = select(schema.source_file).where(schema.source_file.c.digest == digest)
        row = (await self._connection.execute(query)).first()
        return None if row is None else dict(row._mapping)

    async def note_file(
        self, digest: str, name: str, outcome: dict[str, Any], *, now: datetime, actor: str
    ) -> None:
        """Remembers a file by its content."""
        await self._connection.execute(
            delete(schema.source_file).where(schema.source_file.c.digest == digest)
        )
        await self._connection.execute(
            insert(schema.source_file).values(
                digest=digest, name=name, received_at=now, received_by=actor, outcome=outcome
            )
        )


def _plan_select() -> Select[Any]:
    return select(_PLAN)


def _plan(row: Row[Any]) -> plans.Plan:
    return plans.Plan(
        id=row.id,
        number=row.number,
        kind=plans.PlanKind(row.kind),
        department=row.department,
        state=plans.PlanState(row.state),
        revision=row.revision,
        settled_revision=row.settled_revision,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        restored_at=row.restored_at,
        created_at=row.created_at,
        submitted_by=row.submitted_by,
        joint_change=row.joint_change,
        settled_joint_change=row.settled_joint_change,
    )


def _revision(row: Row[Any]) -> plans.Revision:
    return plans.Revision(
        id=row.id,
        plan_id=row.plan_id,
        number=row.number,
        change=plans.Change(row.change),
        note=row.note,
        content=plans.content_from_dict(row.content),
        digest=row.digest,
        source=row.source,
        findings=tuple(row.findings),
        points_id=row.points_id,
        counts=row.counts or {},
        difference=row.difference or {},
        created_at=row.created_at,
        created_by=row.created_by,
        network=None if row.network_id is None else (row.network_id, row.network_overlay),
    )
