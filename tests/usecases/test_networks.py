"""Networks into the store: versions, differences, overlays, the shelf, cases traced on it."""

import asyncio
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.domain.network import overlay
from notifier.domain.network.model import SwitchStatus
from notifier.domain.network.version import Overlay
from notifier.intake import network_folder
from notifier.intake.network_process import NetworkReader, StatusInput
from notifier.store import networks as store
from notifier.store.engine import Database
from notifier.usecases import network_shelf, network_versions, networks, trace

EDGE = Path(__file__).parents[1] / "data" / "grid" / "edge"
GRID = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid"
NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the edge network that a test may change."""
    path = tmp_path / "edge"
    shutil.copytree(EDGE, path)
    return path


@pytest.fixture
def kept(database: Database) -> store.Networks:
    """The store's network versions, on both kinds of database."""
    return store.Networks(database)


async def take(
    kept: store.Networks, *paths: Path, now: datetime = NOW, **options: Any
) -> networks.NetworkReport:
    """Imports paths."""
    return await networks.import_network(
        kept, NetworkReader(paths), now=now, actor="wang", **options
    )


def edit(path: Path, before: str, after: str) -> None:
    """Changes a file as the source system would."""
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def status(folder: Path, name: str, *rows: str) -> Path:
    """A status file: rows are ``switch value``."""
    path = folder / name
    lines = ["@\tid\tname\tvalue\tquality"]
    lines += [f"#\t{row.split()[0]}\t\t{row.split()[1]}\t0" for row in rows]
    path.write_text("\n".join(lines), "utf-8")
    return path


async def test_the_same_files_again_are_no_new_version(kept: store.Networks, folder: Path) -> None:
    """Nothing changes but the day on which the model was last confirmed; findings stay."""
    first = await take(kept, folder)
    again = await take(kept, folder, now=NOW + timedelta(days=3))

    versions = await kept.listed()
    assert (first.outcome, again.outcome) == ("imported", "unchanged")
    assert [version.id for version in versions] == [first.version.id if first.version else 0]
    assert versions[0].fresh_at == NOW + timedelta(days=3)
    assert list(first.findings) == list(again.findings) == list(versions[0].findings)


async def test_a_newer_network_is_a_version_beside_the_older_with_its_difference(
    kept: store.Networks, folder: Path
) -> None:
    """Added, removed, moved and turned things are counted and named."""
    await take(kept, folder)
    branches = (folder / "branches.csv").read_text("utf-8").splitlines()
    switches = [line.split(",") for line in branches if ",Switch," in line]
    closed = next(row for row in switches if row[6] == "0")
    customers = (folder / "customers.csv").read_text("utf-8").splitlines()
    edit(folder / "branches.csv", ",".join(closed), ",".join([*closed[:6], "1", *closed[7:]]))
    gone = customers[-1].split(",")[0]
    newcomer = customers[1].replace(customers[1].split(",")[0], "NEW", 1)
    (folder / "customers.csv").write_text("\n".join([*customers[:-1], newcomer]), "utf-8")

    second = await take(kept, folder)

    differs = second.difference
    assert differs is not None
    assert differs["normal_open"]["ids"] == {"opened": [closed[0]]}
    assert differs["customers"]["ids"] == {"added": ["NEW"], "removed": [gone]}
    assert (differs["feeders"]["added"], differs["feeders"]["moved"]) == (0, 0)
    assert len(await kept.listed()) == 2


async def test_a_dry_run_keeps_nothing(kept: store.Networks, folder: Path) -> None:
    """It reads and compares, and needs no store where there is none."""
    report = await take(kept, folder, dry_run=True)
    without = await networks.import_network(
        None, NetworkReader([folder]), now=NOW, actor="wang", dry_run=True
    )

    assert report.version is None
    assert report.counts == without.counts
    assert await kept.listed() == []


