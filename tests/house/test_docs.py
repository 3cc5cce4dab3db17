"""The documents about the code: what the code has, the pages have, and nothing else."""

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

import notifier
from notifier.domain import delivery, errors, finding, impact, notice, plan
from notifier.domain.customer import Audience
from notifier.store import schema
from notifier.web import errors as web_errors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """A page of docs/."""
    return (DOCS / name).read_text("utf-8")


def first_cells(name: str) -> list[str]:
    """Everything in backquotes in the first column of the tables of a page."""
    rows = [line.split("|")[1] for line in page(name).splitlines() if line.startswith("| ")]
    return [code for row in rows for code in re.findall(r"`([a-z_.0-9]+)`", row)]


def trees() -> Iterator[ast.Module]:
    """Every module of the shipped packages."""
    for room in ("notifier", "channels"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield ast.parse(path.read_text("utf-8"))


# --- Refusals and findings ----------------------------------------------------------------------


def refusal_codes() -> set[str]:
    """Class attributes named ``code``, and the codes that a ``raise`` gives."""
    codes = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                codes |= {
                    statement.value.value
                    for statement in node.body
                    if isinstance(statement, ast.Assign | ast.AnnAssign)
                    and isinstance(statement.value, ast.Constant)
                    and "code" in ast.unparse(statement).split("=")[0].split(":")[0].split()
                    and isinstance(statement.value.value, str)
                }
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                codes |= {
                    keyword.value.value
                    for keyword in node.exc.keywords
                    if keyword.arg == "code"
                    and isinstance(keyword.value, ast.Constant)
                    and isinstance(keyword.value.value, str)
                }
    return {code for code in codes if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)*", code)}


def test_every_refusal_is_documented() -> None:
    """docs/refusals.md says of each code what was refused and what helps; each stands once."""
    documented = first_cells("refusals.md")

    assert refusal_codes() - set(documented) == set()
    assert set(documented) - refusal_codes() == set()
    assert len(documented) == len(set(documented))


def kinds(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    """The class and everything below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


def test_refusals_are_documented_with_their_status() -> None:
    """The page says what HTTP says."""
    for module in pkgutil.walk_packages(notifier.__path__, "notifier."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    rows = [line.split("|") for line in page("refusals.md").splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): int(row[2]) for row in rows}

    wrong = {}
    for kind in kinds(errors.Refusal):
        status = web_errors.status_of(kind.__new__(kind))
        if kind.__module__.startswith("notifier.") and documented.get(kind.code) != status:
            wrong[kind.code] = status

    assert wrong == {}


_FINDING = re.compile(
    r'"((?:account|area|critical|customer|equipment|feeder|findings|floors|impact|kind|ledger|locale|'
    r'message|network|opted_out|phone|place|sensitive|standby|switching|trace|transfer|window)\.[a-z_]+)"'
)
_ROOMS = ("intake", "domain", "rendering")


def test_every_finding_is_documented() -> None:
    """Somebody who is shown a code can look up what it means; the network's page leaves out ``network.``."""
    pages = "".join(page(name) for name in ("findings.md", "ledger.md", "impact.md", "refusals.md"))
    of_network = page("network.md")
    missing = set()
    for room in _ROOMS:
        for path in (ROOT / "notifier" / room).rglob("*.py"):
            for code in _FINDING.findall(path.read_text("utf-8")):
                subject, rest = code.split(".")
                in_network = subject in ("network", "trace") and (
                    re.search(rf"[`.]{rest}`", of_network) is not None
                )
                if f"`{code}`" not in pages and not in_network:
                    missing.add(code)

    assert missing == set()


# --- Words, tables, packages ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        Audience,
        delivery.DeliveryState,
        impact.ImpactClass,
        impact.Knowledge,
        notice.Stage,
        plan.Change,
        plan.PlanKind,
        plan.PlanState,
        plan.Transition,
    ],
    ids=lambda words: words.__name__,
)
def test_the_glossary_has_every_word_of_the_domain(words: type[Enum]) -> None:
    """Each value of an enumeration that people meet is explained."""
    glossary = page("glossary.md")

    assert {
        word.name.lower() for word in words if f"`{word.name.lower()}`" not in glossary
    } == set()


def test_severities_are_explained() -> None:
    """An error blocks, a warning wants a look, an info is noted."""
    assert {
        s.value for s in finding.Severity if f"| {s.value} |" not in page("findings.md")
    } == set()


def test_the_schema_is_drawn() -> None:
    """Every table stands in one drawing, with columns that it has."""
    drawn: dict[str, list[str]] = {}
    for name, body in re.findall(
        r"^  (\w+) \{\n(.*?)^  \}", page("schema.md"), re.MULTILINE | re.DOTALL
    ):
        assert name not in drawn
        drawn[name] = [line.split()[1] for line in body.splitlines()]

    assert set(drawn) == set(schema.metadata.tables)
    for name, columns in drawn.items():
        assert set(columns) <= set(schema.metadata.tables[name].columns.keys())


def test_every_dependency_earns_its_place() -> None:
    """docs/dependencies.md has a line for each package of pyproject.toml, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    rows = [line.split("|")[1] for line in page("dependencies.md").splitlines() if line[:2] == "| "]
    named = {name.strip() for row in rows for name in row.split(",")} - {"package", "---"}

    assert named == {re.split(r"[\[<>=;\s]", item)[0] for item in wanted}


# --- Pages ---------------------------------------------------------------------------------------


def test_every_page_is_in_the_index() -> None:
    """docs/README.md and docs/adr/README.md name each page once."""
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    decisions = {path.name for path in (DOCS / "adr").glob("*.md")} - {"README.md"}

    assert {name for name in pages if f"]({name})" not in page("README.md")} == set()
    assert {name for name in decisions if f"]({name})" not in page("adr/README.md")} == set()


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of a document is a file of the checkout."""
    lost = [
        f"{path.name}: {target}"
        for path in [*DOCS.rglob("*.md"), ROOT / "README.md"]
        if path.is_file()
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]

    assert lost == []


def test_a_decision_fits_on_a_screen() -> None:
    """Context, decision, consequences, and not more than 40 lines."""
    for path in sorted((DOCS / "adr").glob("0*.md")):
        text = path.read_text("utf-8")

        assert len(text.splitlines()) <= 40
        for heading in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert heading in text, path.name


def test_prose_has_one_sentence_a_line() -> None:
    """A diff of a page of this room shows the sentence that changed."""
    joined = [
        f"{path.name}: {line[:60]}"
        for path in [
            *(DOCS / "adr").glob("*.md"),
            *(DOCS / name for name in ("architecture.md", "schema.md", "impact.md", "refusals.md")),
        ]
        for line in path.read_text("utf-8").splitlines()
        if not line.startswith(("|", "#", "-", " "))
        and re.search(r"[a-z`)]\. [A-Z]", line.removeprefix("> ")) is not None
    ]

    assert joined == []
