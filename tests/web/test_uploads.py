"""Files of plans over HTTP: read off the loop, bounded, taken once, or only looked at."""

import io
from typing import Any

import openpyxl
from aiohttp import FormData

from tests.web.conftest import Site

CSV = (
    "停电线路,停电开始时间,送电时间,工作内容\n"
    "10kV东一线,2026-03-20 08:00,2026-03-20 17:30,更换开关\n"
    "10kV西一线,2026-03-21 08:00,2026-03-21 12:00,树障清理\n"
).encode("gb18030")


def form(body: bytes = CSV, name: str = "三月计划.csv", **fields: str) -> FormData:
    """A form with one file."""
    made = FormData()
    made.add_field("file", body, filename=name)
    for field, value in fields.items():
        made.add_field(field, value)
    return made


async def test_a_file_is_taken_in_once(site: Site) -> None:
    """Both plans are there; the same content again does nothing and says so."""
    taken = await (await site.post("/plans/files", data=form())).json()
    again = await (await site.post("/plans/files", data=form(name="copy.csv"))).json()
    listed = (await (await site.get("/plans")).json())["plans"]

    assert taken["counts"] == {"new": 2}
    assert [plan["windows"][0]["starts_at"] for plan in taken["plans"]] == [
        "2026-03-20T08:00:00+08:00",
        "2026-03-21T08:00:00+08:00",
    ]
    assert again["taken"] == []
    assert again["before"]["received_by"] == "operations-1"
    assert [plan["submitted_by"] for plan in listed] == ["operations-1"] * 2


async def test_a_dry_run_stores_nothing_and_foresees_whom_it_touches(site: Site) -> None:
    """Usage points by class, as the ledger is now."""
    answer = await (await site.post("/plans/files", data=form(dry_run="true"))).json()
    listed = (await (await site.get("/plans")).json())["plans"]

    assert answer["dry_run"] is True
    assert [plan["impact"]["points"] for plan in answer["plans"]] == [{"out": 16}, {"out": 12}]
    assert listed == []


async def test_a_workbook_is_read_too(site: Site) -> None:
    """XLSX, by what it holds."""
    book = openpyxl.Workbook()
    for row in [
        ["停电线路", "停电时间", "工作内容"],
        ["10kV东一线", "2026年3月20日 8:00-17:30", "更换开关"],
    ]:
        book.active.append(row)
    body = io.BytesIO()
    book.save(body)

    answer = await site.post("/plans/files", data=form(body.getvalue(), "计划.xlsx"))

    assert (await answer.json())["counts"] == {"new": 1}


async def test_what_cannot_be_taken_is_said(site: Site) -> None:
    """No table, too large, another field, no file."""
    cases: list[tuple[Any, int, str]] = [
        (form(b"PK\x03\x04 broken", "x.xlsx"), 422, ""),
        (form(b"x" * 300_000), 413, "request.too_large"),
        (form(colour="blue"), 422, "request.invalid"),
        (form(published="gestern"), 422, "request.invalid"),
        (FormData({"dry_run": "true"}, default_to_multipart=True), 422, "request.file_missing"),
    ]
    for data, status, code in cases:
        answer = await site.post("/plans/files", data=data)
        problem = await answer.json()

        assert answer.status == status, problem
        assert problem["code"] == code or (not code and problem["code"])


async def test_a_file_s_name_is_only_a_name(site: Site) -> None:
    """Folders in it lead nowhere."""
    answer = await site.post("/plans/files", data=form(name="../../etc/计划.csv", dry_run="true"))

    assert (await answer.json())["file"] == "计划.csv"
