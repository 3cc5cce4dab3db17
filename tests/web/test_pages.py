"""The pages: who may read, who may decide, what the public sees, and that words exist for codes."""

import re
from html.parser import HTMLParser

import pytest

from notifier.channel import ReceiptStatus
from notifier.domain.delivery import DeliveryState
from notifier.domain.outbox import KnownReceipt
from notifier.store.tokens import Role
from tests.usecases.town import local, phone
from tests.web.conftest import Site, plan_json

_VOID = {"meta", "link", "input", "br", "img", "rect"}


class Checked(HTMLParser):
    """Balanced tags, unique ids, labelled fields, nothing inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.fields: list[str] = []
        self.feed(text)
        assert not self.open, self.open
        assert len(self.ids) == len(set(self.ids))
        assert set(self.fields) <= set(self.labels)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert "style" not in found
        assert not any(name.startswith("on") for name in found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "label":
            self.labels.append(str(found["for"]))
        if tag == "input" and found.get("type") != "hidden":
            self.fields.append(str(found["id"]))
        if tag == "script":
            assert found["src"]
        if tag == "svg":
            assert found["aria-label"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


async def told(site: Site) -> None:
    """A plan that was approved, and mostly told."""
    await site.post("/plans", json=plan_json())
    await site.post("/plans/P1/approve", "approver", json={})
    await site.town.run_until(local(12, 20, 30))
    async with site.town.store.write() as tx:
        await tx.receipts.apply(
            [
                KnownReceipt(
                    delivery_id=delivery,
                    status=ReceiptStatus.DELIVERED if delivery % 2 else ReceiptStatus.FAILED,
                    code="DELIVERED" if delivery % 2 else "MK:0001",
                    at=None,
                    received_at=site.town.clock.now(),
                )
                for delivery in range(3, 12)
            ]
        )


@pytest.mark.parametrize("path", ["/", "/plans/P1", "/fragments/board", "/fragments/plans/P1"])
async def test_pages_are_for_those_who_logged_in(site: Site, path: str) -> None:
    """Nobody is sent to log in, and back afterwards."""
    await told(site)

    nobody = await site.client.get(path, allow_redirects=False)
    await site.log_in("read_only")
    somebody = await site.client.get(path)

    assert nobody.status == 303
    assert nobody.headers["Location"].startswith("/login?to=%2F") or nobody.headers[
        "Location"
    ].startswith("/login?to=/")
    assert somebody.status == 200


async def test_open_pages_are_read_by_anybody_and_changed_by_nobody(open_site: Site) -> None:
    """For demonstrations."""
    await told(open_site)

    board = await open_site.client.get("/")
    plan = await (await open_site.client.get("/plans/P1")).text()
    cancel = await open_site.client.post("/plans/P1/cancel", data={}, allow_redirects=False)

    assert board.status == 200
    assert "<form" not in plan
    assert cancel.status == 303
    assert await open_site.town.scalar("SELECT count(*) FROM plan_revision") == 1


async def test_the_pages_are_sound_and_show_nobody_s_number(site: Site) -> None:
    """Well-formed, labelled, nothing inline; phone numbers nowhere."""
    await told(site)
    await site.log_in("admin")

    for path in ("/", "/?all=1", "/plans/P1", "/login", "/p/P1", "/nothing"):
        text = await (await site.client.get(path)).text()
        Checked(text)
        assert not any(phone(number)[3:] in text for number in range(31))


async def test_the_board_shows_how_far_telling_is(site: Site) -> None:
    """Windows in words, bars with numbers, exceptions, channels, the clock."""
    await told(site)
    await site.town.settle()
    await site.log_in("read_only")

    text = await (await site.client.get("/")).text()

    assert "3月20日（周五）08:00-18:00" in text
    assert "2026-03-12 20:30:00" in text
    assert re.search(r"已送达 delivered</title>|已送达 delivered 5", text)
    assert "待张贴 to be posted" in text
    assert 'data-refresh="/fragments/board"' in text
    assert "wechat" in text


async def test_headers_guard_every_answer(site: Site) -> None:
    """A strict policy without inline anything; nothing is kept by caches but what may be."""
    for path in ("/login", "/api/v1/health/live", "/nothing", "/static/style.css", "/api/v1/plans"):
        answer = await site.client.get(path)
        policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Cache-Control" in answer.headers


async def test_a_session_is_sealed_strict_and_ends_with_its_token(site: Site) -> None:
    """The cookie holds no token one could read; revoking the token ends the session at once."""
    answer = await site.client.post(
        "/login", data={"token": site.secrets["read_only"], "to": "//evil.example"},
        allow_redirects=False,
    )  # fmt: skip
    cookie = answer.headers["Set-Cookie"]
    before = await site.client.get("/", allow_redirects=False)
    from notifier.store import tokens

    async with site.town.store.write() as tx:
        await tokens.revoke(tx.connection, "read_only-1", site.town.clock.now())
    after = await site.client.get("/", allow_redirects=False)

    assert answer.headers["Location"] == "/"
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert site.secrets["read_only"] not in cookie
    assert (before.status, after.status) == (200, 303)


async def test_a_wrong_token_or_a_crew_s_opens_no_session(site: Site) -> None:
    """Crews have the API."""
    for token in ("x", "ntf_" + "y" * 43, site.secrets["crew"]):
        answer = await site.client.post(
            "/login", data={"token": token, "to": "/"}, allow_redirects=False
        )
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_a_session_that_is_old_is_over(site: Site) -> None:
    """After half a day."""
    from datetime import timedelta

    await site.log_in("read_only")
    site.town.clock.advance(timedelta(hours=12))

    assert (await site.client.get("/", allow_redirects=False)).status == 303


async def test_an_approver_looks_approves_and_cancels_on_the_page(site: Site) -> None:
    """The form signs what the preview showed; without the form's token nothing happens."""
    await site.post("/plans", json=plan_json())
    await site.log_in("approver")
    page = await (await site.client.get("/plans/P1?preview=1")).text()
    csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]
    signed = re.findall(r'name="expected_hash" value="(\w+)"', page)[0]

    forged = await site.client.post("/plans/P1/approve", data={"csrf": "0" * 32})
    cross = await site.client.post(
        "/plans/P1/approve", data={"csrf": csrf}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    approved = await site.client.post(
        "/plans/P1/approve", data={"csrf": csrf, "expected_hash": signed}, allow_redirects=False
    )
    cancelled = await site.client.post(
        "/plans/P1/cancel", data={"csrf": csrf, "note": "雨"}, allow_redirects=False
    )
    again = await site.client.post("/plans/P1/cancel", data={"csrf": csrf, "note": "雨"})

    assert (forged.status, cross.status) == (403, 403)
    assert (approved.status, cancelled.status, again.status) == (303, 303, 409)
    assert approved.headers["Location"] == "/plans/P1"
    async with site.town.store.read() as tx:
        plan = await tx.plans.find("P1")
    assert plan is not None
    assert plan.state.value == "cancelled"


async def test_a_reader_decides_nothing(site: Site) -> None:
    """No form is shown, and posting one by hand is refused."""
    await site.post("/plans", json=plan_json())
    await site.log_in("read_only")
    page = await (await site.client.get("/plans/P1?preview=1")).text()
    csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]

    answer = await site.client.post("/plans/P1/approve", data={"csrf": csrf})

    assert "approve" not in page
    assert answer.status == 403


