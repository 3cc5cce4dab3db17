"""Every code has its sentence: found in the code itself, so that a new one cannot be forgotten."""

import ast
import re
from collections.abc import Iterator
from enum import EnumMeta
from pathlib import Path

import pytest

from notifier.channel import Medium
from notifier.domain.customer import Audience
from notifier.domain.delivery import DeliveryState
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Stage
from notifier.domain.plan import Change, PlanKind, PlanState
from notifier.web import words

ROOT = Path(__file__).parents[2] / "notifier"
_ROOMS = ("domain", "usecases", "store")
_DECIDES = {"Defer": 1, "Drop": 0, "NextMedium": 0}
_SQL = re.compile(r"\b(?:code|reason) = '([a-z_.]+)'")


def trees() -> Iterator[tuple[Path, ast.Module, str]]:
    for room in _ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "network" not in path.parts:
                text = path.read_text("utf-8")
                yield path, ast.parse(text), text


def constants(node: ast.AST | None) -> Iterator[str]:
    """The strings that an expression may be."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.IfExp(body=body, orelse=other):
            yield from constants(body)
            yield from constants(other)


def reasons() -> set[str]:
    """Reasons of skips, decisions, refusals of a person, settled times, batches and deliveries."""
    found: set[str] = set()
    for _, tree, text in trees():
        found |= set(_SQL.findall(text))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).split(".")[-1]
                for keyword in node.keywords:
                    if keyword.arg == "reason" and name in ("Skip", "Decided"):
                        found |= set(constants(keyword.value))
                if name in _DECIDES and len(node.args) > _DECIDES[name]:
                    found |= set(constants(node.args[_DECIDES[name]]))
            if isinstance(node, ast.FunctionDef) and node.name in ("refuse_person", "settle"):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return):
                        value = inner.value
                        if isinstance(value, ast.Tuple):
                            value = value.elts[-1]
                        found |= set(constants(value))
    return found - {""}


def exceptions() -> set[str]:
    """What may be put before a person."""
    found: set[str] = set()
    for _, tree, _ in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ForAPerson"):
                for keyword in node.keywords:
                    if keyword.arg == "kind":
                        found |= set(constants(keyword.value))
    from notifier.usecases import attention, postings

    return found | {postings.UNDONE} | attention.SOLVED_BY_THEMSELVES


def test_the_search_finds_what_there_is() -> None:
    """So that an empty search is not taken for a full table."""
    assert {"never_told", "too_late", "quiet_hours.later", "opted_out", "no_receipt"} <= reasons()
    assert {"not_reached", "posting_undone"} <= exceptions()


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_reason_has_a_sentence(reason: str) -> None:
    """In Chinese and in English."""
    assert all(words.REASONS[reason])


@pytest.mark.parametrize("kind", sorted(exceptions()))
def test_every_exception_has_a_name(kind: str) -> None:
    """In Chinese and in English."""
    assert all(words.EXCEPTIONS[kind])


@pytest.mark.parametrize(
    ("table", "enum"),
    [
        (words.STAGES, Stage),
        (words.MEDIA, Medium),
        (words.PLAN_STATES, PlanState),
        (words.KINDS, PlanKind),
        (words.CHANGES, Change),
        (words.CLASSES, ImpactClass),
        (words.AUDIENCES, Audience),
    ],
)
def test_every_value_of_an_enum_has_words(table: dict[str, words.Words], enum: EnumMeta) -> None:
    """A value added later fails here."""
    assert set(table) - {""} == {member.value for member in enum}  # type: ignore[attr-defined]


def test_every_delivery_state_has_words() -> None:
    """And *sending*, which a batch lends its members."""
    assert set(words.DELIVERY_STATES) == {s.name.lower() for s in DeliveryState} | {"sending"}


def test_an_unknown_code_stands_for_itself() -> None:
    """Providers' codes are shown as they came."""
    assert words.words(words.REASONS, "MK:0001") == ("MK:0001", "MK:0001")
