"""Running outages over the API and on their page."""

import re
from typing import Any

import pytest

from notifier.domain.running import Answer, Outcome, Phase, Reason
from notifier.store.tokens import Role
from notifier.web import running_words
from tests.usecases.town import local
from tests.web.conftest import Site, plan_json
from tests.web.test_pages import Checked

CREW = "检修一班"
WEST = {
    "equipment": [{"name": "10kV西一线", "kind": "feeder"}],
    "windows": [{"starts_at": "2026-03-20T19:00:00+08:00", "ends_at": "2026-03-20T21:00:00+08:00"}],
}


async def under_way(site: Site, minute: int = 35) -> dict[str, str]:
    """P1 runs until 18:00 and its crew is asked; P2 is the crew's next. The crew's own headers."""
    for body in (plan_json(crew=CREW), plan_json("P2") | WEST | {"crew": CREW}):
        await site.post("/plans", json=body)
        await site.post(f"/plans/{body['number']}/approve", "approver", json={})
    site.town.clock.set(local(20, 17, minute))
    return await site.token(CREW, Role.CREW)


async def get(site: Site, headers: dict[str, str], path: str) -> dict[str, Any]:
    answer = await site.client.get(f"/api/v1{path}", headers=headers)
    assert answer.status == 200, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def test_a_crew_lists_what_it_is_asked_and_answers(site: Site) -> None:
    """Late until half past seven: the plan is put off and the next outage of the crew is named."""
    crew = await under_way(site)

    asked = (await get(site, crew, "/running"))["running"]
    said = {
        "answer": "late", "at": "2026-03-20T19:30:00+08:00", "note": "电缆头返工",
        "said_at": "2026-03-20T17:34:00+08:00", "key": "device-7-0001",
    }  # fmt: skip
    path = "/api/v1/running/P1/report"
    answer = await site.client.post(path, headers=crew, json=said)
    again = await site.client.post(path, headers=crew, json=said)
    (line,) = (await get(site, crew, "/running?mine=true"))["running"]
    plan = await (await site.get("/plans/P1")).json()

    assert [(item["number"], item["phase"]) for item in asked] == [("P1", "asked")]
    assert asked[0]["answer_due_at"] == "2026-03-20T17:45:00+08:00"
    assert answer.status == again.status == 200
    assert (await answer.json()) == (await again.json())
    assert (await answer.json())["outcome"] == "delayed"
    assert plan["ends_at"] == "2026-03-20T19:30:00+08:00"
    assert (line["first_promise"], line["is_foreseen"]) == ("2026-03-20T18:00:00+08:00", False)
    (push,) = line["pushes"]
    assert (push["number"], push["why"]) == ("P2", [{"reason": "crew", "names": [CREW]}])
    assert push["suggested"]["starts_at"] == "2026-03-20T20:00:00+08:00"


async def test_another_crew_neither_sees_nor_answers_for_it(site: Site) -> None:
    """And read-only tokens answer nothing."""
    await under_way(site)
    other = await site.token("带电班", Role.CREW)

    refused = await site.client.post(
        "/api/v1/running/P1/report", headers=other, json={"answer": "on_time"}
    )
    read_only = await site.post("/running/P1/report", "read_only", json={"answer": "on_time"})
    wrong = await site.post("/running/P1/report", json={"answer": "late"})
    unknown = await site.post("/running/P9/report", json={"answer": "on_time"})

    assert (await get(site, other, "/running"))["running"] == []
    assert (refused.status, (await refused.json())["code"]) == (404, "running.not_this_crew")
    assert read_only.status == 403
    assert (wrong.status, (await wrong.json())["code"]) == (422, "running.implausible")
    assert unknown.status == 404


async def test_operations_move_what_is_pushed(site: Site) -> None:
    """To the suggested time; then it is no longer on the list, and waits for approval."""
    await under_way(site)
    late = {"answer": "late", "at": "2026-03-20T19:30:00+08:00"}
    await site.post("/running/P1/report", json=late)

    moved = await site.post("/running/P1/moves", json={"number": "P2"})
    again = await site.post("/running/P1/moves", json={"number": "P2"})

    found = await moved.json()
    assert (found["state"], found["starts_at"]) == ("submitted", "2026-03-20T20:00:00+08:00")
    assert (again.status, (await again.json())["code"]) == (404, "running.not_pushed")


async def test_the_page_shows_what_runs_and_takes_what_the_crew_said(site: Site) -> None:
    """Not answered: an alarm with the forms open; after a delay what it pushes, with a time."""
    await under_way(site, minute=50)
    await site.log_in("operations")

    text = await (await site.client.get("/running")).text()
    Checked(text)
    csrf = re.search(r'name="csrf" value="([^"]+)"', text)
    assert csrf is not None
    fields = {"csrf": csrf[1], "answer": "late", "at": "2026-03-20T19:30"}
    said = await site.client.post("/running/P1/report", data=fields)
    after = await said.text()
    Checked(after)
    move = {"csrf": csrf[1], "number": "P2", "starts_at": "2026-03-20T20:00"}
    moved = await site.client.post("/running/P1/moves", data=move)
    part = await (await site.client.get("/fragments/running")).text()

    assert "班组未答复" in text
    assert "18:00" in text
    assert "若拖到 19:00" in text
    assert "19:30" in after
    assert "须顺延的停电" in after
    assert 'value="2026-03-20T20:00"' in after
    assert moved.status == 200
    assert "须顺延的停电" not in part
    assert (await (await site.get("/plans/P2")).json())["starts_at"].startswith("2026-03-20T20:00")


async def test_a_form_that_says_nothing_is_refused(site: Site) -> None:
    """With a sentence, and without doing anything."""
    await under_way(site)
    await site.log_in("operations")
    text = await (await site.client.get("/running")).text()
    csrf = re.search(r'name="csrf" value="([^"]+)"', text)
    assert csrf is not None

    for fields in ({"answer": "maybe"}, {"answer": "late", "at": "later"}):
        refused = await site.client.post("/running/P1/report", data={"csrf": csrf[1]} | fields)
        assert refused.status == 422
    forged = await site.client.post("/running/P1/report", data={"answer": "on_time"})

    assert forged.status == 403
    assert (await (await site.get("/plans/P1")).json())["revision"] == 1


async def test_nothing_runs_is_said_so_and_readers_have_no_buttons(open_site: Site) -> None:
    """A page anybody may read changes nothing."""
    empty = await (await open_site.client.get("/running")).text()
    await under_way(open_site)
    text = await (await open_site.client.get("/running")).text()
    Checked(text)

    assert "现在没有停电" in empty
    assert "P1" in text
    assert "<form" not in text


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (running_words.PHASES, Phase),
        (running_words.ANSWERS, Answer),
        (running_words.OUTCOMES, Outcome),
        (running_words.REASONS, Reason),
    ],
)
def test_every_code_has_words(table: dict[str, tuple[str, str]], codes: Any) -> None:
    """In both languages."""
    assert set(table) == {code.value for code in codes}
    assert all(zh and en for zh, en in table.values())
