"""What people may do with plans, and what is refused with which word."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from notifier.domain import errors
from notifier.domain.finding import Finding, Severity
from notifier.domain.plan import Plan, PlanContent, PlanKind, PlanState
from notifier.domain.window import Window, WindowInvalid
from notifier.store.engine import Database
from notifier.usecases import plans, submitting
from notifier.usecases.preview import preview
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window


@pytest.fixture
async def town(sqlite_database: Database, vault: Vault) -> Town:
    return await towns.build(sqlite_database, vault)


async def _state(town: Town, number: str = "P1") -> tuple[PlanState, int]:
    found = await plans.find(town.store, number)
    return found.state, found.revision


async def _approvals(town: Town, number: str = "P1") -> list[bool]:
    """For each approval, whether it still holds."""
    found = await plans.find(town.store, number)
    async with town.store.read() as tx:
        return [item["voided_at"] is None for item in await tx.plans.approvals(found.id)]


def _strict(town: Town, threshold: int = 5) -> None:
    """So few people need another approver."""
    town.setting = replace(
        town.setting, policy=replace(town.setting.policy, approval_threshold=threshold)
    )


async def _revise(town: Town, content: PlanContent, actor: str = "wang") -> Plan:
    return await plans.revise(town.store, "P1", content, note="", now=town.clock.now(), actor=actor)


# --- Submitting -------------------------------------------------------------------------------------


async def test_the_same_plan_again_is_nothing_new(town: Town) -> None:
    """Neither a revision nor a lost approval."""
    await town.submit(plan())
    await town.approve("P1")

    outcome, found = await submitting.submit(
        town.store,
        submitting.Incoming(content=plan(), source={"file": "again"}),
        now=town.clock.now(),
        actor="li",
    )

    assert outcome is submitting.Submitted.UNCHANGED
    assert found is not None
    assert await _state(town) == (PlanState.APPROVED, 1)
    assert await _approvals(town) == [True]


async def test_a_changed_plan_is_a_revision_that_has_to_be_approved_again(town: Town) -> None:
    """Any edit voids it."""
    await town.submit(plan())
    await town.approve("P1")

    await town.submit(plan(windows=[window(21, 8, 18)]))

    assert await _state(town) == (PlanState.SUBMITTED, 2)
    assert await _approvals(town) == [False]


@pytest.mark.parametrize("windows", [True, False])
async def test_a_plan_in_doubt_is_kept_as_a_draft_that_nobody_can_approve(
    town: Town, windows: bool
) -> None:
    """With an error, or without a window: on the list, and corrected by one of its number."""
    error = Finding(code="window.unreadable", severity=Severity.ERROR, found="8点半左右")
    outcome, _ = await submitting.submit(
        town.store,
        submitting.Incoming(
            content=plan(windows=None if windows else []),
            source={},
            findings=[error] if windows else [],
        ),
        now=town.clock.now(),
        actor="wang",
    )

    with pytest.raises(plans.PlanBlocked, match=r"window\.unreadable" if windows else "P1"):
        await town.approve("P1")
    await town.submit(plan(windows=[window(21, 8, 18)]))
    await town.approve("P1")

    assert outcome is submitting.Submitted.REFUSED
    assert await _state(town) == (PlanState.APPROVED, 2)


async def test_a_plan_that_names_what_is_not_in_the_ledger_cannot_be_approved(town: Town) -> None:
    """The finding says which name, and what looks like it."""
    await town.submit(plan(feeders=["10kV东二线"]))

    with pytest.raises(plans.PlanBlocked, match=r"东一线.*equipment\.unknown"):
        await town.approve("P1")


async def test_a_closed_plan_stays_closed(town: Town) -> None:
    """Cancelled: no revision, no approval, no restoration; the same file again is no news."""
    await town.submit(plan())
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="wang")

    for refused in (town.submit(plan(windows=[window(25, 8, 9)])), town.approve("P1")):
        with pytest.raises(plans.PlanClosed):
            await refused
    with pytest.raises(plans.PlanClosed):
        await _revise(town, plan())
    with pytest.raises(plans.PlanClosed):
        await plans.cancel(
            town.store, town.setting, "P1", note="", now=town.clock.now(), actor="wang"
        )
    assert await _state(town) == (PlanState.CANCELLED, 2)


async def test_a_plan_that_is_not_there_is_not_found(town: Town) -> None:
    """By its number."""
    with pytest.raises(plans.PlanNotFound, match="P9"):
        await plans.find(town.store, "P9")


# --- Approving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("author", ["submitter", "reviser"])
async def test_many_recipients_need_another_person_than_whoever_wrote_it(
    town: Town, author: str
) -> None:
    """Whoever made the present revision does not approve their own words either."""
    _strict(town)
    await town.submit(plan(), actor="wang")
    if author == "reviser":
        await _revise(town, plan(windows=[window(21, 8, 18)]), actor="li")

    with pytest.raises(plans.ApprovalNeedsAnother):
        await town.approve("P1", actor="wang")
    if author == "reviser":
        with pytest.raises(plans.ApprovalNeedsAnother):
            await town.approve("P1", actor="li")
    await town.approve("P1", actor="zhao")

    assert (await _state(town))[0] is PlanState.APPROVED


async def test_as_many_as_the_threshold_may_be_approved_by_the_submitter(town: Town) -> None:
    """19 people hear of it; more than that would need another."""
    _strict(town, 19)
    await town.submit(plan(), actor="wang")

    await town.approve("P1", actor="wang")

    assert await _approvals(town) == [True]


async def test_an_approval_of_recipients_that_have_changed_is_stale(town: Town) -> None:
    """Somebody moved in since the approver looked."""
    await town.submit(plan())
    seen, _ = await preview(
        town.store,
        town.setting,
        town.outbox.renderer,
        await plans.find(town.store, "P1"),
        town.clock.now(),
    )
    async with town.store.database.write() as connection:
        await connection.execute(text("INSERT INTO point_contact VALUES (4, 30, 1)"))
        await connection.execute(text("INSERT INTO point_contact VALUES (4, 28, 1)"))

    with pytest.raises(plans.ApprovalStale):
        await plans.approve(
            town.store,
            town.setting,
            town.outbox.renderer,
            "P1",
            now=town.clock.now(),
            actor="li",
            expected_hash=seen.recipients_hash,
        )
    assert (await _state(town))[0] is PlanState.SUBMITTED


async def test_what_is_approved_is_not_approved_twice(town: Town) -> None:
    """The second is told so."""
    await town.submit(plan())
    await town.approve("P1")

    with pytest.raises(errors.Conflict) as conflict:
        await town.approve("P1")

    assert conflict.value.code == "plan.approved"
    assert await _approvals(town) == [True]


async def test_two_who_change_a_plan_at_once_do_not_overwrite_each_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later of them looks again first."""
    await town.submit(plan())
    stale = await plans.find(town.store, "P1")
    await _revise(town, plan(windows=[window(21, 8, 18)]))

    async def remembered(*_: object) -> Plan:
        return stale

    monkeypatch.setattr(plans, "find", remembered)
    with pytest.raises(errors.Conflict) as conflict:
        await _revise(town, plan(windows=[window(22, 8, 18)]), actor="li")
    monkeypatch.undo()

    assert conflict.value.code == "plan.changed_meanwhile"
    assert await _state(town) == (PlanState.SUBMITTED, 2)


