"""A network model as a few compressed columns, and back: how versions are kept and handed on.

A part is one column, or a few small ones, deflated. Lists of names are JSON arrays of some thousand
names, one array a line: decoding never holds the interpreter for long, so a model can be unpacked
beside a running event loop. Numbers are little-endian 32-bit. What a model of an older layout lacks
cannot be made up: ``LAYOUT`` is raised with every change and another layout is refused.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from notifier.domain import errors
from notifier.domain.network import model

LAYOUT = 1

_LEVEL = 1  # twice as large as the best, ten times as fast
_NAMES_A_LINE = 4_096


class UnreadablePack(errors.Conflict):
    """The stored model was written by another release, or is damaged."""

    code = "network.unreadable_pack"


def pack(network: model.Network) -> Iterator[tuple[str, bytes]]:
    """The parts of a model by kind, one after another so that they need not be held together."""
    yield "meta", zlib.compress(_json(_meta(network)), _LEVEL)
    yield "node_ids", _names(network.node_ids)
    yield "node_names", _other_names(network.node_names, network.node_ids)
    yield "node_kv", _numbers(network.node_kv)
    yield "branch_ids", _names(network.branch_ids)
    yield "branch_names", _other_names(network.branch_names, network.branch_ids)
    yield "branch_kind", zlib.compress(network.branch_kind, _LEVEL)
    yield "branch_from", _numbers(network.branch_from)
    yield "branch_to", _numbers(network.branch_to)
    yield "normal_open", zlib.compress(network.normal_open, _LEVEL)
    yield "in_service", zlib.compress(network.in_service, _LEVEL)
    yield "area_ids", _names(network.area_ids)
    yield "area_names", _other_names(network.area_names, network.area_ids)
    yield "area_nodes", _lists(network.area_nodes)
    yield "area_transformers", _lists(network.area_transformers)
    yield "customer_ids", _names(network.customer_ids)
    yield "customer_node", _numbers(network.customer_node)
    yield "customer_area", _numbers(network.customer_area)


def unpack(parts: Mapping[str, bytes], *, indexed: bool = True) -> model.Network:
    """The model again. Some seconds for a million nodes: call it off the event loop.

    Without ``indexed`` nothing can be found by name: half the memory, enough for comparing. Raises
    ``UnreadablePack``.
    """
    try:
        return _unpack(parts, indexed)
    except (KeyError, ValueError, zlib.error) as fault:
        raise UnreadablePack(
            f"库中的网络模型无法读取，请重新导入 / the stored model cannot be read, import it again: {fault}"
        ) from fault


def _unpack(parts: Mapping[str, bytes], indexed: bool) -> model.Network:
    meta = json.loads(zlib.decompress(parts["meta"]))
    if meta["layout"] != LAYOUT:
        raise ValueError(f"layout {meta['layout']}, not {LAYOUT}")
    node_ids = _read_names(parts["node_ids"])
    branch_ids = _read_names(parts["branch_ids"])
    area_ids = _read_names(parts["area_ids"])
    types = meta["switch_types"]
    written = datetime.fromisoformat(meta["as_of"]) if meta["as_of"] else None
    return model.Network(
        name=meta["name"],
        as_of=written,
        node_ids=node_ids,
        node_names=_read_other_names(parts["node_names"], node_ids),
        node_kv=_read_numbers(parts["node_kv"], "f"),
        node_index=_index(node_ids) if indexed else {},
        busbars=frozenset(meta["busbars"]),
        branch_ids=branch_ids,
        branch_names=_read_other_names(parts["branch_names"], branch_ids),
        branch_kind=bytearray(zlib.decompress(parts["branch_kind"])),
        branch_from=_read_numbers(parts["branch_from"]),
        branch_to=_read_numbers(parts["branch_to"]),
        normal_open=bytearray(zlib.decompress(parts["normal_open"])),
        in_service=bytearray(zlib.decompress(parts["in_service"])),
        branch_index=_index(branch_ids) if indexed else {},
        switch_types={
            branch: types["names"][number]
            for branch, number in zip(types["branches"], types["numbers"], strict=True)
        },
        partial_phases=frozenset(meta["partial_phases"]),
        sources=tuple(meta["sources"]),
        feeders=tuple(model.Feeder(**feeder) for feeder in meta["feeders"]),
        generators=tuple(model.Generator(**generator) for generator in meta["generators"]),
        area_ids=area_ids,
        area_names=_read_other_names(parts["area_names"], area_ids),
        area_nodes=_read_lists(parts["area_nodes"]),
        area_transformers=_read_lists(parts["area_transformers"]),
        area_index=_index(area_ids) if indexed else {},
        customer_ids=_read_names(parts["customer_ids"]),
        customer_node=_read_numbers(parts["customer_node"]),
        customer_area=_read_numbers(parts["customer_area"]),
        standby=dict(meta["standby"]),
        other_places={customer: tuple(nodes) for customer, nodes in meta["other_places"]},
        by_feeder=dict(meta["by_feeder"]),
        boundary=frozenset(meta["boundary"]),
        aliases=meta["aliases"],
        state_unknown=frozenset(meta["state_unknown"]),
    )


def _meta(network: model.Network) -> dict[str, Any]:
    """Everything of which there is little."""
    types = {
        name: number for number, name in enumerate(dict.fromkeys(network.switch_types.values()))
    }
    return {
        "layout": LAYOUT,
        "name": network.name,
        "as_of": network.as_of.isoformat() if network.as_of else None,
        "busbars": sorted(network.busbars),
        "switch_types": {
            "names": list(types),
            "branches": list(network.switch_types),
            "numbers": [types[name] for name in network.switch_types.values()],
        },
        "partial_phases": sorted(network.partial_phases),
        "sources": list(network.sources),
        "feeders": [
            {
                "id": feeder.id,
                "name": feeder.name,
                "substation": feeder.substation,
                "head": feeder.head,
                "busbar": feeder.busbar,
            }
            for feeder in network.feeders
        ],
        "generators": [
            {"id": generator.id, "name": generator.name, "node": generator.node}
            for generator in network.generators
        ],
        "standby": list(network.standby.items()),
        "other_places": list(network.other_places.items()),
        "by_feeder": list(network.by_feeder.items()),
        "boundary": sorted(network.boundary),
        "aliases": dict(network.aliases),
        "state_unknown": sorted(network.state_unknown),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _lines(names: Sequence[str | None]) -> bytes:
    packer = zlib.compressobj(_LEVEL)
    pieces = [
        packer.compress(_json(list(names[start : start + _NAMES_A_LINE])) + b"\n")
        for start in range(0, len(names), _NAMES_A_LINE)
    ]
    return b"".join((*pieces, packer.flush()))


def _read_lines(packed: bytes) -> Iterator[list[Any]]:
    # A name may hold any line break of Unicode; JSON escapes the one that ends a line here.
    for line in zlib.decompress(packed).split(b"\n"):
        if line:
            yield json.loads(line.decode("utf-8", "surrogatepass"))


def _names(names: Sequence[str]) -> bytes:
    return _lines(names)


def _read_names(packed: bytes) -> list[str]:
    found: list[str] = []
    for line in _read_lines(packed):
        found += line
    return found


def _other_names(names: Sequence[str], ids: Sequence[str]) -> bytes:
    """Names where they differ from the id: most equipment has none of its own."""
    return _lines([None if name == mrid else name for name, mrid in zip(names, ids, strict=True)])


def _read_other_names(packed: bytes, ids: Sequence[str]) -> list[str]:
    found: list[str] = []
    for line in _read_lines(packed):
        start = len(found)
        found += [
            mrid if name is None else name
            for name, mrid in zip(line, ids[start : start + len(line)], strict=True)
        ]
    return found


def _numbers(column: array[Any]) -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return zlib.compress(column, _LEVEL)


def _read_numbers(packed: bytes, kind: str = "i") -> array[Any]:
    found: array[Any] = array(kind)
    found.frombytes(zlib.decompress(packed))
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _lists(lists: Iterable[Sequence[int]]) -> bytes:
    """Short lists of numbers as one column: each its length, then itself."""
    flat = array("i")
    for numbers in lists:
        flat.append(len(numbers))
        flat.extend(numbers)
    return _numbers(flat)


def _read_lists(packed: bytes) -> list[tuple[int, ...]]:
    flat = _read_numbers(packed)
    found = []
    at = 0
    while at < len(flat):
        end = at + 1 + flat[at]
        found.append(tuple(flat[at + 1 : end]))
        at = end
    return found


def _index(ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(ids), _NAMES_A_LINE):
        part = ids[start : start + _NAMES_A_LINE]
        found.update(zip(part, range(start, start + len(part)), strict=True))
    return found
