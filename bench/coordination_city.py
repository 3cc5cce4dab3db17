"""A made-up bureau's works for the coordination benchmarks, in the file format of ``docs/coordination.md``.

A hundred feeders of 20 areas in eight regions with three crews each. Three departments ask for
laterals, trunk sections (everything downstream is out, or transferred to the neighbouring feeder) and,
where asked for, busbar works over three feeders. What they ask for breaks no rule: limits are what the
wishes need. ``python -m bench.coordination_city --requests 500 --seed 3 > city.json`` prints one.
"""

import argparse
import bisect
import itertools
import json
import random
from collections import Counter, defaultdict
from typing import Any

FEEDERS, AREAS_PER_FEEDER, SECTION, REGIONS, CREWS_PER_REGION = 100, 20, 4, 8, 3
DAYS, NOTICE_DAYS = 60, 7
WEIGHTS = {
    "interruption": 10, "half_hour": 1, "repeat": 10, "over_limit": 100, "short": 1,
    "move_notified": 2, "sensitive_extra_customers": 200, "limit": 3,
}  # fmt: skip
_DEPARTMENTS = {"repair": 0.42, "construction": 0.31, "new_connection": 0.27}
_HALF_HOURS = {"repair": (5, 14), "construction": (11, 20), "new_connection": (4, 12)}
#: Days in the window a department gives, with how often.
_WINDOWS = ((1, 0.08), (3, 0.09), (7, 0.33), (10, 0.12), (14, 0.14), (21, 0.12), (28, 0.12))


def city(seed: int, requests: int, *, hot: float = 0.6, busbars: float = 0.0,
         half_hours: bool = False, days: int = DAYS, wide: int = 1) -> dict[str, Any]:  # fmt: skip
    """One instance.

    ``hot``: how unevenly feeders draw works (the spread of a log-normal law); ``busbars``: the share of
    works that take three feeders out; ``half_hours``: starts every half-hour, not twice a day; ``days``:
    the horizon; ``wide``: windows so many times as long.
    """
    rng = random.Random(seed)
    areas = [
        {
            "id": number,
            "customers": max(20, round(rng.lognormvariate(5.3, 0.55))),
            "sensitive": rng.random() < 0.026,
            "recent_interruptions": rng.choices((0, 1, 2, 3), (0.59, 0.325, 0.079, 0.006))[0],
        }
        for number in range(FEEDERS * AREAS_PER_FEEDER)
    ]
    drawn = [rng.lognormvariate(0, hot) for _ in range(FEEDERS)]
    busy = _Busy()
    made: list[dict[str, Any]] = []
    while len(made) < requests:
        is_busbar = rng.random() < busbars
        feeder = rng.choices(range(FEEDERS), drawn)[0]
        request = _request(rng, len(made), feeder, is_busbar)
        _ask(rng, request, busy, days, wide)
        made.append(request)
    if half_hours:
        _refine(rng, made)
    precedence, exclusive = _relations(rng, made, 24 if half_hours else 1)
    return {
        "horizon_days": days,
        "shifts_per_day": 2,
        "starts_per_shift": 24 if half_hours else 1,
        "notice_days": NOTICE_DAYS,
        "weights": WEIGHTS,
        "areas": areas,
        "requests": made,
        "crew_capacity_per_day": [
            max([1, *(load for (c, _), load in busy.crews.items() if c == crew)])
            for crew in range(REGIONS * CREWS_PER_REGION)
        ],
        "region_capacity_per_slot": max(busy.regions.values()),
        "precedence": precedence,
        "exclusive_days": exclusive,
    }


class _Busy:
    """What the wishes placed so far take up, so that the next wish clashes with none of them."""

    def __init__(self) -> None:
        self.crews: Counter[tuple[int, int]] = Counter()
        self.regions: Counter[tuple[int, int]] = Counter()
        self.trunks: set[tuple[int, int]] = set()
        self.ties: set[tuple[int, int]] = set()


