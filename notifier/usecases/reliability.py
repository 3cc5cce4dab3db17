"""Reports on reliability: the indices of a period, who is interrupted again and again, and whether
outages were carried out as announced."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from notifier.domain import errors, reliability, reliability_report
from notifier.domain.customer import Criticality
from notifier.domain.network_index import NetworkIndex
from notifier.domain.reliability import (
    MILLISECOND,
    Announced,
    Census,
    Counting,
    Fulfilment,
    Hits,
    Indices,
    LookBack,
    Unnamed,
    instant_of,
)
from notifier.domain.reliability_report import By, Line, Month, Report, Served, Sums
from notifier.ports import Transaction


class PeriodInvalid(errors.Invalid):
    """The period ends before it begins."""

    code = "period.invalid"


class Sources(Protocol):
    """Sums over interruptions; ``store.reliability.Reliability`` makes them."""

    async def sums(self, wanted: LookBack, by: By, months: Sequence[Month] = ()) -> list[Sums]: ...
    async def unnamed(self, since: datetime, momentary: timedelta) -> list[Unnamed]: ...
    async def announced(
        self, starts_at: datetime, ends_at: datetime, now: datetime
    ) -> list[Announced]: ...


async def report(
    tx: Transaction,
    sources: Sources,
    starts_at: datetime,
    ends_at: datetime,
    *,
    by: By,
    rules: Counting,
    zone: ZoneInfo,
    now: datetime,
) -> Report:
    """The indices of ``[starts_at, ends_at)``, both aware, as far as it is over ``now``.

    Raises ``PeriodInvalid``. Everything is read in the transaction's one snapshot.
    """
    wanted = look_back(starts_at, ends_at, rules, now)
    served = Served(await tx.network())
    if by is By.MONTH:
        total, lines = await _by_month(tx, sources, wanted, served, rules, zone)
    else:
        hits = await tx.interruptions.rolling(wanted)
        whole = await sources.sums(wanted, By.BUREAU)
        total = _indices(whole[0] if whole else None, served, hits, rules)
        lines = ()
        if by is not By.BUREAU:
            sums = await sources.sums(wanted, by)
            # A province has 100,000 areas: walking them is work for a thread.
            lines = await asyncio.to_thread(
                reliability_report.lines_by_place, by, sums, hits, served, rules.cemi
            )
    return Report(
        at=now,
        starts_at=starts_at,
        ends_at=ends_at,
        by=by,
        momentary=rules.momentary,
        cemi=rules.cemi,
        total=total,
        lines=lines,
    )


async def _by_month(
    tx: Transaction,
    sources: Sources,
    wanted: LookBack,
    served: Served,
    rules: Counting,
    zone: ZoneInfo,
) -> tuple[Indices, tuple[Line, ...]]:
    """The period and each of its months, in one pass: an interruption belongs to the month in which it
    began, so what the months come to is the period."""
    months = reliability_report.months(wanted.starts_at, wanted.ends_at, zone)
    hits, hits_of = await tx.interruptions.rolling_by_month(wanted, months)
    sums = await sources.sums(wanted, By.MONTH, months)
    sums_of = {item.key: item for item in sums}
    lines = tuple(
        Line(
            id=None,
            name=month.label,
            within="",
            indices=_indices(sums_of.get(place), served, hits_of[place], rules),
        )
        for place, month in enumerate(months)
    )
    return _indices(reliability_report.added_up(sums), served, hits, rules), lines


def _indices(sums: Sums | None, served: Served, hits: Sequence[Hits], rules: Counting) -> Indices:
    """The whole bureau's indices."""
    repeatedly = sum(served.repeatedly(By.BUREAU, hits, rules.cemi).values())
    return reliability_report.indices(sums, served.total, repeatedly)


def look_back(starts_at: datetime, ends_at: datetime, rules: Counting, now: datetime) -> LookBack:
    """The look-back of a report on ``[starts_at, ends_at)``, aware. Raises ``PeriodInvalid``."""
    if ends_at <= starts_at:
        raise PeriodInvalid("时段的结束须晚于开始 / a period ends after it begins.")
    return LookBack(starts_at=starts_at, ends_at=ends_at, now=now, momentary=rules.momentary)


