"""Two services on one store: nobody is told twice, and one may die."""

from pathlib import Path

import pytest

from tests.journeys.service import FAST, IN_FLIGHT, SLOW, add_up, free_port, house


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_services_on_one_store_share_the_work(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """Leases part the batches between them; receipts may come to either."""
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    with house(tmp_path, people=1500, batch_size=8, url=url, behave=SLOW) as town:
        town.start()
        town.start(port=free_port())
        town.settle(30)

        add_up(town)
        assert town.number("SELECT count(DISTINCT worker) FROM attempt") == 2
        assert town.faults() == []


def test_one_of_two_nodes_dies_and_the_sending_goes_on(tmp_path: Path, postgres_url: str) -> None:
    """What the dead one had in flight is asked for or repeated under its keys, the rest just goes on."""
    with house(tmp_path, people=1200, url=postgres_url, behave=SLOW) as town:
        mortal = town.start(worker_only=True)
        town.wait_for("SELECT count(*) FROM attempt", 1, 10, at_least=True)
        town.start()
        town.kill(mortal)
        town.gateway.control(**FAST)
        town.settle(30)

        add_up(town, doubtful=IN_FLIGHT)
        assert town.faults() == []
