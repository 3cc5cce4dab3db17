"""What people should have been told: laws that hold for every plan, policy, moment and recipient."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channel import Medium
from notifier.domain.cell import NOTHING, Cell, PlanFacts, Skip, Told
from notifier.domain.customer import REACH_BY_MEDIUM, Audience, Need, Reach
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.notice import CORRECTIONS, Notice, Stage, Wording
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy, QuietHours, Rule
from notifier.domain.required import required
from notifier.domain.window import Window
from notifier.intake.policies import read_policy

ZONE = ZoneInfo("Asia/Shanghai")
BASE = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
CN = read_policy("cn")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


def out(number: int, *windows: Window, impact_class: ImpactClass = ImpactClass.OUT) -> Group:
    return Group(number=number, impact_class=impact_class, windows=windows, place="东一线")


def said(group: Group) -> dict[str, Told]:
    return {
        group.facts_key: Told(
            key=group.facts_key, impact_class=group.impact_class, windows=group.windows
        )
    }


def approved(
    state: PlanState = PlanState.APPROVED,
    *,
    kind: PlanKind = PlanKind.PLANNED,
    revision: int = 2,
    restored_at: datetime | None = None,
) -> PlanFacts:
    return PlanFacts(
        number="P1",
        revision=revision,
        kind=kind,
        state=state,
        works="检修",
        restored_at=restored_at,
    )


def cell(
    group: int | None = 1,
    told: str | None = None,
    *,
    told_media: Reach = Reach.NONE,
    audience: Audience = Audience.ORDINARY,
    reach: Reach = Reach.SMS,
) -> Cell:
    return Cell(
        group=group,
        told=told,
        told_media=told_media if told is None else told_media or Reach.SMS,
        audience=audience,
        need=Need.NONE,
        locale="zh",
        reach=reach,
        people=1,
    )


def ask(
    plan: PlanFacts,
    groups: Sequence[Group],
    told: dict[str, Told],
    recipient: Cell,
    now: datetime,
    policy: Policy = CN,
) -> tuple[list[Notice], list[Skip]]:
    items = list(required(plan, {g.number: g for g in groups}, told, recipient, policy, now, ZONE))
    return (
        [item for item in items if isinstance(item, Notice)],
        [item for item in items if isinstance(item, Skip)],
    )


# --- Laws ----------------------------------------------------------------------------------------

MOMENTS = st.integers(-20 * 48, 20 * 48).map(lambda n: BASE + timedelta(minutes=30 * n))
WINDOWS = st.builds(
    lambda start, length: Window(start, start + timedelta(minutes=30 * length)),
    MOMENTS,
    st.integers(1, 60),
)
CLASSES = st.sampled_from([ImpactClass.OUT, ImpactClass.SHORT, ImpactClass.TRANSFERRED_LIVE])
GROUPS = st.builds(
    lambda impact_class, windows: Group(
        number=1, impact_class=impact_class, windows=tuple(sorted(windows)), place="东一线"
    ),
    CLASSES,
    st.lists(WINDOWS, min_size=1, max_size=4, unique=True),
)
REACHES = st.integers(0, 63).map(Reach)
RULES = st.builds(
    Rule,
    stage=st.sampled_from([Stage.ADVANCE, Stage.REMINDER, Stage.RESTORED, Stage.CANCELLED]),
    media=st.lists(st.sampled_from(list(Medium)), min_size=1, max_size=4, unique=True).map(tuple),
    lead=st.none() | st.integers(0, 300).map(lambda n: timedelta(hours=n)),
    audiences=st.sampled_from([frozenset(), frozenset({Audience.ORDINARY, Audience.ENTRANCE})]),
    classes=st.sampled_from(
        [frozenset({ImpactClass.OUT, ImpactClass.SHORT}), frozenset({ImpactClass.OUT})]
    ),
    track=st.sampled_from(["", "", "paper"]),
    confirm=st.booleans(),
    ignores_quiet_hours=st.booleans(),
)
POLICIES = st.sampled_from([CN, read_policy("gb")]) | st.builds(
    Policy,
    name=st.just("p"),
    version=st.just("1"),
    jurisdiction=st.just(""),
    rules=st.lists(RULES, max_size=6).map(tuple),
    legal_lead=st.just({PlanKind.PLANNED: timedelta(days=7)}),
    quiet=st.none()
    | st.just(
        QuietHours(
            starts=time(21),
            ends=time(8),
            media=frozenset({Medium.SMS, Medium.PUSH}),
            margin=timedelta(hours=10),
        )
    ),
)
PLANS = st.builds(
    lambda kind, state, restored_at: approved(state, kind=kind, restored_at=restored_at),
    st.sampled_from(list(PlanKind)),
    st.sampled_from([PlanState.APPROVED, PlanState.APPROVED, PlanState.CANCELLED, PlanState.DONE]),
    MOMENTS,
)


@st.composite
def cases(
    draw: st.DrawFn,
) -> tuple[PlanFacts, Group, dict[str, Told], Cell, Policy, datetime]:
    """Anybody in any situation: told nothing, the same, something else, or that nothing happens."""
    group = draw(GROUPS)
    other = draw(GROUPS)
    told = said(group) | said(other)
    key = draw(st.sampled_from([None, NOTHING, group.facts_key, other.facts_key]))
    media = draw(REACHES)
    recipient = Cell(
        group=draw(st.sampled_from([1, 1, None])),
        told=key,
        told_media=Reach.NONE if key is None else media or Reach.SMS,
        audience=draw(st.sampled_from(list(Audience))),
        need=draw(st.sampled_from(list(Need))),
        locale="zh",
        reach=draw(REACHES),
        people=1,
    )
    return draw(PLANS), group, told, recipient, draw(POLICIES), draw(MOMENTS)


Case = tuple[PlanFacts, Group, dict[str, Told], Cell, Policy, datetime]
laws = settings(max_examples=300, deadline=None)


@laws
@given(cases())
def test_whoever_hears_nothing_has_a_reason(case: Case) -> None:
    """Nothing is silent: every cell has a notice or a stage left out with its reason."""
    plan, group, told, recipient, policy, now = case

    notices, skips = ask(plan, [group], told, recipient, now, policy)

    assert notices or skips
    assert all(skip.reason for skip in skips)


@laws
@given(cases())
def test_a_correction_is_for_those_who_were_told_something_else(case: Case) -> None:
    """Never for somebody never told, told the same, or told that nothing will happen."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    before = told.get(recipient.told or "")
    for notice in notices:
        if notice.stage in CORRECTIONS:
            assert before is not None
            off = [w for w in before.windows if w.starts_at >= (plan.restored_at or now)]
            is_rest = plan.state is PlanState.DONE
            assert notice.facts.told_windows == (tuple(off) if is_rest else before.windows)
            if notice.stage in (Stage.RESCHEDULED, Stage.LATE):
                assert recipient.told != group.facts_key
        if notice.stage is Stage.RESTORED:
            assert before is not None
        if notice.stage is Stage.ADVANCE and before is not None:
            on_paper = notice.medium is Medium.POSTING
            told_so = Reach.POSTING if on_paper else ~Reach.POSTING
            untold = not recipient.told_media & told_so
            assert untold or (notice.confirm and notice.rung > 0)


