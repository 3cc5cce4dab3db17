"""Small bureaus with every kind of rule in them, and what is best found by trying everything."""

import itertools
import random
from collections.abc import Iterator

from notifier.domain.coordination import validator
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


def bureau(seed: int, requests: int = 5, *, may_defer: bool = True) -> Instance:
    """A made-up instance of ten areas in which works meet often; every other looks back some days only."""
    rng = random.Random(seed)
    grid = Grid(
        days=8,
        shifts_per_day=2,
        starts_per_shift=rng.choice((1, 1, 2)),
        look_back_days=2 + seed % 3 if seed % 2 else 60,
    )
    areas = tuple(
        Area(
            key=f"A{number}",
            customers=rng.randint(1, 9) * 10,
            is_sensitive=rng.random() < 0.2,
            recent_interruptions=rng.choice((0, 0, 1, 2, 4)),
        )
        for number in range(10)
    )
    works = tuple(_work(rng, number, grid, may_defer) for number in range(requests))
    pairs = list(itertools.combinations(range(requests), 2))
    rng.shuffle(pairs)
    one, other, third = (tuple(pairs[:count]) for count in rng.choices((0, 1), k=3))
    return Instance(
        grid=grid,
        areas=areas,
        requests=works,
        weights=Weights(move_asked=rng.choice((0, 3)), sensitive_extra_customers=50, limit=2),
        limits=Limits(
            crew_per_day={0: 1, 1: rng.choice((1, 2))},
            crew_days={(1, 3): 0} if rng.random() < 0.5 else {},
            region_per_shift=rng.choice((1, 2, None)),
        ),
        precedence=one,
        exclusive_days=tuple(pairs[2:3]) if other else (),
        same_outage=tuple(pairs[4:5]) if third else (),
    )


def _work(rng: random.Random, number: int, grid: Grid, may_defer: bool) -> Request:
    days = rng.choice((1, 1, 1, 2))
    latest = (grid.days - days) * grid.starts_per_day
    starts = tuple(sorted(rng.sample(range(latest), min(latest, rng.randint(1, 4)))))
    first = rng.randrange(6)
    modes = [Mode(out=tuple(range(first, first + rng.randint(1, 4))))]
    while len(modes) < rng.choice((1, 2, 3)):
        out = modes[0].out
        at = rng.randint(0, len(out) - 1)
        tie = rng.choice((None, 0, 1, 2))
        ties = () if tie is None else (0, 1, 2)[: tie + 1][-2:]
        modes.append(Mode(out=out[:at], short=out[at:], tie_feeders=ties))
    asked = rng.choice(starts)
    return Request(
        key=f"R{number}",
        half_hours=rng.randint(1, 9),
        starts=starts,
        modes=tuple(modes),
        asked_start=asked,
        asked_mode=0,
        days=days,
        feeder=rng.choice((0, 1, 2)),
        region=rng.choice((0, 0, None)),
        crews=rng.choice(((0,), (1, 0), ())),
        trunk=rng.random() < 0.5,
        published_start=asked if rng.random() < 0.3 else None,
        move_surcharge=rng.choice((0, 40)),
        defer_cost=rng.choice((900, 5000, 20000)) if may_defer else None,
        is_frozen=rng.random() < 0.15,
        pinned_start=rng.choice(starts) if rng.random() < 0.1 else None,
    )


def best(instance: Instance) -> int | None:
    """The least objective of any sound plan, by trying every one; None where there is none."""
    found = [
        verdict.objective
        for plan in every(instance)
        if (verdict := validator.check(instance, plan)).is_sound
    ]
    return min(found, default=None)


def every(instance: Instance) -> Iterator[Plan]:
    """Every plan, sound or not."""
    choices = []
    for number, request in enumerate(instance.requests):
        ones = [
            Assignment(number, start, mode)
            for start in request.start_choices
            for mode in request.mode_choices
        ]
        choices.append(ones + ([Assignment(number, None)] if request.may_be_deferred else []))
    return itertools.product(*choices)
