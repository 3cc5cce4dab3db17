"""The policy: who hears at which stage, how long before, by which media. Data, read from a file.

Day counts and limits come from law and practice (``docs/policy.md`` gives each its source) and are
never constants in code. ``notifier.intake.policies`` reads the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import KEEPS_SUPPLY, Group, ImpactClass
from notifier.domain.notice import CORRECTIONS, Facts, Stage
from notifier.domain.plan import Change, PlanKind
from notifier.domain.reliability import Counting
from notifier.domain.window import Window

#: Out, out for seconds, and perhaps out: whom a policy tells unless it says otherwise.
INTERRUPTED = frozenset({ImpactClass.OUT, ImpactClass.UNKNOWN, ImpactClass.SHORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the policy: to these audiences, at this stage, so long before, by these media.

    ``media`` is a chain: the first by which the recipient can be reached, the next if that fails.
    An empty set of kinds, classes, audiences or needs means all of them; where nothing is said of
    classes, those are told whose supply is or may be interrupted. Rules of one stage with
    different ``track`` all apply; of one track the first that fits does. ``lead`` counts back from
    the start of the window; None means at once. ``confirm``: a message nobody confirms counts as
    failed and the next medium follows.
    """

    stage: Stage
    media: tuple[Medium, ...]
    lead: timedelta | None = None
    kinds: frozenset[PlanKind] = frozenset()
    classes: frozenset[ImpactClass] = INTERRUPTED
    audiences: frozenset[Audience] = frozenset()
    needs: frozenset[Need] = frozenset()
    track: str = ""
    confirm: bool = False
    ignores_quiet_hours: bool = False

    def fits(
        self, kind: PlanKind, impact_class: ImpactClass, audience: Audience, need: Need
    ) -> bool:
        """Whether the rule speaks of this kind of plan, class and recipient."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.classes or impact_class in self.classes)
            and (not self.audiences or audience in self.audiences)
            and (not self.needs or need in self.needs)
        )


_MOVED_LIVE = frozenset({ImpactClass.PARALLELED, ImpactClass.TRANSFERRED_LIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSeconds:
    """To whom seconds without supply matter at night: a hatchery and a data centre, not a flat.

    Nobody else is woken over seconds, and nobody else is told of those that fall into the quiet hours.
    """

    audiences: frozenset[Audience]
    needs: frozenset[Need] = frozenset()

    def concern(self, audience: Audience, need: Need) -> bool:
        """Whether a recipient is one of them, by who they are or by what depends on the supply."""
        return audience in self.audiences or need in self.needs


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """No message by these media from ``starts`` to ``ends``, local time, which may span midnight.

    A change or a cancellation is told all the same when waiting for the end of the quiet hours
    would leave less than ``margin`` before it matters. What moves to before the quiet hours is due
    ``head_start`` before them, so that a large send is over when they begin. ``seconds``: to whom a
    short transfer matters at night; None: to everybody.
    """

    starts: time
    ends: time
    media: frozenset[Medium]
    margin: timedelta
    head_start: timedelta = timedelta(hours=2)
    seconds: NightSeconds | None = None

    def contain(self, window: Window, zone: ZoneInfo) -> bool:
        """Whether the whole window lies in one night's quiet hours of ``zone``."""
        starts_at = window.starts_at
        return self.cover(starts_at, zone) and window.ends_at <= self.last_end(starts_at, zone)

    def cover(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the aware ``moment`` lies in the quiet hours of ``zone``."""
        local = moment.astimezone(zone).time()
        if self.starts <= self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends

    def last_end(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The end of the quiet hours that cover ``moment``."""
        local = moment.astimezone(zone)
        end = local.replace(hour=self.ends.hour, minute=self.ends.minute, second=0, microsecond=0)
        return end if end > local else _next_day(end, zone)

    def last_start(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The start of the quiet hours that cover ``moment``."""
        local = moment.astimezone(zone)
        start = local.replace(
            hour=self.starts.hour, minute=self.starts.minute, second=0, microsecond=0
        )
        return start if start <= local else _day_before(start, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the policy says of running outages.

    The crew is asked ``before`` the end and answers ``within`` so long; ``turnaround`` is what a crew
    needs between two outages. ``foresee``: an end that holds is tried so much later, to show what that
    would push.
    """

    before: timedelta = timedelta(minutes=30)
    within: timedelta = timedelta(minutes=15)
    turnaround: timedelta = timedelta(minutes=30)
    foresee: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The policy in force: by whose act, and the version of the one that the settings named then."""

    name: str
    version: str
    applied_by: str
    configured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a jurisdiction and its utility decide; ``version`` is a digest of the file.

    ``legal_lead`` is what the law asks for, a kind of plan each. ``caps`` bound the messages a person
    may get in 24 hours, a medium each; corrections do not count against them. ``horizon``: how far
    ahead notices are laid out. ``min_gap``: a reminder so soon after another notice is left out.
    ``early``: a restoration is told when it comes at least this much before its time.
    ``retention``: how long after the last plan of which they heard contacts are kept whom no meter
    and no place has any more. ``part_price`` is what one SMS part costs, in the utility's currency.
    ``counting``: the limits by which interruptions are counted.
    """

    name: str
    version: str
    jurisdiction: str
    rules: tuple[Rule, ...]
    legal_lead: Mapping[PlanKind, timedelta]
    quiet: QuietHours | None = None
    caps: Mapping[Medium, int] = field(default_factory=dict)
    horizon: timedelta = timedelta(hours=48)
    min_gap: timedelta = timedelta(hours=6)
    early: timedelta = timedelta(minutes=30)
    approval_threshold: int = 500
    approval_exempt: frozenset[Change] = frozenset()
    failover_margin: timedelta = timedelta(hours=2)
    owner: str = "operations"
    part_price: float = 0.0
    retention: timedelta = timedelta(days=180)
    asking: Asking = Asking()
    counting: Counting = field(default_factory=Counting)

    def tells(self, kind: PlanKind, impact_class: ImpactClass) -> bool:
        """Whether anybody is told at all of a class in a plan of this kind."""
        return any(
            rule.stage is Stage.ADVANCE
            and (not rule.kinds or kind in rule.kinds)
            and (not rule.classes or impact_class in rule.classes)
            for rule in self.rules
        )

    def may_wake(self, facts: Facts) -> bool:
        """Whether a message of these facts may be sent in quiet hours when waiting would be late."""
        seconds = None if self.quiet is None else self.quiet.seconds
        return (
            seconds is None
            or not facts.is_of_seconds
            or seconds.concern(facts.audience, facts.need)
        )

    def spares(
        self,
        kind: PlanKind,
        group: Group,
        told: ImpactClass | None,
        audience: Audience,
        need: Need,
        zone: ZoneInfo,
    ) -> str:
        """Why a recipient need not hear what becomes of the group, as a stable code; empty: they must.

        ``told`` is the class of which they heard before. Where supply stays on after all, they are
        released first; only then those whom the policy chose hear of the transition itself.
        """
        impact_class = group.impact_class
        if impact_class in KEEPS_SUPPLY:
            interrupted = told is not None and told not in KEEPS_SUPPLY
            rules = self.rules_for(Stage.ADVANCE, kind, impact_class, audience, need)
            if not interrupted and next(rules, None) is not None:
                return ""
            return "transition.closed" if impact_class in _MOVED_LIVE else "policy.tells_nobody"
        if not self.tells(kind, impact_class):
            return "policy.tells_nobody"
        quiet = self.quiet
        if told is not None or impact_class is not ImpactClass.SHORT or quiet is None:
            return ""
        if quiet.seconds is None or quiet.seconds.concern(audience, need):
            return ""
        at_night = all(quiet.contain(window, zone) for window in group.windows)
        return "quiet_hours.seconds" if at_night else ""

    def rules_for(
        self,
        stage: Stage,
        kind: PlanKind,
        impact_class: ImpactClass,
        audience: Audience,
        need: Need,
    ) -> Iterator[Rule]:
        """The rules that apply, the first that fits of each track."""
        seen: set[str] = set()
        for rule in self.rules:
            if rule.stage is not stage or rule.track in seen:
                continue
            if rule.fits(kind, impact_class, audience, need):
                seen.add(rule.track)
                yield rule

    def settle(
        self,
        due: datetime,
        *,
        now: datetime,
        latest: datetime,
        medium: Medium,
        stage: Stage,
        zone: ZoneInfo,
        legal: datetime | None = None,
        may_wake: bool = True,
    ) -> tuple[datetime, str]:
        """When to send what is due at ``due``, and why not then; in UTC.

        Past due means now. In quiet hours the notice moves to just before them where that is still
        ahead, else to their end, unless that is later than ``latest`` less the margin or would be the
        first moment after ``legal``, the time the law sets; else it goes at once, unless nobody may be
        woken over it. All times are aware.
        """
        due = max(due, now).astimezone(UTC)
        quiet = self.quiet
        if quiet is None or medium not in quiet.media or not quiet.cover(due, zone):
            return due, ""
        before = quiet.last_start(due, zone).astimezone(UTC) - quiet.head_start
        if now <= before < due and stage not in CORRECTIONS and not quiet.cover(before, zone):
            return before, "quiet_hours.earlier"
        after = quiet.last_end(due, zone).astimezone(UTC)
        breaks_law = legal is not None and due <= legal < after
        if not may_wake or (after + quiet.margin <= latest and not breaks_law):
            return after, "quiet_hours.later"
        return due, "quiet_hours.overridden"

    def legal_time(self, kind: PlanKind, stage: Stage, matters: datetime) -> datetime | None:
        """Until when the law wants an advance notice of what matters at ``matters`` (aware) to be
        out; None where it asks for nothing."""
        lead = self.legal_lead.get(kind, timedelta())
        return matters - lead if stage is Stage.ADVANCE and lead else None


def _next_day(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)


def _day_before(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment.replace(tzinfo=None) - timedelta(days=1)).replace(tzinfo=zone)