async def test_a_status_file_lies_over_the_newest_version(
    kept: store.Networks, folder: Path, tmp_path: Path
) -> None:
    """A full file and an increment; the normal state stays, and what is older changes nothing."""
    await take(kept, folder)
    rows = (folder / "branches.csv").read_text("utf-8").splitlines()
    one, two = [line.split(",")[0] for line in rows if ",Switch," in line][:2]
    full = status(tmp_path, "A_20260304120000_PD_ALL.dt", f"{one} 0", f"{two} 1")
    later = status(tmp_path, "A_20260304130000_PD.dt", f"{one} 1", "NOBODY 0")
    older = status(tmp_path, "A_20260304110000_PD.dt", f"{one} 0")

    await take(kept, full)
    second = await take(kept, later)
    third = await take(kept, older)
    again = await take(kept, later)

    version = await kept.latest()
    assert version is not None
    known = await kept.statuses(version.id)
    assert {switch: row.is_open for switch, row in known.items()} == {one: False, two: False}
    assert [item["code"] for item in second.findings] == ["network.status_of_unknown_switch"]
    assert third.statuses[0]["counts"]["older"] == 1
    assert again.statuses == ({"file": later.stem + ".dt", "outcome": "unchanged"},)
    assert [file.name for file in await kept.status_files(version.id)] == [
        full.name, later.name, older.name,
    ]  # fmt: skip


async def test_what_is_known_of_switches_goes_with_the_next_version(
    kept: store.Networks, folder: Path, tmp_path: Path
) -> None:
    """A new model of the same network does not put every switch back to normal."""
    await take(kept, folder)
    rows = (folder / "branches.csv").read_text("utf-8").splitlines()
    switch = next(line.split(",")[0] for line in rows if ",Switch," in line)
    await take(kept, status(tmp_path, "A_20260304120000_PD.dt", f"{switch} 0"))
    customers = (folder / "customers.csv").read_text("utf-8").splitlines()
    (folder / "customers.csv").write_text("\n".join(customers[:-1]), "utf-8")

    report = await take(kept, folder)

    assert report.version is not None
    assert list(await kept.statuses(report.version.id)) == [switch]
    assert "network.status_carried" in {item["code"] for item in report.findings}


async def test_what_is_known_of_switches_stays_with_its_own_network(
    kept: store.Networks, folder: Path, tmp_path: Path
) -> None:
    """Another network that shares hardly a switch starts in its normal state, and says so."""
    await take(kept, folder)
    rows = (folder / "branches.csv").read_text("utf-8").splitlines()
    switches = [line.split(",")[0] for line in rows if ",Switch," in line][:3]
    await take(kept, status(tmp_path, "A_20260304120000_PD.dt", *(f"{s} 0" for s in switches)))
    for name in ("branches.csv", "feeders.csv"):
        text = (folder / name).read_text("utf-8")
        for switch in switches[:2]:
            text = re.sub(rf"(?m)(^|,){re.escape(switch)}(?=,|$)", rf"\1other{switch}", text)
        (folder / name).write_text(text, "utf-8")

    report = await take(kept, folder)

    assert report.version is not None
    assert await kept.statuses(report.version.id) == {}
    assert "network.status_dropped" in {item["code"] for item in report.findings}


async def test_status_without_a_network_and_a_network_without_sources_are_refused(
    kept: store.Networks, folder: Path, tmp_path: Path
) -> None:
    """Nothing is kept."""
    with pytest.raises(networks.NoVersion):
        await take(kept, status(tmp_path, "A_20260304120000_PD.dt", "S 1"))
    sources = (folder / "sources.csv").read_text("utf-8").splitlines()
    (folder / "sources.csv").write_text(sources[0], "utf-8")
    with pytest.raises(networks.NothingFound):
        await take(kept, folder)

    assert await kept.latest() is None


async def test_two_imports_that_meet_do_not_overwrite_each_other(
    kept: store.Networks, folder: Path
) -> None:
    """The later one is refused and leaves nothing."""
    first = await take(kept, folder)
    version = first.version
    assert version is not None
    parts = await kept.parts(version.id)

    with pytest.raises(store.ChangedMeanwhile):
        await kept.keep(version, parts, Overlay(), seen=None, now=NOW, actor="wang")

    assert [item.id for item in await kept.listed()] == [version.id]


async def test_the_shelf_swaps_whole_models_and_an_analysis_keeps_its_own(
    kept: store.Networks, folder: Path
) -> None:
    """What was taken before an import is the old version to its end; the next one is the new."""
    await take(kept, folder)
    shelf = network_shelf.NetworkShelf(kept)
    before, beside = await asyncio.gather(shelf.current(), shelf.current())
    customers = (folder / "customers.csv").read_text("utf-8").splitlines()
    (folder / "customers.csv").write_text("\n".join(customers[:-1]), "utf-8")

    await take(kept, folder)
    after = await shelf.current()

    assert before is beside
    assert len(after.graph.network.customer_ids) == len(before.graph.network.customer_ids) - 1
    assert after.version.id > before.version.id
    assert await shelf.current() is after is shelf.held


