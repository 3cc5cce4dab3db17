"""Past interruptions as a file reports them, and whose they were by the ledger."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypeVar

from notifier.domain.finding import Finding, Severity
from notifier.domain.network_index import Area, Feeder, NetworkIndex
from notifier.domain.reliability import Interruption, InterruptionKind, Quality

_Item = TypeVar("_Item", Feeder, Area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One row of a file of past interruptions, its words as they stand there.

    Times are aware. ``customers`` None: the row says no number. ``event`` is the file's own name for
    the interruption, where it has one.
    """

    file: str
    sheet: str
    row: int
    starts_at: datetime
    ends_at: datetime | None
    kind: InterruptionKind
    station: str = ""
    feeder: str = ""
    area: str = ""
    account: str = ""
    customers: int | None = None
    cause: str = ""
    event: str = ""


class Known(NamedTuple):
    """A usage point as the ledger knows it."""

    id: int
    area_id: int | None
    feeder_id: int | None


class Entry(NamedTuple):
    """An interruption to be kept. ``key`` is the same whenever the same one is reported again."""

    key: str
    sheet: str
    row: int
    interruption: Interruption


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """What was made of the rows of a file. ``rows`` counts those that were understood."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    rows: int


class _Unclear(Exception):
    """The row cannot be counted."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def attribute(
    rows: Sequence[Reported],
    index: NetworkIndex,
    accounts: Mapping[str, Known],
    *,
    now: datetime,
) -> Attributed:
    """Finds whom each row is about: a customer, an area, or a feeder, the closest that is named.

    A name that nobody has, or that several have, is a finding and is counted for nobody. An area or
    a feeder of which no fewer customers were out than it has was out as a whole; of a part of them
    only the number is known, and a feeder's number is kept as it was reported. Of a feeder without a
    number nothing is known, and nothing is guessed.
    """
    findings: list[Finding] = []
    entries: dict[str, Entry] = {}
    taken = 0
    for row in rows:
        try:
            if row.starts_at > now:
                raise _unclear(
                    row, "history.in_future", row.starts_at.isoformat(), "过去 / the past"
                )
            made = list(_of_row(row, index, accounts, findings))
        except _Unclear as unclear:
            findings.append(unclear.finding)
            continue
        repeated = [entry for entry in made if entry.key in entries]
        if repeated:
            findings.append(
                _doubt(
                    row, "history.duplicate", Severity.WARNING,
                    f"{_whom(row)} {row.starts_at.isoformat()}",
                    f"与第 {entries[repeated[0].key].row} 行相同，只计一次 / as in row "
                    f"{entries[repeated[0].key].row}: counted once",
                )
            )  # fmt: skip
            continue
        taken += 1
        entries |= {entry.key: entry for entry in made}
    return Attributed(entries=tuple(entries.values()), findings=tuple(findings), rows=taken)


def _of_row(
    row: Reported,
    index: NetworkIndex,
    accounts: Mapping[str, Known],
    findings: list[Finding],
) -> Iterator[Entry]:
    plain = Interruption(
        kind=row.kind,
        quality=Quality.NO_END if row.ends_at is None else Quality.MEASURED,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        customers=1,
        cause=row.cause,
    )
    if row.account:
        point = accounts.get(row.account)
        if point is None:
            raise _unclear(row, "history.account_unknown", row.account, "台账中的户号 / an account")
        yield _entry(
            row,
            replace(
                plain, usage_point_id=point.id, area_id=point.area_id, feeder_id=point.feeder_id
            ),
        )
    elif row.area:
        area = _area(row, index)
        is_whole = row.customers is None or row.customers >= area.points
        if row.customers is not None and row.customers > area.points:
            findings.append(_exceeds(row, area.points))
        number = area.points if row.customers is None else row.customers
        yield _entry(
            row,
            replace(
                plain, area_id=area.id, feeder_id=area.feeder_id, customers=number,
                is_whole=is_whole and area.points > 0,
            ),
        )  # fmt: skip
    elif row.feeder:
        yield from _of_feeder(row, plain, index, findings)
    else:
        raise _unclear(
            row, "history.place_missing", "", "线路、台区或户号 / a feeder, an area or an account"
        )


