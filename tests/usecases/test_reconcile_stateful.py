"""Random histories of a plan: whatever happens, and in whatever order, the ledger adds up in the end.

A walk submits, approves, moves, widens, cancels, delays and restores a plan while time passes, providers
answer in every way, workers die, people opt out and move house. Two workers take turns. Then everything is
mended, comes to rest, and the laws are checked. A walk is named by its seed: ``NOTIFIER_WALKS=500``
runs more of them, and ``-k "[17]"`` one again.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from notifier import channel
from notifier.channel import (
    Accepted,
    ChannelStop,
    Limits,
    Medium,
    Outcome,
    Permanent,
    Receipt,
    ReceiptStatus,
    RetryAfter,
    Uncertain,
)
from notifier.domain.cell import NOTHING
from notifier.domain.customer import Reach
from notifier.domain.delivery import BATCH_ARROWS, DELIVERY_ARROWS, BatchState, DeliveryState
from notifier.domain.errors import Refusal
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Facts, Stage
from notifier.domain.plan import PlanState
from notifier.domain.window import Window
from notifier.store import engine, optout
from notifier.store.columns import to_millis
from notifier.usecases import dispatch, plans, receipts, reconcile
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, plan

WALKS = int(os.environ.get("NOTIFIER_WALKS", "30"))
ACTIONS = 16
AREAS = ("一里台区", "二里台区", "三里台区", "四里台区")


class Provider:
    """A provider of chance. ``arrived`` is what people read; what it says about it later is true."""

    def __init__(
        self,
        medium: Medium,
        dice: random.Random,
        limits: Limits,
        arrived: list[channel.Message],
    ) -> None:
        self.medium = medium
        self.limits = limits
        self.is_mended = False
        self.dies = False
        self.arrived = arrived
        self.unreported: list[tuple[channel.Message, bool]] = []
        self._dice = dice
        self._keys: set[str] = set()

    async def send(self, batch: channel.Batch) -> Sequence[Outcome]:
        """All of one call in the same mood, some of its messages with fates of their own."""
        mood = self._dice.random()
        if self.dies:
            if mood < 0.5:
                for message in batch.messages:
                    self._deliver(message)
            raise asyncio.CancelledError
        if self.is_mended or mood < 0.6:
            return [self._answer(message) for message in batch.messages]
        if mood < 0.75:
            return [RetryAfter(delay=timedelta(minutes=2), code="busy")] * len(batch.messages)
        if mood < 0.78:
            return [ChannelStop(code="signature")] * len(batch.messages)
        for message in batch.messages:
            if mood < 0.89:
                self._deliver(message)
        return [Uncertain(code="timeout")] * len(batch.messages)

    def _answer(self, message: channel.Message) -> Outcome:
        if self.limits.idempotent_for is not None and message.key in self._keys:
            return Accepted(reference=f"ref-{message.key}")  # a repeat: the first result again
        fate = 0.0 if self.is_mended else self._dice.random()
        if fate > 0.97:
            return Permanent(code="dead")
        if fate > 0.94:
            return RetryAfter(delay=timedelta(minutes=5), code="quota")
        if fate > 0.90:
            self.unreported.append((message, False))  # taken, and lost on the way
        else:
            self._deliver(message)
        return Accepted(reference=f"ref-{message.key}")

    def _deliver(self, message: channel.Message) -> None:
        if self.limits.idempotent_for is not None and message.key in self._keys:
            return
        self._keys.add(message.key)
        self.arrived.append(message)
        self.unreported.append((message, True))

    async def query(self, batch: channel.Batch, sent_at: datetime) -> Sequence[Receipt]:
        """It knows what arrived, and sometimes is not there to be asked."""
        if not self.is_mended and self._dice.random() < 0.5:
            return []
        return [
            Receipt(status=ReceiptStatus.DELIVERED, code="ok", message_key=message.key)
            for message in batch.messages
            if message.key in self._keys
        ]

    def reports(self) -> list[Receipt]:
        """Receipts for some of what happened, in any order, some twice."""
        self._dice.shuffle(self.unreported)
        told = self.unreported[: len(self.unreported) // 2 + 1]
        self.unreported = self.unreported[len(told) :]
        statuses = {True: ReceiptStatus.DELIVERED, False: ReceiptStatus.FAILED}
        found = [
            Receipt(status=statuses[arrived], code="r", message_key=message.key)
            for message, arrived in told
        ]
        return found + found[:2]

    def receipts(self, callback: channel.Callback) -> channel.CallbackAnswer:
        """Receipts are brought by the walk."""
        raise NotImplementedError

    async def health(self) -> channel.Health:
        return channel.Health(is_well=True)

    async def close(self) -> None:
        return None


class Walk:
    """One history of the plan P1. ``log`` tells it when a law is broken."""

    def __init__(self, town: Town, dice: random.Random) -> None:
        self.town = town
        self.dice = dice
        self.log: list[str] = []
        limits = Limits(
            batch_size=5,
            idempotent_for=timedelta(days=1) if dice.random() < 0.3 else None,
            receipts_within=timedelta(minutes=30),
        )
        self.arrived: list[channel.Message] = []
        self.providers = {
            name: Provider(Medium(name), dice, limits, self.arrived)
            for name in ("sms", "wechat", "push")
        }
        self.outboxes = [
            replace(town.outbox, channels=dict(self.providers), worker=worker)
            for worker in ("w1", "w2")
        ]
        self.checked = 0

    # --- What happens ------------------------------------------------------------------------------

    def content(self) -> Any:
        dice = self.dice
        areas = dice.sample(AREAS, dice.randint(1, 3))
        now = self.town.clock.now().astimezone(towns.ZONE)
        day = min(28, max(now.day, 1) + dice.choice([0, 1, 2, 3, 5, 9, 12]))
        windows = [towns.window(day, dice.choice([4, 8, 9]), dice.choice([11, 17, 18]))]
        if dice.random() < 0.3:
            windows.append(towns.window(min(day + 1, 29), 8, 12))
        moved = [areas.pop()] if len(areas) > 1 and dice.random() < 0.3 else []
        spans = [Window(w.starts_at - timedelta(minutes=15), w.starts_at) for w in windows]
        return plan(feeders=[], areas=areas, windows=windows, transferred=moved, spans=spans)

    async def submit(self) -> None:
        await self.town.submit(self.content(), actor=self.dice.choice(["wang", "li"]))

    async def retime(self) -> None:
        """The same scope at another time: the short way."""
        present = await self._present()
        if present is None or not present.windows:
            return
        shift = timedelta(hours=self.dice.choice([-72, -24, 1, 24, 48, 96]))
        windows = tuple(Window(w.starts_at + shift, w.ends_at + shift) for w in present.windows)
        await plans.revise(
            self.town.store, "P1", replace(present, windows=windows),
            note="", now=self.town.clock.now(), actor="wang",
        )  # fmt: skip

    async def revise(self) -> None:
        await plans.revise(
            self.town.store, "P1", self.content(),
            note="", now=self.town.clock.now(), actor="wang",
        )  # fmt: skip

    async def approve(self) -> None:
        await self.town.approve("P1", actor="zhao")

    async def cancel(self) -> None:
        town = self.town
        await plans.cancel(
            town.store, town.setting, "P1", note="", now=town.clock.now(), actor="zhao"
        )

    async def delay(self) -> None:
        town = self.town
        until = town.clock.now() + timedelta(hours=self.dice.choice([1, 3, 30]))
        await plans.delay(
            town.store, town.setting, "P1", until, note="", now=town.clock.now(), actor="zhao"
        )

    async def restore(self) -> None:
        town = self.town
        await plans.restore(
            town.store, town.setting, "P1", town.clock.now(),
            note="", now=town.clock.now(), actor="zhao", whole=self.dice.random() < 0.5,
        )  # fmt: skip

    async def opt_out(self) -> None:
        town = self.town
        phone = towns.phone(self.dice.randint(1, 28))
        async with town.store.database.write() as connection:
            await optout.set_opt_out(
                connection, town.vault.fingerprint(phone), Reach.SMS,
                undo=False, now=town.clock.now(),
            )  # fmt: skip

    async def move_house(self) -> None:
        """Somebody leaves a meter and somebody else of the town takes it over."""
        leaving, coming = self.dice.sample(range(1, 29), 2)
        async with self.town.store.database.write() as connection:
            await connection.execute(
                text(
                    "UPDATE point_contact SET contact_id = :coming WHERE contact_id = :leaving"
                    " AND NOT EXISTS (SELECT 1 FROM point_contact o WHERE o.contact_id = :coming"
                    "  AND o.usage_point_id = point_contact.usage_point_id)"
                ),
                {"leaving": leaving, "coming": coming},
            )
        async with self.town.store.write() as tx:
            now = self.town.clock.now()
            await tx.plans.mark_all(now, ending_after=now)

    async def die(self) -> None:
        """A worker dies in the middle of a call, or with a batch in its hand."""
        outbox = replace(self.outboxes[0], worker=f"dead{len(self.log)}")
        for name, provider in self.providers.items():
            provider.dies = True
            try:
                await dispatch.dispatch(outbox, name)
            except asyncio.CancelledError:
                pass
            finally:
                provider.dies = False
        async with self.town.store.write() as tx:
            clock = self.town.clock
            await tx.batches.claim(
                outbox.worker, "sms", now=clock.now(), wall=clock.wall(),
                lease=timedelta(seconds=4), limit=2,
            )  # fmt: skip
            await tx.plans.claim_for_reconciling(
                outbox.worker, now=clock.now(), wall=clock.wall(), lease=timedelta(seconds=4)
            )

    async def report(self) -> None:
        for name, provider in self.providers.items():
            await receipts.take(
                self.town.store, self.town.vault, name, provider.reports(), self.town.clock.now()
            )

    async def start_channels(self) -> None:
        async with self.town.store.write() as tx:
            for name in self.providers:
                await tx.journal.start_channel(name, self.town.clock.now())

    async def wait(self) -> None:
        hours = self.dice.choice([0.01, 0.1, 1, 5, 12, 24, 48, 72])
        if hours >= 12:
            await self.start_channels()  # an operator looks at least twice a day
        await self.run_until(self.town.clock.now() + timedelta(hours=hours))

    async def step(self) -> None:
        actions = [
            (self.wait, 8), (self.approve, 6), (self.submit, 1), (self.revise, 2),
            (self.retime, 2), (self.cancel, 0.4), (self.delay, 1), (self.restore, 0.4),
            (self.opt_out, 1), (self.move_house, 1), (self.die, 2), (self.report, 4),
            (self.start_channels, 1),
        ]  # fmt: skip
        (action,) = self.dice.choices([a for a, _ in actions], [w for _, w in actions])
        try:
            await action()
            outcome = ""
        except Refusal as refusal:
            outcome = f" refused: {refusal.code}"
        now = self.town.clock.now().astimezone(towns.ZONE)
        self.log.append(f"{now:%d %H:%M} {action.__name__}{outcome}")
        await self.check_arrivals()

    # --- The loops ---------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Every loop once; whose turn it is, is chance."""
        town = self.town
        for _ in range(60):
            outbox = self.dice.choice(self.outboxes)
            if await reconcile.reconcile_next(town.store, town.setting, outbox.worker, town.clock):
                continue
            break
        else:
            raise AssertionError("reconciling never comes to rest")
        await receipts.reclaim(self.outboxes[0])
        for name in self.providers:
            outbox = self.dice.choice(self.outboxes)
            for _ in range(20):
                if not (await dispatch.dispatch(outbox, name)).claimed:
                    break
            await receipts.resolve(outbox, name)
        await receipts.give_up(self.outboxes[1])
        await self.check_arrivals()

    async def run_until(self, moment: datetime) -> None:
        for _ in range(1000):
            await self.tick()
            now = self.town.clock.now()
            if now >= moment:
                return
            at = await self.town._next_event()
            # A dead worker's lease runs out in the meantime.
            following = min(moment, max(at or moment, now + timedelta(seconds=5)))
            self.town.clock.set(following)
        raise AssertionError("something wants to be looked at all the time")

    async def come_to_rest(self) -> None:
        """Providers are well again, dead workers are noticed, receipts come in; then a day passes."""
        for provider in self.providers.values():
            provider.is_mended = True
        await self.start_channels()
        for _ in range(2):
            await self.run_until(self.town.clock.now() + timedelta(hours=13))
            while any(provider.unreported for provider in self.providers.values()):
                await self.report()

    # --- The laws ----------------------------------------------------------------------------------

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.town.store.database.read() as connection:
            return list(await connection.execute(text(query), values))

    async def _present(self) -> Any:
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
            if found is None:
                return None
            return (await tx.plans.revision(found.id, found.revision)).content

    @staticmethod
    def _holds(facts: Facts, group: Group, now: datetime) -> bool:
        """Whether what somebody read last is true of all that is to come."""
        to_come = {w for w in facts.windows if w.ends_at > now}
        same_class = facts.impact_class is group.impact_class
        return same_class and to_come == {w for w in group.windows if w.ends_at > now}

    async def _groups(self) -> dict[str, Group]:
        """The groups of the present revision by their facts."""
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
            assert found is not None
            revision = await tx.plans.revision(found.id, found.revision)
            groups = await tx.impacts.groups(revision.id)
        return {group.facts_key: group for group in groups.values()}

    async def expected(self) -> dict[int, str]:
        """What each affected contact has to know, by the town's own tables: facts key by contact."""
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
            if found is None or found.state is PlanState.CANCELLED:
                return {}
            revision = await tx.plans.revision(found.id, found.revision)
            groups = await tx.impacts.groups(revision.id)
        known: dict[int, int] = {}
        for contact, number in await self.rows(
            "SELECT pc.contact_id, p.group_number FROM impact_point p JOIN point_contact pc"
            " ON pc.usage_point_id = p.usage_point_id WHERE p.points_id = :id"
            " UNION ALL SELECT c.contact_id, p.group_number FROM impact_point p JOIN usage_point u"
            " ON u.id = p.usage_point_id JOIN place_contact c ON c.subject = 1"
            " AND c.subject_id = u.building_id WHERE p.points_id = :id",
            id=revision.points_id,
        ):
            known[contact] = min(number, known.get(contact, number))
        return {contact: groups[number].facts_key for contact, number in known.items()}

    async def heard(self, since: int = 0) -> list[tuple[int, Stage, str, str, Facts]]:
        """What people read, in order: contact, stage, occasion, facts key, facts."""
        about = {
            str(row.id): row
            for row in await self.rows(
                "SELECT d.id, d.contact_id, c.stage, c.occasion, n.facts_key, n.facts"
                " FROM delivery d JOIN campaign c ON c.id = d.campaign_id"
                " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
            )
        }
        return [
            (
                row.contact_id,
                Stage(row.stage),
                row.occasion,
                row.facts_key,
                facts_from_dict(orjson.loads(row.facts)),
            )
            for row in (about[message.key.partition("-")[0]] for message in self.arrived[since:])
        ]

    async def check_arrivals(self) -> None:
        """Straight after each step: what has just arrived was true, and meant for its reader."""
        if self.checked == len(self.arrived):
            return
        fresh = await self.heard(self.checked)
        self.checked = len(self.arrived)
        expected = await self.expected()
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
        is_done = found is not None and found.state is PlanState.DONE
        for contact, stage, _, key, _ in fresh:
            if stage is Stage.CANCELLED and is_done:
                continue  # of a whole plan that ended early: the days to come are off
            if stage in (Stage.CANCELLED, Stage.REMOVED):
                assert contact not in expected, (contact, stage)
            elif stage is not Stage.RESTORED:
                assert expected.get(contact) == key, (contact, stage)

    async def check(self) -> None:
        """At rest."""
        now = self.town.clock.now()
        heard = await self.heard()
        twice = Counter((contact, stage, occasion) for contact, stage, occasion, *_ in heard)
        assert max(twice.values(), default=1) == 1, twice.most_common(3)
        await self._check_everybody_knows(heard, now)
        await self._check_sums()
        await self._check_rest()

    async def _check_everybody_knows(self, heard: Sequence[Any], now: datetime) -> None:
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
        if found is None or found.state not in (PlanState.APPROVED, PlanState.CANCELLED):
            return
        expected = await self.expected()
        groups = await self._groups()
        last: dict[int, tuple[str, Any]] = {}
        for contact, stage, _, key, facts in heard:
            denies = stage in (Stage.CANCELLED, Stage.REMOVED)
            last[contact] = (NOTHING if denies else key, facts)
        tried = {
            (row.contact_id, row.facts_key): row
            for row in await self.rows(
                "SELECT d.contact_id, n.facts_key, d.state, b.state AS batch FROM delivery d"
                " JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id"
                " WHERE d.state <> 6 AND b.state <> 5"
            )
        }
        unreachable = {
            row.id
            for row in await self.rows("SELECT id FROM contact WHERE (reach & ~opted_out) & 7 = 0")
        }
        quiet = self.town.setting.policy.quiet
        assert quiet is not None
        asleep = {  # nobody in a flat hears of seconds at night
            contact
            for contact, key in expected.items()
            if groups[key].impact_class is ImpactClass.SHORT
            and all(quiet.contain(window, towns.ZONE) for window in groups[key].windows)
        }
        for contact, (key, facts) in last.items():
            present = expected.get(contact, NOTHING)
            is_over = key == NOTHING or all(w.ends_at <= now for w in facts.windows)
            if key == NOTHING and present == NOTHING:
                continue
            if key == present or is_over or contact in unreachable:
                continue
            if present in groups and self._holds(facts, groups[present], now):
                continue
            assert (contact, present) in tried, f"{contact} believes what is no longer true"
        if found.state is PlanState.APPROVED and found.starts_at is not None:
            horizon = self.town.setting.policy.horizon
            lead = timedelta(days=7)
            if now < found.starts_at <= now + lead + horizon - timedelta(days=1):
                for contact, present in expected.items():
                    if contact not in unreachable | asleep and contact < 100:
                        assert (contact, present) in tried, f"{contact} was never told"

    async def _check_sums(self) -> None:
        stray = await self.rows(
            "SELECT d.id FROM delivery d LEFT JOIN batch b ON b.id = d.batch_id WHERE b.id IS NULL"
        )
        assert stray == []
        open_in_sent = await self.rows(
            "SELECT d.id FROM delivery d JOIN batch b ON b.id = d.batch_id"
            " WHERE d.state = :scheduled AND b.state IN (:sent, :closed)",
            scheduled=int(DeliveryState.SCHEDULED),
            sent=int(BatchState.SENT),
            closed=int(BatchState.CLOSED),
        )
        assert open_in_sent == []
        held = await self.rows(
            "SELECT id FROM batch WHERE state IN (:leased, :sending)",
            leased=int(BatchState.LEASED),
            sending=int(BatchState.SENDING),
        )
        assert held == [], "somebody dead still holds a batch"
        late = await self.rows(
            "SELECT id FROM batch WHERE state = 0 AND expires_at <= :now",
            now=to_millis(self.town.clock.now()),
        )
        assert late == []

    async def _check_rest(self) -> None:
        """Looked at again, nothing changes: the difference is empty."""
        async with self.town.store.read() as tx:
            found = await tx.plans.find("P1")
        if found is None or found.state is not PlanState.APPROVED:
            return
        # Once to take in what receipts said since; from then on there is nothing left to do.
        for time in range(3):
            done = await self._reconcile_again()
            assert time == 0 or done in (None, (0, 0))

    async def _reconcile_again(self) -> tuple[int, int] | None:
        town = self.town
        now = town.clock.now()
        async with town.store.write() as tx:
            await tx.plans.mark_all(now, ending_after=now)
        done = await reconcile.reconcile_next(town.store, town.setting, "w1", town.clock)
        return None if done is None else (done.laid_out.scheduled, done.laid_out.withdrawn)

    async def check_arrows(self) -> None:
        """Every change of state that was ever written is one that is drawn."""
        for kind, old, new in await self.rows("SELECT DISTINCT kind, old, new FROM seen_arrow"):
            if kind == "batch":
                assert BatchState(new) in BATCH_ARROWS[BatchState(old)], (BatchState(old), new)
            else:
                allowed = DELIVERY_ARROWS[DeliveryState(old)]
                assert DeliveryState(new) in allowed, (DeliveryState(old), DeliveryState(new))


