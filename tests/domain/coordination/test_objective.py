"""What a plan costs: by hand, as the departments' files say, and reckoned in two ways."""

import random

import pytest

from notifier.domain.coordination import classes, objective, validator
from notifier.domain.coordination.problem import (
    Area,
    Assignment,
    Grid,
    Instance,
    Mode,
    Request,
    Weights,
    asked,
)
from notifier.domain.coordination.tally import Tally
from tests.domain.coordination import bureaus

WEIGHTS = Weights(
    interruption=10, half_hour=1, repeat=10, over_limit=100, short=1, move_notified=2,
    sensitive_extra_customers=200, limit=3,
)  # fmt: skip


def work(**changed: object) -> Request:
    """A work of four half-hours in area 0, asked for at start 4."""
    usual: dict[str, object] = {
        "key": "W",
        "half_hours": 4,
        "starts": (4, 6),
        "modes": (Mode(out=(0,)),),
        "asked_start": 4,
    }
    return Request(**(usual | changed))  # type: ignore[arg-type]


def instance(*requests: Request, recent: int = 0, sensitive: bool = False) -> Instance:
    """Two areas of 100 and 50 customers."""
    return Instance(
        grid=Grid(days=10),
        areas=(
            Area(key="A", customers=100, is_sensitive=sensitive, recent_interruptions=recent),
            Area(key="B", customers=50),
        ),
        requests=requests,
        weights=WEIGHTS,
    )


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        (0, 100 * (10 + 4)),
        (1, 100 * (10 + 4 + 10)),
        (2, 100 * (10 + 4 + 10)),
        (3, 100 * (10 + 4 + 10 + 100)),
        (5, 100 * (10 + 4 + 10 + 100)),
    ],
)
def test_an_interruption_costs_more_the_more_there_were(recent: int, expected: int) -> None:
    """From the second on it is a repeat, beyond the limit it is that too; history counts."""
    one = instance(work(), recent=recent)

    assert objective.cost(one, asked(one)).total == expected


def test_works_at_one_start_share_an_interruption() -> None:
    """One interruption as long as the longest work; a start later it is two, and a repeat."""
    one = instance(work(), work(half_hours=6))
    apart = (Assignment(0, 4), Assignment(1, 6))

    assert objective.cost(one, asked(one)).total == 100 * (10 + 6)
    assert objective.cost(one, apart).total == 100 * (10 + 4 + 10 + 6 + 10)


def test_sensitive_customers_count_for_many() -> None:
    """An area with somebody sensitive costs as if 200 more customers lived there; figures do not."""
    one = instance(work(), sensitive=True)

    assert objective.cost(one, asked(one)).total == 300 * 14
    assert objective.figures(one, asked(one)).interruptions == 100


def test_a_work_of_two_days_interrupts_twice() -> None:
    """Each day is an interruption of its own."""
    one = instance(work(days=2))

    assert objective.figures(one, asked(one)).interruptions == 200
    assert objective.figures(one, asked(one)).repeats == 100


def test_a_transfer_costs_seconds_each_day() -> None:
    """Real customers, once a day of work."""
    one = instance(
        work(days=2, modes=(Mode(out=(), short=(0, 1), tie_feeders=(3,)),)), sensitive=True
    )

    assert objective.cost(one, asked(one)).total == 2 * 150


def test_who_was_told_must_be_told_again() -> None:
    """A published work that leaves its start costs by the customers of its first mode."""
    one = instance(work(published_start=4, move_surcharge=7))
    moved = (Assignment(0, 6),)

    assert objective.cost(one, asked(one)).moves == 0
    assert objective.cost(one, moved).moves == 2 * 100 + 7
    assert objective.figures(one, moved).told_again == 100


def test_a_deferred_work_costs_what_it_says() -> None:
    """And interrupts nobody."""
    one = instance(work(defer_cost=5_000))
    deferred = (Assignment(0, None),)

    assert objective.cost(one, deferred).total == 5_000
    assert objective.figures(one, deferred).deferred == 1


@pytest.mark.parametrize("seed", range(40))
def test_cost_validator_and_tally_agree(seed: int) -> None:
    """Three reckonings of any plan, sound or not: by area, through the calendar, work by work."""
    one = bureaus.bureau(seed, requests=7)
    rng = random.Random(seed)
    plan = tuple(
        Assignment(
            number,
            None
            if request.may_be_deferred and rng.random() < 0.2
            else rng.choice(request.start_choices),
            rng.choice(request.mode_choices),
        )
        for number, request in enumerate(one.requests)
    )
    tally = Tally(one, classes.groups(one))
    added = 0
    for assignment in rng.sample(plan, len(plan)):
        added += tally.price(assignment)
        tally.add(assignment)

    assert objective.cost(one, plan).total == validator.check(one, plan).objective == added


def test_another_way_is_told_to_whom_it_changes_something() -> None:
    """Of a published work that stays at its time; one that moves tells everybody."""
    modes = (Mode(out=(0, 1)), Mode(out=(0,), short=(1,)))
    one = instance(work(modes=modes, published_start=0))
    everybody = sum(area.customers for area in one.areas[:2])

    assert objective.told_again(one, Assignment(0, 0, 0)) == 0
    assert objective.told_again(one, Assignment(0, 0, 1)) == one.areas[1].customers
    assert objective.told_again(one, Assignment(0, 1, 1)) == everybody
    assert objective.told_again(instance(work(modes=modes)), Assignment(0, 1, 1)) == 0
