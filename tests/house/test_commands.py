"""The command line about itself: every command is documented, helps, and shows an example."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier import cli

ROOT = Path(__file__).parents[2]


def commands(
    parser: argparse.ArgumentParser, name: str = "notifier"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command by its full name."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, inner in group.choices.items():
            inner.load()
            yield from commands(inner, f"{name} {word}")


ALL = dict(commands(cli.parser()))


@pytest.mark.parametrize("name", ALL)
def test_the_page_documents_every_command(name: str) -> None:
    """docs/cli.md has a heading for it, and names each of its own options."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")

    assert re.search(rf"^### `{re.escape(name)}[ `]", page, re.MULTILINE)
    options = {
        option
        for action in ALL[name]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert {
        option for option in options if f"{option}`" not in page and f"{option} " not in page
    } == set()


def test_the_page_documents_nothing_else() -> None:
    """A command that is gone leaves the page."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")

    headings = re.findall(r"^### `(notifier(?: [a-z]+)+)", page, re.MULTILINE)

    assert sorted(headings) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_command_shows_an_example_that_parses(name: str) -> None:
    """--help ends with lines that are commands as they stand."""
    epilog = ALL[name].epilog or ""

    lines = [line.strip() for line in epilog.splitlines() if line.strip().startswith("notifier ")]

    assert lines
    for line in lines:
        assert line.startswith(name)
        words = re.findall(r"'[^']*'|\S+", line.split(" > ")[0])
        cli.parser().parse_args([word.strip("'") for word in words[1:]])


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_commands_of_the_readme_are_commands(page: str) -> None:
    """What a newcomer types from the README parses as it stands."""
    text = (ROOT / page).read_text("utf-8")

    lines = re.findall(r"^ +\.venv/bin/notifier (.+?)(?: {2,}#.*)?$", text, re.MULTILINE)

    assert len(lines) > 15
    for line in lines:
        cli.parser().parse_args(line.split())


def test_the_doors_are_documented() -> None:
    """docs/doors.md has each command by which others check us."""
    page = (ROOT / "docs" / "doors.md").read_text("utf-8")

    for door in (
        "import plans",
        "import ledger",
        "plan impact",
        "status",
        "evidence",
        "serve",
        "trace",
    ):
        assert f"## `notifier {door}" in page
