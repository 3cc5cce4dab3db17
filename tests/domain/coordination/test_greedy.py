"""Greedy and local search: always sound, never worse than asked, and home where that is free."""

import pytest

from notifier.domain.coordination import classes, greedy, objective, validator
from notifier.domain.coordination.errors import NoPlan
from notifier.domain.coordination.problem import asked
from tests.domain.coordination import bureaus


@pytest.mark.parametrize("seed", range(40))
def test_a_greedy_plan_keeps_every_rule(seed: int) -> None:
    """Every kind of rule; and where what was asked for is sound, the plan costs no more."""
    instance = bureaus.bureau(seed, requests=8)

    plan = greedy.plan(instance)

    verdict = validator.check(instance, plan)
    assert verdict.is_sound
    wish = validator.check(instance, asked(instance))
    if wish.is_sound:
        assert verdict.objective <= wish.objective


@pytest.mark.parametrize("seed", range(20))
def test_settling_moves_works_home_for_nothing(seed: int) -> None:
    """The plan stays sound, costs no more, and moves no more works."""
    instance = bureaus.bureau(seed, requests=8)
    groups = classes.groups(instance)
    plan = greedy.plan(instance, groups)

    settled = greedy.settle(instance, groups, plan)

    verdict = validator.check(instance, settled)
    assert verdict.is_sound
    assert verdict.objective <= validator.check(instance, plan).objective
    assert objective.figures(instance, settled).moved <= objective.figures(instance, plan).moved


def test_no_plan_is_a_refusal_with_names() -> None:
    """Where works cannot all be placed, and none may wait, the refusal says which."""
    instance = next(
        one
        for seed in range(500)
        if bureaus.best(one := bureaus.bureau(seed, requests=4, may_defer=False)) is None
    )

    with pytest.raises(NoPlan) as refused:
        greedy.plan(instance)

    assert refused.value.requests
    assert refused.value.code == "coordination.no_plan"


def test_groups_and_components_cover_everything() -> None:
    """Every area that is taken out is in one group, every request in one component."""
    for seed in range(20):
        instance = bureaus.bureau(seed, requests=8)
        groups = classes.groups(instance)
        areas = [area for group in groups for area in group.areas]
        members = [n for ones in classes.components(instance, groups) for n in ones]

        assert len(areas) == len(set(areas))
        assert sorted(members) == list(range(8))
