"""The demonstration: its bureau, its files, its reckoning, and one month of it from end to end."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.demo import bureau, grid, meeting, plans, reckoning, section, staff, walk
from notifier.domain.delivery import TOLD, DeliveryState
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.finding import Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, steps, trace, zones
from notifier.domain.notice import Facts
from notifier.domain.plan import PlanKind, Transition
from notifier.intake import ledger, network_csv
from notifier.intake import plans as plan_files
from notifier.usecases.postings import photo_type
from notifier.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).parents[2]


def test_the_bureau_is_as_large_as_promised_and_the_same_every_time() -> None:
    """20,000 usage points, 8 feeders, 200 areas; a seed tells the same story again."""
    first, again = bureau.build(7), bureau.build(7)

    assert first.rows == again.rows
    assert first.rows != bureau.build(8).rows
    assert len({row[5] for row in first.rows}) >= 20_000
    assert len({area.feeder for area in first.areas}) == 8
    assert sum(area.is_public for area in first.areas) >= 200


def test_the_ledger_files_are_read_with_a_finding_for_each_kind_of_bad_data(tmp_path: Path) -> None:
    """A workbook and a GB18030 text file; nothing of what is wrong in them goes unseen."""
    files = bureau.write(bureau.build(7), tmp_path)

    outline = ledger.read_ledger(files).outline

    assert outline.points >= 20_000
    assert outline.finding_counts.keys() >= {
        "account.duplicate", "account.missing", "account.two_areas", "area.missing",
        "phone.invalid", "phone.landline", "phone.precision_lost",
    }  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the network model of the demonstration's bureau."""
    return grid.write(grid.build(bureau.build(7)), tmp_path_factory.mktemp("grid"))


def test_the_network_goes_with_the_ledger_and_leaves_two_feeders_out(network: Path) -> None:
    """The same names and accounts as in the ledger; it is read without an error."""
    town = bureau.build(7)
    modelled = {area.feeder for area in town.areas if area.station != grid.LEFT_OUT}

    read = network_csv.read_folder(network)

    model = read.network
    assert {doubt.code for doubt in read.findings} == {"network.customer_without_area"}
    assert {feeder.name for feeder in model.feeders} == modelled
    assert len({area.feeder for area in town.areas} - modelled) == 2
    assert dict(zip(model.area_ids, model.area_names, strict=True)) == {
        area.code: area.name for area in town.areas if area.feeder in modelled
    }
    assert set(model.customer_ids) == {
        account for account, area in town.homes.items() if area.feeder in modelled
    }
    assert sum(model.normal_open) == 8, "six ties and two bus couplers"
    names = [model.branch_names[branch] for branch in range(len(model.branch_ids))]
    assert len(names) == len(set(names)), "a dispatch name means one thing"


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (
            [grid.section_switch("新城线", 2), grid.section_switch("新城线", 5)],
            [grid.tie_switch("湖滨线", "新城线")],
        ),
        (
            [grid.cable_switch("人民线", 1, 2), grid.cable_switch("人民线", 3, 1)],
            [grid.tie_switch("人民线", "学府线")],
        ),
        (["工业线913开关"], [grid.tie_switch("工业线", "物流线")]),
    ],
)
def test_the_own_walk_and_the_trace_of_the_service_agree(
    network: Path, opens: list[str], closes: list[str]
) -> None:
    """Two programs that share nothing say the same of every customer."""
    model = network_csv.read_folder(network).network

    walked = walk.fates(network, walk.Switching.by_open_transition(opens, closes))
    verdict = classify.classify(
        trace.trace(zones.build(model), steps.in_order(steps.Order.OPEN, opens, closes))
    )

    affected = verdict.affected()
    traced = {
        account: affected.get(customer, ImpactClass.UNAFFECTED)
        for customer, account in enumerate(model.customer_ids)
    }
    said = {
        walk.Fate.OUT: {ImpactClass.OUT},
        walk.Fate.SHORT: {ImpactClass.SHORT},
        walk.Fate.HALVED: {ImpactClass.LOST_ONE_SOURCE},
        walk.Fate.UNAFFECTED: {ImpactClass.UNAFFECTED},
    }
    assert [a for a, fate in walked.items() if traced[a] not in said[fate]] == []
    assert len(set(walked.values())) >= 2


