"""What a bureau asks of its works, in its own words: names as people write them, days and local hours.

``intake.constraints`` reads them from a file; ``gathering`` turns them into allowed starts and limits.
"""

from dataclasses import dataclass, field
from datetime import date, time
from typing import Literal

from notifier.domain.coordination.problem import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """What holds for all works.

    ``step``: works begin on half-hours, or only at their own hour by half-days. ``move_days``: how far a
    work without a rule of its own may move either way. ``frozen_days``: what begins sooner stays where
    it is. ``from_hour`` and ``until_hour`` bound every outage that can be moved. ``move_cost`` is paid
    per customer of a published work that moves, ``second_move`` on top where it was moved before;
    ``interruption`` to ``over_limit`` price what people suffer, ``limit`` is how many interruptions
    within the policy's look-back (``reliability.Counting.repeat_within``) are borne.
    """

    step: Literal["half_hour", "half_day"] = "half_hour"
    move_days: int = 14
    frozen_days: int = 3
    region_per_shift: int | None = None
    from_hour: time | None = None
    until_hour: time | None = None
    move_cost: int = 5
    second_move: int = 5_000
    interruption: int = 10
    half_hour: int = 1
    repeat: int = 10
    over_limit: int = 100
    short: int = 1
    sensitive_extra_customers: int = 200
    limit: int = 3

    @property
    def weights(self) -> Weights:
        """The prices as the problem states them. A move always costs something."""
        return Weights(
            interruption=self.interruption,
            half_hour=self.half_hour,
            repeat=self.repeat,
            over_limit=self.over_limit,
            short=self.short,
            move_notified=max(1, self.move_cost),
            move_asked=1,
            sensitive_extra_customers=self.sensitive_extra_customers,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """How many works a crew can do in a day, and the days on which it does none."""

    name: str
    per_day: int = 1
    off: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Feeders (by name, or all of some stations) of which only so many are worked on in one shift."""

    name: str
    per_shift: int | None = None
    feeders: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a plan may be carried out: from the first day to the last, on these weekdays (1: Monday),
    wholly between the hours. ``crew`` and ``region`` where the plan itself does not say; ``fixed``: it
    does not move."""

    plan: str
    first: date | None = None
    last: date | None = None
    from_hour: time | None = None
    until_hour: time | None = None
    weekdays: tuple[int, ...] = ()
    crew: str = ""
    region: str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """The first plan is over before the other one's first day."""

    first: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SameOutage:
    """同停组: these plans share one outage or are not done."""

    plans: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """These plans have no day in common."""

    plans: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """Days on which nobody of these places is to be without supply: exams, festivals, protected events.

    Without a place it holds everywhere; with hours only for outages that touch them.
    """

    reason: str
    first: date
    last: date | None = None
    from_hour: time | None = None
    until_hour: time | None = None
    areas: tuple[str, ...] = ()
    feeders: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDates:
    """Days that a sensitive customer asked to be spared."""

    account: str
    first: date
    last: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWork:
    """A customer does its own work in the plan's outage on that day: the plan stays there."""

    account: str
    plan: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMode:
    """Another way of doing a plan: these areas are carried by the tie feeder and lose supply for
    seconds only."""

    plan: str
    areas: tuple[str, ...]
    tie_feeder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Everything in force together; the names of the fields are those of the sections of a file."""

    coordination: General = field(default_factory=General)
    crew: tuple[Crew, ...] = ()
    region: tuple[Region, ...] = ()
    window: tuple[Window, ...] = ()
    precedence: tuple[Precedence, ...] = ()
    same_outage: tuple[SameOutage, ...] = ()
    exclusive: tuple[Exclusion, ...] = ()
    blackout: tuple[Blackout, ...] = ()
    customer: tuple[CustomerDates, ...] = ()
    own_work: tuple[OwnWork, ...] = ()
    transfer: tuple[TransferMode, ...] = ()