@laws
@given(cases())
def test_whoever_was_told_what_no_longer_holds_is_told_so_while_it_matters(case: Case) -> None:
    """By every medium that carried it and still reaches them."""
    plan, group, told, recipient, policy, now = case

    notices, skips = ask(plan, [group], told, recipient, now, policy)

    before = told.get(recipient.told or "")
    if before is None or plan.state is PlanState.DONE:
        return
    nothing = plan.state is PlanState.CANCELLED or recipient.group is None
    nothing = nothing or not policy.tells(plan.kind, group.impact_class)
    present = NOTHING if nothing else group.facts_key
    concerned = max(window.ends_at for window in before.windows)
    if before.key == present or concerned <= now:
        return
    corrected = {n.medium for n in notices if n.stage in CORRECTIONS and n.rung == 0}
    for medium in Medium:
        if recipient.told_media & recipient.reach & REACH_BY_MEDIUM[medium]:
            assert medium in corrected
    if not corrected:
        assert any(skip.reason == "unreachable" for skip in skips)


@laws
@given(cases())
def test_every_notice_can_still_be_sent(case: Case) -> None:
    """It is due now or later, before it expires, by a medium that reaches them."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    for notice in notices:
        assert now <= notice.due_at < notice.expires_at
        assert recipient.reach & REACH_BY_MEDIUM[notice.medium]
        assert notice.facts.revision == plan.revision


@laws
@given(cases())
def test_rungs_count_from_nought_and_no_medium_comes_twice(case: Case) -> None:
    """A chain: each rung for those whom the one below failed to reach."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    chains: dict[tuple[Stage, str], list[Notice]] = {}
    for notice in notices:
        chains.setdefault((notice.stage, notice.occasion), []).append(notice)
    for chain in chains.values():
        # Whoever may have read the first rung but has to confirm it is told by the others only.
        first = int(chain[0].confirm and recipient.told == group.facts_key and chain[0].rung > 0)
        assert [notice.rung for notice in chain] == list(range(first, first + len(chain)))
        assert len({notice.medium for notice in chain}) == len(chain)
        assert chain[-1].give_up_at is None
        assert all(notice.give_up_at is not None for notice in chain[:-1])


