"""E-style status files: full and increment, in order, beside the model."""

from datetime import timedelta
from pathlib import Path

from notifier.domain.network import builder, model
from notifier.intake import network_csv, network_status


def status(folder: Path, name: str, *rows: str, code: str = "UTF-8") -> network_status.StatusFile:
    """A status file with the given rows, written and read."""
    path = folder / name
    text = "\n".join(
        [
            f"<! System=DMS Version=1.0 Code={code} !>",
            "<Switch::PD>",
            "@\tid\tname\tvalue\tquality\ttype",
            *rows,
            "</Switch::PD>",
            "<Breaker::ELSE>",
            "#\tZ\tz\t1\t0\t1",
            "</Breaker::ELSE>",
        ]
    )
    path.write_bytes(text.encode("gb18030" if code == "GBK" else code))
    return network_status.read_file(path)


def network() -> model.Network:
    """Two switches: A normally closed, B normally open."""
    built = builder.NetworkBuilder()
    for node in "xyz":
        built.add_node(node)
    built.add_branch("A", model.BranchKind.SWITCH, "甲", "x", "y")
    built.add_branch("B", model.BranchKind.SWITCH, "乙", "y", "z", normal_open=True)
    built.add_source("G", "x")
    return built.finish()


def test_an_increment_changes_what_it_names_and_a_full_file_replaces_all(tmp_path: Path) -> None:
    """Files count in the order of their times, not of their names."""
    full = status(tmp_path, "A_20260102000000_PD_ALL.dt", "#\tA\t甲\t1\t0\t1", "#\tB\t乙\t0\t0\t1")
    older = status(tmp_path, "Z_20260101000000_PD_ALL.dt", "#\tC\tc\t1\t0\t1")
    later = status(tmp_path, "B_20260103000000_PD.dt", "#\tA\t甲\t0\t0\t1")

    known = network_status.combine([later, full, older])

    assert {key: row.is_open for key, row in known.items()} == {"A": True, "B": True}
    assert full.is_full
    assert not later.is_full
    assert full.as_of is not None
    assert full.as_of.utcoffset() == timedelta(hours=8)


def test_a_bad_row_is_a_finding_and_the_others_are_read(tmp_path: Path) -> None:
    """A value other than 0 or 1 is no position."""
    file = status(tmp_path, "x.dt", "#\tA\t甲\t2\t0\t1", "#\tB\t乙\t1\t0\t1", "#\tonly", code="GBK")

    assert [row.switch for row in file.rows] == ["B"]
    assert [item.row for item in file.findings] == [4, 6]
    assert file.as_of is None


def test_what_disagrees_with_the_model_is_said(tmp_path: Path) -> None:
    """Unlike normal, unknown, doubtful and silent switches are four different findings."""
    read = network_csv.NetworkImport(network=network(), findings=())
    file = status(tmp_path, "x_ALL.dt", "#\tB\t乙\t1\t1\t1", "#\tQ\tq\t1\t0\t1")

    applied = network_status.apply(read, [file])

    assert {item.code for item in applied.findings} == {
        "network.status_disagrees",
        "network.status_doubtful",
        "network.status_of_unknown_switch",
        "network.status_missing",
    }
    assert [(row.switch, row.is_open) for row in applied.status] == [("B", False)]
    assert read.network.normal_open == bytearray([0, 1])


def test_the_time_is_taken_from_the_name() -> None:
    """Eight, twelve or fourteen digits; anything else is no time."""
    assert network_status.stamp("SZ_20260518040000_PD_ALL") is not None
    assert network_status.stamp("SZ_20260518_PD") is not None
    assert network_status.stamp("SZ_20261318_PD") is None
    assert network_status.stamp("SZ_PD") is None
