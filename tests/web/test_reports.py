"""Reliability over HTTP: the indices, the rows behind each number, and the page that shows them."""

from typing import Any

import pytest

from notifier.usecases import counting
from tests.usecases.town import local
from tests.web.conftest import Site, plan_json
from tests.web.test_pages import Checked

MARCH = {"from": "2026-03-01", "to": "2026-04-01"}


async def happened(site: Site) -> None:
    """A feeder of 16 customers out for ten hours on the twelfth, and told in time."""
    await site.post("/plans", json=plan_json(day=12))
    await site.post("/plans/P1/approve", "approver", json={})
    await site.town.run_until(local(13, 9))
    await counting.catch_up(site.town.store)


async def asked(site: Site, path: str, **query: Any) -> Any:
    answer = await site.get(f"/reports/{path}", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_report_is_answered_by_its_parts(site: Site) -> None:
    """In all and by feeder, with the day's limits named."""
    await happened(site)

    found = await asked(site, "reliability", **MARCH, by="feeder")

    assert found["from"] == "2026-03-01T00:00:00+08:00"
    assert (found["momentary_minutes"], found["cemi_n"]) == (3, 3)
    assert found["total"]["saifi"] == pytest.approx(16 / 28, abs=1e-6)
    assert [(line["name"], line["within"], line["caidi"]) for line in found["lines"]] == [
        ("10kV东一线", "110kV城关变", 600)
    ]


async def test_the_rows_behind_a_number_come_in_pages(site: Site) -> None:
    """Every one once, with the plan that says so."""
    await happened(site)
    seen, cursor = [], ""

    for _ in range(5):
        page = await asked(
            site, "interruptions", **MARCH, by="feeder", id=1, limit=1, cursor=cursor
        )
        seen += page["interruptions"]
        cursor = page["next"]
        if not cursor:
            break

    assert [(row["area"], row["plan"], row["customers"]) for row in seen] == [
        ("一里台区", "P1", 10),
        ("二里台区", "P1", 6),
    ]
    assert sum(row["customers"] for row in seen) == 16


async def test_repeats_and_fulfilment_are_answered(site: Site) -> None:
    """Once is no repeat, unless one asks for once; what was announced was kept."""
    await happened(site)

    assert (await asked(site, "repeats"))["places"] == []
    assert (await asked(site, "repeats", times=1, days=10))["customers"] == 16
    kept = await asked(site, "fulfilment", **MARCH)
    assert (kept["announced"], kept["fulfilled"], kept["rate"]) == (1, 1, 1)
    assert kept["plans"][0]["departure"] == ""


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-03-01", "to": "2026-03-01"},
        {"from": "2026", "to": "2026-04-01"},
        {**MARCH, "by": "weather"},
    ],
)
async def test_what_makes_no_period_is_refused(site: Site, query: dict[str, str]) -> None:
    """With a problem, not with zeros."""
    answer = await site.get("/reports/reliability", params=query)

    assert answer.status == 422
    assert (await answer.json())["code"] in ("request.invalid", "period.invalid")


async def test_reports_are_for_the_office(site: Site) -> None:
    """A crew has no use for them."""
    assert (await site.get("/reports/repeats", "crew")).status == 403


# --- The page ----------------------------------------------------------------------------------------


async def page(site: Site, path: str) -> str:
    answer = await site.client.get(path)
    text = await answer.text()
    assert answer.status == 200, text
    Checked(text)
    return text


async def test_the_page_shows_the_same_figures_and_leads_to_the_rows(site: Site) -> None:
    """Indices, a bar a month, places, repeats, plans kept; each number is a link to what it is made
    of."""
    await happened(site)
    await site.log_in("read_only")

    text = await page(site, "/reports?from=2026-01-01&to=2026-04-01&by=area")
    rows = await page(site, "/reports/interruptions?from=2026-03-01&to=2026-04-01&by=area&id=1")

    assert "342.86" in text  # minutes: 16 × 600 / 28
    assert "0.571" in text
    assert "每月 SAIDI" in text
    assert "2026-01 0.00，2026-02 0.00，2026-03 342.86" in text
    assert "一里台区" in text
    assert "100.00%" in text
    link = "/reports/interruptions?from=2026-01-01&amp;to=2026-04-01&amp;by=area&amp;id=1"
    assert f'href="{link}"' in text
    assert "/plans/P1" in rows
    assert "二里台区" not in rows


async def test_the_page_is_sound_where_nothing_happened(site: Site) -> None:
    """No outage, no announcement: strokes, not zeros dressed up as a rate."""
    await site.log_in("read_only")

    text = await page(site, "/reports")
    await page(site, "/reports/interruptions")

    assert "这段时间没有停电" in text
    assert "兑现率 <b>—</b>" in text
    assert (await site.client.get("/reports?from=nonsense")).status == 422


async def test_every_page_leads_to_the_reports(site: Site) -> None:
    """From the navigation, and for those who logged in only."""
    nobody = await site.client.get("/reports", allow_redirects=False)
    await site.log_in("read_only")

    assert nobody.status == 303
    assert 'href="/reports"' in await page(site, "/")
