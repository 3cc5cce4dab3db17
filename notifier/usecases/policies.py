"""What another policy would alter, and putting it in force."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.plan import Plan, PlanState
from notifier.domain.policy import InForce, Policy
from notifier.domain.wanted import Wanted
from notifier.ports import Store, Transaction
from notifier.usecases import grounds, matching, wanting
from notifier.usecases.reconcile import Setting

_ALL = 1_000_000


class Alteration(StrEnum):
    """What becomes of a notice under the other policy. CHANGED: it goes out at the same time, but a
    confirmation is wanted or not, or the next medium follows at another time."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """Notices of one plan, stage, medium and audience that the other policy treats differently.

    ``rung`` is the place in the chain of media: above 0 only those hear it whom the rung below
    failed to reach, so ``people`` is how many could. Times are aware; ``was_due_at`` is None for what is
    added, ``due_at`` for what is removed.
    """

    plan: str
    change: Alteration
    stage: str
    medium: str
    audience: str
    rung: int
    people: int
    was_due_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What putting a policy in force would alter at this moment, over all approved plans to come."""

    name: str
    version: str
    was_name: str
    was_version: str
    plans: int
    altered: tuple[Altered, ...]

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Plain JSON values: ``altered`` in full, ``summary`` by change, stage and medium."""

        def local(moment: datetime | None) -> str | None:
            return None if moment is None else moment.astimezone(zone).isoformat()

        return {
            "policy": {"name": self.name, "version": self.version},
            "in_force": {"name": self.was_name, "version": self.was_version},
            "plans": self.plans,
            "summary": self.summary(),
            "altered": [
                {
                    "plan": item.plan,
                    "change": item.change.value,
                    "stage": item.stage,
                    "medium": item.medium,
                    "audience": item.audience,
                    "rung": item.rung,
                    "people": item.people,
                    "was_due_at": local(item.was_due_at),
                    "due_at": local(item.due_at),
                }
                for item in self.altered
            ],
        }

    def summary(self) -> list[dict[str, Any]]:
        """Plans and people by change, stage, medium and rung."""
        people: dict[tuple[str, str, str, int], int] = defaultdict(int)
        numbers: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
        for item in self.altered:
            key = (item.change.value, item.stage, item.medium, item.rung)
            people[key] += item.people
            numbers[key].add(item.plan)
        return [
            {
                "change": key[0],
                "stage": key[1],
                "medium": key[2],
                "rung": key[3],
                "plans": len(numbers[key]),
                "people": people[key],
            }
            for key in sorted(people)
        ]


async def compare(store: Store, setting: Setting, policy: Policy, *, now: datetime) -> Comparison:
    """What ``policy`` would alter against the one in force. Nothing is written but impacts that were
    missing. What was due by ``now`` counts as gone out and cannot move any more."""
    async with store.read() as tx:
        await setting.refresh(tx)
        listed = await tx.plans.listed(states=[PlanState.APPROVED], starting_from=now, limit=_ALL)
    altered: list[Altered] = []
    for plan in listed:
        altered += await _compare_plan(store, setting, policy, plan, now)
    return Comparison(
        name=policy.name,
        version=policy.version,
        was_name=setting.policy.name,
        was_version=setting.policy.version,
        plans=len(listed),
        altered=tuple(altered),
    )


async def _compare_plan(
    store: Store, setting: Setting, policy: Policy, plan: Plan, now: datetime
) -> list[Altered]:
    revision = await matching.ensure_matched(store, plan)
    ground = await grounds.of(store, plan, revision)
    async with store.desk() as desk:
        gathered = await grounds.gather(desk, ground, wanting.available(setting.accounts))
    was, will = (
        grounds.want(ground, gathered, chosen, now=now, zone=setting.zone)
        for chosen in (setting.policy, policy)
    )
    before, after = _by_key(was), _by_key(will)
    found: dict[tuple[Any, ...], int] = defaultdict(int)
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        change = _change(old, new, now)
        item = new or old
        if change is None or item is None:
            continue
        notice = item.notice
        found[
            change,
            notice.stage.value,
            notice.medium.value,
            notice.facts.audience.value,
            notice.rung,
            None if old is None else old.notice.due_at,
            None if new is None else new.notice.due_at,
        ] += was.cells[item.cell]
    return [
        Altered(
            plan=plan.number,
            change=change,
            stage=stage,
            medium=medium,
            audience=audience,
            rung=rung,
            people=number,
            was_due_at=was_due_at,
            due_at=due_at,
        )
        for (change, stage, medium, audience, rung, was_due_at, due_at), number in sorted(
            found.items(), key=lambda entry: [str(part) for part in entry[0]]
        )
    ]


def _by_key(wants: wanting.Wants) -> Mapping[tuple[Any, ...], Wanted]:
    return {
        (
            item.cell,
            item.notice.stage,
            item.notice.occasion,
            item.notice.rung,
            item.notice.medium,
        ): item
        for item in wants.wanted
    }


def _change(old: Wanted | None, new: Wanted | None, now: datetime) -> Alteration | None:
    if old is None:
        return Alteration.ADDED
    if new is None:
        return Alteration.REMOVED
    if old.notice.due_at <= now:
        return None
    if old.notice.due_at != new.notice.due_at:
        return Alteration.MOVED
    same = (old.notice.confirm, old.notice.give_up_at, old.notice.ignores_quiet_hours) == (
        new.notice.confirm,
        new.notice.give_up_at,
        new.notice.ignores_quiet_hours,
    )
    return None if same else Alteration.CHANGED


#: Who puts the first policy in force.
_SETTINGS = "settings"


async def begin(store: Store, policy: Policy, body: Mapping[str, Any], *, now: datetime) -> None:
    """Puts the policy that the settings name in force where none is, or none but an earlier one of the
    settings and no plan has come in. From the first plan on that takes an act: people may have been told
    under the one in force, and processes that start one by one must not follow two."""
    async with store.read() as tx:
        present = await tx.policy_in_force()
        is_empty = not await tx.plans.listed(limit=1)
    if present is None or (
        present.applied_by == _SETTINGS and is_empty and present.version != policy.version
    ):
        await put_in_force(store, policy, body, configured=policy.version, now=now, actor=_SETTINGS)


def version_of(policy: Policy | None) -> str:
    """The version; empty where there is none."""
    return "" if policy is None else policy.version


async def awaiting(tx: Transaction, configured: Policy | None) -> str:
    """What to say where the settings name another policy than they did when the one in force was put
    there: it waits for somebody to apply it. Empty: nothing waits."""
    present = await tx.policy_in_force()
    if present is None or configured is None:
        return ""
    if configured.version in (present.version, present.configured):
        return ""
    return (
        f"设置中的策略 {configured.name} {configured.version} 未生效，现行 {present.name}"
        f" {present.version}；请先 notifier policy check，再 notifier policy apply"
        f" / the settings name a policy that is not in force: check it, then apply it"
    )


async def put_in_force(
    store: Store,
    policy: Policy,
    body: Mapping[str, Any],
    *,
    configured: str = "",
    now: datetime,
    actor: str,
) -> int:
    """Makes ``policy``, read from ``body``, the one in force; answers how many plans are looked at anew.
    ``configured`` is the version of the one that the settings name.

    Processes that are running take it over with their next look; what was due by then has gone out, or
    goes out as it was laid out.
    """
    async with store.write() as tx:
        applied = InForce(
            name=policy.name, version=policy.version, applied_by=actor, configured=configured
        )
        await tx.apply_policy(applied, body, now=now)
        marked = await tx.plans.mark_all(now, ending_after=now)
        await tx.audited(
            at=now,
            actor=actor,
            action="policy.applied",
            subject=f"policy:{policy.name}",
            detail={"version": policy.version, "plans": marked},
        )
    return marked
