"""What the use cases need from the world beside them; ``store`` and ``rendering`` provide it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from notifier.channel import Medium, ReceiptStatus
from notifier.domain.customer import Reach
from notifier.domain.delivery import BatchState, DeliveryState
from notifier.domain.finding import Finding
from notifier.domain.impact import Group
from notifier.domain.ledger import Difference, Outline, PointRow
from notifier.domain.matching import Match
from notifier.domain.network_index import NetworkIndex
from notifier.domain.notice import Facts, Recipient
from notifier.domain.outbox import Claimed, KnownReceipt, Orphan, Recorded
from notifier.domain.plan import Change, Plan, PlanContent, PlanKind, PlanState, Revision
from notifier.domain.posting import PostingTask, TaskFilter, Undone
from notifier.domain.required import Cell
from notifier.domain.wanted import Account, Decided, ForAPerson, LaidOut, Wanted


class PlanBook(Protocol):
    """Plans, revisions, approvals; see ``store.plans.Plans``."""

    async def find(self, number: str) -> Plan | None: ...
    async def by_id(self, plan_id: int) -> Plan: ...
    async def listed(
        self,
        *,
        states: Sequence[PlanState] = (),
        starting_from: datetime | None = None,
        starting_before: datetime | None = None,
        limit: int = 500,
    ) -> list[Plan]: ...
    async def insert(
        self, content: PlanContent, state: PlanState, *, now: datetime, actor: str
    ) -> int: ...
    async def add_revision(
        self,
        plan_id: int,
        number: int,
        content: PlanContent,
        *,
        change: Change,
        note: str,
        source: dict[str, Any],
        findings: Sequence[dict[str, Any]],
        now: datetime,
        actor: str,
    ) -> int: ...
    async def record_match(
        self,
        revision_id: int,
        *,
        points_id: int | None,
        counts: dict[str, Any],
        difference: dict[str, Any],
        findings: Sequence[dict[str, Any]],
    ) -> None: ...
    async def set_cells(self, revision_id: int, cells: dict[str, int]) -> None: ...
    async def cells(self, revision_id: int) -> dict[str, int] | None: ...
    async def revision(self, plan_id: int, number: int) -> Revision: ...
    async def revisions(self, plan_id: int) -> list[Revision]: ...
    async def set_state(
        self, plan_id: int, state: PlanState, *, restored_at: datetime | None = None
    ) -> None: ...
    async def mark(self, plan_id: int, at: datetime) -> None: ...
    async def mark_all(self, at: datetime, *, ending_after: datetime) -> int: ...
    async def claim_for_reconciling(
        self, worker: str, *, now: datetime, wall: datetime, lease: timedelta
    ) -> int | None: ...
    async def extend_reconciling(self, worker: str, until: datetime) -> None: ...
    async def settle(
        self,
        plan_id: int,
        worker: str,
        *,
        seen: int,
        settled: int,
        asked_at: datetime,
        next_at: datetime | None,
    ) -> None: ...
    async def add_approval(self, revision_id: int, values: dict[str, Any]) -> int: ...
    async def void_approvals(self, plan_id: int, *, now: datetime, why: str) -> int: ...
    async def approvals(self, plan_id: int) -> list[dict[str, Any]]: ...
    async def file_seen(self, digest: str) -> dict[str, Any] | None: ...
    async def note_file(
        self, digest: str, name: str, outcome: dict[str, Any], *, now: datetime, actor: str
    ) -> None: ...


class ImpactBook(Protocol):
    """Frozen impacts; see ``store.impacts.Impacts``."""

    async def set_groups(self, revision_id: int, groups: Sequence[Group]) -> None: ...
    async def groups(self, revision_id: int) -> dict[int, Group]: ...
    async def groups_of_plan(self, plan_id: int) -> list[Group]: ...
    async def areas(self, points_id: int) -> dict[int, int]: ...
    async def counts(self, points_id: int) -> dict[str, dict[str, int]]: ...
    async def without_contact(self, points_id: int) -> dict[str, int]: ...
    async def drift(self, points_id: int) -> tuple[int, int]: ...
    async def ledger_changed_since(self, moment: datetime) -> bool: ...
    async def difference(
        self,
        new: tuple[int, Mapping[int, Group]],
        old: tuple[int, Mapping[int, Group]] | None,
    ) -> dict[str, int]: ...
    def points(self, revision_id: int, points_id: int) -> AsyncIterator[tuple[str, Group]]: ...
    async def by_area(self, revision_id: int, points_id: int) -> list[dict[str, Any]]: ...


class BatchBook(Protocol):
    """Batches on their way out; see ``store.batches.Batches``."""

    async def claim(
        self,
        worker: str,
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
        limit: int,
    ) -> list[int]: ...
    async def load(
        self, batch_ids: Sequence[int], *, capped_since: datetime | None = None
    ) -> list[Claimed]: ...
    async def begin(
        self,
        worker: str,
        batches: Sequence[tuple[int, int]],
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
    ) -> set[int]: ...
    async def due(self, now: datetime) -> list[str]: ...
    async def give_up(self, worker: str, batch_ids: Sequence[int], reason: str) -> None: ...
    async def extend(self, worker: str, batch_ids: Collection[int], until: datetime) -> None: ...
    async def release(
        self, worker: str, batch_ids: Sequence[int], due_at: datetime, reason: str
    ) -> None: ...
    async def drop(self, worker: str, batch_ids: Sequence[int], reason: str) -> None: ...
    async def expire(self, now: datetime) -> list[int]: ...
    async def finish(
        self,
        worker: str,
        batch_id: int,
        number: int,
        state: BatchState,
        *,
        now: datetime,
        look_again_at: datetime,
        reason: str,
        outcomes: dict[str, int],
    ) -> bool: ...
    async def record_all(
        self, batch_id: int, state: DeliveryState, reference: str | None, code: str | None
    ) -> None: ...
    async def record(self, outcomes: Sequence[Recorded]) -> None: ...
    async def split(
        self, batch_id: int, delivery_ids: Sequence[int], due_at: datetime, reason: str
    ) -> int: ...
    async def move_channel(self, from_channel: str, to_channel: str) -> int: ...
    async def next_due(self) -> datetime | None: ...


class UnresolvedBook(Protocol):
    """Batches of which it is not known what became; see ``store.unresolved.Unresolved``."""

    async def reclaim(self, *, now: datetime, wall: datetime) -> dict[str, int]: ...
    async def begin_again(
        self,
        worker: str,
        batch_id: int,
        channel: str,
        *,
        now: datetime,
        wall: datetime,
        lease: timedelta,
    ) -> bool: ...
    async def orphaned(
        self, since: datetime, channels: Collection[str], limit: int
    ) -> list[Orphan]: ...
    async def adopt(self, orphan: Orphan, channel: str | None, now: datetime) -> None: ...
    async def uncertain_due(
        self, now: datetime, limit: int, channel: str | None = None
    ) -> list[int]: ...
    async def unconfirmed_due(self, now: datetime, limit: int) -> list[int]: ...
    async def load(self, batch_ids: Sequence[int]) -> list[Claimed]: ...
    async def look_again(self, batch_id: int, state: BatchState, due_at: datetime) -> None: ...
    async def give_up_confirming(self, batch_ids: Sequence[int]) -> list[int]: ...


class ReceiptBook(Protocol):
    """Receipts; see ``store.receipts.Receipts``."""

    async def members_of(self, batch_ids: Sequence[int]) -> dict[tuple[int, bytes | str], int]: ...
    async def by_reference(self, reference: str, address: bytes | str) -> int | None: ...
    async def latest_to(self, address: bytes | str, before: datetime) -> int | None: ...
    async def exist(self, delivery_ids: Sequence[int]) -> set[int]: ...
    async def apply(self, receipts: Sequence[KnownReceipt]) -> None: ...
    async def plans_of(self, delivery_ids: Sequence[int]) -> list[int]: ...
    async def stray(
        self, channel: str, identity: str, status: ReceiptStatus, code: str, now: datetime
    ) -> None: ...


class JournalBook(Protocol):
    """Decisions, exceptions, channel states; see ``store.journal.Journal``."""

    async def decide(
        self, plan_id: int, revision_id: int, decisions: Sequence[Decided], *, now: datetime
    ) -> None: ...
    async def open(self, plan_id: int, items: Sequence[ForAPerson], *, now: datetime) -> None: ...
    async def close(self, exception_id: int, *, by: str, how: str, now: datetime) -> bool: ...
    async def close_kinds(
        self, plan_id: int, kinds: Sequence[str], *, how: str, now: datetime
    ) -> None: ...
    async def exceptions(
        self, *, plan_id: int | None = None, only_open: bool = True
    ) -> list[dict[str, Any]]: ...
    async def channel_states(self) -> dict[str, dict[str, Any]]: ...
    async def set_channel(self, name: str, **values: Any) -> None: ...
    async def start_channel(self, name: str, now: datetime) -> None: ...


class PostingBook(Protocol):
    """Posting tasks; see ``store.postings.Postings``."""

    async def task(
        self, task_id: int, lead: Mapping[PlanKind, timedelta]
    ) -> PostingTask | None: ...
    async def listed(
        self,
        wanted: TaskFilter,
        lead: Mapping[PlanKind, timedelta],
        *,
        now: datetime,
        after: tuple[datetime, int] | None = None,
        limit: int = 100,
    ) -> list[PostingTask]: ...
    async def is_within(self, task_id: int, areas: Sequence[str]) -> bool: ...
    async def claim(self, task_id: int, crew: str, *, now: datetime, until: datetime) -> bool: ...
    async def hand_back(self, task_id: int, crew: str, note: str) -> bool: ...
    async def keep_photo(
        self, digest: str, content_type: str, body: bytes, *, now: datetime
    ) -> None: ...
    async def photo(self, digest: str) -> tuple[str, bytes] | None: ...
    async def batch_of_poster(self, poster: int, campaign_id: int) -> int | None: ...
    async def finish(
        self,
        task_id: int,
        crew: str,
        *,
        at: datetime,
        photo: str,
        latitude: float | None,
        longitude: float | None,
        note: str,
        batch_id: int | None = None,
    ) -> None: ...
    async def undone(
        self, lead: Mapping[PlanKind, timedelta], *, now: datetime, margin: timedelta
    ) -> list[Undone]: ...
    async def noted_undone(self, kind: str) -> dict[tuple[int, str], tuple[int, bool]]: ...
    async def doors_left(self, plan_ids: Sequence[int]) -> set[tuple[int, str]]: ...


class Transaction(Protocol):
    """Every book in one transaction; see ``store.ledger.Transaction``."""

    @property
    def plans(self) -> PlanBook: ...
    @property
    def impacts(self) -> ImpactBook: ...
    @property
    def batches(self) -> BatchBook: ...
    @property
    def unresolved(self) -> UnresolvedBook: ...
    @property
    def receipts(self) -> ReceiptBook: ...
    @property
    def journal(self) -> JournalBook: ...
    @property
    def postings(self) -> PostingBook: ...
    async def network(self) -> NetworkIndex: ...
    async def applied_policy(self) -> dict[str, Any] | None: ...
    async def apply_policy(
        self, name: str, version: str, body: Mapping[str, Any], *, now: datetime, actor: str
    ) -> None: ...
    async def reserve(
        self, account: str, per_second: float, burst: int, wanted: int, now: datetime
    ) -> tuple[int, timedelta]: ...
    async def refund(self, account: str, per_second: float, count: int) -> None: ...
    async def is_untouched(self, plan_id: int) -> bool: ...
    async def carried(self, plan_id: int) -> set[tuple[str, str, str, str]]: ...
    async def repoint(
        self, plan_id: int, revision_id: int, wanted: Sequence[Wanted], *, now: datetime
    ) -> LaidOut: ...
    async def audited(
        self,
        *,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, object],
    ) -> None: ...


class Desk(Protocol):
    """Work on many rows; see ``store.ledger.Desk``."""

    async def freeze(self, revision_id: int, match: Match) -> None: ...
    async def gather(
        self, plan_id: int, points_id: int | None, available: Reach
    ) -> dict[int, Cell]: ...
    async def apply(
        self,
        plan_id: int,
        revision_id: int,
        wanted: Sequence[Wanted],
        accounts: Mapping[Medium, Account],
        *,
        now: datetime,
        horizon: timedelta,
    ) -> LaidOut: ...
    async def recipients_hash(self) -> str: ...


class Store(Protocol):
    """The open store; see ``store.ledger.Ledger``."""

    def read(self) -> AbstractAsyncContextManager[Transaction]: ...
    def write(self) -> AbstractAsyncContextManager[Transaction]: ...
    def desk(self) -> AbstractAsyncContextManager[Desk]: ...


class Vault(Protocol):
    """Opens sealed phone numbers and finds them again; see ``notifier.vault``."""

    def open(self, sealed: bytes) -> str: ...
    def fingerprint(self, phone: str) -> bytes: ...


class Rendered(Protocol):
    """One message in full; ``parts`` is what is billed."""

    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def parts(self) -> int: ...


class Prepared(Protocol):
    """A notice ready to be written for each of its recipients."""

    def render(self, recipient: Recipient) -> Rendered: ...


class Renderer(Protocol):
    """Words for facts; see ``rendering``. ``prepare`` is cheap to ask twice."""

    def prepare(self, template: str, facts: Facts, *, now: datetime) -> Prepared: ...
    def check(
        self, template: str, samples: Sequence[Facts], *, now: datetime
    ) -> Sequence[Finding]: ...
    def template_version(self) -> str: ...


class LedgerReader(Protocol):
    """Ledger files being read; see ``intake.ledger_process``. ``outline`` follows the last chunk."""

    @property
    def outline(self) -> Outline: ...
    def chunks(self) -> AsyncIterator[Sequence[PointRow]]: ...


class LedgerLoad(Protocol):
    """A ledger on its way into the store; see ``store.ledger_load.LedgerLoad``."""

    async def stage(self, rows: Sequence[PointRow]) -> None: ...
    async def compare(self, outline: Outline, *, whole: bool = False) -> Difference: ...
    async def apply(
        self,
        outline: Outline,
        *,
        whole: bool = False,
        now: datetime,
        actor: str,
        judge: Callable[[Difference], None],
        count: Callable[[Difference], Mapping[str, int]],
    ) -> Difference: ...


class LedgerStore(Protocol):
    """Where customer ledgers go; see ``store.ledger_load.LedgerLoader``."""

    def load(self) -> AbstractAsyncContextManager[LedgerLoad]: ...