def test_the_plan_files_say_what_the_story_needs(tmp_path: Path) -> None:
    """Three layouts, some forty plans, every kind; one row contradicts itself and is not guessed."""
    programme = plans.write(bureau.build(7), 7, tmp_path)

    drafts = {
        draft.content.number: draft
        for department, file in programme.files.items()
        for draft in plan_files.read_plans(
            file, zone=ZONE, published=date(2026, 3, 1), department=department
        ).plans
    }

    cast = programme.cast
    assert len(drafts) == sum(programme.numbers.values()) >= 40
    assert {draft.content.kind for draft in drafts.values()} >= {
        PlanKind.PLANNED, PlanKind.SHORT_NOTICE, PlanKind.SHORT_TRANSFER,
    }  # fmt: skip
    errors = {
        number: [f.code for f in draft.findings if f.severity is Severity.ERROR]
        for number, draft in drafts.items()
    }
    assert {number: codes for number, codes in errors.items() if codes} == {
        cast.doubtful: ["date.weekday_mismatch"]
    }
    assert drafts[cast.short].content.transfers[0].transition is Transition.OPEN
    assert drafts[cast.live].content.transfers[0].transition is Transition.CLOSED
    assert drafts[cast.transferred].content.windows
    assert len(drafts[cast.transferred].content.transfers[0].spans) == 2
    switching = drafts[cast.section].content.switching
    assert switching is not None
    assert [(step.switch, step.action is steps.Action.OPEN) for step in switching.steps] == list(
        programme.section.switching.steps
    )
    assert set(programme.repeated) <= drafts.keys()
    names = {item.name for item in drafts[cast.rescoped].content.equipment}
    assert cast.removed in names
    assert cast.added not in names


def test_each_photograph_is_a_png_of_its_own() -> None:
    """The same photograph twice would be the same finish."""
    one, other = staff.photo("door 1"), staff.photo("door 2")

    assert photo_type(one, 1 << 20) == "image/png"
    assert one != other
    assert one == staff.photo("door 1")


