"""Takes the plans of a file in, a few hundred at a time, and remembers the file when all are in."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from notifier.domain import errors, matching
from notifier.domain.finding import Finding, Severity, has_errors
from notifier.domain.matching import Match
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanContent, PlanDraft
from notifier.ports import Store
from notifier.usecases import aside, submitting, topology
from notifier.usecases.matching import Unmatched
from notifier.usecases.submitting import Incoming, Submitted
from notifier.usecases.topology import World

#: Plans of one transaction: its lock lasts for some ten milliseconds, and whoever kills the process
#: loses no more than these.
_TAKEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one plan of the file. ``revision`` is 0 where nothing is stored; ``code`` and
    ``sentence`` say why a plan was refused outright; ``findings`` are what matching it against the
    ledger added to those of the file."""

    number: str
    sheet: str
    row: int | None
    outcome: str
    revision: int = 0
    code: str = ""
    sentence: str = ""
    findings: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; what is empty is left out."""
        said = {
            "code": self.code,
            "sentence": self.sentence,
            "findings": [dict(finding) for finding in self.findings],
        }
        return {
            "number": self.number,
            "sheet": self.sheet,
            "row": self.row,
            "outcome": self.outcome,
            "revision": self.revision,
        } | {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of one file. ``before`` is set when the same content came earlier: then nothing was
    done, and it says when, from whom, and what was made of it."""

    file: str
    digest: str
    taken: tuple[Taken, ...]
    findings: tuple[Finding, ...]
    before: Mapping[str, Any] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Outcome (``new``, ``revised``, ``unchanged``, ``refused``) to number of plans."""
        return dict(sorted(Counter(item.outcome for item in self.taken).items()))

    @property
    def has_errors(self) -> bool:
        """Whether a person has to mend something."""
        return has_errors(self.findings) or any(
            item.outcome == Submitted.REFUSED.value
            or any(found["severity"] == Severity.ERROR.value for found in item.findings)
            for item in self.taken
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, as kept with the file."""
        return {
            "file": self.file,
            "digest": self.digest,
            "counts": self.counts,
            "taken": [item.as_dict() for item in self.taken],
            "before": None if self.before is None else dict(self.before),
        }


def file_digest(data: bytes, *, published: date | None = None, department: str = "") -> str:
    """Names a file by its content and by what was said about it: the same table read for another
    publication date may hold other times."""
    digest = hashlib.sha256(data)
    if published is not None or department:
        said = "" if published is None else published.isoformat()
        digest.update(f"\0{said}\0{department}".encode())
    return digest.hexdigest()


async def ingest_plans(
    store: Store,
    drafts: Sequence[PlanDraft],
    file_name: str,
    digest: str,
    findings: Sequence[Finding] = (),
    *,
    now: datetime,
    actor: str,
    again: bool = False,
    zone: tzinfo = UTC,
    progress: Callable[[int], None] | None = None,
) -> IngestReport:
    """Submits every plan of a file; ``digest`` names its content (``file_digest``).

    A file whose content came before is not taken again unless ``again``: what people changed since
    would be undone. A plan that is refused, or cannot be read, costs no other plan; one with
    findings of severity error is kept as a draft. Where the process dies on the way the file is not
    remembered: taken once more, the plans that are in are nothing new, and the others follow.
    ``progress`` hears how many plans were taken; ``zone`` is the one in which a person reads when
    the file came before. Raises ``matching.Unmatched`` for a fault in matching a plan, when all others
    are in.
    """
    async with store.read() as tx:
        seen = await tx.plans.file_seen(digest)
    if seen is not None and not again:
        return IngestReport(
            file=file_name,
            digest=digest,
            taken=(),
            findings=(*findings, _seen_before(file_name, seen, zone)),
            before=_remembered(seen),
        )
    taken: list[Taken] = []
    numbers: dict[str, PlanContent] = {}
    faults: list[Unmatched] = []
    with aside.piecemeal() as done:
        for batch in _batches(drafts):
            try:
                taken += await _take(store, batch, digest, numbers, now, actor)
            except Unmatched as fault:
                faults.append(fault)
            done()
            if progress is not None:
                progress(len(taken))
    if faults:
        raise faults[0]
    report = IngestReport(
        file=file_name, digest=digest, taken=tuple(taken), findings=tuple(findings)
    )
    kept = report.as_dict() | {"findings": [finding.as_dict() for finding in findings]}
    del kept["before"]
    async with store.write() as tx:
        await tx.plans.note_file(digest, file_name, kept, now=now, actor=actor)
        await tx.audited(
            at=now,
            actor=actor,
            action="file.imported",
            subject=f"file:{digest[:16]}",
            detail={"name": file_name, "counts": report.counts},
        )
    return report


