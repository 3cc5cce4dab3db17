"""Long answers, written as they come, and CSV that a spreadsheet cannot be tricked by."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import web

_A_WRITE = 64 << 10
#: A cell that starts so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def respond(
    request: web.Request, lines: AsyncIterator[str], content_type: str, *, filename: str = ""
) -> web.StreamResponse:
    """Streams lines; what is refused before the first line is still answered as an error."""
    first = await anext(lines, "")
    response = web.StreamResponse()
    response.content_type = content_type
    response.charset = "utf-8"
    if filename:
        response.headers["Content-Disposition"] = disposition(filename)
    await response.prepare(request)
    kept, size = [first], len(first)
    async for line in lines:
        kept.append(line)
        size += len(line)
        if size >= _A_WRITE:
            await response.write("".join(kept).encode())
            kept.clear()
            size = 0
    await response.write("".join(kept).encode())
    await response.write_eof()
    return response


def disposition(filename: str, kind: str = "attachment") -> str:
    """The header that gives a download its name, in any alphabet."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def csv_line(*cells: str) -> str:
    """One line of CSV."""
    return ",".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(text: str) -> str:
    if text.startswith(_FORMULA):
        text = "'" + text
    if any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
