"""How things stand: deliveries by state, medium and reason, and everything that waits for somebody."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from notifier.domain import errors
from notifier.domain.plan import Plan
from notifier.domain.policy import InForce, Policy
from notifier.domain.reporting import Backlog, Tally
from notifier.ports import Store, Transaction
from notifier.usecases import policies

_ALL = 1_000_000


class ExceptionNotFound(errors.NotFound):
    """There is no open exception of that number."""

    code = "exception.not_found"


class Counts(Protocol):
    """Counting, set by set; ``store.reports.Reports`` does it."""

    async def deliveries(self, plan_id: int | None = None) -> list[Tally]: ...
    async def backlog(self, now: datetime) -> Backlog: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Deliveries counted every way somebody asks for."""

    rows: tuple[Tally, ...]

    @property
    def total(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def by_state(self) -> dict[str, int]:
        """Word of the state to number, none left out that occurs."""
        counted: Counter[str] = Counter()
        for row in self.rows:
            counted[row.state] += row.count
        return dict(sorted(counted.items()))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values. ``by`` adds up to ``total``, and so does ``by_state``."""
        media: dict[str, Counter[str]] = defaultdict(Counter)
        reasons: dict[str, Counter[str]] = defaultdict(Counter)
        rows: Counter[tuple[str, str, str]] = Counter()
        for row in self.rows:
            media[row.medium][row.state] += row.count
            rows[row.state, row.medium, row.reason] += row.count
            if row.reason:
                reasons[row.state][row.reason] += row.count
        return {
            "total": self.total,
            "by_state": self.by_state,
            "by_medium": {name: dict(sorted(media[name].items())) for name in sorted(media)},
            "by_reason": {name: dict(sorted(reasons[name].items())) for name in sorted(reasons)},
            "by": [
                {"state": state, "medium": medium, "reason": reason, "count": count}
                for (state, medium, reason), count in sorted(rows.items())
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStatus:
    """One plan and how far its people have been told."""

    plan: Plan
    deliveries: Tallies
    exceptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How everything stands ``at`` a moment (aware). ``awaiting`` says, where it is so, that the settings
    name a policy which nobody has put in force."""

    at: datetime
    deliveries: Tallies
    plans: tuple[PlanStatus, ...]
    exceptions: tuple[dict[str, Any], ...]
    channels: tuple[dict[str, Any], ...]
    backlog: Backlog
    policy: InForce | None = None
    awaiting: str = ""

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Plain JSON values; times ISO 8601 with the offset of ``zone``."""

        def local(moment: datetime | None) -> str | None:
            return None if moment is None else moment.astimezone(zone).isoformat()

        kinds = Counter(str(item["kind"]) for item in self.exceptions)
        waiting = self.backlog
        return {
            "at": local(self.at),
            "policy": None
            if self.policy is None
            else {
                "name": self.policy.name,
                "version": self.policy.version,
                "applied_by": self.policy.applied_by,
                "awaiting": self.awaiting,
            },
            "deliveries": self.deliveries.as_dict(),
            "plans": [
                {
                    "number": item.plan.number,
                    "kind": item.plan.kind.value,
                    "department": item.plan.department,
                    "state": item.plan.state.value,
                    "revision": item.plan.revision,
                    "settled_revision": item.plan.settled_revision,
                    "starts_at": local(item.plan.starts_at),
                    "ends_at": local(item.plan.ends_at),
                    "exceptions": item.exceptions,
                    "deliveries": item.deliveries.as_dict(),
                }
                for item in self.plans
            ],
            "exceptions": {
                "open": len(self.exceptions),
                "overdue": sum(
                    item["due_at"] is not None and item["due_at"] < self.at
                    for item in self.exceptions
                ),
                "people": sum(item["people"] for item in self.exceptions),
                "by_kind": dict(sorted(kinds.items())),
            },
            "channels": [
                {
                    "name": item["name"],
                    "stopped_at": local(item["stopped_at"]),
                    "stopped_why": item["stopped_why"],
                    "paused_until": local(item["paused_until"]),
                    "failures": item["failures"],
                }
                for item in self.channels
            ],
            "reconcile": {
                "due": waiting.plans_due,
                "due_since": local(waiting.plans_due_since),
                "in_hand": waiting.plans_in_hand,
            },
            "dispatch": {
                "batches_due": waiting.batches_due,
                "due_since": local(waiting.batches_due_since),
                "next_batch_at": local(waiting.next_batch_at),
                "uncertain_batches": waiting.uncertain,
            },
            "stray_receipts": waiting.stray_receipts,
        }


async def status(
    tx: Transaction,
    counts: Counts,
    now: datetime,
    *,
    plans: Sequence[Plan] | None = None,
    configured: Policy | None = None,
) -> Status:
    """How things stand, of all plans or of these only; everything read in one snapshot. ``configured``
    is the policy that the settings name."""
    chosen = await tx.plans.listed(limit=_ALL) if plans is None else plans
    if plans is not None and len(plans) == 1:
        rows: Iterable[Tally] = await counts.deliveries(plans[0].id)
    else:
        rows = await counts.deliveries()
    by_plan: dict[int, list[Tally]] = defaultdict(list)
    wanted = {plan.id for plan in chosen}
    for row in rows:
        if row.plan_id in wanted:
            by_plan[row.plan_id].append(row)
    exceptions = [
        item for item in await tx.journal.exceptions() if plans is None or item["plan_id"] in wanted
    ]
    opened = Counter(item["plan_id"] for item in exceptions)
    channels = await tx.journal.channel_states()
    return Status(
        at=now,
        deliveries=Tallies(rows=tuple(row for rows in by_plan.values() for row in rows)),
        plans=tuple(
            PlanStatus(
                plan=plan,
                deliveries=Tallies(rows=tuple(by_plan.get(plan.id, ()))),
                exceptions=opened[plan.id],
            )
            for plan in chosen
        ),
        exceptions=tuple(exceptions),
        channels=tuple(channels[name] for name in sorted(channels)),
        backlog=await counts.backlog(now),
        policy=await tx.policy_in_force(),
        awaiting=await policies.awaiting(tx, configured),
    )


def is_current(item: PlanStatus, now: datetime) -> bool:
    """Whether somebody looking at the list today wants to see the plan: not over for more than a day."""
    ends_at = item.plan.ends_at
    return ends_at is None or ends_at > now - timedelta(days=1) or item.exceptions > 0


async def close_exception(
    store: Store, exception_id: int, *, how: str, now: datetime, actor: str
) -> None:
    """Takes an exception off the list, saying how it was seen to. Raises ``ExceptionNotFound``."""
    async with store.write() as tx:
        if not await tx.journal.close(exception_id, by=actor, how=how, now=now):
            raise ExceptionNotFound(
                f"没有待办 {exception_id} / there is no open exception {exception_id}."
            )
        await tx.audited(
            at=now,
            actor=actor,
            action="exception.closed",
            subject=f"exception:{exception_id}",
            detail={"how": how},
        )


async def start_channel(store: Store, name: str, *, now: datetime, actor: str) -> None:
    """An operator says that a stopped channel works again: what waits for it goes out."""
    async with store.write() as tx:
        await tx.journal.start_channel(name, now)
        await tx.audited(at=now, actor=actor, action="channel.started", subject=name, detail={})