@laws
@given(cases(), st.integers(0, 400))
def test_the_same_thing_keeps_its_name_when_looked_at_later(case: Case, later: int) -> None:
    """Or it would be said twice: what is still wanted later has an occasion that was wanted before,
    unless it became a matter of an overrun meanwhile."""
    plan, group, told, recipient, policy, now = case

    first, _ = ask(plan, [group], told, recipient, now, policy)
    second, _ = ask(plan, [group], told, recipient, now + timedelta(minutes=30 * later), policy)

    known = {(n.stage, n.occasion, n.rung, n.medium) for n in first}
    for notice in second:
        if notice.stage is Stage.LATE and any(n.stage is Stage.RESCHEDULED for n in first):
            continue
        if notice.stage is Stage.REMINDER and not any(n.stage is Stage.REMINDER for n in first):
            continue  # whoever was not reached by the advance notice is reminded after all
        assert (notice.stage, notice.occasion, notice.rung, notice.medium) in known


@laws
@given(cases())
def test_a_day_has_one_reminder(case: Case) -> None:
    """However many windows it has, and however many of them are over."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    days: list[object] = []
    for notice in notices:
        if notice.stage is Stage.REMINDER and notice.rung == 0 and ":" not in notice.occasion:
            start = datetime.strptime(notice.occasion, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
            days.append(start.astimezone(ZONE).date())
            assert start > now
            same_day = [w for w in group.windows if w.starts_at.astimezone(ZONE).date() == days[-1]]
            assert start == min(w.starts_at for w in same_day)
    assert len(days) == len(set(days))


@laws
@given(cases())
def test_whoever_is_out_for_seconds_is_not_told_of_hours(case: Case) -> None:
    """The advance notice, the reminder and the change have words of their own."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    of_hours = {Wording.ADVANCE, Wording.REMINDER, Wording.RESCHEDULED, Wording.LATE}
    for notice in notices:
        if notice.facts.impact_class is ImpactClass.SHORT:
            assert Wording(notice.template.split(".")[0]) not in of_hours


@laws
@given(cases())
def test_a_plan_that_is_over_or_cancelled_announces_nothing(case: Case) -> None:
    """No advance notice and no reminder of what will not be."""
    plan, group, told, recipient, policy, now = case

    notices, _ = ask(plan, [group], told, recipient, now, policy)

    if plan.state is PlanState.CANCELLED:
        assert {n.stage for n in notices} <= {Stage.CANCELLED}
    if plan.state is PlanState.DONE:
        assert {n.stage for n in notices} <= {Stage.RESTORED, Stage.CANCELLED}


