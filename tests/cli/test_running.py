"""``notifier plan running``: what runs, by whom its end is confirmed, what a later one would push."""

from tests.cli.conftest import Desk


def test_what_runs_is_listed_with_what_a_later_end_would_push(desk: Desk) -> None:
    """Foreseen while the end holds; after a delay the plan that has to move, and to when."""
    path = desk.file(
        "plans.csv",
        "计划编号,停电线路,停电时间,送电时间,施工班组\n"
        "P1,10kV东一线,2026-03-20 08:00,2026-03-20 12:00,检修一班\n"
        "P2,10kV西一线,2026-03-20 12:30,2026-03-20 16:00,检修一班\n",
    )
    desk.run("import", "plans", path, "--as", "wang")
    desk.run("plan", "approve", "P1", "--as", "li")
    nothing = desk.json("plan", "running")
    desk.now = "2026-03-20T11:40"

    foreseen = desk.json("plan", "running")["running"]
    spoken = desk.run("plan", "running")
    desk.run("plan", "delay", "P1", "--until", "2026-03-20T13:00")
    (late,) = desk.json("plan", "running")["running"]
    told = desk.run("plan", "running")

    assert nothing["running"] == []
    (line,) = foreseen
    assert (line["number"], line["phase"], line["is_foreseen"]) == ("P1", "asked", True)
    assert line["crew"] == "检修一班"
    assert [push["number"] for push in line["pushes"]] == ["P2"]
    assert spoken.code == 0
    assert "P1" in spoken.out
    assert "若 P1 拖到 03-20 13:00" in spoken.out
    assert (late["first_promise"], late["promised_at"]) == (
        "2026-03-20T12:00:00+08:00",
        "2026-03-20T13:00:00+08:00",
    )
    assert late["pushes"][0]["suggested"]["starts_at"] == "2026-03-20T13:30:00+08:00"
    assert "P1 延时：P2 03-20 12:30 → 03-20 13:30" in told.out
