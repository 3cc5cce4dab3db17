"""WeChat template messages: the token, the fields, the events; wechatpy is the oracle for the crypto."""

import asyncio
import json
import os
import warnings
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import _wechat_events, wechat_template
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
from tests.providers.receipts import Push

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wxdemo0123456789"
TOKEN = "demo-callback-token"


def oracle() -> Any:
    """wechatpy's crypto; the package warns on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wechatpy.crypto import WeChatCrypto
    return WeChatCrypto(TOKEN, KEY, APP_ID)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_wechatpy_reads_what_we_seal_and_we_read_what_it_seals(text: str) -> None:
    """Two implementations that do not know each other agree."""
    key = _wechat_events.aes_key(KEY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wechatpy.crypto import PrpCrypto
    other = PrpCrypto(key)

    ours = _wechat_events.encrypt(text.encode(), key, APP_ID, os.urandom(16))
    theirs = other.encrypt(text, APP_ID).decode()

    assert other.decrypt(ours, APP_ID) == text
    assert _wechat_events.decrypt(theirs, key, APP_ID) == text.encode()


def test_an_event_sealed_by_wechatpy_is_a_receipt(clock: FakeClock) -> None:
    """Signature, encryption and XML together, by somebody else's code."""
    event = (
        "<xml><ToUserName>gh</ToUserName><FromUserName><![CDATA[oABC]]></FromUserName>"
        "<CreateTime>1772668800</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>200163836</MsgID>"
        "<Status><![CDATA[failed:user block]]></Status></xml>"
    )
    sealed = oracle().encrypt_message(event, "nonce1", "1772668800")
    fields = _wechat_events.read(sealed.encode())
    query = {"msg_signature": fields["MsgSignature"], "timestamp": "1772668800", "nonce": "nonce1"}

    answer = offline(clock).receipts(
        Callback(method="POST", query=query, headers={}, body=sealed.encode(), remote="")
    )

    (receipt,) = answer.receipts
    assert (receipt.status, receipt.code) == (ReceiptStatus.FAILED, "failed:user block")
    assert (receipt.reference, receipt.address) == ("200163836", "oABC")
    assert receipt.at is not None
    assert receipt.at.timestamp() == 1772668800
    assert answer.body == b"success"


@pytest.mark.parametrize("names_messages", [True, False])
@pytest.mark.parametrize("safe", [True, False])
def test_the_simulators_events_are_read(
    gateway: Gateway, clock: FakeClock, safe: bool, names_messages: bool
) -> None:
    """Plain and safe mode; the id is 0 when WeChat withholds it."""
    gateway.wechat.aes_key = KEY if safe else ""
    gateway.wechat.names_messages = names_messages
    push = gateway.wechat.event("oXYZ", 4711, "")

    answer = offline(clock, safe=safe).receipts(as_callback(push))

    (receipt,) = answer.receipts
    assert (receipt.status, receipt.address) == (ReceiptStatus.DELIVERED, "oXYZ")
    assert receipt.reference == ("4711" if names_messages else "")


def as_callback(push: Push) -> Callback:
    """A push as the service hands it on."""
    return Callback(
        method=push.method, query=dict(parse_qsl(push.query)), headers={}, body=push.body, remote=""
    )


def offline(clock: FakeClock, *, safe: bool = True) -> wechat_template.WeChatTemplate:
    """A channel that sends nothing."""
    return wechat_template.configure(
        {
            "app_id": APP_ID,
            "app_secret": "s",
            "templates": {"t": {"template_id": "T"}},
            "callback_token": TOKEN,
            "encoding_aes_key": KEY if safe else None,
        },
        clock.tools,
    )


def test_forged_events_are_refused(gateway: Gateway, clock: FakeClock) -> None:
    """Another signature, another account, a plain event where a sealed one is due, an entity."""
    channel = offline(clock)
    gateway.wechat.aes_key = KEY
    good = as_callback(gateway.wechat.event("oXYZ", 1, ""))
    gateway.wechat.app_id = "wxsomebodyelse"
    other = as_callback(gateway.wechat.event("oXYZ", 1, ""))
    gateway.wechat.aes_key = ""
    plain = as_callback(gateway.wechat.event("oXYZ", 1, ""))
    entity = b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>'
    forged = [
        Callback(method="POST", query={**good.query, "msg_signature": "0" * 40}, headers={},
                 body=good.body, remote=""),
        Callback(method="POST", query={}, headers={}, body=good.body, remote=""),
        Callback(method="POST", query=good.query, headers={}, body=entity, remote=""),
        Callback(method="POST", query=good.query, headers={}, body=b"<xml>" * 9, remote=""),
        other,
        plain,
    ]  # fmt: skip

    assert channel.receipts(good).status == 200
    assert {channel.receipts(each).status for each in forged} == {403}


