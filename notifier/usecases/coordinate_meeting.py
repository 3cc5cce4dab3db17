"""The balance meeting: a period is gathered, solved beside the event loop, and kept as a proposal."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from notifier.clock import Clock
from notifier.domain import errors
from notifier.domain.coordination import validator
from notifier.domain.coordination.problem import Instance
from notifier.usecases import coordinate_proposing
from notifier.usecases.coordinate_contracts import Progress, RunBook, Solved, Solver
from notifier.usecases.coordinate_gathering import Gatherer, Options, Period

_log = structlog.get_logger()
#: Seconds between two notes of how far it is.
_NOTED_EACH = 1.0
#: A run that nobody has noted for so long lost its process.
_SILENT = timedelta(seconds=60)


class RunNotFound(errors.NotFound):
    """There is no run of that number."""

    code = "coordination.run_not_found"


class NothingToDo(errors.Conflict):
    """The period has no work that takes anybody out."""

    code = "coordination.nothing"


class PlanUnsound(errors.Conflict):
    """The solver's plan breaks a rule; nothing of it is kept."""

    code = "coordination.unsound"


@dataclass(slots=True)
class Meetings:
    """Runs of this process. ``close`` ends those under way with the best they have."""

    gatherer: Gatherer
    runs: RunBook
    solver: Solver
    clock: Clock
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _stops: dict[int, asyncio.Event] = field(default_factory=dict)

    async def begin(self, options: Options, actor: str) -> int:
        """Begins a run in the background; answers its number. Raises ``NothingToDo``, ``PinUnknown``."""
        run_id, period = await self._open(options, actor)
        task = asyncio.create_task(self._in_background(run_id, period, options))
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))
        return run_id

    async def hold(self, options: Options, actor: str) -> int:
        """A run from beginning to end; answers its number."""
        run_id, period = await self._open(options, actor)
        await self._carry_out(run_id, period, options)
        return run_id

    async def stop(self, run_id: int) -> None:
        """Ends a run, wherever it goes on, with the best it has. Raises ``RunNotFound``."""
        await found(self.runs, run_id)
        await self.runs.ask_to_stop(run_id, self.clock.now())
        if run_id in self._stops:
            self._stops[run_id].set()

    async def close(self) -> None:
        """Ends what goes on here."""
        for stop in self._stops.values():
            stop.set()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=10)

    async def _open(self, options: Options, actor: str) -> tuple[int, Period]:
        now = self.clock.now()
        period = await self.gatherer.period(options, now)
        if not period.gathered.works:
            raise NothingToDo(
                "期间内没有可协调的停电 / no outage of the period can be coordinated."
            )
        run_id = await self.runs.start(
            options.first.isoformat(),
            options.last.isoformat(),
            options.as_dict(),
            period.rules_id,
            now=now,
            actor=actor,
        )
        return run_id, period

    async def _in_background(self, run_id: int, period: Period, options: Options) -> None:
        """Whatever goes wrong is logged, and stands in the run."""
        with contextlib.suppress(Exception):
            await self._carry_out(run_id, period, options)

    async def _carry_out(self, run_id: int, period: Period, options: Options) -> None:
        stop = self._stops[run_id] = asyncio.Event()
        latest: list[Progress] = []
        watching = asyncio.create_task(self._watch(run_id, latest, stop))
        try:
            solved = await self.solver.solve(
                period.instance,
                seconds=options.seconds,
                progress=latest.append,
                stop=stop,
            )
            must_be_sound(period.instance, solved)
            items = await asyncio.to_thread(
                coordinate_proposing.rows, period, solved, self.gatherer.zone
            )
            summary = await asyncio.to_thread(coordinate_proposing.summary, period, solved)
            state = "stopped" if solved.is_stopped else "done"
            await self.runs.finish(run_id, state, summary, items, now=self.clock.now())
        except Exception as fault:
            _log.exception("coordination.fault", run=run_id)
            why = fault.sentence if isinstance(fault, errors.Refusal) else type(fault).__name__
            await self.runs.finish(run_id, "failed", {"why": why}, [], now=self.clock.now())
            raise
        finally:
            watching.cancel()
            self._stops.pop(run_id, None)

    async def _watch(self, run_id: int, latest: list[Progress], stop: asyncio.Event) -> None:
        """Writes how far it is, and hears whether somebody asked it to stop."""
        while True:
            await self.clock.pause(_NOTED_EACH)
            shown = {} if not latest else _as_dict(latest[-1])
            if await self.runs.note(run_id, shown, self.clock.now()):
                stop.set()


def _as_dict(progress: Progress) -> dict[str, Any]:
    return {
        "objective": progress.objective,
        "bound": progress.bound,
        "seconds": round(progress.seconds, 1),
    }


def must_be_sound(instance: Instance, solved: Solved) -> None:
    """No plan leaves that breaks a rule, or costs what it does not say. Raises ``PlanUnsound``."""
    verdict = validator.check(instance, solved.plan)
    if not verdict.is_sound or verdict.objective != solved.objective:
        rules = sorted({violation.rule.value for violation in verdict.violations})
        raise PlanUnsound(
            f"方案未通过独立检查 / the plan fails the independent check: {', '.join(rules)} "
            f"{verdict.objective} ≠ {solved.objective}"
        )


async def found(runs: RunBook, run_id: int) -> Mapping[str, Any]:
    """A run. Raises ``RunNotFound``."""
    run = await runs.run(run_id)
    if run is None:
        raise RunNotFound(f"没有第 {run_id} 次协调 / there is no run {run_id}.")
    return run


def is_lost(run: Mapping[str, Any], now: datetime) -> bool:
    """Whether a run that seems to go on has lost its process."""
    return bool(run["state"] == "running" and now - run["looked_at"] > _SILENT)
