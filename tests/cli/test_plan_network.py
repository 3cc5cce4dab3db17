"""Plans on the network by the command line: from files to accounts, proposals, pictures, a newer network."""

import csv
import gzip
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.cli.conftest import Desk

EDGE = Path(__file__).parents[1] / "data" / "grid" / "edge"
GRID = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid"
QUIET = {"unaffected", "dead_before"}


def rows(path: Path) -> Iterator[dict[str, str]]:
    """A table, packed or not."""
    packed = path.with_name(path.name + ".gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    yield from csv.DictReader(raw.decode("utf-8").splitlines())


def ledger_of(desk: Desk, grid: Path) -> Path:
    """The customers of a grid as a 站-线-变-户 ledger."""
    areas = {row["area_id"]: row["name"] for row in rows(grid / "areas.csv")}
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["户号", "户名", "线路名称", "台区编号", "台区名称", "电话"])
    for row in rows(grid / "customers.csv"):
        area = row["area_id"]
        writer.writerow([row["customer_id"], "", "10kV全网线", area, areas.get(area, ""), ""])
    return desk.file("ledger.csv", written.getvalue())


def plan_of(case: dict[str, Any], order: str) -> dict[str, Any]:
    """A case in one order, as JSON for the API."""
    target = case["target"]
    names = target["id"] if isinstance(target["id"], list) else [target["id"]]
    steps = [step.split(" ", 1) for step in case["orders"][order]["steps"]]
    return {
        "number": f"{case['id']}.{order}",
        "windows": [
            {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T18:00:00+08:00"}
        ],
        "switching": {"steps": [{"action": verb, "switch": name} for verb, name in steps]},
        "work": {"kind": target["type"], "names": names},
    }


@pytest.mark.parametrize("grid", ["edge", "oberrhein"])
def test_a_dozen_cases_come_out_account_by_account(desk: Desk, grid: str) -> None:
    """Network and ledger imported, plans with steps handed in, ``plan impact --csv`` as in the reference."""
    folder = EDGE if grid == "edge" else GRID / grid
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    assert desk.run("import", "ledger", ledger_of(desk, folder)).code == 0
    assert desk.run("import", "network", folder).err.endswith("is in force\n")
    cases = json.loads((folder / "cases.json").read_text("utf-8"))["cases"]
    chosen = cases[1 :: len(cases) // 6][:6]
    expected: dict[str, dict[str, str]] = {}
    for row in rows(folder / "expected.csv"):
        for order in ("open_transition", "closed_transition", "mixed"):
            if row[order] and row[order] not in QUIET:
                name = f"{row['case_id']}.{order}"
                expected.setdefault(name, {})[row["customer_id"]] = row[order]
    plans = [plan_of(case, order) for case in chosen for order in case["orders"]]
    desk.run("import", "plans", desk.file("plans.json", json.dumps({"plans": plans})))

    assert len(chosen) == 6
    for plan in plans:
        answer = desk.run("plan", "impact", plan["number"], "--csv")
        found = {row["account"]: row["class"] for row in csv.DictReader(answer.out.splitlines())}
        assert found == expected.get(plan["number"], {}), plan["number"]


@pytest.fixture
def edge(desk: Desk) -> Path:
    """The edge network and its ledger imported, and one plan that names a line section only."""
    folder = desk.folder / "edge"
    shutil.copytree(EDGE, folder)
    desk.run("import", "ledger", ledger_of(desk, folder))
    desk.run("import", "network", folder)
    plan = {
        "number": "P9",
        "windows": [
            {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T18:00:00+08:00"}
        ],
        "work": {"names": ["L1103"]},
    }
    desk.run("import", "plans", desk.file("p9.json", json.dumps({"plans": [plan]})))
    return folder


def test_a_proposal_is_looked_at_drawn_and_confirmed(desk: Desk, edge: Path) -> None:
    """The numbers that were shown are the numbers that come out; the plan says on what it rests."""
    listed = desk.json("plan", "proposals", "P9")
    best = listed["proposals"][0]
    drawn = desk.run("plan", "diagram", "P9", "--proposal", "1", "--svg", "p9.svg")
    stale = desk.run("plan", "confirm", "P9", "--proposal", "1", "--expect", "other")
    confirmed = desk.json(
        "plan", "confirm", "P9", "--proposal", "1", "--expect", listed["key"], "--as", "li"
    )
    shown = desk.run("plan", "impact", "P9")
    known = desk.json("plan", "impact", "P9")

    assert drawn.code == 0
    assert (desk.folder / "p9.svg").read_text("utf-8").startswith("<svg")
    assert (stale.code, "proposal.changed" in stale.err) == (1, True)
    points = confirmed["revision"]["points"]
    assert (points.get("out", 0), points.get("short", 0)) == (best["out"], best["short"])
    assert confirmed["revision"]["content"]["switching"]["steps"]
    assert "by topology, version 1 of 2026-03-01" in shown.out
    assert (known["knowledge"], known["network"]["version"], known["newer"]) == (
        ["topology"],
        1,
        None,
    )
    assert desk.run("plan", "diagram", "P9").out.startswith("<svg")


def test_a_newer_network_is_compared_and_taken(desk: Desk, edge: Path) -> None:
    """One customer fewer at the section: named before, gone after."""
    listed = desk.json("plan", "proposals", "P9")["proposals"]
    isolated = next(item["number"] for item in listed if item["out"])
    desk.run("plan", "confirm", "P9", "--proposal", str(isolated))
    before = desk.json("plan", "impact", "P9")["accounts"]
    out = next(item["account"] for item in before if item["class"] == "out")
    customers = (edge / "customers.csv").read_text("utf-8").splitlines()
    moved = [
        ",".join([*cells[:2], "lv9", "TA9", *cells[4:]]) if cells[0] == out else ",".join(cells)
        for cells in (line.split(",") for line in customers)
    ]
    (edge / "customers.csv").write_text("\n".join(moved), "utf-8")
    desk.run("import", "network", edge)

    told = desk.run("plan", "impact", "P9")
    compared = desk.json("plan", "impact", "P9", "--against-current")
    as_csv = desk.run("plan", "impact", "P9", "--against-current", "--csv")
    blocked = desk.run("plan", "approve", "P9")
    rematched = desk.json("plan", "rematch", "P9", "--note", "新模型")

    assert "version 2 is in force" in told.err
    assert (compared["frozen_on"], compared["now_on"]) == ([1, 0], [2, 0])
    assert [(row["account"], row["change"]) for row in compared["accounts"]] == [(out, "changed")]
    assert as_csv.out.splitlines()[1].startswith(f"{out},changed,unknown")
    assert (blocked.code, "impact.model_changed" in blocked.err) == (1, True)
    assert rematched["revision"]["change"] == "rematched"
    assert rematched["plan"]["state"] == "submitted"


def test_what_has_no_steps_has_no_picture(desk: Desk, edge: Path) -> None:
    """A refusal, and its code."""
    answer = desk.run("plan", "diagram", "P9")

    assert (answer.code, "diagram.nothing" in answer.err) == (1, True)


def test_a_dry_run_foresees_by_topology(desk: Desk, edge: Path) -> None:
    """Nothing is stored, and the numbers are those of the trace."""
    case = json.loads((edge / "cases.json").read_text("utf-8"))["cases"][1]
    plan = plan_of(case, "open_transition")
    counts = case["orders"]["open_transition"]["customers"]

    answer = desk.run(
        "import", "plans", desk.file("dry.json", json.dumps(plan)), "--dry-run", "--json"
    )

    foreseen = answer.json["plans"][0]["foreseen"]
    assert foreseen["points"] == {name: n for name, n in counts.items() if n and name not in QUIET}
    assert "plan.not_found" in desk.run("plan", "show", plan["number"]).err


def test_a_spreadsheet_with_switching_steps_is_matched_switch_by_switch(
    desk: Desk, edge: Path
) -> None:
    """As a bureau writes it: 操作步骤 and 工作地点 beside the line; account by account as the reference."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["计划编号", "停电线路", "停电时间", "工作内容", "操作步骤", "工作地点"])
    sheet.append(
        ["X-1", "10kV全网线", "2026年3月20日8:00-17:30", "更换导线",
         "1.断开R1_O开关、R2_I开关；2.合上 TIE_11_21联络开关", "L1103"]
    )  # fmt: skip
    path = desk.folder / "plans.xlsx"
    book.save(path)

    taken = desk.json("import", "plans", path)
    answer = desk.run("plan", "impact", "X-1", "--csv")
    shown = desk.run("plan", "show", "X-1", "--no-preview").out

    case = json.loads((edge / "cases.json").read_text("utf-8"))["cases"][1]
    assert case["open"] == ["R1_O", "R2_I"]
    expected = {
        row["customer_id"]: row["open_transition"]
        for row in rows(edge / "expected.csv")
        if row["case_id"] == case["id"] and row["open_transition"] not in ("", *QUIET)
    }
    found = {row["account"]: row["class"] for row in csv.DictReader(answer.out.splitlines())}
    assert found == expected
    assert not [f for f in taken["plans"][0]["taken"]["findings"] if f["severity"] == "error"]
    assert "拉开 open R1_O开关；拉开 open R2_I开关；合上 close TIE_11_21联络开关" in shown
    assert "工作地点 work: L1103" in shown