# --- Cancelling, delaying, restoring ----------------------------------------------------------------


async def test_a_change_to_many_needs_another_unless_the_policy_lets_it_pass(town: Town) -> None:
    """Shipped, a cancellation passes: late is worse than alone."""
    _strict(town)
    await town.submit(plan(), actor="wang")
    await town.approve("P1", actor="li")
    town.setting = replace(
        town.setting, policy=replace(town.setting.policy, approval_exempt=frozenset())
    )

    with pytest.raises(plans.ApprovalNeedsAnother):
        await plans.cancel(
            town.store, town.setting, "P1", note="", now=town.clock.now(), actor="wang"
        )
    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")

    assert (await _state(town))[0] is PlanState.CANCELLED


async def _delay(town: Town, until: object) -> PlanContent:
    await plans.delay(
        town.store,
        town.setting,
        "P1",
        until,  # type: ignore[arg-type]
        note="",
        now=town.clock.now(),
        actor="li",
    )
    found = await plans.find(town.store, "P1")
    async with town.store.read() as tx:
        return (await tx.plans.revision(found.id, found.revision)).content


async def test_a_delay_moves_the_end_of_the_window_that_began_last(town: Town) -> None:
    """On the first evening of three days the first day overruns, not the third."""
    days = [window(day, 8, 18) for day in (20, 21, 22)]
    await town.submit(plan(windows=days))
    await town.approve("P1")
    town.clock.set(local(20, 18, 10))

    content = await _delay(town, local(20, 20))

    assert content.windows == (Window(local(20, 8), local(20, 20)), *days[1:])
    assert (await _state(town))[0] is PlanState.APPROVED


