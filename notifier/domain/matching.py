"""Matching: whom a plan revision takes out, and whom only for seconds, by ledger and by topology.

What was traced on the network model comes in as ``topology.Traced`` and holds for its feeders; all
else goes by the ledger, which knows station, feeder, transformer area and usage point, but no switches,
so a section of a feeder counts as the whole feeder, with a finding. What a plan names more closely
wins: an area listed as transferred is SHORT although its feeder is OUT.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from notifier.domain import names
from notifier.domain.finding import Finding, Severity
from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Transfer,
    Transition,
)
from notifier.domain.switching import ASSUMED_SPAN
from notifier.domain.topology import Traced
from notifier.domain.window import Window, union

_GRAVITY = {impact_class: rank for rank, impact_class in enumerate(ImpactClass)}
_CLASS_OF_TRANSITION = {
    Transition.OPEN: ImpactClass.SHORT,
    Transition.CLOSED: ImpactClass.TRANSFERRED_LIVE,
}
_NAMES_SHOWN = 3
#: How close an area's own name is, against its feeder's (1) and its station's (0).
_AREA_ITSELF = 2


class Level(StrEnum):
    """What a target is: all usage points of an area, or those of a feeder that have no area."""

    AREA = "area"
    FEEDER = "feeder"


Target = tuple[Level, int]
_Claims = dict[Target, list[tuple[int, ImpactClass, tuple[Window, ...]]]]
_Fact = tuple[ImpactClass, tuple[Window, ...], Knowledge]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The impact of one revision. Every usage point of an area in ``areas`` belongs to that group, and
    every usage point without an area on a feeder in ``feeders``.

    ``points`` are usage points one by one, as the trace found them; ``traced_areas`` are the places
    where they are, with the gravest group there. ``network`` is the version and overlay traced on,
    ``size`` the number of usage points touched, as the ledger's index counts them.
    """

    groups: tuple[Group, ...]
    areas: Mapping[int, int]
    feeders: Mapping[int, int]
    findings: tuple[Finding, ...]
    points: Mapping[int, int] = field(default_factory=dict)
    traced_areas: Mapping[int, int] = field(default_factory=dict)
    network: tuple[int, int] | None = None
    size: int = 0


def match(
    content: PlanContent,
    index: NetworkIndex,
    traced: Traced | None = None,
    in_model: Collection[str] = (),
) -> Match:
    """Applies the plan to the ledger. Equipment that cannot be found, or could be several assets, is a
    finding and matches nothing: it is never guessed.

    ``traced`` speaks for its feeders; ``in_model`` are names of equipment that the model knows, so
    that the ledger need not.
    """
    findings: list[Finding] = list(traced.findings) if traced is not None else []
    claims: _Claims = defaultdict(list)
    transfers = list(content.transfers)
    equipment = content.equipment
    if content.kind is PlanKind.SHORT_TRANSFER and not transfers:
        transfers.append(
            Transfer(equipment=equipment, transition=Transition.OPEN, spans=content.windows)
        )
        equipment = ()
    windows = union(content.windows)

    def resolved(item: Equipment) -> list[tuple[Target, int]]:
        doubts: list[Finding] = []
        found = list(_resolve(item, index, doubts))
        if traced is not None:
            found = [f for f in found if _feeder_of(f[0], index) not in traced.feeders]
            if not found and (item.name in in_model or not any(_is_refusal(d) for d in doubts)):
                return []
        findings.extend(doubts)
        return found

    if windows:
        for item in equipment:
            for target, rank in resolved(item):
                claims[target].append((rank, ImpactClass.OUT, windows))
    for transfer in transfers:
        moved = [found for item in transfer.equipment for found in resolved(item)]
        if not moved and traced is not None:
            continue
        spans = union(transfer.spans) or _assumed_spans(windows, findings)
        for target, rank in moved:
            claims[target].append((rank, _CLASS_OF_TRANSITION[transfer.transition], spans))
    chosen = {target: _choose(target, wanted, index, findings) for target, wanted in claims.items()}
    return _grouped(chosen, traced, index, findings)


def feeders_named(content: PlanContent, index: NetworkIndex) -> set[int]:
    """The feeders of everything that the plan names and the ledger knows."""
    named = (*content.equipment, *(item for t in content.transfers for item in t.equipment))
    found = {_feeder_of(target, index) for item in named for target, _ in _resolve(item, index, [])}
    return {feeder for feeder in found if feeder is not None}


def areas_named(items: Iterable[Equipment], index: NetworkIndex) -> set[int]:
    """The areas among some equipment that are named one by one."""
    return {
        asset
        for item in items
        for (level, asset), rank in _resolve(item, index, [])
        if level is Level.AREA and rank == _AREA_ITSELF
    }


def _feeder_of(target: Target, index: NetworkIndex) -> int | None:
    level, asset = target
    return index.areas[asset].feeder_id if level is Level.AREA else asset


