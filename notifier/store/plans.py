"""Plans, their revisions and approvals: rows in, domain values out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, Select, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import plan as plans
from notifier.store import schema

_PLAN = schema.plan
_REVISION = schema.plan_revision


class Plans:
    """Plans on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, number: str) -> plans.Plan | None:
        """The plan of that number."""
        row = (
            await self._connection.execute(_plan_select().where(_PLAN.c.number == number))
        ).first()
        return None if row is None else _plan(row)

    async def by_id(self, plan_id: int) -> plans.Plan:
        """The plan with that id; it must exist."""
        return _plan(
            (await self._connection.execute(_plan_select().where(_PLAN.c.id == plan_id))).one()
        )

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

    async def insert(
        self, content: plans.PlanContent, state: plans.PlanState, *, now: datetime, actor: str
    ) -> int:
        """A new plan, without a revision yet; answers its id."""
        found = await self._connection.scalar(
            insert(_PLAN)
            .values(
                number=content.number,
                kind=content.kind.value,
                department=content.department,
                state=state.value,
                revision=0,
                created_at=now,
                submitted_by=actor,
            )
            .returning(_PLAN.c.id)
        )
        return int(found or 0)

    async def add_revision(
        self,
        plan_id: int,
        number: int,
        content: plans.PlanContent,
        *,
        change: plans.Change,
        note: str,
        source: dict[str, Any],
        findings: Sequence[dict[str, Any]],
        now: datetime,
        actor: str,
    ) -> int:
        """Writes the revision and makes it the plan's present one; answers its id."""
        found = await self._connection.scalar(
            insert(_REVISION)
            .values(
                plan_id=plan_id,
                number=number,
                change=change.value,
                note=note,
                content=plans.content_as_dict(content),
                digest=plans.content_digest(content),
                source=source,
                findings=list(findings),
                created_at=now,
                created_by=actor,
            )
            .returning(_REVISION.c.id)
        )
        windows = content.all_windows
        await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.id == plan_id)
            .values(
                revision=number,
                kind=content.kind.value,
                department=content.department,
                starts_at=min((w.starts_at for w in windows), default=None),
                ends_at=max((w.ends_at for w in windows), default=None),
            )
        )
        return int(found or 0)

    async def record_match(
        self,
        revision_id: int,
        *,
        points_id: int | None,
        counts: dict[str, Any],
        difference: dict[str, Any],
        findings: Sequence[dict[str, Any]],
        network: tuple[int, int] | None = None,
    ) -> None:
        """What matching found, beside the revision's own findings; ``network`` is the version and
        overlay of the model that it was traced on."""
        await self._connection.execute(
            update(_REVISION)
            .where(_REVISION.c.id == revision_id)
            .values(
                points_id=points_id,
                counts=counts,
                difference=difference,
                findings=list(findings),
                network_id=None if network is None else network[0],
                network_overlay=None if network is None else network[1],
            )
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
        query = select(_REVISION).where(_REVISION.c.plan_id == plan_id).order_by(_REVISION.c.number)
        return [_revision(row) for row in await self._connection.execute(query)]

    async def set_state(
        self, plan_id: int, state: plans.PlanState, *, restored_at: datetime | None = None
    ) -> None:
        """Moves the plan on; ``restored_at`` is kept when given."""
        values: dict[str, Any] = {"state": state.value}
        if restored_at is not None:
            values["restored_at"] = restored_at
        await self._connection.execute(update(_PLAN).where(_PLAN.c.id == plan_id).values(**values))

    # --- Reconciling ---------------------------------------------------------------------------

    async def mark(self, plan_id: int, at: datetime) -> None:
        """Have the plan reconciled at ``at``, or sooner if that was asked for already.

        While a worker reconciles it, the wish that is there is the one being fulfilled, for what was
        true before: this is another one, and must not be taken for it.
        """
        await self._connection.execute(
            update(_PLAN)
            .where(_PLAN.c.id == plan_id)
            .where(
                or_(
                    _PLAN.c.reconcile_at.is_(None),
                    _PLAN.c.reconcile_at > at,
                    _PLAN.c.reconcile_worker.is_not(None),
                )
            )
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
        plan_id: int,
        worker: str,
        *,
        seen: int,
        settled: int,
        asked_at: datetime,
        next_at: datetime | None,
    ) -> None:
        """Ends reconciling the plan as it was at revision ``seen``; the ledger of deliveries follows it
        up to ``settled``. A wish for reconciling that came in after ``asked_at`` stands, else the next
        one is at ``next_at``. Nothing happens when another worker has taken over."""
        mine = update(_PLAN).where(_PLAN.c.id == plan_id, _PLAN.c.reconcile_worker == worker)
        await self._connection.execute(
            mine.where(_PLAN.c.revision == seen, _PLAN.c.reconcile_at <= asked_at).values(
                reconcile_at=next_at
            )
        )
        await self._connection.execute(
            mine.values(settled_revision=settled, reconcile_lease_until=None, reconcile_worker=None)
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

    async def void_approvals(self, plan_id: int, *, now: datetime, why: str) -> int:
        """An edit voids what was approved; answers how many approvals that were."""
        revisions = select(_REVISION.c.id).where(_REVISION.c.plan_id == plan_id)
        result = await self._connection.execute(
            update(schema.approval)
            .where(schema.approval.c.revision_id.in_(revisions))
            .where(schema.approval.c.voided_at.is_(None))
            .values(voided_at=now, voided_why=why)
        )
        return result.rowcount

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
