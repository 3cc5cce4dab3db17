"""Tracing switching cases against a network folder: the door by which anyone can check the service."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from notifier.domain import finding
from notifier.domain.network import (
    checks,
    classify,
    diagram,
    model,
    steps,
    target,
    trace,
    zones,
)

CSV_HEADER = ("case_id", "customer_id", *(order.value for order in steps.Order))


class NetworkRead(Protocol):
    """A model read from files, with its findings and the switch states found beside it."""

    @property
    def network(self) -> model.Network: ...
    @property
    def findings(self) -> tuple[finding.Finding, ...]: ...
    @property
    def status(self) -> tuple[model.SwitchStatus, ...]: ...


class CaseTarget(Protocol):
    """What a case works on, in words."""

    @property
    def type(self) -> target.TargetKind: ...
    @property
    def id(self) -> str | list[str]: ...


class Case(Protocol):
    """A switching case as read from a file."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> CaseTarget | None: ...
    @property
    def open(self) -> Sequence[str]: ...
    @property
    def close(self) -> Sequence[str]: ...
    @property
    def note(self) -> str | None: ...
    def plans(self) -> Mapping[str, tuple[steps.Step, ...]]: ...


class Cases(Protocol):
    """A file of cases."""

    @property
    def network(self) -> str: ...
    @property
    def cases(self) -> Sequence[Case]: ...


