"""Outage plans: what is asked for, in revisions; words as in ``docs/glossary.md``."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from notifier.domain.finding import Finding
from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.window import Window, showable


class PlanKind(StrEnum):
    """计划停电, 临时停电, 短时停电 by load transfer, 故障停电."""

    PLANNED = "planned"
    SHORT_NOTICE = "short_notice"
    SHORT_TRANSFER = "short_transfer"
    UNPLANNED = "unplanned"


class Transition(StrEnum):
    """OPEN: break before make (停电倒供), seconds out. CLOSED: make before break (合环), nobody is out."""

    OPEN = "open"
    CLOSED = "closed"


class EquipmentKind(StrEnum):
    """What a plan names. UNKNOWN is resolved by name against feeders, areas and stations."""

    STATION = "station"
    FEEDER = "feeder"
    AREA = "area"
    SECTION = "section"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """A network asset as the plan names it; ``station`` narrows a feeder's name when the plan gives it."""

    name: str
    kind: EquipmentKind = EquipmentKind.UNKNOWN
    station: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A load transfer inside a plan: who is moved, how, and the spans in which the seconds fall.

    ``spans`` holds up to two windows: at transfer and at transfer-back.
    """

    equipment: tuple[Equipment, ...]
    transition: Transition
    spans: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """The switches a plan operates, in their order, and how supply is brought back.

    ``transitions`` says of a group of steps how its load is moved: steps without times are then
    worked in that order. ``back`` empty: what was operated is put back in reverse when each window ends.
    """

    steps: tuple[Step, ...]
    back: tuple[Step, ...] = ()
    transitions: tuple[tuple[str, Transition], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContent:
    """What one revision of a plan says. ``windows`` are when ``equipment`` is out.

    A short transfer has ``transfers`` and may have no equipment of its own.
    ``switching`` and ``work``, the place of work, say more exactly what ``equipment`` only names.
    ``scope`` and ``works`` are the plan's own words. ``crew`` is who does the work, as the plan names it;
    several stand with a 、 between them.
    """

    number: str
    kind: PlanKind
    department: str = ""
    equipment: tuple[Equipment, ...] = ()
    windows: tuple[Window, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    switching: Switching | None = None
    work: Target | None = None
    scope: str = ""
    works: str = ""
    priority: int = 0
    crew: str = ""

    @property
    def starts_at(self) -> datetime:
        """The first moment at which anybody may lose supply. Raises ``ValueError`` without windows."""
        return min(window.starts_at for window in self.all_windows)

    @property
    def ends_at(self) -> datetime:
        """The last moment of the last window. Raises ``ValueError`` without windows."""
        return max(window.ends_at for window in self.all_windows)

    @property
    def crews(self) -> tuple[str, ...]:
        """The crews one by one, each once, in the order of the plan."""
        names = (name.strip() for name in _BETWEEN_CREWS.split(self.crew))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def all_windows(self) -> tuple[Window, ...]:
        return self.windows + tuple(span for transfer in self.transfers for span in transfer.spans)

    @property
    def moments(self) -> tuple[datetime, ...]:
        """Every time the plan names: of its windows, its spans and its steps."""
        ends = tuple(at for window in self.all_windows for at in (window.starts_at, window.ends_at))
        if self.switching is None:
            return ends
        steps = (*self.switching.steps, *self.switching.back)
        return ends + tuple(step.planned_at for step in steps if step.planned_at is not None)


#: What stands between the names of several crews.
_BETWEEN_CREWS = re.compile(r"[、，,；;/\n]")


class PlanState(StrEnum):
    """Where the plan stands: the document's status, apart from the progress of the work.

    draft → submitted → approved → done, and from any of the first three → cancelled.
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    DONE = "done"


