"""The town's network: two feeders with a section switch each and a tie, customers where the ledger has them.

BB ─901─ e1 ═L101═ e2 ─F1─ e3      一里 at e2, 二里 at e3
                            └─L12 (open)
BB ─902─ w1 ═L201═ w2 ─F2─ w3      三里 at w2, 四里 at w3
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from notifier.domain.network import builder, model, packing
from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.network.version import NewVersion, Overlay, Version, counts_of
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Switching,
    Transition,
)
from notifier.domain.window import Window
from notifier.store.networks import Networks
from notifier.usecases.network_shelf import NetworkShelf
from tests.usecases.town import Town, window

LINE, SWITCH, TRAFO = (
    model.BranchKind.LINE,
    model.BranchKind.SWITCH,
    model.BranchKind.TRANSFORMER,
)
Change = Callable[[builder.NetworkBuilder], None]

#: Area of the town's ledger to its node and its accounts.
AREAS = {
    "001": ("一里台区", "e2", range(1, 11)),
    "002": ("二里台区", "e3", range(11, 17)),
    "003": ("三里台区", "w2", range(17, 27)),
    "004": ("四里台区", "w3", range(27, 29)),
}


def account(number: int) -> str:
    return f"A{number:03d}"


def network(
    *,
    tie_open: bool = True,
    without: tuple[str, ...] = (),
    elsewhere: dict[str, str] | None = None,
    more: Change | None = None,
) -> model.Network:
    """The network. ``without``: accounts it does not know; ``elsewhere``: account to area and node
    of another area, as ``002``."""
    built = builder.NetworkBuilder("城关")
    for node in ("BB", "e1", "e2", "e3", "w1", "w2", "w3"):
        built.add_node(node, node, 10.5, is_busbar=node == "BB")
    for mrid, name, kind, a, b, is_open in (
        ("s901", "901开关", SWITCH, "BB", "e1", False),
        ("l101", "东一线1号杆至8号杆", LINE, "e1", "e2", False),
        ("f1", "F1", SWITCH, "e2", "e3", False),
        ("l12", "L12", SWITCH, "e3", "w3", tie_open),
        ("s902", "902开关", SWITCH, "BB", "w1", False),
        ("l201", "西一线1号杆至9号杆", LINE, "w1", "w2", False),
        ("f2", "F2", SWITCH, "w2", "w3", False),
    ):
        built.add_branch(mrid, kind, name, a, b, normal_open=is_open)
    built.add_source("G", "BB")
    built.add_feeder("E", "10kV东一线", "城关变", "s901", "BB")
    built.add_feeder("W", "10kV西一线", "城关变", "s902", "BB")
    for code, (name, node, _) in AREAS.items():
        built.add_node(f"lv{code}", "", 0.4)
        built.add_branch(f"t{code}", TRAFO, name, node, f"lv{code}")
        built.add_area(code, name, [f"t{code}"], [f"lv{code}"])
    for code, (_, _, numbers) in AREAS.items():
        for number in numbers:
            mrid = account(number)
            stands = (elsewhere or {}).get(mrid, code)
            if mrid not in without:
                built.add_customer(mrid, f"lv{stands}", stands)
    if more is not None:
        more(built)
    return built.finish()


async def install(town: Town, found: model.Network, *, as_of: datetime | None = None) -> Version:
    """Keeps a network as the version in force, and lets the town match on it."""
    kept = Networks(town.store.database)
    latest = await kept.latest()
    version = await kept.keep(
        NewVersion(
            name=found.name,
            as_of=as_of,
            digest=str(town.clock.now()),
            files=("nodes.csv",),
            counts=counts_of(found),
            difference=None,
            findings=(),
        ),
        dict(packing.pack(found)),
        Overlay(),
        seen=None if latest is None else (latest.id, latest.overlay),
        now=town.clock.now(),
        actor="test",
    )
    town.store.topology = NetworkShelf(kept)
    return version


async def confirm(town: Town) -> None:
    """The same files are handed in again: the network is as fresh as that."""
    kept = Networks(town.store.database)
    latest = await kept.latest()
    assert latest is not None
    await kept.confirm(latest.id, None, now=town.clock.now())


def steps(*words: str, at: datetime | None = None, every: int = 5) -> tuple[Step, ...]:
    """``steps("open 901开关", "close L12")``; from ``at`` on, some minutes apart."""
    found = []
    for number, word in enumerate(words):
        action, name = word.split(" ", 1)
        moment = None if at is None else at + timedelta(minutes=every * number)
        found.append(Step(action=Action(action), switch=name, planned_at=moment))
    return tuple(found)


def section(
    number: str = "P1",
    *words: str,
    windows: tuple[Window, ...] | None = None,
    transition: Transition | None = None,
    back: tuple[Step, ...] = (),
    timed: tuple[Step, ...] = (),
    work: tuple[str, ...] = ("东一线1号杆至8号杆",),
    equipment: tuple[str, ...] = (),
    kind: PlanKind = PlanKind.PLANNED,
) -> PlanContent:
    """Work on the first section of 东一线; without words or times it names no steps."""
    listed = timed or steps(*words)
    return PlanContent(
        number=number,
        kind=kind,
        department="修理",
        equipment=tuple(Equipment(name=n, kind=EquipmentKind.FEEDER) for n in equipment),
        windows=(window(20, 8, 18),) if windows is None else windows,
        switching=Switching(
            steps=listed,
            back=back,
            transitions=() if transition is None else (("", transition),),
        )
        if listed
        else None,
        work=Target(kind=TargetKind.NAMED, names=work) if work else None,
        works="更换导线",
    )
