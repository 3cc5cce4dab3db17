"""``notifier import history`` and ``notifier report``, as somebody types them."""

import pytest

from tests.cli.conftest import Desk

HISTORY = (
    "线路名称,台区名称,停电开始时间,送电时间,停电户数\n"
    "10kV西一线,四里台区,2026-02-03 08:00,2026-02-03 10:00,\n"
    "10kV西一线,四里台区,2026-02-10 08:00,2026-02-10 10:00,\n"
    "10kV西一线,四里台区,2026-02-20 08:00,2026-02-20 10:00,\n"
    "10kV东一线,,2026-02-21 08:00,2026-02-21 08:30,5\n"
)
FEBRUARY = ("--from", "2026-02-01", "--to", "2026-03-01")


def test_history_is_looked_at_then_taken_then_recognised(desk: Desk) -> None:
    """A dry run stores nothing; the second time the file is known."""
    file = desk.file("history.csv", HISTORY)

    dry = desk.json("import", "history", file, "--dry-run")["files"][0]
    first = desk.json("import", "history", file)["files"][0]
    second = desk.json("import", "history", file)["files"][0]

    assert (dry["rows"], dry["counts"]) == (4, {})
    assert first["counts"] == {"added": 4, "changed": 0, "known": 0}
    assert second["before"]["counts"] == first["counts"]


def test_a_file_with_a_row_that_cannot_be_counted_is_refused_whole(desk: Desk) -> None:
    """It exits with 1 and says which; --part takes the rest."""
    file = desk.file("history.csv", HISTORY + "10kV北一线,,2026-02-22 08:00,,5\n")

    refused = desk.run("import", "history", file)
    part = desk.json("import", "history", file, "--part")["files"][0]

    assert refused.code == 1
    assert "history.feeder_unknown" in refused.out
    assert "10kV北一线" in refused.out
    assert "--part" in refused.err
    assert part["counts"]["added"] == 4


def test_a_file_that_is_not_there_is_a_finding(desk: Desk) -> None:
    """And costs no other file."""
    answer = desk.run("import", "history", "gone.csv", desk.file("h.csv", HISTORY), "--json")

    assert answer.code == 1
    assert [item["refused"] for item in answer.json["files"]] == [True, False]


def test_the_indices_of_a_month_as_table_json_and_csv(desk: Desk) -> None:
    """The same figures every way: 3 × 2 of 28 customers, and 5 for half an hour."""
    desk.run("import", "history", desk.file("history.csv", HISTORY))

    found = desk.json("report", "reliability", *FEBRUARY, "--by", "feeder")
    table = desk.run("report", "reliability", *FEBRUARY, "--by", "feeder")
    lines = desk.run("report", "reliability", *FEBRUARY, "--by", "month", "--csv").out.splitlines()

    total = found["total"]
    assert (total["served"], total["interruptions"], total["events"]) == (28, 11, 4)
    assert total["saifi"] == pytest.approx(11 / 28, abs=1e-6)
    assert total["customer_hours"] == pytest.approx(3 * 2 * 2 + 5 / 2)
    assert total["cemi"] == pytest.approx(2 / 28, abs=1e-6)
    assert [line["name"] for line in found["lines"]] == ["10kV西一线", "10kV东一线"]
    assert "10kV西一线" in table.out
    assert lines[0].startswith("id,name,within,served,")
    assert lines[1].startswith(",2026-02,,28,")


def test_every_number_leads_to_its_rows(desk: Desk) -> None:
    """Those of one feeder, with the file and the row that say so."""
    desk.run("import", "history", desk.file("history.csv", HISTORY))
    found = desk.json("report", "reliability", *FEBRUARY, "--by", "feeder")
    west = found["lines"][0]["id"]

    rows = desk.json("report", "interruptions", *FEBRUARY, "--by", "feeder", "--id", str(west))

    assert [(row["file"], row["row"], row["area"]) for row in rows["interruptions"]] == [
        ("history.csv", number, "四里台区") for number in (2, 3, 4)
    ]
    assert "history.csv" in desk.run("report", "interruptions", *FEBRUARY).out


def test_the_repeat_list_follows_the_policy_unless_told_otherwise(desk: Desk) -> None:
    """Three in sixty days, or what is asked for."""
    desk.run("import", "history", desk.file("history.csv", HISTORY))

    usual = desk.json("report", "repeats")
    fewer = desk.json("report", "repeats", "--times", "2", "--days", "20")
    none = desk.json("report", "repeats", "--times", "4")

    assert [(p["area"], p["interruptions"], p["customers"]) for p in usual["places"]] == [
        ("四里台区", 3, 2)
    ]
    assert usual["places"][0]["critical"] == usual["places"][0]["sensitive"] == 1
    assert [p["interruptions"] for p in fewer["places"]] == [2]
    assert none["places"] == []
    with pytest.raises(SystemExit, match="2"):
        desk.run("report", "repeats", "--times", "0")


def test_fulfilment_without_announcements_has_no_rate(desk: Desk) -> None:
    """Not a hundred per cent."""
    found = desk.json("report", "fulfilment", *FEBRUARY)

    assert (found["announced"], found["rate"]) == (0, None)
    assert "—" in desk.run("report", "fulfilment", *FEBRUARY).out


def test_a_period_that_runs_backwards_is_refused(desk: Desk) -> None:
    """With its code."""
    answer = desk.run("report", "reliability", "--from", "2026-03-01", "--to", "2026-02-01")

    assert answer.code == 1
    assert "period.invalid" in answer.err