# --- Again and again -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Customers of one place with the same counts. ``area_id`` None: they hang on the feeder itself.

    ``sensitive`` are those of the utility's own register, ``critical`` every grade above it.
    """

    area_id: int | None
    area: str
    feeder_id: int | None
    feeder: str
    outs: int
    shorts: int
    customers: int
    sensitive: int
    critical: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """``times`` sustained interruptions at a place of which only numbers are known, ``customers`` in all:
    whose they were nobody knows, so they are nobody's repeats. ``area`` empty: somewhere on the feeder."""

    area: str
    feeder_id: int | None
    feeder: str
    times: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Who was interrupted ``times`` times or more in ``[starts_at, ends_at)``; the most often first.
    ``unknown`` are places with as many interruptions of nobody in particular."""

    starts_at: datetime
    ends_at: datetime
    times: int
    customers: int
    places: tuple[Repeated, ...]
    unknown: tuple[Unknown, ...]


async def repeats(tx: Transaction, sources: Sources, moment: datetime, rules: Counting) -> Repeats:
    """The repeat list (重复停电) at a moment (aware): sustained interruptions in the look-back of the
    rules, with the momentary ones beside them."""
    wanted = look_back(moment - rules.repeat_within, moment, rules, moment)
    hits = await tx.interruptions.rolling(wanted)
    plain = {item.area_id for item in hits if item.criticality is None and item.area_id}
    census = await tx.interruptions.census(plain)
    index = await tx.network()
    reported = await sources.unnamed(wanted.starts_at, rules.momentary)
    places = await asyncio.to_thread(_places, hits, census, index, rules.repeat_times)
    return Repeats(
        starts_at=wanted.starts_at,
        ends_at=moment,
        times=rules.repeat_times,
        customers=sum(place.customers for place in places),
        places=places,
        unknown=_unknown(reported, wanted, index, rules.repeat_times),
    )


def _unknown(
    reported: Sequence[Unnamed], wanted: LookBack, index: NetworkIndex, times: int
) -> tuple[Unknown, ...]:
    since, until, now = map(instant_of, (wanted.starts_at, wanted.ends_at, wanted.now))
    over = [one for one in reported if one.ends_at <= now]
    found = []
    for one in reliability.somewhere(over, since, until, wanted.momentary // MILLISECOND):
        if one.times >= times:
            area, feeder = index.areas.get(one.area_id or 0), index.feeders.get(one.feeder_id or 0)
            found.append(
                Unknown(
                    area="" if area is None else area.name,
                    feeder_id=one.feeder_id,
                    feeder="" if feeder is None else feeder.name,
                    times=one.times,
                    customers=one.customers,
                )
            )
    return tuple(found)


def _places(
    hits: Sequence[Hits], census: Census, index: NetworkIndex, times: int
) -> tuple[Repeated, ...]:
    counted: dict[tuple[int | None, int | None, int, int], dict[Criticality, int]]
    counted = defaultdict(lambda: defaultdict(int))
    for item in hits:
        if item.outs < times:
            continue
        place = counted[item.area_id, item.feeder_id, item.outs, item.shorts]
        for grade, number in reliability.hit([item], census, times=times).items():
            place[grade] += number
    found = []
    for (area_id, feeder_id, outs, shorts), by_grade in counted.items():
        area = None if area_id is None else index.areas.get(area_id)
        feeder_id = feeder_id if area is None else area.feeder_id
        feeder = None if feeder_id is None else index.feeders.get(feeder_id)
        found.append(
            Repeated(
                area_id=area_id,
                area="" if area is None else area.name,
                feeder_id=feeder_id,
                feeder="" if feeder is None else feeder.name,
                outs=outs,
                shorts=shorts,
                customers=sum(by_grade.values()),
                sensitive=by_grade.get(Criticality.SENSITIVE, 0),
                critical=sum(
                    number for grade, number in by_grade.items() if grade > Criticality.SENSITIVE
                ),
            )
        )
    found.sort(key=lambda item: (-item.outs, -item.customers, item.feeder, item.area))
    return tuple(item for item in found if item.customers)


# --- As announced --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilled:
    """Announced outages of ``[starts_at, ends_at)`` that are over, in all, by kind, and one by one
    with why each departed from what was announced."""

    starts_at: datetime
    ends_at: datetime
    total: Fulfilment
    by_kind: dict[str, Fulfilment]
    plans: tuple[tuple[Announced, str], ...]


async def fulfilment(
    sources: Sources, starts_at: datetime, ends_at: datetime, *, rules: Counting, now: datetime
) -> Fulfilled:
    """计划停电兑现率 of a period (aware), by when outages were announced to begin. Raises
    ``PeriodInvalid``."""
    look_back(starts_at, ends_at, rules, now)
    found = await sources.announced(starts_at, ends_at, now)
    kinds = sorted({plan.kind for plan in found})
    return Fulfilled(
        starts_at=starts_at,
        ends_at=ends_at,
        total=reliability.fulfilment(found, rules.tolerance),
        by_kind={
            kind: reliability.fulfilment([p for p in found if p.kind == kind], rules.tolerance)
            for kind in kinds
        },
        plans=tuple((plan, reliability.departure(plan, rules.tolerance)) for plan in found),
    )
