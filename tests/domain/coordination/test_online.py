"""The answer at submission: counts against a slow reckoning, and suggestions that keep their word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.coordination import online, online_moves
from notifier.domain.coordination.online_index import HISTORY, MINUTE, Index, Known, Outage, Work
from notifier.domain.reliability import Span

DAY = online_moves.DAY
LOOK = online_moves.LOOK
EIGHT = 8 * 60
HOUR = 60 * MINUTE


def index(*works: Work, areas: int = 6) -> Index:
    """Areas 1 to ``areas``, two a feeder, of 10, 20, … customers; the third has a hospital."""
    made = Index(
        Known(
            area_id=n,
            feeder_id=(n + 1) // 2,
            customers=10 * n,
            special=((4, 1),) if n == 3 else (),
        )
        for n in range(1, areas + 1)
    )
    for work in works:
        made.put(work)
    return made


def work(key: str, day: int, *areas: int, hours: int = 8, at: int = EIGHT, **more: str) -> Work:
    """A work from eight o'clock of a day."""
    start = day * DAY + at * MINUTE
    windows = ((start, start + hours * HOUR),)
    return Work(key=key, outages=(Outage(areas=areas, windows=windows),), **more)


def check(made: Index, of: Work, **rules: object) -> online.Check:
    return online.check(made, of, online_moves.Rules(**rules))  # type: ignore[arg-type]


