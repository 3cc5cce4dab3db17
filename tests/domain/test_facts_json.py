"""Facts survive the ledger."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.customer import Audience, Need
from notifier.domain.facts_json import facts_as_dict, facts_from_dict
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Stage
from notifier.domain.window import Window

times = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  # the zone is the strategy's
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
windows = st.builds(
    lambda start, length: Window(start, start + length),
    times,
    st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9)),
)
facts = st.builds(
    Facts,
    number=st.text(),
    stage=st.sampled_from(Stage),
    impact_class=st.sampled_from(ImpactClass),
    windows=st.lists(windows, max_size=3).map(tuple),
    told_windows=st.lists(windows, max_size=3).map(tuple),
    audience=st.sampled_from(Audience),
    need=st.sampled_from(Need),
    where=st.text(),
    works=st.text(),
    revision=st.integers(min_value=0),
    restored_at=st.none() | times,
    of_day=st.lists(windows, max_size=2).map(tuple),
)


@given(facts)
def test_facts_come_back_as_they_were(said: Facts) -> None:
    """Through JSON text, with times equal to the microsecond."""
    assert facts_from_dict(json.loads(json.dumps(facts_as_dict(said)))) == said


@given(facts)
def test_equal_facts_read_alike_in_every_zone(said: Facts) -> None:
    """The ledger compares text: the same moment told in another zone is the same."""
    moved = replace(
        said,
        windows=tuple(
            Window(w.starts_at.astimezone(), w.ends_at.astimezone()) for w in said.windows
        ),
    )

    assert facts_as_dict(moved) == facts_as_dict(said)
