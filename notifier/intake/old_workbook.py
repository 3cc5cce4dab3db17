"""A guard before an XLS or ET workbook is parsed: does its reader survive it?

The old format states cell positions in two bytes each, so a file of a few kilobytes can claim four
thousand million cells; laying them out ends the whole process. How far its cells reach only a
reader can tell, so one in another process, with little memory, reads the file first.
"""

import subprocess
import sys

from notifier.domain import errors

#: An honest sheet has 65,536 rows of 256 columns at most, some 500 MB laid out twice.
_MEMORY = 3 << 30
_SECONDS = 60

_PROBE = f"""
import io, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY}))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
import python_calamine
try:
    workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    for name in workbook.sheet_names:
        workbook.get_sheet_by_name(name)
except python_calamine.CalamineError:
    pass
"""


class OldWorkbookError(errors.Invalid):
    """The reader does not survive the workbook."""

    code = "table.too_large"


def check(data: bytes) -> None:
    """Read the workbook in another process; what calamine itself refuses passes, to be refused by
    it again. Takes a tenth of a second for a small file. Raises ``OldWorkbookError``."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROBE],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as fault:
        raise OldWorkbookError(_SENTENCE) from fault
    if done.returncode != 0:
        raise OldWorkbookError(_SENTENCE)


_SENTENCE = (
    "旧格式表格过大或已损坏，请另存为 xlsx / the workbook is too large or damaged: save it as xlsx"
)
