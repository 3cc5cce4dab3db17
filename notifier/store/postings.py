"""Posting tasks: deliveries that lie on the desk, with who holds each and what proves it done."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain import names
from notifier.domain.customer import Subject
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.notice import Stage
from notifier.domain.plan import PlanKind
from notifier.domain.posting import PostingTask, TaskFilter, Undone
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import with_lists

_B = BatchState
_D = DeliveryState
_WORTH_DOING = f"d.state IN ({int(_D.ACCEPTED)}, {int(_D.UNCONFIRMED)})"

Lead = Mapping[PlanKind, timedelta]


class Postings:
    """Posting tasks on one connection, inside the transaction that the caller opened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def task(self, task_id: int, lead: Lead) -> PostingTask | None:
        """The task of that id; ``lead``: the policy's legal lead times, from which it is due."""
        result = await self._connection.execute(
            text(f"{_select(lead)} WHERE n.medium = '{Medium.POSTING.value}' AND d.id = :id"),
            {"id": task_id},
        )
        row = result.first()
        return None if row is None else _task(row)

    async def listed(
        self,
        wanted: TaskFilter,
        lead: Lead,
        *,
        now: datetime,
        after: tuple[datetime, int] | None = None,
        limit: int = 100,
    ) -> list[PostingTask]:
        """Tasks in the order in which they are due, then id; ``after`` the last of the page before."""
        due = _due(lead)
        parameters: dict[str, Any] = {"now": to_millis(now), "limit": limit}
        where = [f"n.medium = '{Medium.POSTING.value}'"]
        if wanted.plan:
            where.append("p.number = :plan")
            parameters["plan"] = wanted.plan
        if wanted.is_done:
            where.append("t.finished_at IS NOT NULL")
        elif wanted.mine_of or wanted.available_to or wanted.is_open:
            where += ["n.expires_at > :now", _WORTH_DOING]
        elif not wanted.plan:
            where.append("n.expires_at > :now")
        if wanted.mine_of:
            where.append("t.crew = :crew")
            parameters["crew"] = wanted.mine_of
            if not wanted.is_done:
                where.append("t.lease_until > :now")
        elif wanted.available_to:
            where.append("(t.lease_until IS NULL OR t.lease_until <= :now OR t.crew = :crew)")
            parameters["crew"] = wanted.available_to
        if wanted.due_before is not None:
            where.append(f"{due} < :before")
            parameters["before"] = to_millis(wanted.due_before)
        if wanted.building:
            where.append("instr(bl.name, :building) > 0")
            parameters["building"] = wanted.building
        if wanted.feeder:
            where.append(
                _at("x.feeder_id IN (SELECT f.id FROM feeder f WHERE f.key = :feeder_key)")
            )
            parameters["feeder_key"] = names.feeder_key(wanted.feeder)
        lists = []
        for name, areas in (("wanted", (wanted.area,)), ("allowed", wanted.areas)):
            if areas is None or areas == ("",):
                continue
            where.append(_at(f"(x.key IN :{name}_keys OR x.code IN :{name}_codes)"))
            parameters[f"{name}_keys"] = [names.area_key(area) for area in areas]
            parameters[f"{name}_codes"] = list(areas)
            lists += [f"{name}_keys", f"{name}_codes"]
        if after is not None:
            where.append(f"({due} > :after OR ({due} = :after AND d.id > :after_id))")
            parameters |= {"after": to_millis(after[0]), "after_id": after[1]}
        statement = f"{_select(lead)} WHERE {' AND '.join(where)} ORDER BY {due}, d.id LIMIT :limit"
        if self._connection.dialect.name == "postgresql":
            statement = statement.replace("instr(bl.name,", "strpos(bl.name,")
        prepared = with_lists(statement, *lists)
        result = await self._connection.execute(prepared, parameters)
        return [_task(row) for row in result]

    async def is_within(self, task_id: int, areas: Sequence[str]) -> bool:
        """Whether the door of a task stands in one of these areas, by name or code."""
        statement = with_lists(
            "SELECT 1 FROM delivery d JOIN place_contact l ON l.contact_id = d.contact_id"
            f" WHERE d.id = :id AND {_at('(x.key IN :keys OR x.code IN :codes)')} LIMIT 1",
            "keys",
            "codes",
        )
        found = await self._connection.scalar(
            statement,
            {
                "id": task_id,
                "keys": [names.area_key(area) for area in areas],
                "codes": list(areas),
            },
        )
        return found is not None

    async def claim(self, task_id: int, crew: str, *, now: datetime, until: datetime) -> bool:
        """Takes a task for a crew; False while another holds it."""
        result = await self._connection.execute(
            text(
                "INSERT INTO posting_task (delivery_id, crew, lease_until)"
                " VALUES (:id, :crew, :until) ON CONFLICT (delivery_id) DO UPDATE"
                " SET crew = excluded.crew, lease_until = excluded.lease_until"
                " WHERE posting_task.crew IS NULL OR posting_task.crew = excluded.crew"
                "  OR posting_task.lease_until IS NULL OR posting_task.lease_until <= :now"
            ),
            {"id": task_id, "crew": crew, "until": to_millis(until), "now": to_millis(now)},
        )
        return result.rowcount == 1

    async def hand_back(self, task_id: int, crew: str, note: str) -> bool:
        """Puts a task back into the pool, and counts that; False when it is not this crew's."""
        result = await self._connection.execute(
            text(
                "UPDATE posting_task SET crew = NULL, lease_until = NULL, note = :note,"
                " handed_back = handed_back + 1"
                " WHERE delivery_id = :id AND crew = :crew AND finished_at IS NULL"
            ),
            {"id": task_id, "crew": crew, "note": note},
        )
        return result.rowcount == 1

    async def keep_photo(
        self, digest: str, content_type: str, body: bytes, *, now: datetime
    ) -> None:
        """Keeps a photograph, once however often it comes."""
        await self._connection.execute(
            text(
                "INSERT INTO photo (digest, content_type, body, received_at)"
                " VALUES (:digest, :type, :body, :now) ON CONFLICT DO NOTHING"
            ),
            {"digest": digest, "type": content_type, "body": body, "now": to_millis(now)},
        )

    async def photo(self, digest: str) -> tuple[str, bytes] | None:
        """Content type and bytes of a photograph."""
        result = await self._connection.execute(
            text("SELECT content_type, body FROM photo WHERE digest = :digest"), {"digest": digest}
        )
        row = result.first()
        return None if row is None else (row.content_type, bytes(row.body))

    async def batch_of_poster(self, poster: int, campaign_id: int) -> int | None:
        """The batch in which that poster was laid on the desk."""
        found = await self._connection.scalar(
            text(
                "SELECT min(b.id) FROM batch b JOIN notice n ON n.id = b.notice_id"
                " WHERE n.id = :poster AND n.campaign_id = :campaign AND b.sent_at IS NOT NULL"
            ),
            {"poster": poster, "campaign": campaign_id},
        )
        return None if found is None else int(found)

    async def finish(
        self,
        task_id: int,
        crew: str,
        *,
        at: datetime,
        photo: str,
        latitude: float | None,
        longitude: float | None,
        note: str,
        batch_id: int | None = None,
    ) -> None:
        """The poster hangs there since ``at``, whatever was thought of it meanwhile.

        ``batch_id`` moves the delivery back to the batch of the poster that was really put up.
        """
        await self._connection.execute(
            text(
                "INSERT INTO posting_task (delivery_id, crew, finished_at, photo, latitude,"
                " longitude, note) VALUES (:id, :crew, :at, :photo, CAST(:lat AS FLOAT),"
                " CAST(:lon AS FLOAT), :note) ON CONFLICT (delivery_id) DO UPDATE"
                " SET crew = excluded.crew, lease_until = NULL, finished_at = excluded.finished_at,"
                " photo = excluded.photo, latitude = excluded.latitude,"
                " longitude = excluded.longitude, note = excluded.note"
            ),
            {
                "id": task_id,
                "crew": crew,
                "at": to_millis(at),
                "photo": photo,
                "lat": latitude,
                "lon": longitude,
                "note": note,
            },
        )
        await self._connection.execute(
            text(
                f"UPDATE delivery SET state = {int(_D.DELIVERED)}, code = 'posted',"
                " batch_id = coalesce(CAST(:batch AS BIGINT), batch_id) WHERE id = :id"
            ),
            {"id": task_id, "batch": batch_id},
        )

    async def undone(self, lead: Lead, *, now: datetime, margin: timedelta) -> list[Undone]:
        """Doors without a poster within ``margin`` of the time at which it must hang."""
        due = _due(lead)
        result = await self._connection.execute(
            text(
                f"SELECT b.plan_id, c.stage, count(*) AS doors, min({due}) AS due_at"
                " FROM notice n JOIN batch b ON b.notice_id = n.id"
                " JOIN campaign c ON c.id = n.campaign_id JOIN plan p ON p.id = n.plan_id"
                " JOIN delivery d ON d.batch_id = b.id"
                f" WHERE n.medium = '{Medium.POSTING.value}' AND n.expires_at > :now"
                f" AND b.state IN ({int(_B.SENT)}, {int(_B.CLOSED)}) AND {_WORTH_DOING}"
                f" AND {due} <= :edge GROUP BY b.plan_id, c.stage ORDER BY b.plan_id, c.stage"
            ),
            {"now": to_millis(now), "edge": to_millis(now + margin)},
        )
        return [
            Undone(
                plan_id=row.plan_id,
                stage=row.stage,
                doors=row.doors,
                due_at=from_millis(row.due_at),
            )
            for row in result
        ]

    async def noted_undone(self, kind: str) -> dict[tuple[int, str], tuple[int, bool]]:
        """What the list of exceptions says of a kind: doors, and whether it is still open."""
        result = await self._connection.execute(
            text("SELECT plan_id, subject, people, closed_at FROM exception WHERE kind = :kind"),
            {"kind": kind},
        )
        return {(row.plan_id, row.subject): (row.people, row.closed_at is None) for row in result}

    async def doors_left(
        self, plan_ids: Sequence[int], *, now: datetime
    ) -> dict[tuple[int, str], tuple[int, int]]:
        """By plan and stage, the doors without a poster that can still be done, and those for which it
        is too late."""
        parameters = {"ids": list(plan_ids), "now": to_millis(now)}
        result = await self._connection.execute(_DOORS_LEFT, parameters)
        return {(row.plan_id, row.stage): (row.doors, row.missed) for row in result}

    async def handed_out(self, campaign_id: int) -> datetime | None:
        """When the first poster of a campaign was laid on the desk."""
        millis = await self._connection.scalar(
            text(
                "SELECT min(b.sent_at) FROM batch b JOIN notice n ON n.id = b.notice_id"
                f" WHERE n.campaign_id = :campaign AND n.medium = '{Medium.POSTING.value}'"
            ),
            {"campaign": campaign_id},
        )
        return None if millis is None else from_millis(millis)


