"""Switching steps and the place of work, out of the words of a plan file.

断开 10kV城东线902开关；合上 联络L12开关 are two steps; 8:00 断开901、902开关 two more, with a time.
The switch keeps the words of the plan: which switch of the network model is meant is found when the plan
is matched.
"""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.finding import Severity
from notifier.domain.network.steps import Action, Step
from notifier.domain.network.target import Target, TargetKind
from notifier.domain.plan import Switching
from notifier.domain.switching import MARGIN
from notifier.domain.window import Window
from notifier.intake import plan_columns, plan_equipment
from notifier.intake.plan_row import PlanRow, RowCells

_OPEN = r"断开|拉开|分开|分断|拉|断(?!路)|(?i:open|отключить|cắt)"
_CLOSE = r"合上|合入|合闸|投入|合(?!环)|(?i:close|включить|đóng)"
_VERB = rf"(?:{_OPEN}|{_CLOSE})"
_THEN = r"(?:然后|再|先|后|并)?"
_MARK = r"(?:[(（]?\d{1,2}[)）、.．](?!\d)|[①-⑳])?"
_CLOCK = r"(?:(?P<hour>\d{1,2})\s*[:：时点]\s*(?P<minute>\d{2})?\s*分?)?"
_BETWEEN_STEPS = re.compile(
    rf"[；;。\n\r]+|[，,、]\s*(?={_MARK}\s*(?:\d{{1,2}}\s*[:：时点]\s*\d{{0,2}}分?\s*)?[，,]?\s*{_THEN}{_VERB})|(?:→|->|=>)|\s+(?=[①-⑳]|\d{{1,2}}[)）、.．]\s*{_VERB})"
)
_STEP = re.compile(
    rf"^\s*{_MARK}\s*{_CLOCK}\s*[，,]?\s*{_THEN}(?:(?P<open>{_OPEN})|(?P<close>{_CLOSE}))"
    r"\s*[:：]?\s*(?P<names>\S.*?)\s*$"
)
_BETWEEN_NAMES = re.compile(r"[、，,]|(?<=[关闸器\d])[和及与](?=\S)")


def read_switching(cells: RowCells, row: PlanRow, zone: ZoneInfo) -> None:
    """Sets the steps that the row asks for and where is worked, with a finding for what is not a step."""
    steps = _steps(cells, row, "switching", zone)
    back = _steps(cells, row, "switching_back", zone)
    if back and not steps:
        row.doubt(
            "switching.back_alone",
            Severity.WARNING,
            cells.label("switching_back"),
            cells.text("switching_back")[:80],
            "停电操作步骤 / the steps that it takes back",
        )
    elif steps:
        how = plan_columns.transition_of(cells.text("transition"))
        row.switching = Switching(
            steps=steps, back=back, transitions=(("", how),) if how is not None else ()
        )
    place = cells.text("work_place", joint="、")
    if place:
        names, _ = plan_equipment.split_names(place)
        row.work = Target(kind=TargetKind.NAMED, names=tuple(dict.fromkeys(names)))


def _steps(cells: RowCells, row: PlanRow, column: str, zone: ZoneInfo) -> tuple[Step, ...]:
    text = cells.text(column, joint="；")
    found: list[Step] = []
    for clause in _BETWEEN_STEPS.split(text) if text else ():
        if not clause.strip(" \t\u3000，,、"):
            continue
        match = _STEP.match(clause)
        if match is None:
            row.doubt(
                "switching.not_read",
                Severity.ERROR,
                cells.label(column),
                clause.strip(),
                "断开或合上一个开关 / open or close, and the name of a switch",
            )
            continue
        action = Action.OPEN if match["open"] else Action.CLOSE
        moment = _moment(match["hour"], match["minute"], row, zone)
        names = [name.strip() for name in _BETWEEN_NAMES.split(match["names"])]
        found += [Step(action=action, switch=name, planned_at=moment) for name in names if name]
    if found and any(s.planned_at for s in found) and not all(s.planned_at for s in found):
        found = _carried_on(found)
    return tuple(found)


def _carried_on(found: list[Step]) -> list[Step]:
    """A time stands for the steps after it until the next; not where the first has none."""
    if found[0].planned_at is None:
        return found
    carried: list[Step] = []
    at: datetime | None = None
    for step in found:
        at = step.planned_at or at
        carried.append(
            Step(action=step.action, switch=step.switch, group=step.group, planned_at=at)
        )
    return carried


def _moment(hour: str | None, minute: str | None, row: PlanRow, zone: ZoneInfo) -> datetime | None:
    """A clock time of a step, on the day of the window that it fits; None where there is no window."""
    windows: list[Window] = [item.window for item in (*row.windows, *row.transfer_windows)]
    if hour is None or not windows or int(hour) > 24 or int(minute or 0) > 59:
        return None
    first = min(windows).starts_at
    day = first.astimezone(zone).date()
    at = datetime.combine(day, time(int(hour) % 24, int(minute or 0)), tzinfo=zone)
    if int(hour) == 24 or at < first - MARGIN:
        at += timedelta(days=1)
    return at
