"""What is decided on for a plan: its groups, whatever was ever said of it, and the plans that share its
outage; and who its people are, each with the plan that speaks to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.domain.cell import Cell
from notifier.domain.customer import Reach
from notifier.domain.impact import Group
from notifier.domain.joint import Joint, Member, Standing, Voice
from notifier.domain.plan import Plan, PlanState, Revision
from notifier.domain.policy import Policy
from notifier.ports import Desk, Store
from notifier.usecases import matching, wanting


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A plan with a matched revision. ``ever``: every group that somebody may have been told of;
    ``joint`` is None for a plan that never shared its outage with another."""

    plan: Plan
    revision: Revision
    groups: Mapping[int, Group]
    ever: Sequence[Group]
    joint: Joint | None = None

    @property
    def sharers(self) -> list[int]:
        """The ids of the plans of the joint outage, itself included; empty without one."""
        return [] if self.joint is None else [member.plan_id for member in self.joint.members]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The people of a plan by packed traits, and what is said to them for other plans too."""

    people: Mapping[int, Cell]
    voices: Mapping[int, Voice] = field(default_factory=dict)


async def of(store: Store, plan: Plan, revision: Revision) -> Ground:
    """The ground for a plan. Partners that have not been matched yet are matched."""
    if not plan.joint_change:
        async with store.read() as tx:
            groups = await tx.impacts.groups(revision.id)
            ever = await tx.impacts.groups_of_plan(plan.id)
        return Ground(plan=plan, revision=revision, groups=groups, ever=ever)
    async with store.read() as tx:
        ids = await tx.joints.members(plan.id) or [plan.id]
        plans = [plan if plan_id == plan.id else await tx.plans.by_id(plan_id) for plan_id in ids]
    members = [
        await _member(store, each, revision if each is plan else await _holding(store, each))
        for each in plans
    ]
    async with store.read() as tx:
        ever = await tx.joints.said(ids)
        for plan_id in ids:
            ever += await tx.impacts.groups_of_plan(plan_id)
    mine = ids.index(plan.id)
    return Ground(
        plan=plan,
        revision=revision,
        groups=members[mine].groups,
        ever=ever,
        joint=Joint(members=tuple(members), mine=mine),
    )


async def gather(desk: Desk, ground: Ground, available: Reach) -> Gathered:
    """The people of the plan, on the desk's temporary tables."""
    if ground.joint is None:
        people = await desk.gather(ground.plan.id, ground.revision.points_id, available)
        return Gathered(people=people)
    cast = ground.joint.cast(await desk.gather_shared(ground.joint))
    people = await desk.settle_shared(ground.joint, cast, available)
    return Gathered(people=people, voices=cast.voices)


def want(
    ground: Ground, gathered: Gathered, policy: Policy, *, now: datetime, zone: ZoneInfo
) -> wanting.Wants:
    """What these people should have been told by ``now`` (aware)."""
    return wanting.want(
        ground.plan,
        ground.revision.content,
        ground.groups,
        ground.ever,
        gathered.people,
        policy,
        now=now,
        zone=zone,
        voices=gathered.voices,
    )


async def _holding(store: Store, plan: Plan) -> Revision | None:
    """The revision by which a plan counts for its partners, or counted; None where it never did."""
    if plan.state in (PlanState.APPROVED, PlanState.DONE):
        return await matching.ensure_matched(store, plan)
    if not plan.settled_revision:
        return None
    async with store.read() as tx:
        return await tx.plans.revision(plan.id, plan.settled_revision)


async def _member(store: Store, plan: Plan, revision: Revision | None) -> Member:
    groups: Mapping[int, Group] = {}
    if revision is not None:
        async with store.read() as tx:
            groups = await tx.impacts.groups(revision.id)
    return Member(
        plan_id=plan.id,
        number=plan.number,
        kind=plan.kind,
        standing=_standing(plan, revision),
        works="" if revision is None else revision.content.works,
        groups=groups,
        points_id=None if revision is None else revision.points_id,
        restored_at=plan.restored_at,
    )


def _standing(plan: Plan, revision: Revision | None) -> Standing:
    match plan.state:
        case PlanState.APPROVED:
            return Standing.LIVE
        case PlanState.DONE:
            return Standing.ENDED
        case PlanState.CANCELLED:
            return Standing.OFF
        case _:
            return Standing.OFF if revision is None else Standing.STANDS
