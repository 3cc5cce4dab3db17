"""Switching steps and the orders in which a plan's switches may be worked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What is done to a switch."""

    OPEN = "open"
    CLOSE = "close"

    @property
    def inverse(self) -> "Action":
        return Action.CLOSE if self is Action.OPEN else Action.OPEN


class Order(StrEnum):
    """OPEN: break before make, seconds out. CLOSED: make before break (合环). MIXED: the first tie
    is closed before anything is opened, the others after."""

    OPEN = "open_transition"
    CLOSED = "closed_transition"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One switch operated. ``planned_at`` is aware; steps of one ``group`` belong together."""

    action: Action
    switch: str
    group: str = ""
    planned_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.action.value} {self.switch}"


def in_order(order: Order, opens: Sequence[str], closes: Sequence[str]) -> tuple[Step, ...]:
    """The steps of one order: switches keep the sequence in which they are given."""
    opening = [Step(action=Action.OPEN, switch=switch) for switch in opens]
    closing = [Step(action=Action.CLOSE, switch=switch) for switch in closes]
    if order is Order.OPEN:
        return (*opening, *closing)
    if order is Order.CLOSED:
        return (*closing, *opening)
    return (*closing[:1], *opening, *closing[1:])


def possible_orders(opens: Sequence[str], closes: Sequence[str]) -> tuple[Order, ...]:
    """The orders that differ: one without ties, two with a tie, three with several."""
    if not opens or not closes:
        return (Order.OPEN,)
    return (Order.OPEN, Order.CLOSED) if len(closes) == 1 else tuple(Order)


def transfer_back(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same steps reversed with the inverse actions; times are left open."""
    return tuple(
        replace(step, action=step.action.inverse, planned_at=None) for step in reversed(steps)
    )
