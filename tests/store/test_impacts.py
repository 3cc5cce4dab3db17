"""Impacts in the store, on both databases: points that a trace names one by one, beside whole areas."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.impact import Group, ImpactClass, Knowledge, MatchRecord
from notifier.domain.matching import Match
from notifier.domain.plan import Change, NewRevision, PlanState
from notifier.domain.topology import LedgerPoint
from notifier.domain.window import Window
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import plan

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(NOW + timedelta(days=9), NOW + timedelta(days=9, hours=8))


@pytest.fixture
async def store(database: Database, vault: Vault) -> Ledger:
    return (await towns.build(database, vault)).store


async def revision(store: Ledger) -> int:
    """A plan with one revision that has no impact yet."""
    async with store.write() as tx:
        held = await tx.plans.hold([plan()], now=NOW, actor="t")
        plan_id = held["P1"][0].id
        new = NewRevision(
            plan_id=plan_id, number=1, content=plan(), change=Change.SUBMITTED,
            state=PlanState.SUBMITTED,
        )  # fmt: skip
        await tx.plans.add_revisions([new], now=NOW, actor="t")
        return (await tx.plans.revision(plan_id, 1)).id


def group(number: int, impact_class: ImpactClass, knowledge: Knowledge) -> Group:
    return Group(number=number, impact_class=impact_class, windows=(DAY,), knowledge=knowledge)


#: 一里 half out and half moved as traced; 三里 whole by ledger, but for home 17, which was traced.
MATCH = Match(
    groups=(
        group(1, ImpactClass.OUT, Knowledge.LEDGER),
        group(2, ImpactClass.OUT, Knowledge.TOPOLOGY),
        group(3, ImpactClass.SHORT, Knowledge.TOPOLOGY),
    ),
    areas={3: 1},
    feeders={},
    findings=(),
    points={**dict.fromkeys(range(1, 6), 2), **dict.fromkeys(range(6, 11), 3), 17: 3},
    traced_areas={1: 2, 2: 3},
)


async def freeze(store: Ledger, match: Match) -> tuple[int, int]:
    """The revision, and the number of its points."""
    revision_id = await revision(store)
    async with store.desk() as desk:
        (points_id,) = await desk.freeze([match])
    async with store.write() as tx:
        await tx.impacts.set_groups({revision_id: match.groups})
    return revision_id, points_id


async def test_what_was_traced_comes_point_by_point_and_before_the_ledger(store: Ledger) -> None:
    """Home 17 stands in an area that is out by ledger and was traced as moved: the trace knows more."""
    _, points_id = await freeze(store, MATCH)

    async with store.read() as tx:
        frozen = await tx.impacts.frozen(points_id)
        claimed = await tx.impacts.claimed(MATCH)
    assert frozen == claimed
    assert {n: frozen[n] for n in (1, 5, 6, 10, 17, 18, 26)} == {
        1: 2, 5: 2, 6: 3, 10: 3, 17: 3, 18: 1, 26: 1,
    }  # fmt: skip
    assert not {11, 27} & frozen.keys()


async def test_an_area_whose_customers_fare_differently_stands_once_for_each_group(
    store: Ledger,
) -> None:
    """Counted customer by customer; an area that nobody hangs on is listed with none."""
    revision_id, points_id = await freeze(store, MATCH)

    async with store.read() as tx:
        areas = await tx.impacts.by_area(revision_id, points_id)
    assert [(a["name"], a["group"].number, a["points"]) for a in areas] == [
        ("一里台区", 2, 5), ("一里台区", 3, 5), ("二里台区", 3, 0),
        ("三里台区", 1, 9), ("三里台区", 3, 1),
    ]  # fmt: skip


async def test_what_is_frozen_twice_at_once_never_becomes_a_mixture(store: Ledger) -> None:
    """Two processes match one plan, the one by ledger, the other by topology: each stands for itself,
    and what nobody came to hold is removed without a trace."""
    by_ledger = Match(groups=MATCH.groups[:1], areas={1: 1, 2: 1, 3: 1}, feeders={}, findings=())
    async with store.desk() as one, store.desk() as other:
        (first,) = await one.freeze([by_ledger])
        (second,) = await other.freeze([MATCH])
    async with store.read() as tx:
        traced = await tx.impacts.frozen(second)
        claimed = await tx.impacts.claimed(MATCH)

    async with store.desk() as desk:
        await desk.forget([first])

    assert first < 0 > second != first
    assert traced == claimed
    async with store.read() as tx:
        assert await tx.impacts.frozen(first) == {}
        assert await tx.impacts.areas(first) == {}
        assert await tx.impacts.frozen(second) == traced


async def test_the_ledger_s_points_are_found_by_account_feeder_and_area(store: Ledger) -> None:
    """Each once, with area and feeder; those who left the ledger are no more."""
    async with store.write() as tx:
        from sqlalchemy import text

        await tx.connection.execute(text("UPDATE usage_point SET gone_at = 1 WHERE id = 12"))
    async with store.read() as tx:
        read = tx.impacts.ledger_points
        by_account = await read(accounts=["A001", "A012", "nobody", "A027"])
        everything = await read(accounts=["A001"], feeders=[1], areas=[1, 4])
        nothing = await read()
        accounts = await tx.impacts.accounts_of([1, 28])

    assert sorted(by_account) == [
        LedgerPoint(id=1, account="A001", area_id=1, feeder_id=1),
        LedgerPoint(id=27, account="A027", area_id=4, feeder_id=2),
    ]
    assert sorted(point.id for point in everything) == [*range(1, 12), *range(13, 17), 27, 28]
    assert nothing == []
    assert accounts == {1: "A001", 28: "A028"}


async def test_a_revision_keeps_the_version_it_was_matched_on(store: Ledger) -> None:
    """Version and overlay; none where it went by ledger."""
    from notifier.domain.network.version import Overlay
    from notifier.store.networks import Networks
    from tests.store.test_networks import NOW as THEN
    from tests.store.test_networks import network, new, packing

    version = await Networks(store.database).keep(
        new(), dict(packing.pack(network(["a", "b"]))), Overlay(), seen=None, now=THEN, actor="t"
    )
    revision_id = await revision(store)
    async with store.write() as tx:
        record = MatchRecord(
            revision_id=revision_id, points_id=-1, groups=(), counts={"points": {}}, difference={},
            findings=(), network=(version.id, 7),
        )  # fmt: skip
        await tx.plans.record_matches([record])
    async with store.read() as tx:
        found = await tx.plans.find("P1")
        assert found is not None
        assert (await tx.plans.revision(found.id, 1)).network == (version.id, 7)
