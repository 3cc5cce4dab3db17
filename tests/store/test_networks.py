"""Packed network versions: what goes in comes out, whole or not at all, on both databases."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from notifier.domain.network import builder, model, packing
from notifier.domain.network.version import NewStatus, NewVersion, Overlay
from notifier.store import audit, schema
from notifier.store.engine import Database
from notifier.store.networks import Networks

NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
FIELDS = [name for name in model.Network.__dataclass_fields__ if not name.endswith("_index")]


def network(words: list[str]) -> model.Network:
    """A small network with one of everything, named in odd words."""
    built = builder.NetworkBuilder("网络", NOW)
    for number, word in enumerate(words):
        built.add_node(f"{number}{word}", word, 10.5, is_busbar=number == 0)
    nodes = [f"{number}{word}" for number, word in enumerate(words)]
    for number, (a, b) in enumerate(itertools.pairwise(nodes)):
        built.add_branch(
            f"S{number}", model.BranchKind.SWITCH, words[number], a, b,
            switch_type="Breaker", normal_open=number % 2 == 1, phases=3 - number % 3,
        )  # fmt: skip
    built.add_branch("T", model.BranchKind.TRANSFORMER, "", nodes[0], "beyond")
    built.add_alias("101", "S0")
    built.mark_state_unknown("S0")
    built.add_source("G", nodes[0])
    built.add_generator("PV", "光伏", nodes[-1])
    built.add_feeder("F", "南一线", "站", "S0", nodes[0])
    built.add_area("A", "台区", ["T"], [nodes[-1], nodes[0]])
    built.add_area("B", "", [], [])
    built.add_customer("c1", nodes[-1], "A", nodes[0])
    built.add_customer("c2", "", "A")
    built.add_customer("c2", nodes[1], "B")
    built.add_customer("c3", "", "", feeder="南一线")
    return built.finish()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.text(), min_size=2, max_size=12))
def test_a_packed_network_is_the_same_again(words: list[str]) -> None:
    """Every column, whatever the names; also lone surrogates and line breaks."""
    before = network(words)

    after = packing.unpack(dict(packing.pack(before)))
    light = packing.unpack(dict(packing.pack(before)), indexed=False)

    for name in FIELDS:
        assert _plain(getattr(after, name)) == _plain(getattr(before, name)), name
    assert dict(after.node_index) == dict(before.node_index)
    assert dict(after.branch_index) == dict(before.branch_index)
    assert dict(after.area_index) == dict(before.area_index)
    assert light.branch_index == {}


def _plain(value: Any) -> Any:
    return list(value) if not isinstance(value, (str, dict, datetime, frozenset)) else value


def test_a_damaged_pack_or_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence that says what to do."""
    parts = dict(packing.pack(network(["a", "b"])))

    with pytest.raises(packing.UnreadablePack, match="import it again"):
        packing.unpack(parts | {"node_ids": b"torn"})
    with pytest.raises(packing.UnreadablePack):
        packing.unpack({name: body for name, body in parts.items() if name != "node_kv"})
    monkeypatch.setattr(packing, "LAYOUT", packing.LAYOUT + 1)
    with pytest.raises(packing.UnreadablePack):
        packing.unpack(parts)


def new(name: str = "n") -> NewVersion:
    """A version as an import hands it over."""
    return NewVersion(
        name=name, as_of=None, digest=name, files=("nodes.csv",), counts={"nodes": 2},
        difference=None, findings=({"code": "network.self_loop", "severity": "warning"},),
    )  # fmt: skip


def state(switch: str, *, is_open: bool) -> model.SwitchStatus:
    """One switch."""
    return model.SwitchStatus(switch=switch, is_open=is_open, as_of=NOW, is_good=False)


async def test_a_version_is_kept_with_everything(database: Database) -> None:
    """Parts, findings, overlay and the audit row."""
    kept = Networks(database)
    parts = dict(packing.pack(network(["a", "b"])))
    overlay = Overlay(
        put=(state("S0", is_open=True),),
        files=(
            NewStatus(
                name="x.dt", digest="x", is_full=True, as_of=NOW, counts={"rows": 1}, findings=()
            ),
        ),
    )

    version = await kept.keep(new(), parts, overlay, seen=None, now=NOW, actor="wang")

    assert await kept.latest() == version == await kept.find(version.id)
    assert await kept.parts(version.id) == parts
    assert await kept.statuses(version.id) == {"S0": state("S0", is_open=True)}
    assert [file.name for file in await kept.status_files(version.id)] == ["x.dt"]
    assert (version.overlay > 0, version.fresh_at, version.read_by) == (True, NOW, "wang")
    async with database.read() as connection:
        actions = await connection.scalars(select(schema.audit.c.action))
        assert list(actions) == ["network.imported"]
        assert await audit.verify(connection) is None


async def test_an_overlay_puts_and_drops(database: Database) -> None:
    """Only what changed is written."""
    kept = Networks(database)
    first = Overlay(put=(state("A", is_open=True), state("B", is_open=True)))
    version = await kept.keep(new(), {}, first, seen=None, now=NOW, actor="w")
    change = Overlay(put=(state("A", is_open=False), state("C", is_open=True)), drop=("B",))

    await kept.lay_over(version.id, change, seen=(version.id, 0), now=NOW, actor="w")

    known = await kept.statuses(version.id)
    assert {switch: row.is_open for switch, row in known.items()} == {"A": False, "C": True}


async def test_an_unfinished_import_is_never_seen_and_goes_away(database: Database) -> None:
    """A process that died half-way leaves rows that nobody reads; the next day they are gone."""
    kept = Networks(database)
    async with database.write() as connection:
        await connection.execute(
            insert(schema.network_version).values(
                id=7, name="half", read_at=NOW, read_by="w", confirmed_at=NOW, digest="h",
                files=[], counts={}, findings=[], is_ready=False,
            )
        )  # fmt: skip
        await connection.execute(
            insert(schema.network_part).values(version_id=7, kind="meta", body=b"half")
        )
    unseen = await kept.latest()

    if database.dialect == "postgresql":
        async with database.write() as connection:
            await connection.exec_driver_sql("SELECT setval('network_version_id_seq', 10)")
    version = await kept.keep(
        new(), {"meta": b"x"}, Overlay(), seen=None, now=NOW + timedelta(days=2), actor="w"
    )

    assert unseen is None
    assert [item.id for item in await kept.listed()] == [version.id]
    async with database.read() as connection:
        parts = await connection.scalar(select(func.count()).select_from(schema.network_part))
        assert parts == 1
