"""Counting interruptions: one definition of every index, used wherever one is shown.

What an interruption is, when one is a repeat and when one is too many is said once as well (``joined``
to ``is_over``): the check of a plan, the meeting and the reports count by it; where SQL counts
(``store.interruption_sql``) a test holds it to this.

Sources, named where each is defined: IEEE Std 1366-2012, *Guide for Electric Power Distribution
Reliability Indices*; DL/T 836.1-2016 供电系统供电可靠性评价规程 第1部分：通用要求, whose SAIDI-1,
SAIFI-1 and MAIFI are the same ratios. ``docs/reliability.md`` has them in words, and says what is
general knowledge only. No day is left out as a major event.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from notifier.domain.customer import Criticality
from notifier.domain.window import Window

_MINUTE = timedelta(minutes=1)


class InterruptionKind(IntEnum):
    """OUT: without supply from start to end. SHORT: seconds without supply, somewhere in the span
    from start to end (a transfer by open transition, or the transfer back)."""

    OUT = 0
    SHORT = 1


class Quality(IntEnum):
    """How well the times are known. MEASURED: both ends were reported. AS_PLANNED: nobody reported
    otherwise, so the plan's times stand. NO_END: it is not known when supply came back."""

    MEASURED = 0
    AS_PLANNED = 1
    NO_END = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """By which limits it is counted; part of the policy.

    ``momentary``: an interruption up to this long is momentary (``is_sustained``). IEEE Std 1366-2012
    says 5 minutes, DL/T 836 3 minutes (短时停电), and so does Great Britain; one of them is configured.
    ``repeat_times`` sustained interruptions within ``repeat_within`` put a customer on the repeat
    list (重复停电); 3 in 60 days is the usual alarm. ``cemi`` is the *n* of CEMI-n.
    ``tolerance``: supply back so much after the announced end is still as announced.
    """

    momentary: timedelta = timedelta(minutes=3)
    repeat_times: int = 3
    repeat_within: timedelta = timedelta(days=60)
    cemi: int = 3
    tolerance: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Customers of one place going without supply once. Times are aware UTC.

    ``area_id`` None: on the feeder itself. ``is_whole``: it hit every customer of the area, or all who
    hang on the feeder itself. Otherwise ``points_id`` and ``group_number`` name the frozen usage points,
    or ``usage_point_id`` the one; without either only the number ``customers`` is known, and nobody
    knows for whom it counts.
    ``is_firm``: it was approved, or it happened; what was only asked for is not.
    """

    kind: InterruptionKind
    quality: Quality
    starts_at: datetime
    ends_at: datetime | None
    customers: int
    feeder_id: int | None = None
    area_id: int | None = None
    usage_point_id: int | None = None
    is_whole: bool = False
    is_firm: bool = True
    points_id: int | None = None
    group_number: int | None = None
    cause: str = ""


# --- One interruption after the other ------------------------------------------------------------

#: From start to end, in whole milliseconds since 1970 UTC, as the store keeps times.
Span = tuple[int, int]

MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_of(moment: datetime) -> int:
    """A moment (aware) in whole milliseconds since 1970 UTC."""
    return (moment - _EPOCH) // MILLISECOND


def without_end(starts_at: int, momentary: int) -> int:
    """The end of an outage of which nobody said when it ended: just long enough to be sustained, for
    what is reported without an end was long enough to be reported. No duration contains it."""
    return starts_at + momentary + 1


def joined(outages: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending outages of the same customers as interruptions: what overlaps or touches is one,
    whichever works and files it comes from."""
    found: list[Span] = []
    for start, end in outages:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def is_sustained(interruption: Span, momentary: int) -> bool:
    """Whether it counts in SAIFI, SAIDI, CEMI and rolling counts, and not in MAIFI.

    IEEE Std 1366-2012 §3: a momentary interruption is the loss of power up to the limit, a sustained
    one is any other. Seconds within the span of a transfer are momentary however long the span.
    """
    return interruption[1] - interruption[0] > momentary


