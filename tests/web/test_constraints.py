"""Constraints over HTTP: a file looked at, put in force, put back; mistakes with their place."""

import io
from typing import Any

import openpyxl
from aiohttp import FormData

from tests.web.conftest import Site
from tests.web.test_pages import Checked

CREWS = '[[crew]]\nname = "一班"\nper_day = 2\n'
WRONG = '[[crew]]\nname = "一班"\nper_day = "many"\n[[lunch]]\nat = 12\n'


def form(text: str | bytes = CREWS, name: str = "约束.toml", **fields: str) -> FormData:
    """A form with a file."""
    made = FormData(default_to_multipart=True)
    made.add_field("file", text.encode() if isinstance(text, str) else text, filename=name)
    for field, value in fields.items():
        made.add_field(field, value)
    return made


async def put(site: Site, text: str | bytes = CREWS, **fields: str) -> dict[str, Any]:
    """The answer to a file that is taken."""
    answer = await site.post("/coordination/constraints", data=form(text, **fields))
    assert answer.status == 200, await answer.text()
    body: dict[str, Any] = await answer.json()
    return body


async def in_force(site: Site) -> dict[str, Any]:
    body: dict[str, Any] = await (await site.get("/coordination/constraints")).json()
    return body


async def test_a_file_is_looked_at_and_then_put_in_force(site: Site) -> None:
    """The dry run says what would change and changes nothing; the same file again is nothing new."""
    looked = await put(site, dry_run="true")
    before = await in_force(site)
    taken = await put(site, seen="0")
    again = await put(site)

    assert (looked["is_valid"], looked["is_new"], looked["version"]) == (True, False, 0)
    assert looked["changes"]["crew"] == {"added": 1, "removed": 0}
    assert before["constraints"] == {}
    assert (taken["is_new"], again["is_new"], again["changes"]) == (True, False, {})
    assert taken["version"] == again["version"] == (await in_force(site))["id"]
    assert (await in_force(site))["constraints"]["crew"][0]["name"] == "一班"


async def test_a_file_with_a_mistake_is_refused_whole(site: Site) -> None:
    """Each mistake with sheet, row, column, found and expected; what was in force stays."""
    await put(site)

    refused = await site.post("/coordination/constraints", data=form(WRONG))
    looked = await put(site, WRONG, dry_run="true")

    problem = await refused.json()
    assert (refused.status, problem["code"]) == (422, "coordination.constraints_invalid")
    assert refused.content_type == "application/problem+json"
    codes = {one["code"] for one in problem["errors"]}
    assert codes == {"constraints.section", "constraints.invalid"}
    (mistake,) = [one for one in problem["errors"] if one["code"] == "constraints.invalid"]
    assert (mistake["sheet"], mistake["row"], mistake["column"]) == ("crew", "1", "per_day")
    assert (mistake["found"], mistake["field"]) == ("many", "file.crew.1.per_day")
    assert (looked["is_valid"], len(looked["findings"])) == (False, 2)
    assert (await in_force(site))["constraints"]["crew"][0]["per_day"] == 2


async def test_names_that_the_ledger_does_not_have_are_said(site: Site) -> None:
    """They are taken all the same: the ledger may follow."""
    text = '[[blackout]]\nreason = "高考"\nfirst = 2026-06-07\nareas = ["无此台区"]\n'
    text += '[[customer]]\naccount = "nobody"\nfirst = 2026-06-07\n'

    found = (await put(site, text, dry_run="true"))["findings"]

    assert {(one["code"], one["found"]) for one in found} == {
        ("constraints.place_unknown", "无此台区"),
        ("constraints.account_unknown", "nobody"),
    }


async def test_an_earlier_version_is_put_back_and_that_is_put_back_too(site: Site) -> None:
    """Nothing is lost; each is a version of its own."""
    first = (await put(site))["version"]
    second = (await put(site, CREWS.replace("2", "5")))["version"]

    undone = await site.post(f"/coordination/constraints/versions/{first}/restore", json={})
    after = await in_force(site)
    redone = await site.post(
        f"/coordination/constraints/versions/{second}/restore", json={"seen": after["id"]}
    )
    listed = (await (await site.get("/coordination/constraints/versions")).json())["versions"]
    shown = await (await site.get(f"/coordination/constraints/versions/{first}")).json()

    assert (undone.status, redone.status) == (200, 200)
    assert after["constraints"]["crew"][0]["per_day"] == 2
    assert (await in_force(site))["constraints"]["crew"][0]["per_day"] == 5
    assert [item["in_force"] for item in listed] == [True, False, False, False]
    assert shown["constraints"]["crew"][0]["per_day"] == 2


