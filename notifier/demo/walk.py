"""Who is out and who is dead for seconds: the demonstration's own answer, from the files alone.

A plain walk from the sources over closed branches, before the plan and after each step, on the very
CSV files that the service imported. It shares nothing with the service's trace, and is slow.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What becomes of a customer: dead in the work window, dead on the way to it, or neither.

    HALVED: supplied throughout, with one of two supplies gone.
    """

    OUT = "out"
    SHORT = "short"
    HALVED = "halved"
    UNAFFECTED = "unaffected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """The switches of a plan by name in the order in which they are worked."""

    steps: tuple[tuple[str, bool], ...]

    @classmethod
    def by_open_transition(cls, opens: Sequence[str], closes: Sequence[str]) -> "Switching":
        """All opens, then all closes."""
        return cls(steps=(*((name, True) for name in opens), *((name, False) for name in closes)))


def fates(folder: Path, switching: Switching) -> dict[str, Fate]:
    """By account, what the switching does. Raises ``KeyError`` for a switch that is not there."""
    branches = [row for row in _rows(folder, "branches") if row["in_service"] == "1"]
    is_open = {row["name"]: row["normal_open"] == "1" for row in branches}
    sources = [row["node_id"] for row in _rows(folder, "sources")]
    states = [_live(branches, is_open, sources)]
    for name, opens in switching.steps:
        if is_open[name] == opens:
            raise ValueError(f"{name} is {'open' if opens else 'closed'} already")
        is_open[name] = opens
        states.append(_live(branches, is_open, sources))
    return {row["customer_id"]: _fate(row, states) for row in _rows(folder, "customers")}


def customers_of(folder: Path, feeder: str) -> set[str]:
    """The accounts that a feeder supplies: whose main supply is dead without its head."""
    heads = {row["head_branch_id"] for row in _rows(folder, "feeders") if row["name"] == feeder}
    branches = list(_rows(folder, "branches"))
    is_open = {
        row["name"]: row["normal_open"] == "1" or row["branch_id"] in heads for row in branches
    }
    live = _live(branches, is_open, [row["node_id"] for row in _rows(folder, "sources")])
    return {row["customer_id"] for row in _rows(folder, "customers") if row["node_id"] not in live}


def _fate(customer: Mapping[str, str], states: Sequence[set[str]]) -> Fate:
    supplies = [customer["node_id"]]
    if customer["standby_node_id"]:
        supplies.append(customer["standby_node_id"])
    live = [sum(node in state for node in supplies) for state in states]
    if not live[-1]:
        return Fate.OUT
    if not all(live):
        return Fate.SHORT
    return Fate.HALVED if live[-1] < live[0] else Fate.UNAFFECTED


def _live(
    branches: Sequence[Mapping[str, str]], is_open: Mapping[str, bool], sources: Sequence[str]
) -> set[str]:
    """Every node that a source reaches."""
    beside: dict[str, list[str]] = defaultdict(list)
    for row in branches:
        if not is_open[row["name"]]:
            beside[row["from_node"]].append(row["to_node"])
            beside[row["to_node"]].append(row["from_node"])
    found, ahead = set(sources), list(sources)
    while ahead:
        for node in beside[ahead.pop()]:
            if node not in found:
                found.add(node)
                ahead.append(node)
    return found


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
