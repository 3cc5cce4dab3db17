"""Keeps interruptions in step with plans.

What a plan did to people is a pure function of its revisions (``domain.happened``). The rows that say
so are written anew whenever the plan's revision or state is another than the one they follow; that
may happen at any time, twice, and in two processes.
"""

from notifier.domain import happened
from notifier.domain.happened import Chapter
from notifier.domain.plan import Change, Plan, PlanState
from notifier.ports import Store, Transaction
from notifier.usecases import matching

_FIRM = frozenset({PlanState.APPROVED, PlanState.DONE})
_CORRECTIONS = frozenset({Change.DELAYED, Change.RESTORED})


async def catch_up(store: Store, *, limit: int = 100) -> int:
    """Brings the interruptions of up to ``limit`` plans in step; how many plans that were.

    A plan that cannot be counted costs no other plan: what it raised is raised when all had their turn.
    """
    async with store.read() as tx:
        waiting = await tx.interruptions.uncounted(limit)
    faults = []
    for plan_id in waiting:
        try:
            await follow(store, plan_id)
        except Exception as fault:  # noqa: BLE001 - raised below, once the others are counted
            faults.append(fault)
    if faults:
        raise faults[0]
    return len(waiting)


async def follow(store: Store, plan_id: int) -> None:
    """Has the interruptions of one plan say what its revisions say."""
    async with store.read() as tx:
        plan = await tx.plans.by_id(plan_id)
    await matching.ensure_matched(store, plan)
    async with store.read() as tx:
        chapters = await _chapters(tx, plan)
        told = happened.spells(chapters)
        shares = {
            points_id: await tx.interruptions.shares(points_id)
            for points_id in sorted({spell.points_id for spell in told})
        }
    rows = happened.interruptions(told, shares)
    async with store.write() as tx:
        present = await tx.plans.by_id(plan_id)
        if (present.revision, present.state) != (plan.revision, plan.state):
            return  # whoever changed it has it counted once more
        await tx.interruptions.replace(plan_id, plan.revision, plan.state.value, rows)


async def _chapters(tx: Transaction, plan: Plan) -> list[Chapter]:
    """The revisions of a plan as a story. The last one is firm as the plan stands, an earlier one
    where it was approved; a correction is as firm as what it corrects."""
    approved = {item["revision"] for item in await tx.plans.approvals(plan.id)}
    revisions = await tx.plans.revisions(plan.id)
    chapters: list[Chapter] = []
    for revision in revisions:
        inherits = revision.change in _CORRECTIONS and bool(chapters) and chapters[-1].is_firm
        is_firm = revision.number in approved or inherits
        if revision.number == plan.revision:
            is_firm = plan.state in _FIRM
        is_restored = revision.change is Change.RESTORED
        chapters.append(
            Chapter(
                number=revision.number,
                change=revision.change,
                made_at=revision.created_at,
                is_firm=is_firm,
                points_id=revision.points_id,
                groups=await tx.impacts.groups(revision.id),
                restored_at=plan.restored_at if is_restored else None,
            )
        )
    return chapters
