"""Large-neighbourhood search: some forty works are planned anew while all others stay where they are."""

import random
from collections import defaultdict
from collections.abc import Sequence
from threading import Event

from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance, Key, Request
from notifier.solver.cpsat import Effort
from notifier.solver.model import Merging
from notifier.solver.search import BUILDING, FIND, Found, Search
from notifier.solver.terms import Cell

SIZE = 40
#: Deterministic seconds for one neighbourhood, and neighbourhoods in a round.
EFFORT, ROUND = 0.15, 4


class Neighbourhoods:
    """The neighbourhoods of one search. What a cell costs above its floor is what there is to gain."""

    def __init__(self, instance: Instance, search: Search, seed: int) -> None:
        self.search = search
        self._instance = instance
        self._seed = seed
        self._random = random.Random(seed)
        self._free = set(search.free)
        self._near: dict[int, set[int]] = defaultdict(set)
        for cell in search.cells:
            for group in cell.groups:
                ones = [t.request for t in group.touches if t.request in self._free]
                for one in ones:
                    self._near[one].update(ones)
        self._rivals: dict[object, list[int]] = defaultdict(list)
        for number in search.free:
            for limit in _limits(instance.requests[number]):
                self._rivals[limit].append(number)

    def choose(self) -> list[frozenset[int]]:
        """The next neighbourhoods, no work in two of them: they can be planned side by side."""
        regrets = [self._regret(cell) for cell in self.search.cells]
        chosen: list[frozenset[int]] = []
        taken: set[int] = set()
        for _ in range(ROUND):
            if hood := self._around(regrets, taken):
                chosen.append(frozenset(hood))
                taken |= hood
        return chosen

    def plan(
        self, chosen: frozenset[int], placed: Sequence[Assignment], number: int, stop: Event
    ) -> Found:
        """Plans a neighbourhood anew, all other works ``placed`` where they are; changes nothing."""
        around = Occupancy(self._instance)
        for assignment in placed:
            if assignment.request not in chosen:
                around.add(assignment)
        cells = tuple(c for c in self.search.cells if not chosen.isdisjoint(_requests(c)))
        merging = Merging(self._instance, cells, chosen, around, hint=self.search.hint)
        if not merging.is_possible or stop.is_set():
            return Found(plan=(), bound=0, is_infeasible=False, deterministic=0.0)
        effort = Effort(deterministic=EFFORT, seed=self._seed + number)
        answer = merging.model.solve(effort, stop, FIND)
        plan = merging.plan(answer.values) if answer.values else ()
        spent = answer.deterministic + BUILDING
        return Found(plan=plan, bound=0, is_infeasible=False, deterministic=spent)

    def _around(self, regrets: Sequence[float], taken: set[int]) -> set[int]:
        """A work in a cell with much to gain, its neighbours' neighbours, and rivals for its crew."""
        rng = self._random
        cell = rng.choices(self.search.cells, regrets)[0]
        candidates = sorted((_requests(cell) & self._free) - taken)
        chosen: set[int] = set()
        edge = [rng.choice(candidates)] if candidates else []
        while len(chosen) < SIZE * 3 // 4 and edge:
            number = edge.pop(rng.randrange(len(edge)))
            if number in chosen:
                continue
            chosen.add(number)
            edge += sorted(self._near[number] - chosen - taken)
        rivals = sorted(
            {
                rival
                for number in chosen
                for limit in _limits(self._instance.requests[number])
                for rival in self._rivals[limit]
                if rival not in chosen and rival not in taken and self._overlap(number, rival)
            }
        )
        chosen.update(rng.sample(rivals, min(len(rivals), SIZE - len(chosen))))
        return chosen

    def _overlap(self, number: int, rival: int) -> bool:
        one = self._instance.requests[number].start_choices
        other: Assignment | None = self.search.hint.get(rival)
        return (
            other is not None
            and other.start is not None
            and bool(one)
            and one[0] <= other.start <= one[-1]
        )

    def _regret(self, cell: Cell) -> float:
        """What the cell costs now above its floor; every cell keeps a chance."""
        return 1.0 + max(0, self.search.cost_of(cell) - cell.floor)


def _limits(request: Request) -> list[tuple[str, Key]]:
    """Whose limits the work takes from: its crews' and its region's."""
    found: list[tuple[str, Key]] = [("crew", crew) for crew in request.crews]
    return found if request.region is None else [*found, ("region", request.region)]


def _requests(cell: Cell) -> set[int]:
    return {touch.request for group in cell.groups for touch in group.touches} | set(cell.own)
