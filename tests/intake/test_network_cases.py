"""Every switching case that others judged, customer by customer."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from notifier.domain.impact import ImpactClass
from notifier.domain.network import bounding, classify, model, steps, target, trace, zones
from notifier.intake import network_cases, network_folder
from notifier.usecases import trace as tracing

HERE = Path(__file__).parents[1]
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid"
NETWORKS = ("edge", "epri_ckt7", "ieee123", "ieee123_cim", "ieee9500", "mux_br", "oberrhein")
ORDERS = ("open_transition", "closed_transition", "mixed")
QUIET = ("unaffected", "dead_before", "")


def folder(name: str) -> Path:
    """The network's folder: our own copy where licence allows one, else the shared one."""
    own = HERE / "data" / "grid" / name
    if own.is_dir():
        return own
    if not (SHARED / name).is_dir():
        pytest.skip(f"shared data is absent: grid/{name}")
    return SHARED / name


def cases_of(path: Path) -> Path:
    """The case file of a network folder, gzipped or not."""
    plain = path / "cases.json"
    return plain if plain.is_file() else path / "cases.json.gz"


def load(path: Path) -> dict[str, Any]:
    """A JSON file, gzipped or not."""
    raw = path.read_bytes()
    read: dict[str, Any] = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return read


@pytest.mark.parametrize("name", NETWORKS)
def test_all_cases_agree_customer_by_customer(name: str) -> None:
    """Classes, counts, areas, target and unsupplied are exactly those of the judges."""
    path = folder(name)
    report = tracing.trace_folder(path, cases_of(path), reader=network_folder)

    expected = load(cases_of(path))
    rows: dict[str, list[dict[str, str]]] = {}
    with gzip.open(path / "expected.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["case_id"], []).append(row)

    traced = report.as_json()
    assert traced["network"] == expected["network"]
    assert [case["id"] for case in traced["cases"]] == [case["id"] for case in expected["cases"]]
    for ours, theirs in zip(traced["cases"], expected["cases"], strict=True):
        assert ours["orders"].keys() == theirs["orders"].keys()
        for order, judged in theirs["orders"].items():
            found = ours["orders"][order]
            where = f"{theirs['id']} {order}"
            for key in ("steps", "unsupplied_after_step", "target_energised", "customers"):
                assert found[key] == judged[key], (where, key)
            for key in ("areas_out", "areas_short", "areas_partly_out"):
                assert sorted(found[key]) == sorted(judged[key]), (where, key)
            assert found["affected"] == {
                row["customer_id"]: row[order]
                for row in rows.get(theirs["id"], [])
                if row[order] not in QUIET
            }, where


@pytest.mark.parametrize("name", NETWORKS)
def test_the_csv_says_the_same_as_the_judges(name: str) -> None:
    """One line per customer: case, customer and its class in each order the case has."""
    path = folder(name)
    report = tracing.trace_folder(path, cases_of(path), reader=network_folder)

    lines = list(csv.DictReader(report.as_csv()))

    with gzip.open(path / "expected.csv.gz", "rt", encoding="utf-8", newline="") as file:
        expected = {
            (row["case_id"], row["customer_id"]): tuple(row[order] for order in ORDERS)
            for row in csv.DictReader(file)
        }
    found = {
        (row["case_id"], row["customer_id"]): tuple(row[order] for order in ORDERS) for row in lines
    }
    assert all(found[key] == classes for key, classes in expected.items() if key in found)
    left_out = expected.keys() - found.keys()
    assert all(set(expected[key]) <= set(QUIET) for key in left_out)
    assert found.keys() <= expected.keys()


def test_feeders_before_and_after_are_those_of_the_judges() -> None:
    """The names of the feeders that reach a customer before and after the plan agree as well."""
    path = folder("edge")
    report = tracing.trace_folder(path, cases_of(path), reader=network_folder)
    with gzip.open(path / "expected.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = {(row["case_id"], row["customer_id"]): row for row in csv.DictReader(file)}
    network, graph = report.graph.network, report.graph

    for result in report.results:
        traced = result.orders[0].verdict.trace
        for customer, mrid in enumerate(network.customer_ids):
            row = rows.get((result.case.id, mrid))
            if row is None or customer in network.standby:
                continue
            feeds = traced.feeds_at(graph.zone_of_node[network.customer_node[customer]])
            assert graph.feeds_text(feeds[0]) == row["feeder_before"]
            assert graph.feeds_text(feeds[-1]) == row["feeder_after"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("edge", "model.cim.xml.gz"),
        ("oberrhein", "model.cim.xml.gz"),
        ("ieee123_cim", "model.xml.gz"),
    ],
)
def test_the_cim_form_gives_what_the_flat_form_gives(name: str, file: str) -> None:
    """CIM100 and CSV of one network: the same class for everybody in every case."""
    path = folder(name)
    flat = tracing.trace_folder(path, cases_of(path), reader=network_folder).as_json()
    cim = tracing.trace_folder(path / file, cases_of(path), reader=network_folder).as_json()

    for ours, theirs in zip(cim["cases"], flat["cases"], strict=True):
        for order, expected in theirs["orders"].items():
            for key in ("affected", "customers", "unsupplied_after_step", "target_energised"):
                assert ours["orders"][order][key] == expected[key], (theirs["id"], order, key)


def test_the_per_feeder_form_with_status_files_gives_what_the_flat_form_gives(
    tmp_path: Path,
) -> None:
    """The bureau's hand-over: classes and areas as in the CSV form, ids translated."""
    path = folder("oberrhein")
    ids: dict[str, str] = load(path / "csg" / "idmap.json")
    cases = load(path / "cases.json")
    for case in cases["cases"]:
        wanted = case["target"]["id"]
        case["target"]["id"] = (
            [ids.get(i, i) for i in wanted] if isinstance(wanted, list) else ids.get(wanted, wanted)
        )
        case["open"] = [ids.get(i, i) for i in case["open"]]
        case["close"] = [ids.get(i, i) for i in case["close"]]
        for order in case["orders"].values():
            order.pop("steps")
    translated = tmp_path / "cases.json"
    translated.write_text(json.dumps(cases), encoding="utf-8")

    flat = tracing.trace_folder(path, cases_of(path), reader=network_folder).as_json()
    report = tracing.trace_folder(path / "csg", translated, reader=network_folder)

    known = set(report.graph.network.customer_ids)
    assert len(known) == 147
    for ours, theirs in zip(report.as_json()["cases"], flat["cases"], strict=True):
        for order, expected in theirs["orders"].items():
            found = ours["orders"][order]
            where = theirs["id"], order
            assert found["affected"] == {
                c: kind for c, kind in expected["affected"].items() if c in known
            }, where
            for key in ("areas_out", "areas_short", "areas_partly_out"):
                assert sorted(found[key]) == sorted(ids.get(a, a) for a in expected[key]), where
            if theirs["target"]["type"] != "node":  # its nodes bear other names
                assert found["target_energised"] == expected["target_energised"], where


def test_a_stale_full_status_without_its_increment_gives_another_answer() -> None:
    """The increment matters: without it two switches stand wrongly."""
    path = folder("oberrhein") / "csg"
    read = network_folder.read_network(path)
    stands = {status.switch: status.is_open for status in read.status}

    assert stands["SWITCH_100000001"] is False
    assert stands["SWITCH_100000142"] is True


def test_a_case_may_spell_out_its_steps_and_name_a_section_between_two_nodes(
    tmp_path: Path,
) -> None:
    """Orders of one's own are traced as written, and a target may be a stretch of line."""
    path = tmp_path / "cases.json"
    case = {
        "id": "own",
        "target": {"type": "between", "id": ["R1_out", "R2_in"]},
        "orders": {"staged": {"steps": ["close TIE_11_21", "open R1_O", "open R2_I"]}},
    }
    path.write_text(json.dumps({"cases": [case]}), encoding="utf-8")

    report = tracing.trace_folder(folder("edge"), path, reader=network_folder)

    order = report.as_json()["cases"][0]["orders"]["staged"]
    assert order["target_energised"] is False
    assert order["customers"]["transferred_live"] == 4


def test_a_case_without_orders_is_traced_in_all_that_differ(tmp_path: Path) -> None:
    """Nobody has to ask for open and closed transition apart."""
    path = tmp_path / "cases.json"
    case = {"id": "x", "open": ["R1_O", "R2_I"], "close": ["TIE_11_21"]}
    path.write_text(json.dumps({"cases": [case]}), encoding="utf-8")

    report = tracing.trace_folder(folder("edge"), path, reader=network_folder)

    assert list(report.as_json()["cases"][0]["orders"]) == ["open_transition", "closed_transition"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"cases": [{"id": "x", "orders": {"own": {}}}]}',
        '{"cases": [{"id": "x", "orders": {"own": {"steps": ["toggle A"]}}}]}',
        '{"cases": [{"id": "x", "target": {"type": "between", "id": "n1"}}]}',
    ],
)
def test_a_broken_case_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    """What cannot be understood is not guessed."""
    path = tmp_path / "cases.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(network_cases.UnreadableNetwork):
        tracing.trace_folder(folder("edge"), path, reader=network_folder)


