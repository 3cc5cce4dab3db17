"""A plan as it comes by the API: strict models, and what they mean.

Times carry an offset, so nothing has to be resolved and nothing is guessed; what does not fit is
refused by pydantic with the place of each mistake.
"""

import itertools
import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Switching,
    Transfer,
    Transition,
)
from notifier.domain.window import Window, WindowInvalid, require_plausible

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]


#: Characters that no keyboard types and that databases, logs and messages each take their own way.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff]").search


def is_readable(text: str) -> bool:
    """Whether a text is free of control characters, but for tabs and ends of lines."""
    return _CONTROL(text) is None


class Strict(BaseModel):
    """What comes by the API: nothing unknown, and texts without control characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, data: object) -> object:
        if isinstance(data, dict):
            for name, value in data.items():
                for text in (name, *value) if isinstance(value, list | dict) else (name, value):
                    if isinstance(text, str) and (found := _CONTROL(text)):
                        raise ValueError(
                            f"{cls._shown(name)}: found U+{ord(found[0]):04X} at character"
                            f" {found.start() + 1}, expected a text without control characters"
                        )
        return data

    @staticmethod
    def _shown(name: object) -> str:
        return name if isinstance(name, str) and is_readable(name) else "a field"


def _iso_only(value: object) -> object:
    """Pydantic would take a number for seconds since 1970; a plan never means that."""
    if not isinstance(value, (str, datetime)):
        raise ValueError("a time is ISO 8601 text with an offset, 2026-03-05T08:00:00+08:00")
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a time is ISO 8601 text with an offset, 2026-03-05T08:00:00+08:00")
    return value


def _plausible(moment: datetime) -> datetime:
    try:
        require_plausible(moment)
    except WindowInvalid as refusal:
        raise ValueError(refusal.sentence) from None
    return moment


#: A time with an offset, of this century: also what any other request names.
Moment = Annotated[AwareDatetime, BeforeValidator(_iso_only), AfterValidator(_plausible)]


class WindowModel(Strict):
    """A half-open period; both ends carry an offset and the end is later."""

    starts_at: Moment
    ends_at: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at is later than starts_at")
        return self

    def window(self) -> Window:
        """The window in the domain's form."""
        return Window(self.starts_at, self.ends_at)


class EquipmentModel(Strict):
    """A line, an area or a station by name; ``station`` narrows a line's name."""

    name: _Name
    kind: Literal["station", "feeder", "area", "section", "unknown"] = "unknown"
    station: _Word = ""

    def equipment(self) -> Equipment:
        """The equipment in the domain's form."""
        return Equipment(name=self.name, kind=EquipmentKind(self.kind), station=self.station)


class TransferModel(Strict):
    """Who is moved, how, and the spans in which the seconds fall: transfer and transfer-back."""

    equipment: Annotated[list[EquipmentModel], Field(min_length=1, max_length=1000)]
    transition: Literal["open", "closed"]
    spans: Annotated[list[WindowModel], Field(max_length=2)] = []

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.transition == "open" and not self.spans:
            raise ValueError("an open transition interrupts supply: say in which spans")
        return self

    def transfer(self) -> Transfer:
        """The transfer in the domain's form."""
        return Transfer(
            equipment=tuple(item.equipment() for item in self.equipment),
            transition=Transition(self.transition),
            spans=tuple(sorted(span.window() for span in self.spans)),
        )


class StepModel(Strict):
    """One switch operated, by id, dispatch number or name; ``group`` joins steps of one transfer."""

    action: Literal["open", "close"]
    switch: _Name
    group: _Word = ""
    planned_at: Moment | None = None

    def step(self) -> Step:
        """The step in the domain's form."""
        return Step(
            action=Action(self.action),
            switch=self.switch,
            group=self.group,
            planned_at=self.planned_at,
        )


class SwitchingModel(Strict):
    """The steps in their order. ``transitions`` says of a group (the steps without one: ``""``) how it is
    moved; ``back`` restores, and left out it is the same in reverse when the window ends."""

    steps: Annotated[list[StepModel], Field(min_length=1, max_length=500)]
    back: Annotated[list[StepModel], Field(max_length=500)] = []
    transitions: dict[_Word, Literal["open", "closed"]] = {}

    @model_validator(mode="after")
    def _knows_its_groups(self) -> Self:
        unknown = self.transitions.keys() - {step.group for step in self.steps}
        if unknown:
            raise ValueError(f"no step is of group {min(unknown)!r}")
        return self

    def switching(self) -> Switching:
        """The switching in the domain's form."""
        return Switching(
            steps=tuple(step.step() for step in self.steps),
            back=tuple(step.step() for step in self.back),
            transitions=tuple(
                (group, Transition(how)) for group, how in sorted(self.transitions.items())
            ),
        )


class WorkModel(Strict):
    """What is worked on, by the names the plan uses; ``between`` is a line section from node to node,
    ``named`` leaves it open whether a name is a branch, a node or an area."""

    kind: Literal["named", "branch", "branches", "node", "area", "between"] = "named"
    names: Annotated[list[_Name], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _has_two_ends(self) -> Self:
        if self.kind == "between" and len(self.names) != 2:
            raise ValueError("between names two nodes")
        return self

    def target(self) -> Target:
        """The place of work in the domain's form."""
        return Target(kind=TargetKind(self.kind), names=tuple(dict.fromkeys(self.names)))


class PlanModel(Strict):
    """One plan. ``windows`` are when ``equipment`` is out; a short transfer may have neither.

    ``switching`` and ``work`` say more exactly what ``equipment`` only names, and may stand for it.
    """

    number: _Name
    kind: Literal["planned", "short_notice", "short_transfer", "unplanned"] = "planned"
    department: _Word = ""
    equipment: Annotated[list[EquipmentModel], Field(max_length=1000)] = []
    windows: Annotated[list[WindowModel], Field(max_length=400)] = []
    transfers: Annotated[list[TransferModel], Field(max_length=100)] = []
    switching: SwitchingModel | None = None
    work: WorkModel | None = None
    scope: _Text = ""
    works: _Text = ""
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] = 0
    crew: _Word = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        says_what = self.equipment or self.switching or self.work
        if self.windows and not says_what:
            raise ValueError("windows without equipment: name what is out")
        if (self.equipment or self.work) and not self.windows:
            raise ValueError("equipment without windows: say when it is out")
        if not self.windows and not self.transfers:
            raise ValueError("a plan has windows or transfers")
        ordered = sorted(item.window() for item in self.windows)
        if any(before.overlaps(after) for before, after in itertools.pairwise(ordered)):
            raise ValueError("the windows of a plan do not overlap")
        return self

    def content(self) -> PlanContent:
        """The plan in the domain's form; equipment and windows once each, windows in order."""
        return PlanContent(
            number=self.number,
            kind=PlanKind(self.kind),
            department=self.department,
            equipment=tuple(dict.fromkeys(item.equipment() for item in self.equipment)),
            windows=tuple(sorted({item.window() for item in self.windows})),
            transfers=tuple(item.transfer() for item in self.transfers),
            scope=self.scope,
            works=self.works,
            priority=self.priority,
            crew=self.crew,
            switching=None if self.switching is None else self.switching.switching(),
            work=None if self.work is None else self.work.target(),
        )


class PlansModel(Strict):
    """Several plans in one request."""

    plans: Annotated[list[PlanModel], Field(min_length=1, max_length=10_000)]
