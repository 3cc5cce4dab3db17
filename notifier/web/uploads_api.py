"""Files of plans over the API: bounded, read off the event loop, taken in or only looked at."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from notifier.intake import collector, tables
from notifier.intake.plans import PlanFile, read_plans
from notifier.settings import UploadSettings
from notifier.usecases import ingest, topology
from notifier.usecases.coordinate_checked import Checked
from notifier.web import answers, forms, requests, streaming
from notifier.web.context import CHECKER
from notifier.web.endpoints import WRITERS, Call, Group, Nothing

UPLOADS = Group("plans")
#: Plans written between two turns of everybody else.
_A_PIECE = 50


@UPLOADS.declare(
    "POST",
    "/plans/files",
    "Take in a file of plans: XLSX, XLS, ODS, CSV, HTML",
    roles=WRITERS,
    body=requests.UploadForm,
    files=("file",),
    answer=answers.UploadAnswer,
    also=(400, 413),
)
async def upload_plans(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Reads the file in a thread, then submits every plan; a dry run stores nothing."""
    service = call.service
    bounds = service.settings.uploads
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="notifier-upload-")
    try:
        path = Path(folder.name)
        form = await forms.read(call.request, most=bounds.max_bytes, files={"file": path})
        wanted = forms.fitted(requests.UploadForm, form.fields)
        path /= form.file_name("file")
        digest = await asyncio.to_thread(
            lambda: ingest.file_digest(
                path.read_bytes(), published=wanted.published, department=wanted.department
            )
        )
        read = await asyncio.to_thread(
            read_plans,
            path,
            zone=service.setting.zone,
            published=wanted.published,
            department=wanted.department,
            limits=limits_of(bounds),
        )
    finally:
        await asyncio.to_thread(folder.cleanup)
    head: dict[str, Any] = {"file": path.name, "dry_run": wanted.dry_run, "before": None}
    taken: Sequence[ingest.Taken] = ()
    findings = read.findings
    world: topology.World | None = None
    checker, checked = call.request.app[CHECKER], list[Checked | None]()
    if wanted.dry_run:
        head["counts"] = {"read": len(read.plans)}
        world = await topology.world(service.store)
        checked += await checker.foresee([draft.content for draft in read.plans], call.now)
    else:
        report = await ingest.ingest_plans(
            service.store,
            read.plans,
            path.name,
            digest,
            read.findings,
            now=call.now,
            actor=call.actor.name,
            again=wanted.again,
            zone=service.setting.zone,
        )
        head |= {
            "counts": report.counts,
            "before": None if report.before is None else dict(report.before),
        }
        taken, findings = report.taken, report.findings
        known = await checker.look([item.number for item in taken], call.now)
        checked += [known.get(item.number) for item in taken]
    # What was read is large: walking all of it, as a collection does, would hold up everybody.
    with collector.paused():
        return await streaming.respond(
            call.request,
            _written(
                head,
                taken=_each(item.as_dict() for item in taken),
                plans=_plans(call, read, world, checked),
                findings=_each(finding.as_dict() for finding in findings),
                breathe=lambda: service.clock.pause(0),
            ),
            "application/json",
        )


async def _plans(
    call: Call[Nothing, Nothing],
    read: PlanFile,
    world: topology.World | None,
    checked: Sequence[Checked | None],
) -> AsyncIterator[Any]:
    """Each plan as plain values, with what else takes its areas out; in a dry run with whom it would
    touch."""
    store, zone = call.service.store, call.service.setting.zone
    foreseen = None if world is None else ingest.foresee(store, read.plans, world, now=call.now)
    for place, draft in enumerate(read.plans):
        (shown,) = PlanFile(plans=(draft,)).as_dict(zone)["plans"]
        if foreseen is not None:
            shown["impact"] = await anext(foreseen)
        found = checked[place] if place < len(checked) else None
        if found is not None:
            shown["coordination"] = found.as_dict()
        yield shown


async def _each(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def _written(
    head: dict[str, Any], *, breathe: Callable[[], Awaitable[None]], **lists: AsyncIterator[Any]
) -> AsyncIterator[str]:
    """The answer as text, a piece at a time: 50,000 plans written at once would hold up everybody."""
    yield orjson.dumps(head).decode()[:-1]
    for name, items in lists.items():
        yield f',"{name}":['
        comma = ""
        piece: list[Any] = []
        async for item in items:
            piece.append(item)
            if len(piece) == _A_PIECE:
                yield comma + orjson.dumps(piece).decode()[1:-1]
                comma, piece = ",", []
                await breathe()
        if piece:
            yield comma + orjson.dumps(piece).decode()[1:-1]
        yield "]"
    yield "}"


def limits_of(bounds: UploadSettings) -> tables.TableLimits:
    """How much of a file is read, by the settings."""
    return tables.TableLimits(
        size=bounds.max_bytes,
        unpacked=bounds.max_unpacked,
        ratio=bounds.max_ratio,
        rows=bounds.max_rows,
        cells=bounds.max_cells,
    )