def _is_refusal(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR


def _choose(
    target: Target,
    wanted: list[tuple[int, ImpactClass, tuple[Window, ...]]],
    index: NetworkIndex,
    findings: list[Finding],
) -> tuple[ImpactClass, tuple[Window, ...]]:
    """The closest naming wins; of equally close ones the gravest, with a finding."""
    closest = max(rank for rank, _, _ in wanted)
    claims = [(c, w) for rank, c, w in wanted if rank == closest]
    gravest = min((c for c, _ in claims), key=_GRAVITY.__getitem__)
    if len({c for c, _ in claims}) > 1:
        findings.append(
            Finding(
                code="impact.contradictory",
                severity=Severity.WARNING,
                found=_name_of(target, index),
                expected="停电或转供二者之一 / either out or transferred, not both",
            )
        )
    return gravest, union(w for c, spans in claims if c is gravest for w in spans)


def _resolve(
    item: Equipment, index: NetworkIndex, findings: list[Finding]
) -> Iterable[tuple[Target, int]]:
    """Targets with the closeness of their naming: station 0, feeder 1, area 2."""
    kind, name = item.kind, item.name
    areas: Sequence[Area] = ()
    feeders: Sequence[Feeder] = ()
    stations: Sequence[Station] = ()
    if kind in (EquipmentKind.AREA, EquipmentKind.UNKNOWN):
        areas = index.areas_named(name, item.station)
    if kind in (EquipmentKind.FEEDER, EquipmentKind.UNKNOWN):
        feeders = index.feeders_named(name, item.station)
    if kind in (EquipmentKind.STATION, EquipmentKind.UNKNOWN):
        stations = index.stations_named(name)
    named = [a.name for a in areas] + [f.name for f in feeders] + [s.name for s in stations]
    if len(named) > 1:
        return _refuse("equipment.ambiguous", item, findings, named)
    if areas:
        return [((Level.AREA, areas[0].id), _AREA_ITSELF)]
    if feeders:
        return _feeder_targets(feeders[0].id, index, 1)
    if stations:
        return [
            found
            for feeder in index.feeders_of_station.get(stations[0].id, ())
            for found in _feeder_targets(feeder.id, index, 0)
        ]
    if kind is not EquipmentKind.STATION:
        within = _feeder_within(item, index)
        if within is not None:
            findings.append(
                Finding(
                    code="equipment.section_as_feeder",
                    severity=Severity.WARNING,
                    found=name,
                    expected=f"按整条{index.feeders[within].name}通知 / the whole feeder is told",
                    column="equipment",
                )
            )
            return _feeder_targets(within, index, 1)
    return _refuse("equipment.unknown", item, findings, index.similar(name))


def _feeder_within(item: Equipment, index: NetworkIndex) -> int | None:
    """The feeder whose name stands inside a section's name; the longest such name, if only one.

    It stands there as a name of its own: 城东二线甲支线 is no section of 城东线, nor 中050线支线 of 中05线.
    """
    text = names.fold(item.name)
    found = [
        feeder
        for feeder in index.feeders.values()
        if len(feeder.key) > 1 and feeder.key != text and _stands_in(feeder.key, text)
    ]
    if item.station:
        found = index.at_station(found, item.station)
    longest = max((len(feeder.key) for feeder in found), default=0)
    found = [feeder for feeder in found if len(feeder.key) == longest]
    return found[0].id if len(found) == 1 else None


_BEFORE_A_NAME = re.compile(r"(?:^|kv|千伏|[变站所]|\W)$")
_AFTER_A_NAME = re.compile(
    r"线|馈|专|回|支|分|段|主干|干线|联络|出线|开关|刀闸|杆|\W|\d+(?:号|#|杆|开关|至)"
)


def _stands_in(key: str, text: str) -> bool:
    at = text.find(key)
    while at >= 0:
        before, after = text[:at], text[at + len(key) :]
        cut_number = key[-1].isdigit() and after[:1].isdigit()
        if _BEFORE_A_NAME.search(before) and _AFTER_A_NAME.match(after) and not cut_number:
            return True
        at = text.find(key, at + 1)
    return False


def _feeder_targets(feeder_id: int, index: NetworkIndex, rank: int) -> list[tuple[Target, int]]:
    areas = index.areas_of_feeder.get(feeder_id, ())
    found: list[tuple[Target, int]] = [((Level.AREA, area.id), rank) for area in areas]
    return [*found, ((Level.FEEDER, feeder_id), rank)]


def _refuse(
    code: str, item: Equipment, findings: list[Finding], similar: list[str]
) -> list[tuple[Target, int]]:
    expected = "台账中的一个名称 / one name of the ledger"
    if similar:
        expected += "：" + "、".join(similar[:5])
    findings.append(
        Finding(
            code=code,
            severity=Severity.ERROR,
            found=f"{item.station}{item.name}",
            expected=expected,
            column="equipment",
        )
    )
    return []


def _assumed_spans(windows: tuple[Window, ...], findings: list[Finding]) -> tuple[Window, ...]:
    """Around both ends of each window, where the plan does not say when the transfers are made."""
    if windows:
        findings.append(
            Finding(
                code="transfer.span_assumed",
                severity=Severity.WARNING,
                found="",
                expected="转电时段 / the spans of transfer and transfer-back",
                column="transfers",
            )
        )
    moments = [moment for w in windows for moment in (w.starts_at, w.ends_at)]
    return union(Window(m - ASSUMED_SPAN, m + ASSUMED_SPAN) for m in moments)


def _grouped(
    chosen: Mapping[Target, tuple[ImpactClass, tuple[Window, ...]]],
    traced: Traced | None,
    index: NetworkIndex,
    findings: list[Finding],
) -> Match:
    facts: dict[_Fact, list[Target]] = defaultdict(list)
    for target, (impact_class, windows) in chosen.items():
        facts[impact_class, windows, Knowledge.LEDGER].append(target)
    if traced is not None:
        for fate, point_ids in traced.by_fate().items():
            places = facts[fate.impact_class, fate.windows, Knowledge.TOPOLOGY]
            where = {traced.area_of[point] for point in point_ids if point in traced.area_of}
            places += [(Level.AREA, area) for area in sorted(where)]
        for fate in traced.areas.values():
            facts[fate.impact_class, fate.windows, Knowledge.TOPOLOGY]  # areas without customers
    order = sorted(facts, key=_gravest_first)
    number_of = {fact: number for number, fact in enumerate(order, start=1)}
    by_ledger = {
        target: number_of[impact_class, windows, Knowledge.LEDGER]
        for target, (impact_class, windows) in chosen.items()
    }
    areas = {asset: number for (level, asset), number in by_ledger.items() if level is Level.AREA}
    feeders = {
        asset: number for (level, asset), number in by_ledger.items() if level is Level.FEEDER
    }
    groups = tuple(
        Group(
            number=number_of[fact],
            impact_class=fact[0],
            windows=fact[1],
            place=_place(_with_feeders(fact, facts[fact], index), index),
            knowledge=fact[2],
        )
        for fact in order
    )
    points: dict[int, int] = {}
    traced_areas: dict[int, int] = {}
    if traced is not None:
        for fate, point_ids in traced.by_fate().items():
            number = number_of[fate.impact_class, fate.windows, Knowledge.TOPOLOGY]
            points.update(dict.fromkeys(point_ids, number))
        traced_areas = {
            area_id: number_of[fate.impact_class, fate.windows, Knowledge.TOPOLOGY]
            for area_id, fate in traced.areas.items()
            if area_id not in areas
        }
    size = sum(index.areas[area].points for area in areas) + len(points)
    size += sum(index.feeders[feeder].points for feeder in feeders)
    _check_empty(size, areas, index, findings)
    return Match(
        groups=groups,
        areas=areas,
        feeders=feeders,
        findings=tuple(findings),
        points=points,
        traced_areas=traced_areas,
        network=None if traced is None else traced.network,
        size=size,
    )


def _gravest_first(fact: _Fact) -> tuple[int, float, tuple[Window, ...], str]:
    """By class, then the longest first: whoever is in two groups hears of the graver one."""
    impact_class, windows, knowledge = fact
    lasts = sum(window.duration.total_seconds() for window in windows)
    return _GRAVITY[impact_class], -lasts, windows, knowledge.value


def _with_feeders(fact: _Fact, targets: list[Target], index: NetworkIndex) -> set[Target]:
    """The places of a group, with the feeders of its areas where it was traced: ``_place`` names
    those that are wholly in it."""
    found = set(targets)
    if fact[2] is Knowledge.TOPOLOGY:
        feeders = {index.areas[asset].feeder_id for level, asset in found if level is Level.AREA}
        found |= {(Level.FEEDER, feeder) for feeder in feeders if feeder is not None}
    return found


def _check_empty(
    size: int, areas: Mapping[int, int], index: NetworkIndex, findings: list[Finding]
) -> None:
    if size == 0:
        findings.append(
            Finding(
                code="impact.empty",
                severity=Severity.ERROR,
                found="0",
                expected="至少影响一个用户 / at least one usage point affected",
                column="equipment",
            )
        )
    empty = [index.areas[area].name for area in areas if index.areas[area].points == 0]
    if empty and size:
        findings.append(
            Finding(
                code="area.without_customers",
                severity=Severity.WARNING,
                found="、".join(sorted(empty)[:10]),
                expected="有用户的台区 / areas with customers",
                column="equipment",
            )
        )


def _place(targets: Iterable[Target], index: NetworkIndex) -> str:
    """Where a group is, for people: feeders that are wholly in it, else areas; at most three names."""
    area_ids = {asset for level, asset in targets if level is Level.AREA}
    feeder_ids = {asset for level, asset in targets if level is Level.FEEDER}
    shown: list[str] = []
    for feeder_id in sorted(feeder_ids):
        own = {area.id for area in index.areas_of_feeder.get(feeder_id, ())}
        if own <= area_ids:
            shown.append(index.feeders[feeder_id].name)
            area_ids -= own
    shown += [index.areas[area_id].name for area_id in sorted(area_ids)]
    text = "、".join(shown[:_NAMES_SHOWN])
    return f"{text}等{len(shown)}处" if len(shown) > _NAMES_SHOWN else text


def _name_of(target: Target, index: NetworkIndex) -> str:
    level, asset = target
    return index.areas[asset].name if level is Level.AREA else index.feeders[asset].name