async def test_the_public_sees_outages_and_never_people(site: Site) -> None:
    """Once approved: when, where, why. A change that waits for approval is not shown yet."""
    await site.post("/plans", json=plan_json())
    before = await site.client.get("/p/P1")
    await told(site)

    async def public() -> str:
        for memory in list(site.client.app.values()):  # type: ignore[union-attr]
            if isinstance(memory, dict):
                memory.pop("public.P1", None)
        return await (await site.client.get("/p/P1")).text()

    shown = await public()
    await site.post("/plans/P1/revise", json={"plan": plan_json(day=25)})
    waiting = await public()
    await site.post("/plans/P1/cancel", json={})
    cancelled = await public()

    assert before.status == 404
    assert "3月20日" in shown
    assert "10kV东一线" in shown
    assert "更换开关" in shown
    assert "用户" not in shown
    assert "3月20日" in waiting
    assert "3月25日" not in waiting
    assert "已取消" in cancelled


async def test_a_fault_on_a_page_is_a_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no trace in it."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("swordfish")

    await site.log_in("read_only")
    monkeypatch.setattr("notifier.web.boards.board", fail)
    answer = await site.client.get("/")

    assert answer.status == 500
    assert "swordfish" not in await answer.text()
    Checked(await answer.text())


async def test_logging_out_ends_the_session(site: Site) -> None:
    """By a form of the page."""
    await site.log_in("read_only")
    page = await (await site.client.get("/")).text()
    csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]

    await site.client.post("/logout", data={"csrf": csrf}, allow_redirects=False)

    assert (await site.client.get("/", allow_redirects=False)).status == 303


def test_roles_and_states_are_all_there() -> None:
    """What the parts of a bar count covers every state a delivery may be in."""
    from notifier.web import boards

    counted = {state for _, _, states in boards.PARTS for state in states}

    assert counted == {state.name.lower() for state in DeliveryState} | {"sending"}
    assert len(Role) == 5
