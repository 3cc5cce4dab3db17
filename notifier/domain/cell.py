"""Recipients who must all hear the same, and what was said to them before.

A plan has a handful of cells however many people it touches, so the store applies one decision to a
million rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.customer import Audience, Need, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.window import Window

#: Before the digest of a joint group, in the name of a cell.
_JOINT = "+"
#: The facts of somebody who was told that nothing will happen after all.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What ``required`` needs of a plan: its present revision. Times are aware UTC.

    ``joint_change`` counts what happened to the plans it shares its outage with: what is put right then
    is another occasion, though the revision is the same.
    """

    number: str
    revision: int
    kind: PlanKind
    state: PlanState
    works: str
    restored_at: datetime | None = None
    joint_change: int = 0

    @property
    def occasion(self) -> str:
        """Tells what is put right at one time from what is at another."""
        return f"r{self.revision}" + (f".{self.joint_change}" if self.joint_change else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a notice said that was sent before, under its ``facts_key``: class, windows, place."""

    key: str
    impact_class: ImpactClass
    windows: tuple[Window, ...]
    place: str = ""

    def is_over(self, now: datetime) -> bool:
        """Whether nothing of it is still to come."""
        return all(window.ends_at <= now for window in self.windows)

    def holds(self, group: Group, now: datetime) -> bool:
        """Whether it is still true as far as it matters: what is over by both needs no correction."""
        said, present = to_come(self.windows, now), to_come(group.windows, now)
        return said == present and (not said or self.impact_class is group.impact_class)

    def ended_early(self, group: Group, now: datetime) -> tuple[Window, Window] | None:
        """A window as it was said and as it was, where that is all the difference: supply came back
        before its time, and the days to come stand. Spans of seconds come earlier as a whole."""
        said, present = to_come(self.windows, now), to_come(group.windows, now)
        gone = [window for window in said if window not in present]
        past = sorted(w for w in group.windows if w.ends_at <= now and w not in self.windows)
        if not gone or not set(present) <= set(said) or self.impact_class is not group.impact_class:
            return None
        moves = self.impact_class is ImpactClass.SHORT
        pairs = list(zip(gone, past, strict=False))
        if len(gone) != len(past) or not all(_is_early(*pair, moves=moves) for pair in pairs):
            return None
        return pairs[-1]


def _is_early(said: Window, was: Window, *, moves: bool) -> bool:
    early_by = said.starts_at - was.starts_at
    return timedelta() <= early_by < timedelta(days=1) if moves else not early_by


def to_come(windows: tuple[Window, ...], now: datetime) -> tuple[Window, ...]:
    """The windows that are not over, in order."""
    return tuple(sorted(window for window in windows if window.ends_at > now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Recipients who must all hear the same. ``group`` is None for those no longer affected;
    ``told`` is the key of the last notice that reached them (None: never any), ``told_media``
    the media that carried it; ``tried``: the key of the last notice that was tried where none ever
    reached them; ``paper``: the key of what hangs on their door where it says something else than they
    were told last. ``unsure``: nobody answered for what they were told last, so the next medium's turn
    has come. ``denied``: the last revision of which they heard that it does not concern them, 0 for
    none; what is announced to them since is another announcement. ``joint``: the digest of what they
    are told for several plans at once; ``told_with``: the number of the plan that tells them in place
    of this one (``domain/joint.py``)."""

    group: int | None
    told: str | None
    told_media: Reach
    audience: Audience
    need: Need
    locale: str
    reach: Reach
    people: int = 0
    tried: str | None = None
    paper: str | None = None
    unsure: bool = False
    denied: int = 0
    joint: str = ""
    told_with: str = ""

    @property
    def name(self) -> str:
        """The cell in words that stay the same from one run to the next."""
        group = "-" if self.group is None else str(self.group)
        if self.joint:
            group = _JOINT + self.joint
        with_whom = f"|{self.told_with}" if self.told_with else ""
        told = f"{self.told or '-'}{f'@{self.denied}' if self.denied else ''}"
        return (
            f"{group}|{told}{'?' if self.unsure else ''}|{int(self.told_media)}|{self.audience.value}|"
            f"{int(self.need)}|{self.locale}|{int(self.reach)}|{self.tried or '-'}|"
            f"{self.paper or '-'}{with_whom}"
        )

    @classmethod
    def named(cls, name: str, people: int = 0) -> "Cell":
        """The inverse of ``name``, but that a joint group has no number in it."""
        group, told, media, audience, need, locale, reach, tried, paper, *rest = name.split("|", 9)
        is_joint = group.startswith(_JOINT)
        key, _, denied = told.removesuffix("?").partition("@")
        return cls(
            group=None if group == "-" or is_joint else int(group),
            told=None if key == "-" else key,
            told_media=Reach(int(media)),
            audience=Audience(audience),
            need=Need(int(need)),
            locale=locale,
            reach=Reach(int(reach)),
            people=people,
            tried=None if tried == "-" else tried,
            paper=None if paper == "-" else paper,
            unsure=told.endswith("?"),
            denied=int(denied or 0),
            joint=group.removeprefix(_JOINT) if is_joint else "",
            told_with="".join(rest),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A stage of which a cell hears nothing, and why, as a stable code."""

    stage: Stage
    reason: str
