"""What the plans of a dry run would touch, where there is a ledger to ask."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from notifier.commands.base import Context
from notifier.domain.plan import PlanDraft
from notifier.intake.constraints import constraints_from_dict
from notifier.intake.policies import read_policy
from notifier.store.coordination import Coordination
from notifier.store.coordination_works import Works
from notifier.store.engine import Database
from notifier.store.ledger import Ledger
from notifier.store.networks import Networks
from notifier.usecases import ingest, topology
from notifier.usecases.coordinate_checking import Checker
from notifier.usecases.coordinate_contracts import FixedTerms
from notifier.usecases.network_shelf import NetworkShelf


async def foresee(
    context: Context,
    database: Database,
    drafts: Sequence[PlanDraft],
    shown: Sequence[dict[str, Any]],
) -> None:
    """Adds to each plan as shown whom it would touch, and what else takes its areas out: other plans,
    and the file's own. Nothing is added where the ledger is empty."""
    stale_after = timedelta(days=context.settings.network.stale_after_days)
    store = Ledger(database, NetworkShelf(Networks(database), stale_after=stale_after))
    world = await topology.world(store)
    if not world.index.feeders:
        return
    now = context.now()
    plans = iter(shown)
    async for foreseen in ingest.foresee(store, drafts, world, now=now):
        next(plans)["foreseen"] = foreseen
    checker = Checker(
        Ledger(database),
        Works(database),
        FixedTerms(policy=read_policy(context.settings.policy.name_or_path), zone=context.zone),
        Coordination(database),
        constraints_from_dict,
    )
    checked = await checker.foresee([draft.content for draft in drafts], now)
    for plan, item in zip(shown, checked, strict=False):
        plan["coordination"] = item.as_dict()