@laws
@given(cases())
def test_a_cell_keeps_its_name(case: Case) -> None:
    """What is written in the store is read back as it was."""
    recipient = case[3]

    assert Cell.named(recipient.name, 1) == recipient
    doubtful = replace(recipient, unsure=True, denied=7)
    assert Cell.named(doubtful.name, 1) == doubtful


# --- Cases that were wrong once, and those one asks about -----------------------------------------


def test_the_afternoon_of_a_day_that_has_begun_is_not_reminded_of() -> None:
    """Two windows on one day: looked at again between them, the reminder of the morning serves."""
    group = out(1, Window(at(20, 8), at(20, 10)), Window(at(20, 14), at(20, 18)))

    notices, skips = ask(approved(), [group], said(group), cell(told=group.facts_key), at(20, 11))

    assert notices == []
    assert [skip.reason for skip in skips] == ["outage_begun"]


def test_a_reminder_served_by_another_notice_does_not_come_back_in_the_night() -> None:
    """The gap counts from when the reminder was due, however late it is looked at again."""
    group = out(1, Window(at(20, 8), at(20, 18)))

    (notice,), _ = ask(approved(), [group], said(group), cell(told=group.facts_key), at(19, 23))

    assert notice.stage is Stage.REMINDER
    assert notice.unless_told_since == at(19, 4)  # due at 10:00, six hours of gap


def test_an_outage_moved_away_after_it_began_is_rescheduled_not_late() -> None:
    """Late says it goes on for longer; this one goes on another day."""
    before = out(1, Window(at(20, 8), at(20, 18)))
    after = out(1, Window(at(25, 8), at(25, 18)))
    longer = out(1, Window(at(20, 8), at(20, 20)))

    moved, _ = ask(approved(), [after], said(before), cell(told=before.facts_key), at(20, 9))
    overrun, _ = ask(approved(), [longer], said(before), cell(told=before.facts_key), at(20, 17))

    assert {n.stage for n in moved if n.stage in CORRECTIONS} == {Stage.RESCHEDULED}
    assert {n.stage for n in overrun} == {Stage.LATE}


def test_hours_that_become_seconds_are_rescheduled_in_the_words_for_seconds() -> None:
    """Not "late until": nobody is out until then."""
    before = out(1, Window(at(20, 8), at(20, 18)))
    after = out(1, Window(at(20, 18, 15), at(20, 18, 30)), impact_class=ImpactClass.SHORT)

    notices, _ = ask(approved(), [after], said(before), cell(told=before.facts_key), at(20, 9))

    assert [n.template for n in notices] == ["short_rescheduled.sms.zh"]


def test_a_change_to_days_that_are_still_ahead_waits_for_the_morning() -> None:
    """The first day of the plan is over; the next is far off, so nobody is woken."""
    before = out(1, Window(at(10, 8), at(10, 18)), Window(at(20, 8), at(20, 18)))

    (notice,), _ = ask(
        approved(PlanState.CANCELLED), [], said(before), cell(None, before.facts_key), at(12, 23)
    )

    assert notice.due_at == at(13, 8)
    assert notice.reason == "quiet_hours.later"


def test_an_advance_notice_is_sent_at_night_where_the_morning_would_break_the_law() -> None:
    """Approved late in the evening of the last day on which the law still is kept."""
    group = out(1, Window(at(20, 1), at(20, 9)))

    notices, _ = ask(approved(), [group], {}, cell(), at(12, 23))

    first = next(n for n in notices if n.stage is Stage.ADVANCE)
    assert first.due_at == at(12, 23)
    assert first.reason == "quiet_hours.overridden"


def test_a_poster_comes_down_although_its_entrance_left_the_plan() -> None:
    """Removed from the scope and the plan over before anybody took it down."""
    group = out(1, Window(at(20, 8), at(20, 18)))
    poster = cell(
        None,
        group.facts_key,
        told_media=Reach.POSTING,
        audience=Audience.ENTRANCE,
        reach=Reach.POSTING,
    )

    notices, _ = ask(
        approved(PlanState.DONE, restored_at=at(20, 18)), [], said(group), poster, at(20, 18)
    )

    assert [(n.stage, n.medium) for n in notices] == [(Stage.RESTORED, Medium.POSTING)]


