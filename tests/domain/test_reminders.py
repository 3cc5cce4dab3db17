"""Reminders of plans of several days: each speaks of its day, and denies none of the others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.cell import Cell
from notifier.domain.customer import Audience, Need, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import CORRECTIONS, Notice, Stage
from notifier.domain.plan import Plan, PlanContent, PlanKind, PlanState
from notifier.domain.window import Window
from notifier.intake.policies import read_policy
from notifier.usecases import wanting

ZONE = ZoneInfo("Asia/Shanghai")
POLICIES = [read_policy("cn"), read_policy("gb")]


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZONE)


def hours(day: int, starts: int = 8, ends: int = 17) -> Window:
    return Window(at(day, starts), at(day, ends))


def group(*windows: Window, impact_class: ImpactClass = ImpactClass.OUT) -> Group:
    return Group(number=1, impact_class=impact_class, windows=windows, place="东一线")


def person(audience: Audience = Audience.ORDINARY, told: str | None = None) -> Cell:
    return Cell(
        group=1,
        told=told,
        told_media=Reach.NONE if told is None else Reach.SMS,
        audience=audience,
        need=Need.NONE,
        locale="zh",
        reach=Reach.SMS,
        people=1,
    )


def wanted(
    present: Group, cell: Cell, now: datetime, *, policy: int = 0, kind: PlanKind = PlanKind.PLANNED
) -> Sequence[wanting.Wanted]:
    plan = Plan(
        id=1,
        number="P1",
        kind=kind,
        department="",
        state=PlanState.APPROVED,
        revision=1,
        settled_revision=1,
        starts_at=None,
        ends_at=None,
        restored_at=None,
        created_at=now,
        submitted_by="wang",
    )
    content = PlanContent(number="P1", kind=kind, windows=present.windows)
    return wanting.want(
        plan, content, {1: present}, [present], {1: cell}, POLICIES[policy], now=now, zone=ZONE
    ).wanted


def reminders(present: Group, now: datetime, **more: int) -> list[Notice]:
    notices = [item.notice for item in wanted(present, person(told=present.facts_key), now, **more)]
    return [notice for notice in notices if notice.stage is Stage.REMINDER]


def test_a_reminder_names_the_windows_of_its_day() -> None:
    """All of them, and none of another day; the last has nothing to come after it."""
    first, second, third = (hours(3, 8, 12), hours(3, 14, 17)), (hours(4),), (hours(5, 9, 11),)
    present = group(*first, *second, *third)

    said = reminders(present, at(1, 9))

    assert [notice.facts.of_day for notice in said] == [first, second, third]
    assert [notice.facts.later for notice in said] == [(*second, *third), third, ()]
    assert {notice.facts.windows for notice in said} == {present.windows}


def test_a_plan_of_one_day_is_spoken_of_as_a_whole() -> None:
    """There is nothing else to say that follows."""
    (said,) = reminders(group(hours(3, 8, 12), hours(3, 14, 17)), at(1, 9))

    assert said.facts.of_day == ()
    assert said.facts.later == ()


def test_a_transfer_and_the_transfer_back_are_reminded_of_together() -> None:
    """The evening before both are named; in the morning only the one that is left."""
    over, back = Window(at(3, 22), at(3, 23)), Window(at(4, 9), at(4, 10))

    evening, morning = reminders(group(over, back, impact_class=ImpactClass.SHORT), at(1, 9))

    assert evening.facts.of_day == ()
    assert morning.facts.of_day == (back,)


def test_a_day_at_the_end_of_a_window_over_midnight_is_its_own() -> None:
    """A window belongs to the day on which it starts, where people live."""
    night, afternoon = Window(at(3, 22), at(4, 6)), hours(4, 14, 17)

    said = reminders(group(night, afternoon), at(1, 9))

    assert [notice.facts.of_day for notice in said] == [(night,), (afternoon,)]


WINDOWS = st.lists(
    st.builds(
        lambda start, length: Window(
            datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=start),
            datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=start + length),
        ),
        st.integers(0, 24 * 9),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=6,
    unique=True,
).map(lambda windows: tuple(sorted(windows)))


@settings(max_examples=100, deadline=None)
@given(
    windows=WINDOWS,
    impact_class=st.sampled_from([ImpactClass.OUT, ImpactClass.SHORT, ImpactClass.UNKNOWN]),
    audience=st.sampled_from([Audience.ORDINARY, Audience.CRITICAL, Audience.LIFE_SUPPORT]),
    policy=st.sampled_from(range(len(POLICIES))),
    kind=st.sampled_from(list(PlanKind)),
    data=st.data(),
)
def test_nothing_is_put_right_while_the_plan_stands(
    windows: tuple[Window, ...],
    impact_class: ImpactClass,
    audience: Audience,
    policy: int,
    kind: PlanKind,
    data: st.DataObject,
) -> None:
    """Whichever of the notices reach somebody, in whatever order: what they take to be true is the
    whole plan, so no day of it is ever taken back, moved or announced again."""
    present = group(*windows, impact_class=impact_class)
    now = windows[0].starts_at - timedelta(days=data.draw(st.integers(0, 20)))
    cell = person(audience)

    while now < windows[-1].ends_at:
        items = wanted(present, cell, now, policy=policy, kind=kind)
        assert not CORRECTIONS & {item.notice.stage for item in items}
        if cell.told is not None:
            fresh = [i.notice for i in items if i.notice.stage is Stage.ADVANCE]
            assert all(notice.rung > 0 for notice in fresh)
        following = sorted((i.notice.due_at, n) for n, i in enumerate(items))
        if not following:
            break
        chosen = items[following[data.draw(st.integers(0, len(following) - 1))][1]]
        now = max(now + timedelta(hours=3), chosen.notice.due_at)
        cell = replace(cell, told=chosen.facts_key, told_media=Reach.SMS)
        facts = chosen.notice.facts
        if facts.stage is Stage.REMINDER:
            spoken = facts.of_day or facts.windows
            day = spoken[0].starts_at.astimezone(ZONE).date()
            assert set(spoken) <= set(windows)
            assert {w for w in windows if w.starts_at.astimezone(ZONE).date() == day} <= set(spoken)
    assert cell.told in (None, present.facts_key)
