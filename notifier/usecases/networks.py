"""Imports networks and switch states: read beside the loop, compared, kept as a new version.

The same files again change nothing but the model's age. A status file goes on top of the newest
version and never changes the normal state; what is known of the switches goes with the next
version, unless that is another network.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from notifier.domain import errors
from notifier.domain.finding import Finding, Severity
from notifier.domain.network import difference, model, overlay, packing
from notifier.domain.network.version import NewStatus, NewVersion, Overlay, Version
from notifier.usecases import aside
from notifier.usecases.network_contracts import (
    NetworkFiles,
    NetworkReader,
    NetworkStore,
    StatusFile,
)

#: Things in a model beyond which a process has started before a thread has compared them.
_LARGE = 200_000


class NothingFound(errors.Invalid):
    """The files hold no network that supplies anybody."""

    code = "network.nothing_found"


class NoVersion(errors.NotFound):
    """No network was imported, or none with that number."""

    code = "network.no_version"


class Outcome(StrEnum):
    """IMPORTED: a new version is in force. UNCHANGED: the same files as the version in force."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReport:
    """What an import did, or would do.

    ``outcome`` is None where only status files came. ``version`` is the one in force now; on a dry
    run the one before, if any. ``difference`` is None where there was nothing to compare with.
    """

    outcome: Outcome | None
    is_dry_run: bool
    version: Version | None
    counts: Mapping[str, int]
    difference: Mapping[str, Any] | None
    statuses: tuple[Mapping[str, Any], ...]
    findings: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "outcome": self.outcome.value if self.outcome else None,
            "dry_run": self.is_dry_run,
            "version": self.version.id if self.version else None,
            "counts": dict(self.counts),
            "difference": self.difference,
            "statuses": [dict(status) for status in self.statuses],
            "findings": [dict(item) for item in self.findings],
        }


def _silent(_stage: str, _rows: int) -> None:
    return


async def import_network(
    store: NetworkStore | None,
    reader: NetworkReader,
    *,
    now: datetime,
    actor: str,
    as_of: datetime | None = None,
    dry_run: bool = False,
    progress: Callable[[str, int], None] = _silent,
) -> NetworkReport:
    """Brings a network, switch states, or both into the store; all or nothing.

    ``as_of`` says of when the model is where its files do not. Without a store only a dry run is
    possible. Raises ``NothingFound``, ``NoVersion`` (switch states without a model), what the
    reader raises, and ``network.changed_meanwhile`` when two imports meet; then nothing was kept.
    """
    files = await reader.look()
    latest = await store.latest() if store is not None else None
    if not files.digest and latest is None:
        raise NoVersion(
            "尚无网络模型，请先导入 / there is no network model yet: import one first"
            if files.statuses
            else "没有可导入的文件 / there is no nodes.csv, CIM file or status file"
        )
    statuses = tuple({file.digest: file for file in files.statuses}.values())
    work = _Work(store=store, files=files, statuses=statuses, latest=latest, as_of=as_of)
    if files.digest and (latest is None or latest.digest != files.digest):
        return await work.take_version(reader, now, actor, dry_run, progress)
    return await work.take_statuses(now, actor, dry_run)


def is_large(counts: Mapping[str, int]) -> bool:
    """Whether unpacking a model of that size is better done in a process of its own."""
    return sum(counts.values()) > _LARGE


