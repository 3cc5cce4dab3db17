"""Interruptions of seconds: who hears of them, when, and in which words."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.channel import Medium
from notifier.domain.cell import Cell, PlanFacts, Skip, Told
from notifier.domain.customer import Audience, Need, Reach
from notifier.domain.decision import Defer, Send, Sending, decide
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import Notice, Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy, Rule
from notifier.domain.required import required
from notifier.domain.window import Window
from notifier.intake.policies import read_policy

ZONE = ZoneInfo("Asia/Shanghai")
CN = read_policy("cn")
FLAT = (Audience.ORDINARY, Need.NONE)
HATCHERY = (Audience.ORDINARY, Need.HATCHERY)
DATA_CENTRE = (Audience.SENSITIVE, Need.DATA_CENTRE)
MANAGER = (Audience.PROPERTY_MANAGER, Need.LIFT)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


def span(day: int, hour: int, minutes: int = 15) -> Window:
    return Window(at(day, hour), at(day, hour) + timedelta(minutes=minutes))


NIGHT = (span(20, 2), span(20, 5))
DAY = (span(20, 9), span(20, 17))


def group(*windows: Window, impact_class: ImpactClass = ImpactClass.SHORT) -> Group:
    return Group(number=1, impact_class=impact_class, windows=windows, place="东一线")


def ask(
    now: datetime,
    present: Group | None,
    who: tuple[Audience, Need],
    *,
    told: Group | None = None,
    kind: PlanKind = PlanKind.SHORT_TRANSFER,
    state: PlanState = PlanState.APPROVED,
    policy: Policy = CN,
) -> tuple[list[Notice], list[Skip]]:
    plan = PlanFacts(number="P1", revision=2, kind=kind, state=state, works="检修")
    known = {} if told is None else {told.facts_key: _said(told)}
    cell = Cell(
        group=None if present is None else 1,
        told=None if told is None else told.facts_key,
        told_media=Reach.NONE if told is None else Reach.SMS,
        audience=who[0],
        need=who[1],
        locale="zh",
        reach=Reach.SMS,
        people=1,
    )
    groups = {} if present is None else {1: present}
    items = list(required(plan, groups, known, cell, policy, now, ZONE))
    notices = [item for item in items if isinstance(item, Notice) and item.rung == 0]
    return notices, [item for item in items if isinstance(item, Skip)]


def _said(told: Group) -> Told:
    return Told(
        key=told.facts_key, impact_class=told.impact_class, windows=told.windows, place=told.place
    )


@pytest.mark.parametrize("who", [HATCHERY, DATA_CENTRE, MANAGER])
def test_a_transfer_at_night_is_told_to_whom_it_matters(who: tuple[Audience, Need]) -> None:
    """An incubator, a server and a lift stop at two in the morning as they do at noon."""
    notices, _ = ask(at(17, 9), group(*NIGHT), who)

    assert [notice.stage for notice in notices][:1] == [Stage.ADVANCE]
    assert notices[0].template.startswith("short_advance.")


def test_a_transfer_at_night_is_not_told_to_a_flat_and_the_ledger_says_why() -> None:
    """Nobody there would notice; the decision is on record all the same."""
    notices, skips = ask(at(17, 9), group(*NIGHT), FLAT)

    assert notices == []
    assert [(skip.stage, skip.reason) for skip in skips] == [(Stage.ADVANCE, "quiet_hours.seconds")]


def test_a_transfer_at_night_that_comes_back_by_day_is_told_to_everybody() -> None:
    """One of the two moments is enough."""
    notices, _ = ask(at(17, 9), group(NIGHT[0], span(20, 9)), FLAT)

    assert notices[0].stage is Stage.ADVANCE


def test_hours_at_night_are_told_to_everybody() -> None:
    """Quiet hours spare people seconds, not an outage."""
    outage = group(span(20, 1, minutes=240), impact_class=ImpactClass.OUT)

    notices, _ = ask(at(17, 9), outage, FLAT, kind=PlanKind.PLANNED)

    assert notices


def test_a_policy_that_names_nobody_tells_everybody() -> None:
    """As before there was such a setting."""
    assert CN.quiet is not None
    policy = replace(CN, quiet=replace(CN.quiet, seconds=None))

    notices, _ = ask(at(17, 9), group(*NIGHT), FLAT, policy=policy)

    assert notices


def test_a_flat_is_not_woken_over_seconds_that_moved() -> None:
    """From nine to three tomorrow, decided at eleven at night: the morning is soon enough."""
    moved = group(span(20, 15), span(20, 18))

    flat, _ = ask(at(19, 23), moved, FLAT, told=group(*DAY))
    server, _ = ask(at(19, 23), moved, DATA_CENTRE, told=group(*DAY))

    assert (flat[0].stage, flat[0].due_at) == (Stage.RESCHEDULED, at(20, 8))
    assert flat[0].reason == "quiet_hours.later"
    assert server[0].due_at == at(19, 23)
    assert server[0].reason == "quiet_hours.overridden"


def test_a_flat_is_woken_when_hours_turn_into_seconds() -> None:
    """It prepared for a whole day without supply, so what it was told weighs more."""
    told = group(span(20, 8, minutes=570), impact_class=ImpactClass.OUT)

    notices, _ = ask(at(19, 23), group(*DAY), FLAT, told=told, kind=PlanKind.PLANNED)

    assert notices[0].due_at == at(19, 23)
    assert notices[0].facts.told_class is ImpactClass.OUT
    assert notices[0].template.startswith("short_rescheduled.")


def test_what_the_morning_would_tell_too_late_is_not_told_to_a_flat() -> None:
    """Seconds at six, cancelled at eleven: by eight it is over; who may be woken hears at once."""
    told = group(span(20, 6))

    flat, skips = ask(at(19, 23), told, FLAT, told=told, state=PlanState.CANCELLED)
    hatchery, _ = ask(at(19, 23), told, HATCHERY, told=told, state=PlanState.CANCELLED)

    assert flat == []
    assert [skip.reason for skip in skips] == ["quiet_hours.seconds"]
    assert hatchery[0].due_at == at(19, 23)


def test_the_last_look_before_sending_lets_a_flat_sleep_too() -> None:
    """A batch that was late into the night does not leave by another rule than it was laid out by."""
    facts = ask(at(19, 20), group(*DAY), FLAT)[0][0].facts

    def decided(of: tuple[Audience, Need]) -> object:
        audience, need = of
        sending = Sending(
            stage=Stage.ADVANCE,
            medium=Medium.SMS,
            notice_revision=1,
            plan_revision=1,
            settled_revision=1,
            plan_state=PlanState.APPROVED,
            plan_kind=PlanKind.SHORT_TRANSFER,
            expires_at=at(20, 17),
            matters_at=at(20, 9),
            facts=replace(facts, audience=audience, need=need),
        )
        return decide(sending, CN, at(19, 22), ZONE)

    assert decided(FLAT) == Defer(at(20, 8), "quiet_hours.later")
    assert decided(DATA_CENTRE) == Send()


def test_the_healthy_part_of_a_planned_outage_hears_of_seconds_not_of_the_day() -> None:
    """It is only transferred, at the start and at the end of the work."""
    notices, _ = ask(at(10, 9), group(*DAY), FLAT, kind=PlanKind.PLANNED)

    assert notices[0].template == "short_advance.sms.zh"
    assert notices[0].facts.windows == DAY


def test_a_closed_transition_tells_nobody_and_is_on_record() -> None:
    """Make before break interrupts nobody."""
    live = group(*DAY, impact_class=ImpactClass.TRANSFERRED_LIVE)

    for who in (FLAT, HATCHERY, DATA_CENTRE, MANAGER):
        notices, skips = ask(at(17, 9), live, who)
        assert notices == []
        assert [skip.reason for skip in skips] == ["transition.closed"]


LIVE_RULE = Rule(
    stage=Stage.ADVANCE,
    media=(Medium.SMS,),
    lead=timedelta(hours=24),
    classes=frozenset({ImpactClass.TRANSFERRED_LIVE}),
    needs=frozenset({Need.DATA_CENTRE}),
)


def test_a_policy_can_have_chosen_kinds_hear_of_a_closed_transition() -> None:
    """A voltage step may matter to a data centre; the flat next to it is left alone."""
    live = group(*DAY, impact_class=ImpactClass.TRANSFERRED_LIVE)
    policy = replace(CN, rules=(LIVE_RULE, *CN.rules))

    server, _ = ask(at(17, 9), live, DATA_CENTRE, policy=policy)
    flat, skips = ask(at(17, 9), live, FLAT, policy=policy)

    assert [notice.template for notice in server] == ["live_advance.sms.zh"]
    assert flat == []
    assert [skip.reason for skip in skips] == ["transition.closed"]


def test_whoever_was_told_of_seconds_is_released_when_the_transition_closes() -> None:
    """Also where the policy has them hear of the transition itself: that comes after."""
    live = group(*DAY, impact_class=ImpactClass.TRANSFERRED_LIVE)
    policy = replace(CN, rules=(LIVE_RULE, *CN.rules))

    for who in (FLAT, DATA_CENTRE):
        notices, _ = ask(at(18, 9), live, who, told=group(*DAY), policy=policy)
        assert [notice.stage for notice in notices] == [Stage.REMOVED]
        assert notices[0].facts.impact_class is ImpactClass.SHORT


def test_a_transition_that_opens_at_the_last_minute_is_told_at_once() -> None:
    """Nobody had been told anything: to them it is a new interruption."""
    notices, _ = ask(at(20, 8, 30), group(*DAY), FLAT)

    assert (notices[0].stage, notices[0].due_at) == (Stage.ADVANCE, at(20, 8, 30))
    assert notices[0].template.startswith("short_advance.")


def test_one_source_less_is_no_closed_transition() -> None:
    """Supply stays on, and so does nothing behind it: a rule may have a dual customer hear of that."""
    lost = group(*DAY, impact_class=ImpactClass.LOST_ONE_SOURCE)
    rule = replace(LIVE_RULE, classes=frozenset({ImpactClass.LOST_ONE_SOURCE}))
    policy = replace(CN, rules=(rule, *CN.rules))

    notices, skips = ask(at(17, 9), lost, DATA_CENTRE)
    told, _ = ask(at(17, 9), lost, DATA_CENTRE, policy=policy)

    assert notices == []
    assert [skip.reason for skip in skips] == ["policy.tells_nobody"]
    assert [notice.template for notice in told] == ["live_advance.sms.zh"]
