"""Coordination kept: what a bureau asks, what was proposed, and what became of each proposal."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select, update

from notifier.store import audit, schema
from notifier.store.engine import Database, new_id, with_lists

_rules, _run, _item = (
    schema.coordination_rules,
    schema.coordination_run,
    schema.coordination_item,
)
_ITEMS_AT_ONCE = 500


class Coordination:
    """Rules, runs and items; ``usecases.coordinate_contracts.RunBook``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- Rules -------------------------------------------------------------------------------------

    async def rules(self) -> Mapping[str, Any] | None:
        """What is in force: ``id``, ``name``, ``body`` and when it was imported; None: nothing is."""
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(_rules).order_by(_rules.c.id.desc()).limit(1))
            ).first()
        return None if row is None else dict(row._mapping)

    async def rules_of(self, rules_id: int) -> Mapping[str, Any] | None:
        """The rules of that id, in force or not; as ``rules``."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(_rules).where(_rules.c.id == rules_id))).first()
        return None if row is None else dict(row._mapping)

    async def rules_before(self, limit: int = 50) -> list[Mapping[str, Any]]:
        """What was ever in force, without the bodies; the newest first."""
        columns = [column for column in _rules.c if column is not _rules.c.body]
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(*columns).order_by(_rules.c.id.desc()).limit(limit)
            )
            return [dict(row._mapping) for row in rows]

    async def put_rules(
        self,
        name: str,
        digest: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        actor: str,
        seen: int | None = None,
        again: int | None = None,
    ) -> int | None:
        """Puts rules in force; answers their id. ``seen``: the id that must be in force until then (0:
        none), else nothing is done and None answered; ``again``: the id that they come from."""
        async with self._database.write() as connection:
            if seen is not None and connection.dialect.name == "postgresql":
                # Two at once would both find what they saw; SQLite has one writer anyway.
                hold = "LOCK TABLE coordination_rules IN SHARE ROW EXCLUSIVE MODE"
                await connection.exec_driver_sql(hold)
            present = await connection.scalar(select(func.max(_rules.c.id)))
            if seen is not None and seen != (present or 0):
                return None
            result = await connection.execute(
                insert(_rules).values(
                    name=name, digest=digest, body=dict(body), imported_at=now, imported_by=actor
                )
            )
            await audit.append(
                connection,
                at=now,
                actor=actor,
                action="coordination.rules_imported",
                subject=f"file:{digest[:16]}",
                detail={"name": name} if again is None else {"name": name, "again": again},
            )
            return new_id(result)

    async def accounts(self, accounts: Collection[str]) -> dict[str, int]:
        """The areas of present accounts; unknown ones and those without an area are left out."""
        if not accounts:
            return {}
        async with self._database.read() as connection:
            rows = await connection.execute(
                with_lists(
                    "SELECT account, area_id FROM usage_point WHERE account IN :accounts"
                    " AND gone_at IS NULL AND area_id IS NOT NULL",
                    "accounts",
                ),
                {"accounts": sorted(set(accounts))},
            )
            return {row.account: row.area_id for row in rows}

    async def moved_before(self, numbers: Collection[str]) -> frozenset[str]:
        """Those of the plans that a meeting moved already."""
        if not numbers:
            return frozenset()
        async with self._database.read() as connection:
            rows = await connection.execute(
                with_lists(
                    "SELECT DISTINCT number FROM coordination_item"
                    " WHERE decision = 'accepted' AND number IN :numbers",
                    "numbers",
                ),
                {"numbers": sorted(set(numbers))},
            )
            return frozenset(row.number for row in rows)

    # --- Runs --------------------------------------------------------------------------------------

    async def start(
        self,
        first_day: str,
        last_day: str,
        options: Mapping[str, Any],
        rules_id: int | None,
        *,
        now: datetime,
        actor: str,
    ) -> int:
        """A run that has just begun; answers its id."""
        async with self._database.write() as connection:
            result = await connection.execute(
                insert(_run).values(
                    first_day=first_day,
                    last_day=last_day,
                    rules_id=rules_id,
                    options=dict(options),
                    state="running",
                    looked_at=now,
                    made_at=now,
                    made_by=actor,
                )
            )
            await audit.append(
                connection,
                at=now,
                actor=actor,
                action="coordination.started",
                subject=f"{first_day}/{last_day}",
                detail={"options": dict(options)},
            )
            return new_id(result)

    async def note(self, run_id: int, progress: Mapping[str, Any], now: datetime) -> bool:
        """Writes how far a run is; answers whether somebody asked it to stop."""
        async with self._database.write() as connection:
            await connection.execute(
                update(_run)
                .where(_run.c.id == run_id)
                .values(progress=dict(progress), looked_at=now)
            )
            asked = await connection.scalar(select(_run.c.stop_asked_at).where(_run.c.id == run_id))
        return asked is not None

    async def ask_to_stop(self, run_id: int, now: datetime) -> None:
        """The run is to end with the best it has."""
        async with self._database.write() as connection:
            await connection.execute(
                update(_run)
                .where(and_(_run.c.id == run_id, _run.c.state == "running"))
                .values(stop_asked_at=now)
            )

    async def finish(
        self,
        run_id: int,
        state: str,
        summary: Mapping[str, Any],
        items: Sequence[Mapping[str, Any]],
        *,
        now: datetime,
    ) -> None:
        """Closes a run with its items."""
        async with self._database.write() as connection:
            await connection.execute(
                update(_run)
                .where(_run.c.id == run_id)
                .values(state=state, summary=dict(summary), finished_at=now, looked_at=now)
            )
            for at in range(0, len(items), _ITEMS_AT_ONCE):
                part = [dict(item) | {"run_id": run_id} for item in items[at : at + _ITEMS_AT_ONCE]]
                await connection.execute(insert(_item), part)

    async def run(self, run_id: int) -> Mapping[str, Any] | None:
        """One run; None: there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(_run).where(_run.c.id == run_id))).first()
        return None if row is None else dict(row._mapping)

    async def runs(self, limit: int = 50) -> list[Mapping[str, Any]]:
        """The runs, newest first, each with how many items were accepted."""
        accepted = (
            select(func.count())
            .where(and_(_item.c.run_id == _run.c.id, _item.c.decision == "accepted"))
            .scalar_subquery()
        )
        query = select(_run, accepted.label("accepted")).order_by(_run.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [dict(row._mapping) for row in await connection.execute(query)]

    async def items(self, run_id: int) -> list[Mapping[str, Any]]:
        """The items of a run, by plan number, each with the present revision and state of its plan."""
        query = (
            select(
                _item,
                schema.plan.c.revision.label("present_revision"),
                schema.plan.c.state.label("present_state"),
            )
            .join(schema.plan, schema.plan.c.id == _item.c.plan_id)
            .where(_item.c.run_id == run_id)
            .order_by(_item.c.number)
        )
        async with self._database.read() as connection:
            return [dict(row._mapping) for row in await connection.execute(query)]

    async def decide(
        self,
        run_id: int,
        number: str,
        decision: str,
        *,
        why: str = "",
        new_revision: int | None = None,
        now: datetime,
        actor: str,
    ) -> None:
        """What became of an item."""
        async with self._database.write() as connection:
            await connection.execute(
                update(_item)
                .where(and_(_item.c.run_id == run_id, _item.c.number == number))
                .values(
                    decision=decision,
                    why=why,
                    new_revision=new_revision,
                    decided_at=now,
                    decided_by=actor,
                )
            )
            await audit.append(
                connection,
                at=now,
                actor=actor,
                action=f"coordination.{decision}",
                subject=number,
                detail={"run": run_id, "why": why, "revision": new_revision},
            )
