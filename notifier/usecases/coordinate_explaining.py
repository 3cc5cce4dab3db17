"""Why a merge was refused, and what a longer window would be worth, in words for staff."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.coordination.allowing import local_moment
from notifier.domain.coordination.explain import Extension, Obstacle, Unmerged
from notifier.usecases.coordinate_gathering import Period
from notifier.usecases.coordinate_wording import in_words

#: Reasons that one item shows; the rest are of smaller merges.
_SHOWN = 5

#: What stood in the way, with the one who says so put in.
OBSTACLES: Mapping[Obstacle, tuple[str, str]] = {
    Obstacle.FROZEN: ("{who}已冻结", "{who} is frozen"),
    Obstacle.PINNED: ("{who}已被固定", "{who} is held fast"),
    Obstacle.PUBLISHED: ("已通知用户，再次告知的代价更大", "telling people again costs more than it spares"),
    Obstacle.CREW: ("班组{who}当日已满", "the crew {who} is busy that day"),
    Obstacle.REGION: ("区域{who}当班次已满", "the region {who} is full in that shift"),
    Obstacle.PRECEDENCE: ("先后顺序不允许", "the order of works forbids it"),
    Obstacle.EXCLUSIVE: ("与互斥工作同日", "on one day with a work it excludes"),
    Obstacle.TIE_FEEDER: ("转供电源{who}当日停电", "the tie feeder {who} is out that day"),
    Obstacle.SAME_OUTAGE: ("同停组须一同安排", "its simultaneous-outage group must go along"),
    Obstacle.WINDOW: ("没有共同的可选时间", "no start is allowed to both"),
}  # fmt: skip
#: The same where it is the feeder of one of the works.
_CARRIES = (
    "线路{who}当日有负荷转供，不能同日停电",
    "load is transferred to or from the feeder {who} that day, so it cannot be out",
)


def refusals(
    period: Period, unmerged: Sequence[Unmerged], zone: ZoneInfo
) -> dict[int, list[dict[str, Any]]]:
    """For each request the merges that would have helped, the best first, with the constraint that
    stood against each."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in unmerged:
        zh, en = _why(period, one, zone)
        for mine, other in (one.requests, one.requests[::-1]):
            if len(found[mine]) < _SHOWN:
                found[mine].append(
                    {
                        "with": _number(period, other),
                        "customers": one.repeats,
                        "saved": one.saved,
                        "obstacle": one.obstacle.value,
                        "starts_at": _moment(period, one.start, zone).isoformat(),
                        "by": [_number(period, request) for request in one.by],
                        "zh": zh,
                        "en": en,
                    }
                )
    return dict(found)


def prices(
    period: Period, extensions: Sequence[Extension], zone: ZoneInfo
) -> dict[int, dict[str, Any]]:
    """For each request what it would be worth if its window were longer."""
    found = {}
    for one in extensions:
        at = _moment(period, one.start, zone)
        number, joins = _number(period, one.request), [_number(period, j) for j in one.joins]
        why = period.gathered.removed[one.request].get(one.start, "window")
        zh_why, en_why = in_words(why)
        found[one.request] = {
            "starts_at": at.isoformat(),
            "days": one.days,
            "joins": joins,
            "spared_repeats": one.repeats,
            "spared_customer_hours": one.half_hours / 2,
            "reason": why,
            "zh": f"若{number}可在 {at:%m-%d %H:%M} 与{'、'.join(joins)}同停（现：{zh_why}），"
            f"{one.repeats:,} 户免于重复停电",
            "en": f"if {number} could start at {at:%m-%d %H:%M} with {', '.join(joins)} "
            f"(now: {en_why}), {one.repeats:,} customers would be spared a repeat",
        }
    return found


def _why(period: Period, one: Unmerged, zone: ZoneInfo) -> tuple[str, str]:
    """The one constraint, as exactly as it is known."""
    gathered = period.gathered
    if one.obstacle is Obstacle.WINDOW:
        at = _moment(period, one.start, zone)
        for request in one.requests:
            why = gathered.removed[request].get(one.start)
            if why:
                zh, en = in_words(why)
                number = _number(period, request)
                return (
                    f"{number} 不能在 {at:%m-%d %H:%M} 开始（{zh}）",
                    f"{number} cannot start at {at:%m-%d %H:%M} ({en})",
                )
    if one.obstacle is Obstacle.FROZEN:
        for request in one.requests:
            why = gathered.why_frozen[request]
            if why:
                zh, en = in_words(why)
                number = _number(period, request)
                return f"{number} {zh}", f"{number}: {en}"
    if one.obstacle is Obstacle.PINNED:
        held = [r for r in one.requests if period.instance.requests[r].pinned_start is not None]
        who = "、".join(_number(period, request) for request in held)
    else:
        who = "" if one.who is None else f" {one.who} "
    zh, en = OBSTACLES[one.obstacle]
    if one.obstacle is Obstacle.TIE_FEEDER and _is_own(period, one):
        zh, en = _CARRIES
    by = "、".join(_number(period, request) for request in one.by)
    behind = (f"（{by}）", f" ({by})") if by else ("", "")
    words = zh.format(who=who) + behind[0], en.format(who=who.strip()) + behind[1]
    return words[0].strip(), " ".join(words[1].split())


def _is_own(period: Period, one: Unmerged) -> bool:
    """Whether the feeder on which somebody relies is that of one of the works."""
    return any(period.instance.requests[request].feeder == one.who for request in one.requests)


def _number(period: Period, request: int) -> str:
    return period.gathered.works[request].plan.number


def _moment(period: Period, start: int, zone: ZoneInfo) -> datetime:
    return local_moment(period.gathered.first, zone, start)
