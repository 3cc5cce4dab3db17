"""The demonstration's house: its folder, its settings file, its gateways and its service, each a process.

The gateways are the simulator of the tests, so the demonstration runs from a checkout.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import orjson

import notifier
from notifier.domain import errors
from notifier.rendering.library import Library

#: Credentials that the simulator accepts; they guard nothing.
_SMS = {"access_key_id": "demo-key-id", "access_key_secret": "demo-key-secret"}
_PUSH = {"app_key": "demo-app-key", "master_secret": "demo-master-secret"}
_WECHAT = {
    "app_id": "wxdemo0123456789",
    "app_secret": "demo-wechat-secret",
    "callback_token": "demo-callback-token",
}
_CALLBACK_SECRET = "demo-callback-path"  # noqa: S105  # receipts of a simulator on loopback
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ZONE = "Asia/Shanghai"
_MARK = ".demo"


class NoSimulator(errors.NotFound):
    """The gateway simulator is not beside the program: the demonstration needs a checkout."""

    code = "demo.no_simulator"


class ProcessEnded(errors.Conflict):
    """A process of the demonstration did not start, or ended by itself."""

    code = "demo.process_ended"


class FolderInUse(errors.Conflict):
    """The folder holds something that is not a demonstration."""

    code = "demo.folder_in_use"


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A running simulator. ``ports`` by name: control, aliyun, wechat, jpush."""

    session: aiohttp.ClientSession
    ports: Mapping[str, int]

    async def steer(self, **settings: Any) -> None:
        """Changes its behaviour; see the simulator's control API."""
        async with self.session.post(f"{self._control}/_control", json=settings) as answer:
            if answer.status != 200:
                raise ProcessEnded(f"The gateway refused {settings}: {await answer.text()}")

    async def messages(self) -> list[dict[str, Any]]:
        """Everything it ever took, in the order in which it came."""
        address = f"{self._control}/_control/messages?limit=10000000"
        async with self.session.get(address) as answer:
            found: list[dict[str, Any]] = orjson.loads(await answer.read())["messages"]
        return found

    async def stats(self) -> dict[str, Any]:
        """Its counts: messages, refusals, receipts, duplicates."""
        async with self.session.get(f"{self._control}/_control/stats") as answer:
            found: dict[str, Any] = orjson.loads(await answer.read())
        return found

    @property
    def _control(self) -> str:
        return f"http://127.0.0.1:{self.ports['control']}"


def prepare(folder: Path) -> Path:
    """An empty folder, marked as a demonstration's. Raises ``FolderInUse``."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise FolderInUse(
                f"{folder} 不是演示目录，未改动 / {folder} holds something else; nothing was changed."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def gateway(
    session: aiohttp.ClientSession, clock: Path, speed: float
) -> AsyncIterator[Gateway]:
    """A simulator in a process of its own; it ends with the block, or when this process dies.

    ``clock`` directs its time; receipts come after so long as they would take at ``speed``. Raises
    ``NoSimulator``, ``ProcessEnded``.
    """
    root = Path(notifier.__file__).parents[1]
    if not (root / "tests" / "providers").is_dir():
        raise NoSimulator(
            "演示需要源代码目录（tests/providers） / the demonstration runs from a checkout of the "
            "source, where the gateway simulator is (tests/providers)."
        )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.providers", "--with-stdin",
        "--clock-file", str(clock),
        "--clock-speed", str(speed),
        cwd=root, stdin=PIPE, stdout=PIPE, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    try:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        line = await process.stdout.readline()
        if not line:
            raise ProcessEnded("网关模拟器未能启动 / the gateway simulator did not start.")
        yield Gateway(session=session, ports=orjson.loads(line))
    finally:
        await end(process)


@asynccontextmanager
async def service(settings: Path, log: BinaryIO) -> AsyncIterator[Process]:
    """``notifier serve`` in a process of its own; it ends with the block, or when this process dies: one
    left over would go on in the files of the next demonstration."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notifier", "serve", "--with-stdin", "--config", str(settings),
        stdin=PIPE, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield process
    finally:
        await end(process)


