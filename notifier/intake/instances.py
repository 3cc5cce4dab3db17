"""Coordination instances from a JSON file; the format is in ``docs/coordination.md``."""

import gzip
from pathlib import Path
from typing import Annotated, Any

import pydantic

from notifier.domain import errors
from notifier.domain.coordination import problem

_LONGEST = 64 << 20

Count = Annotated[int, pydantic.Field(strict=True, ge=0, le=1 << 31)]
Number = Annotated[int, pydantic.Field(strict=True)]
Pair = tuple[Number, Number]


class UnreadableInstance(errors.Invalid):
    """The file is no instance: which file, where in it, what was found and what is expected."""

    code = "coordination.unreadable"


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="ignore", strict=True)


class _Weights(_Part):
    interruption: Count
    half_hour: Count
    repeat: Count
    over_limit: Count
    short: Count
    move_notified: Count
    sensitive_extra_customers: Count
    limit: Count
    move_asked: Count = 0


class _Area(_Part):
    id: Number
    customers: Count
    sensitive: bool = False
    recent_interruptions: Count = 0


class _Mode(_Part):
    out: list[Number]
    short: list[Number] = []
    tie_feeder: Number | None = None
    tie_feeders: list[Number] = []


class _Asked(_Part):
    slot: Count
    mode: Count = 0


class _Request(_Part):
    id: Number
    department: str = ""
    feeder: Number | None = None
    region: Number | None = None
    crew: Number | None = None
    crews: list[Number] = []
    half_hours: Annotated[int, pydantic.Field(ge=1)]
    days: Annotated[int, pydantic.Field(ge=1)] = 1
    starts: Annotated[list[Count], pydantic.Field(min_length=1)]
    modes: Annotated[list[_Mode], pydantic.Field(min_length=1)]
    asked: _Asked
    published_slot: Count | None = None
    trunk: bool = False
    priority: int = 1
    move_surcharge: Count = 0
    defer_cost: Count | None = None
    frozen: bool = False


class _File(_Part):
    horizon_days: Annotated[int, pydantic.Field(ge=1)]
    shifts_per_day: Annotated[int, pydantic.Field(ge=1)] = 2
    starts_per_shift: Annotated[int, pydantic.Field(ge=1)] = 1
    look_back_days: Annotated[int, pydantic.Field(ge=1)] = 60
    weights: _Weights
    areas: list[_Area]
    requests: list[_Request]
    crew_capacity_per_day: list[Count] = []
    region_capacity_per_slot: Count | None = None
    precedence: list[Pair] = []
    exclusive_days: list[Pair] = []
    same_outage: list[Pair] = []


