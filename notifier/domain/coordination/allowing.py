"""When a work may begin: windows, hours, blackouts, the notice rule and what is frozen, each with a name.

A reason is a code, and behind a colon the words of whoever forbade it: ``blackout:高考``.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from notifier.domain.coordination.constraints import Blackout, Constraints, Window
from notifier.domain.finding import Finding, Severity
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy

_STEPS_A_DAY = 48
_HALF_HOUR = timedelta(minutes=30)


class _Around(Protocol):
    """What of ``gathering.Surroundings`` is needed here."""

    @property
    def first(self) -> date: ...
    @property
    def now(self) -> datetime: ...
    @property
    def zone(self) -> ZoneInfo: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def days(self) -> int: ...
    @property
    def accounts(self) -> Mapping[str, int]: ...


class _Shape(Protocol):
    """What of ``gathering.Shape`` is needed here."""

    @property
    def start(self) -> int: ...
    @property
    def half_hours(self) -> int: ...
    @property
    def days(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plan as the calendar asks about it: ``out`` are the areas (by id) that it takes out."""

    number: str
    kind: PlanKind
    state: PlanState
    out: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The starts left, ascending, and why the others are not; ``why_frozen``: it stays as asked."""

    starts: tuple[int, ...]
    removed: Mapping[int, str]
    why_frozen: str = ""


class Places:
    """Names of areas, feeders, stations and regions, found in the ledger; unknown ones are findings."""

    def __init__(
        self, network: NetworkIndex, constraints: Constraints, findings: list[Finding]
    ) -> None:
        self._network = network
        self._findings = findings
        self._regions: dict[str, str] = {}
        for region in constraints.region:
            for name in region.feeders:
                self._regions.setdefault(self.feeder(name), region.name)
            for name in region.stations:
                for feeder in self._of_station(name):
                    self._regions.setdefault(feeder, region.name)

    def areas(
        self, areas: Sequence[str], feeders: Sequence[str], stations: Sequence[str]
    ) -> set[int]:
        """The ids of areas named one by one, by feeder and by station."""
        network, found = self._network, set[int]()
        for name in areas:
            named = network.areas_named(name)
            found |= {area.id for area in named}
            if not named:
                self._unknown(name)
        ids = [feeder.id for name in feeders for feeder in network.feeders_named(name)]
        for name in feeders:
            if not network.feeders_named(name):
                self._unknown(name)
        for name in stations:
            for station in network.stations_named(name):
                ids += [f.id for f in network.feeders_of_station.get(station.id, ())]
            if not network.stations_named(name):
                self._unknown(name)
        return found | {
            area.id for feeder in ids for area in network.areas_of_feeder.get(feeder, ())
        }

    def feeder(self, name: str) -> str:
        """The ledger's name of a feeder, or the name as given."""
        named = self._network.feeders_named(name)
        if not named:
            self._unknown(name)
        return named[0].name if named else name

    def feeder_of(self, areas: Collection[int]) -> str | None:
        """The feeder of most of the areas."""
        known = self._network.areas
        counted = Counter(
            known[area].feeder_id for area in sorted(areas) if area in known
        ).most_common(1)
        if not counted or counted[0][0] is None:
            return None
        return self._network.feeders[counted[0][0]].name

    def is_whole_feeder(self, feeder: str | None, areas: Collection[int]) -> bool:
        """Whether nothing of the feeder keeps supply: then its trunk is out."""
        named = [] if feeder is None else self._network.feeders_named(feeder)
        own = {area.id for f in named for area in self._network.areas_of_feeder.get(f.id, ())}
        return bool(own) and own <= set(areas)

    def region_of(self, feeder: str | None) -> str:
        """The region a feeder belongs to; empty: none."""
        return self._regions.get(feeder or "", "")

    def _of_station(self, name: str) -> list[str]:
        network = self._network
        found = [
            feeder.name
            for station in network.stations_named(name)
            for feeder in network.feeders_of_station.get(station.id, ())
        ]
        if not found:
            self._unknown(name)
        return found

    def _unknown(self, name: str) -> None:
        finding = Finding(
            code="constraints.place_unknown",
            severity=Severity.WARNING,
            found=name,
            expected="台账中的名称 / a name of the ledger",
        )
        if finding not in self._findings:
            self._findings.append(finding)


