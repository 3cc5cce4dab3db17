"""Proposed switching for a plan that only names where is worked: computed here, confirmed by a person.

A proposal is arithmetic on the network in force; it knows nothing of load, protection or interlocking.
Confirming one makes a new revision with its steps, as any other change would.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from notifier.domain import errors
from notifier.domain.network import bounding, checks, steps
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network.steps import Step
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import Plan, PlanContent, Switching
from notifier.ports import Store
from notifier.usecases import plans, topology
from notifier.usecases.trace import located


class NothingToPropose(errors.Conflict):
    """The plan names no place of work that the network in force knows, or there is no network."""

    code = "proposal.nothing"


class NoSuchProposal(errors.NotFound):
    """There is no proposal of that number."""

    code = "proposal.not_found"


class ProposalsChanged(errors.Conflict):
    """The proposals are not those that were looked at: the network or the plan has changed."""

    code = "proposal.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One way to make the place of work dead, numbered from 1, fewest people out first.

    Counts are customers of the model. ``names`` gives the dispatcher's name of each switch,
    ``alternatives`` the other ties that would revive the same people.
    """

    number: int
    order: steps.Order
    steps: tuple[Step, ...]
    names: Mapping[str, str]
    alternatives: Mapping[str, tuple[str, ...]]
    out: int
    short: int
    unaffected: int
    classes: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "order": self.order.value,
            "steps": [
                {
                    "action": step.action.value,
                    "switch": step.switch,
                    "name": self.names[step.switch],
                }
                for step in self.steps
            ],
            "out": self.out,
            "short": self.short,
            "unaffected": self.unaffected,
            "classes": dict(self.classes),
            "alternatives": {tie: list(others) for tie, others in self.alternatives.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """All proposals for one plan, on one version of the network; ``key`` names just these."""

    plan: Plan
    work: str
    network: tuple[int, int]
    proposals: tuple[Proposal, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.plan.number,
            "revision": self.plan.revision,
            "work": self.work,
            "network": {"version": self.network[0], "overlay": self.network[1]},
            "key": self.key,
            "proposals": [item.as_dict() for item in self.proposals],
        }

    @property
    def key(self) -> str:
        """A digest of what is proposed, so that nobody confirms what he did not look at."""
        said = [self.network, self.work, *(str(step) for p in self.proposals for step in p.steps)]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


async def propose(store: Store, number: str) -> Proposals:
    """The proposals for a plan, on the network in force.

    Raises ``plans.PlanNotFound``, ``NothingToPropose``, ``bounding.CannotBound``.
    """
    plan = await plans.find(store, number)
    async with store.read() as tx:
        revision = await tx.plans.revision(plan.id, plan.revision)
        index = await tx.network()
    content = replace(revision.content, switching=None)
    held = await topology.in_force(store, content)
    if held is None:
        raise NothingToPropose(
            "没有网络模型，或计划未写明工作地点 / "
            "there is no network model, or the plan names no place of work."
        )
    work, found = await asyncio.to_thread(_proposed, held, content, index)
    return Proposals(plan=plan, work=work, network=held.key, proposals=found)


async def as_content(store: Store, number: str, proposal: int) -> PlanContent:
    """The plan as it would be with a proposal confirmed. Raises as ``propose``, ``NoSuchProposal``."""
    content, _ = await _chosen(store, await propose(store, number), proposal)
    return content


async def confirm(
    store: Store,
    number: str,
    proposal: int,
    *,
    expected: str = "",
    note: str = "",
    now: datetime,
    actor: str,
) -> Plan:
    """Makes a proposal the plan's switching, in a new revision. ``expected``: the key of the proposals
    that were looked at. Raises as ``propose`` and ``plans.revise``, ``NoSuchProposal``,
    ``ProposalsChanged``."""
    listed = await propose(store, number)
    if expected and expected != listed.key:
        raise ProposalsChanged(
            "拟议方案已变化，请重新查看 / the proposals have changed: look again."
        )
    content, chosen = await _chosen(store, listed, proposal)
    said = "；".join(f"{_VERBS[s.action]} {chosen.names[s.switch]}" for s in chosen.steps)
    return await plans.revise(
        store, number, content, note=note or f"确认方案 {proposal}：{said}", now=now, actor=actor
    )


async def _chosen(store: Store, listed: Proposals, number: int) -> tuple[PlanContent, Proposal]:
    chosen = next((item for item in listed.proposals if item.number == number), None)
    if chosen is None:
        raise NoSuchProposal(
            f"没有第 {number} 个方案 / there is no proposal {number}: 1–{len(listed.proposals)}"
        )
    async with store.read() as tx:
        revision = await tx.plans.revision(listed.plan.id, listed.plan.revision)
    return replace(revision.content, switching=Switching(steps=chosen.steps)), chosen


_VERBS = {steps.Action.OPEN: "拉开", steps.Action.CLOSE: "合上"}


def _proposed(
    held: HeldNetwork, content: PlanContent, index: NetworkIndex
) -> tuple[str, tuple[Proposal, ...]]:
    wanted = topology.place_of_work(held, content, index)
    if wanted is None:
        raise NothingToPropose(
            "计划未写明模型中的工作地点 / the plan names no place of work that the model knows."
        )
    work, lost = located(held.graph, wanted)
    if work is None:
        raise NothingToPropose(lost[0].found)
    return work.label, tuple(
        _numbered(held, number, item)
        for number, item in enumerate(bounding.propose(held.graph, work), start=1)
    )


def _numbered(held: HeldNetwork, number: int, item: bounding.Proposal) -> Proposal:
    network = held.graph.network
    operated = (
        *item.opens,
        *item.closes,
        *(t for ties in item.alternatives.values() for t in ties),
    )
    return Proposal(
        number=number,
        order=item.order,
        steps=steps.in_order(item.order, item.opens, item.closes),
        names={switch: network.label(network.branch(switch)) for switch in operated},
        alternatives=item.alternatives,
        out=item.out,
        short=item.short,
        unaffected=item.unaffected,
        classes={kind.value: n for kind, n in checks.summary(item.verdict).items()},
    )