async def run_command(settings: Path, *arguments: str) -> str:
    """Runs ``notifier`` with these arguments, as staff would; its standard output.

    A command that answers and also found something wrong has done its work. Raises ``ProcessEnded``
    with what it said when it refuses.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notifier", *arguments, "--config", str(settings),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    output, complaint = await process.communicate()
    if process.returncode != 0 and not output:
        words = complaint.decode(errors="replace").strip()
        raise ProcessEnded(f"notifier {arguments[0]} {arguments[1]}: {words[-2000:]}")
    return output.decode()


def write_settings(
    folder: Path, clock: Path, web: int, main: Mapping[str, int], backup: Mapping[str, int]
) -> Path:
    """``notifier.toml`` for a service beside two gateways; answers its path."""
    path = folder / "notifier.toml"
    path.write_text("\n".join(_toml(_settings(clock, web, main, backup))) + "\n", "utf-8")
    return path


def registered_texts() -> dict[str, str]:
    """What the SMS provider approved: code and text with ``${variables}``."""
    library = Library()
    return {
        code_of(name): str(library.message(name).provider_text)
        for name in library.names()
        if ".sms." in name
    }


def code_of(template: str) -> str:
    """Under which code the gateways know a template of ours: ``DEMO_LATE_SMS_ZH``."""
    return f"DEMO_{template.replace('.', '_').upper()}"


def callback_url(web: int, channel: str) -> str:
    """Where the provider of a channel brings its receipts."""
    return f"http://127.0.0.1:{web}/callbacks/{channel}/{_CALLBACK_SECRET}"


def _settings(
    clock: Path, web: int, main: Mapping[str, int], backup: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    # At a day in two seconds an hour for receipts would be over before they can arrive.
    patient = {"receipts_within": "P2D", "per_second": 0}
    heard = {"callback_secret": _CALLBACK_SECRET}
    sms = {"type": "aliyun_sms", "sign_name": "示范供电", "lanes": 2, **_SMS, **patient, **heard}
    sms["absent_after"] = "P1D"
    tree: dict[str, dict[str, Any]] = {
        "database": {"url": "sqlite:///notifier.db"},
        "utility": {
            "name": "示范县供电公司",
            "signature": "示范供电",
            "hotline": "95598",
            "zone": _ZONE,
            "public_url": f"http://127.0.0.1:{web}",
        },
        # On loopback, among made-up people: a visitor looks round without a token.
        "web": {"host": "127.0.0.1", "port": web, "open_pages": True},
        "worker": {"lanes": 2},
        "log": {"level": "warning"},
        "clock": {"file": str(clock)},
        "channels.sms": {"endpoint": _origin(main["aliyun"]), **sms},
        "channels.sms_backup": {"endpoint": _origin(backup["aliyun"]), **sms},
        "channels.wechat": {
            "type": "wechat_template", "endpoint": _origin(main["wechat"]),
            **_WECHAT, **patient, **heard,
        },
        "channels.push": {
            "type": "jpush", "endpoint": _origin(main["jpush"]), **_PUSH, **patient,
        },
        "channels.posting": {"type": "posting_desk"},
    }  # fmt: skip
    library = Library()
    for name in library.names():
        used = list(dict.fromkeys(_VARIABLE.findall(library.message(name).provider_text or "")))
        if ".sms." in name:
            for channel in ("sms", "sms_backup"):
                tree[f'channels.{channel}.templates."{name}"'] = {
                    "code": code_of(name),
                    "variables": used,
                }
        elif ".wechat." in name:
            fields = {f"thing{at}": ours for at, ours in enumerate(used, start=1)}
            tree[f'channels.wechat.templates."{name}"'] = {
                "template_id": code_of(name),
                "variables": fields,
            }
    return tree


def _origin(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _toml(tree: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """JSON strings, numbers, booleans and lists are TOML as they are; tables are written in line."""
    for table, values in tree.items():
        yield f"[{table}]"
        for name, value in values.items():
            if isinstance(value, dict):
                inner = ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items())
                yield f"{name} = {{ {inner} }}"
            else:
                yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
        yield ""


async def end(process: Process) -> None:
    """Asks a process to stop, and makes it when it does not within ten seconds."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()
