"""What the public may know of an outage: when, where, why, and whether it holds. Never people.

A plan is public once it was approved. Pages are kept for some seconds: after a storm thousands look
at the same few.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from notifier.domain.impact import ImpactClass
from notifier.domain.plan import Plan, PlanState
from notifier.store.ledger import Transaction
from notifier.usecases import plans
from notifier.web import health, pages
from notifier.web.context import MEMORY, SERVICE, Service

_HOLDS = 5.0
_MOST_KEPT = 2000
_SHOWN = (ImpactClass.OUT, ImpactClass.SHORT)


def add(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/p/{number}", show)


async def show(request: web.Request) -> web.StreamResponse:
    """The public page of one outage."""
    app, number = request.app, request.match_info["number"]
    memory = app[MEMORY]
    if len(memory) > _MOST_KEPT:
        for name in [name for name in memory if name.startswith("public.")][: _MOST_KEPT // 2]:
            del memory[name]
    shown: Mapping[str, Any] | None = await health.remembered(
        app, f"public.{number}", _HOLDS, lambda: _known(app[SERVICE], number)
    )
    if shown is None:
        raise plans.PlanNotFound(f"没有编号为 {number} 的停电信息 / there is no outage {number}.")
    return pages.render(
        request, "public.html.j2", headers={"Cache-Control": "public, max-age=15"}, **shown
    )


async def _known(service: Service, number: str) -> dict[str, Any] | None:
    now, zone = service.clock.now(), service.setting.zone
    async with service.store.read() as tx:
        plan = await tx.plans.find(number)
        revision = None if plan is None else await _known_revision(tx, plan)
        if plan is None or revision is None:
            return None
        present = await tx.plans.revision(plan.id, revision)
        groups = await tx.impacts.groups(present.id)
    parts = []
    for _, group in sorted(groups.items()):
        if group.impact_class in _SHOWN:
            is_short = group.impact_class is ImpactClass.SHORT
            zh, en = pages.told_times(group.windows, zone=zone, now=now, is_short=is_short)
            parts.append({"zh": zh, "en": en, "where": group.place, "is_short": is_short})
    windows = present.content.all_windows
    return {
        "plan": plan,
        "works": present.content.works,
        "parts": parts,
        "phase": _phase(plan, running=any(window.contains(now) for window in windows),
                        over=plan.ends_at is not None and plan.ends_at <= now),
    }  # fmt: skip


async def _known_revision(tx: Transaction, plan: Plan) -> int | None:
    """The revision that was made known last; None where the outage never was.

    A change that waits for approval is nobody's business yet: what was announced stands.
    """
    if plan.state in (PlanState.APPROVED, PlanState.DONE):
        return plan.revision
    approvals = await tx.plans.approvals(plan.id)
    if not approvals:
        return None
    return plan.revision if plan.state is PlanState.CANCELLED else int(approvals[-1]["revision"])


def _phase(plan: Plan, *, running: bool, over: bool) -> str:
    if plan.state is PlanState.CANCELLED:
        return "cancelled"
    if plan.state is PlanState.DONE or over:
        return "over"
    return "running" if running else "coming"
