"""Solving a period in a process of its own, with the best so far on the way.

A process, not a thread: building models is Python, and would hold up everybody who asks for a page.
"""

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from notifier import clock as clocks
from notifier.domain.coordination import explain
from notifier.domain.coordination.errors import NoPlan
from notifier.domain.coordination.problem import Instance
from notifier.solver import pipeline, solving
from notifier.solver.solving import Solution
from notifier.usecases.coordinate_contracts import Progress, Solved


class SolverLost(RuntimeError):
    """The process that solved ended without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSolver:
    """Solves each problem in a new process, with ``threads`` over its parts. The plan does not depend
    on how many there are."""

    threads: int = 2
    seed: int = 1

    async def solve(
        self,
        instance: Instance,
        *,
        seconds: float,
        progress: Callable[[Progress], None],
        stop: asyncio.Event,
    ) -> Solved:
        """The best plan within about ``seconds``. Raises ``NoPlan``, ``SolverLost``."""
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        halt = spawn.Event()
        process = spawn.Process(
            target=_work,
            args=(theirs, halt, instance, seconds, self.threads, self.seed),
            daemon=True,
        )
        await asyncio.to_thread(process.start)
        theirs.close()
        stopping = asyncio.create_task(_pass_on(stop, halt))
        try:
            while True:
                try:
                    kind, said = await asyncio.to_thread(ours.recv)
                except EOFError:
                    raise SolverLost("the solving process ended without an answer") from None
                match kind:
                    case "progress":
                        progress(said)
                    case "solved":
                        return Solved(**said, is_stopped=stop.is_set())
                    case "no_plan":
                        raise NoPlan(said)
                    case _:
                        raise SolverLost(said)
        finally:
            stopping.cancel()
            process.terminate()
            await asyncio.to_thread(process.join)
            process.close()
            ours.close()


async def _pass_on(stop: asyncio.Event, halt: Event) -> None:
    await stop.wait()
    halt.set()


# --- In the process --------------------------------------------------------------------------------


def _work(
    out: Connection, halt: Event, instance: Instance, seconds: float, threads: int, seed: int
) -> None:
    """Solves, and says how far it is; whatever goes wrong is said too."""
    began = clocks.monotonic()

    def elapsed() -> float:
        return clocks.monotonic() - began

    try:
        solution = _solved(halt, out, instance, seconds, threads, seed, elapsed)
        out.send(
            (
                "solved",
                {
                    "plan": solution.plan,
                    "objective": solution.objective,
                    "bound": solution.bound,
                    "solver": solution.method,
                    "seconds": solution.seconds,
                    "is_reproducible": solution.is_reproducible,
                    "unmerged": explain.unmerged(instance, solution.plan),
                    "extensions": explain.extensions(instance, solution.plan),
                },
            )
        )
    except NoPlan as refusal:
        out.send(("no_plan", refusal.requests))
    except Exception as fault:  # noqa: BLE001 - the process that waits logs it
        out.send(("fault", f"{type(fault).__name__}: {fault}"))
    finally:
        out.close()


def _solved(
    halt: Event,
    out: Connection,
    instance: Instance,
    seconds: float,
    threads: int,
    seed: int,
    elapsed: Callable[[], float],
) -> Solution:
    stop = threading.Event()

    def watch() -> None:
        with contextlib.suppress(OSError, EOFError):
            halt.wait()
            stop.set()

    def report(found: pipeline.Progress) -> None:
        if found.objective is not None:
            said = Progress(objective=found.objective, bound=found.bound, seconds=elapsed())
            out.send(("progress", said))

    threading.Thread(target=watch, daemon=True).start()
    return solving.solve(
        instance,
        seconds=seconds,
        elapsed=elapsed,
        threads=threads,
        seed=seed,
        report=report,
        stop=stop,
    )
