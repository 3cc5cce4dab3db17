"""``notifier coordinate --instance``: the door by which anyone can check the solver."""

import asyncio
import os
from threading import Event

from notifier import clock
from notifier.commands import base
from notifier.commands.base import Context
from notifier.domain.coordination import objective, problem
from notifier.domain.coordination.problem import Instance
from notifier.intake import instances
from notifier.solver import solving
from notifier.solver.pipeline import Progress
from notifier.solver.solving import Solution


async def solve(context: Context) -> int:
    """``notifier coordinate --instance``."""
    args, out = context.args, context.console
    began = clock.monotonic()
    instance = await asyncio.to_thread(instances.read_instance, args.instance)
    stop = Event()

    def progress(found: Progress) -> None:
        out.progress(f"{found.objective:,} ≥ {found.bound:,}")

    try:
        solution = await asyncio.to_thread(
            solving.solve,
            instance,
            seconds=args.seconds,
            elapsed=lambda: clock.monotonic() - began,
            threads=args.threads or os.cpu_count() or 1,
            seed=args.seed,
            report=progress,
            stop=stop,
        )
    finally:
        stop.set()  # the thread ends soon after whoever asked has gone
    out.end_progress()
    if solution.method == solving.GREEDY:
        out.note(
            "未安装求解器，仅贪心与局部搜索 / greedy and local search only: "
            "the extra “coordination” is not installed"
        )
    if context.wants_json:
        out.json(_shown(instance, solution))
    else:
        _compare(context, instance, solution)
    return base.OK


def _shown(instance: Instance, solution: Solution) -> dict[str, object]:
    keys = [request.key for request in instance.requests]
    return {
        "assignments": [
            {"request": keys[one.request], "slot": one.start, "mode": one.mode}
            for one in solution.plan
        ],
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": round(solution.gap, 6),
        "seconds": round(solution.seconds, 3),
        "method": solution.method,
        "reproducible": solution.is_reproducible,
    }


def _compare(context: Context, instance: Instance, solution: Solution) -> None:
    """What was asked for beside what is proposed."""
    wish = problem.asked(instance)
    before, after = objective.figures(instance, wish), objective.figures(instance, solution.plan)
    rows = (
        ("目标值 objective", objective.cost(instance, wish).total, solution.objective),
        ("停电户次 interruptions", before.interruptions, after.interruptions),
        ("重复停电户次 repeats", before.repeats, after.repeats),
        ("超限户次 over the limit", before.over_limit, after.over_limit),
        ("停电时户数 customer hours", before.half_hours // 2, after.half_hours // 2),
        ("短时停电户次 transfers", before.transfers, after.transfers),
        ("需再通知户数 told again", before.told_again, after.told_again),
        ("改期 moved", before.moved, after.moved),
        ("延后 deferred", before.deferred, after.deferred),
    )
    context.console.table(
        ("", "申请 as asked", "建议 proposed"),
        ((name, f"{was:,}", f"{now:,}") for name, was, now in rows),
    )
    context.console.say(
        f"下界 bound {solution.bound:,} · 差距 gap {solution.gap:.2%} · {solution.seconds:.1f} s"
        f" · {solution.method}"
    )
