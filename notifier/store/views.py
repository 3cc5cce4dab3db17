"""What pages and metrics ask for: portions and counts, nothing personal but sealed numbers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.plan import PlanKind, PlanState
from notifier.store import schema
from notifier.store.columns import from_millis, to_millis
from notifier.store.engine import with_lists
from notifier.store.reports import REASON_SQL, STATE_SQL, state_word

_B = BatchState


async def progress(
    connection: AsyncConnection, plan_ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """For each plan the number of deliveries by stage, medium, state (as a word) and reason."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if plan_ids:
        for row in await connection.execute(_PROGRESS, {"ids": list(plan_ids)}):
            found[row.plan_id].append(_counted(row))
    return found


def _counted(row: Any) -> dict[str, Any]:
    return {
        "stage": row.stage,
        "medium": row.medium,
        "state": state_word(row.state),
        "reason": row.reason,
        "deliveries": int(row.deliveries),
    }


#: Counted by batch first: the rows of a batch lie together, and there are few batches.
_PROGRESS = with_lists(
    "SELECT plan_id, stage, medium, state, reason, sum(deliveries) AS deliveries FROM ("
    f" SELECT b.plan_id, c.stage, n.medium, {STATE_SQL} AS state, {REASON_SQL} AS reason, d.deliveries"
    " FROM (SELECT batch_id, state, code, count(*) AS deliveries FROM delivery"
    "  WHERE batch_id IN (SELECT id FROM batch WHERE batch.plan_id IN :ids)"
    "  GROUP BY batch_id, state, code) d"
    " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
    " JOIN campaign c ON c.id = n.campaign_id"
    ") AS counted GROUP BY plan_id, stage, medium, state, reason"
    " ORDER BY plan_id, stage, medium, state, reason",
    "ids",
)


