"""What the commands report once messages leave: status, evidence, exceptions, channels, policy."""

import json
from datetime import datetime, timedelta

import pytest

from notifier.channel import Accepted, Batch, ChannelStop, Outcome, Permanent, RetryAfter
from tests.cli.conftest import Desk


@pytest.fixture
def told(desk: Desk) -> Desk:
    """P1 is approved, its advance notices are out; A004's phone is dead."""
    path = desk.file(
        "plans.csv",
        "计划编号,停电线路,停电时间,送电时间,工作内容\n"
        "P1,10kV东一线,2026-03-20 08:00,2026-03-20 18:00,更换开关\n"
        "P2,10kV西一线,2026-04-20 08:00,2026-04-20 18:00,更换开关\n",
    )
    desk.run("import", "plans", path, "--as", "wang")
    desk.run("plan", "approve", "P1", "--as", "li")
    desk.run("plan", "approve", "P2", "--as", "li")
    desk.run("dispatch", "--once")
    desk.channels["sms"].answers.extend([dead, dead, dead])
    for desk.now in ("2026-03-13T10:00", "2026-03-13T10:01"):
        desk.run("dispatch", "--once")  # what failed is put right in the next round
    return desk


def dead(batch: Batch) -> list[Outcome]:
    """The provider's answer."""
    return [
        Permanent(code="dead") if message.address.endswith("00004") else Accepted(reference="r1")
        for message in batch.messages
    ]


def test_status_counts_every_delivery_once(told: Desk) -> None:
    """By state, medium and reason, per plan and in all; the parts add up to the whole."""
    found = told.json("status")

    everything = found["deliveries"]
    plan = next(item for item in found["plans"] if item["number"] == "P1")
    assert everything["total"] == sum(everything["by_state"].values())
    assert everything["total"] == sum(row["count"] for row in everything["by"])
    assert everything["by_reason"]["failed"] == {"dead": 1}
    assert everything["by_medium"]["sms"]["failed"] == 1
    assert everything["by_medium"]["posting"] == {"accepted": 2}
    assert plan["deliveries"]["by_state"] == everything["by_state"]
    assert set(everything["by"][0]) == {"state", "medium", "reason", "count"}
    assert found["reconcile"]["due"] == 0
    told_now = sum(len(channel.told) for channel in told.channels.values())
    assert everything["by_state"]["accepted"] == told_now


def test_status_is_narrowed_to_plans(told: Desk) -> None:
    """Another plan has nothing to report; a plan that is not there is refused."""
    other = told.json("status", "--plan", "P2")

    assert [plan["number"] for plan in other["plans"]] == ["P2"]
    assert other["deliveries"]["total"] == 0
    assert told.run("status", "--plan", "none").code == 1
    spoken = told.run("status").out
    assert "failed" in spoken
    assert "dead" in spoken


def test_evidence_is_everything_in_order(told: Desk) -> None:
    """Every kind, in the order of time; each delivery once, with its masked number."""
    found = told.json("evidence", "--plan", "P1")

    records = found["records"]
    times = [datetime.fromisoformat(record["at"]) for record in records]
    kinds = {record["kind"] for record in records}
    outcomes = [record for record in records if record["kind"] == "outcome"]
    assert times == sorted(times)
    assert {
        "revision",
        "approval",
        "decision",
        "notice",
        "batch",
        "attempt",
        "outcome",
        "audit",
    } <= kinds
    assert len(outcomes) == told.json("status", "--plan", "P1")["deliveries"]["total"]
    failed = [record for record in outcomes if record["state"] == "failed"]
    assert [(record["reason"], record["to"]) for record in failed] == [("dead", "+86 138****0004")]
    assert "3月20日" in next(r["text"] for r in records if r["kind"] == "notice")
    assert found["count"] == len(records)
    assert not found["truncated"]
    assert len(found["audit_head"]) == 64
    assert "+8613800000004" not in json.dumps(found)


def test_evidence_is_narrowed_to_one_customer(told: Desk) -> None:
    """What A004 was told: by its own phone, and by the paper in its area."""
    found = told.json("evidence", "--plan", "P1", "--account", "A004")

    outcomes = [record for record in found["records"] if record["kind"] == "outcome"]
    assert {record["medium"] for record in outcomes} == {"sms", "posting"}
    assert [r["contact"] for r in outcomes if r["medium"] == "sms"] == [4]
    assert told.run("evidence", "--plan", "P1", "--account", "none").err.startswith(
        "account.not_found"
    )
    one = told.json("evidence", "--plan", "P1", "--contact", "4", "--kind", "outcome")
    assert one["count"] == 1


def test_evidence_can_be_cut(told: Desk) -> None:
    """The first records of many, and it says that more follow."""
    found = told.json("evidence", "--plan", "P1", "--limit", "3")
    spoken = told.run("evidence", "--plan", "P1", "--limit", "3")

    assert (found["count"], len(found["records"]), found["truncated"]) == (3, 3, True)
    assert len(spoken.out.splitlines()) == 3
    assert "more follow" in spoken.err


