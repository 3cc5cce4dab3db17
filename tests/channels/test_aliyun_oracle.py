"""The official SDK against the simulator, and the adapter beside it: the same judge for both."""

import json
import warnings
from typing import Any

import pytest

from channels import aliyun_sms
from notifier.channel import Accepted, Batch, ChannelStop, Message
from notifier.testing import FakeClock
from tests.channels import gateways
from tests.providers.gateway import Gateway

AWKWARD = "户号 1+1=2 & 100% ~*'()!/?#[]@:;,\"\\ 幸福里（东）\t😀"


def sdk(gateway: Gateway, secret: str) -> tuple[Any, Any, Any]:
    """The SDK's client, its models and its runtime options, pointed at the simulator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK and what it imports use deprecated calls
        from alibabacloud_dysmsapi20170525 import models
        from alibabacloud_dysmsapi20170525.client import Client
        from alibabacloud_tea_openapi import utils_models as open_api
        from darabonba.runtime import RuntimeOptions

        config = open_api.Config(
            access_key_id=gateway.accounts.access_key_id,
            access_key_secret=secret,
            protocol="HTTP",
            endpoint=f"127.0.0.1:{gateway.listeners['aliyun'].port}",
        )
        return Client(config), models, RuntimeOptions(autoretry=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
async def test_the_official_sdk_is_accepted_by_the_simulator(gateway: Gateway) -> None:
    """The simulator verifies signatures the way the provider's own client makes them."""
    client, models, runtime = sdk(gateway, gateway.accounts.access_key_secret)
    request = models.SendBatchSmsRequest(
        out_id="batch/1 ~+",
        template_code="SMS_1001",
        phone_number_json=json.dumps(["13800000011", "13800000021"]),
        sign_name_json=json.dumps(["某某供电"] * 2, ensure_ascii=False),
        template_param_json=json.dumps([{"name": AWKWARD}, {"name": "b"}], ensure_ascii=False),
    )
    single = models.SendSmsRequest(
        out_id="one",
        phone_numbers="13800000031",
        sign_name="某某供电",
        template_code="SMS_1001",
        template_param=json.dumps({"name": AWKWARD}, ensure_ascii=False),
    )

    batch_answer = await client.send_batch_sms_with_options_async(request, runtime)
    single_answer = await client.send_sms_with_options_async(single, runtime)
    gateway.clock.advance(gateways.LATER)  # type: ignore[attr-defined]
    query = models.QuerySendDetailsRequest(
        phone_number="13800000031", send_date="20260305", page_size=10, current_page=1
    )
    found = await client.query_send_details_with_options_async(query, runtime)

    assert batch_answer.body.code == single_answer.body.code == "OK"
    assert [each.params["name"] for each in gateway.ledger.messages] == [AWKWARD, "b", AWKWARD]
    assert gateway.aliyun.verified == 3
    (row,) = found.body.sms_send_detail_dtos.sms_send_detail_dto
    assert (row.out_id, row.send_status, row.err_code) == ("one", 3, "DELIVERED")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
async def test_the_official_sdk_with_a_wrong_secret_is_refused(gateway: Gateway) -> None:
    """The simulator does not wave everybody through."""
    client, models, runtime = sdk(gateway, "wrong")
    single = models.SendSmsRequest(
        phone_numbers="13800000031", sign_name="某某供电", template_code="SMS_1001"
    )

    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        await client.send_sms_with_options_async(single, runtime)

    assert gateway.ledger.counts["aliyun"] == 0


@pytest.mark.parametrize("single", [False, True])
async def test_the_adapter_is_accepted_with_every_awkward_character(
    gateway: Gateway, clock: FakeClock, single: bool
) -> None:
    """What the adapter signs arrives as it was written, in the query and in the form."""
    settings = {
        **gateways.aliyun(gateway, single=single).settings(),
        "sign_name": "某某供电+&=~",
    }
    channel = aliyun_sms.configure(settings, clock.tools)
    messages = [
        Message(
            key=str(number),
            address=f"+8613800000{number}1",
            text="",
            variables={"account": AWKWARD, "time": f"{number}", "where": AWKWARD * number},
        )
        for number in range(100, 103)
    ]

    outcomes = await channel.send(
        Batch(key="批 1/2+3&~", template="advance.sms.zh", messages=messages)
    )
    await channel.close()

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    taken = sorted(gateway.ledger.messages, key=lambda each: each.address)
    assert [each.params for each in taken] == [dict(message.variables) for message in messages]
    assert {each.key for each in taken} == {"批 1/2+3&~"}
    assert taken[0].text.startswith("【某某供电+&=~】")


async def test_a_request_that_was_tampered_with_is_refused(
    gateway: Gateway, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature over other content stops the channel."""
    monkeypatch.setattr(
        aliyun_sms.AliyunSms, "_form", lambda *_: b"PhoneNumberJson=%5B%2213900000001%22%5D"
    )
    channel = aliyun_sms.configure(gateways.aliyun(gateway).settings(), clock.tools)
    signed = channel._signer.headers
    monkeypatch.setattr(
        channel._signer,
        "headers",
        lambda action, query, body, now: signed(action, query, b"x", now),
    )
    messages = [gateways.aliyun(gateway).message(number) for number in (1, 2)]

    outcomes = await channel.send(Batch(key="b", template="advance.sms.zh", messages=messages))
    await channel.close()

    assert {outcome.code for outcome in outcomes if isinstance(outcome, ChannelStop)} == {
        "SignatureDoesNotMatch"
    }
    assert gateway.ledger.counts["aliyun"] == 0
