"""Reasons of coordination in words, Chinese and English."""

from collections.abc import Mapping

#: Why a work stays where it is, or a start is not allowed; behind a colon stand somebody's own words.
REASONS: Mapping[str, tuple[str, str]] = {
    "done": ("已完成", "done"),
    "frozen": ("即将开始，已冻结", "frozen: it begins soon"),
    "notice": ("已进入提前通知期", "inside the notice period"),
    "fixed": ("由申请部门固定", "held by its department"),
    "no_start": ("没有可选的时间", "no other time is allowed"),
    "period": ("超出本期", "beyond the period"),
    "window": ("不在允许的日期内", "outside its window of days"),
    "weekday": ("不在允许的星期", "not on an allowed weekday"),
    "hours": ("不在允许的时刻内", "outside the allowed hours"),
    "blackout": ("禁停", "blackout"),
    "own_work": ("用户在窗口内自行检修", "a customer does its own work then"),
    "kind": ("不是计划停电", "not a planned outage"),
    "draft": ("草稿，内容有误", "a draft that cannot be read"),
    "nobody_out": ("没有停电台区", "nobody is out"),
    "outside": ("开始时间不在本期", "begins outside the period"),
}


def in_words(reason: str) -> tuple[str, str]:
    """A reason in Chinese and English."""
    code, _, own = reason.partition(":")
    zh, en = REASONS.get(code, (code, code))
    return (f"{zh}：{own}", f"{en}: {own}") if own else (zh, en)
