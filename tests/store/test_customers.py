"""A ledger in the store: added, changed, gone, and found again; on both databases."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from notifier.domain.customer import Reach, Role
from notifier.domain.ledger import Difference
from notifier.intake import ledger
from notifier.store import customers, engine, ledger_load, schema
from notifier.vault import Vault

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
HEADER = "变电站,线路名称,台区编号,台区名称,户号,户名,联系电话"


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join((header, *lines))


def customer(account: int, area: int = 1, feeder: str = "甲01", phone: str = "") -> str:
    """A customer's row; its phone follows from its account."""
    number = phone or f"138{account:08d}"
    return f"110kV东站,10kV{feeder}线,{area:04d},{area}号台区,{account},户{account},{number}"


@pytest.fixture
def load(database: engine.Database, vault: Vault, tmp_path: Path) -> Callable[..., Any]:
    """Imports the text of a CSV file; ``dry`` only compares."""

    async def run(
        content: str, *, whole: bool = False, dry: bool = False, now: datetime = NOW
    ) -> Difference:
        path = tmp_path / "ledger.csv"
        path.write_text(content, encoding="utf-8")
        reading = ledger.LedgerReading([path])
        async with ledger_load.LedgerLoader(database, vault).load() as loading:
            for chunk in reading.chunks():
                await loading.stage(chunk)
            if dry:
                return await loading.compare(reading.outline, whole=whole)
            return await loading.apply(
                reading.outline, whole=whole, now=now, actor="test",
                judge=lambda _found: None, count=_counts,
            )  # fmt: skip

    return run


def _counts(found: Difference) -> Mapping[str, int]:
    return {"added": found.added}


async def phones(database: engine.Database, vault: Vault, account: int) -> list[str]:
    """Whom the store would call for an account."""
    async with database.read() as connection:
        result = await connection.execute(
            select(schema.contact.c.phone_sealed)
            .join(schema.point_contact, schema.point_contact.c.contact_id == schema.contact.c.id)
            .join(
                schema.usage_point, schema.usage_point.c.id == schema.point_contact.c.usage_point_id
            )
            .where(schema.usage_point.c.account == str(account))
            .order_by(schema.contact.c.id)
        )
        return [vault.open(bytes(row[0])) for row in result]


async def scalar(database: engine.Database, statement: str) -> Any:
    async with database.read() as connection:
        return (await connection.execute(text(statement))).scalar()


async def test_the_same_file_twice_changes_nothing(load: Any) -> None:
    """An import is a difference."""
    content = rows(customer(1), customer(2), customer(3, area=2))
    first, second = await load(content), await load(content)

    assert (first.added, first.changed, first.gone, first.contacts) == (3, 0, 0, 3 + 2)
    assert (second.added, second.changed, second.unchanged, second.gone) == (0, 0, 3, 0)
    assert second.contacts == first.contacts


async def test_a_dry_run_says_the_same_and_changes_nothing(
    database: engine.Database, load: Any
) -> None:
    """Counts of ``compare`` are those of ``apply``."""
    await load(rows(customer(1), customer(2)))
    content = rows(customer(2, phone="13900000002"), customer(3, area=9))
    dry = await load(content, dry=True)

    assert await scalar(database, "SELECT count(*) FROM usage_point") == 2
    assert await scalar(database, "SELECT count(*) FROM area") == 1
    assert dry == await load(content)
    assert (dry.added, dry.changed, dry.gone) == (1, 1, 1)


async def test_a_changed_phone_replaces_the_contact(
    database: engine.Database, vault: Vault, load: Any
) -> None:
    """The account keeps its id; the old number is no longer called for it."""
    await load(rows(customer(1), customer(2)))
    before = await scalar(database, "SELECT id FROM usage_point WHERE account = '1'")

    found = await load(rows(customer(1, phone="13900000009、13900000008"), customer(2)))

    assert (found.changed, found.unchanged) == (1, 1)
    assert await scalar(database, "SELECT id FROM usage_point WHERE account = '1'") == before
    assert await phones(database, vault, 1) == ["+8613900000009", "+8613900000008"]