async def _town(database: engine.Database, vault: Vault) -> Town:
    town = await towns.build(database, vault, media=("sms", "wechat", "push"))
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE contact SET openid = 'o5', reach = 3 WHERE id IN (5)"
        )
        await connection.exec_driver_sql(
            "UPDATE contact SET push_token = 'p18', reach = 5 WHERE id IN (18)"
        )
    return town


async def _watch_states(database: engine.Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE seen_arrow (kind TEXT, old INT, new INT)")
        await connection.exec_driver_sql(
            "CREATE TRIGGER watch_batch AFTER UPDATE OF state ON batch WHEN old.state <> new.state"
            " BEGIN INSERT INTO seen_arrow VALUES ('batch', old.state, new.state); END"
        )
        await connection.exec_driver_sql(
            "CREATE TRIGGER watch_delivery AFTER UPDATE OF state ON delivery"
            " WHEN old.state <> new.state"
            " BEGIN INSERT INTO seen_arrow VALUES ('delivery', old.state, new.state); END"
        )


async def _walk(walk: Walk) -> None:
    try:
        await walk.submit()
        await walk.approve()
        for _ in range(ACTIONS):
            await walk.step()
        await walk.come_to_rest()
        await walk.check()
    except AssertionError as broken:
        broken.add_note("\n".join(walk.log))
        raise


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WALKS))
async def test_whatever_happens_everybody_knows_what_is_true(
    sqlite_database: engine.Database, vault: Vault, seed: int
) -> None:
    """Told once, told when it changed, told nothing that is not so, and every state by an arrow."""
    walk = Walk(await _town(sqlite_database, vault), random.Random(seed))
    await _watch_states(sqlite_database)

    await _walk(walk)

    await walk.check_arrows()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1003))
async def test_whatever_happens_on_the_server_too(
    postgres_url: str, vault: Vault, seed: int
) -> None:
    """The same walk on PostgreSQL."""
    database = await engine.Database.open(postgres_url)
    try:
        await _walk(Walk(await _town(database, vault), random.Random(seed)))
    finally:
        await database.close()
