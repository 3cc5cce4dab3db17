"""What only shows when a network is whole: no source, empty areas, ends that lead nowhere."""

from collections.abc import Iterable

from notifier.domain import finding
from notifier.domain.network import findings, model


def review(network: model.Network, found: findings.FindingList) -> None:
    """Adds what is doubtful about a finished model."""
    if not network.sources:
        found.add(
            "network.no_source",
            finding.Severity.ERROR,
            "没有电源，全部为停电 / no source: everything is dead",
            "至少一个电源 / at least one grid infeed",
        )
    if not network.feeders:
        found.add(
            "network.no_feeder",
            finding.Severity.WARNING,
            "没有馈线，无法区分转供 / no feeder: transfers between feeders cannot be told",
        )
    if network.state_unknown:
        count = len(network.state_unknown)
        found.add(
            "network.switch_without_state",
            finding.Severity.WARNING,
            f"{count} 个开关无常态位置，按合位处理 / "
            f"{count} switches have no normal state and are taken as closed",
            "常态位置或状态文件 / a normal state or a status file",
        )
    _review_areas(network, found)
    _review_ends(network, found)


def _review_areas(network: model.Network, found: findings.FindingList) -> None:
    with_customers = bytearray(len(network.area_ids))
    for area in network.customer_area:
        if area >= 0:
            with_customers[area] = 1
    for area, seen in enumerate(with_customers):
        if not seen:
            name = network.area_names[area]
            found.add(
                "network.area_without_customers",
                finding.Severity.INFO,
                f"台区 {name} 无用户 / area {name} has no customers",
            )


def _review_ends(network: model.Network, found: findings.FindingList) -> None:
    degree = bytearray(len(network.node_ids))
    for ends in (network.branch_from, network.branch_to):
        for node in ends:
            if degree[node] < 2:
                degree[node] += 1
    used = _used_nodes(network)
    spurs = 0
    switch = model.BranchKind.SWITCH.value
    ends_of = zip(network.branch_kind, network.branch_from, network.branch_to, strict=True)
    for branch, (kind, a, b) in enumerate(ends_of):
        for node in (a, b):
            if degree[node] > 1 or used[node]:
                continue
            if kind != switch:
                spurs += 1
                continue
            name, is_tie = network.label(branch), network.normal_open[branch]
            found.add(
                "network.switch_dangles",
                finding.Severity.WARNING if is_tie else finding.Severity.INFO,
                f"开关 {name} 一端悬空 / one end of switch {name} is joined to nothing",
                "联络开关两端都应有设备；可能漏接 / a tie has equipment at both ends; "
                "a join may be missing",
            )
    if spurs:
        found.add(
            "network.open_ended",
            finding.Severity.INFO,
            f"{spurs} 处线路末端无设备 / {spurs} open-ended spurs",
        )


def _used_nodes(network: model.Network) -> bytearray:
    """Nodes at which something stands, or beyond which the model ends."""
    used = bytearray(len(network.node_ids))
    columns: list[Iterable[int]] = [
        network.sources,
        network.customer_node,
        network.standby.values(),
        network.busbars,
        network.boundary,
        (generator.node for generator in network.generators),
        *network.area_nodes,
    ]
    for column in columns:
        for node in column:
            used[node] = 1
    return used
