"""Moving another work too: what is promised is what would be, and no better pair is overlooked."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.coordination import online, online_joint, online_moves
from notifier.domain.coordination.online_index import HISTORY, Index, Work
from notifier.domain.coordination.online_joint import Joint
from notifier.domain.coordination.problem import Weights
from notifier.domain.reliability import Span
from tests.domain.coordination.test_online import DAY, HOUR, index, joined, slow_counts, work

WEIGHTS = Weights()
#: A few days either way, so that every pair can be tried by hand.
NEAR = tuple(n * DAY for n in (-5, -2, -1, 1, 2, 5))


def ask(made: Index, number: str = "A", *, held: str = "", **more: bool) -> tuple[Joint, ...]:
    rules = online_moves.Rules(candidates=NEAR)
    found = online.check(made, made.works[number], rules, **more)
    return online_joint.moving_too(
        made, found, rules, lambda other: None if other.key == held else rules, **more
    )


def suffered(works: Mapping[str, Work], shifts: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Cost, interruptions, repeats and time of everybody, by brute force, with works moved."""
    cost = interruptions = repeats = lasting = 0
    for area in range(1, 7):
        windows: list[Span] = [
            (start + shifts.get(key, 0), end + shifts.get(key, 0))
            for key, one in works.items()
            for outage in one.outages
            if area in outage.areas
            for start, end in outage.windows
        ]
        counts = [count for _, count in slow_counts(windows)]
        time = sum(end - start for start, end in joined(windows))
        burden = 10 * area + WEIGHTS.sensitive_extra_customers * (area == 3)
        cost += burden * (
            WEIGHTS.interruption * len(counts)
            + WEIGHTS.repeat * sum(count > 1 for count in counts)
            + WEIGHTS.over_limit * sum(count > WEIGHTS.limit for count in counts)
            + WEIGHTS.half_hour * time // (HOUR // 2)
        )
        interruptions += 10 * area * len(counts)
        repeats += 10 * area * sum(count > 1 for count in counts)
        lasting += 10 * area * time
    return cost, interruptions, repeats, lasting


def test_a_work_between_two_others_gains_most_where_one_of_them_comes_along() -> None:
    """A cannot join both B and C; where B joins the day of A and C, one outage is left of three."""
    made = index(work("A", 100, 1, 2), work("B", 98, 1, 2), work("C", 102, 1, 2))

    best = ask(made)[0]

    assert (best.other.key, best.is_merged, best.spared_interruptions) == ("B", True, 60)
    assert best.start == best.other_start == 102 * DAY + 8 * HOUR


def test_a_work_that_has_to_stay_is_not_moved() -> None:
    """Nor is what was suffered."""
    made = index(
        work("A", 100, 1), work("B", 98, 1), work("C", 102, 1), work("history:1", 90, 1, state=HISTORY)
    )  # fmt: skip

    assert [joint.other.key for joint in ask(made, held="B")] == ["C"]


def test_nothing_is_said_where_the_work_alone_can_do_as_much() -> None:
    """Joining the only other work needs no move of it."""
    assert ask(index(work("A", 100, 1, 2), work("B", 102, 1, 2))) == ()


def test_whoever_was_told_of_the_work_is_a_price_only_where_it_moves() -> None:
    """Moving the other one to it costs nobody a second notice."""
    made = index(work("A", 100, 1, 2), work("B", 102, 1, 2))

    best = ask(made, is_published=True)[0]

    assert (best.shift, best.told_again, best.more) == (0, 0, 5 * 30)


def test_the_answer_is_bounded_and_the_same_again() -> None:
    """So many steps, whatever the clock says."""
    made = index(*(work(f"W{n}", 90 + n, 1, 2, 3) for n in range(12)))
    rules = online_moves.Rules()
    found = online.check(made, made.works["W5"], rules)

    first, again = (
        online_joint.moving_too(made, found, rules, lambda _: rules, steps=500) for _ in range(2)
    )

    assert first == again


_drawn = st.lists(
    st.tuples(
        st.sets(st.integers(1, 4), min_size=1), st.integers(95, 104), st.sampled_from((480, 540, 840)),
        st.integers(1, 9),
    ),
    min_size=2,
    max_size=5,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(_drawn)
def test_no_better_pair_is_overlooked_and_every_promise_is_kept(
    drawn: list[tuple[set[int], int, int, int]],
) -> None:
    """Against every pair of starts tried by brute force, for every other work."""
    works = {
        f"W{n}": work(f"W{n}", day, *sorted(areas), at=at, hours=hours)
        for n, (areas, day, at, hours) in enumerate(drawn)
    }
    made = index(*works.values())
    rules = online_moves.Rules(candidates=NEAR)
    found = online.check(made, works["W0"], rules)
    alone = max((item.gain for item in found.suggestions), default=0)

    joints = online_joint.moving_too(made, found, rules, lambda _: rules, steps=10**6)

    now = suffered(works, {})
    for joint in joints:
        then = suffered(works, {"W0": joint.shift, joint.other.key: joint.other_shift})
        promised = joint.gain, joint.spared_interruptions, joint.spared_repeats, joint.spared_time
        assert promised == tuple(a - b for a, b in zip(now, then, strict=True))
        assert joint.more == joint.gain - alone > 0
    best = max((joint.gain for joint in joints), default=alone)
    for other in [item.work.key for item in found.others]:
        for shift in (0, *NEAR):
            for moved in NEAR:
                then = suffered(works, {"W0": shift, other: moved})
                assert now[0] - then[0] <= best


def test_a_work_that_takes_nobody_out_has_nothing_to_share() -> None:
    """A short transfer: it has no outage, and so no start."""
    made = index(replace(work("A", 100, 1), outages=()), work("B", 98, 1, 2))

    assert ask(made) == ()
