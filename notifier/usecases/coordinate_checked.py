"""What a check of a plan says, with names and in words: what a person, or a program, reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain import reliability
from notifier.domain.coordination import online, online_joint, online_moves
from notifier.domain.coordination.online_index import MINUTE, Index
from notifier.domain.network_index import NetworkIndex
from notifier.domain.reliability import MILLISECOND, Span

_HOUR = 60 * MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A check with the names that a person needs to follow it. ``somewhere``: what happened in the
    look-back on the feeders of the work, to nobody knows whom; it is in no count. ``joint``: what moving
    another work too would bring; None where that was not asked."""

    check: online.Check
    index: Index
    network: NetworkIndex
    zone: ZoneInfo
    somewhere: tuple[reliability.Somewhere, ...] = ()
    joint: tuple[online_joint.Joint, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; times in the utility's zone, customers by area for every figure."""
        check = self.check
        return {
            "number": check.work.key,
            "revision": check.work.revision,
            "customers": check.customers,
            "customer_hours": _hours(check.lasting),
            "hit_again": check.hit_again,
            "by_count": {str(count): number for count, number in check.by_count.items()},
            "over_limit": check.over_limit,
            "on_repeat_list": check.on_list,
            "critical": {str(key): number for key, number in check.special.items()},
            "critical_hit_again": {str(key): number for key, number in check.special_hit.items()},
            "others": [self._other(other) for other in check.others],
            "hits": [
                {
                    "count": hit.count,
                    "customers": hit.customers,
                    "areas": self._areas(hit.places),
                }
                for hit in check.hits
            ],
            "somewhere": [
                {
                    "feeder": self._name(-(item.feeder_id or 0)),
                    "area": "" if item.area_id is None else self._name(item.area_id),
                    "interruptions": item.times,
                    "customers": item.customers,
                }
                for item in self.somewhere
            ],
            "suggestions": [self._suggestion(item) for item in check.suggestions],
            "refused_starts": dict(check.refused),
            "moving_too": None
            if self.joint is None
            else [self._joint(item) for item in self.joint],
        }

    def _other(self, other: online.Other) -> dict[str, Any]:
        return {
            "number": other.work.key,
            "state": other.work.state,
            "department": other.work.department,
            "windows": [self.window(span) for span in other.windows],
            "customers": other.customers,
            "areas": self._areas(other.places),
            "days_apart": other.gap // online_moves.DAY,
            "overlaps": other.gap == 0,
        }

    def _suggestion(self, item: online_moves.Suggestion) -> dict[str, Any]:
        zh, en = reason(item)
        return {
            "kind": "merge" if item.merged else "day",
            "starts_at": self.moment(item.start).isoformat(),
            "days": round(item.shift / online_moves.DAY, 2),
            "gain": item.gain,
            "spared_repeats": item.spared_repeats,
            "spared_over_limit": item.spared_over_limit,
            "spared_customer_hours": _hours(item.spared_time),
            "told_again": item.told_again,
            "merged_with": [
                {"number": work.key, "customers": number} for work, number in item.merged
            ],
            "reason": f"{zh} / {en}",
        }

    def _joint(self, item: online_joint.Joint) -> dict[str, Any]:
        zh, en = self.joint_reason(item)
        return {
            "number": item.other.key,
            "starts_at": self.moment(item.other_start).isoformat(),
            "days": round(item.other_shift / online_moves.DAY, 2),
            "own_starts_at": self.moment(item.start).isoformat(),
            "own_days": round(item.shift / online_moves.DAY, 2),
            "gain": item.gain,
            "more": item.more,
            "spared_repeats": item.spared_repeats,
            "spared_over_limit": item.spared_over_limit,
            "spared_customer_hours": _hours(item.spared_time),
            "told_again": item.told_again,
            "is_merged": item.is_merged,
            "reason": f"{zh} / {en}",
        }

    def joint_reason(self, item: online_joint.Joint) -> tuple[str, str]:
        """What moving another work too would save, in Chinese and in English."""
        there = f"{self.moment(item.other_start):%m-%d %H:%M}"
        here = f"{self.moment(item.start):%m-%d %H:%M}"
        chinese = f"将 {item.other.key} 也移到 {there}"
        english = f"moving {item.other.key} to {there} too"
        if item.shift:
            chinese, english = (
                f"本计划移到 {here}，{chinese}",
                f"with this plan at {here}, {english}",
            )
        if item.is_merged:
            chinese, english = f"{chinese}（两者同停）", f"{english} (one outage for both)"
        zh, en = _spared(item)
        return f"{chinese}：{zh}", f"{english} would save: {en}"

    def _areas(self, places: Sequence[int]) -> list[str]:
        return [self._name(self.index.area_ids[place]) for place in places]

    def _name(self, area_id: int) -> str:
        """An area's name; of customers who hang on a feeder itself, the feeder's."""
        named = self.network.areas.get(area_id) or self.network.feeders.get(-area_id)
        return str(area_id) if named is None else named.name

    def moment(self, instant: int) -> datetime:
        """Milliseconds since 1970 as a local time."""
        return (_EPOCH + instant * MILLISECOND).astimezone(self.zone)

    def window(self, span: Span) -> dict[str, str]:
        """A window as local times."""
        start, end = span
        return {
            "starts_at": self.moment(start).isoformat(),
            "ends_at": self.moment(end).isoformat(),
        }


def reason(item: online_moves.Suggestion) -> tuple[str, str]:
    """Why a suggestion is one, in Chinese and in English."""
    chinese, english = [], []
    if item.merged:
        names = "、".join(work.key for work, _ in item.merged[:3])
        chinese.append(f"与 {names} 同停")
        english.append(f"in one outage with {names}")
    zh, en = _spared(item)
    return "，".join(filter(None, [*chinese, zh])), ", ".join(filter(None, [*english, en]))


def _spared(item: online_moves.Suggestion | online_joint.Joint) -> tuple[str, str]:
    """What people are spared, and who is told again."""
    chinese, english = [], []
    if item.spared_interruptions > 0:
        chinese.append(f"{item.spared_interruptions:,} 户次少停")
        english.append(f"{item.spared_interruptions:,} interruptions fewer")
    if item.spared_repeats > 0:
        chinese.append(f"{item.spared_repeats:,} 户次免于重复停电")
        english.append(f"{item.spared_repeats:,} spared a repeat")
    if item.spared_over_limit > 0:
        chinese.append(f"{item.spared_over_limit:,} 户次不再超限")
        english.append(f"{item.spared_over_limit:,} no longer over the limit")
    if item.spared_time >= _HOUR:
        chinese.append(f"少停 {_hours(item.spared_time):,.0f} 时户")
        english.append(f"{_hours(item.spared_time):,.0f} customer-hours fewer")
    if item.told_again:
        chinese.append(f"须重新告知 {item.told_again:,} 户")
        english.append(f"{item.told_again:,} to be told again")
    return "，".join(chinese), ", ".join(english)


def _hours(milliseconds: int) -> float:
    return round(milliseconds / _HOUR, 1)
