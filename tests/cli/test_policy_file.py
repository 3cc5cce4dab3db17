"""A policy in the settings: the first is in force by itself, a changed one waits to be applied, loudly."""

from importlib import resources

import pytest

from notifier.intake.policies import read_policy_file
from tests.cli.conftest import Desk

_PLAN = (
    "计划编号,停电线路,停电时间,送电时间,工作内容\n"
    "P1,10kV东一线,2026-03-20 08:00,2026-03-20 18:00,更换开关\n"
)


def _policy(desk: Desk, lead: str) -> None:
    """The shipped policy as a file of the bureau's own, with another lead for the reminder."""
    text = (desk.folder / "shipped.toml").read_text("utf-8")
    changed = text.replace('lead = "22h"', f'lead = "{lead}"')
    assert changed != text or lead == "22h"
    desk.file("own.toml", changed)


@pytest.fixture
def own(desk: Desk) -> Desk:
    """Settings that name a file."""
    shipped = resources.files("notifier.policies").joinpath("cn.toml").read_text("utf-8")
    desk.file("shipped.toml", shipped)
    _policy(desk, "22h")
    path = desk.folder / "notifier.toml"
    path.write_text(path.read_text() + '[policy]\nfile = "own.toml"\n')
    return desk


def _import_a_plan(desk: Desk) -> None:
    assert desk.run("import", "plans", desk.file("p.csv", _PLAN), "--as", "wang").code == 0


def test_the_policy_of_the_settings_is_in_force_from_the_first_start(own: Desk) -> None:
    """On record like any other, by the settings."""
    shown = own.json("policy", "show")

    assert (shown["applied_by"], shown["awaiting"]) == ("settings", "")
    assert shown["body"] == read_policy_file(str(own.folder / "own.toml"))


def test_until_the_first_plan_a_changed_file_is_followed(own: Desk) -> None:
    """Whoever sets the service up edits it a few times; nobody was told anything yet."""
    own.json("policy", "show")
    _policy(own, "20h")

    shown = own.json("policy", "show")

    assert shown["awaiting"] == ""
    assert shown["body"] == read_policy_file(str(own.folder / "own.toml"))


def test_with_plans_a_changed_file_waits_and_everything_says_so(own: Desk) -> None:
    """Starting again alters nothing; status, the policy itself and the health of the service tell."""
    _import_a_plan(own)
    before = own.json("policy", "show")
    _policy(own, "20h")

    shown, status = own.json("policy", "show"), own.json("status")

    assert shown["version"] == before["version"] == status["policy"]["version"]
    assert "policy apply" in shown["awaiting"] == status["policy"]["awaiting"]
    assert "policy apply" in own.run("status").out
    assert "policy apply" in own.run("policy", "show").out


def test_applying_the_changed_file_ends_the_waiting(own: Desk) -> None:
    """By an act, with the plans looked at again."""
    _import_a_plan(own)
    own.run("plan", "approve", "P1", "--as", "li")
    _policy(own, "20h")

    applied = own.json("policy", "apply", "own.toml", "--as", "li")
    shown = own.json("policy", "show")

    assert applied["plans_marked"] == 1
    assert (shown["applied_by"], shown["awaiting"]) == ("li", "")


def test_another_policy_that_was_applied_is_no_difference_to_be_told_of(own: Desk) -> None:
    """The settings are as they were then. When the file changes afterwards, that is told."""
    _import_a_plan(own)
    own.json("policy", "apply", "gb", "--as", "li")

    quiet = own.json("status")
    _policy(own, "20h")
    loud = own.json("status")

    assert (quiet["policy"]["name"], quiet["policy"]["awaiting"]) == ("gb", "")
    assert "policy apply" in loud["policy"]["awaiting"]


def test_a_file_that_is_gone_keeps_nobody_from_being_told(own: Desk) -> None:
    """The one in force holds. At the first start it is refused."""
    _import_a_plan(own)
    (own.folder / "own.toml").unlink()

    answer = own.run("dispatch", "--once")

    assert answer.code == 0
    assert own.json("policy", "show")["applied_by"] == "settings"
