"""``notifier plan join`` and ``part``: plans told as one, by hand."""

import pytest

from tests.cli.conftest import Desk


@pytest.fixture
def two(desk: Desk) -> Desk:
    """P1 and P2 take 东一线 out on the 20th from 8, until 12 and 14."""
    path = desk.file(
        "plans.csv",
        "计划编号,停电线路,停电时间,送电时间,工作内容,部门\n"
        "P1,10kV东一线,2026-03-20 08:00,2026-03-20 12:00,更换开关,检修\n"
        "P2,10kV东一线,2026-03-20 08:00,2026-03-20 14:00,检修变压器,检修\n",
    )
    desk.run("import", "plans", path, "--as", "wang")
    return desk


def test_plans_are_joined_shown_and_parted(two: Desk) -> None:
    """The second plan would tell nobody once the first is approved: its people are told with it."""
    joined = two.json("plan", "join", "P1", "P2", "--as", "wang")
    two.run("plan", "approve", "P1", "--as", "li")
    shown = two.json("plan", "show", "P2")
    spoken = two.run("plan", "show", "P2").out
    parted = two.json("plan", "part", "P2", "--as", "wang")
    alone = two.json("plan", "show", "P2")

    assert joined == {"number": "P1", "joint": ["P2"]}
    assert shown["joint"] == ["P1"]
    assert "同停 told as one with: P1" in spoken
    assert shown["preview"]["recipients"] == 0
    assert {item["reason"] for item in shown["preview"]["skipped"]} == {"told_with:P1"}
    assert parted == {"number": "P2", "joint": []}
    assert (alone["joint"], alone["preview"]["recipients"]) == ([], 19)


def test_parting_a_plan_that_is_alone_is_refused(two: Desk) -> None:
    """In one line, with status 1."""
    answer = two.run("plan", "part", "P1")

    assert answer.code == 1
    assert "joint.none" in answer.err
