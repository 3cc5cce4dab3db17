"""Plans that share an outage (同停) tell each person once, from the announcement to the end."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from notifier.domain.facts_json import facts_from_dict
from notifier.domain.plan import PlanKind, PlanState
from notifier.store.engine import Database
from notifier.usecases import dispatch, joints, plans
from notifier.vault import Vault
from tests.usecases import town as towns
from tests.usecases.town import Town, local, plan, window

#: 一里: 9 phones of homes and a tenant; 二里: 6 homes and their manager.
FIRST = {towns.phone(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 29)}
SECOND = {towns.phone(n) for n in (11, 12, 13, 14, 15, 16, 30)}


#: What the databases might do differently is tried on both, the rest on SQLite.
on_both = pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database; ``on_both`` names another kind."""
    found: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return found


@pytest.fixture
async def town(url: str, vault: Vault) -> AsyncIterator[Town]:
    database = await Database.open(url)
    yield await towns.build(database, vault)
    await database.close()


def first(**changes: object) -> plans.PlanContent:
    """P1: the whole of 东一线 (一里, 二里) from 8 to 12."""
    return replace(plan("P1", windows=[window(20, 8, 12)]), works="更换开关", **changes)


def second(**changes: object) -> plans.PlanContent:
    """P2: 一里 from 8 to 14."""
    return replace(
        plan("P2", feeders=(), areas=("一里台区",), windows=[window(20, 8, 14)]),
        works="检修变压器",
        **changes,
    )


async def both(town: Town) -> None:
    """Both plans, joined and approved."""
    await town.submit(first())
    await town.submit(second())
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.approve("P2")


@on_both
async def test_an_outage_of_two_plans_is_announced_once_with_the_union_of_their_windows(
    town: Town,
) -> None:
    """Whoever is in both hears from 8 to 14; whoever is in one hears of that one, from 8 to 12."""
    await both(town)

    await town.run_until(local(14, 9))

    told = town.told()
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert all("14:00" in words for address, words in told if address in FIRST)
    assert all("12:00" in words for address, words in told if address in SECOND)
    assert all("更换开关、检修变压器" in words for address, words in told if address in FIRST)


@on_both
async def test_the_reminder_of_a_joint_outage_comes_once(town: Town) -> None:
    """Two messages a person by the morning of the outage: the announcement and the reminder."""
    await both(town)

    await town.run_until(local(20, 7))

    told = town.told()
    assert Counter(address for address, _ in told) == dict.fromkeys(FIRST | SECOND, 2)
    assert all("14:00" in words for address, words in told if address in FIRST)


async def test_the_other_plan_says_with_which_one_its_people_are_told(town: Town) -> None:
    """Nothing is silent: ten people and the notice board of P2 are told with P1."""
    await both(town)
    await town.run_until(local(14, 9))

    said = await town.scalar(
        "SELECT sum(people) FROM decision d JOIN plan p ON p.id = d.plan_id"
        " WHERE p.number = 'P2' AND d.reason = 'told_with:P1'"
    )

    assert said == len(FIRST) + 1
    assert await _deliveries(town, "P2") == 0


async def test_a_plan_joined_and_approved_later_corrects_what_was_told_once(town: Town) -> None:
    """P1 has been announced by itself; with P2 it lasts longer: one correction, to those in both."""
    await town.submit(first())
    await town.approve("P1")
    await town.run_until(local(14, 9))
    before = town.told()
    await town.submit(second())
    await joints.join(town.store, ["P2", "P1"], now=town.clock.now(), actor="wang")
    await town.run_until(local(14, 10))
    assert town.told() == before

    await town.approve("P2")
    await town.run_until(local(14, 11))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST)
    assert all("14:00" in words and "P1" not in words for _, words in told)


@on_both
async def test_an_end_that_is_put_off_is_told_once_by_whoever_speaks(town: Town) -> None:
    """P2 takes longer while P1 speaks for both: its people hear so at once, and nobody else."""
    await both(town)
    await town.run_until(local(20, 9))
    before = town.told()

    await _delay(town, "P2", 16)
    await town.run_until(local(20, 10))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST)
    assert all("16:00" in words for _, words in told)


async def test_a_delay_within_the_union_is_told_to_nobody_in_both(town: Town) -> None:
    """P1 ends at 13 instead of 12: whoever is off until 14 anyway hears nothing of it."""
    await both(town)
    await town.run_until(local(20, 9))
    before = town.told()

    await _delay(town, "P1", 13)
    await town.run_until(local(20, 10))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(SECOND)


@on_both
async def test_cancelling_the_plan_that_speaks_hands_its_people_to_the_other(town: Town) -> None:
    """P1 is off, P2 goes on from 8 to 14: those in both heard just that, those in P1 alone hear it is off."""
    await both(town)
    await town.run_until(local(14, 9))
    before = town.told()

    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(20, 7))

    told = town.told()[len(before) :]
    assert {a for a, words in told if "取消" in words} == SECOND
    reminded = [(a, words) for a, words in told if "取消" not in words]
    assert Counter(address for address, _ in reminded) == Counter(FIRST)
    assert all("14:00" in words for _, words in reminded)