def test_somebody_whom_nothing_reaches_is_on_the_list_until_closed(told: Desk) -> None:
    """With an owner; closing says how, and it is on record."""
    listed = told.json("exceptions", "list")["exceptions"]
    item = next(row for row in listed if row["kind"] == "not_reached")

    closed = told.run("exceptions", "close", str(item["id"]), "--how", "上门通知", "--as", "zhao")
    again = told.run("exceptions", "close", str(item["id"]), "--how", "x")
    after = told.json("exceptions", "list", "--plan", "P1", "--all")["exceptions"]

    assert (item["plan"], item["people"], item["owner"]) == ("P1", 1, "operations")
    assert closed.code == 0
    assert again.err.startswith("exception.not_found: ")
    assert next(r for r in after if r["id"] == item["id"])["closed_how"] == "上门通知"
    assert "上门通知" in told.run("exceptions", "list", "--all").out


def test_a_stopped_channel_is_listed_and_started(told: Desk) -> None:
    """Its messages go by the other account meanwhile."""
    told.channels["sms"].answers.extend([ChannelStop(code="isv.OUT_OF_SERVICE")] * 3)
    for told.now in ("2026-03-19T10:05", "2026-03-19T10:07"):
        told.run("dispatch", "--once")

    stopped = told.json("channels", "list")["channels"][0]
    shown = told.run("channels", "list").out
    told.run("channels", "start", "sms", "--as", "wang")

    assert stopped["stopped_why"].startswith("isv.OUT_OF_SERVICE")
    assert "isv.OUT_OF_SERVICE" in shown
    assert told.json("channels", "list")["channels"][0]["stopped_at"] is None
    # The account is left after its first step: the number that is dead there is tried here, too.
    assert len(told.channels["spare"].told) == 17
    assert told.run("channels", "start", "off").err.startswith("channel.not_found: ")


def test_a_channel_says_whether_it_is_well(desk: Desk) -> None:
    """Exit code 1 when it is not."""
    well = desk.run("channels", "check", "sms")
    desk.channels["sms"].is_well = False

    unwell = desk.run("channels", "check", "sms", "--json")

    assert well.code == 0
    assert (unwell.code, unwell.json["is_well"]) == (1, False)


def test_templates_to_register_have_places_for_variables(desk: Desk) -> None:
    """As gateways want them."""
    found = desk.json("channels", "templates", "--medium", "sms")["templates"]

    assert {row["medium"] for row in found} == {"sms"}
    assert "${when}" in next(row["text"] for row in found if row["template"] == "advance.sms.zh")
    assert "advance.sms.zh" in desk.run("channels", "templates").out


def test_a_policy_is_looked_at_before_it_is_applied(told: Desk) -> None:
    """What it alters is told first; afterwards it is the one in force, by the same version."""
    checked = told.json("policy", "check", "gb")
    spoken = told.run("policy", "check", "cn")
    applied = told.json("policy", "apply", "gb", "--as", "li")
    shown = told.json("policy", "show")

    assert {row["change"] for row in checked["summary"]} <= {"added", "removed", "moved", "changed"}
    assert checked["altered"]
    assert "nothing would change" in spoken.out
    assert applied["plans_marked"] == 2
    assert (shown["name"], shown["applied_by"]) == ("gb", "li")
    assert shown["version"] == checked["policy"]["version"]
    assert told.run("policy", "show").code == 0
    assert told.run("policy", "check", "none.toml").err.startswith("policy.invalid: ")


def test_whoever_opted_out_is_not_told(told: Desk) -> None:
    """The phone is in no output, audit row or log; undone, the person is told again."""
    said = told.run("optout", "138 0000 0005", "--medium", "sms", "--as", "zhao")
    for told.now in ("2026-03-19T10:05", "2026-03-19T10:07"):
        told.run("dispatch", "--once")
    reminded = [m.address for m in told.channels["sms"].told]
    back = told.json("optout", "13800000005", "--medium", "sms", "--undo")

    assert said.code == 0
    assert "+86 138****0005" in said.out
    assert reminded.count("+8613800000005") == 1  # the advance notice, and no reminder
    assert reminded.count("+8613800000006") == 2
    assert back["opted_out"] is False
    assert told.run("optout", "13900000000", "--medium", "sms").err.startswith("contact.not_found")
    assert told.run("optout", "12", "--medium", "sms").err.startswith("phone.invalid")


def test_dispatch_says_what_it_did(desk: Desk) -> None:
    """Nothing to do is an answer too."""
    answer = desk.json("dispatch", "--once")

    assert answer["batches"] == 0
    assert answer["outcomes"] == {}
    assert desk.run("dispatch", "--once").code == 0


def test_a_busy_provider_is_asked_again_later(told: Desk) -> None:
    """Not in the same round: what was put off is not due."""
    told.channels["sms"].answers.append(RetryAfter(delay=timedelta(minutes=5), code="busy"))
    told.now = "2026-03-19T10:05"

    told.run("dispatch", "--once")
    waiting = told.json("status")["deliveries"]
    told.now = "2026-03-19T10:11"
    told.run("dispatch", "--once")
    after = told.json("status")["deliveries"]

    assert list(waiting["by_reason"]["scheduled"]) == ["busy"]
    assert "scheduled" not in after["by_state"]
    assert after["total"] == waiting["total"]
