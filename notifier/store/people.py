"""The people of a plan, gathered into temporary tables: who is affected, and what each was told.

One row a contact however many meters it has; the gravest group and the gravest trait win.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from notifier.channel import Medium
from notifier.domain.cell import NOTHING
from notifier.domain.customer import REACH_BY_MEDIUM, Subject
from notifier.domain.delivery import NEVER_ANSWERED, TOLD, BatchState, DeliveryState
from notifier.store import traits
from notifier.store.engine import Bulk

_TOLD_STATES = ", ".join(str(int(state)) for state in TOLD)

_AFFECTED = """
    SELECT c.contact_id, p.group_number, u.criticality, u.need,
           CASE WHEN b.is_high_rise THEN 1 ELSE 0 END AS high_rise, c.role
    FROM impact_point p
    JOIN usage_point u ON u.id = p.usage_point_id
    JOIN point_contact c ON c.usage_point_id = p.usage_point_id
    LEFT JOIN building b ON b.id = u.building_id
    WHERE p.points_id = :points
"""
_BUILDINGS = f"""
    SELECT c.contact_id, i.group_number, 0, i.need,
           CASE WHEN b.is_high_rise THEN 1 ELSE 0 END, c.role
    FROM (SELECT u.building_id, min(p.group_number) AS group_number, max(u.need) AS need
          FROM impact_point p JOIN usage_point u ON u.id = p.usage_point_id
          WHERE p.points_id = :points AND u.building_id IS NOT NULL
          GROUP BY u.building_id) i
    JOIN building b ON b.id = i.building_id
    JOIN place_contact c ON c.subject = {int(Subject.BUILDING)} AND c.subject_id = i.building_id
"""
_AREAS = f"""
    SELECT c.contact_id, i.group_number, 0, 0, 0, c.role
    FROM impact_area i
    JOIN place_contact c ON c.subject = {int(Subject.AREA)} AND c.subject_id = i.area_id
    WHERE i.points_id = :points
"""


async def gather(bulk: Bulk, plan_id: int, points_id: int | None) -> dict[int, traits.Said]:
    """Fills TEMP tables ``told`` and ``person``; answers what was told by number.

    ``person``: contact_id, told_at (milliseconds or NULL), traits (``traits.packed_sql``).
    People who were told and are no longer affected are in it with group 0.
    """
    said = await _gather_told(bulk, plan_id)
    connection = bulk.connection
    await connection.execute(text("DROP TABLE IF EXISTS affected"))
    await connection.execute(
        text(
            "CREATE TEMP TABLE affected (contact_id BIGINT PRIMARY KEY, group_number INTEGER,"
            " criticality INTEGER, need INTEGER, high_rise INTEGER, role INTEGER)"
        )
    )
    if points_id is not None:
        await connection.execute(
            text(f"INSERT INTO affected {AFFECTED.format(columns='contact_id')}"),
            {"points": points_id},
        )
    if said:
        await connection.execute(
            text(NO_LONGER_AFFECTED.format(table="affected", group="0", more=""))
        )
    await create_person(bulk)
    await connection.execute(
        text(
            f"INSERT INTO person SELECT a.contact_id, t.told_at, {traits.packed_sql(PACKED)}"
            f" FROM affected a JOIN contact c ON c.id = a.contact_id"
            " LEFT JOIN told t ON t.contact_id = a.contact_id ORDER BY a.contact_id"
        )
    )
    return said


async def create_person(bulk: Bulk) -> None:
    """An empty ``person``."""
    await bulk.connection.execute(text("DROP TABLE IF EXISTS person"))
    await bulk.connection.execute(
        text(
            "CREATE TEMP TABLE person"
            " (contact_id BIGINT PRIMARY KEY, told_at BIGINT, traits BIGINT)"
        )
    )


#: Traits out of ``affected a``, ``contact c`` and ``told t``.
PACKED: Mapping[str, str] = {
    "speaker": "0",
    "doubt": f"CASE WHEN t.heard = 0 THEN {traits.VAIN}"
    f" WHEN t.unsure = 1 THEN {traits.UNSURE} ELSE 0 END",
    "group_number": "a.group_number",
    "told_number": "coalesce(t.told_number, 0)",
    "paper_number": "coalesce(t.paper_number, 0)",
    "told_media": "coalesce(t.media, 0)",
    "role": "a.role",
    "criticality": "a.criticality",
    "high_rise": "a.high_rise",
    "need": "a.need",
    "locale": traits.locale_sql("c.locale"),
    "reach": "(c.reach & ~c.opted_out)",
}

#: Everybody whom frozen points touch; ``columns`` are the contact and what is to stand beside it.
AFFECTED = f"""
    SELECT {{columns}}, min(group_number), max(criticality), max(need), max(high_rise), max(role)
    FROM ({_AFFECTED} UNION ALL {_BUILDINGS} UNION ALL {_AREAS}) AS every_link
    GROUP BY contact_id ORDER BY contact_id