class Change(StrEnum):
    """Why a revision was made."""

    SUBMITTED = "submitted"
    REVISED = "revised"
    CANCELLED = "cancelled"
    DELAYED = "delayed"
    RESTORED = "restored"
    REMATCHED = "rematched"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWindow:
    """A window of a draft with the words it was read from and the row they stand in."""

    window: Window
    text: str
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDraft:
    """A plan as read from an input, before it has an identity in the store.

    ``number`` is given by the file or derived from the content, so that the same row read twice has
    the same number. ``row`` is where the plan starts; ``rows`` all rows joined into it.
    """

    content: PlanContent
    source_windows: tuple[SourceWindow, ...]
    file: str = ""
    sheet: str = ""
    row: int | None = None
    rows: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as the store knows it. Times are aware UTC.

    ``revision`` counts from 1; the ledger of deliveries follows the plan up to ``settled_revision``, and
    what happened to the plans it shares its outage with up to ``settled_joint_change``.
    """

    id: int
    number: str
    kind: PlanKind
    department: str
    state: PlanState
    revision: int
    settled_revision: int
    starts_at: datetime | None
    ends_at: datetime | None
    restored_at: datetime | None
    created_at: datetime
    submitted_by: str
    joint_change: int = 0
    settled_joint_change: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether the ledger of deliveries follows the plan as it is."""
        return (self.settled_revision, self.settled_joint_change) == (
            self.revision,
            self.joint_change,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of a plan, never changed once written.

    ``points_id`` names the frozen usage points that hold for it: a change of times alone keeps those
    of the revision before. ``source`` says where it was read, ``counts`` and ``difference`` whom it affects.
    ``network`` is the version and overlay of the network model it was matched on, None where it was
    matched by ledger alone.
    """

    id: int
    plan_id: int
    number: int
    change: Change
    note: str
    content: PlanContent
    digest: str
    source: dict[str, Any]
    findings: tuple[dict[str, Any], ...]
    points_id: int | None
    counts: dict[str, Any]
    difference: dict[str, Any]
    created_at: datetime
    created_by: str
    network: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """A revision about to be written, with the state into which it brings the plan.

    ``findings`` are plain values, as kept; ``restored_at`` stands where supply is back.
    """

    plan_id: int
    number: int
    content: PlanContent
    change: Change
    state: PlanState
    note: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    restored_at: datetime | None = None


def content_as_dict(content: PlanContent) -> dict[str, Any]:
    """The content as plain JSON values; times are ISO 8601 in UTC, so equal moments read alike.

    Crew, switching and place of work stand in it only where there are any: what was written before
    they were known keeps its digest.
    """
    return {
        "number": content.number,
        "kind": content.kind.value,
        "department": content.department,
        "equipment": [_equipment_as_dict(item) for item in content.equipment],
        "windows": [window.as_dict() for window in content.windows],
        "transfers": [
            {
                "equipment": [_equipment_as_dict(item) for item in transfer.equipment],
                "transition": transfer.transition.value,
                "spans": [span.as_dict() for span in transfer.spans],
            }
            for transfer in content.transfers
        ],
        "scope": content.scope,
        "works": content.works,
        "priority": content.priority,
        **({"crew": content.crew} if content.crew else {}),
        **({"switching": _switching_as_dict(content.switching)} if content.switching else {}),
        **({"work": _work_as_dict(content.work)} if content.work else {}),
    }


def content_from_dict(raw: dict[str, Any]) -> PlanContent:
    """The inverse of ``content_as_dict``. Raises ``KeyError`` or ``ValueError`` on anything else."""
    return PlanContent(
        number=raw["number"],
        kind=PlanKind(raw["kind"]),
        department=raw["department"],
        equipment=tuple(_equipment_from_dict(item) for item in raw["equipment"]),
        windows=tuple(Window.from_dict(item) for item in raw["windows"]),
        transfers=tuple(
            Transfer(
                equipment=tuple(_equipment_from_dict(item) for item in transfer["equipment"]),
                transition=Transition(transfer["transition"]),
                spans=tuple(Window.from_dict(item) for item in transfer["spans"]),
            )
            for transfer in raw["transfers"]
        ),
        switching=_switching_from_dict(raw["switching"]) if "switching" in raw else None,
        work=_work_from_dict(raw["work"]) if "work" in raw else None,
        scope=raw["scope"],
        works=raw["works"],
        priority=raw["priority"],
        crew=raw.get("crew", ""),
    )


def content_digest(content: PlanContent) -> str:
    """SHA-256 of the content in canonical JSON: two contents with the same digest say the same."""
    text = json.dumps(
        content_as_dict(content), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _equipment_as_dict(equipment: Equipment) -> dict[str, str]:
    return {"name": equipment.name, "kind": equipment.kind.value, "station": equipment.station}


def _equipment_from_dict(raw: dict[str, str]) -> Equipment:
    return Equipment(name=raw["name"], kind=EquipmentKind(raw["kind"]), station=raw["station"])


def _work_as_dict(work: Target) -> dict[str, Any]:
    return {"kind": work.kind.value, "names": list(work.names)}


def _work_from_dict(raw: dict[str, Any]) -> Target:
    return Target(kind=TargetKind(raw["kind"]), names=tuple(raw["names"]))


def _switching_as_dict(switching: Switching) -> dict[str, Any]:
    said: dict[str, Any] = {"steps": [_step_as_dict(step) for step in switching.steps]}
    if switching.back:
        said["back"] = [_step_as_dict(step) for step in switching.back]
    if switching.transitions:
        said["transitions"] = {group: how.value for group, how in switching.transitions}
    return said


def _switching_from_dict(raw: dict[str, Any]) -> Switching:
    return Switching(
        steps=tuple(_step_from_dict(item) for item in raw["steps"]),
        back=tuple(_step_from_dict(item) for item in raw.get("back", ())),
        transitions=tuple(
            (group, Transition(how)) for group, how in sorted(raw.get("transitions", {}).items())
        ),
    )


def _step_as_dict(step: Step) -> dict[str, str]:
    said = {"action": step.action.value, "switch": step.switch}
    if step.group:
        said["group"] = step.group
    if step.planned_at is not None:
        said["planned_at"] = step.planned_at.astimezone(UTC).isoformat()
    return said


def _step_from_dict(raw: dict[str, str]) -> Step:
    planned_at = raw.get("planned_at")
    return Step(
        action=Action(raw["action"]),
        switch=raw["switch"],
        group=raw.get("group", ""),
        planned_at=None if planned_at is None else showable(datetime.fromisoformat(planned_at)),
    )