def _request(rng: random.Random, number: int, feeder: int, is_busbar: bool) -> dict[str, Any]:
    department = rng.choices(list(_DEPARTMENTS), list(_DEPARTMENTS.values()))[0]
    first, modes, trunk = feeder * AREAS_PER_FEEDER, [], True
    downstream = list(range(first + SECTION * rng.randrange(5), first + AREAS_PER_FEEDER))
    if is_busbar:
        feeder = min(feeder, FEEDERS - 3)
        first = feeder * AREAS_PER_FEEDER
        modes.append(_mode(list(range(first, first + 3 * AREAS_PER_FEEDER))))
        department = "construction"
    elif rng.random() < 0.5:
        modes.append(_mode(downstream))
        at_work = SECTION * rng.choice((1, 1, 2))
        if len(downstream) > at_work and rng.random() < 0.45:
            modes.append(_mode(downstream[:at_work], downstream[at_work:], feeder ^ 1))
    else:
        trunk = False
        at = rng.randrange(AREAS_PER_FEEDER // 2) * 2
        pair = [first + at, first + at + 1]
        modes.append(_mode(pair if rng.random() < 0.63 else [rng.choice(pair)]))
    region = feeder * REGIONS // FEEDERS
    low, high = _HALF_HOURS[department]
    return {
        "id": number,
        "department": department,
        "feeder": feeder,
        "region": region,
        "crew": region * CREWS_PER_REGION + rng.choices((0, 1, 2), (0.25, 0.45, 0.3))[0],
        "half_hours": rng.randint(low, high),
        "days": 2 if department == "construction" and rng.random() < 0.08 else 1,
        "modes": modes,
        "trunk": trunk,
        "priority": rng.choices((1, 2, 3), (0.56, 0.36, 0.08))[0],
    }


def _mode(out: list[int], short: list[int] | None = None, tie: int | None = None) -> dict[str, Any]:
    return {"out": out, "short": short or [], "tie_feeder": tie}


def _ask(rng: random.Random, request: dict[str, Any], busy: _Busy, horizon: int, wide: int) -> None:
    """A window, and a wish in it that clashes with no tie feeder in use."""
    days, feeder = request["days"], request["feeder"]
    while True:
        length = rng.choices([w for w, _ in _WINDOWS], [p for _, p in _WINDOWS])[0]
        length = min(length * wide, horizon - NOTICE_DAYS - days + 1)
        opens = rng.randint(NOTICE_DAYS, horizon - days - length + 1)
        opens = NOTICE_DAYS if length > 20 and rng.random() < 0.4 else opens
        shifts = rng.choices(((0,), (1,), (0, 1)), (0.89, 0.08, 0.03))[0]
        blackout = rng.randint(opens, opens + length) if rng.random() < 0.5 else -9
        starts = [
            2 * day + shift
            for day in range(opens, opens + length)
            for shift in shifts
            if not blackout <= day < blackout + 3
        ]
        mode = len(request["modes"]) - 1
        tie = request["modes"][mode]["tie_feeder"]

        free = [
            slot
            for slot in starts
            if not any(
                (request["trunk"] and (feeder, slot // 2 + later) in busy.ties)
                or (tie is not None and (tie, slot // 2 + later) in busy.trunks)
                for later in range(days)
            )
        ]
        if free:
            break
    slot = rng.choice(free)
    for later in range(days):
        day = slot // 2 + later
        busy.crews[request["crew"], day] += 1
        busy.regions[request["region"], slot + 2 * later] += 1
        if request["trunk"]:
            busy.trunks.add((feeder, day))
        if tie is not None:
            busy.ties.add((tie, day))
    request["starts"] = starts
    request["asked"] = {"slot": slot, "mode": mode}
    request["published_slot"] = slot if rng.random() < 0.1 else None


def _refine(rng: random.Random, made: list[dict[str, Any]]) -> None:
    """Starts every half-hour: those within the shift that leave time for the work, and at most 180."""
    for request in made:
        last = max(1, 24 - request["half_hours"])
        steps = range(min(last, 16))
        fine = [slot * 24 + step for slot in request["starts"] for step in steps]
        step = rng.choice(steps)
        asked = request["asked"]["slot"] * 24 + step
        at = bisect.bisect_left(fine, asked)
        request["starts"] = fine[max(0, at - 90) : max(0, at - 90) + 180]
        request["asked"]["slot"] = asked
        if request["published_slot"] is not None:
            request["published_slot"] = asked


def _relations(
    rng: random.Random, made: list[dict[str, Any]], per_shift: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Orders and exclusions between works of one feeder that the wishes respect already."""
    by_feeder: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for request in made:
        by_feeder[request["feeder"]].append(request)
    precedence, exclusive = [], []
    for _, works in sorted(by_feeder.items()):
        for a, b in itertools.combinations(works, 2):
            if rng.random() > 0.03:
                continue
            day_a, day_b = (one["asked"]["slot"] // (2 * per_shift) for one in (a, b))
            if day_a + a["days"] <= day_b and rng.random() < 0.6:
                precedence.append([a["id"], b["id"]])
            elif day_a + a["days"] <= day_b or day_b + b["days"] <= day_a:
                exclusive.append([a["id"], b["id"]])
    return precedence, exclusive


def main() -> None:
    """Prints one instance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hot", type=float, default=0.6)
    parser.add_argument("--busbars", type=float, default=0.0)
    parser.add_argument("--half-hours", action="store_true")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--wide", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(city(options.seed, options.requests, hot=options.hot, busbars=options.busbars,
                          half_hours=options.half_hours, days=options.days, wide=options.wide)))  # fmt: skip


if __name__ == "__main__":
    main()
