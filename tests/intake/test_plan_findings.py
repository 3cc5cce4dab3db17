"""Every code that reading plans can give is documented, and nothing else is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROOMS = "archive headers html_table old_workbook plan_* plans tables window_*"
_CODE = re.compile(
    r"\"((?:table|header|sheet|row|plan|kind|equipment|date|switching|time|window|transfer)\.[a-z_]+)\""
)


def test_codes_in_the_source_and_in_the_document_are_the_same() -> None:
    """``docs/findings.md`` lists each code with its severity and remedy."""
    sources = [
        path
        for room in _ROOMS.split()
        for path in (ROOT / "notifier" / "intake").glob(f"{room}.py")
    ]
    in_source = {code for path in sources for code in _CODE.findall(path.read_text("utf-8"))}
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs" / "findings.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    in_document = {code for row in rows for code in re.findall(r"`([a-z_.]+)`", row)}

    assert in_document == in_source
