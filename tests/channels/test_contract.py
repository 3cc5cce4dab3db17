"""Every channel that ships keeps the contract of ``notifier.channel``."""

import pytest

from channels import aliyun_sms, jpush, wechat_template
from notifier.testing import FakeClock, check_channel
from tests.channels import gateways
from tests.providers.gateway import Gateway

CHANNELS = {
    "aliyun_sms": (aliyun_sms.configure, gateways.aliyun, {}),
    "aliyun_sms_single": (aliyun_sms.configure, gateways.aliyun, {"single": True}),
    "jpush": (jpush.configure, gateways.jpush, {}),
    "jpush_vip": (jpush.configure, gateways.jpush, {"vip_batch": True}),
    "wechat_template": (wechat_template.configure, gateways.wechat, {}),
}


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_keeps_the_contract(name: str, gateway: Gateway, clock: FakeClock) -> None:
    """One outcome a message, the right kind of no for each failure, nothing private said."""
    configure, make, options = CHANNELS[name]

    kept = await check_channel(configure, make(gateway, **options), tools=clock.tools)

    assert len(kept) > 20
