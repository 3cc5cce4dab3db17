"""What a plan's impact rests on: the ledger, or a version of the network; and its single-line diagram."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain import errors
from notifier.domain.impact import Knowledge
from notifier.domain.network import diagram
from notifier.domain.network.version import Version
from notifier.domain.plan import Revision
from notifier.ports import Store
from notifier.usecases import plans, proposals, topology
from notifier.usecases.topology import TracedPlan


class NoDiagram(errors.Conflict):
    """There is nothing to draw: the plan has no switching that the network in force knows."""

    code = "diagram.nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How the classes of one revision are known. ``network`` is the version they were traced on, with
    ``overlay``; None where all went by ledger. ``newer`` is the version in force where it is another."""

    knowledge: tuple[Knowledge, ...]
    network: Version | None
    overlay: int
    newer: Version | None

    def words(self, zone: ZoneInfo) -> tuple[str, str]:
        """In a few words, Chinese and English; days are of ``zone``."""
        if self.network is None:
            return "按台账", "by ledger"
        day = f"{self.network.fresh_at.astimezone(zone):%Y-%m-%d}"
        zh, en = "按拓扑", "by topology"
        if Knowledge.LEDGER in self.knowledge:
            zh, en = "按拓扑和台账", "by topology and ledger"
        return (
            f"{zh}，网络模型版本 {self.network.id}（{day}）",
            f"{en}, version {self.network.id} of {day}",
        )

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "knowledge": [item.value for item in self.knowledge],
            "network": None if self.network is None else _as_dict(self.network, self.overlay, zone),
            "newer": None if self.newer is None else _as_dict(self.newer, self.newer.overlay, zone),
        }


async def basis(store: Store, revision: Revision) -> Basis:
    """What the impact of a matched revision rests on."""
    async with store.read() as tx:
        groups = await tx.impacts.groups(revision.id)
    knowledge = tuple(sorted({group.knowledge for group in groups.values()}))
    network = newer = None
    if revision.network is not None and store.topology is not None:
        network = await store.topology.version(revision.network[0])
        latest = await store.topology.version(None)
        if latest is not None and (latest.id, latest.overlay) != revision.network:
            newer = latest
    return Basis(
        knowledge=knowledge,
        network=network,
        overlay=0 if revision.network is None else revision.network[1],
        newer=newer,
    )


async def picture(store: Store, number: str, *, proposal: int | None = None, now: datetime) -> str:
    """The single-line diagram of what a plan touches, as SVG, on the network in force; of one of its
    proposals instead where its number is given. Raises ``plans.PlanNotFound``, ``NoDiagram``, and as
    ``proposals.propose``."""
    plan = await plans.find(store, number)
    async with store.read() as tx:
        revision = await tx.plans.revision(plan.id, plan.revision)
    content = revision.content
    if proposal is not None:
        content = await proposals.as_content(store, number, proposal)
    traced = await topology.trace(store, content, now=now)
    if traced is None:
        raise NoDiagram(
            f"计划 {number} 没有可绘制的操作步骤 / plan {number} has no switching that the network knows."
        )
    return await asyncio.to_thread(_drawn, traced, plan.number)


def _drawn(traced: TracedPlan, number: str) -> str:
    version = traced.held.version
    title = f"{number} · {version.name or '网络 network'} v{version.id}"
    return diagram.draw(traced.fates.verdict, traced.fates.work, title=title)


def _as_dict(version: Version, overlay: int, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "version": version.id,
        "overlay": overlay,
        "name": version.name,
        "as_of": version.fresh_at.astimezone(zone).isoformat(),
    }
