"""The section outage, checked customer by customer: who is out, who is short, and what each was told.

The truth is the walk of ``notifier.demo.walk`` over the network files. It is held against the impact
in the database, account by account, and against the words that reached each contact, as they stand in
the gateways' books: out for the day, a few seconds at the transfer and back, or nothing.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from notifier.channel import Medium
from notifier.demo import walk
from notifier.demo.reckoning import TOUCHED, ZONE
from notifier.demo.walk import Fate
from notifier.domain.customer import Reach
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Stage
from notifier.vault import Vault

_CLASSES = {
    ImpactClass.OUT: Fate.OUT,
    ImpactClass.SHORT: Fate.SHORT,
    ImpactClass.LOST_ONE_SOURCE: Fate.HALVED,
}
#: The graver first: a contact with several meters is told of the gravest.
_TOLD = (Fate.OUT, Fate.SHORT)
_MEDIA = Reach.SMS | Reach.WECHAT | Reach.PUSH | Reach.POSTING
_POINTS = "SELECT id, account, area_id, building_id FROM usage_point"
_IMPACT = """
    SELECT u.account, g.class FROM plan p
    JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision
    JOIN impact_point i ON i.points_id = r.points_id
    JOIN impact_group g ON g.revision_id = r.id AND g.number = i.group_number
    JOIN usage_point u ON u.id = i.usage_point_id
    WHERE p.number = ?
"""
#: The contacts of people, of buildings (subject 1) and of areas (subject 2).
_CONTACTS = """
    SELECT contact_id, 0 AS subject, usage_point_id AS subject_id FROM point_contact
    UNION SELECT contact_id, subject, subject_id FROM place_contact
"""
_DELIVERIES = """
    SELECT d.id, d.batch_id, d.contact_id, c.stage, n.medium, n.facts, k.phone_sealed, k.push_token
    FROM delivery d JOIN campaign c ON c.id = d.campaign_id JOIN plan p ON p.id = c.plan_id
    JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id
    JOIN contact k ON k.id = d.contact_id
    WHERE p.number = :number OR n.id IN (
        SELECT s.notice_id FROM spoken_for s JOIN plan o ON o.id = s.plan_id WHERE o.number = :number
    )
