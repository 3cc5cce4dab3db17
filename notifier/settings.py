"""The settings: one frozen tree, read once, before anything is opened.

Later beats earlier: defaults, ``notifier.toml``, ``NOTIFIER_…`` variables, secret files, the command
line. A wrong setting stops the start with its name. ``docs/settings.md`` lists them all.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from notifier import database_url
from notifier.domain import errors

DEFAULT_FILE = Path("notifier.toml")
_PREFIX = "NOTIFIER_"
#: Keys of a channel whose value may stand in a file; ``ca_file`` and the like stay paths.
_SECRET_FILE = re.compile(r"(.*(?:secret|password|token|key))_file")
_MEBIBYTE = 1 << 20
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


class WrongSetting(errors.Invalid):
    """A setting is unknown, missing or wrong; ``name`` is its dotted name."""

    code = "settings.invalid"

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"Setting {name}: {what}")
        self.name = name


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA database") from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
DatabaseUrl = Annotated[str, AfterValidator(database_url.known)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Network = IPv4Network | IPv6Network


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DatabaseSettings(_Section):
    """Where the ledger is kept."""

    url: DatabaseUrl = Field(
        default="sqlite:///var/notifier.db",
        repr=False,
        description="`sqlite:///FILE` or `postgresql://user:password@host:port/name`; "
        "`url_file` reads it from a file",
    )


class VaultSettings(_Section):
    """The keys that seal phone numbers."""

    key_file: Path | None = Field(
        default=None,
        description="JSON file with the keys, mode 0600; made at the first start. Unset: "
        "`….keys.json` beside the SQLite file; PostgreSQL needs it set, the same on every node",
    )


class UtilitySettings(_Section):
    """Who speaks, where, and how to be reached."""

    name: str = Field(default="供电公司", description="name of the utility in messages and pages")
    signature: str = Field(
        default="供电公司", description="signature of short messages, without 【】"
    )
    hotline: str = Field(default="95598", description="number that people may call")
    zone: Zone = Field(
        default="Asia/Shanghai", description="time zone of plans and messages (IANA name)"
    )
    locale: Literal["zh", "en"] = Field(
        default="zh", description="language where a customer chose none"
    )
    public_url: str = Field(
        default="", pattern=r"^(https?://[^\s]+[^/\s])?$",
        description="base of links in messages, without a slash at the end; empty: no links",
    )  # fmt: skip

    @property
    def tzinfo(self) -> ZoneInfo:
        """The zone, ready to use."""
        return ZoneInfo(self.zone)


class PolicySettings(_Section):
    """Whom to tell what, when and how."""

    name: str = Field(
        default="cn", description="a shipped policy, in force until another one is applied"
    )
    file: Path | None = Field(default=None, description="your own; a change waits for an apply")

    @property
    def name_or_path(self) -> str:
        """What ``intake.policies.read_policy`` is asked for."""
        return self.name if self.file is None else str(self.file)


class NetworkSettings(_Section):
    """The network model that plans are traced on."""

    stale_after_days: int = Field(
        default=7, gt=0, description="no plan is approved on a network that is older than this"
    )


class TemplateSettings(_Section):
    """The words."""

    folder: Path | None = Field(
        default=None, description="folder of templates; unset: the shipped ones"
    )


class WebSettings(_Section):
    """The way in over HTTP."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(
        default=8080, ge=0, le=65535, description="port to listen on; 0: any free one"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(), description="networks whose `X-Forwarded-For` is believed"
    )
    open_pages: bool = Field(
        default=False,
        description="true: anybody may read the pages without logging in, for demonstrations",
    )


class UploadSettings(_Section):
    """How much a file may hold before it is refused."""

    max_bytes: int = Field(default=256 * _MEBIBYTE, gt=0, description="size of an uploaded file")
    max_unpacked: int = Field(
        default=2048 * _MEBIBYTE, gt=0, description="bytes a workbook unpacks to"
    )
    max_ratio: float = Field(
        default=250.0, ge=1, description="unpacked to packed size of a workbook"
    )
    max_rows: int = Field(default=2_000_000, gt=0, description="rows over all sheets of a file")
    max_cells: int = Field(default=40_000_000, gt=0, description="cells of one sheet")
    max_photo_bytes: int = Field(
        default=8 * _MEBIBYTE, gt=0, description="size of a crew's photograph"
    )


