"""Alibaba Cloud SMS: its codes, its receipts, its query."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels import aliyun_sms
from channels._http import Answer
from notifier.channel import (
    Accepted,
    Batch,
    Callback,
    ChannelStop,
    Outcome,
    Permanent,
    ReceiptStatus,
    RetryAfter,
    Uncertain,
)
from notifier.testing import FakeClock
from tests.channels import gateways
from tests.providers.gateway import Gateway


def outcome(status: int, code: str, words: str = "", **headers: str) -> Outcome:
    """What one answer of the provider is translated into."""
    body = json.dumps({"Code": code, "Message": words, "BizId": "9^0"}).encode()
    return aliyun_sms._verdict(Answer(status, headers, body), ()).outcome


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, "OK", Accepted),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", Permanent),
        (200, "isv.SMS_CONTENT_ILLEGAL", Permanent),
        (200, "isv.BUSINESS_LIMIT_CONTROL", RetryAfter),
        (400, "Throttling.User", RetryAfter),
        (503, "Throttling.Api", RetryAfter),
        (200, "isv.OUT_OF_SERVICE", ChannelStop),
        (200, "isv.DAY_LIMIT_CONTROL", ChannelStop),
        (200, "isp.RAM_PERMISSION_DENY", ChannelStop),
        (404, "InvalidAccessKeyId.NotFound", ChannelStop),
        (400, "SignatureDoesNotMatch", ChannelStop),
        (200, "isv.NOBODY_EVER_SAW_THIS", ChannelStop),
        (200, "isp.SYSTEM_ERROR", Uncertain),
        (503, "ServiceUnavailable", Uncertain),
        (500, "isv.NOBODY_EVER_SAW_THIS", Uncertain),
        (200, "", Uncertain),
    ],
)
def test_every_code_has_one_outcome(status: int, code: str, kind: type[Outcome]) -> None:
    """The table at the top of the module is what happens."""
    assert isinstance(outcome(status, code), kind)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("触发分钟级流控Permits:1", 60),
        ("触发小时级流控Permits:5", 3600),
        ("触发天级流控Permits:10", 86400),
    ],
)
def test_the_words_of_a_limit_say_how_long(words: str, seconds: int) -> None:
    """Minute, hour and day are told apart by the message alone."""
    found = outcome(200, "isv.BUSINESS_LIMIT_CONTROL", words)

    assert isinstance(found, RetryAfter)
    assert found.delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ChannelStop), (404, ChannelStop), (429, RetryAfter), (502, Uncertain)],
)
def test_an_answer_that_is_not_the_apis_is_judged_by_its_status(
    status: int, kind: type[Outcome]
) -> None:
    """A proxy in between speaks HTML."""
    answer = Answer(status, {"retry-after": "30"}, b"<html>")

    assert isinstance(aliyun_sms._verdict(answer, ()).outcome, kind)


async def test_bad_numbers_are_found_in_a_full_batch_in_few_calls(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Two bad numbers in a hundred: ninety-eight are told, once."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    messages = [simulated.message(number) for number in range(100)]
    messages[17], messages[80] = simulated.dead(17), simulated.dead(80)

    outcomes = await channel.send(Batch(key="b", template=simulated.template, messages=messages))
    await channel.close()

    bad = [at for at, each in enumerate(outcomes) if isinstance(each, Permanent)]
    assert bad == [17, 80]
    assert sum(isinstance(each, Accepted) for each in outcomes) == 98
    assert gateway.ledger.counts["aliyun"] == 98
    assert gateway.ledger.duplicates["aliyun"] == 0
    assert gateway.ledger.requests["aliyun"] <= 32


async def test_a_batch_that_is_all_bad_ends_soon_and_leaves_the_rest_for_later(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Isolation has a limit; what it did not reach was not sent."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    messages = [simulated.dead(number) for number in range(100)]

    outcomes = await channel.send(Batch(key="b", template=simulated.template, messages=messages))
    await channel.close()

    assert {type(each) for each in outcomes} == {Permanent, RetryAfter}
    assert gateway.ledger.requests["aliyun"] == 32


async def test_a_template_or_a_variable_that_is_missing_stops_before_anything_is_sent(
    gateway: Gateway, clock: FakeClock
) -> None:
    """The operator is told which."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    settings = {**simulated.settings(), "templates": {"t": {"code": "S", "variables": ["nope"]}}}
    other = aliyun_sms.configure(settings, clock.tools)

    unknown = await channel.send(
        Batch(key="b", template="late.sms.zh", messages=[simulated.message(1)])
    )
    missing = await other.send(Batch(key="b", template="t", messages=[simulated.message(1)]))
    await channel.close()
    await other.close()

    assert unknown == [ChannelStop(code="settings.template", detail="late.sms.zh")]
    assert missing == [ChannelStop(code="settings.variable", detail="t: nope")]
    assert gateway.ledger.requests["aliyun"] == 0


