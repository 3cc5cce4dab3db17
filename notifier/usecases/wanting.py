"""What the people of a plan should have been told by now, cell by cell; nothing is written."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.channel import Medium
from notifier.domain.cell import NOTHING, Cell, PlanFacts, Told
from notifier.domain.customer import REACH_BY_MEDIUM, Reach
from notifier.domain.impact import Group
from notifier.domain.joint import Voice
from notifier.domain.notice import Notice, Stage
from notifier.domain.plan import Plan, PlanContent
from notifier.domain.policy import Policy
from notifier.domain.required import required
from notifier.domain.wanted import Account, Decided, Wanted

#: Why these people hear nothing of a plan: another one tells them; its number stands behind a colon.
TOLD_WITH = "told_with"
_NO_VOICES: Mapping[int, Voice] = {}
_DENYING = frozenset({Stage.CANCELLED, Stage.REMOVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """All notices wanted, and every stage of which somebody hears nothing, with the reason."""

    wanted: tuple[Wanted, ...]
    skipped: tuple[Decided, ...]
    cells: Mapping[str, int]

    def next_after(self, moment: datetime) -> datetime | None:
        """When the first notice is due that is not due before ``moment``."""
        return min(
            (item.notice.due_at for item in self.wanted if item.notice.due_at > moment),
            default=None,
        )


def available(accounts: Mapping[Medium, Account]) -> Reach:
    """The media for which there is a channel."""
    reach = Reach.NONE
    for medium in accounts:
        reach |= REACH_BY_MEDIUM[medium]
    return reach


def want(
    plan: Plan,
    content: PlanContent,
    groups: Mapping[int, Group],
    ever: Iterable[Group],
    people: Mapping[int, Cell],
    policy: Policy,
    *,
    now: datetime,
    zone: ZoneInfo,
    voices: Mapping[int, Voice] = _NO_VOICES,
) -> Wants:
    """Applies ``required`` to every cell. ``people``: cell by packed traits; ``ever``: the groups of
    all revisions, which explain what somebody was told; ``voices``: by group, what is said for other
    plans too."""
    groups = {**groups, **{number: voice.group for number, voice in voices.items()}}
    facts = PlanFacts(
        number=plan.number,
        revision=plan.revision,
        kind=content.kind,
        state=plan.state,
        works=content.works,
        restored_at=plan.restored_at,
        joint_change=plan.joint_change,
    )
    told = {
        group.facts_key: Told(
            key=group.facts_key,
            impact_class=group.impact_class,
            windows=group.windows,
            place=group.place,
        )
        for group in ever
    }
    traits: dict[str, list[int]] = defaultdict(list)
    cells: dict[str, Cell] = {}
    numbers: dict[str, int] = defaultdict(int)
    for packed, cell in people.items():
        traits[cell.name].append(packed)
        cells[cell.name] = cell
        numbers[cell.name] += cell.people
    wanted: list[Wanted] = []
    skipped: list[Decided] = []
    for name, cell in sorted(cells.items()):
        if cell.told_with:
            skipped.append(
                Decided(
                    stage="",
                    cell=name,
                    verdict="skip",
                    reason=f"{TOLD_WITH}:{cell.told_with}",
                    people=numbers[name],
                )
            )
            continue
        voice = voices.get(cell.group or 0)
        said = facts if voice is None else replace(facts, works=voice.works)
        for item in required(said, groups, told, cell, policy, now, zone):
            if isinstance(item, Notice):
                wanted.append(
                    Wanted(
                        cell=name,
                        traits=tuple(traits[name]),
                        notice=item,
                        facts_key=_believed(item, groups, cell),
                        speaks_for=() if voice is None else voice.speaks_for,
                    )
                )
            else:
                skipped.append(
                    Decided(
                        stage=item.stage.value,
                        cell=name,
                        verdict="skip",
                        reason=item.reason,
                        people=numbers[name],
                    )
                )
    return Wants(wanted=tuple(wanted), skipped=tuple(skipped), cells=dict(numbers))


def _believed(notice: Notice, groups: Mapping[int, Group], cell: Cell) -> str:
    """What the recipient takes to be true after this notice."""
    if notice.stage in _DENYING or cell.group is None:
        return NOTHING
    return groups[cell.group].facts_key
