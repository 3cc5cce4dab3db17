"""What changed from one version of the network to the next, by the source system's ids."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from notifier.domain import finding
from notifier.domain.network import model

SHOWN = 200
"""Ids listed of one kind of change; the counts are always complete."""

_MOST_GONE = 0.2
_FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Ids that came, went, or stand elsewhere than before."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One version against another.

    Moved means: a feeder with another head or busbar, a switch between other nodes or put in or out
    of service, an area on other nodes or transformers, a customer at another node, area or standby.
    ``opened`` and ``closed`` are switches in both versions whose normal state is now open or closed.
    """

    feeders: Changes
    switches: Changes
    areas: Changes
    customers: Changes
    opened: tuple[str, ...]
    closed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        kinds = (self.feeders, self.switches, self.areas, self.customers)
        return all(kind.is_empty for kind in kinds) and not (self.opened or self.closed)

    def as_dict(self, shown: int = SHOWN) -> dict[str, Any]:
        """Counts of everything and at most ``shown`` ids of each change."""
        named: dict[str, dict[str, tuple[str, ...]]] = {
            kind: {
                field.name: getattr(getattr(self, kind), field.name) for field in fields(Changes)
            }
            for kind in ("feeders", "switches", "areas", "customers")
        }
        named["normal_open"] = {"opened": self.opened, "closed": self.closed}
        return {
            kind: {change: len(ids) for change, ids in changes.items()}
            | {"ids": {change: list(ids[:shown]) for change, ids in changes.items() if ids}}
            for kind, changes in named.items()
        }


def compare(old: model.Network, new: model.Network) -> Difference:
    """The difference; seconds for a million nodes. Neither model needs its indices."""
    old_switches, new_switches = _switches(old), _switches(new)
    both = [
        (mrid, old_switches[mrid], branch)
        for mrid, branch in new_switches.items()
        if mrid in old_switches
    ]
    turned = [
        (mrid, new.normal_open[there])
        for mrid, here, there in both
        if new.normal_open[there] != old.normal_open[here]
    ]
    return Difference(
        feeders=_changes(
            {feeder.id: number for number, feeder in enumerate(old.feeders)},
            {feeder.id: number for number, feeder in enumerate(new.feeders)},
            lambda here, there: _feeder(old, here) != _feeder(new, there),
        ),
        switches=_changes(
            old_switches,
            new_switches,
            lambda here, there: (
                _ends(old, here) != _ends(new, there)
                or old.in_service[here] != new.in_service[there]
            ),
        ),
        areas=_changes(
            _numbered(old.area_ids),
            _numbered(new.area_ids),
            lambda here, there: _area(old, here) != _area(new, there),
        ),
        customers=_changes(
            _numbered(old.customer_ids),
            _numbered(new.customer_ids),
            _customer_moved(old, new),
        ),
        opened=tuple(mrid for mrid, is_open in turned if is_open),
        closed=tuple(mrid for mrid, is_open in turned if not is_open),
    )


def shrunk(old: model.Network, difference: Difference) -> tuple[finding.Finding, ...]:
    """A warning where so much is gone that the files are probably not complete."""
    found = []
    for zh, en, total, gone in (
        ("用户", "customers", len(old.customer_ids), len(difference.customers.removed)),
        ("开关", "switches", len(_switches(old)), len(difference.switches.removed)),
        ("馈线", "feeders", len(old.feeders), len(difference.feeders.removed)),
    ):
        if total >= _FEW and gone > _MOST_GONE * total:
            found.append(
                finding.Finding(
                    code="network.shrunk",
                    severity=finding.Severity.WARNING,
                    found=f"上一版本的 {total} 个{zh}中有 {gone} 个消失 / "
                    f"{gone} of {total} {en} of the version before are gone",
                    expected="完整的导出文件 / a complete export",
                )
            )
    return tuple(found)


def _changes(
    old: Mapping[str, int], new: Mapping[str, int], is_moved: Callable[[int, int], bool]
) -> Changes:
    added, moved = [], []
    for mrid, there in new.items():
        here = old.get(mrid)
        if here is None:
            added.append(mrid)
        elif is_moved(here, there):
            moved.append(mrid)
    return Changes(
        added=tuple(added),
        removed=tuple(mrid for mrid in old if mrid not in new),
        moved=tuple(moved),
    )


def _numbered(ids: Sequence[str]) -> dict[str, int]:
    return {mrid: number for number, mrid in enumerate(ids)}


def _switches(network: model.Network) -> dict[str, int]:
    switch = model.BranchKind.SWITCH.value
    return {
        network.branch_ids[branch]: branch
        for branch, kind in enumerate(network.branch_kind)
        if kind == switch
    }


def _ends(network: model.Network, branch: int) -> frozenset[str]:
    return frozenset(network.node_ids[node] for node in network.ends(branch))


def _feeder(network: model.Network, number: int) -> tuple[str, str, str]:
    feeder = network.feeders[number]
    return feeder.substation, network.branch_ids[feeder.head], network.node_ids[feeder.busbar]


def _area(network: model.Network, area: int) -> tuple[frozenset[str], frozenset[str]]:
    return (
        _ids(network.node_ids, network.area_nodes[area]),
        _ids(network.branch_ids, network.area_transformers[area]),
    )


def _ids(ids: Sequence[str], numbers: Iterable[int]) -> frozenset[str]:
    return frozenset(ids[number] for number in numbers)


def _customer_moved(old: model.Network, new: model.Network) -> Callable[[int, int], bool]:
    """Whether a customer stands elsewhere; a million times, so it looks at little first."""
    old_nodes, new_nodes = old.node_ids, new.node_ids
    old_at, new_at = old.customer_node, new.customer_node
    special = bool(old.standby or new.standby or old.other_places or new.other_places)

    def area(network: model.Network, customer: int) -> str | None:
        number = network.customer_area[customer]
        return network.area_ids[number] if number >= 0 else None

    def elsewhere(network: model.Network, customer: int) -> frozenset[str]:
        standby = network.standby.get(customer)
        places = network.other_places.get(customer, ())
        return _ids(network.node_ids, places if standby is None else (standby, *places))

    def is_moved(here: int, there: int) -> bool:
        return (
            old_nodes[old_at[here]] != new_nodes[new_at[there]]
            or area(old, here) != area(new, there)
            or (special and elsewhere(old, here) != elsewhere(new, there))
        )

    return is_moved
