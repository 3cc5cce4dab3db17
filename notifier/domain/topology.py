"""Joins the trace and the ledger: which usage points share the fates of which customers of the model.

The model's customer id is the account. Who is not in the model goes by the transformer area, then by
the feeder where all of it fares alike, and is unknown otherwise: nobody on a traced feeder is taken for
unaffected because a list has a hole. An account that stands under two areas of different fates is
reported and unknown: none of the two is picked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from notifier.domain import names
from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify
from notifier.domain.network.fates import Fate, Fates
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network_index import NetworkIndex
from notifier.domain.window import Window

_EXAMPLES = 3


class LedgerPoint(NamedTuple):
    """A usage point of the ledger, with its area and feeder where the ledger says them."""

    id: int
    account: str
    area_id: int | None
    feeder_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What the trace says about the ledger's customers, by id of usage point.

    ``areas`` holds the group's places: by id of area what the gravest of its customers suffers.
    ``feeders`` are the ledger's feeders for which the trace speaks; what a plan says of them by
    name is not matched again. ``network`` is the version and overlay traced on.
    """

    points: Mapping[int, Fate]
    area_of: Mapping[int, int]
    areas: Mapping[int, Fate]
    feeders: frozenset[int]
    network: tuple[int, int]
    findings: tuple[Finding, ...]

    def by_fate(self) -> dict[Fate, list[int]]:
        """The usage points of each fate: there are a handful of fates however many points."""
        # By identity first: hashing windows a hundred thousand times would take a second.
        same: dict[int, tuple[Fate, list[int]]] = {}
        for point_id, fate in self.points.items():
            same.setdefault(id(fate), (fate, []))[1].append(point_id)
        found: dict[Fate, list[int]] = {}
        for fate, point_ids in same.values():
            found.setdefault(fate, []).extend(point_ids)
        return found


def ledger_feeders(
    held: HeldNetwork, index: NetworkIndex, numbers: Iterable[int]
) -> dict[int, int]:
    """The ledger's feeders that bear the names of these feeders of the model: ledger id to number.

    Where several feeders of the ledger bear the name, the station decides, and else none is taken.
    """
    found: dict[int, int] = {}
    for number in numbers:
        feeder = held.graph.network.feeders[number]
        for name in dict.fromkeys((feeder.name, feeder.id)):
            named = index.feeders_named(name) if name else []
            if len(named) > 1 and feeder.substation:
                named = index.at_station(named, feeder.substation)
            if len(named) == 1:
                found[named[0].id] = number
                break
    return found


def ledger_areas(held: HeldNetwork, index: NetworkIndex, numbers: Iterable[int]) -> frozenset[int]:
    """The ledger's areas that bear the number or name of one of these areas of the model."""
    network = held.graph.network
    return frozenset(
        area.id
        for number in numbers
        for name in {network.area_ids[number], network.area_names[number]}
        if name
        for area in index.areas_named(name)
    )


def modelled(
    held: HeldNetwork,
    index: NetworkIndex,
    feeder_ids: Iterable[int],
    points: Sequence[LedgerPoint],
) -> frozenset[int]:
    """Which of these feeders of the ledger the model holds: by name, or because it knows most of
    their customers."""
    wanted = set(feeder_ids)
    found = {
        feeder_id
        for feeder_id in wanted
        if held.feeders_by_key.get(index.feeders[feeder_id].key, ())
    }
    doubtful = wanted - found
    if doubtful:
        accounts = {p.account: p for p in points if feeder_of(p, index) in doubtful}
        known = _known(held, set(accounts))
        all_of = Counter(feeder_of(point, index) for point in accounts.values())
        known_of = Counter(feeder_of(accounts[account], index) for account in known)
        found |= {f for f in doubtful if all_of[f] and 2 * known_of[f] >= all_of[f]}
    return frozenset(found)


def join(
    held: HeldNetwork,
    found: Fates,
    index: NetworkIndex,
    points: Sequence[LedgerPoint],
    feeders: frozenset[int],
    windows: tuple[Window, ...],
) -> Traced:
    """Gives each of ``points`` its fate. They are all that have an affected account, or hang on one of
    the ledger's ``feeders`` that the model holds; ``windows`` hold for those of whom nothing is known."""
    return _Join(held, found, index, feeders, windows).of(points)


