"""E-style switch-status files: how the switches really stand, full or as an increment.

Lines that start with ``@`` name the columns, lines that start with ``#`` are rows, tab-separated:
id, name, value (1 closed, 0 open), quality (0 good). A full file (``…_ALL.dt``) replaces all
that was known, an increment changes what it names. The time is in the file's name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from notifier.domain import finding
from notifier.domain.network import findings, model
from notifier.domain.network import overlay as overlay_rules
from notifier.intake.network_csv import NetworkImport, UnreadableNetwork

HOME = ZoneInfo("Asia/Shanghai")
"""The zone in which the bureaus that write these files name their times."""

MAX_FILE_BYTES = 200 << 20

_STAMP = re.compile(r"(?<!\d)(\d{14}|\d{12}|\d{8})(?!\d)")
_CODE = re.compile(rb"Code\s*=\s*([A-Za-z0-9-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFile:
    """One status file; ``as_of`` is aware, or None where the name holds no time."""

    name: str
    is_full: bool
    as_of: datetime | None
    rows: tuple[model.SwitchStatus, ...]
    findings: tuple[finding.Finding, ...]


def stamp(name: str, zone: tzinfo = HOME) -> datetime | None:
    """The time in a file's name (8, 12 or 14 digits), or None."""
    found = _STAMP.search(name)
    if found is None:
        return None
    digits = found.group(1)
    try:
        layout = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(digits)]
        return datetime.strptime(digits, layout).replace(tzinfo=zone)
    except ValueError:
        return None


def read_file(path: Path, zone: tzinfo = HOME) -> StatusFile:
    """Reads one status file. Raises ``UnreadableNetwork``; a bad row is a finding."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableNetwork(f"{path.name} 过大 / {path.name} is too large")
        raw = path.read_bytes()
    except OSError as fault:
        raise UnreadableNetwork(f"{path.name} 无法读取 / cannot be read: {fault}") from fault
    declared = _CODE.search(raw[:200])
    code = declared.group(1).decode().lower() if declared else "utf-8"
    try:
        text = raw.decode("gb18030" if code.startswith("gb") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="replace")
    as_of = stamp(path.stem, zone)
    found = findings.FindingList()
    rows = []
    column = {"id": 0, "name": 1, "value": 2, "quality": 3}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("<") and not line.startswith("<!"):
            section = "" if line.startswith("</") else line.strip("<> \t").lower()
        elif line.startswith("@"):
            names = [word.strip().lower() for word in line[1:].split("\t")]
            column = {name: at for at, name in enumerate(name for name in names if name)}
        elif line.startswith("#") and (not section or section.startswith("switch")):
            row = _row(line, column, as_of)
            if row is not None:
                rows.append(row)
            else:
                found.add(
                    "network.status_row",
                    finding.Severity.ERROR,
                    line.strip(),
                    "编号与 0 或 1 / an id and 0 or 1",
                    file=path.name,
                    row=number,
                )
    return StatusFile(
        name=path.name,
        is_full="ALL" in path.stem.upper().split("_"),
        as_of=as_of,
        rows=tuple(rows),
        findings=found.finish(),
    )


def combine(files: Iterable[StatusFile]) -> dict[str, model.SwitchStatus]:
    """The state after all files, oldest first: a full one starts anew, an increment adds to it."""
    known: dict[str, model.SwitchStatus] = {}
    for file in overlay_rules.in_time(files):
        known = overlay_rules.merge(known, file, file.rows)
    return known


def overlay(read: NetworkImport, paths: Sequence[Path], zone: tzinfo = HOME) -> NetworkImport:
    """The import with the status files applied beside the model, and what they disagree on."""
    return apply(read, [read_file(path, zone) for path in paths])


def apply(read: NetworkImport, files: Sequence[StatusFile]) -> NetworkImport:
    """The import with status files already read."""
    network = read.network
    by_branch, unknown = overlay_rules.resolve(network, combine(files).values())
    is_full = any(file.is_full for file in files)
    return NetworkImport(
        network=network,
        findings=(
            *read.findings,
            *(item for file in files for item in file.findings),
            *unknown,
            *overlay_rules.remarks(network, by_branch, is_full=is_full),
        ),
        status=(*read.status, *by_branch.values()),
    )


def _row(line: str, column: dict[str, int], as_of: datetime | None) -> model.SwitchStatus | None:
    cells = [cell.strip() for cell in line[1:].lstrip("\t ").split("\t")]
    try:
        switch, value = cells[column["id"]], cells[column["value"]]
    except (IndexError, KeyError):
        return None
    if not switch or value not in ("0", "1"):
        return None
    at = column.get("quality", len(cells))
    quality = cells[at] if at < len(cells) else "0"
    return model.SwitchStatus(
        switch=switch, is_open=value == "0", as_of=as_of, is_good=quality in ("0", "")
    )