def rolling(interruptions: Sequence[Span], within: int) -> list[int]:
    """The rolling count of each of somebody's sustained interruptions, in order: how many began within
    so many milliseconds up to its beginning, itself included."""
    found, oldest = [], 0
    for number, (start, _) in enumerate(interruptions):
        while interruptions[oldest][0] <= start - within:
            oldest += 1
        found.append(number - oldest + 1)
    return found


def is_repeat(count: int) -> bool:
    """Whether an interruption with this rolling count hits again whom another one hit before."""
    return count > 1


def is_over(count: int, limit: int) -> bool:
    """Whether an interruption with this rolling count is one more than is borne."""
    return count > limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Indices:
    """What a group of ``served`` customers went through in a period.

    ``interruptions``: customers × sustained interruptions (ΣNᵢ). ``duration``: ΣrᵢNᵢ, of those whose
    end is known; ``endless``: the part of ``interruptions`` whose end is not, which no duration
    contains. ``momentary``: customers × momentary interruptions. ``repeatedly``: customers with at
    least n sustained ones. ``events``: interruptions, whatever their size. An index without anybody
    served is None, never 0.
    """

    served: int
    events: int = 0
    interruptions: int = 0
    duration: timedelta = timedelta()
    endless: int = 0
    momentary: int = 0
    repeatedly: int = 0

    @property
    def saifi(self) -> float | None:
        """Sustained interruptions a customer: ΣNᵢ / N_T (IEEE Std 1366-2012 §4.2; DL/T 836.1-2016
        系统平均停电频率)."""
        return self.interruptions / self.served if self.served else None

    @property
    def saidi(self) -> float | None:
        """Minutes without supply a customer: Σrᵢ·Nᵢ / N_T (IEEE Std 1366-2012 §4.2; DL/T 836.1-2016
        系统平均停电时间, there in hours). None where there were interruptions and no end is known."""
        is_unknown = 0 < self.interruptions == self.endless
        return self.duration / _MINUTE / self.served if self.served and not is_unknown else None

    @property
    def caidi(self) -> float | None:
        """Minutes an interruption: Σrᵢ·Nᵢ / ΣNᵢ (IEEE Std 1366-2012 §4.2), over those interruptions
        whose end is known; with all of them known it is SAIDI / SAIFI."""
        known = self.interruptions - self.endless
        return self.duration / _MINUTE / known if known else None

    @property
    def maifi(self) -> float | None:
        """Momentary interruptions a customer: ΣIMᵢ·N_mi / N_T (IEEE Std 1366-2012 §4.4; DL/T
        836.1-2016 系统平均短时停电频率). A transfer and the transfer back are two."""
        return self.momentary / self.served if self.served else None

    @property
    def cemi(self) -> float | None:
        """The share of customers with n or more sustained interruptions: CN(k≥n) / N_T (IEEE Std
        1366-2012 §4.3)."""
        return self.repeatedly / self.served if self.served else None

    @property
    def customer_hours(self) -> float:
        """停电时户数: Σrᵢ·Nᵢ in hours."""
        return self.duration / timedelta(hours=1)