def _batches(drafts: Sequence[PlanDraft]) -> Iterator[Sequence[PlanDraft]]:
    """Plans that are taken together, in which a number stands once: the same row twice is first new,
    then nothing new."""
    batch: list[PlanDraft] = []
    numbers: set[str] = set()
    for draft in drafts:
        if len(batch) == _TAKEN_AT_ONCE or draft.content.number in numbers:
            yield batch
            batch, numbers = [], set()
        batch.append(draft)
        numbers.add(draft.content.number)
    if batch:
        yield batch


async def _take(
    store: Store,
    batch: Sequence[PlanDraft],
    digest: str,
    numbers: dict[str, PlanContent],
    now: datetime,
    actor: str,
) -> list[Taken]:
    # Submitting another content would replace the plan that this very file gave the number first.
    first = [
        draft
        for draft in batch
        if numbers.setdefault(draft.content.number, draft.content) == draft.content
    ]
    incoming = [
        Incoming(content=draft.content, source=source_of(draft, digest), findings=draft.findings)
        for draft in first
    ]
    answers = await submitting.submit_all(store, incoming, now=now, actor=actor)
    answered = {item.content.number: answer for item, answer in zip(incoming, answers, strict=True)}
    return [_taken(draft, answered.get(draft.content.number)) for draft in batch]


def _taken(draft: PlanDraft, answer: submitting.Accepted | errors.Refusal | None) -> Taken:
    """What became of one plan; None: another of the file has its number."""
    place = Taken(
        number=draft.content.number,
        sheet=draft.sheet,
        row=draft.row,
        outcome=Submitted.REFUSED.value,
    )
    if answer is None:
        return replace(
            place,
            code="plan.number_reused",
            sentence="同一文件中编号重复 / another plan of this file has the number.",
        )
    if isinstance(answer, errors.Refusal):
        return replace(place, code=answer.code, sentence=answer.sentence)
    known = [finding.as_dict() for finding in draft.findings]
    return replace(
        place,
        outcome=answer.outcome.value,
        revision=answer.plan.revision,
        findings=tuple(found for found in answer.revision.findings if found not in known),
    )


def source_of(draft: PlanDraft, digest: str = "") -> dict[str, Any]:
    """Where a plan was read, with the words of every window, as kept with its revision."""
    return {
        "file": draft.file,
        "sheet": draft.sheet,
        "row": draft.row,
        "rows": list(draft.rows),
        "digest": digest,
        "windows": [
            {
                "starts_at": item.window.starts_at.isoformat(),
                "ends_at": item.window.ends_at.isoformat(),
                "text": item.text,
                "row": item.row,
            }
            for item in draft.source_windows
        ],
    }


async def foresee(
    store: Store, drafts: Sequence[PlanDraft], world: World, *, now: datetime
) -> AsyncIterator[dict[str, Any]]:
    """Whom each plan would touch, by ledger and network as they are, without storing anything: usage
    points by class, areas, and what matching doubts. In the order of the plans."""
    timed = [draft.content for draft in drafts if draft.content.all_windows]
    matches = topology.match_all(store, [(content, now) for content in timed], given=world)
    for draft in drafts:
        if draft.content.all_windows:
            match = await anext(matches)
        else:
            match = await asyncio.to_thread(matching.match, draft.content, world.index)
        if isinstance(match, Exception):
            raise match
        yield _foreseen(match, world.index)


def _foreseen(match: Match, network: NetworkIndex) -> dict[str, Any]:
    classes = {group.number: group.impact_class.value for group in match.groups}
    points: Counter[str] = Counter()
    for area_id, number in match.areas.items():
        points[classes[number]] += network.areas[area_id].points
    for feeder_id, number in match.feeders.items():
        points[classes[number]] += network.feeders[feeder_id].points
    for number in match.points.values():
        points[classes[number]] += 1
    return {
        "points": dict(sorted(points.items())),
        "areas": len({*match.areas, *match.traced_areas}),
        "findings": [finding.as_dict() for finding in match.findings],
    }


def _remembered(seen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": seen["name"],
        "received_at": seen["received_at"].isoformat(),
        "received_by": seen["received_by"],
        "counts": seen["outcome"].get("counts", {}),
        "taken": seen["outcome"].get("taken", []),
    }


def _seen_before(file_name: str, seen: Mapping[str, Any], zone: tzinfo) -> Finding:
    at = seen["received_at"].astimezone(zone)
    return Finding(
        code="file.seen_before",
        severity=Severity.INFO,
        file=file_name,
        found=f"{seen['name']} {at.isoformat(timespec='minutes')}",
        expected="内容相同的文件已导入；--again 再次导入 / "
        "a file with this content was imported; --again takes it once more",
    )