def test_unknown_switches_and_targets_are_blocking_findings(tmp_path: Path) -> None:
    """A case with wrong names is traced as far as it goes and says what is wrong."""
    path = tmp_path / "cases.json"
    case = {"id": "x", "target": {"type": "branch", "id": "L9"}, "open": ["CB99"], "close": []}
    path.write_text(json.dumps({"cases": [case]}), encoding="utf-8")

    report = tracing.trace_folder(folder("edge"), path, reader=network_folder)

    order = report.as_json()["cases"][0]["orders"]["open_transition"]
    assert {item["code"] for item in order["findings"] if item["severity"] == "error"} == {
        "trace.unknown_target",
        "trace.unknown_switch",
        "trace.empty_impact",
    }


def test_a_diagram_is_drawn_for_any_case() -> None:
    """The picture is well-formed, names the switches operated and holds no script."""
    path = folder("edge")
    report = tracing.trace_folder(path, cases_of(path), reader=network_folder)

    for result in report.results:
        picture = report.as_svg(result.case.id)
        assert picture.startswith("<svg ")
        assert picture.rstrip().endswith("</svg>")
        assert "<script" not in picture
    assert "TIE_11_21" in report.as_svg("edge-002", "closed_transition")
    with pytest.raises(model.UnknownEquipment):
        report.as_svg("edge-999")