_DOORS_LEFT = with_lists(
    "SELECT b.plan_id, c.stage, count(CASE WHEN n.expires_at > :now THEN 1 END) AS doors,"
    " count(CASE WHEN n.expires_at <= :now THEN 1 END) AS missed"
    " FROM batch b JOIN notice n ON n.id = b.notice_id"
    " JOIN campaign c ON c.id = n.campaign_id JOIN delivery d ON d.batch_id = b.id"
    f" WHERE b.plan_id IN :ids AND n.medium = '{Medium.POSTING.value}' AND {_WORTH_DOING}"
    " GROUP BY b.plan_id, c.stage",
    "ids",
)


def _due(lead: Lead) -> str:
    """When the poster must hang: at the legal time where that was still ahead, else when it matters."""
    cases = " ".join(
        f"WHEN '{kind.value}' THEN {span // timedelta(milliseconds=1)}"
        for kind, span in sorted(lead.items())
    )
    span = f"CASE p.kind {cases} ELSE 0 END" if cases else "0"
    legal = f"(n.matters_at - {span})"
    return f"(CASE WHEN n.due_at < {legal} THEN {legal} ELSE n.matters_at END)"


def _at(condition: str) -> str:
    """Tasks at a door or board of an area ``x`` for which the condition holds."""
    return (
        f"((l.subject = {int(Subject.AREA)} AND l.subject_id IN"
        f"  (SELECT x.id FROM area x WHERE {condition}))"
        f" OR (l.subject = {int(Subject.BUILDING)} AND l.subject_id IN"
        "  (SELECT u.building_id FROM usage_point u JOIN area x ON x.id = u.area_id"
        f"   WHERE u.building_id IS NOT NULL AND {condition})))"
    )


