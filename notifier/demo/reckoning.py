"""The reckoning: what the service's ledger says against what the gateways took, message by message.

An auditor's look from outside: the database is opened read-only, phones are unsealed with the keys
beside it, and nothing of the service's own counting is used.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.customer import Reach
from notifier.domain.delivery import TOLD, BatchState, DeliveryState
from notifier.domain.impact import KEEPS_SUPPLY, ImpactClass
from notifier.domain.notice import CORRECTIONS
from notifier.domain.plan import PlanState
from notifier.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
#: Local hours from and until which seconds without supply wake nobody who does not have to know.
_NIGHT = (21, 8)
#: The media that the demonstration has.
_MEDIA = Reach.SMS | Reach.WECHAT | Reach.PUSH | Reach.POSTING
#: News of less than half a day, in milliseconds.
_BRIEF = 12 * 3_600_000
_TOLD = frozenset(int(state) for state in TOLD)
_D = DeliveryState
_CORRECTIONS = frozenset(stage.value for stage in CORRECTIONS)
_MEDIUM_OF_PROVIDER = {"aliyun": Medium.SMS, "wechat": Medium.WECHAT, "jpush": Medium.PUSH}


_PLANS = """
    SELECT p.id, p.number, p.kind, p.state, r.content FROM plan p
    JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision ORDER BY p.starts_at, p.id
"""
_REVISIONS = """
    SELECT r.id, r.plan_id, r.points_id,
           (SELECT sum(a.recipients) FROM approval a WHERE a.revision_id = r.id) AS signed
    FROM plan_revision r WHERE r.cells IS NOT NULL
"""
#: Everybody whom a revision touches, each with the class of the group; written for this purpose
#: alone, from the ledger's tables.
TOUCHED = """
    WITH hit AS (
        SELECT usage_point_id, group_number FROM impact_point WHERE points_id = :points
    )
    SELECT contact_id, group_number FROM hit JOIN point_contact USING (usage_point_id)
    UNION SELECT pc.contact_id, hit.group_number FROM hit
        JOIN usage_point u ON u.id = hit.usage_point_id
        JOIN place_contact pc ON pc.subject = 1 AND pc.subject_id = u.building_id
    UNION SELECT pc.contact_id, ia.group_number FROM impact_area ia
        JOIN place_contact pc ON pc.subject = 2 AND pc.subject_id = ia.area_id
        WHERE ia.points_id = :points
"""
_DELIVERIES = """
    SELECT d.id, d.batch_id, d.contact_id, d.state, d.code, c.plan_id, c.stage, c.occasion, c.rung,
           p.state AS plan_state, n.expires_at - max(n.due_at, n.created_at) AS life,
           n.id AS notice_id, n.medium, b.channel, b.state AS batch_state, b.reason AS batch_reason,
           r.number AS revision,
           EXISTS (SELECT 1 FROM receipt t WHERE t.delivery_id = d.id) AS has_receipt
    FROM delivery d
    JOIN campaign c ON c.id = d.campaign_id
    JOIN plan p ON p.id = c.plan_id
    JOIN batch b ON b.id = d.batch_id
    JOIN notice n ON n.id = b.notice_id
    JOIN plan_revision r ON r.id = n.revision_id
"""


@dataclass(slots=True, kw_only=True)
class PlanLine:
    """One plan of the table. Every contact it touches is counted in exactly one of the fields from
    ``told`` to ``other``; ``fallback`` and ``corrected`` are parts of ``told``. ``joint`` are told by
    another plan of the same outage."""

    number: str
    kind: str
    state: str
    works: str
    affected: int = 0
    told: int = 0
    posted: int = 0
    failed: int = 0
    unreachable: int = 0
    unposted: int = 0
    spared: int = 0
    joint: int = 0
    other: int = 0
    fallback: int = 0
    corrected: int = 0
    exceptions: int = 0
    open_exceptions: int = 0
    signed: int | None = None
    is_joint: bool = False
    messages: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether the parts are the whole, and those who could be told are what the approver signed.
        Which plan of a joint outage speaks to whom may change after both were signed."""
        tellable = self.told + self.posted + self.failed + self.unposted
        whole = tellable + self.unreachable + self.spared + self.joint
        return whole == self.affected and (self.is_joint or self.signed in (None, tellable))


@dataclass(slots=True, kw_only=True)
class Reckoning:
    """The whole comparison. ``faults`` are sentences; without any, everything adds up."""

    lines: list[PlanLine] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    failover: int = 0
    too_late: int = 0
    fallback_too_late: int = 0
    stale_news: int = 0
    waiting: int = 0
    doubled: int = 0
    missing: int = 0
    surplus: int = 0
    uncertain: int = 0
    faults: list[str] = field(default_factory=list)


