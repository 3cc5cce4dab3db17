"""``notifier plan``: looking at plans and changing them, each change a revision with its difference."""

import csv
import io
import json

import pytest

from notifier.domain.plan import content_as_dict
from tests.cli.conftest import Desk
from tests.usecases import town


@pytest.fixture
def planned(desk: Desk) -> Desk:
    """P1 takes 东一线 out on the 20th from 8 to 18; wang submitted it."""
    path = desk.file(
        "plans.csv",
        "计划编号,停电线路,停电时间,送电时间,工作内容,部门\n"
        "P1,10kV东一线,2026-03-20 08:00,2026-03-20 18:00,更换开关,检修\n",
    )
    desk.run("import", "plans", path, "--as", "wang")
    return desk


def test_the_list_is_filtered_by_state_and_days(planned: Desk) -> None:
    """Times carry the utility's offset."""
    listed = planned.json("plan", "list")["plans"]

    assert [plan["number"] for plan in listed] == ["P1"]
    assert listed[0]["starts_at"] == "2026-03-20T08:00:00+08:00"
    assert planned.json("plan", "list", "--state", "approved")["plans"] == []
    assert planned.json("plan", "list", "--from", "2026-03-21")["plans"] == []
    assert planned.json("plan", "list", "--until", "2026-03-20")["plans"] == []
    assert "P1" in planned.run("plan", "list").out


def test_a_plan_shows_what_it_would_send(planned: Desk) -> None:
    """Revisions with their differences, findings, and every notice with people, time and words."""
    shown = planned.json("plan", "show", "P1")
    spoken = planned.run("plan", "show", "P1")

    assert [r["points"] for r in shown["revisions"]] == [{"out": 16}]
    assert shown["revisions"][0]["source"]["windows"][0]["row"] == 2
    assert shown["preview"]["recipients"] == 19
    assert {line["stage"] for line in shown["preview"]["lines"]} == {"advance", "reminder"}
    assert spoken.code == 0
    assert shown["preview"]["recipients_hash"] in spoken.out
    assert "3月20日" in spoken.out


def test_impact_is_a_line_an_account_and_window(planned: Desk) -> None:
    """The door: account,class,starts_at,ends_at; ISO 8601 with the local offset."""
    answer = planned.run("plan", "impact", "P1", "--csv")

    rows = list(csv.reader(io.StringIO(answer.out)))
    assert rows[0] == ["account", "class", "starts_at", "ends_at"]
    assert rows[1] == ["A001", "out", "2026-03-20T08:00:00+08:00", "2026-03-20T18:00:00+08:00"]
    assert [row[0] for row in rows[1:]] == [f"A{n:03d}" for n in range(1, 17)]


def test_impact_is_told_by_area_and_as_json(planned: Desk) -> None:
    """The same, for other readers."""
    areas = planned.json("plan", "impact", "P1", "--by-area")["areas"]
    table = planned.run("plan", "impact", "P1", "--by-area", "--csv").out
    accounts = planned.json("plan", "impact", "P1")

    assert [(area["area"], area["points"]) for area in areas] == [("一里台区", 10), ("二里台区", 6)]
    assert table.splitlines()[0] == "code,area,feeder,points,class,starts_at,ends_at"
    assert len(accounts["accounts"]) == 16
    assert accounts["accounts"][0]["windows"][0]["ends_at"] == "2026-03-20T18:00:00+08:00"
    assert "out" in planned.run("plan", "impact", "P1").out


def test_a_revision_says_who_is_affected_otherwise(planned: Desk) -> None:
    """Moved and narrowed: some are no longer affected, the others at another time."""
    window = town.window(22, 8, 12)
    content = content_as_dict(
        town.plan("P1", feeders=(), areas=("一里台区", "三里台区"), windows=(window,))
    )
    path = planned.file("content.json", json.dumps(content))

    answer = planned.run("plan", "revise", "P1", "--from", path, "--note", "改期", "--json")
    changed = planned.json("plan", "diff", "P1")
    table = planned.run("plan", "diff", "P1", "--csv").out.splitlines()

    assert answer.code == 0, answer.err
    assert answer.json["revision"]["difference"] == {
        "added": 10, "removed": 6, "changed": 10, "unchanged": 0,
    }  # fmt: skip
    by_change: dict[str, int] = {}
    for item in changed["accounts"]:
        by_change[item["change"]] = by_change.get(item["change"], 0) + 1
    assert by_change == {"added": 10, "removed": 6, "changed": 10}
    assert changed["compared_with"] == 1
    assert table[0].startswith("account,change,class,starts_at,ends_at,was_class")
    assert table[1] == (
        "A001,changed,out,2026-03-22T08:00:00+08:00,2026-03-22T12:00:00+08:00,"
        "out,2026-03-20T08:00:00+08:00,2026-03-20T18:00:00+08:00"
    )
    assert "改期" in planned.run("plan", "show", "P1").out


