"""The background loops, all of one shape: wait, run one use case with the time, log one line."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from notifier import clock as clocks
from notifier.usecases import (
    counting,
    dispatch,
    matching,
    postings,
    receipts,
    reconcile,
    running_watch,
)
from notifier.usecases.coordinate_contracts import WorkBook
from notifier.usecases.dispatch import Outbox
from notifier.usecases.running_contracts import Store

_log = structlog.get_logger()
#: Seconds between two looks at undone posters, and at uncounted plans, also under a simulated clock.
_WATCH_SECONDS = 0.25
#: Plans that one process works on at once.
_RECONCILING = 2
#: Seconds a loop rests after a fault, and at most, however often it fails.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
#: Runs one step; True means there may be more to do at once.
Step = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """What there is to do: plans to reconcile, channels with something due, and whether receipts are
    overdue."""

    plans: bool = False
    channels: frozenset[str] = frozenset()
    uncertain: bool = False
    unconfirmed: bool = False


@dataclass(slots=True)
class _Trouble:
    """The fault one loop is in: told when it begins, when it becomes another, and when it is over.

    A full disk strikes every loop at every step: only the first of them logs the trace.
    """

    loop: str
    everybodys: "list[_Trouble]"
    fault: str = ""
    times: int = 0

    @property
    def pause(self) -> float:
        """Seconds until the step is worth another try, longer from fault to fault."""
        return min(_FIRST_PAUSE * 2.0 ** (self.times - 1), _LONGEST_PAUSE)

    def tell(self, error: Exception) -> None:
        """One more fault."""
        self.times += 1
        cause = getattr(error, "orig", None) or error  # without the statement and its values
        fault = f"{type(cause).__name__}: {cause}"
        if fault == self.fault:
            return
        is_known = any(other.fault == fault for other in self.everybodys)
        self.fault = fault
        if is_known:
            _log.error("worker.fault", loop=self.loop, fault=fault)
        else:
            _log.error("worker.fault", loop=self.loop, fault=fault, exc_info=error)

    def over(self) -> None:
        """A step went well."""
        if self.fault:
            _log.info("worker.recovered", loop=self.loop, faults=self.times)
            self.fault, self.times = "", 0


@dataclass(slots=True)
class Worker:
    """Everything that happens with nobody watching. ``idle`` and ``heartbeat`` are seconds outside."""

    store: Store
    works: WorkBook
    outbox: Outbox
    idle: float
    heartbeat: float
    lanes: int
    _reconciling: set[str] = field(default_factory=set, init=False)
    _steps: int = field(default=0, init=False)
    _waiting: _Waiting = field(default_factory=_Waiting, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _troubles: list[_Trouble] = field(default_factory=list, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def run(self) -> None:
        """Runs until ``stop``, or until cancelled; a fault in one step is logged and the loop goes on."""
        loops = [(name, step, self.idle) for name, step in self._loops()]
        loops.append(("reclaim", self.reclaim_step, self.heartbeat))
        watching = max(self.idle, _WATCH_SECONDS)
        loops.append(("postings", self.postings_step, watching))
        loops.append(("running", self.running_step, watching * 4))
        loops.append(("counting", self.counting_step, watching))
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._beat(), name="heartbeat")
            sweeping = group.create_task(self._sweep(), name="sweep")
            tasks = [
                group.create_task(self._loop(name, step, idle), name=name)
                for name, step, idle in loops
            ]
            await asyncio.wait(tasks)
            beat.cancel()
            sweeping.cancel()

    def stop(self) -> None:
        """Lets every loop finish the step it is in, so that nothing is left half sent; then ``run``
        returns."""
        self._stopping.set()

    def _loops(self) -> list[tuple[str, Step]]:
        loops: list[tuple[str, Step]] = [
            # Mostly it waits for its turn to write; another plan can be worked out meanwhile.
            *(("reconcile", self.reconcile_step) for _ in range(_RECONCILING)),
            ("unconfirmed", self.unconfirmed_step),
        ]
        for channel in self.outbox.channels:
            loops += [
                (f"dispatch.{channel}", self._dispatch_step(channel)) for _ in range(self.lanes)
            ]
            loops.append((f"resolve.{channel}", self._resolve_step(channel)))
        return loops

    async def _loop(self, name: str, step: Step, idle: float) -> None:
        trouble = self._trouble(name)
        while not self._stopping.is_set():
            try:
                more = await step()
            except Exception as error:  # noqa: BLE001 - told once; the loop goes on
                trouble.tell(error)
                await self._rest(max(idle, trouble.pause))
            else:
                trouble.over()
                await self.outbox.clock.pause(0 if more else idle)

    def _trouble(self, name: str) -> "_Trouble":
        """The troubles of one more loop, which tells nothing that another has told."""
        trouble = _Trouble(name, self._troubles)
        self._troubles.append(trouble)
        return trouble

    async def _rest(self, seconds: float) -> None:
        """Waits, but not for longer than until ``stop``."""
        waits = {
            asyncio.ensure_future(self.outbox.clock.pause(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _sweep(self) -> None:
        """Once: what died with whoever froze it."""
        trouble = self._trouble("sweep")
        while not self._stopping.is_set():
            try:
                swept = await matching.sweep(self.store)
            except Exception as error:  # noqa: BLE001 - told once; it is tried again
                trouble.tell(error)
                await self._rest(trouble.pause)
            else:
                trouble.over()
                if swept:
                    _log.info("impact.swept", impacts=swept)
                return

    async def _beat(self) -> None:
        clock, lease = self.outbox.clock, self.outbox.setting.lease
        trouble = self._trouble("heartbeat")
        while True:
            await clock.pause(self.heartbeat)
            if not self.outbox.held and not self._reconciling:
                continue
            try:
                async with self.store.write() as tx:
                    until = clock.wall() + lease
                    await tx.batches.extend(self.outbox.worker, self.outbox.held, until)
                    for name in sorted(self._reconciling):
                        await tx.plans.extend_reconciling(name, until)
            except Exception as error:  # noqa: BLE001 - told once; the heart beats on
                trouble.tell(error)
            else:
                trouble.over()

    async def reconcile_step(self) -> bool:
        """One plan."""
        if not (await self._look()).plans:
            return False
        # A name for this step alone: the lease of one that failed is not renewed, and runs out.
        self._steps += 1
        name = f"{self.outbox.worker}/{self._steps}"
        self._reconciling.add(name)
        try:
            done = await reconcile.reconcile_next(
                self.store, self.outbox.setting, name, self.outbox.clock
            )
        finally:
            self._reconciling.discard(name)
        if done is None:
            return False
        _log.info(
            "plan.reconciled",
            plan=done.number,
            revision=done.revision,
            state=done.state.value,
            scheduled=done.laid_out.scheduled,
            withdrawn=done.laid_out.withdrawn,
            repointed_batches=done.laid_out.repointed_batches,
            withdrawn_batches=done.laid_out.withdrawn_batches,
        )
        return True

    def _dispatch_step(self, channel: str) -> Step:
        async def step() -> bool:
            if channel not in (await self._look()).channels:
                return False
            done = await dispatch.dispatch(self.outbox, channel)
            if done.claimed:
                _log.info(
                    "batch.dispatched", channel=channel, batches=done.claimed, **done.outcomes
                )
            return bool(done.outcomes)  # nothing but deferrals: no need to hurry

        return step

    async def _look(self) -> _Waiting:
        """What is waiting, asked once for all loops: a dozen of them would keep the store busy
        with nothing."""
        if clocks.monotonic() - self._looked_at < self.idle:
            return self._waiting
        self._looked_at = clocks.monotonic()
        now = self.outbox.clock.now()
        async with self.store.read() as tx:
            if await self.outbox.setting.refresh(tx):
                _log.info("policy.taken_over", version=self.outbox.setting.policy.version)
            self._waiting = _Waiting(
                plans=await tx.plans.asks_for_reconciling(now),
                channels=frozenset(await tx.batches.due(now)),
                uncertain=bool(await tx.unresolved.uncertain_due(now, 1)),
                unconfirmed=bool(await tx.unresolved.unconfirmed_due(now, 1)),
            )
        return self._waiting

    def _resolve_step(self, channel: str) -> Step:
        async def step() -> bool:
            if not (await self._look()).uncertain:
                return False
            resolved = await receipts.resolve(self.outbox, channel)
            if resolved:
                _log.info("batch.resolved", channel=channel, batches=resolved)
            return resolved > 0

        return step

    async def unconfirmed_step(self) -> bool:
        """Batches whose time for receipts is over."""
        if not (await self._look()).unconfirmed:
            return False
        closed = await receipts.give_up(self.outbox)
        if closed:
            _log.info("batch.closed", batches=closed)
        return closed > 0

    async def postings_step(self) -> bool:
        """Doors without a poster, as their time comes."""
        outbox = self.outbox
        changed = await postings.watch(self.store, outbox.setting, outbox.clock.now())
        if changed:
            _log.info("posting.watched", changed=changed)
        return False

    async def counting_step(self) -> bool:
        """Interruptions, as plans change."""
        counted = await counting.catch_up(self.store)
        if counted:
            _log.info("plan.counted", plans=counted)
        return False

    async def running_step(self) -> bool:
        """Running outages whose end nobody confirmed, and what a later end pushes."""
        outbox = self.outbox
        changed = await running_watch.watch(
            self.store, self.works, outbox.setting, outbox.clock.now()
        )
        if changed:
            _log.info("running.watched", changed=changed)
        return False

    async def reclaim_step(self) -> bool:
        """What dead workers held."""
        taken = await receipts.reclaim(self.outbox)
        if any(taken.values()):
            _log.warning("batch.reclaimed", **taken)
        return False
