"""Every code that reading plans or history can give is documented, and for plans nothing else is."""

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
    in_document = {code for code in _documented() if not code.startswith("history.")}

    assert in_document == in_source


def test_what_reading_history_can_say_is_in_the_document() -> None:
    """Some codes are put together from what was looked for and what was wrong; refusals are elsewhere."""
    sources = [ROOT / "notifier" / room / "history.py" for room in ("intake", "domain")]
    code = re.compile(r"(?<!code = )\"(history\.[a-z_]+)\"")
    in_source = {found for path in sources for found in code.findall(path.read_text("utf-8"))}

    assert in_source
    assert in_source <= _documented()


def _documented() -> set[str]:
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs" / "findings.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    return {code for row in rows for code in re.findall(r"`([a-z_.]+)`", row)}