@dataclass(slots=True, kw_only=True)
class _Work:
    """One import under way."""

    store: NetworkStore | None
    files: NetworkFiles
    statuses: tuple[StatusFile, ...]
    latest: Version | None
    as_of: datetime | None

    @property
    def seen(self) -> tuple[int, int] | None:
        return None if self.latest is None else (self.latest.id, self.latest.overlay)

    async def take_version(
        self,
        reader: NetworkReader,
        now: datetime,
        actor: str,
        dry_run: bool,
        progress: Callable[[str, int], None],
    ) -> NetworkReport:
        read = await reader.read(progress)
        if not read.counts["nodes"] or not read.counts["sources"]:
            raise NothingFound(
                f"{'、'.join(self.files.names)} 中没有节点或电源 / holds no nodes or no source: "
                "nobody would be supplied"
            )
        old_parts: dict[str, bytes] = {}
        known: dict[str, model.SwitchStatus] = {}
        if self.store is not None and self.latest is not None:
            progress("diff", 0)
            old_parts = await self.store.parts(self.latest.id)
            known = await self.store.statuses(self.latest.id)
        compared = await aside.run(
            _compare,
            read.parts,
            old_parts,
            known,
            self.statuses,
            is_large=is_large(read.counts) and bool(old_parts or self.statuses),
        )
        new = NewVersion(
            name=read.name,
            as_of=self.as_of or read.as_of,
            digest=self.files.digest,
            files=self.files.names,
            counts=dict(read.counts),
            difference=compared.difference,
            findings=tuple(item.as_dict() for item in (*read.findings, *compared.findings)),
        )
        version = self.latest
        if not dry_run and self.store is not None:
            progress("store", sum(len(body) for body in read.parts.values()))
            version = await self.store.keep(
                new, read.parts, compared.overlay, seen=self.seen, now=now, actor=actor
            )
        return NetworkReport(
            outcome=Outcome.IMPORTED,
            is_dry_run=dry_run,
            version=version,
            counts=new.counts,
            difference=new.difference,
            statuses=tuple(_status_as_dict(file) for file in compared.overlay.files),
            findings=(*new.findings, *_status_findings(compared.overlay.files)),
        )

    async def take_statuses(self, now: datetime, actor: str, dry_run: bool) -> NetworkReport:
        store, latest = self.store, self.latest
        if store is None or latest is None:
            raise NoVersion("尚无网络模型 / there is no network model yet")
        applied = {file.digest for file in await store.status_files(latest.id)}
        files = [file for file in self.statuses if file.digest not in applied]
        laid = Overlay()
        if files:
            parts = await store.parts(latest.id)
            known = await store.statuses(latest.id)
            laid = await aside.run(
                _laid_over_packed, parts, known, files, is_large=is_large(latest.counts)
            )
        if not dry_run:
            if self.files.digest:
                fresher = self.as_of if _is_later(self.as_of, latest.as_of) else None
                await store.confirm(latest.id, fresher, now=now)
            if files:
                latest = await store.lay_over(latest.id, laid, seen=self.seen, now=now, actor=actor)
            else:
                latest = await store.find(latest.id) or latest
        skipped = [file for file in self.statuses if file.digest in applied]
        return NetworkReport(
            outcome=Outcome.UNCHANGED if self.files.digest else None,
            is_dry_run=dry_run,
            version=latest,
            counts=latest.counts,
            difference=None,
            statuses=(
                *(_status_as_dict(file) for file in laid.files),
                *({"file": file.name, "outcome": Outcome.UNCHANGED.value} for file in skipped),
            ),
            # The findings of the version still hold: a repeated import does not hide them.
            findings=(
                *(latest.findings if self.files.digest else ()),
                *_status_findings(laid.files),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    difference: Mapping[str, Any] | None
    findings: tuple[Finding, ...]
    overlay: Overlay


def _compare(
    parts: Mapping[str, bytes],
    old_parts: Mapping[str, bytes],
    known: Mapping[str, model.SwitchStatus],
    files: Sequence[StatusFile],
) -> _Compared:
    """What is new about a version, and its overlay. Seconds for a city."""
    if not (old_parts or known or files):
        return _Compared(difference=None, findings=(), overlay=Overlay())
    network = packing.unpack(parts, indexed=False)
    found: list[Finding] = []
    changes = None
    if old_parts:
        try:
            old = packing.unpack(old_parts, indexed=False)
        except packing.UnreadablePack as fault:
            found.append(
                Finding(
                    code="network.not_compared",
                    severity=Severity.WARNING,
                    found=f"未与上一版本比较 / not compared with the version before: {fault.sentence}",
                )
            )
        else:
            differs = difference.compare(old, network)
            found += difference.shrunk(old, differs)
            changes = differs.as_dict()
    before = _carried(network, known, found)
    laid = _laid_over(network, before, files)
    rows = {row.switch: row for row in laid.put}
    dropped = set(laid.drop)
    kept = [row for switch, row in before.items() if switch not in rows and switch not in dropped]
    return _Compared(
        difference=changes,
        findings=tuple(found),
        overlay=replace(laid, put=(*kept, *laid.put), drop=()),
    )


def _carried(
    network: model.Network, known: Mapping[str, model.SwitchStatus], found: list[Finding]
) -> dict[str, model.SwitchStatus]:
    """What was known of switches that the new version still has; nothing of another network."""
    if not known:
        return {}
    resolved, _ = overlay.resolve(network, known.values())
    carried = {row.switch: row for row in resolved.values()}
    lost = len(known) - len(carried)
    if lost > len(carried):
        found.append(
            Finding(
                code="network.status_dropped",
                severity=Severity.WARNING,
                found=f"{lost} 个开关的实时位置不适用于本版本，均按常态 / {lost} of {len(known)} switches "
                "with a known state are not in this version: all are taken in their normal state",
                expected="新的开关状态文件 / a new switch-status file",
            )
        )
        return {}
    found.append(
        Finding(
            code="network.status_carried",
            severity=Severity.INFO,
            found=f"沿用上一版本 {len(carried)} 个开关的实时位置，{lost} 个开关已不存在 / "
            f"the states of {len(carried)} switches are kept, {lost} switches are gone",
        )
    )
    return carried


def _laid_over_packed(
    parts: Mapping[str, bytes],
    known: Mapping[str, model.SwitchStatus],
    files: Sequence[StatusFile],
) -> Overlay:
    return _laid_over(packing.unpack(parts, indexed=False), known, files)


def _laid_over(
    network: model.Network, known: Mapping[str, model.SwitchStatus], files: Sequence[StatusFile]
) -> Overlay:
    """The overlay after more files, as a change of what is known."""
    now_known = dict(known)
    imports = []
    for file in overlay.in_time(files):
        found, unknown = overlay.resolve(network, file.rows)
        merged = overlay.merge(now_known, file, found.values())
        remarks = overlay.remarks(network, found, is_full=file.is_full)
        taken = sum(merged[row.switch] == row for row in found.values())
        imports.append(
            NewStatus(
                name=file.name,
                digest=file.digest,
                is_full=file.is_full,
                as_of=file.as_of,
                counts={
                    "rows": len(file.rows),
                    "switches": len(found),
                    "taken": taken,
                    "older": len(found) - taken,
                },
                findings=tuple(item.as_dict() for item in (*file.findings, *unknown, *remarks)),
            )
        )
        now_known = merged
    return Overlay(
        put=tuple(row for switch, row in now_known.items() if known.get(switch) != row),
        drop=tuple(switch for switch in known if switch not in now_known),
        files=tuple(imports),
    )


def _status_as_dict(file: NewStatus) -> dict[str, Any]:
    return {
        "file": file.name,
        "outcome": Outcome.IMPORTED.value,
        "full": file.is_full,
        "as_of": file.as_of.isoformat() if file.as_of else None,
        "counts": dict(file.counts),
    }


def _status_findings(files: Iterable[NewStatus]) -> list[Mapping[str, Any]]:
    return [{"file": file.name} | dict(item) for file in files for item in file.findings]


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)
