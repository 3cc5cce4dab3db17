"""The problem of a period out of the store: all works of all departments, and a planner's wishes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain import errors, reliability
from notifier.domain.coordination import problem
from notifier.domain.coordination.constraints import Constraints, Crew
from notifier.domain.coordination.gathering import (
    STEPS_A_DAY,
    Gathered,
    Share,
    Surroundings,
    gather,
)
from notifier.domain.coordination.online_index import Index
from notifier.domain.coordination.works import PlannedWork, parts_of, span_of
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanState
from notifier.domain.reliability import MILLISECOND, instant_of
from notifier.domain.window import FIRST_YEAR, LAST_YEAR, Window
from notifier.ports import Store
from notifier.usecases import coordinate_ways, matching
from notifier.usecases.coordinate_checking import Checker
from notifier.usecases.coordinate_contracts import RunBook, Terms, WorkBook

#: The longest period that is reckoned at once.
MOST_DAYS = 120


class PeriodInvalid(errors.Invalid):
    """The period is no period, or too long."""

    code = "coordination.period"


class PinUnknown(errors.Invalid):
    """A pin or a what-if names something that the period does not have."""

    code = "coordination.pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is reckoned: a period (both days included), and what a planner holds fast or supposes.

    ``pins`` hold plans at a start (aware); ``crews`` suppose other numbers of works a day,
    ``region_per_shift`` another limit of regions. ``as_asked`` are plans that are not to be done in
    another way, whatever a tie could carry. ``seconds`` is the time given to the solver.
    """

    first: date
    last: date
    seconds: float = 30.0
    pins: Mapping[str, datetime] = field(default_factory=dict)
    crews: Mapping[str, int] = field(default_factory=dict)
    region_per_shift: int | None = None
    as_asked: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise PeriodInvalid("结束日期早于开始日期 / the period ends before it begins.")
        if self.first.year < FIRST_YEAR or self.last.year > LAST_YEAR:
            raise PeriodInvalid(
                f"期间 {self.first} 至 {self.last}：应在 {FIRST_YEAR}–{LAST_YEAR} 年内"
                f" / {self.first} to {self.last}: expected years from {FIRST_YEAR} to {LAST_YEAR}."
            )
        if (self.last - self.first).days >= MOST_DAYS:
            raise PeriodInvalid(f"期间超过 {MOST_DAYS} 天 / more than {MOST_DAYS} days.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, as kept with the run."""
        return {
            "seconds": self.seconds,
            "pins": {number: at.isoformat() for number, at in self.pins.items()},
            "crews": dict(self.crews),
            "region_per_shift": self.region_per_shift,
            "as_asked": sorted(self.as_asked),
        }

    @classmethod
    def of_run(cls, run: Mapping[str, Any]) -> "Options":
        """The options of a run that was kept."""
        raw = run["options"]
        return cls(
            first=date.fromisoformat(run["first_day"]),
            last=date.fromisoformat(run["last_day"]),
            seconds=raw["seconds"],
            pins={number: datetime.fromisoformat(at) for number, at in raw["pins"].items()},
            crews=raw["crews"],
            region_per_shift=raw["region_per_shift"],
            as_asked=frozenset(raw.get("as_asked", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A gathered period with the names that go with it."""

    gathered: Gathered
    network: NetworkIndex
    rules_id: int | None

    @property
    def instance(self) -> problem.Instance:
        """The problem."""
        return self.gathered.instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatherer:
    """Gathers periods. ``read_rules`` makes constraints of what the store keeps."""

    store: Store
    works: WorkBook
    runs: RunBook
    checker: Checker
    read_rules: Callable[[Mapping[str, Any]], Constraints]
    terms: Terms

    @property
    def zone(self) -> ZoneInfo:
        """The utility's time zone."""
        return self.terms.zone

    @property
    def _momentary(self) -> int:
        return self.terms.policy.counting.momentary // MILLISECOND

    async def period(self, options: Options, now: datetime) -> Period:
        """The problem of a period as the store is now. Raises ``PinUnknown``."""
        rules = await self.runs.rules()
        constraints = Constraints() if rules is None else self.read_rules(rules["body"])
        constraints = _supposing(constraints, options)
        async with self.store.read() as tx:
            network = await tx.network()
        begin = datetime.combine(options.first, time(), tzinfo=self.zone)
        end = datetime.combine(options.last + timedelta(days=1), time(), tzinfo=self.zone)
        planned = await self._planned(begin, end, network)
        index = (await self.checker.index(now)).fork()
        found = await coordinate_ways.find(self.store, planned, network, now)
        look_back = self.terms.policy.counting.repeat_within
        around = Surroundings(
            first=options.first,
            last=options.last,
            now=now,
            zone=self.zone,
            policy=self.terms.policy,
            network=network,
            areas=index.known,
            moved_before=await self.runs.moved_before([item.plan.number for item in planned]),
            accounts=await self.runs.accounts([item.account for item in constraints.customer]),
            offered=found.offered,
        )

        def work_out() -> Gathered:
            shares = _shares(index, planned, Window(begin - look_back, begin), self._momentary, now)
            made = gather(planned, constraints, replace(around, shares=shares))
            return replace(made, findings=(*made.findings, *found.findings))

        # Some hundred works take some tenths of a second: not on everybody's time.
        gathered = await asyncio.to_thread(work_out)
        return Period(
            gathered=_pinned(gathered, options, self.zone),
            network=network,
            rules_id=None if rules is None else rules["id"],
        )

    async def _planned(
        self, begin: datetime, end: datetime, network: NetworkIndex
    ) -> Sequence[PlannedWork]:
        """The works of the period, each with its impact; what nobody has matched yet is matched now."""
        found = await self.works.works(ending_after=begin, starting_before=end)
        for item in found:
            if not item.is_matched and item.plan.state is not PlanState.DRAFT:
                await matching.ensure_matched(self.store, item.plan)
        found = await self.works.works(ending_after=begin, starting_before=end)
        return [
            item if item.is_matched else replace(item, parts=parts_of(item.content, network))
            for item in found
        ]


def _supposing(constraints: Constraints, options: Options) -> Constraints:
    """The constraints as they would be with other crews or limits."""
    known = {crew.name: crew for crew in constraints.crew}
    for name, per_day in options.crews.items():
        known[name] = replace(known.get(name, Crew(name=name)), per_day=per_day)
    general = constraints.coordination
    if options.region_per_shift is not None:
        general = replace(general, region_per_shift=options.region_per_shift)
    return replace(constraints, crew=tuple(known.values()), coordination=general)


def _shares(
    index: Index, planned: Sequence[PlannedWork], before: Window, momentary: int, now: datetime
) -> dict[int, tuple[Share, ...]]:
    """The customers of each area by the sustained interruptions that begin in the look-back, those of
    plans that are still to come included, and by which of the planned works take them out; areas whose
    customers are all alike and suffered nothing are left out."""
    start, end = span_of(before)
    at = instant_of(now)
    numbers = {item.plan.number for item in planned}
    found: dict[int, tuple[Share, ...]] = {}
    for area in {area for item in planned for part in item.parts for area in part.areas}:
        cohorts = index.cohorts([area])
        hitting = [numbers & {spell.work.key for spell in cohort.spells} for cohort in cohorts]
        everybody = frozenset[str]().union(*hitting)
        counted: dict[tuple[int, frozenset[str]], Share] = {}
        for cohort, mine in zip(cohorts, hitting, strict=True):
            spells = sorted(
                (spell.starts_at, spell.ends_at)
                for spell in cohort.spells
                if spell.starts_at < end and spell.counts(at)
            )
            recent = sum(
                start <= one[0] and reliability.is_sustained(one, momentary)
                for one in reliability.joined(spells)
            )
            key = recent, everybody - mine
            known = counted.get(key, Share(0, False, *key))
            counted[key] = known._replace(
                customers=known.customers + cohort.customers,
                is_sensitive=known.is_sensitive or bool(cohort.sensitive),
            )
        if counted.keys() - {(0, frozenset())}:
            found[area] = tuple(counted.values())
    return found


def _pinned(gathered: Gathered, options: Options, zone: ZoneInfo) -> Gathered:
    """The problem with some works held where a planner wants them."""
    number_of = {item.plan.number: at for at, item in enumerate(gathered.works)}
    instance = gathered.instance
    for number, moment in options.pins.items():
        if number not in number_of:
            raise PinUnknown(f"期间内没有计划 {number} / the period has no plan {number}.")
        local = moment.astimezone(zone)
        day = (local.date() - gathered.first).days
        if not 0 <= day < instance.grid.days:
            raise PinUnknown(f"{number}: 固定时间不在期间内 / the pin lies outside the period.")
        start = day * STEPS_A_DAY + (local.hour * 60 + local.minute) // 30
        instance = problem.pinned(instance, number_of[number], start)
    for number in sorted(options.as_asked):
        if number not in number_of:
            raise PinUnknown(f"期间内没有计划 {number} / the period has no plan {number}.")
        instance = problem.as_asked(instance, number_of[number])
    return replace(gathered, instance=instance)
