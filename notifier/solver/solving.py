"""The one way to ask for a plan: with CP-SAT where it is installed, else greedily, and said so."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from notifier.domain.coordination import classes, greedy, validator
from notifier.domain.coordination.problem import Instance, Plan
from notifier.solver import cpsat, pipeline
from notifier.solver.pipeline import Progress

CP_SAT, GREEDY = "cp-sat", "greedy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A plan that the validator found sound, and what is known about it.

    ``bound``: no plan costs less; 0 where nothing is known. ``seconds`` is what it took, ``effort`` the
    solver's deterministic seconds. ``is_reproducible``: the same instance, seconds and seed give the same
    plan on any machine with this version of the solver, whatever the load.
    """

    plan: Plan
    objective: int
    bound: int
    seconds: float
    effort: float
    method: str
    is_reproducible: bool

    @property
    def gap(self) -> float:
        """How much better a plan could at most be, as a share of the objective."""
        return (self.objective - self.bound) / self.objective if self.objective else 0.0


def solve(
    instance: Instance,
    *,
    seconds: float,
    elapsed: Callable[[], float],
    threads: int = 2,
    seed: int = 1,
    report: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
) -> Solution:
    """Plans the instance in about ``seconds``; ``elapsed`` tells the seconds since the start.

    The budget is deterministic, with the wall clock as an emergency. ``report`` hears of every better
    plan from the calling thread; once ``stop`` is set, by any thread, the best so far is answered.
    Raises ``NoPlan`` where no plan was found.
    """
    groups = classes.groups(instance)
    if cpsat.is_installed():
        found = pipeline.solve(
            instance,
            groups,
            budget=seconds * pipeline.RATE,
            left=lambda: seconds - elapsed(),
            threads=threads,
            seed=seed,
            report=report,
            stop=Event() if stop is None else stop,
        )
    else:
        found = pipeline.Outcome(plan=greedy.plan(instance, groups))
    plan = greedy.settle(instance, groups, found.plan)
    verdict = validator.check(instance, plan)
    if not verdict.is_sound:
        raise AssertionError(f"a plan broke its rules: {verdict.violations[:3]}")
    return Solution(
        plan=plan,
        objective=verdict.objective,
        bound=min(found.bound, verdict.objective),
        seconds=elapsed(),
        effort=found.effort,
        method=CP_SAT if cpsat.is_installed() else GREEDY,
        is_reproducible=found.is_reproducible,
    )
