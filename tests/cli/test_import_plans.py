"""``notifier import plans``: the door's shape, nothing touched by a dry run, a file sent twice."""

import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from notifier import cli
from tests.cli.conftest import Desk

PLANS = (
    "计划编号,停电线路,停电时间,送电时间,工作内容\n"
    "P1,10kV东一线,2026-03-20 08:00,2026-03-20 18:00,更换开关\n"
    "P2,10kV西一线,2026-03-21 08:00,,更换开关\n"
)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh machine: no settings, no database."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dry_run(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = cli.main(["import", "plans", str(path), "--dry-run", "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def test_a_dry_run_on_a_fresh_machine_prints_the_door_s_shape(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Source, number, kind, equipment, windows with offset, text and row, findings; exactly these
    keys at the top, and beside the promised ones only ``rows`` and the content of a plan."""
    path = nowhere / "plans.csv"
    path.write_text(PLANS, "utf-8")

    code, found = dry_run(path, capsys)

    first, second = found["plans"]
    assert set(found) == {"plans", "findings"}
    assert first["source"] == {"file": "plans.csv", "sheet": "", "row": 2}
    assert (first["number"], first["kind"]) == ("P1", "planned")
    assert [item["text"] for item in first["equipment"]] == ["10kV东一线"]
    assert [set(window) for window in first["windows"]] == [{"starts_at", "ends_at", "text", "row"}]
    assert first["windows"][0]["starts_at"] == "2026-03-20T08:00:00+08:00"
    assert datetime.fromisoformat(first["windows"][0]["ends_at"]).utcoffset() is not None
    assert first["windows"][0]["row"] == 2
    for finding in first["findings"] + second["findings"]:
        assert {"code", "severity", "column", "found", "expected"} <= set(finding)
    assert [f["row"] for f in second["findings"] if f["severity"] == "error"] == [3]
    assert code == 1
    assert list(nowhere.iterdir()) == [path]


def test_the_publication_date_completes_dates(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A date without a year is a finding without --published, and a window with it."""
    path = nowhere / "plans.csv"
    path.write_text("停电线路,停电时间\n10kV东一线,3月20日8:00-18:00\n", "utf-8")

    without, bare = dry_run(path, capsys)
    code, dated = dry_run(path, capsys, "--published", "2026-03-01")

    assert without == 1
    assert not bare["plans"][0]["windows"]
    assert code == 0
    assert dated["plans"][0]["windows"][0]["starts_at"] == "2026-03-20T08:00:00+08:00"


def test_a_file_that_is_no_table_costs_no_other_file(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a finding with its name, and so is one that is not there."""
    good, bad = nowhere / "good.csv", nowhere / "bad.xlsx"
    good.write_text(PLANS.replace("P2", "P3"), "utf-8")
    bad.write_bytes(b"PK\x03\x04 and no more")

    code = cli.main(
        ["import", "plans", str(bad), str(good), str(nowhere / "none.csv"), "--dry-run", "--json"]
    )

    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [plan["number"] for plan in found["plans"]] == ["P1", "P3"]
    errors = {f["file"]: f["code"] for f in found["findings"] if f["severity"] == "error"}
    assert set(errors) == {"bad.xlsx", "none.csv"}
    assert errors["none.csv"] == "table.not_found"


def test_plans_come_as_json_too(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the API's shape; each mistake is named by its place."""
    window = {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T18:00:00+08:00"}
    plan = {"number": "J1", "equipment": [{"name": "10kV东一线"}], "windows": [window]}
    good, bad = nowhere / "good.json", nowhere / "bad.json"
    good.write_text(json.dumps({"plans": [plan]}))
    bad.write_text(json.dumps([plan | {"windows": [window | {"ends_at": "soon"}]}]))

    good_code, taken = dry_run(good, capsys)
    bad_code, refused = dry_run(bad, capsys)

    assert (good_code, bad_code) == (0, 1)
    assert taken["plans"][0]["windows"][0]["ends_at"] == "2026-03-20T18:00:00+08:00"
    assert refused["findings"][0]["code"] == "json.invalid"
    assert "windows.0.ends_at" in refused["findings"][0]["column"]


def test_a_dry_run_beside_a_ledger_says_whom_it_would_touch(desk: Desk) -> None:
    """Where there is a database it is asked, and stays as it is."""
    path = desk.file("plans.csv", PLANS.replace("10kV西一线", "10kV没有线"))

    answer = desk.run("import", "plans", path, "--dry-run", "--json")

    first, second = answer.json["plans"]
    assert first["foreseen"]["points"] == {"out": 16}
    assert second["foreseen"]["points"] == {}
    assert desk.json("plan", "list") == {"plans": []}


def test_an_import_stores_each_plan_and_says_so(desk: Desk) -> None:
    """One bad row is a draft, does not lose the others, and makes the exit code 1."""
    answer = desk.run("import", "plans", desk.file("plans.csv", PLANS), "--as", "wang", "--json")

    assert answer.code == 1
    taken = [plan["taken"]["outcome"] for plan in answer.json["plans"]]
    assert taken == ["new", "refused"]
    assert answer.json["files"][0]["counts"] == {"new": 1, "refused": 1}
    states = {plan["number"]: plan["state"] for plan in desk.json("plan", "list")["plans"]}
    assert states == {"P1": "submitted", "P2": "draft"}


def test_equipment_that_the_ledger_does_not_know_is_said_at_once(desk: Desk) -> None:
    """Not only when somebody tries to approve the plan."""
    path = desk.file(
        "plans.csv", PLANS.splitlines()[0] + "\nP9,10kV没有线,2026-03-20 08:00,2026-03-20 18:00,x\n"
    )

    answer = desk.run("import", "plans", path)

    assert answer.code == 1
    assert "equipment.unknown" in answer.out
    assert "3 行" not in answer.out
    assert "2 行" in answer.out


def test_a_file_sent_twice_is_recognised_by_its_content(desk: Desk) -> None:
    """Under another name too; what people changed since is not undone, unless somebody insists."""
    text = "\n".join(PLANS.splitlines()[:2])
    desk.run("import", "plans", desk.file("a.csv", text), "--as", "wang")
    desk.run("plan", "revise", "P1", "--window", "2026-03-22T08:00/2026-03-22T12:00")

    again = desk.run("import", "plans", desk.file("b.csv", text), "--json")
    spoken = desk.run("import", "plans", desk.folder / "b.csv")
    kept = desk.json("plan", "show", "P1", "--no-preview")
    insisted = desk.run("import", "plans", desk.folder / "b.csv", "--again", "--json")

    assert again.code == 0
    before = again.json["files"][0]["before"]
    assert (before["name"], before["received_by"], before["counts"]) == (
        "a.csv",
        "wang",
        {"new": 1},
    )
    assert "file.seen_before" in {finding["code"] for finding in again.json["findings"]}
    assert "came before as a.csv" in spoken.err
    assert kept["plan"]["revision"] == 2
    assert insisted.json["files"][0]["counts"] == {"revised": 1}


def test_a_workbook_is_read_beside_its_sheets(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sheet and row are those of the workbook."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "三月"
    for row in [line.split(",") for line in PLANS.splitlines()[:2]]:
        sheet.append(row)
    workbook.save(nowhere / "plans.xlsx")

    code, found = dry_run(nowhere / "plans.xlsx", capsys)

    assert code == 0
    assert found["plans"][0]["source"] == {"file": "plans.xlsx", "sheet": "三月", "row": 2}
