"""Multipart bodies, read piece by piece: files go to disk or memory within bounds, fields to a model."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from pydantic import BaseModel, ValidationError

from notifier.domain import errors as refusals
from notifier.web import errors
from notifier.web.endpoints import too_large

_MOST_FIELD = 8 << 10
_MOST_FIELDS = 32
_PIECE = 1 << 18


class FileMissing(refusals.Invalid):
    """A part of the form that must be a file is not there."""

    code = "request.file_missing"


@dataclass(slots=True)
class Form:
    """What came: ``fields`` as text; ``names`` of files; ``held`` those kept in memory."""

    fields: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    held: dict[str, bytes] = field(default_factory=dict)

    def file_name(self, part: str) -> str:
        """The name of a file as its sender calls it. Raises ``FileMissing``."""
        if part not in self.names:
            raise FileMissing(f"缺少文件 {part} / the part {part} with a file is missing.")
        return self.names[part]


async def read(request: web.Request, *, most: int, files: Mapping[str, Path | None]) -> Form:
    """The form of a request. ``files``: parts that are files, each with the folder into which it is
    written, or None to keep it in memory; ``most`` bytes a file.

    Raises ``errors.NotReadable``, ``errors.TooLarge``. Other parts that are files are refused.
    """
    if request.content_type != "multipart/form-data":
        raise errors.NotReadable(
            "请求体须为 multipart/form-data / the body must be multipart/form-data."
        )
    found = Form()
    try:
        reader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise errors.NotReadable("表单有误 / the form cannot be read.")
            if len(found.fields) >= _MOST_FIELDS:
                raise too_large(_MOST_FIELDS)
            if part.filename is None and part.name not in files:
                found.fields[part.name] = (await _bytes(part, _MOST_FIELD)).decode()
            elif part.name not in files or part.name in found.names:
                raise errors.NotReadable(f"多余的文件 {part.name} / no file {part.name} is wanted.")
            else:
                await _take(found, part, files[part.name], most)
    except (ValueError, AssertionError) as error:
        raise errors.NotReadable("表单有误 / the form cannot be read.") from error
    return found


async def _take(found: Form, part: BodyPartReader, folder: Path | None, most: int) -> None:
    name = str(part.name)
    found.names[name] = safe_name(part.filename or name)
    if folder is None:
        found.held[name] = await _bytes(part, most)
        return
    size = 0
    with await asyncio.to_thread((folder / found.names[name]).open, "wb") as file:
        while piece := await part.read_chunk(_PIECE):
            size += len(piece)
            if size > most:
                raise too_large(most)
            await asyncio.to_thread(file.write, piece)


async def _bytes(part: BodyPartReader, most: int) -> bytes:
    pieces, size = [], 0
    while piece := await part.read_chunk(_PIECE):
        size += len(piece)
        if size > most:
            raise too_large(most)
        pieces.append(piece)
    return b"".join(pieces)


def safe_name(name: str) -> str:
    """The last part of a file's name, without what a file system or a log could trip over.

    Some clients write what is not ASCII with percent signs.
    """
    last = unquote(name).replace("\\", "/").rpartition("/")[2]
    kept = "".join(char for char in last if char.isprintable()).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    return f"{stem[:80]}{dot}{ending[:10]}" if dot else (kept[:90] or "file")


M = TypeVar("M", bound=BaseModel)


def fitted(model: type[M], fields: Mapping[str, str]) -> M:
    """The fields as a model; those left blank are left out, as a form sends every field it has.

    Raises ``errors.RequestInvalid``.
    """
    try:
        return model.model_validate({name: value for name, value in fields.items() if value})
    except ValidationError as error:
        raise errors.RequestInvalid(error) from None