class WorkerSettings(_Section):
    """The loops in the background."""

    lanes: int = Field(
        default=4, ge=1, le=256, description="batches under way at once in one process"
    )
    lease_seconds: float = Field(
        default=4.0, ge=1, description="a worker silent for so long lost its work"
    )
    heartbeat_seconds: float = Field(default=1.0, gt=0, description="how often a lease is renewed")
    idle_seconds: float = Field(
        default=1.0, gt=0, description="pause of a loop that found nothing to do"
    )

    @field_validator("heartbeat_seconds")
    @classmethod
    def _beats_often_enough(cls, value: float, info: Any) -> float:
        lease = info.data.get("lease_seconds")
        if lease is not None and value * 2 > lease:
            raise ValueError("must be at most half of worker.lease_seconds")
        return value

    @property
    def lease(self) -> timedelta:
        """``lease_seconds`` as a duration."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def heartbeat(self) -> timedelta:
        """``heartbeat_seconds`` as a duration."""
        return timedelta(seconds=self.heartbeat_seconds)


def _no_number(value: object) -> object:
    """2026 is a year to people and seconds since 1970 to pydantic: neither is a time to start at."""
    if isinstance(value, int | float) or (isinstance(value, str) and not _ISO.match(value)):
        raise ValueError("a time reads like 2026-03-05T08:00 or 2026-03-05T08:00+08:00")
    return value


class ClockSettings(_Section):
    """A simulated time, for demonstrations and drills."""

    start: Annotated[datetime, BeforeValidator(_no_number)] | None = Field(
        default=None,
        description="simulated time at the start; without an offset: in `utility.zone`",
    )
    speed: float = Field(default=1.0, gt=0, description="how many times as fast as real time")
    began: Annotated[datetime, BeforeValidator(_no_number)] | None = Field(
        default=None,
        description="real time at which the simulated one leaves `clock.start`, so that several "
        "processes tell the same; unset: when the process starts",
    )
    file: Path | None = Field(
        default=None,
        description="a file by which a demonstration directs the time while it runs; then nothing "
        "else of this section counts",
    )


class LogSettings(_Section):
    """What is written to standard error."""

    format: Literal["json", "console"] = Field(default="json", description="`json` or `console`")
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`"
    )


class ChannelSettings(_Section):
    """One configured provider; whatever is not listed here is the channel's own."""

    type: Name = Field(description="name of the adapter, as `notifier channels list` shows it")
    enabled: bool = Field(default=True, description="false: the channel sends nothing")
    callback_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="secret last part of the address to which the provider brings receipts; "
        "unset: receipts are not accepted",
    )
    options: Mapping[str, Any] = Field(
        default_factory=dict, repr=False, description="every other key, as the adapter reads it"
    )

    @model_validator(mode="before")
    @classmethod
    def _sort(cls, raw: Any) -> Any:
        """Keys that are not ours go to ``options``, which cannot be written by that name."""
        if not isinstance(raw, Mapping):
            return raw
        ours = cls.model_fields.keys() - {"options"}
        return {key: raw[key] for key in raw if key in ours} | {
            "options": {key: raw[key] for key in raw if key not in ours}
        }


class Settings(_Section):
    """Everything that can be set."""

    database: DatabaseSettings = DatabaseSettings()
    vault: VaultSettings = VaultSettings()
    utility: UtilitySettings = UtilitySettings()
    policy: PolicySettings = PolicySettings()
    network: NetworkSettings = NetworkSettings()
    templates: TemplateSettings = TemplateSettings()
    web: WebSettings = WebSettings()
    uploads: UploadSettings = UploadSettings()
    worker: WorkerSettings = WorkerSettings()
    clock: ClockSettings = ClockSettings()
    log: LogSettings = LogSettings()
    channels: Mapping[Name, ChannelSettings] = Field(default_factory=dict)

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None for one in memory and for another kind."""
        return database_url.file_of(self.database.url)

    @property
    def key_file(self) -> Path:
        """Where the vault's keys are. Raises ``WrongSetting`` when nobody said and no place follows."""
        if self.vault.key_file is not None:
            return self.vault.key_file
        if self.database_file is not None:
            return self.database_file.with_suffix(".keys.json")
        raise WrongSetting("vault.key_file", "must be set with this kind of database.")

    @property
    def clock_start(self) -> datetime | None:
        """``clock.start`` in UTC."""
        return self._in_utc(self.clock.start)

    @property
    def clock_began(self) -> datetime | None:
        """``clock.began`` in UTC."""
        return self._in_utc(self.clock.began)

    def _in_utc(self, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.utility.tzinfo)).astimezone(
            UTC
        )


