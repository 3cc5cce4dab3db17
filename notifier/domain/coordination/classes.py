"""What belongs together: areas that every work touches alike, and requests that can affect each other.

Five hundred requests over two thousand areas come to some 450 groups of areas and 150 components.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.domain.coordination.problem import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A request that takes a group out in some of its modes."""

    request: int
    modes: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Areas that are out together whatever is planned: the same works touch them in the same modes.

    ``burdens`` adds up their customers (as the objective counts them) by recent interruptions.
    """

    touches: tuple[Touch, ...]
    burdens: tuple[tuple[int, int], ...]
    areas: tuple[int, ...]

    @property
    def burden(self) -> int:
        """All customers of the group, as the objective counts them."""
        return sum(burden for _, burden in self.burdens)


def groups(instance: Instance) -> tuple[Group, ...]:
    """The groups of all areas that any request takes out, in a stable order."""
    touched: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for number, request in enumerate(instance.requests):
        for mode in request.mode_choices:
            for area in request.modes[mode].out:
                touched[area][number].add(mode)
    alike: dict[tuple[tuple[int, tuple[int, ...]], ...], list[int]] = defaultdict(list)
    for area in sorted(touched):
        by = touched[area]
        alike[tuple((number, tuple(sorted(by[number]))) for number in sorted(by))].append(area)
    found = []
    for signature in sorted(alike):
        burdens: dict[int, int] = defaultdict(int)
        for area in alike[signature]:
            burdens[instance.areas[area].recent_interruptions] += instance.burden(area)
        found.append(
            Group(
                touches=tuple(
                    Touch(request=number, modes=frozenset(modes)) for number, modes in signature
                ),
                burdens=tuple(sorted(burdens.items())),
                areas=tuple(alike[signature]),
            )
        )
    return tuple(found)


def components(instance: Instance, of: Iterable[Group]) -> tuple[tuple[int, ...], ...]:
    """Requests joined by a shared area, an order, an exclusion or a common outage.

    Each component ascending, and the components by their first request. Crews, regions and tie
    feeders may still set components against each other.
    """
    parent = list(range(len(instance.requests)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for group in of:
        first = root(group.touches[0].request)
        for touch in group.touches[1:]:
            parent[root(touch.request)] = first
    for a, b in (*instance.precedence, *instance.exclusive_days, *instance.same_outage):
        parent[root(a)] = root(b)
    members: dict[int, list[int]] = defaultdict(list)
    for number in range(len(parent)):
        members[root(number)].append(number)
    return tuple(sorted(tuple(ones) for ones in members.values()))
