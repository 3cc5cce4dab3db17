"""Why works were not merged, and what a longer window would be worth."""

from dataclasses import replace

import pytest

from notifier.domain.coordination import explain, greedy, objective, validator
from notifier.domain.coordination.explain import Obstacle
from notifier.domain.coordination.problem import (
    Area,
    Assignment,
    Grid,
    Instance,
    Limits,
    Mode,
    Plan,
    Request,
    Weights,
)
from tests.domain.coordination import bureaus

PLAN = (Assignment(0, 4), Assignment(1, 8), Assignment(2, 8))


def work(key: str, **changed: object) -> Request:
    """A work of four half-hours in one area."""
    usual: dict[str, object] = {
        "key": key,
        "half_hours": 4,
        "starts": (8,),
        "modes": (Mode(out=(0,)),),
        "asked_start": 8,
    }
    return Request(**(usual | changed))  # type: ignore[arg-type]


def three(
    first: dict[str, object] | None = None,
    second: dict[str, object] | None = None,
    third: dict[str, object] | None = None,
    **changed: object,
) -> Instance:
    """The first two share an area of 1,000 customers; the third is elsewhere, at the second's start."""
    requests = (
        work("first", **({"starts": (4, 8), "asked_start": 4} | (first or {}))),
        work("second", **(second or {})),
        work("third", **({"modes": (Mode(out=(1,)),)} | (third or {}))),
    )
    plain = Instance(
        grid=Grid(days=10),
        areas=(Area(key="A", customers=1000), Area(key="B", customers=10)),
        requests=requests,
        weights=Weights(move_notified=50),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


TWO_CREW = {"crews": ("C",)}


@pytest.mark.parametrize(
    ("instance", "obstacle"),
    [
        (three(first={"starts": (4, 6)}), Obstacle.WINDOW),
        (three(first={"is_frozen": True}), Obstacle.FROZEN),
        (three(first={"pinned_start": 4}), Obstacle.PINNED),
        (three(first={"published_start": 4}), Obstacle.PUBLISHED),
        (
            three(first=TWO_CREW, third=TWO_CREW, limits=Limits(crew_per_day={"C": 1})),
            Obstacle.CREW,
        ),
        (
            three(first={"region": "N"}, third={"region": "N"}, limits=Limits(region_per_shift=1)),
            Obstacle.REGION,
        ),
        (three(precedence=((0, 2),)), Obstacle.PRECEDENCE),
        (three(exclusive_days=((0, 2),)), Obstacle.EXCLUSIVE),
        (
            three(
                first={"modes": (Mode(out=(0,), tie_feeders=("F",)),)},
                third={"feeder": "F", "trunk": True},
            ),
            Obstacle.TIE_FEEDER,
        ),
    ],
)
def test_the_one_thing_in_the_way_is_named(instance: Instance, obstacle: Obstacle) -> None:
    """With the customers who would be spared a repeat, and the works in the way."""
    assert validator.check(instance, PLAN).is_sound

    (found,) = explain.unmerged(instance, PLAN)

    assert found.obstacle is obstacle
    assert found.requests == (0, 1)
    assert found.repeats == 1000
    if obstacle not in (Obstacle.WINDOW, Obstacle.FROZEN, Obstacle.PINNED, Obstacle.PUBLISHED):
        assert found.by == (2,)


def test_a_merge_that_was_made_needs_no_reason() -> None:
    """Nor does one that nothing forbids and that would spare nobody anything."""
    merged = (Assignment(0, 8), Assignment(1, 8), Assignment(2, 8))

    assert explain.unmerged(three(), merged) == ()


def test_a_longer_window_has_its_price() -> None:
    """The first work's window closes on day 3; a day later it could join the second."""
    instance = three(first={"starts": (4, 6)}, second={"starts": (8, 10)})

    first, second = explain.extensions(instance, PLAN)

    assert (first.request, first.start, first.days, first.joins) == (0, 8, 1, (1,))
    assert first.repeats == 1000
    assert first.half_hours == 4000
    assert (second.request, second.start, second.days) == (1, 4, -2)


def test_a_window_is_not_extended_where_a_rule_forbids_it() -> None:
    """A start outside the window must still keep all other rules."""
    instance = three(
        first=TWO_CREW | {"starts": (4, 6)},
        third=TWO_CREW,
        limits=Limits(crew_per_day={"C": 1}),
    )

    assert all(found.request != 0 for found in explain.extensions(instance, PLAN))


@pytest.mark.parametrize("seed", range(40))
def test_what_is_said_to_be_saved_would_be_saved(seed: int) -> None:
    """Carried out, a merge or an extension changes objective and repeats by just what was said."""
    instance = bureaus.bureau(seed, requests=8)
    plan = greedy.plan(instance)

    for merge in explain.unmerged(instance, plan):
        changed = _moved(plan, merge.requests, merge.start)
        assert _cost(instance, plan) - _cost(instance, changed) == merge.saved
        assert _repeats(instance, plan) - _repeats(instance, changed) == merge.repeats > 0
    for extension in explain.extensions(instance, plan):
        changed = _moved(plan, (extension.request,), extension.start)
        wider = tuple(
            replace(one, starts=tuple(sorted({*one.starts, extension.start})))
            for one in instance.requests
        )
        assert validator.check(replace(instance, requests=wider), changed).is_sound
        assert _cost(instance, plan) - _cost(instance, changed) == extension.saved > 0
        assert _repeats(instance, plan) - _repeats(instance, changed) == extension.repeats > 0


def _moved(plan: Plan, requests: tuple[int, ...], start: int) -> Plan:
    return tuple(replace(one, start=start) if one.request in requests else one for one in plan)


def _cost(instance: Instance, plan: Plan) -> int:
    return objective.cost(instance, plan).total


def _repeats(instance: Instance, plan: Plan) -> int:
    return objective.figures(instance, plan).repeats
