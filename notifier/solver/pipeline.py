"""From an instance to a plan that is checked, with a bound: components, blocks, then the whole.

Parallel over sub-problems, never inside one: every call of the solver has one worker, a fixed seed and
a deterministic budget, and results are merged in the order of the sub-problems. So the plan is the
same for any number of threads and any load; the solver works outside Python's lock, so threads are
enough. Only ``stop`` and the wall clock break this, and then the solution says so.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event, Timer
from typing import TypeVar

from notifier.domain.coordination import classes, greedy, validator
from notifier.domain.coordination.classes import Group
from notifier.domain.coordination.errors import NoPlan
from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Plan
from notifier.solver import blocks
from notifier.solver.neighbourhoods import ROUND, Neighbourhoods
from notifier.solver.search import FIND, PROVE, RELAX, TIMETABLE, Found, Search, Step
from notifier.solver.terms import Cell, fitting

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

#: Deterministic seconds of the solver that fit into a second of waiting, on two cores under load.
RATE = 0.35
#: The most requests that are modelled together; above that only neighbourhoods are.
LARGEST_MODEL = 600
#: Nodes of a timetable's first search: enough for most.
_NODES = 25
#: The first stage.
COMPONENTS = "components"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A better plan was found: its objective, and a bound proven so far (0: none yet)."""

    stage: str
    objective: int
    bound: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run leaves behind; ``effort`` in deterministic seconds."""

    plan: Plan
    bound: int = 0
    effort: float = 0.0
    is_reproducible: bool = True


def solve(
    instance: Instance,
    groups: Sequence[Group],
    *,
    budget: float,
    left: Callable[[], float],
    threads: int,
    seed: int,
    report: Callable[[Progress], None] | None,
    stop: Event,
) -> Outcome:
    """Plans the instance with ``budget`` deterministic seconds, ``left()`` wall seconds at the most.

    Raises ``NoPlan`` where no plan was found.
    """
    emergency = Timer(max(0.1, left() - 0.1), stop.set)
    emergency.daemon = True
    emergency.start()
    try:
        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            return _Run(instance, groups, pool, budget, seed, stop, report).solve()
    finally:
        emergency.cancel()


class _Run:
    """One run through the pipeline."""

    def __init__(
        self,
        instance: Instance,
        groups: Sequence[Group],
        pool: Executor,
        budget: float,
        seed: int,
        stop: Event,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self._instance = instance
        self._pool = pool
        self._left = budget
        self._budget = budget
        self._seed = seed
        self._stop = stop
        self._report = report
        self._groups = groups
        self._best: Plan | None = None
        self._value: int | None = None
        self._parts: list[Search] = []
        self._around = Occupancy(instance)
        for number, request in enumerate(instance.requests):
            if request.is_frozen:
                self._around.add(Assignment(number, request.asked_start, request.asked_mode))

        self._fitting = {
            number: fitting(instance, self._around, number)
            for number, request in enumerate(instance.requests)
            if not request.is_frozen
        }

    def solve(self) -> Outcome:
        """The whole pipeline."""
        self._offer(greedy.first(self._instance, self._groups), "first")
        components = self._components()
        self._climb(components, COMPONENTS, until=self._budget * 0.6)
        self._parts = self._blocks(components)
        small = [search for search in self._parts if len(search.free) <= LARGEST_MODEL]
        self._climb(small, "blocks", until=self._budget * 0.3)
        self._offer_union("blocks")
        self._reconcile()
        self._improve()
        if self._best is None:
            raise NoPlan
        return Outcome(
            plan=self._best,
            bound=self._bound,
            effort=self._budget - self._left,
            is_reproducible=not self._stop.is_set(),
        )

    @property
    def _bound(self) -> int:
        """What is proven so far: the parts' bounds add up."""
        return sum(search.bound for search in self._parts)

    # -- sub-problems --------------------------------------------------------------------------

    def _components(self) -> list[Search]:
        components = classes.components(self._instance, self._groups)
        of = {number: at for at, members in enumerate(components) for number in members}
        groups: list[list[Group]] = [[] for _ in components]
        for group in self._groups:
            groups[of[group.touches[0].request]].append(group)
        searches = []
        for members, own in zip(components, groups, strict=True):
            cell = Cell(groups=tuple(own), own=members)
            search = Search(self._instance, members, (cell,), self._around, self._fitting)
            if self._best is not None:
                search.hint = {number: self._best[number] for number in search.free}
            searches.append(search)
        self._parts = searches
        return searches

    def _blocks(self, components: Sequence[Search]) -> list[Search]:
        found = blocks.blocks(self._instance, [search.members for search in components])
        return [self._together([components[at] for at in block]) for block in found]

    def _together(self, searches: Sequence[Search]) -> Search:
        """Several searches as one, that knows what each has learnt."""
        if len(searches) == 1:
            return searches[0]
        cells: list[Cell] = []
        for search in searches:
            if len(search.cells) == 1:
                cells.append(replace(search.cells[0], floor=search.bound))
            else:
                cells += search.cells
        members = [number for search in searches for number in search.members]
        joint = Search(self._instance, members, cells, self._around, self._fitting)
        joint.bound = sum(search.bound for search in searches)
        spliced = [assignment for search in searches for assignment in search.plan]
        if len(spliced) == len(joint.free) and self._stands(spliced):
            joint.adopt(sorted(spliced))
        else:
            joint.hint = {n: one for search in searches for n, one in search.hint.items()}
        return joint

    def _stands(self, plan: Iterable[Assignment]) -> bool:
        """Whether the assignments get along with each other and with what is frozen."""
        alone = Occupancy(self._instance)
        for held in self._around.placed.values():
            alone.add(held)
        for assignment in plan:
            if not alone.fits(assignment):
                return False
            alone.add(assignment)
        return True

    # -- searching -----------------------------------------------------------------------------

    def _climb(self, searches: Sequence[Search], stage: str, *, until: float) -> None:
        """Steps of growing effort on whatever is not proven, until the budget is down to ``until``."""
        for steps in _ladder(stage):
            open_ones = [search for search in searches if not search.is_proven]
            if not open_ones or self._left <= until or self._stop.is_set():
                return
            tasks = self._affordable([(s, step) for s in open_ones for step in steps], until)
            for (search, _), found in zip(tasks, self._each(self._step, tasks), strict=True):
                search.learn(found)
                self._left -= found.deterministic
            if any(search.is_infeasible for search in searches):
                raise NoPlan(
                    [n for search in searches if search.is_infeasible for n in search.free]
                )
            self._offer_union(stage)

    def _affordable(
        self, tasks: Sequence[tuple[Search, Step]], until: float
    ) -> list[tuple[Search, Step]]:
        """The tasks without timetables that would likely take more than is left."""
        room, kept = self._left - until, []
        for search, step in tasks:
            if step.way == TIMETABLE:
                likely = search.choices * A_CHOICE * math.sqrt(step.nodes)
                if likely > room:
                    continue
                room -= likely
            kept.append((search, step))
        return kept

    def _each(self, work: Callable[[_Task], _Result], tasks: Sequence[_Task]) -> list[_Result]:
        """The work done on each task, in their order.

        All are done before anything is learnt: a task that saw what another has found would depend on
        which of them was faster.
        """
        return list(self._pool.map(work, tasks))

    def _step(self, task: tuple[Search, Step]) -> Found:
        search, step = task
        return search.run(step, self._seed, self._stop)

    def _reconcile(self) -> None:
        """Joins blocks whose plans do not get along, which only tie feeders bring about."""
        while not self._stop.is_set() and all(part.value is not None for part in self._parts):
            whole = sorted(
                [*(one for part in self._parts for one in part.plan), *self._around.placed.values()]
            )
            clashes = validator.check(self._instance, whole).violations
            if not clashes:
                self._offer(tuple(whole), "whole")
                return
            owner = {number: at for at, part in enumerate(self._parts) for number in part.members}
            joined = blocks.joined(
                range(len(self._parts)),
                [sorted({owner[number] for number in clash.requests}) for clash in clashes],
            )
            if len(joined) == len(self._parts):
                return  # a block's own plan is unsound: the best so far stands
            fresh = [
                self._together([self._parts[at] for at in ones]) for ones in joined if len(ones) > 1
            ]
            best = self._best
            if best is not None:
                for search in fresh:
                    search.adopt([best[number] for number in search.free])
            self._parts = [self._parts[ones[0]] for ones in joined if len(ones) == 1] + fresh
            small = [search for search in fresh if len(search.free) <= LARGEST_MODEL]
            self._climb(small, "whole", until=self._budget * 0.2)

    def _improve(self) -> None:
        """Neighbourhoods of what is not proven, and a push at its bound, in turns.

        From here on every part's plan is what the best plan says of it.
        """
        if self._best is None:
            return
        for part in self._parts:
            part.begin_with([self._best[number] for number in part.free])
        hoods = [Neighbourhoods(self._instance, part, self._seed) for part in self._parts]
        done = 0
        for push in _pushes():
            hoods = [hood for hood in hoods if not hood.search.is_proven]
            if not hoods or self._left <= 0 or self._stop.is_set():
                return
            chosen = [
                (hood, requests, number)
                for hood in hoods
                for number, requests in enumerate(hood.choose(), start=done)
            ]
            done += ROUND
            for (hood, _, _), found in zip(chosen, self._each(self._replan, chosen), strict=True):
                self._left -= found.deterministic
                self._take(hood.search, found.plan, "neighbourhoods")
            if push is None:
                continue
            pushed = [
                (hood.search, push)
                for hood in hoods
                if not hood.search.is_proven and len(hood.search.free) <= LARGEST_MODEL
            ]
            for (search, _), found in zip(pushed, self._each(self._step, pushed), strict=True):
                self._left -= found.deterministic
                search.bound = max(search.bound, found.bound)
                self._take(search, found.plan, "bound")

    def _replan(self, task: tuple[Neighbourhoods, frozenset[int], int]) -> Found:
        hood, requests, number = task
        return hood.plan(requests, self._best or (), number, self._stop)

    def _take(self, search: Search, changed: Sequence[Assignment], stage: str) -> None:
        """Puts some of a search's works elsewhere, where the best plan stays sound and gets better."""
        fresh = {assignment.request: assignment for assignment in changed}
        whole = tuple(fresh.get(one.request, one) for one in self._best or ())
        if fresh and whole != self._best and self._offer(whole, stage):
            search.begin_with([whole[number] for number in search.free])

    # -- the best so far -----------------------------------------------------------------------

    def _offer_union(self, stage: str) -> None:
        """Offers the parts' plans laid side by side, with works that clash placed anew."""
        wanted = {number: one for part in self._parts for number, one in part.hint.items()}
        if self._best is not None:
            wanted = {one.request: one for one in self._best} | wanted
        self._offer(greedy.mended(self._instance, self._groups, list(wanted.values())), stage)

    def _offer(self, plan: Plan | None, stage: str) -> bool:
        """Keeps a plan if it is sound and better; answers whether it is."""
        if plan is None:
            return False
        verdict = validator.check(self._instance, plan)
        if not verdict.is_sound or (self._value is not None and verdict.objective >= self._value):
            return False
        self._best, self._value = plan, verdict.objective
        if self._report is not None:
            self._report(
                Progress(
                    stage=stage,
                    objective=verdict.objective,
                    bound=min(self._bound, verdict.objective),
                )
            )
        return True


