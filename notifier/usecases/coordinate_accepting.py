"""Accepting a proposal, item by item: each becomes a revision of its plan, or says why not."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier.domain import errors
from notifier.domain.coordination import moving, validator
from notifier.domain.coordination.problem import Assignment, asked
from notifier.domain.coordination.validator import Violation
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import PlanContent
from notifier.ports import Store
from notifier.usecases import coordinate_joining, coordinate_proposing, coordinate_wording, plans
from notifier.usecases.coordinate_contracts import RunBook
from notifier.usecases.coordinate_gathering import Gatherer, Options, Period
from notifier.usecases.coordinate_meeting import found

_HALF_HOUR_MINUTES = 30


class ItemUnknown(errors.NotFound):
    """The run proposes nothing for such a plan."""

    code = "coordination.item_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of one item. ``revision`` is the new one; ``why`` says what stood against it."""

    number: str
    is_accepted: bool
    revision: int | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "accepted": self.is_accepted,
            "revision": self.revision,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What became of everything that was asked for. ``lonely`` names accepted items whose partner in a
    merged outage is proposed to move too and was not accepted."""

    items: tuple[Accepted, ...]
    lonely: Mapping[str, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "items": [item.as_dict() for item in self.items],
            "lonely": {number: list(others) for number, others in self.lonely.items()},
        }


async def accept(
    store: Store,
    runs: RunBook,
    gatherer: Gatherer,
    run_id: int,
    numbers: Collection[str] | None,
    *,
    now: datetime,
    actor: str,
) -> Acceptance:
    """Accepts items of a run, all that change something where ``numbers`` is None.

    A proposal is about the plans as they were when it was made, and about all of it together: each
    item is refused where its plan has another revision by now, where its time is no longer allowed,
    or where, with the others left out, it would break a rule that holds at present.
    Raises ``RunNotFound``, ``ItemUnknown``.
    """
    run = await found(runs, run_id)
    kept = {item["number"]: item for item in await runs.items(run_id)}
    wanted = [
        number
        for number in (kept if numbers is None else dict.fromkeys(numbers))
        if numbers is not None
        or (kept[number]["detail"]["is_change"] and not kept[number]["decision"])
    ]
    unknown = [number for number in wanted if number not in kept]
    if unknown:
        raise ItemUnknown(f"方案中没有 {unknown[0]} / the proposal has no item {unknown[0]}.")
    period = await gatherer.period(Options.of_run(run), now)
    answers: dict[str, Accepted] = {}
    chosen: dict[str, Assignment] = {}
    for number in wanted:
        why, assignment = _against(kept[number], period)
        if assignment is None:
            answers[number] = Accepted(number=number, is_accepted=False, why=why)
        else:
            chosen[number] = assignment
    clashing = await asyncio.to_thread(_clashing, period, chosen)
    for number, why in clashing.items():
        answers[number] = Accepted(number=number, is_accepted=False, why=why)
    for number in wanted:
        if number not in answers:
            answers[number] = await _revise(
                store, gatherer, kept[number], run_id, now=now, actor=actor
            )
        item = answers[number]
        if kept[number]["decision"] != "accepted":
            await runs.decide(
                run_id,
                number,
                "accepted" if item.is_accepted else "refused",
                why=item.why,
                new_revision=item.revision,
                now=now,
                actor=actor,
            )
    accepted = {number for number in wanted if answers[number].is_accepted}
    await coordinate_joining.share(
        store, kept, accepted, note=f"平衡会 {run_id}", now=now, actor=actor
    )
    return Acceptance(
        items=tuple(answers[number] for number in wanted), lonely=_lonely(kept, accepted)
    )


def _against(item: Mapping[str, Any], period: Period) -> tuple[str, Assignment | None]:
    """Why an item cannot be accepted any more; or its assignment in the problem of today."""
    gathered, number = period.gathered, item["number"]
    if item["decision"] == "accepted":
        return "已采纳 / accepted already", None
    if not item["detail"]["is_change"]:
        return "无需变更 / nothing to change", None
    if item["present_revision"] != item["revision"]:
        return (
            f"方案基于第 {item['revision']} 版，计划现为第 {item['present_revision']} 版，请重新协调 / "
            f"the proposal is about revision {item['revision']}, the plan has "
            f"{item['present_revision']} by now: hold the meeting again",
            None,
        )
    places = {work.plan.number: at for at, work in enumerate(gathered.works)}
    if number not in places:
        return "计划已取消或不再参与 / the plan is cancelled or takes no part any more", None
    at = places[number]
    request, why = period.instance.requests[at], gathered.why_frozen[at]
    start = request.asked_start + item["detail"]["shift_minutes"] // _HALF_HOUR_MINUTES
    if not why and start not in request.starts and start != request.asked_start:
        why = gathered.removed[at].get(start, "window")
    if why:
        zh, en = coordinate_wording.in_words(why)
        return f"{zh} / {en}", None
    way = item["detail"].get("way")
    modes = range(len(request.modes)) if way else (request.asked_mode,)
    for mode in modes:
        if coordinate_proposing.way_as_dict(period, at, mode) == way:
            return "", Assignment(at, start, mode)
    return (
        "网络或转供清单已变化，请重新协调 / the network or the list of transfers has changed: "
        "hold the meeting again",
        None,
    )


def _clashing(period: Period, chosen: Mapping[str, Assignment]) -> dict[str, str]:
    """Items that would break a rule with everything else left as it is, and which rule."""
    instance = period.instance
    present = validator.check(instance, asked(instance)).violations
    known = {_name(violation) for violation in present}
    left, refused = dict(chosen), dict[str, str]()
    numbers = {assignment.request: number for number, assignment in chosen.items()}
    while left:
        plan = list(asked(instance))
        for assignment in left.values():
            plan[assignment.request] = assignment
        fresh = [
            violation
            for violation in validator.check(instance, plan).violations
            if _name(violation) not in known
        ]
        guilty = {
            numbers[request]: violation
            for violation in fresh
            for request in violation.requests
            if numbers.get(request) in left
        }
        if not guilty:
            break
        for number, violation in guilty.items():
            refused[number] = _in_words(period, violation, number)
            del left[number]
    return refused


def _name(violation: Violation) -> tuple[object, ...]:
    return violation.rule, violation.requests, violation.who, violation.at


_RULES: Mapping[str, tuple[str, str]] = {
    "crew": ("班组当日超出能力", "the crew has too much that day"),
    "region": ("区域同时停电超限", "too many works in the region at once"),
    "precedence": ("先后顺序不符", "the order of works is broken"),
    "exclusive": ("与互斥工作同日", "on one day with a work it excludes"),
    "tie_feeder": ("转供电源当日停电", "the tie feeder is out that day"),
    "same_outage": ("同停组须一同变更", "its simultaneous-outage group must move together"),
    "start": ("时间不可选", "the time is not allowed"),
    "mode": ("方式不可选", "the way is not allowed"),
    "deferral": ("不能推迟到期外", "it cannot be put off"),
    "one_each": ("方案有误", "the proposal is wrong"),
}


def _in_words(period: Period, violation: Violation, number: str) -> str:
    zh, en = _RULES[violation.rule.value]
    others = "、".join(
        period.gathered.works[request].plan.number
        for request in violation.requests
        if period.gathered.works[request].plan.number != number
    )
    who = "" if violation.who is None else f" {violation.who}"
    return f"{zh}{who}（{others}） / {en}:{who} ({others})"


async def _revise(
    store: Store,
    gatherer: Gatherer,
    item: Mapping[str, Any],
    run_id: int,
    *,
    now: datetime,
    actor: str,
) -> Accepted:
    """The plan at its new time, by the way of every revision. Whoever was told is told by reconciling."""
    number, detail = item["number"], item["detail"]
    plan = await plans.find(store, number)
    async with store.read() as tx:
        present = await tx.plans.revision(plan.id, plan.revision)
    by = timedelta(minutes=detail["shift_minutes"])
    content = moving.moved(present.content, by, gatherer.zone)
    if way := detail.get("way"):
        content = _by_way(content, way)
    partners = "、".join(one["number"] for one in detail["merged_with"])
    note = f"平衡会 {run_id}" + (f"：与 {partners} 同停" if partners else "")
    try:
        revised = await plans.revise(store, number, content, note=note, now=now, actor=actor)
    except errors.Refusal as refusal:
        return Accepted(number=number, is_accepted=False, why=refusal.sentence)
    return Accepted(number=number, is_accepted=True, revision=revised.revision)


def _by_way(content: PlanContent, way: Mapping[str, Any]) -> PlanContent:
    """The content done in the way proposed: by its steps, or by the ledger's word where it has none."""
    if not way["steps"]:
        return moving.with_transfer(content, way["transferred"])
    return moving.by_steps(
        content,
        [Step(action=Action(step["action"]), switch=step["switch"]) for step in way["steps"]],
    )


def _lonely(
    kept: Mapping[str, Mapping[str, Any]], accepted: Collection[str]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for number in sorted(accepted):
        missing = tuple(
            one["number"]
            for one in kept[number]["detail"]["merged_with"]
            if kept[one["number"]]["detail"]["is_change"]
            and one["number"] not in accepted
            and kept[one["number"]]["decision"] != "accepted"
        )
        if missing:
            found[number] = missing
    return found
