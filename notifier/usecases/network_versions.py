"""Looking at kept versions: one, two against each other, and how the newest stands today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain import errors
from notifier.domain.finding import Finding
from notifier.domain.network import checks, difference, model, overlay, packing
from notifier.domain.network.version import Version
from notifier.usecases import aside
from notifier.usecases.network_contracts import NetworkStore
from notifier.usecases.networks import NoVersion, is_large


class NotTwoVersions(errors.Invalid):
    """A comparison needs one version with another before it, or two versions."""

    code = "network.not_two_versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two versions and what changed from the old to the new one."""

    old: Version
    new: Version
    difference: difference.Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the newest version stands. ``known`` counts switches with a status, ``not_normal`` are
    those that stand otherwise than normally, each with the dispatcher's name of it."""

    version: Version
    age: timedelta
    known: int
    not_normal: tuple[tuple[str, model.SwitchStatus], ...]
    findings: tuple[Finding, ...]


async def one(store: NetworkStore, version_id: int | None = None) -> Version:
    """One version, or the newest. Raises ``NoVersion``."""
    found = await (store.latest() if version_id is None else store.find(version_id))
    if found is None:
        wanted = "" if version_id is None else f" {version_id}"
        raise NoVersion(f"没有网络模型{wanted} / there is no network version{wanted}")
    return found


async def compare(store: NetworkStore, version_ids: Sequence[int]) -> Compared:
    """From the first version to the second; of one version alone, from the one before it.

    Seconds for a million nodes, off the loop. Raises ``NoVersion`` and ``NotTwoVersions``.
    """
    if not 1 <= len(version_ids) <= 2:
        raise NotTwoVersions("请给出一个或两个版本 / name one version or two")
    new = await one(store, version_ids[-1])
    old = await one(store, version_ids[0]) if len(version_ids) == 2 else await store.before(new.id)
    if old is None:
        raise NotTwoVersions(f"版本 {new.id} 之前没有版本 / there is no version before {new.id}")
    old_parts, new_parts = await store.parts(old.id), await store.parts(new.id)
    found = await aside.run(_compare, old_parts, new_parts, is_large=is_large(new.counts))
    return Compared(old=old, new=new, difference=found)


async def standing(
    store: NetworkStore, *, now: datetime, stale_after: timedelta = checks.STALE_AFTER
) -> Standing:
    """How old the newest version is, and which switches are not as normal. Raises ``NoVersion``."""
    version = await one(store)
    known = await store.statuses(version.id)
    parts = await store.parts(version.id) if known else {}
    not_normal, found = await aside.run(
        _against_normal, parts, known, is_large=bool(known) and is_large(version.counts)
    )
    age = now - version.fresh_at
    stale = (checks.stale(version.fresh_at, now, stale_after),)
    return Standing(
        version=version,
        age=age,
        known=len(known),
        not_normal=not_normal,
        findings=(*(item for item in stale if item is not None), *found),
    )


def _compare(old: dict[str, bytes], new: dict[str, bytes]) -> difference.Difference:
    return difference.compare(
        packing.unpack(old, indexed=False), packing.unpack(new, indexed=False)
    )


def _against_normal(
    parts: dict[str, bytes], known: dict[str, model.SwitchStatus]
) -> tuple[tuple[tuple[str, model.SwitchStatus], ...], tuple[Finding, ...]]:
    if not known:
        return (), ()
    network = packing.unpack(parts, indexed=False)
    by_branch, _ = overlay.resolve(network, known.values())
    not_normal = tuple(
        (network.label(branch), row)
        for branch, row in by_branch.items()
        if branch not in network.state_unknown and row.is_open != bool(network.normal_open[branch])
    )
    return not_normal, checks.disagreements(network, by_branch)
