"""Cutting a large component where it is thin, to learn a bound of its cost that no solver finds alone.

A busbar work joins three busy feeders into one component of seventy requests. Without it each feeder
is a problem of its own, solved exactly in a tenth of a second. So the works that hold a component
together, its hubs, are given to every part as if they were different works: the parts' exact costs add
up to a lower bound of the whole, and each becomes a floor in the model of the whole.
"""

from collections import defaultdict
from collections.abc import Sequence

from notifier.domain.coordination.classes import Group
from notifier.solver.terms import Cell

#: A component of this many requests is solved exactly as it is.
LARGEST_WHOLE = 24


def cut_up(members: Sequence[int], groups: Sequence[Group]) -> tuple[Cell, ...]:
    """The component's cost in cells, without floors: one, or one a part and one for the hubs' own cost."""
    hubs: set[int] = set()
    parts = _joined(groups, hubs)
    while len(members) > LARGEST_WHOLE:
        largest = max(parts, key=lambda part: len(_requests(part) - hubs))
        if len(_requests(largest) - hubs) <= LARGEST_WHOLE:
            break
        hubs.add(_widest(largest, hubs))
        parts = _joined(groups, hubs)
    cells = [Cell(groups=tuple(part), own=tuple(sorted(_requests(part) - hubs))) for part in parts]
    owned = {number for cell in cells for number in cell.own}
    rest = tuple(number for number in members if number not in owned)
    if rest:
        cells.append(Cell(groups=(), own=rest))
    return tuple(cells)


def _requests(part: Sequence[Group]) -> set[int]:
    return {touch.request for group in part for touch in group.touches}


def _widest(part: Sequence[Group], hubs: set[int]) -> int:
    """The request that takes the most areas of the part out."""
    width: dict[int, int] = defaultdict(int)
    for group in part:
        for touch in group.touches:
            if touch.request not in hubs:
                width[touch.request] += len(group.areas)
    return max(width, key=lambda number: (width[number], -number))


def _joined(groups: Sequence[Group], hubs: set[int]) -> list[list[Group]]:
    """The groups, joined by the requests they share, hubs left out; in a stable order."""
    parent = list(range(len(groups)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    seen: dict[int, int] = {}
    for number, group in enumerate(groups):
        for touch in group.touches:
            if touch.request in hubs:
                continue
            if touch.request in seen:
                parent[root(number)] = root(seen[touch.request])
            seen[touch.request] = number
    parts: dict[int, list[Group]] = defaultdict(list)
    for number, group in enumerate(groups):
        parts[root(number)].append(group)
    return list(parts.values())