#: Deterministic seconds that a timetable takes, by starts and modes and the root of the nodes: about.
A_CHOICE = 2e-4


def _ladder(stage: str) -> Iterator[tuple[Step, ...]]:
    """Steps of one round each, ever longer: most sub-problems need only the first.

    Of what the first leaves open, the timetable closes most components at once. Blocks know the floors
    of their components, which is mostly enough; a timetable of two hundred works takes its time.
    """
    effort, nodes = 0.25, _NODES
    yield (Step(way=FIND, deterministic=0.1),)
    if stage == COMPONENTS:
        yield (Step(way=FIND, deterministic=effort), Step(way=TIMETABLE, nodes=nodes))
    else:
        yield (Step(way=FIND, deterministic=effort), Step(way=PROVE, deterministic=effort))
        nodes //= 4
    while True:
        effort, nodes = 2 * effort, 4 * nodes
        yield (Step(way=FIND, deterministic=effort), Step(way=TIMETABLE, nodes=nodes))


def _pushes() -> Iterator[Step | None]:
    """Between rounds of neighbourhoods: now and then a push at the bound, ever longer."""
    effort = 0.5
    while True:
        for way in (PROVE, FIND, RELAX):
            yield from (None, None, Step(way=way, deterministic=effort))
        effort *= 1.5
