"""The people of a plan that shares its outage with others: who is in which of them, and who told each.

Filled into the same temporary tables that ``people`` fills for a plan of its own, in two steps: first the
ways in which people stand to the plans, of which there are a handful; then, once it is decided who
speaks in each of them, the people of the plan that is looked at.
"""

from collections.abc import Mapping

from sqlalchemy import text

from notifier.domain.cell import NOTHING
from notifier.domain.joint import Cast, Joint, Shared
from notifier.store import people, traits
from notifier.store.engine import Bulk

#: The place of a plan that shares the outage no more: what it said last is its own to put right.
_ELSEWHERE = -1
#: Nobody told these people anything.
_NOBODY = -2


async def gather(bulk: Bulk, joint: Joint) -> tuple[dict[int, traits.Said], list[Shared]]:
    """Fills TEMP tables ``spoken_word``, ``told`` and ``sharing``; answers what was told by number, and
    every way in which somebody stands to the plans."""
    said = await _gather_words(bulk, joint)
    await _tell(bulk, "SELECT * FROM spoken_word", said)
    await _gather_sharing(bulk, joint)
    columns = [f"g{place}" for place in range(len(joint.members))]
    result = await bulk.connection.execute(
        text(f"SELECT DISTINCT {', '.join(columns)}, owner, concerns FROM sharing ORDER BY 1")
    )
    places = range(len(columns))
    ways = [
        Shared(
            numbers=tuple(row[: len(columns)]),
            owner=None if row.owner < 0 else int(row.owner),
            heard_of=frozenset(place for place in places if row.concerns >> place & 1),
        )
        for row in result.all()
    ]
    return said, ways


async def settle(
    bulk: Bulk, joint: Joint, cast: Cast, said: Mapping[int, traits.Said]
) -> dict[int, traits.Said]:
    """Fills the TEMP table ``person`` of the plan in place ``joint.mine`` as ``people.gather`` does;
    answers what was told by number, of which ``said`` is known already."""
    connection = bulk.connection
    columns = [f"g{place}" for place in range(len(joint.members))]
    await connection.execute(text("DROP TABLE IF EXISTS part"))
    await connection.execute(
        text(
            f"CREATE TEMP TABLE part ({', '.join(f'{name} INTEGER' for name in columns)},"
            " owner INTEGER, concerns INTEGER, speaker INTEGER, group_number INTEGER,"
            " concerned INTEGER)"
        )
    )
    rows = [
        {
            **dict(zip(columns, shared.numbers, strict=True)),
            "owner": _NOBODY if shared.owner is None else shared.owner,
            "concerns": sum(1 << place for place in shared.heard_of),
            "speaker": part.speaker,
            "number": part.number,
            "concerned": sum(1 << place for place in part.concerned),
        }
        for shared, part in cast.parts.items()
    ]
    if rows:
        names = ", ".join(f":{name}" for name in columns)
        await connection.execute(
            text(
                f"INSERT INTO part VALUES ({names}, :owner, :concerns, :speaker, :number, :concerned)"
            ),
            rows,
        )
    alike = " AND ".join(f"p.{name} = s.{name}" for name in (*columns, "owner", "concerns"))
    everybody = (1 << len(joint.members)) - 1
    if any(row["concerned"] != everybody for row in rows):
        # Somewhere plans speak for themselves: what others say is not put right by them.
        of_part = f"sharing s JOIN part p ON {alike}"
        await _tell(
            bulk,
            f"SELECT w.* FROM spoken_word w JOIN ({of_part}) ON s.contact_id = w.contact_id"
            " WHERE w.concerns & p.concerned <> 0",
            said,
        )
        await connection.execute(
            text(
                f"DELETE FROM told WHERE place <> {_ELSEWHERE} AND EXISTS (SELECT 1 FROM {of_part}"
                " WHERE s.contact_id = told.contact_id AND p.concerned & (1 << told.place) = 0)"
            )
        )
    mine = joint.members[joint.mine].plan_id
    said = {**said, **await people.tell_denied_apart(bulk, mine, said)}
    await people.create_person(bulk)
    packed = {
        **people.PACKED,
        "speaker": f"CASE p.speaker WHEN {joint.mine} THEN 0 ELSE p.speaker + 1 END",
        "group_number": "p.group_number",
    }
    await connection.execute(
        text(
            f"INSERT INTO person SELECT a.contact_id, t.told_at, {traits.packed_sql(packed)}"
            " FROM sharing a JOIN contact c ON c.id = a.contact_id"
            f" JOIN part p ON {alike.replace('s.', 'a.')}"
            " LEFT JOIN told t ON t.contact_id = a.contact_id"
            f" WHERE a.g{joint.mine} <> 0 OR a.owner = {joint.mine}"
            " ORDER BY a.contact_id"
        )
    )
    return said


