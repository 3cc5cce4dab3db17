"""The network in force, contracted and held in memory.

A newer version is unpacked and contracted in a thread and then takes the place of the old one in one
step. What was begun on the old one ends on it: an analysis holds the version it took.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from notifier.domain.network import checks, model, packing, zones
from notifier.domain.network.held import HeldNetwork
from notifier.domain.network.version import Version
from notifier.usecases import aside
from notifier.usecases.network_contracts import NetworkStore
from notifier.usecases.networks import NoVersion


class NetworkShelf:
    """Holds the network in force; one for the whole program."""

    def __init__(self, store: NetworkStore, *, stale_after: timedelta = checks.STALE_AFTER) -> None:
        self._store = store
        self._stale_after = stale_after
        self._held: HeldNetwork | None = None
        self._building = asyncio.Lock()

    @property
    def held(self) -> HeldNetwork | None:
        """What is on the shelf, without looking whether there is something newer."""
        return self._held

    async def current(self) -> HeldNetwork:
        """The network in force now; builds it off the loop when it is not on the shelf yet.

        Some seconds for a million nodes, once a version; whoever asks meanwhile waits for the same
        one. Raises ``NoVersion`` while no network was imported.
        """
        latest = await self._latest()
        held = self._held
        if held is not None and _is_same(held.version, latest):
            return held
        async with self._building:
            latest = await self._latest()
            held = self._held
            if held is None or not _is_same(held.version, latest):
                held = await self._build(held, latest)
                self._held = held
            return held

    async def in_force(self) -> HeldNetwork | None:
        """As ``current``; None while no network was imported."""
        return None if await self._store.latest() is None else await self.current()

    async def version(self, version_id: int | None) -> Version | None:
        """What is known of one version, of the newest where no id is given; None where there is none.
        Nothing is built."""
        return await (self._store.latest() if version_id is None else self._store.find(version_id))

    async def _latest(self) -> Version:
        latest = await self._store.latest()
        if latest is None:
            raise NoVersion(
                "尚无网络模型，请先导入 / there is no network model yet: import one first"
            )
        return latest

    async def _build(self, held: HeldNetwork | None, latest: Version) -> HeldNetwork:
        if held is not None and held.version.id == latest.id:
            if held.version.overlay == latest.overlay:
                # Only its age changed: the same files were handed in again.
                network = replace(held.graph.network, as_of=latest.fresh_at)
                return self._holding(latest, replace(held.graph, network=network))
            known = await self._store.statuses(latest.id)
            graph = await asyncio.to_thread(_contract, held.graph.network, known, latest)
            return self._holding(latest, graph)
        parts = await self._store.parts(latest.id)
        known = await self._store.statuses(latest.id)
        graph = await asyncio.to_thread(_unpack, parts, known, latest)
        return self._holding(latest, graph)

    def _holding(self, version: Version, graph: zones.ZoneGraph) -> HeldNetwork:
        return HeldNetwork(version=version, graph=graph, stale_after=self._stale_after)


def _is_same(held: Version, latest: Version) -> bool:
    return (held.id, held.overlay, held.fresh_at) == (latest.id, latest.overlay, latest.fresh_at)


def _unpack(
    parts: Mapping[str, bytes], known: Mapping[str, model.SwitchStatus], latest: Version
) -> zones.ZoneGraph:
    with aside.settled():
        return _contract(packing.unpack(parts), known, latest)


def _contract(
    network: model.Network, known: Mapping[str, model.SwitchStatus], latest: Version
) -> zones.ZoneGraph:
    network = replace(network, as_of=latest.fresh_at)
    overlay = {
        network.branch_index[switch]: row.is_open
        for switch, row in known.items()
        if switch in network.branch_index
    }
    with aside.settled():
        return zones.build(network, overlay)
