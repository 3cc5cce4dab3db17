"""Joint outages while several things happen at once: a call under way, a partner that changes meanwhile."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from notifier.channel import Batch, Limits, Medium, Outcome
from notifier.testing import RecordingChannel
from notifier.usecases import grounds, joints, plans, reconcile
from tests.usecases.test_joint import FIRST, SECOND, both, first, on_both, second, town, url
from tests.usecases.town import Town, local

__all__ = ["town", "url"]  # fixtures


class Interrupted(RecordingChannel):
    """While the first call is under way P1 is cancelled, and everybody reconciles."""

    town: Town | None = None

    async def send(self, batch: Batch) -> Sequence[Outcome]:
        town, self.town = self.town, None
        if town is not None:
            await cancel(town, "P1")
            await town.settle()
        return await super().send(batch)


async def cancel(town: Town, number: str) -> None:
    now = town.clock.now()
    await plans.cancel(town.store, town.setting, number, note="", now=now, actor="li")


@on_both
async def test_a_message_under_way_is_not_said_again_by_the_other_plan(town: Town) -> None:
    """P1 is cancelled while its messages are at the provider: P2 waits for what becomes of them."""
    channel = Interrupted(Medium.SMS, Limits(batch_size=10))
    town.channels["sms"] = channel
    town.outbox.channels["sms"] = channel  # type: ignore[index]
    await both(town)
    channel.town = town

    await town.run_until(local(14, 9))

    said = [(a, words) for a, words in town.told() if "取消" not in words]
    assert Counter(address for address, _ in said if address in FIRST) == Counter(FIRST)
    assert all("14:00" in words for address, words in said if address in FIRST)
    off = {address for address, words in town.told() if "取消" in words}
    assert off <= SECOND


@on_both
async def test_what_a_partner_changes_while_a_plan_is_reconciled_is_not_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2 is cancelled just when a worker has gathered the people of P1: nothing of what that worker
    lays out leaves before P1 has been looked at once more."""
    await both(town)
    gather = grounds.gather

    async def slow(*arguments: object) -> grounds.Gathered:
        found = await gather(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(grounds, "gather", gather)
        await cancel(town, "P2")
        return found

    monkeypatch.setattr(grounds, "gather", slow)
    await reconcile.reconcile_next(town.store, town.setting, "w1", town.clock)
    found = await plans.find(town.store, "P1")
    assert not found.is_settled

    await town.run_until(local(14, 9))

    assert Counter(address for address, _ in town.told()) == Counter(FIRST | SECOND)
    assert not any("14:00" in words for _, words in town.told())


async def test_two_workers_settle_both_plans(town: Town) -> None:
    """One takes P1 and dies before it has done anything; the other takes both in the end."""
    await both(town)
    async with town.store.write() as tx:
        await tx.plans.claim_for_reconciling(
            "dead", now=town.clock.now(), wall=town.clock.wall(), lease=timedelta(seconds=4)
        )
    await town.settle()
    town.clock.advance(timedelta(seconds=5))

    await town.run_until(local(14, 9))

    assert Counter(address for address, _ in town.told()) == Counter(FIRST | SECOND)


async def test_an_approval_of_what_a_partner_changed_meanwhile_is_stale(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who will be spoken to is no longer what the approver looked at."""
    await town.submit(first())
    await town.submit(second())
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    preview = plans.preview

    async def slow(*arguments: object) -> object:
        found = await preview(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(plans, "preview", preview)
        await town.approve("P1")
        return found

    monkeypatch.setattr(plans, "preview", slow)

    with pytest.raises(plans.ApprovalStale):
        await town.approve("P2")
