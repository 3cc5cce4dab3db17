"""``notifier import ledger``: counts and findings, a dry run that touches nothing, the sheet to correct."""

import json
from pathlib import Path

import openpyxl
import pytest

from notifier import cli
from tests.cli.conftest import Desk

LEDGER = (
    "变电站,线路名称,台区编号,台区名称,户号,户名,联系电话\n"
    "110kV城关变,10kV南一线,0101,南里台区,N001,张三,13811110001\n"
    "110kV城关变,10kV南一线,0101,南里台区,N002,李四,1381111\n"
)


def test_a_dry_run_on_a_fresh_machine_counts_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts and findings in the door's shape; no file is made."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ledger.csv"
    path.write_text(LEDGER, "utf-8")

    cli.main(["import", "ledger", str(path), "--dry-run", "--json"])

    found = json.loads(capsys.readouterr().out)
    counts = found["counts"]
    names = ("usage_points", "areas", "feeders", "contacts", "added", "changed", "gone")
    assert {name: counts[name] for name in names} == {
        "usage_points": 2, "areas": 1, "feeders": 1, "contacts": counts["contacts"],
        "added": 2, "changed": 0, "gone": 0,
    }  # fmt: skip
    phone = next(f for f in found["findings"] if f["code"] == "phone.invalid")
    assert {"code", "severity", "column", "found", "expected"} <= set(phone)
    assert phone["row"] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_an_import_adds_then_changes_nothing(desk: Desk) -> None:
    """Twice the same file is once the same ledger; a dry run beside it compares with what is there."""
    path = desk.file("ledger.csv", LEDGER)

    first = desk.json("import", "ledger", path)
    dry = desk.json("import", "ledger", path, "--dry-run")
    second = desk.json("import", "ledger", path)

    assert (first["counts"]["added"], first["dry_run"]) == (2, False)
    assert (dry["counts"]["added"], dry["counts"]["unchanged"], dry["dry_run"]) == (0, 2, True)
    assert second["counts"] == dry["counts"]


def test_the_sheet_to_correct_masks_phones_unless_asked(desk: Desk) -> None:
    """The findings stand beside the rows; phones in full only for whoever sent them."""
    path = desk.file("ledger.csv", LEDGER)
    masked, full = desk.folder / "masked.xlsx", desk.folder / "full.xlsx"

    answer = desk.run("import", "ledger", path, "--dry-run", "--report", masked)
    desk.run("import", "ledger", path, "--dry-run", "--report", full, "--with-phones")

    assert "masked.xlsx: 1 行" in answer.err
    assert "13811110001" not in _text(masked)
    assert "phone.invalid" in _text(masked)
    assert "13811110001" in _text(full)


def test_a_file_that_is_cut_short_is_refused(desk: Desk) -> None:
    """So many customers do not vanish overnight; --allow-gone says that they did."""
    rows = [f"110kV城关变,10kV南一线,0101,南里台区,N{n:03d},用户{n},138{n:08d}" for n in range(40)]
    head = LEDGER.splitlines()[0]
    desk.run("import", "ledger", desk.file("all.csv", "\n".join([head, *rows])))
    short = desk.file("short.csv", "\n".join([head, *rows[:10]]))

    refused = desk.run("import", "ledger", short)
    allowed = desk.json("import", "ledger", short, "--allow-gone")

    assert refused.code == 1
    assert refused.err.startswith("ledger.too_many_gone: ")
    assert refused.out == ""
    assert allowed["counts"]["gone"] == 30


def test_a_missing_file_is_a_refusal(desk: Desk) -> None:
    """Nothing is read when one of several files is not there."""
    answer = desk.run("import", "ledger", desk.file("a.csv", LEDGER), desk.folder / "none.csv")

    assert answer.code == 1
    assert answer.err.startswith("table.not_found: ")


def _text(path: Path) -> str:
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    return "\n".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)