class _Join:
    """One join, with what it met on the way."""

    def __init__(
        self,
        held: HeldNetwork,
        found: Fates,
        index: NetworkIndex,
        feeders: frozenset[int],
        windows: tuple[Window, ...],
    ) -> None:
        self._held = held
        self._network = held.graph.network
        self._fates = found
        self._index = index
        self._feeders = feeders
        self._unknown = Fate(ImpactClass.UNKNOWN, windows)
        self._number_of_feeder = ledger_feeders(held, index, found.feeders)
        ids = self._network.customer_ids
        self._customers = {ids[customer]: customer for customer in found.met}
        self._elsewhere: set[str] = set()
        self._siblings: dict[int, Counter[int]] = {}
        self._sizes: Counter[int] = Counter()
        self._area_numbers: dict[int, int | None] = {}
        self._seen: dict[str, list[str]] = {}

    def of(self, points: Sequence[LedgerPoint]) -> Traced:
        """The fates of all points, and what is doubtful about the join."""
        self._elsewhere = _known(
            self._held, {p.account for p in points if p.account not in self._customers}
        )
        for point in points:
            if point.area_id is None:
                continue
            self._sizes[point.area_id] += 1
            customer = self._customers.get(point.account)
            area = -1 if customer is None else self._network.customer_area[customer]
            if area >= 0:
                self._siblings.setdefault(point.area_id, Counter())[area] += 1
        fates: dict[int, Fate] = {}
        area_of: dict[int, int] = {}
        for point in points:
            fate = self._fate(point)
            if fate is not None and fate.impact_class not in classify.QUIET:
                fates[point.id] = fate
                if point.area_id is not None:
                    area_of[point.id] = point.area_id
        areas: dict[int, Fate] = {}
        for point_id, area_id in area_of.items():
            fate, known = fates[point_id], areas.get(area_id)
            if known is None or (known is not fate and graver(fate, known)):
                areas[area_id] = fate
        self._empty_areas(areas, {p.area_id for p in points})
        ids = self._network.customer_ids
        accounts = {point.account for point in points}
        for customer in self._fates.customers:
            if ids[customer] not in accounts:
                self._note("impact.not_in_ledger", ids[customer])
        return Traced(
            points=fates,
            area_of=area_of,
            areas=areas,
            feeders=self._feeders,
            network=self._held.key,
            findings=tuple(self._findings()),
        )

    def _fate(self, point: LedgerPoint) -> Fate | None:
        customer = self._customers.get(point.account)
        area = None if point.area_id is None else self._area_number(point.area_id)
        if customer is not None or point.account in self._elsewhere:
            own = None if customer is None else self._fates.customers.get(customer)
            stands = -1 if customer is None else self._network.customer_area[customer]
            if area is None or area == stands or (customer is not None and stands < 0):
                return own
            by_ledger = self._fates.areas.get(area)
            if _same(own, by_ledger):
                self._note("impact.area_differs", point.account)
                return own
            self._note("impact.account_in_two_areas", point.account)
            return self._unknown
        if area is not None:
            self._note("impact.placed_by_area", point.account)
            return self._fates.areas.get(area)
        return self._by_feeder(point)

    def _by_feeder(self, point: LedgerPoint) -> Fate | None:
        feeder_id = feeder_of(point, self._index)
        number = None if feeder_id is None else self._number_of_feeder.get(feeder_id)
        if number is None:
            if feeder_id in self._feeders and self._touches_unnamed():
                self._note("impact.not_in_model", point.account)
                return self._unknown
            return None
        fate = self._fates.feeders[number]
        if fate is None:
            self._note("impact.not_in_model", point.account)
            return self._unknown
        self._note("impact.placed_by_feeder", point.account)
        return fate

    def _touches_unnamed(self) -> bool:
        """Whether the plan touches a feeder of the model that has no name in the ledger: it may be any."""
        return len(self._number_of_feeder) < len(self._fates.feeders)

    def _area_number(self, area_id: int) -> int | None:
        """The area of the model that is this one of the ledger: by number or name, else by customers.

        1号公变 stands on many feeders: a name alone counts on a feeder that the model holds, or where
        customers confirm it.
        """
        if area_id not in self._area_numbers:
            area = self._index.areas[area_id]
            by_key = self._held.areas_by_key
            named = set(by_key.get(names.fold(area.code), ())) if area.code else set()
            named = named or set(by_key.get(area.key, ()))
            known = self._siblings.get(area_id, Counter())
            # One account in the wrong place does not move its neighbours: most of them have to agree.
            siblings = {a for a, count in known.items() if 2 * count >= self._sizes[area_id]}
            if area.feeder_id not in self._feeders or len(named) > 1:
                named &= siblings
            if not named and len(siblings) == 1:
                named = siblings
            self._area_numbers[area_id] = next(iter(named)) if len(named) == 1 else None
        return self._area_numbers[area_id]

    def _empty_areas(self, areas: dict[int, Fate], with_points: set[int | None]) -> None:
        """Areas that lose supply and to which the ledger links nobody are listed all the same."""
        for number, fate in self._fates.areas.items():
            for area_id in ledger_areas(self._held, self._index, [number]):
                area = self._index.areas[area_id]
                if (
                    area_id not in with_points
                    and not area.points
                    and area.feeder_id in self._feeders
                ):
                    areas.setdefault(area_id, fate)

    def _note(self, code: str, account: str) -> None:
        self._seen.setdefault(code, []).append(account)

    def _findings(self) -> Iterable[Finding]:
        for code, (severity, expected) in _FINDINGS.items():
            accounts = self._seen.get(code)
            if accounts:
                shown = "、".join(sorted(accounts)[:_EXAMPLES])
                yield Finding(
                    code=code,
                    severity=severity,
                    found=f"{len(accounts)} 户，如 {shown} / {len(accounts)} accounts, such as {shown}",
                    expected=expected,
                )