def test_the_address_is_verified_by_echo(clock: FakeClock) -> None:
    """WeChat asks once, with a GET, before it brings events."""
    channel = offline(clock)
    query = {"timestamp": "1", "nonce": "2", "echostr": "5927782489442352469"}
    right = {**query, "signature": _wechat_events.signature(TOKEN, "1", "2")}

    good = channel.receipts(Callback(method="GET", query=right, headers={}, body=b"", remote=""))
    bad = channel.receipts(
        Callback(method="GET", query={**query, "signature": "x"}, headers={}, body=b"", remote="")
    )

    assert (good.status, good.body) == (200, b"5927782489442352469")
    assert (bad.status, bad.body) == (403, b"")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, Accepted),
        (-1, RetryAfter),
        (45011, RetryAfter),
        (45009, RetryAfter),
        (40003, Permanent),
        (43004, Permanent),
        (43101, Permanent),
        (43019, Permanent),
        (47003, Permanent),
        (40037, ChannelStop),
        (43116, ChannelStop),
        (48001, ChannelStop),
        (40164, ChannelStop),
        (99999, ChannelStop),
    ],
)
def test_every_code_has_one_outcome(code: int, kind: type[Outcome], clock: FakeClock) -> None:
    """The table at the top of the module is what happens."""
    answer = {"errcode": code, "errmsg": "m", "msgid": 7}
    result = Answer(200, {}, json.dumps(answer).encode())
    message = gateways.wechat(None).message(1)  # type: ignore[arg-type]

    assert isinstance(offline(clock)._outcome(answer, code, result, message), kind)


def test_the_quota_of_the_day_waits_for_midnight_in_beijing(clock: FakeClock) -> None:
    """At eight in the morning that is sixteen hours away."""
    assert wechat_template._until_midnight(clock.now()) == timedelta(hours=16, minutes=1)


async def test_one_token_is_fetched_for_everybody(gateway: Gateway, clock: FakeClock) -> None:
    """Sixteen messages at once need one token, and a fresh one five minutes before it expires."""
    simulated = gateways.wechat(gateway)
    channel = wechat_template.configure(simulated.settings(), clock.tools)
    batches = [
        Batch(
            key=str(start),
            template=simulated.template,
            messages=[simulated.message(start + number) for number in range(16)],
        )
        for start in (0, 100, 200)
    ]

    await asyncio.gather(*(channel.send(batch) for batch in batches[:2]))
    given = gateway.wechat.tokens_given
    clock.advance(timedelta(seconds=7200 - 299))
    await channel.send(batches[2])
    await channel.close()

    assert given == 1
    assert gateway.wechat.tokens_given == 2
    assert gateway.ledger.counts["wechat"] == 48


async def test_a_refused_token_is_fetched_once_more_and_the_message_is_sent_once(
    gateway: Gateway, clock: FakeClock
) -> None:
    """Somebody else refreshed the token: one more fetch for all lanes, then all goes on."""
    simulated = gateways.wechat(gateway)
    channel = wechat_template.configure(simulated.settings(), clock.tools)
    first = [simulated.message(1)]
    more = [simulated.message(number) for number in range(2, 34)]
    await channel.send(Batch(key="a", template=simulated.template, messages=first))
    gateway.wechat.expire_token()

    outcomes = await channel.send(Batch(key="b", template=simulated.template, messages=more))
    await channel.close()

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert gateway.wechat.tokens_given == 2
    assert gateway.ledger.counts["wechat"] == 33


async def test_a_token_that_is_refused_again_stops_the_channel(
    gateway: Gateway, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked for without end."""
    monkeypatch.setattr(gateway.wechat, "_is_current", lambda token: False)
    simulated = gateways.wechat(gateway)
    channel = wechat_template.configure(simulated.settings(), clock.tools)

    (outcome,) = await channel.send(
        Batch(key="b", template=simulated.template, messages=[simulated.message(1)])
    )
    await channel.close()

    assert outcome == ChannelStop(code="wechat.token_refused")
    assert gateway.wechat.tokens_given == 2


async def test_a_message_lost_on_the_way_may_be_sent_again_within_ten_minutes(
    gateway: Gateway, clock: FakeClock
) -> None:
    """``client_msg_id`` keeps it from being shown twice."""
    simulated = gateways.wechat(gateway)
    channel = wechat_template.configure(simulated.settings(), clock.tools)
    batch = Batch(key="b", template=simulated.template, messages=[simulated.message(1)])
    await gateway.behave({"drop_rate": 1.0}, provider="wechat")
    lost = await channel.send(batch)
    await gateway.behave({"drop_rate": 0.0}, provider="wechat")
    clock.advance(timedelta(minutes=9))

    again = await channel.send(batch)
    await channel.close()

    assert isinstance(lost[0], Uncertain)
    assert isinstance(again[0], Accepted)
    assert channel.limits.idempotent_for == timedelta(minutes=10)
    assert gateway.ledger.counts["wechat"] == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("thing3", "幸" * 21, "field_too_long"),
        ("keyword1", "x" * 21, "field_too_long"),
        ("phrase2", "延迟送电啦啦", "field_too_long"),
        ("thing3", "一行\n两行", "field_has_line_break"),
        ("thing3", "幸" * 20, None),
        ("character_string1", "x" * 32, None),
        ("time2", "2026年3月5日 08:00~2026年3月5日 17:30", None),
    ],
)
async def test_what_wechat_would_cut_silently_is_refused_here(
    gateway: Gateway, clock: FakeClock, field: str, value: str, code: str | None
) -> None:
    """A notice without its end time is worse than none."""
    settings = {
        **gateways.wechat(gateway).settings(),
        "templates": {"t": {"template_id": "T", "variables": {field: "what"}}},
    }
    channel = wechat_template.configure(settings, clock.tools)
    message = gateways.wechat(gateway).message(1)
    object.__setattr__(message, "variables", {"what": value})

    (outcome,) = await channel.send(Batch(key="b", template="t", messages=[message]))
    await channel.close()

    assert gateway.wechat.cut == 0
    if code is None:
        assert isinstance(outcome, Accepted)
    else:
        assert isinstance(outcome, Permanent)
        assert outcome.code == code
        assert gateway.ledger.counts["wechat"] == 0