async def test_a_delay_moves_the_transfer_back_with_it(town: Town) -> None:
    """Who is moved over is moved back when the work is done, and not before."""
    spans = (Window(local(20, 7, 45), local(20, 8)), Window(local(20, 18), local(20, 18, 15)))
    await town.submit(plan(transferred=["二里台区"], spans=spans))
    await town.approve("P1")
    town.clock.set(local(20, 17))

    content = await _delay(town, local(20, 20))

    (transfer,) = content.transfers
    assert transfer.spans == (spans[0], Window(local(20, 20), local(20, 20, 15)))


@pytest.mark.parametrize("until", [local(20, 7), local(20, 9)])
async def test_a_delay_to_a_time_that_makes_no_window_is_refused(town: Town, until: object) -> None:
    """Before the start, or in the past."""
    await town.submit(plan())
    await town.approve("P1")
    town.clock.set(local(20, 10))

    with pytest.raises(WindowInvalid):
        await _delay(town, until)


async def test_a_plan_of_transfers_alone_cannot_be_delayed(town: Town) -> None:
    """There is no window to make longer: revise it."""
    spans = (Window(local(20, 22), local(20, 22, 15)),)
    await town.submit(
        plan(
            feeders=[],
            windows=[],
            transferred=["二里台区"],
            spans=spans,
            kind=PlanKind.SHORT_TRANSFER,
        )
    )
    await town.approve("P1")

    with pytest.raises(WindowInvalid):
        await _delay(town, local(20, 23))


async def test_only_an_outage_that_has_begun_is_restored(town: Town) -> None:
    """Not one that is not approved, nor one that is still to come: that would be a cancellation."""

    async def restore(at: object) -> None:
        await plans.restore(
            town.store,
            town.setting,
            "P1",
            at,  # type: ignore[arg-type]
            note="",
            now=town.clock.now(),
            actor="li",
        )

    await town.submit(plan())
    with pytest.raises(plans.PlanClosed):
        await restore(local(20, 16))
    await town.approve("P1")
    with pytest.raises(WindowInvalid):
        await restore(local(14, 9))
    town.clock.set(local(20, 16))
    await restore(local(20, 16))

    assert await _state(town) == (PlanState.DONE, 2)


async def test_nothing_is_restored_in_the_future(town: Town) -> None:
    """A few minutes are another clock; more is a mistake."""
    await town.submit(plan())
    await town.approve("P1")
    town.clock.set(local(20, 16))

    with pytest.raises(WindowInvalid):
        await _restore(town, local(20, 17))
    await _restore(town, local(20, 16, 3))

    assert await _state(town) == (PlanState.DONE, 2)


async def test_the_first_of_several_days_ends_alone(town: Town) -> None:
    """Back early: everybody hears that, and of tomorrow; tomorrow takes place and ends as announced."""
    await town.submit(plan(windows=(window(20, 8, 18), window(21, 8, 18))))
    await town.approve("P1")
    await town.run_until(local(20, 12))
    count = len(town.told())

    await _restore(town, local(20, 12))
    await town.run_until(local(20, 19))
    first = town.told()[count:]
    state = await _state(town)
    await town.run_until(local(21, 17, 50))
    await _restore(town, local(21, 17, 50))
    await town.run_until(local(21, 19))

    assert len({address for address, _ in first}) == len(first) == 17
    assert all("12:00恢复供电" in words and "21日" in words for _, words in first)
    assert state == (PlanState.APPROVED, 2)
    assert await _state(town) == (PlanState.DONE, 3)
    assert town.told()[count + 17 :] == []


