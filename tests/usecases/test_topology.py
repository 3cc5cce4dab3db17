"""Plans with switching, from the network and the ledger to the frozen points, class by class."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import named
from notifier.domain.plan import PlanContent, PlanKind, Switching
from notifier.domain.window import Window
from notifier.intake.ledger_process import LedgerReader
from notifier.intake.network_process import NetworkReader
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.store.ledger_load import LedgerLoader
from notifier.store.networks import Networks
from notifier.usecases import ledger, networks, plans, submitting
from notifier.usecases.network_shelf import NetworkShelf
from notifier.vault import Vault

EDGE = Path(__file__).parents[1] / "data" / "grid" / "edge"
GRID = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid"
NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
OUTAGE = Window(NOW + timedelta(days=20), NOW + timedelta(days=20, hours=10))


def rows(path: Path) -> Iterator[dict[str, str]]:
    """A table, packed or not."""
    packed = path.with_name(path.name + ".gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    yield from csv.DictReader(raw.decode("utf-8").splitlines())


def ledger_of(grid: Path, into: Path) -> Path:
    """The customers of a grid as a 站-线-变-户 ledger: feeders by name, where the trace puts the area."""
    areas = {row["area_id"]: row["name"] for row in rows(grid / "areas.csv")}
    path = into / "ledger.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["户号", "户名", "变电站", "线路名称", "台区编号", "台区名称", "电话"])
        for row in rows(grid / "customers.csv"):
            feeder = feeder_of(grid.name, row)
            writer.writerow(
                [
                    row["customer_id"],
                    "",
                    "",
                    feeder,
                    row["area_id"],
                    areas.get(row["area_id"], ""),
                    "",
                ]
            )
    return path


def feeder_of(grid: str, row: dict[str, str]) -> str:
    """One made-up feeder for all: which one it is does not matter to the trace."""
    return f"10kV{grid}全网线"


async def world(database: Database, vault: Vault, grid: Path, into: Path) -> Ledger:
    """Ledger and network of a grid in one store."""
    kept = Networks(database)
    await networks.import_network(kept, NetworkReader([grid]), now=NOW, actor="test")
    await ledger.import_ledger(
        LedgerLoader(database, vault),
        LedgerReader([ledger_of(grid, into)]),
        now=NOW,
        actor="test",
    )
    return Ledger(database, NetworkShelf(kept))


def content(case: dict[str, Any], order: str) -> PlanContent:
    """A case in one order, as a plan."""
    steps = [step.split(" ", 1) for step in case["orders"][order]["steps"]]
    return PlanContent(
        number=f"{case['id']}/{order}",
        kind=PlanKind.PLANNED,
        windows=(OUTAGE,),
        switching=Switching(
            steps=tuple(Step(action=Action(verb), switch=name) for verb, name in steps)
        ),
        work=named(case["target"]["type"], case["target"]["id"]),
    )


async def submit(store: Ledger, plan: PlanContent) -> None:
    await submitting.submit(
        store, submitting.Incoming(content=plan, source={"file": "test"}), now=NOW, actor="wang"
    )


async def classes(store: Ledger, number: str) -> dict[str, str]:
    """Account to class, of the frozen impact."""
    plan = await plans.find(store, number)
    async with store.read() as tx:
        revision = await tx.plans.revision(plan.id, plan.revision)
        found = tx.impacts.points(revision.id, revision.points_id)
        return {account: group.impact_class.value async for account, group in found}


def expected(grid: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Case and order to account and class; blank where the case has no such order."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows(grid / "expected.csv"):
        for order in ("open_transition", "closed_transition", "mixed"):
            if row[order]:
                found.setdefault((row["case_id"], order), {})[row["customer_id"]] = row[order]
    return found


@pytest.mark.parametrize(("grid", "every"), [("edge", 2), ("oberrhein", 4)])
async def test_the_frozen_impact_is_that_of_the_reference_class_by_class(
    sqlite_database: Database, vault: Vault, tmp_path: Path, grid: str, every: int
) -> None:
    """From network and ledger files through submitted plans to the accounts that are frozen."""
    folder = EDGE if grid == "edge" else GRID / grid
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    store = await world(sqlite_database, vault, folder, tmp_path)
    reference = expected(folder)
    cases = json.loads((folder / "cases.json").read_text("utf-8"))["cases"][::every]

    assert len(cases) >= 12
    for case in cases:
        for order in case["orders"]:
            plan = content(case, order)
            await submit(store, plan)

            wanted = {
                account: name
                for account, name in reference.get((case["id"], order), {}).items()
                if name not in ("unaffected", "dead_before")
            }
            assert await classes(store, plan.number) == wanted, plan.number
