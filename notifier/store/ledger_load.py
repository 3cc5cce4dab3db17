"""A staged ledger against the store: what is new, changed and gone; then all of it in one transaction.

Never a wipe: a usage point keeps its id for ever, one that is gone keeps its row with ``gone_at``.
The statements are plain SQL that both databases read; they run once over everything.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.customer import ContactKind, Reach, Role, Subject
from notifier.domain.ledger import NONE, Difference, Outline, PointRow
from notifier.store import columns, engine, ledger_network, ledger_stage, schema
from notifier.store.ledger_network import Resolved
from notifier.vault import Vault

_ADDED, _CHANGED, _UNCHANGED = 1, 2, 0
#: One import at a time on PostgreSQL, where two could write.
_LOCK = 0x6C656467
#: Findings kept with the import; the report itself has them all.
_FINDINGS_KEPT = 2_000


class LedgerLoader:
    """Takes ledgers in; implements ``ports.LedgerStore``."""

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
                await self._write_points(connection)
                new_contacts = await self._write_contacts(connection, outline)
            # Into an empty store, the new ones are all: counting different phones is a sort.
            is_first = difference.added == outline.points and not difference.in_scope
            people = new_contacts if is_first else await _count_people(connection)
            difference = replace(difference, contacts=people + _count_places(outline))
            if difference.gone:
                await connection.execute(text(_TAKE_OUT), {"now": millis})
                await connection.execute(text(_UNLINK_GONE))
            await self._write_places(connection, outline, resolved)
            await connection.execute(text(_RECONCILE), {"now": millis})
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
        for statement in ("DROP TABLE IF EXISTS stage_diff", _DIFF_TABLE):
            await connection.exec_driver_sql(statement)
        is_empty = (
            await connection.execute(text("SELECT NOT EXISTS (SELECT 1 FROM usage_point)"))
        ).scalar_one()
        await connection.execute(text(_fill_diff(self._database.dialect, is_first=bool(is_empty))))
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
            added=counted.get(_ADDED, 0),
            changed=counted.get(_CHANGED, 0),
            unchanged=counted.get(_UNCHANGED, 0),
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
        result = await connection.execute(text(_FEEDERS_NAMED))
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
        await connection.execute(text(_FIND_SCOPE_WHOLE if whole else _FIND_SCOPE))
        result = await connection.execute(
            text("SELECT count(*) AS points, coalesce(sum(is_gone), 0) AS gone FROM stage_gone")
        )
        row = result.one()
        return int(row.points), int(row.gone)

    # --- Applying it ----------------------------------------------------------------------

    async def _write_points(self, connection: AsyncConnection) -> None:
        await connection.execute(text(_ADD_POINTS))
        await connection.execute(text(_CHANGE_POINTS))

    async def _write_contacts(self, connection: AsyncConnection, outline: Outline) -> int:
        """The number of contacts that were new.

        A file without a column of phones says nothing about who is called: links stay then.
        """
        roles = ", ".join(str(int(role)) for role in _customer_roles_spoken_of(outline))
        added = 0
        for statement in (_ADD_PLAIN, *_for_each(_ADD_PEOPLE)):
            added += (await connection.execute(text(statement))).rowcount
        for statement in (
            *_for_each(_ENRICH_PEOPLE),
            *([_UNLINK_CHANGED.format(roles=roles)] if roles else []),
            _LINK_PLAIN,
            *_for_each(_LINK_PEOPLE),
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
        for statement in _for_each(_ADD_PLACES):
            await connection.execute(text(statement))
        for statement in (*_for_each(_FIND_PLACES), _INDEX_PLACES, _RENAME_PLACES):
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
            await connection.execute(text(_UNLINK_PLACES.format(roles=spoken)))
        await connection.execute(text(_LINK_PLACES))


def _for_each(statement: str) -> list[str]:
    """The statement for contacts with a phone and for those with another identity."""
    return [statement.format(key=key) for key in ("phone_hmac", "place_key")]


async def _count_people(connection: AsyncConnection) -> int:
    return int((await connection.execute(text(_COUNT_CONTACTS))).scalar_one())


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


# --- Statements --------------------------------------------------------------------------------

_DIFF_TABLE = (
    "CREATE TEMP TABLE stage_diff"
    " (number INTEGER PRIMARY KEY, point_id BIGINT, action SMALLINT,"
    " area_id BIGINT, feeder_id BIGINT, building_id BIGINT)"
)


def _fill_diff(dialect: engine.Dialect, *, is_first: bool) -> str:
    """Each staged point with its id, old or new, and what has to be done with it.

    New ids are taken in the order of the file: neighbours in the file are neighbours on the disk.
    """
    if dialect == "sqlite":
        new_id = "(SELECT coalesce(max(id), 0) FROM usage_point) + 1 + s.number"
    else:
        new_id = "nextval(pg_get_serial_sequence('usage_point', 'id'))"
    if is_first:
        known, join = "", ""
        point_id, action = new_id, str(_ADDED)
    else:
        known = "LEFT JOIN usage_point u ON u.account = s.account"
        join = known
        point_id = f"coalesce(u.id, {new_id})"
        action = (
            f"CASE WHEN u.id IS NULL THEN {_ADDED}"
            " WHEN u.row_hash <> s.row_hash OR u.gone_at IS NOT NULL"
            " OR u.area_id IS DISTINCT FROM a.id OR u.feeder_id IS DISTINCT FROM f.id"
            f" OR u.building_id IS DISTINCT FROM b.id THEN {_CHANGED} ELSE {_UNCHANGED} END"
        )
        if dialect == "sqlite":
            action = action.replace("IS DISTINCT FROM", "IS NOT")
    return (
        f"INSERT INTO stage_diff SELECT s.number, {point_id}, {action}, a.id, f.id, b.id"
        f" FROM stage_point s {join}"
        " JOIN stage_class c ON c.id = s.class_id"
        " LEFT JOIN stage_area a ON a.number = c.area"
        " LEFT JOIN stage_feeder f ON f.number = c.feeder"
        " LEFT JOIN stage_building b ON b.number = c.building"
        " ORDER BY s.number"
    )


#: A customer stands on the feeder of its area, or on its own when it has no area.
_FIND_SCOPE = """
    INSERT INTO stage_gone
    SELECT p.id, CASE WHEN p.id IN (SELECT point_id FROM stage_diff) THEN 0 ELSE 1 END FROM (
        SELECT u.id FROM area a JOIN usage_point u ON u.area_id = a.id
        WHERE a.feeder_id IN (SELECT feeder_id FROM stage_scope) AND u.gone_at IS NULL
        UNION ALL
        SELECT u.id FROM usage_point u
        WHERE u.area_id IS NULL AND u.feeder_id IN (SELECT feeder_id FROM stage_scope)
        AND u.gone_at IS NULL
    ) AS p