"""


async def count(bulk: Bulk) -> dict[int, int]:
    """How many people share each traits."""
    result = await bulk.connection.execute(
        text("SELECT traits, count(*) AS people FROM person GROUP BY traits ORDER BY traits")
    )
    return {row.traits: row.people for row in result}


#: Into ``table``: whoever heard something and is not in it; ``group`` and ``more`` stand for its numbers
#: of groups and what comes behind the role.
NO_LONGER_AFFECTED = """
    INSERT INTO {table}
    SELECT contact_id, {group}, max(criticality), max(need), max(high_rise), max(role){more} FROM (
        SELECT t.contact_id, coalesce(u.criticality, 0) AS criticality, coalesce(u.need, 0) AS need,
               CASE WHEN b.is_high_rise THEN 1 ELSE 0 END AS high_rise,
               coalesce(pc.role, plc.role, 0) AS role
        FROM told t
        LEFT JOIN {table} a ON a.contact_id = t.contact_id
        LEFT JOIN point_contact pc ON pc.contact_id = t.contact_id
        LEFT JOIN place_contact plc ON plc.contact_id = t.contact_id
        LEFT JOIN usage_point u ON u.id = pc.usage_point_id
        LEFT JOIN building b ON b.id = u.building_id
        WHERE a.contact_id IS NULL AND t.heard = 1
    ) AS gone GROUP BY contact_id
"""


async def _gather_told(bulk: Bulk, plan_id: int) -> dict[int, traits.Said]:
    """``told`` from the words of one plan."""
    keys = await keys_told(bulk, [plan_id])
    if not keys:
        await create_told(bulk)
        return {}
    await tell(
        bulk,
        WORDS.format(numbers=numbers_sql(keys), plans=plan_id, more="0 AS place"),
    )
    said = {number: traits.Said(key) for number, key in keys.items()}
    return said | await tell_denied_apart(bulk, plan_id, said)


async def keys_told(bulk: Bulk, plan_ids: Sequence[int]) -> dict[int, str]:
    """The facts of every notice of these plans that left, or was tried, by number."""
    result = await bulk.connection.execute(
        text(
            "SELECT DISTINCT n.facts_key FROM notice n"
            f" WHERE n.plan_id IN ({', '.join(map(str, plan_ids))}) AND EXISTS"
            "  (SELECT 1 FROM batch b WHERE b.notice_id = n.id AND b.state NOT IN"
            f"   ({int(BatchState.SCHEDULED)}, {int(BatchState.WITHDRAWN)}))"
        )
    )
    return dict(enumerate(sorted(row[0] for row in result), start=1))


def numbers_sql(keys: Mapping[int, str]) -> str:
    """The number of a notice's facts."""
    cases = " ".join(f"WHEN '{key}' THEN {number}" for number, key in keys.items())
    return f"CASE n.facts_key {cases} ELSE 0 END"


async def create_told(bulk: Bulk) -> None:
    """An empty ``told``."""
    await bulk.connection.execute(text("DROP TABLE IF EXISTS told"))
    await bulk.connection.execute(
        text(
            "CREATE TEMP TABLE told (contact_id BIGINT PRIMARY KEY, told_number INTEGER,"
            " media INTEGER, told_at BIGINT, heard INTEGER, paper_number INTEGER,"
            " unsure INTEGER, denied BIGINT, place INTEGER)"
        )
    )


async def tell(bulk: Bulk, words: str) -> None:
    """``told`` from these words (a query as ``WORDS``): the last facts each contact was told and every
    medium that told anything; for those whom nothing reached (``heard`` 0) the last facts that were
    tried; ``paper_number``: the facts on their door where those are others. ``unsure``: nobody answered
    for the last message; ``denied``: the last revision (by id) of which they heard that it does not
    concern them, 0 for none; ``place``: whose the last word is.

    A poster counts once its photograph is there. A message that nobody confirmed counts too: whoever
    may have read it hears when it is no longer true.
    """
    await create_told(bulk)
    await bulk.connection.execute(text(_TOLD.format(words=words)))
    await bulk.connection.execute(text(_PAPER.format(words=words)))


