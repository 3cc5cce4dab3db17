"""How the switches really stand, laid over a model: found by id, merged by time, never mixed in.

A full file says all that is known and replaces what is not newer than itself; an increment changes
what it names. Nothing here touches the normal state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from notifier.domain import finding
from notifier.domain.network import checks, findings, model


class StatusRows(Protocol):
    """One status file as read."""

    @property
    def name(self) -> str: ...
    @property
    def is_full(self) -> bool: ...
    @property
    def as_of(self) -> datetime | None: ...
    @property
    def rows(self) -> tuple[model.SwitchStatus, ...]: ...


_File = TypeVar("_File", bound=StatusRows)


def resolve(
    network: model.Network, rows: Iterable[model.SwitchStatus]
) -> tuple[dict[int, model.SwitchStatus], tuple[finding.Finding, ...]]:
    """Rows by branch, under the ids of the model; a row of no known switch is a finding.

    Needs no index of the model.
    """
    switch = model.BranchKind.SWITCH.value
    branches = {
        network.branch_ids[branch]: branch
        for branch, kind in enumerate(network.branch_kind)
        if kind == switch
    }
    found = findings.FindingList()
    known: dict[int, model.SwitchStatus] = {}
    for row in rows:
        mrid = network.aliases.get(row.switch, row.switch)
        branch = branches.get(mrid)
        if branch is None:
            found.add(
                "network.status_of_unknown_switch",
                finding.Severity.WARNING,
                f"状态文件中的开关 {row.switch} 不在模型中 / "
                f"switch {row.switch} of the status file is not in the model",
            )
        else:
            known[branch] = row if row.switch == mrid else replace(row, switch=mrid)
    return known, found.finish()


def merge(
    known: Mapping[str, model.SwitchStatus], file: StatusRows, rows: Iterable[model.SwitchStatus]
) -> dict[str, model.SwitchStatus]:
    """What is known after one more file, of which ``rows`` are those found in the model.

    A row that is older than what is known of its switch changes nothing.
    """
    kept = (
        {switch: row for switch, row in known.items() if _is_newer(row.as_of, file.as_of)}
        if file.is_full
        else dict(known)
    )
    for row in rows:
        before = kept.get(row.switch)
        if before is None or not _is_newer(before.as_of, row.as_of):
            kept[row.switch] = row
    return kept


def in_time(files: Iterable[_File]) -> list[_File]:
    """Files in the order in which they count: oldest first, of one moment the full one first."""
    return sorted(
        files,
        key=lambda f: (f.as_of is not None, f.as_of.timestamp() if f.as_of else 0, not f.is_full),
    )


def remarks(
    network: model.Network, by_branch: Mapping[int, model.SwitchStatus], *, is_full: bool
) -> tuple[finding.Finding, ...]:
    """What the overlay says against the model: other positions, bad quality, switches left out."""
    found = []
    if is_full:
        silent = [
            branch
            for branch, kind in enumerate(network.branch_kind)
            if kind == model.BranchKind.SWITCH and branch not in by_branch
        ]
        if silent:
            name = network.label(silent[0])
            found.append(
                finding.Finding(
                    code="network.status_missing",
                    severity=finding.Severity.WARNING,
                    found=f"{len(silent)} 个开关无实时位置，如 {name} / "
                    f"{len(silent)} switches have no status, such as {name}",
                    expected="按常态位置处理 / taken in their normal state",
                )
            )
    return (*found, *checks.disagreements(network, by_branch))


def _is_newer(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other
