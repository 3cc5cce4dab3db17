"""CIM files: per-feeder copies, missing neighbours, encodings, and what is refused."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from notifier.domain.network import classify, steps, trace, zones
from notifier.intake import network_cim, network_csv, network_folder, network_rdf

HEAD = (
    '<?xml version="1.0" encoding="{encoding}"?>\n'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:cim="http://iec.ch/TC57/2003/CIM-schema-cim10#">\n'
)


def feeder(
    number: int, *, extra: str = "", current: str = "true", encoding: str = "UTF-8"
) -> bytes:
    """One feeder's file: breaker from the shared busbar, a line, a transformer, a tie.

    Feeders 1 and 2 meet at the tie ``TIE``, which stands in the file of feeder 1.
    """

    def joined(key: str, *nodes: str) -> str:
        return "".join(
            f'<cim:Terminal rdf:ID="T_{key}_{node}"><cim:Terminal.ConductingEquipment '
            f'rdf:resource="#{key}"/><cim:Terminal.ConnectivityNode rdf:resource="#{node}"/>'
            "</cim:Terminal>"
            for node in nodes
        )

    def thing(kind: str, key: str, name: str) -> str:
        return f'<cim:{kind} rdf:ID="{key}"><cim:Naming.name>{name}</cim:Naming.name></cim:{kind}>'

    n = number
    text = (
        HEAD.format(encoding=encoding)
        + f'<cim:Circuit rdf:ID="CIRCUIT_{n}"><cim:Naming.name>中{n}线</cim:Naming.name>'
        f'<cim:Circuit.SourceBreaker rdf:resource="#CB{n}"/>'
        f"<cim:Circuit.isCurrentCircuit>{current}</cim:Circuit.isCurrentCircuit></cim:Circuit>"
        + thing("Breaker", f"CB{n}", f"{n}01")
        + joined(f"CB{n}", "bus", f"a{n}")
        + thing("ACLineSegment", f"L{n}", f"L{n}")
        + joined(f"L{n}", f"a{n}", f"b{n}")
        + thing("PowerTransformer", f"TR{n}", f"{n}号公变")
        + thing("TransformerWinding", f"W{n}", "").replace(
            "</cim:TransformerWinding>",
            f'<cim:TransformerWinding.MemberOf_PowerTransformer rdf:resource="#TR{n}"/>'
            "</cim:TransformerWinding>",
        )
        + joined(f"W{n}", f"b{n}")
    )
    if number == 1:
        text += thing("LoadBreakSwitch", "TIE", "联络") + joined("TIE", "b1", "b2")
    return (text + extra + "</rdf:RDF>").encode(encoding)


def write(folder: Path, **files: bytes) -> Path:
    """A folder with feeder files, a customer list and a status file."""
    for name, raw in files.items():
        (folder / f"{name}.xml").write_bytes(raw)
    (folder / "users.csv").write_text(
        "PW_TRANS_ID,FEEDER_ID,COMSUMER_ID\nTR1,CIRCUIT_1,C1\nTR2,CIRCUIT_1,C2\n",
        encoding="utf-8-sig",
    )
    (folder / "X_20260101000000_PD_ALL.dt").write_text(
        "<! System=DMS Version=1.0 Code=UTF-8 !>\n<Switch::PD>\n@\tid\tname\tvalue\tquality\n"
        "#\tCB1\t101\t1\t0\n#\tCB2\t201\t1\t0\n#\tTIE\tx\t0\t0\n</Switch::PD>\n",
        encoding="utf-8",
    )
    return folder


def classes(read: network_csv.NetworkImport, plan: tuple[steps.Step, ...]) -> dict[str, str]:
    """Customer by class under a plan, in the state of the status files."""
    network = read.network
    overlay = {network.branch_index[s.switch]: s.is_open for s in read.status}
    verdict = classify.classify(trace.trace(zones.build(network, overlay), plan))
    return {network.customer_ids[c]: kind.value for c, kind in verdict.affected().items()}


def codes(read: network_csv.NetworkImport) -> Counter[str]:
    """How many findings of each code."""
    return Counter(item.code for item in read.findings)


CB1_OUT = steps.in_order(steps.Order.OPEN, ["CB1"], [])
CB1_MOVED = steps.in_order(steps.Order.OPEN, ["CB1"], ["TIE"])


def test_feeder_files_join_at_shared_nodes(tmp_path: Path) -> None:
    """The tie to the neighbour's node revives the customers, and its feeder is told right."""
    read = network_folder.read_network(write(tmp_path, f1=feeder(1), f2=feeder(2)))

    assert classes(read, CB1_OUT) == {"C1": "out"}
    assert classes(read, CB1_MOVED) == {"C1": "short"}
    assert codes(read)["network.customer_feeder_differs"] == 1
    assert read.network.branch("101") == read.network.branch("CB1")


