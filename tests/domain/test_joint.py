"""Who speaks to a person whom several plans take out, and what their windows come to together."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import joint
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.joint import Joint, Member, Shared, Standing
from notifier.domain.plan import PlanKind
from notifier.domain.window import Window, union

DAY = datetime(2026, 3, 20, tzinfo=UTC)


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def span(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def group(
    *windows: Window, impact_class: ImpactClass = ImpactClass.OUT, place: str = "", number: int = 1
) -> Group:
    return Group(number=number, impact_class=impact_class, windows=windows, place=place)


def member(
    plan_id: int,
    *groups: Group,
    standing: Standing = Standing.LIVE,
    kind: PlanKind = PlanKind.PLANNED,
    works: str = "",
    restored_at: datetime | None = None,
) -> Member:
    return Member(
        plan_id=plan_id,
        number=f"P{plan_id}",
        kind=kind,
        standing=standing,
        works=works,
        groups={each.number: each for each in groups},
        points_id=plan_id,
        restored_at=restored_at,
    )


def speaker(
    members: tuple[Member, ...],
    numbers: tuple[int, ...],
    owner: int | None = None,
    heard_of: frozenset[int] = frozenset(),
) -> int:
    shared = Shared(numbers, owner, heard_of)
    speakers = {Joint(members=members, mine=n).cast([shared]).parts[shared].speaker for n in (0, 1)}
    assert len(speakers) == 1, "they do not agree on who speaks"
    return speakers.pop()


_spans = st.tuples(st.integers(0, 47), st.integers(1, 12)).map(
    lambda both: span(both[0] / 2, (both[0] + both[1]) / 2)
)
_classes = st.sampled_from(
    [ImpactClass.OUT, ImpactClass.UNKNOWN, ImpactClass.SHORT, ImpactClass.LOST_ONE_SOURCE]
)
_groups = st.builds(
    lambda windows, impact_class, place: group(
        *union(windows), impact_class=impact_class, place=place
    ),
    st.lists(_spans, min_size=1, max_size=3),
    _classes,
    st.sampled_from(["东一线", "一里、二里", "二里", ""]),
)
_by_place = st.dictionaries(st.integers(0, 4), _groups, min_size=1, max_size=4)


def moments(windows: tuple[Window, ...]) -> set[datetime]:
    """Every quarter of an hour that lies in them; they are of half hours."""
    found = set()
    for window in windows:
        moment = window.starts_at + timedelta(minutes=15)
        while moment < window.ends_at:
            found.add(moment)
            moment += timedelta(minutes=30)
    return found


@given(_by_place)
def test_no_window_is_lost_and_none_is_invented(groups: dict[int, Group]) -> None:
    """Every plan is told by one voice, and the voices together say exactly the windows of all plans."""
    voices = list(joint.voices(groups))
    said = [joint.united(list(voice.values())) for voice in voices]

    assert sorted(place for voice in voices for place in voice) == sorted(groups)
    for voice, told in zip(voices, said, strict=True):
        assert moments(told.windows) == set().union(*(moments(g.windows) for g in voice.values()))


@given(_by_place)
def test_nobody_hears_of_a_graver_outage_than_there_is(groups: dict[int, Group]) -> None:
    """A moment is told as out only where a plan takes it out, and never as less than that."""
    grave = (ImpactClass.OUT, ImpactClass.UNKNOWN)
    out = set().union(*(moments(g.windows) for g in groups.values() if g.impact_class in grave))
    said = [joint.united(list(voice.values())) for voice in joint.voices(groups)]

    assert out == set().union(*(moments(g.windows) for g in said if g.impact_class in grave))


@given(_by_place)
def test_the_order_does_not_matter(groups: dict[int, Group]) -> None:
    """The same voices, whichever plan is named first."""
    backwards = dict(reversed(list(groups.items())))

    assert [sorted(v) for v in joint.voices(groups)] == [sorted(v) for v in joint.voices(backwards)]


@given(_groups)
def test_one_plan_alone_gives_itself(one: Group) -> None:
    """Nothing is said otherwise because a plan might have had partners."""
    assert joint.united([one]) == one
    assert list(joint.voices({3: one})) == [{3: one}]


def test_seconds_outside_the_hours_are_told_by_their_own_plan() -> None:
    """Off from 8 to 12, and for seconds at 14: two things, told by two plans."""
    hours = member(1, group(span(8, 12)))
    seconds = member(2, group(span(14, 14.5), impact_class=ImpactClass.SHORT))
    shared = Shared((1, 1), None)

    casts = [Joint(members=(hours, seconds), mine=mine).cast([shared]) for mine in (0, 1)]

    assert [cast.parts[shared].speaker for cast in casts] == [0, 1]
    assert [cast.parts[shared].concerned for cast in casts] == [{0}, {1}]
    assert not any(cast.voices for cast in casts)


def test_seconds_within_the_hours_are_told_with_them() -> None:
    """Whoever is off from 8 to 12 does not notice the seconds at 9."""
    members = (
        member(1, group(span(9, 9.5), impact_class=ImpactClass.SHORT)),
        member(2, group(span(8, 12))),
    )

    assert speaker(members, (1, 1)) == 1


def test_the_gravest_speaks_and_among_equals_the_one_that_owes_notice_earliest() -> None:
    """A planned outage speaks before one at short notice, else the first plan."""
    short_notice = member(1, group(span(8, 12)), kind=PlanKind.SHORT_NOTICE)
    planned = member(2, group(span(8, 14)))

    assert speaker((short_notice, planned), (1, 1)) == 1
    assert speaker((member(1, group(span(8, 12))), planned), (1, 1)) == 0


def test_what_is_said_for_several_names_all_works_and_places() -> None:
    """8 to 14 on both lines, for both works, and on behalf of the other plan."""
    members = (
        member(1, group(span(8, 12), place="东一线、一里"), works="更换开关"),
        member(2, group(span(8, 14), place="一里、西一线"), works="检修变压器"),
    )
    shared = Shared((1, 1), None)

    cast = Joint(members=members, mine=0).cast([shared])

    voice = cast.voices[cast.parts[shared].number]
    assert voice.group.windows == (span(8, 14),)
    assert voice.group.place == "东一线、一里、西一线"
    assert (voice.works, voice.speaks_for) == ("更换开关、检修变压器", (2,))


def test_a_plan_that_waits_for_approval_again_counts_but_does_not_speak() -> None:
    """The other speaks for both; alone, nobody does, and that plan is named."""
    members = (
        member(1, group(span(8, 12)), standing=Standing.STANDS),
        member(2, group(span(8, 14)), standing=Standing.LIVE),
    )
    alone = (members[0], member(2, group(span(8, 14)), standing=Standing.OFF))

    assert speaker(members, (1, 1), 0, frozenset({0})) == 1
    shared = Shared((1, 1), 1, frozenset({0, 1}))
    assert Joint(members=alone, mine=1).cast([shared]).parts[shared].speaker == 0


def test_what_waits_for_approval_again_is_not_announced_to_who_never_heard_of_it() -> None:
    """Only the approved plan's windows are said; the other's follow once it is approved."""
    members = (
        member(1, group(span(8, 12))),
        member(2, group(span(8, 14)), standing=Standing.STANDS),
    )
    shared = Shared((1, 1))

    cast = Joint(members=members, mine=0).cast([shared])

    assert cast.parts[shared].speaker == 0
    assert not cast.voices


def test_whoever_ends_last_closes_the_outage() -> None:
    """Both are done: the one that brought supply back last says so."""
    members = tuple(
        member(n, group(span(8, 14)), standing=Standing.ENDED, restored_at=at(14 - n))
        for n in (1, 2)
    )

    assert speaker(members, (1, 1)) == 0


def test_whoever_told_puts_it_right_where_no_plan_takes_anybody_out() -> None:
    """Both are cancelled: the one that spoke last says so, the other nothing."""
    members = tuple(member(n, group(span(8, 14)), standing=Standing.OFF) for n in (1, 2))

    assert speaker(members, (0, 0), owner=1) == 1


def test_what_is_over_of_an_ended_plan_stays_in_the_story() -> None:
    """P1 came back at 10 and P2 follows at 13: from 8 to 10, and from 13 to 15."""
    members = (
        member(1, group(span(8, 12)), standing=Standing.ENDED, restored_at=at(10)),
        member(2, group(span(13, 15))),
    )
    shared = Shared((1, 1), 0)

    cast = Joint(members=members, mine=1).cast([shared])

    assert cast.voices[cast.parts[shared].number].group.windows == (span(8, 10), span(13, 15))


@given(st.lists(st.tuples(_groups, st.sampled_from(Standing)), min_size=2, max_size=5), st.data())
def test_all_plans_agree_on_who_speaks(
    drawn: list[tuple[Group, Standing]], data: st.DataObject
) -> None:
    """Each decides for itself; for each person each voice has one speaker, and it is a plan of that
    voice that may speak, where there is one."""
    members = tuple(
        member(n, each, standing=standing, restored_at=at(9))
        for n, (each, standing) in enumerate(drawn, start=1)
    )
    places = range(len(members))
    numbers = tuple(data.draw(st.sampled_from([0, 1])) for _ in places)
    owner = data.draw(st.sampled_from([None, *places]))
    heard_of = (
        frozenset() if owner is None else frozenset({owner, data.draw(st.sampled_from(places))})
    )
    shared = Shared(numbers, owner, heard_of)

    parts = [Joint(members=members, mine=mine).cast([shared]).parts[shared] for mine in places]

    live = [p for p in places if numbers[p] and members[p].standing is Standing.LIVE]
    for mine in live:
        speaks = parts[mine].speaker
        assert speaks in live
        assert parts[speaks].speaker == speaks
        assert parts[speaks].concerned == parts[mine].concerned
    for p in places:
        speaks = parts[p].speaker == p and numbers[p] and live
        may_speak = members[p].standing in (Standing.LIVE, Standing.STANDS)
        assert not speaks or may_speak or parts[p].concerned == {p}, "closed, it puts its own right"


def test_a_closed_plan_puts_right_what_it_told_for_itself() -> None:
    """The seconds at 14 are off, the hours from 8 to 12 stand: the plan of the seconds says so."""
    seconds = group(span(14, 14.5), impact_class=ImpactClass.SHORT)
    members = (member(1, group(span(8, 12))), member(2, seconds, standing=Standing.OFF))
    shared = Shared((1, 1), 1, frozenset({1}))

    parts = [Joint(members=members, mine=mine).cast([shared]).parts[shared] for mine in (0, 1)]

    assert [part.speaker for part in parts] == [0, 1]
    assert [part.concerned for part in parts] == [{0}, {1}]
