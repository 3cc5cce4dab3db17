"""Which plans share an outage, what was said for several of them, and who has to look again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.window import Window
from notifier.store import schema
from notifier.store.engine import insert_into
from notifier.store.ids import take
from notifier.store.plans import Plans

_PLAN = schema.plan
_OUTAGE = schema.joint_outage
_GROUP = schema.joint_group
_B = BatchState


class Joints:
    """Joint outages on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def members(self, plan_id: int) -> list[int]:
        """The ids of all plans that share an outage with this one, itself included, in order; empty
        where it shares none."""
        mine = select(_OUTAGE.c.joint_id).where(_OUTAGE.c.plan_id == plan_id).scalar_subquery()
        query = (
            select(_OUTAGE.c.plan_id).where(_OUTAGE.c.joint_id == mine).order_by(_OUTAGE.c.plan_id)
        )
        return [row.plan_id for row in await self._connection.execute(query)]

    async def hold(self, numbers: Collection[str]) -> None:
        """Keeps others from changing any plan that shares an outage with one of these, until the
        transaction ends: two that change at once would wait for each other. SQLite has one writer."""
        if self._connection.dialect.name != "postgresql":
            return
        named = select(_PLAN.c.id).where(_PLAN.c.number.in_(numbers))
        joints = select(_OUTAGE.c.joint_id).where(_OUTAGE.c.plan_id.in_(named))
        query = select(_OUTAGE.c.plan_id).where(_OUTAGE.c.joint_id.in_(joints))
        await self._connection.execute(query.order_by(_OUTAGE.c.plan_id).with_for_update())

    async def join(self, plan_ids: Sequence[int], *, now: datetime, actor: str) -> None:
        """These plans are one joint outage from now on, and have no row of another."""
        await self._connection.execute(delete(_OUTAGE).where(_OUTAGE.c.plan_id.in_(plan_ids)))
        joint_id = await take(self._connection, "joint", 1)
        await self._connection.execute(
            insert(_OUTAGE),
            [
                {"plan_id": each, "joint_id": joint_id, "joined_at": now, "joined_by": actor}
                for each in plan_ids
            ],
        )

    async def part(self, plan_ids: Sequence[int]) -> None:
        """These plans share no outage any more."""
        await self._connection.execute(delete(_OUTAGE).where(_OUTAGE.c.plan_id.in_(plan_ids)))

    async def stir(self, plan_ids: Collection[int], now: datetime) -> None:
        """Something happened to a plan that these share an outage with: none of their messages leaves
        until they have been reconciled, which they are asked to be at once."""
        for plan_id in sorted(plan_ids):  # in one order, so that two never wait for each other
            await self._connection.execute(
                update(_PLAN)
                .where(_PLAN.c.id == plan_id)
                .values(joint_change=_PLAN.c.joint_change + 1)
            )
            await Plans(self._connection).mark(plan_id, now)

    async def stir_others(self, plan_ids: Collection[int], now: datetime) -> None:
        """``stir`` for those that share an outage with one of these plans; most share none."""
        mine = select(_OUTAGE.c.joint_id).where(_OUTAGE.c.plan_id.in_(plan_ids))
        query = (
            select(_OUTAGE.c.plan_id, _OUTAGE.c.joint_id)
            .where(_OUTAGE.c.joint_id.in_(mine))
            .order_by(_OUTAGE.c.plan_id)
        )
        rows = (await self._connection.execute(query)).all()
        changed = {
            joint_id: [
                row.plan_id for row in rows if row.joint_id == joint_id and row.plan_id in plan_ids
            ]
            for joint_id in {row.joint_id for row in rows}
        }
        # One that changed itself is settled anew anyway, unless another of its outage changed too.
        others = [row.plan_id for row in rows if changed[row.joint_id] != [row.plan_id]]
        await self.stir(others, now)

    async def is_in_hand(self, plan_ids: Sequence[int]) -> bool:
        """Whether a message of these plans is on its way out just now: it may have been read when its
        outcome is known."""
        found = await self._connection.scalar(
            select(schema.batch.c.id)
            .where(schema.batch.c.plan_id.in_(plan_ids))
            .where(schema.batch.c.state.in_([int(_B.LEASED), int(_B.SENDING)]))
            .limit(1)
        )
        return found is not None

    async def keep(self, plan_id: int, groups: Iterable[Group]) -> None:
        """Remembers what the plan is about to say for several."""
        rows = [
            {
                "plan_id": plan_id,
                "facts_key": group.facts_key,
                "class": group.impact_class.value,
                "windows": [
                    [w.starts_at.isoformat(), w.ends_at.isoformat()] for w in group.windows
                ],
                "place": group.place,
            }
            for group in groups
        ]
        if rows:
            statement = insert_into(self._connection, _GROUP).on_conflict_do_nothing()
            await self._connection.execute(statement, rows)

    async def said(self, plan_ids: Sequence[int]) -> list[Group]:
        """What these plans ever said for several."""
        query = select(_GROUP).where(_GROUP.c.plan_id.in_(plan_ids))
        return [_group(row._mapping) for row in await self._connection.execute(query)]


def _group(row: Mapping[Any, Any]) -> Group:
    return Group(
        number=0,
        impact_class=ImpactClass(row["class"]),
        windows=tuple(Window.from_text(start, end) for start, end in row["windows"]),
        place=row["place"],
    )
