"""The check that no plan leaves without names whatever is broken, and by whom."""

from dataclasses import replace

import pytest

from notifier.domain.coordination import occupancy, validator
from notifier.domain.coordination.problem import (
    Area,
    Assignment,
    Grid,
    Instance,
    Limits,
    Mode,
    Plan,
    Request,
    Rule,
    asked,
    pinned,
)
from tests.domain.coordination import bureaus


def two(**changed: object) -> Instance:
    """Two works that may start in any shift of ten days, both asking for the first."""
    request = Request(
        key="W",
        half_hours=4,
        starts=tuple(range(18)),
        modes=(Mode(out=(0,)), Mode(out=(), short=(0,), tie_feeders=("F9", "F2"))),
        asked_start=0,
        crews=("C",),
        region="N",
        feeder="F1",
    )
    other = replace(request, key="X", feeder="F2", trunk=True)
    plain = Instance(
        grid=Grid(days=10), areas=(Area(key="A", customers=10),), requests=(request, other)
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def at(first: int | None, second: int | None, mode: int = 0) -> Plan:
    """Where the two works are."""
    return (Assignment(0, first, mode), Assignment(1, second))


def rules(instance: Instance, plan: Plan) -> set[Rule]:
    """What is broken."""
    return {violation.rule for violation in validator.check(instance, plan).violations}


@pytest.mark.parametrize(
    ("changed", "broken", "kept", "rule"),
    [
        ({"limits": Limits(crew_per_day={"C": 1})}, at(0, 1), at(0, 2), Rule.CREW),
        ({"limits": Limits(crew_days={("C", 3): 0})}, at(6, 0), at(4, 0), Rule.CREW),
        ({"limits": Limits(region_per_shift=1)}, at(0, 0), at(0, 1), Rule.REGION),
        ({"limits": Limits(regions={"N": 1})}, at(3, 3), at(3, 4), Rule.REGION),
        ({"precedence": ((0, 1),)}, at(2, 3), at(2, 4), Rule.PRECEDENCE),
        ({"exclusive_days": ((0, 1),)}, at(2, 3), at(4, 3), Rule.EXCLUSIVE),
        ({"same_outage": ((0, 1),)}, at(2, 3), at(3, 3), Rule.SAME_OUTAGE),
        ({}, at(2, 3, mode=1), at(2, 4, mode=1), Rule.TIE_FEEDER),
        ({}, at(18, 0), at(17, 0), Rule.START),
        ({}, at(None, 0), at(0, 0), Rule.DEFERRAL),
    ],
)
def test_a_broken_rule_is_named(
    changed: dict[str, object], broken: Plan, kept: Plan, rule: Rule
) -> None:
    """And a plan that keeps it is sound."""
    instance = two(**changed)

    assert rules(instance, broken) == {rule}
    assert rules(instance, kept) == set()


def test_each_request_has_one_assignment() -> None:
    """None missing, none twice, none unknown, no mode that is not there."""
    instance = two()

    assert rules(instance, at(0, 2)[:1]) == {Rule.ONE_EACH}
    assert rules(instance, (*at(0, 2), Assignment(1, 4))) == {Rule.ONE_EACH}
    assert rules(instance, (*at(0, 2), Assignment(7, 4))) == {Rule.ONE_EACH}
    assert Rule.MODE in rules(instance, at(0, 2, mode=5))


def test_what_waits_for_a_deferred_work_waits_too() -> None:
    """A successor may not be done while its predecessor is deferred; the other way round it may."""
    requests = tuple(replace(one, defer_cost=1) for one in two().requests)
    instance = two(precedence=((0, 1),), requests=requests)

    assert rules(instance, at(None, 4)) == {Rule.PRECEDENCE}
    assert rules(instance, at(4, None)) == set()


def test_frozen_works_are_not_blamed() -> None:
    """Limits that frozen works alone exceed count as reached; nothing may be added to them."""
    requests = tuple(replace(one, is_frozen=True) for one in two().requests)
    third = replace(two().requests[0], key="Y", asked_start=5)
    instance = two(limits=Limits(crew_per_day={"C": 1}), requests=(*requests, third))

    assert rules(instance, (*at(0, 0), Assignment(2, 5))) == set()
    assert rules(instance, (*at(0, 0), Assignment(2, 1))) == {Rule.CREW}
    assert rules(instance, (*at(2, 0), Assignment(2, 5))) == {Rule.START}


def test_a_pin_overrules_a_window() -> None:
    """The start a planner chose is the only one allowed, whatever the window says."""
    instance = pinned(two(), 0, 19)

    assert rules(instance, at(19, 0)) == set()
    assert rules(instance, at(2, 0)) == {Rule.START}


def test_the_numbers_of_a_limit_are_told() -> None:
    """How many works, how many are allowed, whose limit and on which day."""
    instance = two(limits=Limits(crew_per_day={"C": 1}))

    (violation,) = validator.check(instance, at(4, 5)).violations

    assert (violation.who, violation.at, violation.found, violation.allowed) == ("C", 2, 2, 1)
    assert violation.requests == (0, 1)


def test_each_crew_of_a_work_is_busy_on_its_days() -> None:
    """Not only the first that is named."""
    one, other = two().requests
    requests = (replace(one, crews=("C", "D")), replace(other, crews=("D",)))
    instance = two(limits=Limits(crew_per_day={"D": 1}), requests=requests)

    assert rules(instance, at(2, 3)) == {Rule.CREW}
    assert rules(instance, at(2, 4)) == set()


@pytest.mark.parametrize("seed", range(30))
def test_placing_one_by_one_and_checking_all_agree(seed: int) -> None:
    """A plan is sound exactly if its works can be placed one after the other, rule by rule."""
    instance = bureaus.bureau(seed, requests=4, may_defer=False)
    requests = tuple(replace(one, is_frozen=False) for one in instance.requests)
    instance = replace(instance, requests=requests, same_outage=())
    for plan in list(bureaus.every(instance))[:200]:
        placed = occupancy.Occupancy(instance)
        fits = True
        for assignment in plan:
            fits = fits and placed.fits(assignment)
            placed.add(assignment)

        assert fits == validator.check(instance, plan).is_sound


def test_what_was_asked_is_a_plan_like_any_other() -> None:
    """Clashes and all."""
    assert rules(two(limits=Limits(crew_per_day={"C": 1})), asked(two())) == {Rule.CREW}