async def _gather_sharing(bulk: Bulk, joint: Joint) -> None:
    """Everybody whom one of the plans touches, with the number of the group in each, and whoever was
    told and is touched no more."""
    connection = bulk.connection
    await connection.execute(text("DROP TABLE IF EXISTS link"))
    await connection.execute(
        text(
            "CREATE TEMP TABLE link (contact_id BIGINT, place INTEGER, group_number INTEGER,"
            " criticality INTEGER, need INTEGER, high_rise INTEGER, role INTEGER,"
            " PRIMARY KEY (contact_id, place))"
        )
    )
    for place, member in enumerate(joint.members):
        if member.points_id is not None:
            await connection.execute(
                text(f"INSERT INTO link {people.AFFECTED.format(columns=f'contact_id, {place}')}"),
                {"points": member.points_id},
            )
    places = range(len(joint.members))
    numbers = ", ".join(
        f"max(CASE WHEN place = {place} THEN group_number ELSE 0 END)" for place in places
    )
    await connection.execute(text("DROP TABLE IF EXISTS sharing"))
    await connection.execute(
        text(
            "CREATE TEMP TABLE sharing (contact_id BIGINT PRIMARY KEY,"
            f" {', '.join(f'g{place} INTEGER' for place in places)}, criticality INTEGER,"
            " need INTEGER, high_rise INTEGER, role INTEGER, owner INTEGER, concerns INTEGER)"
        )
    )
    await connection.execute(
        text(
            f"INSERT INTO sharing SELECT contact_id, {numbers}, max(criticality), max(need),"
            f" max(high_rise), max(role), {_NOBODY}, 0 FROM link GROUP BY contact_id ORDER BY contact_id"
        )
    )
    await connection.execute(
        text(
            people.NO_LONGER_AFFECTED.format(
                table="sharing", group=", ".join("0" for _ in places), more=f", {_NOBODY}, 0"
            )
        )
    )
    await connection.execute(
        text(
            "UPDATE sharing SET owner = told.place FROM told"
            " WHERE told.contact_id = sharing.contact_id AND told.heard = 1 AND told.place >= 0"
        )
    )
    ever = " + ".join(
        f"max(CASE WHEN concerns & {1 << place} <> 0 THEN {1 << place} ELSE 0 END)"
        for place in places
    )
    await connection.execute(
        text(
            f"UPDATE sharing SET concerns = heard.ever FROM (SELECT contact_id, {ever} AS ever"
            " FROM spoken_word WHERE heard = 1 GROUP BY contact_id) AS heard"
            " WHERE heard.contact_id = sharing.contact_id"
        )
    )


async def _gather_words(bulk: Bulk, joint: Joint) -> dict[int, traits.Said]:
    """``spoken_word``: every message that reached somebody or was tried in vain, of these plans and of
    others that ever spoke for them. ``place`` is that of the plan that said it, ``concerns`` has a bit
    for each plan it was said for."""
    connection = bulk.connection
    ids = {member.plan_id: place for place, member in enumerate(joint.members)}
    listed = ", ".join(map(str, ids))
    await connection.execute(text("DROP TABLE IF EXISTS spoken"))
    await connection.execute(
        text("CREATE TEMP TABLE spoken (notice_id BIGINT PRIMARY KEY, concerns INTEGER)")
    )
    bits = " ".join(f"WHEN {plan_id} THEN {1 << place}" for plan_id, place in ids.items())
    await connection.execute(
        text(
            f"INSERT INTO spoken SELECT notice_id, sum(CASE plan_id {bits} END) FROM spoken_for"
            f" WHERE plan_id IN ({listed}) GROUP BY notice_id"
        )
    )
    result = await connection.execute(
        text("SELECT DISTINCT n.plan_id FROM spoken s JOIN notice n ON n.id = s.notice_id")
    )
    speakers = sorted({*ids, *(row.plan_id for row in result)})
    keys = await people.keys_told(bulk, speakers)
    await connection.execute(text("DROP TABLE IF EXISTS spoken_word"))
    places = " ".join(f"WHEN {plan_id} THEN {place}" for plan_id, place in ids.items())
    words = people.WORDS.format(
        numbers=people.numbers_sql(keys) if keys else "0",
        plans=", ".join(map(str, speakers)),
        more=f"CASE b.plan_id {places} ELSE {_ELSEWHERE} END AS place,"
        f" CASE b.plan_id {bits} ELSE 0 END"
        " + coalesce((SELECT s.concerns FROM spoken s WHERE s.notice_id = n.id), 0) AS concerns,"
        " n.revision_id AS revision_id",
    )
    await connection.execute(
        text(f"CREATE TEMP TABLE spoken_word AS SELECT * FROM ({words}) AS v WHERE concerns <> 0")
    )
    # What another plan said of this one since is its own to put right: to whoever heard it this one has
    # to announce itself anew, as after a release.
    await connection.execute(
        text(
            f"UPDATE spoken_word SET denied = revision_id WHERE place = {_ELSEWHERE} AND heard = 1"
        )
    )
    if NOTHING not in keys.values():
        keys[len(keys) + 1] = NOTHING
    return {number: traits.Said(key) for number, key in keys.items()}


async def _tell(bulk: Bulk, words: str, said: Mapping[int, traits.Said]) -> None:
    """``told`` from these words; whoever heard the last one from a plan that shares the outage no more
    believes nothing of these plans."""
    await people.tell(bulk, words)
    nothing = next(number for number, item in said.items() if item.key == NOTHING)
    await bulk.connection.execute(
        text(
            f"UPDATE told SET told_number = {nothing}, paper_number = 0, unsure = 0"
            f" WHERE place = {_ELSEWHERE} AND heard = 1"
        )
    )
