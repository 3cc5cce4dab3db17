"""The simulated providers as ``check_channel`` wants them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from notifier.channel import Message
from notifier.testing import Fault
from tests.providers.gateway import Gateway

#: Long enough for every receipt.
LATER = timedelta(minutes=1)

FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.THROTTLE: {"throttle_rate": 1.0},
    Fault.SERVER_ERROR: {"error_rate": 1.0},
    Fault.DROP: {"drop_rate": 1.0},
    Fault.HANG: {"hang_rate": 1.0},
    Fault.MALFORMED: {"malformed_rate": 1.0},
    Fault.DOWN: {"down": True},
}
WELL = {
    "throttle_rate": 0.0,
    "error_rate": 0.0,
    "drop_rate": 0.0,
    "hang_rate": 0.0,
    "malformed_rate": 0.0,
    "down": False,
    "illegal_suffixes": ["0000"],
}


@dataclass
class Simulated:
    """One provider of the simulator."""

    gateway: Gateway
    provider: str
    template: str
    private: Sequence[str]
    make_settings: Callable[[Gateway, bool], dict[str, Any]]
    make_address: Callable[[str], str]

    def settings(self, *, bad_credentials: bool = False) -> Mapping[str, Any]:
        return self.make_settings(self.gateway, bad_credentials)

    def message(self, number: int) -> Message:
        return self._message(number, f"{number:04d}1")

    def dead(self, number: int) -> Message:
        return self._message(number, f"{number % 10}0000")

    def _message(self, number: int, ending: str) -> Message:
        return Message(
            key=f"check-{number}",
            address=self.make_address(ending),
            text=f"户号{number}将于3月5日停电",
            title="停电通知",
            variables={"account": str(number), "time": "3月5日8:00", "where": "中05线 幸福里"},
            url="https://example.org/p/1",
        )

    async def misbehave(self, fault: Fault | None) -> None:
        await self.gateway.behave(WELL, provider=self.provider)
        if fault is not None:
            await self.gateway.behave(FAULTS[fault], provider=self.provider)

    async def taken(self) -> Sequence[str]:
        return [
            each.address for each in self.gateway.ledger.messages if each.provider == self.provider
        ]

    def same(self, taken: str, address: str) -> bool:
        return address.endswith(taken)


def aliyun(gateway: Gateway, *, single: bool = False) -> Simulated:
    """Alibaba Cloud SMS, batch or one message a request."""

    def settings(gateway: Gateway, bad: bool) -> dict[str, Any]:
        return {
            "endpoint": gateway.url("aliyun"),
            "access_key_id": gateway.accounts.access_key_id,
            "access_key_secret": "not-the-secret" if bad else gateway.accounts.access_key_secret,
            "sign_name": "某某供电",
            "templates": {
                "advance.sms.zh": {"code": "SMS_1001", "variables": ["account", "time", "where"]}
            },
            "single": single,
            "connect_timeout": 0.5,
            "total_timeout": 0.5,
        }

    return Simulated(
        gateway,
        "aliyun",
        "advance.sms.zh",
        ("demo-key-secret", "not-the-secret"),
        settings,
        lambda ending: f"+86138000{ending}",
    )


def jpush(gateway: Gateway, *, vip_batch: bool = False) -> Simulated:
    """JPush, in groups or by the batch API."""

    def settings(gateway: Gateway, bad: bool) -> dict[str, Any]:
        return {
            "endpoint": gateway.url("jpush"),
            "app_key": gateway.accounts.app_key,
            "master_secret": "not-the-secret" if bad else gateway.accounts.master_secret,
            "vip_batch": vip_batch,
            "batch_size": 20,
            "connect_timeout": 0.5,
            "total_timeout": 0.5,
        }

    return Simulated(
        gateway,
        "jpush",
        "advance.push.zh",
        ("demo-master-secret", "not-the-secret"),
        settings,
        lambda ending: f"1507bfd3f7c{ending}",
    )


def wechat(gateway: Gateway) -> Simulated:
    """The WeChat service account."""

    def settings(gateway: Gateway, bad: bool) -> dict[str, Any]:
        return {
            "endpoint": gateway.url("wechat"),
            "app_id": gateway.accounts.wechat_app_id,
            "app_secret": "not-the-secret" if bad else gateway.accounts.wechat_secret,
            "callback_token": gateway.accounts.wechat_callback_token,
            "encoding_aes_key": gateway.accounts.wechat_aes_key or None,
            "templates": {
                "advance.wechat.zh": {
                    "template_id": "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY",
                    "variables": {
                        "character_string1": "account",
                        "time2": "time",
                        "thing3": "where",
                    },
                }
            },
            "connect_timeout": 0.5,
            "total_timeout": 0.5,
        }

    return Simulated(
        gateway,
        "wechat",
        "advance.wechat.zh",
        ("demo-wechat-secret", "demo-callback-token", "not-the-secret"),
        settings,
        lambda ending: f"oia2TjuEGTNoeX76QEjQNr{ending}",
    )
