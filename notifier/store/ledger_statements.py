"""The statements that turn a staged ledger into the stored one.

Plain SQL that both databases read; each runs once over everything. The temporary tables they name are
filled by ``ledger_stage`` and ``ledger_load``.
"""

from notifier.domain.customer import ContactKind, Reach, Role
from notifier.store import engine, ledger_stage

#: What has to be done with a staged usage point: ``stage_diff.action``.
ADDED, CHANGED, UNCHANGED = 1, 2, 0


def for_each(statement: str) -> list[str]:
    """The statement for contacts with a phone and for those with another identity."""
    return [statement.format(key=key) for key in ("phone_hmac", "place_key")]


DIFF_TABLE = (
    "CREATE TEMP TABLE stage_diff"
    " (number INTEGER PRIMARY KEY, point_id BIGINT, action SMALLINT,"
    " area_id BIGINT, feeder_id BIGINT, building_id BIGINT)"
)


def fill_diff(dialect: engine.Dialect, *, is_first: bool, is_silent: bool) -> str:
    """Each staged point with its id, old or new, and what has to be done with it.

    ``is_silent``: the files have no column of contacts, so only what they say of customers counts.

    New ids are taken in the order of the file: neighbours in the file are neighbours on the disk.
    """
    if dialect == "sqlite":
        new_id = "(SELECT coalesce(max(id), 0) FROM usage_point) + 1 + s.number"
    else:
        new_id = "nextval(pg_get_serial_sequence('usage_point', 'id'))"
    if is_first:
        join, point_id, action = "", new_id, str(ADDED)
    else:
        join = "LEFT JOIN usage_point u ON u.account = s.account"
        point_id = f"coalesce(u.id, {new_id})"
        other = "substr(u.row_hash, 1, 8) <> substr(s.row_hash, 1, 8)"
        if not is_silent:
            other += (
                f" OR s.kept < {ledger_stage.ALL_KEPT}"
                " AND substr(u.row_hash, 9) <> substr(s.row_hash, 9)"
            )
        action = (
            f"CASE WHEN u.id IS NULL THEN {ADDED}"
            f" WHEN {other}"
            " OR u.gone_at IS NOT NULL"
            " OR u.area_id IS DISTINCT FROM a.id OR u.feeder_id IS DISTINCT FROM f.id"
            f" OR u.building_id IS DISTINCT FROM b.id THEN {CHANGED} ELSE {UNCHANGED} END"
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
FIND_SCOPE = """
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
FIND_SCOPE_WHOLE = """
    INSERT INTO stage_gone
    SELECT u.id, CASE WHEN u.id IN (SELECT point_id FROM stage_diff) THEN 0 ELSE 1 END
    FROM usage_point u WHERE u.gone_at IS NULL
"""
FEEDERS_NAMED = """
    SELECT DISTINCT feeder FROM stage_class WHERE id IN (SELECT class_id FROM stage_point)
"""
COUNT_CONTACTS = """
    SELECT (SELECT count(*) FROM (SELECT phone_hmac FROM stage_point WHERE phone_hmac IS NOT NULL
            UNION SELECT phone_hmac FROM stage_link WHERE phone_hmac IS NOT NULL) AS phones)
         + (SELECT count(DISTINCT place_key) FROM stage_link)
"""
ADD_POINTS = f"""
    INSERT INTO usage_point (id, account, name, address, area_id, feeder_id, building_id, category,
                             criticality, need, has_standby, row_hash)
    SELECT d.point_id, s.account, s.name, s.address, d.area_id, d.feeder_id, d.building_id,
           c.category, c.criticality, c.need, c.has_standby, s.row_hash
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN stage_class c ON c.id = s.class_id
    WHERE d.action = {ADDED} ORDER BY d.number
"""
_KEPT_HASH = "CAST(substr(s.row_hash, 1, 8) || substr(usage_point.row_hash, 9) AS {blob})"
#: ``silent`` as in ``fill_diff``: contacts that stay keep their half of the hash; who comes back has none.
CHANGE_POINTS = f"""
    UPDATE usage_point SET name = s.name, address = s.address, area_id = d.area_id,
           feeder_id = d.feeder_id, building_id = d.building_id, category = c.category,
           criticality = c.criticality, need = c.need, has_standby = c.has_standby,
           gone_at = NULL,
           row_hash = CASE WHEN ({{silent}} OR s.kept >= {ledger_stage.ALL_KEPT})
                                AND usage_point.gone_at IS NULL
                           THEN {_KEPT_HASH} ELSE s.row_hash END
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN stage_class c ON c.id = s.class_id
    WHERE usage_point.id = d.point_id AND d.action = {CHANGED}
"""
#: The first row that names a phone names its contact; later rows of the same phone add to it.
ADD_PLAIN = f"""
    INSERT INTO contact (kind, name, locale, reach, phone_hmac, phone_sealed)
    SELECT {int(ContactKind.PERSON)}, s.name, 'zh', {int(Reach.SMS | Reach.VOICE)}, s.phone_hmac,
           s.phone_sealed
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    WHERE d.action <> {UNCHANGED} AND s.phone_hmac IS NOT NULL ORDER BY d.number
    ON CONFLICT (phone_hmac) DO NOTHING
"""
LINK_PLAIN = f"""
    INSERT INTO point_contact (usage_point_id, contact_id, role)
    SELECT d.point_id, c.id, {int(Role.PAYER)}
    FROM stage_diff d JOIN stage_point s ON s.number = d.number
    JOIN contact c ON c.phone_hmac = s.phone_hmac
    WHERE d.action <> {UNCHANGED} AND s.phone_hmac IS NOT NULL ORDER BY d.number
    ON CONFLICT (usage_point_id, contact_id) DO NOTHING
"""
ADD_PEOPLE = f"""
    INSERT INTO contact (kind, name, locale, reach, phone_hmac, phone_sealed, place_key, openid,
                         push_token, opted_out)
    SELECT l.kind, l.person, l.locale, l.reach, l.phone_hmac, l.phone_sealed, l.place_key, l.openid,
           l.push_token, l.opted_out
    FROM stage_link l JOIN stage_diff d ON d.number = l.number
    WHERE d.action <> {UNCHANGED} AND l.{{key}} IS NOT NULL ORDER BY l.seq
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
ENRICH_PEOPLE = f"""
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
               max(CASE WHEN d.action = {CHANGED} THEN 1 ELSE 0 END) AS is_changed
        FROM {_EVERY_CONTACT} l JOIN stage_diff d ON d.number = l.number
        WHERE l.{{key}} IS NOT NULL AND (d.action = {CHANGED} OR d.action = {ADDED}
              AND (l.openid IS NOT NULL OR l.push_token IS NOT NULL OR l.opted_out <> 0
                   OR l.locale <> 'zh'))
        GROUP BY l.{{key}}
    ) AS x
    WHERE contact.{{key}} = x.identity
"""
UNLINK_CHANGED = f"""
    DELETE FROM point_contact WHERE role = {{role}} AND usage_point_id IN (
        SELECT d.point_id FROM stage_diff d JOIN stage_point s ON s.number = d.number
        WHERE d.action = {CHANGED} AND (s.kept & (1 << {{role}})) = 0)
"""
LINK_PEOPLE = f"""
    INSERT INTO point_contact (usage_point_id, contact_id, role)
    SELECT d.point_id, c.id, l.role
    FROM stage_link l JOIN stage_diff d ON d.number = l.number JOIN contact c ON c.{{key}} = l.{{key}}
    WHERE d.action <> {UNCHANGED} AND l.{{key}} IS NOT NULL ORDER BY l.seq
    ON CONFLICT (usage_point_id, contact_id) DO NOTHING
"""
TAKE_OUT = """
    UPDATE usage_point SET gone_at = :now
    WHERE id IN (SELECT id FROM stage_gone WHERE is_gone = 1)
"""
UNLINK_GONE = """
    DELETE FROM point_contact
    WHERE usage_point_id IN (SELECT id FROM stage_gone WHERE is_gone = 1)
"""
ADD_PLACES = """
    INSERT INTO contact (kind, name, reach, phone_hmac, phone_sealed, place_key)
    SELECT kind, name, reach, phone_hmac, phone_sealed, place_key FROM stage_place
    WHERE {key} IS NOT NULL ORDER BY seq
    ON CONFLICT ({key}) DO NOTHING
"""
RENAME_PLACES = """
    UPDATE contact SET name = p.name FROM stage_place p
    WHERE contact.id = p.contact_id AND p.place_key IS NOT NULL AND contact.name <> p.name
"""
FIND_PLACES = """
    UPDATE stage_place SET contact_id = (SELECT c.id FROM contact c WHERE c.{key} = stage_place.{key})
    WHERE {key} IS NOT NULL
"""
INDEX_PLACES = """
    CREATE INDEX IF NOT EXISTS stage_place_subject ON stage_place (subject, subject_id, contact_id)
"""
UNLINK_PLACES = """
    DELETE FROM place_contact
    WHERE role IN ({roles})
    AND EXISTS (SELECT 1 FROM stage_subject s
                WHERE s.subject = place_contact.subject AND s.subject_id = place_contact.subject_id)
    AND NOT EXISTS (SELECT 1 FROM stage_place p
                    WHERE p.subject = place_contact.subject
                    AND p.subject_id = place_contact.subject_id
                    AND p.contact_id = place_contact.contact_id)
"""
LINK_PLACES = """
    INSERT INTO place_contact (subject, subject_id, contact_id, role)
    SELECT subject, subject_id, contact_id, role FROM stage_place
    WHERE contact_id IS NOT NULL ORDER BY seq
    ON CONFLICT (subject, subject_id, contact_id) DO NOTHING
"""
#: Plans under way look again at whom they concern.
RECONCILE = """
    UPDATE plan SET reconcile_at = :now WHERE state = 'approved' AND ends_at > :now
"""
