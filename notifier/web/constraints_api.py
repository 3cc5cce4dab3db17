"""Constraints over HTTP: what is in force, files looked at and put in force, earlier versions put back."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from notifier.domain.coordination.constraints import Constraints
from notifier.domain.finding import Finding
from notifier.intake import constraints as reader
from notifier.intake import constraints_book
from notifier.intake.plans_json import Strict
from notifier.store.coordination import Coordination
from notifier.usecases import coordinate_constraints
from notifier.usecases.coordinate_constraints import ConstraintsInvalid, Incoming, Taken
from notifier.web import answers, errors, forms, presenting, streaming
from notifier.web.context import SERVICE, Service
from notifier.web.endpoints import OFFICE, WRITERS, Call, Group, Nothing
from notifier.web.uploads_api import limits_of

CONSTRAINTS = Group("coordination")
BOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ConstraintsForm(Strict):
    """What is said about a file of constraints. ``seen``: the version that was looked at, 0 for none."""

    dry_run: Annotated[bool, Field(description="look at it, change nothing")] = False
    seen: Annotated[int | None, Field(ge=0, description="refuse it where another is in force")] = (
        None
    )


class RestoreBody(Strict):
    """``seen``: the version that was looked at, 0 for none; refused where another is in force."""

    seen: Annotated[int, Field(strict=True, ge=0)] | None = None


class BookQuery(Strict):
    """Which workbook."""

    template: Annotated[bool, Field(description="an empty one instead of what is in force")] = False


@CONSTRAINTS.declare(
    "GET",
    "/coordination/constraints",
    "Show what the bureau asks of its works",
    roles=OFFICE,
    answer=answers.FreeAnswer,
)
async def show(call: Call[Nothing, Nothing]) -> BaseModel:
    """What is in force, table by table; empty where nothing was imported."""
    kept = await book(call.service).rules()
    if kept is None:
        return answers.FreeAnswer.model_validate({"id": 0, "name": "", "constraints": {}})
    return answers.FreeAnswer.model_validate(_shown(kept, call.service))


@CONSTRAINTS.declare(
    "POST",
    "/coordination/constraints",
    "Put a file of constraints in force, or only look at it: TOML, XLSX, XLS, ODS, CSV",
    roles=WRITERS,
    body=ConstraintsForm,
    files=("file",),
    answer=answers.FreeAnswer,
    also=(400, 409, 413),
)
async def upload(call: Call[Nothing, Nothing]) -> BaseModel | web.StreamResponse:
    """The file takes the place of what was in force, whole; with a mistake in it nothing is taken."""
    coming, form = await incoming(call.request)
    wanted = forms.fitted(ConstraintsForm, form.fields)
    try:
        taken = await take(call.service, coming, wanted, call.actor.name)
    except ConstraintsInvalid as refusal:
        return errors.problem(
            422,
            code=refusal.code,
            detail=refusal.sentence,
            instance=call.request.path,
            fields=[_field(finding) for finding in refusal.findings],
        )
    return answers.FreeAnswer.model_validate(
        {"file": coming.name, "dry_run": wanted.dry_run, "is_valid": coming.constraints is not None}
        | taken_as_dict(taken)
        | {"constraints": coming.body}
    )


@CONSTRAINTS.declare(
    "GET",
    "/coordination/constraints/versions",
    "List what was ever in force",
    roles=OFFICE,
    answer=answers.FreeAnswer,
)
async def list_versions(call: Call[Nothing, Nothing]) -> BaseModel:
    """The newest fifty, the one in force first."""
    return answers.FreeAnswer.model_validate({"versions": await versions(call.service)})


@CONSTRAINTS.declare(
    "GET",
    "/coordination/constraints/versions/{id:int}",
    "Show one version of the constraints",
    roles=OFFICE,
    answer=answers.FreeAnswer,
    also=(404,),
)
async def show_version(call: Call[Nothing, Nothing]) -> BaseModel:
    """In force or not."""
    kept = await book(call.service).rules_of(call.number("id"))
    if kept is None:
        raise coordinate_constraints.VersionNotFound(
            f"没有第 {call.number('id')} 版约束 / there are no constraints {call.number('id')}."
        )
    return answers.FreeAnswer.model_validate(_shown(kept, call.service))


@CONSTRAINTS.declare(
    "POST",
    "/coordination/constraints/versions/{id:int}/restore",
    "Put an earlier version of the constraints in force again",
    roles=WRITERS,
    body=RestoreBody,
    answer=answers.FreeAnswer,
    also=(404, 409),
)
async def restore_version(call: Call[Nothing, RestoreBody]) -> BaseModel:
    """As a version of its own: nothing is lost, and putting back is put back the same way."""
    version = await coordinate_constraints.restore(
        book(call.service),
        call.number("id"),
        seen=call.body.seen,
        now=call.now,
        actor=call.actor.name,
    )
    return answers.FreeAnswer.model_validate({"version": version})


@CONSTRAINTS.declare(
    "GET",
    "/coordination/constraints.xlsx",
    "The constraints as a workbook, to fill in and hand in again",
    roles=OFFICE,
    query=BookQuery,
    produces=(BOOK_TYPE,),
)
async def download(call: Call[BookQuery, Nothing]) -> web.StreamResponse:
    """What is in force, or an empty one."""
    return await workbook(call.service, is_template=call.query.template)


# --- For the pages too -----------------------------------------------------------------------------


def book(service: Service) -> Coordination:
    """Where the versions are kept."""
    return Coordination(service.store.database)


async def incoming(request: web.Request) -> tuple[Incoming, forms.Form]:
    """The file of a form, read in a thread, and the form's other fields.

    Raises what ``forms.read`` raises and ``tables.TableError``.
    """
    bounds = request.app[SERVICE].settings.uploads
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="notifier-upload-")
    try:
        path = Path(folder.name)
        form = await forms.read(request, most=bounds.max_bytes, files={"file": path})
        path /= form.file_name("file")
        return await asyncio.to_thread(_read, path, limits_of(bounds)), form
    finally:
        await asyncio.to_thread(folder.cleanup)


def _read(path: Path, limits: Any) -> Incoming:
    read = reader.read_constraints(path, limits)
    found = read.constraints
    return Incoming(
        name=read.name,
        digest=read.digest,
        constraints=found,
        body={} if found is None else reader.constraints_as_dict(found),
        findings=read.findings,
    )


async def take(service: Service, coming: Incoming, wanted: ConstraintsForm, actor: str) -> Taken:
    """Takes them, or in a dry run only looks. Raises as ``coordinate_constraints.take``."""
    if wanted.dry_run:
        return await coordinate_constraints.foresee(
            service.store, book(service), service.setting, coming
        )
    return await coordinate_constraints.take(
        service.store,
        book(service),
        service.setting,
        coming,
        seen=wanted.seen,
        now=service.clock.now(),
        actor=actor,
    )


async def versions(service: Service) -> list[dict[str, Any]]:
    """What was ever in force as plain values, the newest first."""
    kept = await book(service).rules_before()
    return [_head(item, service) | {"in_force": at == 0} for at, item in enumerate(kept)]


async def workbook(service: Service, *, is_template: bool) -> web.Response:
    """What is in force, or an empty one, as a download."""
    kept = None if is_template else await book(service).rules()
    found = Constraints() if kept is None else reader.constraints_from_dict(kept["body"])
    content = await asyncio.to_thread(constraints_book.write_book, found)
    name = "约束模板.xlsx" if kept is None else f"约束-{kept['id']}.xlsx"
    return web.Response(
        body=content,
        content_type=BOOK_TYPE,
        headers={"Content-Disposition": streaming.disposition(name)},
    )


def taken_as_dict(taken: Taken) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "version": taken.version or 0,
        "is_new": taken.is_new,
        "changes": {table: dict(counts) for table, counts in taken.changes.items()},
        "findings": [finding.as_dict() for finding in taken.findings],
    }


def _head(kept: Any, service: Service) -> dict[str, Any]:
    return {
        "id": kept["id"],
        "name": kept["name"],
        "imported_at": presenting.local(kept["imported_at"], service.setting.zone),
        "imported_by": kept["imported_by"],
    }


def _shown(kept: Any, service: Service) -> dict[str, Any]:
    return _head(kept, service) | {"constraints": kept["body"]}


def _field(finding: Finding) -> dict[str, str]:
    """A mistake of the file as one of the request's."""
    place = [finding.sheet, "" if finding.row is None else str(finding.row), finding.column]
    said = {name: str(value) for name, value in finding.as_dict().items() if name != "severity"}
    return said | {
        "field": ".".join(part for part in ("file", *place) if part),
        "message": f"{finding.found} → {finding.expected}",
    }
