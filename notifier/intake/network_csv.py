"""The flat network form: one folder with nodes, branches, sources, feeders, areas, customers.

UTF-8 with or without BOM, comma, one header row; any of the files may be gzipped. Rows are read
as a stream; columns are found by name, so their order is free and unknown ones are ignored.
Names of customers are not read: the trace does not need them.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notifier.domain import errors, finding
from notifier.domain.network import builder, model

MAX_BYTES = 8 << 30
"""The most a file may unpack to: a small gzip must not fill the disk or the memory."""

_KINDS = {
    "aclinesegment": model.BranchKind.LINE,
    "line": model.BranchKind.LINE,
    "powertransformer": model.BranchKind.TRANSFORMER,
    "transformer": model.BranchKind.TRANSFORMER,
    "seriescompensator": model.BranchKind.COMPENSATOR,
    "switch": model.BranchKind.SWITCH,
}
_TRUE = frozenset({"1", "true", "yes", "open", "是"})


class UnreadableNetwork(errors.Invalid):
    """The folder or file cannot be read as a network."""

    code = "network.unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkImport:
    """A model read from files, the doubts about it, and the switch states read beside it."""

    network: model.Network
    findings: tuple[finding.Finding, ...]
    status: tuple[model.SwitchStatus, ...] = ()


def _silent(_stage: str, _rows: int) -> None:
    return


def read_folder(folder: Path, *, progress: Callable[[str, int], None] = _silent) -> NetworkImport:
    """Reads a network folder. ``progress`` hears each file's name and its rows when it is read.

    Takes seconds for a city: call it off the event loop. Raises ``UnreadableNetwork``.
    """
    meta = _meta(folder)
    built = builder.NetworkBuilder(str(meta.get("name") or folder.name))
    readers: tuple[tuple[str, Callable[[builder.NetworkBuilder, _Rows], int], bool], ...] = (
        ("nodes", _nodes, True),
        ("branches", _branches, True),
        ("sources", _sources, True),
        ("feeders", _feeders, False),
        ("areas", _areas, False),
        ("customers", _customers, False),
        ("generators", _generators, False),
    )
    for stem, read, needed in readers:
        path = _find(folder, stem)
        if path is None:
            if needed:
                raise UnreadableNetwork(
                    f"缺少文件 {stem}.csv / the folder has no {stem}.csv or {stem}.csv.gz"
                )
            continue
        with _open(path) as rows:
            progress(path.name, read(built, rows))
    ties = meta.get("single_phase_ties")
    for branch in ties if isinstance(ties, list) else ():
        built.mark_partial(str(branch))
    network = built.finish()
    return NetworkImport(network=network, findings=built.findings.finish())


class _Rows:
    """Data rows of one CSV file with their place; a short row is filled up, a blank one skipped."""

    def __init__(self, file: str, lines: Iterator[list[str]]) -> None:
        self.file = file
        self._lines = lines
        header = [name.strip().lower() for name in next(lines, [])]
        self._width = len(header)
        self._column = {name: number for number, name in enumerate(header)}

    def pick(self, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[int]:
        """The places of columns; an absent optional column reads as blank."""
        missing = [name for name in needed if name not in self._column]
        if missing:
            raise UnreadableNetwork(
                f"{self.file} 缺少列 {', '.join(missing)} / "
                f"{self.file} lacks the column {', '.join(missing)}"
            )
        return [self._column.get(name, self._width) for name in (*needed, *optional)]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        width = self._width
        try:
            for number, row in enumerate(self._lines, start=2):
                if len(row) != width:
                    if not row:
                        continue
                    row = (row + [""] * width)[:width]
                row.append("")
                yield number, row
        except (csv.Error, UnicodeDecodeError, EOFError, OSError) as fault:
            raise UnreadableNetwork(f"{self.file} 无法读取 / cannot be read: {fault}") from fault


class _Bounded(io.RawIOBase):
    """A stream that refuses to unpack beyond a limit."""

    def __init__(self, inner: io.BufferedIOBase | gzip.GzipFile, limit: int, name: str) -> None:
        self._inner = inner
        self._left = limit
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableNetwork(f"{self._name} 过大 / {self._name} unpacks to too much")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _open(path: Path) -> Iterator[_Rows]:
    with path.open("rb") as raw:
        packed = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        stream = io.BufferedReader(_Bounded(packed, MAX_BYTES, path.name), 1 << 18)
        with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            try:
                yield _Rows(path.name, csv.reader(text))
            except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile) as fault:
                raise UnreadableNetwork(
                    f"{path.name} 无法读取 / cannot be read: {fault}"
                ) from fault


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that are read, in a fixed order."""
    stems = ("nodes", "branches", "sources", "feeders", "areas", "customers", "generators")
    found = [path for stem in stems if (path := _find(folder, stem)) is not None]
    meta = folder / "meta.json"
    return [*found, meta] if meta.is_file() else found


