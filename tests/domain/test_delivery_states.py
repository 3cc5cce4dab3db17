"""The law of states: as the page draws it, as the tables allow it, and without a way back from the end."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from notifier.domain.delivery import (
    BATCH_ARROWS,
    DELIVERY_ARROWS,
    OPEN,
    TOLD,
    UNSENT,
    BatchState,
    DeliveryState,
)
from notifier.store import schema

PAGE = Path(__file__).parents[2] / "docs" / "delivery-states.md"


def _drawn(number: int) -> set[tuple[str, str]]:
    """The arrows of the page's diagram, from 0."""
    drawing = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[number]
    arrows: list[tuple[str, str]] = re.findall(r"^\s*(\S+) --> (\S+)$", drawing, re.MULTILINE)
    return set(arrows)


def _written(
    arrows: dict[BatchState, frozenset[BatchState]] | dict[DeliveryState, frozenset[DeliveryState]],
) -> set[tuple[str, str]]:
    found = {(old.name.lower(), new.name.lower()) for old, news in arrows.items() for new in news}
    ends = {(old.name.lower(), "[*]") for old, news in arrows.items() if not news}
    return found | ends | {("[*]", "scheduled")}


def _tabled(number: int) -> list[str]:
    tables = re.findall(r"\| --- \|.*\n((?:\|.*\n)+)", PAGE.read_text("utf-8"))
    return [line.split("|")[1].strip() for line in tables[number].splitlines()]


def test_the_page_draws_the_arrows_of_the_code() -> None:
    """No more and no fewer, for batches and for deliveries."""
    assert _drawn(0) == _written(BATCH_ARROWS)
    assert _drawn(1) == _written(DELIVERY_ARROWS)


def test_the_page_explains_every_state() -> None:
    """One line each."""
    assert sorted(_tabled(0)) == sorted(state.name.lower() for state in BatchState)
    assert sorted(_tabled(1)) == sorted(state.name.lower() for state in DeliveryState)


@pytest.mark.parametrize(("table", "states"), [("batch", BatchState), ("delivery", DeliveryState)])
def test_the_tables_allow_exactly_these_states(table: str, states: type[IntEnum]) -> None:
    """The CHECK constraint counts from the first to the last."""
    checks = [
        str(constraint.sqltext)
        for constraint in schema.metadata.tables[table].constraints
        if hasattr(constraint, "sqltext")
    ]

    assert f"state BETWEEN {min(states)} AND {max(states)}" in checks
    assert sorted(states) == list(range(min(states), max(states) + 1))


def test_every_state_can_be_reached_and_none_is_forgotten() -> None:
    """From scheduled on."""
    for arrows in (BATCH_ARROWS, DELIVERY_ARROWS):
        states = type(next(iter(arrows)))
        assert set(arrows) == set(states)
        reached = {states(0)}
        while more := {new for old in reached for new in arrows[old]} - reached:  # type: ignore[index]
            reached |= more
        assert reached == set(states)


def test_what_was_told_stays_told_or_is_known_to_have_failed() -> None:
    """Nothing that may have been read goes back to be sent again. The exceptions: a poster not yet up, and
    what the provider says it never had."""
    told = set(TOLD)
    back = {old: DELIVERY_ARROWS[old] - told - {DeliveryState.FAILED} for old in told}

    assert {old: news for old, news in back.items() if news} == {
        DeliveryState.ACCEPTED: {DeliveryState.WITHDRAWN},
        DeliveryState.UNCERTAIN: {DeliveryState.SCHEDULED},
    }
    assert set(OPEN) <= told
    assert DELIVERY_ARROWS[DeliveryState.DELIVERED] == frozenset()


def test_only_what_nobody_has_begun_may_be_withdrawn() -> None:
    """A batch in somebody's hands is left alone."""
    withdrawable = {old for old, news in BATCH_ARROWS.items() if BatchState.WITHDRAWN in news}

    assert withdrawable == set(UNSENT)
