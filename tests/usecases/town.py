"""A small town to tell: two feeders, four areas, a high-rise, a hospital, a hatchery, a tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, text

from notifier.channel import Limits, Medium
from notifier.domain import names
from notifier.domain.customer import ContactKind, Criticality, Need, Reach, Role, Subject
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Transfer,
    Transition,
)
from notifier.domain.window import Window
from notifier.intake.policies import policy_from_dict, read_policy
from notifier.registry import Switchboard
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility
from notifier.store import schema
from notifier.store.columns import from_millis
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.testing import FakeClock, RecordingChannel
from notifier.usecases import dispatch, plans, receipts, reconcile, submitting
from notifier.vault import Vault

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 1, 9, 0, tzinfo=ZONE).astimezone(UTC)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in March 2026, in the town's zone."""
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


def window(day: int, start: int, end: int) -> Window:
    return Window(local(day, start), local(day, end))


@dataclass(slots=True)
class Town:
    """Everything open, with recording channels and a clock that stands still."""

    store: Ledger
    clock: FakeClock
    vault: Vault
    setting: reconcile.Setting
    outbox: dispatch.Outbox
    channels: dict[str, RecordingChannel]

    async def submit(self, content: PlanContent, *, actor: str = "wang") -> None:
        await submitting.submit(
            self.store,
            submitting.Incoming(content=content, source={"file": "test"}),
            now=self.clock.now(),
            actor=actor,
        )

    async def approve(self, number: str, *, actor: str = "li") -> None:
        await plans.approve(
            self.store,
            self.setting,
            self.outbox.renderer,
            number,
            now=self.clock.now(),
            actor=actor,
        )

    async def settle(self) -> None:
        """Reconcile until nothing asks for it."""
        for _ in range(100):
            done = await reconcile.reconcile_next(self.store, self.setting, "w1", self.clock)
            if done is None:
                return
        raise AssertionError("reconciling never comes to rest")

    async def run_until(self, moment: datetime, step: timedelta = timedelta(days=30)) -> None:
        """Let time pass, a step at a time, with every loop running. Reclaiming has its own tests."""
        while True:
            await self.tick()
            if self.clock.now() >= moment:
                return
            at = await self._next_event()
            following = self.clock.now() + step
            if at is not None:
                following = max(at, self.clock.now() + timedelta(seconds=1))
            self.clock.set(min(moment.astimezone(UTC), following))

    async def _next_event(self) -> datetime | None:
        """When anything asks to be looked at again; time jumps there."""
        async with self.store.database.read() as connection:
            found = await connection.scalar(
                text(
                    "SELECT min(due) FROM (SELECT min(due_at) AS due FROM batch WHERE state IN (0, 3, 4)"
                    " UNION ALL SELECT min(reconcile_at) FROM plan) AS events"
                )
            )
        return None if found is None else from_millis(found)

    async def tick(self) -> None:
        """One round of every loop; those that find nothing due cost one look."""
        await self.settle()
        async with self.store.read() as tx:
            due = await tx.batches.due(self.clock.now())
        for name in due:
            while (await dispatch.dispatch(self.outbox, name)).claimed:
                pass
        for name in self.channels:
            await receipts.resolve(self.outbox, name)
        await receipts.give_up(self.outbox)
        if due:
            await self.settle()

    def told(self, channel: str = "sms") -> list[tuple[str, str]]:
        """(address, text) of everything people read by a channel, in order."""
        return [(message.address, message.text) for message in self.channels[channel].told]

    async def scalar(self, query: str, **values: object) -> int:
        async with self.store.database.read() as connection:
            return int(await connection.scalar(text(query), values) or 0)


async def build(
    database: Database,
    vault: Vault,
    *,
    media: Sequence[str] = ("sms", "wechat", "push", "posting"),
    limits: Limits | None = None,
    policy: str = "cn",
) -> Town:
    """The town, with one recording channel for each medium."""
    await _populate(database, vault)
    clock = FakeClock(START)
    channels = {
        name: RecordingChannel(Medium(name), limits or Limits(batch_size=10)) for name in media
    }
    switchboard = Switchboard(channels)
    setting = reconcile.Setting(
        policy=read_policy(policy),
        accounts=switchboard.accounts,
        zone=ZONE,
        lease=timedelta(seconds=4),
        read_policy=policy_from_dict,
    )
    store = Ledger(database)
    async with store.write() as tx:
        mark = await tx.make_mark(clock.now())
    renderer = MessageRenderer(
        Library(),
        Utility(name="测试供电", signature="测试供电", hotline="95598", link="", zone=ZONE),
    )
    outbox = dispatch.Outbox(
        store=store,
        channels=channels,
        fallbacks=switchboard.fallbacks,
        setting=setting,
        renderer=renderer,
        vault=vault,
        worker="w1",
        mark=mark,
        clock=clock,
    )
    return Town(store, clock, vault, setting, outbox, channels)


def phone(number: int) -> str:
    return f"+86138{number:08d}"


