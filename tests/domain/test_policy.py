"""When a notice goes out: never at night without a reason, never too late, never in the past."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notifier.channel import Medium
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import CORRECTIONS, Stage
from notifier.domain.plan import PlanKind
from notifier.domain.policy import Policy, QuietHours, Rule
from notifier.intake.policies import read_policy, read_policy_file

SHANGHAI = ZoneInfo("Asia/Shanghai")
LONDON = ZoneInfo("Europe/London")
ZONES = st.sampled_from([SHANGHAI, LONDON, ZoneInfo("America/New_York"), ZoneInfo("UTC")])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC)
)
HALF_HOURS = st.integers(0, 47).map(lambda n: time(n // 2, n % 2 * 30))


def policy(
    starts: time = time(21), ends: time = time(8), *, margin: int = 10, head_start: int = 2
) -> Policy:
    """Nothing but quiet hours for SMS; ``margin`` and ``head_start`` in hours."""
    return Policy(
        name="p",
        version="1",
        jurisdiction="nowhere",
        rules=(),
        legal_lead={PlanKind.PLANNED: timedelta(days=7)},
        quiet=QuietHours(
            starts=starts,
            ends=ends,
            media=frozenset({Medium.SMS}),
            margin=timedelta(hours=margin),
            head_start=timedelta(hours=head_start),
        ),
    )


def settled(
    made: Policy,
    due: datetime,
    *,
    now: datetime,
    latest: datetime,
    zone: ZoneInfo = SHANGHAI,
    stage: Stage = Stage.ADVANCE,
    medium: Medium = Medium.SMS,
    legal: datetime | None = None,
) -> tuple[datetime, str]:
    return made.settle(
        due, now=now, latest=latest, medium=medium, stage=stage, zone=zone, legal=legal
    )


def local(day: int, hour: int, minute: int = 0, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=zone)


@given(
    due=MOMENTS,
    wait=st.integers(-72, 72),
    ahead=st.integers(0, 400),
    starts=HALF_HOURS,
    ends=HALF_HOURS,
    head_start=st.integers(0, 3),
    zone=ZONES,
    stage=st.sampled_from(list(Stage)),
)
def test_a_notice_goes_out_in_quiet_hours_only_where_waiting_would_make_it_late(
    due: datetime,
    wait: int,
    ahead: int,
    starts: time,
    ends: time,
    head_start: int,
    zone: ZoneInfo,
    stage: Stage,
) -> None:
    """Whatever the zone and the hours: not in the past, not late because it waited, and at night only
    when it says so."""
    length = (ends.hour * 60 + ends.minute - starts.hour * 60 - starts.minute) % 1440
    assume(0 < length <= 12 * 60)
    made = policy(starts, ends, head_start=head_start)
    now = due - timedelta(hours=wait)
    latest = max(due, now) + timedelta(hours=ahead)

    at, why = settled(made, due, now=now, latest=latest, zone=zone, stage=stage)

    assert made.quiet is not None
    assert at >= now
    assert why == "quiet_hours.overridden" or not made.quiet.cover(at, zone)
    assert at <= latest
    if why == "quiet_hours.earlier":
        assert at < max(due, now)
        assert stage not in CORRECTIONS
    elif why == "quiet_hours.later":
        assert at > max(due, now)
    else:
        assert at == max(due, now)


@given(due=MOMENTS, lead=st.integers(0, 30), zone=ZONES)
def test_the_legal_time_is_kept_whenever_it_still_can_be(
    due: datetime, lead: int, zone: ZoneInfo
) -> None:
    """Quiet hours never push a notice past the time the law sets, however far off the outage is."""
    legal = due + timedelta(hours=lead)

    at, _ = settled(
        policy(), due, now=due, latest=legal + timedelta(days=7), zone=zone, legal=legal
    )

    assert at <= legal


def test_what_falls_into_the_night_goes_out_on_the_evening_before() -> None:
    """With a head start, so that a large send is over when the quiet hours begin."""
    at, why = settled(policy(), local(12, 2), now=local(10, 9), latest=local(19, 8))

    assert (at, why) == (local(11, 19), "quiet_hours.earlier")


def test_a_correction_never_moves_to_the_evening_before_it_was_known() -> None:
    """It waits for the morning, or leaves at once where the morning would be too late."""
    morning = settled(
        policy(), local(12, 2), now=local(12, 2), latest=local(19, 8), stage=Stage.CANCELLED
    )
    at_once = settled(
        policy(), local(12, 2), now=local(12, 2), latest=local(12, 9), stage=Stage.CANCELLED
    )

    assert morning == (local(12, 8), "quiet_hours.later")
    assert at_once == (local(12, 2), "quiet_hours.overridden")


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [((12, 59), False), ((13, 0), True), ((14, 29), True), ((14, 30), False), ((2, 0), False)],
)
def test_quiet_hours_need_not_span_midnight(at: tuple[int, int], is_quiet: bool) -> None:
    """A siesta: from its first minute to the minute before its last."""
    quiet = policy(time(13), time(14, 30)).quiet
    assert quiet is not None

    assert quiet.cover(local(12, *at), SHANGHAI) is is_quiet


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        # 2026-03-29: 01:00 GMT becomes 02:00 BST. 2026-10-25: 02:00 BST becomes 01:00 GMT.
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 7, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 8, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_night_in_which_the_clocks_change_ends_at_eight_by_the_new_time(
    night: datetime, expected: datetime
) -> None:
    """Eight o'clock is eight o'clock on the wall."""
    at, why = settled(
        policy(),
        night,
        now=night,
        latest=night + timedelta(days=3),
        zone=LONDON,
        stage=Stage.RESCHEDULED,
    )

    assert (at, why) == (expected, "quiet_hours.later")


def test_other_media_know_no_night() -> None:
    """A poster wakes nobody."""
    at, why = settled(
        policy(), local(12, 2), now=local(10, 9), latest=local(19, 8), medium=Medium.POSTING
    )

    assert (at, why) == (local(12, 2), "")


def test_of_one_track_the_first_rule_that_fits_applies_and_all_tracks_do() -> None:
    """So a rule for some stands before the rule for all."""
    critical = Rule(
        stage=Stage.ADVANCE, media=(Medium.SMS,), audiences=frozenset({Audience.CRITICAL})
    )
    everybody = Rule(stage=Stage.ADVANCE, media=(Medium.PUSH,))
    paper = Rule(stage=Stage.ADVANCE, media=(Medium.POSTING,), track="paper")
    made = Policy(
        name="p",
        version="1",
        jurisdiction="",
        rules=(critical, everybody, paper),
        legal_lead={},
    )

    def rules(audience: Audience) -> list[Rule]:
        return list(
            made.rules_for(Stage.ADVANCE, PlanKind.PLANNED, ImpactClass.OUT, audience, Need.NONE)
        )

    assert rules(Audience.CRITICAL) == [critical, paper]
    assert rules(Audience.ORDINARY) == [everybody, paper]


@pytest.mark.parametrize("name", ["cn", "gb"])
@pytest.mark.parametrize("audience", list(Audience))
def test_the_shipped_policies_announce_before_the_legal_time(name: str, audience: Audience) -> None:
    """With a night in between: the quiet hours only ever move it earlier."""
    made = read_policy(name)

    for kind in (PlanKind.PLANNED, PlanKind.SHORT_NOTICE, PlanKind.SHORT_TRANSFER):
        for rule in made.rules_for(Stage.ADVANCE, kind, ImpactClass.OUT, audience, Need.NONE):
            assert rule.lead is not None
            assert rule.lead >= made.legal_lead[kind]


# --- The guide ------------------------------------------------------------------------------------

GUIDE = Path(__file__).parents[2] / "docs" / "policy.md"


def _tables() -> list[list[list[str]]]:
    """The cells of every row, a table each."""
    found = re.findall(r"^\| ---.*\n((?:\|.*\n)+)", GUIDE.read_text("utf-8"), re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        for table in found
    ]


def _flat(raw: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key != "rules":
            yield prefix + key, ", ".join(value) if isinstance(value, list) else str(value)


def _ruled(rule: Mapping[str, Any]) -> list[str]:
    kinds = ", ".join(rule.get("kinds", ())) or "all"
    if "classes" in rule:
        kinds += f" ({', '.join(rule['classes'])})"
    marks = [name for name in ("confirm", "ignores_quiet_hours") if rule.get(name)]
    return [
        rule["stage"],
        kinds,
        ", ".join(rule.get("audiences", ())) or "everybody else",
        rule.get("lead", "at once"),
        " → ".join(rule["media"]),
        ", ".join(marks) or "—",
    ]


def test_the_guide_names_every_setting_with_its_value_and_its_source() -> None:
    """In both policies that ship."""
    shipped = {name: dict(_flat(read_policy_file(name))) for name in ("cn", "gb")}

    told = {row[0].strip("`"): row for row in _tables()[0]}

    assert set(told) == set(shipped["cn"]) | set(shipped["gb"])
    for setting, (_, meaning, cn, gb, source) in told.items():
        assert cn == shipped["cn"].get(setting, "—"), setting
        assert gb == shipped["gb"].get(setting, "—"), setting
        assert meaning
        assert source


@pytest.mark.parametrize(("name", "table"), [("cn", 1), ("gb", 2)])
def test_the_guide_shows_every_rule_in_order(name: str, table: int) -> None:
    """The first that fits applies, so the order says something."""
    assert _tables()[table] == [_ruled(rule) for rule in read_policy_file(name)["rules"]]