async def test_free_text_travels_in_the_default_template(
    gateway: Gateway, clock: FakeClock
) -> None:
    """A gateway that takes free text has one template with the variable ``text``."""
    simulated = gateways.aliyun(gateway)
    settings = {
        **simulated.settings(),
        "templates": {},
        "default_template": {"code": "SMS_FREE", "variables": {"content": "text"}},
    }
    gateway.aliyun.templates["SMS_FREE"] = "${content}"
    channel = aliyun_sms.configure(settings, clock.tools)
    message = simulated.message(1)

    await channel.send(Batch(key="b", template="whatever", messages=[message]))
    await channel.close()

    assert gateway.ledger.messages[0].text == f"【某某供电】{message.text}"


async def test_a_query_tells_waiting_from_failed_from_delivered_from_unknown(
    gateway: Gateway, clock: FakeClock
) -> None:
    """What an uncertain batch came to is found by number, day and OutId."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    await gateway.behave({"dead_suffixes": ["0031"]}, provider="aliyun")
    messages = [simulated.message(number) for number in (1, 2, 3)]
    batch = Batch(key="b-7", template=simulated.template, messages=messages)
    stranger = Batch(key="other", template=simulated.template, messages=messages[:1])

    await channel.send(batch)
    waiting = await channel.query(batch, clock.now())
    clock.advance(gateways.LATER)
    found = await channel.query(batch, clock.now())
    unknown = await channel.query(stranger, clock.now())
    await channel.close()

    assert {(each.status, each.code) for each in waiting} == {(ReceiptStatus.UNKNOWN, "WAITING")}
    assert [(each.status, each.code) for each in found] == [
        (ReceiptStatus.DELIVERED, "DELIVERED"),
        (ReceiptStatus.DELIVERED, "DELIVERED"),
        (ReceiptStatus.FAILED, "MK:0001"),
    ]
    assert [each.address for each in found] == [message.address for message in messages]
    assert {each.batch_key for each in found} == {"b-7"}
    assert [(each.status, each.batch_key) for each in unknown] == [(ReceiptStatus.ABSENT, "other")]


async def test_what_a_full_page_does_not_hold_is_not_called_absent(
    gateway: Gateway, clock: FakeClock
) -> None:
    """The provider lists fifty rows: a number that got more may have got this one too."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    message = simulated.message(1)
    for number in range(50):
        await channel.send(
            Batch(key=f"b-{number}", template=simulated.template, messages=[message])
        )

    stranger = Batch(key="other", template=simulated.template, messages=[message])
    unknown = await channel.query(stranger, clock.now())
    await channel.close()

    assert list(unknown) == []


