"""The API: one shape of error, roles, and what comes in goes the way of the command line."""

import csv
import io
import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from notifier.store.ledger import Transaction
from notifier.web import openapi
from notifier.web.app import ENDPOINTS
from notifier.web.context import TALLY
from tests.usecases.town import local, phone
from tests.web.conftest import CALLBACK_SECRET, Site, plan_json


async def approved(site: Site, number: str = "P1") -> None:
    """A plan that was submitted and approved over the API, and settled."""
    answer = await site.post("/plans", json=plan_json(number))
    assert answer.status == 200, await answer.text()
    answer = await site.post(f"/plans/{number}/approve", "approver", json={})
    assert answer.status == 200, await answer.text()
    await site.town.settle()


def test_the_interface_is_valid_openapi() -> None:
    """The document is generated from the declarations and is OpenAPI 3.1."""
    document = json.loads(json.dumps(openapi.document(ENDPOINTS)))

    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) > 25


async def test_the_interface_describes_itself(site: Site) -> None:
    """/api/v1/openapi.json is open to everybody."""
    answer = await site.client.get("/api/v1/openapi.json")

    assert answer.status == 200
    assert (await answer.json())["paths"]["/api/v1/plans/{number}/approve"]["post"]["x-roles"] == [
        "admin",
        "approver",
    ]