"""
_FIND_SCOPE_WHOLE = """
    INSERT INTO stage_gone
    SELECT u.id, CASE WHEN u.id IN (SELECT point_id FROM stage_diff) THEN 0 ELSE 1 END
    FROM usage_point u WHERE u.gone_at IS NULL
"""
_FEEDERS_NAMED = """
    SELECT DISTINCT feeder FROM stage_class WHERE id IN (SELECT class_id FROM stage_point)
"""
_COUNT_CONTACTS = """
    SELECT (SELECT count(*) FROM (SELECT phone_hmac FROM stage_point WHERE phone_hmac IS NOT NULL
            UNION SELECT phone_hmac FROM stage_link WHERE phone_hmac IS NOT NULL) AS phones)
         + (SELECT count(DISTINCT place_key) FROM stage_link)
"""
_ADD_POINTS = f"""
    INSERT INTO usage_point (id, account, name, address, area_id, feeder_id, building_id, category,
                             criticality, need, has_standby, row_hash)
    SELECT d.point_id, s.account, s.name, s.address, d.area_id, d.feeder_id, d.building_id,
           c.category, c.criticality, c.need, c.has_standby, s.row_hash
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN stage_class c ON c.id = s.class_id
    WHERE d.action = {_ADDED} ORDER BY d.number
