"""What coordinating needs from the store; see ``store.coordination_works``."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from notifier.domain.coordination.online_index import Known, Work
from notifier.domain.coordination.works import Changes, Marks, PlannedWork


class WorkBook(Protocol):
    """Works and areas, each answer from a snapshot of its own."""

    async def marks(self) -> Marks: ...
    async def areas(self) -> Sequence[Known]: ...
    async def changed(self, after: Marks) -> Changes: ...
    async def works(
        self,
        *,
        numbers: Collection[str] | None = None,
        ending_after: datetime | None = None,
        starting_before: datetime | None = None,
    ) -> Sequence[PlannedWork]: ...
    async def suffered(self, since: datetime) -> Sequence[Work]: ...
