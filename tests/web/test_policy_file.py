"""A policy in the settings that is not in force: everybody who looks is told."""

from notifier.intake.policies import policy_from_dict, read_policy, read_policy_file
from notifier.usecases import policies
from tests.web.conftest import Site


async def test_a_policy_that_waits_is_seen_wherever_somebody_looks(site: Site) -> None:
    """Health, status, the policy itself and the board; applied, all is quiet again."""
    body, now = read_policy_file("gb"), site.town.clock.now()
    other = policy_from_dict(body)
    await policies.put_in_force(
        site.town.store, other, body, configured=other.version, now=now, actor="li"
    )
    site.runtime.setting.configured = read_policy("cn")
    await site.log_in("operations")

    ready = await (await site.client.get("/api/v1/health/ready")).json()
    status = await (await site.get("/status")).json()
    shown = await (await site.get("/policy")).json()
    board = await (await site.client.get("/")).text()

    assert ready["status"] == "degraded"
    assert ready["parts"]["policy"] is False
    assert "policy apply" in status["policy"]["awaiting"]
    assert shown["awaiting"] == status["policy"]["awaiting"]
    assert (shown["applied_by"], status["policy"]["name"]) == ("li", "gb")
    assert "policy apply" in board

    await policies.put_in_force(
        site.town.store, read_policy("cn"), read_policy_file("cn"),
        configured=read_policy("cn").version, now=now, actor="li",
    )  # fmt: skip
    ready = await (await site.client.get("/api/v1/health/ready")).json()
    board = await (await site.client.get("/")).text()

    assert ready["parts"]["policy"] is True
    assert "policy apply" not in board
