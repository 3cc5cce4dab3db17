"""A version of the network as the store keeps it: what it was read from, and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.domain.network import model


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What an import is about to keep. ``digest`` is SHA-256 over the files of the model.

    ``difference`` is ``Difference.as_dict`` against the version before, None for the first.
    """

    name: str
    as_of: datetime | None
    digest: str
    files: tuple[str, ...]
    counts: Mapping[str, int]
    difference: Mapping[str, Any] | None
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(NewVersion):
    """A kept version. ``confirmed_at`` is when the same files were last handed in again.

    ``overlay`` numbers the last status file laid over it, 0 for none: the same version and overlay
    give the same answers.
    """

    id: int
    read_at: datetime
    read_by: str
    confirmed_at: datetime
    overlay: int = 0

    @property
    def fresh_at(self) -> datetime:
        """Of when the model is: what its files say, else when they were last handed in."""
        return self.as_of or self.confirmed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatus:
    """One status file about to be laid over a version."""

    name: str
    digest: str
    is_full: bool
    as_of: datetime | None
    counts: Mapping[str, int]
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStatus(NewStatus):
    """A status file that was laid over a version."""

    id: int
    read_at: datetime
    read_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A change of the overlay: rows to put, switches of which nothing is known any more."""

    put: tuple[model.SwitchStatus, ...] = ()
    drop: tuple[str, ...] = ()
    files: tuple[NewStatus, ...] = ()


def counts_of(network: model.Network) -> dict[str, int]:
    """How much a model holds."""
    return {
        "nodes": len(network.node_ids),
        "branches": len(network.branch_ids),
        "switches": network.branch_kind.count(model.BranchKind.SWITCH),
        "sources": len(network.sources),
        "feeders": len(network.feeders),
        "areas": len(network.area_ids),
        "customers": len(network.customer_ids),
    }
