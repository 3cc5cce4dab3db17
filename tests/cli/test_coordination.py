"""Coordinating on the command line: check, meeting, accept, constraints, dry runs."""

from pathlib import Path

from tests.cli.conftest import Desk

PLANS = """编号,线路名称,停电开始时间,停电结束时间,申请单位
P1,10kV东一线,2026-03-20 08:00,2026-03-20 18:00,检修
P2,10kV东一线,2026-03-24 08:00,2026-03-24 18:00,业扩
P3,10kV西一线,2026-03-24 08:00,2026-03-24 18:00,基建
"""
#: A third work on the feeder of the first two.
MORE = """编号,线路名称,停电开始时间,停电结束时间,申请单位
P4,10kV东一线,2026-03-27 08:00,2026-03-27 18:00,基建
"""
WISHES = """
[[window]]
plan = "P1"
fixed = true
"""


def test_a_dry_run_says_what_else_takes_the_areas_out(desk: Desk) -> None:
    """One more key a plan; the shape that stays stable is as it was."""
    answer = desk.run("import", "plans", desk.file("plans.csv", PLANS), "--dry-run", "--json").json

    first = answer["plans"][0]
    assert {"number", "kind", "windows", "equipment", "findings", "foreseen"} <= first.keys()
    assert [other["number"] for other in first["coordination"]["others"]] == ["P2"]
    assert first["coordination"]["suggestions"][0]["kind"] == "merge"


def test_a_plan_is_checked(desk: Desk) -> None:
    """For machines and for people."""
    taken = desk.json("import", "plans", desk.file("plans.csv", PLANS))["plans"]
    assert [plan["coordination"]["hit_again"] for plan in taken] == [16, 16, 0]

    shown = desk.json("coordinate", "--check", "P2")
    words = desk.run("coordinate", "--check", "P2").out
    unknown = desk.run("coordinate", "--check", "P9")

    assert (shown["number"], shown["hit_again"]) == ("P2", 16)
    assert "再次停电 hit again 16" in words
    assert "建议 better 1: 2026-03-20 08:00" in words
    assert (unknown.code, unknown.err.split(":")[0]) == (1, "plan.not_found")


def test_the_check_says_what_moving_another_work_too_would_save(desk: Desk) -> None:
    """One sentence more, where no move of the plan alone brings as much; in a dry run as well."""
    desk.run("import", "plans", desk.file("plans.csv", PLANS))

    dry = desk.run("import", "plans", desk.file("more.csv", MORE), "--dry-run", "--json").json
    desk.run("import", "plans", desk.file("more.csv", MORE))
    shown = desk.json("coordinate", "--check", "P2")
    words = desk.run("coordinate", "--check", "P2").out

    assert {item["number"] for item in dry["plans"][0]["coordination"]["moving_too"]} == {
        "P1",
        "P2",
    }
    assert {item["number"] for item in shown["moving_too"]} == {"P1", "P4"}
    assert shown["moving_too"][0]["reason"] in words


def test_a_meeting_is_held_drawn_shown_and_accepted(desk: Desk) -> None:
    """With the bureau's wish that one plan stays, the other comes to it."""
    desk.run("import", "plans", desk.file("plans.csv", PLANS))
    taken = desk.run("import", "constraints", desk.file("wishes.toml", WISHES))
    drawing = desk.folder / "march.svg"

    run = desk.json(
        "coordinate", "--from", "2026-03-10", "--to", "2026-04-05", "--seconds", "2",
        "--svg", drawing,
    )  # fmt: skip
    again = desk.run("coordinate", "--run", str(run["id"])).out
    done = desk.json("coordinate", "--accept", str(run["id"]), "--only", "P2")
    plan = desk.json("plan", "show", "P2")["plan"]

    assert taken.code == 0
    items = {item["number"]: item for item in run["items"]}
    assert items["P1"]["frozen"] == "fixed"
    assert (items["P2"]["outcome"], items["P2"]["spared_repeats"]) == ("merged", 16)
    assert drawing.read_text("utf-8").startswith("<svg")
    assert "重复停电户次 repeats" in again
    assert done["items"] == [{"number": "P2", "accepted": True, "revision": 2, "why": ""}]
    assert plan["starts_at"] == "2026-03-20T08:00:00+08:00"
    assert desk.run("coordinate", "--accept", str(run["id"]), "--only", "P2").code == 1


def test_constraints_that_are_wrong_change_nothing(desk: Desk) -> None:
    """The mistake says where it stands; a dry run stores nothing either."""
    wrong = desk.file("wrong.toml", '[[crew]]\nname = "一班"\nper_day = "many"')
    right = desk.file("right.toml", WISHES)

    refused = desk.run("import", "constraints", wrong)
    dry = desk.run("import", "constraints", right, "--dry-run", "--json")
    missing = desk.run("import", "constraints", Path("nothing.toml"))

    assert refused.code == 1
    assert "constraints.invalid" in refused.out
    assert dry.json["constraints"]["window"][0]["plan"] == "P1"
    assert missing.err.startswith("table.not_found")


def test_a_meeting_says_who_is_carried_by_whom(desk: Desk) -> None:
    """In the note of the work that is done otherwise than asked."""
    desk.run("import", "plans", desk.file("plans.csv", PLANS))
    transfer = '[[transfer]]\nplan = "P1"\nareas = ["一里台区"]\ntie_feeder = "西一线"\n'
    desk.run("import", "constraints", desk.file("transfer.toml", transfer))

    said = desk.run(
        "coordinate", "--from", "2026-03-10", "--to", "2026-03-22", "--seconds", "2"
    ).out

    held = desk.run(
        "coordinate", "--from", "2026-03-10", "--to", "2026-03-22", "--seconds", "2",
        "--as-asked", "P1",
    ).out  # fmt: skip

    assert "由10kV西一线转供 carried: 一里台区" in said
    assert "转供 carried" not in held
