"""Takes files of past interruptions in: whole or not at all, unless somebody accepts a part."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from notifier.domain import history
from notifier.domain.finding import Finding, Severity, has_errors
from notifier.domain.history import Attributed, Reported
from notifier.ports import Store

#: Interruptions written in one transaction: others get their turn in between.
_A_STEP = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReport:
    """What became of one file of past interruptions.

    ``rows`` were understood, ``interruptions`` are what they come to by area and feeder. Nothing was
    stored on a ``dry_run``, where it was ``refused`` for its findings, or where the same content came
    ``before``.
    """

    file: str
    digest: str
    rows: int
    interruptions: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    dry_run: bool
    refused: bool = False
    before: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "file": self.file,
            "digest": self.digest,
            "rows": self.rows,
            "interruptions": self.interruptions,
            "counts": dict(self.counts),
            "dry_run": self.dry_run,
            "refused": self.refused,
            "before": None if self.before is None else dict(self.before),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def file_digest(data: bytes, columns: Mapping[str, str], zone: str) -> str:
    """Names a file by its content and by how it is read: other columns may say other things."""
    digest = hashlib.sha256(data)
    digest.update(f"\0history\0{zone}\0{sorted(columns.items())}".encode())
    return digest.hexdigest()


async def import_history(
    store: Store,
    file: str,
    digest: str,
    rows: Sequence[Reported],
    findings: Sequence[Finding],
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
    part: bool = False,
    again: bool = False,
    zone: tzinfo = UTC,
    progress: Callable[[int], None] | None = None,
) -> HistoryReport:
    """Counts the rows of a file from now on; ``digest`` names its content (``file_digest``).

    With a finding of severity error nothing is stored, unless ``part`` accepts the rows without one.
    A file whose content came before is not taken ``again`` by itself. A row that another file gave
    before is known, and corrected where this one says otherwise. ``progress`` hears how many
    interruptions are stored; ``zone`` is the one in which a person reads when the file came before.
    """
    async with store.read() as tx:
        seen = await tx.plans.file_seen(digest)
        index = await tx.network()
        accounts = await tx.interruptions.points(history.accounts_of(rows))
    if seen is not None and not again:
        return HistoryReport(
            file=file,
            digest=digest,
            rows=0,
            interruptions=0,
            findings=(*findings, _seen_before(file, seen, zone)),
            counts={},
            dry_run=dry_run,
            before={
                "name": seen["name"],
                "received_at": seen["received_at"].isoformat(),
                "received_by": seen["received_by"],
                "counts": seen["outcome"].get("counts", {}),
            },
        )
    made = await asyncio.to_thread(history.attribute, rows, index, accounts, now=now)
    found = (*findings, *made.findings)
    refused = has_errors(found) and not part
    counts: dict[str, int] = {}
    if not dry_run and not refused:
        counts = await _store(store, file, digest, made, found, now, actor, progress)
    return HistoryReport(
        file=file,
        digest=digest,
        rows=made.rows,
        interruptions=len(made.entries),
        findings=found,
        counts=counts,
        dry_run=dry_run,
        refused=refused,
    )


async def _store(
    store: Store,
    file: str,
    digest: str,
    made: Attributed,
    findings: Sequence[Finding],
    now: datetime,
    actor: str,
    progress: Callable[[int], None] | None,
) -> dict[str, int]:
    """In steps; should it be cut short, the file is not remembered and the same again completes it."""
    counts = {"added": 0, "changed": 0, "known": 0}
    for start in range(0, len(made.entries), _A_STEP):
        step = made.entries[start : start + _A_STEP]
        async with store.write() as tx:
            for name, number in (await tx.interruptions.keep(digest, step)).items():
                counts[name] += number
        if progress is not None:
            progress(start + len(step))
    outcome = {
        "counts": counts,
        "rows": made.rows,
        "findings": [finding.as_dict() for finding in findings[:1000]],
    }
    async with store.write() as tx:
        await tx.plans.note_file(digest, file, outcome, now=now, actor=actor)
        await tx.audited(
            at=now,
            actor=actor,
            action="history.imported",
            subject=f"file:{digest[:16]}",
            detail={"name": file, "rows": made.rows, "counts": counts},
        )
    return counts


def _seen_before(file: str, seen: Mapping[str, Any], zone: tzinfo) -> Finding:
    at = seen["received_at"].astimezone(zone)
    return Finding(
        code="file.seen_before",
        severity=Severity.INFO,
        file=file,
        found=f"{seen['name']} {at.isoformat(timespec='minutes')}",
        expected="内容相同的文件已导入；--again 再次导入 / "
        "a file with this content was imported; --again takes it once more",
    )