_FINDINGS = {
    "impact.account_in_two_areas": (
        Severity.WARNING,
        "台账与模型的台区不同且影响不同，按停电通知 / ledger and model put them under areas that fare "
        "differently: told as out until one is mended",
    ),
    "impact.not_in_model": (
        Severity.WARNING,
        "模型中没有这些用户和台区，按停电通知 / neither they nor their areas are in the model: "
        "told as out",
    ),
    "impact.not_in_ledger": (
        Severity.WARNING,
        "台账中没有这些户号，无法通知 / the ledger does not know them: nobody can be told",
    ),
    "impact.area_differs": (
        Severity.INFO,
        "台账与模型的台区不同，影响相同 / ledger and model put them under different areas that fare alike",
    ),
    "impact.placed_by_area": (
        Severity.INFO,
        "模型中没有，按其台区 / not in the model: as their area",
    ),
    "impact.placed_by_feeder": (
        Severity.INFO,
        "模型中没有，全线影响一致，按线路 / not in the model: as all of their feeder",
    ),
}

_GRAVITY = {impact_class: rank for rank, impact_class in enumerate(ImpactClass)}


def graver(one: Fate, other: Fate) -> bool:
    """Whether the first is worse than the second: by class, then by how long it lasts."""
    return _rank(one) < _rank(other)


def _rank(fate: Fate) -> tuple[int, float]:
    seconds = sum(window.duration.total_seconds() for window in fate.windows)
    return _GRAVITY[fate.impact_class], -seconds


def _same(one: Fate | None, other: Fate | None) -> bool:
    """Whether two fates are the same to a customer; nothing is as quiet as no fate."""
    quiet = [fate is None or fate.impact_class in classify.QUIET for fate in (one, other)]
    return one == other or all(quiet)


def feeder_of(point: LedgerPoint, index: NetworkIndex) -> int | None:
    """The feeder of the transformer where there is one, else the customer's own: a customer's feeder
    that is not its transformer's is the one that is wrong."""
    if point.area_id is not None and point.area_id in index.areas:
        by_area = index.areas[point.area_id].feeder_id
        if by_area is not None:
            return by_area
    return point.feeder_id


def _known(held: HeldNetwork, accounts: set[str]) -> set[str]:
    """Those of the accounts that the model knows: one scan, 50 ms for a million."""
    if not accounts:
        return set()
    return {account for account in held.graph.network.customer_ids if account in accounts}