def test_a_missing_neighbour_makes_the_result_unknown(tmp_path: Path) -> None:
    """Nobody knows whether the tie revives anybody, so nobody is told that it does or does not."""
    read = network_folder.read_network(write(tmp_path, f1=feeder(1)))

    assert codes(read)["network.neighbour_missing"] == 1
    assert classes(read, CB1_OUT)["C1"] == "out"
    assert classes(read, CB1_MOVED)["C1"] == "unknown"


def test_an_older_copy_of_a_feeder_is_left_out_whole(tmp_path: Path) -> None:
    """The stale copy still has a jumper that is long gone; merging it would invent supply."""
    jumper = (
        '<cim:ACLineSegment rdf:ID="OLD"/>'
        '<cim:Terminal rdf:ID="x1"><cim:Terminal.ConductingEquipment rdf:resource="#OLD"/>'
        '<cim:Terminal.ConnectivityNode rdf:resource="#b1"/></cim:Terminal>'
        '<cim:Terminal rdf:ID="x2"><cim:Terminal.ConductingEquipment rdf:resource="#OLD"/>'
        '<cim:Terminal.ConnectivityNode rdf:resource="#bus"/></cim:Terminal>'
    )
    files = {"f1_20250101": feeder(1, extra=jumper), "f1_20260101": feeder(1), "f2": feeder(2)}

    read = network_folder.read_network(write(tmp_path, **files))

    assert not read.network.branch_ids.count("OLD")
    assert codes(read)["network.feeder_copies"] == 1
    assert classes(read, CB1_OUT) == {"C1": "out"}


def test_copies_that_differ_without_a_date_need_a_person(tmp_path: Path) -> None:
    """The leaner copy is taken and an error says which, so that nobody trusts it blindly."""
    extra = '<cim:ACLineSegment rdf:ID="MORE"/>' + "".join(
        f'<cim:Terminal rdf:ID="m{n}"><cim:Terminal.ConductingEquipment rdf:resource="#MORE"/>'
        f'<cim:Terminal.ConnectivityNode rdf:resource="#{n}"/></cim:Terminal>'
        for n in ("b1", "z")
    )

    read = network_folder.read_network(
        write(tmp_path, f1=feeder(1, extra=extra), f1_copy=feeder(1), f2=feeder(2))
    )

    assert codes(read)["network.feeder_ambiguous"] == 1
    assert "MORE" not in read.network.branch_index


def test_the_copy_marked_as_not_current_loses(tmp_path: Path) -> None:
    """The files' own mark outranks their dates."""
    read = network_folder.read_network(
        write(
            tmp_path,
            f1_20250101=feeder(1),
            f1_20260101=feeder(1, current="false", extra="<cim:Breaker rdf:ID='X'/>"),
            f2=feeder(2),
        )
    )

    assert "采用 f1_20250101.xml" in _taken(read)


def test_files_in_gb2312_are_read(tmp_path: Path) -> None:
    """The bureaus' older exports are not UTF-8."""
    read = network_folder.read_network(
        write(tmp_path, f1=feeder(1, encoding="GB2312"), f2=feeder(2))
    )

    assert {f.name for f in read.network.feeders} == {"中1线", "中2线"}


def test_a_feeder_without_its_breaker_is_reported(tmp_path: Path) -> None:
    """No breaker, no source: the feeder cannot be told apart and says so."""
    broken = feeder(2).replace(
        b'SourceBreaker rdf:resource="#CB2"', b'SourceBreaker rdf:resource="#Z"'
    )

    read = network_folder.read_network(write(tmp_path, f1=feeder(1), f2=broken))

    assert codes(read)["network.no_source_breaker"] == 1
    assert codes(read)["network.feeder_without_head"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"<rdf:RDF",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x/>',
        b'<?xml version="1.0" encoding="klingon"?><x/>',
    ],
)
def test_broken_or_dangerous_xml_is_refused(tmp_path: Path, raw: bytes) -> None:
    """No entities, no document types, no half-read models."""
    path = tmp_path / "x.xml"
    path.write_bytes(raw)

    with pytest.raises(network_csv.UnreadableNetwork, match=r"x\.xml"):
        list(network_rdf.read(path))


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is recognised while it unpacks."""
    path = tmp_path / "x.xml.gz"
    path.write_bytes(gzip.compress(b"<x>" + b" " * 1_000_000 + b"</x>"))
    monkeypatch.setattr(network_rdf, "MAX_BYTES", 100_000)

    with pytest.raises(network_csv.UnreadableNetwork, match="too much"):
        list(network_rdf.read(path))


def test_an_empty_folder_is_no_network(tmp_path: Path) -> None:
    """Neither form is there, so nothing is imported."""
    with pytest.raises(network_csv.UnreadableNetwork):
        network_folder.read_network(tmp_path)
    with pytest.raises(network_csv.UnreadableNetwork):
        network_folder.read_network(tmp_path / "absent")
    with pytest.raises(network_csv.UnreadableNetwork):
        network_cim.read_files([])


def _taken(read: network_csv.NetworkImport) -> str:
    return next(item.found for item in read.findings if item.code.startswith("network.feeder_"))
