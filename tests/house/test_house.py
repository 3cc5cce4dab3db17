"""The project about itself: arrows, sizes, words, and nobody's machine in it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("notifier", "channels")
LONGEST = 450
#: Lists rather than ideas: one table after another.
LISTS = {"notifier/store/schema.py", "notifier/store/migrations/versions/r0001_initial.py"}
CLOCK = "notifier/clock.py"


def tracked() -> list[Path]:
    """Every tracked file that still exists."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name]
    if not files:
        pytest.skip("not a git checkout")
    return [path for path in files if path.is_file()]


def modules() -> list[Path]:
    """Every module of the shipped packages."""
    return sorted(path for room in SHIPPED for path in (ROOT / room).rglob("*.py"))


def named(path: Path) -> str:
    """The path inside the checkout."""
    return path.relative_to(ROOT).as_posix()


def test_arrows_go_one_way() -> None:
    """The import contracts in pyproject.toml hold."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """A docstring at the top, whose first line is a sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))

    assert docstring
    assert docstring.split("\n\n")[0].rstrip().endswith((".", "``.", ":", "?"))


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_is_one_idea(path: Path) -> None:
    """At most 450 lines: beyond that there is a second idea inside."""
    if named(path) in LISTS:
        pytest.skip("a list of tables")

    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


_TIME = {
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"),
    ("time", "perf_counter"), ("time", "sleep"), ("asyncio", "sleep"), ("datetime", "now"),
    ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip


@pytest.mark.parametrize("path", modules(), ids=named)
def test_only_the_clock_reads_the_time(path: Path) -> None:
    """Time is an argument; SQL and Python ask nobody but the clock."""
    if named(path) == CLOCK:
        pytest.skip("this is the clock")
    text = path.read_text("utf-8")
    found = [
        f"{named(path)}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and (ast.unparse(node.value).split(".")[-1], node.attr) in _TIME
    ]

    assert not found
    assert not re.search(r"\b(CURRENT_TIMESTAMP|strftime\('now'|datetime\('now'|NOW\(\))", text)


# Assembled here, so that this file does not hold what it looks for.
_FOREIGN = re.compile(
    "|".join(
        [
            "/" + r"root/",
            "/" + r"home/[a-z]",
            "/" + r"Users/[A-Za-z]",
            "/" + r"work/(?!\*)",
            "/" + r"opt/pypi",
            r"(?<!emit-)index-" + "url",
            "pypi" + r"\.org",
            "pypi" + r"\.tuna",
            "pythonhosted" + r"\.org",
            "registry" + r"\.npmjs",
        ]
    )
)


def test_no_machine_and_no_registry_is_named() -> None:
    """Nothing in the repository points at somebody's disk or at a package index."""
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{named(path)}:{number} {match.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            if (match := _FOREIGN.search(line))
        ]

    assert not found
