"""Notices: what is to be said, at which stage, to which kind of recipient, by when.

``required`` (in ``notifier.domain.required``) is the pure function that yields them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from notifier.channel import Medium
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import KEEPS_SUPPLY, ImpactClass
from notifier.domain.window import Window


class Stage(StrEnum):
    """The stages of telling.

    ADVANCE, REMINDER and STARTED are for what is to come; RESCHEDULED, REMOVED, CANCELLED and LATE
    put right what somebody was told; RESTORED closes.
    """

    ADVANCE = "advance"
    REMINDER = "reminder"
    STARTED = "started"
    RESCHEDULED = "rescheduled"
    REMOVED = "removed"
    CANCELLED = "cancelled"
    LATE = "late"
    RESTORED = "restored"


#: Stages that correct; they go to exactly those who were told, by the media that carried it.
CORRECTIONS = frozenset({Stage.RESCHEDULED, Stage.REMOVED, Stage.CANCELLED, Stage.LATE})


class Wording(StrEnum):
    """Which words are used: a customer who is out for hours, one who is out for seconds and one whose
    supply stays on need different ones. The folder below ``templates/messages``."""

    ADVANCE = "advance"
    REMINDER = "reminder"
    STARTED = "started"
    RESCHEDULED = "rescheduled"
    REMOVED = "removed"
    CANCELLED = "cancelled"
    LATE = "late"
    RESTORED = "restored"
    RESTORED_TODAY = "restored_today"
    RESTORED_FOR_GOOD = "restored_for_good"
    SHORT_ADVANCE = "short_advance"
    SHORT_REMINDER = "short_reminder"
    SHORT_RESCHEDULED = "short_rescheduled"
    LIVE_ADVANCE = "live_advance"


def wording_of(stage: Stage, impact_class: ImpactClass) -> Wording:
    """The wording for a stage and a class; corrections that name no new time serve both classes."""
    if impact_class is ImpactClass.SHORT:
        return _SHORT_WORDING.get(stage, Wording(stage.value))
    if impact_class in KEEPS_SUPPLY and stage in _SHORT_WORDING:
        return Wording.LIVE_ADVANCE
    return Wording(stage.value)


_SHORT_WORDING = {
    Stage.ADVANCE: Wording.SHORT_ADVANCE,
    Stage.REMINDER: Wording.SHORT_REMINDER,
    Stage.RESCHEDULED: Wording.SHORT_RESCHEDULED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a message may say, the same for everybody it goes to.

    ``windows`` hold now, ``told_windows`` and ``told_class`` what was said before (corrections only).
    ``of_day`` are those of them that a reminder names, where others follow on later days; empty: all.
    Whoever hears it goes on believing in ``windows``, and paper, which hangs, names them all.
    ``where`` names the lines and transformer areas; ``works`` why. Times are aware.
    """

    number: str
    stage: Stage
    impact_class: ImpactClass
    windows: tuple[Window, ...]
    told_windows: tuple[Window, ...] = ()
    audience: Audience
    need: Need
    where: str
    works: str
    revision: int
    restored_at: datetime | None = None
    told_class: ImpactClass | None = None
    of_day: tuple[Window, ...] = ()

    @property
    def later(self) -> tuple[Window, ...]:
        """The windows of later days than the one that is spoken of, in order."""
        if not self.of_day:
            return ()
        last = max(window.starts_at for window in self.of_day)
        return tuple(sorted(window for window in self.windows if window.starts_at > last))

    @property
    def wording(self) -> Wording:
        """The words for it: a restoration says what becomes of the days that were to come."""
        restored = self.restored_at
        if self.stage is Stage.RESTORED and restored is not None:
            if any(window.starts_at >= restored for window in self.windows):
                return Wording.RESTORED_TODAY
            if any(window.starts_at >= restored for window in self.told_windows):
                return Wording.RESTORED_FOR_GOOD
        return wording_of(self.stage, self.impact_class)

    @property
    def is_of_seconds(self) -> bool:
        """Whether nothing but seconds without supply is spoken of, now and before."""
        return self.impact_class is ImpactClass.SHORT and self.told_class in (
            None,
            ImpactClass.SHORT,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be said to one kind of recipient over one medium.

    ``occasion`` tells occurrences of a stage apart: a reminder has one a window, a correction one a
    revision. ``rung`` is the place in the chain of media, from 0. It goes out at ``due_at`` or after,
    never at ``expires_at`` or later; ``matters_at`` is when it is too late to act on it, ``give_up_at``
    when the next medium must be tried (None: there is none). ``confirm``: without a receipt it counts as
    failed. ``unless_told_since``: not for those whom another notice has told since then, however late
    this one is looked at again. Times are aware UTC.
    """

    stage: Stage
    occasion: str
    rung: int
    medium: Medium
    locale: str
    facts: Facts
    due_at: datetime
    expires_at: datetime
    matters_at: datetime
    give_up_at: datetime | None = None
    confirm: bool = False
    ignores_quiet_hours: bool = False
    unless_told_since: datetime | None = None
    reason: str = field(default="", compare=False)

    @property
    def template(self) -> str:
        """The template's name, ``advance.sms.zh``; ``templates/messages/advance/sms.zh.txt.j2``."""
        return f"{self.facts.wording.value}.{self.medium.value}.{self.locale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom a message is for: their own name, where known, and for how many accounts they hear it."""

    name: str = ""
    accounts: int = 1
