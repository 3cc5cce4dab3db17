"""What stands around the code agrees with it on names: deployment files, make, the domain's imports."""

import ast
import re
import sys
from pathlib import Path

import pytest

from notifier import cli, settings

ROOT = Path(__file__).parents[2]


def around() -> list[Path]:
    """The files by which others start the service."""
    deploy = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    return [ROOT / "Makefile", *sorted(deploy)]


def named(path: Path) -> str:
    """The path inside the checkout."""
    return path.relative_to(ROOT).as_posix()


def variables() -> set[str]:
    """Every environment variable that is a setting, or turns the tests' own screws."""
    names = set()
    for section, field in settings.Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None) or {}
        names |= {f"NOTIFIER_{section}__{name}".upper() for name in inner}
        # Any value may stand in a file of its own: a secret.
        names |= {f"NOTIFIER_{section}__{name}_FILE".upper() for name in inner}
    for path in (ROOT / "tests").rglob("*.py"):
        names |= set(re.findall(r'environ\S*"(NOTIFIER_[A-Z]+)"', path.read_text("utf-8")))
    return names


@pytest.mark.parametrize("path", around(), ids=named)
def test_variables_of_deployment_files_are_settings(path: Path) -> None:
    """A variable that nothing reads would be believed to work."""
    found = set(re.findall(r"\bNOTIFIER_[A-Z0-9_]+", path.read_text("utf-8", errors="replace")))

    assert {
        name
        for name in found
        if name not in variables() and not name.startswith("NOTIFIER_CHANNELS__")
    } == set()


@pytest.mark.parametrize("path", around(), ids=named)
def test_commands_of_deployment_files_exist(path: Path) -> None:
    """``notifier serve`` in a unit, a compose file or the Makefile is a command."""
    text = path.read_text("utf-8", errors="replace")
    lists = re.findall(r'"notifier", "([a-z]+)"', text)
    lines = re.findall(r"(?:bin/|-m |\bexec )notifier +([a-z]+)\b", text)
    known = {
        word
        for action in cli.parser()._actions
        if isinstance(action.choices, dict)
        for word in action.choices
    }

    assert {*lists, *lines} - known == set()


@pytest.mark.parametrize("path", around(), ids=named)
def test_modules_and_files_named_by_deployment_files_exist(path: Path) -> None:
    """``python -m package.module`` and ``bench/name.py`` lead to a file."""
    text = path.read_text("utf-8", errors="replace")
    modules = set(re.findall(r"python[0-9.]* -m ((?:notifier|channels|tests|bench)[\w.]*)", text))
    scripts = set(re.findall(r"\b((?:bench|deploy|tests)/[\w/]+\.(?:py|sh|toml))\b", text))

    places = [ROOT / module.replace(".", "/") for module in modules]
    assert [p for p in places if not (p.with_suffix(".py").is_file() or p.is_dir())] == []
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "notifier" / "domain").rglob("*.py")), ids=named)
def test_the_domain_imports_the_standard_library_and_the_contract(path: Path) -> None:
    """The rules run on nothing but Python."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported |= (
                {f"{node.module}.{name.name}" for name in node.names}
                if node.module == "notifier"
                else {node.module or ""}
            )

    assert {
        name
        for name in imported
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("notifier.domain", "notifier.channel"))
    } == set()