def test_whoever_was_released_and_is_affected_again_is_told_anew() -> None:
    """As an advance notice of its own occasion, not as a change of something they were told."""
    group = out(1, Window(at(25, 8), at(25, 18)))
    released = replace(cell(told=NOTHING), denied=3)

    notices, _ = ask(approved(revision=4), [group], {}, released, at(12, 9))

    assert {(n.stage, n.occasion) for n in notices} >= {(Stage.ADVANCE, "r3")}


def test_what_is_announced_anew_keeps_its_name_once_it_was_told() -> None:
    """So that the next medium follows this announcement, whatever became of the one before."""
    group = out(1, Window(at(25, 8), at(25, 18)))
    who = replace(cell(audience=Audience.CRITICAL, reach=Reach.SMS | Reach.VOICE), denied=3)
    before, after = (
        replace(who, told=NOTHING),
        replace(who, told=group.facts_key, told_media=Reach.SMS),
    )

    first, _ = ask(approved(revision=4), [group], {}, before, at(12, 9))
    then, _ = ask(approved(revision=5), [group], said(group), after, at(12, 10))

    names = [
        [(n.occasion, n.rung, n.medium) for n in notices if n.stage is Stage.ADVANCE]
        for notices in (first, then)
    ]
    assert names == [
        [("r3", 0, Medium.SMS), ("r3", 1, Medium.VOICE)],
        [("r3", 1, Medium.VOICE)],
    ]


def test_the_next_medium_follows_a_message_that_nobody_answered_for() -> None:
    """Without being asked to confirm, and while the outage lasts; not where an answer came."""
    group = out(1, Window(at(20, 8), at(20, 18)))
    sure = replace(cell(told=group.facts_key, reach=Reach.SMS | Reach.PUSH), told_media=Reach.PUSH)

    for now, stage in ((at(12, 9), Stage.ADVANCE), (at(20, 10), Stage.STARTED)):
        left, _ = ask(approved(), [group], said(group), replace(sure, unsure=True), now)
        none, _ = ask(approved(), [group], said(group), sure, now)

        assert [(n.rung, n.medium) for n in left if n.stage is stage] == [(1, Medium.SMS)]
        assert [n for n in none if n.stage is stage] == []


def test_a_group_that_the_policy_tells_nothing_is_released_if_it_was_told() -> None:
    """Out before, moved over without a break now: they need not prepare."""
    before = out(1, Window(at(20, 8), at(20, 18)))
    after = replace(before, impact_class=ImpactClass.TRANSFERRED_LIVE)

    told, _ = ask(approved(), [after], said(before), cell(told=before.facts_key), at(14, 9))
    never, skips = ask(approved(), [after], {}, cell(), at(14, 9))

    assert [n.stage for n in told] == [Stage.REMOVED]
    assert told[0].facts.impact_class is ImpactClass.OUT
    assert never == []
    assert [(skip.stage, skip.reason) for skip in skips] == [(Stage.ADVANCE, "transition.closed")]


def test_a_restoration_is_told_where_it_comes_early() -> None:
    """And not where it comes as announced, or to those who were told nothing."""
    group = out(1, Window(at(20, 8), at(20, 18)))
    told = cell(told=group.facts_key)

    def stages(restored_at: datetime, recipient: Cell) -> list[object]:
        plan = approved(PlanState.DONE, restored_at=restored_at)
        notices, skips = ask(plan, [group], said(group), recipient, restored_at)
        return [n.stage for n in notices] + [skip.reason for skip in skips]

    assert stages(at(20, 16), told) == [Stage.RESTORED] * 1
    assert stages(at(20, 17, 45), told) == ["restored_as_announced"]
    assert stages(at(20, 16), cell()) == ["never_told"]


# --- A plan of several days ---------------------------------------------------------------------------