def _find(folder: Path, stem: str) -> Path | None:
    for name in (f"{stem}.csv", f"{stem}.csv.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def _meta(folder: Path) -> dict[str, object]:
    path = folder / "meta.json"
    if not path.is_file():
        return {}
    try:
        read = json.loads(path.read_bytes())
    except ValueError as fault:
        raise UnreadableNetwork(f"meta.json 无法读取 / cannot be read: {fault}") from fault
    return read if isinstance(read, dict) else {}


def _nodes(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, name, kv, busbar = rows.pick(("node_id",), ("name", "base_kv", "is_busbar"))
    add = built.add_node
    number = 1
    for number, row in rows:
        if not row[mrid]:
            _blank(built, rows.file, number, "node_id")
            continue
        add(
            row[mrid],
            row[name],
            _number(built, row[kv], rows.file, number, "base_kv"),
            is_busbar=row[busbar].strip().lower() in _TRUE,
            file=rows.file,
            row=number,
        )
    return number - 1


def _branches(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, kind, from_node, to_node, name, switch_type, normal_open, in_service, phases = rows.pick(
        ("branch_id", "kind", "from_node", "to_node"),
        ("name", "switch_type", "normal_open", "in_service", "phases"),
    )
    file = rows.file
    add = built.add_branch
    switch, other = model.BranchKind.SWITCH, model.BranchKind.OTHER
    blank_states = []
    number = 1
    for number, row in rows:
        if not row[mrid]:
            _blank(built, file, number, "branch_id")
            continue
        branch_kind = _KINDS.get(row[kind].strip().lower(), other)
        if branch_kind is other:
            built.findings.add(
                "network.unknown_kind",
                finding.Severity.WARNING,
                f"支路 {row[mrid]} 类型“{row[kind]}”未知 / branch {row[mrid]}: kind “{row[kind]}”",
                "按不可操作的连接处理 / taken as a join that cannot be opened",
                file=file,
                row=number,
                column="kind",
            )
        elif branch_kind is switch and not row[normal_open]:
            blank_states.append(row[mrid])
        add(
            row[mrid],
            branch_kind,
            row[name],
            row[from_node],
            row[to_node],
            switch_type=row[switch_type],
            normal_open=row[normal_open].strip().lower() in _TRUE,
            in_service=row[in_service].strip().lower() not in ("0", "false", "no", "否"),
            phases=_phases(row[phases]),
            file=file,
            row=number,
        )
    for branch in blank_states:
        built.mark_state_unknown(branch)
    return number - 1


def _sources(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, node = rows.pick(("source_id", "node_id"))
    number = 1
    for number, row in rows:
        built.add_source(row[mrid], row[node], file=rows.file, row=number)
    return number - 1


def _feeders(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, head, name, substation, busbar = rows.pick(
        ("feeder_id", "head_branch_id"), ("name", "substation_id", "busbar_node")
    )
    number = 1
    for number, row in rows:
        built.add_feeder(
            row[mrid],
            row[name],
            row[substation],
            row[head],
            row[busbar],
            file=rows.file,
            row=number,
        )
    return number - 1


def _areas(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, nodes, name, transformers = rows.pick(
        ("area_id", "node_ids"), ("name", "transformer_branches")
    )
    number = 1
    for number, row in rows:
        built.add_area(
            row[mrid],
            row[name],
            row[transformers].split(),
            row[nodes].split(),
            file=rows.file,
            row=number,
        )
    return number - 1


def _customers(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, node, area, standby, feeder = rows.pick(
        ("customer_id",), ("node_id", "area_id", "standby_node_id", "feeder_id")
    )
    file = rows.file
    add = built.add_customer
    number = 1
    for number, row in rows:
        if not row[mrid]:
            _blank(built, file, number, "customer_id")
            continue
        add(
            row[mrid],
            row[node],
            row[area],
            row[standby],
            feeder=row[feeder],
            file=file,
            row=number,
        )
    return number - 1


def _generators(built: builder.NetworkBuilder, rows: _Rows) -> int:
    mrid, node, name = rows.pick(("generator_id", "node_id"), ("name",))
    number = 1
    for number, row in rows:
        built.add_generator(row[mrid], row[name], row[node], file=rows.file, row=number)
    return number - 1


def _blank(built: builder.NetworkBuilder, file: str, row: int, column: str) -> None:
    built.findings.add(
        "network.blank_id",
        finding.Severity.ERROR,
        "编号为空，未采用 / the id is blank, the row is not taken",
        "编号 / an id",
        file=file,
        row=row,
        column=column,
    )


def _number(built: builder.NetworkBuilder, text: str, file: str, row: int, column: str) -> float:
    try:
        return float(text) if text else 0.0
    except ValueError:
        built.findings.add(
            "network.not_a_number",
            finding.Severity.WARNING,
            text,
            "数字 / a number",
            file=file,
            row=row,
            column=column,
        )
        return 0.0


def _phases(text: str) -> int:
    """How many phases a cell names: a number, or letters such as ABC; blank means all three."""
    if not text:
        return 3
    return int(text) if text.isdigit() else len(set(text.upper()) & set("ABC")) or 3