async def test_the_whole_plan_ends_where_that_is_said(town: Town) -> None:
    """One message: supply is back, and tomorrow is off."""
    await town.submit(plan(windows=(window(20, 8, 18), window(21, 8, 18))))
    await town.approve("P1")
    await town.run_until(local(20, 12))
    count = len(town.told())

    await _restore(town, local(20, 12), whole=True)
    await town.run_until(local(21, 19))

    news = town.told()[count:]
    assert len({address for address, _ in news}) == len(news) == 17
    assert all("不再进行" in words for _, words in news)
    assert await _state(town) == (PlanState.DONE, 2)


async def _restore(town: Town, at: datetime, *, whole: bool = False) -> None:
    await plans.restore(
        town.store, town.setting, "P1", at,
        note="", now=town.clock.now(), actor="li", whole=whole,
    )  # fmt: skip


# --- What follows -----------------------------------------------------------------------------------


async def test_a_plan_moved_nearer_is_told_at_once(town: Town) -> None:
    """Nothing was laid out for the far day; the near one is due now and cannot wait for a reminder."""
    await town.submit(plan(windows=[window(30, 8, 18)]))
    await town.approve("P1")
    await town.run_until(local(2, 9))
    assert await town.scalar("SELECT count(*) FROM batch") == 0

    await _revise(town, plan(windows=[window(9, 8, 18)]))
    await town.approve("P1")
    await town.run_until(town.clock.now() + timedelta(minutes=1))

    assert len(town.told()) == 17


async def test_what_awaits_approval_again_lies_still(town: Town) -> None:
    """Thousands of batches are not taken up every few seconds while somebody thinks it over."""
    await town.submit(plan())
    await town.approve("P1")
    await town.run_until(local(12, 18))
    await _revise(town, plan(windows=[window(21, 8, 18)]))
    town.clock.set(local(13, 9))
    await town.tick()

    found = await town.scalar("SELECT min(due_at) FROM batch WHERE state = 0 AND reason <> ''")

    assert found == (local(13, 9) + timedelta(minutes=10)).timestamp() * 1000
    assert town.told() == []


async def test_whoever_did_not_confirm_hears_of_the_cancellation_too(town: Town) -> None:
    """The hospital answered nothing, and has very likely read it: it must not prepare in vain."""
    hospital = towns.phone(27)
    await town.submit(plan(feeders=["10kV西一线"]))
    await town.approve("P1")
    await town.run_until(local(14, 9))
    count = len(town.told())

    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(14, 20))

    (said,) = [text for address, text in town.told()[count:] if address == hospital]
    assert "取消" in said


async def test_whoever_does_not_confirm_is_tried_by_the_next_medium(
    sqlite_database: Database, vault: Vault
) -> None:
    """Once, and the message before it still counts as read."""
    town = await towns.build(sqlite_database, vault, media=("sms", "voice"))
    async with sqlite_database.write() as connection:
        await connection.execute(text("UPDATE contact SET reach = 9 WHERE id = 27"))
    await town.submit(plan(feeders=["10kV西一线"]))
    await town.approve("P1")

    await town.run_until(local(14, 9))

    hospital = towns.phone(27)
    assert [address for address, _ in town.told("voice")] == [hospital]
    assert [address for address, _ in town.told()].count(hospital) == 1


@pytest.mark.parametrize(
    "at",
    [
        datetime.fromisoformat("9999-12-31T23:59-12:00"),
        datetime.fromisoformat("0001-01-01T00:00+14:00"),
    ],
)
async def test_a_time_of_another_century_changes_nothing(town: Town, at: datetime) -> None:
    """Delay, restore, revise and submit refuse it alike."""
    await town.submit(plan())
    await town.approve("P1")
    far = Window(*sorted((at, local(20, 8))))

    with pytest.raises(WindowInvalid):
        await _delay(town, at)
    with pytest.raises(WindowInvalid):
        await plans.restore(
            town.store, town.setting, "P1", at, note="", now=town.clock.now(), actor="li"
        )
    with pytest.raises(WindowInvalid):
        await _revise(town, plan(windows=[far]))
    with pytest.raises(WindowInvalid):
        await town.submit(plan(number="P2", windows=[far]))

    assert await _state(town) == (PlanState.APPROVED, 1)