"""
_CHANGE_POINTS = f"""
    UPDATE usage_point SET name = s.name, address = s.address, area_id = d.area_id,
           feeder_id = d.feeder_id, building_id = d.building_id, category = c.category,
           criticality = c.criticality, need = c.need, has_standby = c.has_standby,
           row_hash = s.row_hash, gone_at = NULL
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN stage_class c ON c.id = s.class_id
    WHERE usage_point.id = d.point_id AND d.action = {_CHANGED}
"""
#: The first row that names a phone names its contact; later rows of the same phone add to it.
_ADD_PLAIN = f"""
    INSERT INTO contact (kind, name, locale, reach, phone_hmac, phone_sealed)
    SELECT {int(ContactKind.PERSON)}, s.name, 'zh', {int(Reach.SMS | Reach.VOICE)}, s.phone_hmac,
           s.phone_sealed
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    WHERE d.action <> {_UNCHANGED} AND s.phone_hmac IS NOT NULL ORDER BY d.number
    ON CONFLICT (phone_hmac) DO NOTHING
"""
_LINK_PLAIN = f"""
    INSERT INTO point_contact (usage_point_id, contact_id, role)
    SELECT d.point_id, c.id, {int(Role.PAYER)}
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN contact c ON c.phone_hmac = s.phone_hmac
    WHERE d.action <> {_UNCHANGED} AND s.phone_hmac IS NOT NULL ORDER BY d.number
    ON CONFLICT (usage_point_id, contact_id) DO NOTHING
"""
_ADD_PEOPLE = f"""
    INSERT INTO contact (kind, name, locale, reach, phone_hmac, phone_sealed, place_key, openid,
                         push_token, opted_out)
    SELECT l.kind, l.person, l.locale, l.reach, l.phone_hmac, l.phone_sealed, l.place_key, l.openid,
           l.push_token, l.opted_out
    FROM stage_link l JOIN stage_diff d ON d.number = l.number
    WHERE d.action <> {_UNCHANGED} AND l.{{key}} IS NOT NULL ORDER BY l.seq
    ON CONFLICT ({{key}}) DO NOTHING
"""
_EVERY_CONTACT = """(
            SELECT number, phone_hmac, NULL AS place_key, NULL AS openid, NULL AS push_token,
                   'zh' AS locale, name AS person, 0 AS opted_out FROM stage_point
            UNION ALL
            SELECT number, phone_hmac, place_key, openid, push_token, locale, person, opted_out
            FROM stage_link)"""
_BIT = "max(l.opted_out & {bit})"
_OPTED_OUT = " | ".join(_BIT.format(bit=1 << place) for place in range(5))
_ENRICHED = (
    f"((CASE WHEN contact.phone_hmac IS NULL THEN 0 ELSE {int(Reach.SMS | Reach.VOICE)} END"
    f" | CASE WHEN coalesce(x.openid, contact.openid) IS NULL THEN 0 ELSE {int(Reach.WECHAT)} END"
    " | CASE WHEN coalesce(x.push_token, contact.push_token) IS NULL THEN 0"
    f" ELSE {int(Reach.PUSH)} END"
    f" | (contact.reach & {int(Reach.EMAIL | Reach.POSTING)}))"
    " & ~(contact.opted_out | x.opted_out))"
)
#: Opt-outs only ever grow here: somebody who declined elsewhere stays declined.
_ENRICH_PEOPLE = f"""
    UPDATE contact SET
        openid = coalesce(x.openid, contact.openid),
        push_token = coalesce(x.push_token, contact.push_token),
        opted_out = contact.opted_out | x.opted_out,
        locale = CASE WHEN x.locale = 'zh' THEN contact.locale ELSE x.locale END,
        name = CASE WHEN x.is_changed = 1 AND x.name <> '' THEN x.name ELSE contact.name END,
        reach = {_ENRICHED}
    FROM (
        SELECT l.{{key}} AS identity, max(l.openid) AS openid, max(l.push_token) AS push_token,
               min(l.locale) AS locale, min(l.person) AS name, {_OPTED_OUT} AS opted_out,
               max(CASE WHEN d.action = {_CHANGED} THEN 1 ELSE 0 END) AS is_changed
        FROM {_EVERY_CONTACT} l JOIN stage_diff d ON d.number = l.number
        WHERE l.{{key}} IS NOT NULL AND (d.action = {_CHANGED} OR d.action = {_ADDED}
              AND (l.openid IS NOT NULL OR l.push_token IS NOT NULL OR l.opted_out <> 0
                   OR l.locale <> 'zh'))
        GROUP BY l.{{key}}
    ) AS x
    WHERE contact.{{key}} = x.identity
