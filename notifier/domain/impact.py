"""Impact: what a plan revision does to each usage point, as classes with windows.

The classes are those of ``docs/glossary.md``; a ledger plan yields OUT, SHORT and TRANSFERRED_LIVE only,
a switch-level trace all of them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from notifier.domain.window import Window


class ImpactClass(StrEnum):
    """What becomes of a usage point, gravest first. UNKNOWN may be out: it is told as out, never as
    not affected."""

    OUT = "out"
    UNKNOWN = "unknown"
    SHORT = "short"
    LOST_ONE_SOURCE = "lost_one_source"
    PARALLELED = "paralleled"
    TRANSFERRED_LIVE = "transferred_live"
    ENERGISED_BY_PLAN = "energised_by_plan"
    DEAD_BEFORE = "dead_before"
    UNAFFECTED = "unaffected"


#: Classes whose supply stays on through it all: a closed transition, a spare source, nothing at all.
KEEPS_SUPPLY = frozenset(
    {
        ImpactClass.LOST_ONE_SOURCE,
        ImpactClass.PARALLELED,
        ImpactClass.TRANSFERRED_LIVE,
        ImpactClass.UNAFFECTED,
    }
)


class Knowledge(StrEnum):
    """How the class is known: from the 站-线-变-户 ledger, or from the network's topology."""

    LEDGER = "ledger"
    TOPOLOGY = "topology"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The usage points of one revision that share class and windows.

    For SHORT the windows are the spans in which the seconds will fall. ``place`` names the lines and
    transformer areas for people. Groups are numbered gravest first.
    """

    number: int
    impact_class: ImpactClass
    windows: tuple[Window, ...]
    place: str = ""
    knowledge: Knowledge = Knowledge.LEDGER

    @property
    def facts_key(self) -> str:
        """Names what a person of this group has to know; equal keys need no second telling."""
        return facts_key(self.impact_class, self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRecord:
    """What matching found for a revision, as kept with it: the usage points stand frozen under
    ``points_id``, each in one of ``groups``; ``network`` is the version and overlay traced on."""

    revision_id: int
    points_id: int
    groups: Sequence[Group]
    counts: Mapping[str, Any]
    difference: Mapping[str, int]
    findings: Sequence[dict[str, Any]]
    network: tuple[int, int] | None = None


def facts_key(impact_class: ImpactClass, windows: tuple[Window, ...]) -> str:
    """A short digest of class and windows, the two things a customer plans by."""
    words = [impact_class.value]
    words.extend(
        f"{w.starts_at.timestamp():.0f}-{w.ends_at.timestamp():.0f}" for w in sorted(windows)
    )
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]