async def test_cancelling_the_plan_that_does_not_speak_corrects_the_windows(town: Town) -> None:
    """P2 is off: those in both hear once that it is from 8 to 12 now."""
    await both(town)
    await town.run_until(local(14, 9))
    before = town.told()

    await plans.cancel(town.store, town.setting, "P2", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(14, 12))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST)
    assert all("12:00" in words and "取消" not in words for _, words in told)


@on_both
async def test_cancelling_both_is_told_once(town: Town) -> None:
    """Whoever was told by P1 for both hears from P1 that it is off, and not from P2 again."""
    await both(town)
    await town.run_until(local(14, 9))
    before = town.told()

    for number in ("P2", "P1"):
        await plans.cancel(
            town.store, town.setting, number, note="", now=town.clock.now(), actor="li"
        )
    await town.run_until(local(14, 12))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert all("取消" in words for _, words in told)


async def test_supply_back_from_one_plan_says_nothing_while_the_other_goes_on(town: Town) -> None:
    """P1 is done at 10; those in both stay off until 14 as they heard, the others hear they are back."""
    await both(town)
    await town.run_until(local(20, 10))
    before = town.told()

    await _restore(town, "P1")
    await town.run_until(local(20, 11))

    told = town.told()[len(before) :]
    assert {address for address, _ in told} <= SECOND


async def test_supply_back_from_the_longer_plan_gives_a_new_end(town: Town) -> None:
    """P2 is done at 10 and P1 goes on to 12: one correction to those in both."""
    await both(town)
    await town.run_until(local(20, 10))
    before = town.told()

    await _restore(town, "P2")
    await town.run_until(local(20, 11))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST)
    assert all("12:00" in words for _, words in told)


@on_both
async def test_the_last_plan_to_end_says_that_supply_is_back(town: Town) -> None:
    """P1 is done at 10, P2 at 11: those in both hear at 11 that supply is back, once."""
    await both(town)
    await town.run_until(local(20, 10))
    await _restore(town, "P1")
    await town.run_until(local(20, 11))
    before = town.told()

    await _restore(town, "P2")
    await town.run_until(local(20, 12))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST)
    assert all("恢复" in words for _, words in told)


async def test_paper_hangs_once_on_each_door(town: Town) -> None:
    """The notice board of 一里 stands in both plans: one task, of the plan that speaks, with the union."""
    await both(town)
    await town.run_until(local(14, 9))

    tasks = [(address, words) for address, words in town.told("posting") if address == "一里公告栏"]

    assert len(tasks) == 1
    assert "14:00" in tasks[0][1]


@on_both
async def test_plans_that_part_speak_for_themselves_again(town: Town) -> None:
    """P1 told 8 to 14 for both; parted, it says 8 to 12, and P2 announces its own."""
    await both(town)
    await town.run_until(local(14, 9))
    before = town.told()

    await joints.part(town.store, "P2", now=town.clock.now(), actor="wang")
    await town.run_until(local(14, 12))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == dict.fromkeys(FIRST, 2)
    assert sum("14:00" in words and "12:00" not in words for _, words in told) == len(FIRST)


async def test_a_plan_announces_itself_anew_after_another_spoke_for_it(town: Town) -> None:
    """P2 told its people, then P1 for both; parted, P2 tells them again what P1 takes back."""
    await town.submit(second())
    await town.approve("P2")
    await town.run_until(local(14, 9))
    await town.submit(replace(first(), windows=(window(20, 7, 12),)))
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.run_until(local(14, 10))
    before = town.told()

    await joints.part(town.store, "P1", now=town.clock.now(), actor="wang")
    await town.run_until(local(14, 12))

    told = town.told()[len(before) :]
    announced = [address for address, words in told if "08:00-14:00" in words]
    assert Counter(announced) == Counter(FIRST)


async def test_nothing_stale_leaves_between_the_change_of_a_partner_and_reconciling(
    town: Town,
) -> None:
    """P2 is cancelled while the messages of P1 are due: they wait, and then say 8 to 12."""
    await both(town)
    await town.settle()
    await plans.cancel(town.store, town.setting, "P2", note="", now=town.clock.now(), actor="li")
    town.clock.set(local(13, 10))
    for name in town.channels:
        await dispatch.dispatch(town.outbox, name)
    assert town.told() == []

    await town.run_until(local(14, 9))

    told = town.told()
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert not any("14:00" in words for _, words in told)


async def test_joining_voids_no_approval(town: Town) -> None:
    """Both stay approved, at the revision they had."""
    await town.submit(first())
    await town.submit(second())
    await town.approve("P1")
    await town.approve("P2")
    await town.settle()

    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")

    for number in ("P1", "P2"):
        found = await plans.find(town.store, number)
        assert (found.state, found.revision) == (PlanState.APPROVED, 1)