"""
_UNLINK_CHANGED = f"""
    DELETE FROM point_contact WHERE role IN ({{roles}})
    AND usage_point_id IN (SELECT point_id FROM stage_diff WHERE action = {_CHANGED})
"""
_LINK_PEOPLE = f"""
    INSERT INTO point_contact (usage_point_id, contact_id, role)
    SELECT d.point_id, c.id, l.role
    FROM stage_link l JOIN stage_diff d ON d.number = l.number JOIN contact c ON c.{{key}} = l.{{key}}
    WHERE d.action <> {_UNCHANGED} AND l.{{key}} IS NOT NULL ORDER BY l.seq
    ON CONFLICT (usage_point_id, contact_id) DO NOTHING
"""
_TAKE_OUT = """
    UPDATE usage_point SET gone_at = :now
    WHERE id IN (SELECT id FROM stage_gone WHERE is_gone = 1)
"""
_UNLINK_GONE = """
    DELETE FROM point_contact
    WHERE usage_point_id IN (SELECT id FROM stage_gone WHERE is_gone = 1)
"""
_ADD_PLACES = """
    INSERT INTO contact (kind, name, reach, phone_hmac, phone_sealed, place_key)
    SELECT kind, name, reach, phone_hmac, phone_sealed, place_key FROM stage_place
    WHERE {key} IS NOT NULL ORDER BY seq
    ON CONFLICT ({key}) DO NOTHING
"""
_RENAME_PLACES = """
    UPDATE contact SET name = p.name FROM stage_place p
    WHERE contact.id = p.contact_id AND p.place_key IS NOT NULL AND contact.name <> p.name
"""
_FIND_PLACES = """
    UPDATE stage_place SET contact_id = (SELECT c.id FROM contact c WHERE c.{key} = stage_place.{key})
    WHERE {key} IS NOT NULL
"""
_INDEX_PLACES = """
    CREATE INDEX IF NOT EXISTS stage_place_subject ON stage_place (subject, subject_id, contact_id)
"""
_UNLINK_PLACES = """
    DELETE FROM place_contact
    WHERE role IN ({roles})
    AND EXISTS (SELECT 1 FROM stage_subject s
                WHERE s.subject = place_contact.subject AND s.subject_id = place_contact.subject_id)
    AND NOT EXISTS (SELECT 1 FROM stage_place p
                    WHERE p.subject = place_contact.subject
                    AND p.subject_id = place_contact.subject_id
                    AND p.contact_id = place_contact.contact_id)
"""
_LINK_PLACES = """
    INSERT INTO place_contact (subject, subject_id, contact_id, role)
    SELECT subject, subject_id, contact_id, role FROM stage_place
    WHERE contact_id IS NOT NULL ORDER BY seq
    ON CONFLICT (subject, subject_id, contact_id) DO NOTHING
"""
#: Plans under way look again at whom they concern.
_RECONCILE = """
    UPDATE plan SET reconcile_at = :now WHERE state = 'approved' AND ends_at > :now
"""