class Calendar:
    """What the constraints say of days and hours, looked up work by work."""

    def __init__(
        self,
        constraints: Constraints,
        places: Places,
        around: _Around,
        findings: list[Finding],
    ) -> None:
        self.windows: Mapping[str, Window] = {item.plan: item for item in constraints.window}
        self._general = constraints.coordination
        self._around = around
        self._blackouts = [
            (
                item,
                places.areas(item.areas, item.feeders, item.stations)
                if item.areas or item.feeders or item.stations
                else None,
            )
            for item in constraints.blackout
        ]
        self._customers: dict[int, list[Blackout]] = defaultdict(list)
        for wish in constraints.customer:
            area = around.accounts.get(wish.account)
            if area is None:
                findings.append(_no_account(wish.account))
                continue
            reason = f"{wish.account} {wish.reason}".strip()
            self._customers[area].append(Blackout(reason=reason, first=wish.first, last=wish.last))
        self._own_work = {item.plan: item for item in constraints.own_work}

    def allowed(self, work: Subject, shape: _Shape, hours: Collection[int] | None) -> Allowed:
        """The starts of a work. ``hours``: half-hours of the day at which it may begin; None: its own."""
        frozen = self._why_frozen(work, shape)
        if frozen:
            return Allowed(starts=(shape.start,), removed={}, why_frozen=frozen)
        removed: dict[int, str] = {}
        starts = []
        own = shape.start % _STEPS_A_DAY
        floor = self._around.now + self._around.policy.legal_lead.get(work.kind, timedelta())
        forbidden = self._forbidden(work)
        for day in range(self._around.days):
            for hour in sorted(hours or {own}):
                start = day * _STEPS_A_DAY + hour
                why = self._why_not(work, shape, start, floor, forbidden)
                if why:
                    removed[start] = why
                else:
                    starts.append(start)
        if not starts:
            return Allowed(starts=(shape.start,), removed=removed, why_frozen="no_start")
        return Allowed(starts=tuple(starts), removed=removed)

    def refusal(self, work: Subject, shape: _Shape, start: int, floor: datetime) -> str:
        """Why a work may not begin at ``start``, or before ``floor`` at another time than its own;
        empty: it may."""
        return self._why_not(work, shape, start, floor, self._forbidden(work))

    def _why_frozen(self, work: Subject, shape: _Shape) -> str:
        around, window = self._around, self.windows.get(work.number)
        begins = local_moment(around.first, around.zone, shape.start)
        if work.state is PlanState.DONE:
            return "done"
        if begins < around.now + timedelta(days=self._general.frozen_days):
            return "frozen"
        lead = around.policy.legal_lead.get(work.kind, timedelta())
        if work.state is PlanState.APPROVED and begins < around.now + lead:
            return "notice"
        if window is not None and window.fixed:
            return "fixed"
        return ""

    def _why_not(
        self,
        work: Subject,
        shape: _Shape,
        start: int,
        floor: datetime,
        forbidden: Sequence[Blackout],
    ) -> str:
        around, number = self._around, work.number
        window = self.windows.get(number)
        day, last = start // _STEPS_A_DAY, start // _STEPS_A_DAY + shape.days - 1
        first_day = around.first + timedelta(days=day)
        last_day = first_day + timedelta(days=shape.days - 1)
        if last >= around.days:
            return "period"
        if start != shape.start and local_moment(around.first, around.zone, start) < floor:
            return "notice"
        why = self._outside(window, shape, start, first_day, last_day)
        if why:
            return why
        own_work = self._own_work.get(number)
        if own_work is not None and not (
            first_day <= own_work.on <= last_day
            and start % _STEPS_A_DAY == shape.start % _STEPS_A_DAY
        ):
            return f"own_work:{own_work.account}"
        spans = [(first_day + timedelta(days=n), start % _STEPS_A_DAY) for n in range(shape.days)]
        for item in forbidden:
            if any(_touches(item, on, hour, shape.half_hours) for on, hour in spans):
                return f"blackout:{item.reason}"
        return ""

    def _outside(
        self,
        window: Window | None,
        shape: _Shape,
        start: int,
        first_day: date,
        last_day: date,
    ) -> str:
        asked = shape.start // _STEPS_A_DAY
        if window is None or (window.first is None and window.last is None):
            if abs(start // _STEPS_A_DAY - asked) > self._general.move_days:
                return "window"
        elif (window.first and first_day < window.first) or (
            window.last and last_day > window.last
        ):
            return "window"
        if window is not None and window.weekdays:
            days = [first_day + timedelta(days=n) for n in range(shape.days)]
            if any(day.isoweekday() not in window.weekdays for day in days):
                return "weekday"
        hour = start % _STEPS_A_DAY
        if hour == shape.start % _STEPS_A_DAY and not (window and window.from_hour):
            return ""  # the hour it asked for is nobody else's business
        general = self._general
        lower = (window.from_hour if window else None) or general.from_hour
        upper = (window.until_hour if window else None) or general.until_hour
        if lower is not None and hour < _steps(lower):
            return "hours"
        if upper is not None and hour + shape.half_hours > _steps(upper):
            return "hours"
        return ""

    def _forbidden(self, work: Subject) -> list[Blackout]:
        """The blackouts that concern whoever this work takes out."""
        out = work.out
        found = [item for item, areas in self._blackouts if areas is None or areas & out]
        for area in sorted(out & self._customers.keys()):
            found += self._customers[area]
        return found


def local_moment(first: date, zone: ZoneInfo, start: int) -> datetime:
    """The local time of a start on the grid that begins with ``first``."""
    day, step = divmod(start, _STEPS_A_DAY)
    on = first + timedelta(days=day)
    return datetime.combine(on, time(step // 2, step % 2 * 30), tzinfo=zone)


def _touches(item: Blackout, on: date, hour: int, half_hours: int) -> bool:
    """Whether an outage on that day falls into a blackout; one that runs past midnight counts on
    both days."""
    last = item.last or item.first
    lower = 0 if item.from_hour is None else _steps(item.from_hour)
    upper = _STEPS_A_DAY if item.until_hour is None else _steps(item.until_hour)
    end = hour + half_hours
    while end > 0:
        if item.first <= on <= last and hour < upper and lower < end:
            return True
        on, hour, end = on + timedelta(days=1), max(0, hour - _STEPS_A_DAY), end - _STEPS_A_DAY
    return False


def _steps(hour: time) -> int:
    """An hour of the day in half-hours, rounded up."""
    return -(-(hour.hour * 60 + hour.minute + (hour.second > 0)) // 30)


def _no_account(account: str) -> Finding:
    return Finding(
        code="constraints.account_unknown",
        severity=Severity.WARNING,
        found=account,
        expected="台账中的户号 / an account of the ledger",
    )