def _of_feeder(
    row: Reported, plain: Interruption, index: NetworkIndex, findings: list[Finding]
) -> Iterator[Entry]:
    feeder = _feeder(row, index)
    areas = index.areas_of_feeder.get(feeder.id, ())
    points = feeder.points + sum(area.points for area in areas)
    if row.customers is None:
        raise _unclear(
            row, "history.customers_missing", row.feeder, "停电户数 / a number of customers"
        )
    if row.customers < points or not points:
        yield _entry(row, replace(plain, feeder_id=feeder.id, customers=row.customers))
        return
    if row.customers > points:
        findings.append(_exceeds(row, points))
    for area in areas:
        if area.points:
            yield _entry(
                row,
                replace(
                    plain, area_id=area.id, feeder_id=feeder.id, customers=area.points,
                    is_whole=True,
                ),
            )  # fmt: skip
    if feeder.points:
        yield _entry(
            row, replace(plain, feeder_id=feeder.id, customers=feeder.points, is_whole=True)
        )


def _feeder(row: Reported, index: NetworkIndex) -> Feeder:
    found = index.feeders_named(row.feeder, row.station)
    return _only(row, "feeder", found, f"{row.station} {row.feeder}".strip())


def _area(row: Reported, index: NetworkIndex) -> Area:
    found = index.areas_named(row.area, row.station)
    if len(found) > 1 and row.feeder:
        ids = {feeder.id for feeder in index.feeders_named(row.feeder, row.station)}
        found = [area for area in found if area.feeder_id in ids]
    return _only(row, "area", found, f"{row.feeder} {row.area}".strip())


def _only(row: Reported, what: str, found: Sequence[_Item], said: str) -> _Item:
    if len(found) == 1:
        return found[0]
    names = {"feeder": "线路 / one feeder of the ledger", "area": "台区 / one area of the ledger"}
    code = "ambiguous" if found else "unknown"
    raise _unclear(row, f"history.{what}_{code}", said, f"台账中唯一的{names[what]}")


def _entry(row: Reported, item: Interruption) -> Entry:
    """The key leaves out the end and, where a place is named, the number: those get corrected."""
    place: tuple[object, ...] = (item.feeder_id, item.area_id, item.usage_point_id)
    if row.event:
        words: tuple[object, ...] = ("event", row.event, *place)
    elif item.area_id is None:
        words = (*place, item.customers, int(item.kind), item.starts_at.timestamp())
    else:
        words = (*place[1:], int(item.kind), item.starts_at.timestamp())
    key = hashlib.sha256(repr(words).encode()).hexdigest()[:32]
    return Entry(key, row.sheet, row.row, item)


def _whom(row: Reported) -> str:
    return row.account or row.area or row.feeder


def _exceeds(row: Reported, points: int) -> Finding:
    return _doubt(
        row, "history.customers_exceed", Severity.WARNING, str(row.customers),
        f"台账只有 {points} 户 / the ledger has {points} customers",
    )  # fmt: skip


def _unclear(row: Reported, code: str, found: str, expected: str) -> _Unclear:
    return _Unclear(_doubt(row, code, Severity.ERROR, found, expected))


def _doubt(row: Reported, code: str, severity: Severity, found: str, expected: str) -> Finding:
    return Finding(
        code=code, severity=severity, found=found, expected=expected,
        file=row.file, sheet=row.sheet, row=row.row,
    )  # fmt: skip


def accounts_of(rows: Iterable[Reported]) -> list[str]:
    """The accounts that rows name, each once."""
    return sorted({row.account for row in rows if row.account})
