"""The last decision before a message leaves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channel import Medium
from notifier.domain.customer import Reach
from notifier.domain.decision import (
    Decision,
    Defer,
    Drop,
    NextMedium,
    Send,
    Sending,
    decide,
    refuse_person,
)
from notifier.domain.notice import CORRECTIONS, Stage
from notifier.domain.plan import PlanKind, PlanState
from notifier.intake.policies import read_policy

ZONE = ZoneInfo("Asia/Shanghai")
CN = read_policy("cn")
START = datetime(2026, 3, 20, 8, tzinfo=ZONE)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


def sending(
    *,
    stage: Stage = Stage.ADVANCE,
    notice_revision: int = 2,
    plan_revision: int = 2,
    settled_revision: int = 2,
    plan_state: PlanState = PlanState.APPROVED,
    starts_at: datetime = START,
    give_up_at: datetime | None = None,
    attempts: int = 0,
    stopped: bool = False,
    ignores_quiet_hours: bool = False,
) -> Sending:
    return Sending(
        stage=stage,
        medium=Medium.SMS,
        notice_revision=notice_revision,
        plan_revision=plan_revision,
        settled_revision=settled_revision,
        plan_state=plan_state,
        plan_kind=PlanKind.PLANNED,
        expires_at=starts_at,
        matters_at=starts_at,
        give_up_at=give_up_at,
        attempts=attempts,
        channel_stopped=stopped,
        ignores_quiet_hours=ignores_quiet_hours,
    )


def decided(what: Sending, now: datetime) -> Decision:
    return decide(what, CN, now, ZONE)


@pytest.mark.parametrize(
    ("what", "now", "expected"),
    [
        (sending(), at(12, 10), Send()),
        (sending(), at(20, 8), Drop("too_late")),
        (
            sending(notice_revision=1),
            at(12, 10),
            Defer(at(12, 10) + timedelta(seconds=15), "plan.not_reconciled"),
        ),
        (
            sending(settled_revision=1),
            at(12, 10),
            Defer(at(12, 10) + timedelta(seconds=15), "plan.not_reconciled"),
        ),
        (
            sending(plan_state=PlanState.SUBMITTED, plan_revision=3),
            at(12, 10),
            Defer(at(12, 10, 10), "plan.not_approved"),
        ),
        (sending(stopped=True), at(12, 10), Defer(at(12, 10, 10), "channel.stopped")),
        (sending(stopped=True, give_up_at=at(12, 9)), at(12, 10), NextMedium("gave_up")),
        (sending(attempts=2, give_up_at=at(12, 9)), at(12, 10), NextMedium("gave_up")),
        (sending(give_up_at=at(12, 9)), at(12, 10), Send()),
        (sending(), at(15, 22), Defer(at(16, 8), "quiet_hours.later")),
        (sending(ignores_quiet_hours=True), at(15, 22), Send()),
        (sending(), at(19, 23), Send()),
        (sending(starts_at=at(20, 2)), at(12, 23), Send()),
    ],
    ids=[
        "it holds",
        "it has lost its point",
        "it speaks of an earlier revision",
        "the ledger does not follow yet",
        "the change awaits approval",
        "the channel stands still",
        "and there is no more time to wait for it",
        "it failed and its time is over",
        "its time is over but nothing was tried",
        "it is night",
        "at night all the same",
        "in the morning it would be late",
        "in the morning the law would be broken",
    ],
)
def test_a_batch_is_sent_held_back_or_dropped(
    what: Sending, now: datetime, expected: Decision
) -> None:
    """With its reason."""
    assert decided(what, now) == expected


@settings(max_examples=300)
@given(
    st.builds(
        sending,
        stage=st.sampled_from(Stage),
        notice_revision=st.integers(1, 2),
        settled_revision=st.integers(1, 2),
        plan_state=st.sampled_from(PlanState),
        attempts=st.integers(0, 3),
        stopped=st.booleans(),
        give_up_at=st.none() | st.just(at(15, 10)),
    ),
    st.integers(0, 20 * 48).map(
        lambda n: datetime(2026, 3, 1, tzinfo=UTC) + n * timedelta(minutes=30)
    ),
)
def test_nothing_stale_or_late_ever_leaves(what: Sending, now: datetime) -> None:
    """Whatever else is true; and what waits, waits until later."""
    decision = decided(what, now)

    if isinstance(decision, Send):
        assert now < what.expires_at
        assert what.notice_revision == what.plan_revision == what.settled_revision
        assert what.plan_state not in (PlanState.DRAFT, PlanState.SUBMITTED)
        assert not what.channel_stopped
    if isinstance(decision, Defer):
        assert decision.until > now


@given(st.sampled_from(Stage), st.integers(0, 30))
def test_a_correction_is_never_one_message_too_many(stage: Stage, sent: int) -> None:
    """The cap is for what one could do without."""
    why = refuse_person(Medium.SMS, stage, Reach.SMS, "+8613800000001", sent, 10)

    assert (why == "cap.reached") is (sent >= 10 and stage not in CORRECTIONS)


def test_a_person_who_left_or_does_not_want_it_is_not_sent_to() -> None:
    """Looked at just before sending."""
    assert refuse_person(Medium.SMS, Stage.ADVANCE, Reach.SMS, "", 0, None) == "address.gone"
    assert (
        refuse_person(Medium.SMS, Stage.CANCELLED, Reach.WECHAT, "+86138", 0, None) == "opted_out"
    )
