"""The crew as a channel: list, claim, finish with a photograph, hand back; and who is late.

What hangs on a door is a fact: a photograph is taken whatever the ledger thought of the task
meanwhile, and the plan is looked at again so that a correction follows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.channel import ReceiptStatus
from notifier.domain import errors
from notifier.domain.delivery import DeliveryState
from notifier.domain.outbox import KnownReceipt
from notifier.domain.posting import WORTH_DOING, PostingTask, TaskFilter, TaskState
from notifier.domain.wanted import ForAPerson
from notifier.ports import Store, Transaction
from notifier.usecases.reconcile import Setting

#: How long a crew holds a task unless it asks otherwise, and at most.
LEASE = timedelta(hours=4)
LONGEST_LEASE = timedelta(hours=24)
#: A crew's device may be a little ahead of ours.
CLOCK_SLACK = timedelta(minutes=10)
#: The exception under which undone posters are listed.
UNDONE = "posting_undone"

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_FINISHABLE = (*WORTH_DOING, DeliveryState.WITHDRAWN)


class TaskNotFound(errors.NotFound):
    """There is no posting task of that number, or not for this crew."""

    code = "posting.not_found"


class TaskTaken(errors.Conflict):
    """Another crew holds the task."""

    code = "posting.taken"


class TaskNotOpen(errors.Conflict):
    """The task is done, withdrawn or past."""

    code = "posting.not_open"


class TaskNotYours(errors.Conflict):
    """Only the crew that holds a task may hand it back."""

    code = "posting.not_yours"


class TaskFinished(errors.Conflict):
    """The task was finished before, with another photograph."""

    code = "posting.finished"


class PhotoUnusable(errors.Invalid):
    """A photograph is a JPEG or PNG file of bounded size."""

    code = "posting.photo_unusable"


class FinishImplausible(errors.Invalid):
    """A poster is put up after it was laid on the desk and not in the future."""

    code = "posting.implausible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who asks. ``areas``: the areas a crew is confined to, by name or code; None: not confined."""

    name: str
    areas: Sequence[str] | None = None

    def confines(self, task_filter: TaskFilter) -> TaskFilter:
        """The filter within the crew's areas."""
        return replace(task_filter, areas=None if self.areas is None else tuple(self.areas))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What a crew brings back. ``taken_at`` (aware) may be earlier than now: crews work offline.

    ``poster`` names the notice on the paper that was put up; None: the task's present one.
    """

    photo: bytes
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    poster: int | None = None
    note: str = ""


async def listed(
    store: Store,
    setting: Setting,
    crew: Crew,
    wanted: TaskFilter,
    *,
    now: datetime,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> list[PostingTask]:
    """Tasks this crew may see, the most urgent first."""
    async with store.read() as tx:
        return await tx.postings.listed(
            crew.confines(wanted), setting.policy.legal_lead, now=now, after=after, limit=limit
        )


async def find(store: Store, setting: Setting, task_id: int, crew: Crew) -> PostingTask:
    """The task. Raises ``TaskNotFound``."""
    async with store.read() as tx:
        return await _task(tx, setting, task_id, crew)


async def claim(
    store: Store, setting: Setting, task_id: int, crew: Crew, *, lease: timedelta, now: datetime
) -> PostingTask:
    """Takes a task for ``lease``; claiming one's own again extends it.

    Raises ``TaskNotFound``, ``TaskNotOpen``, ``TaskTaken``.
    """
    async with store.write() as tx:
        task = await _task(tx, setting, task_id, crew)
        if task.state(now) not in (TaskState.OPEN, TaskState.LATE, TaskState.CLAIMED):
            raise TaskNotOpen(
                f"任务 {task_id} 已完成或撤回 / task {task_id} is done, withdrawn or past."
            )
        until = now + min(lease, LONGEST_LEASE)
        if not await tx.postings.claim(task_id, crew.name, now=now, until=until):
            raise TaskTaken(f"任务 {task_id} 已被其他班组领取 / another crew holds task {task_id}.")
        await _audit(tx, "posting.claimed", task, crew, now, until=until.isoformat())
        return await _task(tx, setting, task_id, crew)


async def hand_back(
    store: Store, setting: Setting, task_id: int, crew: Crew, reason: str, *, now: datetime
) -> PostingTask:
    """Puts a task back for others, with the reason. Raises ``TaskNotFound``, ``TaskNotYours``."""
    async with store.write() as tx:
        task = await _task(tx, setting, task_id, crew)
        if not await tx.postings.hand_back(task_id, crew.name, reason):
            raise TaskNotYours(f"任务 {task_id} 不在您手中 / task {task_id} is not yours.")
        await _audit(tx, "posting.handed_back", task, crew, now, reason=reason)
        return await _task(tx, setting, task_id, crew)


async def finish(
    store: Store,
    setting: Setting,
    task_id: int,
    crew: Crew,
    done: Finish,
    *,
    now: datetime,
    max_photo_bytes: int,
) -> PostingTask:
    """Records that the poster hangs (or is down). The same photograph twice is the same finish.

    A lease is not asked for: what hangs there hangs there, also where the lease ended while the crew
    was offline, and where the task was withdrawn meanwhile; then the plan is looked at again.
    Raises ``TaskNotFound``, ``TaskNotOpen``, ``TaskFinished``, ``PhotoUnusable``, ``FinishImplausible``.
    """
    content_type = photo_type(done.photo, max_photo_bytes)
    digest = hashlib.sha256(done.photo).hexdigest()
    at = done.taken_at or now
    if at > now + CLOCK_SLACK:
        raise FinishImplausible("拍照时间在未来 / the photograph was taken in the future.")
    async with store.write() as tx:
        task = await _task(tx, setting, task_id, crew)
        if task.finished_at is not None:
            if task.photo == digest:
                return task
            raise TaskFinished(
                f"任务 {task_id} 已用另一张照片完成 / task {task_id} was finished with another photograph."
            )
        batch_id = None
        if done.poster is not None and done.poster != task.poster:
            batch_id = await tx.postings.batch_of_poster(done.poster, task.campaign_id)
            if batch_id is None:
                raise FinishImplausible(
                    f"海报 {done.poster} 不属于任务 {task_id} / poster {done.poster} is not of this task."
                )
        elif task.delivery_state not in _FINISHABLE:
            raise TaskNotOpen(
                f"任务 {task_id} 尚未派发或已关闭 / task {task_id} is not on the desk."
            )
        handed_out = await tx.postings.handed_out(task.campaign_id)
        if handed_out is not None and at < handed_out - CLOCK_SLACK:
            told, sent = (
                f"{moment.astimezone(setting.zone):%Y-%m-%d %H:%M}" for moment in (at, handed_out)
            )
            raise FinishImplausible(
                f"拍照时间 {told} 早于派发任务的 {sent}，请检查设备时钟"
                f" / photographed at {told}: expected not before {sent}, when the task was handed out."
            )
        await tx.postings.keep_photo(digest, content_type, done.photo, now=now)
        await tx.receipts.apply(
            [
                KnownReceipt(
                    delivery_id=task_id,
                    status=ReceiptStatus.DELIVERED,
                    code="posted",
                    at=at,
                    received_at=now,
                )
            ]
        )
        await tx.postings.finish(
            task_id,
            crew.name,
            at=at,
            photo=digest,
            latitude=done.latitude,
            longitude=done.longitude,
            note=done.note,
            batch_id=batch_id,
        )
        is_stale = task.delivery_state is not DeliveryState.ACCEPTED or batch_id is not None
        if is_stale or task.revision != task.plan_revision:
            await tx.plans.mark(task.plan_id, now)
        await _audit(
            tx, "posting.finished", task, crew, now,
            photo=digest, taken_at=at.isoformat(), was=task.delivery_state.name.lower(),
        )  # fmt: skip
        return await _task(tx, setting, task_id, crew)


async def watch(store: Store, setting: Setting, now: datetime) -> int:
    """Lists doors without a poster as exceptions when their time comes, and keeps their number: it
    shrinks with every photograph, and the entry leaves the list with the last one, or when there is
    nothing left to announce and nobody need be sent any more.

    Answers how many entries changed. Cheap when nothing did: one read.
    """
    lead = setting.policy.legal_lead
    async with store.read() as tx:
        late = await tx.postings.undone(lead, now=now, margin=setting.policy.failover_margin)
        noted = await tx.postings.noted_undone(UNDONE)
        open_ones = {key: doors for key, (doors, is_open) in noted.items() if is_open}
        left = await tx.postings.doors_left(sorted({plan for plan, _ in open_ones}), now=now)
    # What a person closed stays closed, unless it grew.
    fresh = [
        item for item in late if item.doors > noted.get((item.plan_id, item.stage), (0, True))[0]
    ]
    shrunk, over = [], []
    for key, noted_doors in sorted(open_ones.items()):
        doors, missed = left.get(key, (0, 0))
        if not doors:
            over.append((key, missed))
        elif doors < noted_doors:
            shrunk.append((key, doors))
    if not fresh and not shrunk and not over:
        return 0
    async with store.write() as tx:
        for item in fresh:
            await tx.journal.open(
                item.plan_id, [_entry(item.stage, item.doors, setting, item.due_at)], now=now
            )
        for (plan_id, stage), doors in shrunk:
            await tx.journal.shrink(plan_id, _entry(stage, doors, setting))
        for (plan_id, stage), missed in over:
            if missed:
                await tx.journal.shrink(plan_id, _missed(stage, missed, setting))
            await tx.journal.close_kinds(
                plan_id, [UNDONE], how="too_late" if missed else "solved", now=now, subject=stage
            )
    return len(fresh) + len(shrunk) + len(over)


def _entry(stage: str, doors: int, setting: Setting, due_at: datetime | None = None) -> ForAPerson:
    return ForAPerson(
        kind=UNDONE,
        subject=stage,
        people=doors,
        sentence=f"{doors} 处通知尚未张贴，请派人 / {doors} notices are not up yet: send somebody",
        owner=setting.policy.owner,
        due_at=due_at,
    )


def _missed(stage: str, doors: int, setting: Setting) -> ForAPerson:
    sentence = (
        f"{doors} 处通知始终未张贴，已过时效 / {doors} notices never went up; it is too late now"
    )
    return replace(_entry(stage, doors, setting), sentence=sentence)


def photo_type(photo: bytes, max_bytes: int) -> str:
    """The content type by the file's first bytes. Raises ``PhotoUnusable``."""
    if len(photo) > max_bytes:
        raise PhotoUnusable(
            f"照片超过 {max_bytes} 字节 / the photograph has more than {max_bytes} bytes."
        )
    if photo.startswith(_JPEG):
        return "image/jpeg"
    if photo.startswith(_PNG):
        return "image/png"
    raise PhotoUnusable("照片须为 JPEG 或 PNG / a photograph is a JPEG or PNG file.")


async def _task(tx: Transaction, setting: Setting, task_id: int, crew: Crew) -> PostingTask:
    task = await tx.postings.task(task_id, setting.policy.legal_lead)
    outside = crew.areas is not None and not await tx.postings.is_within(task_id, crew.areas)
    if task is None or outside:
        raise TaskNotFound(f"没有张贴任务 {task_id} / there is no posting task {task_id}.")
    return task


async def _audit(
    tx: Transaction, action: str, task: PostingTask, crew: Crew, now: datetime, **detail: object
) -> None:
    await tx.audited(
        at=now,
        actor=crew.name,
        action=action,
        subject=f"posting:{task.id}",
        detail={"plan": task.plan_number, "place": task.place, **detail},
    )
