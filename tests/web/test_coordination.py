"""Coordinating over the API and on the pages: checks, meetings, accepting, pinning, supposing."""

import asyncio
import re
from datetime import date
from typing import Any

import pytest
from aiohttp import FormData

from notifier.domain.coordination.constraints import Constraints, Crew
from notifier.intake.constraints import constraints_as_dict
from notifier.store.coordination import Coordination
from notifier.web.context import MEETINGS
from tests.usecases import grid
from tests.usecases.test_coordination import Quick
from tests.web.conftest import Site, plan_json
from tests.web.test_pages import Checked

MARCH = {"from": "2026-03-10", "to": "2026-04-05", "seconds": 2}


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, site: Site) -> None:
    """Solves in place, but where a test is about the process that solves."""
    if "from_beginning" not in request.node.name:
        site.client.app[MEETINGS].solver = Quick()


async def three(site: Site) -> None:
    """P1 and P2 on one feeder, P3 on one of its areas."""
    await site.post("/plans", json=plan_json())
    await site.post("/plans", json=plan_json("P2", day=24))
    area = [{"name": "一里台区", "kind": "area"}]
    await site.post("/plans", json=plan_json("P3", day=27, equipment=area))


async def held(site: Site, **more: Any) -> dict[str, Any]:
    """A meeting that is over."""
    begun = await site.post("/coordination/runs", json=MARCH | more)
    assert begun.status == 200, await begun.text()
    await over(site)
    answer = await site.get(f"/coordination/runs/{(await begun.json())['id']}")
    run: dict[str, Any] = await answer.json()
    return run


async def over(site: Site) -> None:
    """Until no meeting goes on."""
    if tasks := list(site.client.app[MEETINGS]._tasks.values()):
        await asyncio.wait(tasks)


async def test_submitting_answers_what_else_takes_the_areas_out(site: Site) -> None:
    """At once, with a better day; and again whenever it is asked for."""
    await site.post("/plans", json=plan_json())

    answer = await (await site.post("/plans", json=plan_json("P2", day=24))).json()
    asked = await (await site.get("/plans/P2/coordination")).json()

    assert answer["coordination"] == asked
    assert asked["hit_again"] == 16
    assert [other["number"] for other in asked["others"]] == ["P1"]
    assert asked["suggestions"][0]["merged_with"] == [{"number": "P1", "customers": 16}]
    assert (await site.get("/plans/P9/coordination")).status == 404


async def test_what_moving_another_work_too_would_save_is_asked_for_by_itself(site: Site) -> None:
    """The first answer says nothing of it; the second names the work and both new times."""
    for number, day in (("P1", 21), ("P2", 24), ("P3", 27)):
        await site.post("/plans", json=plan_json(number, day=day))

    first = await (await site.get("/plans/P2/coordination")).json()
    asked = await (await site.get("/plans/P2/coordination/moving-too")).json()
    await site.log_in("operations")
    page = await (await site.client.get("/fragments/plans/P2/coordination/moving-too")).text()

    assert first["moving_too"] is None
    assert {**asked, "moving_too": None} == first
    best = asked["moving_too"][0]
    assert (best["number"] in ("P1", "P3"), best["is_merged"]) == (True, True)
    assert best["more"] > 0
    assert best["starts_at"][:10] == best["own_starts_at"][:10] in ("2026-03-21", "2026-03-27")
    assert best["reason"].split(" / ")[0] in page
    assert (await site.get("/plans/P9/coordination/moving-too")).status == 404