def test_the_target_between_two_nodes_needs_a_path() -> None:
    """Two ends that no closed path joins are no section."""
    network = network_folder.read_network(folder("edge")).network
    graph = zones.build(network)

    with pytest.raises(target.NoPath):
        target.locate(graph, target.named("between", ["lv12", "lv1"]))


@pytest.mark.parametrize("name", NETWORKS)
def test_proposed_switches_are_those_a_dispatcher_chose_and_nobody_more_is_out(name: str) -> None:
    """For sections, nodes and transformers: the same switches to open, ties at least as good."""
    path = folder(name)
    cases = network_folder.read_cases(cases_of(path))
    graph = zones.build(network_folder.read_network(path).network)
    kinds = {"section", "node", "dist_transformer", "lv_section", "double"}

    compared = 0
    for case in cases.cases:
        if case.target is None or case.kind.removesuffix("_tie") not in kinds:
            continue
        compared += 1
        work = target.locate(graph, target.named(case.target.type, case.target.id))
        proposals = bounding.propose(graph, work)

        assert set(proposals[0].opens) == set(case.open), case.id
        plan = steps.in_order(steps.Order.OPEN, case.open, case.close)
        chosen = classify.classify(trace.trace(graph, plan))
        assert proposals[0].out <= chosen.counts.get(ImpactClass.OUT, 0), case.id
    assert compared
