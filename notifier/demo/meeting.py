"""The balance meeting of the demonstration: the month is proposed before it runs, and accepted.

Plans to which something will happen in the story are held where they are, as a planner would pin
them; everything else may move. What comes out is counted again here, from the rows of the database.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from notifier.clock import SystemClock, monotonic
from notifier.demo.staff import Desk
from notifier.domain import errors

#: Seconds that the solver may take, and that the demonstration waits for it.
_SOLVING, _PATIENCE = 20.0, 90.0
_AREAS = """
    SELECT p.number, ia.area_id, (SELECT count(*) FROM usage_point u WHERE u.area_id = ia.area_id)
    FROM impact_area ia
    JOIN plan_revision r ON r.points_id = ia.points_id AND r.number = 1
    JOIN plan p ON p.id = r.plan_id
    JOIN impact_group g ON g.revision_id = r.id AND g.number = ia.group_number AND g.class = 'out'
"""


class NoProposal(errors.Conflict):
    """The meeting came to no proposal."""

    code = "demo.no_proposal"


@dataclass(slots=True, kw_only=True)
class Meeting:
    """A meeting that is over. ``accepted`` are the items that changed their plans, ``refused`` those
    that could not be accepted; ``faults`` are sentences."""

    number: int
    summary: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    accepted: Sequence[Mapping[str, Any]]
    refused: Sequence[Mapping[str, Any]]
    faults: list[str] = field(default_factory=list)


async def hold(desk: Desk, first: date, last: date, pinned: Iterable[str]) -> Meeting:
    """Holds a meeting over a period (both days included) and accepts all that it proposes.

    Raises ``NoProposal``, and what the service refuses.
    """
    pins = [
        {"number": number, "starts_at": await _start(desk, number)} for number in sorted(pinned)
    ]
    asked = {"from": first.isoformat(), "to": last.isoformat(), "seconds": _SOLVING, "pins": pins}
    run = await desk.post("/coordination/runs", asked)
    path = f"/coordination/runs/{run['id']}"
    clock, until = SystemClock(), monotonic() + _PATIENCE
    # A run that has not been noted for a minute of simulated time, a moment here, reads as lost.
    while run["state"] in ("running", "lost"):
        if monotonic() > until:
            raise NoProposal("平衡会迟迟没有方案 / the meeting does not come to an end.")
        await clock.pause(0.2)
        run = await desk.get(path)
    if run["state"] == "failed":
        raise NoProposal(f"平衡会没有方案 / no proposal: {run['summary'].get('why', '')}")
    answer = await desk.post(f"{path}/accept", {"numbers": None})
    items = {item["number"]: item for item in run["items"]}
    return Meeting(
        number=run["id"],
        summary=run["summary"],
        items=run["items"],
        accepted=[items[item["number"]] for item in answer["items"] if item["accepted"]],
        refused=[item for item in answer["items"] if not item["accepted"]],
    )


async def _start(desk: Desk, number: str) -> str:
    plan = await desk.get(f"/plans/{quote(number, safe='')}")
    return min(str(window["starts_at"]) for window in plan["present"]["windows"])


def recount(folder: Path, meeting: Meeting) -> None:
    """Counts the interruptions of both sides anew, from the areas in the database and the times of
    the items; what differs from the meeting's own figures is a fault. Blocks for a moment."""
    areas: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{folder / 'notifier.db'}?mode=ro", uri=True)) as database:
        for number, area, customers in database.execute(_AREAS):
            areas[number].append((area, customers))
    counted = {}
    for side, times in (("asked", "from"), ("proposed", "to")):
        counted[side] = _interruptions(
            (item[times], areas[item["number"]]) for item in meeting.items
        )
        said = meeting.summary[side]["interruptions"]
        if counted[side] != said:
            meeting.faults.append(
                f"平衡会 {side}: {said} 户次，另行计数为 {counted[side]} / the meeting's figure is "
                "not what the rows say"
            )
    if counted["proposed"] >= counted["asked"]:
        meeting.faults.append("平衡会没有减少停电 / the meeting spared nobody an interruption")


def _interruptions(
    works: Iterable[tuple[Sequence[Mapping[str, str]], Sequence[tuple[int, int]]]],
) -> int:
    """Customers times interruptions: works that begin at the same time at an area share one."""
    begun: dict[tuple[int, int], set[datetime]] = defaultdict(set)
    for windows, areas in works:
        first_of_day: dict[date, datetime] = {}
        for start in sorted(datetime.fromisoformat(window["starts_at"]) for window in windows):
            first_of_day.setdefault(start.date(), start)
        for area in areas:
            begun[area].update(first_of_day.values())
    return sum(customers * len(starts) for (_, customers), starts in begun.items())