DAYS = (
    Window(at(20, 8), at(20, 18)),
    Window(at(21, 8), at(21, 18)),
    Window(at(22, 8), at(22, 18)),
)


def ended(at_: datetime, *days: Window) -> tuple[Window, ...]:
    return (Window(days[0].starts_at, at_), *days[1:])


def test_a_day_that_ends_early_is_told_with_the_days_to_come() -> None:
    """Supply is back at noon; tomorrow stands. Not a change of time, and said once a day."""
    before, after = out(1, *DAYS), out(1, *ended(at(20, 12), *DAYS))

    notices, _ = ask(approved(), [after], said(before), cell(told=before.facts_key), at(20, 12, 5))
    restored = [n for n in notices if n.stage is Stage.RESTORED]

    assert [n for n in notices if n.stage in CORRECTIONS] == []
    assert {n.occasion for n in restored} == {"20260320T0000Z"}
    assert restored[0].facts.restored_at == at(20, 12)
    assert restored[0].facts.windows == DAYS[1:]
    assert restored[0].facts.wording is Wording.RESTORED_TODAY


def test_a_day_that_ends_as_announced_needs_no_word() -> None:
    """Nor is it put right afterwards: what is over is over. Tomorrow is reminded of as ever."""
    before, after = out(1, *DAYS), out(1, *ended(at(20, 17, 45), *DAYS))

    def ask_at(now: datetime) -> tuple[list[Notice], list[Skip]]:
        return ask(approved(), [after], said(before), cell(told=before.facts_key), now)

    (now, skips), (later, _) = ask_at(at(20, 17, 50)), ask_at(at(20, 20))

    assert "restored_as_announced" in {skip.reason for skip in skips}
    assert {n.stage for n in (*now, *later)} <= {Stage.REMINDER}
    assert any(n.occasion == "20260321T0000Z" for n in now)


def test_a_poster_that_names_the_days_to_come_hangs_on() -> None:
    """No crew is sent out at noon of the first day."""
    before, after = out(1, *DAYS), out(1, *ended(at(20, 12), *DAYS))
    door = cell(
        told=before.facts_key,
        told_media=Reach.POSTING,
        audience=Audience.ENTRANCE,
        reach=Reach.POSTING,
    )

    notices, skips = ask(approved(), [after], said(before), door, at(20, 12, 5))

    assert notices == []
    assert Skip(stage=Stage.RESTORED, reason="other_days_stand") in skips


def test_a_day_that_is_dropped_or_moved_is_a_change() -> None:
    """Only supply that came back is a restoration."""
    before = out(1, *DAYS)
    told = cell(told=before.facts_key)

    for group in (
        out(1, *DAYS[:2]),
        out(1, *ended(at(20, 12), *DAYS[:2])),
        out(1, *DAYS[1:]),
        out(1, *ended(at(20, 12), *DAYS), impact_class=ImpactClass.SHORT),
    ):
        notices, _ = ask(approved(), [group], said(before), told, at(20, 12, 5))
        assert Stage.RESCHEDULED in {n.stage for n in notices}


def test_a_whole_plan_that_ends_early_says_that_the_other_days_are_off() -> None:
    """Whoever hears of no restoration hears a cancellation of the days to come."""
    group = out(1, *DAYS)
    plan = approved(PlanState.DONE, restored_at=at(20, 12))
    office = cell(told=group.facts_key, audience=Audience.VILLAGE_OFFICE)

    home, _ = ask(plan, [group], said(group), cell(told=group.facts_key), at(20, 12, 5))
    village, _ = ask(plan, [group], said(group), office, at(20, 12, 5))

    assert {(n.stage, n.facts.wording) for n in home} == {
        (Stage.RESTORED, Wording.RESTORED_FOR_GOOD)
    }
    assert {(n.stage, n.facts.told_windows) for n in village} == {(Stage.CANCELLED, DAYS[1:])}


# --- Whoever was never told, while it lasts ---------------------------------------------------------