async def _populate(database: Database, vault: Vault) -> None:
    """Feeder 东一线: areas 一里 (10 homes), 二里 (a high-rise of 6); 西一线: 三里 (10 homes), 四里
    (hospital, hatchery). Contacts 1…n; home 1 and 2 share a phone; home 3 has a tenant."""
    async with database.write() as connection:
        await connection.execute(
            insert(schema.station).values(
                id=1, name="110kV城关变", key=names.station_key("110kV城关变")
            )
        )
        for number, name in ((1, "10kV东一线"), (2, "10kV西一线")):
            await connection.execute(
                insert(schema.feeder).values(
                    id=number, station_id=1, name=name, key=names.feeder_key(name)
                )
            )
        for number, (name, feeder) in enumerate(
            (("一里台区", 1), ("二里台区", 1), ("三里台区", 2), ("四里台区", 2)), start=1
        ):
            await connection.execute(
                insert(schema.area).values(
                    id=number,
                    code=f"00{number}",
                    name=name,
                    key=names.area_key(name),
                    feeder_id=feeder,
                )
            )
        await connection.execute(
            insert(schema.building).values(
                id=1, name="高楼", key="高楼", floors=30, is_high_rise=True
            )
        )
        points = []
        homes = [(n, 1) for n in range(1, 11)] + [(n, 2) for n in range(11, 17)]
        homes += [(n, 3) for n in range(17, 27)] + [(27, 4), (28, 4)]
        for number, area in homes:
            critical = {
                27: (Criticality.CRITICAL_1, Need.MEDICAL),
                28: (Criticality.SENSITIVE, Need.HATCHERY),
            }
            criticality, need = critical.get(number, (Criticality.ORDINARY, Need.NONE))
            if area == 2:
                need = Need.LIFT
            points.append(
                {
                    "id": number,
                    "account": f"A{number:03d}",
                    "area_id": area,
                    "feeder_id": 1 if area < 3 else 2,
                    "building_id": 1 if area == 2 else None,
                    "criticality": int(criticality),
                    "need": int(need),
                    "row_hash": b"",
                }
            )
        await connection.execute(insert(schema.usage_point), points)
        contacts = [
            {
                "id": number,
                "kind": int(ContactKind.PERSON),
                "name": f"用户{number}",
                "reach": int(Reach.SMS),
                "phone_hmac": vault.fingerprint(phone(number)),
                "phone_sealed": vault.seal(phone(number)),
            }
            for number in range(1, 31)
        ]
        await connection.execute(insert(schema.contact), contacts)
        await connection.execute(
            insert(schema.contact),
            [
                {
                    "id": 101,
                    "kind": int(ContactKind.PLACE),
                    "name": "高楼一单元",
                    "reach": int(Reach.POSTING),
                    "place_key": "高楼/1",
                },
                {
                    "id": 102,
                    "kind": int(ContactKind.PLACE),
                    "name": "一里公告栏",
                    "reach": int(Reach.POSTING),
                    "place_key": "一里",
                },
            ],
        )
        links = [
            {"usage_point_id": n, "contact_id": n, "role": int(Role.PAYER)}
            for n in range(1, 29)
            if n != 2
        ]
        links += [
            {
                "usage_point_id": 2,
                "contact_id": 1,
                "role": int(Role.PAYER),
            },  # one phone, two meters
            {"usage_point_id": 3, "contact_id": 29, "role": int(Role.TENANT)},
        ]
        await connection.execute(insert(schema.point_contact), links)
        await connection.execute(
            insert(schema.place_contact),
            [
                {
                    "subject": int(Subject.BUILDING),
                    "subject_id": 1,
                    "contact_id": 30,
                    "role": int(Role.PROPERTY_MANAGER),
                },
                {
                    "subject": int(Subject.BUILDING),
                    "subject_id": 1,
                    "contact_id": 101,
                    "role": int(Role.ENTRANCE),
                },
                {
                    "subject": int(Subject.AREA),
                    "subject_id": 1,
                    "contact_id": 102,
                    "role": int(Role.ENTRANCE),
                },
            ],
        )
        # Ids given by hand: PostgreSQL's sequences do not follow them.
        assert (
            await connection.scalar(select(schema.contact.c.id).where(schema.contact.c.id == 102))
        ) == 102


def plan(
    number: str = "P1",
    *,
    feeders: Sequence[str] = ("10kV东一线",),
    areas: Sequence[str] = (),
    windows: Sequence[Window] | None = None,
    transferred: Sequence[str] = (),
    transition: Transition = Transition.OPEN,
    spans: Sequence[Window] = (),
    kind: PlanKind = PlanKind.PLANNED,
) -> PlanContent:
    equipment = [Equipment(name=name, kind=EquipmentKind.FEEDER) for name in feeders]
    equipment += [Equipment(name=name, kind=EquipmentKind.AREA) for name in areas]
    transfers = ()
    if transferred:
        transfers = (
            Transfer(
                equipment=tuple(Equipment(name=n, kind=EquipmentKind.AREA) for n in transferred),
                transition=transition,
                spans=tuple(spans),
            ),
        )
    return PlanContent(
        number=number,
        kind=kind,
        department="修理",
        equipment=tuple(equipment),
        windows=tuple((window(20, 8, 18),) if windows is None else windows),
        transfers=transfers,
        works="更换开关",
    )
