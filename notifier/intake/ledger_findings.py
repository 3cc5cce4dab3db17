"""The findings of one ledger, bounded: a column that is wrong throughout fills no memory."""

from collections import Counter
from collections.abc import Mapping

from notifier.domain.finding import Finding, Severity

#: Findings of one code that are kept one by one; the rest are counted.
MOST_A_CODE = 10_000


class FindingLog:
    """Collects findings at a place that moves with the reading. Not for several threads."""

    def __init__(self, most_a_code: int = MOST_A_CODE) -> None:
        self.counts: Counter[str] = Counter()
        self._most = most_a_code
        self._kept: list[Finding] = []
        self.file = ""
        self.sheet = ""
        self._headings: dict[tuple[str, str], Mapping[str, str]] = {}

    def begin(self, file: str, sheet: str, headings: Mapping[str, str]) -> None:
        """Goes on to a sheet; ``headings`` are its own words for the columns, by field."""
        self.file, self.sheet = file, sheet
        self._headings[file, sheet] = headings

    def add(
        self,
        code: str,
        severity: Severity,
        row: int | None = None,
        column: str = "",
        *,
        found: str = "",
        expected: str = "",
        place: tuple[str, str] | None = None,
    ) -> None:
        """Note one finding; ``found`` is masked by the caller where it is personal.

        ``place`` is a file and a sheet other than the ones being read.
        """
        self.counts[code] += 1
        if self.counts[code] > self._most:
            return
        file, sheet = place if place is not None else (self.file, self.sheet)
        # Whoever corrects the file looks for the heading as it stands there.
        column = self._headings.get((file, sheet), {}).get(column, column)
        self._kept.append(
            Finding(
                code=code,
                severity=severity,
                found=found,
                expected=expected,
                file=file,
                sheet=sheet,
                row=row,
                column=column,
            )
        )

    def all(self) -> tuple[Finding, ...]:
        """Everything kept, and one line for each code of which there was more."""
        more = [
            Finding(
                code="findings.more",
                severity=Severity.INFO,
                found=f"{code}: {count}",
                expected=f"只列出前 {self._most} 条 / only the first {self._most} are listed",
            )
            for code, count in self.counts.items()
            if count > self._most
        ]
        return (*self._kept, *more)
