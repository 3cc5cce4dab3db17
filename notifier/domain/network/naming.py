"""Finds the switch, or the place of work, that a plan means, by the words in which dispatchers write it.

10kV城东线902开关 is the switch 902: the feeder's name and the kind of switch stand around the number. The
whole name is tried first, then its number; a number that several switches bear decides nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from notifier.domain import errors
from notifier.domain.finding import Finding, Severity
from notifier.domain.network import model, target, zones
from notifier.domain.network.steps import Step

_KIND = re.compile(
    r"(?:(?:负荷|隔离|联络|分段|出线|环网柜?|柱上)*(?:开关|断路器|刀闸|熔断器)|switch|breaker)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.-])([A-Za-z]{0,6}[-_]?\d[A-Za-z0-9_-]*)(?:号)?$")
_LEADING_VOLTAGE = re.compile(r"^\s*\d+(?:\.\d+)?\s*(?:kv|千伏)\s*", re.IGNORECASE)
_VOLTAGE = re.compile(r"^\d+(?:\.\d+)?(?:kv|千伏)$", re.IGNORECASE)


def switch(network: model.Network, name: str) -> str:
    """The name by which the model knows the switch, or the name as it is where nothing fits."""
    for candidate in candidates(name):
        try:
            branch = network.branch(candidate)
        except model.AmbiguousName:
            return candidate
        except model.UnknownEquipment:
            continue
        if candidate == name or network.is_switch(branch):
            return network.branch_ids[branch]
    return name


def place(graph: zones.ZoneGraph, name: str) -> str | None:
    """The name under which the network knows a place of work, with or without the voltage before it;
    None where it knows none."""
    bare = _LEADING_VOLTAGE.sub("", name)
    for candidate in dict.fromkeys((name, bare)):
        try:
            target.locate(graph, target.Target(kind=target.TargetKind.NAMED, names=(candidate,)))
        except model.UnknownEquipment:
            continue
        except errors.Refusal:
            return candidate  # there it is, and whoever locates it hears what is wrong
        return candidate
    return None


def candidates(name: str) -> Sequence[str]:
    """The name, the name without the kind of switch, and the dispatch number in it."""
    text = " ".join(name.split())
    bare = _KIND.sub("", text).strip()
    found = dict.fromkeys((name, text, bare, f"{bare}开关"))
    number = _NUMBER.search(bare)
    if number is not None and not _VOLTAGE.match(number[1]):
        found |= dict.fromkeys((number[1], f"{number[1]}开关"))
    return [candidate for candidate in found if candidate]


def understood(
    network: model.Network, steps: Iterable[Step]
) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """The steps with the model's own ids, and a remark where only the number was known."""
    found: list[Step] = []
    remarks: dict[str, Finding] = {}
    for step in steps:
        mrid = switch(network, step.switch)
        found.append(replace(step, switch=mrid))
        try:
            label = network.label(network.branch(mrid))
        except (model.UnknownEquipment, model.AmbiguousName):
            continue
        bare = _KIND.sub("", step.switch).strip()
        if bare not in (mrid, label) and network.aliases.get(bare) != mrid and bare not in label:
            remarks[step.switch] = Finding(
                code="switching.name_shortened",
                severity=Severity.WARNING,
                found=f"{step.switch} → {label}",
                expected="核对开关 / check that this switch is meant",
                column="switching",
            )
    return tuple(found), tuple(remarks.values())
