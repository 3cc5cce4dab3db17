"""Posting tasks: a notice on paper at a door, done by a crew and proved by a photograph.

A task is a delivery of medium posting that lies on the desk. A crew claims it for a while, puts the
poster up, and the photograph is the receipt. What hangs there already and is no longer true is a
task as well: take it down, or replace it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from notifier.domain.delivery import DeliveryState
from notifier.domain.notice import Stage


class TaskState(StrEnum):
    """OPEN: anybody's. CLAIMED: a crew's until its lease ends. LATE: nobody did it in time, and it is
    still worth doing. WITHDRAWN: no longer to be put up. DONE: the photograph is there."""

    OPEN = "open"
    CLAIMED = "claimed"
    LATE = "late"
    WITHDRAWN = "withdrawn"
    DONE = "done"
    CLOSED = "closed"


class Todo(StrEnum):
    """What the crew does at the door."""

    PUT_UP = "put_up"
    REPLACE = "replace"
    TAKE_DOWN = "take_down"


#: What to do, for a person: Chinese, then English.
SENTENCES: Mapping[Todo, tuple[str, str]] = {
    Todo.PUT_UP: (
        "张贴停电通知，拍照回传",
        "Put up the notice and send a photograph",
    ),
    Todo.REPLACE: (
        "取下旧通知，换上新通知，拍照回传",
        "Take the old notice down, put up the new one and send a photograph",
    ),
    Todo.TAKE_DOWN: (
        "取下停电通知（贴上取消或恢复告示），拍照回传",
        "Take the outage notice down (put up the all-clear) and send a photograph",
    ),
}

_TODO = {
    Stage.RESCHEDULED: Todo.REPLACE,
    Stage.LATE: Todo.REPLACE,
    Stage.REMOVED: Todo.TAKE_DOWN,
    Stage.CANCELLED: Todo.TAKE_DOWN,
    Stage.RESTORED: Todo.TAKE_DOWN,
}

#: Deliveries whose poster may still be put up.
WORTH_DOING = (DeliveryState.ACCEPTED, DeliveryState.UNCONFIRMED)


def todo_of(stage: Stage) -> Todo:
    """What a stage asks of whoever stands at the door."""
    return _TODO.get(stage, Todo.PUT_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingTask:
    """One task as the store knows it. Times are aware UTC.

    ``poster`` names the notice that is to hang there: a plan that changes before the crew comes keeps
    the task and changes the poster. ``due_at`` is when it must hang, ``expires_at`` when it is
    pointless. ``latitude`` and ``longitude`` are degrees, WGS 84, as the crew's device gave them.
    """

    id: int
    plan_id: int
    plan_number: str
    plan_revision: int
    revision: int
    stage: Stage
    poster: int
    campaign_id: int
    place: str
    building: str
    address: str
    area: str
    facts: Mapping[str, Any]
    due_at: datetime
    expires_at: datetime
    delivery_state: DeliveryState
    crew: str | None = None
    lease_until: datetime | None = None
    finished_at: datetime | None = None
    photo: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    handed_back: int = 0
    note: str = ""

    @property
    def todo(self) -> Todo:
        return todo_of(self.stage)

    def holder(self, now: datetime) -> str | None:
        """The crew that holds the task at ``now``; None once its lease has ended."""
        held = self.lease_until is not None and self.lease_until > now
        return self.crew if held else None

    def state(self, now: datetime) -> TaskState:
        """Where the task stands at ``now``."""
        if self.finished_at is not None or self.delivery_state is DeliveryState.DELIVERED:
            return TaskState.DONE
        if self.delivery_state is DeliveryState.WITHDRAWN:
            return TaskState.WITHDRAWN
        if self.delivery_state not in WORTH_DOING or self.expires_at <= now:
            return TaskState.CLOSED
        if self.holder(now) is not None:
            return TaskState.CLAIMED
        return TaskState.LATE if self.due_at <= now else TaskState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks are listed. ``areas``: names or codes a crew is confined to (None: not confined).
    ``building``, ``area``, ``feeder`` are names, ``plan`` a number."""

    mine_of: str | None = None
    available_to: str | None = None
    is_done: bool = False
    is_open: bool = False
    plan: str = ""
    building: str = ""
    area: str = ""
    feeder: str = ""
    due_before: datetime | None = None
    areas: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Tasks of one plan and stage that nobody did as their time comes."""

    plan_id: int
    stage: str
    doors: int
    due_at: datetime