def reckon(folder: Path, taken: Sequence[Mapping[str, Any]]) -> Reckoning:
    """Compares ``notifier.db`` in the folder with the messages that the gateways took. Blocks."""
    vault = Vault.load_or_create(folder / "notifier.keys.json")
    with closing(_open(folder / "notifier.db")) as connection:
        found = Reckoning()
        deliveries = [dict(row) for row in connection.execute(_DELIVERIES)]
        _count_plans(connection, deliveries, found)
        _compare(connection, deliveries, taken, vault, found)
    return found


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


# --- Plan by plan -------------------------------------------------------------------------------


def _count_plans(
    connection: sqlite3.Connection, deliveries: Sequence[Mapping[str, Any]], found: Reckoning
) -> None:
    by_plan: dict[int, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for delivery in deliveries:
        by_plan[delivery["plan_id"]][delivery["contact_id"]].append(delivery)
    joint = {row["plan_id"] for row in connection.execute("SELECT plan_id FROM joint_outage")}
    spoken_for: dict[int, list[int]] = defaultdict(list)
    for row in connection.execute("SELECT plan_id, notice_id FROM spoken_for"):
        spoken_for[row["notice_id"]].append(row["plan_id"])
    told_with: dict[int, set[int]] = defaultdict(set)
    for delivery in deliveries:
        for plan_id in spoken_for.get(delivery["notice_id"], ()):
            told_with[plan_id].add(delivery["contact_id"])
    silent = {
        (row["revision_id"], row["number"]): _is_silent(row["class"], json.loads(row["windows"]))
        for row in connection.execute(
            "SELECT revision_id, number, class, windows FROM impact_group"
        )
    }
    reachable = {
        row["id"]
        for row in connection.execute("SELECT id, reach FROM contact")
        if row["reach"] & _MEDIA
    }
    revisions: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for row in connection.execute(_REVISIONS):
        revisions[row["plan_id"]].append(row)
    for plan in connection.execute(_PLANS).fetchall():
        touched: dict[int, set[bool]] = defaultdict(set)
        for revision in revisions[plan["id"]]:
            for contact, group in connection.execute(TOUCHED, {"points": revision["points_id"]}):
                touched[contact].add(silent[revision["id"], group])
        line = _line(plan, touched, by_plan[plan["id"]], reachable, told_with[plan["id"]])
        signed = [row["signed"] for row in revisions[plan["id"]] if row["signed"]]
        same = {row["points_id"] for row in revisions[plan["id"]]}
        # A scope change has more people in all than any one revision.
        line.is_joint = plan["id"] in joint
        line.signed = signed[0] if signed and len(same) == 1 else None
        counts = connection.execute(
            "SELECT count(*), coalesce(sum(closed_at IS NULL), 0) FROM exception WHERE plan_id = ?",
            (plan["id"],),
        ).fetchone()
        line.exceptions, line.open_exceptions = counts
        found.lines.append(line)
        if not line.adds_up:
            found.faults.append(
                f"{line.number}: {line.affected} ≠ {line.told}+{line.posted}+{line.failed}+"
                f"{line.unreachable}+{line.unposted}+{line.spared}+{line.joint} (+{line.other}?), "
                f"signed {line.signed}"
            )
    for delivery in deliveries:
        if delivery["state"] == _D.DROPPED and delivery["code"] == "too_late":
            # A first medium that fails at the last moment leaves no time for the next one: whoever
            # was not reached then is on a person's list. News for some hours only, which are half a
            # second here, may be stale before it leaves, and so is what was called off meanwhile.
            called_off = delivery["plan_state"] == PlanState.CANCELLED
            if delivery["rung"] > 0:
                found.fallback_too_late += 1
            elif delivery["life"] < _BRIEF or (
                called_off and delivery["stage"] not in _CORRECTIONS
            ):
                found.stale_news += 1
            else:
                found.too_late += 1
    if found.too_late:
        found.faults.append(f"{found.too_late} 条过期未发 / messages were dropped as too late")
    found.waiting = connection.execute(
        "SELECT coalesce(sum(size), 0) FROM batch WHERE state < ?", (int(BatchState.SENT),)
    ).fetchone()[0]
    if found.waiting:
        found.faults.append(f"{found.waiting} 条仍在队列 / messages still wait in the queue")


def _is_silent(impact_class: str, windows: Iterable[Sequence[str]]) -> bool:
    """Whether somebody may hear nothing of it: supply stays on, or seconds are lost while they sleep."""
    if impact_class in KEEPS_SUPPLY:
        return True
    moments = [datetime.fromisoformat(text).astimezone(ZONE) for pair in windows for text in pair]
    asleep = all(at.hour >= _NIGHT[0] or at.hour < _NIGHT[1] for at in moments)
    return impact_class == ImpactClass.SHORT and asleep


def _line(
    plan: Mapping[str, Any],
    touched: Mapping[int, set[bool]],
    by_contact: Mapping[int, Sequence[Mapping[str, Any]]],
    reachable: Collection[int],
    told_with: Collection[int],
) -> PlanLine:
    works = json.loads(plan["content"])["works"]
    line = PlanLine(number=plan["number"], kind=plan["kind"], state=plan["state"], works=str(works))
    contacts = set(touched) | set(by_contact)
    line.affected = len(contacts)
    for contact in contacts:
        deliveries = by_contact.get(contact, ())
        told = [d for d in deliveries if d["medium"] != "posting" and d["state"] in _TOLD]
        line.messages += len(told)
        if told:
            line.told += 1
            line.fallback += any(d["rung"] > 0 for d in told)
            line.corrected += any(d["stage"] in _CORRECTIONS for d in told)
        elif any(d["medium"] == "posting" and d["state"] == _D.DELIVERED for d in deliveries):
            line.posted += 1
        elif any(d["medium"] == "posting" for d in deliveries):
            line.unposted += 1
        elif any(d["state"] == _D.FAILED or d["rung"] > 0 for d in deliveries):
            line.failed += 1
        elif not deliveries and contact in told_with:
            line.joint += 1
        elif not deliveries and all(touched.get(contact, ())):
            line.spared += 1
        elif not deliveries and contact not in reachable:
            line.unreachable += 1
        else:
            line.other += 1
    return line


# --- Message by message ---------------------------------------------------------------------------


def _compare(
    connection: sqlite3.Connection,
    deliveries: Iterable[Mapping[str, Any]],
    taken: Sequence[Mapping[str, Any]],
    vault: Vault,
    found: Reckoning,
) -> None:
    """Each (address, plan, stage, occasion, revision) that the ledger says was told stands exactly
    once at a gateway, and nothing stands there of which the ledger does not know."""
    addresses = {
        row["id"]: row
        for row in connection.execute("SELECT id, phone_sealed, openid, push_token FROM contact")
    }
    sms: dict[tuple[int, str], int] = {}
    wechat: dict[str, int] = {}
    push: Counter[str] = Counter()
    sure: set[int] = set()
    phones: dict[int, str] = {}
    for delivery in deliveries:
        contact = delivery["contact_id"]
        state, medium = delivery["state"], delivery["medium"]
        # What failed without a receipt was refused at once, or never left: it stands at no gateway.
        left = state in _TOLD or (state == _D.FAILED and delivery["has_receipt"])
        if medium == Medium.SMS:
            if contact not in phones:
                phones[contact] = vault.open(addresses[contact]["phone_sealed"]).removeprefix("+86")
            sms[delivery["batch_id"], phones[contact]] = delivery["id"]
        elif medium == Medium.WECHAT:
            wechat[str(delivery["id"])] = delivery["id"]
        if not left or medium == Medium.POSTING:
            continue
        found.sent[medium] += 1
        found.failover += delivery["channel"] == "sms_backup"
        if medium == Medium.PUSH:
            push[addresses[contact]["push_token"]] += 1
        elif state in (_D.UNCERTAIN, _D.UNCONFIRMED):
            found.uncertain += 1
        else:
            sure.add(delivery["id"])
    seen: Counter[int] = Counter()
    pushed: Counter[str] = Counter()
    for message in taken:
        medium = _MEDIUM_OF_PROVIDER[message["provider"]]
        found.taken[medium] += 1
        if medium is Medium.PUSH:
            pushed[message["address"]] += 1
            continue
        if medium is Medium.SMS:
            batch, _, _ = message["key"].partition("-")
            known = sms.get((int(batch) if batch.isdecimal() else -1, message["address"]))
        else:
            known = wechat.get(message["key"].partition("-")[0])
        if known is None:
            found.surplus += 1
        else:
            seen[known] += 1
    found.doubled = sum(count - 1 for count in seen.values())
    found.missing = len(sure - seen.keys()) + sum((push - pushed).values())
    found.surplus += sum((pushed - push).values())
    for number, words in (
        (found.doubled, "条重复 / messages arrived twice"),
        (found.missing, "条台账有、网关无 / messages are in the ledger and at no gateway"),
        (found.surplus, "条网关有、台账无 / messages are at a gateway and not in the ledger"),
    ):
        if number:
            found.faults.append(f"{number} {words}")
