"""Which components get in each other's way: a block can be planned without looking at the others."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from notifier.domain.coordination.problem import Instance, Key

Component = tuple[int, ...]


def blocks(instance: Instance, components: Sequence[Component]) -> list[list[int]]:
    """Positions of components joined by a crew or a region that is too small for all its works.

    A component that reaches into several regions counts where most of its works are, so that a busbar
    work does not make one block of half the city; what it takes from crews and regions elsewhere, and
    tie feeders, can set blocks against each other: that is seen when their plans are laid side by side.
    In a stable order.
    """
    crews = Counter(crew for request in instance.requests for crew in request.crews)
    regions = Counter(request.region for request in instance.requests if request.region is not None)
    users: dict[Hashable, list[int]] = defaultdict(list)
    for at, component in enumerate(components):
        works = [instance.requests[number] for number in component]
        at_home = Counter(str(work.region) for work in works)
        home = max(at_home, key=lambda region: (at_home[region], region))
        for work in works:
            if str(work.region) != home:
                continue
            for crew in work.crews:
                if _is_scarce_crew(instance, crew, crews):
                    users["crew", crew].append(at)
            if work.region is not None and _is_scarce_region(instance, work.region, regions):
                users["region", work.region].append(at)
    return joined(range(len(components)), users.values())


def joined(things: Iterable[int], together: Iterable[Sequence[int]]) -> list[list[int]]:
    """Things joined transitively; each set ascending, the sets by their first."""
    parent = {thing: thing for thing in things}

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for ones in together:
        for one in ones[1:]:
            parent[root(one)] = root(ones[0])
    sets: dict[int, list[int]] = defaultdict(list)
    for thing in sorted(parent):
        sets[root(thing)].append(thing)
    return sorted(sets.values())


def _is_scarce_crew(instance: Instance, crew: Key, works: Counter[Key]) -> bool:
    limits = instance.limits
    if crew not in limits.crew_per_day:
        return any(known == crew for known, _ in limits.crew_days)
    least = min(
        [limits.crew_per_day[crew], *(n for (c, _), n in limits.crew_days.items() if c == crew)]
    )
    return works[crew] > least


def _is_scarce_region(instance: Instance, region: Key, works: Counter[Key]) -> bool:
    allowed = instance.limits.region(region)
    return allowed is not None and works[region] > allowed
