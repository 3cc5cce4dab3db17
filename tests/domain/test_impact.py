"""What a person has to know has one key, whatever it is written in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.impact import Group, ImpactClass, facts_key
from notifier.domain.window import Window

BASE = datetime(2026, 3, 5, tzinfo=UTC)
MORNING = Window(BASE, BASE + timedelta(hours=4))
EVENING = Window(BASE + timedelta(hours=10), BASE + timedelta(hours=12))


def test_class_and_windows_are_what_a_person_plans_by() -> None:
    """Another class or another time is news; order and zone are not, nor is the name of the place."""
    key = facts_key(ImpactClass.OUT, (MORNING, EVENING))
    zone = ZoneInfo("Asia/Shanghai")
    there = Window(MORNING.starts_at.astimezone(zone), MORNING.ends_at.astimezone(zone))

    assert facts_key(ImpactClass.OUT, (EVENING, there)) == key
    assert facts_key(ImpactClass.SHORT, (MORNING, EVENING)) != key
    assert facts_key(ImpactClass.OUT, (MORNING,)) != key
    assert {
        Group(
            number=number, impact_class=ImpactClass.OUT, windows=(MORNING, EVENING), place=place
        ).facts_key
        for number, place in ((1, "东一线"), (2, "西一线"))
    } == {key}


def test_a_second_more_is_another_time() -> None:
    """Keys are as fine as the seconds of a transfer."""
    longer = Window(MORNING.starts_at, MORNING.ends_at + timedelta(seconds=1))

    assert facts_key(ImpactClass.SHORT, (longer,)) != facts_key(ImpactClass.SHORT, (MORNING,))
