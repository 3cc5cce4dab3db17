"""Files of plans over the API: bounded, read off the event loop, taken in or only looked at."""

import asyncio
import tempfile
from pathlib import Path

from pydantic import BaseModel

from notifier.intake import tables
from notifier.intake.plans import PlanFile, read_plans
from notifier.settings import UploadSettings
from notifier.usecases import ingest
from notifier.web import answers, forms, requests
from notifier.web.endpoints import WRITERS, Call, Group, Nothing

UPLOADS = Group("plans")


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
async def upload_plans(call: Call[Nothing, Nothing]) -> BaseModel:
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
    if wanted.dry_run:
        return await _foreseen(call, path.name, read)
    report = await ingest.ingest_plans(
        service.store,
        read.plans,
        path.name,
        digest,
        read.findings,
        now=call.now,
        actor=call.actor.name,
        again=wanted.again,
    )
    return answers.UploadAnswer(
        file=path.name,
        dry_run=False,
        counts=report.counts,
        taken=[item.as_dict() for item in report.taken],
        plans=read.as_dict(service.setting.zone)["plans"],
        findings=[finding.as_dict() for finding in report.findings],
        before=None if report.before is None else dict(report.before),
    )


async def _foreseen(call: Call[Nothing, Nothing], name: str, read: PlanFile) -> BaseModel:
    async with call.service.store.read() as tx:
        network = await tx.network()
    plain = read.as_dict(call.service.setting.zone)
    for shown, draft in zip(plain["plans"], read.plans, strict=True):
        shown["impact"] = ingest.foresee(draft, network)
    return answers.UploadAnswer(
        file=name,
        dry_run=True,
        counts={"read": len(read.plans)},
        taken=[],
        plans=plain["plans"],
        findings=plain["findings"],
    )


def limits_of(bounds: UploadSettings) -> tables.TableLimits:
    """How much of a file is read, by the settings."""
    return tables.TableLimits(
        size=bounds.max_bytes,
        unpacked=bounds.max_unpacked,
        ratio=bounds.max_ratio,
        rows=bounds.max_rows,
        cells=bounds.max_cells,
    )