def read_instance(path: Path) -> problem.Instance:
    """Reads an instance, plain or gzipped JSON. Requests and areas keep their ids as keys.

    Raises ``UnreadableInstance``.
    """
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                raw = packed.read(_LONGEST + 1)
    except (OSError, EOFError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise UnreadableInstance(f"{path.name}: 无法读取 / cannot be read: {reason}") from fault
    if len(raw) > _LONGEST:
        raise _wrong(path, "(file)", f"> {_LONGEST >> 20} MB", f"≤ {_LONGEST >> 20} MB")
    try:
        file = _File.model_validate_json(raw)
    except pydantic.ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "(file)"
        raise _wrong(path, where, _shown(first.get("input")), first["msg"]) from fault
    return _instance(path, file)


def _instance(path: Path, file: _File) -> problem.Instance:
    areas = _positions(path, "areas", [area.id for area in file.areas])
    requests = _positions(path, "requests", [request.id for request in file.requests])
    return problem.Instance(
        grid=problem.Grid(
            days=file.horizon_days,
            shifts_per_day=file.shifts_per_day,
            starts_per_shift=file.starts_per_shift,
            look_back_days=file.look_back_days,
        ),
        areas=tuple(
            problem.Area(
                key=area.id,
                customers=area.customers,
                is_sensitive=area.sensitive,
                recent_interruptions=area.recent_interruptions,
            )
            for area in file.areas
        ),
        requests=tuple(
            _request(path, file, number, request, areas)
            for number, request in enumerate(file.requests)
        ),
        weights=problem.Weights(**file.weights.model_dump()),
        limits=problem.Limits(
            crew_per_day=dict(enumerate(file.crew_capacity_per_day)),
            region_per_shift=file.region_capacity_per_slot,
        ),
        precedence=_pairs(path, "precedence", file.precedence, requests),
        exclusive_days=_pairs(path, "exclusive_days", file.exclusive_days, requests),
        same_outage=_pairs(path, "same_outage", file.same_outage, requests),
    )


def _request(
    path: Path, file: _File, number: int, read: _Request, areas: dict[int, int]
) -> problem.Request:
    where = f"requests.{number}"
    if read.asked.mode >= len(read.modes):
        raise _wrong(path, f"{where}.asked.mode", read.asked.mode, f"0 … {len(read.modes) - 1}")
    crews = {f"{where}.crew": read.crew} if read.crew is not None else {}
    crews |= {f"{where}.crews.{at}": crew for at, crew in enumerate(read.crews)}
    for place, crew in crews.items():
        if not 0 <= crew < len(file.crew_capacity_per_day):
            raise _wrong(path, place, crew, f"0 … {len(file.crew_capacity_per_day) - 1}")
    per_day = file.shifts_per_day * file.starts_per_shift
    for start in read.starts:
        if start // per_day + read.days > file.horizon_days:
            expected = f"{read.days} day(s) within {file.horizon_days} days of {per_day} starts"
            raise _wrong(path, f"{where}.starts", start, expected)
    modes = []
    for at, mode in enumerate(read.modes):
        for name, listed in (("out", mode.out), ("short", mode.short)):
            for area in listed:
                if area not in areas:
                    raise _wrong(path, f"{where}.modes.{at}.{name}", area, "the id of an area")
        if both := set(mode.out) & set(mode.short):
            found = f"{min(both)} out and short"
            raise _wrong(path, f"{where}.modes.{at}", found, "either out or short")
        ties = [*([] if mode.tie_feeder is None else [mode.tie_feeder]), *mode.tie_feeders]
        modes.append(
            problem.Mode(
                out=tuple(sorted({areas[area] for area in mode.out})),
                short=tuple(sorted({areas[area] for area in mode.short})),
                tie_feeders=tuple(dict.fromkeys(ties)),
            )
        )
    return problem.Request(
        key=read.id,
        half_hours=read.half_hours,
        starts=tuple(sorted(set(read.starts))),
        modes=tuple(modes),
        asked_start=read.asked.slot,
        asked_mode=read.asked.mode,
        days=read.days,
        department=read.department,
        feeder=read.feeder,
        region=read.region,
        crews=tuple(dict.fromkeys(crews.values())),
        trunk=read.trunk,
        priority=read.priority,
        published_start=read.published_slot,
        move_surcharge=read.move_surcharge,
        defer_cost=read.defer_cost,
        is_frozen=read.frozen,
    )


def _positions(path: Path, name: str, ids: list[int]) -> dict[int, int]:
    positions: dict[int, int] = {}
    for at, one in enumerate(ids):
        if one in positions:
            raise _wrong(path, f"{name}.{at}.id", one, f"an id other than that of {positions[one]}")
        positions[one] = at
    return positions


def _pairs(
    path: Path, name: str, pairs: list[Pair], requests: dict[int, int]
) -> tuple[problem.Pair, ...]:
    for at, pair in enumerate(pairs):
        for one in pair:
            if one not in requests:
                raise _wrong(path, f"{name}.{at}", one, "the id of a request")
        if pair[0] == pair[1]:
            raise _wrong(path, f"{name}.{at}", pair[0], "two different requests")
    return tuple((requests[a], requests[b]) for a, b in pairs)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _wrong(path: Path, where: str, found: object, expected: str) -> UnreadableInstance:
    return UnreadableInstance(
        f"{path.name}: {where}: 是 {found}，应为 {expected} / found {found}, expected {expected}"
    )