def _select(lead: Lead) -> str:
    return (
        "SELECT d.id, d.state, n.plan_id, n.id AS poster, n.campaign_id, n.facts, n.expires_at,"
        f" {_due(lead)} AS due_at, c.stage, r.number AS revision, p.number AS plan_number,"
        " p.revision AS plan_revision, k.name AS place, bl.name AS building, bl.address,"
        " ar.name AS area, t.crew, t.lease_until, t.finished_at, t.photo, t.latitude, t.longitude,"
        " t.handed_back, t.note"
        " FROM notice n JOIN batch b ON b.notice_id = n.id JOIN delivery d ON d.batch_id = b.id"
        " JOIN campaign c ON c.id = n.campaign_id JOIN plan_revision r ON r.id = n.revision_id"
        " JOIN plan p ON p.id = n.plan_id JOIN contact k ON k.id = d.contact_id"
        " LEFT JOIN place_contact l ON l.contact_id = k.id"
        f" LEFT JOIN building bl ON l.subject = {int(Subject.BUILDING)} AND bl.id = l.subject_id"
        f" LEFT JOIN area ar ON l.subject = {int(Subject.AREA)} AND ar.id = l.subject_id"
        " LEFT JOIN posting_task t ON t.delivery_id = d.id"
    )


def _task(row: Any) -> PostingTask:
    return PostingTask(
        id=row.id,
        plan_id=row.plan_id,
        plan_number=row.plan_number,
        plan_revision=row.plan_revision,
        revision=row.revision,
        stage=Stage(row.stage),
        poster=row.poster,
        campaign_id=row.campaign_id,
        place=row.place,
        building=row.building or "",
        address=row.address or "",
        area=row.area or "",
        facts=orjson.loads(row.facts),
        due_at=from_millis(row.due_at),
        expires_at=from_millis(row.expires_at),
        delivery_state=DeliveryState(row.state),
        crew=row.crew,
        lease_until=None if row.lease_until is None else from_millis(row.lease_until),
        finished_at=None if row.finished_at is None else from_millis(row.finished_at),
        photo=row.photo,
        latitude=row.latitude,
        longitude=row.longitude,
        handed_back=row.handed_back or 0,
        note=row.note or "",
    )
