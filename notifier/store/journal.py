"""What was decided and why, what a person has to see to, and which channels stand still."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.wanted import Decided, ForAPerson
from notifier.store import schema
from notifier.store.engine import insert_into

_D = DeliveryState


class Journal:
    """Decisions, exceptions and channel states on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def decide(
        self, plan_id: int, revision_id: int, decisions: Sequence[Decided], *, now: datetime
    ) -> None:
        """Adds decisions; those that stand already for this revision are not written twice."""
        table = schema.decision
        result = await self._connection.execute(
            select(
                table.c.stage, table.c.cell, table.c.verdict, table.c.reason, table.c.people
            ).where(table.c.revision_id == revision_id)
        )
        known = {tuple(row) for row in result}
        rows = [
            {
                "plan_id": plan_id,
                "revision_id": revision_id,
                "at": now,
                "stage": item.stage,
                "cell": item.cell,
                "verdict": item.verdict,
                "reason": item.reason,
                "people": item.people,
                "until": item.until,
            }
            for item in decisions
            if (item.stage, item.cell, item.verdict, item.reason, item.people) not in known
        ]
        if rows:
            await self._connection.execute(insert(table), rows)

    async def open(self, plan_id: int, items: Sequence[ForAPerson], *, now: datetime) -> None:
        """Puts each on the list, or brings it up to date; what was closed stays closed unless it grew."""
        table = schema.exception
        for item in items:
            statement = insert_into(self._connection, table).values(
                plan_id=plan_id,
                kind=item.kind,
                subject=item.subject,
                people=item.people,
                sentence=item.sentence,
                owner=item.owner,
                due_at=item.due_at,
                opened_at=now,
            )
            fresh = statement.excluded
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[table.c.plan_id, table.c.kind, table.c.subject],
                    set_={
                        "people": fresh.people,
                        "sentence": fresh.sentence,
                        "due_at": fresh.due_at,
                        "closed_at": None,
                        "closed_by": None,
                        "closed_how": None,
                    },
                    where=table.c.people != fresh.people,
                )
            )

    async def shrink(self, plan_id: int, item: ForAPerson) -> None:
        """Brings the number and the sentence of an open one up to date, and nothing else."""
        table = schema.exception
        await self._connection.execute(
            update(table)
            .where(
                table.c.plan_id == plan_id,
                table.c.kind == item.kind,
                table.c.subject == item.subject,
                table.c.closed_at.is_(None),
            )
            .values(people=item.people, sentence=item.sentence)
        )

    async def close(self, exception_id: int, *, by: str, how: str, now: datetime) -> bool:
        """Takes one off the list; False when it is not on it."""
        table = schema.exception
        result = await self._connection.execute(
            update(table)
            .where(table.c.id == exception_id, table.c.closed_at.is_(None))
            .values(closed_at=now, closed_by=by, closed_how=how)
        )
        return result.rowcount == 1

    async def close_kinds(
        self,
        plan_id: int,
        kinds: Sequence[str],
        *,
        how: str,
        now: datetime,
        subject: str | None = None,
    ) -> None:
        """What solved itself: every open exception of these kinds, or the one of that subject."""
        table = schema.exception
        statement = update(table).where(
            table.c.plan_id == plan_id, table.c.kind.in_(kinds), table.c.closed_at.is_(None)
        )
        if subject is not None:
            statement = statement.where(table.c.subject == subject)
        await self._connection.execute(
            statement.values(closed_at=now, closed_by="service", closed_how=how)
        )

    async def exceptions(
        self, *, plan_id: int | None = None, only_open: bool = True
    ) -> list[dict[str, Any]]:
        """The list, the most urgent first."""
        table = schema.exception
        query = select(table, schema.plan.c.number.label("plan")).outerjoin(
            schema.plan, schema.plan.c.id == table.c.plan_id
        )
        if plan_id is not None:
            query = query.where(table.c.plan_id == plan_id)
        if only_open:
            query = query.where(table.c.closed_at.is_(None))
        query = query.order_by(table.c.due_at, table.c.id)
        return [dict(row._mapping) for row in await self._connection.execute(query)]

    # --- Channels --------------------------------------------------------------------------------

    async def channel_states(self) -> dict[str, dict[str, Any]]:
        """What is known of each channel that ever failed, by name."""
        result = await self._connection.execute(select(schema.channel_state))
        return {row.name: dict(row._mapping) for row in result}

    async def set_channel(self, name: str, **values: Any) -> None:
        """Writes columns of ``channel_state``."""
        statement = insert_into(self._connection, schema.channel_state).values(name=name, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_=values)
        )

    async def start_channel(self, name: str, now: datetime) -> None:
        """An operator says that the channel works again: what waited for it is due now."""
        await self._connection.execute(
            update(schema.batch)
            .where(
                schema.batch.c.channel == name,
                schema.batch.c.state == int(BatchState.SCHEDULED),
                schema.batch.c.reason == "channel.stopped",
            )
            .values(due_at=now)
        )
        await self._connection.execute(
            delete(schema.channel_state).where(schema.channel_state.c.name == name)
        )
