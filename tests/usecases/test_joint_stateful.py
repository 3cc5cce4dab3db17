"""Random histories of three plans that join and part: what everybody heard last is true in the end.

Plans are submitted, joined, parted, approved, revised, delayed, cancelled and restored in any order, while
time passes and messages leave between a change and its reconciling. A walk is named by its seed:
``NOTIFIER_WALKS=300`` runs more of them, and ``-k "[17]"`` one again.
"""

import itertools
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from notifier.domain.errors import Refusal
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.notice import Facts, Stage
from notifier.domain.plan import Plan, PlanContent, PlanKind, PlanState
from notifier.domain.window import Window, union
from notifier.store import engine
from notifier.usecases import dispatch, joints, plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan

WALKS = int(os.environ.get("NOTIFIER_WALKS", "6"))
ACTIONS = 14
NUMBERS = ("P1", "P2", "P3")
AREAS = ("一里台区", "三里台区", "四里台区")
_SAYS_TIMES = (Stage.ADVANCE, Stage.STARTED, Stage.RESCHEDULED, Stage.LATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one person was told: by which plan, for which, when."""

    speaker: int
    concerns: frozenset[int]
    stage: Stage
    facts: Facts
    key: str
    sent_at: int


class Walk:
    """One history, and the log of it."""

    def __init__(self, town: Town, dice: random.Random) -> None:
        self.town = town
        self.dice = dice
        self.log: list[str] = []
        self.joined_at: list[int] = []
        self.has_seconds = dice.random() < 0.3

    async def run(self) -> None:
        for number in NUMBERS:
            await self.town.submit(self.content(number))
        for _ in range(ACTIONS):
            await self.step()
        await self.come_to_rest()
        await self.check()

    def content(self, number: str) -> PlanContent:
        dice = self.dice
        if number == "P3" and self.has_seconds:
            span = Window(local(20, dice.choice((9, 15))), local(20, 16))
            return plan(
                number, feeders=(), windows=(), transferred=("一里台区",), spans=(span,),
                kind=PlanKind.SHORT_TRANSFER,
            )  # fmt: skip
        days = dice.sample((20, 21), k=dice.choice((1, 1, 2)))
        windows = []
        for day in days:
            start = dice.choice((8, 8, 9, 13))
            windows.append(Window(local(day, start), local(day, start + dice.choice((3, 4, 6)))))
        areas = ("一里台区", *(area for area in AREAS[1:] if dice.random() < 0.3))
        if dice.random() < 0.15:
            areas = (dice.choice(AREAS[1:]),)
        return plan(number, feeders=(), areas=areas, windows=sorted(windows))

    async def step(self) -> None:
        dice, number = self.dice, self.dice.choice(NUMBERS)
        acts = {
            self.approve: 5, self.join: 4, self.part: 1, self.revise: 2, self.delay: 2,
            self.cancel: 0.6, self.restore: 1, self.wait: 5,
        }  # fmt: skip
        act = dice.choices(list(acts), list(acts.values()))[0]
        self.log.append(
            f"{self.town.clock.now().astimezone(towns.ZONE):%d %H:%M} {act.__name__} {number}"
        )
        try:
            await act(number)
        except Refusal as refusal:
            self.log.append(f"  refused: {refusal.code}")
        self.town.clock.set(self.town.clock.now() + timedelta(minutes=1))
        if dice.random() < 0.3:  # what is due is sent before anybody reconciles
            for name in self.town.channels:
                await dispatch.dispatch(self.town.outbox, name)
        elif dice.random() < 0.6:
            await self.town.tick()

    async def approve(self, number: str) -> None:
        await self.town.approve(number)

    async def join(self, number: str) -> None:
        others = self.dice.sample(NUMBERS, k=self.dice.choice((1, 2)))
        now = self.town.clock.now()
        self.log.append(f"  with {others}")
        await joints.join(self.town.store, [number, *others], now=now, actor="wang")

    async def part(self, number: str) -> None:
        now = self.town.clock.now()
        await joints.part(self.town.store, number, now=now, actor="wang")
        self.joined_at.append(int(now.timestamp() * 1000))

    async def revise(self, number: str) -> None:
        content = self.content(number)
        self.log.append(f"  {content.windows} {[item.name for item in content.equipment]}")
        await plans.revise(
            self.town.store, number, content, note="", now=self.town.clock.now(), actor="wang"
        )

    async def delay(self, number: str) -> None:
        found = await plans.find(self.town.store, number)
        async with self.town.store.read() as tx:
            present = await tx.plans.revision(found.id, found.revision)
        if not present.content.windows:
            return
        now = self.town.clock.now()
        running = max(
            [w for w in present.content.windows if w.starts_at <= now] or present.content.windows
        )
        until = max(running.ends_at, now) + timedelta(hours=self.dice.choice((1, 2)))
        await plans.delay(
            self.town.store, self.town.setting, number, until, note="", now=now, actor="li"
        )

    async def cancel(self, number: str) -> None:
        now = self.town.clock.now()
        await plans.cancel(self.town.store, self.town.setting, number, note="", now=now, actor="li")

    async def restore(self, number: str) -> None:
        now = self.town.clock.now()
        await plans.restore(
            self.town.store, self.town.setting, number, now, note="", now=now, actor="li"
        )

    async def wait(self, _: str) -> None:
        now = self.town.clock.now()
        hours = self.dice.choice((1, 2, 3, 30, 100, 200))
        until = now + timedelta(hours=hours)
        if now < local(12, 0) and hours > 90:
            until = self.dice.choice((local(13, 12), local(19, 12), local(20, 9)))
        await self.town.run_until(until)

    async def come_to_rest(self) -> None:
        """Until everybody should have heard of what is still to come, and the night is over."""
        now = self.town.clock.now()
        noon = now.astimezone(towns.ZONE).replace(hour=12, minute=0)
        if noon < now:
            noon += timedelta(days=1)
        told = local(19, 12) if self.has_seconds else local(15, 12)
        await self.town.run_until(max(noon, told))

    # --- The laws ----------------------------------------------------------------------------------

    async def check(self) -> None:
        found = {number: await plans.find(self.town.store, number) for number in NUMBERS}
        words = await self.words()
        outages = []
        for number in NUMBERS:
            together = {found[number].id} | {
                other.id for other in await joints.partners(self.town.store, number)
            }
            if together not in outages:
                outages.append(together)
        touched = {each.id: await self.touched(each) for each in found.values()}
        by_id = {each.id: each for each in found.values()}
        for contact in range(1, 30):
            self.check_told_once(contact, words.get(contact, []))
            for outage in outages:
                self.check_truth(
                    contact, words.get(contact, []), [by_id[i] for i in outage], touched
                )

    def check_truth(
        self,
        contact: int,
        words: list[Word],
        outage: list[Plan],
        touched: dict[int, dict[int, tuple[Window, ...]]],
    ) -> None:
        """What was said last of each plan of the outage comes to what the plans do together."""
        ids = {each.id for each in outage}
        waiting = {each.id for each in outage if each.state is PlanState.SUBMITTED}
        believed: list[Window] = []
        for plan_id in ids:
            heard = [word for word in words if plan_id in word.concerns]
            if heard and heard[-1].speaker in ids:
                if waiting & ({heard[-1].speaker} | heard[-1].concerns):
                    return
                believed += heard[-1].facts.windows
        live = [each for each in outage if each.state is PlanState.APPROVED]
        true = [window for each in live for window in touched[each.id].get(contact, ())]
        now = self.town.clock.now()
        assert _to_come(believed, now) == _to_come(true, now), (
            f"{contact} believes {_shown(believed)}, and {_shown(true)} is true"
        )

    def check_told_once(self, contact: int, words: list[Word]) -> None:
        """Nobody hears again what they know; plans that parted may say what another said before."""
        for before, after in itertools.pairwise(words):
            between = any(before.sent_at <= at <= after.sent_at for at in self.joined_at)
            both = {before.stage, after.stage} <= set(_SAYS_TIMES)
            is_known = before.key == after.key and before.concerns & after.concerns
            assert between or not (both and is_known), f"{contact} was told twice: {after}"
            assert before.stage is not Stage.REMINDER or before.facts != after.facts

    async def words(self) -> dict[int, list[Word]]:
        async with self.town.store.database.read() as connection:
            result = await connection.execute(
                text(
                    "SELECT d.contact_id, n.id, n.plan_id, c.stage, n.facts, n.facts_key, b.sent_at"
                    " FROM delivery d JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
                    " JOIN campaign c ON c.id = d.campaign_id WHERE d.state IN (1, 2, 3, 7)"
                    " AND b.sent_at IS NOT NULL ORDER BY b.sent_at, d.id"
                )
            )
            rows = result.all()
            others = (
                await connection.execute(text("SELECT notice_id, plan_id FROM spoken_for"))
            ).all()
        concerns: dict[int, set[int]] = {}
        for notice, other in others:
            concerns.setdefault(notice, set()).add(other)
        found: dict[int, list[Word]] = {}
        for row in rows:
            found.setdefault(row.contact_id, []).append(
                Word(
                    speaker=row.plan_id,
                    concerns=frozenset({row.plan_id} | concerns.get(row.id, set())),
                    stage=Stage(row.stage),
                    facts=facts_from_dict(_json(row.facts)),
                    key=row.facts_key,
                    sent_at=row.sent_at,
                )
            )
        return found

    async def touched(self, found: Plan) -> dict[int, tuple[Window, ...]]:
        """Contacts of the present revision, with their windows."""
        async with self.town.store.read() as tx:
            present = await tx.plans.revision(found.id, found.revision)
            groups = await tx.impacts.groups(present.id)
            result = await tx.connection.execute(
                text(
                    "SELECT c.contact_id, min(p.group_number) AS number FROM impact_point p"
                    " JOIN point_contact c ON c.usage_point_id = p.usage_point_id"
                    " WHERE p.points_id = :points GROUP BY c.contact_id"
                ),
                {"points": present.points_id},
            )
            return {row.contact_id: groups[row.number].windows for row in result}


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _to_come(windows: Iterable[Window], now: datetime) -> tuple[Window, ...]:
    return tuple(window for window in union(windows) if window.ends_at > now)


def _shown(windows: Iterable[Window]) -> str:
    return ", ".join(
        f"{w.starts_at.astimezone(towns.ZONE):%d %H:%M}–{w.ends_at.astimezone(towns.ZONE):%d %H:%M}"
        for w in sorted(windows)
    )


async def _walk(database: engine.Database, vault: Vault, seed: int) -> None:
    walk = Walk(await towns.build(database, vault, media=("sms",)), random.Random(seed))
    try:
        await walk.run()
    except AssertionError as broken:
        broken.add_note("\n".join(walk.log))
        raise


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WALKS))
async def test_everybody_knows_what_is_true_of_all_plans_of_an_outage(
    sqlite_database: engine.Database, vault: Vault, seed: int
) -> None:
    """Whatever joins, parts and changes: the last word is true of the live plans together, and nobody
    is told the same thing twice."""
    await _walk(sqlite_database, vault, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1001))
async def test_on_the_server_too(postgres_url: str, vault: Vault, seed: int) -> None:
    """The same walk on PostgreSQL."""
    database = await engine.Database.open(postgres_url)
    try:
        await _walk(database, vault, seed)
    finally:
        await database.close()