def test_whoever_was_never_told_hears_until_when_it_goes_on() -> None:
    """Added to an outage that has begun: too late to prepare, not too late to know."""
    group = out(1, Window(at(20, 8), at(20, 18)))

    notices, _ = ask(approved(), [group], {}, cell(), at(20, 10))

    assert {(n.stage, n.due_at, n.expires_at) for n in notices} == {
        (Stage.STARTED, at(20, 10), at(20, 18))
    }
    assert notices[0].template == "started.sms.zh"
    assert notices[0].facts.windows == group.windows


def test_what_is_nearly_over_is_not_told_any_more() -> None:
    """Supply comes back before anybody has read it; a few seconds are over already."""
    group = out(1, Window(at(20, 8), at(20, 18)))
    seconds = replace(group, impact_class=ImpactClass.SHORT)

    nearly, skips = ask(approved(), [group], {}, cell(), at(20, 17, 45))
    short, _ = ask(approved(), [seconds], {}, cell(), at(20, 10))

    assert nearly == short == []
    assert Skip(stage=Stage.ADVANCE, reason="outage_begun") in skips


def test_a_policy_may_leave_them_in_the_dark() -> None:
    """Without a rule for the stage nobody hears of it, and the decision says so."""
    group = out(1, Window(at(20, 8), at(20, 18)))
    silent = replace(CN, rules=tuple(r for r in CN.rules if r.stage is not Stage.STARTED))

    notices, skips = ask(approved(), [group], {}, cell(), at(20, 10), silent)

    assert notices == []
    assert Skip(stage=Stage.ADVANCE, reason="outage_begun") in skips


def test_whoever_was_told_in_advance_is_not_told_that_it_has_begun() -> None:
    """They know."""
    group = out(1, Window(at(20, 8), at(20, 18)))

    notices, _ = ask(approved(), [group], said(group), cell(told=group.facts_key), at(20, 10))

    assert notices == []


# --- Paper -------------------------------------------------------------------------------------------


def on_paper(group: Group, told: Group | None, says: str) -> Cell:
    """Somebody told by SMS and by a poster, which says something else by now."""
    return replace(
        cell(
            told=NOTHING if told is None else told.facts_key,
            told_media=Reach.SMS | Reach.POSTING,
            reach=Reach.SMS | Reach.POSTING,
        ),
        paper=says,
        group=group.number,
    )


def test_paper_is_replaced_whatever_was_read_meanwhile() -> None:
    """The SMS is right already: the poster alone is put right, and no message stands in for it."""
    old = out(1, Window(at(20, 8), at(20, 18)))
    new = out(1, Window(at(22, 8), at(22, 18)))

    notices, _ = ask(
        approved(), [new], said(old) | said(new), on_paper(new, new, old.facts_key), at(14, 9)
    )

    corrections = [n for n in notices if n.stage in CORRECTIONS]
    assert [(n.stage, n.medium, n.facts.told_windows) for n in corrections] == [
        (Stage.RESCHEDULED, Medium.POSTING, old.windows)
    ]


def test_paper_that_is_right_again_stays() -> None:
    """The message alone is put right."""
    old = out(1, Window(at(20, 8), at(20, 18)))
    other = out(1, Window(at(22, 8), at(22, 18)))

    notices, _ = ask(
        approved(), [old], said(old) | said(other), on_paper(old, other, old.facts_key), at(14, 9)
    )

    assert [n.medium for n in notices if n.stage in CORRECTIONS] == [Medium.SMS]


def test_paper_comes_down_though_the_cancellation_was_read() -> None:
    """Nobody believes it any more, but it hangs there."""
    old = out(1, Window(at(20, 8), at(20, 18)))
    plan = approved(PlanState.CANCELLED)

    notices, _ = ask(plan, [old], said(old), on_paper(old, None, old.facts_key), at(14, 9))
    over, _ = ask(plan, [old], said(old), on_paper(old, None, old.facts_key), at(20, 19))

    assert [(n.stage, n.medium) for n in notices] == [(Stage.CANCELLED, Medium.POSTING)]
    assert over == []
