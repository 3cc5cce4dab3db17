"""What coordinating needs from the world: works read, runs kept, problems solved."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from notifier.domain.coordination import explain, problem
from notifier.domain.coordination.online_index import Known, Work
from notifier.domain.coordination.works import Changes, Marks, PlannedWork
from notifier.domain.policy import Policy
from notifier.domain.reliability import Unnamed


class Terms(Protocol):
    """Under what is coordinated; ``usecases.reconcile.Setting``, whose policy follows the one in force."""

    @property
    def policy(self) -> Policy: ...
    @property
    def zone(self) -> ZoneInfo: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTerms:
    """Terms that stay as they are, for one look at something."""

    policy: Policy
    zone: ZoneInfo


class WorkBook(Protocol):
    """Works and areas; see ``store.coordination_works.Works``. Each answer is of a moment of its own."""

    async def marks(self) -> Marks: ...
    async def areas(self) -> Sequence[Known]: ...
    async def changed(self, after: Marks) -> Changes: ...
    async def works(
        self,
        *,
        numbers: Collection[str] | None = None,
        ending_after: datetime | None = None,
        starting_before: datetime | None = None,
        only_uncounted: bool = False,
    ) -> Sequence[PlannedWork]: ...
    async def counted(
        self, *, numbers: Collection[str] | None = None, ending_after: datetime | None = None
    ) -> Sequence[Work]: ...
    async def suffered(self, since: datetime, momentary: timedelta) -> Sequence[Work]: ...
    async def unnamed(self, since: datetime, momentary: timedelta) -> Sequence[Unnamed]: ...


class RunBook(Protocol):
    """Rules, runs and items; see ``store.coordination.Coordination``."""

    async def rules(self) -> Mapping[str, Any] | None: ...
    async def accounts(self, accounts: Collection[str]) -> dict[str, int]: ...
    async def moved_before(self, numbers: Collection[str]) -> frozenset[str]: ...
    async def start(
        self,
        first_day: str,
        last_day: str,
        options: Mapping[str, Any],
        rules_id: int | None,
        *,
        now: datetime,
        actor: str,
    ) -> int: ...
    async def note(self, run_id: int, progress: Mapping[str, Any], now: datetime) -> bool: ...
    async def ask_to_stop(self, run_id: int, now: datetime) -> None: ...
    async def finish(
        self,
        run_id: int,
        state: str,
        summary: Mapping[str, Any],
        items: Sequence[Mapping[str, Any]],
        *,
        now: datetime,
    ) -> None: ...
    async def run(self, run_id: int) -> Mapping[str, Any] | None: ...
    async def runs(self, limit: int = 50) -> list[Mapping[str, Any]]: ...
    async def items(self, run_id: int) -> list[Mapping[str, Any]]: ...
    async def decide(
        self,
        run_id: int,
        number: str,
        decision: str,
        *,
        why: str = "",
        new_revision: int | None = None,
        now: datetime,
        actor: str,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a reckoning is: the best plan so far, and what is proven about it."""

    objective: int
    bound: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """What a solver answers. ``solver`` names what found the plan; ``is_stopped``: somebody asked it to
    end, so the plan is the best so far; ``is_reproducible``: the same problem gives the same plan.
    ``unmerged`` and ``extensions`` say what could not be had."""

    plan: problem.Plan
    objective: int
    bound: int
    solver: str
    seconds: float
    is_stopped: bool
    is_reproducible: bool
    unmerged: tuple[explain.Unmerged, ...] = ()
    extensions: tuple[explain.Extension, ...] = ()


class Solver(Protocol):
    """Solves a problem off the event loop; ``progress`` is called in it, ``stop`` may be set any time."""

    async def solve(
        self,
        instance: problem.Instance,
        *,
        seconds: float,
        progress: Callable[[Progress], None],
        stop: asyncio.Event,
    ) -> Solved: ...
