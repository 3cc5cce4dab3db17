"""A town in a database file, and the command line as somebody types it, in this very process."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from notifier import cli, registry
from notifier.channel import Channel, Limits, Medium, Tools
from notifier.store.engine import Database
from notifier.testing import RecordingChannel
from notifier.vault import Vault
from tests.usecases import town

CONFIG = """
[utility]
zone = "Asia/Shanghai"
[channels.sms]
type = "recording"
medium = "sms"
[channels.spare]
type = "recording"
medium = "sms"
[channels.off]
type = "recording"
enabled = false
[channels.posting]
type = "recording"
medium = "posting"
"""


@dataclass(slots=True)
class Answer:
    """What a command printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Desk:
    """``run`` types a command at the desk's simulated time."""

    folder: Path
    url: str
    channels: dict[str, RecordingChannel]
    read: Callable[[], tuple[str, str]]
    environ: pytest.MonkeyPatch
    now: str = "2026-03-01T09:00"

    def run(self, *arguments: str | Path) -> Answer:
        self.environ.setenv("NOTIFIER_CLOCK__START", self.now)
        self.read()
        code = cli.main([str(argument) for argument in arguments])
        return Answer(code, *self.read())

    def json(self, *arguments: str | Path) -> Any:
        """A command that succeeds, with ``--json``."""
        answer = self.run(*arguments, "--json")
        assert answer.code == 0, answer.err
        return answer.json

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path


@pytest.fixture
def desk(
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    """The town's database, recording channels, the first of March at nine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notifier.toml").write_text(f'[database]\nurl = "{sqlite_url}"\n{CONFIG}')
    asyncio.run(_populate(sqlite_url, tmp_path))
    channels: dict[str, RecordingChannel] = {}

    def configure(name: str, type_: str, options: Mapping[str, object], tools: Tools) -> Channel:
        return channels.setdefault(
            name, RecordingChannel(Medium(str(options["medium"])), Limits(batch_size=10))
        )

    monkeypatch.setattr(registry, "configure", configure)

    def read() -> tuple[str, str]:
        seen = capsys.readouterr()
        return seen.out, seen.err

    return Desk(tmp_path, sqlite_url, channels, read, monkeypatch)


async def _populate(url: str, folder: Path) -> None:
    database = await Database.open(url)
    try:
        await town.build(database, Vault.load_or_create(folder / "notifier.keys.json"))
    finally:
        await database.close()
