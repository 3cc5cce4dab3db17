"""Providers at their worst: every message is told once, or it is on record why not."""

from pathlib import Path
from typing import Any

import pytest

from notifier.domain.delivery import DeliveryState as State
from tests.journeys.service import add_up, house

RUDE: dict[str, dict[str, Any]] = {
    "throttling": {"throttle_rate": 0.4},
    "errors after taking": {"error_rate": 0.3, "error_takes": True},
    "drops after taking": {"drop_rate": 0.3},
    "garbage after taking": {"malformed_rate": 0.3},
    "hangs after taking": {"hang_rate": 0.05},
}


@pytest.mark.parametrize("name", RUDE)
def test_what_was_taken_is_never_sent_again(tmp_path: Path, name: str) -> None:
    """The provider has it whatever it says: by asking, by a receipt or by its key that comes out."""
    behave = RUDE[name] | {"receipts": {"delay_s": 5.0}}
    with house(tmp_path, people=300, behave=behave, sms={"total_timeout": 1.0}) as town:
        town.start()
        town.settle(30)

        add_up(town)
        assert town.faults() == []


def test_errors_that_took_nothing_leave_people_in_doubt_not_told_twice(tmp_path: Path) -> None:
    """An SMS gateway that fails with 503 says nothing about the message: it is not sent again."""
    with house(tmp_path, people=300) as town:
        town.gateway.control(provider="aliyun", error_rate=0.3)
        town.gateway.control(provider="wechat", error_rate=0.3)
        town.start()
        town.settle(30)

        add_up(town, doubtful=200)
        wechat = [a for a in town.people if a.startswith("oWeChat")]
        assert set(wechat) <= set(town.told()), "WeChat keeps keys: repeated until it arrives"


def test_receipts_twice_shuffled_late_and_before_the_answer(tmp_path: Path) -> None:
    """The answer to a call comes after its receipts; each is counted once, the last word stands."""
    receipts = {
        "delay_s": 0.0,
        "spread_s": 60.0,
        "duplicate_rate": 0.5,
        "shuffle": True,
    }
    behave = {"latency_ms": 400, "receipts": receipts}
    with house(tmp_path, people=300, behave=behave) as town:
        town.start()
        town.settle(30)

        add_up(town)
        phones = [state for address, state in town.states().items() if address.isdecimal()]
        assert set(phones) == {State.DELIVERED}
        assert town.faults() == []


def test_a_provider_that_is_down_for_a_while_gets_everything_when_it_is_back(
    tmp_path: Path,
) -> None:
    """Refused connections: nothing left, so nothing is in doubt."""
    with house(tmp_path, people=300) as town:
        town.gateway.control(down=True)
        town.start()
        town.wait_for(
            "SELECT count(*) FROM attempt WHERE finished_at IS NOT NULL", 3, 15, at_least=True
        )
        before = len(town.gateway.messages())
        town.gateway.control(down=False)
        town.settle(40)

        assert before == 0
        add_up(town)
