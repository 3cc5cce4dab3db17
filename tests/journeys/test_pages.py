"""The pages in a real browser: nothing scrolls sideways, nothing complains, and a plan is approved.

Needs Chromium (Debian: ``apt-get install chromium``); without one the tests say so and are skipped.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from notifier.vault import Vault
from tests.journeys import browser
from tests.web.conftest import Site, make_site, plan_json

WIDTHS = (1280, 390)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        browser.program() is None,
        reason="THE PAGES WERE NOT SEEN BY A BROWSER: no Chromium here "
        "(Debian: apt-get install chromium)",
    ),
]


@pytest_asyncio.fixture(loop_scope="module")
async def site(sqlite_url: str, vault: Vault) -> AsyncIterator[Site]:
    """The small town's website with one plan that waits for approval and one that is a draft."""
    async for made in make_site(sqlite_url, vault):
        await made.post("/plans", json=plan_json())
        await made.post("/plans", json=plan_json("P2", day=25, equipment=[{"name": "无此线"}]))
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[browser.Page]:
    """One browser for all: it takes a second or two to start."""
    async with browser.page(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def page(tab: browser.Page) -> browser.Page:
    """The tab as if nobody had used it."""
    await tab.ask("Network.clearBrowserCookies")
    tab.complaints.clear()
    return tab


async def _look(page: browser.Page, url: str) -> str:
    """Opens an address at every width; the words of the page. Nothing may stick out or complain."""
    text = ""
    for width in WIDTHS:
        await page.resize(width)
        await page.open(url)
        text = await page.text()
        assert await page.overflow() <= 0, f"{url} scrolls sideways at {width} pixels"
        assert page.complaints == [], url
    return text


async def test_a_plan_is_found_read_and_approved_in_a_browser(
    site: Site, page: browser.Page
) -> None:
    """From the login to the signature, on a desk and on a telephone, as a person would."""
    base = str(site.client.make_url("")).rstrip("/")

    assert "令牌" in await _look(page, f"{base}/")
    await page.evaluate(f"document.querySelector('#token').value = {site.secrets['approver']!r}")
    await page.click("main form button")
    board = await _look(page, f"{base}/")
    await page.click("a[href='/plans/P1']")
    plan = await _look(page, f"{base}/plans/P1")
    await page.click("a.button[href^='?preview=1']")
    preview = await _look(page, f"{base}/plans/P1?preview=1")
    await page.resize(WIDTHS[0])
    await page.click("section.preview form button")
    signed = await _look(page, f"{base}/plans/P1")
    public = await _look(page, f"{base}/p/P1")

    assert "P1" in board
    assert "P2" in board
    assert "待批准" in plan
    assert "批准后将发送" in preview
    assert "已批准" in signed
    assert "approver-1" in signed
    assert "将要停电" in public


async def test_every_page_fits_a_desk_and_a_telephone(site: Site, page: browser.Page) -> None:
    """Nothing scrolls sideways and nothing complains, wherever the links of the pages lead."""
    base = str(site.client.make_url("")).rstrip("/")
    await page.open(f"{base}/login")
    await page.evaluate(f"document.querySelector('#token').value = {site.secrets['admin']!r}")
    await page.click("main form button")

    seen = {
        path: await _look(page, f"{base}{path}")
        for path in (
            *("/?all=1", "/plans/P2", "/plans/P1/deliveries?medium=sms"),
            *("/coordination", "/reports", "/reports/interruptions", "/running"),
        )
    }

    assert all(len(text) > 40 for text in seen.values())


async def test_a_page_keeps_itself_up_to_date_without_a_complaint(
    site: Site, page: browser.Page
) -> None:
    """The part that changes is fetched again and shows what happened meanwhile."""
    base = str(site.client.make_url("")).rstrip("/")
    await page.open(f"{base}/login")
    await page.evaluate(f"document.querySelector('#token').value = {site.secrets['operations']!r}")
    await page.click("main form button")
    await page.open(f"{base}/plans/P1")

    await site.post("/plans/P1/cancel", json={"note": "施工队未到位"})
    seen = await page.evaluate(
        "new Promise(resolve => {"
        " const look = () => document.body.innerText.includes('已取消');"
        " new MutationObserver(() => look() && resolve(true))"
        "   .observe(document.body, {childList: true, subtree: true, characterData: true});"
        " if (look()) resolve(true); })"
    )

    assert seen is True
    assert page.complaints == []


async def test_a_driver_that_hears_a_complaint_says_so(page: browser.Page) -> None:
    """Silence of the console means something: an error in a page is heard, and a wide page seen."""
    await page.resize(390)

    await page.open(
        "data:text/html,<div style='width:900px'>wide</div><script>console.error('no')</script>"
    )

    assert await page.overflow() > 0
    assert page.complaints
