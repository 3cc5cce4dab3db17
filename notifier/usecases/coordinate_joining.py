"""Accepted works of a meeting that come to share an outage are told as one from then on."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from notifier.domain import errors
from notifier.domain.plan import PlanState
from notifier.ports import Store
from notifier.usecases import joints, plans

_CLOSED = (PlanState.CANCELLED, PlanState.DONE)


async def share(
    store: Store,
    kept: Mapping[str, Mapping[str, Any]],
    accepted: Collection[str],
    *,
    note: str,
    now: datetime,
    actor: str,
) -> list[list[str]]:
    """Joins accepted items of a run with those they are merged with, that are in place or accepted too;
    whoever is moved away from a plan shares no outage with it any more. Answers what was joined.

    ``kept``: the items of the run by number. What cannot be joined, for somebody closed a plan
    meanwhile or they are too many, is told plan by plan.
    """
    together = _together(kept, accepted)
    for number in sorted(accepted):
        if not kept[number]["detail"]["shift_minutes"]:
            continue
        stays = next((part for part in together if number in part), {number})
        if not {plan.number for plan in await joints.partners(store, number)} <= stays:
            await joints.part(store, number, now=now, actor=actor, note=note)
    joined = []
    for part in together:
        numbers = [
            number
            for number in sorted(part)
            if (await plans.find(store, number)).state not in _CLOSED
        ]
        if len(numbers) > 1:
            try:
                await joints.join(store, numbers, now=now, actor=actor, note=note)
            except errors.Refusal:
                continue
            joined.append(numbers)
    return joined


def _together(kept: Mapping[str, Mapping[str, Any]], accepted: Collection[str]) -> list[set[str]]:
    """The items that share an outage once ``accepted`` are done, by outage."""

    def is_in_place(number: str) -> bool:
        item = kept[number]
        is_done = number in accepted or item["decision"] == "accepted"
        return is_done or not item["detail"]["is_change"]

    outages: list[set[str]] = []
    for number in sorted(accepted):
        partners = {one["number"] for one in kept[number]["detail"]["merged_with"]}
        part = {number, *filter(is_in_place, partners)}
        for other in [outage for outage in outages if outage & part]:
            outages.remove(other)
            part |= other
        if len(part) > 1:
            outages.append(part)
    return outages