class Reader(Protocol):
    """How networks and cases are read; ``notifier.intake.network_folder`` is one."""

    def read_network(self, path: Path) -> NetworkRead: ...
    def read_cases(self, path: Path) -> Cases: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrderResult:
    """One case worked in one order. ``target_live`` is per state, None for switch targets."""

    name: str
    verdict: classify.Verdict
    target_live: tuple[bool, ...] | None
    findings: tuple[finding.Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseResult:
    """One case in all its orders; ``work`` is None where the target was not found."""

    case: Case
    work: target.WorkArea | None
    orders: tuple[OrderResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceReport:
    """All cases traced on one network."""

    name: str
    graph: zones.ZoneGraph
    results: tuple[CaseResult, ...]
    findings: tuple[finding.Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape of ``cases.json``, with each affected customer's class and the findings."""
        return {
            "network": self.name,
            "cases": [_case_as_json(self.graph, result) for result in self.results],
            "findings": [item.as_dict() for item in self.findings],
        }

    def as_csv(self) -> Iterator[str]:
        """Lines ``case_id,customer_id,open_transition,closed_transition,mixed``, header first.

        A customer is listed when something happens to it in any order of the case; an order the
        case does not have is blank. Every line ends in a newline.
        """
        yield _csv_line(CSV_HEADER)
        ids = self.graph.network.customer_ids
        for result in self.results:
            by_order = {order.name: order.verdict.affected() for order in result.orders}
            if not by_order:
                continue
            for customer in sorted({c for classes in by_order.values() for c in classes}):
                cells = [
                    _cell(order.verdict, by_order[order.name], customer) if order else ""
                    for order in (_named(result.orders, name) for name in CSV_HEADER[2:])
                ]
                yield _csv_line((result.case.id, ids[customer], *cells))

    def as_svg(self, case_id: str, order: str | None = None) -> str:
        """The single-line diagram of one case; its first order unless another is named.

        Raises ``UnknownEquipment`` when there is no such case or order.
        """
        for result in self.results:
            if result.case.id != case_id or not result.orders:
                continue
            chosen = _named(result.orders, order) if order else result.orders[0]
            if chosen is not None:
                return diagram.draw(chosen.verdict, result.work, title=case_id)
        raise model.UnknownEquipment(f"没有案例 {case_id} / there is no case {case_id}")


def trace_folder(
    path: Path, cases_path: Path, *, reader: Reader, now: datetime | None = None
) -> TraceReport:
    """Reads a network folder and a file of cases, and traces them all.

    ``now`` lets an old model be found stale; without it age is not judged. Blocks while it reads:
    call it off the event loop. Raises what the reader raises.
    """
    read = reader.read_network(path)
    cases = reader.read_cases(cases_path)
    report = trace_cases(read.network, cases.cases, status=read.status, now=now)
    return TraceReport(
        name=cases.network or read.network.name,
        graph=report.graph,
        results=report.results,
        findings=(*read.findings, *report.findings),
    )


def trace_cases(
    network: model.Network,
    cases: Iterable[Case],
    *,
    status: Iterable[model.SwitchStatus] = (),
    now: datetime | None = None,
) -> TraceReport:
    """Traces cases against a model, in the state that ``status`` says."""
    overlay = {
        network.branch_index[item.switch]: item.is_open
        for item in status
        if item.switch in network.branch_index
    }
    graph = zones.build(network, overlay)
    return TraceReport(
        name=network.name, graph=graph, results=traced(graph, cases, now=now), findings=()
    )


def traced(
    graph: zones.ZoneGraph, cases: Iterable[Case], *, now: datetime | None = None
) -> tuple[CaseResult, ...]:
    """Traces cases on a network that is ready for it."""
    return tuple(_trace_case(graph, case, now) for case in cases)


def located(
    graph: zones.ZoneGraph, wanted: target.Target
) -> tuple[target.WorkArea | None, tuple[finding.Finding, ...]]:
    """The work area of a target; None and a blocking finding where it is not in the model."""
    try:
        return target.locate(graph, wanted), ()
    except (model.UnknownEquipment, model.AmbiguousName, target.NoPath) as refusal:
        found = finding.Finding(
            code="trace.unknown_target",
            severity=finding.Severity.ERROR,
            found=refusal.sentence,
            expected="模型中的设备 / equipment of the model",
        )
        return None, (found,)


def _trace_case(graph: zones.ZoneGraph, case: Case, now: datetime | None) -> CaseResult:
    work: target.WorkArea | None = None
    lost: tuple[finding.Finding, ...] = ()
    if case.target is not None:
        work, lost = located(graph, target.named(case.target.type, case.target.id))
    orders = []
    for name, plan in case.plans().items():
        traced = trace.trace(graph, plan)
        verdict = classify.classify(traced)
        live = target.energised(traced, work) if work is not None else None
        found = checks.check(verdict, work, now=now)
        orders.append(
            OrderResult(name=name, verdict=verdict, target_live=live, findings=(*lost, *found))
        )
    return CaseResult(case=case, work=work, orders=tuple(orders))


def _case_as_json(graph: zones.ZoneGraph, result: CaseResult) -> dict[str, Any]:
    case = result.case
    shown: dict[str, Any] = {"id": case.id, "kind": case.kind}
    if case.target is not None:
        shown["target"] = {"type": case.target.type.value, "id": case.target.id}
    shown |= {"open": list(case.open), "close": list(case.close)}
    if case.note:
        shown["note"] = case.note
    shown["orders"] = {order.name: _order_as_json(graph, order) for order in result.orders}
    return shown


def _order_as_json(graph: zones.ZoneGraph, order: OrderResult) -> dict[str, Any]:
    network = graph.network
    verdict = order.verdict
    areas = verdict.areas()
    shown = {
        "steps": [str(step) for step in verdict.trace.steps],
        "unsupplied_after_step": list(verdict.unsupplied),
        "target_energised": order.target_live[-1] if order.target_live else None,
        "customers": {kind.value: n for kind, n in checks.summary(verdict).items()},
        "areas_out": [network.area_ids[area] for area in areas.out],
        "areas_short": [network.area_ids[area] for area in areas.short],
        "areas_partly_out": [network.area_ids[area] for area in areas.partly_out],
        "affected": {
            network.customer_ids[customer]: impact_class.value
            for customer, impact_class in sorted(verdict.affected().items())
        },
    }
    if areas.unknown:
        shown["areas_unknown"] = [network.area_ids[area] for area in areas.unknown]
    if order.findings:
        shown["findings"] = [item.as_dict() for item in order.findings]
    return shown


def _cell(verdict: classify.Verdict, classes: Mapping[int, Any], customer: int) -> str:
    found = classes.get(customer)
    if found is not None:
        return str(found.value)
    graph = verdict.trace.graph
    nodes = zones.supply_nodes(graph.network, customer)
    live = any(zones.is_live(graph.normal_feeds(graph.zone_of_node[node])) for node in nodes)
    return "unaffected" if live else "dead_before"


def _named(orders: Iterable[OrderResult], name: str | None) -> OrderResult | None:
    return next((order for order in orders if order.name == name), None)


def _csv_line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