async def test_what_was_looked_at_must_still_be_in_force(site: Site) -> None:
    """Two planners at once: the second looks again."""
    await put(site, seen="0")

    late = await site.post("/coordination/constraints", data=form(CREWS + "off = []\n", seen="0"))
    back = await site.post("/coordination/constraints/versions/1/restore", json={"seen": 0})
    none = await site.post("/coordination/constraints/versions/99/restore", json={})

    for answer in (late, back):
        assert (answer.status, (await answer.json())["code"]) == (
            409, "coordination.constraints_changed",
        )  # fmt: skip
    assert (none.status, (await none.json())["code"]) == (404, "coordination.constraints_not_found")
    assert (await site.get("/coordination/constraints/versions/99")).status == 404


async def test_only_planners_change_constraints(site: Site) -> None:
    """Everybody in the office reads them."""
    await put(site)

    for role in ("read_only", "approver", "crew"):
        answer = await site.post("/coordination/constraints", role, data=form())
        back = await site.post("/coordination/constraints/versions/1/restore", role, json={})
        assert (answer.status, back.status) == (403, 403)
    assert (await site.get("/coordination/constraints", "approver")).status == 200
    assert (await site.get("/coordination/constraints.xlsx", "crew")).status == 403


async def test_the_workbook_is_handed_in_again_as_it_was_fetched(site: Site) -> None:
    """What is in force, and the template, which asks nothing."""
    await put(site)

    book = await (await site.get("/coordination/constraints.xlsx")).read()
    empty = await (await site.get("/coordination/constraints.xlsx?template=true")).read()
    same = await put(site, book, name="约束.xlsx")
    nothing = await put(site, empty, name="模板.xlsx", dry_run="true")

    sheet = openpyxl.load_workbook(io.BytesIO(book))["班组"]
    assert [[cell.value for cell in row] for row in sheet.rows][1][:2] == ["一班", 2]
    assert (same["is_new"], same["changes"]) == (False, {})
    assert nothing["changes"] == {"crew": {"added": 0, "removed": 1}}


async def test_what_is_no_file_of_constraints_is_refused(site: Site) -> None:
    """No file, no TOML, no workbook, too large."""
    missing = FormData(default_to_multipart=True)
    missing.add_field("dry_run", "true")

    answers = [
        await site.post("/coordination/constraints", data=made)
        for made in (
            missing, form("crew = "), form(b"\x00\x01", name="x.xlsx"), form("#" * 300_000),
        )
    ]  # fmt: skip

    assert [answer.status for answer in answers] == [422, 422, 422, 413]
    assert all(answer.content_type == "application/problem+json" for answer in answers)


async def test_the_page_takes_a_file_and_puts_one_back(site: Site) -> None:
    """Looked at, refused with its mistakes, taken, put back; not without the form's own secret."""
    await site.log_in("operations")
    page = await (await site.client.get("/coordination/constraints")).text()
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    address = "/coordination/constraints"

    looked = await site.client.post(address, data=form(csrf=csrf, dry_run="true", seen="0"))
    wrong = await site.client.post(address, data=form(WRONG, csrf=csrf))
    broken = await site.client.post(address, data=form("crew = ", csrf=csrf))
    forged = await site.client.post(address, data=form(csrf="x"))
    for per_day in ("2", "5"):
        text = CREWS.replace("2", per_day)
        taken = await site.client.post(address, data=form(text, csrf=csrf), allow_redirects=False)
        assert taken.status == 303
    versions = await (await site.client.get(address)).text()
    back = await site.client.post(
        f"{address}/restore", data={"csrf": csrf, "version": "1", "seen": "2"}
    )
    book = await site.client.get("/coordination/constraints.xlsx?template=1")

    assert [a.status for a in (looked, wrong, broken, forged)] == [200, 422, 422, 403]
    assert "班组 +1" in await looked.text()
    assert "per_day" in await wrong.text()
    for text in (page, await looked.text(), await wrong.text(), await broken.text(), versions):
        Checked(text)
    assert (back.status, (await in_force(site))["constraints"]["crew"][0]["per_day"]) == (200, 2)
    assert book.content_type.endswith("sheet")


async def test_a_reader_s_page_has_nothing_to_press(site: Site) -> None:
    """And sending the form all the same is refused."""
    await put(site)
    await site.log_in("read_only")

    page = await (await site.client.get("/coordination/constraints")).text()
    answer = await site.client.post("/coordination/constraints", data=form())

    Checked(page)
    assert "启用" not in page
    assert answer.status == 403
