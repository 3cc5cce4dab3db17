"""Plans on the network over the API and on the page: steps, proposals, the picture, matching anew."""

import re
from typing import Any

import pytest

from tests.usecases import grid
from tests.web.conftest import Site

WINDOW = {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T18:00:00+08:00"}
STEPS = [
    {"action": "open", "switch": "901开关"},
    {"action": "open", "switch": "F1"},
    {"action": "close", "switch": "L12"},
]


def section(number: str = "P1", **more: Any) -> dict[str, Any]:
    """Work on a line section, as it comes by the API."""
    return {
        "number": number,
        "windows": [WINDOW],
        "work": {"names": ["东一线1号杆至8号杆"]},
        "works": "更换导线",
        **more,
    }


@pytest.fixture
async def networked(site: Site) -> Site:
    """The site's town with its network in force."""
    await grid.install(site.town, grid.network())
    return site


async def test_a_plan_with_steps_says_by_what_it_is_known(networked: Site) -> None:
    """Steps and place come back as they went in, with the version that the impact rests on."""
    await networked.post("/plans", json=section(switching={"steps": STEPS}))

    plan = await (await networked.get("/plans/P1")).json()
    impact = await (await networked.get("/plans/P1/impact")).json()

    present = plan["present"]
    assert [step["switch"] for step in present["switching"]["steps"]] == ["901开关", "F1", "L12"]
    assert present["work"] == {"kind": "named", "names": ["东一线1号杆至8号杆"]}
    assert present["network"] == {"version": 1, "overlay": 0}
    assert (impact["knowledge"], impact["network"]["version"]) == (["topology"], 1)
    assert [(a["name"], a["impact_class"], a["points"]) for a in impact["areas"]] == [
        ("一里台区", "out", 10),
        ("二里台区", "short", 6),
    ]


@pytest.mark.parametrize(
    "switching",
    [
        {"steps": []},
        {"steps": [{"action": "open", "switch": "901", "planned_at": "2026-03-20T08:00"}]},
        {"steps": [{"action": "open", "switch": "901", "speed": 1}]},
        {"steps": STEPS, "transitions": {"a": "open"}},
    ],
)
async def test_steps_that_do_not_fit_are_refused(networked: Site, switching: Any) -> None:
    """Strictly, with the place."""
    answer = await networked.post("/plans", json=section(switching=switching))

    assert answer.status == 422
    assert "switching" in (await answer.json())["errors"][0]["field"]


async def test_a_proposal_is_confirmed_by_those_who_may_write_plans(networked: Site) -> None:
    """Listed with counts; another key is refused; a reader may look and not confirm."""
    await networked.post("/plans", json=section())
    listed = await (await networked.get("/plans/P1/proposals")).json()
    body = {"proposal": 2, "expected_key": listed["key"]}

    refused = await networked.post("/plans/P1/confirm", "read_only", json=body)
    stale = await networked.post("/plans/P1/confirm", json={**body, "expected_key": "other"})
    confirmed = await networked.post("/plans/P1/confirm", json=body)

    assert [(p["out"], p["short"], p["unaffected"]) for p in listed["proposals"]] == [
        (10, 0, 12),
        (10, 6, 12),
        (16, 0, 12),
    ]
    assert listed["proposals"][1]["steps"][0]["name"] == "901开关 (s901)"
    assert (refused.status, stale.status, confirmed.status) == (403, 409, 200)
    assert (await stale.json())["code"] == "proposal.changed"
    assert (await confirmed.json())["present"]["points"] == {"out": 10, "short": 6}


async def test_the_diagram_is_an_image_that_can_run_and_load_nothing(networked: Site) -> None:
    """SVG under a policy of its own; where there is nothing to draw, a refusal."""
    await networked.post("/plans", json=section(switching={"steps": STEPS}))
    await networked.post("/plans", json=section("P2"))

    drawn = await networked.get("/plans/P1/diagram.svg")
    nothing = await networked.get("/plans/P2/diagram.svg")
    proposed = await networked.get("/plans/P2/diagram.svg?proposal=1")

    assert (drawn.status, drawn.content_type) == (200, "image/svg+xml")
    assert (await drawn.text()).startswith("<svg")
    assert "sandbox" in drawn.headers["Content-Security-Policy"]
    assert (nothing.status, (await nothing.json())["code"]) == (409, "diagram.nothing")
    assert proposed.status == 200


async def test_a_newer_network_is_compared_before_it_is_taken(networked: Site) -> None:
    """Who would be treated otherwise, by account; matching anew takes it."""
    await networked.post("/plans", json=section(switching={"steps": STEPS[1:2]}, work=None))
    await grid.install(networked.town, grid.network(elsewhere={"A001": "002"}))

    before = await (await networked.get("/plans/P1/impact/current")).json()
    impact = await (await networked.get("/plans/P1/impact")).json()
    matched = await networked.post("/plans/P1/rematch", json={"note": "新模型"})
    after = await (await networked.get("/plans/P1/impact/current")).json()

    assert (before["frozen_on"]["version"], before["now_on"]["version"]) == (1, 2)
    assert [(item["account"], item["before"]) for item in before["accounts"]] == [("A001", None)]
    assert before["accounts"][0]["now"]["impact_class"] == "unknown"
    assert (impact["newer"]["version"], impact["network"]["version"]) == (2, 1)
    assert (await matched.json())["present"]["change"] == "rematched"
    assert after["accounts"] == []


async def test_the_page_shows_the_picture_and_how_the_impact_is_known(networked: Site) -> None:
    """An image of this site, the version, and no button for those who may not press it."""
    await networked.post("/plans", json=section(switching={"steps": STEPS}))
    await networked.log_in("read_only")

    text = await (await networked.client.get("/plans/P1")).text()
    image = await networked.client.get("/plans/P1/diagram.svg")

    assert "按拓扑，网络模型版本 1（2026-03-01）" in text
    assert '<img src="/plans/P1/diagram.svg"' in text
    assert image.content_type == "image/svg+xml"
    assert "/plans/P1/rematch" not in text


async def test_a_proposal_is_confirmed_and_a_plan_matched_anew_on_the_page(networked: Site) -> None:
    """With the numbers beside it, by somebody logged in, from a form of this service."""
    await networked.post("/plans", json=section())
    await networked.log_in("operations")
    text = await (await networked.client.get("/plans/P1")).text()
    key = text.split('name="key" value="')[1].split('"')[0]
    form = {"csrf": re.findall(r'name="csrf" value="(\w+)"', text)[0], "key": key, "proposal": "2"}

    forged = await networked.client.post("/plans/P1/confirm", data={**form, "csrf": "x"})
    confirmed = await networked.client.post("/plans/P1/confirm", data=form, allow_redirects=False)
    matched = await networked.client.post(
        "/plans/P1/rematch", data={"csrf": form["csrf"], "note": ""}, allow_redirects=False
    )
    present = (await (await networked.get("/plans/P1")).json())["present"]

    assert "拟议操作" in text
    assert (forged.status, confirmed.status, matched.status) == (403, 303, 303)
    assert (present["number"], present["change"], present["points"]) == (
        3, "rematched", {"out": 10, "short": 6},
    )  # fmt: skip