# --- Rolling counts ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """So many customers of one area and criticality have the same counts in a look-back.

    ``outs`` are sustained interruptions, ``shorts`` momentary ones. ``criticality`` None: all
    customers of the area alike, as many as the census says; then ``customers`` is 0. ``feeder_id`` is
    given for customers that hang on a feeder without an area.
    """

    area_id: int | None
    outs: int
    shorts: int
    criticality: Criticality | None = None
    customers: int = 0
    feeder_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """Which interruptions are counted: those that begin in ``[starts_at, ends_at)``, aware, and are over
    ``now``. ``momentary`` is the limit of the policy."""

    starts_at: datetime
    ends_at: datetime
    now: datetime
    momentary: timedelta


#: Customers of an area by criticality.
Census = Mapping[int, Mapping[Criticality, int]]


def hit(counted: Sequence[Hits], census: Census, *, times: int) -> dict[Criticality, int]:
    """Customers with at least ``times`` sustained interruptions, by criticality."""
    found: Counter[Criticality] = Counter()
    for item in counted:
        if item.outs < times:
            continue
        if item.criticality is not None:
            found[item.criticality] += item.customers
        elif item.area_id is not None:
            found.update(census.get(item.area_id, {}))
    return dict(sorted(found.items()))


class Unnamed(NamedTuple):
    """An outage of which a place and a number of customers were reported, and nobody knows whose they
    were; milliseconds since 1970 UTC, an end that nobody said as ``without_end``."""

    feeder_id: int | None
    area_id: int | None
    starts_at: int
    ends_at: int
    customers: int


class Somewhere(NamedTuple):
    """So many sustained interruptions at one place that count for no customer in particular, and the
    customers of all of them."""

    feeder_id: int | None
    area_id: int | None
    times: int
    customers: int


def somewhere(
    reported: Iterable[Unnamed], since: int, until: int, momentary: int
) -> list[Somewhere]:
    """The outages that begin in ``[since, until)`` by place, the most often first. Each counts by
    itself: whether two of them hit the same customers nobody knows."""
    numbers: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
    for one in reported:
        if since <= one.starts_at < until and is_sustained((one.starts_at, one.ends_at), momentary):
            numbers[one.feeder_id, one.area_id].append(one.customers)
    found = [Somewhere(*place, len(those), sum(those)) for place, those in numbers.items()]
    return sorted(
        found, key=lambda it: (-it.times, -it.customers, it.feeder_id or 0, it.area_id or 0)
    )


# --- Announced and done --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """An outage that somebody was told of, and what became of it.

    ``told`` are the windows that were told first, ``carried`` those that hold now, the last one up to
    when supply really came back; neither is empty. ``is_done``: it took place, by all that is known.
    ``is_wider``: customers were added after the announcement.
    """

    number: str
    kind: str
    told: tuple[Window, ...]
    carried: tuple[Window, ...]
    is_done: bool = True
    is_wider: bool = False

    @property
    def told_from(self) -> datetime:
        """When it was to begin, as told first."""
        return min(window.starts_at for window in self.told)


def departure(plan: Announced, tolerance: timedelta) -> str:
    """Why an outage was not carried out as announced: ``not_done``, ``moved`` (a window begins at
    another time, or is another day), ``late`` (a window ends later than told), ``wider``; empty where
    it was. Supply that is back early is as announced.

    计划停电兑现率 = outages without a departure / outages announced. The name and the aim of 98 % are
    the bureaus' practice (Liaoning); no standard was found that fixes the formula, so this is ours.
    """
    if not plan.is_done:
        return "not_done"
    until = {window.starts_at: window.ends_at for window in plan.told}
    if {window.starts_at for window in plan.carried} != until.keys():
        return "moved"
    if any(window.ends_at > until[window.starts_at] + tolerance for window in plan.carried):
        return "late"
    return "wider" if plan.is_wider else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """Announced outages of a period that are over, and those of them that departed from it, by why."""

    announced: int = 0
    departures: Mapping[str, int] = field(default_factory=dict)

    @property
    def fulfilled(self) -> int:
        return self.announced - sum(self.departures.values())

    @property
    def rate(self) -> float | None:
        """计划停电兑现率, from 0 to 1; None where nothing was announced."""
        return self.fulfilled / self.announced if self.announced else None


def fulfilment(plans: Iterable[Announced], tolerance: timedelta) -> Fulfilment:
    """The rate over these plans; those that are not over are the caller's to leave out."""
    reasons = [departure(plan, tolerance) for plan in plans]
    return Fulfilment(
        announced=len(reasons), departures=dict(sorted(Counter(filter(None, reasons)).items()))
    )