def load(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings. ``overrides`` (the command line) map dotted names to values.

    Without ``file``, ``notifier.toml`` in the working folder is read if it is there. Relative paths
    start at the folder of the file that was read, else at the working folder.
    Raises ``WrongSetting``.
    """
    tree: dict[str, Any] = {}
    chosen = file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if chosen is not None:
        tree = _read_file(chosen)
    for name, value in _from_environment(os.environ if environ is None else environ):
        _put(tree, name, value)
    folder = chosen.parent if chosen is not None else Path()
    _read_secrets(tree, folder)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _put(tree, tuple(dotted.split(".")), value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise WrongSetting(_dotted(first["loc"]), _sentence(first)) from None
    return _from_folder(settings, folder)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise WrongSetting("--config", f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:  # also undecodable bytes
        raise WrongSetting("--config", f"{path} is not valid TOML: {error}.") from error


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Pairs of a path into the tree and a value; lists and tables are written as JSON."""
    for name in sorted(environ):
        if not name.startswith(_PREFIX):
            continue
        path = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        text = environ[name]
        if text[:1] not in "[{" or not text:
            yield path, text
            continue
        try:
            yield path, orjson.loads(text)
        except ValueError as error:
            raise WrongSetting(".".join(path), f"{name} is not valid JSON.") from error


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for depth, part in enumerate(path[:-1]):
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            raise WrongSetting(".".join(path[: depth + 1]), "is a table, not a value.")
        tree = inner
    tree[path[-1]] = value


def _read_secrets(tree: dict[str, Any], folder: Path) -> None:
    """Replace ``NAME_file`` by ``NAME``, read from that file, where ``NAME`` is a secret."""
    database = tree.get("database")
    if isinstance(database, dict):
        _read_secret(database, "url_file", "database", folder)
    channels = tree.get("channels")
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        if isinstance(channel, dict):
            for key in [key for key in channel if _SECRET_FILE.fullmatch(key)]:
                _read_secret(channel, key, f"channels.{name}", folder)


def _read_secret(table: dict[str, Any], key: str, section: str, folder: Path) -> None:
    if key not in table:
        return
    path = table.pop(key)
    try:
        table[key.removesuffix("_file")] = (folder / path).read_text("utf-8").strip()
    except (OSError, TypeError, ValueError) as error:
        raise WrongSetting(f"{section}.{key}", f"the file {path} cannot be read.") from error


def _from_folder(settings: Settings, folder: Path) -> Settings:
    """The settings with relative paths made relative to ``folder``."""
    url = database_url.from_folder(settings.database.url, folder)
    return settings.model_copy(
        update={
            "database": settings.database.model_copy(update={"url": url}),
            "vault": _moved(settings.vault, "key_file", folder),
            "policy": _moved(settings.policy, "file", folder),
            "templates": _moved(settings.templates, "folder", folder),
        }
    )


def _moved(section: _Section, name: str, folder: Path) -> _Section:
    path = getattr(section, name)
    return section if path is None else section.model_copy(update={name: folder / path})


def _dotted(place: tuple[int | str, ...]) -> str:
    """``channels.ali.port`` from pydantic's location, without its marks for keys."""
    return ".".join(str(part) for part in place if part != "[key]")


def _sentence(error: Mapping[str, Any]) -> str:
    """Pydantic's message as a sentence; it never repeats the value, which may be a secret."""
    match error["type"]:
        case "extra_forbidden":
            return "there is no such setting."
        case "missing":
            return "must be set."
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return message[:1].lower() + message[1:] + "."