async def plans_page(
    connection: AsyncConnection,
    *,
    states: Sequence[PlanState] = (),
    kinds: Sequence[PlanKind] = (),
    ending_after: datetime | None = None,
    starting_before: datetime | None = None,
    contains: str = "",
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[tuple[int, tuple[int, int]]]:
    """Plan ids in the order of their first window, each with the place to go on from.

    Plans without a window stand last.
    """
    plan = schema.plan
    last = (1 << 62) - 1
    where, parameters = ["1 = 1"], {"limit": limit, "last": last}
    lists = []
    for name, values in (("state", states), ("kind", kinds)):
        if values:
            where.append(f"p.{name} IN :{name}s")
            parameters[f"{name}s"] = [value.value for value in values]  # type: ignore[assignment]
            lists.append(f"{name}s")
    if ending_after is not None:
        where.append("(p.ends_at > :ending OR p.ends_at IS NULL)")
        parameters["ending"] = to_millis(ending_after)
    if starting_before is not None:
        where.append("p.starts_at < :starting")
        parameters["starting"] = to_millis(starting_before)
    if contains:
        position = "strpos" if connection.dialect.name == "postgresql" else "instr"
        where.append(f"({position}(p.number, :q) > 0 OR {position}(p.department, :q) > 0)")
        parameters["q"] = contains  # type: ignore[assignment]
    if after is not None:
        where.append(
            "(coalesce(p.starts_at, :last) > :after_at"
            " OR (coalesce(p.starts_at, :last) = :after_at AND p.id > :after_id))"
        )
        parameters |= {"after_at": after[0], "after_id": after[1]}
    statement = with_lists(
        f"SELECT p.id, coalesce(p.starts_at, :last) AS place FROM {plan.name} p"
        f" WHERE {' AND '.join(where)} ORDER BY coalesce(p.starts_at, :last), p.id LIMIT :limit",
        *lists,
    )
    result = await connection.execute(statement, parameters)
    return [(row.id, (row.place, row.id)) for row in result]


async def deliveries(
    connection: AsyncConnection,
    plan_id: int,
    *,
    medium: str = "",
    state: DeliveryState | None = None,
    stage: str = "",
    after_id: int = 0,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """The deliveries of a plan by id. ``phone_sealed`` is for masking, never for showing."""
    where = ["b.plan_id = :plan", "d.id > :after"]
    parameters: dict[str, Any] = {"plan": plan_id, "after": after_id, "limit": limit}
    if medium:
        where.append("n.medium = :medium")
        parameters["medium"] = medium
    if stage:
        where.append("c.stage = :stage")
        parameters["stage"] = stage
    if state is not None:
        where.append(f"{STATE_SQL} = :state")
        parameters["state"] = int(state)
    result = await connection.execute(
        text(
            f"SELECT d.id, {STATE_SQL} AS state, {REASON_SQL} AS reason, d.reference, n.medium, c.stage,"
            " c.occasion, c.rung, r.number AS revision, b.channel, b.due_at, b.sent_at,"
            " k.kind AS contact_kind, k.name, k.phone_sealed, k.openid, k.push_token,"
            " (SELECT max(e.received_at) FROM receipt e WHERE e.delivery_id = d.id) AS receipt_at"
            " FROM batch b JOIN notice n ON n.id = b.notice_id"
            " JOIN campaign c ON c.id = n.campaign_id JOIN plan_revision r ON r.id = n.revision_id"
            " JOIN delivery d ON d.batch_id = b.id JOIN contact k ON k.id = d.contact_id"
            f" WHERE {' AND '.join(where)} ORDER BY d.id LIMIT :limit"
        ),
        parameters,
    )
    return [
        {
            **dict(row._mapping),
            "state": state_word(row.state),
            "due_at": _time(row.due_at),
            "sent_at": _time(row.sent_at),
            "receipt_at": _time(row.receipt_at),
        }
        for row in result
    ]


async def notices(connection: AsyncConnection, plan_id: int) -> list[dict[str, Any]]:
    """Every notice of a plan with its facts and how many deliveries it has; newest revision first."""
    result = await connection.execute(
        text(
            "SELECT n.id, r.number AS revision, c.stage, c.occasion, c.rung, n.medium, n.template,"
            " n.facts, n.due_at, n.expires_at, n.matters_at, n.give_up_at, n.confirm,"
            " (SELECT coalesce(sum(b.size), 0) FROM batch b WHERE b.notice_id = n.id"
            f"   AND b.state <> {int(_B.WITHDRAWN)}) AS deliveries"
            " FROM notice n JOIN campaign c ON c.id = n.campaign_id"
            " JOIN plan_revision r ON r.id = n.revision_id WHERE n.plan_id = :plan"
            " ORDER BY r.number DESC, n.due_at, n.id"
        ),
        {"plan": plan_id},
    )
    return [
        {
            **dict(row._mapping),
            "facts": orjson.loads(row.facts),
            "confirm": bool(row.confirm),
            "due_at": _time(row.due_at),
            "expires_at": _time(row.expires_at),
            "matters_at": _time(row.matters_at),
            "give_up_at": _time(row.give_up_at),
        }
        for row in result
    ]


async def decisions(connection: AsyncConnection, plan_id: int) -> list[dict[str, Any]]:
    """Every decision taken about a plan, oldest first, with the revision it was about."""
    decision, revision = schema.decision, schema.plan_revision
    result = await connection.execute(
        select(decision, revision.c.number.label("revision"))
        .join(revision, revision.c.id == decision.c.revision_id)
        .where(decision.c.plan_id == plan_id)
        .order_by(decision.c.id)
    )
    return [dict(row._mapping) for row in result]


async def timeline(
    connection: AsyncConnection, plan_id: int, number: str, *, limit: int = 400
) -> list[dict[str, Any]]:
    """What happened about a plan, oldest first: acts of people, attempts, receipts by the hour."""
    events = [
        {"at": _time(row.at), "kind": "act", "what": row.action, "who": row.actor,
         "detail": orjson.loads(row.detail)}
        for row in await connection.execute(
            text("SELECT at, action, actor, detail FROM audit WHERE subject = :subject ORDER BY id"),
            {"subject": number},
        )
    ]  # fmt: skip
    result = await connection.execute(
        text(
            "SELECT a.started_at / 60000 AS minute, c.stage, n.medium, a.channel,"
            " count(*) AS attempts, sum(b.size) AS messages"
            " FROM batch b JOIN attempt a ON a.batch_id = b.id JOIN notice n ON n.id = b.notice_id"
            " JOIN campaign c ON c.id = n.campaign_id WHERE b.plan_id = :plan"
            " GROUP BY 1, c.stage, n.medium, a.channel ORDER BY 1 LIMIT :limit"
        ),
        {"plan": plan_id, "limit": limit},
    )
    for row in result:
        detail = {"stage": row.stage, "medium": row.medium, "channel": row.channel,
                  "batches": row.attempts, "messages": int(row.messages)}  # fmt: skip
        events.append(
            {"at": from_millis(row.minute * 60_000), "kind": "attempt", "what": "attempt",
             "who": "service", "detail": detail}
        )  # fmt: skip
    result = await connection.execute(
        text(
            "SELECT e.received_at / 3600000 AS hour, e.status, n.medium, count(*) AS receipts"
            " FROM batch b JOIN notice n ON n.id = b.notice_id JOIN delivery d ON d.batch_id = b.id"
            " JOIN receipt e ON e.delivery_id = d.id WHERE b.plan_id = :plan"
            " GROUP BY 1, e.status, n.medium ORDER BY 1 LIMIT :limit"
        ),
        {"plan": plan_id, "limit": limit},
    )
    words = {1: "delivered", 2: "failed", 3: "unknown"}
    for row in result:
        detail = {"medium": row.medium, "status": words[row.status], "receipts": row.receipts}
        events.append(
            {"at": from_millis(row.hour * 3_600_000), "kind": "receipt", "what": "receipt",
             "who": "provider", "detail": detail}
        )  # fmt: skip
    return sorted(events, key=lambda event: event["at"])


async def gauges(connection: AsyncConnection, now: datetime) -> Mapping[str, Any]:
    """Backlogs for the metrics: each from an index, none from the big tables as a whole."""
    at = {"now": to_millis(now)}
    due = await connection.execute(
        text(
            "SELECT channel, count(*) AS batches, min(due_at) AS oldest FROM batch"
            f" WHERE state = {int(_B.SCHEDULED)} AND due_at <= :now GROUP BY channel"
        ),
        at,
    )
    backlog = {row.channel: (row.batches, now - from_millis(row.oldest)) for row in due}
    row = (
        await connection.execute(
            text(
                "SELECT (SELECT count(*) FROM plan WHERE reconcile_at IS NOT NULL"
                "  AND reconcile_at <= :now) AS reconcile,"
                " (SELECT count(*) FROM exception WHERE closed_at IS NULL) AS exceptions,"
                f" (SELECT count(*) FROM batch WHERE state = {int(_B.UNCERTAIN)}) AS uncertain"
            ),
            at,
        )
    ).one()
    return {
        "backlog": backlog,
        "reconcile": row.reconcile,
        "exceptions": row.exceptions,
        "uncertain": row.uncertain,
    }


def _time(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
