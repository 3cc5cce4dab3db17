"""Joint outages (同停): which plans are told as one, by the meeting or by hand.

Joining and parting change neither a plan's content nor its approval. All that share the outage, or did,
are reconciled at once, and nothing of theirs leaves before that.
"""

from collections.abc import Sequence
from datetime import datetime

from notifier.domain import errors
from notifier.domain.joint import MOST
from notifier.domain.plan import Plan
from notifier.ports import Store, Transaction
from notifier.usecases import plans


class JointNeedsAnother(errors.Invalid):
    """A plan shares an outage with another plan, not with itself."""

    code = "joint.needs_another"


class JointTooLarge(errors.Conflict):
    """More plans than can be told as one."""

    code = "joint.too_large"


class NotJoint(errors.Conflict):
    """The plan shares its outage with no other."""

    code = "joint.none"


async def partners(store: Store, number: str) -> list[Plan]:
    """The other plans that share the outage of this one, oldest first. Raises ``PlanNotFound``."""
    plan = await plans.find(store, number)
    async with store.read() as tx:
        return [
            await tx.plans.by_id(each)
            for each in await tx.joints.members(plan.id)
            if each != plan.id
        ]


async def join(
    store: Store, numbers: Sequence[str], *, now: datetime, actor: str, note: str = ""
) -> list[Plan]:
    """These plans are told as one from now on, with whatever shares an outage with one of them already;
    answers all of them. Nothing happens where they are one outage as it is.

    Raises ``PlanNotFound``, ``PlanClosed``, ``JointNeedsAnother``, ``JointTooLarge``.
    """
    if len(set(numbers)) == 1:
        raise JointNeedsAnother(
            f"计划 {numbers[0]} 须与另一计划同停 / plan {numbers[0]} needs another to share with."
        )
    found = [await plans.find(store, number) for number in dict.fromkeys(numbers)]
    async with store.write() as tx:
        await tx.joints.hold(numbers)
        # Read again: between looking and writing somebody may have closed one, or joined it elsewhere.
        found = [await tx.plans.by_id(plan.id) for plan in found]
        for plan in found:
            plans.require_open(plan)
        together: set[int] = set()
        for plan in found:
            together.update(await tx.joints.members(plan.id) or [plan.id])
        if len(together) > MOST:
            raise JointTooLarge(
                f"同停计划最多 {MOST} 项，现为 {len(together)} 项 / "
                f"at most {MOST} plans share an outage; these are {len(together)}."
            )
        ids = sorted(together)
        if await tx.joints.members(ids[0]) != ids:
            await tx.joints.join(ids, now=now, actor=actor)
            await tx.joints.stir(ids, now)
            joined = [await tx.plans.by_id(each) for each in ids]
            for plan in joined:
                await _audit(tx, "plan.joined", plan, joined, now=now, actor=actor, note=note)
        return [await tx.plans.by_id(each) for each in ids]


async def part(
    store: Store, number: str, *, now: datetime, actor: str, note: str = ""
) -> list[Plan]:
    """The plan is told for itself from now on; answers those it shared the outage with.

    Raises ``PlanNotFound``, ``PlanClosed`` (what is over stays with those it was told with),
    ``NotJoint``.
    """
    plan = await plans.find(store, number)
    async with store.write() as tx:
        await tx.joints.hold([number])
        plan = await tx.plans.by_id(plan.id)
        plans.require_open(plan)
        ids = await tx.joints.members(plan.id)
        if not ids:
            raise NotJoint(
                f"计划 {number} 没有同停计划 / plan {number} shares its outage with none."
            )
        before = [await tx.plans.by_id(each) for each in ids]
        # One that is left alone shares its outage with nobody either.
        await tx.joints.part(ids if len(ids) <= _TWO else [plan.id])
        await tx.joints.stir(ids, now)
        await _audit(tx, "plan.parted", plan, before, now=now, actor=actor, note=note)
        return [each for each in before if each.id != plan.id]


_TWO = 2


async def _audit(
    tx: Transaction,
    action: str,
    plan: Plan,
    together: Sequence[Plan],
    *,
    now: datetime,
    actor: str,
    note: str,
) -> None:
    others = [each.number for each in together if each.id != plan.id]
    await tx.audited(
        at=now,
        actor=actor,
        action=action,
        subject=plan.number,
        detail={"with": others, "note": note},
    )
