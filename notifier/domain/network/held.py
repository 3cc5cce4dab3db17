"""One version of the network as plans are traced on it, with the ways to find things by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from notifier.domain import names
from notifier.domain.network import checks, zones
from notifier.domain.network.version import Version


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldNetwork:
    """One version with its overlay, ready to be traced; never changed. ``stale_after``: how old it may
    be for a plan to be approved on it."""

    version: Version
    graph: zones.ZoneGraph
    stale_after: timedelta = checks.STALE_AFTER

    @property
    def key(self) -> tuple[int, int]:
        """Version and overlay: the same two give the same answers."""
        return self.version.id, self.version.overlay

    @cached_property
    def feeders_by_key(self) -> Mapping[str, tuple[int, ...]]:
        """Feeders by every key under which the ledger may call them: name and id."""
        found: dict[str, dict[int, None]] = {}
        for number, feeder in enumerate(self.graph.network.feeders):
            for name in (feeder.name, feeder.id):
                if name:
                    found.setdefault(names.feeder_key(name), {})[number] = None
        return {key: tuple(numbers) for key, numbers in found.items()}

    @cached_property
    def areas_by_key(self) -> Mapping[str, tuple[int, ...]]:
        """Transformer areas by the keys of name and id. Half a second for a hundred thousand."""
        network = self.graph.network
        found: dict[str, dict[int, None]] = {}
        for number, (name, mrid) in enumerate(
            zip(network.area_names, network.area_ids, strict=True)
        ):
            for key in {names.area_key(name), names.fold(mrid)}:
                if key:
                    found.setdefault(key, {})[number] = None
        return {key: tuple(numbers) for key, numbers in found.items()}
