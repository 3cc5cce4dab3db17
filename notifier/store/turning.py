"""Turns what is unsent to a new wish, in one transaction, so that nothing stale is left to be sent.

Campaigns and notices are written, unsent batches are given the new content or withdrawn. Recipients are
not touched: a million scheduled messages are turned by updating a few thousand batches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.channel import Medium
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.facts_json import facts_as_dict
from notifier.domain.wanted import Wanted
from notifier.store.columns import to_millis

_B = BatchState
_D = DeliveryState


@dataclass(frozen=True, slots=True)
class Placed:
    """A wanted notice with its rows: its own, its campaign's, and that of the rung before it."""

    wanted: Wanted
    notice_id: int
    campaign_id: int
    after_campaign_id: int | None


async def turn(
    connection: AsyncConnection,
    plan_id: int,
    revision_id: int,
    wanted: Sequence[Wanted],
    now: datetime,
) -> tuple[list[Placed], int, int]:
    """The wanted notices with their rows, how many batches got new content, how many were withdrawn."""
    campaigns = await _campaigns(connection, plan_id, wanted)
    placed, moved = await _notices(connection, plan_id, revision_id, wanted, campaigns, now)
    await connection.execute(text("DROP TABLE IF EXISTS wanted_notice"))
    await connection.execute(
        text(
            "CREATE TEMP TABLE wanted_notice (id BIGINT PRIMARY KEY, campaign_id BIGINT, cell TEXT,"
            " medium TEXT, facts_key TEXT, due_at BIGINT, expires_at BIGINT, is_moved INTEGER)"
        )
    )
    if placed:
        await connection.execute(
            text(
                "INSERT INTO wanted_notice VALUES"
                " (:id, :campaign, :cell, :medium, :facts_key, :due, :expires, :moved)"
            ),
            [
                {
                    "id": item.notice_id,
                    "campaign": item.campaign_id,
                    "cell": item.wanted.cell,
                    "medium": item.wanted.notice.medium.value,
                    "facts_key": item.wanted.facts_key,
                    "due": to_millis(item.wanted.notice.due_at),
                    "expires": to_millis(item.wanted.notice.expires_at),
                    "moved": int(item.notice_id in moved),
                }
                for item in placed
            ],
        )
    repointed = await connection.execute(
        text(
            "UPDATE batch SET notice_id = w.id, due_at = w.due_at, expires_at = w.expires_at"
            " FROM notice n, wanted_notice w"
            f" WHERE batch.plan_id = :plan AND batch.state = {int(_B.SCHEDULED)}"
            " AND n.id = batch.notice_id AND w.campaign_id = n.campaign_id AND w.cell = n.cell"
            " AND w.medium = n.medium AND (w.id <> n.id OR w.is_moved = 1)"
        ),
        {"plan": plan_id},
    )
    withdrawn = await connection.execute(
        text(
            f"UPDATE batch SET state = {int(_B.WITHDRAWN)}, reason = 'no_longer_wanted'"
            f" WHERE plan_id = :plan AND state = {int(_B.SCHEDULED)}"
            " AND notice_id NOT IN (SELECT id FROM wanted_notice)"
        ),
        {"plan": plan_id},
    )
    await connection.execute(
        # A poster that hangs nowhere yet and says what no longer holds is not put up.
        text(
            f"UPDATE delivery SET state = {int(_D.WITHDRAWN)}, code = 'no_longer_wanted'"
            f" WHERE state = {int(_D.ACCEPTED)} AND batch_id IN ("
            "  SELECT b.id FROM batch b JOIN notice n ON n.id = b.notice_id"
            f"  WHERE b.plan_id = :plan AND n.medium = '{Medium.POSTING.value}'"
            "   AND NOT EXISTS (SELECT 1 FROM wanted_notice w"
            "    WHERE w.campaign_id = n.campaign_id AND w.facts_key = n.facts_key))"
        ),
        {"plan": plan_id},
    )
    await connection.execute(text("DROP TABLE wanted_notice"))
    return placed, repointed.rowcount, withdrawn.rowcount


async def _campaigns(
    connection: AsyncConnection, plan_id: int, wanted: Sequence[Wanted]
) -> dict[tuple[str, str, int], int]:
    keys = sorted(
        {
            (stage, occasion, below)
            for stage, occasion, rung in map(_campaign_key, wanted)
            for below in range(rung + 1)
        }
    )
    if keys:
        await connection.execute(
            text(
                "INSERT INTO campaign (plan_id, stage, occasion, rung)"
                " VALUES (:plan, :stage, :occasion, :rung) ON CONFLICT DO NOTHING"
            ),
            [{"plan": plan_id, "stage": s, "occasion": o, "rung": r} for s, o, r in keys],
        )
    result = await connection.execute(
        text("SELECT id, stage, occasion, rung FROM campaign WHERE plan_id = :plan"),
        {"plan": plan_id},
    )
    return {(row.stage, row.occasion, row.rung): row.id for row in result}


