"""Imports a customer ledger: compare it with the store, refuse what looks wrong, apply the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.domain import errors
from notifier.domain.finding import Finding
from notifier.domain.ledger import Difference, Outline
from notifier.usecases.ledger_contracts import LedgerReader, LedgerStore

#: More than this share of the customers that a file speaks for do not vanish overnight; a file cut
#: short looks just like that.
MOST_GONE = 0.2
#: Of fewer customers than this, a share says nothing.
FEW = 20


class TooManyGone(errors.Conflict):
    """So many customers are missing from the file that it is probably not complete."""

    code = "ledger.too_many_gone"


class NothingFound(errors.Invalid):
    """The files hold no customer, transformer area or feeder."""

    code = "ledger.nothing_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What an import did, or would do: the counts and everything somebody should look at."""

    files: tuple[str, ...]
    is_dry_run: bool
    counts: Mapping[str, int]
    finding_counts: Mapping[str, int]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values; ``findings`` holds up to 10,000 a code,
        ``finding_counts`` all of them."""
        return {
            "files": list(self.files),
            "dry_run": self.is_dry_run,
            "counts": dict(self.counts),
            "finding_counts": dict(self.finding_counts),
            "findings": [finding.as_dict() for finding in self.findings],
        }


async def import_ledger(
    store: LedgerStore,
    reader: LedgerReader,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
    whole: bool = False,
    allow_gone: bool = False,
    progress: Callable[[int], None] | None = None,
) -> LedgerReport:
    """Make the store follow the files, all or nothing; the report says what happened.

    Customers are called gone only on feeders for which the files name customers, or everywhere when
    ``whole``. Rows with ERROR findings are left out, contradictory places stay blank; everything
    else is the accepted part. ``progress`` hears how many rows were read.
    Raises ``TooManyGone`` (unless ``allow_gone``) and ``NothingFound``; then nothing was changed.
    """
    async with store.load() as load:
        rows = 0
        async for chunk in reader.chunks():
            await load.stage(chunk)
            rows += len(chunk)
            if progress is not None:
                progress(rows)
        outline = reader.outline
        if dry_run:
            difference = await load.compare(outline, whole=whole)
        else:
            if not (outline.points or outline.areas or outline.feeders):
                raise NothingFound(_nothing_found(outline))
            difference = await load.apply(
                outline,
                whole=whole,
                now=now,
                actor=actor,
                judge=_accept if allow_gone else refuse_too_many_gone,
                count=lambda found: counts_of(outline, found),
            )
    return LedgerReport(
        files=outline.files,
        is_dry_run=dry_run,
        counts=counts_of(outline, difference),
        finding_counts=outline.finding_counts,
        findings=(*outline.findings, *difference.findings),
    )


def refuse_too_many_gone(difference: Difference) -> None:
    """Raises ``TooManyGone`` when the missing customers are more than chance."""
    if difference.in_scope >= FEW and difference.gone > MOST_GONE * difference.in_scope:
        raise TooManyGone(
            f"{difference.gone} of {difference.in_scope} customers on these feeders are not in the "
            "file any more. Check that the file is complete; if it is, import it with --allow-gone."
        )


def _accept(_difference: Difference) -> None:
    """Somebody has said that so many are gone."""


def counts_of(outline: Outline, difference: Difference) -> dict[str, int]:
    """The counts of a report."""
    return {
        "usage_points": outline.points,
        "areas": len(outline.areas),
        "feeders": len(outline.feeders),
        "stations": len(outline.stations),
        "buildings": len(outline.buildings),
        "contacts": difference.contacts,
        "added": difference.added,
        "changed": difference.changed,
        "unchanged": difference.unchanged,
        "gone": difference.gone,
        "unreachable": outline.unreachable,
        "poster_only": outline.poster_only,
    }


def _nothing_found(outline: Outline) -> str:
    files = "、".join(outline.files)
    reasons = "；".join(finding.expected for finding in outline.findings if finding.expected)
    return f"No customers, areas or feeders were found in {files}. {reasons}".strip()