async def test_a_dry_run_of_a_file_says_it_of_each_plan(site: Site) -> None:
    """Against the store and the file's other rows; nothing is stored."""
    await site.post("/plans", json=plan_json())
    rows = (
        "编号,线路名称,停电开始时间,停电结束时间\r\n"
        "N1,10kV东一线,2026-03-25 08:00,2026-03-25 18:00\r\n"
        "N2,10kV东一线,2026-03-28 08:00,2026-03-28 18:00\r\n"
    )
    form = FormData({"dry_run": "true"}, default_to_multipart=True)
    form.add_field("file", rows.encode(), filename="plans.csv", content_type="text/csv")

    answer = await (await site.post("/plans/files", data=form)).json()

    others = [
        {other["number"] for other in plan["coordination"]["others"]} for plan in answer["plans"]
    ]
    assert others == [{"P1", "N2"}, {"P1", "N1"}]
    assert (await site.get("/plans/N1")).status == 404


async def test_a_meeting_from_beginning_to_accepted(site: Site) -> None:
    """Proposed, listed, drawn, accepted, and the plans are where it said."""
    await three(site)

    run = await held(site)

    assert run["state"] == "done", run["summary"]
    assert (run["summary"]["asked"]["repeats"], run["summary"]["proposed"]["repeats"]) == (26, 0)
    drawn = await site.get(f"/coordination/runs/{run['id']}/timeline.svg")
    assert drawn.content_type == "image/svg+xml"
    assert "P2" in await drawn.text()
    listed = await (await site.get("/coordination/runs")).json()
    assert [one["id"] for one in listed["runs"]] == [run["id"]]

    done = await (await site.post(f"/coordination/runs/{run['id']}/accept", json={})).json()

    assert all(item["accepted"] for item in done["items"])
    starts = set()
    for number in ("P1", "P2", "P3"):
        starts.add((await (await site.get(f"/plans/{number}")).json())["starts_at"])
    assert len(starts) == 1


async def test_constraints_in_force_are_shown(site: Site) -> None:
    """Over the API and on a page, before any and after."""
    await site.log_in("read_only")
    none = await (await site.get("/coordination/constraints")).json()
    empty = await (await site.client.get("/coordination/constraints")).text()
    wishes = Constraints(crew=(Crew(name="一班", off=(date(2026, 3, 8),)),))
    await Coordination(site.runtime.database).put_rules(
        "c.toml", "0" * 64, constraints_as_dict(wishes), now=site.town.clock.now(), actor="wang"
    )

    shown = await (await site.get("/coordination/constraints")).json()
    page = await (await site.client.get("/coordination/constraints")).text()

    assert (none["constraints"], shown["constraints"]["crew"][0]["name"]) == ({}, "一班")
    Checked(empty)
    Checked(page)
    assert "2026-03-08" in page


async def test_a_meeting_keeps_to_pins_over_the_api(site: Site) -> None:
    """What is held stays; a pin to nothing is refused, as are people who may not."""
    await three(site)
    pin = {"number": "P1", "starts_at": "2026-03-26T09:00:00+08:00"}

    run = await held(site, pins=[pin])
    wrong = await site.post("/coordination/runs", json=MARCH | {"pins": [pin | {"number": "P9"}]})
    period = await site.post("/coordination/runs", json=MARCH | {"to": "2026-03-01"})
    reader = await site.post("/coordination/runs", "read_only", json=MARCH)

    first = next(item for item in run["items"] if item["number"] == "P1")
    assert first["to"][0]["starts_at"] == "2026-03-26T09:00:00+08:00"
    assert (wrong.status, period.status, reader.status) == (422, 422, 403)
    assert (await site.get("/coordination/runs/99")).status == 404
    assert (await site.post("/coordination/runs/99/stop")).status == 404