async def test_one_phone_is_one_contact(database: engine.Database, load: Any) -> None:
    """However many accounts share it."""
    await load(rows(*(customer(n, phone="13800000000") for n in range(1, 6))))

    assert await scalar(database, "SELECT count(*) FROM contact WHERE phone_hmac IS NOT NULL") == 1
    assert await scalar(database, "SELECT count(*) FROM point_contact") == 5


async def test_who_is_missing_is_gone_on_the_files_feeders_only(
    database: engine.Database, load: Any
) -> None:
    """A file of one feeder says nothing about another's customers."""
    await load(rows(customer(1), customer(2), customer(3, area=7, feeder="乙02")))

    found = await load(rows(customer(1)), now=NOW + timedelta(days=1))

    assert (found.gone, found.in_scope) == (1, 2)
    gone = await scalar(database, "SELECT account FROM usage_point WHERE gone_at IS NOT NULL")
    assert gone == "2"
    assert await scalar(database, "SELECT count(*) FROM point_contact") == 2


async def test_a_whole_ledger_speaks_for_every_feeder(load: Any) -> None:
    """Only when somebody says so."""
    await load(rows(customer(1), customer(3, area=7, feeder="乙02")))

    assert (await load(rows(customer(1)), whole=True)).gone == 1


async def test_who_comes_back_is_present_again(database: engine.Database, load: Any) -> None:
    """Gone is not deleted: the account returns with its id and its contact."""
    content = rows(customer(1), customer(2))
    await load(content)
    await load(rows(customer(1)))
    found = await load(content)

    assert (found.added, found.changed) == (0, 1)
    assert await scalar(database, "SELECT count(*) FROM usage_point WHERE gone_at IS NULL") == 2
    assert await scalar(database, "SELECT count(*) FROM point_contact") == 2


async def test_an_unreadable_row_makes_nobody_gone(load: Any) -> None:
    """It may have been anybody's on that feeder."""
    await load(rows(customer(1), customer(2)))

    assert (await load(rows(customer(1), customer(2).replace(",2,", ",2E+9,")))).gone == 0


async def test_a_file_without_phones_takes_no_phone_away(
    database: engine.Database, vault: Vault, load: Any
) -> None:
    """It does not speak of them."""
    await load(rows(customer(1)))
    await load(rows("110kV东站,10kV甲01线,0001,1号台区,1,新名", header=HEADER.rsplit(",", 1)[0]))

    assert await phones(database, vault, 1) == ["+8613800000001"]
    assert await scalar(database, "SELECT name FROM usage_point") == "新名"


async def test_an_area_switched_to_another_feeder_keeps_its_id(
    database: engine.Database, load: Any
) -> None:
    """Its code is what it is."""
    await load(rows(customer(1), customer(2)))
    before = await scalar(database, "SELECT id FROM area WHERE code = '0001'")
    await load(rows(customer(1, feeder="乙02"), customer(2, feeder="乙02")))

    assert await scalar(database, "SELECT id FROM area WHERE code = '0001'") == before
    name = "SELECT f.name FROM area a JOIN feeder f ON f.id = a.feeder_id"
    assert await scalar(database, name) == "10kV乙02线"


async def test_an_opt_out_survives_an_import_that_does_not_know_it(
    database: engine.Database, load: Any
) -> None:
    """Somebody who answered STOP stays silent, and their openid is learnt all the same."""
    await load(rows(customer(1)))
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE contact SET opted_out = :bits WHERE phone_hmac IS NOT NULL"),
            {"bits": int(Reach.SMS)},
        )
    await load(rows(customer(1) + ",oABC_123456", header=HEADER + ",openid"))

    reach = await scalar(database, "SELECT reach FROM contact WHERE openid = 'oABC_123456'")
    assert reach == int(Reach.WECHAT | Reach.VOICE)


