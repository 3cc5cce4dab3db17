"""Plans that share an outage over the API and on the page: with whom, joined and parted, and why silent."""

import re
from typing import Any

import pytest

from tests.usecases.town import local
from tests.web.conftest import Site


def outage(number: str, until: int) -> dict[str, Any]:
    """一里 off from eight."""
    return {
        "number": number,
        "equipment": [{"name": "一里台区", "kind": "area"}],
        "windows": [
            {
                "starts_at": "2026-03-20T08:00:00+08:00",
                "ends_at": f"2026-03-20T{until}:00:00+08:00",
            }
        ],
        "works": "更换开关",
    }


@pytest.fixture
async def two(site: Site) -> Site:
    """P1 until twelve and P2 until fourteen."""
    await site.post("/plans", json=outage("P1", 12))
    await site.post("/plans", json=outage("P2", 14))
    return site


async def test_plans_are_joined_and_parted_over_the_api(two: Site) -> None:
    """Each answer names the others; asking twice changes nothing."""
    joined = await two.post("/plans/P1/join", json={"with": ["P2"]})
    again = await two.post("/plans/P2/join", json={"with": ["P1"]})
    seen = await two.get("/plans/P2/joint")
    parted = await two.post("/plans/P1/part", json={})

    assert [plan["number"] for plan in (await joined.json())["joint"]] == ["P2"]
    assert [plan["number"] for plan in (await again.json())["joint"]] == ["P1"]
    assert [plan["number"] for plan in (await seen.json())["joint"]] == ["P1"]
    assert await parted.json() == {"number": "P1", "joint": []}
    assert (await (await two.get("/plans/P2/joint")).json())["joint"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/plans/P1/join", {"with": ["P1"]}, 422, "joint.needs_another"),
        ("/plans/P1/join", {"with": ["P9"]}, 404, "plan.not_found"),
        ("/plans/P1/join", {"with": []}, 422, "request.invalid"),
        ("/plans/P1/part", {}, 409, "joint.none"),
    ],
)
async def test_what_cannot_be_joined_is_refused(
    two: Site, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    """With a code, and nothing changed."""
    refused = await two.post(path, json=body)

    assert (refused.status, (await refused.json())["code"]) == (status, code)
    assert (await (await two.get("/plans/P1/joint")).json())["joint"] == []


async def test_the_pages_link_partners_and_say_who_tells(two: Site) -> None:
    """P2's page says that its people are told with P1; the evidence says so too."""
    await two.post("/plans/P1/join", json={"with": ["P2"]})
    for number in ("P1", "P2"):
        await two.post(f"/plans/{number}/approve", role="approver", json={})
    await two.town.run_until(local(14, 9))
    await two.log_in("read_only")

    page = await (await two.client.get("/plans/P2")).text()
    evidence = await (await two.get("/plans/P2/evidence")).text()

    assert '<a href="/plans/P1">P1</a>' in page
    assert "同停，由此计划告知：P1" in page
    assert "told_with:P1" in evidence
    assert "/plans/P2/part" not in page


async def test_plans_are_joined_and_parted_on_the_page(two: Site) -> None:
    """By somebody logged in who may change plans, from a form of this service."""
    await two.log_in("operations")
    text = await (await two.client.get("/plans/P1")).text()
    form = {"csrf": re.findall(r'name="csrf" value="(\w+)"', text)[0], "with": "P2"}

    forged = await two.client.post("/plans/P1/join", data={**form, "csrf": "x"})
    joined = await two.client.post("/plans/P1/join", data=form, allow_redirects=False)
    with_whom = (await (await two.get("/plans/P1/joint")).json())["joint"]
    parted = await two.client.post("/plans/P1/part", data=form, allow_redirects=False)

    assert (forged.status, joined.status, parted.status) == (403, 303, 303)
    assert [plan["number"] for plan in with_whom] == ["P2"]
    assert (await (await two.get("/plans/P1/joint")).json())["joint"] == []