def test_others_are_those_that_share_an_area_within_sixty_days() -> None:
    """Before and after, with the shared areas, their customers and the days between."""
    near, far = work("B", 110, 2, 5), work("C", 300, 2)
    made = index(work("A", 100, 1, 2), near, far, work("D", 105, 6))

    found = check(made, made.works["A"]).others

    assert [other.work.key for other in found] == ["B"]
    assert (found[0].customers, found[0].gap // DAY) == (20, 9)
    assert [made.area_ids[place] for place in found[0].places] == [2]


def test_history_and_future_count_alike() -> None:
    """An interruption suffered, the work itself and one to come are three within sixty days."""
    made = index(work("history:1", 80, 1, state=HISTORY), work("A", 100, 1, 2), work("B", 120, 1))

    found = check(made, made.works["A"])

    assert found.by_count == {1: 20, 3: 10}
    assert (found.hit_again, found.customers, found.over_limit) == (10, 30, 0)


def test_the_limit_is_crossed_by_the_fourth() -> None:
    """Three in sixty days are borne, four are not."""
    made = index(*(work(f"W{n}", 100 + n, 1) for n in range(4)))

    assert check(made, made.works["W0"]).over_limit == 10


def test_special_customers_are_counted_by_class() -> None:
    """Those that are out, and those of them that are out again."""
    made = index(work("A", 100, 3), work("B", 110, 3), work("C", 100, 4))

    again, once = check(made, made.works["A"]), check(made, work("X", 100, 3, 4, state="draft"))

    assert (again.special, again.special_hit) == ({4: 1}, {4: 1})
    assert once.special == {4: 1}
    assert check(index(work("A", 100, 3)), work("A", 100, 3)).special_hit == {}


def test_a_merge_is_suggested_with_what_it_spares() -> None:
    """On the other work's day, at its hour, the shared customers are spared one interruption."""
    made = index(work("A", 100, 1, 2), work("B", 110, 1, 2, at=9 * 60))

    best = check(made, made.works["A"]).suggestions[0]

    assert [(one.key, number) for one, number in best.merged] == [("B", 30)]
    assert best.start == 110 * DAY + 9 * HOUR
    assert (best.spared_interruptions, best.spared_repeats) == (30, 30)
    assert best.spared_time == 30 * 8 * HOUR


def test_a_day_beyond_the_look_back_spares_a_repeat() -> None:
    """Where nothing can be shared, moving out of somebody's sixty days helps."""
    made = index(work("history:1", 50, 1, state=HISTORY), work("A", 100, 1))

    best = check(made, made.works["A"]).suggestions[0]

    assert best.merged == ()
    assert (best.shift // DAY, best.spared_repeats) == (10, 10)


def test_starts_that_are_not_allowed_are_not_suggested() -> None:
    """They are counted by what forbids them."""
    made = index(work("A", 100, 1, 2), work("B", 110, 1, 2))

    found = check(
        made, made.works["A"], refuses=lambda start: "notice" if start > 105 * DAY else ""
    )

    assert all(item.start < 105 * DAY for item in found.suggestions)
    assert found.refused == {"notice": 18}


def test_moving_what_people_were_told_of_has_its_price() -> None:
    """The gain is less by the customers to be told again; a small gain is none."""
    made = index(work("A", 100, 1, 2), work("B", 110, 1, 2))

    free = online.check(made, made.works["A"], online_moves.Rules())
    told = online.check(made, made.works["A"], online_moves.Rules(), is_published=True)

    assert free.suggestions[0].gain - told.suggestions[0].gain == 5 * 30
    assert told.suggestions[0].told_again == 30


def test_a_work_is_not_its_own_neighbour() -> None:
    """A plan in the index that is checked in another version is left out of the count."""
    made = index(work("A", 100, 1), work("B", 105, 1))

    found = check(made, work("A", 101, 1))

    assert [other.work.key for other in found.others] == ["B"]
    assert found.by_count == {2: 10}


def test_an_index_follows_what_changes_and_a_fork_does_not() -> None:
    """Put again, a work is where it now is; dropped, nowhere; a fork keeps what it saw."""
    made = index(work("A", 100, 1), work("B", 105, 1, 2))
    fork = made.fork()

    made.put(work("B", 105, 3))
    made.drop("A")
    made.drop("nobody")

    assert check(made, work("X", 100, 1)).others == ()
    assert [o.work.key for o in check(made, work("X", 100, 3)).others] == ["B"]
    assert {o.work.key for o in check(fork, work("X", 100, 1)).others} == {"A", "B"}


def test_an_area_hit_in_part_is_counted_customer_by_customer() -> None:
    """Those whom a file names, and those whom a plan takes out of an area, and nobody else."""
    named = frozenset({8 * 1, 8 * 2 + 4})
    windows = ((90 * DAY, 90 * DAY + HOUR),)
    part = Work(key="B", outages=(Outage(areas=(), windows=windows, parts={3: named}),))
    made = index(work("A", 100, 2, 3), part)

    whole, back = check(made, made.works["A"]), check(made, part)

    assert (whole.by_count, whole.special_hit) == ({1: 48, 2: 2}, {4: 1})
    assert (back.by_count, back.special, back.customers) == ({2: 2}, {4: 1}, 2)
    assert [(other.work.key, other.customers) for other in whole.others] == [("B", 2)]


def test_what_was_never_approved_in_time_did_not_happen() -> None:
    """Before its end a draft may still take place, afterwards it did not."""
    windows = ((90 * DAY, 90 * DAY + HOUR),)
    draft = Work(key="D", outages=(Outage(areas=(1,), windows=windows, is_firm=False),))
    made = index(work("A", 100, 1), draft)

    assert check(made, made.works["A"], now=80 * DAY).by_count == {2: 10}
    assert check(made, made.works["A"], now=95 * DAY).by_count == {1: 10}


def test_minutes_are_momentary_up_to_the_limit() -> None:
    """They are no interruption, unless another work makes them longer."""
    short = Outage(areas=(1,), windows=((90 * DAY, 90 * DAY + 3 * MINUTE),))
    made = index(work("A", 100, 1), Work(key="S", outages=(short,)))

    assert check(made, made.works["A"]).by_count == {1: 10}
    assert check(made, made.works["S"]).by_count == {0: 10}
    assert check(made, made.works["A"], momentary=2 * MINUTE).by_count == {2: 10}


# --- Against a slow reckoning ----------------------------------------------------------------------


def joined(windows: list[Span]) -> list[list[int]]:
    """Windows that overlap or touch as one."""
    found: list[list[int]] = []
    for start, end in sorted(windows):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return found


def slow_counts(windows: list[Span]) -> list[tuple[int, int]]:
    """(start, rolling count) of every interruption, by brute force."""
    merged = joined(windows)
    return [(s, sum(s - LOOK < other <= s for other, _ in merged)) for s, _ in merged]


_works = st.lists(
    st.tuples(
        st.sets(st.integers(1, 6), min_size=1, max_size=4),
        st.integers(90, 200),
        st.sampled_from((0, 8, 9, 20)),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(_works)
def test_counts_are_those_of_a_slow_reckoning(drawn: list[tuple[set[int], int, int, int]]) -> None:
    """For every area: the highest count among the interruptions that the first work causes, adds to
    or is counted in."""
    works = [
        work(f"W{n}", day, *sorted(areas), at=hour * 60, hours=hours)
        for n, (areas, day, hour, hours) in enumerate(drawn)
    ]
    made = index(*works)
    own = works[0].outages[0]

    found = check(made, works[0])

    for hit in found.hits:
        for place in hit.places:
            area = made.area_ids[place]
            windows = [
                w for one in works for o in one.outages if area in o.areas for w in o.windows
            ]
            counts = slow_counts(windows)
            mine = max(s for s, _ in counts if s <= own.windows[0][0])
            assert hit.count == max(c for s, c in counts if mine <= s < mine + LOOK)


@settings(max_examples=60, deadline=None)
@given(_works)
def test_a_suggestion_keeps_its_word(drawn: list[tuple[set[int], int, int, int]]) -> None:
    """Whoever follows it finds the repeats, interruptions and minutes that it promised."""
    works = [
        work(f"W{n}", day, *sorted(areas), at=hour * 60, hours=hours)
        for n, (areas, day, hour, hours) in enumerate(drawn)
    ]
    made = index(*works)

    def suffered(first: Span) -> tuple[int, int, int]:
        interruptions = repeats = minutes = 0
        for area in works[0].outages[0].areas:
            windows = [first] + [
                w for one in works[1:] for o in one.outages if area in o.areas for w in o.windows
            ]
            counts = slow_counts(windows)
            interruptions += 10 * area * len(counts)
            repeats += 10 * area * sum(c > 1 for _, c in counts)
            minutes += 10 * area * sum(e - s for s, e in joined(windows))
        return interruptions, repeats, minutes

    start, end = works[0].outages[0].windows[0]
    for item in check(made, works[0]).suggestions:
        now, then = suffered((start, end)), suffered((start + item.shift, end + item.shift))
        promised = (item.spared_interruptions, item.spared_repeats, item.spared_time)
        assert promised == tuple(a - b for a, b in zip(now, then, strict=True))
        assert item.gain > 0


_parts = st.lists(
    st.tuples(
        st.sets(st.integers(1, 3)),
        st.dictionaries(st.integers(1, 3), st.frozensets(st.integers(0, 9), min_size=1)),
        st.integers(90, 160),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(_parts)
def test_every_customer_is_counted_as_if_alone(
    drawn: list[tuple[set[int], dict[int, frozenset[int]], int, int]],
) -> None:
    """Works that hit areas whole or in part: the count of each customer, one by one."""
    works = []
    for n, (areas, parts, day, hours) in enumerate(drawn):
        named = {area: frozenset(8 * who for who in some) for area, some in parts.items()}
        windows = ((day * DAY, day * DAY + hours * HOUR),)
        outage = Outage(areas=tuple(sorted(areas)), windows=windows, parts=named)
        works.append(Work(key=f"W{n}", outages=(outage,)))
    own = works[0].outages[0]

    found = check(index(*works), works[0]).by_count

    expected: dict[int, int] = {}
    for area in (1, 2, 3):
        for who in range(10 * area):
            hit = [
                outage
                for one in works
                for outage in one.outages
                if area in outage.areas or 8 * who in outage.parts.get(area, ())
            ]
            if own not in hit:
                continue
            counts = slow_counts([window for outage in hit for window in outage.windows])
            mine = max(s for s, _ in counts if s <= own.windows[0][0])
            count = max(c for s, c in counts if mine <= s < mine + LOOK)
            expected[count] = expected.get(count, 0) + 1
    assert found == expected