async def posted(site: Site, path: str, **fields: str) -> str:
    """The page after a form, sent from the page where it stands."""
    page = await (await site.client.get("/coordination")).text()
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    answer = await site.client.post(path, data={"csrf": csrf[1], **fields})
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_pages_hold_show_accept_and_reckon_again(site: Site) -> None:
    """A planner's way through: begin, look, tick one, pin another, suppose a crew."""
    await three(site)
    await site.log_in("operations")
    await posted(
        site, "/coordination", **{"from": "2026-03-10", "to": "2026-04-05", "seconds": "2"}
    )
    await over(site)
    part = await (await site.client.get("/fragments/coordination/1")).text()
    assert "已完成" in part
    page = await (await site.client.get("/coordination/1")).text()

    Checked(page)
    assert "<svg" in page
    assert "全部采纳" in page
    tick = re.search(r'id="tick\d" name="(i\d)"', page)
    assert tick is not None
    done = await posted(site, "/coordination/1/accept", **{tick[1]: "1"})
    Checked(done)
    assert "项已采纳" in done

    await posted(site, "/coordination", again="1", pin="P2", at="2026-03-25T10:00")
    await posted(site, "/coordination", again="1", crew="一班", per_day="3", region_per_shift="2")
    options = [
        run["options"] for run in (await (await site.get("/coordination/runs")).json())["runs"]
    ]
    assert options[1]["pins"] == {"P2": "2026-03-25T10:00:00+08:00"}
    assert (options[0]["crews"], options[0]["region_per_shift"]) == ({"一班": 3}, 2)
    Checked(await (await site.client.get("/coordination")).text())
    check = await site.client.get("/fragments/plans/P2/coordination")
    Checked(await check.text())


@pytest.mark.parametrize(
    "fields",
    [{"from": "x", "to": "2026-03-10"}, {"again": "x"}, {"again": "1", "pin": "P1", "at": "soon"}],
)
async def test_a_form_that_cannot_be_read_is_refused(site: Site, fields: dict[str, str]) -> None:
    """With a sentence, not a fault."""
    await three(site)
    await held(site)
    await site.log_in("operations")
    page = await (await site.client.get("/coordination")).text()
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None

    answer = await site.client.post("/coordination", data={"csrf": csrf[1], **fields})

    assert answer.status == 422


@pytest.mark.parametrize(
    "path", ["/coordination", "/coordination/1", "/coordination/1/timeline.svg"]
)
async def test_pages_of_meetings_are_for_those_who_logged_in(site: Site, path: str) -> None:
    """Readers look; they find nothing to press."""
    await three(site)
    await held(site)

    nobody = await site.client.get(path, allow_redirects=False)
    await site.log_in("read_only")
    reader = await site.client.get(path)

    assert nobody.status == 303
    assert reader.status == 200
    assert 'action="/coordination' not in await reader.text()


async def test_a_section_is_switched_as_the_meeting_proposed(site: Site) -> None:
    """On the page with its steps; accepted, they are the plan's own, and whoever is carried is told of
    seconds."""
    await grid.install(site.town, grid.network())
    work = {"names": ["东一线1号杆至8号杆"]}
    await site.post("/plans", json=plan_json(equipment=[], work=work))

    run = await held(site)
    await site.log_in("operations")
    page = await (await site.client.get(f"/coordination/{run['id']}")).text()
    held_to_it = await held(site, as_asked=["P1"])
    await posted(site, "/coordination", again=str(run["id"]), as_asked="P1")
    await over(site)
    listed = (await (await site.get("/coordination/runs")).json())["runs"]
    await site.post(f"/coordination/runs/{run['id']}/accept", json={"numbers": ["P1"]})
    plan = await (await site.get("/plans/P1")).json()
    seen = await (await site.get("/plans/P1/preview")).json()

    Checked(page)
    assert held_to_it["items"][0]["way"] is None
    assert [one["options"]["as_asked"] for one in listed] == [["P1"], ["P1"], []]
    assert "合上 close L12 (l12)" in page
    assert "由10kV西一线转供" in page
    assert [step["switch"] for step in plan["present"]["switching"]["steps"]] == [
        "s901", "f1", "l12",
    ]  # fmt: skip
    texts = {line["text"] for line in seen["lines"] if line["stage"] == "advance"}
    assert any("二里台区" in text and "短时停电" in text for text in texts), texts
    assert any("一里台区" in text and "短时" not in text for text in texts), texts
