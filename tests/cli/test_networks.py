"""``notifier import network`` and ``notifier network``: versions, differences, switch states."""

import json
import shutil
from pathlib import Path

import pytest

from notifier import cli
from notifier.intake import network_csv, network_folder
from notifier.intake.network_process import NetworkReader
from tests.cli.conftest import Desk

EDGE = Path(__file__).parents[1] / "data" / "grid" / "edge"
GRID = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid"


@pytest.fixture
def grid(desk: Desk) -> Path:
    """A copy of the edge network."""
    path = desk.folder / "edge"
    shutil.copytree(EDGE, path)
    return path


def test_a_dry_run_on_a_fresh_machine_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts and findings; no database is made."""
    monkeypatch.chdir(tmp_path)

    code = cli.main(["import", "network", str(EDGE), "--dry-run", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert code == int(any(item["severity"] == "error" for item in found["findings"]))
    assert (found["outcome"], found["dry_run"], found["version"]) == ("imported", True, None)
    assert found["counts"]["nodes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_importing_listing_showing_and_comparing(desk: Desk, grid: Path) -> None:
    """Two versions, the second without one customer."""
    desk.run("import", "network", grid, "--as", "wang", "--as-of", "2026-02-28T08:00")
    again = desk.run("import", "network", grid, "--json")
    customers = (grid / "customers.csv").read_text("utf-8").splitlines()
    (grid / "customers.csv").write_text("\n".join(customers[:-1]), "utf-8")
    desk.run("import", "network", grid)

    listed = desk.json("network", "list")["versions"]
    first, second = listed[1], desk.json("network", "show")
    differs = desk.json("network", "diff", str(second["version"]))
    reverse = desk.json("network", "diff", str(second["version"]), str(first["version"]))

    assert again.json["outcome"] == "unchanged"
    assert again.json["version"] == first["version"]
    assert (first["read_by"], first["as_of"]) == ("wang", "2026-02-28T08:00:00+08:00")
    assert len(listed) == 2
    gone = [customers[-1].split(",")[0]]
    assert differs["customers"]["ids"]["removed"] == gone
    assert reverse["customers"]["ids"]["added"] == gone
    assert second["difference"]["customers"]["removed"] == 1
    assert "edge" in desk.run("network", "list").out
    assert gone[0] in desk.run("network", "diff", str(second["version"])).out
    assert "nodes" in desk.run("network", "show", str(first["version"])).out


def test_status_tells_age_and_switches_that_are_not_normal(desk: Desk, grid: Path) -> None:
    """A fresh model is fine; a week later it is too old to plan on."""
    desk.run("import", "network", grid)
    rows = (grid / "branches.csv").read_text("utf-8").splitlines()
    switch = next(line.split(",") for line in rows if ",Switch," in line)
    value = "1" if switch[6] == "1" else "0"
    file = desk.file("A_20260301080000_PD.dt", f"@\tid\tvalue\n#\t{switch[0]}\t{value}")

    taken = desk.run("import", "network", file, "--json").json
    fresh = desk.run("network", "status", "--json")
    text = desk.run("network", "status")
    desk.now = "2026-03-20T09:00"
    stale = desk.run("network", "status", "--json")

    assert (taken["outcome"], taken["statuses"][0]["counts"]["taken"]) == (None, 1)
    assert [item["switch"] for item in fresh.json["switches_not_normal"]] == [switch[0]]
    assert (fresh.code, stale.code) == (0, 1)
    assert file.name in text.out
    assert "trace.stale_model" in {item["code"] for item in stale.json["findings"]}


def test_what_cannot_be_imported_or_compared_is_refused(desk: Desk, grid: Path) -> None:
    """A sentence with a code, and nothing is kept."""
    nothing = desk.run("import", "network", desk.folder / "none")
    alone = desk.run("network", "show")
    desk.run("import", "network", grid)
    first = desk.run("network", "diff", "1")

    assert nothing.err.startswith("network.unreadable: ")
    assert alone.err.startswith("network.no_version: ")
    assert first.err.startswith("network.not_two_versions: ")


@pytest.mark.parametrize("form", ["edge/model.cim.xml.gz", "oberrhein/csg", "ieee9500"])
def test_every_form_is_imported(desk: Desk, form: str) -> None:
    """CIM100, one file per feeder with switch states, and tables large enough for a process."""
    path = GRID / form
    if not path.exists():
        pytest.skip("the shared data is not beside this checkout")

    answer = desk.run("import", "network", path, "--json")

    read = network_folder.read_network(path)
    assert answer.json["outcome"] == "imported"
    assert answer.json["counts"]["customers"] == len(read.network.customer_ids)
    found = {(item["code"], item["found"]) for item in answer.json["findings"]}
    missing = {(item.code, item.found) for item in read.findings} - found
    assert missing == set()
    status = desk.run("network", "status", "--json").json
    assert status["switches_with_status"] == len(read.status)


async def test_a_large_network_is_read_in_a_process_that_refuses_like_a_thread(
    tmp_path: Path,
) -> None:
    """The sentence of the refusal comes back; progress is heard on the way."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "nodes.csv").write_text("node_id\n" + "n\n" * 700_000, "utf-8")
    heard: list[str] = []

    with pytest.raises(network_csv.UnreadableNetwork, match="branches"):
        await NetworkReader([folder]).read(lambda stage, _rows: heard.append(stage))

    assert heard == ["nodes.csv"]
