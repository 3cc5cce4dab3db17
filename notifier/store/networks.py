"""Network versions: the packed model, what was found in it, and the switch states laid over it.

A version is written part by part, so that nobody's writing waits for a whole city, and becomes
visible in one last transaction. Versions are never changed afterwards and never removed; only the
overlay beside them grows.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import errors
from notifier.domain.network import model
from notifier.domain.network.version import KeptStatus, NewVersion, Overlay, Version
from notifier.store import audit, columns, schema
from notifier.store.engine import Database, execute_many, insert_rows, new_id
from notifier.store.plans import Plans

#: An import that has not finished by then never will: its process died.
_ABANDONED = timedelta(days=1)

_STATUSES_AT_ONCE = 2_000

_version = schema.network_version
_part = schema.network_part
_status = schema.switch_status
_file = schema.switch_status_import


class ChangedMeanwhile(errors.Conflict):
    """Somebody else imported a network or a status file at the same time; import again."""

    code = "network.changed_meanwhile"

    def __init__(self) -> None:
        super().__init__(
            "同时有另一次网络导入，请重新导入 / another network import came in between: import again"
        )


def _versions() -> Select[Any]:
    newest = (
        select(func.max(_file.c.id)).where(_file.c.version_id == _version.c.id).scalar_subquery()
    )
    return select(_version, newest.label("overlay")).where(_version.c.is_ready)


def _latest() -> Select[Any]:
    return _versions().order_by(_version.c.id.desc()).limit(1)


def _page(version_id: int, after: str | None) -> Select[Any]:
    """Some thousand states: a city's all at once would hold up the event loop."""
    query = (
        select(_status.c.switch, _status.c.is_open, _status.c.as_of, _status.c.is_good)
        .where(_status.c.version_id == version_id)
        .order_by(_status.c.switch)
        .limit(_STATUSES_AT_ONCE)
    )
    return query if after is None else query.where(_status.c.switch > after)


class Networks:
    """The versions of the network; ``usecases.network_contracts.NetworkStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(self) -> Version | None:
        """The version in force, None where no network was ever imported."""
        return await self._one(_latest())

    async def find(self, version_id: int) -> Version | None:
        """One version, or None."""
        return await self._one(_versions().where(_version.c.id == version_id))

    async def before(self, version_id: int) -> Version | None:
        """The version before another one."""
        return await self._one(_latest().where(_version.c.id < version_id))

    async def listed(self) -> list[Version]:
        """Every version, newest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(_versions().order_by(_version.c.id.desc()))
            return [_version_of(row) for row in rows]

    async def parts(self, version_id: int) -> dict[str, bytes]:
        """The packed model of a version, for ``packing.unpack``."""
        query = select(_part.c.kind, _part.c.body).where(_part.c.version_id == version_id)
        async with self._database.read() as connection:
            return {row.kind: row.body for row in await connection.execute(query)}

    async def statuses(self, version_id: int) -> dict[str, model.SwitchStatus]:
        """How the switches of a version really stand, by id, where that is known."""
        found: dict[str, model.SwitchStatus] = {}
        async with self._database.read() as connection:
            after: str | None = None
            while rows := (await connection.execute(_page(version_id, after))).all():
                after = rows[-1].switch
                found.update(
                    (
                        switch,
                        model.SwitchStatus(
                            switch=switch, is_open=is_open, as_of=as_of, is_good=is_good
                        ),
                    )
                    for switch, is_open, as_of, is_good in rows
                )
        return found

    async def status_files(self, version_id: int) -> list[KeptStatus]:
        """The status files laid over a version, oldest first."""
        query = select(_file).where(_file.c.version_id == version_id).order_by(_file.c.id)
        async with self._database.read() as connection:
            return [
                KeptStatus(
                    id=row.id,
                    name=row.name,
                    digest=row.digest,
                    is_full=row.is_full,
                    as_of=row.as_of,
                    read_at=row.read_at,
                    read_by=row.read_by,
                    counts=row.counts,
                    findings=tuple(row.findings),
                )
                for row in await connection.execute(query)
            ]

    async def keep(
        self,
        new: NewVersion,
        parts: Mapping[str, bytes],
        overlay: Overlay,
        *,
        seen: tuple[int, int] | None,
        now: datetime,
        actor: str,
    ) -> Version:
        """Keeps a new version with its overlay; it is in force once this returns.

        ``seen`` is the id and overlay of the version it was compared with, None for none. Raises
        ``ChangedMeanwhile`` when that is not the newest any more; then nothing is kept.
        """
        async with self._database.write() as connection:
            await _forget_abandoned(connection, now)
            kept = await connection.execute(
                insert(_version).values(
                    name=new.name,
                    as_of=new.as_of,
                    read_at=now,
                    read_by=actor,
                    confirmed_at=now,
                    digest=new.digest,
                    files=list(new.files),
                    counts=dict(new.counts),
                    difference=new.difference,
                    findings=list(new.findings),
                    is_ready=False,
                )
            )
            version_id = new_id(kept)
        try:
            for kind, body in parts.items():
                async with self._database.write() as connection:
                    await connection.execute(
                        insert(_part).values(version_id=version_id, kind=kind, body=body)
                    )
            async with self._database.write() as connection:
                await _hold(connection)
                await _require_unchanged(connection, seen)
                await _lay_over(connection, version_id, overlay, now, actor, is_new=True)
                await connection.execute(
                    update(_version).where(_version.c.id == version_id).values(is_ready=True)
                )
                await Plans(connection).mark_traced(now)
                await audit.append(
                    connection,
                    at=now,
                    actor=actor,
                    action="network.imported",
                    subject=f"network:{version_id}",
                    detail={"name": new.name, "digest": new.digest, "counts": dict(new.counts)},
                )
        except ChangedMeanwhile:
            async with self._database.write() as connection:
                await _forget(connection, version_id)
            raise
        return await self._just_written(version_id)

    async def lay_over(
        self,
        version_id: int,
        overlay: Overlay,
        *,
        seen: tuple[int, int] | None,
        now: datetime,
        actor: str,
    ) -> Version:
        """Changes the overlay of a version; raises ``ChangedMeanwhile`` as ``keep`` does."""
        async with self._database.write() as connection:
            await _hold(connection)
            await _require_unchanged(connection, seen)
            await _lay_over(connection, version_id, overlay, now, actor)
            await Plans(connection).mark_traced(now)
            await audit.append(
                connection,
                at=now,
                actor=actor,
                action="network.status_imported",
                subject=f"network:{version_id}",
                detail={
                    "files": [file.name for file in overlay.files],
                    "changed": len(overlay.put),
                    "dropped": len(overlay.drop),
                },
            )
        return await self._just_written(version_id)

    async def confirm(self, version_id: int, as_of: datetime | None, *, now: datetime) -> None:
        """The same files were handed in again: the model is as fresh as that, or as of ``as_of``."""
        values: dict[str, Any] = {"confirmed_at": now}
        if as_of is not None:
            values["as_of"] = as_of
        async with self._database.write() as connection:
            await connection.execute(
                update(_version).where(_version.c.id == version_id).values(**values)
            )

    async def _one(self, query: Select[Any]) -> Version | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            return None if row is None else _version_of(row)

    async def _just_written(self, version_id: int) -> Version:
        found = await self.find(version_id)
        if found is None:
            raise LookupError(f"network version {version_id} vanished")
        return found


