"""A city in the store, made by SQL in a minute: usage points, one contact each, in areas of 500."""

from sqlalchemy import text

from notifier.channel import Limits, Medium
from notifier.domain import names
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.vault import Vault

POINTS_AN_AREA = 500
AREAS_A_FEEDER = 40


async def build(
    database: Database,
    vault: Vault,
    points: int,
    *,
    an_area: int = POINTS_AN_AREA,
    areas_a_feeder: int = AREAS_A_FEEDER,
) -> None:
    """``points`` usage points with a contact and a phone each, ``an_area`` of them on every
    transformer; feeders 馈1线 … of so many areas."""
    areas = points // an_area
    feeders = -(-areas // areas_a_feeder)
    series = (
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {top})"
        " SELECT n FROM s)"
        if database.dialect == "sqlite"
        else "(SELECT generate_series(1, {top}) AS n)"
    )
    blob = "CAST(n AS BLOB)" if database.dialect == "sqlite" else "int8send(n)"
    sealed = vault.seal("+8613800000000")
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO station (id, name, key) VALUES (1, '变', :k)"),
            {"k": names.station_key("变")},
        )
        for number in range(1, feeders + 1):
            name = f"馈{number}线"
            await connection.execute(
                text("INSERT INTO feeder (id, station_id, name, key) VALUES (:i, 1, :n, :k)"),
                {"i": number, "n": name, "k": names.feeder_key(name)},
            )
        for statement in (
            "INSERT INTO area (id, code, name, key, feeder_id)"
            f" SELECT n, CAST(n AS TEXT), '区' || n, '区' || n, (n - 1) / {areas_a_feeder} + 1"
            f" FROM {series.format(top=areas)} AS s",
            "INSERT INTO usage_point (id, account, area_id, feeder_id, row_hash)"
            f" SELECT n, CAST(1000000000 + n AS TEXT), (n - 1) / {an_area} + 1,"
            f" (n - 1) / {an_area * areas_a_feeder} + 1, {blob} FROM {series.format(top=points)} AS s",
            "INSERT INTO contact (id, kind, reach, phone_hmac, phone_sealed)"
            f" SELECT n, 0, 1, {blob}, :sealed FROM {series.format(top=points)} AS s",
            "INSERT INTO point_contact (usage_point_id, contact_id, role)"
            f" SELECT n, n, 0 FROM {series.format(top=points)} AS s",
        ):
            await connection.execute(
                text(statement), {"sealed": sealed} if ":sealed" in statement else {}
            )
        await connection.execute(
            text(
                "INSERT INTO ledger_import (imported_at, imported_by, files, counts, findings)"
                " VALUES (0, 'bench', '[]', '{}', '[]')"
            )
        )
    if database.dialect == "sqlite":
        # Else the first small commit that is measured would pay for copying the whole city.
        async with database.bulk() as bulk:
            await bulk.connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    else:
        async with database.write() as connection:
            for table in ("area", "usage_point", "contact", "point_contact"):
                await connection.execute(text(f"ANALYZE {table}"))


def sms(batch_size: int = 100) -> dict[str, RecordingChannel]:
    """One SMS account that keeps nothing of what it is given."""
    return {"sms": RecordingChannel(Medium.SMS, Limits(batch_size=batch_size))}
