"""Constraints put in force, looked at first, and put back: every version is kept."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from notifier.domain import errors
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.finding import Finding
from notifier.ports import Store
from notifier.usecases import coordinate_ruling
from notifier.usecases.coordinate_contracts import Terms


class ConstraintsInvalid(errors.Invalid):
    """The file has mistakes: nothing of it is taken."""

    code = "coordination.constraints_invalid"

    def __init__(self, findings: Collection[Finding]) -> None:
        super().__init__(
            f"文件有 {len(findings)} 处错误，未启用 / {len(findings)} mistakes: nothing was taken."
        )
        self.findings = tuple(findings)


class ConstraintsChanged(errors.Conflict):
    """Others are in force by now than those that were looked at."""

    code = "coordination.constraints_changed"


class VersionNotFound(errors.NotFound):
    """There is no such version of the constraints."""

    code = "coordination.constraints_not_found"


class RuleBook(Protocol):
    """Versions of the constraints; see ``store.coordination.Coordination``."""

    async def rules(self) -> Mapping[str, Any] | None: ...
    async def rules_of(self, rules_id: int) -> Mapping[str, Any] | None: ...
    async def rules_before(self, limit: int = 50) -> list[Mapping[str, Any]]: ...
    async def accounts(self, accounts: Collection[str]) -> dict[str, int]: ...
    async def put_rules(
        self,
        name: str,
        digest: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        actor: str,
        seen: int | None = None,
        again: int | None = None,
    ) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Constraints as they came: the file's name and digest, its body as plain values, what is wrong in
    it; ``constraints`` is None where anything is."""

    name: str
    digest: str
    constraints: Constraints | None
    body: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of them. ``version`` is in force now; ``is_new`` is False where it said the same before
    and in a dry run. ``changes`` counts by table what came and what went, against what was in force."""

    version: int | None
    is_new: bool
    changes: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...]


async def foresee(store: Store, book: RuleBook, terms: Terms, coming: Incoming) -> Taken:
    """What taking them would change, and which of their names nobody knows; nothing is written."""
    kept = await book.rules()
    unknown: tuple[Finding, ...] = ()
    if coming.constraints is not None:
        unknown = await _unknown(store, book, terms, coming.constraints)
    return Taken(
        version=None if kept is None else kept["id"],
        is_new=False,
        changes=await asyncio.to_thread(
            _changes, {} if kept is None else kept["body"], coming.body
        ),
        findings=(*coming.findings, *unknown),
    )


async def take(
    store: Store,
    book: RuleBook,
    terms: Terms,
    coming: Incoming,
    *,
    seen: int | None = None,
    now: datetime,
    actor: str,
) -> Taken:
    """Puts them in force, whole; what says the same as what is in force is not taken again.

    ``seen``: the version that was looked at (0: none). Raises ``ConstraintsInvalid``,
    ``ConstraintsChanged``.
    """
    if coming.constraints is None:
        raise ConstraintsInvalid(coming.findings)
    found = await foresee(store, book, terms, coming)
    if found.version is not None and not found.changes and seen in (None, found.version):
        return found
    version = await book.put_rules(
        coming.name, coming.digest, coming.body, now=now, actor=actor, seen=seen
    )
    if version is None:
        raise _changed()
    return Taken(version=version, is_new=True, changes=found.changes, findings=found.findings)


async def restore(
    book: RuleBook, version: int, *, seen: int | None = None, now: datetime, actor: str
) -> int:
    """Puts an earlier version in force again, as a new one; answers its number.

    Raises ``VersionNotFound``, ``ConstraintsChanged``.
    """
    kept = await book.rules_of(version)
    if kept is None:
        raise VersionNotFound(f"没有第 {version} 版约束 / there are no constraints {version}.")
    put = await book.put_rules(
        kept["name"], kept["digest"], kept["body"], now=now, actor=actor, seen=seen, again=version
    )
    if put is None:
        raise _changed()
    return put


async def _unknown(
    store: Store, book: RuleBook, terms: Terms, constraints: Constraints
) -> tuple[Finding, ...]:
    async with store.read() as tx:
        network = await tx.network()
    accounts = await book.accounts([item.account for item in constraints.customer])
    return await asyncio.to_thread(coordinate_ruling.unknown, constraints, accounts, network, terms)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    found = {}
    for table in sorted({*before, *after}):
        old, new = (_rows(side.get(table)) for side in (before, after))
        if old != new:
            found[table] = {"added": (new - old).total(), "removed": (old - new).total()}
    return found


def _rows(table: Any) -> Counter[str]:
    """The rows of a table as text; the settings are a row each."""
    rows = table.items() if isinstance(table, Mapping) else table or ()
    return Counter(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)


def _changed() -> ConstraintsChanged:
    return ConstraintsChanged(
        "约束已被他人更改，请重新查看 / the constraints have changed meanwhile: look again."
    )