def _campaign_key(item: Wanted) -> tuple[str, str, int]:
    return item.notice.stage.value, item.notice.occasion, item.notice.rung


async def _notices(
    connection: AsyncConnection,
    plan_id: int,
    revision_id: int,
    wanted: Sequence[Wanted],
    campaigns: Mapping[tuple[str, str, int], int],
    now: datetime,
) -> tuple[list[Placed], set[int]]:
    """The wanted notices with their rows, and the rows that were there and got other terms."""
    rows = []
    for item in wanted:
        notice = item.notice
        rows.append(
            {
                "plan": plan_id,
                "revision": revision_id,
                "campaign": campaigns[_campaign_key(item)],
                "cell": item.cell,
                "medium": notice.medium.value,
                "template": notice.template,
                "facts_key": item.facts_key,
                "facts": orjson.dumps(
                    facts_as_dict(notice.facts), option=orjson.OPT_SORT_KEYS
                ).decode(),
                "confirm": notice.confirm,
                "due": to_millis(notice.due_at),
                "expires": to_millis(notice.expires_at),
                "matters": to_millis(notice.matters_at),
                "give_up": None if notice.give_up_at is None else to_millis(notice.give_up_at),
                "ignores": notice.ignores_quiet_hours,
                "now": to_millis(now),
            }
        )
    if rows:
        await connection.execute(
            text(
                "INSERT INTO notice (plan_id, revision_id, campaign_id, cell, medium, template,"
                " facts_key, facts, confirm, due_at, expires_at, matters_at, give_up_at,"
                " ignores_quiet_hours,"
                " created_at) VALUES (:plan, :revision, :campaign, :cell, :medium, :template,"
                " :facts_key, :facts, :confirm, :due, :expires, :matters, CAST(:give_up AS BIGINT),"
                " :ignores, :now)"
                " ON CONFLICT (revision_id, campaign_id, cell, medium) DO NOTHING"
            ),
            rows,
        )
    result = await connection.execute(
        text(f"SELECT id, campaign_id, cell, medium, {_TERMS} FROM notice WHERE revision_id = :id"),
        {"id": revision_id},
    )
    found = {(row.campaign_id, row.cell, row.medium): row for row in result}
    moved = await _move(connection, found, rows, now)
    spoken_for = [
        {"plan": other, "notice": found[campaigns[_campaign_key(item)], item.cell, medium].id}
        for item in wanted
        for other in item.speaks_for
        for medium in (item.notice.medium.value,)
    ]
    if spoken_for:
        await connection.execute(
            text("INSERT INTO spoken_for VALUES (:plan, :notice) ON CONFLICT DO NOTHING"),
            spoken_for,
        )
    placed = []
    for item in wanted:
        stage, occasion, rung = _campaign_key(item)
        campaign_id = campaigns[stage, occasion, rung]
        placed.append(
            Placed(
                item,
                found[campaign_id, item.cell, item.notice.medium.value].id,
                campaign_id,
                campaigns[stage, occasion, rung - 1] if rung else None,
            )
        )
    return placed, moved


#: What a policy decides of a notice, as columns; its words are those of the revision.
_TERMS = "due_at, expires_at, matters_at, give_up_at, confirm, ignores_quiet_hours"


async def _move(
    connection: AsyncConnection,
    found: Mapping[tuple[int, str, str], Any],
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> set[int]:
    """Gives notices that are still to come the terms that are wanted now.

    One that was due stays as it was laid out: part of it may have left, and what was told is not
    written anew. It is also how one that is due at once keeps its time when it is looked at again.
    """
    changed = []
    for row in rows:
        present = found[row["campaign"], row["cell"], row["medium"]]
        terms = (
            row["due"],
            row["expires"],
            row["matters"],
            row["give_up"],
            row["confirm"],
            row["ignores"],
        )
        was = (
            present.due_at,
            present.expires_at,
            present.matters_at,
            present.give_up_at,
            bool(present.confirm),
            bool(present.ignores_quiet_hours),
        )
        if present.due_at > to_millis(now) and was != terms:
            changed.append({**row, "id": present.id})
    if changed:
        await connection.execute(
            text(
                "UPDATE notice SET due_at = :due, expires_at = :expires, matters_at = :matters,"
                " give_up_at = CAST(:give_up AS BIGINT), confirm = :confirm,"
                " ignores_quiet_hours = :ignores WHERE id = :id"
            ),
            changed,
        )
    return {int(row["id"]) for row in changed}
