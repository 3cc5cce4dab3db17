"""The joint outages of the demonstration: whoever is in several plans of one was told once."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from notifier.domain.delivery import TOLD
from notifier.domain.notice import Stage

#: People in two plans or more of one outage, by how many plans, and how often each was announced it.
_SHARED = """
    WITH hit AS (
        SELECT DISTINCT o.joint_id, o.plan_id, c.contact_id FROM joint_outage o
        JOIN plan p ON p.id = o.plan_id
        JOIN plan_revision r ON r.plan_id = p.id AND r.number = p.revision
        JOIN impact_point i ON i.points_id = r.points_id
        JOIN point_contact c ON c.usage_point_id = i.usage_point_id
    ), shared AS (
        SELECT joint_id, contact_id, count(*) AS plans FROM hit GROUP BY 1, 2 HAVING count(*) > 1
    ), heard AS (
        SELECT o.joint_id, d.contact_id, count(DISTINCT n.plan_id || ' ' || a.occasion) AS times
        FROM delivery d JOIN campaign a ON a.id = d.campaign_id
        JOIN batch b ON b.id = d.batch_id JOIN notice n ON n.id = b.notice_id
        JOIN joint_outage o ON o.plan_id = a.plan_id
        WHERE a.stage = :stage AND b.sent_at IS NOT NULL
          AND d.state IN (SELECT value FROM json_each(:told))
        GROUP BY 1, 2
    )
    SELECT s.plans, coalesce(h.times, 0) AS times, count(*) AS people
    FROM shared s LEFT JOIN heard h ON h.joint_id = s.joint_id AND h.contact_id = s.contact_id
    GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCheck:
    """``outages`` of several plans each; ``people`` in two or more plans of one, who would have been
    told ``plan_by_plan`` times and were told ``told`` times. ``twice``: of those, how many heard more
    than one announcement, which nobody should."""

    outages: int
    people: int
    plan_by_plan: int
    told: int
    twice: int

    @property
    def faults(self) -> list[str]:
        """Sentences, empty where everybody heard it once."""
        if not self.twice:
            return []
        return [f"同停 {self.twice} 人收到多次停电通知 / were announced one outage more than once"]


def check(folder: Path) -> JointCheck:
    """Counts from the rows of the database alone. Blocks for a moment."""
    with closing(sqlite3.connect(f"file:{folder / 'notifier.db'}?mode=ro", uri=True)) as database:
        (outages,) = database.execute(
            "SELECT count(DISTINCT joint_id) FROM joint_outage"
        ).fetchone()
        asked = {"stage": Stage.ADVANCE.value, "told": json.dumps([int(state) for state in TOLD])}
        rows = database.execute(_SHARED, asked).fetchall()
    heard = [(plans, times, people) for plans, times, people in rows if times]
    return JointCheck(
        outages=outages,
        people=sum(people for _, _, people in heard),
        plan_by_plan=sum(plans * people for plans, _, people in heard),
        told=sum(times * people for _, times, people in heard),
        twice=sum(people for _, times, people in heard if times > 1),
    )