async def tell_denied_apart(
    bulk: Bulk, plan_id: int, said: Mapping[int, traits.Said]
) -> dict[int, traits.Said]:
    """Numbers of their own for what was told after a revision took people out; there are few.

    A revision of another plan, which spoke for this one, is named by its id, below 0.
    """
    if NOTHING not in {item.key for item in said.values()}:
        return {}
    result = await bulk.connection.execute(
        text(
            "SELECT DISTINCT t.told_number, t.denied,"
            " CASE WHEN r.plan_id = :plan THEN r.number ELSE -r.id END AS number"
            " FROM told t JOIN plan_revision r ON r.id = t.denied ORDER BY 1, 3"
        ),
        {"plan": plan_id},
    )
    apart: dict[int, traits.Said] = {}
    for number, row in enumerate(result.all(), start=len(said) + 1):
        apart[number] = traits.Said(said[row.told_number].key, row.number)
        await bulk.connection.execute(
            text(
                "UPDATE told SET told_number = :number"
                " WHERE told_number = :was AND denied = :denied"
            ),
            {"number": number, "was": row.told_number, "denied": row.denied},
        )
    return apart


_MEDIA = " + ".join(
    f"max(CASE WHEN heard = 1 AND medium = '{medium.value}'"
    f" THEN {int(REACH_BY_MEDIUM[medium])} ELSE 0 END)"
    for medium in Medium
)
_TOLD = f"""
    INSERT INTO told SELECT contact_id, max(CASE WHEN turn = 1 THEN told_number ELSE 0 END), {_MEDIA},
        max(CASE WHEN heard = 1 THEN sent_at END), max(heard), 0,
        max(CASE WHEN turn = 1 THEN unsure ELSE 0 END), max(denied),
        sum(CASE WHEN turn = 1 THEN place ELSE 0 END)
    FROM (SELECT word.*, row_number() OVER
            (PARTITION BY contact_id ORDER BY heard DESC, at DESC, id DESC) AS turn
          FROM ({{words}}) AS word) AS ordered
    GROUP BY contact_id ORDER BY contact_id
"""

#: What hangs, where the last message says something else: paper does not change by itself.
_PAPER = f"""
    UPDATE told SET paper_number = hangs.told_number
    FROM (SELECT contact_id, told_number, row_number() OVER
            (PARTITION BY contact_id ORDER BY sent_at DESC, id DESC) AS turn
          FROM ({{words}}) AS word
          WHERE medium = '{Medium.POSTING.value}' AND heard = 1) AS hangs
    WHERE hangs.contact_id = told.contact_id AND hangs.turn = 1
      AND hangs.told_number <> told.told_number
"""


#: Every message that reached somebody (``heard`` 1) or was tried in vain (0). Of those that were told the
#: last one sent counts, of vain tries the one decided on last: some were never sent. ``more``: ``place``,
#: a number for the plan that spoke, and whatever else is to stand beside it.
WORDS = f"""
    SELECT d.id, d.contact_id, n.medium, b.sent_at, {{numbers}} AS told_number,
           CASE WHEN d.state IN ({_TOLD_STATES}) AND b.sent_at IS NOT NULL
                THEN 1 ELSE 0 END AS heard,
           CASE WHEN d.state IN ({_TOLD_STATES}) THEN coalesce(b.sent_at, 0) ELSE n.id END AS at,
           CASE WHEN d.state = {int(DeliveryState.UNCONFIRMED)}
                AND (n.confirm OR d.code = '{NEVER_ANSWERED}') THEN 1 ELSE 0 END AS unsure,
           CASE WHEN n.facts_key = '{NOTHING}' AND b.sent_at IS NOT NULL
                AND d.state IN ({_TOLD_STATES}) THEN n.revision_id ELSE 0 END AS denied,
           {{more}}
    FROM batch b JOIN notice n ON n.id = b.notice_id JOIN delivery d ON d.batch_id = b.id
    WHERE b.plan_id IN ({{plans}})
      AND d.state IN ({_TOLD_STATES}, {int(DeliveryState.FAILED)}, {int(DeliveryState.DROPPED)})
      AND (n.medium <> '{Medium.POSTING.value}' OR d.state = {int(DeliveryState.DELIVERED)})
"""


async def fingerprint_rows(bulk: Bulk, after: int, limit: int) -> list[tuple[Any, ...]]:
    """People in order of contact id, for hashing the recipient set."""
    result = await bulk.connection.execute(
        text(
            "SELECT contact_id, traits FROM person WHERE contact_id > :after"
            " ORDER BY contact_id LIMIT :limit"
        ),
        {"after": after, "limit": limit},
    )
    return [tuple(row) for row in result]
