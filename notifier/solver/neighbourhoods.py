"""Large-neighbourhood search: some forty works are planned anew while all others stay where they are."""

import random
from collections import defaultdict
from threading import Event

from notifier.domain.coordination.occupancy import Occupancy
from notifier.domain.coordination.problem import Assignment, Instance
from notifier.solver.cpsat import Effort
from notifier.solver.model import Merging
from notifier.solver.search import FIND, Search
from notifier.solver.terms import Cell

SIZE = 40
#: Deterministic seconds for one neighbourhood, and neighbourhoods in a round.
EFFORT, ROUND = 0.15, 4


class Neighbourhoods:
    """The neighbourhoods of one search. What a cell costs above its floor is what there is to gain."""

    def __init__(self, instance: Instance, search: Search, around: Occupancy, seed: int) -> None:
        self.search = search
        self._instance = instance
        self._frozen = around
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
            request = instance.requests[number]
            self._rivals["crew", request.crew].append(number)
            self._rivals["region", request.region].append(number)

    def round(self, stop: Event) -> float:
        """Some neighbourhoods, one after the other; answers the deterministic seconds spent."""
        spent = 0.0
        for _ in range(ROUND):
            if stop.is_set() or self.search.is_proven:
                break
            spent += self._one(stop)
        return spent

    def _one(self, stop: Event) -> float:
        search, placed = self.search, self.search.hint
        chosen = self._choose()
        around = Occupancy(self._instance)
        for held in self._frozen.placed.values():
            around.add(held)
        for number, assignment in placed.items():
            if number not in chosen:
                around.add(assignment)
        cells = tuple(cell for cell in search.cells if not chosen.isdisjoint(_requests(cell)))
        merging = Merging(self._instance, cells, chosen, around, hint=placed)
        self._seed += 1
        if not merging.is_possible:
            return 0.0
        answer = merging.model.solve(Effort(deterministic=EFFORT, seed=self._seed), stop, FIND)
        if answer.values:
            changed = {one.request: one for one in merging.plan(answer.values)}
            search.adopt([changed.get(number, placed[number]) for number in search.free])
        return answer.deterministic

    def _choose(self) -> set[int]:
        """A work in a cell with much to gain, its neighbours' neighbours, and rivals for its crew."""
        cells, rng = self.search.cells, self._random
        weights = [self._regret(cell) for cell in cells]
        cell = rng.choices(cells, weights)[0]
        candidates = sorted(_requests(cell) & self._free)
        chosen: set[int] = set()
        edge = [rng.choice(candidates or sorted(self._free))]
        while len(chosen) < SIZE * 3 // 4 and edge:
            number = edge.pop(rng.randrange(len(edge)))
            if number in chosen:
                continue
            chosen.add(number)
            edge += sorted(self._near[number] - chosen)
        rivals = sorted(
            {
                rival
                for number in chosen
                for kind, key in (
                    ("crew", self._instance.requests[number].crew),
                    ("region", self._instance.requests[number].region),
                )
                for rival in self._rivals[kind, key]
                if rival not in chosen and self._overlap(number, rival)
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


def _requests(cell: Cell) -> set[int]:
    return {touch.request for group in cell.groups for touch in group.touches} | set(cell.own)