"""
#: The other plans of a joint outage.
_PARTNERS = """
    SELECT r.points_id, r.content FROM plan p
    JOIN joint_outage mine ON mine.plan_id = p.id
    JOIN joint_outage other ON other.joint_id = mine.joint_id AND other.plan_id <> p.id
    JOIN plan q ON q.id = other.plan_id AND q.state <> 'cancelled'
    JOIN plan_revision r ON r.plan_id = q.id AND r.number = q.revision
    WHERE p.number = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What is to be checked: the plan, its feeder, its switching, and the words that tell the two
    messages apart: the hours of the outage, and those of the transfer."""

    number: str
    feeder: str
    switching: walk.Switching
    hours: str
    seconds: str


@dataclass(slots=True, kw_only=True)
class SectionCheck:
    """Usage points of the feeder by fate, and contacts by what they heard; ``elsewhere`` are usage
    points of other feeders that lose a second supply. ``examples`` are one message of each kind;
    ``faults`` are sentences."""

    number: str
    feeder: str
    points: Counter[Fate] = field(default_factory=Counter)
    elsewhere: int = 0
    contacts: Counter[Fate] = field(default_factory=Counter)
    unreached: int = 0
    examples: dict[Fate, Mapping[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def check(folder: Path, section: Section, taken: Sequence[Mapping[str, Any]]) -> SectionCheck:
    """Compares files, database and gateways in the demonstration's folder. Blocks for a second."""
    network = folder / "network"
    truth = walk.fates(network, section.switching)
    found = SectionCheck(number=section.number, feeder=section.feeder)
    own = walk.customers_of(network, section.feeder)
    found.points.update(truth[account] for account in own)
    found.elsewhere = sum(
        fate is not Fate.UNAFFECTED for account, fate in truth.items() if account not in own
    )
    connection = sqlite3.connect(f"file:{folder / 'notifier.db'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        _compare_impact(connection, section, truth, found)
        _compare_words(connection, folder, section, truth, taken, found)
    finally:
        connection.close()
    return found


def _compare_impact(
    connection: sqlite3.Connection,
    section: Section,
    truth: Mapping[str, Fate],
    found: SectionCheck,
) -> None:
    said = {
        row["account"]: _CLASSES.get(row["class"])
        for row in connection.execute(_IMPACT, (section.number,))
    }
    ledger = {row["account"] for row in connection.execute(_POINTS)}
    wrong = [
        account
        for account in sorted(ledger)
        if said.get(account, Fate.UNAFFECTED) != truth.get(account, Fate.UNAFFECTED)
    ]
    for account in wrong[:5]:
        found.faults.append(
            f"{section.number}: {account} 应为 {truth.get(account, Fate.UNAFFECTED)}，"
            f"匹配为 {said.get(account)} / the impact is not what the walk says"
        )
    if len(wrong) > 5:
        found.faults.append(f"{section.number}: 共 {len(wrong)} 户不符 / {len(wrong)} in all")


def _compare_words(
    connection: sqlite3.Connection,
    folder: Path,
    section: Section,
    truth: Mapping[str, Fate],
    taken: Sequence[Mapping[str, Any]],
    found: SectionCheck,
) -> None:
    wanted = _wanted(connection, truth)
    heard, tried = _heard(connection, folder, section, taken, found)
    reachable = {
        row["id"]
        for row in connection.execute("SELECT id, reach FROM contact")
        if row["reach"] & _MEDIA
    }
    wrong: Counter[str] = Counter()
    for contact in wanted.keys() | heard.keys():
        fate = wanted.get(contact, Fate.UNAFFECTED)
        words = heard.get(contact, set())
        if fate not in _TOLD:
            if words:
                wrong["不受影响却收到消息 / were told and are not affected"] += 1
        elif words == {fate}:
            found.contacts[fate] += 1
        elif words:
            wrong[f"应收到 {fate}，收到的不是 / should hear {fate} and heard something else"] += 1
        elif contact in reachable and contact not in tried:
            wrong["应通知而未通知 / were not told"] += 1
        else:
            found.unreached += 1
    found.faults += [f"{section.number}: {number} 人{words}" for words, number in wrong.items()]


def _wanted(connection: sqlite3.Connection, truth: Mapping[str, Fate]) -> dict[int, Fate]:
    """Of what each contact is to hear: the gravest fate among the usage points it stands for."""
    of_subject: dict[tuple[int, int], set[Fate]] = defaultdict(set)
    for row in connection.execute(_POINTS):
        fate = truth.get(row["account"])
        if fate in _TOLD:
            for subject, number in enumerate((row["id"], row["building_id"], row["area_id"])):
                of_subject[subject, number].add(fate)
    wanted: dict[int, set[Fate]] = defaultdict(set)
    for row in connection.execute(_CONTACTS):
        wanted[row["contact_id"]] |= of_subject.get((row["subject"], row["subject_id"]), set())
    return {
        contact: next(fate for fate in _TOLD if fate in fates)
        for contact, fates in wanted.items()
        if fates
    }


def _heard(
    connection: sqlite3.Connection,
    folder: Path,
    section: Section,
    taken: Sequence[Mapping[str, Any]],
    found: SectionCheck,
) -> tuple[dict[int, set[Fate]], set[int]]:
    """What each contact heard of the plan, and to whom anything was tried; posters by their facts."""
    vault = Vault.load_or_create(folder / "notifier.keys.json")
    by_key: dict[tuple[str, str], int] = {}
    heard: dict[int, set[Fate]] = defaultdict(set)
    tried: set[int] = set()
    late: set[int] = set()
    hours = _united_hours(connection, section)
    for row in connection.execute(_DELIVERIES, {"number": section.number}):
        contact = row["contact_id"]
        tried.add(contact)
        if row["stage"] == Stage.STARTED:
            late.add(contact)
        if row["medium"] == Medium.POSTING:
            told = json.loads(row["facts"])["impact_class"]
            heard[contact].add(_CLASSES.get(told, Fate.UNAFFECTED))
        elif row["medium"] == Medium.SMS:
            phone = vault.open(row["phone_sealed"]).removeprefix("+86")
            by_key[str(row["batch_id"]), phone] = contact
        elif row["medium"] == Medium.WECHAT:
            by_key[str(row["id"]), ""] = contact
        else:
            by_key["", row["push_token"]] = contact
    for contact, message in _addressed(by_key, taken):
        told = [
            fate
            for fate, words in (
                (Fate.OUT, hours.get(contact, section.hours)),
                (Fate.SHORT, section.seconds),
            )
            if words in message["text"]
        ]
        if contact in late and not told:
            # Whom nothing reached before it began hears that it has begun, and when it ends.
            ends = hours.get(contact, section.hours).rpartition("-")[2]
            told = [Fate.OUT] if ends in message["text"] else []
        if message["provider"] == "jpush" and not told:
            continue  # a push names no plan: this one is about another
        heard[contact].update(told or [Fate.UNAFFECTED])
        for fate in told:
            if message["provider"] == "aliyun":
                found.examples.setdefault(fate, message)
    return heard, tried


def _united_hours(connection: sqlite3.Connection, section: Section) -> dict[int, str]:
    """The hours that contacts are to hear who are in several plans of a joint outage: from the first
    beginning to the last end."""
    spans: dict[int, list[str]] = defaultdict(lambda: section.hours.split("-"))
    for partner in connection.execute(_PARTNERS, (section.number,)).fetchall():
        windows = json.loads(partner["content"])["windows"]
        times = [
            f"{datetime.fromisoformat(text).astimezone(ZONE):%H:%M}"
            for window in windows
            for text in (window["starts_at"], window["ends_at"])
        ]
        for contact, _ in connection.execute(TOUCHED, {"points": partner["points_id"]}):
            spans[contact] = [min(*spans[contact], *times), max(*spans[contact], *times)]
    return {contact: "-".join(span) for contact, span in spans.items()}


def _addressed(
    by_key: Mapping[tuple[str, str], int], taken: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for message in taken:
        match message["provider"]:
            case "aliyun":
                key = (message["key"].partition("-")[0], message["address"])
            case "wechat":
                key = (message["key"].partition("-")[0], "")
            case _:
                key = ("", message["address"])
        if key in by_key:
            yield by_key[key], message