@pytest.fixture(scope="module")
def month(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A month of a small bureau, from the command line to its last line; as long as the machine needs."""
    folder = tmp_path_factory.mktemp("demo") / "month"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "notifier", "demo", "--exit"),
            *("--size=0.1", f"--folder={folder}"),
        ],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("NOTIFIER_")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    return folder, done


@pytest.mark.slow
def test_a_month_adds_up(month: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Everything that was due was sent, once, and the ledger and the gateways agree to the message."""
    _, done = month

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "✗" not in done.stdout
    for happened in (
        *("改期到", "取消", "延时送电", "增减台区", "提前", "中断", "丢应答"),
        *("平衡会", "与另行推算逐户核对一致"),
    ):
        assert happened in done.stdout


@pytest.mark.slow
def test_the_reckoning_sees_what_is_missing_doubled_and_made_up(
    month: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """It is no rubber stamp: a message taken away, repeated or invented is told."""
    folder, _ = month
    taken = _as_taken(folder)
    assert reckoning.reckon(folder, taken).faults == []

    repeated = reckoning.reckon(folder, [*taken, taken[0]])
    lost = reckoning.reckon(folder, taken[1:])
    made_up = reckoning.reckon(folder, [*taken, taken[0] | {"address": "13000000000"}])

    assert (repeated.doubled, lost.missing, made_up.surplus) == (1, 1, 1)
    assert len(repeated.faults) == len(lost.faults) == len(made_up.faults) == 1


@pytest.mark.slow
def test_the_section_outage_is_checked_customer_by_customer_and_word_by_word(
    month: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """Another switching, or another message than the right one of the two, is told."""
    folder, _ = month
    taken = _as_taken(folder)
    without_tie = walk.Switching(steps=plans.SECTION.switching.steps[:-1])
    swapped = {plans.SECTION.hours: plans.SECTION.seconds}

    right = section.check(folder, plans.SECTION, taken)
    wrong_switches = section.check(folder, replace(plans.SECTION, switching=without_tie), taken)
    wrong_words = section.check(
        folder, plans.SECTION, [m | {"text": swapped.get(m["text"], m["text"])} for m in taken]
    )
    silent = section.check(folder, plans.SECTION, [])

    assert right.faults == []
    assert min(right.points[walk.Fate.OUT], right.points[walk.Fate.SHORT]) > 0
    assert right.points[walk.Fate.UNAFFECTED] > 0
    assert any("逐户" in fault or "应为" in fault for fault in wrong_switches.faults)
    assert len(wrong_words.faults) == 1
    assert "should hear out" in wrong_words.faults[0]
    assert silent.contacts[walk.Fate.SHORT] < right.contacts[walk.Fate.SHORT]


@pytest.mark.slow
def test_the_meeting_spares_interruptions_and_its_figures_are_counted_again(
    month: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """Fewer than asked for, by the rows of the database; a figure that they do not bear out is told."""
    folder, _ = month
    with closing(sqlite3.connect(f"file:{folder / 'notifier.db'}?mode=ro", uri=True)) as database:
        (said,) = database.execute("SELECT summary FROM coordination_run").fetchone()
        rows = database.execute("SELECT number, detail FROM coordination_item").fetchall()
    summary = json.loads(said)
    items = [{"number": number, **json.loads(detail)} for number, detail in rows]
    right = _meeting(summary, items)
    boasting = _meeting(summary | {"proposed": summary["proposed"] | {"interruptions": 0}}, items)
    idle = _meeting(summary, [item | {"to": item["from"]} for item in items])

    for met in (right, boasting, idle):
        meeting.recount(folder, met)

    assert right.faults == []
    assert summary["proposed"]["interruptions"] < summary["asked"]["interruptions"]
    assert len(boasting.faults) == 1
    assert any("spared nobody" in fault for fault in idle.faults)


def _meeting(summary: dict[str, Any], items: list[dict[str, Any]]) -> meeting.Meeting:
    return meeting.Meeting(number=1, summary=summary, items=items, accepted=[], refused=[])


def _said(facts: Facts) -> str:
    """As much of a message of the section outage as is looked at: its hours, united where other works
    share the outage, or its seconds."""
    if facts.number != plans.SECTION.number:
        return ""
    if facts.impact_class is not ImpactClass.OUT:
        return plans.SECTION.seconds if facts.impact_class is ImpactClass.SHORT else ""
    windows = facts.windows or facts.told_windows
    ends = [at for window in windows for at in (window.starts_at, window.ends_at)]
    return "-".join(f"{at.astimezone(ZONE):%H:%M}" for at in (min(ends), max(ends)))


def _as_taken(folder: Path) -> list[dict[str, str]]:
    """The gateways' books as they must have been, written from the ledger's side."""
    vault = Vault.load_or_create(folder / "notifier.keys.json")
    connection = sqlite3.connect(f"file:{folder / 'notifier.db'}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT d.id, d.batch_id, d.state, n.medium, c.phone_sealed, c.openid, c.push_token,"
        " EXISTS (SELECT 1 FROM receipt t WHERE t.delivery_id = d.id), n.facts"
        " FROM delivery d JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
        " JOIN contact c ON c.id = d.contact_id ORDER BY n.medium DESC, d.id"
    ).fetchall()
    connection.close()
    messages = []
    for number, batch, state, medium, sealed, openid, token, has_receipt, facts in rows:
        left = state in TOLD or (state == DeliveryState.FAILED and has_receipt)
        if not left or medium == "posting":
            continue
        if medium == "sms":
            place = ("aliyun", vault.open(sealed).removeprefix("+86"), f"{batch}-0")
        elif medium == "wechat":
            place = ("wechat", openid, str(number))
        else:
            place = ("jpush", token, "")
        text = _said(facts_from_dict(json.loads(facts)))
        fields = ("provider", "address", "key", "text")
        messages.append(dict(zip(fields, (*place, text), strict=True)))
    sms = [message for message in messages if message["provider"] == "aliyun"]
    return sms + [message for message in messages if message["provider"] != "aliyun"]
