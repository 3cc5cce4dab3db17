"""Switching cases from a JSON file: what is worked on, what is opened and closed, in which orders."""

import gzip
from pathlib import Path
from typing import Annotated, Any

import pydantic

from notifier.domain.network import steps, target
from notifier.intake.network_csv import UnreadableNetwork

Switches = Annotated[list[str], pydantic.Field(max_length=10_000)]


class CaseTarget(pydantic.BaseModel):
    """The work target: a branch, a node, several branches, a section between two nodes, an area."""

    type: target.TargetKind
    id: str | list[str]

    @pydantic.model_validator(mode="after")
    def _fits(self) -> "CaseTarget":
        target.named(self.type, self.id)
        return self


class CaseOrder(pydantic.BaseModel):
    """One order; ``steps`` as "open SW1" where it does not follow from the order's name."""

    model_config = pydantic.ConfigDict(extra="ignore")
    steps: Switches | None = None


class Case(pydantic.BaseModel):
    """One switching case. Expected results that stand beside it are ignored."""

    model_config = pydantic.ConfigDict(extra="ignore")
    id: str
    kind: str = ""
    target: CaseTarget | None = None
    open: Switches = []
    close: Switches = []
    note: str | None = None
    orders: dict[str, CaseOrder] | None = None

    def plans(self) -> dict[str, tuple[steps.Step, ...]]:
        """The steps of each order asked for; all orders that make a difference where none is.

        Raises ``UnreadableNetwork`` for an order that is neither known nor spelled out.
        """
        if not self.orders:
            names = [order.value for order in steps.possible_orders(self.open, self.close)]
            return {
                name: steps.in_order(steps.Order(name), self.open, self.close) for name in names
            }
        return {name: self._plan(name, order) for name, order in self.orders.items()}

    def _plan(self, name: str, order: CaseOrder) -> tuple[steps.Step, ...]:
        if order.steps is not None:
            return tuple(_step(self.id, text) for text in order.steps)
        try:
            return steps.in_order(steps.Order(name), self.open, self.close)
        except ValueError:
            raise UnreadableNetwork(
                f"{self.id}: 未知的操作顺序“{name}” / unknown order “{name}” without steps"
            ) from None


class Cases(pydantic.BaseModel):
    """A file of cases."""

    model_config = pydantic.ConfigDict(extra="ignore")
    network: str = ""
    cases: list[Case]


def read_cases(path: Path) -> Cases:
    """Reads ``cases.json`` or ``cases.json.gz``. Raises ``UnreadableNetwork``."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return Cases.model_validate_json(text)
    except (OSError, EOFError, pydantic.ValidationError) as fault:
        raise UnreadableNetwork(
            f"{path.name} 无法读取 / cannot be read: {_first(fault)}"
        ) from fault


def _step(case: str, text: str) -> steps.Step:
    word, _, switch = text.strip().partition(" ")
    try:
        return steps.Step(action=steps.Action(word.lower()), switch=switch.strip())
    except ValueError:
        raise UnreadableNetwork(
            f"{case}: 步骤“{text}”不是 open/close 加开关 / step “{text}” is not open or close + switch"
        ) from None


def _first(fault: Any) -> str:
    if isinstance(fault, pydantic.ValidationError):
        error = fault.errors()[0]
        return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
    return str(fault)
