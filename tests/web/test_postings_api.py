"""What a crew's device does over HTTP: take, print, photograph, hand back."""

import io
from typing import Any

import pypdf
from aiohttp import FormData

from notifier.store.tokens import Role
from tests.usecases.town import local
from tests.web.conftest import JPEG, PNG, Site, plan_json


async def on_the_desk(site: Site) -> list[dict[str, Any]]:
    """Tasks of an approved plan, as the crew lists them."""
    await site.post("/plans", json=plan_json())
    await site.post("/plans/P1/approve", "approver", json={})
    await site.town.run_until(local(12, 9))
    answer = await site.get("/postings", "crew")
    tasks: list[dict[str, Any]] = (await answer.json())["tasks"]
    return tasks


def photograph(body: bytes = JPEG, **fields: str) -> FormData:
    """The form a device sends."""
    form = FormData()
    form.add_field("photo", body, filename="IMG_0001.jpg", content_type="image/jpeg")
    for name, value in fields.items():
        form.add_field(name, value)
    return form


async def test_a_task_tells_a_crew_what_to_do_and_nothing_of_customers(site: Site) -> None:
    """A building, a door, windows, what to do in two languages, and where the poster is."""
    tasks = await on_the_desk(site)
    task = next(item for item in tasks if item["building"])

    assert task["place"] == "高楼一单元"
    assert task["state"] == "open"
    assert task["todo"] == "put_up"
    assert "张贴" in task["todo_zh"]
    assert "Put up" in task["todo_en"]
    assert task["windows"] == [
        {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T18:00:00+08:00"}
    ]
    assert task["due_at"] == "2026-03-13T08:00:00+08:00"
    assert "用户" not in str(tasks)


async def test_a_crew_claims_finishes_and_the_photograph_is_kept(site: Site) -> None:
    """Claim, finish with place and time, look at the photograph; the same again is fine."""
    task = (await on_the_desk(site))[0]
    path = f"/postings/{task['id']}"

    claimed = await site.post(f"{path}/claim", "crew", json={"minutes": 60})
    taken = await site.post(f"{path}/claim", "operations", json={})
    mine = (await (await site.get("/postings?mine=true", "crew")).json())["tasks"]
    form = photograph(
        taken_at="2026-03-12T09:05:00+08:00", latitude="30.25", longitude="120.16",
        poster=str(task["poster"]),
    )  # fmt: skip
    done = await site.post(f"{path}/finish", "crew", data=form)
    again = await site.post(f"{path}/finish", "crew", data=photograph())
    other = await site.post(f"{path}/finish", "crew", data=photograph(PNG))
    photo = await site.get(f"{path}/photo")
    finished = (await (await site.get("/postings?mine=true&done=true", "crew")).json())["tasks"]

    assert (await claimed.json())["crew"] == "crew-1"
    assert (taken.status, (await taken.json())["code"]) == (409, "posting.taken")
    assert [item["id"] for item in mine] == [task["id"]]
    shown = await done.json()
    assert (shown["state"], shown["latitude"], shown["longitude"]) == ("done", 30.25, 120.16)
    assert shown["finished_at"] == "2026-03-12T09:05:00+08:00"
    assert again.status == 200
    assert (other.status, (await other.json())["code"]) == (409, "posting.finished")
    assert (photo.content_type, await photo.read()) == ("image/jpeg", JPEG)
    assert [item["id"] for item in finished] == [task["id"]]


async def test_a_task_is_handed_back_with_a_reason(site: Site) -> None:
    """A reason is asked for; others see how often it came back."""
    task = (await on_the_desk(site))[0]
    path = f"/postings/{task['id']}"
    await site.post(f"{path}/claim", "crew", json={})

    without = await site.post(f"{path}/hand-back", "crew", json={"reason": " "})
    stranger = await site.post(f"{path}/hand-back", "operations", json={"reason": "x"})
    back = await site.post(f"{path}/hand-back", "crew", json={"reason": "门禁进不去"})

    assert (without.status, stranger.status) == (422, 409)
    assert (await back.json())["handed_back"] == 1
    assert (await back.json())["state"] == "open"


async def test_what_is_no_photograph_is_refused(site: Site) -> None:
    """Too large, of another kind, missing, or beside the point."""
    task = (await on_the_desk(site))[0]
    path = f"/postings/{task['id']}/finish"
    nothing = FormData({"note": "x"}, default_to_multipart=True)

    codes = []
    for form in (
        photograph(b"GIF89a"), photograph(JPEG + b"x" * 20_000), nothing,
        photograph(latitude="91"), photograph(surprise="x"), photograph(taken_at="2026"),
    ):  # fmt: skip
        answer = await site.post(path, "crew", data=form)
        codes.append((answer.status, (await answer.json())["code"]))
    plain = await site.post(path, "crew", json={})

    assert codes == [
        (422, "posting.photo_unusable"),
        (413, "request.too_large"),
        (422, "request.file_missing"),
        (422, "request.invalid"),
        (422, "request.invalid"),
        (422, "request.invalid"),
    ]
    assert plain.status == 400


async def test_a_poster_is_a_page_and_a_plan_s_posters_a_page_a_door(site: Site) -> None:
    """PDF, with the door's name on it."""
    tasks = await on_the_desk(site)

    one = await site.get(f"/postings/{tasks[0]['id']}/poster.pdf", "crew")
    every = await site.get("/plans/P1/posters.pdf", "crew")
    none = await site.get("/plans/P1/posters.pdf?stage=cancelled", "crew")
    pages = pypdf.PdfReader(io.BytesIO(await every.read())).pages

    assert one.content_type == every.content_type == "application/pdf"
    assert len(pypdf.PdfReader(io.BytesIO(await one.read())).pages) == 1
    assert len(pages) == 2
    text = "".join(pages[0].extract_text().split()) + "".join(pages[1].extract_text().split())
    assert "高楼一单元" in text
    assert (none.status, (await none.json())["code"]) == (404, "posting.no_posters")


async def test_a_confined_crew_is_confined(site: Site) -> None:
    """Neither the list nor a number shows it another area's door."""
    tasks = await on_the_desk(site)
    door = next(item for item in tasks if item["building"])
    headers = await site.token("green", Role.CREW, ["一里台区"])

    listed = await site.client.get("/api/v1/postings", headers=headers)
    shown = await site.client.get(f"/api/v1/postings/{door['id']}", headers=headers)
    poster = await site.client.get(f"/api/v1/postings/{door['id']}/poster.pdf", headers=headers)

    assert [item["place"] for item in (await listed.json())["tasks"]] == ["一里公告栏"]
    assert (shown.status, poster.status) == (404, 404)


async def test_tasks_come_in_pages(site: Site) -> None:
    """Each once."""
    tasks = await on_the_desk(site)

    first = await (await site.get("/postings?limit=1", "crew")).json()
    second = await (await site.get(f"/postings?limit=1&cursor={first['next']}", "crew")).json()

    assert [first["tasks"][0]["id"], second["tasks"][0]["id"]] == [item["id"] for item in tasks]