def test_an_approval_names_its_recipients(planned: Desk) -> None:
    """Only for the recipients that were looked at; an edit voids it."""
    seen = planned.json("plan", "show", "P1")["preview"]["recipients_hash"]

    stale = planned.run("plan", "approve", "P1", "--as", "li", "--expect", "0" * 64)
    signed = planned.run("plan", "approve", "P1", "--as", "li", "--expect", seen, "--json")
    twice = planned.run("plan", "approve", "P1", "--as", "li")
    planned.run("plan", "revise", "P1", "--window", "2026-03-21T08:00/2026-03-21T12:00")
    after = planned.json("plan", "show", "P1")

    assert (stale.code, stale.err.split(":")[0]) == (1, "approval.stale")
    assert (signed.code, signed.json["approved_by"]) == (0, "li")
    assert (twice.code, twice.err.split(":")[0]) == (1, "plan.approved")
    assert after["plan"]["state"] == "submitted"
    assert after["approvals"][0]["voided_why"].startswith("revision 2")


def test_the_course_of_a_plan(planned: Desk) -> None:
    """Delayed, restored; and then closed to every change."""
    planned.run("plan", "approve", "P1", "--as", "li")
    planned.now = "2026-03-20T12:00"

    delayed = planned.json("plan", "delay", "P1", "--until", "2026-03-20T20:00", "--note", "返工")
    early = planned.run("plan", "restore", "P1", "--at", "2026-03-20T19:30")
    planned.now = "2026-03-20T19:40"
    restored = planned.json("plan", "restore", "P1", "--at", "2026-03-20T19:30")
    late = planned.run("plan", "cancel", "P1", "--note", "x")
    spoken = planned.run("plan", "show", "P1")

    assert delayed["plan"]["ends_at"] == "2026-03-20T20:00:00+08:00"
    assert (early.code, early.err.split(":")[0]) == (1, "window.invalid")
    assert (restored["plan"]["state"], restored["plan"]["restored_at"]) == (
        "done",
        "2026-03-20T19:30:00+08:00",
    )
    assert (late.code, late.err.split(":")[0]) == (1, "plan.closed")
    assert spoken.code == 0


def test_a_cancelled_plan_keeps_whom_it_concerned(planned: Desk) -> None:
    """Whoever was told has to be told so."""
    answer = planned.run("plan", "cancel", "P1", "--note", "保电", "--as", "wang")

    assert answer.code == 0
    assert "cancelled" in answer.out
    assert "out 16" in answer.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "show", "none"), "plan.not_found"),
        (("plan", "impact", "P1", "--revision", "7"), "revision.not_found"),
        (("plan", "delay", "P1", "--until", "2026-03-19T20:00"), "window.invalid"),
        (
            ("plan", "revise", "P1", "--window", "2026-03-22T12:00/2026-03-22T08:00"),
            "window.invalid",
        ),
        (("plan", "revise", "P1", "--from", "none.json"), "file.unusable"),
        (("plan", "revise", "P1", "--from", "notifier.toml"), "json.invalid"),
        (("plan", "restore", "P1"), "plan.closed"),
    ],
)
def test_a_refusal_is_one_line_with_its_code(
    planned: Desk, arguments: tuple[str, ...], code: str
) -> None:
    """On standard error, without a trace; the exit code is 1 and standard output is empty."""
    answer = planned.run(*arguments)

    assert answer.code == 1
    assert answer.err.startswith(f"{code}: ")
    assert answer.err.count("\n") == 1
    assert answer.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "delay", "P1", "--until", "20:00 tomorrow"),
        ("plan", "delay", "P1", "--until", "2026-03-20"),
        ("plan", "revise", "P1"),
        ("plan", "revise", "P1", "--window", "2026-03-22T08:00"),
        ("plan", "list", "--from", "march"),
        ("plan",),
        (),
        ("plan", "list", "--sta", "draft"),
    ],
)
def test_what_is_no_command_is_usage(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Exit code 2, as shells expect."""
    with pytest.raises(SystemExit) as stop:
        desk.run(*arguments)

    assert stop.value.code == 2
