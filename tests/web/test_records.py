"""What is on record about a plan, as pages: messages one by one, the evidence, exceptions closed."""

import json
import re

from notifier.domain.wanted import ForAPerson
from tests.usecases.town import phone
from tests.web.conftest import Site
from tests.web.test_pages import Checked, told


async def test_every_message_of_a_plan_can_be_looked_at(site: Site) -> None:
    """One row a message with its state and times; addresses masked; filters are links."""
    await told(site)
    await site.log_in("read_only")

    everything = await (await site.client.get("/plans/P1/deliveries")).text()
    failed = await (await site.client.get("/plans/P1/deliveries?state=failed")).text()
    nonsense = await site.client.get("/plans/P1/deliveries?state=nonsense")

    Checked(everything)
    rows = await site.town.scalar("SELECT count(*) FROM delivery")
    assert everything.count("<tr>") - 1 == min(rows, 100)
    assert 0 < failed.count("<tr>") < everything.count("<tr>")
    assert not any(phone(number)[3:] in everything for number in range(31))
    assert nonsense.status == 422


async def test_the_evidence_is_a_file_for_whoever_may_read_the_page(site: Site) -> None:
    """The same lines as the API's, for a browser with a session and no token at hand."""
    await told(site)
    nobody = await site.client.get("/plans/P1/evidence", allow_redirects=False)
    await site.log_in("read_only")

    answer = await site.client.get("/plans/P1/evidence")
    by_api = await (await site.get("/plans/P1/evidence")).text()

    assert nobody.status == 303
    assert "P1-evidence.ndjson" in answer.headers["Content-Disposition"]
    assert await answer.text() == by_api
    assert {json.loads(line)["kind"] for line in by_api.splitlines()} >= {"revision", "attempt"}


async def test_an_exception_is_taken_off_the_list_with_a_word_how(site: Site) -> None:
    """By those who may; not without saying how; the next page no longer asks."""
    await told(site)
    item = ForAPerson(
        kind="not_reached",
        subject="advance",
        people=3,
        sentence="3 人",
        owner="operations",
        due_at=None,
    )
    async with site.town.store.write() as tx:
        await tx.journal.open(1, [item], now=site.town.clock.now())
    await site.log_in("read_only")
    reading = await (await site.client.get("/plans/P1")).text()
    await site.log_in("operations")
    page = await (await site.client.get("/plans/P1")).text()
    path = re.search(r'action="(/exceptions/\d+/close)"', page)
    csrf = re.search(r'name="csrf" value="(\w+)"', page)
    assert path is not None
    assert csrf is not None
    fields = {"csrf": csrf[1], "plan": "P1"}

    silent = await site.client.post(path[1], data=fields | {"how": " "}, allow_redirects=False)
    closed = await site.client.post(path[1], data=fields | {"how": "已上门"}, allow_redirects=False)
    after = await (await site.client.get("/plans/P1")).text()

    assert "/close" not in reading
    assert silent.status == 422
    assert closed.status == 303
    assert closed.headers["Location"] == "/plans/P1"
    assert path[1] not in after
    assert await site.town.scalar("SELECT count(*) FROM exception WHERE closed_how = '已上门'") == 1
