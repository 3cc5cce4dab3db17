"""Findings: what a person should look at before trusting an input, with the place where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """ERROR: this row or plan is not taken. WARNING: taken, and somebody should look. INFO: noted."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One doubt about an input.

    ``code`` is dotted and stable (``window.weekday_mismatch``). ``row`` is numbered as in the file,
    from 1, the header row included. ``found`` and ``expected`` are words for a person; personal
    data in ``found`` is masked by whoever makes the finding.
    """

    code: str
    severity: Severity
    found: str = ""
    expected: str = ""
    file: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values; empty places are left out, found and expected never."""
        place = {"file": self.file, "sheet": self.sheet, "row": self.row, "column": self.column}
        return {
            "code": self.code,
            "severity": self.severity.value,
            "found": self.found,
            "expected": self.expected,
        } | {name: value for name, value in place.items() if value not in ("", None)}


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding forbids taking what it is about."""
    return any(finding.severity is Severity.ERROR for finding in findings)
