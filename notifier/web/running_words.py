"""Words for running outages: how certain an end is, what was said of it, why another has to move."""

from collections.abc import Mapping

from notifier.web.words import Words

PHASES: Mapping[str, Words] = {
    "running": ("停电中", "Running"),
    "asked": ("已询问班组", "Crew asked"),
    "confirmed": ("班组已确认", "Confirmed"),
    "unanswered": ("班组未答复", "No answer"),
    "overdue": ("已过送电时间", "Overdue"),
}

ANSWERS: Mapping[str, Words] = {
    "on_time": ("按时送电", "On time"),
    "late": ("延迟送电", "Late"),
    "restored": ("已送电", "Restored"),
}

OUTCOMES: Mapping[str, Words] = {
    "confirmed": ("时间已确认", "The end is confirmed"),
    "delayed": ("已通知用户延迟", "People were told of the delay"),
    "restored": ("已结束停电", "The outage is closed"),
    "noted": ("已记录，未采用", "Kept; something later stands"),
}

REASONS: Mapping[str, Words] = {
    "crew": ("同一班组", "Same crew"),
    "department": ("同一部门", "Same department"),
    "area": ("台区仍停电", "Area still out"),
    "feeder": ("线路尚未恢复", "Feeder not yet back"),
    "switch": ("开关尚未复位", "Switch not yet back"),
}
