"""Reads a policy file (TOML) into a ``Policy``; the shipped ones stand in ``notifier/policies``."""

import hashlib
import json
import re
import tomllib
from datetime import time, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from notifier.channel import Medium
from notifier.domain import errors, policy
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Stage
from notifier.domain.plan import Change, PlanKind
from notifier.domain.reliability import Counting

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


class PolicyError(errors.Invalid):
    """The policy file cannot be used."""

    code = "policy.invalid"


def _duration(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    match = _DURATION.fullmatch(raw)
    if not raw or match is None:
        raise ValueError("a duration reads like 7d, 24h, 30m or 7d12h")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _need(raw: object) -> object:
    return Need[raw.upper()] if isinstance(raw, str) and raw.upper() in Need.__members__ else raw


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Strict):
    stage: Stage
    media: tuple[Medium, ...]
    lead: Duration | None = None
    kinds: frozenset[PlanKind] = frozenset()
    classes: frozenset[ImpactClass] = policy.INTERRUPTED
    audiences: frozenset[Audience] = frozenset()
    needs: frozenset[Annotated[Need, BeforeValidator(_need)]] = frozenset()
    track: str = ""
    confirm: bool = False
    ignores_quiet_hours: bool = False


class _NightSeconds(_Strict):
    audiences: frozenset[Audience]
    needs: frozenset[Annotated[Need, BeforeValidator(_need)]] = frozenset()

    def made(self) -> policy.NightSeconds:
        return policy.NightSeconds(audiences=self.audiences, needs=self.needs)


class _QuietHours(_Strict):
    starts: time
    ends: time
    media: frozenset[Medium]
    margin: Duration
    head_start: Duration = timedelta(hours=2)
    seconds: _NightSeconds | None = None

    def made(self) -> policy.QuietHours:
        own = dict(self) | {"seconds": None if self.seconds is None else self.seconds.made()}
        return policy.QuietHours(**own)


class _Running(_Strict):
    ask_before: Duration = policy.Asking().before
    answer_within: Duration = policy.Asking().within
    turnaround: Duration = policy.Asking().turnaround
    foresee: Duration = policy.Asking().foresee

    def made(self) -> policy.Asking:
        return policy.Asking(
            before=self.ask_before,
            within=self.answer_within,
            turnaround=self.turnaround,
            foresee=self.foresee,
        )


class _Approval(_Strict):
    threshold: int
    exempt: frozenset[Change] = frozenset()


class _Counting(_Strict):
    momentary: Annotated[Duration, Field(ge=timedelta())] = Counting().momentary
    repeat_times: Annotated[int, Field(ge=1, le=1000)] = Counting().repeat_times
    repeat_within: Annotated[Duration, Field(gt=timedelta())] = Counting().repeat_within
    cemi: Annotated[int, Field(ge=1, le=1000)] = Counting().cemi
    tolerance: Annotated[Duration, Field(ge=timedelta())] = Counting().tolerance


class _File(_Strict):
    name: str
    jurisdiction: str
    owner: str
    rules: tuple[_Rule, ...]
    legal_lead: dict[PlanKind, Duration]
    approval: _Approval
    quiet_hours: _QuietHours | None = None
    caps: dict[Medium, int] = {}
    horizon: Duration = timedelta(hours=48)
    min_gap: Duration = timedelta(hours=6)
    early: Duration = timedelta(minutes=30)
    failover_margin: Duration = timedelta(hours=2)
    part_price: float = 0.0
    retention: Annotated[Duration, Field(ge=timedelta())] = timedelta(days=180)
    running: _Running = _Running()
    counting: _Counting = _Counting()


def read_policy(name_or_path: str) -> policy.Policy:
    """A shipped policy by its name (``cn``, ``gb``) or one's own by its path.

    Raises ``PolicyError`` naming the line of the file that is wrong.
    """
    return policy_from_dict(read_policy_file(name_or_path))


def read_policy_file(name_or_path: str) -> dict[str, Any]:
    """The same file as parsed, as it is kept when the policy is applied. Raises ``PolicyError``."""
    shipped = resources.files("notifier") / "policies" / f"{name_or_path}.toml"
    if shipped.is_file():
        text = shipped.read_text(encoding="utf-8")
    else:
        try:
            text = Path(name_or_path).read_text(encoding="utf-8")
        except OSError as error:
            raise PolicyError(f"There is no policy {name_or_path}: {error.strerror}.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"The policy {name_or_path} is not TOML: {error}.") from error


def policy_from_dict(raw: dict[str, Any]) -> policy.Policy:
    """A policy from its parsed file. Raises ``PolicyError`` naming the first setting that is wrong."""
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyError(f"Policy setting {place}: {first['msg']}.") from error
    quiet = file.quiet_hours
    return policy.Policy(
        name=file.name,
        version=_digest(raw),
        jurisdiction=file.jurisdiction,
        rules=tuple(policy.Rule(**dict(rule)) for rule in file.rules),
        legal_lead=file.legal_lead,
        quiet=None if quiet is None else quiet.made(),
        caps=file.caps,
        horizon=file.horizon,
        min_gap=file.min_gap,
        early=file.early,
        approval_threshold=file.approval.threshold,
        approval_exempt=file.approval.exempt,
        failover_margin=file.failover_margin,
        owner=file.owner,
        part_price=file.part_price,
        retention=file.retention,
        asking=file.running.made(),
        counting=Counting(**dict(file.counting)),
    )


def _digest(raw: dict[str, Any]) -> str:
    """The same for a file and for its copy in the store, whose keys come back in another order."""
    text = json.dumps(raw, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
