"""What was told is put right, and an outage is closed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from notifier.channel import Medium
from notifier.domain.cell import Skip, Told, to_come
from notifier.domain.customer import REACH_BY_MEDIUM, Audience, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Facts, Notice, Stage
from notifier.domain.policy import Rule
from notifier.domain.saying import Case, next_start, occasion_of
from notifier.domain.window import Window


def change(
    case: Case, group: Group, before: Told, media: Reach, *, follow: bool = True
) -> Iterator[Notice | Skip]:
    """What was told by these media is no longer so: it is moved, late, another kind of outage, or over
    for the day. ``follow``: other media follow when these fail.
    """
    early = before.ended_early(group, case.now)
    if early is not None:
        yield from _close_day(case, group, before, media, *early)
        return
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
            occasion=case.plan.occasion,
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


def _close_day(
    case: Case, group: Group, before: Told, media: Reach, said: Window, was: Window
) -> Iterator[Notice | Skip]:
    """Supply is back for today: told as any restoration, with the days to come. Paper names them
    rightly and hangs on."""
    if not media & ~Reach.POSTING:
        yield Skip(stage=Stage.RESTORED, reason="other_days_stand")
        return
    if said.ends_at - was.ends_at < case.policy.early:
        yield Skip(stage=Stage.RESTORED, reason="restored_as_announced")
        return
    facts = replace(
        case.facts(Stage.RESTORED, group, before),
        windows=to_come(group.windows, case.now),
        restored_at=was.ends_at,
    )
    yield from _restored(case, facts, was.ends_at + _NEWS, occasion_of(was))


#: So long it is worth telling that supply is back; a poster is taken down days later, too.
_NEWS = timedelta(hours=6)
_PAPER = timedelta(days=7)


def _restored(
    case: Case, facts: Facts, expires: datetime, occasion: str = ""
) -> Iterator[Notice | Skip]:
    rules = case.rules(Stage.RESTORED, facts.told_class or facts.impact_class)
    if not rules:
        yield Skip(stage=Stage.RESTORED, reason="policy.not_this_audience")
    for rule in rules:
        yield from case.chain(
            rule, facts, due=case.now, expires=expires, matters=expires, occasion=occasion
        )


def _called_off(case: Case, before: Told, restored: datetime) -> tuple[Window, ...]:
    """The windows that do not come any more. The seconds of the same day came with the restoration."""
    rest = tuple(window for window in before.windows if window.starts_at >= restored)
    if before.impact_class is not ImpactClass.SHORT:
        return rest
    today = restored.astimezone(case.zone).date()
    return tuple(w for w in rest if w.starts_at.astimezone(case.zone).date() > today)


def close(
    case: Case, group: Group | None, before: Told | None, media: Reach
) -> Iterator[Notice | Skip]:
    """Supply is back for good: told where it came early, and to whoever has a poster to take down.

    Where days were still to come, whoever hears of no restoration hears that those are off.
    """
    restored = case.plan.restored_at
    if before is None or restored is None:
        yield Skip(stage=Stage.RESTORED, reason="never_told")
        return
    promised = max(window.ends_at for window in before.windows)
    is_place = case.cell.audience is Audience.ENTRANCE
    if not is_place and promised - restored < case.policy.early:
        yield Skip(stage=Stage.RESTORED, reason="restored_as_announced")
        return
    rest = _called_off(case, before, restored)
    if rest and not case.rules(Stage.RESTORED, before.impact_class):
        off = replace(before, windows=rest)
        yield from correct(case, Stage.CANCELLED, None, off, media)
        return
    facts = case.facts(Stage.RESTORED, group, before)
    facts = replace(facts, windows=tuple(w for w in facts.windows if w.starts_at < restored))
    yield from _restored(case, facts, restored + (_PAPER if is_place else _NEWS))
