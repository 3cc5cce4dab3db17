"""Solving a period beside the event loop: greedy with local search, which says that it is one."""

import asyncio
from collections.abc import Callable

from notifier import clock as clocks
from notifier.domain.coordination import greedy, objective
from notifier.domain.coordination.problem import Instance
from notifier.usecases.coordinate_contracts import Progress, Solved


class Greedy:
    """Without the extra ``coordination``: a good plan, and nothing proven about it."""

    async def solve(
        self,
        instance: Instance,
        *,
        seconds: float,
        progress: Callable[[Progress], None],
        stop: asyncio.Event,
    ) -> Solved:
        """Solves in a thread. Raises ``NoPlan``."""
        began = clocks.monotonic()
        plan = await asyncio.to_thread(greedy.plan, instance)
        found = objective.cost(instance, plan).total
        spent = clocks.monotonic() - began
        progress(Progress(objective=found, bound=0, seconds=spent))
        return Solved(
            plan=plan,
            objective=found,
            bound=0,
            solver="greedy",
            seconds=spent,
            is_stopped=stop.is_set(),
            is_reproducible=True,
        )
