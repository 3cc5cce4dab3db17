"""A guard before a zipped workbook is parsed: how much it unpacks to and how far its cells reach.

A workbook of a few kilobytes can unpack to gigabytes, or hold one cell in its very last corner,
for which a reader lays out seventeen thousand million cells and takes the whole process with it.
Both are found here, in one bounded pass, without trusting the sizes an archive states about itself.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from notifier.domain import errors

_CHUNK = 1 << 18
_OVERLAP = 64

#: References that leave the first 26 columns or the first 99,999 rows; all others need no look.
_FAR_REFERENCE = re.compile(
    rb"\br\s*=\s*[\"'](?:([A-Za-z]{2,3})(\d{1,10})|[A-Za-z]?(\d{6,10}))[\"']"
)
_NEAR_ROWS, _NEAR_COLUMNS = 99_999, 26

_ODS_TOKEN = re.compile(
    rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*?)(/?)>"
)
_ODS_REPEATED = re.compile(rb"table:number-(?:rows|columns)-repeated\s*=\s*[\"'](\d{1,10})[\"']")


class ArchiveError(errors.Invalid):
    """The archive is broken, or holds more than is allowed."""

    code = "table.damaged"


def check_archive(data: bytes, *, unpacked: int, ratio: float, cells: int) -> frozenset[str]:
    """The names of the archive's members, once it is known to be harmless.

    ``unpacked`` bytes in all; ``ratio`` of unpacked to packed bytes; ``cells`` in the rectangle
    that holds all cells of a sheet. Raises ``ArchiveError``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as fault:
        raise ArchiveError(
            "文件已损坏，无法解压 / the file is damaged and cannot be unpacked"
        ) from fault
    allowed = min(unpacked, max(int(len(data) * ratio), (16 << 20)))
    for member in members:
        allowed -= _check_member(data, member, allowed, cells)
    return frozenset(member.filename for member in members)


def _check_member(data: bytes, member: zipfile.ZipInfo, allowed: int, cells: int) -> int:
    """The unpacked size of one member."""
    size = 0
    tail = b""
    rows, columns = _NEAR_ROWS, _NEAR_COLUMNS
    open_document = b""
    for block in _blocks(data, member):
        size += len(block)
        if size > allowed:
            raise ArchiveError(
                "文件解压后过大 / the file unpacks to more than is allowed", code="table.too_large"
            )
        if member.filename == "content.xml":
            open_document += block
            continue
        for match in _FAR_REFERENCE.finditer(tail + block):
            rows = max(rows, int(match[2] or match[3]))
            columns = max(columns, _column(match[1] or b"A"))
        tail = block[-_OVERLAP:]
    if open_document:
        rows, columns = _open_document_size(open_document)
    if rows * columns > max(cells, _NEAR_ROWS * _NEAR_COLUMNS):
        raise ArchiveError(
            f"表格范围过大：{rows} 行 × {columns} 列 / a sheet reaches over {rows} rows × {columns} columns",
            code="table.too_large",
        )
    return size


def _blocks(data: bytes, member: zipfile.ZipInfo) -> Iterator[bytes]:
    header = data[member.header_offset : member.header_offset + 30]
    if member.flag_bits & 1:
        raise ArchiveError(
            "文件有密码，请取消密码后再导入 / the file has a password; save it without one",
            code="table.password",
        )
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise ArchiveError(f"文件已损坏 / the file is damaged at {member.filename}")
    start = member.header_offset + 30
    start += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    packed = data[start : start + member.compress_size]
    if member.compress_type == zipfile.ZIP_STORED:
        for at in range(0, len(packed), _CHUNK):
            yield packed[at : at + _CHUNK]
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        yield from _inflate(packed, member.filename)
    else:
        raise ArchiveError(f"压缩方式不支持 / unknown compression of {member.filename}")


def _inflate(packed: bytes, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while not inflater.eof:
            block = inflater.decompress(packed, _CHUNK)
            packed = inflater.unconsumed_tail
            if not block and not packed and not inflater.eof:
                raise ArchiveError(f"文件不完整 / the file is cut short at {name}")
            yield block
    except zlib.error as fault:
        raise ArchiveError(f"文件已损坏 / the file is damaged at {name}") from fault


def _open_document_size(content: bytes) -> tuple[int, int]:
    """The largest sheet of an OpenDocument table: the last row and column that hold something.

    Every sheet ends in repeated empty rows and cells up to the program's own limits; those are
    not laid out and do not count.
    """
    widest = (1, 1)
    row = column = last_row = last_column = repeat_rows = 0
    for match in _ODS_TOKEN.finditer(content):
        repeat = _ODS_REPEATED.search(match[2])
        times = int(repeat[1]) if repeat else 1
        if match[1] == b"table":
            row = last_row = last_column = repeat_rows = 0
        elif match[1] == b"table-row":
            row += repeat_rows
            repeat_rows, column = times, 0
        else:
            column += times
            if not match[3] or b"value" in match[2]:
                last_row = max(last_row, row + repeat_rows)
                last_column = max(last_column, column)
                if last_row * last_column > widest[0] * widest[1]:
                    widest = (last_row, last_column)
    return widest


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
