"""Instances from a file: read as they are, refused with file, place, found and expected."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import coordination_city
from notifier.domain.coordination import problem, validator
from notifier.intake import instances

SHARED = Path(__file__).parents[3] / "shared" / "data" / "coordination"


def written(path: Path, value: Any) -> Path:
    """The value as JSON in a file."""
    path.write_text(json.dumps(value), "utf-8")
    return path


@pytest.mark.parametrize("name", ["n50-s11", "n200-s11", "n500-s12"])
def test_what_was_asked_for_costs_what_the_file_says(name: str) -> None:
    """``asked_objective`` is the cost of the departments' wishes, which break no rule."""
    path = SHARED / f"{name}.json"
    if not path.is_file():
        pytest.skip("the shared instances are not beside the checkout")

    instance = instances.read_instance(path)

    verdict = validator.check(instance, problem.asked(instance))
    assert verdict.is_sound
    assert verdict.objective == json.loads(path.read_text("utf-8"))["asked_objective"]


def test_ids_are_names_not_positions(tmp_path: Path) -> None:
    """Any whole numbers, in any order; a request keeps its id as its key."""
    city = coordination_city.city(1, 20)
    shifted = json.loads(json.dumps(city))
    for area in shifted["areas"]:
        area["id"] += 7_000
    for request in shifted["requests"]:
        request["id"] = 900 - request["id"]
        for mode in request["modes"]:
            mode["out"] = [area + 7_000 for area in mode["out"]]
            mode["short"] = [area + 7_000 for area in mode["short"]]
    for name in ("precedence", "exclusive_days"):
        shifted[name] = [[900 - a, 900 - b] for a, b in city[name]]

    plain = instances.read_instance(written(tmp_path / "plain.json", city))
    other = instances.read_instance(written(tmp_path / "other.json", shifted))

    assert other.requests[3].key == 897
    assert [r.modes for r in other.requests] == [r.modes for r in plain.requests]
    assert other.precedence == plain.precedence


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    """Gzip is taken by its ending."""
    path = tmp_path / "city.json.gz"
    path.write_bytes(gzip.compress(json.dumps(coordination_city.city(1, 5)).encode()))

    assert len(instances.read_instance(path).requests) == 5


def test_half_hour_starts_are_a_finer_grid(tmp_path: Path) -> None:
    """``starts_per_shift`` 24: the same day and shift as before."""
    city = coordination_city.city(1, 50, half_hours=True)

    instance = instances.read_instance(written(tmp_path / "fine.json", city))

    assert instance.grid.starts_per_day == 48
    assert validator.check(instance, problem.asked(instance)).is_sound


Change = Callable[[dict[str, Any]], None]


def _set(*path: Any) -> Change:
    """Sets the value at a path."""

    def change(city: dict[str, Any]) -> None:
        *places, last, value = path
        at: Any = city
        for place in places:
            at = at[place]
        at[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "where", "found"),
    [
        (_set("requests", 2, "half_hours", "7"), "requests.2.half_hours", "'7'"),
        (_set("requests", 2, "half_hours", 0), "requests.2.half_hours", "0"),
        (_set("requests", 2, "starts", []), "requests.2.starts", "[]"),
        (_set("requests", 2, "starts", [500]), "requests.2.starts", "500"),
        (_set("requests", 2, "crew", 99), "requests.2.crew", "99"),
        (_set("requests", 2, "crews", [0, 99]), "requests.2.crews.1", "99"),
        (_set("requests", 2, "asked", {"slot": 20, "mode": 9}), "requests.2.asked.mode", "9"),
        (
            _set("requests", 2, "modes", [{"out": [99_999], "short": [], "tie_feeder": None}]),
            "requests.2.modes.0.out",
            "99999",
        ),
        (
            _set("requests", 2, "modes", [{"out": [1], "short": [1], "tie_feeder": None}]),
            "requests.2.modes.0",
            "1 out and short",
        ),
        (_set("requests", 2, "id", 0), "requests.2.id", "0"),
        (_set("areas", 4, "customers", -1), "areas.4.customers", "-1"),
        (_set("precedence", [[0, 999]]), "precedence.0", "999"),
        (_set("exclusive_days", [[1, 1]]), "exclusive_days.0", "1"),
        (_set("horizon_days", None), "horizon_days", "None"),
        (_set("weights", {}), "weights.interruption", "{}"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, change: Change, where: str, found: str
) -> None:
    """File, place, found and expected, in one sentence with a stable code."""
    city = coordination_city.city(1, 10)
    city["requests"][2]["asked"]["mode"] = 0
    change(city)

    with pytest.raises(instances.UnreadableInstance) as refused:
        instances.read_instance(written(tmp_path / "wrong.json", city))

    assert refused.value.code == "coordination.unreadable"
    assert refused.value.sentence.startswith(f"wrong.json: {where}: 是 {found}，")
    assert f"found {found}, expected " in refused.value.sentence


@pytest.mark.parametrize("text", ["", "[]", "{", "\ufeff{}", '{"areas": NaN}'])
def test_what_is_no_instance_at_all_is_refused(tmp_path: Path, text: str) -> None:
    """Never a trace."""
    path = tmp_path / "no.json"
    path.write_text(text, "utf-8")

    with pytest.raises(instances.UnreadableInstance):
        instances.read_instance(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(instances.UnreadableInstance, match=r"gone\.json"):
        instances.read_instance(tmp_path / "gone.json")
