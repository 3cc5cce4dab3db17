"""A staged ledger against the store: what is new, changed and gone; then all of it in one transaction.

Never a wipe: a usage point keeps its id for ever, one that is gone keeps its row with ``gone_at``.
The statements are in ``ledger_statements``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import Role, Subject
from notifier.domain.ledger import NONE, Difference, Outline, PointRow
from notifier.store import columns, engine, ledger_network, ledger_stage, schema
from notifier.store import ledger_statements as statements
from notifier.store.ledger_network import Resolved
from notifier.vault import Vault

#: One import at a time on PostgreSQL, where two could write.
_LOCK = 0x6C656467
#: Findings kept with the import; the report itself has them all.
_FINDINGS_KEPT = 2_000


class LedgerLoader:
    """Takes ledgers in; implements ``usecases.ledger_contracts.LedgerStore``."""

    def __init__(self, database: engine.Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    @asynccontextmanager
    async def load(self) -> AsyncIterator["LedgerLoad"]:
        """A load with temporary tables of its own, which vanish on exit."""
        async with self._database.bulk() as bulk:
            await ledger_stage.create_tables(bulk, self._database.dialect)
            yield LedgerLoad(self._database, bulk, self._vault)


class LedgerLoad:
    """One ledger being loaded: ``stage`` its rows, then ``compare`` or ``apply``."""

    def __init__(self, database: engine.Database, bulk: engine.Bulk, vault: Vault) -> None:
        self._database = database
        self._bulk = bulk
        self._preparing = ledger_stage.Preparing(vault)

    async def stage(self, rows: Sequence[PointRow]) -> None:
        """Lay rows into the temporary tables.

        Not overlapped with preparing the next rows: two threads that both want the interpreter,
        one of them letting go of it at every row, are slower than one after the other.
        """
        prepared = await asyncio.to_thread(self._preparing.rows, rows)
        is_sqlite = self._database.dialect == "sqlite"
        if is_sqlite:  # in autocommit every row would be a transaction
            await self._bulk.connection.exec_driver_sql("BEGIN")
        await ledger_stage.insert(self._bulk, prepared)
        if is_sqlite:
            await self._bulk.connection.exec_driver_sql("COMMIT")

    async def compare(self, outline: Outline, *, whole: bool = False) -> Difference:
        """What ``apply`` would do; the store stays as it is."""
        await self._finish_staging(outline)
        connection = self._bulk.connection
        resolved = await ledger_network.resolve(connection, outline)
        difference = await self._difference(connection, outline, resolved, whole=whole)
        people = await _count_people(connection)
        return replace(difference, contacts=people + _count_places(outline))

    async def apply(
        self,
        outline: Outline,
        *,
        whole: bool = False,
        now: datetime,
        actor: str,
        judge: Callable[[Difference], None],
        count: Callable[[Difference], Mapping[str, int]],
    ) -> Difference:
        """Make the store follow the ledger, all or nothing.

        ``whole``: the files hold every customer there is, so whoever they do not name is gone.
        ``judge`` sees the difference before anything of a customer changes (not yet the number of
        contacts); what it raises undoes everything. ``count`` gives the counts kept with the import.
        """
        await self._finish_staging(outline)
        async with self._bulk.transaction() as connection:
            if self._database.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            resolved = await ledger_network.resolve(connection, outline)
            await ledger_network.write(connection, outline, resolved)
            difference = await self._difference(connection, outline, resolved, whole=whole)
            judge(difference)
            millis = columns.to_millis(now)
            new_contacts = 0
            if difference.added or difference.changed:
                await self._write_points(connection, outline)
                new_contacts = await self._write_contacts(connection, outline)
            # Into an empty store, the new ones are all: counting different phones is a sort.
            is_first = difference.added == outline.points and not difference.in_scope
            people = new_contacts if is_first else await _count_people(connection)
            difference = replace(difference, contacts=people + _count_places(outline))
            if difference.gone:
                await connection.execute(text(statements.TAKE_OUT), {"now": millis})
                await connection.execute(text(statements.UNLINK_GONE))
            await self._write_places(connection, outline, resolved)
            await connection.execute(text(statements.RECONCILE), {"now": millis})
            findings = (*outline.findings, *difference.findings)[:_FINDINGS_KEPT]
            await connection.execute(
                insert(schema.ledger_import).values(
                    imported_at=now,
                    imported_by=actor,
                    files=list(outline.files),
                    counts=dict(count(difference)),
                    findings=[finding.as_dict() for finding in findings],
                )
            )
        return difference

    # --- The difference -------------------------------------------------------------------

    async def _finish_staging(self, outline: Outline) -> None:
        await ledger_stage.amend(self._bulk, outline, self._preparing)
        if self._database.dialect == "postgresql":
            for table in ("stage_class", "stage_point", "stage_link"):
                await self._bulk.connection.exec_driver_sql(f"ANALYZE {table}")

    async def _difference(
        self, connection: AsyncConnection, outline: Outline, resolved: Resolved, *, whole: bool
    ) -> Difference:
        await self._map(connection, outline, resolved)
        for statement in ("DROP TABLE IF EXISTS stage_diff", statements.DIFF_TABLE):
            await connection.exec_driver_sql(statement)
        is_empty = (
            await connection.execute(text("SELECT NOT EXISTS (SELECT 1 FROM usage_point)"))
        ).scalar_one()
        await connection.execute(
            text(
                statements.fill_diff(
                    self._database.dialect,
                    is_first=bool(is_empty),
                    is_silent=not _customer_roles_spoken_of(outline),
                )
            )
        )
        if self._database.dialect == "postgresql":
            await connection.exec_driver_sql("ANALYZE stage_diff")
        counted = {
            row.action: row.points
            for row in await connection.execute(
                text("SELECT action, count(*) AS points FROM stage_diff GROUP BY action")
            )
        }
        in_scope, gone = await self._find_gone(connection, outline, resolved, whole=whole)
        return Difference(
            added=counted.get(statements.ADDED, 0),
            changed=counted.get(statements.CHANGED, 0),
            unchanged=counted.get(statements.UNCHANGED, 0),
            gone=gone,
            in_scope=in_scope,
            findings=tuple(resolved.findings),
        )

    async def _map(self, connection: AsyncConnection, outline: Outline, resolved: Resolved) -> None:
        """Tables from the outline's numbers to ids, and which feeders the file speaks for."""
        spoken = await self._feeders_with_customers(connection)
        doubtful = outline.doubtful_feeders
        maps: dict[str, Sequence[int | None]] = {
            "stage_area": resolved.areas,
            "stage_feeder": resolved.feeders,
            "stage_building": resolved.buildings,
        }
        for table, ids in maps.items():
            await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            await connection.exec_driver_sql(
                f"CREATE TEMP TABLE {table} (number INTEGER PRIMARY KEY, id BIGINT)"
            )
            await engine.insert_rows(connection, table, ("number", "id"), list(enumerate(ids)))
        await connection.exec_driver_sql("DROP TABLE IF EXISTS stage_scope")
        await connection.exec_driver_sql(
            "CREATE TEMP TABLE stage_scope (feeder_id BIGINT PRIMARY KEY)"
        )
        scope = {
            feeder_id
            for number in spoken
            if number not in doubtful and (feeder_id := resolved.feeder(number)) is not None
        }
        # A row that could not be read may be anybody's: then nobody is called gone.
        if NONE in doubtful:
            scope = set()
        await engine.insert_rows(
            connection, "stage_scope", ("feeder_id",), [(feeder_id,) for feeder_id in scope]
        )

    async def _feeders_with_customers(self, connection: AsyncConnection) -> set[int]:
        result = await connection.execute(text(statements.FEEDERS_NAMED))
        return {row.feeder for row in result} - {NONE}

    async def _find_gone(
        self, connection: AsyncConnection, outline: Outline, resolved: Resolved, *, whole: bool
    ) -> tuple[int, int]:
        for statement in (
            "DROP TABLE IF EXISTS stage_gone",
            "CREATE TEMP TABLE stage_gone (id BIGINT PRIMARY KEY, is_gone INTEGER)",
        ):
            await connection.exec_driver_sql(statement)
        if not outline.has_customers or (whole and outline.doubtful_feeders):
            return 0, 0
        await connection.execute(
            text(statements.FIND_SCOPE_WHOLE if whole else statements.FIND_SCOPE)
        )
        result = await connection.execute(
            text("SELECT count(*) AS points, coalesce(sum(is_gone), 0) AS gone FROM stage_gone")
        )
        row = result.one()
        return int(row.points), int(row.gone)

    # --- Applying it ----------------------------------------------------------------------

    async def _write_points(self, connection: AsyncConnection, outline: Outline) -> None:
        await connection.execute(text(statements.ADD_POINTS))
        change = statements.CHANGE_POINTS.format(
            silent="FALSE" if _customer_roles_spoken_of(outline) else "TRUE",
            blob="BLOB" if self._database.dialect == "sqlite" else "BYTEA",
        )
        await connection.execute(text(change))

    async def _write_contacts(self, connection: AsyncConnection, outline: Outline) -> int:
        """The number of contacts that were new.

        A file without a column of phones says nothing about who is called: links stay then.
        """
        roles = [int(role) for role in _customer_roles_spoken_of(outline)]
        added = 0
        for statement in (statements.ADD_PLAIN, *statements.for_each(statements.ADD_PEOPLE)):
            added += (await connection.execute(text(statement))).rowcount
        for statement in (
            *statements.for_each(statements.ENRICH_PEOPLE),
            *(statements.UNLINK_CHANGED.format(role=role) for role in roles),
            statements.LINK_PLAIN,
            *statements.for_each(statements.LINK_PEOPLE),
        ):
            await connection.execute(text(statement))
        return added

    async def _write_places(
        self, connection: AsyncConnection, outline: Outline, resolved: Resolved
    ) -> None:
        """Doors, boards, managers and offices of the buildings and areas that the files name."""
        await connection.exec_driver_sql("DELETE FROM stage_place")
        subjects = {Subject.BUILDING: resolved.buildings, Subject.AREA: resolved.areas}
        ids = [subjects[place.subject][place.number] for place in outline.places]
        rows = await asyncio.to_thread(self._preparing.places, outline.places, ids)
        await engine.insert_rows(connection, "stage_place", ledger_stage.PLACE_COLUMNS, rows)
        for statement in statements.for_each(statements.ADD_PLACES):
            await connection.execute(text(statement))
        for statement in (
            *statements.for_each(statements.FIND_PLACES),
            statements.INDEX_PLACES,
            statements.RENAME_PLACES,
        ):
            await connection.execute(text(statement))
        roles = _roles_spoken_of(outline)
        if roles:
            await connection.exec_driver_sql("DROP TABLE IF EXISTS stage_subject")
            await connection.exec_driver_sql(
                "CREATE TEMP TABLE stage_subject"
                " (subject SMALLINT, subject_id BIGINT, PRIMARY KEY (subject, subject_id))"
            )
            await engine.insert_rows(
                connection,
                "stage_subject",
                ("subject", "subject_id"),
                sorted(
                    {(int(Subject.BUILDING), row_id) for row_id in resolved.buildings}
                    | {
                        (int(Subject.AREA), row_id)
                        for entry, row_id in zip(outline.areas, resolved.areas, strict=True)
                        if entry.points
                    }
                ),
            )
            spoken = ", ".join(str(int(role)) for role in roles)
            await connection.execute(text(statements.UNLINK_PLACES.format(roles=spoken)))
        await connection.execute(text(statements.LINK_PLACES))


async def _count_people(connection: AsyncConnection) -> int:
    return int((await connection.execute(text(statements.COUNT_CONTACTS))).scalar_one())


def _customer_roles_spoken_of(outline: Outline) -> list[Role]:
    roles = []
    if outline.columns & {"phone", "openid", "push_token"}:
        roles.append(Role.PAYER)
    if "tenant_phone" in outline.columns:
        roles.append(Role.TENANT)
    return roles


def _roles_spoken_of(outline: Outline) -> list[Role]:
    """The roles about which the files say who holds them, and who no longer does."""
    if not outline.has_customers:
        return []
    columns_of_roles = {
        Role.PROPERTY_MANAGER: "manager_phone",
        Role.VILLAGE_OFFICE: "village_phone",
        Role.ACCOUNT_MANAGER: "account_manager_phone",
    }
    roles = [role for role, column in columns_of_roles.items() if column in outline.columns]
    return [*roles, Role.ENTRANCE]


def _count_places(outline: Outline) -> int:
    return len(
        {
            place.place_key or (place.contact.phone if place.contact else "")
            for place in outline.places
        }
    )