async def test_the_shelf_follows_overlays_and_age(
    kept: store.Networks, folder: Path, tmp_path: Path
) -> None:
    """A status file changes the state, files handed in again the age; the columns are shared."""
    await take(kept, folder)
    shelf = network_shelf.NetworkShelf(kept)
    plain = await shelf.current()
    network = plain.graph.network
    head = network.branch_ids[network.feeders[0].head]

    await take(kept, status(tmp_path, "A_20260304120000_PD.dt", f"{head} 0"))
    opened = await shelf.current()
    await take(kept, folder, now=NOW + timedelta(days=1))
    fresher = await shelf.current()

    assert opened.graph.dead > plain.graph.dead
    assert opened.graph.network.node_ids is network.node_ids
    assert opened.graph.network.normal_open == network.normal_open
    assert fresher.graph.network.as_of == NOW + timedelta(days=1)
    assert fresher.graph.zone_of_node is opened.graph.zone_of_node


@pytest.mark.parametrize("form", ["edge", "oberrhein", "ieee123"])
async def test_cases_come_out_of_the_store_as_they_come_out_of_the_folder(
    sqlite_database: Database, form: str
) -> None:
    """Every case in every order: the same class for every customer, the same findings."""
    path = EDGE if form == "edge" else GRID / form
    if not path.exists():
        pytest.skip("the shared data is not beside this checkout")
    kept = store.Networks(sqlite_database)
    await take(kept, path)
    shelf = network_shelf.NetworkShelf(kept)
    report = trace.trace_folder(path, path / "cases.json", reader=network_folder)

    graph = (await shelf.current()).graph
    again = trace.traced(graph, [result.case for result in report.results])
    for result, found in zip(report.results, again, strict=True):
        for order, stored in zip(result.orders, found.orders, strict=True):
            assert stored.verdict.affected() == order.verdict.affected()
            assert stored.verdict.unsupplied == order.verdict.unsupplied
            assert stored.target_live == order.target_live
            assert stored.findings == order.findings


async def test_without_a_network_the_shelf_is_empty(kept: store.Networks) -> None:
    """It says so."""
    with pytest.raises(networks.NoVersion):
        await network_shelf.NetworkShelf(kept).current()


def test_a_full_file_keeps_what_is_newer_than_itself() -> None:
    """Files may come late and out of order."""
    row = SwitchStatus(switch="A", is_open=True, as_of=NOW)
    late = StatusInput(
        name="late", digest="", is_full=True, as_of=NOW - timedelta(hours=1), rows=(), findings=()
    )

    assert overlay.merge({"A": row}, late, ()) == {"A": row}
    assert overlay.merge({"A": row}, replace(late, as_of=NOW), ()) == {}


async def test_a_large_network_is_compared_in_a_process_of_its_own(
    sqlite_database: Database, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answers, and the memory goes with the process."""
    monkeypatch.setattr(networks, "_LARGE", 0)
    kept = store.Networks(sqlite_database)
    await take(kept, folder)
    customers = (folder / "customers.csv").read_text("utf-8").splitlines()
    (folder / "customers.csv").write_text("\n".join(customers[:-1]), "utf-8")
    network = network_folder.read_network(folder).network
    head = network.branch_ids[network.feeders[0].head]

    second = await take(kept, folder, status(tmp_path, "A_20260304120000_PD.dt", f"{head} 0"))
    stands = await network_versions.standing(kept, now=NOW)

    assert second.version is not None
    compared = await network_versions.compare(kept, [second.version.id])
    assert second.difference == compared.difference.as_dict()
    assert compared.difference.customers.removed == (customers[-1].split(",")[0],)
    assert [row.switch for _, row in stands.not_normal] == [head]


async def test_a_network_that_lost_much_of_itself_is_pointed_out(
    kept: store.Networks, folder: Path
) -> None:
    """An export cut short looks like a grid that was taken down; a person decides."""
    customers = (folder / "customers.csv").read_text("utf-8").splitlines()
    first = customers[1].split(",")
    more = [",".join([f"X{number}", *first[1:]]) for number in range(40)]
    (folder / "customers.csv").write_text("\n".join([*customers, *more]), "utf-8")
    await take(kept, folder)
    (folder / "customers.csv").write_text("\n".join(customers), "utf-8")

    report = await take(kept, folder)

    assert "network.shrunk" in {item["code"] for item in report.findings}
