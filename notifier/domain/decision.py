"""The last decision before a message leaves: send it, hold it back until a time, or drop it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.customer import REACH_BY_MEDIUM, Reach
from notifier.domain.notice import CORRECTIONS, Facts, Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy

#: How long a batch waits for its plan to be reconciled.
RECONSIDER = timedelta(seconds=15)
#: The reason of a batch that speaks of an earlier revision, or of a plan not yet settled.
NOT_RECONCILED = "plan.not_reconciled"
#: The reason of a batch that waits for its account to be mended.
CHANNEL_STOPPED = "channel.stopped"
#: How long it waits while a changed plan awaits approval, which gives it its new time at once.
UNAPPROVED = timedelta(minutes=10)
_UNAPPROVED = (PlanState.DRAFT, PlanState.SUBMITTED)
#: How long it waits for a stopped channel; starting the channel calls it back at once.
STOPPED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Send:
    """It still holds: send it now."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Not before ``until``, because of ``reason`` (a stable code)."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Never, because of ``reason`` (a stable code)."""

    reason: str


@dataclass(frozen=True, slots=True)
class NextMedium:
    """Not by this medium any more, because of ``reason``: the recipients' next one is tried."""

    reason: str


Decision = Send | Defer | Drop | NextMedium


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a batch is decided on. Times are aware.

    ``notice_revision`` is the revision the batch speaks of, ``settled_revision`` the one up to which
    the ledger of deliveries follows the plan (0 where a plan that it shares its outage with has changed
    since). ``facts``: what it says, by which some wake nobody.
    """

    stage: Stage
    medium: Medium
    notice_revision: int
    plan_revision: int
    settled_revision: int
    plan_state: PlanState
    plan_kind: PlanKind
    expires_at: datetime
    matters_at: datetime
    give_up_at: datetime | None = None
    attempts: int = 0
    ignores_quiet_hours: bool = False
    channel_stopped: bool = False
    facts: Facts | None = None


def decide(sending: Sending, policy: Policy, now: datetime, zone: ZoneInfo) -> Decision:
    """Whether a whole batch may leave. A person's own reasons are ``refuse_person``'s."""
    if now >= sending.expires_at:
        return Drop("too_late")
    if sending.plan_state in _UNAPPROVED:
        return Defer(now + UNAPPROVED, "plan.not_approved")
    if sending.notice_revision != sending.plan_revision or (
        sending.settled_revision != sending.plan_revision
    ):
        return Defer(now + RECONSIDER, NOT_RECONCILED)
    tried = sending.attempts > 0 or sending.channel_stopped
    if tried and sending.give_up_at is not None and now >= sending.give_up_at:
        return NextMedium("gave_up")
    if sending.channel_stopped:
        return Defer(now + STOPPED, CHANNEL_STOPPED)
    if not sending.ignores_quiet_hours:
        at, why = policy.settle(
            now,
            now=now,
            latest=sending.matters_at,
            medium=sending.medium,
            stage=sending.stage,
            zone=zone,
            legal=policy.legal_time(sending.plan_kind, sending.stage, sending.matters_at),
            may_wake=sending.facts is None or policy.may_wake(sending.facts),
        )
        if at > now:
            return Defer(at, why)
    return Send()


def refuse_person(
    medium: Medium, stage: Stage, reach: Reach, address: str, sent_today: int, cap: int | None
) -> str | None:
    """Why this person may not be sent this message after all, as a stable code; None: go ahead."""
    if not address:
        return "address.gone"
    if not reach & REACH_BY_MEDIUM[medium]:
        return "opted_out"
    if cap is not None and sent_today >= cap and stage not in CORRECTIONS:
        return "cap.reached"
    return None