def test_operations_have_one_name_each() -> None:
    """Generators of clients name functions by it."""
    names = [endpoint.handler.__name__ for endpoint in ENDPOINTS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_every_endpoint_asks_who_and_in_what_role(site: Site, endpoint: object) -> None:
    """Without a token 401, with a role that may not 403, both as problem+json."""
    path = endpoint.path.replace("{id:int}", "1").replace("{number}", "X").replace("{name}", "x")  # type: ignore[attr-defined]
    method, roles = endpoint.method, endpoint.roles  # type: ignore[attr-defined]
    if not roles:
        pytest.skip("open to everybody")

    nobody = await site.client.request(method, path)
    statuses = {}
    for role in site.secrets:
        answer = await site.client.request(method, path, headers=site.bearer(role))
        statuses[role] = answer.status

    assert nobody.status == 401
    assert nobody.content_type == "application/problem+json"
    assert "WWW-Authenticate" in nobody.headers
    allowed = {role.value for role in roles}
    assert {role for role, status in statuses.items() if status == 403} == set(statuses) - allowed


async def test_a_revoked_or_made_up_token_opens_nothing(site: Site) -> None:
    """The answer is the same for both."""
    for secret in ("ntf_" + "x" * 43, "x", ""):
        answer = await site.client.get(
            "/api/v1/plans", headers={"Authorization": f"Bearer {secret}"}
        )
        assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/plans/none", None, 404, "plan.not_found"),
        ("GET", "/nothing", None, 404, "not_found"),
        ("DELETE", "/plans", None, 405, "method_not_allowed"),
        ("POST", "/plans", {"number": "P1"}, 422, "request.invalid"),
        ("POST", "/plans", {**plan_json(), "extra": 1}, 422, "request.invalid"),
        ("GET", "/plans?nonsense=1", None, 422, "request.invalid"),
        ("GET", "/plans?limit=100000", None, 422, "request.invalid"),
        ("GET", "/plans?from=2026", None, 422, "request.invalid"),
        ("GET", "/plans?cursor=zzz", None, 422, "request.cursor_invalid"),
        ("POST", "/exceptions/77/close", {"how": "x"}, 404, "exception.not_found"),
        ("POST", "/channels/none/start", {}, 404, "channel.not_found"),
        ("POST", "/optouts", {"phone": "12345", "media": ["sms"]}, 422, "phone.invalid"),
        ("POST", "/postings/9/claim", {}, 404, "posting.not_found"),
    ],
)
async def test_errors_have_one_shape(
    site: Site, method: str, path: str, body: object, status: int, code: str
) -> None:
    """Type, title, status, stable code, a sentence; fields where the request is wrong."""
    answer = await site.client.request(
        method, f"/api/v1{path}", json=body, headers=site.bearer("admin")
    )
    problem = await answer.json()

    assert (answer.status, problem["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert {"type", "title", "status", "code", "detail"} <= problem.keys()
    if code == "request.invalid":
        assert all(item["field"] for item in problem["errors"] if item["code"] != "value_error")


async def test_what_is_not_json_is_said_to_be_so(site: Site) -> None:
    """400, and no trace."""
    wrong = await site.post("/plans", data=b"{")
    typed = await site.client.post(
        "/api/v1/plans",
        data=b"{",
        headers={**site.bearer("operations"), "Content-Type": "application/json"},
    )

    assert wrong.status == typed.status == 400
    assert (await typed.json())["code"] == "request.not_readable"


async def test_a_fault_has_an_id_and_tells_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id is in the log, the reason is not in the answer."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("notifier.store.views.plans_page", fail)
    answer = await site.get("/plans")
    problem = await answer.json()

    assert answer.status == 500
    assert problem["code"] == "fault"
    assert "swordfish" not in json.dumps(problem)


async def test_a_plan_goes_from_submission_to_cancellation(site: Site) -> None:
    """Every step is a revision, audited under the token's name."""
    submitted = await (await site.post("/plans", json=plan_json())).json()
    again = await (await site.post("/plans", json=plan_json())).json()
    preview = await (await site.get("/plans/P1/preview")).json()
    stale = await site.post("/plans/P1/approve", "approver", json={"expected_hash": "0" * 64})
    signed = await site.post(
        "/plans/P1/approve", "approver", json={"expected_hash": preview["recipients_hash"]}
    )
    delayed = await site.post(
        "/plans/P1/delay", json={"until": "2026-03-20T20:00:00+08:00", "note": "雨"}
    )
    cancelled = await site.post("/plans/P1/cancel", json={"note": "不做了"})
    closed = await site.post("/plans/P1/cancel", json={})
    shown = await (await site.get("/plans/P1")).json()
    revisions = (await (await site.get("/plans/P1/revisions")).json())["revisions"]

    assert (submitted["outcome"], again["outcome"]) == ("new", "unchanged")
    assert preview["recipients"] > 10
    assert (stale.status, (await stale.json())["code"]) == (409, "approval.stale")
    assert signed.status == delayed.status == cancelled.status == 200
    assert (closed.status, (await closed.json())["code"]) == (409, "plan.closed")
    assert shown["state"] == "cancelled"
    assert shown["approvals"][0]["approved_by"] == "approver-1"
    assert [item["change"] for item in revisions] == ["submitted", "delayed", "cancelled"]
    assert revisions[1]["windows"][0]["ends_at"] == "2026-03-20T20:00:00+08:00"
    assert revisions[1]["difference"]["changed"] == 16
    assert (
        await site.town.scalar(
            "SELECT count(*) FROM audit WHERE subject = 'P1' AND actor = 'operations-1'"
        )
        == 3
    )


async def test_of_several_days_one_ends_or_all(site: Site) -> None:
    """Supply is back at noon of the first day; said of the whole plan, it is done."""
    days = [plan_json(day=day)["windows"][0] for day in (20, 21)]
    await site.post("/plans", json=plan_json() | {"windows": days})
    await site.post("/plans/P1/approve", "approver", json={})
    site.town.clock.set(local(20, 12))

    early = await site.post("/plans/P1/restore", json={"at": "2026-03-20T14:00:00+08:00"})
    day = await site.post("/plans/P1/restore", json={})
    whole = await site.post("/plans/P1/restore", json={"whole": True})

    assert (early.status, (await early.json())["code"]) == (422, "window.invalid")
    assert (await day.json())["state"] == "approved"
    assert (await whole.json())["state"] == "done"


async def test_a_revision_keeps_its_number(site: Site) -> None:
    """Revising P1 with the content of P2 is refused."""
    await site.post("/plans", json=plan_json())

    wrong = await site.post("/plans/P1/revise", json={"plan": plan_json("P2")})
    right = await site.post("/plans/P1/revise", json={"plan": plan_json(day=22), "note": "改期"})

    assert (await wrong.json())["code"] == "plan.number_differs"
    assert (await right.json())["starts_at"] == "2026-03-22T08:00:00+08:00"


async def test_plans_come_in_pages(site: Site) -> None:
    """Each plan once, in the order of the first window, filtered as asked."""
    for number in range(7):
        await site.post("/plans", json=plan_json(f"N/{number}", day=20 - number))

    seen, cursor = [], ""
    while True:
        page = await (await site.get(f"/plans?limit=3&cursor={cursor}")).json()
        seen += [plan["number"] for plan in page["plans"]]
        cursor = page["next"]
        if not cursor:
            break
    some = await (
        await site.get(
            "/plans",
            params=[
                ("from", "2026-03-16T00:00:00+08:00"),
                ("to", "2026-03-18T00:00:00+08:00"),
                ("state", "submitted"),
                ("state", "draft"),
            ],
        )
    ).json()
    slash = await site.get("/plans/N%2F3")

    assert seen == [f"N/{number}" for number in reversed(range(7))]
    assert [plan["number"] for plan in some["plans"]] == ["N/4", "N/3"]
    assert (await slash.json())["number"] == "N/3"


async def test_impact_is_json_by_area_or_csv_by_account(site: Site) -> None:
    """Both name the same people; CSV has local times."""
    await site.post("/plans", json=plan_json())

    by_area = await (await site.get("/plans/P1/impact")).json()
    answer = await site.get("/plans/P1/impact?format=csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))

    assert by_area["points"] == {"out": 16}
    assert [area["points"] for area in by_area["areas"]] == [10, 6]
    assert answer.content_type == "text/csv"
    assert len(rows) == 16
    assert rows[0] == {
        "account": "A001",
        "class": "out",
        "starts_at": "2026-03-20T08:00:00+08:00",
        "ends_at": "2026-03-20T18:00:00+08:00",
    }


async def test_deliveries_are_paged_and_masked(site: Site) -> None:
    """Nobody's number is in the answer."""
    await approved(site)
    await site.town.run_until(local(12, 20, 30))

    first = await (await site.get("/plans/P1/deliveries?limit=5")).json()
    rest = await (await site.get(f"/plans/P1/deliveries?cursor={first['next']}")).json()
    sms = await (await site.get("/plans/P1/deliveries?medium=sms&state=accepted")).json()
    text = json.dumps([first, rest, sms])

    assert len(first["deliveries"]) == 5
    assert first["deliveries"][-1]["id"] < rest["deliveries"][0]["id"]
    assert {item["state"] for item in sms["deliveries"]} == {"accepted"}
    assert any("****" in item["to"] for item in sms["deliveries"])
    assert not any(phone(number)[3:] in text for number in range(31))


async def test_notices_are_shown_in_full(site: Site) -> None:
    """With the words people get."""
    await approved(site)
    await site.town.run_until(local(12, 20, 30))

    notices = (await (await site.get("/plans/P1/notices")).json())["notices"]

    assert {"advance"} <= {notice["stage"] for notice in notices}
    assert all("3月20日" in n["text"] for n in notices if n["medium"] == "sms")


async def test_evidence_is_streamed_a_line_a_record(site: Site) -> None:
    """In the order of time."""
    await approved(site)
    await site.town.run_until(local(12, 20, 30))

    answer = await site.get("/plans/P1/evidence")
    records = [json.loads(line) for line in (await answer.text()).splitlines()]

    assert answer.content_type == "application/x-ndjson"
    assert {"revision", "approval", "attempt", "outcome"} <= {item["kind"] for item in records}
    assert [item["at"] for item in records] == sorted(item["at"] for item in records)


async def test_status_health_policy_channels_and_metrics_answer(site: Site) -> None:
    """What operators look at first."""
    await approved(site)
    await site.town.run_until(local(12, 20, 30))

    status = await (await site.get("/status")).json()
    live = await site.client.get("/api/v1/health/live")
    ready = await (await site.client.get("/api/v1/health/ready")).json()
    policy = await (await site.get("/policy")).json()
    channels = (await (await site.get("/channels")).json())["channels"]
    metrics = await (await site.get("/metrics")).text()

    assert status["deliveries"]["by_medium"]["sms"]["accepted"] > 0
    assert live.status == 200
    assert ready["status"] == "ok"
    assert ready["parts"]["store"] is ready["parts"]["channel.sms"] is True
    assert policy["name"] == "cn"
    assert [channel["name"] for channel in channels] == ["sms", "wechat", "push", "posting"]
    assert 'notifier_messages_total{channel="sms",outcome="Accepted"}' in metrics
    assert "notifier_event_loop_lag_seconds" in metrics


async def test_a_channel_that_is_unwell_degrades_only(site: Site) -> None:
    """Ready says which, and stays 200: the others still tell people."""
    site.town.channels["push"].is_well = False

    answer = await site.client.get("/api/v1/health/ready")

    assert answer.status == 200
    assert (await answer.json())["status"] == "degraded"


async def test_a_stopped_channel_is_started_again(site: Site) -> None:
    """And who did it is on record."""
    async with site.town.store.write() as tx:
        await tx.journal.set_channel(
            "sms", stopped_at=site.town.clock.now(), stopped_why="signature"
        )

    before = (await (await site.get("/channels")).json())["channels"][0]
    done = await site.post("/channels/sms/start")
    after = (await (await site.get("/channels")).json())["channels"][0]

    assert before["stopped_why"] == "signature"
    assert done.status == 200
    assert after["stopped_at"] is None
    assert await site.town.scalar("SELECT count(*) FROM audit WHERE action = 'channel.started'")


async def test_whoever_opts_out_is_remembered(site: Site) -> None:
    """By fingerprint; the audit has the masked number."""
    known = await site.post("/optouts", json={"phone": "13800000005", "media": ["sms"]})
    unknown = await site.post("/optouts", json={"phone": "13999999999", "media": ["sms"]})

    assert (await known.json())["known"] is True
    assert (await unknown.json())["known"] is False
    assert await site.town.scalar("SELECT opted_out FROM contact WHERE id = 5") == 1
    async with site.town.store.database.read() as connection:
        detail = (await connection.exec_driver_sql("SELECT detail FROM audit")).scalar_one()
    assert "13800000005" not in detail
    assert "138****0005" in detail


async def test_exceptions_are_listed_and_closed(site: Site) -> None:
    """With how it was seen to."""
    from notifier.domain.wanted import ForAPerson

    await site.post("/plans", json=plan_json())
    async with site.town.store.write() as tx:
        plan = await tx.plans.find("P1")
        assert plan is not None
        entry = ForAPerson(
            kind="not_reached", subject="advance", people=3, sentence="请上门",
            owner="operations", due_at=site.town.clock.now(),
        )  # fmt: skip
        await tx.journal.open(plan.id, [entry], now=site.town.clock.now())

    listed = (await (await site.get("/exceptions?plan=P1")).json())["exceptions"]
    closed = await site.post(f"/exceptions/{listed[0]['id']}/close", json={"how": "已上门"})
    twice = await site.post(f"/exceptions/{listed[0]['id']}/close", json={"how": "已上门"})
    left = (await (await site.get("/exceptions")).json())["exceptions"]
    every = (await (await site.get("/exceptions?closed=true")).json())["exceptions"]

    assert listed[0]["people"] == 3
    assert (closed.status, twice.status, left) == (200, 404, [])
    assert every[0]["closed_by"] == "operations-1"


async def test_receipts_come_only_by_the_secret_address(site: Site) -> None:
    """A wrong secret and an unknown channel look alike; a right one is on disk when answered."""
    await approved(site)
    await site.town.run_until(local(12, 20, 30))
    page = await (await site.get("/plans/P1/deliveries?medium=sms&state=accepted&limit=1")).json()
    delivery = page["deliveries"][0]["id"]
    body = f"{delivery} delivered"

    wrong = await site.client.post("/callbacks/sms/wrong", data=body)
    unknown = await site.client.post(f"/callbacks/none/{CALLBACK_SECRET}", data=body)
    without = await site.client.post(f"/callbacks/push/{CALLBACK_SECRET}", data=body)
    large = await site.client.post(
        f"/callbacks/sms/{CALLBACK_SECRET}", data=io.BytesIO(b"x" * (2 << 20))
    )
    right = await site.client.post(f"/callbacks/sms/{CALLBACK_SECRET}", data=body)
    state = await site.town.scalar("SELECT state FROM delivery WHERE id = :id", id=delivery)

    assert wrong.status == unknown.status == without.status == 404
    assert large.status == 413
    assert (right.status, await right.read()) == (200, b"ok")
    assert state == 2


@pytest.mark.parametrize("far", ["9999-12-31T23:59:00-12:00", "0001-01-01T00:00:00+14:00"])
async def test_a_time_of_another_century_is_refused_where_it_stands(site: Site, far: str) -> None:
    """In a plan, a delay and a question alike: 422 with what is expected, never a fault."""
    await approved(site)
    near = "2026-03-20T08:00:00+08:00"
    start, end = (far, near) if far < near else (near, far)

    answers = [
        await site.post(
            "/plans", json=plan_json("P2", windows=[{"starts_at": start, "ends_at": end}])
        ),
        await site.post("/plans/P1/delay", json={"until": far}),
        await site.post("/plans/P1/restore", json={"at": far}),
        await site.get("/plans", params={"from": far}),
    ]

    assert [answer.status for answer in answers] == [422] * 4
    for answer in answers:
        assert "2000 to 2100" in (await answer.json())["errors"][0]["message"]


async def test_refusals_are_counted_under_their_own_status(site: Site) -> None:
    """Metrics tell a caller's mistake from a fault of ours."""
    await site.client.get("/api/v1/plans")
    await site.get("/plans/none")
    await site.post("/plans", json={})
    await site.client.get("/no/such/page")

    counted = {
        (path.rpartition("/")[2], status) for (_, path, status) in site.client.app[TALLY].requests
    }

    assert {("plans", 401), ("{number}", 404), ("plans", 422), ("unknown", 404)} <= counted
    assert not any(status == 500 for _, status in counted)


async def test_a_store_that_takes_no_writes_is_not_ready(site: Site) -> None:
    """A full disk still answers what is read; nothing can be sent or taken in."""
    full = "CREATE TRIGGER full BEFORE UPDATE ON installation BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    async with site.town.store.write() as tx:
        await tx.connection.exec_driver_sql(full)

    answer = await site.client.get("/api/v1/health/ready")

    assert answer.status == 503
    assert (await answer.json())["parts"]["store"] is False


async def test_readiness_writes_only_now_and_then(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes come every second from several places: one write holds for a while."""
    writes = 0
    touch = Transaction.touch

    async def counted(self: Transaction) -> None:
        nonlocal writes
        writes += 1
        await touch(self)

    monkeypatch.setattr(Transaction, "touch", counted)

    answers = [await site.client.get("/api/v1/health/ready") for _ in range(5)]

    assert {answer.status for answer in answers} == {200}
    assert writes == 1


async def test_control_characters_are_refused_wherever_a_text_comes_in(site: Site) -> None:
    """In a plan's number, in a note, in a question and in an address: no database sees them."""
    await approved(site)

    plans = [
        await site.post("/plans", json=plan_json("P\0002")),
        await site.post("/plans", json=plan_json("P3", works="更换\x1b[2J开关")),
        await site.post("/plans/P1/cancel", json={"note": "天\x07气"}),
        await site.get("/plans", params={"q": "P\0"}),
    ]
    missing = await site.get("/plans/P%00")
    multiline = await site.post("/plans", json=plan_json("P4", scope="一单元\n二单元"))

    assert [answer.status for answer in plans] == [422] * 4
    assert "U+0000 at character 2" in (await plans[0].json())["errors"][0]["message"]
    assert (missing.status, multiline.status) == (404, 200)


async def test_a_number_in_a_body_is_a_number(site: Site) -> None:
    """Requests are strict: what is quoted is a text."""
    answer = await site.post("/postings/1/claim", "crew", json={"minutes": "240"})

    assert answer.status == 422
