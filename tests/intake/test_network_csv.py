"""The flat network form: what is read, and what is said about rows that are wrong."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from notifier.domain.network import classify, findings, steps, trace, zones
from notifier.intake import network_csv

NODES = "node_id,name,base_kv,substation_id,is_busbar\nS,,110,,0\nBB,母线,10,ST1,1\na,,10,,0\nb,,0.4,,0\n"
BRANCHES = (
    "branch_id,kind,name,from_node,to_node,switch_type,normal_open,in_service\n"
    "T,PowerTransformer,主变,S,BB,,,1\n"
    "CB,Switch,101开关,BB,a,Breaker,0,1\n"
    "TR,PowerTransformer,,a,b,,,1\n"
)
SOURCES = "source_id,name,node_id\nG,,S\n"
FEEDERS = "feeder_id,name,substation_id,head_branch_id,busbar_node\nF1,一线,ST1,CB,BB\n"
AREAS = "area_id,name,transformer_branches,node_ids\nTA,东村,TR,b\n"
CUSTOMERS = "customer_id,name,node_id,area_id,p_kw,standby_node_id\nC1,x,b,TA,1,\n"


def write(folder: Path, **changed: str) -> Path:
    """A small network folder with some files replaced."""
    files = {
        "nodes": NODES,
        "branches": BRANCHES,
        "sources": SOURCES,
        "feeders": FEEDERS,
        "areas": AREAS,
        "customers": CUSTOMERS,
    } | changed
    for stem, text in files.items():
        (folder / f"{stem}.csv").write_text(text, encoding="utf-8-sig")
    return folder


def codes(read: network_csv.NetworkImport) -> Counter[str]:
    """How many findings of each code."""
    return Counter(item.code for item in read.findings)


def verdict(read: network_csv.NetworkImport, *opens: str) -> classify.Verdict:
    """The verdict on opening some switches."""
    plan = steps.in_order(steps.Order.OPEN, opens, [])
    return classify.classify(trace.trace(zones.build(read.network), plan))


def test_a_clean_folder_has_no_findings(tmp_path: Path) -> None:
    """BOM, blank names and Chinese names are no reason to complain."""
    read = network_csv.read_folder(write(tmp_path))

    assert read.findings == ()
    assert read.network.label(read.network.branch("101开关")) == "101开关 (CB)"
    assert verdict(read, "101开关").counts == {"out": 1}


def test_a_gzipped_file_reads_the_same(tmp_path: Path) -> None:
    """``branches.csv.gz`` stands for ``branches.csv``."""
    write(tmp_path)
    (tmp_path / "branches.csv").unlink()
    (tmp_path / "branches.csv.gz").write_bytes(gzip.compress(BRANCHES.encode()))

    assert len(network_csv.read_folder(tmp_path).network.branch_ids) == 3


def test_a_branch_to_an_unknown_node_marks_the_end_of_what_is_known(tmp_path: Path) -> None:
    """Beyond an unknown node supply may come from anywhere: never "out", never "not affected"."""
    branches = BRANCHES + "TIE,Switch,,a,elsewhere,LoadBreakSwitch,0,1\n"

    read = network_csv.read_folder(write(tmp_path, branches=branches))

    assert codes(read) == {"network.unknown_node": 1}
    assert read.findings[0].row == 5
    assert verdict(read, "CB").counts == {"unknown": 1}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"nodes": NODES + "a,,10,,0\n"}, "network.duplicate_id"),
        ({"nodes": NODES + ",,10,,0\n"}, "network.blank_id"),
        ({"nodes": NODES + "z,,ten,,0\n"}, "network.not_a_number"),
        ({"branches": BRANCHES + "X,Switch,,a,a,,0,1\n"}, "network.self_loop"),
        ({"branches": BRANCHES + "CB,Switch,,a,b,,0,1\n"}, "network.duplicate_id"),
        ({"branches": BRANCHES + "X,Switch,,a,,,0,1\n"}, "network.blank_end"),
        ({"branches": BRANCHES + "X,Magic,,a,b,,,1\n"}, "network.unknown_kind"),
        ({"branches": BRANCHES + "X,Switch,,a,b,,,1\n"}, "network.switch_without_state"),
        ({"sources": "source_id,name,node_id\n"}, "network.no_source"),
        ({"sources": SOURCES + "G2,,nowhere\n"}, "network.unknown_node"),
        ({"feeders": "feeder_id,head_branch_id\n"}, "network.no_feeder"),
        ({"feeders": FEEDERS + "F2,,ST1,CB77,BB\n"}, "network.feeder_without_head"),
        ({"feeders": FEEDERS + "F2,,ST1,TR,BB\n"}, "network.head_off_busbar"),
        ({"feeders": FEEDERS + "F2,,ST1,CB,BB\n"}, "network.shared_head"),
        ({"areas": AREAS + "TB,,,b\n"}, "network.area_without_customers"),
        ({"areas": AREAS.replace(",TR,", ",TR9,")}, "network.unknown_transformer"),
        ({"customers": CUSTOMERS + "C2,,b,,1,\n"}, "network.customer_without_area"),
        ({"customers": CUSTOMERS + "C2,,b,TZ,1,\n"}, "network.unknown_area"),
        ({"customers": CUSTOMERS + "C2,,nowhere,TA,1,\n"}, "network.placed_by_area"),
        ({"customers": CUSTOMERS + "C2,,,,1,\n"}, "network.customer_without_place"),
        ({"customers": CUSTOMERS + "C2,,b,TA,1,nowhere\n"}, "network.unknown_node"),
    ],
)
def test_each_doubtful_row_is_a_finding(tmp_path: Path, changed: dict[str, str], code: str) -> None:
    """Nothing wrong passes in silence, and one bad row does not lose the others."""
    read = network_csv.read_folder(write(tmp_path, **changed))

    assert codes(read)[code] == 1
    assert read.network.customer_ids[0] == "C1"


def test_an_open_ended_switch_is_pointed_out_and_harmless(tmp_path: Path) -> None:
    """A tie that dangles may miss its join; a line that ends in a field does not matter."""
    nodes = NODES + "end,,10,,0\nspur,,10,,0\n"
    branches = BRANCHES + "X,Switch,,a,end,,1,1\nL,ACLineSegment,,a,spur,,,1\n"

    read = network_csv.read_folder(write(tmp_path, nodes=nodes, branches=branches))

    assert codes(read) == {"network.switch_dangles": 1, "network.open_ended": 1}
    assert verdict(read, "CB").counts == {"out": 1}


def test_the_same_account_in_two_areas_is_reported_and_not_picked(tmp_path: Path) -> None:
    """Where the two places fare differently, the class is unknown; where alike, it is certain."""
    nodes = NODES + "d,,10,,0\n"
    branches = BRANCHES + "DS,Switch,,BB,d,Disconnector,0,1\n"
    areas = AREAS + "TB,,,d\n"
    customers = CUSTOMERS + "C1,x,d,TB,1,\n"

    read = network_csv.read_folder(
        write(tmp_path, nodes=nodes, branches=branches, areas=areas, customers=customers)
    )

    assert codes(read)["network.customer_in_two_areas"] == 1
    assert verdict(read, "CB").counts == {"unknown": 1}
    assert verdict(read, "CB", "DS").counts == {"out": 1}


def test_a_customer_known_by_feeder_only_stands_behind_its_head(tmp_path: Path) -> None:
    """The last resort of placing: better the feeder than nobody told."""
    customers = "customer_id,node_id,area_id,feeder_id\nC1,,,F1\n"

    read = network_csv.read_folder(write(tmp_path, customers=customers))

    assert codes(read)["network.placed_by_feeder"] == 1
    assert verdict(read, "CB").counts == {"out": 1}


def test_a_customer_known_by_feeder_only_is_unknown_when_part_of_the_feeder_is_out(
    tmp_path: Path,
) -> None:
    """It may stand on either side of the section switch: neither "out" nor "not affected"."""
    nodes = NODES + "d,,10,,0\n"
    branches = BRANCHES + "DS,Switch,,a,d,Disconnector,0,1\n"
    customers = "customer_id,node_id,area_id,feeder_id\nC1,,,F1\nC2,d,TA,\n"

    read = network_csv.read_folder(
        write(tmp_path, nodes=nodes, branches=branches, customers=customers)
    )

    assert verdict(read, "DS").counts == {"unknown": 1, "out": 1}
    assert verdict(read, "CB").counts == {"out": 2}


def test_a_switch_with_fewer_than_three_phases_is_flagged_when_it_is_to_carry_a_transfer(
    tmp_path: Path,
) -> None:
    """Its tie does not prove a transfer."""
    branches = (
        "branch_id,kind,name,from_node,to_node,normal_open,phases\n"
        "T,PowerTransformer,,S,BB,,\nCB,Switch,,BB,a,0,ABC\nTR,PowerTransformer,,a,b,,\n"
        "TIE,Switch,,S,a,1,A\n"
    )
    read = network_csv.read_folder(write(tmp_path, branches=branches))
    graph = zones.build(read.network)

    traced = trace.trace(graph, steps.in_order(steps.Order.CLOSED, ["CB"], ["TIE"]))

    assert codes(read)["network.partial_phases"] == 1
    assert [item.code for item in traced.findings] == ["trace.partial_phase_tie"]


def test_many_findings_of_one_kind_are_counted_not_listed(tmp_path: Path) -> None:
    """A bad file of a million rows must not become a million findings."""
    customers = CUSTOMERS + "".join(f"D{n},,b,,1,\n" for n in range(findings.KEPT_PER_CODE + 50))

    read = network_csv.read_folder(write(tmp_path, customers=customers))

    assert len(read.findings) == findings.KEPT_PER_CODE + 1
    assert "50" in read.findings[-1].found


@pytest.mark.parametrize(
    "changed",
    [{"nodes": "name\nx\n"}, {"branches": 'branch_id,kind,from_node,to_node\n"' + "x" * 200_000}],
)
def test_an_unreadable_file_is_refused_by_name(tmp_path: Path, changed: dict[str, str]) -> None:
    """A missing column or a broken file stops the import with the file's name."""
    with pytest.raises(network_csv.UnreadableNetwork, match=next(iter(changed))):
        network_csv.read_folder(write(tmp_path, **changed))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Without sources nothing can be said, so the folder is not taken."""
    write(tmp_path)
    (tmp_path / "sources.csv").unlink()

    with pytest.raises(network_csv.UnreadableNetwork, match="sources"):
        network_csv.read_folder(tmp_path)


def test_a_file_in_another_encoding_is_refused_not_garbled(tmp_path: Path) -> None:
    """The flat form is UTF-8; anything else is named rather than guessed."""
    write(tmp_path)
    (tmp_path / "areas.csv").write_bytes(AREAS.encode("gb18030"))

    with pytest.raises(network_csv.UnreadableNetwork, match="areas"):
        network_csv.read_folder(tmp_path)


def test_a_small_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is recognised while it unpacks."""
    write(tmp_path)
    (tmp_path / "nodes.csv").unlink()
    (tmp_path / "nodes.csv.gz").write_bytes(gzip.compress(NODES.encode() + b"\n" * 1_000_000))
    monkeypatch.setattr(network_csv, "MAX_BYTES", 10_000)

    with pytest.raises(network_csv.UnreadableNetwork, match="too much"):
        network_csv.read_folder(tmp_path)