async def test_a_call_before_midnight_is_looked_for_on_the_next_day_too(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Beijing's midnight lies between the call and what the provider writes down."""
    simulated = gateways.aliyun(gateway)
    channel = aliyun_sms.configure(simulated.settings(), clock.tools)
    midnight = clock.now().replace(hour=16, minute=0) + timedelta(days=1)
    clock.set(midnight + timedelta(minutes=1))
    batch = Batch(key="b", template=simulated.template, messages=[simulated.message(1)])

    await channel.send(batch)
    found = await channel.query(batch, midnight - timedelta(minutes=1))
    await channel.close()

    assert [each.status for each in found] == [ReceiptStatus.UNKNOWN]


def callback(body: bytes, remote: str = "127.0.0.1") -> Callback:
    """A report as it arrives."""
    return Callback(method="POST", query={}, headers={}, body=body, remote=remote)


def channel(clock: FakeClock, **more: Any) -> aliyun_sms.AliyunSms:
    """A channel that sends nothing."""
    settings = {
        "access_key_id": "k",
        "access_key_secret": "s",
        "sign_name": "某某供电",
        "default_template": {"code": "S"},
    }
    return aliyun_sms.configure({**settings, **more}, clock.tools)


def test_a_report_is_read_as_documented(clock: FakeClock) -> None:
    """The documentation's example, with a second number abroad that failed."""
    body = """[{"phone_number": "13811110000", "send_time": "2017-01-01 00:00:00",
      "report_time": "2017-01-01 08:00:00", "success": true, "err_code": "DELIVERED",
      "err_msg": "用户接收成功", "sms_size": "1", "biz_id": "12345", "out_id": "67890"},
      {"phone_number": "85200001234", "success": false, "err_code": "MK:0001", "out_id": "6"},
      {"nonsense": 1}, 7]"""

    answer = channel(clock).receipts(callback(body.encode()))

    delivered, failed = answer.receipts
    assert (answer.status, json.loads(answer.body)["code"]) == (200, 0)
    assert delivered.status is ReceiptStatus.DELIVERED
    assert delivered.at == datetime(2017, 1, 1, 0, 0, tzinfo=UTC)
    assert (delivered.batch_key, delivered.reference) == ("67890", "12345")
    assert delivered.address == "+8613811110000"
    assert (failed.status, failed.code, failed.at) == (ReceiptStatus.FAILED, "MK:0001", None)
    assert failed.address == "+85200001234"


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"null", b"\xff"])
def test_a_report_that_cannot_be_read_is_refused(body: bytes, clock: FakeClock) -> None:
    """So that the provider brings it again."""
    answer = channel(clock).receipts(callback(body))

    assert (answer.status, list(answer.receipts)) == (400, [])


def test_reports_come_only_from_the_allowed_addresses(clock: FakeClock) -> None:
    """The provider does not sign them, so where they come from is all there is."""
    guarded = channel(clock, callback_addresses=["203.0.113.0/24", "2001:db8::/32"])

    statuses = [
        guarded.receipts(callback(b"[]", remote)).status
        for remote in ("203.0.113.9", "2001:db8::1", "203.0.114.1", "unix", "")
    ]

    assert statuses == [200, 200, 403, 403, 403]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"access_key_secret": {"hidden": "swordfish"}}, "access_key_secret"),
        ({"access_key_id": "a\r\nx: swordfish"}, "access_key_id"),
        ({"batch_size": 101}, "batch_size"),
        ({"endpoint": "ftp://swordfish"}, "endpoint"),
        ({"swordfishes": 1}, "swordfishes"),
        ({"default_template": None}, "template"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    wrong: dict[str, Any], name: str, clock: FakeClock
) -> None:
    """The error goes to a log."""
    with pytest.raises(ValueError, match=name) as caught:
        channel(clock, **wrong)

    assert "swordfish" not in str(caught.value).replace("swordfishes", "")
    assert caught.value.__cause__ is None


async def test_a_batch_size_of_one_means_one_message_a_request(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Even when more come in one batch; larger batches go out in calls of the size that is set."""
    simulated = gateways.aliyun(gateway)
    messages = [simulated.message(number) for number in range(30)]
    batch = Batch(key="b", template=simulated.template, messages=messages)
    requests = []

    for size in (1, 20):
        channel = aliyun_sms.configure({**simulated.settings(), "batch_size": size}, clock.tools)
        before = gateway.ledger.requests["aliyun"]
        outcomes = await channel.send(batch)
        await channel.close()
        requests.append(gateway.ledger.requests["aliyun"] - before)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    assert requests == [30, 2]
