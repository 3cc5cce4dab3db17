"""What people should have been told: a pure function of plan revision, impact, policy and time.

Recipients are decided by the *cell* (``domain/cell.py``): everybody with the same impact group, the same
traits and the same last notice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain import correcting
from notifier.domain.cell import NOTHING, Cell, PlanFacts, Skip, Told
from notifier.domain.customer import Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Notice, Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy, Rule
from notifier.domain.saying import Case, next_start, occasion_of
from notifier.domain.window import Window

#: The moments of a transfer: over, and back.
_THERE_AND_BACK = 2


def required(
    plan: PlanFacts,
    groups: Mapping[int, Group],
    told: Mapping[str, Told],
    cell: Cell,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Notice | Skip]:
    """Every notice the people of one cell should get from now on, and every stage they should not.

    ``told`` explains the keys of earlier notices. A notice of rung 0 is wanted at once, one of a
    higher rung only for those whom the rung below failed to reach.

    A message is put right by the next one, whatever carries it. Paper hangs until paper replaces it:
    where it says something else than the last message, it is judged and corrected for itself.
    """
    case = Case(plan=plan, cell=cell, policy=policy, now=now, zone=zone)
    group = groups.get(cell.group) if cell.group is not None else None
    before = told.get(cell.told) if cell.told not in (None, NOTHING) else None
    paper = told.get(cell.paper) if cell.paper not in (None, NOTHING) else None
    media = cell.told_media if cell.paper is None else cell.told_media & ~Reach.POSTING
    if plan.state is PlanState.DONE:
        yield from correcting.close(case, group, before, media)
        return
    spared = "" if group is None else _spared(case, group, before)
    if plan.state is PlanState.CANCELLED or group is None or spared:
        yield from _release(case, before, paper, media, spared)
        return
    said = Reach.NONE if before is None else media
    yield from _announcement(case, group, said | (Reach.POSTING if paper else Reach.NONE), before)
    if before is not None and not before.holds(group, now):
        yield from correcting.change(case, group, before, media)
    if paper is not None and not paper.holds(group, now):
        yield from correcting.change(case, group, paper, Reach.POSTING, follow=False)
    yield from _reminders(case, group, before)


def _spared(case: Case, group: Group, before: Told | None) -> str:
    told = None if before is None else before.impact_class
    cell = case.cell
    return case.policy.spares(case.plan.kind, group, told, cell.audience, cell.need, case.zone)


def _release(
    case: Case, before: Told | None, paper: Told | None, media: Reach, spared: str
) -> Iterator[Notice | Skip]:
    """Nothing will happen to these people, or nothing they have to hear of."""
    stage = Stage.CANCELLED if case.plan.state is PlanState.CANCELLED else Stage.REMOVED
    if before is None and spared and stage is Stage.REMOVED:
        yield Skip(stage=Stage.ADVANCE, reason=spared)
    elif before is None:
        yield Skip(stage=stage, reason="never_told")
    elif before.is_over(case.now):
        yield Skip(stage=stage, reason="outage_over")
    else:
        yield from correcting.correct(case, stage, None, before, media)
    if paper is not None and not paper.is_over(case.now):
        yield from correcting.correct(case, stage, None, paper, Reach.POSTING, follow=False)


def _announcement(
    case: Case, group: Group, said: Reach, before: Told | None
) -> Iterator[Notice | Skip]:
    """The advance notice; one that became due late is sent at once.

    A rule by whose kind of media they were told (``said``) has been served, but for the higher rungs
    where a confirmation is wanted, or nobody answered for the message: for those who may have read what
    holds. One after a release is an occasion of its own, the same before it is told and after.
    """
    now = case.now
    start = next_start(group.windows, now)
    unplanned = case.plan.kind is PlanKind.UNPLANNED
    expires = max(w.ends_at if unplanned else w.starts_at for w in group.windows)
    denied = case.cell.denied
    occasion = f"r{denied}" if denied else ""
    if expires <= now:
        if before is None:
            yield from _started(case, group, occasion)
        elif case.cell.unsure and before.holds(group, now):
            started = _started(case, group, occasion)
            yield from (item for item in started if isinstance(item, Notice) and item.rung > 0)
        return
    rules = case.rules(Stage.ADVANCE, group.impact_class)
    facts = case.facts(Stage.ADVANCE, group, None)
    for rule in rules:
        is_said = _is_said(rule, said)
        if is_said and before is not None and not before.holds(group, now):
            continue
        due = now if rule.lead is None else start - rule.lead
        for item in case.chain(
            rule, facts, due=due, expires=expires, matters=start, occasion=occasion
        ):
            is_next = isinstance(item, Notice) and item.rung > 0
            if not is_said or (is_next and (rule.confirm or case.cell.unsure)):
                yield item
    if not rules and before is None:
        yield Skip(stage=Stage.ADVANCE, reason="policy.not_this_audience")


def _is_said(rule: Rule, said: Reach) -> bool:
    """Whether people were told by paper where the rule wants paper, by a message where it wants one."""
    wants_paper = Medium.POSTING in rule.media
    wants_message = any(medium is not Medium.POSTING for medium in rule.media)
    return bool((wants_paper and said & Reach.POSTING) or (wants_message and said & ~Reach.POSTING))


def _started(case: Case, group: Group, occasion: str) -> Iterator[Notice | Skip]:
    """Too late for an advance notice: whoever sits in the dark unannounced hears until when, as long
    as it is worth knowing."""
    until = max(window.ends_at for window in group.windows)
    rules = case.rules(Stage.STARTED, group.impact_class)
    if not rules or until - case.now < case.policy.early:
        yield Skip(stage=Stage.ADVANCE, reason="outage_begun")
        return
    facts = case.facts(Stage.STARTED, group, None)
    for rule in rules:
        yield from case.chain(
            rule, facts, due=case.now, expires=until, matters=until, occasion=occasion
        )


def _reminders(case: Case, group: Group, before: Told | None) -> Iterator[Notice | Skip]:
    """A reminder of each local day, due before its first window, unless another notice says it just
    then."""
    now, policy = case.now, case.policy
    rules = case.rules(Stage.REMINDER, group.impact_class)
    if not rules:
        yield Skip(stage=Stage.REMINDER, reason="policy.not_this_audience")
        return
    first = _first_due(case, group)
    corrected = (
        before is not None
        and not before.holds(group, now)
        and before.ended_early(group, now) is None
    )
    for day in _days(group.windows, case.zone):
        window = day[0]
        if window.starts_at <= now:  # a day that has begun needs no reminder of its afternoon
            yield Skip(stage=Stage.REMINDER, reason="outage_begun")
            continue
        facts = case.facts(Stage.REMINDER, group, None)
        facts = replace(facts, of_day=_spoken_of(day, group))
        for rule in rules:
            due = now if rule.lead is None else window.starts_at - rule.lead
            waits = before is None and case.cell.tried != group.facts_key and first is not None
            if waits and first is not None and first > due - policy.min_gap:
                yield Skip(stage=Stage.REMINDER, reason="advance_serves")
                continue
            if corrected and now > due - policy.min_gap:
                yield Skip(stage=Stage.REMINDER, reason="correction_serves")
                continue
            yield from case.chain(
                rule,
                facts,
                due=due,
                expires=window.starts_at,
                matters=window.starts_at,
                occasion=occasion_of(window),
                gap=policy.min_gap,
            )


def _days(windows: tuple[Window, ...], zone: ZoneInfo) -> list[tuple[Window, ...]]:
    """The windows that start on each local day, in order."""
    days: dict[date, list[Window]] = {}
    for window in sorted(windows):
        days.setdefault(window.starts_at.astimezone(zone).date(), []).append(window)
    return [tuple(day) for day in days.values()]


def _spoken_of(day: tuple[Window, ...], group: Group) -> tuple[Window, ...]:
    """What the reminder of this day names, empty where that is all there is: a transfer at night and
    the transfer back in the morning are one thing."""
    rest = tuple(sorted(window for window in group.windows if window >= day[0]))
    is_pair = group.impact_class is ImpactClass.SHORT and len(rest) <= _THERE_AND_BACK
    spoken = rest if is_pair else day
    return () if set(spoken) == set(group.windows) else spoken


def _first_due(case: Case, group: Group) -> datetime | None:
    """When the advance notice goes out, or went out; None where the policy has none for them."""
    start = next_start(group.windows, case.now)
    for rule in case.rules(Stage.ADVANCE, group.impact_class):
        return max(case.now, case.now if rule.lead is None else start - rule.lead)
    return None
