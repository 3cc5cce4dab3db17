"""The evidence: everything, once, in order of time, and nobody's number in it."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channel import Permanent, Receipt, ReceiptStatus
from notifier.domain.reporting import Record
from notifier.store.engine import Database
from notifier.store.evidence import Evidence
from notifier.store.reports import Reports
from notifier.usecases import evidence as evidences
from notifier.usecases import plans, receipts
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, phone, plan, window


@pytest.fixture
async def town(database: Database, vault: Vault) -> Town:
    return await towns.build(database, vault)


async def told(town: Town) -> None:
    """P1 was announced; one receipt came; it was moved, and everybody told so."""
    town.channels["sms"].answers.append(Permanent(code="dead"))
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(13, 12))
    message = town.channels["sms"].told[0]
    await receipts.take(
        town.store,
        town.vault,
        "sms",
        [Receipt(status=ReceiptStatus.DELIVERED, code="OK", message_key=message.key)],
        town.clock.now(),
    )
    await plans.revise(
        town.store,
        "P1",
        plan(windows=[window(22, 8, 12)]),
        note="改期",
        now=town.clock.now(),
        actor="wang",
    )
    await town.approve("P1")
    await town.run_until(local(14, 12))


async def gather(town: Town, contacts: Sequence[int] | None = None) -> list[dict[str, Any]]:
    stored = await plans.find(town.store, "P1")
    async with town.store.read() as tx:
        return [
            record
            async for record in evidences.evidence(
                tx,
                Evidence(tx.connection, stored.id, contacts),
                stored,
                vault=town.vault,
                renderer=town.outbox.renderer,
                zone=towns.ZONE,
            )
        ]


async def test_everything_is_in_it_once_and_in_order(town: Town) -> None:
    """As many of each kind as the tables hold."""
    await told(town)

    records = await gather(town)

    kinds = Counter(record["kind"] for record in records)
    for kind, table in (
        ("revision", "plan_revision"), ("approval", "approval"), ("decision", "decision"),
        ("notice", "notice"), ("batch", "batch"), ("attempt", "attempt"), ("outcome", "delivery"),
        ("receipt", "receipt"),
    ):  # fmt: skip
        number = await town.scalar(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
        assert kinds[kind] == number, kind
    assert kinds["audit"] == await town.scalar("SELECT count(*) FROM audit WHERE subject = 'P1'")
    times = [datetime.fromisoformat(record["at"]) for record in records]
    assert times == sorted(times)
    assert all(time.utcoffset() == timedelta(hours=8) for time in times)
    assert json.loads(json.dumps(records)) == records


async def test_no_number_and_no_name_is_in_it(town: Town) -> None:
    """A masked number, and the name of a place; never a person's."""
    await told(town)

    text = json.dumps(await gather(town), ensure_ascii=False)

    assert not any(phone(number).removeprefix("+86") in text for number in range(1, 31))
    assert "+86 138****0003" in text
    assert "用户3" not in text
    assert "高楼一单元" in text


async def test_one_customer_s_part_is_theirs_alone(town: Town) -> None:
    """Account A003: the payer, the tenant, and the paper in the area; no other contact."""
    await told(town)
    async with town.store.read() as tx:
        contacts = await Reports(tx.connection).contacts_of("A003")
        nobody = await Reports(tx.connection).contacts_of("none")

    records = await gather(town, contacts)

    assert contacts == [3, 29, 102]
    assert nobody is None
    outcomes = [record for record in records if record["kind"] == "outcome"]
    assert {record["contact"] for record in outcomes} == {3, 29, 102}
    everything = await gather(town)
    mine = [r for r in everything if r["kind"] == "outcome" and r["contact"] in (3, 29, 102)]
    assert mine == outcomes


async def test_notices_carry_their_words(town: Town) -> None:
    """What was said, at which stage, by which template."""
    await told(town)

    notices = [record for record in await gather(town) if record["kind"] == "notice"]

    moved = next(n for n in notices if n["stage"] == "rescheduled" and n["medium"] == "sms")
    assert "22日" in moved["text"]
    assert moved["template"] == "rescheduled.sms.zh"


_START = datetime(2026, 3, 5, tzinfo=UTC)


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=4))
async def test_streams_in_order_merge_in_order(streams: list[list[int]]) -> None:
    """Nothing is lost, and at the same moment causes come first."""

    async def stream(minutes: list[int], kind: str) -> AsyncIterator[Record]:
        for minute in sorted(minutes):
            yield Record(_START + timedelta(minutes=minute), kind, {})

    kinds = evidences.KINDS[: len(streams)]
    merged = [
        record
        async for record in evidences.merge(
            [stream(minutes, kind) for minutes, kind in zip(streams, kinds, strict=True)]
        )
    ]

    keys = [(record.at, evidences.KINDS.index(record.kind)) for record in merged]
    assert keys == sorted(keys)
    assert len(merged) == sum(map(len, streams))
