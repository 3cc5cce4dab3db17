"""What the use cases about the network need from the world: files read, versions kept."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from notifier.domain.finding import Finding
from notifier.domain.network import model, version


class StatusFile(Protocol):
    """A switch-status file as read; see ``intake.network_process``."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def is_full(self) -> bool: ...
    @property
    def as_of(self) -> datetime | None: ...
    @property
    def rows(self) -> tuple[model.SwitchStatus, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...


class NetworkFiles(Protocol):
    """What was handed in; ``digest`` is empty where there is no model among the files."""

    @property
    def digest(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def statuses(self) -> Sequence[StatusFile]: ...


class PackedNetwork(Protocol):
    """A model read and packed by ``domain.network.packing``."""

    @property
    def name(self) -> str: ...
    @property
    def as_of(self) -> datetime | None: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def parts(self) -> Mapping[str, bytes]: ...


class NetworkReader(Protocol):
    """Network files being read off the event loop; see ``intake.network_process``."""

    async def look(self) -> NetworkFiles: ...
    async def read(self, progress: Callable[[str, int], None]) -> PackedNetwork: ...


class NetworkStore(Protocol):
    """Where network versions are kept; see ``store.networks.Networks``."""

    async def latest(self) -> version.Version | None: ...
    async def find(self, version_id: int) -> version.Version | None: ...
    async def listed(self) -> list[version.Version]: ...
    async def before(self, version_id: int) -> version.Version | None: ...
    async def parts(self, version_id: int) -> dict[str, bytes]: ...
    async def statuses(self, version_id: int) -> dict[str, model.SwitchStatus]: ...
    async def status_files(self, version_id: int) -> list[version.KeptStatus]: ...
    async def keep(
        self,
        new: version.NewVersion,
        parts: Mapping[str, bytes],
        overlay: version.Overlay,
        *,
        seen: tuple[int, int] | None,
        now: datetime,
        actor: str,
    ) -> version.Version: ...
    async def lay_over(
        self,
        version_id: int,
        overlay: version.Overlay,
        *,
        seen: tuple[int, int] | None,
        now: datetime,
        actor: str,
    ) -> version.Version: ...
    async def confirm(self, version_id: int, as_of: datetime | None, *, now: datetime) -> None: ...