async def _hold(connection: AsyncConnection) -> None:
    """PostgreSQL: one import finishes at a time. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(
            "LOCK TABLE network_version, switch_status_import IN SHARE ROW EXCLUSIVE MODE"
        )


async def _require_unchanged(connection: AsyncConnection, seen: tuple[int, int] | None) -> None:
    row = (await connection.execute(_latest())).first()
    found = None if row is None else (row.id, row.overlay or 0)
    if found != seen:
        raise ChangedMeanwhile


async def _lay_over(
    connection: AsyncConnection,
    version_id: int,
    overlay: Overlay,
    now: datetime,
    actor: str,
    *,
    is_new: bool = False,
) -> None:
    # A new version has no states yet that could be in the way.
    replaced = (*overlay.drop, *(row.switch for row in overlay.put)) if not is_new else ()
    await execute_many(
        connection,
        "DELETE FROM switch_status WHERE version_id = ? AND switch = ?",
        [(version_id, switch) for switch in replaced],
    )
    if overlay.put:
        await insert_rows(
            connection,
            _status,
            ("version_id", "switch", "is_open", "as_of", "is_good"),
            [
                (
                    version_id,
                    row.switch,
                    row.is_open,
                    None if row.as_of is None else columns.to_millis(row.as_of),
                    row.is_good,
                )
                for row in overlay.put
            ],
        )
    for file in overlay.files:
        await connection.execute(
            insert(_file).values(
                version_id=version_id,
                name=file.name,
                digest=file.digest,
                is_full=file.is_full,
                as_of=file.as_of,
                read_at=now,
                read_by=actor,
                counts=dict(file.counts),
                findings=list(file.findings),
            )
        )


async def _forget_abandoned(connection: AsyncConnection, now: datetime) -> None:
    query = select(_version.c.id).where(
        _version.c.is_ready.is_(False), _version.c.read_at < now - _ABANDONED
    )
    for version_id in (await connection.scalars(query)).all():
        await _forget(connection, version_id)


async def _forget(connection: AsyncConnection, version_id: int) -> None:
    """Removes a version that nobody ever saw."""
    for table in (_part, _status, _file):
        await connection.execute(delete(table).where(table.c.version_id == version_id))
    await connection.execute(delete(_version).where(_version.c.id == version_id))


def _version_of(row: Row[Any]) -> Version:
    return Version(
        id=row.id,
        name=row.name,
        as_of=row.as_of,
        read_at=row.read_at,
        read_by=row.read_by,
        confirmed_at=row.confirmed_at,
        digest=row.digest,
        files=tuple(row.files),
        counts=row.counts,
        difference=row.difference,
        findings=tuple(row.findings),
        overlay=row.overlay or 0,
    )
