"""Windows: half-open, aware, and joined without gain or loss."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.window import Window, WindowInvalid, require_plausible, showable, union

BASE = datetime(2026, 3, 5, tzinfo=UTC)
WINDOWS = st.builds(
    lambda start, length: Window(
        BASE + timedelta(hours=start), BASE + timedelta(hours=start + length)
    ),
    st.integers(0, 40),
    st.integers(1, 10),
)


def _hours(windows: tuple[Window, ...] | list[Window]) -> set[datetime]:
    moments = [BASE + timedelta(hours=hour) for hour in range(60)]
    return {moment for moment in moments if any(w.contains(moment) for w in windows)}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 3, 5, 8), datetime(2026, 3, 5, 9)),  # noqa: DTZ001 - without a zone
        (BASE, BASE),
        (BASE, BASE - timedelta(hours=1)),
    ],
)
def test_a_window_needs_a_zone_and_a_length(start: datetime, end: datetime) -> None:
    """Anything else is refused where it is made."""
    with pytest.raises(ValueError, match="window"):
        Window(start, end)


@given(st.lists(WINDOWS, max_size=8))
def test_a_union_covers_the_same_time_in_order_and_without_overlap(windows: list[Window]) -> None:
    """And joining again changes nothing."""
    joined = union(windows)

    assert _hours(joined) == _hours(windows)
    assert list(joined) == sorted(joined)
    assert all(a.ends_at < b.starts_at for a, b in pairwise(joined))
    assert union(joined) == joined


@given(WINDOWS, WINDOWS)
def test_windows_overlap_where_they_share_a_moment(one: Window, other: Window) -> None:
    """Those that only touch do not."""
    assert one.overlaps(other) == other.overlaps(one) == bool(_hours([one]) & _hours([other]))


def test_the_zone_it_is_written_in_does_not_matter() -> None:
    """Eight in Shanghai is midnight in UTC."""
    shanghai = timezone(timedelta(hours=8))
    there = Window(BASE.astimezone(shanghai), (BASE + timedelta(hours=1)).astimezone(shanghai))

    assert there == Window(BASE, BASE + timedelta(hours=1))
    assert there.contains(BASE)
    assert not there.contains(BASE + timedelta(hours=1))


FAR = [
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(2101, 6, 1, tzinfo=UTC),
    datetime(1999, 6, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", FAR)
def test_a_time_of_another_century_is_refused(moment: datetime) -> None:
    """What was found and what is expected, under the code of every other impossible window."""
    with pytest.raises(WindowInvalid, match="2000 to 2100") as refused:
        require_plausible(BASE, None, moment)

    assert refused.value.code == "window.invalid"
    assert moment.isoformat() in refused.value.sentence


@pytest.mark.parametrize("moment", FAR)
@pytest.mark.parametrize("offset", [-12, 14])
def test_whatever_was_kept_can_be_shown(moment: datetime, offset: int) -> None:
    """A database from before times were bounded is still read, in any zone."""
    zone = timezone(timedelta(hours=offset))
    start, end = sorted((moment, moment + timedelta(minutes=-30 if moment.year > 2000 else 30)))

    read = Window.from_text(start.isoformat(), end.isoformat())

    assert read.as_dict(zone)
    assert showable(moment).astimezone(zone) - timedelta(days=1)
