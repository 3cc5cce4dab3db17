"""A small streaming reader of CIM RDF/XML: one object after another, never the whole tree."""

import codecs
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from notifier.intake.network_csv import UnreadableNetwork

MAX_BYTES = 8 << 30
"""The most a file may unpack to."""

_CHUNK = 1 << 18
_DECLARED = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_EXPAT_KNOWS = frozenset({"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1"})


@dataclass(slots=True)
class Record:
    """One object of a file: its class without namespace, its key, its values and its references.

    Keys and references are without ``#`` and ``urn:uuid:``, so that they meet. Values and
    references are by property (``Switch.normalOpen``); the last value of a property wins,
    references are all kept.
    """

    kind: str
    key: str
    values: dict[str, str] = field(default_factory=dict)
    refs: dict[str, list[str]] = field(default_factory=dict)

    def ref(self, name: str) -> str:
        """The first reference of that property, or nothing."""
        found = self.refs.get(name)
        return found[0] if found else ""

    def name(self) -> str:
        """The object's name in either vocabulary."""
        return self.values.get("IdentifiedObject.name") or self.values.get("Naming.name") or ""


def read(path: Path) -> Iterator[Record]:
    """The objects of one file, gzipped or not, in order.

    Raises ``UnreadableNetwork`` on broken XML, on a document type or entity, and on a file that
    unpacks to more than ``MAX_BYTES``.
    """
    with path.open("rb") as raw:
        packed: BinaryIO = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
        try:
            yield from _parse(packed, path.name)
        except (expat.ExpatError, OSError, EOFError, UnicodeDecodeError) as fault:
            raise UnreadableNetwork(f"{path.name} 无法读取 / cannot be read: {fault}") from fault


def _parse(stream: BinaryIO, name: str) -> Iterator[Record]:
    chunk = stream.read(_CHUNK)
    declared = _DECLARED.search(chunk[:200])
    encoding = declared.group(1).decode().lower() if declared else "utf-8"
    decoder = None
    if encoding not in _EXPAT_KNOWS:
        # Expat reads no multi-byte code pages, and these files come in GB2312 and GBK too.
        try:
            family = "gb18030" if encoding.startswith("gb") else encoding
            decoder = codecs.getincrementaldecoder(family)()
        except LookupError:
            raise UnreadableNetwork(f"{name}: 未知编码 / unknown encoding {encoding}") from None
    parser = expat.ParserCreate("utf-8" if decoder else None, namespace_separator=" ")
    handler = _Handler(name)
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = handler.refuse
    parser.EntityDeclHandler = handler.refuse
    parser.buffer_text = True
    left = MAX_BYTES
    while chunk:
        left -= len(chunk)
        if left < 0:
            raise UnreadableNetwork(f"{name} 过大 / {name} unpacks to too much")
        parser.Parse(decoder.decode(chunk).encode() if decoder else chunk, False)
        yield from handler.done
        handler.done.clear()
        chunk = stream.read(_CHUNK)
    parser.Parse(b"", True)
    yield from handler.done


class _Handler:
    """Collects objects: elements right under the root, with their children as properties."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = 0
        self._record: Record | None = None
        self._property = ""
        self._text: list[str] = []
        self.done: list[Record] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2:
            key = ""
            for attribute, value in attributes.items():
                if attribute.endswith((" ID", " about")):
                    key = bare(value)
            self._record = Record(tag.rpartition(" ")[2], key)
        elif self._depth == 3 and self._record is not None:
            self._property = tag.rpartition(" ")[2]
            self._text.clear()
            for attribute, value in attributes.items():
                if attribute.endswith(" resource"):
                    self._record.refs.setdefault(self._property, []).append(bare(value))

    def end(self, _tag: str) -> None:
        self._depth -= 1
        if self._record is None:
            return
        if self._depth == 2:
            text = "".join(self._text).strip()
            if text:
                self._record.values[self._property] = text
        elif self._depth == 1:
            self.done.append(self._record)
            self._record = None

    def text(self, data: str) -> None:
        if self._depth == 3:
            self._text.append(data)

    def refuse(self, *_: object) -> None:
        raise UnreadableNetwork(
            f"{self._name}: 不接受文档类型和实体 / document types and entities are not accepted"
        )


def bare(reference: str) -> str:
    """An rdf:ID, rdf:about or rdf:resource without ``#`` and ``urn:uuid:``."""
    return reference.removeprefix("#").removeprefix("urn:uuid:")
