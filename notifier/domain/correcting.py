"""What was told is put right, and an outage is closed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from notifier.channel import Medium
from notifier.domain.cell import Skip, Told
from notifier.domain.customer import REACH_BY_MEDIUM, Audience, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Notice, Stage
from notifier.domain.policy import Rule
from notifier.domain.saying import Case, next_start


def change(
    case: Case, group: Group, before: Told, media: Reach, *, follow: bool = True
) -> Iterator[Notice | Skip]:
    """What was told by these media is no longer so: it is moved, late, or another kind of outage.

    ``follow``: other media follow when these fail.
    """
    stage = _kind_of_change(case, group, before)
    yield from correct(case, stage, group, before, media, follow=follow)


def correct(
    case: Case,
    stage: Stage,
    group: Group | None,
    before: Told,
    media: Reach,
    *,
    follow: bool = True,
) -> Iterator[Notice | Skip]:
    """Puts right what was told, by every medium that carried it; other media ``follow`` on failure."""
    facts = case.facts(stage, group, before)
    concerned = before.windows
    if group is not None and stage in (Stage.RESCHEDULED, Stage.LATE):
        concerned += group.windows
    matters = next_start(concerned, case.now)
    expires = max(window.ends_at for window in concerned)
    carried = [m for m in Medium if media & REACH_BY_MEDIUM[m]]
    chain = _media_of(case, stage, before.impact_class) if follow else ()
    for medium in carried:
        rest = tuple(other for other in chain if other not in carried)
        yield from case.chain(
            Rule(stage=stage, media=(medium, *rest), track=medium.value),
            facts,
            occasion=f"r{case.plan.revision}",
            due=case.now,
            expires=expires,
            matters=matters,
        )
    if not carried:
        yield Skip(stage=stage, reason="never_told")


def _kind_of_change(case: Case, group: Group, before: Told) -> Stage:
    """LATE where an outage that has begun goes on for longer than was said; what is moved to
    another time, or turns from hours into seconds, is rescheduled."""
    now = case.now
    both_out = before.impact_class is ImpactClass.OUT and group.impact_class is ImpactClass.OUT
    overrun = any(
        said.starts_at <= now
        and present.starts_at <= now
        and said.overlaps(present)
        and present.ends_at > max(said.ends_at, now)
        for said in before.windows
        for present in group.windows
    )
    return Stage.LATE if both_out and overrun else Stage.RESCHEDULED


def _media_of(case: Case, stage: Stage, impact_class: ImpactClass) -> tuple[Medium, ...]:
    """The chain the policy gives for this correction, or else for the advance notice."""
    for wanted in (stage, Stage.ADVANCE):
        for rule in case.rules(wanted, impact_class):
            return rule.media
    return ()


def close(case: Case, group: Group | None, before: Told | None) -> Iterator[Notice | Skip]:
    """Supply is back: told where it came early, and to whoever has a poster to take down."""
    restored = case.plan.restored_at
    if before is None or restored is None:
        yield Skip(stage=Stage.RESTORED, reason="never_told")
        return
    promised = max(window.ends_at for window in before.windows)
    is_place = case.cell.audience is Audience.ENTRANCE
    if not is_place and promised - restored < case.policy.early:
        yield Skip(stage=Stage.RESTORED, reason="restored_as_announced")
        return
    facts = case.facts(Stage.RESTORED, group, before)
    rules = case.rules(Stage.RESTORED, before.impact_class)
    if not rules:
        yield Skip(stage=Stage.RESTORED, reason="policy.not_this_audience")
    for rule in rules:
        expires = restored + (timedelta(days=7) if is_place else timedelta(hours=6))
        yield from case.chain(rule, facts, due=case.now, expires=expires, matters=expires)
