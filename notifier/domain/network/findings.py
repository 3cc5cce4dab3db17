"""A list of findings about a file that may be wrong a million times."""

from collections import Counter

from notifier.domain import finding

KEPT_PER_CODE = 200
"""Findings kept of one code; what is beyond is counted, so that a bad file stays readable."""


class FindingList:
    """Findings, at most ``KEPT_PER_CODE`` of each code and a count of the others."""

    def __init__(self) -> None:
        self._kept: list[finding.Finding] = []
        self._counts: Counter[str] = Counter()

    def add(
        self,
        code: str,
        severity: finding.Severity,
        found: str,
        expected: str = "",
        *,
        file: str = "",
        row: int | None = None,
        column: str = "",
    ) -> None:
        """Notes one doubt."""
        self._counts[code] += 1
        if self._counts[code] <= KEPT_PER_CODE:
            self._kept.append(
                finding.Finding(
                    code=code,
                    severity=severity,
                    found=found,
                    expected=expected,
                    file=file,
                    row=row,
                    column=column,
                )
            )

    def finish(self) -> tuple[finding.Finding, ...]:
        """All kept findings, then one line for each code that had more."""
        more = [
            finding.Finding(
                code=code,
                severity=next(item.severity for item in self._kept if item.code == code),
                found=f"另有 {count - KEPT_PER_CODE} 条同类 / {count - KEPT_PER_CODE} more of this kind",
            )
            for code, count in self._counts.items()
            if count > KEPT_PER_CODE
        ]
        return (*self._kept, *more)