@on_both
async def test_a_revised_plan_holds_as_it_was_until_it_is_approved_again(town: Town) -> None:
    """P1 is to be moved to the 22nd: those in both hear nothing until that is approved, then both times."""
    await both(town)
    await town.run_until(local(14, 9))
    before = town.told()
    await plans.revise(
        town.store, "P1", replace(first(), windows=(window(22, 8, 12),)),
        note="", now=town.clock.now(), actor="wang",
    )  # fmt: skip
    await town.run_until(local(14, 10))
    assert town.told() == before

    await town.approve("P1")
    await town.run_until(local(14, 12))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert all("20日" in words and "22日" in words for address, words in told if address in FIRST)


async def _delay(town: Town, number: str, hour: int) -> None:
    await plans.delay(
        town.store, town.setting, number, local(20, hour),
        note="", now=town.clock.now(), actor="li",
    )  # fmt: skip


async def _restore(town: Town, number: str) -> None:
    now = town.clock.now()
    await plans.restore(town.store, town.setting, number, now, note="", now=now, actor="li")


async def _deliveries(town: Town, number: str) -> int:
    return await town.scalar(
        "SELECT count(*) FROM delivery d JOIN batch b ON b.id = d.batch_id"
        " JOIN plan p ON p.id = b.plan_id WHERE p.number = :number",
        number=number,
    )


@on_both
async def test_an_unhung_poster_is_replaced_where_plans_come_together(town: Town) -> None:
    """The board of 一里 was to say 8 to 12; joined, it says 8 to 14, and there is one task for it."""
    await town.submit(first())
    await town.approve("P1")
    await town.run_until(local(12, 9))
    await town.submit(second())
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P2")

    await town.run_until(local(12, 10))

    assert await _boards(town) == ["14:00"]


async def test_a_door_has_one_poster_when_another_plan_comes_to_speak(town: Town) -> None:
    """P1 is cancelled before anything hangs: the board of 一里 is P2's, the door of 二里 nobody's."""
    await both(town)
    await town.run_until(local(12, 9))
    assert await _boards(town) == ["14:00"]

    await plans.cancel(town.store, town.setting, "P1", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(12, 10))

    assert await _boards(town) == ["14:00"]
    assert await town.scalar(_UNHUNG.format(columns="count(*)")) == 1


#: Posters to be put up.
_UNHUNG = (
    "SELECT {columns} FROM delivery d JOIN batch b ON b.id = d.batch_id"
    " JOIN notice n ON n.id = b.notice_id JOIN contact c ON c.id = d.contact_id"
    " WHERE n.medium = 'posting' AND d.state IN (0, 1) AND b.state <> 5"
)


async def _boards(town: Town) -> list[str]:
    """The ends, as posters to be put up on the board of 一里 say them."""
    async with town.store.database.read() as connection:
        result = await connection.execute(
            text(_UNHUNG.format(columns="n.facts") + " AND c.name = '一里公告栏'")
        )
        facts = [facts_from_dict(_json(row.facts)) for row in result]
    return [f"{each.windows[-1].ends_at.astimezone(towns.ZONE):%H:%M}" for each in facts]


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


@on_both
async def test_seconds_outside_the_hours_are_told_and_taken_back_for_themselves(town: Town) -> None:
    """P1 is out from 8 to 12; P2 switches 一里 for seconds at 15: two things, by two plans."""
    seconds = plan(
        "P2", feeders=(), windows=(), transferred=("一里台区",), spans=(window(20, 15, 16),),
        kind=PlanKind.SHORT_TRANSFER,
    )  # fmt: skip
    await town.submit(first())
    await town.submit(seconds)
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.approve("P2")
    await town.run_until(local(19, 17))
    told = town.told()
    announced = [(a, words) for a, words in told if "提醒" not in words]
    of_seconds = [(a, words) for a, words in announced if "15:00" in words]
    assert Counter(a for a, _ in of_seconds) == Counter(FIRST)
    assert not any("12:00" in words for _, words in of_seconds)

    await plans.cancel(town.store, town.setting, "P2", note="", now=town.clock.now(), actor="li")
    await town.run_until(local(19, 18))

    off = town.told()[len(told) :]
    assert Counter(a for a, _ in off) == Counter(FIRST)
    assert all("取消" in words and "15:00" in words for _, words in off)


async def test_seconds_that_come_to_lie_within_the_hours_are_told_no_more(town: Town) -> None:
    """P1 is to last until 17: whoever is out then does not notice the seconds at 15."""
    seconds = plan(
        "P2", feeders=(), windows=(), transferred=("一里台区",), spans=(window(20, 15, 16),),
        kind=PlanKind.SHORT_TRANSFER,
    )  # fmt: skip
    await town.submit(first())
    await town.submit(seconds)
    await joints.join(town.store, ["P1", "P2"], now=town.clock.now(), actor="wang")
    await town.approve("P1")
    await town.approve("P2")
    await town.run_until(local(19, 17))
    before = town.told()

    await _delay(town, "P1", 17)
    await town.run_until(local(19, 18))

    told = town.told()[len(before) :]
    assert Counter(address for address, _ in told) == Counter(FIRST | SECOND)
    assert all("17:00" in words for _, words in told)
    assert not any("取消" in words for _, words in told)