async def test_a_contact_without_a_phone_is_known_by_its_openid(
    database: engine.Database, load: Any
) -> None:
    """Twice the same openid is one contact."""
    header = HEADER + ",openid"
    lines = [customer(n).rsplit(",", 1)[0] + ",,oABC_123456" for n in (1, 2)]
    await load(rows(*lines, header=header))

    assert await scalar(database, "SELECT count(*) FROM contact WHERE openid IS NOT NULL") == 1
    assert await scalar(database, "SELECT count(*) FROM point_contact") == 2


async def test_a_new_property_manager_replaces_the_old_one(
    database: engine.Database, vault: Vault, load: Any
) -> None:
    """The building is told by whoever manages it now; its entrances stay."""
    header = HEADER + ",小区,楼栋,单元,物业电话"
    await load(rows(customer(1) + ",花园,3栋,1,13700000001", header=header))
    await load(rows(customer(1) + ",花园,3栋,1,13700000002", header=header))

    async with database.read() as connection:
        result = await connection.execute(
            select(schema.contact.c.phone_sealed, schema.place_contact.c.role)
            .join(schema.place_contact, schema.place_contact.c.contact_id == schema.contact.c.id)
            .order_by(schema.place_contact.c.role)
        )
        found = [
            (row.role, row.phone_sealed and vault.open(bytes(row.phone_sealed))) for row in result
        ]
    assert found == [
        (int(Role.PROPERTY_MANAGER), "+8613700000002"),
        (int(Role.ENTRANCE), None),
    ]


async def test_what_the_judge_refuses_leaves_no_trace(
    database: engine.Database, vault: Vault, tmp_path: Path
) -> None:
    """All or nothing, new areas included."""
    path = tmp_path / "l.csv"
    path.write_text(rows(customer(1)), encoding="utf-8")
    reading = ledger.LedgerReading([path])

    def refuse(_found: Difference) -> None:
        raise ZeroDivisionError

    async with ledger_load.LedgerLoader(database, vault).load() as loading:
        for chunk in reading.chunks():
            await loading.stage(chunk)
        with pytest.raises(ZeroDivisionError):
            await loading.apply(reading.outline, now=NOW, actor="t", judge=refuse, count=_counts)

    assert await scalar(database, "SELECT count(*) FROM area") == 0
    assert await scalar(database, "SELECT count(*) FROM ledger_import") == 0


async def test_plans_under_way_are_looked_at_again(database: engine.Database, load: Any) -> None:
    """Approved ones that have not ended; nobody else's."""
    async with database.write() as connection:
        for number, state, days in (("A", "approved", 2), ("B", "approved", -2), ("C", "draft", 2)):
            await connection.execute(
                insert(schema.plan).values(
                    number=number, kind="planned", state=state, revision=1, submitted_by="t",
                    starts_at=NOW - timedelta(days=3), ends_at=NOW + timedelta(days=days),
                    created_at=NOW,
                )
            )  # fmt: skip
    await load(rows(customer(1)))

    async with database.read() as connection:
        result = await connection.execute(
            select(schema.plan.c.number).where(schema.plan.c.reconcile_at.is_not(None))
        )
        assert [row[0] for row in result] == ["A"]


async def test_the_index_counts_present_customers(database: engine.Database, load: Any) -> None:
    """Those of areas at the area, those without at the feeder, nobody who is gone."""
    loose = "110kV东站,10kV甲01线,,,9,大户,13800000009"
    await load(rows(customer(1), customer(2), customer(3), loose))
    await load(rows(customer(1), customer(3), loose))

    async with database.read() as connection:
        index = await customers.network_index(connection)

    assert [area.points for area in index.areas.values()] == [2]
    assert [feeder.points for feeder in index.feeders.values()] == [1]
